/*
 * run.c
 *		Run a migration script with a bounded wait for locks, and try again.
 *
 * Statements run as psql runs a file: each is a transaction of its own, and those from
 * BEGIN to COMMIT are one together.  A transaction that could not obtain a lock in time
 * is rolled back, which frees the locks it had, and is tried again later.
 *
 * Invariant: between two attempts the session holds no lock and no snapshot, so that
 * nobody waits for a migration that waits.
 *
 * A transaction runs in a subtransaction, for only that lets its error be looked at.
 * What the server runs in no transaction block (CREATE INDEX CONCURRENTLY, VACUUM)
 * refuses to run there, before it has done anything.  Then it runs as if the client had
 * sent it: outside of SPI, whose stack does not survive commits that are not its own.
 * It fails for good if it fails, because it may leave something behind (an invalid
 * index), and has no lock timeout of ours, which would make it leave that.
 */
#include "postgres.h"

#include "access/xact.h"
#include "api/api.h"
#include "base/bounded_wait.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/guard_active.h"
#include "base/guc.h"
#include "base/subtransaction.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/analyze.h"
#include "storage/proc.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* Milliseconds. */
#define LONGEST_BACKOFF	(60 * 1000.0)

typedef struct Run
{
	int			attempts;
	double		backoff;		/* milliseconds before the second attempt */
	bool		nested;			/* another procedure has called us */
	int			nstatements;
	MemoryContext context;		/* survives the transactions */
} Run;

/* ---- from statements to transactions ---- */

static void
refuse_statement(const ScriptStatement *statement)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot run this transaction command in compat_guard.run()"),
			 errdetail("It is statement %d of the script, on line %d: %s",
					   statement->number, statement->line, statement->text),
			 errhint("The script may have BEGIN without options, and COMMIT.")));
}

/* Return the transactions of the script: a list of lists of ScriptStatement *. */
static List *
split_transactions(List *statements)
{
	const ScriptStatement *begin = NULL;
	List	   *transactions = NIL;
	List	   *block = NIL;
	ListCell   *lc;

	foreach(lc, statements)
	{
		ScriptStatement *statement = lfirst(lc);
		TransactionStmt *control;

		if (!IsA(statement->stmt, TransactionStmt))
		{
			if (begin != NULL)
				block = lappend(block, statement);
			else
				transactions = lappend(transactions, list_make1(statement));
			continue;
		}
		control = castNode(TransactionStmt, statement->stmt);
		if (control->chain || control->options != NIL)
			refuse_statement(statement);
		else if (begin == NULL && (control->kind == TRANS_STMT_BEGIN ||
								   control->kind == TRANS_STMT_START))
			begin = statement;
		else if (begin != NULL && control->kind == TRANS_STMT_COMMIT)
		{
			if (block != NIL)
				transactions = lappend(transactions, block);
			block = NIL;
			begin = NULL;
		}
		else
			refuse_statement(statement);
	}
	if (begin != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("BEGIN on line %d of the script has no COMMIT", begin->line)));
	return transactions;
}

/* ---- one attempt ---- */

/* Limit waits for locks in this transaction, unless the session has a limit of its own. */
static void
limit_lock_waits(void)
{
	if (LockTimeout == 0 && guard_ddl_lock_timeout > 0)
		(void) set_config_option("lock_timeout", psprintf("%d", guard_ddl_lock_timeout),
								 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

/* Run the statements of a transaction; body of a subtransaction. */
static void
execute_transaction(void *arg)
{
	ListCell   *lc;

	foreach(lc, (List *) arg)
		script_execute((char *) ((ScriptStatement *) lfirst(lc))->text);
}

/* Commit, which judges what was done.  Return the error with which that fails, or NULL. */
static ErrorData *
commit_transaction(Run *run)
{
	ErrorData  *volatile edata = NULL;

	PG_TRY();
	{
		SPI_commit();
	}
	PG_CATCH();
	{
		/* SPI has rolled back already, and begun another transaction. */
		MemoryContextSwitchTo(run->context);
		edata = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	return edata;
}

/* Run a transaction.  Return the error for which it was rolled back, or NULL. */
static ErrorData *
try_transaction(Run *run, List *statements)
{
	ErrorData  *edata;

	if (list_length(statements) > 1 || !script_is_concurrent(linitial(statements)))
		limit_lock_waits();
	edata = subtransaction_run(execute_transaction, statements, true);
	if (edata == NULL)
		return commit_transaction(run);
	SPI_rollback();
	return edata;
}

/* Is it a statement that is planned?  Whatever its error says, a transaction is no obstacle. */
static bool
is_planned(const ScriptStatement *statement)
{
	switch (nodeTag(statement->stmt))
	{
		case T_SelectStmt:
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_MergeStmt:
			return true;
		default:
			return false;
	}
}

/* Run a statement that the server does not run in a transaction block. */
static void
run_as_client(Run *run, const ScriptStatement *statement)
{
	RawStmt    *raw = linitial_node(RawStmt, pg_parse_query(statement->text));
	Query	   *query = linitial_node(Query, pg_analyze_and_rewrite_fixedparams(raw, statement->text,
																				NULL, 0, NULL));
	PlannedStmt *plan = makeNode(PlannedStmt);
	QueryCompletion completion;

	plan->commandType = CMD_UTILITY;
	plan->utilityStmt = query->utilityStmt;
	plan->stmt_location = raw->stmt_location;
	plan->stmt_len = raw->stmt_len;
	InitializeQueryCompletion(&completion);

	SPI_finish();
	if (PlannedStmtRequiresSnapshot(plan))
		PushActiveSnapshot(GetTransactionSnapshot());
	ProcessUtility(plan, statement->text, false, PROCESS_UTILITY_TOPLEVEL, NULL, NULL,
				   None_Receiver, &completion);
	if (ActiveSnapshotSet())
		PopActiveSnapshot();

	/* What it has committed has freed the memory that was current. */
	MemoryContextSwitchTo(run->context);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(run->context);
	SPI_commit();
}

/* ---- attempts ---- */

/* May another attempt succeed where this error was raised? */
static bool
is_retryable(const ErrorData *edata)
{
	switch (edata->sqlerrcode)
	{
		case ERRCODE_LOCK_NOT_AVAILABLE:
		case ERRCODE_T_R_DEADLOCK_DETECTED:
		case ERRCODE_T_R_SERIALIZATION_FAILURE:
		case ERRCODE_GUARD_BUSY:
			return true;
		default:
			return false;
	}
}

/* Return what to call a transaction of the script. */
static char *
transaction_name(const Run *run, List *statements)
{
	const ScriptStatement *first = linitial(statements);
	const ScriptStatement *last = llast(statements);

	if (first == last)
		return psprintf("statement %d of %d", first->number, run->nstatements);
	return psprintf("statements %d to %d of %d", first->number, last->number, run->nstatements);
}

/* Raise the error of a transaction that is given up. */
static void
give_up(const Run *run, List *statements, ErrorData *edata, int attempt)
{
	const ScriptStatement *first = linitial(statements);
	char	   *where = psprintf("%s of the script, from line %d, attempt %d of %d",
								 transaction_name(run, statements), first->line, attempt,
								 run->attempts);

	edata->context = edata->context ? psprintf("%s\n%s", edata->context, where) : where;
	if (edata->sqlerrcode == ERRCODE_ACTIVE_SQL_TRANSACTION && edata->hint == NULL &&
		!(first == llast(statements) && is_planned(first)))
		edata->hint = run->nested
			? pstrdup("Call compat_guard.run() from the client, not from another procedure or a DO block.")
			: pstrdup("Let the statement stand alone in the script, outside of BEGIN and COMMIT.");
	ReThrowError(edata);
}

/* Wait before the next attempt, and begin a transaction of its own time for it. */
static void
back_off(double milliseconds)
{
	Assert(!HaveRegisteredOrActiveSnapshot());
	wait_nap((long) milliseconds + 1);
	SPI_rollback();
}

static void
run_transaction(Run *run, List *statements)
{
	double		backoff = run->backoff;

	for (int attempt = 1;; attempt++)
	{
		ErrorData  *edata = try_transaction(run, statements);

		if (edata != NULL && edata->sqlerrcode == ERRCODE_ACTIVE_SQL_TRANSACTION &&
			list_length(statements) == 1 && !is_planned(linitial(statements)) && !run->nested)
		{
			run_as_client(run, linitial(statements));
			edata = NULL;
		}
		if (edata == NULL)
		{
			ereport(NOTICE,
					(errmsg("%s committed, attempt %d of %d", transaction_name(run, statements),
							attempt, run->attempts)));
			return;
		}
		if (!is_retryable(edata) || attempt >= run->attempts)
			give_up(run, statements, edata, attempt);
		ereport(NOTICE,
				(errmsg("%s rolled back, attempt %d of %d: %s", transaction_name(run, statements),
						attempt, run->attempts, edata->message),
				 edata->detail ? errdetail_internal("%s", edata->detail) : 0,
				 errhint("The next attempt is in %.1f seconds.", backoff / 1000)));
		back_off(backoff);
		backoff = Min(backoff * 2, Max(LONGEST_BACKOFF, run->backoff));
	}
}

/* ---- the call ---- */

static int
attempts_argument(FunctionCallInfo fcinfo, int arg)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", "attempts")));
	if (PG_GETARG_INT32(arg) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("attempts must be at least 1")));
	return PG_GETARG_INT32(arg);
}

/* Raise an error if this call may not commit. */
static void
require_no_transaction(FunctionCallInfo fcinfo)
{
	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("compat_guard.run() cannot run inside a transaction block"),
				 errdetail("Each attempt is a transaction of its own."),
				 errhint("Call it outside of BEGIN and COMMIT, and not from a function.")));
}

GUARD_FUNCTION(compat_guard_run);

/* compat_guard.run(ddl text, attempts integer, backoff interval) */
Datum
compat_guard_run(PG_FUNCTION_ARGS)
{
	Run			run = {0};
	MemoryContext caller = CurrentMemoryContext;
	List	   *statements;
	List	   *transactions;
	char	   *script;
	ListCell   *lc;

	guard_require_extension();
	require_no_transaction(fcinfo);
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", "ddl")));
	run.attempts = attempts_argument(fcinfo, 1);
	run.backoff = duration_argument(fcinfo, 2, "backoff");
	run.nested = SPI_inside_nonatomic_context();
	run.context = AllocSetContextCreate(PortalContext, "compat_guard run",
										ALLOCSET_DEFAULT_SIZES);

	MemoryContextSwitchTo(run.context);
	script = text_to_cstring(PG_GETARG_TEXT_PP(0));
	statements = script_parse(script);
	transactions = split_transactions(statements);
	run.nstatements = list_length(statements);

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(run.context);
	foreach(lc, transactions)
		run_transaction(&run, lfirst(lc));
	SPI_finish();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(run.context);
	PG_RETURN_VOID();
}
