/*
 * lock.c
 *		The locks of the registry.
 *
 * Invariant: no registration and judgement that contradict each other both
 * commit.  A registration holds mode A from before its final verification to
 * transaction end, a judgement mode B from before it reads the registry to
 * transaction end; A and B conflict, A with A and B with B do not.  So
 *
 *	- a judgement that gets B sees every registration that was verified
 *	  against the schema as it was, or waits for it to end;
 *	- a registration that gets A verifies against a schema that no judged
 *	  transaction is about to replace.
 *
 * A registration that holds A never waits for a relation lock (it verifies
 * with wait_for_locks off and lets go of A before it waits), and a judgement
 * that holds B never waits for a registration, so the two cannot deadlock.
 *
 * But a transaction that registers or retires may go on to wait for relations
 * while it holds its lock, and one that is to be judged holds relations locked.
 * So a judgement only tries to get B, again and again for a bounded time: a
 * wait in the lock manager could be part of a deadlock.
 *
 * What is locked is the extension itself, as an object: DROP EXTENSION locks
 * it exclusively and so waits for both, and autovacuum never does.
 */
#include "postgres.h"

#include "base/activity.h"
#include "base/compat.h"
#include "base/holder.h"
#include "catalog/pg_extension.h"
#include "miscadmin.h"
#include "registry/registry.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/inval.h"

#define REGISTRATION_LOCK	RowExclusiveLock	/* A */
#define JUDGEMENT_LOCK		ShareLock	/* B */

/*
 * Requirements nobody needs any more are taken away under a lock that excludes
 * A, B and itself: what no version links to must stay so until it is gone.
 */
#define REMOVAL_LOCK		ShareRowExclusiveLock

static void
lock_extension(LOCKMODE mode)
{
	guard_require_extension();
	LockDatabaseObject(ExtensionRelationId, guard_extension_oid(), 0, mode);
}

static void
unlock_extension(LOCKMODE mode)
{
	UnlockDatabaseObject(ExtensionRelationId, guard_extension_oid(), 0, mode);
}

void
registry_lock_for_registration(void)
{
	lock_extension(REGISTRATION_LOCK);
}

void
registry_unlock_for_registration(void)
{
	unlock_extension(REGISTRATION_LOCK);
}

static LOCKTAG busy_tag;		/* the last lock that was not to be had */
static LOCKMODE busy_mode;

static bool
try_lock(const LOCKTAG *tag, LOCKMODE mode)
{
	if (LockAcquire(tag, mode, false, true) != LOCKACQUIRE_NOT_AVAIL)
		return true;
	busy_tag = *tag;
	busy_mode = mode;
	return false;
}

char *
registry_lock_holders(void)
{
	return lock_holders(&busy_tag, busy_mode);
}

/* As LockDatabaseObject does, but without waiting. */
static bool
try_lock_extension(LOCKMODE mode)
{
	LOCKTAG		tag;

	/* ConditionalLockDatabaseObject, which not every minor release has. */
	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId, guard_extension_oid(), 0);
	if (!try_lock(&tag, mode))
		return false;
	AcceptInvalidationMessages();
	return true;
}

bool
registry_try_lock_for_registration(void)
{
	return try_lock_extension(REGISTRATION_LOCK);
}

bool
registry_try_lock_for_removal(void)
{
	return try_lock_extension(REMOVAL_LOCK);
}

bool
registry_lock_for_judgement(void)
{
	LOCKTAG		tag;

	/* ConditionalLockDatabaseObject, which not every minor release has. */
	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId, guard_extension_oid(), 0);

	/*
	 * The lock for removal excludes as much.  Beside it ours would be refused
	 * for as long as somebody waits for us to let go of that one.
	 */
	if (!compat_lock_held_by_me(&tag, REMOVAL_LOCK) &&
		!try_lock(&tag, JUDGEMENT_LOCK))
		return false;
	AcceptInvalidationMessages();
	return true;
}

/*
 * Invariant: of two transactions that together break a requirement, at most
 * one commits.  Each judged requirement is locked to transaction end, so the
 * second is judged when the first has ended.  It has to be a lock of the lock
 * manager and not one of the requirement's row: that would be free as soon as
 * the first is seen to have ended, a moment before it sends the invalidations
 * that tell what it did to the schema.
 *
 * The lock table has room for so many.  A judgement of more locks all
 * requirements at once, the others share that lock.
 */
#define MANY_REQUIREMENTS	500

static LOCKTAG
row_tag(int64 id)
{
	LOCKTAG		tag;

	/*
	 * An object whose class is no catalog but our schema, so that it is nobody
	 * else's.  Its number has 32 bits; those above go where columns are told.
	 * Numbers of requirements, versions and instances come from one sequence.
	 */
	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, guard_schema_oid(), (uint32) id,
					   (uint16) (id >> 32));
	return tag;
}

bool
registry_try_lock_requirements(const int64 *ids, int n)
{
	bool		all = (n > MANY_REQUIREMENTS);
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId, guard_extension_oid(), 1);
	if (!try_lock(&tag, all ? ExclusiveLock : RowExclusiveLock))
		return false;
	for (int i = 0; i < n && !all; i++)
	{
		tag = row_tag(ids[i]);
		if (!try_lock(&tag, ExclusiveLock))
			return false;
	}
	AcceptInvalidationMessages();
	return true;
}

void
registry_lock_row(int64 id)
{
	LOCKTAG		tag = row_tag(id);

	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

void
registry_share_row(int64 id)
{
	LOCKTAG		tag = row_tag(id);

	(void) LockAcquire(&tag, RowShareLock, false, false);
}

bool
registry_try_lock_row(int64 id)
{
	LOCKTAG		tag = row_tag(id);

	return try_lock(&tag, ExclusiveLock);
}

void
registry_lock_for_removal(void)
{
	lock_extension(REMOVAL_LOCK);
}

void
registry_unlock_for_removal(void)
{
	unlock_extension(REMOVAL_LOCK);
}

bool
registry_lock_against_drop(void)
{
	Oid			extension = guard_extension_oid();

	LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
	if (guard_is_active() && guard_extension_oid() == extension)
		return true;
	UnlockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
	return false;
}

void
registry_unlock_against_drop(void)
{
	UnlockDatabaseObject(ExtensionRelationId, guard_extension_oid(), 0, AccessShareLock);
}
