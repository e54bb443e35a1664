/*
 * constant.c
 *		Do the constants of a statement still have values?
 *
 * Planning evaluates them, but for what a domain's constraints say, which may change
 * before the plan is used.  Only what is the server's own and immutable is run here:
 * that has the same answer for everybody, and is nobody's way to stop a change.
 */
#include "postgres.h"

#include "access/transam.h"
#include "base/catalog_scan.h"
#include "base/subtransaction.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/run/run.h"
#include "verify/statement/statement.h"

/* ---- what may be evaluated ---- */

static bool
is_not_immutable(Oid funcid, void *context)
{
	return funcid >= FirstNormalObjectId || func_volatile(funcid) != PROVOLATILE_IMMUTABLE;
}

/* Is there anything in the expression but constants and immutable functions of the
 * server's? */
static bool
is_no_constant(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Const:
			return false;
		case T_Var:
		case T_Param:
		case T_SubLink:
		case T_Aggref:
		case T_GroupingFunc:
		case T_WindowFunc:
		case T_CoerceToDomain:
		case T_CoerceToDomainValue:
		case T_CaseTestExpr:
		case T_SetToDefault:
		case T_SQLValueFunction:
		case T_NextValueExpr:
		case T_CurrentOfExpr:
		case T_Query:
			return true;
		default:
			return check_functions_in_node(node, is_not_immutable, NULL) ||
				expression_tree_walker(node, is_no_constant, NULL);
	}
}

/* Evaluate an expression, in a subtransaction. */
static void
evaluate(void *arg)
{
	Node	   *expr = arg;

	(void) evaluate_expr((Expr *) expr, exprType(expr), exprTypmod(expr),
						 exprCollation(expr));
}

/* Return the error of evaluating the expression, or NULL if it has a value. */
static ErrorData *
why_no_value(Node *expr)
{
	/* Evaluating changes the tree. */
	ErrorData  *edata = subtransaction_run(evaluate, copyObject(expr), false);

	if (edata != NULL && (error_is_no_answer(edata) || error_is_the_servers(edata)))
		ReThrowError(edata);
	return edata;
}

/*
 * Does the error say that there is no such value, and not that it may not be asked for?
 */
static bool
is_of_values(const ErrorData *edata)
{
	int			category = ERRCODE_TO_CATEGORY(edata->sqlerrcode);

	return category == ERRCODE_DATA_EXCEPTION ||
		category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION;
}

/* ---- where there is nothing to evaluate ---- */

static bool
is_foreign_function(Oid funcid, void *context)
{
	return funcid >= FirstNormalObjectId;
}

/* Is there a parameter or column in the expression? */
static bool
is_given(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, Param) || IsA(node, Var) || expression_tree_walker(node, is_given, NULL);
}

/* Would planning evaluate something here, or look into a function? */
static bool
is_simplified(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_List:
		case T_TargetEntry:
		case T_WithCheckOption:
		case T_Const:
		case T_Param:
		case T_Var:
		case T_RelabelType:
		case T_CoerceToDomain:
		case T_NextValueExpr:
		case T_SQLValueFunction:
			break;
		case T_FuncExpr:
		case T_OpExpr:
		case T_CoerceViaIO:
			if (check_functions_in_node(node, is_foreign_function, NULL) ||
				(!is_given(node, NULL) &&
				 !check_functions_in_node(node, is_not_immutable, NULL)))
				return true;
			break;
		default:
			return true;
	}
	return expression_tree_walker(node, is_simplified, NULL);
}

bool
needs_no_plan(Query *query)
{
	RangeTblEntry *target;

	if (query->commandType != CMD_INSERT || query->onConflict != NULL ||
		query->cteList != NIL || query->hasSubLinks || list_length(query->rtable) != 1)
		return false;
	target = linitial_node(RangeTblEntry, query->rtable);
	return (target->relkind == RELKIND_RELATION ||
			target->relkind == RELKIND_PARTITIONED_TABLE) &&
		query->jointree->quals == NULL &&
		!is_simplified((Node *) query->targetList, NULL) &&
		!is_simplified((Node *) query->returningList, NULL) &&
		!is_simplified((Node *) query->withCheckOptions, NULL);
}

/* ---- domains ---- */

/* Does the CHECK of a domain run anything but immutable functions of the server's?  Its
 * VALUE does not matter. */
static bool
is_mutable(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, CoerceToDomainValue))
		return false;
	if (IsA(node, SQLValueFunction) || IsA(node, CoerceToDomain))
		return true;
	return check_functions_in_node(node, is_not_immutable, NULL) ||
		expression_tree_walker(node, is_mutable, NULL);
}

/* Do the constraints of a domain run nothing but immutable functions of the server's? */
static bool
checks_are_immutable(Oid domain)
{
	CatalogScan scan = begin_catalog_scan(ConstraintRelationId, Anum_pg_constraint_contypid,
										  ConstraintTypidIndexId, domain);
	bool		result = true;
	HeapTuple	tup;

	while (result && HeapTupleIsValid(tup = systable_getnext(scan.scan)))
		result = !is_mutable(catalog_expression(scan.catalog, tup, Anum_pg_constraint_conbin),
							 NULL);
	end_catalog_scan(&scan);
	return result;
}

/* Is that so for all domains down to the server's own type? */
static bool
domain_is_immutable(Oid type)
{
	FormData_pg_type form;

	for (; OidIsValid(type) && type >= FirstNormalObjectId; type = form.typbasetype)
	{
		if (!read_type(type, &form) || form.typtype != TYPTYPE_DOMAIN ||
			!checks_are_immutable(type))
			return false;
	}
	return true;
}

/* Report a constant that a domain refuses. */
static void
check_domain_constant(CoerceToDomain *coercion, VerifyResult *result)
{
	ErrorData  *edata;

	if (is_no_constant((Node *) coercion->arg, NULL) ||
		!domain_is_immutable(coercion->resulttype))
		return;
	edata = why_no_value((Node *) coercion);
	if (edata != NULL && is_of_values(edata))
		result_add_problem(result, RULE_QUERY_BROKEN, STATE_UNMET,
						   pstrdup("the statement to run"), pstrdup(edata->message),
						   InvalidOid, NULL)->sqlstate =
			pstrdup(unpack_sql_state(edata->sqlerrcode));
}

bool
check_domain_constants(Node *node, VerifyResult *result)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Query:
			return query_tree_walker((Query *) node, check_domain_constants, result, 0);
		case T_CoerceToDomain:
			check_domain_constant((CoerceToDomain *) node, result);
			break;
		case T_CaseExpr:
		case T_CoalesceExpr:
		case T_BoolExpr:
			return false;		/* it may never come to that */
		default:
			break;
	}
	return expression_tree_walker(node, check_domain_constants, result);
}
