/*
 * made_type.c
 *		Of what types does a statement make values of its own?
 *
 * The constraints of a domain are checked where a value of the domain is made: by a
 * cast, from a parameter, and by functions that make rows of what they are given, such
 * as jsonb_populate_record().  What is read from a column is not checked again.  If the
 * type is made of others, such as the row type of a table, so are these.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "base/compat.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"
#include "verify/statement/statement_internal.h"

void
add_made_type(VerifyResult *result, Oid type)
{
	/* The server's own types are made of no domain that could be altered. */
	if (type >= FirstNormalObjectId)
		result->made_types = list_append_unique_oid(result->made_types, type);
}

static void
add_made_types(VerifyResult *result, List *types)
{
	ListCell   *lc;

	foreach(lc, types)
		add_made_type(result, lfirst_oid(lc));
}

/* Does a call make its result by itself?  A function in SQL or PL/pgSQL has a body, in
 * which it is made. */
static bool
makes_its_result(Oid funcid)
{
	HeapTuple	tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	Oid			language;

	if (!HeapTupleIsValid(tup))
		return false;
	language = ((Form_pg_proc) GETSTRUCT(tup))->prolang;
	ReleaseSysCache(tup);
	return language == INTERNALlanguageId || language == ClanguageId;
}

/* Add the columns that a call in FROM is given, as of jsonb_to_record() AS x (a t). */
static void
add_columns(VerifyResult *result, RangeTblFunction * function)
{
	FuncExpr   *call = (FuncExpr *) function->funcexpr;

	if (function->funccoltypes != NIL && IsA(call, FuncExpr) && makes_its_result(call->funcid))
		add_made_types(result, function->funccoltypes);
}

void
add_types_made_by(VerifyResult *result, Node *node)
{
	switch (nodeTag(node))
	{
		case T_Param:
			if (((Param *) node)->paramkind == PARAM_EXTERN)
				add_made_type(result, ((Param *) node)->paramtype);
			break;
		case T_CoerceToDomain:

			/*
			 * What becomes of a constant is known: see
			 * check_domain_constants.
			 */
			if (!IsA(((CoerceToDomain *) node)->arg, Const))
				add_made_type(result, ((CoerceToDomain *) node)->resulttype);
			break;
		case T_CoerceViaIO:
			add_made_type(result, ((CoerceViaIO *) node)->resulttype);
			break;
		case T_FuncExpr:
			if (((FuncExpr *) node)->funcresulttype >= FirstNormalObjectId &&
				type_is_rowtype(((FuncExpr *) node)->funcresulttype) &&
				makes_its_result(((FuncExpr *) node)->funcid))
				add_made_type(result, ((FuncExpr *) node)->funcresulttype);
			break;
		case T_RangeTblFunction:
			add_columns(result, (RangeTblFunction *) node);
			break;
		case T_TableFunc:
			add_made_types(result, ((TableFunc *) node)->coltypes);
			break;
		default:
			if (compat_is_json_query(node))
				add_made_type(result, exprType(node));
			break;
	}
}

bool
add_types_made(Node *node, VerifyResult *result)
{
	if (node == NULL)
		return false;
	add_types_made_by(result, node);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, add_types_made, result, 0);
	return expression_tree_walker(node, add_types_made, result);
}
