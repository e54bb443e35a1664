/*
 * verify.h
 *		Is this requirement met by this catalog, and if not, why?
 *
 * The one verifier.  Registration, check, preview, the judge and the views all
 * ask here.
 */
#ifndef COMPAT_GUARD_VERIFY_H
#define COMPAT_GUARD_VERIFY_H

#include "base/object.h"
#include "base/rule.h"
#include "contract/requirement.h"
#include "storage/lock.h"
#include "verify/context.h"

typedef enum RequirementState
{
	STATE_MET,
	STATE_UNKNOWN,				/* cannot be decided; never guessed */
	STATE_UNMET
} RequirementState;

/* Something the verifier noticed about one requirement. */
typedef struct Problem
{
	RuleId		rule;
	RequirementState state;		/* what it makes of the requirement; STATE_MET
								 * for a remark that leaves it met */
	char	   *expected;		/* for people; never NULL */
	char	   *found;			/* ditto */
	const char *sqlstate;		/* the server's own error, for queries; or NULL */
	char	   *message;		/* ditto */
	const char *subject;		/* what it is about where several requirements of
								 * a version notice the same: said once for each
								 * rule and subject; or NULL */
	const char *advice;			/* the safe way, if it is not the rule's; a constant,
								 * or NULL */
	bool		proven;			/* rows or sessions prove the harm: see Rule */
	char	   *role;			/* who lacks a privilege, where it is not the
								 * contract's role; or NULL */
	bool		by_expected;	/* "found" has a name or a number of rows, and what
								 * these are does not make it another problem */
	bool		out_of_time;	/* it says no more than that there was no time left */
	bool		no_relation;	/* the relation the requirement is about cannot
								 * be used at all */
	char	   *schema;			/* the object, for the error's fields; or NULL */
	char	   *relation;
	char	   *column;
	char	   *constraint;
} Problem;

/* The answer for one requirement. */
typedef struct Observation
{
	RequirementState state;		/* the worst of the problems */
	List	   *problems;		/* of Problem * */
	List	   *keys;			/* of ObjectKey *, without duplicates: where to look
								 * again when something appears, changes or goes */
	List	   *runs;			/* of RunRoutine *: for body.c */
	Jsonb	   *baseline;		/* to compare with later; NULL if the kind has none
								 * or the requirement has one */
	List	   *parts;			/* of Oid, in pairs: to be stored, see KnownParts */
	bool		planning;		/* a query is being planned */
} Observation;

/* Locks that were waited for, and how often. */
typedef struct WaitedFor
{
	List	   *locks;			/* private to trylock.c */
	int			waits;
} WaitedFor;

/*
 * What was found of partitions before, so that not all need be looked at: of each
 * requirement the pairs of Oids that its last observation had, each a large
 * partitioned table and a partition with something of its own or, for all there
 * are, InvalidOid; and what the current transaction may have changed since.
 */
typedef struct KnownParts
{
	List	  **stored;			/* by the requirement's index */
	List	   *touched;		/* of Oid: relations */
} KnownParts;

/* How verify_requirements goes about it. */
typedef struct VerifyOptions
{
	/*
	 * Wait for relation locks, while holding no other.  Otherwise give up on
	 * the first lock that is not to be had: what is locked is being changed by
	 * another transaction, and waiting for it while holding locks of one's own
	 * could deadlock.
	 */
	bool		wait_for_locks;

	/*
	 * Where to keep the locks that were waited for, until verify_release_locks
	 * or transaction end; NULL: they are released.
	 */
	WaitedFor  *waited_for;

	/*
	 * Take no longer than compat_guard.verify_timeout, of which each role has a
	 * share; what is not answered by then is unknown.  For those who did not ask
	 * for it.  spent, if not NULL, is how much of it was spent before, in
	 * microseconds, and is added to.
	 */
	bool		within_time;
	int64	   *spent;

	/*
	 * Do not give up on a lock that a function wanted, which may want one that
	 * is never to be had: the requirement is unknown.
	 */
	bool		last_try;

	/* Answer as if this index did not exist; InvalidOid for none. */
	Oid			without_index;

	/* NULL: look at every partition. */
	const KnownParts *known_parts;
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
								VerifyOptions options, Observation **result);

/* Called for each function about to be evaluated while it is: raises an error if
 * it must not be (run.c). */
extern void verify_function(Oid funcid);

/* Installs hooks. */
extern void verify_init(void);

/* After it gave up on a lock: on which?  False if that is not known. */
extern bool verify_wanted_lock(LOCKTAG *tag, LOCKMODE *mode);

extern void verify_release_locks(WaitedFor *waited_for);

extern const char *state_name(RequirementState state);
extern bool state_by_name(const char *name, RequirementState *state);

#endif							/* COMPAT_GUARD_VERIFY_H */
