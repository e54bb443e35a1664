/*
 * reverify.c
 *		Verify requirements anew while judgements are locked out.
 *
 * Three cases need that: a version is registered, the schema is changed or a version
 * registered for the first time after a restore, and a skipped or retired version is
 * activated.
 *
 * A dump holds what was said, not what was found.  So after a restore every
 * requirement of a tracked version is verified and what is found is stored, as if it
 * had been registered just then.
 *
 * Invariant: a skipped or retired version is activated only with what it needs verified
 * anew, by the same rules as if it were registered: what is unmet then was broken while
 * the version was skipped, and is stored as unmet, so that it blocks no change.  The
 * caller holds VERSION_ACTIVATION_LOCK of the version (attachment.c), so that no
 * judgement skips it once this has ended.
 */
#include "postgres.h"

#include "base/guc.h"
#include "base/shown.h"
#include "base/subtransaction.h"
#include "catalog/namespace.h"
#include "judge/judge_internal.h"
#include "storage/proc.h"
#include "utils/guc.h"

/*
 * Lock the registry.  Release the relations that the last wait has locked if the
 * registry's lock has to be waited for.
 */
static void
lock_registry(RegistryLock lock, WaitedLocks *waited_locks)
{
	if (waited_locks->locks != NIL && registry_try_lock(lock))
		return;
	verify_release_locks(waited_locks);
	registry_lock(lock);
}

/*
 * Verify with the registry locked.  If that has to wait for a relation, unlock the
 * registry, because its lock is never held during such a wait (see lock.c), wait, and
 * return false: the caller starts again.
 */
static bool
verify_or_wait(Requirement **reqs, int n, RegistryLock lock, VerifyOptions options,
			   WaitedLocks *waited_locks, VerifyResult **answers)
{
	if (verify_requirements(reqs, n, options, answers))
		return true;
	registry_unlock(lock);
	options.wait_for_locks = true;
	options.waited_locks = waited_locks;
	(void) verify_requirements(reqs, n, options, answers);
	return false;
}

void
judge_verify_locked(Requirement **reqs, int n, RegistryLock lock, VerifyResult **answers)
{
	WaitedLocks waited_locks = {0};
	VerifyOptions options = {0};

	do
		lock_registry(lock, &waited_locks);
	while (!verify_or_wait(reqs, n, lock, options, &waited_locks, answers));
	verify_release_locks(&waited_locks);
}

static int
compare_requirements(const ListCell *a, const ListCell *b)
{
	int64		ida = ((const Requirement *) lfirst(a))->id;
	int64		idb = ((const Requirement *) lfirst(b))->id;

	return (ida > idb) - (ida < idb);
}

Requirement **
requirements_to_verify_initially(int *n)
{
	List	   *all = NIL;
	Requirement **reqs;
	ListCell   *lc;

	foreach(lc, registry_tracked_versions())
	{
		Version    *version = lfirst(lc);
		List	   *needed = registry_requirements_of(version->id);

		if (list_length(needed) != version->nrequirements)
		{
			*n = 0;
			return NULL;
		}
		all = list_concat(all, needed);
	}
	list_sort(all, compare_requirements);

	reqs = palloc_array(Requirement *, list_length(all) + 1);
	*n = 0;
	foreach(lc, all)
	{
		if (*n == 0 || reqs[*n - 1]->id != ((Requirement *) lfirst(lc))->id)
			reqs[(*n)++] = lfirst(lc);
	}
	return reqs;
}

static void
save_initially(Requirement **reqs, VerifyResult **answers, int n)
{
	int64	   *ids = palloc_array(int64, n);

	for (int i = 0; i < n; i++)
		ids[i] = reqs[i]->id;
	registry_save_states(ids, registry_read_states(ids, n), answers, n);
}

static void
verify_initially(void)
{
	WaitedLocks waited_locks = {0};
	VerifyOptions options = {.within_time = true};

	while (registry_needs_initial_verification())
	{
		Requirement **reqs = NULL;
		VerifyResult **answers;
		int			n = 0;

		lock_registry(REGISTRY_LOCK_REMOVAL, &waited_locks);
		if (registry_needs_initial_verification())
			reqs = requirements_to_verify_initially(&n);
		if (n == 0)
		{
			/* Another session was quicker, or the restore is not done yet. */
			registry_unlock(REGISTRY_LOCK_REMOVAL);
			break;
		}
		answers = palloc0_array(VerifyResult *, n);
		if (verify_or_wait(reqs, n, REGISTRY_LOCK_REMOVAL, options, &waited_locks, answers))
		{
			save_initially(reqs, answers, n);
			break;
		}
	}
	verify_release_locks(&waited_locks);
}

static void
verify_initially_unless_dropped(void *arg)
{
	if (!registry_lock_against_drop())
		return;
	verify_initially();
	registry_unlock(REGISTRY_LOCK_AGAINST_DROP);
}

/*
 * A session that restores leaves the first verification to a session that does not:
 * what it found would not be visible, and its lock not released, before its
 * transaction ends, while other jobs of a parallel restore wait for its other locks.
 * Such a session is known by the settings that each script of pg_dump and each session
 * of pg_restore begins with, all of them, because a user may have any one.
 */
bool
session_is_restoring(void)
{
	return !check_function_bodies && namespace_search_path[0] == '\0' &&
		StatementTimeout == 0 && LockTimeout == 0;
}

void
judge_verify_initially(void)
{
	ErrorData  *edata;

	if (XactReadOnly)
		return;
	if (guard_mode == MODE_ENFORCE)
	{
		verify_initially_unless_dropped(NULL);
		return;
	}

	/* Ignore the error: the judgement that follows reports what is wrong. */
	edata = subtransaction_run(verify_initially_unless_dropped, NULL, true);
	if (edata != NULL && error_is_interruption(edata))
		ReThrowError(edata);
}

void
judge_activate(int64 version_id, bool reactivate)
{
	Version    *version;
	bytea	   *digest;
	List	   *requirements;
	Requirement **reqs;
	VerifyResult **answers;
	int			n = 0;
	ListCell   *lc;

	judge_verify_initially();

	/* Many instances may come back at once: the first verifies for all. */
	registry_lock_row(version_id);
	version = registry_load_version(version_id);
	if (version == NULL || (version->retired ? !reactivate : !version->skipped))
		return;

	digest = version->digest;
	requirements = registry_requirements_of(version_id);
	reqs = palloc_array(Requirement *, list_length(requirements) + 1);
	answers = palloc0_array(VerifyResult *, list_length(requirements) + 1);
	foreach(lc, requirements)
		reqs[n++] = lfirst(lc);
	judge_verify_locked(reqs, n, REGISTRY_LOCK_REGISTRATION, answers);

	/* It was retired or forgotten while we waited: the caller finds that out. */
	version = registry_load_version(version_id);
	if (version == NULL || (version->retired && !reactivate))
		return;

	/* A registration has replaced its contract while we waited. */
	if (memcmp(digest, version->digest, VARSIZE(digest)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("version \"%s\" was replaced by a concurrent transaction",
						shown(version->name)),
				 errhint("Try again.")));
	registry_save_activated(reqs, answers, n);
	registry_activate_version(version);
	CommandCounterIncrement();
}
