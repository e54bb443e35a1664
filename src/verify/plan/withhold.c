/*
 * withhold.c
 *		Keep the planner from running functions.
 *
 * A query that a contract has is planned to see that it can be, and not for its
 * plan.  The planner evaluates what is constant: calls of immutable functions, to
 * simplify; of stable ones, such as current_setting(), to estimate; and those
 * behind operators, with values that statistics have of a table.  The first are
 * anybody's code, the second depend on the session, the third on the data.
 *
 * So of the queries that are planned while contracts are verified every call
 * of a function that is not the server's own and immutable is given an argument of
 * which nothing is known: a parameter without a value.  All else stays as it is,
 * in particular what the planner has to know of the function to say if it can
 * do what is asked: whether it is strict (an outer join may be none then), which
 * columns it is about, and which operator joins two tables in full.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/plan/plan_internal.h"

/* ---- what is withheld ---- */

/* Is the function withheld?  Volatile functions need not be: they are never evaluated. */
static bool
is_withheld(Oid funcid)
{
	char		volatility = func_volatile(funcid);

	return volatility == PROVOLATILE_STABLE ||
		(volatility == PROVOLATILE_IMMUTABLE && funcid >= FirstNormalObjectId);
}

/* Call is_withheld(), for check_functions_in_node(). */
static bool
is_function_withheld(Oid funcid, void *context)
{
	return is_withheld(funcid);
}

/* Does an expression, or a query in it, call a function that is withheld?  Or one whose
 * arguments are not all there: a default may be a call. */
static bool
calls_withheld(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, calls_withheld, context, 0);
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid >= FirstNormalObjectId)
		return true;
	return check_functions_in_node(node, is_function_withheld, context) ||
		expression_tree_walker(node, calls_withheld, context);
}

/* ---- how ---- */

/* A number that no parameter of a query has. */
#define UNKNOWN_PARAM	PG_INT32_MAX

/* Return a value that nothing is known of.  It is equal wherever it stands, so that
 * equal expressions stay equal. */
static Param *
unknown_value(void)
{
	Param	   *param = makeNode(Param);

	param->paramkind = PARAM_EXTERN;
	param->paramid = UNKNOWN_PARAM;
	param->paramtype = INT4OID;
	param->paramtypmod = -1;
	param->location = -1;
	return param;
}

/*
 * Return a value as the planner cannot know it: the result of a call that is as strict
 * as the function it is an argument of, so that a null may still make that null.  The
 * planner finds nothing in the called functions: it does not look at the types of their
 * arguments, and these calls are never executed.
 */
static Expr *
unknown_as(bool strict, Expr *value)
{
	return (Expr *) makeFuncExpr(strict ? F_INT4LARGER : F_NUM_NULLS,
								 exprType((Node *) value),
								 list_make2(value, unknown_value()),
								 exprCollation((Node *) value), InvalidOid,
								 COERCE_EXPLICIT_CALL);
}

/* Could the planner have made something else of the call: a constant, or the body of
 * the function? */
static bool
may_matter_there(Oid funcid, List *args)
{
	HeapTuple	tup;
	bool		is_sql;

	if (funcid < FirstNormalObjectId)
		return false;
	if (!contain_var_clause((Node *) args))
		return true;
	tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tup))
		return false;
	is_sql = ((Form_pg_proc) GETSTRUCT(tup))->prolang == SQLlanguageId;
	ReleaseSysCache(tup);
	return is_sql;
}

/* Make the first argument of a withheld function unknown. */
static List *
withhold_arguments(Oid funcid, List *args, bool *may_matter)
{
	if (!is_withheld(funcid))
		return args;
	*may_matter |= may_matter_there(funcid, args);
	if (args == NIL)
		return list_make1(unknown_value());
	linitial(args) = unknown_as(func_strict(funcid), linitial(args));
	return args;
}

static Node *withhold(Node *node, void *context);

/* Withhold a call, with the defaults of its arguments, which the planner would add and
 * which may be calls as well. */
static Node *
withhold_call(FuncExpr *call, bool *may_matter)
{
	if (call->funcid >= FirstNormalObjectId)
	{
		HeapTuple	tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(call->funcid));

		if (!HeapTupleIsValid(tup))
			elog(ERROR, "cache lookup failed for function %u", call->funcid);
		call = copyObject(call);
		call->args = expand_function_arguments(call->args, false,
											   call->funcresulttype, tup);
		ReleaseSysCache(tup);
	}
	call = (FuncExpr *) expression_tree_mutator((Node *) call, withhold, may_matter);
	if (!call->funcretset)
		call->args = withhold_arguments(call->funcid, call->args, may_matter);
	return (Node *) call;
}

/* Withhold what an ON CONFLICT clause calls, apart from the expressions by which an
 * index is chosen. */
static Node *
withhold_on_conflict(OnConflictExpr *conflict, bool *may_matter)
{
	OnConflictExpr *result = (OnConflictExpr *)
	expression_tree_mutator((Node *) conflict, withhold, may_matter);

	result->arbiterElems = conflict->arbiterElems;
	result->arbiterWhere = conflict->arbiterWhere;
	return (Node *) result;
}

/* Copy a tree in which calls are withheld. */
static Node *
withhold(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	switch (nodeTag(node))
	{
		case T_Query:
			return (Node *) query_tree_mutator((Query *) node, withhold, context, 0);
		case T_FuncExpr:
			return withhold_call((FuncExpr *) node, context);
		case T_OnConflictExpr:
			return withhold_on_conflict((OnConflictExpr *) node, context);
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			{
				OpExpr	   *op = (OpExpr *) expression_tree_mutator(node, withhold, context);

				op->args = withhold_arguments(get_opcode(op->opno), op->args, context);
				return (Node *) op;
			}
		case T_ScalarArrayOpExpr:
			{
				ScalarArrayOpExpr *op = (ScalarArrayOpExpr *)
				expression_tree_mutator(node, withhold, context);

				op->args = withhold_arguments(get_opcode(op->opno), op->args, context);
				return (Node *) op;
			}
		case T_CoerceViaIO:
			{
				CoerceViaIO *cast = (CoerceViaIO *) expression_tree_mutator(node, withhold, context);

				if (check_functions_in_node(node, is_function_withheld, NULL))
					cast->arg = unknown_as(true, cast->arg);
				return (Node *) cast;
			}
		case T_ArrayCoerceExpr:
			{
				ArrayCoerceExpr *cast = makeNode(ArrayCoerceExpr);

				memcpy(cast, node, sizeof(ArrayCoerceExpr));
				cast->arg = (Expr *) withhold((Node *) cast->arg, context);
				if (calls_withheld((Node *) cast->elemexpr, NULL))
					cast->arg = unknown_as(true, cast->arg);
				return (Node *) cast;
			}
		default:
			return expression_tree_mutator(node, withhold, context);
	}
}

Query *
withhold_calls(Query *query, bool *may_matter)
{
	*may_matter = false;
	if (!calls_withheld((Node *) query, NULL))
		return query;
	return (Query *) withhold((Node *) query, may_matter);
}
