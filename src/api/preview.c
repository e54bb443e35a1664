/*
 * preview.c
 *		What would a migration script do, without doing it?
 *
 * The script runs, statement by statement, in a subtransaction; what it touched
 * is judged as at commit; then all of it is rolled back.
 */
#include "postgres.h"

#include "access/xact.h"
#include "api/api.h"
#include "base/compat.h"
#include "base/activity.h"
#include "base/errors.h"
#include "base/subtransaction.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "guard/touched.h"
#include "judge/judge.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

/* A statement of the script that could not be run. */
typedef struct Failure
{
	const char *statement;
	ErrorData  *edata;
} Failure;

typedef struct Preview
{
	const char *script;
	List	   *statements;		/* of RawStmt * */
	List	   *failures;		/* of Failure * */
	List	   *findings;		/* of Finding * */
} Preview;

/* The text of one statement of the script. */
static char *
statement_text(const char *script, const RawStmt *raw)
{
	const char *start = script + raw->stmt_location;
	int			length = raw->stmt_len > 0 ? raw->stmt_len : (int) strlen(start);

	while (length > 0 && isspace((unsigned char) *start))
	{
		start++;
		length--;
	}
	return pnstrdup(start, length);
}

static void
execute_statement(void *arg)
{
	SPI_connect();
	(void) SPI_execute((const char *) arg, false, 0);
	SPI_finish();
	CommandCounterIncrement();
}

/* BEGIN and COMMIT: the whole script is one transaction here anyway. */
static bool
is_passed_over(const RawStmt *raw)
{
	if (!IsA(raw->stmt, TransactionStmt))
		return false;
	switch (((TransactionStmt *) raw->stmt)->kind)
	{
		case TRANS_STMT_BEGIN:
		case TRANS_STMT_START:
		case TRANS_STMT_COMMIT:
			return true;
		default:
			return false;
	}
}

static void
run_script(void *arg)
{
	Preview    *preview = arg;
	ListCell   *lc;

	foreach(lc, preview->statements)
	{
		RawStmt    *raw = lfirst_node(RawStmt, lc);
		char	   *text = statement_text(preview->script, raw);
		ErrorData  *edata;

		if (is_passed_over(raw))
			continue;
		edata = subtransaction_run(execute_statement, text, true);
		if (edata != NULL)
		{
			Failure    *failure = palloc_object(Failure);

			if (error_is_interruption(edata))
				ReThrowError(edata);
			if (edata->sqlerrcode == ERRCODE_GUARD_BREAKS_VERSION)
			{
				preview->findings = list_concat(preview->findings,
												removal_findings(text));
				continue;
			}
			failure->statement = text;
			failure->edata = edata;
			preview->failures = lappend(preview->failures, failure);
		}
	}
	preview->findings = list_concat(preview->findings, judge_preview(touched_names()));
	findings_sort(preview->findings);
}

/* ---- the result ---- */

enum
{
	COL_APP, COL_VERSION, COL_RULE, COL_ACTION, COL_OBJECT, COL_REQUIREMENT,
	COL_EXPECTED, COL_FOUND, COL_SQLSTATE, COL_MESSAGE, COL_ADVICE, COL_STATEMENT,
	COL_COUNT
};

static void
set_column(Datum *values, bool *nulls, int column, const char *value)
{
	nulls[column] = (value == NULL);
	if (value != NULL)
		values[column] = CStringGetTextDatum(value);
}

static void
put_finding(ReturnSetInfo *rsinfo, const Finding *finding)
{
	const Problem *problem = finding->problem;
	Datum		values[COL_COUNT] = {0};
	bool		nulls[COL_COUNT] = {false};
	char	   *object = NULL;

	if (problem->relation != NULL)
		object = quote_qualified_identifier(problem->schema, problem->relation);
	if (object != NULL && problem->column != NULL)
		object = psprintf("%s.%s", object, quote_identifier(problem->column));

	set_column(values, nulls, COL_APP, finding->app);
	set_column(values, nulls, COL_VERSION, finding->version);
	set_column(values, nulls, COL_RULE, rule_get(problem->rule)->name);
	set_column(values, nulls, COL_ACTION, action_name(finding->action));
	set_column(values, nulls, COL_OBJECT, object);
	set_column(values, nulls, COL_REQUIREMENT, finding_requirement(finding));
	set_column(values, nulls, COL_EXPECTED, problem->expected);
	set_column(values, nulls, COL_FOUND, problem->found);
	set_column(values, nulls, COL_SQLSTATE, problem->sqlstate);
	set_column(values, nulls, COL_MESSAGE, problem->message);
	set_column(values, nulls, COL_ADVICE, finding_advice(finding));
	set_column(values, nulls, COL_STATEMENT, finding->statement);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
put_failure(ReturnSetInfo *rsinfo, const Failure *failure)
{
	bool		no_transaction = failure->edata->sqlerrcode == ERRCODE_ACTIVE_SQL_TRANSACTION;
	Datum		values[COL_COUNT] = {0};
	bool		nulls[COL_COUNT];

	memset(nulls, true, sizeof(nulls));
	set_column(values, nulls, COL_RULE, no_transaction ? "not-previewed" : "statement-failed");
	set_column(values, nulls, COL_ACTION, action_name(no_transaction ? ACTION_LOG : ACTION_BLOCK));
	set_column(values, nulls, COL_SQLSTATE, unpack_sql_state(failure->edata->sqlerrcode));
	set_column(values, nulls, COL_MESSAGE, failure->edata->message);
	if (no_transaction)
		set_column(values, nulls, COL_ADVICE,
				   "The statement cannot run inside a transaction, so its effect was not previewed; the rest was.");
	set_column(values, nulls, COL_STATEMENT, failure->statement);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

GUARD_FUNCTION(compat_guard_preview);

/*
 * compat_guard.preview(ddl text) returns setof compat_guard.finding
 */
Datum
compat_guard_preview(PG_FUNCTION_ARGS)
{
	Preview		preview = {0};
	TouchedSet *outer;
	ErrorData  *volatile edata = NULL;
	ListCell   *lc;

	guard_require_extension();
	PreventCommandDuringRecovery("compat_guard.preview()");
	InitMaterializedSRF(fcinfo, 0);
	preview.script = text_to_cstring(PG_GETARG_TEXT_PP(0));
	preview.statements = raw_parser(preview.script, RAW_PARSE_DEFAULT);

	judge_establish();
	outer = touched_replace();
	PG_TRY();
	{
		edata = subtransaction_run(run_script, &preview, false);
	}
	PG_FINALLY();
	{
		touched_restore(outer);
	}
	PG_END_TRY();
	if (edata != NULL)
		ReThrowError(edata);

	foreach(lc, preview.failures)
		put_failure((ReturnSetInfo *) fcinfo->resultinfo, lfirst(lc));
	foreach(lc, preview.findings)
		put_finding((ReturnSetInfo *) fcinfo->resultinfo, lfirst(lc));
	return (Datum) 0;
}
