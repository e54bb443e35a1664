/*
 * rights.c
 *		Rights: which role may change an app, and read what its versions need.
 *
 * An app belongs to the role that first registered it, and to the roles that have the
 * privileges of that role.  Rights on the apps of other roles are granted as
 * privileges on views, which the server keeps, dumps and shows: SELECT on
 * "requirements" permits to read all contracts, UPDATE on "versions", a view that
 * cannot be written to, permits to retire all versions.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/compat.h"
#include "base/guard_active.h"
#include "base/text_list.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "registry/registry.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

static bool
has_view_privilege(const char *view, AclMode mode)
{
	Oid			relid = get_relname_relid(view, guard_schema_oid());

	return OidIsValid(relid) &&
		pg_class_aclcheck(relid, GetUserId(), mode) == ACLCHECK_OK;
}

static bool
has_privileges_of(const char *role)
{
	Oid			roleid = get_role_oid(role, true);

	return OidIsValid(roleid) && has_privs_of_role(GetUserId(), roleid);
}

bool
registry_owns_app(const App *app)
{
	return superuser() || has_privileges_of(app->owner);
}

bool
registry_may_retire(const App *app)
{
	return registry_owns_app(app) || has_view_privilege("versions", ACL_UPDATE);
}

bool
registry_may_read_all(void)
{
	return has_view_privilege("requirements", ACL_SELECT);
}

bool
registry_may_read(const App *app, const Version *version)
{
	return registry_owns_app(app) || has_privileges_of(version->role) ||
		registry_may_read_all();
}

bool
registry_may_register(Oid role)
{
	CatCList   *functions = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum("register"));
	Oid			schema = guard_schema_oid();
	bool		may = false;

	for (int i = 0; i < functions->n_members; i++)
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(&functions->members[i]->tuple);

		if (form->pronamespace == schema &&
			compat_proc_aclcheck(form->oid, role, ACL_EXECUTE) == ACLCHECK_OK)
			may = true;
	}
	ReleaseCatCacheList(functions);
	return may && compat_namespace_aclcheck(schema, role, ACL_USAGE) == ACLCHECK_OK;
}

/* Add the roles to which a privilege on a view is granted, without its owner. */
static List *
add_grantees(List *roles, const char *view, AclMode mode)
{
	Oid			relid = get_relname_relid(view, guard_schema_oid());
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Datum		value;
	bool		isnull;

	if (!HeapTupleIsValid(tup))
		return roles;
	value = SysCacheGetAttr(RELOID, tup, Anum_pg_class_relacl, &isnull);
	if (!isnull)
	{
		Acl		   *acl = DatumGetAclPCopy(value);
		AclItem    *items = ACL_DAT(acl);

		for (int i = 0; i < ACL_NUM(acl); i++)
		{
			char	   *role;

			if ((ACLITEM_GET_PRIVS(items[i]) & mode) == 0 ||
				items[i].ai_grantee == ((Form_pg_class) GETSTRUCT(tup))->relowner)
				continue;
			role = GetUserNameFromId(items[i].ai_grantee, true);
			if (role != NULL)
				roles = text_list_add(roles, role);
		}
	}
	ReleaseSysCache(tup);
	return roles;
}

List *
registry_retiring_roles(const App *app)
{
	List	   *roles = NIL;

	if (OidIsValid(get_role_oid(app->owner, true)))
		roles = text_list_add(roles, app->owner);
	return add_grantees(roles, "versions", ACL_UPDATE);
}
