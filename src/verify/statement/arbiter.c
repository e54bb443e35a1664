/*
 * arbiter.c
 *		Would the executor refuse a plan?
 *
 * It refuses ON CONFLICT over a constraint that is deferrable.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/compat.h"
#include "catalog/pg_index.h"
#include "commands/trigger.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"

/* Would ON CONFLICT have to use an index of a deferrable constraint? */
static bool
is_deferrable(Oid index)
{
	HeapTuple	tup = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	Form_pg_index form;
	bool		result;

	if (!HeapTupleIsValid(tup))
		return false;
	form = (Form_pg_index) GETSTRUCT(tup);
	result = (form->indisunique || form->indisexclusion) && form->indisready &&
		!form->indimmediate;
	ReleaseSysCache(tup);
	return result;
}

/* Return all indexes: without a conflict target ON CONFLICT asks each unique one. */
static List *
all_indexes(Oid relid)
{
	Relation	rel = RelationIdGetRelation(relid);
	List	   *indexes;

	if (!RelationIsValid(rel))
		return NIL;
	indexes = RelationGetIndexList(rel);
	RelationClose(rel);
	return indexes;
}

/* Report a deferrable constraint among the arbiters of ON CONFLICT. */
static void
check_arbiters(VerifyResult *result, const ModifyTable *modify, List *rtable)
{
	Oid			relid = rt_fetch(modify->nominalRelation, rtable)->relid;
	List	   *indexes = modify->arbiterIndexes;
	ListCell   *lc;

	if (modify->onConflictAction == ONCONFLICT_NONE)
		return;
	if (indexes == NIL)
		indexes = all_indexes(relid);
	foreach(lc, indexes)
	{
		Problem    *problem;

		if (!is_deferrable(lfirst_oid(lc)))
			continue;
		problem = result_add_problem(result, RULE_QUERY_BROKEN, STATE_UNMET,
									 psprintf("ON CONFLICT on %s to work", relation_label(relid)),
									 psprintf("constraint %s is deferrable",
											  quote_identifier(get_rel_name(lfirst_oid(lc)))),
									 relid, NULL);
		problem->sqlstate = "55000";
		problem->constraint = get_rel_name(lfirst_oid(lc));
		problem->advice = "Leave the constraint NOT DEFERRABLE until the versions that send the statement are retired.";
		return;
	}
}

void
check_plan(const PlannedStmt *planned, VerifyResult *result)
{
	ListCell   *lc;

	if (planned->planTree != NULL && IsA(planned->planTree, ModifyTable))
		check_arbiters(result, (ModifyTable *) planned->planTree, planned->rtable);
	foreach(lc, planned->subplans)
	{
		Plan	   *plan = lfirst(lc);

		if (plan != NULL && IsA(plan, ModifyTable))
			check_arbiters(result, (ModifyTable *) plan, planned->rtable);
	}
}
