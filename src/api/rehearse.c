/*
 * rehearse.c
 *		Does a migration's way back work?
 *
 * The migration runs, and the live versions are judged as at its commit.  Then the script
 * that takes it back runs, and the schema is compared with what it was.  All of it is
 * undone.  The way back runs on the rows of today, so it fails here as it would fail then.
 *
 * Data is lost where the migration, or the way back, drops a column or table that has any:
 * the way back makes the column anew, but not its values.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "api/api.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/guard_active.h"
#include "base/subtransaction.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "judge/judge.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

typedef struct Rehearsal
{
	List	   *up;				/* of ScriptStatement * */
	List	   *down;
	Trial		trial_up;
	Trial		trial_down;
	Datum		before;			/* fingerprints */
	Datum		changed;
	Datum		after;
	List	   *losses;			/* of Loss *: by the way back */
} Rehearsal;

/* Data that is lost. */
typedef struct Loss
{
	char	   *object;			/* a table, or a column of one */
	bool		is_column;
	uint64		nrows;			/* that have any, MAX_ROWS_COUNTED at most */
} Loss;

#define MAX_ROWS_COUNTED	1000

/* ---- what is lost ---- */

/* Count the rows of a table, or those with a value in the column. */
static uint64
count_rows(const char *relation, const char *column)
{
	StringInfoData query;

	initStringInfo(&query);
	appendStringInfo(&query, "SELECT FROM %s", relation);
	if (column != NULL)
		appendStringInfo(&query, " AS t WHERE t.%s IS NOT NULL", quote_identifier(column));
	if (SPI_execute(query.data, true, MAX_ROWS_COUNTED) != SPI_OK_SELECT)
		elog(ERROR, "could not count rows");
	return SPI_processed;
}

/* Return the data that one fingerprint has and the other has not: a list of Loss *. */
static List *
find_losses(Datum before, Datum after)
{
	MemoryContext caller = CurrentMemoryContext;
	Oid			types[] = {JSONBOID, JSONBOID};
	Datum		values[] = {before, after};
	SPITupleTable *found;
	uint64		nfound;
	List	   *losses = NIL;

	SPI_connect();
	if (SPI_execute_with_args("SELECT * FROM compat_guard.fingerprint_data_lost($1, $2)", 2,
							  types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not compare fingerprints");
	found = SPI_tuptable;
	nfound = SPI_processed;
	for (uint64 i = 0; i < nfound; i++)
	{
		char	   *relation = SPI_getvalue(found->vals[i], found->tupdesc, 1);
		char	   *column = SPI_getvalue(found->vals[i], found->tupdesc, 2);
		uint64		nrows = count_rows(relation, column);
		MemoryContext old = MemoryContextSwitchTo(caller);
		Loss	   *loss = palloc_object(Loss);

		loss->is_column = (column != NULL);
		loss->object = loss->is_column ? psprintf("%s.%s", relation, quote_identifier(column))
			: pstrdup(relation);
		loss->nrows = nrows;
		losses = lappend(losses, loss);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return losses;
}

/* ---- the two scripts ---- */

/* Take the migration back; body of a subtransaction that is rolled back. */
static void
run_down(void *arg)
{
	Rehearsal  *rehearsal = arg;

	trial_run(&rehearsal->trial_down, rehearsal->down);
	rehearsal->after = fingerprint();
}

/* Run the migration, and what takes it back; body of trial_undo(). */
static void
run_both(void *arg)
{
	Rehearsal  *rehearsal = arg;
	ErrorData  *edata;

	trial_run(&rehearsal->trial_up, rehearsal->up);
	trial_judge(&rehearsal->trial_up);
	rehearsal->changed = fingerprint();
	edata = subtransaction_run(run_down, rehearsal, false);
	if (edata != NULL)
		ReThrowError(edata);
	rehearsal->losses = find_losses(rehearsal->changed, rehearsal->after);
}

/* ---- the result ---- */

enum
{
	COL_STEP, COL_ACTION, COL_RULE, COL_OBJECT, COL_MESSAGE, COL_STATEMENT_NUMBER, COL_LINE,
	COL_COUNT
};

static void
put_row(ReturnSetInfo *rsinfo, const char *step, RuleAction action, const char *rule,
		const char *object, const char *message, const ScriptStatement *statement)
{
	const char *texts[] = {step, action_name(action), rule, object, message};
	Datum		values[COL_COUNT] = {0};
	bool		nulls[COL_COUNT];

	memset(nulls, true, sizeof(nulls));
	for (int i = 0; i < lengthof(texts); i++)
	{
		nulls[i] = (texts[i] == NULL);
		if (texts[i] != NULL)
			values[i] = CStringGetTextDatum(texts[i]);
	}
	if (statement != NULL)
	{
		values[COL_STATEMENT_NUMBER] = Int32GetDatum(statement->number);
		values[COL_LINE] = Int32GetDatum(statement->line);
		nulls[COL_STATEMENT_NUMBER] = nulls[COL_LINE] = false;
	}
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* A statement that cannot run in a transaction was not tried: the plan is not rehearsed. */
static void
put_failures(ReturnSetInfo *rsinfo, const char *step, const Trial *trial)
{
	ListCell   *lc;

	foreach(lc, trial->failures)
	{
		const TrialFailure *failure = lfirst(lc);

		put_row(rsinfo, step, ACTION_BLOCK,
				trial_unknown_because(failure) ? "not-previewed" : "statement-failed",
				NULL, failure->edata->message, failure->statement);
	}
}

static void
put_findings(ReturnSetInfo *rsinfo, const Rehearsal *rehearsal)
{
	ListCell   *lc;

	foreach(lc, rehearsal->trial_up.findings)
	{
		const Finding *finding = lfirst(lc);

		if (finding->override != NULL)
			continue;
		if (finding->app == NULL)
		{
			put_row(rsinfo, "up", finding->action, rule_get(finding->problem->rule)->name, NULL,
					finding->problem->found ? finding->problem->found : finding->problem->message,
					finding->script_number > 0
					? list_nth(rehearsal->up, finding->script_number - 1) : NULL);
			continue;
		}
		put_row(rsinfo, "contracts", finding->action, rule_get(finding->problem->rule)->name,
				finding_requirement(finding),
				psprintf("%s %s: expected %s, found %s", finding->app, finding->version,
						 finding->problem->expected ? finding->problem->expected : "it to work",
						 finding->problem->found ? finding->problem->found : finding->problem->message),
				finding->script_number > 0
				? list_nth(rehearsal->up, finding->script_number - 1) : NULL);
	}
}

static void
put_differences(ReturnSetInfo *rsinfo, const Rehearsal *rehearsal)
{
	Oid			types[] = {JSONBOID, JSONBOID};
	Datum		values[] = {rehearsal->before, rehearsal->after};

	SPI_connect();
	if (SPI_execute_with_args("SELECT d.object, CASE WHEN d.property IS NOT NULL "
							  "THEN pg_catalog.format('%s is %s, was %s', d.property, coalesce(d.\"is\", 'null'), coalesce(d.was, 'null')) "
							  "WHEN pg_catalog.jsonb_exists($1, d.object) THEN 'is missing' ELSE 'is left behind' END "
							  "FROM compat_guard.fingerprint_difference($1, $2) AS d",
							  2, types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not compare fingerprints");
	for (uint64 i = 0; i < SPI_processed; i++)
		put_row(rsinfo, "difference", ACTION_BLOCK, NULL,
				SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1),
				SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2), NULL);
	SPI_finish();
}

static void
put_losses(ReturnSetInfo *rsinfo, List *losses, const char *by)
{
	ListCell   *lc;

	foreach(lc, losses)
	{
		const Loss *loss = lfirst(lc);
		const char *many = loss->nrows >= MAX_ROWS_COUNTED ? "at least " : "";

		put_row(rsinfo, "loss", loss->nrows > 0 ? ACTION_WARN : ACTION_LOG, NULL, loss->object,
				loss->is_column
				? psprintf("%s drops or renames the column, which has a value in %s" UINT64_FORMAT " of today's rows",
						   by, many, loss->nrows)
				: psprintf("%s drops or renames the table, which has %s" UINT64_FORMAT " rows today",
						   by, many, loss->nrows),
				NULL);
	}
}

static List *
script_argument(FunctionCallInfo fcinfo, int arg, const char *what)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", what)));
	return script_parse(text_to_cstring(PG_GETARG_TEXT_PP(arg)));
}

GUARD_FUNCTION(compat_guard_rehearse);

/* compat_guard.rehearse(up text, down text) returns a table */
Datum
compat_guard_rehearse(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Rehearsal	rehearsal = {0};

	guard_require_extension();
	PreventCommandDuringRecovery("compat_guard.rehearse()");
	InitMaterializedSRF(fcinfo, 0);
	rehearsal.up = script_argument(fcinfo, 0, "up");
	rehearsal.down = script_argument(fcinfo, 1, "down");

	rehearsal.before = fingerprint();
	trial_undo(run_both, &rehearsal);

	put_failures(rsinfo, "up", &rehearsal.trial_up);
	put_findings(rsinfo, &rehearsal);
	put_failures(rsinfo, "down", &rehearsal.trial_down);
	put_differences(rsinfo, &rehearsal);
	put_losses(rsinfo, find_losses(rehearsal.before, rehearsal.changed), "the migration");
	put_losses(rsinfo, rehearsal.losses, "the way back");
	return (Datum) 0;
}
