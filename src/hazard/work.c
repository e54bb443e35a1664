/*
 * work.c
 *		The work that a statement is about to do on tables, and the finding it makes.
 *
 * One statement may work on many tables: partitions, children, tables of a type.  Each
 * is noted when its event comes, once, and the hazard is reported when all that was
 * noted is large.  What is done by then is less than a large table's worth.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/guc.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "hazard/hazard_internal.h"
#include "registry/registry.h"
#include "storage/proc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Return the table that the statement names, or InvalidOid. */
static Oid
named_table(Node *stmt)
{
	RangeVar   *relation = NULL;

	if (stmt != NULL && IsA(stmt, AlterTableStmt))
		relation = ((AlterTableStmt *) stmt)->relation;
	else if (stmt != NULL && IsA(stmt, IndexStmt))
		relation = ((IndexStmt *) stmt)->relation;
	return relation ? RangeVarGetRelid(relation, NoLock, true) : InvalidOid;
}

/* Return the named table if the relation is a partition or child of it, else the relation. */
static Oid
table_to_report(Node *stmt, Oid relid)
{
	Oid			named = named_table(stmt);

	if (OidIsValid(named) && named != relid &&
		list_member_oid(find_all_inheritors(named, NoLock, NULL), relid))
		return named;
	return relid;
}

Oid
work_on(HazardStatement *statement, HazardWork work, Oid relid, bool with_toast)
{
	MemoryContext old;
	uint64		bytes;

	/* A command that commits in its middle begins anew. */
	if (statement->lxid != compat_my_lxid())
	{
		statement->lxid = compat_my_lxid();
		memset(statement->relids, 0, sizeof(statement->relids));
		memset(statement->bytes, 0, sizeof(statement->bytes));
		memset(statement->is_reported, 0, sizeof(statement->is_reported));
	}
	if (statement->is_reported[work] || list_member_oid(statement->relids[work], relid))
		return InvalidOid;
	bytes = table_bytes(relid, with_toast);
	if (bytes == 0)
		return InvalidOid;
	old = MemoryContextSwitchTo(TopTransactionContext);
	statement->relids[work] = lappend_oid(statement->relids[work], relid);
	MemoryContextSwitchTo(old);
	statement->bytes[work] += bytes;
	if (!is_large(statement->bytes[work]))
		return InvalidOid;
	statement->is_reported[work] = true;
	return table_to_report(statement->stmt, relid);
}

List *
work_finding(RuleId rule, Oid relid, char *expected, char *found, char *advice)
{
	RuleAction	action = registry_action(rule, "", false);
	Finding    *finding;
	Requirement *req;
	Problem    *problem;

	if (action == ACTION_IGNORE)
		return NIL;
	finding = palloc0_object(Finding);
	req = palloc0_object(Requirement);
	problem = palloc0_object(Problem);
	problem->rule = rule;
	problem->state = STATE_UNMET;
	problem->expected = expected;
	problem->found = found;
	problem->advice = advice;
	problem->schema = get_namespace_name(get_rel_namespace(relid));
	problem->relation = get_rel_name(relid);
	req->kind = REQUIREMENT_RELATION;
	req->object = table_name(relid);
	finding->action = action;
	finding->req = req;
	finding->problem = problem;
	return list_make1(finding);
}

char *
no_more_than(const char *work)
{
	return psprintf("no %s of more than %s", work,
					bytes_shown((uint64) guard_large_relation * 1024));
}
