/*
 * trial.c
 *		Run a migration script and judge it without keeping its changes.
 *
 * The script runs, statement by statement, in a subtransaction.  What it has touched is
 * judged as at commit.  Then all of it is rolled back.
 *
 * It costs nothing, however large the tables are: a statement that is about to work through a
 * large one is stopped, and runs again while that has no rows (trial_watch.c,
 * hidden_rows.c).  After the statement the rows are back, for whatever has to look at
 * them, except those of a table that was rewritten.
 */
#include "postgres.h"

#include "access/xact.h"
#include "api/api.h"
#include "base/errors.h"
#include "base/subtransaction.h"
#include "guard/guard.h"
#include "hazard/hazard.h"
#include "judge/judge.h"
#include "nodes/parsenodes.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/resowner.h"
#include "verify/properties/properties.h"

/* An open subtransaction of ours that stands for a BEGIN or SAVEPOINT of the script. */
typedef struct Savepoint
{
	const char *name;			/* NULL: the script's BEGIN */
	ResourceOwner owner;		/* that was current before it began */
	int			nfindings;		/* when it began */
} Savepoint;

/* Remember that a statement failed. */
static void
add_failure(Trial *trial, const ScriptStatement *statement, ErrorData *edata, bool rows_hidden)
{
	TrialFailure *failure = palloc_object(TrialFailure);

	if (error_is_interruption(edata))
		ReThrowError(edata);
	failure->statement = statement;
	failure->edata = edata;
	failure->rows_hidden = rows_hidden;
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
				add_failure(trial, statement,
							subtransaction_run(raise_no_savepoint, stmt->savepoint_name, false),
							false);
			end_savepoints(trial, depth, stmt->kind == TRANS_STMT_RELEASE);
			if (depth > 0 && stmt->kind == TRANS_STMT_ROLLBACK_TO)
				begin_savepoint(trial, stmt->savepoint_name);
			break;
		default:				/* of prepared transactions */
			break;
	}
}

/* Milliseconds. */
#define LOCK_TIMEOUT	1000

/*
 * lock_timeout was 0 and became ours: see limit_lock_waits.  The script may have set its own
 * since, which is told from ours unless it is as long.
 */
static bool limited = false;

/* An attempt to run a statement. */
typedef struct Attempt
{
	Trial	   *trial;
	const ScriptStatement *statement;
	List	   *large;			/* of Oid: tables whose rows are to be hidden */
	List	   *hidden;			/* of HiddenRows *: those whose rows are */
	List	   *locked;			/* of Oid: those that the statement locks
								 * itself, see trial_note_effects() */
} Attempt;

/* Run a statement, watched; body of a subtransaction. */
static void
attempt_statement(void *arg)
{
	Attempt    *attempt = arg;

	/* It cannot run here anyway, and must not be blamed for a limit of ours. */
	if (script_is_concurrent(attempt->statement) && limited && LockTimeout == LOCK_TIMEOUT)
		(void) set_config_option("lock_timeout", "0", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, 0, false);
	(void) watch_set(true);
	script_execute((void *) attempt->statement->text);
	(void) watch_set(false);
	attempt->large = watch_take_large();

	/* Something in the script has caught our error. */
	if (attempt->large != NIL)
		elog(ERROR, "a statement of a preview meets a large table");
	trial_note_effects(attempt->trial, attempt->statement, attempt->hidden, attempt->locked);
}

/* Hide the rows of the large tables; body of a subtransaction. */
static void
hide_rows(void *arg)
{
	Attempt    *attempt = arg;
	ListCell   *lc;

	foreach(lc, attempt->large)
		attempt->hidden = lappend(attempt->hidden, rows_hide(lfirst_oid(lc)));
}

/*
 * Run a statement, again and again until it meets no large table with rows any more.  Each
 * time but the last it fails and is rolled back.
 */
static ErrorData *
attempt_until_done(Attempt *attempt)
{
	for (;;)
	{
		int			neffects = list_length(attempt->trial->effects);
		bool		outer = watch_set(false);
		int			nhidden = list_length(attempt->hidden);
		ErrorData  *edata;

		attempt->large = NIL;
		list_free(watch_take_constraints());
		edata = subtransaction_run(attempt_statement, attempt, true);
		(void) watch_set(outer);
		attempt->large = list_concat_unique_oid(attempt->large, watch_take_large());
		if (edata != NULL)
			attempt->trial->effects = list_truncate(attempt->trial->effects, neffects);
		attempt->locked = list_concat_unique_oid(attempt->locked,
												 list_difference_oid(watch_take_locked(),
																	 attempt->trial->was_hidden));
		if (edata == NULL || error_is_interruption(edata) || attempt->large == NIL)
			return edata;
		edata = subtransaction_run(hide_rows, attempt, true);
		if (edata != NULL)
		{
			attempt->hidden = list_truncate(attempt->hidden, nhidden);
			return edata;
		}
		attempt->trial->was_hidden = list_concat_unique_oid(attempt->trial->was_hidden,
															attempt->large);
	}
}

/* Run a statement that is no transaction command. */
static void
run_statement(Trial *trial, const ScriptStatement *statement)
{
	Attempt		attempt = {.trial = trial, .statement = statement};
	ErrorData  *edata = attempt_until_done(&attempt);
	ListCell   *lch;

	foreach(lch, attempt.hidden)
		(void) rows_show(lfirst(lch));
	if (attempt.hidden != NIL)
		trial->unseen = list_concat_unique_oid(trial->unseen, watch_take_constraints());
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
		add_failure(trial, statement, edata, attempt.hidden != NIL);
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
	constraints_distrust(trial->unseen);
	PG_TRY();
	{
		trial->findings = list_concat(trial->findings, judge_preview(change_names()));
	}
	PG_FINALLY();
	{
		constraints_distrust(NIL);
	}
	PG_END_TRY();
	override_preview(trial->findings);
	findings_sort(trial->findings);
}

/*
 * Wait no longer than a second for a lock, because others wait behind us; for the rest of
 * the subtransaction.  A limit of the session's own, or of a trial that runs this one,
 * stays.
 */
static void
limit_lock_waits(void)
{
	if (LockTimeout != 0)
		return;
	limited = true;
	(void) set_config_option("lock_timeout", psprintf("%d", LOCK_TIMEOUT), PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

/* What trial_undo() is to call. */
typedef struct TrialBody
{
	void		(*function) (void *arg);
	void	   *arg;
} TrialBody;

static void
run_body(void *arg)
{
	const TrialBody *body = arg;

	limit_lock_waits();
	body->function(body->arg);
}

void
trial_undo(void (*body) (void *arg), void *arg)
{
	TrialBody	call = {body, arg};
	ChangeSet  *outer;
	int			outer_number;
	bool		outer_limited = limited;
	ErrorData  *volatile edata = NULL;

	judge_verify_initially();
	outer = change_replace();
	outer_number = change_script_number(0);
	PG_TRY();
	{
		edata = subtransaction_run(run_body, &call, false);
	}
	PG_FINALLY();
	{
		size_forget_all_hidden();
		limited = outer_limited;
		change_restore(outer);
		(void) change_script_number(outer_number);
	}
	PG_END_TRY();
	if (edata != NULL)
		ReThrowError(edata);
}

const char *
trial_unknown_because(const TrialFailure *failure)
{
	int			code = failure->edata->sqlerrcode;

	if (code == ERRCODE_ACTIVE_SQL_TRANSACTION)
		return "The statement cannot run inside a transaction, so its effect was not previewed. The other statements were.";
	if (code == ERRCODE_LOCK_NOT_AVAILABLE)
		return "Another transaction has the table locked, so the effect of the statement was not previewed. The other statements were.";

	/*
	 * Without the rows a foreign key finds no row to refer to, and a query
	 * nothing.
	 */
	if (failure->rows_hidden &&
		(ERRCODE_TO_CATEGORY(code) == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
		 ERRCODE_TO_CATEGORY(code) == ERRCODE_PLPGSQL_ERROR))
		return "The statement failed without the rows of large tables, which a preview does not read, so its effect was not previewed. The other statements were.";
	return NULL;
}
