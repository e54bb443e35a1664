/*
 * revive.c
 *		A version that judgements have passed over counts again.
 *
 * Invariant: it does so only with what it needs verified anew, by the same rules
 * as if it registered: what is unmet then was broken while it was away, and is
 * remembered so that it blocks nobody.  So does one that was retired.  The caller
 * holds the version PRESENT (session.c), so that no judgement passes it over once
 * this has ended.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/shown.h"
#include "judge/judge.h"
#include "registry/registry.h"

void
judge_revive(int64 version_id, bool reactivate)
{
	Version    *version;
	bytea	   *digest;
	List	   *requirements;
	Requirement **reqs;
	Observation **answers;
	int			n = 0;
	ListCell   *lc;

	judge_establish();

	/* Many instances may come back at once: one does it for all. */
	registry_lock_row(version_id);
	version = registry_load_version(version_id);
	if (version == NULL || (version->retired ? !reactivate : !version->lapsed))
		return;

	digest = version->digest;
	requirements = registry_requirements_of(version_id);
	reqs = palloc_array(Requirement *, list_length(requirements) + 1);
	answers = palloc0_array(Observation *, list_length(requirements) + 1);
	foreach(lc, requirements)
		reqs[n++] = lfirst(lc);
	judge_verify_locked(reqs, n, false, answers);

	/* Retired or forgotten while we waited for the lock: the caller will see. */
	version = registry_load_version(version_id);
	if (version == NULL || (version->retired && !reactivate))
		return;

	/* A replacement waits for our lock now, or was quicker. */
	if (memcmp(digest, version->digest, VARSIZE(digest)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("version \"%s\" was replaced by a concurrent transaction",
						shown(version->name)),
				 errhint("Try again.")));
	registry_save_revived(reqs, answers, n);
	registry_revive_version(version);
	CommandCounterIncrement();
}
