/*
 * allowance.h
 *		What compat_guard.allow() lets the transaction do.
 */
#ifndef COMPAT_GUARD_ALLOWANCE_H
#define COMPAT_GUARD_ALLOWANCE_H

#include "judge/finding.h"

typedef struct Allowance
{
	SubTransactionId subid;		/* that it was given in */
	bool		judged;			/* something was judged while it was there */
	const char *reason;
	const char *by;				/* the role that called allow() */
	const char *app;			/* NULL: any */
	const char *version;		/* ditto */
	RuleId		rule;			/* RULE_COUNT: any */
} Allowance;

/* Until the transaction, or the subtransaction that is rolled back, ends. */
extern void allowance_add(const Allowance *allowance);

extern bool allowance_any(void);

/* Mark the findings that would block or warn and are allowed. */
extern void allowance_apply(List *findings);
/* The same of what is not going to happen: the allowances are none the less unused. */
extern void allowance_preview(List *findings);

/* At commit: warn of any that came too early, too late, or alone. */
extern void allowance_warn_if_idle(void);

extern void allowance_transaction_end(void);
extern void allowance_subtransaction_end(SubTransactionId mine, SubTransactionId parent);

#endif							/* COMPAT_GUARD_ALLOWANCE_H */
