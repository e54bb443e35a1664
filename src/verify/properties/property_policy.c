/*
 * property_policy.c
 *		Collect the row-security policies of a relation.
 */
#include "postgres.h"

#include "base/catalog_scan.h"
#include "catalog/pg_policy.h"
#include "commands/trigger.h"
#include "utils/acl.h"
#include "utils/rls.h"
#include "verify/catalog/catalog.h"
#include "verify/properties/properties.h"
#include "verify/properties/properties_internal.h"

/* Who updates or deletes rows has to see them. */
static int
policy_commands(char command)
{
	switch (command)
	{
		case ACL_SELECT_CHR:
			return USAGE_SELECT | USAGE_UPDATE | USAGE_DELETE;
		case ACL_INSERT_CHR:
			return USAGE_INSERT;
		case ACL_UPDATE_CHR:
			return USAGE_UPDATE;
		case ACL_DELETE_CHR:
			return USAGE_DELETE;
		default:
			return USAGE_ALL & ~USAGE_TRUNCATE;
	}
}

static const char *
policy_command_label(char command)
{
	switch (command)
	{
		case ACL_SELECT_CHR:
			return "SELECT";
		case ACL_INSERT_CHR:
			return "INSERT";
		case ACL_UPDATE_CHR:
			return "UPDATE";
		case ACL_DELETE_CHR:
			return "DELETE";
		default:
			return "ALL";
	}
}

static bool
policy_is_for(CatalogScan *scan, HeapTuple tup, Oid role)
{
	bool		isnull;
	Datum		value = heap_getattr(tup, Anum_pg_policy_polroles,
									 RelationGetDescr(scan->catalog), &isnull);
	ArrayType  *roles;

	if (isnull)
		return false;
	roles = DatumGetArrayTypeP(value);
	for (int i = 0; i < ArrayGetNItems(ARR_NDIM(roles), ARR_DIMS(roles)); i++)
	{
		Oid			member = ((Oid *) ARR_DATA_PTR(roles))[i];

		if (member == ACL_ID_PUBLIC || has_privs_of_role(role, member))
			return true;
	}
	return false;
}

static void
collect_policy(RelationInfo *rel, CatalogScan *scan, HeapTuple tup)
{
	Form_pg_policy policy = (Form_pg_policy) GETSTRUCT(tup);
	Node	   *qual = catalog_expression(scan->catalog, tup, Anum_pg_policy_polqual);
	Node	   *check = catalog_expression(scan->catalog, tup, Anum_pg_policy_polwithcheck);
	Property   *property;

	property = add_property(rel, PROPERTY_ROW_SECURITY, policy_commands(policy->polcmd),
							psprintf("%s policy FOR %s%s%s",
									 policy->polpermissive ? "permissive" : "restrictive",
									 policy_command_label(policy->polcmd),
									 qual ? psprintf(" USING (%s)", deparse(qual, rel->key.relid)) : "",
									 check ? psprintf(" WITH CHECK (%s)",
													  deparse(check, rel->key.relid)) : ""),
							"policy", NameStr(policy->polname));
	property->objid = policy->oid;
}

void
collect_row_security(RelationInfo *rel)
{
	CatalogScan scan;
	HeapTuple	tup;

	if (check_enable_rls(rel->key.relid, rel->key.role, true) != RLS_ENABLED)
		return;
	(void) add_property(rel, PROPERTY_ROW_SECURITY, USAGE_ALL & ~USAGE_TRUNCATE,
						pstrdup("row security in force"), "row security on", NULL);
	scan = begin_catalog_scan(PolicyRelationId, Anum_pg_policy_polrelid,
							  PolicyPolrelidPolnameIndexId, rel->key.relid);
	while (HeapTupleIsValid(tup = systable_getnext(scan.scan)))
	{
		if (policy_is_for(&scan, tup, rel->key.role))
			collect_policy(rel, &scan, tup);
	}
	end_catalog_scan(&scan);
}
