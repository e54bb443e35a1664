/*
 * childless.c
 *		Plan a query without the partitions and children of what it reads.
 *
 * The planner locks, opens and plans for every one of them, thousands perhaps.
 * Whether the query plans does not hang on them: they have the columns of their
 * parent.  So before it is planned the tree is told that it reads the parent alone.
 *
 * What is lost is what planning for a foreign child would say of its server or
 * wrapper, and what evaluating an expression of a child's index or CHECK would raise.
 * Neither is the query's.
 *
 * A partitioned table that is read alone gives no rows, and the planner leaves
 * much undone for what gives no rows: it would not notice that a FULL JOIN
 * cannot be done.  So it is told that the table is a plain one, whose indexes, which are
 * no indexes but stand for those of the partitions, are hidden from it.  Such a plan must
 * never be run, so only the tree at hand is changed.  No function brings tables along:
 * while contracts are verified none is put in the place of its call (execution.c).
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/plancat.h"
#include "utils/lsyscache.h"
#include "verify/plan/plan.h"
#include "verify/plan/plan_internal.h"

static get_relation_info_hook_type next_get_relation_info_hook = NULL;

/* Have a query read each table that has children alone. */
static bool
leave_out_children(Node *node, void *context)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, leave_out_children, context);

	check_stack_depth();
	foreach(lc, ((Query *) node)->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION && rte->inh && has_subclass(rte->relid))
		{
			rte->inh = false;
			if (rte->relkind == RELKIND_PARTITIONED_TABLE)
				rte->relkind = RELKIND_RELATION;
		}
	}
	return query_tree_walker((Query *) node, leave_out_children, context, 0);
}

/* Hide the indexes of a partitioned table that passes for a plain one, as a hook of the
 * planner. */
static void
hide_partitioned_indexes(PlannerInfo *root, Oid relid, bool inhparent, RelOptInfo *rel)
{
	const RangeTblEntry *rte = root->simple_rte_array[rel->relid];

	if (next_get_relation_info_hook)
		next_get_relation_info_hook(root, relid, inhparent, rel);
	if (rte->relkind == RELKIND_RELATION && get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE)
		rel->indexlist = NIL;
}

void
childless_begin(Query *query)
{
	(void) leave_out_children((Node *) query, NULL);
	if (get_relation_info_hook == hide_partitioned_indexes)
		return;
	next_get_relation_info_hook = get_relation_info_hook;
	get_relation_info_hook = hide_partitioned_indexes;
}

void
childless_end(void)
{
	/*
	 * The hook is another's if nothing was begun, or if a library was loaded
	 * meanwhile and calls ours.
	 */
	if (get_relation_info_hook == hide_partitioned_indexes)
		get_relation_info_hook = next_get_relation_info_hook;
}
