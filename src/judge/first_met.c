/*
 * first_met.c
 *		What a version takes the schema for, once it has all it needs.
 *
 * A version that registers before its migration cannot tell what it will find, so
 * its requirements have no baseline.
 *
 * Invariant: the requirements of a version that is ready all have theirs.  The
 * transaction that makes it ready sets them, for what it touched and, verified for
 * that alone, for what was met all along.
 */
#include "postgres.h"

#include "access/xact.h"
#include "judge/judge_internal.h"

static bool
version_is_ready(int64 version_id, void *arg)
{
	int64		unmet;
	int64		broken;

	if (!judgement_version_counts(version_id, arg))
		return false;
	registry_count_unmet(version_id, &unmet, &broken);
	return unmet == 0;
}

/* Of the candidates: of those, too, that are ready for longer and are met anew. */
static void
save_of_candidates(Judgement *j)
{
	for (int i = 0; i < j->ncandidates; i++)
	{
		const Requirement *req = j->reqs[i];
		const VerifyResult *after = j->after[i];

		if (req->baseline == NULL && after->baseline != NULL &&
			after->state != STATE_UNMET &&
			registry_any_link(req->id, version_is_ready, j))
			registry_set_baseline(req, after->baseline);
	}
	CommandCounterIncrement();
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
	int			place = judgement_version_index(search->judgement, version_id);

	if (place >= 0)
		search->movers = bms_add_member(search->movers, place);
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

static int
compare_requirements(const ListCell *a, const ListCell *b)
{
	int64		ida = ((const Requirement *) lfirst(a))->id;
	int64		idb = ((const Requirement *) lfirst(b))->id;

	return (ida > idb) - (ida < idb);
}

/* What the versions that have become ready need and nobody has looked at, by id. */
static List *
without_baseline(Judgement *j)
{
	Bitmapset  *movers = judgement_movers(j);
	List	   *result = NIL;
	int			place = -1;
	ListCell   *lc;

	while ((place = bms_next_member(movers, place)) >= 0)
	{
		int64		version_id = j->versions[place]->id;

		if (!version_is_ready(version_id, j))
			continue;
		foreach(lc, registry_requirements_of(version_id))
		{
			if (((Requirement *) lfirst(lc))->baseline == NULL)
				result = lappend(result, lfirst(lc));
		}
	}
	list_sort(result, compare_requirements);
	return result;
}

static void
save_of_the_rest(Judgement *j)
{
	List	   *list = without_baseline(j);
	int64	   *ids = palloc_array(int64, list_length(list) + 1);
	Requirement **reqs;
	VerifyResult **after;
	int			n = 0;
	ListCell   *lc;

	foreach(lc, list)
	{
		int64		id = ((Requirement *) lfirst(lc))->id;

		if (n == 0 || ids[n - 1] != id)
			ids[n++] = id;
	}
	if (n == 0)
		return;
	judgement_lock(j, ids, n);
	reqs = registry_load_requirements(ids, &n);
	after = palloc0_array(VerifyResult *, n);
	judgement_verify(j, reqs, n, j->options, after);
	for (int i = 0; i < n; i++)
	{
		if (reqs[i]->baseline == NULL && after[i]->baseline != NULL &&
			after[i]->state != STATE_UNMET)
			registry_set_baseline(reqs[i], after[i]->baseline);
	}
	CommandCounterIncrement();
}

void
judgement_save_baselines(Judgement *j)
{
	save_of_candidates(j);
	save_of_the_rest(j);
}
