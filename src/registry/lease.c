/*
 * lease.c
 *		Leases: an instance counts until its lease ends, unless it renews the lease.
 *
 * A heartbeat writes one row, in place if there is room on the page: none of
 * the columns it changes is indexed.  Rows of instances are locked in the lock
 * manager, so that two heartbeats of one instance wait for each other, and no
 * others.
 */
#include "postgres.h"

#include "base/errors.h"
#include "base/guc.h"
#include "base/shown.h"
#include "datatype/timestamp.h"
#include "registry/registry.h"
#include "registry/registry_internal.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

/* The longest lease; set_support() is for longer times. */
#define LONGEST_LEASE	(366 * USECS_PER_DAY)

/* Delete rows of instances whose lease ended longer ago, at most so many at once. */
#define KEPT_AFTER_END	USECS_PER_DAY
#define CLEARED_AT_ONCE	100

/*
 * Invariant: a lease protects for its length after the last heartbeat and a
 * grace, by the server's clock at the moment of judgement.  If the clock is set
 * back, the lease runs on by as much, but not by more than its length: a lease whose
 * last heartbeat lies further in the future does not count until the next heartbeat.
 */
bool
lease_runs(TimestampTz heartbeat_at, TimestampTz expires_at, TimestampTz now)
{
	return now - (int64) guard_lease_grace * 1000 < expires_at &&
		heartbeat_at - now <= expires_at - heartbeat_at;
}

static TimestampTz
tuple_timestamp(Relation rel, HeapTuple tup, int attnum)
{
	return (TimestampTz) tuple_int64(rel, tup, attnum);
}

bool
registry_any_lease_runs(int64 version_id)
{
	TimestampTz now = GetCurrentTimestamp();
	StoreScan	scan;
	HeapTuple	tup;
	bool		runs = false;

	scan_open(&scan, "instance", AccessShareLock);
	scan_key_int64(&scan, version_id);
	scan_begin(&scan, "instance_name_idx");
	while (!runs && HeapTupleIsValid(tup = scan_next(&scan)))
		runs = lease_runs(tuple_timestamp(scan.rel, tup, INSTANCE_HEARTBEAT_AT),
						  tuple_timestamp(scan.rel, tup, INSTANCE_EXPIRES_AT), now);
	scan_close(&scan);
	return runs;
}

/* ---- renewing ---- */

/* Return a copy of the row of an instance, or NULL if there is none. */
static HeapTuple
instance_tuple(Relation rel, int64 version_id, const char *name)
{
	StoreScan	scan;
	HeapTuple	tup;

	scan_init(&scan, rel);
	scan_key_int64(&scan, version_id);
	scan_key_text(&scan, name);
	tup = scan_first(&scan, "instance_name_idx");
	if (HeapTupleIsValid(tup))
		tup = heap_copytuple(tup);
	scan_end(&scan);
	return tup;
}

/* Set the columns that a heartbeat changes; return when the lease ends. */
static TimestampTz
set_lease(Row *row, Interval *lease)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz end = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
															  TimestampTzGetDatum(now),
															  IntervalPGetDatum(lease)));

	if (end <= now || end - now > LONGEST_LEASE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lease must be longer than zero and not longer than one year"),
				 errhint("To keep a version live for years, use compat_guard.set_support().")));
	row_set(row, INSTANCE_LEASE, IntervalPGetDatum(lease));
	row_set(row, INSTANCE_HEARTBEAT_AT, TimestampTzGetDatum(now));
	row_set(row, INSTANCE_EXPIRES_AT, TimestampTzGetDatum(end));
	return end;
}

/* Delete rows of a version's instances whose lease ended long ago. */
static void
clear_away(Relation rel, int64 version_id)
{
	TimestampTz long_ago = GetCurrentTimestamp() - KEPT_AFTER_END;
	StoreScan	scan;
	HeapTuple	tup;
	int			cleared = 0;

	scan_init(&scan, rel);
	scan_key_int64(&scan, version_id);
	scan_begin(&scan, "instance_name_idx");
	while (cleared < CLEARED_AT_ONCE && HeapTupleIsValid(tup = scan_next(&scan)))
	{
		if (tuple_timestamp(rel, tup, INSTANCE_EXPIRES_AT) >= long_ago ||
			!registry_try_lock_row(tuple_int64(rel, tup, INSTANCE_ID)))
			continue;

		/* Read the row again: its instance may just have come back. */
		tup = instance_tuple(rel, version_id, tuple_text(rel, tup, INSTANCE_NAME));
		if (HeapTupleIsValid(tup) &&
			tuple_timestamp(rel, tup, INSTANCE_EXPIRES_AT) < long_ago)
		{
			store_delete(rel, tup);
			cleared++;
		}
	}
	scan_end(&scan);
}

/* Insert an instance with its lease; return false if there is one of the name. */
static bool
insert_instance(Relation rel, int64 version_id, const char *name, Interval *lease,
				TimestampTz *end)
{
	StoreScan	scan;
	Row			row;

	row_init(&row);
	row_set(&row, INSTANCE_ID, Int64GetDatum(store_next_id("id_seq")));
	row_set(&row, INSTANCE_VERSION_ID, Int64GetDatum(version_id));
	row_set_text(&row, INSTANCE_NAME, name);
	*end = set_lease(&row, lease);

	scan_init(&scan, rel);
	scan_key_int64(&scan, version_id);
	scan_key_text(&scan, name);
	if (!store_insert_unless_present(&scan, "instance_name_idx", &row))
		return false;
	clear_away(rel, version_id);
	return true;
}

/*
 * Invariant: no instance is left of a version that is gone.  A transaction that forgets
 * a version locks its row before it looks for instances.  A transaction that adds an
 * instance shares that lock, and only then checks that the version is there, so that
 * the instance is found.
 */
static void
require_version_to_stay(const Version *version)
{
	registry_share_row(version->id);
	if (registry_load_version(version->id) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_UNKNOWN_VERSION),
				 errmsg("version \"%s\" of app \"%s\" is not registered",
						shown(version->name), shown(version->app))));
}

/* Lock the row of an instance and return a copy, or NULL if there is none. */
static HeapTuple
lock_instance(Relation rel, int64 version_id, const char *name)
{
	HeapTuple	tup = instance_tuple(rel, version_id, name);

	if (HeapTupleIsValid(tup))
	{
		registry_lock_row(tuple_int64(rel, tup, INSTANCE_ID));
		tup = instance_tuple(rel, version_id, name);
	}
	return tup;
}

TimestampTz
registry_renew_lease(const Version *version, const char *name, Interval *lease)
{
	Relation	rel = store_open("instance", RowExclusiveLock);
	TimestampTz end;
	HeapTuple	tup;
	Row			row;

	while (!HeapTupleIsValid(tup = lock_instance(rel, version->id, name)))
	{
		if (lease == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_GUARD_UNKNOWN_VERSION),
					 errmsg("instance \"%s\" of version \"%s\" of app \"%s\" has no lease",
							shown(name), shown(version->name), shown(version->app)),
					 errhint("Pass the length of its lease.")));
		require_version_to_stay(version);
		if (insert_instance(rel, version->id, name, lease, &end))
		{
			CommandCounterIncrement();
			table_close(rel, NoLock);
			return end;
		}
	}

	if (lease == NULL)
	{
		bool		isnull;

		lease = DatumGetIntervalP(heap_getattr(tup, INSTANCE_LEASE,
											   RelationGetDescr(rel), &isnull));
	}
	row_init(&row);
	end = set_lease(&row, lease);
	store_update(rel, tup, &row);
	CommandCounterIncrement();	/* the statement may call us again */
	table_close(rel, NoLock);
	return end;
}

void
registry_end_lease(int64 version_id, const char *name)
{
	Relation	rel = store_open("instance", RowExclusiveLock);
	HeapTuple	tup = lock_instance(rel, version_id, name);

	if (HeapTupleIsValid(tup))
		store_delete(rel, tup);
	CommandCounterIncrement();
	table_close(rel, NoLock);
}

void
registry_end_all_leases(int64 version_id)
{
	StoreScan	scan;
	HeapTuple	tup;

	scan_open(&scan, "instance", RowExclusiveLock);
	scan_key_int64(&scan, version_id);
	scan_begin(&scan, "instance_name_idx");
	while (HeapTupleIsValid(tup = scan_next(&scan)))
	{
		tup = lock_instance(scan.rel, version_id, tuple_text(scan.rel, tup, INSTANCE_NAME));
		if (HeapTupleIsValid(tup))
			store_delete(scan.rel, tup);
	}
	scan_close(&scan);
}
