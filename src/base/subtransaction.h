/*
 * subtransaction.h
 *		Run something in a subtransaction and look at its error.
 */
#ifndef COMPAT_GUARD_SUBTRANSACTION_H
#define COMPAT_GUARD_SUBTRANSACTION_H

#include "nodes/pg_list.h"

/*
 * Call body(arg) in an internal subtransaction.  If body raises no error, commit the
 * subtransaction if keep, else roll it back, and return NULL.  If body raises an error,
 * roll back and return the error, which the caller may inspect, rethrow or drop.
 * body runs in, and the error is allocated in, the caller's memory context.
 * Subtransactions that body leaves open are rolled back.
 */
extern ErrorData *subtransaction_run(void (*body) (void *arg), void *arg, bool keep);

/*
 * Follow the end of subtransaction mine in a list whose elements begin with the
 * SubTransactionId in which they were added.  If it was committed they become its
 * parent's.  If parent is invalid it was rolled back: call drop, unless it is NULL, for
 * each element, and delete it.  Return the list.
 */
extern List *subtransaction_list_end(List *list, SubTransactionId mine, SubTransactionId parent,
									 void (*drop) (const void *element));

/* Is the error a cancel or a shutdown, which the caller has to raise again? */
extern bool error_is_interruption(const ErrorData *edata);

#endif							/* COMPAT_GUARD_SUBTRANSACTION_H */
