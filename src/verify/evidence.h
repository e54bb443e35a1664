/*
 * evidence.h
 *		Do rows written so far violate a constraint?
 */
#ifndef COMPAT_GUARD_EVIDENCE_H
#define COMPAT_GUARD_EVIDENCE_H

#include "postgres.h"

#include "access/attnum.h"

typedef struct Evidence
{
	/* False: could not be found out, for want of a permission, because the table
	 * is too large and nothing was found in the part read, or because the
	 * constraint's expression raised an error. */
	bool		decided;
	int64		violations;		/* rows found that violate it */
	bool		more;			/* there may be more: part was read, or
								 * counting stopped */

	/*
	 * For people, the keys of a few: "id 3, 7, 12"; NULL if there are none.  No
	 * other value is shown, since this ends up in messages; and where the
	 * table has no primary key, or the contract's role or whoever changes the
	 * schema may not read it, no value at all but where the rows are.
	 */
	char	   *sample;
} Evidence;

/*
 * Of a table: CHECK, FOREIGN KEY or, on PostgreSQL 18, NOT NULL; usually one
 * that is NOT VALID, since VALIDATE has answered it for any other.
 *
 * Both are for the verifiers: they need an active snapshot, leave neither locks
 * nor settings, raise ERRCODE_LOCK_NOT_AVAILABLE as try_lock_mentions does and
 * what error_is_no_answer, and allocate in CurrentMemoryContext.
 */
extern Evidence constraint_evidence(Oid constraint);

/* CHECK or NOT NULL of a domain, by a column of that domain, or of one over it. */
extern Evidence domain_evidence(Oid constraint, Oid relid, AttrNumber attnum);

#endif							/* COMPAT_GUARD_EVIDENCE_H */
