/*
 * attachment.c
 *		Sessions that are instances of a version, and whether a version has any.
 *
 * An attached session holds a session-level lock on its version, so that it
 * counts until it ends, however it ends, and no longer.  It is a lock of the
 * advisory method: session locks of the default method do not outlive a
 * transaction that fails.  So pg_advisory_unlock_all() and DISCARD ALL, which
 * hand the session on to another client, detach it.  No function of the server
 * can take or release our locks by number: the class is our schema, and the fourth
 * field is one that none of them uses.
 *
 * Two lock modes of one tag keep transactions that activate a version (attach,
 * heartbeat, reactivate, set_support) and judgements that skip it from each other:
 *
 * Invariant: when a version is activated, what is stored about its
 * requirements is true, and from then on no judgement skips it.
 *
 *	- A transaction that activates the version holds VERSION_ACTIVATION_LOCK, from before
 *	  it reads the version's row: to the end of the transaction, or, if it attaches the
 *	  session, to the end of the session.
 *	- A judgement that is to skip the version gets VERSION_SKIP_LOCK first, without
 *	  waiting, reads the version's leases only then, and holds VERSION_SKIP_LOCK to the
 *	  end of its transaction together with the mark (version.skipped_at) that it has left
 *	  in the row.
 *
 * So a judgement that does not get VERSION_SKIP_LOCK sees the version as live.  One that
 * gets it is over before the version can be activated; the version is then marked, and
 * what is stored is found anew (judge/reverify.c).  Without a mark no judgement has
 * skipped the version, and all have kept its states up to date.  No clock has a part
 * in this.
 *
 * A session that says by its settings who it is (learn/) holds VERSION_ACTIVATION_LOCK of
 * another tag, which is made of the version's name.  It takes it without waiting, and
 * reads and writes nothing of the version: the background worker activates the version
 * after that.  So the lock alone says that the session is there, and a judgement that
 * is to skip the version needs VERSION_SKIP_LOCK of that tag, too.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/guard_active.h"
#include "base/subtransaction.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "registry/registry.h"
#include "storage/lock.h"
#include "utils/memutils.h"

#define VERSION_ACTIVATION_LOCK		RowExclusiveLock
#define VERSION_SKIP_LOCK		ShareLock	/* conflicts with
											 * VERSION_ACTIVATION_LOCK, not
											 * with itself */

/*
 * An attached session holds it beside VERSION_ACTIVATION_LOCK.  It conflicts with
 * nothing, and tells such sessions from transactions that activate the version.
 */
#define ATTACHED	AccessShareLock

#define WHY_ACTIVATION	"It has changed the schema, and was judged while no instance of the version was there."

/*
 * Mark the fourth field of the tag as ours.  Its other bits are the upper part of the
 * version's id: the view instances takes them apart.
 */
#define PRESENCE_FIELD	0x4000

/* Mark it as that of a session that says by its settings who it is. */
#define CLAIM_FIELD		0x2000
#define CLAIM_KEY_BITS	(32 + 13)

/* Return the tag of the locks of a version. */
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

	/*
	 * PREPARE does not accept both a session and a transaction lock of one
	 * object.
	 */
	if (!compat_lock_held_by_me(&tag, VERSION_ACTIVATION_LOCK))
		wait_for_lock_in_turn(&tag, VERSION_ACTIVATION_LOCK, false, WHY_ACTIVATION);
}

/*
 * Return the key of a version in the tags of sessions that say by their settings who
 * they are.  They know its name and not its id: it may not be registered yet.  Two
 * versions of one key would keep each other live.
 */
int64
registry_claim_key(const char *app, const char *version)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) app, strlen(app), 0);

	hash = hash_bytes_extended((const unsigned char *) version, strlen(version), hash);
	return (int64) (hash & ((UINT64CONST(1) << CLAIM_KEY_BITS) - 1));
}

LOCKTAG
registry_claim_tag(const char *app, const char *version)
{
	int64		key = registry_claim_key(app, version);
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, guard_schema_oid(), (uint32) key,
						 (uint16) (CLAIM_FIELD | (key >> 32)));
	return tag;
}

static bool
try_lock_skip(const LOCKTAG *tag)
{
	return !compat_lock_held_by_me(tag, VERSION_ACTIVATION_LOCK) &&
		LockAcquire(tag, VERSION_SKIP_LOCK, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

bool
registry_try_lock_skip(const Version *version)
{
	LOCKTAG		tag = presence_tag(version->id);
	LOCKTAG		claim;

	if (!try_lock_skip(&tag))
		return false;
	if (version->attaches)
	{
		claim = registry_claim_tag(registry_app_name(version->app_id), version->name);
		if (!try_lock_skip(&claim))
		{
			(void) LockRelease(&tag, VERSION_SKIP_LOCK, false);
			return false;
		}
	}
	return true;
}

void
registry_unlock_skip(const Version *version)
{
	LOCKTAG		tag = presence_tag(version->id);

	(void) LockRelease(&tag, VERSION_SKIP_LOCK, false);
	if (version->attaches)
	{
		tag = registry_claim_tag(registry_app_name(version->app_id), version->name);
		(void) LockRelease(&tag, VERSION_SKIP_LOCK, false);
	}
}

/* ---- sessions that say who they are ---- */

bool
registry_claim_held(const LOCKTAG *tag)
{
	return compat_lock_held_by_me(tag, VERSION_ACTIVATION_LOCK);
}

bool
registry_try_claim(const LOCKTAG *tag)
{
	return registry_claim_held(tag) ||
		LockAcquire(tag, VERSION_ACTIVATION_LOCK, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
registry_release_claim(const LOCKTAG *tag)
{
	if (registry_claim_held(tag))
		(void) LockRelease(tag, VERSION_ACTIVATION_LOCK, true);
}

/* ---- what this session is attached to ---- */

/*
 * A version that a session is attached to.  Attaching takes its locks at once.  The
 * locks of the attachment before are released when the transaction commits; if it
 * fails, the new ones are: what activated the version is undone then, too.
 */
typedef struct Attachment
{
	SubTransactionId subid;		/* must be first */
	LOCKTAG		tag;
	bool		detached;		/* from all versions: there is no tag */
} Attachment;

static Attachment attached = {.detached = true};	/* as of the last commit */
static List *changes = NIL;		/* of Attachment *: by this transaction, in
								 * TopTransactionContext */

/* Return what the session is attached to at this moment. */
static Attachment *
current_attachment(void)
{
	return changes != NIL ? llast(changes) : &attached;
}

/* Is the session attached?  pg_advisory_unlock_all() may have released the locks. */
static bool
is_held(const Attachment *attachment)
{
	return !attachment->detached &&
		compat_lock_held_by_me(&attachment->tag, ATTACHED);
}

/* Forget attachments whose locks are released, before a lock of the same tag is taken. */
static void
forget_released(void)
{
	ListCell   *lc;

	attached.detached = !is_held(&attached);
	foreach(lc, changes)
		((Attachment *) lfirst(lc))->detached = !is_held(lfirst(lc));
}

static void
release(const void *change)
{
	const Attachment *attachment = change;

	if (!is_held(attachment))
		return;
	(void) LockRelease(&attachment->tag, ATTACHED, true);
	(void) LockRelease(&attachment->tag, VERSION_ACTIVATION_LOCK, true);
}

/* Remember a new attachment of this transaction. */
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
	 * Take the lock first that may have to wait, or fail.  If the rest fails,
	 * neither is kept.
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
registry_attached_sessions(const Version *version)
{
	LOCKTAG		tag = presence_tag(version->id);
	LOCKTAG		claim = registry_claim_tag(registry_app_name(version->app_id), version->name);
	LockData   *locks = GetLockStatusData();
	List	   *pids = NIL;

	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];

		if ((memcmp(&lock->locktag, &tag, sizeof(LOCKTAG)) == 0 &&
			 (lock->holdMask & LOCKBIT_ON(ATTACHED)) != 0) ||
			(memcmp(&lock->locktag, &claim, sizeof(LOCKTAG)) == 0 &&
			 (lock->holdMask & LOCKBIT_ON(VERSION_ACTIVATION_LOCK)) != 0))
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
	changes = subtransaction_list_end(changes, mine, parent, release);
}
