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

/* How a requirement's relations stand; filled by property.c. */
typedef struct Surroundings Surroundings;

#define USE_SELECT		(1 << 0)
#define USE_INSERT		(1 << 1)
#define USE_UPDATE		(1 << 2)
#define USE_DELETE		(1 << 3)
#define USE_TRUNCATE	(1 << 4)

typedef struct RelationUse
{
	int			commands;
	Bitmapset  *inserted;		/* attribute numbers: given a value by INSERT, */
	Bitmapset  *updated;		/* and by UPDATE */
	bool		guessed;		/* these are the columns it could give a value */
} RelationUse;

extern bool add_uses(Node *node, Surroundings *around);
extern bool add_uses_of_rules(Node *node, Surroundings *around);

/* ---- property.c ---- */

extern Surroundings *surroundings_begin(const Requirement *req, VerifyResult *result);

/* Every column of a relation that the version can know of: those it had at
 * registration. */
extern Bitmapset *surroundings_columns(Surroundings *around, Oid relid);
extern void surroundings_add(Surroundings *around, Oid relid, const RelationUse *use);

/* Begin and end the cache of what is known of relations, which lives as long as the verification. */
extern void surroundings_cache_begin(void);
extern void surroundings_cache_end(void);

/* ---- property_compare.c ---- */

/* Compare with the baseline, and add to the one in the observation. */
extern void surroundings_end(Surroundings *around);

#endif							/* COMPAT_GUARD_PROPERTIES_H */
