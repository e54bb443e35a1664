/*
 * guard_internal.h
 *		What the files of guard/ share.
 */
#ifndef COMPAT_GUARD_GUARD_INTERNAL_H
#define COMPAT_GUARD_GUARD_INTERNAL_H

#include "base/object.h"
#include "catalog/objectaccess.h"
#include "guard/guard.h"
#include "hazard/hazard.h"
#include "judge/judge.h"
#include "utils/hsearch.h"

typedef struct StatementFrame StatementFrame;

/* ---- change_set.c ---- */

/*
 * A syscache whose invalidations tell of GRANT and REVOKE, of which there is neither an
 * event nor an invalidation of a relation.
 */
typedef struct HashedCache
{
	int			cacheid;
	Oid			classid;
	AttrNumber	oid_attnum;
} HashedCache;

#define N_HASHED_CACHES 6

extern const HashedCache hashed_caches[N_HASHED_CACHES];

/*
 * The key of an entry.  A syscache entry is known by its hash value alone.  Its class
 * is its cache's place in hashed_caches, from one on: no catalog has an OID as low.
 */
typedef struct TouchedKey
{
	Oid			classid;
	uint32		id;				/* OID, or hash value */
} TouchedKey;

#define HASH_CLASS(cache) ((Oid) ((cache) - hashed_caches) + 1)
#define IS_HASH_CLASS(classid) ((classid) <= N_HASHED_CACHES)

typedef struct TouchedEntry
{
	TouchedKey	key;			/* must be first */
	bool		is_own;			/* an event told of it, or this transaction's
								 * own invalidation */
	SubTransactionId subid;		/* that touched it first */
	List	   *names;			/* of ObjectName *: names it had before */
	List	   *statements;		/* of ChangeStatement *: that touched it */
} TouchedEntry;

struct ChangeSet
{
	MemoryContext context;
	HTAB	   *entries;
	uint64		number;			/* of this set, in this session */
	List	   *statements;		/* of ChangeStatement *, in their order */
	GuardParts *guard_before;	/* before the guard itself was touched, or
								 * NULL */
	List	   *logins_before;	/* before the first statement that may change
								 * them, or NIL */
	List	   *hazards;		/* of Finding *: of a preview */
};

/* Return the set of the current transaction, or NULL if there is none. */
extern ChangeSet *change_current(void);

/* Is there a set? */
extern bool change_anything(void);

/* Is a set put aside, because a preview runs? */
extern bool change_in_preview(void);

/*
 * Return the running statement, which is copied into the set once.  NULL outside of
 * statements, or if nothing is known of its text.
 */
extern ChangeStatement *change_statement(void);

/* Hide the texts of the statements outside this one, which holds a secret. */
extern void change_hide_outer(StatementFrame *frame);

/* Add the entry of a key, touched by the running statement. */
extern TouchedEntry *change_add_entry(Oid classid, uint32 id);

/*
 * Return the name that the object of an entry has now, or NULL if it has none or had
 * that one before.  In CurrentMemoryContext.
 */
extern ObjectName *change_new_name(const TouchedEntry *entry);

/* Add an object that was created.  It is not visible yet, and is named later. */
extern void change_created(Oid classid, Oid objid);

/* Add an object that is about to change, with the name it has. */
extern void change_object(Oid classid, Oid objid);

/* Remember what the guard consists of, because it is about to change. */
extern void change_guard(void);

/*
 * Remember who can connect and how sessions begin, because the running statement may
 * change that.
 */
extern void change_logins(void);

/* Add findings on hazards, for a preview. */
extern void change_add_hazards(List *findings);

/*
 * Note which expansions are undamaged before a DDL statement, unless that was noted in
 * this transaction since it was last judged.  change_expansions_before returns them.
 */
extern void change_expansions(void);
extern List *change_expansions_before(void);	/* of ColumnExpansion * */

/* Drop the set. */
extern void change_clear(void);

/*
 * Make what subtransaction mine has touched the parent's.  parent Invalid: mine was
 * rolled back, so drop that.
 */
extern void change_subtransaction_end(SubTransactionId mine, SubTransactionId parent);

/* ---- collect.c ---- */

/* Install the hook and the callbacks that collect; once. */
extern void collect_init(void);

/* ---- commit.c ---- */

/* Install the callbacks of transactions; once. */
extern void commit_init(void);

/* ---- frame.c ---- */

/*
 * The statement being run, innermost first.  Lives on the C stack of the
 * utility hook, so nesting and errors unwind it.
 *
 * Invariant: what is collected hangs on the innermost frame alone.  What a quiet
 * statement does by itself is not collected, for it commits in its middle; but a
 * statement that something runs in its midst (an index expression, a trigger of
 * events) has a frame of its own, and is collected and judged.
 */
struct StatementFrame
{
	const char *source;			/* query string, location and length in it */
	int			location;
	int			length;
	const char *text;			/* what to show instead, or NULL */
	bool		is_ddl;			/* it may change the schema by itself */
	bool		is_quiet;		/* what it does by itself is not collected */
	bool		commits;		/* it commits in its middle: what runs in its
								 * midst is judged at once */
	bool		by_client;		/* no other statement has run it */
	bool		removal_judged; /* that of the guard itself */
	Oid			target;			/* the relation that is collected when it
								 * ends, or InvalidOid */
	HazardStatement hazard;
	StatementFrame *outer;

	/* Private to change_set.c: its copy in the set of that number. */
	ChangeStatement *statement;
	uint64		set;
};

/* Enter a frame, and return the outer one. */
extern StatementFrame *frame_enter(StatementFrame *frame);

/* Return to the outer frame. */
extern void frame_leave(StatementFrame *outer);

/* Return the innermost frame, or NULL outside of statements. */
extern StatementFrame *frame_current(void);

/* Is what happens now of interest? */
extern bool frame_collects(void);

/* Is the running statement DDL? */
extern bool frame_is_ddl(void);

/*
 * Return what to show of the statement, in CurrentMemoryContext; NULL if nothing is
 * known.
 */
extern char *frame_text(const StatementFrame *frame);

/*
 * Enter a copy of the frame of a DDL statement that has loaded the library, and before
 * which there was no hook to enter one.  It lasts until the statement ends, or fails,
 * or the transaction ends; a quiet one's outlives the commits in its middle.
 */
extern void frame_enter_loading(const StatementFrame *frame);

/* Leave and return it, good until the next; NULL if it is not the innermost. */
extern StatementFrame *frame_leave_loading(void);

/* Leave it at the end of a transaction or subtransaction, if it does not last longer. */
extern void frame_transaction_end(bool committed);
extern void frame_subtransaction_abort(SubTransactionId mine);

/* ---- hazards.c ---- */

/* Ask what a statement is about to do, before it runs in its frame. */
extern void hazards_before_statement(StatementFrame *frame);

/* Ask what the running statement is about to do, at an event of object access. */
extern void hazards_at_event(ObjectAccessType access, Oid classid, Oid objid, int subid);

/* ---- statement.c ---- */

/* Stands for the text of a statement that runs one with a secret. */
#define STATEMENT_HIDDEN "(a statement that runs another with a secret)"

/* Does a statement carry passwords, connection strings, or options of foreign servers? */
extern bool statement_has_secrets(Node *stmt);

/*
 * Return the text of a statement with each secret replaced, in CurrentMemoryContext;
 * NULL if it has none.  If the secrets cannot be found in the text, return only what
 * kind of statement it is.  Needs a transaction.
 */
extern char *statement_without_secrets(Node *stmt, const char *source, int location, int length);

/*
 * Find a statement in a message of the client, and set its place there.  Return false
 * if it is not one of the message's statements, because one of them has run it.  Needs
 * a transaction.
 */
extern bool statement_find(Node *stmt, const char *message, int *location, int *length);

/*
 * Return the text of a message that runs a statement, in CurrentMemoryContext.  If the
 * message holds a secret, or is NULL, return only what kind of statement it is.
 */
extern char *statement_of_message(Node *stmt, const char *message);

/* ---- utility.c ---- */

/* Install the ProcessUtility hook; once. */
extern void utility_init(void);

#endif							/* COMPAT_GUARD_GUARD_INTERNAL_H */
