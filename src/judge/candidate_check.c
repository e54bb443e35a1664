/*
 * candidate_check.c
 *		A check that a change affects no requirement but the candidates.
 *
 * Candidates are worked out from what a change has changed, and only these are
 * verified.  Invariant: no other requirement has another state afterwards.  This is
 * tested after each judgement of a session that sets
 * compat_guard.check_candidates, as the tests and the fuzzer do.
 */
#include "postgres.h"

#include "base/guc.h"
#include "judge/judge_internal.h"
#include "utils/builtins.h"

/* Was there no time to find out the state before?  See verify.c. */
static bool
was_out_of_time(const Requirement *req, const StoredState *before)
{
	Problem		no_time = {.rule = RULE_NOT_VERIFIED, .state = STATE_UNKNOWN};

	no_time.expected = psprintf("%s %s to be verified", requirement_kind_name(req->kind), req->object);
	return problem_was_there(before, &no_time);
}

/* Is the state as before, as far as both are known? */
static bool
state_is_as_before(const Requirement *req, const StoredState *before, const VerifyResult *after)
{
	ListCell   *lc;

	if (!before->known || was_out_of_time(req, before))
		return true;
	foreach(lc, after->problems)
	{
		if (((const Problem *) lfirst(lc))->out_of_time)
			return true;
	}
	if (before->state != after->state)
		return false;

	/*
	 * Of what stays broken nothing counts: see problem_counts.  The words for
	 * it may be others, because other names are visible now.
	 */
	if (after->state == STATE_UNMET)
		return true;
	foreach(lc, after->problems)
	{
		Problem		problem_before = *(const Problem *) lfirst(lc);

		/*
		 * A remark may have other words, because objects have other names
		 * now.
		 */
		if (problem_before.state == STATE_MET)
			problem_before.expected = NULL;
		if (!problem_was_there(before, &problem_before))
			return false;
	}
	return true;
}

/* Does the version count?  As judgement_version_counts, but it marks no version as skipped. */
static bool
version_counts(int64 version_id, void *arg)
{
	const Judgement *j = arg;
	int			index = judgement_version_index(j, version_id);
	Version    *version = index >= 0 ? list_nth(j->tracked, index) : NULL;

	return version != NULL && (registry_version_is_live(version, false) ||
							   registry_is_rollback_target(j->tracked, version));
}

/* Return the sorted ids of the requirements that are no candidates. */
static int64 *
ids_left_out(Judgement *j, int *n)
{
	int			nall;
	int64	   *all = registry_all_requirements(&nall);
	int64	   *ids = palloc_array(int64, nall + 1);
	int			candidate = 0;

	*n = 0;
	nall = registry_keep_linked(all, nall, version_counts, j);
	for (int i = 0; i < nall; i++)
	{
		while (candidate < j->ncandidates && j->ids[candidate] < all[i])
			candidate++;
		if (candidate == j->ncandidates || j->ids[candidate] != all[i])
			ids[(*n)++] = all[i];
	}
	return ids;
}

void
judgement_check_candidates(Judgement *j)
{
	int			n;
	int64	   *ids;
	Requirement **reqs;
	StoredState *before;
	VerifyResult **after;

	/* Candidates without ids are all requirements there are. */
	if (j->ids == NULL && j->ncandidates > 0)
		return;
	ids = ids_left_out(j, &n);
	reqs = registry_load_requirements(ids, &n);
	before = registry_read_states(ids, n);
	after = palloc0_array(VerifyResult *, n + 1);

	/*
	 * What other transactions have locked they may change, and judge,
	 * themselves.
	 */
	if (!verify_requirements(reqs, n, j->options, after))
		return;
	for (int i = 0; i < n; i++)
	{
		const Problem *problem = after[i]->problems ? linitial(after[i]->problems) : NULL;

		if (!state_is_as_before(reqs[i], &before[i], after[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg_internal("requirement changed its state without being a candidate: %s \"%s\" was %s, is %s",
									 requirement_kind_name(reqs[i]->kind), reqs[i]->object,
									 state_name(before[i].state), state_name(after[i]->state)),
					 problem ? errdetail_internal("%s: expected %s, found %s",
												  rule_get(problem->rule)->name,
												  problem->expected, problem->found) : 0));
	}
}
