/*
 * journal_worker.c
 *		The process that writes the journal rows of blocked transactions.
 *
 * It is started when there is a row to write, writes all rows that are queued for its
 * database, and exits.  It does not wait for a lock longer than CREATE and DROP DATABASE
 * wait for a session to end.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/compat.h"
#include "judge/judge.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define JOURNAL_LOCK_TIMEOUT "3s"

extern PGDLLEXPORT void compat_guard_journal_main(Datum arg);

static void
run_transaction(void (*body) (void *arg), void *arg)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	body(arg);
	PopActiveSnapshot();
	CommitTransactionCommand();
}

static void
write_row(void *arg)
{
	registry_write_journal_row(arg);
}

static void
count_missed_row(void *arg)
{
	if (registry_lock_against_drop())
		registry_count_missed_row();
}

/* Write a row, or log it if that fails, so that the others are written. */
static void
write_or_log(JournalRow *row)
{
	volatile bool failed = false;

	PG_TRY();
	{
		run_transaction(write_row, row);
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		EmitErrorReport();
		AbortCurrentTransaction();
		FlushErrorState();
		failed = true;
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();

	if (failed)
	{
		journal_queue_log(row->text);
		run_transaction(count_missed_row, NULL);
	}
}

void
compat_guard_journal_main(Datum arg)
{
	Oid			database = journal_queue_begin(DatumGetInt32(arg));
	MemoryContext context;
	JournalRow *row;

	if (!OidIsValid(database))
		return;
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, BGWORKER_BYPASS_ALLOWCONN);
	SetConfigOption("application_name", MyBgworkerEntry->bgw_type, PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("lock_timeout", JOURNAL_LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("default_transaction_read_only", "off", PGC_USERSET, PGC_S_SESSION);

	context = AllocSetContextCreate(TopMemoryContext, "compat_guard journal",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	while ((row = journal_queue_take()) != NULL)
	{
		write_or_log(row);
		MemoryContextSwitchTo(context);
		CHECK_FOR_INTERRUPTS();
	}
}
