/*
 * query.c
 *		Does a registered query still work, and still mean the same?
 *
 * A query is analysed, rewritten and planned.  An error on the way is the
 * answer; the server's message is part of it.  If there is none, the query's
 * shape is compared with what it was when the query first worked.
 */
#include "postgres.h"

#include "base/compat.h"
#include "parser/analyze.h"
#include "parser/parse_param.h"
#include "parser/parse_type.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
#include "verify/observe.h"
#include "verify/query.h"

/* The declared parameter types; the rest is inferred. */
static Oid *
declared_params(const Requirement *req, int *nparams)
{
	List	   *names = requirement_list(req, "params");
	Oid		   *types = palloc_array(Oid, list_length(names));
	ListCell   *lc;

	*nparams = 0;
	foreach(lc, names)
	{
		int32		typmod;

		compat_parse_type(lfirst(lc), &types[*nparams], &typmod);
		(*nparams)++;
	}
	return types;
}

/* Parse analysis without the hooks: nothing that is not run should be counted. */
static Query *
analyse(RawStmt *raw, const char *sql, Oid **paramtypes, int *nparams)
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

/*
 * Planning runs immutable functions.  Those of a query that is not permitted
 * have no business to run: they could fail or dawdle, and so stop changes of
 * objects that the role has no access to.
 */
static void
plan(List *queries, const char *sql, const Observation *obs)
{
	ListCell   *lc;

	if (observation_is_denied(obs))
		return;
	foreach(lc, queries)
	{
		Query	   *query = lfirst_node(Query, lc);

		if (query->commandType != CMD_UTILITY)
			(void) compat_plan_query(query, sql);
	}
}

void
verify_query(const Requirement *req, Observation *obs)
{
	char	   *sql = requirement_text(req, "sql");
	List	   *parsed = raw_parser(sql, RAW_PARSE_DEFAULT);
	int			nparams;
	Oid		   *paramtypes = declared_params(req, &nparams);
	RawStmt    *raw;
	Query	   *query;
	Shape	   *shape;
	List	   *rewritten;
	ListCell   *lc;

	if (list_length(parsed) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("query is not one statement")));
	raw = linitial_node(RawStmt, parsed);

	/* First the names, so that they are known even if the rest fails. */
	observe_mentions(raw->stmt, obs);
	if (obs->state == STATE_UNMET)
		return;					/* a schema is missing */
	(void) try_lock_mentions(raw->stmt, NULL);

	query = analyse(raw, sql, &paramtypes, &nparams);
	observe_references((Node *) query, obs);
	shape = shape_of(query, paramtypes, nparams);

	rewritten = pg_rewrite_query(query);
	foreach(lc, rewritten)
	{
		Node	   *node = lfirst(lc);

		if (lfirst_node(Query, lc)->commandType == CMD_UTILITY)
			continue;
		observe_references(node, obs);
		observe_all_inserts(node, obs);
		observe_all_writes(node, obs);
		(void) observe_permissions(node, obs);
	}
	obs->baseline = shape_to_json(shape);
	if (observe_bodies(req, obs))
		plan(rewritten, sql, obs);
	if (req->baseline != NULL)
		shape_compare(obs, req->baseline, shape);
}
