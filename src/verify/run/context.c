/*
 * context.c
 *		The verification that is running, and what it changes of the session.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/varlena.h"
#include "verify/run/run.h"

static bool running = false;

static Oid	without_index = InvalidOid;

static MemoryContext context = NULL;

void
verification_begin(Oid hidden_index)
{
	context = AllocSetContextCreate(CurrentMemoryContext, "compat_guard verification",
									ALLOCSET_DEFAULT_SIZES);
	without_index = hidden_index;
	running = true;
}

void
verification_end(void)
{
	running = false;
	without_index = InvalidOid;
	MemoryContextDelete(context);
	context = NULL;
}

bool
verify_is_running(void)
{
	return running;
}

Oid
verify_without_index(void)
{
	return without_index;
}

MemoryContext
verification_context(void)
{
	return context;
}

/* "path" with pg_temp at its end, so that a temporary table of the session
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
