/*
 * context.c
 *		The verification that is running, and what it changes of the session.
 */
#include "postgres.h"

#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/varlena.h"
#include "verify/run/run.h"

VerifyContext *verification = NULL;

void
verification_begin(Oid without_index)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext,
												 "compat_guard verification",
												 ALLOCSET_DEFAULT_SIZES);

	verification = MemoryContextAllocZero(memory, sizeof(VerifyContext));
	verification->memory = memory;
	verification->without_index = without_index;
}

void
verification_end(void)
{
	MemoryContext memory = verification->memory;

	verification = NULL;
	MemoryContextDelete(memory);
}

bool
verify_is_running(void)
{
	return verification != NULL;
}

MemoryContext
verification_context(void)
{
	return verification->memory;
}

/* Return the path with pg_temp at its end, so that a temporary table of the session
 * that happens to ask hides nothing. */
static char *
path_without_temp_first(const char *path)
{
	List	   *names;
	ListCell   *lc;

	if (SplitIdentifierString(pstrdup(path), ',', &names))
	{
		foreach(lc, names)
		{
			if (strcmp(lfirst(lc), "pg_temp") == 0)
				return pstrdup(path);
		}
		if (names == NIL)
			return pstrdup("pg_temp");
	}
	return psprintf("%s, pg_temp", path);
}

void
set_local(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

void
enter_search_path(const char *path)
{
	set_local("search_path", path_without_temp_first(path));
}
