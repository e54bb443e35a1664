/*
 * sql_body.c
 *		Check the body of a routine in SQL.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/compat.h"
#include "catalog/pg_proc.h"
#include "executor/functions.h"
#include "funcapi.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "verify/body/body_internal.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"

char *
proc_text(HeapTuple tup, AttrNumber attnum)
{
	bool		isnull;
	Datum		value = SysCacheGetAttr(PROCOID, tup, attnum, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* Check a statement of a body, as rewritten, or as it is stored. */
static void
check_statement(List *queries, VerifyResult *result)
{
	(void) check_references((Node *) queries, result);
	check_body_writes(result, queries);
	(void) check_domain_constants((Node *) queries, result);
	(void) check_permissions((Node *) queries, result);
}

/* Analyse a statement of a body, and rewrite it. */
static List *
analyze_body_statement(RawStmt *raw, const char *source, SQLFunctionParseInfoPtr info)
{
	ParseState *pstate = make_parsestate(NULL);
	Query	   *query;

	pstate->p_sourcetext = source;
	sql_fn_parser_setup(pstate, info);
	query = transformTopLevelStmt(pstate, raw);
	free_parsestate(pstate);
	return query->commandType == CMD_UTILITY ? list_make1(query) : pg_rewrite_query(query);
}

/* Raise an error if the last statement does not return what the function declares. */
static void
check_result(Form_pg_proc form, List *statements, VerifyResult *result)
{
	Oid			type;
	TupleDesc	desc;

	check_sql_fn_statements(statements);
	if (form->prokind == PROKIND_PROCEDURE)
		return;
	(void) get_func_result_type(form->oid, &type, &desc);
	(void) compat_check_sql_fn_retval(statements, type, desc, form->prokind);
	/* It casts what is returned. */
	(void) add_types_made((Node *) statements, result);
}

/*
 * Check a body of BEGIN ATOMIC. It is analysed already, and dependencies keep what it
 * names.  But what is below its views is read with the rights of their owners, and a
 * SELECT * stays with the columns there were, while the row type that is returned may
 * grow.
 */
static void
check_analyzed_body(Form_pg_proc form, const char *stored, VerifyResult *result)
{
	Node	   *node = stringToNode(stored);
	List	   *queries = IsA(node, List) ? linitial_node(List, (List *) node)
	: list_make1(node);
	List	   *statements = NIL;
	ListCell   *lc;

	foreach(lc, queries)
	{
		Query	   *query = lfirst_node(Query, lc);
		List	   *rewritten = list_make1(query);

		if (query->commandType != CMD_UTILITY)
		{
			conditional_lock_query(query);
			AcquireRewriteLocks(query, true, false);
			rewritten = pg_rewrite_query(query);
		}
		check_statement(rewritten, result);
		statements = lappend(statements, rewritten);
	}
	check_result(form, statements, result);
}

bool
is_polymorphic(Form_pg_proc form)
{
	for (int i = 0; i < form->pronargs; i++)
	{
		if (IsPolymorphicType(form->proargtypes.values[i]))
			return true;
	}
	return false;
}

/* Is it a query, and not a utility statement, which only running it would look into? */
static bool
is_query(Node *stmt)
{
	return IsA(stmt, SelectStmt) || IsA(stmt, InsertStmt) || IsA(stmt, UpdateStmt) ||
		IsA(stmt, DeleteStmt) || IsA(stmt, MergeStmt);
}

void
check_sql_body(HeapTuple tup, const char *source, VerifyResult *result)
{
	char	   *stored = proc_text(tup, Anum_pg_proc_prosqlbody);
	List	   *parsed;
	List	   *statements = NIL;
	SQLFunctionParseInfoPtr info;
	ListCell   *lc;

	if (stored != NULL)
	{
		check_analyzed_body((Form_pg_proc) GETSTRUCT(tup), stored, result);
		return;
	}
	parsed = raw_parser(source, RAW_PARSE_DEFAULT);
	foreach(lc, parsed)
	{
		Node	   *stmt = lfirst_node(RawStmt, lc)->stmt;
		Expansion	expansion = {NIL, 0};

		if (!is_query(stmt))
			continue;
		(void) depend_on_mentioned_names(stmt, result);
		(void) conditional_lock_mentions(stmt, &expansion);
	}
	if (is_polymorphic((Form_pg_proc) GETSTRUCT(tup)))
		return;					/* see polymorphic.c */
	info = prepare_sql_fn_parse_info(tup, NULL, InvalidOid);
	foreach(lc, parsed)
	{
		List	   *queries = analyze_body_statement(lfirst_node(RawStmt, lc), source, info);

		check_statement(queries, result);
		statements = lappend(statements, queries);
	}
	check_result((Form_pg_proc) GETSTRUCT(tup), statements, result);
}
