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

/*
 * After a restore, find out how the requirements stand before the first
 * registration or change of schema; else nothing to do, at the price of a look
 * at one row.
 */
extern void judge_establish(void);

/*
 * What the live versions need, each requirement once, and how many these are: 0
 * if the restore is not yet through with them.
 */
extern Requirement **requirements_to_establish(int *n);

#endif							/* COMPAT_GUARD_JUDGE_H */
