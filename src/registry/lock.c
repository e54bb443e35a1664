/*
 * lock.c
 *		The lock between registrations and judgements.
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

bool
registry_lock_for_judgement(void)
{
	LOCKTAG		tag;

	/* ConditionalLockDatabaseObject, which not every minor release has. */
	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId, guard_extension_oid(), 0);
	if (LockAcquire(&tag, JUDGEMENT_LOCK, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	AcceptInvalidationMessages();
	return true;
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
