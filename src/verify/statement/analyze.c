/*
 * analyze.c
 *		Analyze a statement of a contract.
 */
#include "postgres.h"

#include "base/compat.h"
#include "parser/analyze.h"
#include "parser/parse_param.h"
#include "parser/parse_type.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"

Oid *
declared_params(const Requirement *req, int *nparams)
{
	List	   *names = requirement_list(req, "params");
	List	   *schemas = baseline_list(req, "param_schemas");
	Oid		   *types = palloc_array(Oid, list_length(names));

	*nparams = list_length(names);
	for (int i = 0; i < *nparams; i++)
	{
		const char *name = list_nth(names, i);
		int32		typmod;

		types[i] = meant_type(name, i < list_length(schemas) ? list_nth(schemas, i) : NULL,
							  &typmod);
		if (!OidIsValid(types[i]) && req->baseline == NULL)
			compat_parse_type(name, &types[i], &typmod);
	}
	return types;
}

Query *
analyze_statement(RawStmt *raw, const char *sql, Oid **paramtypes, int *nparams)
{
	ParseState *pstate = make_parsestate(NULL);
	Query	   *query;

	pstate->p_sourcetext = sql;
	setup_parse_variable_parameters(pstate, paramtypes, nparams);
	query = transformTopLevelStmt(pstate, raw);
	check_variable_parameters(pstate, query);
	free_parsestate(pstate);
	return query;
}

void
check_readable(Oid relid, VerifyResult *result)
{
	char	   *sql = psprintf("SELECT FROM %s", relation_label(relid));
	RawStmt    *raw = linitial_node(RawStmt, raw_parser(sql, RAW_PARSE_DEFAULT));
	Oid		   *paramtypes = NULL;
	int			nparams = 0;
	Expansion	expansion = {NIL, 0};
	ListCell   *lc;

	(void) conditional_lock_mentions(raw->stmt, &expansion);
	foreach(lc, pg_rewrite_query(analyze_statement(raw, sql, &paramtypes, &nparams)))
	{
		Query	   *rewritten = lfirst_node(Query, lc);

		check_references((Node *) rewritten, result);
		(void) check_permissions((Node *) rewritten, result);
	}
}
