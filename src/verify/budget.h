/*
 * budget.h
 *		The time that verification may take, and who ended it.
 *
 * Private to verify/.
 */
#ifndef COMPAT_GUARD_BUDGET_H
#define COMPAT_GUARD_BUDGET_H

#include "utils/elog.h"

/* Start the time of another role; 0 milliseconds: as long as it takes. */
extern void budget_start(int milliseconds);

/* Is it over? */
extern bool budget_is_spent(void);

/*
 * While watching, the end of the time cancels what runs, and a cancel by
 * somebody else is told from that one.  Every watch must be ended;
 * to end none is harmless.
 */
extern void budget_watch(void);
extern void budget_end_watch(void);

/* Call in the subtransaction in which what is watched runs. */
extern void budget_enter(void);

/* Was there, during the last watch, a cancel that is not ours? */
extern bool budget_was_cancelled(void);

/* Raise it, a function having caught it. */
extern void budget_cancel_again(void);

#endif							/* COMPAT_GUARD_BUDGET_H */
