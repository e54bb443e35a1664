/*
 * report.c
 *		Findings -> message.
 *
 * One message says it all: which versions, and for each finding the rule, the
 * requirement, what was expected, what is there now, the statement that did
 * it, and the safe way.
 */
#include "postgres.h"

#include "base/errors.h"
#include "base/guc.h"
#include "judge/finding.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

static int
compare_findings(const ListCell *a, const ListCell *b)
{
	const Finding *x = lfirst(a);
	const Finding *y = lfirst(b);
	int			cmp;

	/* The gravest first, then one app and version after another. */
	if (x->action != y->action)
		return (int) y->action - (int) x->action;
	if ((cmp = strcmp(x->app, y->app)) != 0 ||
		(cmp = strcmp(x->version, y->version)) != 0 ||
		(cmp = strcmp(x->req->object, y->req->object)) != 0)
		return cmp;
	return (int) x->problem->rule - (int) y->problem->rule;
}

char *
finding_requirement(const Finding *finding)
{
	return psprintf("%s %s", requirement_kind_name(finding->req->kind),
					finding->req->object);
}

/* "billing 41, billing 42": the versions of the findings, each once. */
static char *
list_versions(List *findings)
{
	StringInfoData buf;
	const Finding *last = NULL;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, findings)
	{
		const Finding *finding = lfirst(lc);

		if (last != NULL && strcmp(last->app, finding->app) == 0 &&
			strcmp(last->version, finding->version) == 0)
			continue;
		appendStringInfo(&buf, "%s%s %s", last ? ", " : "", finding->app, finding->version);
		last = finding;
	}
	return buf.data;
}

static char *
describe(List *findings)
{
	StringInfoData buf;
	ListCell   *lc;
	int			shown = 0;

	initStringInfo(&buf);
	foreach(lc, findings)
	{
		const Finding *finding = lfirst(lc);

		if (shown == guard_max_findings_shown)
		{
			appendStringInfo(&buf, "\n... and %d more.", list_length(findings) - shown);
			break;
		}
		appendStringInfo(&buf, "%s%s %s: %s, needed as %s: expected %s, found %s.",
						 shown++ ? "\n" : "", finding->app, finding->version,
						 rule_get(finding->problem->rule)->name,
						 finding_requirement(finding),
						 finding->problem->expected, finding->problem->found);
		if (finding->statement != NULL)
			appendStringInfo(&buf, " Statement: %s", finding->statement);
	}
	return buf.data;
}

/* The advice for each, without repeating one. */
static char *
advise(List *findings)
{
	StringInfoData buf;
	List	   *given = NIL;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, findings)
	{
		char	   *advice = finding_advice(lfirst(lc));
		ListCell   *lcg;
		bool		repeated = false;

		foreach(lcg, given)
			repeated |= (strcmp(lfirst(lcg), advice) == 0);
		if (repeated)
			continue;
		if (list_length(given) == guard_max_findings_shown)
			break;
		given = lappend(given, advice);
		appendStringInfo(&buf, "%s%s", buf.len ? "\n" : "", advice);
	}
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

bool
findings_block(List *findings)
{
	return guard_mode == MODE_ENFORCE &&
		findings_of_action(findings, ACTION_BLOCK) != NIL;
}

void
findings_report(List *findings)
{
	List	   *warned;
	List	   *logged;

	if (guard_mode == MODE_OFF || findings == NIL)
		return;
	list_sort(findings, compare_findings);

	if (findings_block(findings))
	{
		char	   *versions = list_versions(findings_of_action(findings, ACTION_BLOCK));

		ereport(ERROR,
				(errcode(ERRCODE_GUARD_BREAKS_VERSION),
				 errmsg("schema change would break live application versions: %s", versions),
				 errdetail("%s", describe(findings)),
				 errhint("%s", advise(findings)),
				 error_fields(((Finding *) linitial(findings))->problem)));
	}

	warned = list_concat(findings_of_action(findings, ACTION_BLOCK),
						 findings_of_action(findings, ACTION_WARN));
	if (warned != NIL)
		ereport(WARNING,
				(errcode(ERRCODE_GUARD_BREAKS_VERSION),
				 errmsg("schema change affects live application versions: %s",
						list_versions(warned)),
				 errdetail("%s", describe(warned)),
				 errhint("%s", advise(warned)),
				 error_fields(((Finding *) linitial(warned))->problem)));

	logged = findings_of_action(findings, ACTION_LOG);
	if (logged != NIL)
		ereport(LOG,
				(errmsg("schema change is felt by live application versions: %s",
						list_versions(logged)),
				 errdetail("%s", describe(logged))));
}
