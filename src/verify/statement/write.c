/*
 * write.c
 *		Find what runs when a relation is written: triggers and their functions.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "base/catalog_scan.h"
#include "base/compat.h"
#include "catalog/pg_proc.h"
#include "commands/trigger.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"
#include "verify/statement/statement_internal.h"

/* Does a user's trigger fire? columns: see check_write(). */
static bool
trigger_fires(Form_pg_trigger trigger, int16 event, Bitmapset *columns)
{
	if (trigger->tgisinternal || (trigger->tgtype & event) == 0 || !trigger_is_enabled(trigger))
		return false;
	if (event != TRIGGER_TYPE_UPDATE || trigger->tgattr.dim1 == 0 || columns == NULL)
		return true;
	for (int i = 0; i < trigger->tgattr.dim1; i++)
	{
		if (bms_is_member(trigger->tgattr.values[i] - FirstLowInvalidHeapAttributeNumber,
						  columns))
			return true;
	}
	return false;
}

/* Return an attribute of type name, or NULL. */
static char *
name_attribute(Relation rel, HeapTuple tup, AttrNumber attnum)
{
	bool		isnull;
	Datum		name = heap_getattr(tup, attnum, RelationGetDescr(rel), &isnull);

	return isnull ? NULL : pstrdup(NameStr(*DatumGetName(name)));
}

/*
 * Depend on the functions of triggers that fire, and check the actions of foreign keys.
 */
static void
check_triggers(VerifyResult *result, Oid relid, int16 event, Bitmapset *columns)
{
	CatalogScan scan;
	HeapTuple	tup;

	if (!relation_has_triggers(relid))
		return;
	scan = begin_catalog_scan(TriggerRelationId, Anum_pg_trigger_tgrelid,
							  TriggerRelidNameIndexId, relid);
	while (HeapTupleIsValid(tup = systable_getnext(scan.scan)))
	{
		Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tup);
		RunRoutine	run = {.key = {trigger->tgfoid, relid}};

		if (trigger->tgisinternal)
			check_key(result, trigger, event, columns);
		if (!trigger_fires(trigger, event, columns) || trigger->tgfoid < FirstNormalObjectId)
			continue;
		run.oldtable = name_attribute(scan.catalog, tup, Anum_pg_trigger_tgoldtable);
		run.newtable = name_attribute(scan.catalog, tup, Anum_pg_trigger_tgnewtable);
		depend_on_object(result, ProcedureRelationId, trigger->tgfoid);
		depend_on_body(result, &run);
	}
	end_catalog_scan(&scan);
}

void
check_write(VerifyResult *result, Oid relid, CmdType command, Bitmapset *columns)
{
	int16		event = trigger_event(command);

	check_triggers(result, relid, event, columns);
	check_attached_functions(result, relid, command, columns);

	/* A view without triggers is written through. */
	for (int depth = 0;
		 depth < MAX_VIEW_DEPTH && get_rel_relkind(relid) == RELKIND_VIEW &&
		 !relation_has_triggers(relid);
		 depth++)
	{
		int			ncolumns;

		if (view_columns(relid, &relid, &ncolumns) == NULL)
			break;
		check_triggers(result, relid, event, NULL);
		check_attached_functions(result, relid, command, NULL);
	}
}

void
check_truncate(VerifyResult *result, Oid relid)
{
	check_triggers(result, relid, TRIGGER_TYPE_TRUNCATE, NULL);
}

/* Return the columns that an INSERT may give a value that is not null, as those of
 * check_write(). */
static Bitmapset *
inserted_columns(List *targetlist)
{
	/* Not NULL, which would mean any; the number is no column's. */
	Bitmapset  *columns = bms_make_singleton(0);
	ListCell   *lc;

	foreach(lc, targetlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		Node	   *expr = strip_implicit_coercions((Node *) tle->expr);

		if (!tle->resjunk && !(IsA(expr, Const) && ((Const *) expr)->constisnull))
			columns = bms_add_member(columns, tle->resno - FirstLowInvalidHeapAttributeNumber);
	}
	return columns;
}

/* Return the columns that the query sets in its target. */
static Bitmapset *
updated_columns(Query *query, Oid relid)
{
	ListCell   *lc;
	Bitmapset  *columns = NULL;

	foreach(lc, compat_query_permission_infos(query))
	{
		CompatPermissionInfo *info = lfirst(lc);

		if (compat_permission_relid(info) == relid)
			columns = bms_add_members(columns, info->updatedCols);
	}
	return columns;
}

/* Check what a command of a query, with its target list, runs, and whether its target is
 * published such that the server refuses it. */
static void
check_command(VerifyResult *result, Query *query, CmdType command, List *targetlist)
{
	const RangeTblEntry *target = rt_fetch(query->resultRelation, query->rtable);

	check_write(result, target->relid, command,
				command == CMD_INSERT ? inserted_columns(targetlist)
				: updated_columns(query, target->relid));
	if (command != CMD_UPDATE && command != CMD_DELETE)
		return;
	check_replica_identity(result, RULE_QUERY_BROKEN,
						   psprintf("%s %s to work",
									command == CMD_UPDATE ? "UPDATE" : "DELETE FROM",
									relation_label(target->relid)),
						   target->relid, target->inh, command);
}

/* Check each command of a query, without those in its WITH. */
static void
check_query_write(VerifyResult *result, Query *query)
{
	ListCell   *lc;

	if (query->commandType == CMD_MERGE)
	{
		foreach(lc, query->mergeActionList)
		{
			MergeAction *action = lfirst_node(MergeAction, lc);

			if (action->commandType != CMD_NOTHING)
				check_command(result, query, action->commandType, action->targetList);
		}
		return;
	}
	check_command(result, query, query->commandType, query->targetList);
	if (query->onConflict != NULL && query->onConflict->action == ONCONFLICT_UPDATE)
		check_command(result, query, CMD_UPDATE, NIL);
}

bool
check_writes(Node *node, VerifyResult *result)
{
	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, check_writes, result);
	if (((Query *) node)->resultRelation != 0)
		check_query_write(result, (Query *) node);
	return query_tree_walker((Query *) node, check_writes, result, 0);
}

void
check_body_writes(VerifyResult *result, List *queries)
{
	(void) check_inserts((Node *) queries, result);
	(void) check_writes((Node *) queries, result);
	(void) check_written_nulls((Node *) queries, result);
}
