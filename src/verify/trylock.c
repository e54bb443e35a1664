/*
 * trylock.c
 *		Lock what analysing and planning a statement will lock, or give up.
 *
 * Analysis waits in the lock manager for what it cannot have at once.  Whoever
 * holds locks that others wait for must not, because a wait, however short, can
 * be found in a deadlock that would not have been there without us.  So the
 * locks are taken here first without waiting; what little is left (indexes,
 * tables below inlined functions) is up to a short lock_timeout.
 *
 * Whoever may wait does it for what was not to be had, and holds nothing else
 * meanwhile, unlike a query that waits for its second table: that keeps changes
 * of several relations out of deadlocks with us.  The lock is kept for the next
 * try, which could not get it past others who have come to wait for it.
 */
#include "postgres.h"

#include "access/relation.h"
#include "base/patience.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "verify/observe.h"
#include "verify/query.h"

#define MANY_WAITS	10

static Oid	busy_relid = InvalidOid;	/* what could not be locked */
static LOCKMODE busy_lockmode;

static void lock_below(Oid relid);

static void
lock_or_fail(Oid relid, LOCKMODE lockmode)
{
	if (patience_try_relation(relid, lockmode))
		return;
	busy_relid = relid;
	busy_lockmode = lockmode;
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("could not obtain lock on relation with OID %u", relid)));
}

void
try_lock_description(Oid relid)
{
	lock_or_fail(relid, AccessShareLock);
}

void
try_lock_reset(void)
{
	busy_relid = InvalidOid;
}

bool
try_lock_failed(void)
{
	return OidIsValid(busy_relid);
}

bool
verify_wanted_lock(LOCKTAG *tag, LOCKMODE *mode)
{
	if (!OidIsValid(busy_relid))
		return false;
	SET_LOCKTAG_RELATION(*tag, IsSharedRelation(busy_relid) ? InvalidOid : MyDatabaseId,
						 busy_relid);
	*mode = busy_lockmode;
	return true;
}

typedef struct WaitedLock
{
	Oid			relid;
	LOCKMODE	lockmode;
} WaitedLock;

void
try_lock_wait(WaitedFor *waited_for)
{
	WaitedLock *lock = palloc_object(WaitedLock);

	/* So often that somebody may be waiting for us in turn: as any query then. */
	if (waited_for->waits++ < MANY_WAITS)
		verify_release_locks(waited_for);
	lock->relid = busy_relid;
	lock->lockmode = busy_lockmode;
	LockRelationOid(lock->relid, lock->lockmode);
	waited_for->locks = lappend(waited_for->locks, lock);
}

void
verify_release_locks(WaitedFor *waited_for)
{
	ListCell   *lc;

	foreach(lc, waited_for->locks)
	{
		WaitedLock *lock = lfirst(lc);

		UnlockRelationOid(lock->relid, lock->lockmode);
	}
	waited_for->locks = NIL;
}

/* What the rules of a view or table refer to. */
static bool
lock_in_query(Node *node, void *context)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, lock_in_query, context);

	foreach(lc, ((Query *) node)->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		/* A view's rules name the view itself, as OLD and NEW. */
		if (rte->rtekind != RTE_RELATION || rte->relid == *(Oid *) context)
			continue;
		lock_or_fail(rte->relid, rte->rellockmode);
		lock_below(rte->relid);
	}
	return query_tree_walker((Query *) node, lock_in_query, context, 0);
}

/* relid is locked. */
static void
lock_below(Oid relid)
{
	Relation	rel;

	check_stack_depth();
	rel = try_relation_open(relid, NoLock);
	if (rel == NULL)
		return;					/* dropped before we had the lock */
	if (rel->rd_rules != NULL)
	{
		for (int i = 0; i < rel->rd_rules->numLocks; i++)
			(void) lock_in_query((Node *) rel->rd_rules->rules[i]->actions, &relid);
	}
	if (rel->rd_rel->relhassubclass)
	{
		ListCell   *lc;

		foreach(lc, find_all_inheritors(relid, NoLock, NULL))
			lock_or_fail(lfirst_oid(lc), AccessShareLock);
	}
	relation_close(rel, NoLock);
}

static void
lock_named(RangeVar *name, LOCKMODE lockmode)
{
	Oid			relid;

	/* What is wrong with the name is for the analysis to say. */
	if (name->catalogname != NULL ||
		(name->schemaname != NULL &&
		 !schema_is_usable(get_namespace_oid(name->schemaname, true))))
		return;

	/* Of a query in WITH it may be the name, too: no harm done. */
	relid = RangeVarGetRelid(name, NoLock, true);
	if (OidIsValid(relid))
	{
		lock_or_fail(relid, lockmode);
		lock_below(relid);
	}
}

void
try_lock_relation(Oid relid)
{
	lock_or_fail(relid, AccessShareLock);
	lock_below(relid);
}

static RangeVar *
target_of(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_InsertStmt:
			return ((InsertStmt *) stmt)->relation;
		case T_UpdateStmt:
			return ((UpdateStmt *) stmt)->relation;
		case T_DeleteStmt:
			return ((DeleteStmt *) stmt)->relation;
		case T_MergeStmt:
			return ((MergeStmt *) stmt)->relation;
		default:
			return NULL;
	}
}

bool
try_lock_mentions(Node *node, void *context)
{
	RangeVar   *target;

	if (node == NULL)
		return false;
	target = target_of(node);
	if (target != NULL)
		lock_named(target, RowExclusiveLock);
	else if (IsA(node, RangeVar))
		lock_named((RangeVar *) node, AccessShareLock);
	return raw_expression_tree_walker(node, try_lock_mentions, context);
}
