/*
 * permission.c
 *		Would the executor let a statement run?
 *
 * The server asks this in the executor (ExecCheckPermissions), through a hook
 * whose users may take the call for an execution and log it.  Nothing is
 * executed here, so the question is put to the catalogs directly.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "base/compat.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"
#include "verify/statement/statement_internal.h"

/* May a role do mode to each of the columns, or to any if none is given?  If not,
 * *denied is a column that it may not, or InvalidAttrNumber. */
static bool
columns_permitted(Oid relid, Oid role, AclMode mode, Bitmapset *columns,
				  AttrNumber *denied)
{
	int			col = -1;

	*denied = InvalidAttrNumber;
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
		{
			*denied = attno;
			return false;
		}
	}
	return true;
}

/* Has a role the permissions that a query asks for?  If not, and it has them on other
 * columns, *denied is a column on which it has not. */
static bool
is_permitted(CompatPermissionInfo * info, Oid relid, Oid role, AttrNumber *denied)
{
	const struct
	{
		AclMode		mode;
		Bitmapset  *columns;
	}			by_column[] = {
		{ACL_SELECT, info->selectedCols},
		{ACL_INSERT, info->insertedCols},
		{ACL_UPDATE, info->updatedCols}
	};
	AclMode		missing = info->requiredPerms &
	~pg_class_aclmask(relid, role, info->requiredPerms, ACLMASK_ALL);

	*denied = InvalidAttrNumber;

	/* Only these can be had column by column. */
	if (missing & ~(ACL_SELECT | ACL_INSERT | ACL_UPDATE))
		return false;
	for (int i = 0; i < lengthof(by_column); i++)
	{
		if ((missing & by_column[i].mode) == 0 ||
			columns_permitted(relid, role, by_column[i].mode, by_column[i].columns, denied))
			continue;
		if (pg_attribute_aclcheck_all(relid, role, by_column[i].mode,
									  ACLMASK_ANY) != ACLCHECK_OK)
			*denied = InvalidAttrNumber;
		return false;
	}
	return true;
}

/* Report privilege-lost for a relation or a column of it. */
static void
report_denied(VerifyResult *result, Oid relid, Oid role, AttrNumber column)
{
	char	   *name = column == InvalidAttrNumber ? NULL : get_attname(relid, column, true);
	char	   *what = relation_label(relid);
	Problem    *problem;

	if (name != NULL)
		what = psprintf("column %s of %s", quote_identifier(name), what);
	problem = report_lost_privilege(result, relid, NULL, role, "be allowed to use",
									psprintf("permission denied for %s", what));
	problem->sqlstate = "42501";
	problem->column = name;
}

/* Report a materialized view that holds nothing yet, which the executor refuses to
 * scan. */
static void
check_populated(Query *query, VerifyResult *result)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_MATVIEW &&
			!relation_is_populated(rte->relid))
			result_add_problem(result, RULE_QUERY_BROKEN, STATE_UNMET,
							   psprintf("%s to hold data", relation_label(rte->relid)),
							   pstrdup("the materialized view has not been populated"),
							   rte->relid, NULL)->sqlstate = "55000";
	}
}

void
check_permission_of(VerifyResult *result, CompatPermissionInfo * info, Oid relid, Oid role)
{
	AttrNumber	denied;

	if (!is_permitted(info, relid, role, &denied))
		report_denied(result, relid, role, denied);
}

bool
check_permissions(Node *node, VerifyResult *result)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
	{
		check_call(node, result);
		return expression_tree_walker(node, check_permissions, result);
	}

	foreach(lc, compat_query_permission_infos((Query *) node))
	{
		CompatPermissionInfo *info = lfirst(lc);
		Oid			relid = compat_permission_relid(info);
		Oid			role = OidIsValid(info->checkAsUser) ? info->checkAsUser : GetUserId();

		if (OidIsValid(relid) && info->requiredPerms != 0)
			check_permission_of(result, info, relid, role);
	}
	check_populated((Query *) node, result);
	return query_tree_walker((Query *) node, check_permissions, result, 0);
}

/* A walk through the queries of views. */
typedef struct ViewReader
{
	Oid			role;			/* with whose rights the view reads */
	VerifyResult *result;
	Oid			closed;			/* what a view may not read, or InvalidOid */
	Oid			denied;			/* the role that may not read it */
	List	  **seen;			/* of Oid: views */
} ViewReader;

static Oid	find_closed_below(VerifyResult *result, Oid view, Oid *denied, List **seen);

/* Find a relation in a view's query that the view may not read, a tree walker. */
static bool
find_closed(Node *node, void *context)
{
	ViewReader *reader = context;
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, find_closed, context);

	check_stack_depth();
	foreach(lc, compat_query_permission_infos((Query *) node))
	{
		CompatPermissionInfo *info = lfirst_node(CompatPermissionInfo, lc);
		Oid			relid = compat_permission_relid(info);
		AttrNumber	column;

		if (!OidIsValid(relid) || info->requiredPerms == 0)
			continue;
		depend_on_object(reader->result, RelationRelationId, relid);
		reader->denied = reader->role;
		if (is_permitted(info, relid, reader->role, &column))
			reader->closed = find_closed_below(reader->result, relid, &reader->denied,
											   reader->seen);
		else
			reader->closed = relid;
		if (OidIsValid(reader->closed))
			return true;
	}
	return query_tree_walker((Query *) node, find_closed, context, 0);
}

/* Find a relation below a view that it may not read.  Looks once at each view: views on
 * views may come to it in a great many ways. */
static Oid
find_closed_below(VerifyResult *result, Oid view, Oid *denied, List **seen)
{
	ViewReader	reader = {.result = result, .seen = seen};
	Query	   *query;

	if (get_rel_relkind(view) != RELKIND_VIEW || list_member_oid(*seen, view))
		return InvalidOid;
	*seen = lappend_oid(*seen, view);
	query = view_query(view);
	if (query == NULL)
		return InvalidOid;
	reader.role = view_reads_as(view);
	(void) find_closed((Node *) query, &reader);
	*denied = reader.denied;
	return reader.closed;
}

Oid
closed_below_view(VerifyResult *result, Oid view, Oid *denied)
{
	List	   *seen = NIL;

	return find_closed_below(result, view, denied, &seen);
}
