/*
 * verify_query.c
 *		Does a registered query still work, and still mean the same?
 *
 * A query is analysed, rewritten and planned.  An error on the way is the
 * answer; the server's message is part of it.  If there is none, the query's
 * shape is compared with what it was when the query first worked.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "base/compat.h"
#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parse_param.h"
#include "parser/parse_type.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
#include "utils/lsyscache.h"
#include "verify/body/body.h"
#include "verify/catalog/catalog.h"
#include "verify/kinds/kinds.h"
#include "verify/kinds/kinds_internal.h"
#include "verify/plan/plan.h"
#include "verify/properties/properties.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"

/*
 * A standby has no data of unlogged relations, and the planner refuses to look
 * at them there.  It does not look at what is inserted into.
 */
static bool
scans_unlogged(Node *node, Observation *obs)
{
	Query	   *query = (Query *) node;
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, scans_unlogged, obs);

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		ListCell   *lci;

		if (rte->rtekind != RTE_RELATION ||
			(query->commandType == CMD_INSERT && query->onConflict == NULL &&
			 foreach_current_index(lc) + 1 == query->resultRelation))
			continue;
		if (get_rel_persistence(rte->relid) != RELPERSISTENCE_PERMANENT)
			return true;
		foreach(lci, rte->inh ? parts_that_matter(&obs->parts, rte->relid) : NIL)
		{
			if (get_rel_persistence(lfirst_oid(lci)) != RELPERSISTENCE_PERMANENT)
				return true;
		}
	}
	return query_tree_walker(query, scans_unlogged, obs, 0);
}

static void
plan_one(Query *query, const char *sql, Observation *obs)
{
	PlannedStmt *planned;

	if (needs_no_plan(query))
		return;
	if (RecoveryInProgress() && scans_unlogged((Node *) query, obs))
	{
		observe_problem(obs, RULE_NOT_VERIFIED, STATE_UNKNOWN,
						pstrdup("the statement to run"),
						pstrdup("an unlogged table, which a standby cannot plan for"),
						InvalidOid, NULL);
		return;
	}
	planner_begin();
	obs->planning = true;
	(void) check_polymorphic_calls((Node *) query, NULL);
	planned = compat_plan_query(query, sql);
	obs->planning = false;
	observe_plan(planned, obs);
}

/* What is not permitted cannot be had, and nobody's time is spent on it. */
static void
plan(List *queries, const char *sql, Observation *obs)
{
	ListCell   *lc;

	if (observation_is_denied(obs))
		return;
	foreach(lc, queries)
	{
		if (lfirst_node(Query, lc)->commandType != CMD_UTILITY)
			plan_one(lfirst(lc), sql, obs);
	}
}

/*
 * What holds of any statement, whether the contract gives its text or says what it
 * is to do.
 */
static void
verify_analysed(const Requirement *req, Observation *obs, Query *query, const char *sql)
{
	Surroundings *around;
	List	   *rewritten;
	ListCell   *lc;

	observe_references((Node *) query, obs);
	around = surroundings_begin(req, obs);
	(void) add_uses((Node *) query, around);
	observe_written(req, obs, query);

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
		(void) observe_domain_constants(node, obs);
		(void) add_uses_of_rules(node, around);
	}
	observe_bodies(req, obs);
	plan(rewritten, sql, obs);
	surroundings_end(around);
}

void
verify_text(const Requirement *req, Observation *obs, const char *sql)
{
	RawStmt    *raw = linitial_node(RawStmt, raw_parser(sql, RAW_PARSE_DEFAULT));
	Oid		   *paramtypes = NULL;
	int			nparams = 0;
	Expansion	expansion = {NIL, 0};

	(void) try_lock_mentions(raw->stmt, &expansion);
	verify_analysed(req, obs, analyse(raw, sql, &paramtypes, &nparams), sql);
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
	Expansion	expansion = {NIL, 0};
	List	   *meanings;
	int			nkeys;

	if (list_length(parsed) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("query is not one statement")));
	raw = linitial_node(RawStmt, parsed);

	/* First the names, so that they are known even if the rest fails. */
	observe_mentions(raw->stmt, obs);
	if (obs->state == STATE_UNMET)
		return;					/* a schema is missing */
	(void) try_lock_mentions(raw->stmt, &expansion);
	meanings = add_raw_meanings(NIL, raw->stmt, obs);

	/* As long as the query is not analysed, a literal may name what is not there. */
	nkeys = list_length(obs->keys);
	(void) observe_literals(raw->stmt, obs);
	query = analyse(raw, sql, &paramtypes, &nparams);
	obs->keys = list_truncate(obs->keys, nkeys);

	shape = shape_of(query, paramtypes, nparams, obs);
	meanings = add_meanings(meanings, query, req->baseline == NULL, obs);
	if (req->baseline == NULL)
		obs->baseline = shape_to_json(shape, meanings,
									  list_length(requirement_list(req, "params")));
	verify_analysed(req, obs, query, sql);
	if (req->baseline != NULL)
		shape_compare(obs, req->baseline, shape, meanings);
}
