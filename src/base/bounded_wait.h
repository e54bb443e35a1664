/*
 * bounded_wait.h
 *		Wait for a lock, but not for ever.
 *
 * All functions that wait raise ERRCODE_GUARD_BUSY at the end of the limit, and say
 * who is in the way.  "why" is a sentence for people: what the lock is for.
 */
#ifndef COMPAT_GUARD_BOUNDED_WAIT_H
#define COMPAT_GUARD_BOUNDED_WAIT_H

#include "base/compat.h"
#include "datatype/timestamp.h"
#include "storage/lock.h"

typedef struct WaitLimit
{
	bool		judges;			/* a change of schema is being judged */
	TimestampTz deadline;
} WaitLimit;

/*
 * Return how long the guard waits, in milliseconds, at least one:
 * compat_guard.ddl_lock_timeout, or lock_timeout if that is less.
 */
extern int	wait_limit_length(void);

/* Begin a limit of that length now. */
extern WaitLimit wait_limit_begin(bool judges);
extern bool wait_limit_ended(const WaitLimit *limit);

/* Sleep, but not through an interruption. */
extern void wait_nap(long milliseconds);

/*
 * Raise ERRCODE_GUARD_BUSY.  who: the transactions in the way; in_turn: one of them
 * waits for this transaction.
 */
compat_noreturn extern void wait_limit_report(const WaitLimit *limit, const char *why,
											  const char *who, bool in_turn);

/* Lock a relation if no wait is needed; return false otherwise. */
extern bool try_lock_relation_now(Oid relid, LOCKMODE mode);

/* Obtain a lock by trying again and again, without a wait in the lock manager. */
extern void wait_for_lock(const LOCKTAG *tag, LOCKMODE mode, const WaitLimit *limit,
						  const char *why);

/*
 * Call wait(arg), which waits for the lock in the lock manager, in a subtransaction
 * that is kept.
 */
extern void wait_in_lock_manager(void (*wait) (void *arg), void *arg, const LOCKTAG *tag,
								 LOCKMODE mode, const char *why);

/*
 * Obtain a lock with a wait in the lock manager.  session: as a lock of the session, not
 * of the transaction.
 */
extern void wait_for_lock_in_turn(const LOCKTAG *tag, LOCKMODE mode, bool session,
								  const char *why);

#endif							/* COMPAT_GUARD_BOUNDED_WAIT_H */
