/*
 * guard_internal.h
 *		What the files of guard/ share.
 */
#ifndef COMPAT_GUARD_GUARD_INTERNAL_H
#define COMPAT_GUARD_GUARD_INTERNAL_H

#include "judge/judge.h"

/* ---- collect.c ---- */

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

	/* Private to collect.c: what stands for it in the set of that number. */
	ChangeStatement *statement;
	uint64		set;
} StatementFrame;

extern StatementFrame *change_enter(StatementFrame *frame); /* returns the outer one */
extern void change_leave(StatementFrame *outer);

/* Is there a frame? */
extern bool change_in_statement(void);

/* What is shown of the statement, in CurrentMemoryContext; NULL if nothing is known. */
extern char *change_frame_text(const StatementFrame *frame);

/* The statements check this one hold a secret: their texts are not shown. */
extern void change_hide_outer(StatementFrame *frame);

/*
 * The library was loaded by the DDL statement now running, before which there
 * was no hook to enter a frame.  The frame made here, a copy, lasts until the
 * statement ends, or fails, or the transaction ends; a quiet one's outlives the
 * commits in its middle.
 */
extern void change_loaded_mid_statement(const StatementFrame *frame);

/* False if that is not the statement which ends; otherwise its frame, good until the next. */
extern bool change_loading_statement_ends(StatementFrame **frame);

/* Collect by hand. */
extern void change_object(Oid classid, Oid objid);
extern void change_role(Oid roleid);

/* The guard itself is about to change: remember what it consists of now. */
extern void change_guard(void);

/* The running statement may change who can connect, and what sessions begin with. */
extern void change_logins(void);
extern bool change_anything(void);
extern void change_clear(void);
extern void change_transaction_end(void);
extern void change_transaction_abort(void);
extern bool change_in_preview(void);	/* is there one put aside? */
extern void change_subtransaction_end(SubTransactionId mine, SubTransactionId parent);
extern void change_init(void);

/* ---- commit.c ---- */

extern void commit_init(void);

/* ---- statement.c ---- */

/* In place of the text of a statement that runs one with a secret. */
#define STATEMENT_HIDDEN "(a statement that runs another with a secret)"

/*
 * The statement in a query string, without what stands check it: white space,
 * comments before it, semicolons.  location -1: at its beginning; length 0: to
 * its end.  Not copied; sets shown to its length.
 */
extern const char *statement_excerpt(const char *source, int location, int length, int *shown);

/* Does it carry passwords, connection strings, or options of foreign servers? */
extern bool statement_has_secrets(Node *stmt);

/*
 * Its text with each of these replaced, in CurrentMemoryContext; NULL if nothing
 * has to be.  Where they cannot be told apart in the text: what kind of statement
 * it is, and no more.  Needs a transaction.
 */
extern char *statement_without_secrets(Node *stmt, const char *source, int location, int length);

/*
 * Find the statement in a message of the client.  Sets its place in it; false if
 * it is none of its statements but was run by one of them.  Needs a transaction.
 */
extern bool statement_find(Node *stmt, const char *message, int *location, int *length);

/*
 * The text of a message that runs a statement, in CurrentMemoryContext; what kind of
 * statement that is if the message holds a secret, or is none.
 */
extern char *statement_of_message(Node *stmt, const char *message);

/* ---- utility.c ---- */

/* Of the single files, called by guard_init. */
extern void utility_init(void);

#endif							/* COMPAT_GUARD_GUARD_INTERNAL_H */
