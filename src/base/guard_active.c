/*
 * guard_active.c
 *		May the guard act now?
 *
 * The library may be loaded where the extension is not: preloaded in every
 * database, in a parallel worker, in pg_upgrade's server.  It has to be silent
 * there, and to find out costs one branch once it is known.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "base/catalog_scan.h"
#include "base/errors.h"
#include "base/guard_active.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/*
 * The extension of this database and its schema, InvalidOid if there is none.  CREATE
 * EXTENSION makes the schema, DROP EXTENSION drops it, and either sends a pg_namespace
 * invalidation to every session of the database: that is when we look again.
 *
 * Invariant: an answer is known only when the look-up has come to its end and
 * no invalidation came in between.  An error in its middle (a lock timeout, a
 * cancel) leaves it not known.
 */
static bool extension_known = false;
static uint64 invalidations = 0;
static Oid	extension_oid = InvalidOid;
static Oid	schema_oid = InvalidOid;
static char *installed_version = NULL;

/* Callback of invalidations of pg_namespace. */
static void
forget_extension(Datum arg, int cacheid, uint32 hashvalue)
{
	extension_known = false;
	invalidations++;
}

void
activity_init(void)
{
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget_extension, (Datum) 0);
}

/* Return pg_extension.extversion, in TopMemoryContext. */
static char *
read_version(Oid extension)
{
	CatalogScan scan = begin_catalog_scan(ExtensionRelationId, Anum_pg_extension_oid,
										  ExtensionOidIndexId, extension);
	HeapTuple	tup = systable_getnext(scan.scan);
	bool		isnull = true;
	Datum		value = (Datum) 0;
	char	   *version = NULL;

	if (HeapTupleIsValid(tup))
		value = heap_getattr(tup, Anum_pg_extension_extversion,
							 RelationGetDescr(scan.catalog), &isnull);
	if (!isnull)
		version = MemoryContextStrdup(TopMemoryContext, TextDatumGetCString(value));
	end_catalog_scan(&scan);
	return version;
}

/*
 * Find the schema of the extension: by its name, or if it was renamed as a member of
 * the extension.
 */
static Oid
find_schema(Oid extension)
{
	Oid			schema = get_namespace_oid("compat_guard", true);
	Relation	rel;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tup;

	if (OidIsValid(schema))
		return schema;
	rel = table_open(DependRelationId, AccessShareLock);
	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(ExtensionRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(extension));
	scan = systable_beginscan(rel, DependReferenceIndexId, true, NULL, 2, keys);
	while (!OidIsValid(schema) && HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tup);

		if (form->classid == NamespaceRelationId && form->deptype == DEPENDENCY_EXTENSION)
			schema = form->objid;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return schema;
}

/* Find out whether there is an extension, unless that is known. */
static void
look_for_extension(void)
{
	uint64		before = invalidations;
	Oid			extension;
	Oid			schema = InvalidOid;
	char	   *version = NULL;

	if (extension_known)
		return;
	extension = get_extension_oid("compat_guard", true);
	if (OidIsValid(extension))
		schema = find_schema(extension);

	/* While it is created or dropped it has no schema, and does not count. */
	if (!OidIsValid(schema))
		extension = InvalidOid;
	if (OidIsValid(extension))
		version = read_version(extension);
	if (installed_version != NULL)
		pfree(installed_version);
	installed_version = version;
	extension_oid = extension;
	schema_oid = schema;

	/* An invalidation that came meanwhile makes us look again, the next time. */
	extension_known = (before == invalidations);
}

bool
guard_is_active(void)
{
	if (!IsNormalProcessingMode() || IsBinaryUpgrade || IsParallelWorker() ||
		!OidIsValid(MyDatabaseId))
		return false;
	if (!IsTransactionState() || RecoveryInProgress())
		return false;

	look_for_extension();
	if (!OidIsValid(extension_oid))
		return false;

	/* The extension's own scripts create the registry and the loaders. */
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
guard_require_version(void)
{
	guard_require_extension();
	if (installed_version != NULL && strcmp(installed_version, GUARD_VERSION) == 0)
		return;
	extension_known = false;	/* an update sends us no invalidation */
	ereport(ERROR,
			(errcode(ERRCODE_GUARD_VERSION_MISMATCH),
			 errmsg("extension \"%s\" has version %s, but the library has version %s",
					"compat_guard", installed_version, GUARD_VERSION),
			 errhint("Run ALTER EXTENSION compat_guard UPDATE. If that was done, this session has loaded the former library: reconnect, or restart the server if it preloads the library. To change the schema meanwhile, set compat_guard.mode to warn.")));
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
