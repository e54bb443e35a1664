/*
 * report.c
 *		Reports: one message of all findings.
 *
 * The first line of the message names the versions and the first finding, because many
 * clients show no more.  The detail lists under each statement what it would break:
 * the requirement, the rule, what was expected and what was found.  The hint has the
 * safe way to make the change.
 */
#include "postgres.h"

#include "base/errors.h"
#include "base/guc.h"
#include "base/shown.h"
#include "base/text_list.h"
#include "judge/judge.h"
#include "judge/judge_internal.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

static int
compare_findings(const ListCell *a, const ListCell *b)
{
	const Finding *x = lfirst(a);
	const Finding *y = lfirst(b);
	int			cmp;

	/*
	 * Sort by gravity, then by app and version, and then by rule: what is
	 * wrong with an object comes before the queries that fail because of it.
	 */
	if (x->action != y->action)
		return (int) y->action - (int) x->action;
	if ((x->override == NULL) != (y->override == NULL))
		return x->override == NULL ? -1 : 1;
	if ((x->app == NULL) != (y->app == NULL))
		return x->app == NULL ? 1 : -1;
	if (x->app != NULL &&
		((cmp = strcmp(x->app, y->app)) != 0 ||
		 (cmp = strcmp(x->version, y->version)) != 0))
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
	if (a->app == NULL || b->app == NULL)
		return a->app == b->app;
	return strcmp(a->app, b->app) == 0 && strcmp(a->version, b->version) == 0;
}

/* Return the first finding of each version. */
static List *
one_per_version(List *findings)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, findings)
	{
		ListCell   *lcr;
		bool		repeated = false;

		/* The findings of a version mostly follow one another. */
		if (lc != list_head(findings) &&
			is_same_version(lfirst(lc), list_nth(findings, foreach_current_index(lc) - 1)))
			continue;
		foreach(lcr, result)
			repeated |= is_same_version(lfirst(lcr), lfirst(lc));
		if (!repeated)
			result = lappend(result, lfirst(lc));
	}
	return result;
}

/* Limit what the first line of a message shows. */
#define VERSIONS_NAMED 3
#define NAME_SHOWN 100			/* bytes */
#define GIST_SHOWN 300

/* Return the versions, as in "billing 41, billing 42". */
static char *
list_versions(List *one_each)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, one_each)
	{
		const Finding *finding = lfirst(lc);

		if (foreach_current_index(lc) == VERSIONS_NAMED)
		{
			appendStringInfo(&buf, " and %d more", list_length(one_each) - VERSIONS_NAMED);
			break;
		}
		appendStringInfo(&buf, "%s%s %s", buf.len ? ", " : "",
						 shown_start(finding->app, NAME_SHOWN),
						 shown_start(finding->version, NAME_SHOWN));
	}
	return buf.data;
}

/* Return what is required for a message, at most so many bytes of its object. */
static char *
requirement_label(const Finding *finding, int bytes)
{
	const char *quote = finding->req->kind == REQUIREMENT_QUERY ? "\"" : "";

	return psprintf("%s %s%s%s", requirement_kind_name(finding->req->kind),
					quote, shown_start(finding->req->object, bytes), quote);
}

/*
 * Is the required object missing?  Then what was expected would only repeat what is
 * required, as in "column users.email: no such column".
 */
static bool
is_plainly_missing(const Finding *finding)
{
	const char *kind = requirement_kind_name(finding->req->kind);

	return strncmp(finding->problem->expected, kind, strlen(kind)) == 0 &&
		strncmp(finding->problem->found, "no such ", strlen("no such ")) == 0;
}

/*
 * Return the first finding, and how many more there are.  Of a statement that fails
 * say the server's message.
 */
static char *
gist(List *findings)
{
	const Finding *first = linitial(findings);
	const Problem *problem = first->problem;
	char	   *what;

	if (problem->message != NULL)
		what = problem->message;
	else if (is_plainly_missing(first))
		what = problem->found;
	else
		what = psprintf("expected %s, found %s", problem->expected, problem->found);
	return psprintf("%s: %s%s", requirement_label(first, NAME_SHOWN),
					shown_start(what, GIST_SHOWN),
					list_length(findings) == 1 ? ""
					: psprintf(" (and %d more)", list_length(findings) - 1));
}

static bool
is_same_statement(const Finding *a, const Finding *b)
{
	if (a->statement == b->statement || a->statement == NULL || b->statement == NULL)
		return a->statement == b->statement;
	return strcmp(a->statement, b->statement) == 0;
}

/* Limit the bytes of a statement that are shown. */
#define STATEMENT_SHOWN 300

/* Append a finding on a line. */
static void
append_finding(StringInfo buf, const Finding *finding)
{
	const Problem *problem = finding->problem;

	appendStringInfo(buf, "%s- ", buf->len ? "\n" : "");
	if (finding->app != NULL)
		appendStringInfo(buf, "%s %s, ", shown(finding->app), shown(finding->version));
	appendStringInfo(buf, "%s: expected %s, found %s (%s",
					 requirement_label(finding, -1),
					 shown(problem->expected), shown(problem->found),
					 rule_get(problem->rule)->name);
	if (finding->override != NULL)
		appendStringInfoString(buf, ", overridden");
	else if (finding->action != ACTION_BLOCK)
		appendStringInfo(buf, ", %s", action_name(finding->action));
	appendStringInfoString(buf, ").");
}

/* Return each statement, and below it a line for each finding it causes. */
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
			appendStringInfo(&buf, "%s%s: %s", buf.len ? "\n" : "",
							 first->app ? "After" : "Before",
							 shown_statement(first->statement, STATEMENT_SHOWN));
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

static int
compare_texts(const void *a, const void *b)
{
	const char *x = *(const char *const *) a;
	const char *y = *(const char *const *) b;

	return x == y ? 0 : strcmp(x ? x : "", y ? y : "");
}

/*
 * Return the statements for which there is advice that does not fit just any query, as
 * a sorted array.
 */
static const char **
statements_advised(List *findings, int *n)
{
	const char **statements = palloc_array(const char *, list_length(findings) + 1);
	ListCell   *lc;

	*n = 0;
	foreach(lc, findings)
	{
		if (!finding_steps_are_general(lfirst(lc)))
			statements[(*n)++] = ((Finding *) lfirst(lc))->statement;
	}
	qsort(statements, *n, sizeof(char *), compare_texts);
	return statements;
}

/* Is the finding on a version that is not live, but a rollback target? */
static bool
is_of_rollback(const Finding *finding)
{
	return finding->problem->rule == RULE_ROLLBACK_LOST;
}

/* Return the findings on versions, without hazards. */
static List *
of_versions(List *findings)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, findings)
	{
		if (((Finding *) lfirst(lc))->app != NULL)
			result = lappend(result, lfirst(lc));
	}
	return result;
}

/* Return the findings on versions that are live, or on those that are not. */
static List *
of_live_versions(List *findings, bool live)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, findings)
	{
		if (live != is_of_rollback(lfirst(lc)))
			result = lappend(result, lfirst(lc));
	}
	return result;
}

/* Append the call that ends each version, and the roles that may make it. */
static void
append_calls(StringInfo buf, const char *when, List *findings)
{
	List	   *one_each = list_truncate(one_per_version(findings), guard_max_findings_shown);
	const char *before = NULL;	/* roles of the last call */
	ListCell   *lc;

	foreach(lc, one_each)
	{
		const char *roles = finding_end_roles(lfirst(lc));

		if (foreach_current_index(lc) == 0 || strcmp(roles ? roles : "", before ? before : "") != 0)
			appendStringInfo(buf, roles ? "\n%s (as %s):" : "\n%s:", when, roles);
		appendStringInfo(buf, " %s", finding_end_call(lfirst(lc)));
		before = roles;
	}
}

/* Return the advice for each finding, each once, and last how to end the versions. */
static char *
advise(List *findings)
{
	StringInfoData buf;
	List	   *given = NIL;
	int			nadvised;
	const char **advised = statements_advised(findings, &nadvised);
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, findings)
	{
		const Finding *finding = lfirst(lc);
		char	   *advice = finding_steps(finding);
		bool		repeated = finding_steps_are_general(finding) &&
		bsearch(&finding->statement, advised, nadvised, sizeof(char *), compare_texts) != NULL;

		if (repeated || text_list_has(given, advice))
			continue;
		if (list_length(given) == guard_max_findings_shown)
			break;
		given = lappend(given, advice);
		appendStringInfo(&buf, "%s%s", buf.len ? "\n" : "", shown(advice));
	}

	append_calls(&buf, "Retire a version once no instance of it runs any more",
				 of_live_versions(of_versions(findings), true));
	append_calls(&buf, "Forget a version once no rollback to it is planned",
				 of_live_versions(findings, false));
	return buf.data;
}

/* Set the fields that drivers read to the object of a finding. */
static int
error_fields(const Finding *finding)
{
	ProblemPlace place = finding_place(finding);

	if (place.schema)
		err_generic_string(PG_DIAG_SCHEMA_NAME, place.schema);
	if (place.relation)
		err_generic_string(PG_DIAG_TABLE_NAME, place.relation);
	if (place.column)
		err_generic_string(PG_DIAG_COLUMN_NAME, place.column);
	if (finding->problem->constraint)
		err_generic_string(PG_DIAG_CONSTRAINT_NAME, finding->problem->constraint);
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

/* Return the findings that stop the transaction. */
static List *
blocking_findings(List *findings)
{
	List	   *result = NIL;
	ListCell   *lc;

	if (guard_mode != MODE_ENFORCE)
		return NIL;
	foreach(lc, findings_of_action(findings, ACTION_BLOCK))
	{
		if (((Finding *) lfirst(lc))->override == NULL)
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

/* Return the findings with those on live versions first. */
static List *
live_first(List *findings)
{
	return list_concat(of_live_versions(findings, true), of_live_versions(findings, false));
}

/* Name the versions that are live if that of the first finding is, or those that are not. */
static char *
versions_to_name(List *findings)
{
	return list_versions(one_per_version(of_live_versions(findings,
														  !is_of_rollback(linitial(findings)))));
}

/* Is the finding no finding on a version?  Those come by themselves. */
static bool
is_hazard(const Finding *finding)
{
	return finding->app == NULL;
}

/* Return the first hazard, and how many more there are. */
static char *
hazard_gist(List *findings)
{
	const Finding *first = linitial(findings);
	int			more = list_length(findings) - 1;

	return psprintf("%s%s", shown_start(first->problem->found, GIST_SHOWN),
					more == 0 ? "" : psprintf(" (and %d more)", more));
}

static int
error_code(const Finding *finding)
{
	return errcode(is_hazard(finding) ? ERRCODE_GUARD_HAZARD : ERRCODE_GUARD_BREAKS_VERSION);
}

/* Say that the change is blocked. */
static int
blocked_message(List *findings)
{
	if (is_hazard(linitial(findings)))
		return errmsg("statement is a hazard: %s", hazard_gist(findings));
	if (all_of_rule(findings, RULE_ROLLBACK_LOST))
		return errmsg("schema change would prevent a rollback to %s: %s",
					  versions_to_name(findings), gist(findings));
	if (all_of_rule(findings, RULE_GUARD_REMOVED))
		return errmsg("change would remove the guard from %s: %s",
					  versions_to_name(findings), gist(findings));
	return errmsg("schema change would break %s: %s",
				  versions_to_name(findings), gist(findings));
}

/* Say that the change is let through. */
static int
passed_message(List *findings, bool logged)
{
	if (is_hazard(linitial(findings)))
		return errmsg("statement is a hazard: %s", hazard_gist(findings));
	if (all_of_rule(findings, RULE_ROLLBACK_LOST))
		return errmsg("schema change prevents a rollback to %s: %s",
					  versions_to_name(findings), gist(findings));
	if (all_of_rule(findings, RULE_GUARD_REMOVED))
		return errmsg("change removes the guard from %s: %s",
					  versions_to_name(findings), gist(findings));
	if (logged)
		return errmsg("schema change may affect %s: %s",
					  versions_to_name(findings), gist(findings));
	return errmsg("schema change affects %s: %s",
				  versions_to_name(findings), gist(findings));
}

bool
findings_block(List *findings)
{
	return blocking_findings(findings) != NIL;
}

/* Return the findings that the client is told of: those that block or warn. */
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
	List	   *first;

	if (guard_mode == MODE_OFF || findings == NIL)
		return;
	findings_sort(findings);
	told = findings_to_tell(findings);

	first = live_first(blocking_findings(findings));
	if (first != NIL)
		ereport(ERROR,
				(error_code(linitial(first)),
				 blocked_message(first),
				 errdetail("%s", describe(findings)),
				 errhint("%s", advise(told)),
				 error_fields(linitial(first))));

	first = live_first(told);
	if (first != NIL)
		ereport(WARNING,
				(error_code(linitial(first)),
				 passed_message(first, false),
				 errdetail("%s", describe(told)),
				 errhint("%s", advise(told)),
				 error_fields(linitial(first))));

	first = live_first(findings_of_action(findings, ACTION_LOG));
	if (first != NIL)
		ereport(LOG,
				(passed_message(first, true),
				 errdetail("%s", describe(findings_of_action(findings, ACTION_LOG)))));
}
