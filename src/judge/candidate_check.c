/*
 * candidate_check.c
 *		Does a requirement feel the change that should not?
 *
 * Which requirements a change may concern is worked out from what it touched, and
 * only these are verified.  Invariant: no other stands otherwise afterwards.  Here
 * it is put to the test, after each judgement of a session that sets
 * compat_guard.check_candidates, as the tests and the fuzzer do.
 */
#include "postgres.h"

#include "base/guc.h"
#include "judge/judge_internal.h"
#include "utils/builtins.h"

/* Of how it stood or stands no more is known than that there was no time: see verify.c. */
static bool
was_out_of_time(const Requirement *req, const StoredState *before)
{
	Problem		no_time = {.rule = RULE_NOT_VERIFIED, .state = STATE_UNKNOWN};

	no_time.expected = psprintf("%s %s to be verified", requirement_kind_name(req->kind), req->object);
	return problem_was_there(before, &no_time);
}

static bool
stands_as_before(const Requirement *req, const StoredState *before, const VerifyResult *after)
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
	foreach(lc, after->problems)
	{
		Problem		same = *(const Problem *) lfirst(lc);

		/* A remark may have other words, by what things are called now. */
		if (same.state == STATE_MET)
			same.expected = NULL;
		if (!problem_was_there(before, &same))
			return false;
	}
	return true;
}

/* As judgement_version_counts, but that nothing is passed over for good. */
static bool
version_counts(int64 version_id, void *arg)
{
	const Judgement *j = arg;
	int			place = judgement_version_index(j, version_id);

	return place >= 0 && (registry_version_is_live(j->versions[place], false) ||
						  registry_is_rollback_target(j->kept, j->versions[place]));
}

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

	/* Without their ids the candidates are all there is. */
	if (j->ids == NULL && j->ncandidates > 0)
		return;
	ids = ids_left_out(j, &n);
	reqs = registry_load_requirements(ids, &n);
	before = registry_read_states(ids, n);
	after = palloc0_array(VerifyResult *, n + 1);

	/*
	 * What others hold locked they are about to change: it is their
	 * judgement's.
	 */
	if (!verify_requirements(reqs, n, j->options, after))
		return;
	for (int i = 0; i < n; i++)
	{
		const Problem *problem = after[i]->problems ? linitial(after[i]->problems) : NULL;

		if (!stands_as_before(reqs[i], &before[i], after[i]))
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
