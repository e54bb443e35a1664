/*
 * bounded_wait.h
 *		Wait for a lock, but not for ever.
 *
 * All raise ERRCODE_GUARD_BUSY at the end of patience, and say who is in the way.
 * "why" is a sentence for people: what the lock is for.
 */
#ifndef COMPAT_GUARD_PATIENCE_H
#define COMPAT_GUARD_PATIENCE_H

#include "base/compat.h"
#include "datatype/timestamp.h"
#include "storage/lock.h"

typedef struct Patience
{
	bool		judges;			/* a change of schema is being judged */
	TimestampTz deadline;
} Patience;

/* From now on compat_guard.ddl_lock_timeout, or lock_timeout if that is less. */
extern Patience patience_begin(bool judges);
extern int	patience_length(void);	/* of it, milliseconds, at least one */
extern bool patience_ended(const Patience *patience);

/* Sleep, but not through an interruption. */
extern void patience_nap(long milliseconds);

compat_noreturn extern void patience_report(const Patience *patience, const char *why,
											const char *who, bool in_turn);

/* Lock a relation, if that is to be had at once. */
extern bool patience_try_relation(Oid relid, LOCKMODE mode);

/* Get the lock by trying, without waiting in the lock manager. */
extern void patience_lock(const LOCKTAG *tag, LOCKMODE mode, const Patience *patience,
						  const char *why);

/* Wait in the lock manager until wait(arg) returns, which is for the lock. */
extern void patience_wait(void (*wait) (void *arg), void *arg, const LOCKTAG *tag,
						  LOCKMODE mode, const char *why);

/* Get the lock so.  session: for the session. */
extern void patience_lock_in_turn(const LOCKTAG *tag, LOCKMODE mode, bool session,
								  const char *why);

#endif							/* COMPAT_GUARD_PATIENCE_H */
