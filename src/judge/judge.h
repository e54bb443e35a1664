/*
 * judge.h
 *		Would this change break a live version?
 */
#ifndef COMPAT_GUARD_JUDGE_H
#define COMPAT_GUARD_JUDGE_H

#include "judge/finding.h"
#include "judge/touched.h"

/*
 * Judge what the transaction has done so far.  Raises
 * ERRCODE_GUARD_BREAKS_VERSION if it must not go on, a WARNING for what may,
 * and remembers the rest: newly met, let through.  ERRCODE_GUARD_BUSY if a
 * concurrent change keeps a verdict from being reached in time.
 */
extern void judge_enforce(Touched *touched);

/* Remember what became of it, without a word: it cannot be undone any more. */
extern void judge_record(Touched *touched);

/* Judge DROP INDEX CONCURRENTLY before it starts; writes nothing. */
extern void judge_index_drop(Oid index, Oid relid, const char *statement);

/* All findings of what was done so far, as a list of Finding *; writes nothing. */
extern List *judge_preview(Touched *touched);

/* ---- the guard's own removal (removal.c) ---- */

/*
 * The registry is about to be dropped by statement (NULL if not known): raise
 * ERRCODE_GUARD_BREAKS_VERSION if that must not be.  Of the guard's own errors it
 * only warns.  preview: raise it if there is anything to report at all.
 */
extern void judge_removal(const char *statement, bool preview);

/* What judge_removal would report, as a list of Finding *. */
extern List *removal_findings(const char *statement);

/* Findings if the guard is no longer what it was before; NIL if that is NULL. */
extern List *removal_findings_of_parts(const GuardParts *before, const char *statement);

/*
 * Is it a part of the guard: the schema, what is in it, or an event trigger that loads
 * the library?  By the catalogs as they are seen.
 */
extern bool guard_owns_object(Oid classid, Oid objid);
extern GuardParts guard_parts(void);	/* in CurrentMemoryContext */

/*
 * The transaction is going to commit: write the journal, which is all that is
 * left to do.  Is there anything?
 */
extern void judge_finish(void);
extern bool judge_is_unfinished(void);

/* It has ended; parent Invalid: the subtransaction was rolled back. */
extern void judge_transaction_end(void);
extern void judge_subtransaction_end(SubTransactionId mine, SubTransactionId parent);

/*
 * After a restore, find out how the requirements stand before the first
 * registration or change of schema; else nothing to do, at the price of a look
 * at one row.
 */
extern void judge_establish(void);

/* Does the session restore a dump?  Then others are not kept waiting for that. */
extern bool session_is_restoring(void);

/*
 * Verify with judgements locked out to transaction end, and with "removes"
 * registrations, too.
 */
extern void judge_verify_locked(Requirement **reqs, int n, bool removes,
								Observation **answers);

/*
 * Verify anew what a lapsed version needs, remember it, and take the mark away.
 * Nothing if it is not lapsed, or gone, or without "reactivate" retired.
 */
extern void judge_revive(int64 version_id, bool reactivate);

/*
 * What the versions need that are not lapsed, each requirement once, and how many these are: 0
 * if the restore is not yet through with them.
 */
extern Requirement **requirements_to_establish(int *n);

#endif							/* COMPAT_GUARD_JUDGE_H */
