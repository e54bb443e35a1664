/*
 * lock_info.c
 *		Who holds a lock, and does he wait for us?
 *
 * A message that a transaction is in the way has to say which, so that somebody can
 * ask its user, or end it.
 *
 * The guard mostly tries for a lock again and again instead of waiting in the
 * lock manager (bounded_wait.c), so the deadlock detector does not see it wait.  Two
 * that try for each other's locks, or one that tries for what belongs to somebody
 * who waits for it, would do so to the end of their limits.
 *
 * Invariant: whoever tries holds an announcement, a lock that conflicts with
 * nothing and whose number is made of the lock wanted.  So the lock table tells
 * all waits, those of the lock manager and ours, and of a circle with one of ours
 * in it one gives way: who closes it, or if several do at the same time the one
 * with the highest process number.
 *
 * A wait behind somebody who only waits himself is not followed.  So no circle is
 * seen that is none, and one that has such a wait in it ends with the limit.  What
 * a parallel worker holds is its leader's; a prepared transaction waits for nobody.
 */
#include "postgres.h"

#include "access/twophase.h"
#include "base/compat.h"
#include "base/guard_active.h"
#include "base/lock_info.h"
#include "base/shown.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define HOLDERS_SHOWN 5

/*
 * A bit in the last field of an announcement's tag, beside the mode that is wanted.
 * registry/lock.c has the numbers of the other locks.
 */
#define ANNOUNCEMENT_FIELD	0x8000

/* Return a number for the tag of a lock. */
static uint32
tag_number(const LOCKTAG *tag)
{
	return hash_bytes((const unsigned char *) tag, sizeof(LOCKTAG));
}

LOCKTAG
lock_announcement(const LOCKTAG *tag, LOCKMODE mode)
{
	LOCKTAG		announcement;

	SET_LOCKTAG_OBJECT(announcement, MyDatabaseId, guard_schema_oid(), tag_number(tag),
					   ANNOUNCEMENT_FIELD | mode);
	return announcement;
}

bool
lock_is_announced(const LOCKTAG *tag, LOCKMODE mode)
{
	LOCKTAG		announcement = lock_announcement(tag, mode);
	int			n;

	pfree(GetLockConflicts(&announcement, AccessExclusiveLock, &n));
	return n > 0;
}

/* ---- a copy of the lock table ---- */

/* A process that wants a lock. */
typedef struct Want
{
	int			pid;
	uint32		number;			/* of the lock's tag */
	LOCKMODE	mode;
	bool		tries;			/* does not wait in the lock manager */
} Want;

typedef struct LockTable
{
	LockData   *data;
	uint32	   *numbers;		/* of each element's tag */
	Want	   *wants;
	int			nwants;
} LockTable;

/* Return the process a lock counts for: the leader of a parallel worker. */
static int
owner(const LockInstanceData *lock)
{
	return lock->leaderPid != 0 ? lock->leaderPid : lock->pid;
}

/* Read the lock table, and who wants which lock. */
static LockTable
read_lock_table(void)
{
	LockTable	table = {.data = GetLockStatusData()};
	Oid			schema = guard_schema_oid();

	table.numbers = palloc_array(uint32, table.data->nelements + 1);
	table.wants = palloc_array(Want, table.data->nelements + 1);
	for (int i = 0; i < table.data->nelements; i++)
	{
		const LockInstanceData *lock = &table.data->locks[i];
		const LOCKTAG *tag = &lock->locktag;
		Want		want = {.pid = owner(lock)};

		table.numbers[i] = tag_number(tag);
		if (lock->waitLockMode != NoLock)
		{
			want.number = table.numbers[i];
			want.mode = lock->waitLockMode;
			table.wants[table.nwants++] = want;
		}
		else if (tag->locktag_type == LOCKTAG_OBJECT && tag->locktag_field1 == MyDatabaseId &&
				 tag->locktag_field2 == schema && (tag->locktag_field4 & ANNOUNCEMENT_FIELD) != 0)
		{
			want.number = tag->locktag_field3;
			want.mode = tag->locktag_field4 & ~ANNOUNCEMENT_FIELD;
			want.tries = true;
			table.wants[table.nwants++] = want;
		}
	}
	return table;
}

/* Does mode conflict with any of the modes held? */
static bool
conflicts(LOCKMASK held, LOCKMODE mode)
{
	for (LOCKMODE other = AccessShareLock; other <= AccessExclusiveLock; other++)
	{
		if ((held & LOCKBIT_ON(other)) != 0 && DoLockModesConflict(other, mode))
			return true;
	}
	return false;
}

/* ---- circles ---- */

/* A process that we wait for, directly or not. */
typedef struct Step
{
	int			pid;
	int			from;			/* step of the process that waits for it; -1
								 * for our own */
	bool		tries;			/* that process does not wait in the lock
								 * manager */
} Step;

static bool
is_known(const Step *steps, int n, int pid)
{
	for (int i = 0; i < n; i++)
	{
		if (steps[i].pid == pid)
			return true;
	}
	return false;
}

/*
 * Have we the highest process number among those in the circle that try for their
 * locks?  steps[last] waits for us.
 */
static bool
is_highest(const Step *steps, int last, bool last_tries)
{
	bool		tries = last_tries;

	for (int i = last; i > 0; i = steps[i].from)
	{
		if (tries && steps[i].pid > MyProcPid)
			return false;
		tries = steps[i].tries;
	}
	return true;
}

/*
 * Add a step for each process that holds what is wanted.  Return true if we hold it and
 * have to give way.
 */
static bool
follow(const LockTable *table, const Want *want, Step *steps, int *n, int from, bool newcomer)
{
	for (int i = 0; i < table->data->nelements; i++)
	{
		const LockInstanceData *lock = &table->data->locks[i];
		int			pid = owner(lock);

		if (table->numbers[i] != want->number || pid == 0 || pid == want->pid ||
			!conflicts(lock->holdMask, want->mode))
			continue;
		if (pid == MyProcPid)
		{
			if (newcomer || is_highest(steps, from, want->tries))
				return true;
		}
		else if (!is_known(steps, *n, pid))
		{
			Step		step = {.pid = pid, .from = from, .tries = want->tries};

			steps[(*n)++] = step;
		}
	}
	return false;
}

/* Do we wait for somebody who waits for us, and is it for us to give way? */
static bool
have_to_give_way(const LockTable *table, const LOCKTAG *tag, LOCKMODE mode, bool newcomer)
{
	Step	   *steps = palloc_array(Step, table->data->nelements + 1);
	Want		mine = {.pid = MyProcPid, .number = tag_number(tag), .mode = mode, .tries = true};
	Step		self = {.pid = MyProcPid, .from = -1};
	int			n = 1;

	steps[0] = self;
	if (follow(table, &mine, steps, &n, 0, newcomer))
		return true;
	for (int i = 1; i < n; i++)
	{
		for (int w = 0; w < table->nwants; w++)
		{
			if (table->wants[w].pid == steps[i].pid &&
				follow(table, &table->wants[w], steps, &n, i, newcomer))
				return true;
		}
	}
	return false;
}

/* ---- names ---- */

/* Return what to call the owner of a lock, or NULL if it has gone. */
static char *
name_of(const LockInstanceData *lock)
{
	int			pid = owner(lock);
	PGPROC	   *proc = pid != 0 ? BackendPidGetProc(pid) : NULL;
	char	   *role = proc != NULL ? GetUserNameFromId(proc->roleId, true) : NULL;

	if (pid == 0)
	{
		VirtualTransactionId vxid = compat_lock_vxid(lock);
		bool		more;
		TransactionId xid = VirtualTransactionIdIsRecoveredPreparedXact(vxid)
		? vxid.localTransactionId : TwoPhaseGetXidByVirtualXID(vxid, &more);

		return TransactionIdIsValid(xid) ? psprintf("prepared transaction %u", xid) : NULL;
	}
	return role != NULL ? psprintf("process %d of role %s", pid, shown(quote_identifier(role)))
		: psprintf("process %d", pid);
}

/*
 * Return the names of those who hold the lock, or with waiting of those who wait for it
 * before us; NULL if there are none.
 */
static char *
names(const LockTable *table, const LOCKTAG *tag, LOCKMODE mode, bool waiting)
{
	StringInfoData buf;
	int			n = 0;
	int			last = -1;

	initStringInfo(&buf);
	for (int i = 0; i < table->data->nelements; i++)
	{
		const LockInstanceData *lock = &table->data->locks[i];
		LOCKMASK	mask = waiting ? LOCKBIT_ON(lock->waitLockMode) & ~LOCKBIT_ON(NoLock)
		: lock->holdMask;
		char	   *name;

		if (memcmp(&lock->locktag, tag, sizeof(LOCKTAG)) != 0 || owner(lock) == MyProcPid ||
			!conflicts(mask, mode) || (owner(lock) != 0 && owner(lock) == last) ||
			(name = name_of(lock)) == NULL)
			continue;
		last = owner(lock);
		if (n++ < HOLDERS_SHOWN)
			appendStringInfo(&buf, "%s%s%s", buf.len > 0 ? ", " : "", name,
							 waiting ? " (which waits itself)" : "");
	}
	if (n > HOLDERS_SHOWN)
		appendStringInfo(&buf, " and %d more", n - HOLDERS_SHOWN);
	return n > 0 ? buf.data : NULL;
}

Blockers
lock_blockers(const LOCKTAG *tag, LOCKMODE mode, bool newcomer)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "compat_guard lock table",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	LockTable	table = read_lock_table();
	Blockers	result;

	result.in_turn = have_to_give_way(&table, tag, mode, newcomer);
	result.who = names(&table, tag, mode, false);
	if (result.who == NULL)
		result.who = names(&table, tag, mode, true);
	MemoryContextSwitchTo(old);
	if (result.who != NULL)
		result.who = pstrdup(result.who);
	MemoryContextDelete(context);
	return result;
}
