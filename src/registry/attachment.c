/*
 * attachment.c
 *		Sessions that are instances of a version, and whether a version has any.
 *
 * An attached session holds a session-level lock on its version, so that it
 * counts until it ends, however it ends, and no longer.  It is a lock of the
 * advisory method: session locks of the default method do not outlive a
 * transaction that fails.  So pg_advisory_unlock_all() and DISCARD ALL, which
 * hand the session on to another client, detach it.  Nobody can take or release
 * one of ours by number: the class is our schema, and the fourth field is one
 * that no function of the server uses.
 *
 * A lock of the same tag excludes those who bring a version to life (attach,
 * heartbeat, reactivate, set_support) and judgements that pass it over:
 *
 * Invariant: when a version begins to count, what is stored about its
 * requirements is true, and from then on no judgement passes it over.
 *
 *	- Who brings it to life holds VERSION_ACTIVATION_LOCK, from before he reads the version's
 *	  row: to the end of his transaction, or attached to that of the session.
 *	- A judgement that is to pass it over gets VERSION_SKIP_LOCK first, without waiting,
 *	  reads its leases only then, and holds VERSION_SKIP_LOCK to the end of its transaction
 *	  together with the mark (version.lapsed_at) that it has left in the row.
 *
 * So a judgement that does not get VERSION_SKIP_LOCK sees the version as live.  One that
 * does is over before the version can come to life; it is then marked, and what
 * is stored is found anew (judge/reverify.c).  Without a mark no judgement has
 * passed it over, and all have kept its states up to date.  No clock has a part
 * in this.
 */
#include "postgres.h"

#include "base/activity.h"
#include "base/compat.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "registry/registry.h"
#include "storage/lock.h"
#include "utils/memutils.h"

#define VERSION_ACTIVATION_LOCK		RowExclusiveLock
#define VERSION_SKIP_LOCK		ShareLock	/* conflicts with
											 * VERSION_ACTIVATION_LOCK, not
											 * with itself */

/* Beside VERSION_ACTIVATION_LOCK, conflicts with nothing: tells sessions from transactions. */
#define ATTACHED	AccessShareLock

#define WHY_ACTIVATION	"It has changed the schema, and was judged while no instance of the version was there."

/*
 * Ours are those above, the rest is the upper part of the version's number:
 * the view instances takes them apart.
 */
#define PRESENCE_FIELD	0x4000

static LOCKTAG
presence_tag(int64 version_id)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, guard_schema_oid(), (uint32) version_id,
						 (uint16) (PRESENCE_FIELD | (version_id >> 32)));
	return tag;
}

void
registry_lock_activation(int64 version_id)
{
	LOCKTAG		tag = presence_tag(version_id);

	/* Of two levels on one object PREPARE would not have it. */
	if (!compat_lock_held_by_me(&tag, VERSION_ACTIVATION_LOCK))
		wait_for_lock_in_turn(&tag, VERSION_ACTIVATION_LOCK, false, WHY_ACTIVATION);
}

bool
registry_try_lock_skip(int64 version_id)
{
	LOCKTAG		tag = presence_tag(version_id);

	return !compat_lock_held_by_me(&tag, VERSION_ACTIVATION_LOCK) &&
		LockAcquire(&tag, VERSION_SKIP_LOCK, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
registry_unlock_skip(int64 version_id)
{
	LOCKTAG		tag = presence_tag(version_id);

	(void) LockRelease(&tag, VERSION_SKIP_LOCK, false);
}

/* ---- what this session is attached to ---- */

/*
 * Attaching takes the lock at once.  What it replaces is let go when the
 * transaction commits; if it fails, the new one is: whatever made the version
 * count anew is undone then, too.
 */
typedef struct Attachment
{
	LOCKTAG		tag;
	bool		detached;		/* the tag means nothing */
	SubTransactionId subid;
} Attachment;

static Attachment attached = {.detached = true};	/* as of the last commit */
static List *changes = NIL;		/* of Attachment *: by this transaction, in
								 * TopTransactionContext */

static Attachment *
current_attachment(void)
{
	return changes != NIL ? llast(changes) : &attached;
}

/* The locks may have gone with pg_advisory_unlock_all(). */
static bool
is_held(const Attachment *attachment)
{
	return !attachment->detached &&
		compat_lock_held_by_me(&attachment->tag, ATTACHED);
}

/* What has gone is not to be taken for the lock that is got next. */
static void
forget_released(void)
{
	ListCell   *lc;

	attached.detached = !is_held(&attached);
	foreach(lc, changes)
		((Attachment *) lfirst(lc))->detached = !is_held(lfirst(lc));
}

static void
release(const Attachment *attachment)
{
	if (!is_held(attachment))
		return;
	(void) LockRelease(&attachment->tag, ATTACHED, true);
	(void) LockRelease(&attachment->tag, VERSION_ACTIVATION_LOCK, true);
}

static void
change_attachment(Attachment change)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	Attachment *copy = palloc_object(Attachment);

	change.subid = GetCurrentSubTransactionId();
	*copy = change;
	changes = lappend(changes, copy);
	MemoryContextSwitchTo(old);
}

void
registry_attach(int64 version_id)
{
	const Attachment *current = current_attachment();
	Attachment	new = {.tag = presence_tag(version_id)};
	volatile bool held = false;

	forget_released();
	if (!current->detached && memcmp(&current->tag, &new.tag, sizeof(LOCKTAG)) == 0)
		return;

	/*
	 * The one that may have to wait, or fail, comes first.  None stays if the
	 * rest fails.
	 */
	wait_for_lock_in_turn(&new.tag, VERSION_ACTIVATION_LOCK, true, WHY_ACTIVATION);
	PG_TRY();
	{
		(void) LockAcquire(&new.tag, ATTACHED, true, false);
		held = true;
		change_attachment(new);
	}
	PG_CATCH();
	{
		if (held)
			(void) LockRelease(&new.tag, ATTACHED, true);
		(void) LockRelease(&new.tag, VERSION_ACTIVATION_LOCK, true);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

void
registry_detach(void)
{
	Attachment	none = {.detached = true};

	if (!current_attachment()->detached)
		change_attachment(none);
}

bool
registry_attached_in_transaction(void)
{
	return changes != NIL;
}

List *
registry_attached_sessions(int64 version_id)
{
	LOCKTAG		tag = presence_tag(version_id);
	LockData   *locks = GetLockStatusData();
	List	   *pids = NIL;

	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];

		if (memcmp(&lock->locktag, &tag, sizeof(LOCKTAG)) == 0 &&
			(lock->holdMask & LOCKBIT_ON(ATTACHED)) != 0)
			pids = lappend_int(pids, lock->pid);
	}
	return pids;
}

void
registry_sessions_at_commit(void)
{
	ListCell   *lc;

	if (changes == NIL)
		return;
	release(&attached);
	foreach(lc, changes)
	{
		if (lc != list_last_cell(changes))
			release(lfirst(lc));
	}
	attached = *(Attachment *) llast(changes);
	changes = NIL;
}

void
registry_sessions_at_abort(void)
{
	ListCell   *lc;

	foreach(lc, changes)
		release(lfirst(lc));
	changes = NIL;
}

void
registry_sessions_at_subtransaction_end(SubTransactionId mine, SubTransactionId parent)
{
	ListCell   *lc;

	foreach(lc, changes)
	{
		Attachment *change = lfirst(lc);

		if (change->subid != mine)
			continue;
		if (parent != InvalidSubTransactionId)
			change->subid = parent;
		else
		{
			release(change);
			changes = foreach_delete_current(changes, lc);
		}
	}
}
