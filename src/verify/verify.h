/*
 * verify.h
 *		Is this requirement met by this catalog, and if not, why?
 *
 * The one verifier.  Registration, check, preview, the judge and the views all
 * ask here.
 */
#ifndef COMPAT_GUARD_VERIFY_H
#define COMPAT_GUARD_VERIFY_H

#include "contract/contract.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"

/* How verify_requirements goes about it. */
typedef struct VerifyOptions
{
	/*
	 * Wait for relation locks, while holding no other.  Otherwise give up on
	 * the first lock that is not to be had: what is locked is being changed
	 * by another transaction, and waiting for it while holding locks of one's
	 * own could deadlock.
	 */
	bool		wait_for_locks;

	/*
	 * Where to keep the locks that were waited for, until
	 * verify_release_locks or transaction end; NULL: they are released.
	 */
	WaitedLocks *waited_locks;

	/*
	 * Take no longer than compat_guard.verify_timeout, of which each role has
	 * a share; what is not answered by then is unknown.  spent, if not NULL,
	 * is how much of it was spent before, in microseconds, and is added to.
	 */
	bool		within_time;
	int64	   *spent;

	/*
	 * Do not give up on a lock that a function wanted, for it may want one
	 * that is never to be had: the requirement is unknown then.
	 */
	bool		last_try;

	/* Answer as if this index did not exist; InvalidOid for none. */
	Oid			without_index;

	/* What is known of partitions; NULL: look at every partition. */
	const KnownPartitions *known_partitions;
} VerifyOptions;

/*
 * Answer the requirements, each as its role under a security-restricted
 * context and with its search path, inside an internal subtransaction that is
 * always rolled back: no other lock outlives the call.  result[i] answers reqs[i];
 * all is allocated in CurrentMemoryContext.  False, and result undefined, if it
 * gave up on a lock.
 *
 * Needs a transaction; provides its own snapshot.  Raises only what is no
 * answer: cancel, out of memory, a damaged catalog.
 */
extern bool verify_requirements(Requirement **reqs, int nreqs,
								VerifyOptions options, VerifyResult **result);

/* Install hooks. */
extern void verify_init(void);

#endif							/* COMPAT_GUARD_VERIFY_H */
