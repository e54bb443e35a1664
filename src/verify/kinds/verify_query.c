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
#include "parser/parser.h"
#include "tcop/tcopprot.h"
#include "utils/lsyscache.h"
#include "verify/body/body.h"
#include "verify/catalog/catalog.h"
#include "verify/kinds/kinds_internal.h"
#include "verify/plan/plan.h"
#include "verify/properties/properties.h"
#include "verify/result/result.h"
#include "verify/run/run.h"
#include "verify/statement/statement.h"

/* Does the query scan an unlogged relation?  A standby has no data of these, and the
 * planner refuses to look at them there.  It does not look at what is inserted into. */
static bool
scans_unlogged(Node *node, VerifyResult *result)
{
	Query	   *query = (Query *) node;
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, scans_unlogged, result);

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
		foreach(lci, rte->inh ? partitions_that_matter(&result->parts, rte->relid) : NIL)
		{
			if (get_rel_persistence(lfirst_oid(lci)) != RELPERSISTENCE_PERMANENT)
				return true;
		}
	}
	return query_tree_walker(query, scans_unlogged, result, 0);
}

/* Plan one query and check the plan. */
static void
plan_one(Query *query, const char *sql, VerifyResult *result)
{
	PlannedStmt *planned;

	if (needs_no_plan(query))
		return;
	if (RecoveryInProgress() && scans_unlogged((Node *) query, result))
	{
		result_add_problem(result, RULE_NOT_VERIFIED, STATE_UNKNOWN,
						   pstrdup("the statement to run"),
						   pstrdup("an unlogged table, which a standby cannot plan for"),
						   InvalidOid, NULL);
		return;
	}
	verification->withheld = false;
	result->planning = true;
	(void) check_polymorphic_calls((Node *) query, NULL);
	planned = compat_plan_query(query, sql);
	result->planning = false;
	check_plan(planned, result);
}

/* Plan the queries, unless the role may not run them: nobody's time is spent on these. */
static void
plan(List *queries, const char *sql, VerifyResult *result)
{
	ListCell   *lc;

	if (result_is_denied(result))
		return;
	foreach(lc, queries)
	{
		if (lfirst_node(Query, lc)->commandType != CMD_UTILITY)
			plan_one(lfirst(lc), sql, result);
	}
}

/* Verify what holds of any statement, whether the contract gives its text or declares
 * what it does. */
static void
verify_analyzed(const Requirement *req, VerifyResult *result, Query *query, const char *sql)
{
	PropertyCheck *check;
	List	   *rewritten;
	ListCell   *lc;

	check_references((Node *) query, result);
	check = property_check_begin(req, result);
	(void) add_usages((Node *) query, check);
	check_written_values(req, result, query);

	rewritten = pg_rewrite_query(query);
	foreach(lc, rewritten)
	{
		Node	   *node = lfirst(lc);

		if (lfirst_node(Query, lc)->commandType == CMD_UTILITY)
			continue;
		check_references(node, result);
		check_inserts(node, result);
		check_writes(node, result);
		(void) check_permissions(node, result);
		(void) check_domain_constants(node, result);
		(void) add_usages_of_rules(node, check);
	}
	check_bodies(req, result);
	plan(rewritten, sql, result);
	property_check_end(check);
}

void
verify_text(const Requirement *req, VerifyResult *result, const char *sql)
{
	RawStmt    *raw = linitial_node(RawStmt, raw_parser(sql, RAW_PARSE_DEFAULT));
	Oid		   *paramtypes = NULL;
	int			nparams = 0;
	Expansion	expansion = {NIL, 0};

	(void) conditional_lock_mentions(raw->stmt, &expansion);
	verify_analyzed(req, result, analyze_statement(raw, sql, &paramtypes, &nparams), sql);
}

void
verify_query(const Requirement *req, VerifyResult *result)
{
	char	   *sql = requirement_text(req, "sql");
	List	   *parsed = raw_parser(sql, RAW_PARSE_DEFAULT);
	int			nparams;
	Oid		   *paramtypes = declared_params(req, &nparams);
	RawStmt    *raw;
	Query	   *query;
	Shape	   *shape;
	Expansion	expansion = {NIL, 0};
	List	   *resolved_names;
	int			nkeys;

	if (list_length(parsed) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("query is not one statement")));
	raw = linitial_node(RawStmt, parsed);

	/* First the names, so that they are known even if the rest fails. */
	depend_on_mentioned_names(raw->stmt, result);
	if (result->state == STATE_UNMET)
		return;					/* a schema is missing */
	(void) conditional_lock_mentions(raw->stmt, &expansion);
	resolved_names = add_raw_resolved_names(NIL, raw->stmt, result);

	/*
	 * As long as the query is not analysed, a literal may name what is not
	 * there.
	 */
	nkeys = list_length(result->keys);
	(void) depend_on_literals(raw->stmt, result);
	query = analyze_statement(raw, sql, &paramtypes, &nparams);
	result->keys = list_truncate(result->keys, nkeys);

	shape = shape_of(query, paramtypes, nparams, result);
	resolved_names = add_resolved_names(resolved_names, query, req->baseline == NULL, result);
	if (req->baseline == NULL)
		result->baseline = shape_to_json(shape, resolved_names,
										 list_length(requirement_list(req, "params")));
	verify_analyzed(req, result, query, sql);
	if (req->baseline != NULL)
		shape_compare(result, req->baseline, shape, resolved_names);
}
