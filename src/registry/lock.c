/*
 * lock.c
 *		The locks of the registry.
 *
 * Invariant: no registration and judgement that contradict each other both
 * commit.  A registration holds mode A (REGISTRY_LOCK_REGISTRATION) from before its
 * final verification to transaction end, a judgement mode B (REGISTRY_LOCK_JUDGEMENT)
 * from before it reads the registry to transaction end; A and B conflict, A with A and
 * B with B do not.  So
 *
 *	- a judgement that gets B sees every registration that was verified
 *	  against the schema as it was, or waits for it to end;
 *	- a registration that gets A verifies against a schema that no judged
 *	  transaction is about to replace.
 *
 * Requirements that no version needs any more are taken away under a lock that
 * excludes A, B and itself: what no version links to must stay so until it is gone.
 *
 * A registration that holds A never waits for a relation lock (it verifies
 * with wait_for_locks off and lets go of A before it waits).  But its transaction
 * may go on to do so, and one that is to be judged holds relations locked.  So
 * no session waits for these locks in the lock manager: see bounded_wait.c.
 *
 * Invariant: no stream of one keeps the other out.  A session that tries does not
 * stand in the lock manager's queue.  That is good, because a session that is held up
 * by one long transaction does not hold up the rest; but sessions that come later
 * would pass it as long as they keep coming.  So a session that comes lets those go
 * first that have announced that they try for a mode that conflicts with its own; but
 * not longer than a moment, because they may be waiting for something that does not end.
 *
 * Invariant: no statement of SQL takes one of these locks.  They are on objects
 * whose class is no catalog but our schema.  The lock of the extension as an object,
 * which any role may take, is not used: DROP EXTENSION takes our lock, when it is known
 * that it is allowed to.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/guard_active.h"
#include "base/lock_info.h"
#include "miscadmin.h"
#include "registry/registry.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/inval.h"
#include "utils/timestamp.h"

/*
 * Tell what a lock's number belongs to.  The kind is in the upper bits of the tag's last
 * field, above the upper bits of the number.  The highest bit marks announcements:
 * see lock_info.c.
 */
typedef enum TagKind
{
	TAG_ROW,					/* a row of a requirement, version or
								 * instance: one sequence gives their ids */
	TAG_BLOCK,					/* a block of requirements */
	TAG_REGISTRY
} TagKind;

#define TAG_KIND_SHIFT	12

static LOCKTAG
guard_tag(TagKind kind, int64 number)
{
	LOCKTAG		tag;

	Assert(number >= 0 && number >> (32 + TAG_KIND_SHIFT) == 0);
	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, guard_schema_oid(), (uint32) number,
					   (uint16) (kind << TAG_KIND_SHIFT | number >> 32));
	return tag;
}

/* ---- the registry ---- */

/* How long to let others go first, in milliseconds. */
#define COURTESY_OF_JUDGEMENT		100
#define COURTESY_OF_OTHERS			1000

/* List the modes that are waited for in turn, and announced. */
static const RegistryLock modes[] = {
	REGISTRY_LOCK_REGISTRATION, REGISTRY_LOCK_JUDGEMENT, REGISTRY_LOCK_REMOVAL, REGISTRY_LOCK_DROP
};

#define THE_REGISTRY		0
#define ALL_REQUIREMENTS	1

static LOCKTAG
registry_tag(void)
{
	return guard_tag(TAG_REGISTRY, THE_REGISTRY);
}

/* Say, for the error of a wait that has taken too long, what the other session does. */
static const char *
why_lock(RegistryLock mode)
{
	switch (mode)
	{
		case REGISTRY_LOCK_JUDGEMENT:
			return "It registers or retires a version, or changes a policy.";
		case REGISTRY_LOCK_REGISTRATION:
			return "It has changed the schema and was judged, or retires a version or changes a policy.";
		case REGISTRY_LOCK_AGAINST_DROP:
			return "It drops or updates the extension.";
		default:
			return "It has changed the schema and was judged, or registers or retires a version, or changes a policy.";
	}
}

/* Has another session announced that it tries for a lock that conflicts with mode? */
static bool
others_are_waiting(const LOCKTAG *tag, RegistryLock mode)
{
	for (int i = 0; i < lengthof(modes); i++)
	{
		if (DoLockModesConflict(modes[i], mode) && lock_is_announced(tag, modes[i]))
			return true;
	}
	return false;
}

static bool
is_held(const LOCKTAG *tag)
{
	for (int i = 0; i < lengthof(modes); i++)
	{
		if (compat_lock_held_by_me(tag, modes[i]))
			return true;
	}
	return false;
}

/* Wait a moment if others have announced that they try for a conflicting lock. */
static void
let_others_go_first(const LOCKTAG *tag, RegistryLock mode, const WaitLimit *limit)
{
	TimestampTz until;

	/*
	 * Who holds one already does not, because the others may be waiting for
	 * it.
	 */
	if (!others_are_waiting(tag, mode) || is_held(tag))
		return;
	until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), mode == REGISTRY_LOCK_JUDGEMENT
										? COURTESY_OF_JUDGEMENT : COURTESY_OF_OTHERS);
	until = Min(until, limit->deadline);
	do
		wait_nap(1);
	while (GetCurrentTimestamp() < until && others_are_waiting(tag, mode));
}

bool
registry_lock_within(RegistryLock mode, const WaitLimit *limit)
{
	while (OidIsValid(guard_extension_oid()))
	{
		LOCKTAG		tag = registry_tag();
		LOCKTAG		now;

		if (mode != REGISTRY_LOCK_AGAINST_DROP)
			let_others_go_first(&tag, mode, limit);
		wait_for_lock(&tag, mode, limit, why_lock(mode));
		now = registry_tag();
		if (OidIsValid(guard_extension_oid()) && memcmp(&tag, &now, sizeof(LOCKTAG)) == 0)
			return true;

		/*
		 * The other session has dropped the extension, and maybe created it
		 * again.
		 */
		(void) LockRelease(&tag, mode, false);
	}
	return false;
}

void
registry_lock(RegistryLock mode)
{
	WaitLimit	limit = wait_limit_begin(false);

	if (!registry_lock_within(mode, &limit))
		guard_require_extension();
}

bool
registry_try_lock(RegistryLock mode)
{
	LOCKTAG		tag = registry_tag();

	if (LockAcquire(&tag, mode, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	AcceptInvalidationMessages();
	return true;
}

void
registry_unlock(RegistryLock mode)
{
	LOCKTAG		tag = registry_tag();

	(void) LockRelease(&tag, mode, false);
}

bool
registry_lock_against_drop(void)
{
	WaitLimit	limit = wait_limit_begin(false);

	return guard_is_active() && registry_lock_within(REGISTRY_LOCK_AGAINST_DROP, &limit);
}

void
registry_lock_for_drop(void)
{
	LOCKTAG		tag = registry_tag();

	if (!compat_lock_held_by_me(&tag, REGISTRY_LOCK_DROP))
		registry_lock(REGISTRY_LOCK_DROP);
}

/* ---- requirements ---- */

/*
 * Invariant: of two transactions that together break a requirement, at most
 * one commits.  Each judged requirement is locked to transaction end, so the
 * second is judged when the first has ended.  It has to be a lock of the lock
 * manager and not one of the requirement's row: that would be free as soon as
 * the first is seen to have ended, a moment before it sends the invalidations
 * that tell what it did to the schema.
 *
 * Invariant: a transaction locks no more than about MAX_LOCKS.  The lock table has
 * room for max_locks_per_transaction of each session, by default 64, and most
 * need few.  A transaction that needs more locks whole blocks of requirements, or all.
 * What is registered together has ids one after another, so that blocks of what others
 * have registered are seldom in the way.
 *
 * All three levels are locked from the top down, and ids in ascending order: two
 * that lock once do not wait for each other.
 */
#define MAX_LOCKS	128
#define BLOCK_BITS	8			/* 256 requirements; all blocks: 32 768 */

#define LOCK_PART	RowExclusiveLock	/* something within it is locked */
#define LOCK_WHOLE	ExclusiveLock

/* How many this transaction has locked; too many after a rollback to a savepoint. */
static LocalTransactionId counted_for = InvalidLocalTransactionId;
static int	nlocked;

/* What the last call of registry_lock_requirements has locked. */
static struct
{
	LOCKTAG		tag;
	LOCKMODE	mode;
}			taken[2 * MAX_LOCKS];
static int	ntaken;

static bool
is_locked(TagKind kind, int64 number, LOCKMODE mode)
{
	LOCKTAG		tag = guard_tag(kind, number);

	return compat_lock_held_by_me(&tag, mode);
}

/* Lock a number unless it is locked; return whether all within it is locked. */
static bool
lock_one(TagKind kind, int64 number, LOCKMODE mode, const WaitLimit *limit, const char *why)
{
	LOCKTAG		tag = guard_tag(kind, number);

	if (is_locked(kind, number, LOCK_WHOLE))
		return true;
	if (!is_locked(kind, number, mode))
	{
		wait_for_lock(&tag, mode, limit, why);
		nlocked++;
		Assert(ntaken < lengthof(taken));
		taken[ntaken].tag = tag;
		taken[ntaken++].mode = mode;
	}
	return mode == LOCK_WHOLE;
}

/* Count the locks that the ids take, without those that are held already. */
static int
count_locks(const int64 *ids, int n, int *nblocks)
{
	bool		whole = false;
	int			nrows = 0;

	*nblocks = 0;
	for (int i = 0; i < n; i++)
	{
		int64		block = ids[i] >> BLOCK_BITS;

		if (i == 0 || block != ids[i - 1] >> BLOCK_BITS)
		{
			whole = is_locked(TAG_BLOCK, block, LOCK_WHOLE);
			*nblocks += !whole && !is_locked(TAG_BLOCK, block, LOCK_PART);
		}
		nrows += !whole && !is_locked(TAG_ROW, ids[i], LOCK_WHOLE);
	}
	return nrows + *nblocks;
}

void
registry_lock_requirements(const int64 *ids, int n, const WaitLimit *limit, const char *why)
{
	int			nblocks;
	int			nlocks = count_locks(ids, n, &nblocks);
	LOCKMODE	all;
	LOCKMODE	each;
	bool		whole = false;

	if (counted_for != compat_my_lxid())
		nlocked = 0;
	counted_for = compat_my_lxid();
	ntaken = 0;
	all = nlocked + nblocks > MAX_LOCKS ? LOCK_WHOLE : LOCK_PART;
	each = nlocked + nlocks > MAX_LOCKS ? LOCK_WHOLE : LOCK_PART;

	if (lock_one(TAG_REGISTRY, ALL_REQUIREMENTS, all, limit, why))
		return;
	for (int i = 0; i < n; i++)
	{
		int64		block = ids[i] >> BLOCK_BITS;

		if (i == 0 || block != ids[i - 1] >> BLOCK_BITS)
			whole = lock_one(TAG_BLOCK, block, each, limit, why);
		if (!whole)
			(void) lock_one(TAG_ROW, ids[i], LOCK_WHOLE, limit, why);
	}
}

void
registry_lock_to_save(const int64 *ids, int n)
{
	WaitLimit	limit = wait_limit_begin(false);

	if (n > 0)
		registry_lock_requirements(ids, n, &limit,
								   "It registers a version with the same requirement, and found that changed.");
}

void
registry_unlock_after_judgement(bool requirements)
{
	while (requirements && ntaken > 0)
	{
		ntaken--;
		nlocked--;
		(void) LockRelease(&taken[ntaken].tag, taken[ntaken].mode, false);
	}
	registry_unlock(REGISTRY_LOCK_JUDGEMENT);
}

/* ---- rows of versions and instances ---- */

#define WHY_ROW "It changes the same version or instance."

void
registry_lock_row(int64 id)
{
	LOCKTAG		tag = guard_tag(TAG_ROW, id);

	wait_for_lock_in_turn(&tag, ExclusiveLock, false, WHY_ROW);
}

void
registry_share_row(int64 id)
{
	LOCKTAG		tag = guard_tag(TAG_ROW, id);

	wait_for_lock_in_turn(&tag, RowShareLock, false, WHY_ROW);
}

bool
registry_try_lock_row(int64 id)
{
	LOCKTAG		tag = guard_tag(TAG_ROW, id);

	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}
