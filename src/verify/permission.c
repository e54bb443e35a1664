/*
 * permission.c
 *		Would a statement be permitted to run?
 *
 * The server asks this in the executor (ExecCheckPermissions), through a hook
 * whose users may take the call for an execution and log it.  Nothing is
 * executed here, so the question is put to the catalogs directly.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "base/compat.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "verify/observe.h"
#include "verify/query.h"

/* May role do mode to each of the columns, or to any if there are none? */
static bool
columns_permitted(Oid relid, Oid role, AclMode mode, Bitmapset *columns)
{
	int			col = -1;

	if (bms_is_empty(columns))
		return pg_attribute_aclcheck_all(relid, role, mode, ACLMASK_ANY) == ACLCHECK_OK;

	while ((col = bms_next_member(columns, col)) >= 0)
	{
		AttrNumber	attno = col + FirstLowInvalidHeapAttributeNumber;
		AclResult	result;

		if (attno == InvalidAttrNumber)
			result = pg_attribute_aclcheck_all(relid, role, mode, ACLMASK_ALL);
		else
			result = pg_attribute_aclcheck(relid, attno, role, mode);
		if (result != ACLCHECK_OK)
			return false;
	}
	return true;
}

static bool
is_permitted(CompatPermissionInfo *info, Oid relid)
{
	Oid			role = OidIsValid(info->checkAsUser) ? info->checkAsUser : GetUserId();
	AclMode		missing = info->requiredPerms &
		~pg_class_aclmask(relid, role, info->requiredPerms, ACLMASK_ALL);

	/* Only these can be had column by column. */
	if (missing & ~(ACL_SELECT | ACL_INSERT | ACL_UPDATE))
		return false;
	if ((missing & ACL_SELECT) &&
		!columns_permitted(relid, role, ACL_SELECT, info->selectedCols))
		return false;
	if ((missing & ACL_INSERT) &&
		!columns_permitted(relid, role, ACL_INSERT, info->insertedCols))
		return false;
	if ((missing & ACL_UPDATE) &&
		!columns_permitted(relid, role, ACL_UPDATE, info->updatedCols))
		return false;
	return true;
}

bool
observe_permissions(Node *node, Observation *obs)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, observe_permissions, obs);

	foreach(lc, compat_query_permission_infos((Query *) node))
	{
		CompatPermissionInfo *info = lfirst(lc);
		Oid			relid = compat_permission_relid(info);

		if (!OidIsValid(relid) || info->requiredPerms == 0 || is_permitted(info, relid))
			continue;
		observe_problem(obs, RULE_PRIVILEGE_LOST, STATE_UNMET,
						psprintf("role %s to be allowed to use %s",
								 quote_identifier(GetUserNameFromId(GetUserId(), false)),
								 relation_label(relid)),
						psprintf("permission denied for %s", relation_label(relid)),
						relid, NULL)->sqlstate = "42501";
	}
	return query_tree_walker((Query *) node, observe_permissions, obs, 0);
}
