/*
 * readiness.c
 *		Verify a set of requirements, and say what is missing.
 */
#include "postgres.h"

#include "api/api.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/shown.h"
#include "base/text_list.h"

bool
readiness_verify(Readiness *readiness, List *requirements, VerifyOptions options)
{
	ListCell   *lc;

	readiness->n = 0;
	readiness->reqs = palloc_array(Requirement *, list_length(requirements));
	readiness->found = palloc0_array(VerifyResult *, list_length(requirements));
	foreach(lc, requirements)
		readiness->reqs[readiness->n++] = lfirst(lc);
	return verify_requirements(readiness->reqs, readiness->n, options, readiness->found);
}

RequirementState
readiness_state(const Readiness *readiness)
{
	RequirementState state = STATE_MET;

	for (int i = 0; i < readiness->n; i++)
		state = Max(state, readiness->found[i]->state);
	return state;
}

/* Return the first problem of a requirement that has its state, or NULL. */
static char *
reason(const Requirement *req, const VerifyResult *result)
{
	ListCell   *lc;

	foreach(lc, result->problems)
	{
		Problem    *problem = lfirst(lc);

		if (problem->state == result->state)
			return psprintf("%s %s: expected %s, found %s (%s)",
							requirement_kind_name(req->kind), shown(req->object),
							shown(problem->expected), shown(problem->found),
							rule_get(problem->rule)->name);
	}
	return NULL;				/* met, without a problem */
}

List *
readiness_reasons(const Readiness *readiness, RequirementState state)
{
	List	   *reasons = NIL;

	for (int i = 0; i < readiness->n; i++)
	{
		char	   *text;

		if (readiness->found[i]->state != state)
			continue;
		text = reason(readiness->reqs[i], readiness->found[i]);

		if (text != NULL)
			reasons = text_list_add(reasons, text);
	}
	return reasons;
}

char *
readiness_detail(List *reasons)
{
	StringInfoData detail;
	ListCell   *lc;

	initStringInfo(&detail);
	foreach(lc, reasons)
	{
		int			n = foreach_current_index(lc);

		if (n == guard_max_findings_shown)
		{
			appendStringInfo(&detail, "\n... and %d more.", list_length(reasons) - n);
			break;
		}
		appendStringInfo(&detail, "%s%s.", n > 0 ? "\n" : "", (char *) lfirst(lc));
	}
	return detail.data;
}

#define GIST_SHOWN 300			/* bytes */

char *
readiness_gist(List *reasons)
{
	return psprintf(list_length(reasons) > 1 ? "%s (and %d more)" : "%s",
					shown_start(linitial(reasons), GIST_SHOWN), list_length(reasons) - 1);
}

void
readiness_require(const Readiness *readiness, const char *app, const char *version)
{
	List	   *reasons;

	if (readiness_state(readiness) != STATE_UNMET)
		return;
	reasons = readiness_reasons(readiness, STATE_UNMET);
	ereport(ERROR,
			(errcode(ERRCODE_GUARD_NOT_READY),
			 errmsg("schema is not ready for version \"%s\" of app \"%s\": %s",
					shown(version), shown(app), readiness_gist(reasons)),
			 errdetail("%s", readiness_detail(reasons)),
			 errhint("Run the migration that the version needs first.")));
}
