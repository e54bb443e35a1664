/*
 * properties.h
 *		What is attached to a relation that a version writes or reads.
 *
 * Constraints, triggers, rules, policies, defaults: what decides, beside the
 * columns, whether a statement works and what it does.  What is found when a
 * requirement is first met is part of its baseline; what is there later and was
 * not then is a remark.
 *
 * Everything is compared by definition, over all relations of a requirement
 * taken together.  So another name of a constraint makes no difference, nor does
 * a view that takes the place of a table.
 */
#ifndef COMPAT_GUARD_PROPERTIES_H
#define COMPAT_GUARD_PROPERTIES_H

#include "utils/relcache.h"
#include "verify/result/result.h"

/* ---- usage.c ---- */

/* The properties of a requirement's relations, while it is verified. */
typedef struct PropertyCheck PropertyCheck;

#define USAGE_SELECT		(1 << 0)
#define USAGE_INSERT		(1 << 1)
#define USAGE_UPDATE		(1 << 2)
#define USAGE_DELETE		(1 << 3)
#define USAGE_TRUNCATE	(1 << 4)

typedef struct RelationUsage
{
	int			commands;
	Bitmapset  *inserted;		/* attribute numbers: given a value by INSERT, */
	Bitmapset  *updated;		/* and by UPDATE */
	bool		assumes_all_columns;	/* these are the columns it could give
										 * a value */
} RelationUsage;

extern bool add_usages(Node *node, PropertyCheck *check);
extern bool add_usages_of_rules(Node *node, PropertyCheck *check);

/* ---- constraint_added.c ---- */

/*
 * Ask the rows for violations of these constraints (of Oid), though they are validated,
 * until the next call.  The list is not copied.
 */
extern void constraints_distrust(List *constraints);

/* ---- property.c ---- */

extern PropertyCheck *property_check_begin(const Requirement *req, VerifyResult *result);

/* Every column of a relation that the version can know of: those it had at
 * registration. */
extern Bitmapset *property_check_columns(PropertyCheck *check, Oid relid);
extern void property_check_add(PropertyCheck *check, Oid relid, const RelationUsage *use);

/* Begin and end the cache of RelationInfo, which lives as long as the verification. */
extern void property_cache_begin(void);
extern void property_cache_end(void);

/* ---- violation.c ---- */

typedef struct Violations
{
	/*
	 * False: could not be found out, for want of a permission, because the
	 * table is too large and nothing was found in the part read, or because
	 * the constraint's expression raised an error.
	 */
	bool		decided;
	int64		nrows;			/* rows found that violate it */
	bool		more;			/* there may be more: part was read, or
								 * counting stopped */

	/*
	 * For people, the keys of a few: "id 3, 7, 12"; NULL if there are none.
	 * No other value is shown, since this ends up in messages; and where the
	 * table has no primary key, or the contract's role or whoever changes the
	 * schema may not read it, no value at all but where the rows are.
	 */
	char	   *sample;
} Violations;

/* ---- duplicate_key.c ---- */

/*
 * Return the keys of these columns (of char *) that several rows of a table have, itself
 * without its children: nrows of them, and in sample some, where whoever asks may read
 * the table.  Nulls are equal if nulls_not_distinct.
 *
 * Not for verifiers, but for whoever is about to create a unique index.  Reads all rows,
 * for as long as compat_guard.verify_timeout; what is not found by then, or cannot be
 * read, is not decided.  Waits for no lock, and keeps none.
 */
extern Violations duplicate_keys(Oid relid, List *columns, bool nulls_not_distinct);

/* ---- property_compare.c ---- */

/* Compare with the baseline, and add to the one in the observation. */
extern void property_check_end(PropertyCheck *check);

#endif							/* COMPAT_GUARD_PROPERTIES_H */
