/*
 * record.h
 *		What the journal will say of this transaction.
 */
#ifndef COMPAT_GUARD_RECORD_H
#define COMPAT_GUARD_RECORD_H

#include "judge/finding.h"
#include "judge/touched.h"

/*
 * What was judged and let through, and which versions ran before that.  However
 * many judgements a transaction has, record_write() makes one row of them, and
 * tells the client which versions are ready now.
 */
extern void record_passed(const Touched *touched, List *findings,
						  List *outlook);	/* of Outlook * */
extern bool record_anything(void);
extern void record_write(void);

/* What is going to be blocked in a moment; the row outlives the transaction. */
extern void record_blocked(const Touched *touched, List *findings);

extern void record_transaction_end(void);
extern void record_subtransaction_end(SubTransactionId mine, SubTransactionId parent);

#endif							/* COMPAT_GUARD_RECORD_H */
