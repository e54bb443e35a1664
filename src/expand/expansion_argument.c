/*
 * expansion_argument.c
 *		Arguments of the functions about expansions, and the SQL that these run.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/guard_active.h"
#include "base/shown.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "expand/expand_internal.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

char *
text_argument(FunctionCallInfo fcinfo, int arg, const char *what)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", what)));
	return text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

static ColumnExpansion *
find_running(const char *name)
{
	ColumnExpansion *expansion = registry_find_expansion(name);

	if (expansion == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_EXPANSION),
				 errmsg("there is no expansion \"%s\"", shown(name)),
				 errhint("The view compat_guard.expansions lists them.")));
	if (!expansion_is_running(expansion))
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_EXPANSION),
				 errmsg("expansion \"%s\" is %s", shown(name),
						expansion_phase_name(expansion->phase))));
	return expansion;
}

ColumnExpansion *
require_expansion(const char *name, bool lock)
{
	ColumnExpansion *expansion;

	guard_require_version();
	registry_lock(REGISTRY_LOCK_AGAINST_DROP);
	expansion = find_running(name);

	/*
	 * Of a table that is gone the row can be ended by who could have dropped
	 * it.
	 */
	if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(expansion->relid)) &&
		!compat_relation_ownercheck(expansion->relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(expansion->relid)),
					   get_rel_name(expansion->relid));
	if (!lock)
		return expansion;
	LockRelationOid(expansion->relid, AccessShareLock);
	registry_lock_row(expansion->id);
	return find_running(name);
}

ColumnExpansion *
require_expansion_exclusively(const char *name)
{
	ColumnExpansion *expansion = require_expansion(name, false);

	if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(expansion->relid)))
		lock_table_exclusively(expansion->relid);
	registry_lock_row(expansion->id);
	return find_running(name);
}

char *
qualified_table(Oid relid)
{
	char	   *name = get_rel_name(relid);

	if (name == NULL)
		return psprintf("%u", relid);
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), name);
}

/* Names in these statements are qualified; the path decides about operators and casts. */
static int
pin_path(void)
{
	int			level = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

void
run_sql(const char *sql)
{
	int			level = pin_path();

	SPI_connect();
	if (SPI_execute(sql, false, 0) < 0)
		elog(ERROR, "could not execute: %s", sql);
	SPI_finish();
	AtEOXact_GUC(false, level);
}

List *
query_texts(const char *sql)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *texts = NIL;
	int			level = pin_path();

	SPI_connect();
	if (SPI_execute(sql, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not execute: %s", sql);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		char	   *value = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1);
		MemoryContext old = MemoryContextSwitchTo(context);

		if (value != NULL)
			texts = lappend(texts, pstrdup(value));
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	AtEOXact_GUC(false, level);
	return texts;
}
