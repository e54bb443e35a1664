/*
 * fingerprint.c
 *		Describe the schema so that two descriptions can be compared.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "api/api.h"
#include "base/compat.h"
#include "base/guard_active.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

/* Run a query by SPI that returns one value, and return that in the caller's context. */
static Datum
query_value(const char *query)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum		value;
	bool		isnull;

	SPI_connect();
	if (SPI_execute(query, false, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "unexpected result of a query for the fingerprint");
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (isnull)
		elog(ERROR, "fingerprint is null");
	MemoryContextSwitchTo(caller);
	value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	SPI_finish();
	return value;
}

Datum
fingerprint(void)
{
	int			nestlevel = NewGUCNestLevel();
	char	   *query;
	Datum		value;

	/* Only what is in pg_catalog is named without its schema. */
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);

	/* To compile the long query would take longer than to run it. */
	(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
	query = TextDatumGetCString(query_value("SELECT compat_guard.fingerprint_query()"));
	value = query_value(psprintf("SELECT jsonb_object_agg(concat_ws(' ', f.catalog, f.object), f.definition) FROM (%s) AS f",
								 query));
	AtEOXact_GUC(true, nestlevel);
	return value;
}

GUARD_FUNCTION(compat_guard_fingerprint);

/* compat_guard.fingerprint() returns jsonb */
Datum
compat_guard_fingerprint(PG_FUNCTION_ARGS)
{
	guard_require_extension();
	PG_RETURN_DATUM(fingerprint());
}

/* ---- after a script ---- */

typedef struct Foresight
{
	List	   *statements;		/* of ScriptStatement * */
	Datum		fingerprint;
} Foresight;

/* Run the script; body of trial_undo(). */
static void
foresee(void *arg)
{
	Foresight  *foresight = arg;
	Trial		trial = {0};

	trial_run(&trial, foresight->statements);
	foresight->fingerprint = fingerprint();
}

GUARD_FUNCTION(compat_guard_preview_fingerprint);

/* compat_guard.preview_fingerprint(ddl text) returns jsonb */
Datum
compat_guard_preview_fingerprint(PG_FUNCTION_ARGS)
{
	Foresight	foresight = {0};

	guard_require_extension();
	PreventCommandDuringRecovery("compat_guard.preview_fingerprint()");
	foresight.statements = script_parse(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	trial_undo(foresee, &foresight);
	PG_RETURN_DATUM(foresight.fingerprint);
}
