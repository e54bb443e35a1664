/*
 * store_scan.c
 *		Tables of the registry: reading them.
 *
 * Rows are read by named indexes with a catalog snapshot.  That fixes the plan, and skips
 * privileges: the callers decide who may do what.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_collation.h"
#include "registry/registry.h"
#include "registry/registry_internal.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

/* Raise an error unless the index can serve the keys of a scan. */
static void
check_index(StoreScan *scan, const char *name)
{
	Form_pg_index form = scan->index->rd_index;

	if (form->indrelid != RelationGetRelid(scan->rel))
		report_damage(name, "it is not an index of its table");
	if (!form->indisvalid || !form->indisready || !form->indislive)
		report_damage(name, "the index is not valid (REINDEX it)");
	if (scan->index->rd_rel->relam != (scan->has_array ? GIN_AM_OID : BTREE_AM_OID) ||
		!heap_attisnull(scan->index->rd_indextuple, Anum_pg_index_indpred, NULL) ||
		!heap_attisnull(scan->index->rd_indextuple, Anum_pg_index_indexprs, NULL))
		report_damage(name, "the index was changed");
	for (int i = 0; i < scan->nkeys; i++)
	{
		int			column = scan->keys[i].sk_attno - 1;

		/* A search for nulls has no function, and so no type. */
		if (column >= form->indnkeyatts ||
			(OidIsValid(scan->types[i]) &&
			 (scan->index->rd_opcintype[column] != scan->types[i] ||
			  scan->index->rd_indcollation[column] != scan->keys[i].sk_collation)))
			report_damage(name, "the index was changed");
	}
}

void
scan_init(StoreScan *scan, Relation rel)
{
	scan->rel = rel;
	scan->index = NULL;
	scan->snapshot = NULL;
	scan->direction = ForwardScanDirection;
	scan->begun = false;
	scan->has_array = false;
	scan->nkeys = 0;
}

void
scan_open(StoreScan *scan, const char *table, LOCKMODE lockmode)
{
	scan_init(scan, store_open(table, lockmode));
	scan->lockmode = lockmode;
}

void
scan_open_with(StoreScan *scan, const char *table, const StoreScan *other)
{
	scan_open(scan, table, AccessShareLock);
	scan->snapshot = RegisterSnapshot(other->snapshot);
}

void
scan_close(StoreScan *scan)
{
	scan_end(scan);
	table_close(scan->rel, scan->lockmode == AccessShareLock ? AccessShareLock : NoLock);
}

/* Add a key; it is the first one if a scan with those before has begun. */
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
scan_key(StoreScan *scan, StrategyNumber strategy, RegProcedure proc, Oid type,
		 Oid collation, Datum value)
{
	ScanKey		key = next_key(scan);

	scan->types[scan->nkeys - 1] = type;

	ScanKeyEntryInitialize(key, 0, scan->nkeys, strategy,
						   InvalidOid, collation, proc, value);
}

void
scan_key_int64(StoreScan *scan, int64 value)
{
	scan_key(scan, BTEqualStrategyNumber, F_INT8EQ, INT8OID, InvalidOid, Int64GetDatum(value));
}

void
scan_key_int64_range(StoreScan *scan, int64 least, int64 greatest)
{
	scan_key(scan, BTGreaterEqualStrategyNumber, F_INT8GE, INT8OID, InvalidOid, Int64GetDatum(least));
	scan_key(scan, BTLessEqualStrategyNumber, F_INT8LE, INT8OID, InvalidOid, Int64GetDatum(greatest));
	scan->keys[scan->nkeys - 1].sk_attno--; /* both are on one column */
}

void
scan_key_text(StoreScan *scan, const char *value)
{
	scan_key(scan, BTEqualStrategyNumber, F_TEXTEQ, TEXTOID, C_COLLATION_OID,
			 CStringGetTextDatum(value));
}

void
scan_key_bytea(StoreScan *scan, bytea *value)
{
	scan_key(scan, BTEqualStrategyNumber, F_BYTEAEQ, BYTEAOID, InvalidOid, PointerGetDatum(value));
}

void
scan_key_oid(StoreScan *scan, Oid value)
{
	scan_key(scan, BTEqualStrategyNumber, F_OIDEQ, OIDOID, InvalidOid, ObjectIdGetDatum(value));
}

void
scan_key_null(StoreScan *scan)
{
	ScanKey		key = next_key(scan);

	scan->types[scan->nkeys - 1] = InvalidOid;
	ScanKeyEntryInitialize(key, SK_ISNULL | SK_SEARCHNULL, scan->nkeys,
						   InvalidStrategy, InvalidOid, InvalidOid,
						   InvalidOid, (Datum) 0);
}

/* Scan for what is less than the value. */
void
scan_key_before(StoreScan *scan, TimestampTz value)
{
	scan_key(scan, BTLessStrategyNumber, F_TIMESTAMPTZ_LT, TIMESTAMPTZOID, InvalidOid,
			 TimestampTzGetDatum(value));
}

void
scan_key_array(StoreScan *scan, Datum array)
{
	scan->has_array = true;
	scan_key(scan, 1 /* "overlaps" of array_ops */ , F_ARRAYOVERLAP, ANYARRAYOID, InvalidOid, array);
}

/* Open the index unless it is open. */
static void
open_index(StoreScan *scan, const char *index, Snapshot snapshot)
{
	Oid			relid;

	if (scan->index != NULL)
		return;
	relid = store_relid(index);
	if (get_rel_relkind(relid) != RELKIND_INDEX)
		report_damage(index, "it is not an index");
	store_lock(relid, AccessShareLock);
	scan->index = index_open(relid, NoLock);
	check_index(scan, index);
	scan->slot = table_slot_create(scan->rel, NULL);
	if (snapshot != NULL)
		scan->snapshot = snapshot;
	else if (scan->snapshot == NULL)
		scan->snapshot = RegisterSnapshot(GetCatalogSnapshot(RelationGetRelid(scan->rel)));
	scan->desc = NULL;
}

static void
begin_scan(StoreScan *scan, const char *index, Snapshot snapshot)
{
	open_index(scan, index, snapshot);
	if (scan->desc != NULL && scan->desc->numberOfKeys != scan->nkeys)
	{
		index_endscan(scan->desc);
		scan->desc = NULL;
	}
	if (scan->desc == NULL)
		scan->desc = compat_index_beginscan(scan->rel, scan->index, scan->snapshot, scan->nkeys);
	index_rescan(scan->desc, scan->keys, scan->nkeys, NULL, 0);
	scan->begun = true;
}

void
scan_begin_bitmap(StoreScan *scan, const char *index)
{
	open_index(scan, index, NULL);
	if (scan->desc == NULL)
		scan->desc = compat_index_beginscan_bitmap(scan->index, scan->snapshot, scan->nkeys);
	index_rescan(scan->desc, scan->keys, scan->nkeys, NULL, 0);
	scan->begun = true;
}

void
scan_begin(StoreScan *scan, const char *index)
{
	begin_scan(scan, index, NULL);
}

void
scan_begin_backward(StoreScan *scan, const char *index)
{
	scan->direction = BackwardScanDirection;
	scan_begin(scan, index);
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
scan_first(StoreScan *scan, const char *index)
{
	scan_begin(scan, index);
	return scan_next(scan);
}

HeapTuple
scan_find(StoreScan *scan, const char *index, int64 id)
{
	scan_key_int64(scan, id);
	return scan_first(scan, index);
}

/*
 * Limit the gap in the ids over which one scan goes on.  The ids that are looked up
 * were mostly stored together, one after another, and to scan along a small gap is
 * cheaper than to descend the index again.
 */
#define MAX_GAP 4

void
scan_begin_ids(StoreScan *scan, const char *index, const int64 *ids, int n)
{
	for (int i = 1; i < n; i++)
		Assert(ids[i - 1] < ids[i]);
	open_index(scan, index, NULL);
	scan->ids = ids;
	scan->nids = n;
	scan->nprefix = scan->nkeys;
	scan->index_of_row = scan->run_end = 0;
}

/* Begin a scan of the next ids that are close to each other. */
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
	scan_begin(scan, NULL);
	scan->index_of_row = first;
	scan->run_end = last + 1;
}

HeapTuple
scan_next_id(StoreScan *scan, int *index)
{
	AttrNumber	attnum = scan->index->rd_index->indkey.values[scan->nprefix];

	for (;;)
	{
		HeapTuple	tup = scan->run_end > 0 ? scan_next(scan) : NULL;
		int64		id;

		if (HeapTupleIsValid(tup))
		{
			id = tuple_int64(scan->rel, tup, attnum);
			while (scan->ids[scan->index_of_row] < id)
				scan->index_of_row++;
			*index = scan->index_of_row;
			if (scan->ids[scan->index_of_row] == id)
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
	scan->snapshot = NULL;
	index_close(scan->index, AccessShareLock);
	scan->index = NULL;
}

static void
wait_for_end(void *arg)
{
	XactLockTableWait(*(TransactionId *) arg, NULL, NULL, XLTW_None);
}

static void
wait_for_transaction(TransactionId xid)
{
	LOCKTAG		tag;

	SET_LOCKTAG_TRANSACTION(tag, xid);
	wait_in_lock_manager(wait_for_end, &xid, &tag, ShareLock,
						 "It registers, forgets or changes the same app, version or requirement.");
}

HeapTuple
scan_settled(StoreScan *scan, const char *index)
{
	for (;;)
	{
		SnapshotData dirty;
		HeapTuple	tup;
		TransactionId busy;

		InitDirtySnapshot(dirty);
		begin_scan(scan, index, &dirty);
		tup = scan_next(scan);
		if (HeapTupleIsValid(tup))
			tup = heap_copytuple(tup);
		scan_end(scan);

		/* Without a row the snapshot is not filled in. */
		if (!HeapTupleIsValid(tup))
			return NULL;

		/*
		 * The scan leaves in the snapshot the transaction that changes the
		 * row.
		 */
		busy = TransactionIdIsValid(dirty.xmin) ? dirty.xmin : dirty.xmax;
		if (!TransactionIdIsValid(busy))
			return tup;
		wait_for_transaction(busy);
	}
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
store_insert_unless_present(StoreScan *scan, const char *index, Row *row)
{
	RowToInsert insert = {scan->rel, row};

	while (!HeapTupleIsValid(scan_settled(scan, index)))
	{
		if (store_unless_duplicate(insert_row, &insert))
			return true;
	}
	return false;
}
