/*
 * partition.h
 *		What below a partitioned table, or a table with children, makes a difference.
 *
 * A partition has what its parent has, and costs nothing; it makes a difference
 * by what it has of its own.
 *
 * Private to verify/.
 */
#ifndef COMPAT_GUARD_PARTITION_H
#define COMPAT_GUARD_PARTITION_H

#include "verify/verify.h"

/*
 * The partitions of a partitioned table, of all levels, that have anything of their
 * own: a constraint, an index that is unique or has expressions, a trigger, a column that is
 * not null, expressions to split it by, another persistence than their parent.  All children of any other table.  As Oids in ascending
 * order; none of them is locked.
 *
 * Those of a large table are added to *pairs, to be stored: see KnownParts.  NULL: they
 * are not.
 */
extern List *parts_that_matter(List **pairs, Oid relid);

/*
 * What has been found is kept until the end.  known: see
 * VerifyOptions; of the requirement answered next.
 */
extern void parts_begin(const KnownParts *known);
extern void parts_of_requirement(int i);
extern void parts_end(void);

#endif							/* COMPAT_GUARD_PARTITION_H */
