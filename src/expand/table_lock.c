/*
 * table_lock.c
 *		Lock a table and its children exclusively, without keeping others waiting.
 *
 * Invariant: a session that waits for one of the tables holds none of the others, and
 * stands in no queue.  Whoever reads or writes the table meanwhile does so unhindered.
 * The exclusive locks are held only once all are obtained.
 */
#include "postgres.h"

#include "base/bounded_wait.h"
#include "catalog/pg_inherits.h"
#include "expand/expand_internal.h"
#include "miscadmin.h"
#include "storage/lmgr.h"

/* Milliseconds. */
#define NAP	5

/* Lock all now; return the table that cannot be locked, or InvalidOid. */
static Oid
try_to_lock(List *relids)
{
	ListCell   *lc;

	foreach(lc, relids)
	{
		if (try_lock_relation_now(lfirst_oid(lc), AccessExclusiveLock))
			continue;
		for (int i = 0; i < foreach_current_index(lc); i++)
			UnlockRelationOid(list_nth_oid(relids, i), AccessExclusiveLock);
		return lfirst_oid(lc);
	}
	return InvalidOid;
}

void
lock_table_exclusively(Oid relid)
{
	WaitLimit	limit = wait_limit_begin(false);

	for (;;)
	{
		List	   *relids = find_all_inheritors(relid, NoLock, NULL);
		Oid			taken = try_to_lock(relids);
		LOCKTAG		tag;

		if (!OidIsValid(taken))
		{
			if (list_length(find_all_inheritors(relid, NoLock, NULL)) == list_length(relids))
				return;
			continue;			/* a new child, before the parent was locked */
		}
		if (!wait_limit_ended(&limit) && list_length(relids) > 1)
		{
			CHECK_FOR_INTERRUPTS();
			wait_nap(NAP);
			continue;
		}
		SET_LOCKTAG_RELATION(tag, MyDatabaseId, taken);
		wait_for_lock(&tag, AccessExclusiveLock, &limit, "It uses the table.");
		if (list_length(relids) > 1)
			UnlockRelationOid(taken, AccessExclusiveLock);
	}
}
