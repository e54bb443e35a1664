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

/*
 * Walks the members of an object or the elements of an array.  The value of a
 * number is not filled in.
 */
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

extern void json_walk_begin(JsonWalk *walk, JsonbContainer *container);
extern bool json_walk_next(JsonWalk *walk);

/* "a string", "an object" ... */
extern const char *json_kind(const JsonbValue *value);

#endif							/* COMPAT_GUARD_JSON_WALK_H */
