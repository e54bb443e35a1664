/*
 * usage.c
 *		What a query does to the relations in it.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "verify/properties/properties.h"
#include "verify/properties/properties_internal.h"

/* The columns that get a value of the statement's own. */
static Bitmapset *
add_targets(Bitmapset *columns, List *targetlist)
{
	ListCell   *lc;

	foreach(lc, targetlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk && !IsA(tle->expr, SetToDefault))
			columns = bms_add_member(columns, tle->resno);
	}
	return columns;
}

static void
add_action(RelationUsage *use, CmdType command, List *targetlist)
{
	switch (command)
	{
		case CMD_INSERT:
			use->commands |= USAGE_INSERT;
			use->inserted = add_targets(use->inserted, targetlist);
			break;
		case CMD_UPDATE:
			use->commands |= USAGE_UPDATE;
			use->updated = add_targets(use->updated, targetlist);
			break;
		case CMD_DELETE:
			use->commands |= USAGE_DELETE;
			break;
		default:
			break;
	}
}

static RelationUsage
use_of_target(Query *query)
{
	RelationUsage use = {0};
	ListCell   *lc;

	add_action(&use, query->commandType, query->targetList);
	if (query->onConflict != NULL && query->onConflict->action == ONCONFLICT_UPDATE)
		add_action(&use, CMD_UPDATE, query->onConflict->onConflictSet);
	foreach(lc, query->mergeActionList)
	{
		MergeAction *action = lfirst_node(MergeAction, lc);

		add_action(&use, action->commandType, action->targetList);
	}
	return use;
}

bool
add_usages(Node *node, PropertyCheck *check)
{
	static const RelationUsage reads = {.commands = USAGE_SELECT};
	Query	   *query = (Query *) node;
	Index		rti = 0;
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, add_usages, check);
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		rti++;
		if (rte->rtekind != RTE_RELATION)
			continue;
		if (rti == query->resultRelation)
		{
			RelationUsage use = use_of_target(query);

			property_check_add(check, rte->relid, &use);
		}
		else
			property_check_add(check, rte->relid, &reads);
	}
	return query_tree_walker(query, add_usages, check, 0);
}

bool
add_usages_of_rules(Node *node, PropertyCheck *check)
{
	Query	   *query = (Query *) node;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, add_usages_of_rules, check);
	if (query->resultRelation != 0)
	{
		Oid			relid = rt_fetch(query->resultRelation, query->rtable)->relid;
		RelationUsage use = use_of_target(query);

		if (!property_check_has(check, relid, use.commands))
			property_check_add(check, relid, &use);
	}
	return query_tree_walker(query, add_usages_of_rules, check, 0);
}
