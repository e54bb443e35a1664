/*
 * bounded_wait.h
 *		Wait for a lock, but not for ever.
 *
 * All raise ERRCODE_GUARD_BUSY at the end of limit, and say who is in the way.
 * "why" is a sentence for people: what the lock is for.
 */
#ifndef COMPAT_GUARD_PATIENCE_H
#define COMPAT_GUARD_PATIENCE_H

#include "base/compat.h"
#include "datatype/timestamp.h"
#include "storage/lock.h"

typedef struct WaitLimit
{
	bool		judges;			/* a change of schema is being judged */
	TimestampTz deadline;
} WaitLimit;

/* From now on compat_guard.ddl_lock_timeout, or lock_timeout if that is less. */
extern WaitLimit wait_limit_begin(bool judges);
extern int	wait_limit_length(void);	/* of it, milliseconds, at least one */
extern bool wait_limit_ended(const WaitLimit *limit);

/* Sleep, but not through an interruption. */
extern void wait_nap(long milliseconds);

compat_noreturn extern void wait_limit_report(const WaitLimit *limit, const char *why,
											  const char *who, bool in_turn);

/* Lock a relation, if that is to be had at once. */
extern bool try_lock_relation_now(Oid relid, LOCKMODE mode);

/* Get the lock by trying, without waiting in the lock manager. */
extern void wait_for_lock(const LOCKTAG *tag, LOCKMODE mode, const WaitLimit *limit,
						  const char *why);

/* Wait in the lock manager until wait(arg) returns, which is for the lock. */
extern void wait_in_lock_manager(void (*wait) (void *arg), void *arg, const LOCKTAG *tag,
								 LOCKMODE mode, const char *why);

/* Get the lock so.  session: for the session. */
extern void wait_for_lock_in_turn(const LOCKTAG *tag, LOCKMODE mode, bool session,
								  const char *why);

#endif							/* COMPAT_GUARD_PATIENCE_H */
