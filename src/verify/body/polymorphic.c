/*
 * polymorphic.c
 *		Do functions in SQL that are of no certain type resolve as a query calls them?
 *
 * Without a call sql_body.c cannot tell.  The planner would look into the body, to put it
 * in the place of the call, but is kept from that (execution.c).  So it is done here, for
 * the functions for which the planner would do it, and no further than to see whether it
 * could.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "base/compat.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "executor/functions.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "verify/body/body.h"
#include "verify/body/body_internal.h"
#include "verify/catalog/catalog.h"

/* Does the planner look into the function? */
static bool
is_open(HeapTuple tup)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tup);

	return form->prolang == SQLlanguageId && form->prokind == PROKIND_FUNCTION &&
		!form->prosecdef && heap_attisnull(tup, Anum_pg_proc_proconfig, NULL) &&
		is_polymorphic(form);
}

/* Analyse a body as the call has it.  Its text is not passed on: positions in it are
 * none of the query's. */
static void
check_body(HeapTuple tup, FuncExpr *call, RawStmt *raw)
{
	Expansion	expansion = {NIL, 0};
	ParseState *pstate = make_parsestate(NULL);

	(void) conditional_lock_mentions(raw->stmt, &expansion);

	/* Put all arguments in their places, for their types. */
	call->args = expand_function_arguments(call->args, false, call->funcresulttype, tup);
	sql_fn_parser_setup(pstate, prepare_sql_fn_parse_info(tup, (Node *) call,
														  call->inputcollid));
	(void) transformTopLevelStmt(pstate, raw);
	free_parsestate(pstate);
}

/* Check the body of a called function, if it is a single SELECT that the planner would
 * look into. */
static void
check_call(FuncExpr *call)
{
	HeapTuple	tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(call->funcid));

	if (!HeapTupleIsValid(tup))
		return;
	if (is_open(tup))
	{
		List	   *parsed = raw_parser(proc_text(tup, Anum_pg_proc_prosrc),
										RAW_PARSE_DEFAULT);

		if (list_length(parsed) == 1 &&
			IsA(linitial_node(RawStmt, parsed)->stmt, SelectStmt))
			check_body(tup, copyObject(call), linitial(parsed));
	}
	ReleaseSysCache(tup);
}

bool
check_polymorphic_calls(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, check_polymorphic_calls, context, 0);
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid >= FirstNormalObjectId)
		check_call((FuncExpr *) node);
	return expression_tree_walker(node, check_polymorphic_calls, context);
}
