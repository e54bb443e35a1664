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

#include "access/relscan.h"
#include "access/tableam.h"
#include "base/activity.h"
#include "base/compat.h"
#include "base/subtransaction.h"
#include "catalog/indexing.h"
#include "catalog/pg_collation.h"
#include "commands/sequence.h"
#include "executor/tuptable.h"
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
store_next_id(void)
{
	return nextval_internal(store_relid("id_seq"), false);
}

void
scan_init(StoreScan *scan)
{
	scan->index = NULL;
	scan->direction = ForwardScanDirection;
	scan->begun = false;
	scan->nkeys = 0;
}

/* Add a key, or begin anew with it if those before have served. */
static ScanKey
next_key(StoreScan *scan)
{
	if (scan->begun)
		scan->nkeys = 0;
	scan->begun = false;
	Assert(scan->nkeys < lengthof(scan->keys));
	return &scan->keys[scan->nkeys++];
}

static void
scan_key(StoreScan *scan, StrategyNumber strategy, RegProcedure proc, Oid collation,
		 Datum value)
{
	ScanKey		key = next_key(scan);

	ScanKeyEntryInitialize(key, 0, scan->nkeys, strategy,
						   InvalidOid, collation, proc, value);
}

void
scan_key_int64(StoreScan *scan, int64 value)
{
	scan_key(scan, BTEqualStrategyNumber, F_INT8EQ, InvalidOid, Int64GetDatum(value));
}

void
scan_key_int64_range(StoreScan *scan, int64 least, int64 greatest)
{
	scan_key(scan, BTGreaterEqualStrategyNumber, F_INT8GE, InvalidOid, Int64GetDatum(least));
	scan_key(scan, BTLessEqualStrategyNumber, F_INT8LE, InvalidOid, Int64GetDatum(greatest));
	scan->keys[scan->nkeys - 1].sk_attno--; /* of the same column */
}

void
scan_key_text(StoreScan *scan, const char *value)
{
	scan_key(scan, BTEqualStrategyNumber, F_TEXTEQ, C_COLLATION_OID,
			 CStringGetTextDatum(value));
}

void
scan_key_bytea(StoreScan *scan, bytea *value)
{
	scan_key(scan, BTEqualStrategyNumber, F_BYTEAEQ, InvalidOid, PointerGetDatum(value));
}

void
scan_key_oid(StoreScan *scan, Oid value)
{
	scan_key(scan, BTEqualStrategyNumber, F_OIDEQ, InvalidOid, ObjectIdGetDatum(value));
}

void
scan_key_null(StoreScan *scan)
{
	ScanKey		key = next_key(scan);

	ScanKeyEntryInitialize(key, SK_ISNULL | SK_SEARCHNULL, scan->nkeys,
						   InvalidStrategy, InvalidOid, InvalidOid,
						   InvalidOid, (Datum) 0);
}

/* Unless it is open already. */
static void
open_index(StoreScan *scan, Relation rel, const char *index, Snapshot snapshot)
{
	if (scan->index != NULL)
		return;
	scan->index = index_open(store_relid(index), AccessShareLock);
	scan->slot = table_slot_create(rel, NULL);
	scan->snapshot = snapshot ? snapshot
		: RegisterSnapshot(GetCatalogSnapshot(RelationGetRelid(rel)));
	scan->desc = NULL;
}

void
scan_begin(StoreScan *scan, Relation rel, const char *index, Snapshot snapshot)
{
	open_index(scan, rel, index, snapshot);
	if (scan->desc != NULL && scan->desc->numberOfKeys != scan->nkeys)
	{
		index_endscan(scan->desc);
		scan->desc = NULL;
	}
	if (scan->desc == NULL)
		scan->desc = compat_index_beginscan(rel, scan->index, scan->snapshot, scan->nkeys);
	index_rescan(scan->desc, scan->keys, scan->nkeys, NULL, 0);
	scan->begun = true;
}

void
scan_begin_backward(StoreScan *scan, Relation rel, const char *index)
{
	scan->direction = BackwardScanDirection;
	scan_begin(scan, rel, index, NULL);
}

HeapTuple
scan_next(StoreScan *scan)
{
	bool		copied;

	if (!index_getnext_slot(scan->desc, scan->direction, scan->slot))
		return NULL;
	return ExecFetchSlotHeapTuple(scan->slot, false, &copied);
}

HeapTuple
scan_find(StoreScan *scan, Relation rel, const char *index, int64 id)
{
	scan_key_int64(scan, id);
	scan_begin(scan, rel, index, NULL);
	return scan_next(scan);
}

/*
 * What is wanted of the registry was mostly stored together and has ids one
 * after another.  To run along a gap in them is cheaper than to go down the
 * index once more, if it is no wider than this.
 */
#define MAX_GAP 4

void
scan_begin_ids(StoreScan *scan, Relation rel, const char *index, const int64 *ids, int n)
{
	for (int i = 1; i < n; i++)
		Assert(ids[i - 1] < ids[i]);
	open_index(scan, rel, index, NULL);
	scan->rel = rel;
	scan->ids = ids;
	scan->nids = n;
	scan->nprefix = scan->nkeys;
	scan->place = scan->run_end = 0;
}

static void
begin_run(StoreScan *scan)
{
	int			first = scan->run_end;
	int			last = first;

	while (last + 1 < scan->nids && scan->ids[last + 1] - scan->ids[last] <= MAX_GAP)
		last++;
	scan->begun = false;
	scan->nkeys = scan->nprefix;
	scan_key_int64_range(scan, scan->ids[first], scan->ids[last]);
	scan_begin(scan, scan->rel, NULL, NULL);
	scan->place = first;
	scan->run_end = last + 1;
}

HeapTuple
scan_next_id(StoreScan *scan, int *place)
{
	AttrNumber	attnum = scan->index->rd_index->indkey.values[scan->nprefix];

	for (;;)
	{
		HeapTuple	tup = scan->run_end > 0 ? scan_next(scan) : NULL;
		int64		id;

		if (HeapTupleIsValid(tup))
		{
			id = tuple_int64(scan->rel, tup, attnum);
			while (scan->ids[scan->place] < id)
				scan->place++;
			*place = scan->place;
			if (scan->ids[scan->place] == id)
				return tup;
		}
		else if (scan->run_end == scan->nids)
			return NULL;
		else
			begin_run(scan);
	}
}

void
scan_end(StoreScan *scan)
{
	if (scan->index == NULL)
		return;
	ExecDropSingleTupleTableSlot(scan->slot);
	if (scan->desc != NULL)
		index_endscan(scan->desc);
	if (IsMVCCSnapshot(scan->snapshot))
		UnregisterSnapshot(scan->snapshot);
	index_close(scan->index, AccessShareLock);
	scan->index = NULL;
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
