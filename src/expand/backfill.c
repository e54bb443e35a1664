/*
 * backfill.c
 *		Migrate the rows that were written before the expansion.
 *
 * Rows whose new column is null get what up gives, a range of blocks at a time.  Each
 * range is two transactions: one claims it, by moving the cursor in the expansion's row,
 * the other writes its rows and counts them.
 *
 * Invariant: sessions that run backfill() at the same time do not claim the same range.
 * What a crash leaves claimed and not done, the next pass finds.
 *
 * Invariant: a row that is right is not written: only rows whose new column is null, and
 * for which up gives a value.
 *
 * Invariant: a batch waits for no client's row longer than ROW_WAIT.  If it would, it is
 * rolled back and written without the rows that others have locked; the next pass finds
 * them.  If a row makes the batch fail, its rows are written one by one, each in a
 * subtransaction.
 *
 * Passes are repeated until a scan with one snapshot proves that all rows agree, or
 * until a pass changes nothing.
 *
 * Of the table's triggers the batches fire the server's own and those that are ENABLE
 * ALWAYS: migration is no change that the application has made, so it must not change
 * times of update or fill audit tables.  The others are disabled in the executor's own copy
 * of them, not by session_replication_role: that would hold for all that up, or the
 * function of an index, writes in its turn, and the table's owner may not set it.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "base/errors.h"
#include "base/shown.h"
#include "base/subtransaction.h"
#include "catalog/pg_inherits.h"
#include "executor/spi.h"
#include "expand/expand_internal.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

GUARD_FUNCTION(compat_guard_backfill);

/* How long a batch waits for a row, as a setting. */
#define ROW_WAIT	"10ms"

/* Passes without progress because of locked rows, and the naps between, in milliseconds. */
#define IDLE_PASSES	10
#define IDLE_NAP	200

/* Rows of a page, if nothing is known. */
#define DENSITY		50

typedef struct Backfill
{
	const char *name;
	int			batch;			/* rows */
	long		pause;			/* milliseconds */


	/* The range that is claimed, */
	Oid			part;
	BlockNumber from;
	BlockNumber to;

	/* what became of it, */
	uint64		done;
	uint64		skipped;
	uint64		failed;

	/* and in the pass so far. */
	uint64		pass_done;
} Backfill;

/* ---- transactions ---- */

/* End the transaction and begin another, in which rows are read as they are now. */
static void
next_transaction(void)
{
	SPI_commit();
	XactIsoLevel = XACT_READ_COMMITTED;
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
end_snapshot(void)
{
	PopActiveSnapshot();
}

/* ---- claims ---- */

/* Return the tables that have the rows, in the order of their OIDs. */
static List *
parts_of(Oid relid)
{
	List	   *parts = NIL;
	List	   *relids = find_all_inheritors(relid, NoLock, NULL);
	ListCell   *lc;

	list_sort(relids, list_oid_cmp);
	foreach(lc, relids)
	{
		Relation	rel = try_relation_open(lfirst_oid(lc), AccessShareLock);

		if (rel == NULL)
			continue;
		if (RELKIND_HAS_TABLE_AM(rel->rd_rel->relkind))
			parts = lappend_oid(parts, lfirst_oid(lc));
		relation_close(rel, AccessShareLock);
	}
	return parts;
}

static BlockNumber
blocks_of(Oid relid, double *density)
{
	Relation	rel = table_open(relid, AccessShareLock);
	BlockNumber blocks = RelationGetNumberOfBlocks(rel);

	*density = rel->rd_rel->relpages > 0 && rel->rd_rel->reltuples > 0
		? rel->rd_rel->reltuples / rel->rd_rel->relpages : DENSITY;
	table_close(rel, AccessShareLock);
	return blocks;
}

static int64
estimated_rows(List *parts)
{
	double		rows = 0;
	ListCell   *lc;

	foreach(lc, parts)
	{
		double		density;
		BlockNumber blocks = blocks_of(lfirst_oid(lc), &density);

		rows += blocks * density;
	}
	return rows;
}

/* Move the cursor over the next range; return false at the end of the pass. */
static bool
claim_range(Backfill *backfill, ColumnExpansion *expansion, List *parts)
{
	ListCell   *lc;

	foreach(lc, parts)
	{
		Oid			part = lfirst_oid(lc);
		double		density;
		BlockNumber blocks;

		if (part < expansion->cursor_part)
			continue;
		if (part != expansion->cursor_part)
			expansion->cursor_block = 0;
		expansion->cursor_part = part;
		blocks = blocks_of(part, &density);
		if (expansion->cursor_block >= blocks)
			continue;
		backfill->part = part;
		backfill->from = expansion->cursor_block;
		backfill->to = Min((double) blocks,
						   backfill->from + Max(backfill->batch / density, 1));
		expansion->cursor_block = backfill->to;
		return true;
	}
	return false;
}

/*
 * Claim a range, or begin the next pass at its end.  Return whether there is a range.  The
 * row's lock is held only by this short transaction.
 */
static bool
claim(Backfill *backfill)
{
	ColumnExpansion *expansion = require_expansion(backfill->name, true);
	List	   *parts = parts_of(expansion->relid);
	bool		claimed;

	require_undamaged(expansion);
	if (expansion->phase == PHASE_EXPANDED || expansion->phase == PHASE_MIGRATED)
	{
		expansion->phase = PHASE_BACKFILLING;
		expansion->rows_total = estimated_rows(parts);
		expansion->rows_done = expansion->rows_skipped = expansion->rows_failed = 0;
		expansion->backfill_at = GetCurrentTimestamp();
		expansion->cursor_part = InvalidOid;
	}
	claimed = claim_range(backfill, expansion, parts);
	if (!claimed)
	{
		expansion->cursor_part = InvalidOid;
		expansion->cursor_block = 0;
	}
	else if (backfill->from == 0 && backfill->part == linitial_oid(parts))
		expansion->rows_skipped = expansion->rows_failed = 0;
	registry_update_expansion(expansion);
	return claimed;
}

/* ---- batches ---- */

typedef struct Batch
{
	Backfill   *backfill;
	const ColumnExpansion *expansion;
	const char *row;			/* ctid of one row, or NULL: the whole range */
	bool		skip_locked;
	uint64		written;
} Batch;

static char *
batch_condition(const Batch *batch)
{
	const ColumnExpansion *expansion = batch->expansion;
	const char *new = quote_identifier(expansion->new_column);
	char	   *place;

	if (batch->row != NULL)
		place = psprintf("ctid = '%s'", batch->row);
	else
		place = psprintf("ctid >= '(%u,0)' AND ctid < '(%u,0)'", batch->backfill->from,
						 batch->backfill->to);
	return psprintf("%s AND %s IS NULL AND (%s) IS NOT NULL", place, new, expansion->up);
}

static void
set_for_batch(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
}

/*
 * Analyse and plan an UPDATE.  The table's rules are left alone, as its triggers are: what
 * is rewritten in this mode has none but those that are ENABLE ALWAYS.  No code of the
 * table's owner runs meanwhile.
 */
static PlannedStmt *
plan_silently(const char *sql)
{
	List	   *queries = pg_parse_query(sql);
	int			nest = NewGUCNestLevel();

	set_for_batch("session_replication_role", "replica");
	queries = pg_analyze_and_rewrite_fixedparams(linitial_node(RawStmt, queries), sql, NULL, 0, NULL);
	AtEOXact_GUC(true, nest);
	if (list_length(queries) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_EXPANSION),
				 errmsg("a rule that is ENABLE ALWAYS rewrites what backfill() does")));
	return compat_plan_query(linitial_node(Query, queries), sql);
}

/* Disable the triggers that fire for what applications do, in the executor's copy of them. */
static void
silence_triggers(EState * estate)
{
	ListCell   *lc;

	foreach(lc, estate->es_opened_result_relations)
	{
		TriggerDesc *triggers = ((ResultRelInfo *) lfirst(lc))->ri_TrigDesc;

		for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		{
			Trigger    *trigger = &triggers->triggers[i];

			if (trigger->tgenabled == TRIGGER_FIRES_ON_ORIGIN &&
				trigger->tgfoid != F_UNIQUE_KEY_RECHECK &&
				RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_NONE)
				trigger->tgenabled = TRIGGER_DISABLED;
		}
	}
}

/* Run an UPDATE that the application is not to notice; return how many rows it wrote. */
static uint64
update_silently(const char *sql)
{
	QueryDesc  *desc;
	uint64		written;

	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	desc = CreateQueryDesc(plan_silently(sql), sql, GetActiveSnapshot(), InvalidSnapshot,
						   None_Receiver, NULL, NULL, 0);
	ExecutorStart(desc, 0);
	silence_triggers(desc->estate);
	compat_executor_run(desc);
	written = desc->estate->es_processed;
	ExecutorFinish(desc);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);
	PopActiveSnapshot();
	return written;
}

/* Write rows; body of a subtransaction. */
static void
write_rows(void *arg)
{
	Batch	   *batch = arg;
	const char *table = qualified_table(batch->backfill->part);
	const char *new = quote_identifier(batch->expansion->new_column);
	char	   *condition = batch_condition(batch);

	if (batch->skip_locked)
		condition = psprintf("ctid = ANY (ARRAY(SELECT ctid FROM ONLY %s WHERE %s FOR NO KEY UPDATE SKIP LOCKED))",
							 table, condition);
	batch->written = update_silently(psprintf("UPDATE ONLY %s SET %s = %s WHERE %s", table, new,
											  batch->expansion->up, condition));
}

/* Write one row; count it if it is locked, or cannot be written. */
static void
write_row(Batch *batch, const char *row)
{
	ErrorData  *edata;

	batch->row = row;
	edata = subtransaction_run(write_rows, batch, true);
	if (edata == NULL)
		batch->backfill->done += batch->written;
	else if (edata->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
		batch->backfill->skipped++;
	else if (error_is_of_row(edata))
		batch->backfill->failed++;
	else
		ReThrowError(edata);
}

#define ROWS_OF_RANGE_SQL \
	"SELECT ctid FROM ONLY %s WHERE ctid >= '(%u,0)' AND ctid < '(%u,0)' AND %s IS NULL"

static void
write_row_by_row(Batch *batch)
{
	List	   *rows = query_texts(psprintf(ROWS_OF_RANGE_SQL, qualified_table(batch->backfill->part),
											batch->backfill->from, batch->backfill->to,
											quote_identifier(batch->expansion->new_column)));
	ListCell   *lc;

	batch->skip_locked = false;
	foreach(lc, rows)
	{
		CHECK_FOR_INTERRUPTS();
		write_row(batch, lfirst(lc));
	}
}

/* Count the rows of the range that are not migrated and were not written either. */
static uint64
rows_left(Batch *batch)
{
	List	   *found;

	/* The snapshot is from before they were written. */
	found = query_texts(psprintf("SELECT pg_catalog.count(*) FROM ONLY %s WHERE %s",
								 qualified_table(batch->backfill->part), batch_condition(batch)));
	return Max(strtoll(linitial(found), NULL, 10) - (int64) batch->written, 0);
}

static void
write_range(Backfill *backfill, const ColumnExpansion *expansion)
{
	Batch		batch = {.backfill = backfill, .expansion = expansion};
	ErrorData  *edata = subtransaction_run(write_rows, &batch, true);

	if (edata != NULL && edata->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
	{
		batch.skip_locked = true;
		edata = subtransaction_run(write_rows, &batch, true);
		if (edata == NULL)
			backfill->skipped = rows_left(&batch);
	}
	if (edata == NULL)
		backfill->done = batch.written;
	else if (error_is_of_row(edata) || edata->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
		write_row_by_row(&batch);
	else
		ReThrowError(edata);
}

/* Write the rows of the range that is claimed, as the table's owner. */
static void
write_batch(Backfill *backfill)
{
	ColumnExpansion *expansion = require_expansion(backfill->name, false);
	Relation	rel;
	OwnerState	state;

	backfill->done = backfill->skipped = backfill->failed = 0;
	require_undamaged(expansion);
	rel = try_relation_open(backfill->part, RowExclusiveLock);
	if (rel == NULL)
		return;					/* the partition is gone */
	state = owner_enter(rel->rd_rel->relowner);
	set_for_batch("lock_timeout", ROW_WAIT);
	write_range(backfill, expansion);
	owner_leave(&state);
	relation_close(rel, NoLock);

	registry_lock_row(expansion->id);
	expansion = registry_find_expansion(backfill->name);
	if (expansion == NULL)
		return;
	expansion->rows_done += backfill->done;
	expansion->rows_skipped += backfill->skipped;
	expansion->rows_failed += backfill->failed;
	registry_update_expansion(expansion);
	backfill->pass_done += backfill->done;
}

/* ---- the end ---- */

/* Do all rows agree?  Then the expansion is migrated, unless it is damaged meanwhile. */
static bool
finish_pass(Backfill *backfill, Agreement *agreement)
{
	ColumnExpansion *expansion = require_expansion(backfill->name, false);

	require_undamaged(expansion);
	*agreement = agreement_verify(expansion);
	if (!agreement_is_complete(agreement))
		return false;
	expansion = require_expansion(backfill->name, true);
	require_undamaged(expansion);
	expansion->phase = PHASE_MIGRATED;
	expansion->rows_total = agreement->rows;
	expansion->rows_skipped = expansion->rows_failed = 0;
	registry_update_expansion(expansion);
	return true;
}

static void
run_pass(Backfill *backfill)
{
	MemoryContext step = AllocSetContextCreate(CurrentMemoryContext, "compat_guard backfill",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(step);

	backfill->pass_done = 0;
	for (;;)
	{
		bool		claimed = claim(backfill);

		end_snapshot();
		next_transaction();
		if (!claimed)
			break;
		write_batch(backfill);
		end_snapshot();
		next_transaction();
		MemoryContextReset(step);
		if (backfill->pause > 0)
		{
			end_snapshot();
			InvalidateCatalogSnapshot();
			wait_nap(backfill->pause);
			next_transaction();
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(step);
}

/* Repeat passes until all rows agree, or nothing changes any more. */
static bool
run_passes(Backfill *backfill)
{
	int			idle = 0;
	int64		left = PG_INT64_MAX;

	for (;;)
	{
		Agreement	agreement;

		run_pass(backfill);
		if (finish_pass(backfill, &agreement))
			return true;

		/* A trigger that is ENABLE ALWAYS may undo what is written. */
		if (backfill->pass_done > 0 && agreement.unmigrated < left)
			idle = 0;
		else if (agreement.unmigrated == 0 || ++idle == IDLE_PASSES)
		{
			ereport(WARNING,
					(errmsg("expansion \"%s\" is not migrated", shown(backfill->name)),
					 errdetail("%s", agreement_problem(&agreement)),
					 agreement.unmigrated > 0
					 ? errhint("Other transactions have rows locked, or a trigger undoes what is written. Call compat_guard.backfill() again when that has ended.")
					 : errhint("Correct these rows by writing either column, and call compat_guard.backfill() again.")));
			return false;
		}
		else
		{
			end_snapshot();
			next_transaction();
			end_snapshot();
			wait_nap(IDLE_NAP);
			PushActiveSnapshot(GetTransactionSnapshot());
		}
		left = agreement.unmigrated;
		end_snapshot();
		next_transaction();
	}
}

static long
pause_argument(FunctionCallInfo fcinfo, int arg)
{
	Interval   *interval;
	double		pause;

	if (PG_ARGISNULL(arg))
		return 0;
	interval = PG_GETARG_INTERVAL_P(arg);
	pause = interval->time / 1000.0 + interval->day * (double) SECS_PER_DAY * 1000;
	if (interval->month != 0 || pause < 0 || pause > SECS_PER_DAY * 1000.0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pause must be between zero and one day")));
	return pause;
}

/*
 * compat_guard.backfill(name text, batch integer, pause interval, INOUT migrated boolean)
 *
 * batch: about so many rows a transaction; pause: after each.
 */
Datum
compat_guard_backfill(PG_FUNCTION_ARGS)
{
	CallContext *call = (CallContext *) fcinfo->context;
	Backfill	backfill = {.name = text_argument(fcinfo, 0, "name")};
	TupleDesc	desc;
	Datum		value;
	bool		isnull = false;

	if (call == NULL || !IsA(call, CallContext) || call->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("compat_guard.backfill() cannot run in a transaction block or a function"),
				 errdetail("It commits after each batch.")));
	if (PG_ARGISNULL(1) || PG_GETARG_INT32(1) < 1 || PG_GETARG_INT32(1) > 1000000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("batch must be between 1 and 1000000 rows")));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);
	backfill.batch = PG_GETARG_INT32(1);
	backfill.pause = pause_argument(fcinfo, 2);
	(void) require_expansion(backfill.name, false);
	PreventCommandIfReadOnly("compat_guard.backfill()");

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	next_transaction();
	value = BoolGetDatum(run_passes(&backfill));
	end_snapshot();
	SPI_finish();
	return HeapTupleGetDatum(heap_form_tuple(desc, &value, &isnull));
}
