/*
 * revive.c
 *		A version that judgements have passed over counts again.
 *
 * Invariant: it does so only with what it needs verified anew, by the same rules
 * as if it registered: what is unmet then was broken while it was away, and is
 * remembered so that it blocks nobody.  The caller holds the version PRESENT
 * (session.c), so that no judgement passes it over once this has ended.
 */
#include "postgres.h"

#include "access/xact.h"
#include "judge/judge.h"
#include "registry/registry.h"

typedef struct Ordered
{
	Requirement *req;
	bytea	   *digest;
} Ordered;

static int
compare_digests(const void *a, const void *b)
{
	return memcmp(VARDATA_ANY(((const Ordered *) a)->digest),
				  VARDATA_ANY(((const Ordered *) b)->digest),
				  VARSIZE_ANY_EXHDR(((const Ordered *) a)->digest));
}

/* In the order in which registrations store them. */
static Requirement **
ordered_requirements(int64 version_id, int *n)
{
	List	   *requirements = registry_requirements_of(version_id);
	Ordered    *ordered = palloc_array(Ordered, list_length(requirements) + 1);
	Requirement **reqs = palloc_array(Requirement *, list_length(requirements) + 1);
	ListCell   *lc;

	*n = 0;
	foreach(lc, requirements)
	{
		ordered[*n].req = lfirst(lc);
		ordered[(*n)++].digest = requirement_digest(lfirst(lc));
	}
	qsort(ordered, *n, sizeof(Ordered), compare_digests);
	for (int i = 0; i < *n; i++)
		reqs[i] = ordered[i].req;
	return reqs;
}

void
judge_revive(int64 version_id, bool reactivate)
{
	Version    *version;
	Requirement **reqs;
	Observation **answers;
	int			n;

	judge_establish();

	/* Many instances may come back at once: one does it for all. */
	registry_lock_row(version_id);
	version = registry_load_version(version_id);
	if (version == NULL || !version->lapsed || (version->retired && !reactivate))
		return;

	reqs = ordered_requirements(version_id, &n);
	answers = palloc0_array(Observation *, n + 1);
	judge_verify_locked(reqs, n, false, answers);

	/* Retired or forgotten while we waited for the lock: the caller will see. */
	version = registry_load_version(version_id);
	if (version == NULL || (version->retired && !reactivate))
		return;
	registry_save_states(reqs, answers, n);
	registry_revive_version(version);
	CommandCounterIncrement();
}
