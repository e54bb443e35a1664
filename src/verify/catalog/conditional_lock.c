/*
 * conditional_lock.c
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
#include "base/bounded_wait.h"
#include "base/compat.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/lmgr.h"
#include "verify/catalog/catalog.h"

/* After so many waits locks are kept while waiting for the next. */
#define MANY_WAITS	10

/* The most relations that a statement may read when its views are expanded: rewriting
 * and planning so many takes about a second. */
#define MANY_RELATIONS	20000

static Oid	busy_relid = InvalidOid;	/* what could not be locked */

static LOCKMODE busy_lockmode;

static int	nlocked = 0;		/* since the reset */

static int	lock_below(Oid relid, Expansion *expansion);

static LOCKTAG
relation_tag(Oid relid)
{
	LOCKTAG		tag;

	SET_LOCKTAG_RELATION(tag, IsSharedRelation(relid) ? InvalidOid : MyDatabaseId, relid);
	return tag;
}

bool
conditional_lock_is_held(Oid relid)
{
	LOCKTAG		tag = relation_tag(relid);

	for (LOCKMODE mode = AccessShareLock; mode <= AccessExclusiveLock; mode++)
	{
		if (compat_lock_held_by_me(&tag, mode))
			return true;
	}
	return false;
}

/* Lock a relation at once, or remember that it was not to be had and raise an error. */
static void
lock_or_fail(Oid relid, LOCKMODE lockmode)
{
	LOCKTAG		tag = relation_tag(relid);

	if (compat_lock_held_by_me(&tag, lockmode))
		return;
	nlocked++;
	if (try_lock_relation_now(relid, lockmode))
		return;
	busy_relid = relid;
	busy_lockmode = lockmode;
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("could not obtain lock on relation with OID %u", relid)));
}

void
conditional_lock_description(Oid relid)
{
	lock_or_fail(relid, AccessShareLock);
}

void
conditional_lock_reset(void)
{
	busy_relid = InvalidOid;
	nlocked = 0;
}

int
conditional_lock_count(void)
{
	return nlocked;
}

bool
conditional_lock_failed(void)
{
	return OidIsValid(busy_relid);
}

bool
verify_wanted_lock(LOCKTAG *tag, LOCKMODE *mode)
{
	if (!OidIsValid(busy_relid))
		return false;
	*tag = relation_tag(busy_relid);
	*mode = busy_lockmode;
	return true;
}

/* A lock that was waited for. */
typedef struct WaitedLock
{
	Oid			relid;
	LOCKMODE	lockmode;
} WaitedLock;

void
conditional_lock_wait(WaitedLocks *waited_locks)
{
	WaitedLock *lock = palloc_object(WaitedLock);

	/*
	 * After many waits somebody may be waiting for us in turn: keep the locks
	 * then, as any query does.
	 */
	if (waited_locks->waits++ < MANY_WAITS)
		verify_release_locks(waited_locks);
	lock->relid = busy_relid;
	lock->lockmode = busy_lockmode;
	LockRelationOid(lock->relid, lock->lockmode);
	waited_locks->locks = lappend(waited_locks->locks, lock);
}

void
verify_release_locks(WaitedLocks *waited_locks)
{
	ListCell   *lc;

	foreach(lc, waited_locks->locks)
	{
		WaitedLock *lock = lfirst(lc);

		UnlockRelationOid(lock->relid, lock->lockmode);
	}
	waited_locks->locks = NIL;
}

/* A view, and how many relations the rewriter puts in its place. */
typedef struct ExpandedView
{
	Oid			relid;
	int			relations;
} ExpandedView;

/* A walk over the rules of a relation. */
typedef struct RuleWalk
{
	Oid			relid;			/* whose rules these are */
	int			relations;		/* how many they read so far */
	Expansion  *expansion;
} RuleWalk;

/*
 * Add two numbers of relations, or raise an error if there are too many.  Views on
 * views, each of which reads the one below it twice, become two to the power of their
 * number of relations, and nothing interrupts the rewriter.
 */
static int
add_relations(int some, int more)
{
	if (some + more > MANY_RELATIONS)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("the views it reads stand for more than %d relations", MANY_RELATIONS)));
	return some + more;
}

/* Lock the relations that a query of a rule refers to, and what is below them. */
static bool
lock_in_query(Node *node, void *context)
{
	RuleWalk   *walk = context;
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, lock_in_query, context);

	foreach(lc, ((Query *) node)->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		/* A view's rules name the view itself, as OLD and NEW. */
		if (rte->rtekind != RTE_RELATION || rte->relid == walk->relid)
			continue;
		lock_or_fail(rte->relid, rte->rellockmode);
		walk->relations = add_relations(walk->relations,
										lock_below(rte->relid, walk->expansion));
	}
	return query_tree_walker((Query *) node, lock_in_query, context, 0);
}

/* Lock what is below a relation that is locked.  Returns how many relations it stands
 * for. */
static int
lock_below(Oid relid, Expansion *expansion)
{
	RuleWalk	walk = {relid, 1, expansion};
	ExpandedView *view;
	Relation	rel;
	ListCell   *lc;

	foreach(lc, expansion->views)
	{
		view = lfirst(lc);
		if (view->relid == relid)
			return view->relations;
	}
	check_stack_depth();
	rel = try_relation_open(relid, NoLock);
	if (rel == NULL)
		return 0;				/* dropped before we had the lock */
	if (rel->rd_rules != NULL)
	{
		view = palloc_object(ExpandedView);
		view->relid = relid;
		view->relations = 1;	/* for itself, if its rules come back to it */
		expansion->views = lappend(expansion->views, view);
		for (int i = 0; i < rel->rd_rules->numLocks; i++)
			(void) lock_in_query((Node *) rel->rd_rules->rules[i]->actions, &walk);
		view->relations = walk.relations;
	}
	relation_close(rel, NoLock);
	return walk.relations;
}

/* Lock the relation of a name, and what is below it. */
static void
lock_named(RangeVar *name, LOCKMODE lockmode, Expansion *expansion)
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
		expansion->relations = add_relations(expansion->relations,
											 lock_below(relid, expansion));
	}
}

void
conditional_lock_relation(Oid relid)
{
	Expansion	expansion = {NIL, 0};

	lock_or_fail(relid, AccessShareLock);
	(void) lock_below(relid, &expansion);
}

void
conditional_lock_query(Query *query)
{
	Expansion	expansion = {NIL, 0};
	RuleWalk	walk = {InvalidOid, 0, &expansion};

	(void) lock_in_query((Node *) query, &walk);
}

/* Return the relation that a statement writes, or NULL. */
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
conditional_lock_mentions(Node *node, Expansion *expansion)
{
	RangeVar   *target;

	if (node == NULL)
		return false;
	target = target_of(node);
	if (target != NULL)
		lock_named(target, RowExclusiveLock, expansion);
	else if (IsA(node, RangeVar))
		lock_named((RangeVar *) node, AccessShareLock, expansion);
	return raw_expression_tree_walker(node, conditional_lock_mentions, expansion);
}
