/*
 * need.c
 *		Which live versions need an object, by what is stored about them?
 */
#include "postgres.h"

#include "registry/registry.h"

static bool
is_version(int64 version_id, void *arg)
{
	return version_id == *(int64 *) arg;
}

List *
registry_live_versions_that_need(List *names)
{
	List	   *versions = NIL;
	ListCell   *lc;
	int			n;
	int64	   *ids = registry_requirements_by_names(names, &n);

	if (n == 0)
		return NIL;
	foreach(lc, registry_live_versions())
	{
		Version    *version = lfirst(lc);
		int64	   *copy = palloc_array(int64, n);

		memcpy(copy, ids, n * sizeof(int64));
		if (registry_keep_linked(copy, n, is_version, &version->id) > 0)
			versions = lappend(versions, version);
	}
	return versions;
}
