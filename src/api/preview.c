/*
 * preview.c
 *		Judge a migration script without keeping its changes.
 *
 * The script runs, statement by statement, in a subtransaction.  What it has touched is
 * judged as at commit.  Then all of it is rolled back.
 */
#include "postgres.h"

#include "access/xact.h"
#include "api/api.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/guard_active.h"
#include "base/subtransaction.h"
#include "funcapi.h"
#include "guard/guard.h"
#include "judge/judge.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

/* A statement of the script that could not be run. */
typedef struct Failure
{
	const char *statement;
	ErrorData  *edata;
} Failure;

/* An open subtransaction of ours that stands for a BEGIN or SAVEPOINT of the script. */
typedef struct Savepoint
{
	const char *name;			/* NULL: the script's BEGIN */
	ResourceOwner owner;		/* that was current before it began */
	int			nfindings;		/* when it began */
} Savepoint;

typedef struct Preview
{
	List	   *statements;		/* of ScriptStatement * */
	List	   *savepoints;		/* of Savepoint *, the innermost first */
	List	   *failures;		/* of Failure * */
	List	   *findings;		/* of Finding * */
} Preview;

static void
add_failure(Preview *preview, const char *statement, ErrorData *edata)
{
	Failure    *failure = palloc_object(Failure);

	if (error_is_interruption(edata))
		ReThrowError(edata);
	failure->statement = statement;
	failure->edata = edata;
	preview->failures = lappend(preview->failures, failure);
}

/* ---- the script's transactions ---- */

static void
begin_savepoint(Preview *preview, const char *name)
{
	MemoryContext context = CurrentMemoryContext;
	Savepoint  *savepoint = palloc_object(Savepoint);

	savepoint->name = name;
	savepoint->owner = CurrentResourceOwner;
	savepoint->nfindings = list_length(preview->findings);
	preview->savepoints = lcons(savepoint, preview->savepoints);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
}

/* End the n innermost savepoints. */
static void
end_savepoints(Preview *preview, int n, bool keep)
{
	MemoryContext context = CurrentMemoryContext;

	while (n-- > 0)
	{
		Savepoint  *savepoint = linitial(preview->savepoints);

		if (keep)
			ReleaseCurrentSubTransaction();
		else
		{
			RollbackAndReleaseCurrentSubTransaction();
			preview->findings = list_truncate(preview->findings, savepoint->nfindings);
		}
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = savepoint->owner;
		preview->savepoints = list_delete_first(preview->savepoints);
	}
}

/* Return how many savepoints to end to reach the one of that name; 0 if there is none. */
static int
depth_of(const Preview *preview, const char *name)
{
	ListCell   *lc;

	foreach(lc, preview->savepoints)
	{
		const Savepoint *savepoint = lfirst(lc);

		if (name == NULL || savepoint->name == NULL
			? name == savepoint->name : strcmp(name, savepoint->name) == 0)
			return foreach_current_index(lc) + 1;
	}
	return 0;
}

static void
raise_no_savepoint(void *arg)
{
	ereport(ERROR,
			(errcode(ERRCODE_S_E_INVALID_SPECIFICATION),
			 errmsg("savepoint \"%s\" does not exist", (char *) arg)));
}

/*
 * Run a transaction command of the script.  The whole script is one transaction here, but
 * what the script rolls back is rolled back.  A ROLLBACK without BEGIN rolls back
 * nothing, because nobody knows where the transaction began.
 */
static void
control_transaction(Preview *preview, const char *text, const TransactionStmt *stmt)
{
	int			depth;

	switch (stmt->kind)
	{
		case TRANS_STMT_BEGIN:
		case TRANS_STMT_START:
			if (depth_of(preview, NULL) == 0)
				begin_savepoint(preview, NULL);
			break;
		case TRANS_STMT_COMMIT:
		case TRANS_STMT_PREPARE:
			end_savepoints(preview, list_length(preview->savepoints), true);
			if (stmt->chain)
				begin_savepoint(preview, NULL);
			break;
		case TRANS_STMT_ROLLBACK:
			end_savepoints(preview, depth_of(preview, NULL), false);
			if (stmt->chain)
				begin_savepoint(preview, NULL);
			break;
		case TRANS_STMT_SAVEPOINT:
			begin_savepoint(preview, stmt->savepoint_name);
			break;
		case TRANS_STMT_RELEASE:
		case TRANS_STMT_ROLLBACK_TO:
			depth = depth_of(preview, stmt->savepoint_name);
			if (depth == 0)
				add_failure(preview, text, subtransaction_run(raise_no_savepoint,
															  stmt->savepoint_name, false));
			end_savepoints(preview, depth, stmt->kind == TRANS_STMT_RELEASE);
			if (depth > 0 && stmt->kind == TRANS_STMT_ROLLBACK_TO)
				begin_savepoint(preview, stmt->savepoint_name);
			break;
		default:				/* of prepared transactions */
			break;
	}
}

/* Run the script and judge it; body of a subtransaction. */
static void
run_script(void *arg)
{
	Preview    *preview = arg;
	ListCell   *lc;

	foreach(lc, preview->statements)
	{
		const ScriptStatement *statement = lfirst(lc);
		const char *text = statement->text;
		ErrorData  *edata;

		if (IsA(statement->stmt, TransactionStmt))
		{
			control_transaction(preview, text, castNode(TransactionStmt, statement->stmt));
			continue;
		}
		edata = subtransaction_run(script_execute, (void *) text, true);
		if (edata == NULL)
			continue;
		if (edata->sqlerrcode == ERRCODE_GUARD_BREAKS_VERSION)
			preview->findings = list_concat(preview->findings, removal_findings(text));
		else
			add_failure(preview, text, edata);
	}
	end_savepoints(preview, list_length(preview->savepoints), true);
	preview->findings = list_concat(preview->findings, judge_preview(change_names()));
	override_preview(preview->findings);
	findings_sort(preview->findings);
}

/* ---- the result ---- */

enum
{
	COL_APP, COL_VERSION, COL_RULE, COL_ACTION, COL_AFFECTED_OBJECT, COL_REQUIREMENT,
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
	set_column(values, nulls, COL_ACTION,
			   finding->override ? "overridden" : action_name(finding->action));
	set_column(values, nulls, COL_AFFECTED_OBJECT, object);
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
				   "The statement cannot run inside a transaction, so its effect was not previewed. The other statements were.");
	set_column(values, nulls, COL_STATEMENT, failure->statement);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

GUARD_FUNCTION(compat_guard_preview);

/* compat_guard.preview(ddl text) returns setof compat_guard.finding */
Datum
compat_guard_preview(PG_FUNCTION_ARGS)
{
	Preview		preview = {0};
	ChangeSet  *outer;
	ErrorData  *volatile edata = NULL;
	ListCell   *lc;

	guard_require_extension();
	PreventCommandDuringRecovery("compat_guard.preview()");
	InitMaterializedSRF(fcinfo, 0);
	preview.statements = script_parse(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	judge_verify_initially();
	outer = change_replace();
	PG_TRY();
	{
		edata = subtransaction_run(run_script, &preview, false);
	}
	PG_FINALLY();
	{
		change_restore(outer);
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
