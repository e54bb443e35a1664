/*
 * json_walk.h
 *		Read the members of a JSON object or the elements of an array, one after another.
 */
#ifndef COMPAT_GUARD_JSON_WALK_H
#define COMPAT_GUARD_JSON_WALK_H

#include "utils/jsonb.h"

typedef struct DocString
{
	const char *data;			/* NULL: absent */
	int			len;
	int			index;			/* place in the list it was read from */
} DocString;

/* A walk over an object or array.  The value of a number is not filled in. */
typedef struct JsonWalk
{
	DocString	key;			/* the member's name; data = NULL: element */
	JsonbValue	value;
	int			index;			/* of the member or element */
	/* private */
	JsonbContainer *container;
	int			size;
	char	   *data;			/* what the offsets count from */
	uint32		key_offset;
	uint32		value_offset;
} JsonWalk;

/* Begin to walk; json_walk_next() goes to the first member or element. */
extern void json_walk_begin(JsonWalk *walk, JsonbContainer *container);

/* Go to the next member or element; return false at the end. */
extern bool json_walk_next(JsonWalk *walk);

/* Return what a value is, such as "a string". */
extern const char *json_kind(const JsonbValue *value);

#endif							/* COMPAT_GUARD_JSON_WALK_H */
