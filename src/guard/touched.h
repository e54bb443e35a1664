/*
 * touched.h
 *		What the current transaction's DDL has touched so far.
 */
#ifndef COMPAT_GUARD_GUARD_TOUCHED_H
#define COMPAT_GUARD_GUARD_TOUCHED_H

#include "judge/touched.h"

/*
 * The statement being run, innermost first.  Lives on the C stack of the
 * utility hook, so nesting and errors unwind it.
 *
 * Invariant: what is collected hangs on the innermost frame alone.  What a quiet
 * statement does by itself is not collected, for it commits in its middle; but a
 * statement that something runs in its midst (an index expression, a trigger of
 * events) has a frame of its own, and is collected and judged.
 */
typedef struct StatementFrame
{
	const char *source;			/* query string, location and length in it */
	int			location;
	int			length;
	const char *text;			/* what to show instead, or NULL */
	bool		is_ddl;			/* it may change the schema by itself */
	bool		is_quiet;		/* what it does by itself is not collected */
	bool		commits;		/* it commits in its middle: what runs in its
								 * midst is judged at once */
	bool		by_client;		/* it was not run by another */
	Oid			target;			/* the relation whose change is told of at its
								 * end, or InvalidOid */
	struct StatementFrame *outer;

	/* Private to touched.c: what stands for it in the set of that number. */
	TouchingStatement *statement;
	uint64		set;
} StatementFrame;

extern StatementFrame *touched_enter(StatementFrame *frame);	/* returns the outer one */
extern void touched_leave(StatementFrame *outer);

/* Is there a frame? */
extern bool touched_in_statement(void);

/* What is shown of the statement, in CurrentMemoryContext; NULL if nothing is known. */
extern char *touched_frame_text(const StatementFrame *frame);

/* The statements around this one hold a secret: their texts are not shown. */
extern void touched_hide_outer(StatementFrame *frame);

/*
 * The library was loaded by the DDL statement now running, before which there
 * was no hook to enter a frame.  The frame made here, a copy, lasts until the
 * statement ends, or fails, or the transaction ends; a quiet one's outlives the
 * commits in its middle.
 */
extern void touched_loaded_mid_statement(const StatementFrame *frame);

/* False if that is not the statement which ends; otherwise its frame, good until the next. */
extern bool touched_loading_statement_ends(StatementFrame **frame);

/* Collect by hand. */
extern void touched_object(Oid classid, Oid objid);
extern void touched_role(Oid roleid);

/* The guard itself is about to change: remember what it consists of now. */
extern void touched_guard(void);

/* The running statement may change who can connect, and what sessions begin with. */
extern void touched_logins(void);

extern bool touched_anything(void);

/*
 * All of it, by name, in CurrentMemoryContext; valid until it is cleared, which
 * this does not do.
 */
extern Touched *touched_names(void);
extern void touched_clear(void);
extern void touched_transaction_end(void);
extern void touched_transaction_abort(void);

/* Collect into a fresh set; touched_restore drops it and returns to the other. */
typedef struct TouchedSet TouchedSet;
extern TouchedSet *touched_replace(void);
extern void touched_restore(TouchedSet *set);
extern bool touched_in_preview(void);	/* is there one put aside? */

extern void touched_subtransaction_end(SubTransactionId mine, SubTransactionId parent);

extern void touched_init(void);

#endif							/* COMPAT_GUARD_GUARD_TOUCHED_H */
