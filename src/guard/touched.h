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
 */
typedef struct StatementFrame
{
	const char *source;			/* query string, location and length in it */
	int			location;
	int			length;
	bool		is_ddl;			/* it may change the schema by itself */
	struct StatementFrame *outer;
} StatementFrame;

extern StatementFrame *touched_enter(StatementFrame *frame);	/* returns the outer one */
extern void touched_leave(StatementFrame *outer);

/* Is there a frame? */
extern bool touched_in_statement(void);

/*
 * The library was loaded by the DDL statement now running, before which there
 * was no hook to enter a frame.  The frame made here lasts until the statement or
 * the transaction ends.
 */
extern void touched_loaded_mid_statement(void);
extern void touched_loading_statement_ends(void);

/* While suspended nothing is collected; nests. */
extern void touched_suspend(void);
extern void touched_resume(void);
extern bool touched_is_suspended(void);

/* Collect by hand. */
extern void touched_object(Oid classid, Oid objid);
extern void touched_role(Oid roleid);

/* The guard itself is about to change: remember what it consists of now. */
extern void touched_guard(void);

extern bool touched_anything(void);

/*
 * All of it, by name, in CurrentMemoryContext; valid until it is cleared, which
 * this does not do.
 */
extern Touched *touched_names(void);
extern void touched_clear(void);
extern void touched_transaction_end(void);
extern void touched_transaction_abort(void);	/* ends a suspension, too */

/* Collect into a fresh set; touched_restore drops it and returns to the other. */
typedef struct TouchedSet TouchedSet;
extern TouchedSet *touched_replace(void);
extern void touched_restore(TouchedSet *set);

extern void touched_subtransaction_end(SubTransactionId mine, SubTransactionId parent);

extern void touched_init(void);

#endif							/* COMPAT_GUARD_GUARD_TOUCHED_H */
