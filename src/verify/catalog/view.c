/*
 * view.c
 *		Read what a view is made of, and what is written through it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/reloptions.h"
#include "catalog/pg_rewrite.h"
#include "miscadmin.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteSupport.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"

/* Reads the catalog, because the relation cache would want a lock on the view. */
Query *
view_query(Oid view)
{
	HeapTuple	tup;
	List	   *actions;
	Datum		action;
	bool		isnull;

	tup = SearchSysCache2(RULERELNAME, ObjectIdGetDatum(view),
						  PointerGetDatum(ViewSelectRuleName));
	if (!HeapTupleIsValid(tup))
		return NULL;
	action = SysCacheGetAttr(RULERELNAME, tup, Anum_pg_rewrite_ev_action, &isnull);
	Assert(!isnull);
	actions = (List *) stringToNode(TextDatumGetCString(action));
	ReleaseSysCache(tup);
	return linitial_node(Query, actions);
}

AttrNumber *
view_columns(Oid view, Oid *below, int *ncolumns)
{
	Query	   *query = view_query(view);
	RangeTblRef *from;
	AttrNumber *columns;
	ListCell   *lc;

	if (query == NULL || view_query_is_auto_updatable(query, false) != NULL)
		return NULL;
	from = linitial_node(RangeTblRef, query->jointree->fromlist);
	*below = rt_fetch(from->rtindex, query->rtable)->relid;
	*ncolumns = list_length(query->targetList);
	columns = palloc0_array(AttrNumber, *ncolumns);

	foreach(lc, query->targetList)
	{
		TargetEntry *column = lfirst_node(TargetEntry, lc);
		Var		   *var = (Var *) column->expr;

		/* A junk entry, which ORDER BY adds, is no column, and comes last. */
		if (!column->resjunk && IsA(var, Var) && var->varno == from->rtindex &&
			var->varlevelsup == 0)
			columns[column->resno - 1] = var->varattno;
	}
	return columns;
}

Oid
view_reads_as(Oid view)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(view));
	Oid			user = GetUserId();
	Datum		options;
	bool		isnull;
	ViewOptions *parsed = NULL;

	if (!HeapTupleIsValid(tup))
		return user;
	options = SysCacheGetAttr(RELOID, tup, Anum_pg_class_reloptions, &isnull);
	if (!isnull)
		parsed = (ViewOptions *) view_reloptions(options, false);
	if (parsed == NULL || !parsed->security_invoker)
		user = ((Form_pg_class) GETSTRUCT(tup))->relowner;
	ReleaseSysCache(tup);
	return user;
}

bool
see_through_view(Oid *relid, AttrNumber *attnum)
{
	Oid			table = *relid;
	AttrNumber	column = *attnum;

	for (int depth = 0; get_rel_relkind(table) == RELKIND_VIEW; depth++)
	{
		int			ncolumns;
		AttrNumber *columns = view_columns(table, &table, &ncolumns);

		if (depth == MAX_VIEW_DEPTH || columns == NULL ||
			column <= 0 || column > ncolumns || columns[column - 1] == 0)
			return false;
		column = columns[column - 1];
	}
	*relid = table;
	*attnum = column;
	return true;
}

bool
relation_allows(Oid relid, CmdType command)
{
	switch (get_rel_relkind(relid))
	{
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_VIEW:
			conditional_lock_relation(relid);
			/* Counts INSTEAD rules and triggers, and what is below the view. */
			return (relation_is_updatable(relid, NIL, true, NULL) & (1 << command)) != 0;
		case RELKIND_MATVIEW:
			return false;
		default:
			return true;
	}
}

Oid
table_written(Oid relid, CmdType command)
{
	for (int depth = 0; depth < MAX_VIEW_DEPTH; depth++)
	{
		int			ncolumns;

		if (relation_acts_instead(relid, command))
			return InvalidOid;
		if (get_rel_relkind(relid) != RELKIND_VIEW)
			return relid;
		if (view_columns(relid, &relid, &ncolumns) == NULL)
			return InvalidOid;
	}
	return InvalidOid;
}
