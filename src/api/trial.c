/*
 * trial.c
 *		Run a migration script and judge it without keeping its changes.
 *
 * The script runs, statement by statement, in a subtransaction.  What it has touched is
 * judged as at commit.  Then all of it is rolled back.
 */
#include "postgres.h"

#include "access/xact.h"
#include "api/api.h"
#include "base/errors.h"
#include "base/subtransaction.h"
#include "guard/guard.h"
#include "judge/judge.h"
#include "nodes/parsenodes.h"
#include "utils/resowner.h"

/* An open subtransaction of ours that stands for a BEGIN or SAVEPOINT of the script. */
typedef struct Savepoint
{
	const char *name;			/* NULL: the script's BEGIN */
	ResourceOwner owner;		/* that was current before it began */
	int			nfindings;		/* when it began */
} Savepoint;

/* Remember that a statement failed. */
static void
add_failure(Trial *trial, const ScriptStatement *statement, ErrorData *edata)
{
	TrialFailure *failure = palloc_object(TrialFailure);

	if (error_is_interruption(edata))
		ReThrowError(edata);
	failure->statement = statement;
	failure->edata = edata;
	trial->failures = lappend(trial->failures, failure);
}

/* ---- the script's transactions ---- */

static void
begin_savepoint(Trial *trial, const char *name)
{
	MemoryContext context = CurrentMemoryContext;
	Savepoint  *savepoint = palloc_object(Savepoint);

	savepoint->name = name;
	savepoint->owner = CurrentResourceOwner;
	savepoint->nfindings = list_length(trial->findings);
	trial->savepoints = lcons(savepoint, trial->savepoints);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
}

/* End the n innermost savepoints. */
static void
end_savepoints(Trial *trial, int n, bool keep)
{
	MemoryContext context = CurrentMemoryContext;

	while (n-- > 0)
	{
		Savepoint  *savepoint = linitial(trial->savepoints);

		if (keep)
			ReleaseCurrentSubTransaction();
		else
		{
			RollbackAndReleaseCurrentSubTransaction();
			trial->findings = list_truncate(trial->findings, savepoint->nfindings);
		}
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = savepoint->owner;
		trial->savepoints = list_delete_first(trial->savepoints);
	}
}

/* Return how many savepoints to end to reach the one of that name; 0 if there is none. */
static int
depth_of(const Trial *trial, const char *name)
{
	ListCell   *lc;

	foreach(lc, trial->savepoints)
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
control_transaction(Trial *trial, const ScriptStatement *statement)
{
	const TransactionStmt *stmt = castNode(TransactionStmt, statement->stmt);
	int			depth;

	switch (stmt->kind)
	{
		case TRANS_STMT_BEGIN:
		case TRANS_STMT_START:
			if (depth_of(trial, NULL) == 0)
				begin_savepoint(trial, NULL);
			break;
		case TRANS_STMT_COMMIT:
		case TRANS_STMT_PREPARE:
			end_savepoints(trial, list_length(trial->savepoints), true);
			if (stmt->chain)
				begin_savepoint(trial, NULL);
			break;
		case TRANS_STMT_ROLLBACK:
			end_savepoints(trial, depth_of(trial, NULL), false);
			if (stmt->chain)
				begin_savepoint(trial, NULL);
			break;
		case TRANS_STMT_SAVEPOINT:
			begin_savepoint(trial, stmt->savepoint_name);
			break;
		case TRANS_STMT_RELEASE:
		case TRANS_STMT_ROLLBACK_TO:
			depth = depth_of(trial, stmt->savepoint_name);
			if (depth == 0)
				add_failure(trial, statement, subtransaction_run(raise_no_savepoint,
																 stmt->savepoint_name, false));
			end_savepoints(trial, depth, stmt->kind == TRANS_STMT_RELEASE);
			if (depth > 0 && stmt->kind == TRANS_STMT_ROLLBACK_TO)
				begin_savepoint(trial, stmt->savepoint_name);
			break;
		default:				/* of prepared transactions */
			break;
	}
}

/* Run a statement that is no transaction command. */
static void
run_statement(Trial *trial, const ScriptStatement *statement)
{
	ErrorData  *edata = subtransaction_run(script_execute, (void *) statement->text, true);

	if (edata == NULL)
		return;
	if (edata->sqlerrcode == ERRCODE_GUARD_BREAKS_VERSION)
	{
		List	   *findings = removal_findings(statement->text);
		ListCell   *lc;

		foreach(lc, findings)
			((Finding *) lfirst(lc))->script_number = statement->number;
		trial->findings = list_concat(trial->findings, findings);
	}
	else
		add_failure(trial, statement, edata);
}

void
trial_run(Trial *trial, List *statements)
{
	ListCell   *lc;

	foreach(lc, statements)
	{
		const ScriptStatement *statement = lfirst(lc);

		(void) change_script_number(statement->number);
		if (IsA(statement->stmt, TransactionStmt))
			control_transaction(trial, statement);
		else
			run_statement(trial, statement);
		if (trial->after_statement != NULL)
			trial->after_statement(statement, trial->arg);
	}
	(void) change_script_number(0);
	end_savepoints(trial, list_length(trial->savepoints), true);
}

void
trial_judge(Trial *trial)
{
	trial->findings = list_concat(trial->findings, judge_preview(change_names()));
	override_preview(trial->findings);
	findings_sort(trial->findings);
}

void
trial_undo(void (*body) (void *arg), void *arg)
{
	ChangeSet  *outer;
	int			outer_number;
	ErrorData  *volatile edata = NULL;

	judge_verify_initially();
	outer = change_replace();
	outer_number = change_script_number(0);
	PG_TRY();
	{
		edata = subtransaction_run(body, arg, false);
	}
	PG_FINALLY();
	{
		change_restore(outer);
		(void) change_script_number(outer_number);
	}
	PG_END_TRY();
	if (edata != NULL)
		ReThrowError(edata);
}
