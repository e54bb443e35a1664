/*
 * activity.c
 *		May the guard act now?
 *
 * The library may be loaded where the extension is not: preloaded in every
 * database, in a parallel worker, in pg_upgrade's server.  It has to be silent
 * there, and to find out costs one branch once it is known.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "base/activity.h"
#include "catalog/namespace.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "postmaster/autovacuum.h"
#include "utils/inval.h"
#include "utils/syscache.h"
#include "base/compat.h"

/*
 * What this database holds, InvalidOid for no extension.  CREATE EXTENSION
 * makes the schema, DROP EXTENSION drops it, and either sends a pg_namespace
 * invalidation to every session of the database: that is when we look again.
 */
static bool extension_known = false;
static Oid	extension_oid = InvalidOid;
static Oid	schema_oid = InvalidOid;

static void
forget_extension(Datum arg, int cacheid, uint32 hashvalue)
{
	extension_known = false;
}

void
activity_init(void)
{
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget_extension, (Datum) 0);
}

static void
look_for_extension(void)
{
	if (extension_known)
		return;

	/*
	 * Mark it known first: an invalidation that arrives while we look must
	 * make us look again.
	 */
	extension_known = true;
	extension_oid = InvalidOid;
	schema_oid = get_namespace_oid("compat_guard", true);
	if (OidIsValid(schema_oid))
		extension_oid = get_extension_oid("compat_guard", true);
}

bool
guard_is_active(void)
{
	if (!IsNormalProcessingMode() || IsBinaryUpgrade || IsParallelWorker() ||
		compat_am_autovacuum_worker() || !OidIsValid(MyDatabaseId))
		return false;
	if (!IsTransactionState() || RecoveryInProgress())
		return false;

	look_for_extension();
	if (!OidIsValid(extension_oid))
		return false;

	/* Its own scripts build what the guard stands on. */
	return !(creating_extension && CurrentExtensionObject == extension_oid);
}

Oid
guard_extension_oid(void)
{
	look_for_extension();
	return extension_oid;
}

Oid
guard_schema_oid(void)
{
	look_for_extension();
	return schema_oid;
}

void
guard_require_extension(void)
{
	if (!OidIsValid(guard_extension_oid()))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"%s\" is not installed in this database", "compat_guard"),
				 errhint("Run CREATE EXTENSION compat_guard.")));
}
