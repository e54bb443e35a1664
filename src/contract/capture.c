/*
 * capture.c
 *		Resolve the names given to compat_guard.capture().
 *
 * The capture itself is an SQL function: its body is bound to the catalogs
 * when the extension is created, so it can look the caller's names up with the
 * caller's search_path and yet not be misled by it.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/shown.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

GUARD_FUNCTION(contract_captured_relation);

/* Can a relation of this kind be in a contract? */
static bool
can_be_captured(char relkind)
{
	switch (relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
			return true;
		default:
			return false;
	}
}

/* Has the current role any privilege on the relation or one of its columns? */
static bool
has_any_privilege(Oid relid)
{
	return pg_class_aclmask(relid, GetUserId(), ACL_ALL_RIGHTS_RELATION,
							ACLMASK_ANY) != 0 ||
		pg_attribute_aclcheck_all(relid, GetUserId(), ACL_ALL_RIGHTS_COLUMN,
								  ACLMASK_ANY) == ACLCHECK_OK;
}

/*
 * compat_guard.captured_relation(name text) returns oid
 *
 * Returns the relation of that name, as an application would refer to it.  Raises an
 * error if there is none that the caller can use.
 */
Datum
contract_captured_relation(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	List	   *names = compat_string_to_name_list(name);
	Oid			relid = RangeVarGetRelid(makeRangeVarFromNameList(names),
										 NoLock, false);
	char		relkind = get_rel_relkind(relid);

	if (!can_be_captured(relkind))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table or view", shown(name))));

	/* A relation on which the caller has no privilege is not captured. */
	if (!has_any_privilege(relid))
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(relkind), name);

	PG_RETURN_OID(relid);
}
