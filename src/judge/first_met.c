/*
 * first_met.c
 *		Baselines of a version that has become ready.
 *
 * A version that is registered before its migration does not know what it will find, so
 * its requirements have no baseline.
 *
 * Invariant: all requirements of a version that is ready have a baseline.  The
 * transaction that makes it ready sets them: for the requirements that it affected and,
 * verified for that alone, for those that were met before.
 */
#include "postgres.h"

#include "judge/judge_internal.h"

static bool
version_is_ready(int64 version_id, void *arg)
{
	return judgement_version_counts(version_id, arg) && registry_version_is_ready(version_id);
}

/* Save the missing baselines of candidates that a ready version has. */
static void
save_of_candidates(Judgement *j)
{
	Requirement **reqs = palloc_array(Requirement *, j->ncandidates);
	VerifyResult **found = palloc_array(VerifyResult *, j->ncandidates);
	int			n = 0;

	for (int i = 0; i < j->ncandidates; i++)
	{
		reqs[n] = j->reqs[i];
		found[n] = j->after[i];
		if (reqs[n]->baseline == NULL && found[n]->baseline != NULL &&
			found[n]->state != STATE_UNMET &&
			registry_any_link(reqs[n]->id, version_is_ready, j))
			n++;
	}
	if (n > 0)
		registry_set_baselines(reqs, found, n);
}

typedef struct MoverSearch
{
	const Judgement *judgement;
	Bitmapset  *movers;
} MoverSearch;

static bool
add_mover(int64 version_id, void *arg)
{
	MoverSearch *search = arg;
	int			index = judgement_version_index(search->judgement, version_id);

	if (index >= 0)
		search->movers = bms_add_member(search->movers, index);
	return false;				/* go on */
}

Bitmapset *
judgement_movers(Judgement *j)
{
	MoverSearch search = {j, NULL};

	for (int i = 0; i < j->ncandidates; i++)
	{
		if (j->before[i].known &&
			(j->before[i].state == STATE_UNMET) != (j->after[i]->state == STATE_UNMET))
			(void) registry_any_link(j->reqs[i]->id, add_mover, &search);
	}
	return search.movers;
}

/* Return what versions that became ready need and what has no baseline yet. */
static List *
without_baseline(Judgement *j)
{
	Bitmapset  *movers = judgement_movers(j);
	List	   *result = NIL;
	int			index = -1;
	ListCell   *lc;

	while ((index = bms_next_member(movers, index)) >= 0)
	{
		int64		version_id = ((Version *) list_nth(j->tracked, index))->id;

		if (!version_is_ready(version_id, j))
			continue;
		foreach(lc, registry_requirements_of(version_id))
		{
			if (((Requirement *) lfirst(lc))->baseline == NULL)
				result = lappend(result, lfirst(lc));
		}
	}
	return result;
}

/* Save the missing baselines of requirements that are no candidates. */
static void
save_of_the_rest(Judgement *j)
{
	List	   *list = without_baseline(j);
	int64	   *ids = palloc_array(int64, list_length(list) + 1);
	Requirement **reqs;
	VerifyResult **after;
	int			n = 0;
	ListCell   *lc;

	if (list == NIL)
		return;
	foreach(lc, list)
		ids[n++] = ((Requirement *) lfirst(lc))->id;
	n = registry_sort_ids(ids, n);
	judgement_lock(j, ids, n);
	reqs = registry_load_requirements(ids, &n);
	after = palloc0_array(VerifyResult *, n);
	judgement_verify(j, reqs, n, j->options, after);
	registry_set_baselines(reqs, after, n);
}

void
judgement_save_baselines(Judgement *j)
{
	save_of_candidates(j);
	save_of_the_rest(j);
}
