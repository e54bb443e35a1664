/*
 * subtransaction.h
 *		Run something in a subtransaction and look at its error.
 */
#ifndef COMPAT_GUARD_SUBTRANSACTION_H
#define COMPAT_GUARD_SUBTRANSACTION_H

/*
 * Call body(arg) in an internal subtransaction.  If body raises no error, commit the
 * subtransaction if keep, else roll it back, and return NULL.  If body raises an error,
 * roll back and return the error, which the caller may inspect, rethrow or drop.
 * body runs in, and the error is allocated in, the caller's memory context.
 * Subtransactions that body leaves open are rolled back.
 */
extern ErrorData *subtransaction_run(void (*body) (void *arg), void *arg, bool keep);

/* Is the error a cancel or a shutdown, which the caller has to raise again? */
extern bool error_is_interruption(const ErrorData *edata);

#endif							/* COMPAT_GUARD_SUBTRANSACTION_H */
