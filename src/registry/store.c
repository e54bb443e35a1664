/*
 * store.c
 *		Tables of the registry: layout and access.
 *
 * Rows are read by named indexes with a catalog snapshot and written with the
 * functions the server uses for its own catalogs.  That fixes the plan, skips
 * privileges (the callers decide who may do what), and is safe at PRE_COMMIT
 * because the tables have no trigger, foreign key or deferred constraint.
 */
#include "postgres.h"

#include "base/activity.h"
#include "base/subtransaction.h"
#include "catalog/indexing.h"
#include "catalog/pg_collation.h"
#include "commands/sequence.h"
#include "registry/store.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

void
row_init(Row *row)
{
	memset(row->nulls, true, sizeof(row->nulls));
	memset(row->replaces, false, sizeof(row->replaces));
	memset(row->values, 0, sizeof(row->values));
}

void
row_set(Row *row, int attnum, Datum value)
{
	row->values[attnum - 1] = value;
	row->nulls[attnum - 1] = false;
	row->replaces[attnum - 1] = true;
}

void
row_set_null(Row *row, int attnum)
{
	row->nulls[attnum - 1] = true;
	row->replaces[attnum - 1] = true;
}

void
row_set_text(Row *row, int attnum, const char *value)
{
	row->replaces[attnum - 1] = true;
	if (value != NULL)
		row_set(row, attnum, CStringGetTextDatum(value));
}

void
row_set_json(Row *row, int attnum, Jsonb *value)
{
	row->replaces[attnum - 1] = true;
	if (value != NULL)
		row_set(row, attnum, JsonbPGetDatum(value));
}

bool
tuple_is_null(Relation rel, HeapTuple tup, int attnum)
{
	bool		isnull;

	(void) heap_getattr(tup, attnum, RelationGetDescr(rel), &isnull);
	return isnull;
}

char *
tuple_text(Relation rel, HeapTuple tup, int attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(tup, attnum, RelationGetDescr(rel), &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

Jsonb *
tuple_json(Relation rel, HeapTuple tup, int attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(tup, attnum, RelationGetDescr(rel), &isnull);

	return isnull ? NULL : DatumGetJsonbPCopy(value);
}

int64
tuple_int64(Relation rel, HeapTuple tup, int attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(tup, attnum, RelationGetDescr(rel), &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

bool
tuple_bool(Relation rel, HeapTuple tup, int attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(tup, attnum, RelationGetDescr(rel), &isnull);

	return !isnull && DatumGetBool(value);
}

static void
report_missing(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("relation \"%s.%s\" of extension \"%s\" is missing",
					"compat_guard", name, "compat_guard"),
			 errhint("Restore it, or drop the extension and create it again.")));
}

/* The OID of a table, index or sequence of the extension. */
static Oid
store_relid(const char *name)
{
	Oid			relid;

	guard_require_extension();
	relid = get_relname_relid(name, guard_schema_oid());
	if (!OidIsValid(relid))
		report_missing(name);
	return relid;
}

Relation
store_open(const char *table, int natts, LOCKMODE lockmode)
{
	Relation	rel = try_table_open(store_relid(table), lockmode);

	if (rel == NULL)
	{
		/* Dropped while we waited for the lock. */
		guard_require_extension();
		report_missing(table);
	}
	if (RelationGetDescr(rel)->natts < natts)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table \"%s.%s\" has not the columns this version of the library needs",
						"compat_guard", table),
				 errhint("Run ALTER EXTENSION compat_guard UPDATE.")));
	return rel;
}

void
store_insert(Relation rel, Row *row)
{
	HeapTuple	tup = heap_form_tuple(RelationGetDescr(rel), row->values, row->nulls);

	CatalogTupleInsert(rel, tup);
	heap_freetuple(tup);
}

void
store_update(Relation rel, HeapTuple tup, Row *row)
{
	HeapTuple	newtup = heap_modify_tuple(tup, RelationGetDescr(rel),
										   row->values, row->nulls, row->replaces);

	CatalogTupleUpdate(rel, &tup->t_self, newtup);
	heap_freetuple(newtup);
}

void
store_delete(Relation rel, HeapTuple tup)
{
	CatalogTupleDelete(rel, &tup->t_self);
}

int64
store_next_id(const char *sequence)
{
	return nextval_internal(store_relid(sequence), false);
}

void
scan_init(StoreScan *scan)
{
	scan->nkeys = 0;
}

static void
scan_key(StoreScan *scan, RegProcedure proc, Oid collation, Datum value)
{
	ScanKey		key = &scan->keys[scan->nkeys++];

	Assert(scan->nkeys <= lengthof(scan->keys));
	ScanKeyEntryInitialize(key, 0, scan->nkeys, BTEqualStrategyNumber,
						   InvalidOid, collation, proc, value);
}

void
scan_key_int64(StoreScan *scan, int64 value)
{
	scan_key(scan, F_INT8EQ, InvalidOid, Int64GetDatum(value));
}

void
scan_key_text(StoreScan *scan, const char *value)
{
	scan_key(scan, F_TEXTEQ, C_COLLATION_OID, CStringGetTextDatum(value));
}

void
scan_key_bytea(StoreScan *scan, bytea *value)
{
	scan_key(scan, F_BYTEAEQ, InvalidOid, PointerGetDatum(value));
}

void
scan_key_oid(StoreScan *scan, Oid value)
{
	scan_key(scan, F_OIDEQ, InvalidOid, ObjectIdGetDatum(value));
}

void
scan_key_null(StoreScan *scan)
{
	ScanKey		key = &scan->keys[scan->nkeys++];

	ScanKeyEntryInitialize(key, SK_ISNULL | SK_SEARCHNULL, scan->nkeys,
						   InvalidStrategy, InvalidOid, InvalidOid,
						   InvalidOid, (Datum) 0);
}

/* Of a timestamptz column: what is less. */
void
scan_key_before(StoreScan *scan, TimestampTz value)
{
	ScanKey		key = &scan->keys[scan->nkeys++];

	ScanKeyEntryInitialize(key, 0, scan->nkeys, BTLessStrategyNumber, InvalidOid,
						   InvalidOid, F_TIMESTAMPTZ_LT, TimestampTzGetDatum(value));
}

static void
open_index(StoreScan *scan, const char *index)
{
	scan->index = index_open(store_relid(index), AccessShareLock);

	/* systable_beginscan takes column numbers of the table, not the index. */
	for (int i = 0; i < scan->nkeys; i++)
		scan->keys[i].sk_attno = scan->index->rd_index->indkey.values[i];
}

void
scan_begin(StoreScan *scan, Relation rel, const char *index, Snapshot snapshot)
{
	open_index(scan, index);
	scan->backward = false;
	scan->desc = systable_beginscan(rel, RelationGetRelid(scan->index), true,
									snapshot, scan->nkeys, scan->keys);
}

void
scan_begin_backward(StoreScan *scan, Relation rel, const char *index)
{
	open_index(scan, index);
	scan->backward = true;
	scan->desc = systable_beginscan_ordered(rel, scan->index, NULL,
											scan->nkeys, scan->keys);
}

HeapTuple
scan_next(StoreScan *scan)
{
	return scan->backward ? systable_getnext_ordered(scan->desc, BackwardScanDirection)
		: systable_getnext(scan->desc);
}

void
scan_end(StoreScan *scan)
{
	if (scan->backward)
		systable_endscan_ordered(scan->desc);
	else
		systable_endscan(scan->desc);
	index_close(scan->index, AccessShareLock);
}

HeapTuple
scan_settled(StoreScan *scan, Relation rel, const char *index)
{
	for (;;)
	{
		SnapshotData dirty;
		HeapTuple	tup;
		TransactionId busy;

		InitDirtySnapshot(dirty);
		scan_begin(scan, rel, index, &dirty);
		tup = scan_next(scan);
		if (HeapTupleIsValid(tup))
			tup = heap_copytuple(tup);
		scan_end(scan);

		/* InitDirtySnapshot's scans leave here who is still at it, if anybody. */
		busy = TransactionIdIsValid(dirty.xmin) ? dirty.xmin : dirty.xmax;
		if (!HeapTupleIsValid(tup) || !TransactionIdIsValid(busy))
			return tup;
		XactLockTableWait(busy, rel, &tup->t_self, XLTW_InsertIndex);
	}
}

bool
store_unless_duplicate(void (*write) (void *arg), void *arg)
{
	ErrorData  *edata = subtransaction_run(write, arg, true);

	if (edata == NULL)
		return true;
	if (edata->sqlerrcode != ERRCODE_UNIQUE_VIOLATION)
		ReThrowError(edata);
	FreeErrorData(edata);
	return false;
}

typedef struct RowToInsert
{
	Relation	rel;
	Row		   *row;
} RowToInsert;

static void
insert_row(void *arg)
{
	RowToInsert *insert = arg;

	store_insert(insert->rel, insert->row);
}

bool
store_insert_unless_present(Relation rel, Row *row, StoreScan *scan, const char *index)
{
	RowToInsert insert = {rel, row};

	while (!HeapTupleIsValid(scan_settled(scan, rel, index)))
	{
		if (store_unless_duplicate(insert_row, &insert))
			return true;
	}
	return false;
}
