/*
 * agreement.c
 *		Do the columns of an expansion agree in every row?
 *
 * All rows of one snapshot are read.  The evaluation runs in subtransactions, each of
 * which ends at the first row that up or down fails for; so a table without such rows
 * costs one for each batch.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "base/compat.h"
#include "base/shown.h"
#include "base/subtransaction.h"
#include "catalog/pg_inherits.h"
#include "executor/tuptable.h"
#include "expand/expand_internal.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

GUARD_FUNCTION(compat_guard_verify_expansion);

#define BATCH		500			/* rows */
#define MAX_SAMPLES	3
#define MAX_KEY		60			/* bytes shown */

typedef struct Reader
{
	Relation	rel;
	Conversion *conversion;
	Agreement  *agreement;
	MemoryContext context;		/* for the sample */
	HeapTuple	rows[BATCH];
	int			nrows;
	int			next;			/* in rows */
	int			nsamples;
} Reader;

/* Return the key of a row, as in "id = 7", or its place. */
static char *
key_of(const Reader *reader, HeapTuple row)
{
	Relation	rel = reader->rel;
	Bitmapset  *columns = RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	StringInfoData buf;
	int			column = -1;

	initStringInfo(&buf);
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		AttrNumber	attnum = column + FirstLowInvalidHeapAttributeNumber;
		Oid			output;
		bool		is_varlena;
		bool		isnull;
		Datum		value = heap_getattr(row, attnum, RelationGetDescr(rel), &isnull);

		getTypeOutputInfo(get_atttype(RelationGetRelid(rel), attnum), &output, &is_varlena);
		appendStringInfo(&buf, "%s%s = %s", buf.len ? ", " : "",
						 quote_identifier(get_attname(RelationGetRelid(rel), attnum, false)),
						 isnull ? "null" : shown_start(OidOutputFunctionCall(output, value), MAX_KEY));
	}
	if (columns == NULL)
		appendStringInfo(&buf, "ctid = (%u,%u)", ItemPointerGetBlockNumber(&row->t_self),
						 ItemPointerGetOffsetNumber(&row->t_self));
	return buf.data;
}

static void
add_sample(Reader *reader, HeapTuple row)
{
	MemoryContext old;

	if (reader->nsamples++ >= MAX_SAMPLES)
		return;
	old = MemoryContextSwitchTo(reader->context);
	reader->agreement->sample = reader->agreement->sample == NULL ? key_of(reader, row)
		: psprintf("%s; %s", reader->agreement->sample, key_of(reader, row));
	MemoryContextSwitchTo(old);
}

static void
read_row(Reader *reader, HeapTuple row)
{
	Conversion *conversion = reader->conversion;
	TupleDesc	desc = conversion->desc;
	bool		new_null;
	bool		old_null;
	bool		null;
	Datum		new = heap_getattr(row, conversion->new_attnum, desc, &new_null);
	Datum		old;
	Datum		value = conversion_up(conversion, row, &null);

	if (conversion_same(conversion, conversion->new_attnum, value, null, new, new_null))
		return;
	if (new_null)
	{
		reader->agreement->unmigrated++;
		return;
	}
	old = heap_getattr(row, conversion->old_attnum, desc, &old_null);
	value = conversion_down(conversion, row, &null);
	if (conversion_same(conversion, conversion->old_attnum, value, null, old, old_null))
		return;
	reader->agreement->disagreeing++;
	add_sample(reader, row);
}

/* Read rows of the batch until an error; body of a subtransaction. */
static void
read_rows(void *arg)
{
	Reader	   *reader = arg;

	while (reader->next < reader->nrows)
	{
		CHECK_FOR_INTERRUPTS();
		read_row(reader, reader->rows[reader->next]);
		conversion_reset(reader->conversion);
		reader->next++;
	}
}

/* A row for which up fails agrees if down says so: new clients have written it. */
static void
read_down(void *arg)
{
	Reader	   *reader = arg;
	Conversion *conversion = reader->conversion;
	HeapTuple	row = reader->rows[reader->next];
	bool		old_null;
	bool		null;
	Datum		old = heap_getattr(row, conversion->old_attnum, conversion->desc, &old_null);
	Datum		value = conversion_down(conversion, row, &null);

	if (heap_attisnull(row, conversion->new_attnum, conversion->desc) ||
		!conversion_same(conversion, conversion->old_attnum, value, null, old, old_null))
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("the columns disagree")));
}

static void
read_failed_row(Reader *reader)
{
	ErrorData  *edata;

	conversion_reset(reader->conversion);
	edata = subtransaction_run(read_down, reader, true);
	if (edata != NULL && !error_is_of_row(edata))
		ReThrowError(edata);
	if (edata != NULL)
	{
		reader->agreement->failing++;
		add_sample(reader, reader->rows[reader->next]);
	}
	conversion_reset(reader->conversion);
	reader->next++;
}

static void
read_batch(Reader *reader)
{
	reader->agreement->rows += reader->nrows;
	reader->next = 0;
	while (reader->next < reader->nrows)
	{
		ErrorData  *edata = subtransaction_run(read_rows, reader, true);

		if (edata == NULL)
			break;
		if (!error_is_of_row(edata))
			ReThrowError(edata);
		read_failed_row(reader);
	}
	reader->nrows = 0;
}

static void
read_table(const ColumnExpansion *expansion, Relation rel, Snapshot snapshot, Agreement *agreement)
{
	Reader	   *reader = palloc0_object(Reader);
	MemoryContext batch = AllocSetContextCreate(CurrentMemoryContext, "compat_guard rows",
												ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	TableScanDesc scan;
	TupleTableSlot *slot;

	reader->rel = rel;
	reader->agreement = agreement;
	reader->context = CurrentMemoryContext;
	reader->nsamples = agreement->sample ? MAX_SAMPLES : 0;
	reader->conversion = conversion_make(RelationGetDescr(rel), rel->rd_rel->relowner, expansion, false);
	slot = table_slot_create(rel, NULL);
	scan = table_beginscan(rel, snapshot, 0, NULL);
	old = MemoryContextSwitchTo(batch);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		reader->rows[reader->nrows++] = ExecCopySlotHeapTuple(slot);
		if (reader->nrows < BATCH)
			continue;
		read_batch(reader);
		MemoryContextReset(batch);
	}
	read_batch(reader);
	MemoryContextSwitchTo(old);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(reader->conversion->context);
	MemoryContextDelete(batch);
}

Agreement
agreement_verify(const ColumnExpansion *expansion)
{
	Agreement	agreement = {0};
	List	   *relids;
	Snapshot	snapshot;
	ListCell   *lc;

	LockRelationOid(expansion->relid, AccessShareLock);
	relids = find_all_inheritors(expansion->relid, AccessShareLock, NULL);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	PushActiveSnapshot(snapshot);
	foreach(lc, relids)
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);

		if (RELKIND_HAS_TABLE_AM(rel->rd_rel->relkind))
		{
			OwnerState	state = owner_enter(rel->rd_rel->relowner);

			read_table(expansion, rel, snapshot, &agreement);
			owner_leave(&state);
		}
		table_close(rel, AccessShareLock);
	}
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);
	return agreement;
}

bool
agreement_is_complete(const Agreement *agreement)
{
	return agreement->unmigrated == 0 && agreement->disagreeing == 0 && agreement->failing == 0;
}

char *
agreement_problem(const Agreement *agreement)
{
	return psprintf("Of " INT64_FORMAT " rows " INT64_FORMAT " are not migrated, for " INT64_FORMAT
					" up fails, and in " INT64_FORMAT " the columns disagree%s%s.",
					agreement->rows, agreement->unmigrated, agreement->failing,
					agreement->disagreeing, agreement->sample ? ", such as " : "",
					agreement->sample ? agreement->sample : "");
}

/*
 * compat_guard.verify_expansion(name text) returns (rows, unmigrated, disagreeing,
 *		failing, sample)
 */
Datum
compat_guard_verify_expansion(PG_FUNCTION_ARGS)
{
	ColumnExpansion *expansion = require_expansion(text_argument(fcinfo, 0, "name"), false);
	Agreement	agreement;
	TupleDesc	desc;
	Datum		values[5];
	bool		nulls[5] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	require_undamaged(expansion);
	agreement = agreement_verify(expansion);
	values[0] = Int64GetDatum(agreement.rows);
	values[1] = Int64GetDatum(agreement.unmigrated);
	values[2] = Int64GetDatum(agreement.disagreeing);
	values[3] = Int64GetDatum(agreement.failing);
	nulls[4] = agreement.sample == NULL;
	if (!nulls[4])
		values[4] = CStringGetTextDatum(agreement.sample);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
