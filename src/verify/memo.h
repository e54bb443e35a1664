/*
 * memo.h
 *		What a verifier may remember from one requirement to the next.
 */
#ifndef COMPAT_GUARD_MEMO_H
#define COMPAT_GUARD_MEMO_H

#include "postgres.h"

/*
 * From now on another role or search path is in force.  What is remembered goes
 * into context.  Returns the context before, to be put back with another call.
 */
extern MemoryContext memo_begin_batch(MemoryContext context);

/* When something was looked up; all zero: never. */
typedef struct MemoMoment
{
	uint64		batch;
	uint64		invalidations;
} MemoMoment;

/* Does what was looked up then still hold?  If not, it is looked up now. */
extern bool memo_is_current(MemoMoment *moment);

/* Where to keep it. */
extern MemoryContext memo_context(void);

#endif							/* COMPAT_GUARD_MEMO_H */
