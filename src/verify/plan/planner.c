/*
 * planner.c
 *		Planning what is not going to be executed.
 *
 * All that is planned while contracts are verified comes by here: the queries
 * of contracts, and those of bodies that plpgsql_check looks at.  The planner gets
 * to see neither calls that it would evaluate (withhold.c) nor what it only needs
 * to find the best plan: statistics, with whose values it calls the functions
 * behind operators, and indexes, of which it evaluates the expressions.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/transam.h"
#include "base/compat.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/planner.h"
#include "parser/parsetree.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "verify/plan/plan.h"
#include "verify/plan/plan_internal.h"
#include "verify/run/run.h"

static planner_hook_type next_planner_hook = NULL;

static get_relation_stats_hook_type next_relation_stats_hook = NULL;

static get_index_stats_hook_type next_index_stats_hook = NULL;

/* ---- indexes and extended statistics ---- */

/* Is the relation among the tables that have been laid bare? */
static bool
is_bare(List *tables, Oid relid)
{
	ListCell   *lc;

	foreach(lc, tables)
	{
		if (RelationGetRelid((Relation) lfirst(lc)) == relid)
			return true;
	}
	return false;
}

/* Have the relation cache say that a table has no indexes and statistics; or have it
 * look again. */
static void
set_bare(Relation rel, bool bare)
{
	list_free(rel->rd_indexlist);
	rel->rd_indexlist = NIL;
	rel->rd_indexvalid = bare;
	list_free(rel->rd_statlist);
	rel->rd_statlist = NIL;
	rel->rd_statvalid = bare;
}

/* Open a table and hide its indexes and statistics. */
static void
lay_bare(List **tables, Oid relid)
{
	Relation	rel = table_open(relid, NoLock);

	*tables = lappend(*tables, rel);
	set_bare(rel, true);
}

/* Close the tables and let their indexes and statistics be seen again. */
static void
cover_up(List *tables)
{
	ListCell   *lc;

	foreach(lc, tables)
	{
		set_bare(lfirst(lc), false);
		table_close(lfirst(lc), NoLock);
	}
}

/* Add the tables with ON CONFLICT, for which an index is chosen by what it is on. */
static bool
add_conflict_targets(Node *node, List **relids)
{
	Query	   *query = (Query *) node;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, add_conflict_targets, relids);
	if (query->onConflict != NULL)
		*relids = lappend_oid(*relids, rt_fetch(query->resultRelation, query->rtable)->relid);
	return query_tree_walker(query, add_conflict_targets, relids, 0);
}

/* The tables of a query that is planned. */
typedef struct Bared
{
	List	   *tables;			/* of Relation */
	List	   *others;			/* of Oid: not to be laid bare */
} Bared;

/*
 * Lay bare the tables of a query, but not the catalogs, which the server reads by plans
 * that it keeps.  All are locked: by the parser, by the rewriter, or with the plan they
 * are of.
 */
static bool
lay_all_bare(Node *node, Bared *bared)
{
	Query	   *query = (Query *) node;
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, lay_all_bare, bared);
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION && rte->relid >= FirstNormalObjectId &&
			rte->relkind != RELKIND_VIEW && !is_bare(bared->tables, rte->relid) &&
			!list_member_oid(bared->others, rte->relid))
			lay_bare(&bared->tables, rte->relid);
	}
	return query_tree_walker(query, lay_all_bare, bared, 0);
}

/* ---- settings ---- */

/*
 * The settings of the planner for what is not run.  It plans a join of many tables in
 * little time, and does not look at check constraints, whose functions it would run.  They are set where they are read and not as settings of the session: to set them
 * so would take longer than to plan a small query.
 */
#define PLANNER_SETTINGS(SETTING) \
	SETTING(int, constraint_exclusion, CONSTRAINT_EXCLUSION_OFF) \
	SETTING(int, join_collapse_limit, 1) \
	SETTING(int, from_collapse_limit, 1) \
	SETTING(bool, enable_geqo, true) \
	SETTING(int, geqo_threshold, 12) \
	SETTING(bool, enable_hashjoin, false) \
	SETTING(bool, enable_mergejoin, false) \
	SETTING(bool, enable_memoize, false) \
	SETTING(bool, enable_partitionwise_join, false) \
	SETTING(bool, enable_partitionwise_aggregate, false) \
	SETTING(int, max_parallel_workers_per_gather, 0)

typedef struct PlannerSettings
{
#define SETTING(type, variable, value) type variable##_;
	PLANNER_SETTINGS(SETTING)
#undef SETTING
} PlannerSettings;

static PlannerSettings
current_settings(void)
{
	PlannerSettings settings;

#define SETTING(type, variable, value) settings.variable##_ = variable;
	PLANNER_SETTINGS(SETTING);
#undef SETTING
	return settings;
}

static void
fix_settings(void)
{
#define SETTING(type, variable, value) variable = value;
	PLANNER_SETTINGS(SETTING)
#undef SETTING
}

static void
restore_settings(PlannerSettings settings)
{
#define SETTING(type, variable, value) variable = settings.variable##_;
	PLANNER_SETTINGS(SETTING)
#undef SETTING
}

/* ---- hooks ---- */

/* Plan a query as the server or the next hook does. */
static PlannedStmt *
plan_on(Query *query, const char *sql, int options, ParamListInfo params
		COMPAT_PLANNER_PARAM)
{
	if (next_planner_hook)
		return next_planner_hook(query, sql, options, params COMPAT_PLANNER_ARG);
	return standard_planner(query, sql, options, params COMPAT_PLANNER_ARG);
}

/* Plan a query with its tables laid bare.  INVARIANT: a table has its indexes back
 * before anything can be executed, also after an error. */
static PlannedStmt *
plan_bare(Query *query, const char *sql, int options, ParamListInfo params
		  COMPAT_PLANNER_PARAM)
{
	Bared	   *bared = palloc0_object(Bared);
	PlannerSettings outer = current_settings();
	PlannedStmt *volatile result = NULL;

	(void) add_conflict_targets((Node *) query, &bared->others);
	PG_TRY();
	{
		fix_settings();

		/* What verify.c hides of an index, the relation cache has from there. */
		if (!OidIsValid(verification->without_index))
			(void) lay_all_bare((Node *) query, bared);
		if (verification->executing == EXECUTES_NOTHING)
			childless_begin(query);
		result = plan_on(query, sql, options, params COMPAT_PLANNER_ARG);
	}
	PG_FINALLY();
	{
		restore_settings(outer);
		cover_up(bared->tables);
		childless_end();
	}
	PG_END_TRY();
	return result;
}

/* Plan a query without running functions, as a hook of the planner, unless it will be
 * executed. */
static PlannedStmt *
plan(Query *query, const char *sql, int options, ParamListInfo params
	 COMPAT_PLANNER_PARAM)
{
	if (!verify_is_running() || run_executes(sql))
		return plan_on(query, sql, options, params COMPAT_PLANNER_ARG);

	/* The plan may stay with the function, for its next execution. */
	if (verification->executing == EXECUTES_CHECKER)
	{
		verification->plans_spoilt = true;
		if (verification->plan_observer != NULL)
			verification->plan_observer(query);
	}
	query = withhold_calls(query, &verification->withheld);
	return plan_bare(query, sql, options, params COMPAT_PLANNER_ARG);
}

/* Are statistics hidden from the planner at the moment? */
static bool
hides_statistics(void)
{
	return verify_is_running() && verification->executing != EXECUTES_COUNT;
}

/* Say that there are no statistics of a column, as a hook. */
static bool
relation_stats(PlannerInfo *root, RangeTblEntry *rte, AttrNumber attnum,
			   VariableStatData *vardata)
{
	if (hides_statistics())
	{
		vardata->statsTuple = NULL;
		return true;
	}
	return next_relation_stats_hook &&
		next_relation_stats_hook(root, rte, attnum, vardata);
}

/* Say that there are no statistics of an index, as a hook. */
static bool
index_stats(PlannerInfo *root, Oid index, AttrNumber attnum, VariableStatData *vardata)
{
	if (hides_statistics())
	{
		vardata->statsTuple = NULL;
		return true;
	}
	return next_index_stats_hook &&
		next_index_stats_hook(root, index, attnum, vardata);
}

void
planner_init(void)
{
	next_planner_hook = planner_hook;
	planner_hook = plan;
	next_relation_stats_hook = get_relation_stats_hook;
	get_relation_stats_hook = relation_stats;
	next_index_stats_hook = get_index_stats_hook;
	get_index_stats_hook = index_stats;
}
