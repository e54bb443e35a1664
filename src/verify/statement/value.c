/*
 * value.c
 *		What values a statement writes.
 *
 * Values are followed through VALUES, subqueries and WITH to where they come from.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/statement/statement_internal.h"

/* A query, and the one it is a part of. */
typedef struct Level
{
	Query	   *query;
	const struct Level *outer;
} Level;

/* A column of a subquery may be used more than once, and its own columns so in turn.
 * After so many steps an expression counts as never null. */
#define MAX_STEPS 10000

static int	steps;

static NullSort null_sort(Node *expr, const Level *level);

/* ---- where a column of a query comes from ---- */

/* Is a column of a relation never null? */
static bool
column_is_not_null(Oid relid, AttrNumber attnum)
{
	HeapTuple	tup = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
									  Int16GetDatum(attnum));
	bool		result;

	if (!HeapTupleIsValid(tup))
		return true;			/* the whole row */
	result = attnum < 0 || ((Form_pg_attribute) GETSTRUCT(tup))->attnotnull;
	ReleaseSysCache(tup);
	return result;
}

/* Say whether a column of a target list is null. */
static NullSort
of_target(List *targetlist, AttrNumber attnum, const Level *level)
{
	TargetEntry *tle = get_tle_by_resno(targetlist, attnum);

	return tle == NULL ? NULL_NEVER : null_sort((Node *) tle->expr, level);
}

/* Say whether a column of a UNION is null.  A null in one branch is one that may come. */
static NullSort
of_set_operation(Node *node, AttrNumber attnum, const Level *level)
{
	if (IsA(node, SetOperationStmt))
	{
		SetOperationStmt *setop = (SetOperationStmt *) node;
		NullSort	left = of_set_operation(setop->larg, attnum, level);
		NullSort	right = of_set_operation(setop->rarg, attnum, level);

		return left == right ? left : NULL_PERHAPS;
	}
	if (IsA(node, RangeTblRef))
	{
		RangeTblEntry *rte = rt_fetch(((RangeTblRef *) node)->rtindex,
									  level->query->rtable);
		Level		inner = {rte->subquery, level};

		if (rte->subquery != NULL)
			return of_target(rte->subquery->targetList, attnum, &inner);
	}
	return NULL_NEVER;
}

/* Say whether a column of a subquery is null. */
static NullSort
of_subquery(Query *query, AttrNumber attnum, const Level *outer)
{
	Level		level = {query, outer};

	if (query->setOperations != NULL)
		return of_set_operation(query->setOperations, attnum, &level);
	return of_target(query->commandType == CMD_SELECT ? query->targetList
					 : query->returningList, attnum, &level);
}

/* Say whether a column of VALUES is null.  Every row is written, so one null is enough. */
static NullSort
of_values(RangeTblEntry *rte, AttrNumber attnum, const Level *level)
{
	NullSort	worst = NULL_NEVER;
	ListCell   *lc;

	foreach(lc, rte->values_lists)
		worst = Max(worst, null_sort(list_nth(lfirst(lc), attnum - 1), level));
	return worst;
}

/* Say whether a column of a query in WITH is null. */
static NullSort
of_cte(RangeTblEntry *rte, AttrNumber attnum, const Level *level)
{
	ListCell   *lc;

	for (Index up = rte->ctelevelsup; up > 0 && level != NULL; up--)
		level = level->outer;
	if (level == NULL || rte->self_reference)
		return NULL_NEVER;
	foreach(lc, level->query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (strcmp(cte->ctename, rte->ctename) == 0 && IsA(cte->ctequery, Query) &&
			!cte->cterecursive)
			return of_subquery((Query *) cte->ctequery, attnum, level);
	}
	return NULL_NEVER;
}

/* Say whether a column is null, wherever it comes from. */
static NullSort
of_var(Var *var, const Level *level)
{
	Query	   *query = level->query;
	RangeTblEntry *rte;

	if (var->varlevelsup != 0 || var->varattno == InvalidAttrNumber ||
		var->varno > list_length(query->rtable))
		return NULL_NEVER;
	if (query->onConflict != NULL && var->varno == query->onConflict->exclRelIndex)
		return of_target(query->targetList, var->varattno, level);
	rte = rt_fetch(var->varno, query->rtable);
	switch (rte->rtekind)
	{
		case RTE_RELATION:
			return column_is_not_null(rte->relid, var->varattno) ? NULL_NEVER : NULL_PERHAPS;
		case RTE_SUBQUERY:
			return of_subquery(rte->subquery, var->varattno, level);
		case RTE_VALUES:
			return of_values(rte, var->varattno, level);
		case RTE_CTE:
			return of_cte(rte, var->varattno, level);
		case RTE_JOIN:
			if (var->varattno > 0 && var->varattno <= list_length(rte->joinaliasvars))
				return null_sort(list_nth(rte->joinaliasvars, var->varattno - 1), level);
			return NULL_NEVER;
		default:
			return NULL_NEVER;
	}
}

/* ---- expressions ---- */

/* Return the worst of expressions: null if any is. */
static NullSort
worst_of(List *exprs, const Level *level)
{
	NullSort	worst = NULL_NEVER;
	ListCell   *lc;

	foreach(lc, exprs)
		worst = Max(worst, null_sort(lfirst(lc), level));
	return worst;
}

/* Say whether a call is null: if it is strict, by its arguments. */
static NullSort
of_call(Oid funcid, List *args, const Level *level)
{
	return func_strict(funcid) ? worst_of(args, level) : NULL_NEVER;
}

/* Return the best of expressions: null only if all are. */
static NullSort
best_of(List *exprs, const Level *level)
{
	NullSort	best = NULL_ALWAYS;
	ListCell   *lc;

	foreach(lc, exprs)
		best = Min(best, null_sort(lfirst(lc), level));
	return best;
}

/* Say whether CASE is null. */
static NullSort
of_case(CaseExpr *expr, const Level *level)
{
	NullSort	sort = expr->defresult == NULL ? NULL_ALWAYS
	: null_sort((Node *) expr->defresult, level);
	ListCell   *lc;

	foreach(lc, expr->args)
	{
		CaseWhen   *when = lfirst_node(CaseWhen, lc);

		if (null_sort((Node *) when->result, level) != sort)
			sort = NULL_PERHAPS;
	}
	return sort;
}

/* Say whether an aggregate is null: without GROUP BY there may be no rows to take it
 * of. */
static NullSort
of_aggregate(Aggref *aggref, const Level *level)
{
	if (aggref->aggfnoid == F_COUNT_ || aggref->aggfnoid == F_COUNT_ANY)
		return NULL_NEVER;
	return level->query->groupClause == NIL ? NULL_PERHAPS : NULL_NEVER;
}

/* Say whether an expression is null. */
static NullSort
null_sort(Node *expr, const Level *level)
{
	if (expr == NULL || ++steps > MAX_STEPS)
		return NULL_NEVER;
	check_stack_depth();
	switch (nodeTag(expr))
	{
		case T_Const:
			return ((Const *) expr)->constisnull ? NULL_ALWAYS : NULL_NEVER;
		case T_Param:
			return NULL_PERHAPS;
		case T_Var:
			return of_var((Var *) expr, level);
		case T_SubLink:
			return ((SubLink *) expr)->subLinkType == EXPR_SUBLINK ? NULL_PERHAPS : NULL_NEVER;
		case T_RelabelType:
			return null_sort((Node *) ((RelabelType *) expr)->arg, level);
		case T_CoerceToDomain:
			return null_sort((Node *) ((CoerceToDomain *) expr)->arg, level);
		case T_CoerceViaIO:
			return null_sort((Node *) ((CoerceViaIO *) expr)->arg, level);
		case T_ArrayCoerceExpr:
			return null_sort((Node *) ((ArrayCoerceExpr *) expr)->arg, level);
		case T_CollateExpr:
			return null_sort((Node *) ((CollateExpr *) expr)->arg, level);
		case T_FuncExpr:
			return of_call(((FuncExpr *) expr)->funcid, ((FuncExpr *) expr)->args, level);
		case T_OpExpr:
			return of_call(get_opcode(((OpExpr *) expr)->opno), ((OpExpr *) expr)->args, level);
		case T_CoalesceExpr:
			return best_of(((CoalesceExpr *) expr)->args, level);
		case T_MinMaxExpr:
			return best_of(((MinMaxExpr *) expr)->args, level);
		case T_NullIfExpr:
			return NULL_PERHAPS;
		case T_CaseExpr:
			return of_case((CaseExpr *) expr, level);
		case T_Aggref:
			return of_aggregate((Aggref *) expr, level);
		default:
			return NULL_NEVER;
	}
}

/* ---- what is written ---- */

static bool
is_no_constant(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) || IsA(node, Param) || IsA(node, SubLink) || IsA(node, Aggref) ||
		IsA(node, WindowFunc))
		return true;
	return expression_tree_walker(node, is_no_constant, context);
}

/* Is the value constant?  It may also come from VALUES, if each of its rows has a
 * constant there. */
static bool
is_constant(Node *expr, const Query *query)
{
	Var		   *var = (Var *) expr;
	RangeTblEntry *rte;
	ListCell   *lc;

	if (!IsA(var, Var))
		return !is_no_constant(expr, NULL);
	if (var->varlevelsup != 0 || var->varattno <= 0 ||
		var->varno > list_length(query->rtable))
		return false;
	rte = rt_fetch(var->varno, query->rtable);
	if (rte->rtekind != RTE_VALUES)
		return false;
	foreach(lc, rte->values_lists)
	{
		if (is_no_constant(list_nth(lfirst(lc), var->varattno - 1), NULL))
			return false;
	}
	return true;
}

/* A walk through a query and those in it. */
typedef struct ValueSearch
{
	const Level *level;
	List	   *values;
} ValueSearch;

/* Return what UPDATE ... SET x = DEFAULT writes: a null where the column has no
 * default, or NULL if it has one.  An INSERT that says DEFAULT leaves the column out. */
static Expr *
null_by_default(Oid relid, AttrNumber attnum)
{
	ColumnInfo	info;

	if (!column_info(relid, attnum, &info) || info.computed || info.has_default ||
		info.identity != '\0' || info.generated != '\0')
		return NULL;
	return (Expr *) makeNullConst(info.type, info.typmod, info.collation);
}

/* Add the values of a target list. */
static void
add_values(ValueSearch *search, const Level *level, CmdType command, List *targetlist)
{
	Query	   *query = level->query;
	ListCell   *lc;

	if (command != CMD_INSERT && command != CMD_UPDATE)
		return;
	foreach(lc, targetlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		WrittenValue *value;

		Oid			relid = rt_fetch(query->resultRelation, query->rtable)->relid;
		Expr	   *expr = tle->expr;

		if (expr != NULL && IsA(expr, SetToDefault))
			expr = command == CMD_UPDATE ? null_by_default(relid, tle->resno) : NULL;
		if (tle->resjunk || expr == NULL)
			continue;
		value = palloc0_object(WrittenValue);
		value->command = command;
		value->relid = relid;
		value->attnum = tle->resno;
		value->expr = expr;
		value->null = null_sort((Node *) expr, level);
		value->constant = is_constant((Node *) expr, query);
		search->values = lappend(search->values, value);
	}
}

/* Add the values that a tree writes, a tree walker. */
static bool
find_values(Node *node, void *context)
{
	ValueSearch *search = context;
	const Level *outer = search->level;
	Level		level = {(Query *) node, outer};
	ListCell   *lc;
	bool		result;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, find_values, context);
	if (level.query->resultRelation != 0)
	{
		add_values(search, &level, level.query->commandType, level.query->targetList);
		if (level.query->onConflict != NULL)
			add_values(search, &level, CMD_UPDATE, level.query->onConflict->onConflictSet);
		foreach(lc, level.query->mergeActionList)
			add_values(search, &level, lfirst_node(MergeAction, lc)->commandType,
					   lfirst_node(MergeAction, lc)->targetList);
	}
	search->level = &level;
	result = query_tree_walker(level.query, find_values, context, 0);
	search->level = outer;
	return result;
}

List *
written_values(Query *query)
{
	ValueSearch search = {0};

	steps = 0;
	(void) find_values((Node *) query, &search);
	return search.values;
}
