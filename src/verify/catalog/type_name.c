/*
 * type_name.c
 *		Name types in a way that no search path has a say in.
 */
#include "postgres.h"

#include "access/transam.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "verify/catalog/catalog.h"

/* Without a modifier that is said to be given, "character" would mean character(1). */
char *
qualified_name(Oid type, int32 typmod)
{
	return format_type_extended(type, typmod,
								FORMAT_TYPE_FORCE_QUALIFY | FORMAT_TYPE_ALLOW_INVALID |
								FORMAT_TYPE_TYPEMOD_GIVEN);
}

/* Return the name of a type of the server, which has one name for good. */
static char *
server_type_name(Oid type)
{
	typedef struct ServerType
	{
		Oid			type;		/* must be first */
		char	   *name;
	}			ServerType;
	static HTAB *names = NULL;
	ServerType *known;
	char	   *name;
	bool		found;

	if (names == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(Oid), .entrysize = sizeof(ServerType)};

		names = hash_create("compat_guard server types", 64, &ctl, HASH_ELEM | HASH_BLOBS);
	}
	known = hash_search(names, &type, HASH_FIND, NULL);
	if (known != NULL)
		return known->name;
	name = MemoryContextStrdup(TopMemoryContext, qualified_name(type, -1));
	known = hash_search(names, &type, HASH_ENTER, &found);
	known->name = name;
	return name;
}

char *
type_baseline_name(Oid type)
{
	int32		typmod = -1;

	if (type >= FirstNormalObjectId)
		type = wire_type(type, &typmod);
	return type < FirstGenbkiObjectId && OidIsValid(type)
		? server_type_name(type) : qualified_name(type, -1);
}

char *
column_type_baseline_name(Oid type, int32 typmod)
{
	type = wire_type(type, &typmod);
	return qualified_name(type, typmod);
}
