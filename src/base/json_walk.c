/*
 * json_walk.c
 *		Walking a Jsonb one level at a time.
 *
 * A JsonbIterator would do, but it allocates for every object and array, which
 * takes as long as all the rest of reading a contract does.  This follows the
 * entries in place; utils/jsonb.h describes how they lie.
 */
#include "postgres.h"

#include "base/json_walk.h"

void
json_walk_begin(JsonWalk *walk, JsonbContainer *container)
{
	int			size = JsonContainerSize(container);

	walk->container = container;
	walk->size = size;
	walk->index = -1;
	walk->key_offset = 0;
	if (JsonContainerIsObject(container))
	{
		/* All the keys lie before the values. */
		walk->data = (char *) &container->children[2 * size];
		walk->value_offset = getJsonbOffset(container, size);
	}
	else
	{
		walk->key.data = NULL;
		walk->data = (char *) &container->children[size];
		walk->value_offset = 0;
	}
}

/* Fill in a value from its entry and its place in data. */
static inline void
fill_value(JsonbValue *value, JEntry entry, char *data, uint32 start, uint32 end)
{
	if (JBE_ISSTRING(entry))
	{
		value->type = jbvString;
		value->val.string.val = data + start;
		value->val.string.len = end - start;
	}
	else if (JBE_ISBOOL(entry))
	{
		value->type = jbvBool;
		value->val.boolean = JBE_ISBOOL_TRUE(entry);
	}
	else if (JBE_ISCONTAINER(entry))
	{
		value->type = jbvBinary;
		value->val.binary.data = (JsonbContainer *) (data + INTALIGN(start));
		value->val.binary.len = end - INTALIGN(start);
	}
	else if (JBE_ISNUMERIC(entry))
		value->type = jbvNumeric;	/* nobody here reads numbers */
	else
		value->type = jbvNull;
}

bool
json_walk_next(JsonWalk *walk)
{
	JsonbContainer *container = walk->container;
	JEntry		entry;
	uint32		start;

	if (++walk->index >= walk->size)
		return false;

	if (JsonContainerIsObject(container))
	{
		entry = container->children[walk->index];
		start = walk->key_offset;
		JBE_ADVANCE_OFFSET(walk->key_offset, entry);
		walk->key.data = walk->data + start;
		walk->key.len = walk->key_offset - start;
		entry = container->children[walk->index + walk->size];
	}
	else
		entry = container->children[walk->index];

	start = walk->value_offset;
	JBE_ADVANCE_OFFSET(walk->value_offset, entry);
	fill_value(&walk->value, entry, walk->data, start, walk->value_offset);
	return true;
}

const char *
json_kind(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return "null";
		case jbvString:
			return "a string";
		case jbvNumeric:
			return "a number";
		case jbvBool:
			return "a boolean";
		default:
			return JsonContainerIsObject(value->val.binary.data) ?
				"an object" : "an array";
	}
}
