/*
 * bounded_wait.c
 *		Wait for a lock, but not for ever.
 *
 * Invariant: the guard adds no deadlock.  Whoever is judged holds locks that
 * others wait for, and so may whoever registers in the middle of a transaction.  A
 * wait of theirs in the lock manager could be part of a deadlock that there would
 * not be without us, and the deadlock detector would choose the victim.  So they
 * only try for what they need, again and again.  If somebody they wait for comes
 * to wait for them they give way at once: see lock_info.c.
 *
 * Invariant: no wait of the guard is longer than compat_guard.ddl_lock_timeout, or
 * than lock_timeout if that is less, and at its end somebody is named: if it turns
 * out that nobody is in the way any more, the lock is tried for once more.
 */
#include "postgres.h"

#include "base/bounded_wait.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/lock_info.h"
#include "base/subtransaction.h"
#include "catalog/catalog.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/inval.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

/* Milliseconds. */
#define FIRST_NAP		1		/* doubled from one try to the next */
#define LONGEST_NAP		10
#define FIRST_LOOK		20		/* at the lock table, for circles; doubled
								 * from one look to the next */
#define LONGEST_LOOK	320
#define AFTER_THE_END	200		/* to find out who is in the way */

int
wait_limit_length(void)
{
	int			length = guard_ddl_lock_timeout;

	if (LockTimeout > 0)
		length = Min(length, LockTimeout);
	return Max(length, 1);		/* 0 is no limit to the server */
}

WaitLimit
wait_limit_begin(bool judges)
{
	WaitLimit	limit = {
		.judges = judges,
		.deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), wait_limit_length())
	};

	return limit;
}

bool
wait_limit_ended(const WaitLimit *limit)
{
	return GetCurrentTimestamp() >= limit->deadline;
}

void
wait_nap(long milliseconds)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 milliseconds, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

void
wait_limit_report(const WaitLimit *limit, const char *why, const char *who, bool in_turn)
{
	ereport(ERROR,
			(errcode(ERRCODE_GUARD_BUSY),
			 limit->judges
			 ? errmsg("could not obtain lock to judge the schema change")
			 : errmsg("could not obtain lock on the registry"),
			 in_turn
			 ? errdetail("%s Blocked by %s. It waits for this transaction in turn.", why, who)
			 : errdetail("%s Blocked by %s.", why, who),
			 errhint("Retry when the other transaction has ended. The setting compat_guard.ddl_lock_timeout limits the wait.")));
}

/* ---- trying ---- */

/*
 * Does this transaction hold a lock that keeps every other transaction from a lock
 * which conflicts with mode?  Then whoever waits for such a lock waits for us.
 */
static bool
is_ours(const LOCKTAG *tag, LOCKMODE mode)
{
	bool		any = false;
	bool		strong = false;

	for (LOCKMODE held = AccessShareLock; held <= AccessExclusiveLock; held++)
	{
		if (!compat_lock_held_by_me(tag, held))
			continue;
		any = true;
		strong |= (held >= RowExclusiveLock && held != ShareLock);
	}
	return mode == AccessShareLock ? any : mode == RowExclusiveLock && strong;
}

/*
 * Try to get a lock.  The lock manager refuses it to one who does not wait if somebody
 * else waits for a lock on the object, even if that one waits for us: then a change of
 * a table could not be judged while another session waits to change the table.  So
 * wait in that case: the lock manager lets us go first, and the wait takes no time.
 */
static bool
try_lock(const LOCKTAG *tag, LOCKMODE mode)
{
	return LockAcquire(tag, mode, false, !is_ours(tag, mode)) != LOCKACQUIRE_NOT_AVAIL;
}

bool
try_lock_relation_now(Oid relid, LOCKMODE mode)
{
	LOCKTAG		tag;

	SET_LOCKTAG_RELATION(tag, IsSharedRelation(relid) ? InvalidOid : MyDatabaseId, relid);
	if (!try_lock(&tag, mode))
		return false;
	AcceptInvalidationMessages();
	return true;
}

/* Try for the lock until it is obtained, we have to give way, or the limit ends. */
static void
keep_trying(const LOCKTAG *tag, LOCKMODE mode, const WaitLimit *limit, const char *why)
{
	TimestampTz look_at = GetCurrentTimestamp();
	TimestampTz give_up = TimestampTzPlusMilliseconds(limit->deadline, AFTER_THE_END);
	int			until_look = FIRST_LOOK;
	long		nap = FIRST_NAP;
	const char *last_seen = "transactions that hold it for a moment, one after another";
	bool		newcomer = true;

	do
	{
		TimestampTz now = GetCurrentTimestamp();
		bool		ended = (now >= limit->deadline);

		if (ended || now >= look_at)
		{
			Blockers	found = lock_blockers(tag, mode, newcomer);

			if (found.who != NULL)
				last_seen = found.who;
			if ((found.in_turn || ended) && (found.who != NULL || now >= give_up))
				wait_limit_report(limit, why, last_seen, found.in_turn);
			newcomer = false;
			look_at = TimestampTzPlusMilliseconds(now, until_look);
			until_look = Min(until_look * 2, LONGEST_LOOK);
		}
		wait_nap(ended ? FIRST_NAP : nap);
		nap = Min(nap * 2, LONGEST_NAP);
	} while (!try_lock(tag, mode));
}

void
wait_for_lock(const LOCKTAG *tag, LOCKMODE mode, const WaitLimit *limit, const char *why)
{
	if (!try_lock(tag, mode))
	{
		LOCKTAG		announcement = lock_announcement(tag, mode);

		(void) LockAcquire(&announcement, AccessShareLock, false, false);
		keep_trying(tag, mode, limit, why);
		(void) LockRelease(&announcement, AccessShareLock, false);
	}
	AcceptInvalidationMessages();
}

/* ---- waiting ---- */

void
wait_in_lock_manager(void (*wait) (void *arg), void *arg, const LOCKTAG *tag, LOCKMODE mode,
					 const char *why)
{
	WaitLimit	limit = wait_limit_begin(false);
	int			outer_timeout = LockTimeout;
	ErrorData  *edata;

	do
	{
		Blockers	found;

		LockTimeout = wait_limit_length();
		edata = subtransaction_run(wait, arg, true);
		LockTimeout = outer_timeout;
		if (edata == NULL)
			return;
		if (edata->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
			ReThrowError(edata);
		found = lock_blockers(tag, mode, false);
		if (found.who != NULL)
			wait_limit_report(&limit, why, found.who, false);
	} while (GetCurrentTimestamp() <
			 TimestampTzPlusMilliseconds(limit.deadline, wait_limit_length() + AFTER_THE_END));
	ReThrowError(edata);
}

typedef struct LockToWaitFor
{
	const LOCKTAG *tag;
	LOCKMODE	mode;
	bool		session;
} LockToWaitFor;

/* Body of wait_in_lock_manager(). */
static void
acquire(void *arg)
{
	LockToWaitFor *lock = arg;

	(void) LockAcquire(lock->tag, lock->mode, lock->session, false);
}

void
wait_for_lock_in_turn(const LOCKTAG *tag, LOCKMODE mode, bool session, const char *why)
{
	LockToWaitFor lock = {tag, mode, session};

	if (LockAcquire(tag, mode, session, true) == LOCKACQUIRE_NOT_AVAIL)
		wait_in_lock_manager(acquire, &lock, tag, mode, why);
}
