/*
 * report.c
 *		Findings -> message.
 *
 * One message says it all: which versions, and under each statement what it
 * would break, with the requirement, the rule, what was expected and what is
 * there now; then the safe way.
 */
#include "postgres.h"

#include "base/errors.h"
#include "base/guc.h"
#include "judge/finding.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

static int
compare_findings(const ListCell *a, const ListCell *b)
{
	const Finding *x = lfirst(a);
	const Finding *y = lfirst(b);
	int			cmp;

	/*
	 * The gravest first, then one app and version after another, and of each
	 * what is wrong with an object before the queries that fail for it.
	 */
	if (x->action != y->action)
		return (int) y->action - (int) x->action;
	if ((x->allowance == NULL) != (y->allowance == NULL))
		return x->allowance == NULL ? -1 : 1;
	if ((cmp = strcmp(x->app, y->app)) != 0 ||
		(cmp = strcmp(x->version, y->version)) != 0)
		return cmp;
	if (x->problem->rule != y->problem->rule)
		return (int) x->problem->rule - (int) y->problem->rule;
	return strcmp(x->req->object, y->req->object);
}

void
findings_sort(List *findings)
{
	list_sort(findings, compare_findings);
}

char *
finding_requirement(const Finding *finding)
{
	return psprintf("%s %s", requirement_kind_name(finding->req->kind),
					finding->req->object);
}

static bool
is_same_version(const Finding *a, const Finding *b)
{
	return strcmp(a->app, b->app) == 0 && strcmp(a->version, b->version) == 0;
}

/* The first finding of each version. */
static List *
one_per_version(List *findings)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, findings)
	{
		ListCell   *lcr;
		bool		repeated = false;

		foreach(lcr, result)
			repeated |= is_same_version(lfirst(lcr), lfirst(lc));
		if (!repeated)
			result = lappend(result, lfirst(lc));
	}
	return result;
}

/* "billing 41, billing 42" */
static char *
list_versions(List *one_each)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, one_each)
	{
		const Finding *finding = lfirst(lc);

		if (foreach_current_index(lc) == guard_max_findings_shown)
		{
			appendStringInfo(&buf, " and %d more",
							 list_length(one_each) - guard_max_findings_shown);
			break;
		}
		appendStringInfo(&buf, "%s%s %s", buf.len ? ", " : "", finding->app, finding->version);
	}
	return buf.data;
}

static bool
is_same_statement(const Finding *a, const Finding *b)
{
	if (a->statement == NULL || b->statement == NULL)
		return a->statement == b->statement;
	return strcmp(a->statement, b->statement) == 0;
}

/* bytes of a statement shown: enough to know it again */
#define STATEMENT_SHOWN 300

/* The statement on one line. */
static void
append_statement(StringInfo buf, const char *statement)
{
	int			length = pg_mbcliplen(statement, strlen(statement), STATEMENT_SHOWN);
	bool		space = false;

	for (int i = 0; i < length; i++)
	{
		space |= isspace((unsigned char) statement[i]) != 0;
		if (isspace((unsigned char) statement[i]))
			continue;
		if (space)
			appendStringInfoChar(buf, ' ');
		space = false;
		appendStringInfoChar(buf, statement[i]);
	}
	if (statement[length] != '\0')
		appendStringInfoString(buf, " ...");
}

/* One finding on one line. */
static void
append_finding(StringInfo buf, const Finding *finding)
{
	const Problem *problem = finding->problem;
	const char *quote = finding->req->kind == REQUIREMENT_QUERY ? "\"" : "";

	appendStringInfo(buf, "%s- %s %s, %s %s%s%s: expected %s, found %s (%s",
					 buf->len ? "\n" : "", finding->app, finding->version,
					 requirement_kind_name(finding->req->kind),
					 quote, finding->req->object, quote,
					 problem->expected, problem->found, rule_get(problem->rule)->name);
	if (finding->allowance != NULL)
		appendStringInfoString(buf, ", overridden");
	else if (finding->action != ACTION_BLOCK)
		appendStringInfo(buf, ", %s", action_name(finding->action));
	appendStringInfoString(buf, ").");
}

/* Each statement, and below it what it does to whom. */
static char *
describe(List *findings)
{
	StringInfoData buf;
	List	   *rest = list_copy(findings);
	int			shown = 0;

	initStringInfo(&buf);
	while (rest != NIL && shown < guard_max_findings_shown)
	{
		const Finding *first = linitial(rest);
		ListCell   *lc;

		if (first->statement != NULL)
		{
			appendStringInfo(&buf, "%sAfter: ", buf.len ? "\n" : "");
			append_statement(&buf, first->statement);
		}
		foreach(lc, rest)
		{
			if (shown == guard_max_findings_shown)
				break;
			if (!is_same_statement(first, lfirst(lc)))
				continue;
			append_finding(&buf, lfirst(lc));
			shown++;
			if (lfirst(lc) != first)
				rest = foreach_delete_current(rest, lc);
		}
		rest = list_delete_first(rest);
	}
	if (shown < list_length(findings))
		appendStringInfo(&buf, "\n... and %d more.", list_length(findings) - shown);
	return buf.data;
}

/* Is there better advice about the statement than what holds for any query? */
static bool
is_advised_better(const Finding *finding, List *findings)
{
	ListCell   *lc;

	if (!finding_steps_are_general(finding))
		return false;
	foreach(lc, findings)
	{
		if (!finding_steps_are_general(lfirst(lc)) &&
			is_same_statement(finding, lfirst(lc)))
			return true;
	}
	return false;
}

/* What is said of versions that are live, or of those that are no more. */
static List *
of_live_versions(List *findings, bool live)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, findings)
	{
		if (live != (((Finding *) lfirst(lc))->problem->rule == RULE_ROLLBACK_LOST))
			result = lappend(result, lfirst(lc));
	}
	return result;
}

/* How to end each of the versions. */
static void
append_calls(StringInfo buf, const char *when, List *findings)
{
	ListCell   *lc;

	if (findings != NIL)
		appendStringInfo(buf, "\n%s", when);
	foreach(lc, one_per_version(findings))
	{
		if (foreach_current_index(lc) == guard_max_findings_shown)
			break;
		appendStringInfo(buf, " %s", finding_end_call(lfirst(lc)));
	}
}

/* The advice for each, without repeating one, and at last how to retire. */
static char *
advise(List *findings)
{
	StringInfoData buf;
	List	   *given = NIL;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, findings)
	{
		char	   *advice = finding_steps(lfirst(lc));
		ListCell   *lcg;
		bool		repeated = is_advised_better(lfirst(lc), findings);

		foreach(lcg, given)
			repeated |= (strcmp(lfirst(lcg), advice) == 0);
		if (repeated)
			continue;
		if (list_length(given) == guard_max_findings_shown)
			break;
		given = lappend(given, advice);
		appendStringInfo(&buf, "%s%s", buf.len ? "\n" : "", advice);
	}

	append_calls(&buf, "Retire a version once no instance of it runs any more:",
				 of_live_versions(findings, true));
	append_calls(&buf, "Forget a version that nobody will go back to:",
				 of_live_versions(findings, false));
	return buf.data;
}

/* The object of the first finding, in the fields that drivers read. */
static int
error_fields(const Problem *problem)
{
	if (problem->schema)
		err_generic_string(PG_DIAG_SCHEMA_NAME, problem->schema);
	if (problem->relation)
		err_generic_string(PG_DIAG_TABLE_NAME, problem->relation);
	if (problem->column)
		err_generic_string(PG_DIAG_COLUMN_NAME, problem->column);
	if (problem->constraint)
		err_generic_string(PG_DIAG_CONSTRAINT_NAME, problem->constraint);
	return 0;
}

static List *
findings_of_action(List *findings, RuleAction action)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, findings)
	{
		if (((Finding *) lfirst(lc))->action == action)
			result = lappend(result, lfirst(lc));
	}
	return result;
}

/* Those that stop the transaction. */
static List *
blocking_findings(List *findings)
{
	List	   *result = NIL;
	ListCell   *lc;

	if (guard_mode != MODE_ENFORCE)
		return NIL;
	foreach(lc, findings_of_action(findings, ACTION_BLOCK))
	{
		if (((Finding *) lfirst(lc))->allowance == NULL)
			result = lappend(result, lfirst(lc));
	}
	return result;
}

static bool
all_of_rule(List *findings, RuleId rule)
{
	ListCell   *lc;

	foreach(lc, findings)
	{
		if (((Finding *) lfirst(lc))->problem->rule != rule)
			return false;
	}
	return true;
}

/* What is said first is said of those that are live, if of any. */
static List *
versions_to_name(List *findings)
{
	List	   *live = of_live_versions(findings, true);

	return one_per_version(live != NIL ? live : findings);
}

static int
blocked_message(List *findings)
{
	List	   *versions = versions_to_name(findings);

	if (all_of_rule(findings, RULE_ROLLBACK_LOST))
		return errmsg_plural("schema change would bar the way back to an application version: %s",
							 "schema change would bar the way back to application versions: %s",
							 list_length(versions), list_versions(versions));
	if (all_of_rule(findings, RULE_GUARD_REMOVED))
		return errmsg_plural("change would take the guard away from a live application version: %s",
							 "change would take the guard away from live application versions: %s",
							 list_length(versions), list_versions(versions));
	return errmsg_plural("schema change would break a live application version: %s",
						 "schema change would break live application versions: %s",
						 list_length(versions), list_versions(versions));
}

static int
barred_message(List *versions)
{
	return errmsg_plural("schema change bars the way back to an application version: %s",
						 "schema change bars the way back to application versions: %s",
						 list_length(versions), list_versions(versions));
}

static int
passed_message(List *findings)
{
	List	   *versions = versions_to_name(findings);

	if (all_of_rule(findings, RULE_ROLLBACK_LOST))
		return barred_message(versions);
	if (all_of_rule(findings, RULE_GUARD_REMOVED))
		return errmsg_plural("change takes the guard away from a live application version: %s",
							 "change takes the guard away from live application versions: %s",
							 list_length(versions), list_versions(versions));
	return errmsg_plural("schema change affects a live application version: %s",
						 "schema change affects live application versions: %s",
						 list_length(versions), list_versions(versions));
}

static int
logged_message(List *findings)
{
	List	   *versions = versions_to_name(findings);

	if (all_of_rule(findings, RULE_ROLLBACK_LOST))
		return barred_message(versions);
	return errmsg_plural("schema change is felt by a live application version: %s",
						 "schema change is felt by live application versions: %s",
						 list_length(versions), list_versions(versions));
}

bool
findings_block(List *findings)
{
	return blocking_findings(findings) != NIL;
}

/* Findings that somebody has to be told of: what blocks or warns. */
static List *
findings_to_tell(List *findings)
{
	return list_concat(findings_of_action(findings, ACTION_BLOCK),
					   findings_of_action(findings, ACTION_WARN));
}

void
findings_report(List *findings)
{
	List	   *told;
	List	   *logged;

	if (guard_mode == MODE_OFF || findings == NIL)
		return;
	findings_sort(findings);
	told = findings_to_tell(findings);

	if (findings_block(findings))
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_BREAKS_VERSION),
				 blocked_message(blocking_findings(findings)),
				 errdetail("%s", describe(findings)),
				 errhint("%s", advise(told)),
				 error_fields(((Finding *) linitial(findings))->problem)));

	if (told != NIL)
		ereport(WARNING,
				(errcode(ERRCODE_GUARD_BREAKS_VERSION),
				 passed_message(told),
				 errdetail("%s", describe(told)),
				 errhint("%s", advise(told)),
				 error_fields(((Finding *) linitial(told))->problem)));

	logged = findings_of_action(findings, ACTION_LOG);
	if (logged != NIL)
		ereport(LOG,
				(logged_message(logged),
				 errdetail("%s", describe(logged))));
}
