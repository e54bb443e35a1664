/*
 * live.c
 *		Which versions are live, tracked, and rollback targets.
 *
 * A version is live while its support lasts, or a session is attached to it, or
 * a lease of one of its instances runs, or if it never had any of the three.  A
 * retired version is not live.  A version that another one has replaced is live by
 * its instances alone.
 *
 * A version is tracked, that is, what is found about its requirements is kept up to
 * date, as long as no judgement skips it.  The first judgement that does so marks the
 * version, and later ones do not look at it: versions that are not live cost nothing.
 * attachment.c says what holds between skipping a version and activating it.
 *
 * The newest of an app's versions that are not live, as many as
 * compat_guard.rollback_versions, are rollback targets and are not skipped: a rollback
 * may have to go to them, and it is worth a finding when that becomes impossible.
 * The newest version is the one that was registered last.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "base/guc.h"
#include "registry/registry.h"
#include "registry/registry_internal.h"

bool
registry_version_is_live(const Version *version, bool skip)
{
	if (version->retired || version->skipped)
		return false;
	if (version->replaced_by == NULL &&
		((!version->attaches && !version->leases && !version->has_support) ||
		 (version->has_support && GetCurrentTimestamp() < version->supported_until)))
		return true;

	/*
	 * A standby does not see which sessions are attached to the primary.
	 * There the version is live until a judgement has found that it is not.
	 */
	if (RecoveryInProgress())
		return version->attaches || registry_any_lease_runs(version->id);

	if (!registry_try_lock_skip(version))
		return true;
	if (!registry_any_lease_runs(version->id))
	{
		if (!skip)
			registry_unlock_skip(version);
		return false;
	}
	registry_unlock_skip(version);
	return true;
}

static int
newest_first(const ListCell *a, const ListCell *b)
{
	int64		ida = ((Version *) lfirst(a))->id;
	int64		idb = ((Version *) lfirst(b))->id;

	return (ida < idb) - (ida > idb);
}

List *
registry_tracked_versions(void)
{
	StoreScan	scan;
	HeapTuple	tup;
	List	   *versions = NIL;

	scan_open(&scan, "version", AccessShareLock);
	scan_key_null(&scan);
	scan_begin(&scan, "version_skipped_idx");
	while (HeapTupleIsValid(tup = scan_next(&scan)))
		versions = lappend(versions, version_from_tuple(scan.rel, tup));
	scan_close(&scan);
	list_sort(versions, newest_first);
	return versions;
}

List *
registry_live_versions(void)
{
	List	   *versions = registry_tracked_versions();
	ListCell   *lc;

	foreach(lc, versions)
	{
		if (!registry_version_is_live(lfirst(lc), false))
			versions = foreach_delete_current(versions, lc);
	}
	return versions;
}

bool
registry_is_rollback_target(List *tracked, const Version *version)
{
	int			newer = 0;
	ListCell   *lc;

	foreach(lc, tracked)
	{
		const Version *other = lfirst(lc);

		if (other->id <= version->id || newer >= guard_rollback_versions)
			break;
		if (other->app_id == version->app_id && !registry_version_is_live(other, false))
			newer++;
	}
	return newer < guard_rollback_versions;
}

void
registry_stop_tracking_retired(int64 app_id)
{
	List	   *tracked = registry_tracked_versions();
	ListCell   *lc;

	foreach(lc, tracked)
	{
		const Version *version = lfirst(lc);

		if (version->app_id != app_id || !version->retired ||
			registry_is_rollback_target(tracked, version))
			continue;
		registry_skip_version(version);
		CommandCounterIncrement();
		registry_forget_found_unless_tracked(registry_requirements_of(version->id));
	}
}

int64
registry_requirements_of_owner(const char *owner)
{
	StoreScan	scan;
	HeapTuple	tup;
	List	   *live = registry_live_versions();
	ListCell   *lc;
	int64		n = 0;

	scan_open(&scan, "app", AccessShareLock);
	scan_begin(&scan, "app_pkey");
	while (HeapTupleIsValid(tup = scan_next(&scan)))
	{
		App		   *app = app_from_tuple(scan.rel, tup);

		if (strcmp(app->owner, owner) != 0)
			continue;
		foreach(lc, live)
		{
			Version    *version = lfirst(lc);

			if (version->app_id == app->id)
				n += version->nrequirements;
		}
	}
	scan_close(&scan);
	return n;
}
