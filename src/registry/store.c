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
#include "base/bounded_wait.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/guard_active.h"
#include "base/subtransaction.h"
#include "catalog/indexing.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "registry/registry.h"
#include "registry/registry_internal.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

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
row_set_id(Row *row, int attnum, int64 id)
{
	if (id != 0)
		row_set(row, attnum, Int64GetDatum(id));
	else
		row_set_null(row, attnum);
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

Oid
tuple_oid(Relation rel, HeapTuple tup, int attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(tup, attnum, RelationGetDescr(rel), &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(value);
}

bool
tuple_bool(Relation rel, HeapTuple tup, int attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(tup, attnum, RelationGetDescr(rel), &isnull);

	return !isnull && DatumGetBool(value);
}

void
report_damage(const char *name, const char *damage)
{
	ereport(ERROR,
			(errcode(ERRCODE_GUARD_DAMAGED),
			 errmsg("\"%s.%s\" of extension \"%s\" is damaged: %s",
					"compat_guard", name, "compat_guard", damage),
			 errhint("Restore it, or DROP EXTENSION compat_guard, create it again, and register the live versions anew. To change the schema meanwhile, set compat_guard.mode to warn.")));
}

/* ---- checking that tables and indexes are as the install script made them ---- */

typedef struct ColumnLayout
{
	Oid			type;
	bool		nullable;
} ColumnLayout;

typedef struct Layout
{
	const char *table;
	int			natts;
	const char *indexes;		/* separated by spaces */
	const ColumnLayout *columns;
} Layout;

static const Layout layouts[] = {
#define BEGIN_TABLE(prefix, name, indexes) {name, prefix##_NATTS, indexes, (const ColumnLayout[]) {
#define COLUMN(name, type) {type##OID, false},
#define NULLABLE(name, type) {type##OID, true},
#define END_TABLE(prefix) }},
#include "registry/table_list.h"
};

/* Return the layout of a table, which must have one. */
static const Layout *
layout_of(const char *table)
{
	for (int i = 0; i < lengthof(layouts); i++)
	{
		if (strcmp(layouts[i].table, table) == 0)
			return &layouts[i];
	}
	elog(ERROR, "layout of table \"%s\" is unknown", table);
}

/*
 * Check that a table has the columns that it was made with.  Values are read by
 * column number, so that a column of another type could crash the server.
 */
static void
check_table(Relation rel, const char *table)
{
	TupleDesc	desc = RelationGetDescr(rel);
	const Layout *layout = layout_of(table);

	if (rel->rd_rel->relkind != RELKIND_RELATION)
		report_damage(table, "it is not a table");
	for (int i = 0; i < layout->natts; i++)
	{
		const ColumnLayout *column = &layout->columns[i];
		Form_pg_attribute att = i < desc->natts ? TupleDescAttr(desc, i) : NULL;

		if (att == NULL || att->attisdropped || att->atttypid != column->type ||
			(!column->nullable && !att->attnotnull))
			report_damage(table, psprintf("column %d was changed or dropped", i + 1));
	}
}

/*
 * Check the indexes of a table that is to be written.  The functions that write
 * catalogs cannot evaluate expressions, not even those of an index that a user added.
 */
static void
check_indexes(Relation rel)
{
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		HeapTuple	tup = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(lc)));

		if (!HeapTupleIsValid(tup))
			continue;
		if (!heap_attisnull(tup, Anum_pg_index_indpred, NULL) ||
			!heap_attisnull(tup, Anum_pg_index_indexprs, NULL))
			report_damage(get_rel_name(lfirst_oid(lc)), "an index here must have no expression or condition");
		ReleaseSysCache(tup);
	}
}

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

/* Return the OID of a table, index or sequence of the extension. */
static Oid
store_relid(const char *name)
{
	Oid			relid;

	guard_require_version();
	relid = get_relname_relid(name, guard_schema_oid());
	if (!OidIsValid(relid))
		report_damage(name, "it is missing");
	return relid;
}

/* Lock a table or index.  Only dropping or rebuilding it conflicts with that. */
static void
lock_relation(Oid relid, LOCKMODE lockmode)
{
	LOCKTAG		tag;
	WaitLimit	limit;

	if (try_lock_relation_now(relid, lockmode))
		return;
	limit = wait_limit_begin(false);
	SET_LOCKTAG_RELATION(tag, MyDatabaseId, relid);
	wait_for_lock(&tag, lockmode, &limit, "It has a table or index of the registry.");
}

Relation
store_open(const char *table, LOCKMODE lockmode)
{
	Oid			relid = store_relid(table);
	Relation	rel;

	lock_relation(relid, lockmode);
	rel = try_table_open(relid, NoLock);
	if (rel == NULL)
	{
		UnlockRelationOid(relid, lockmode);

		/* It was dropped while we waited for the lock. */
		guard_require_extension();
		report_damage(table, "it is missing");
	}
	check_table(rel, table);
	if (lockmode > AccessShareLock)
		check_indexes(rel);
	return rel;
}

/* Raise an error unless each of the names, separated by spaces, is there. */
static void
check_names(const char *names)
{
	char	   *list = pstrdup(names);
	char	   *rest;

	for (char *name = strtok_r(list, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest))
		(void) store_relid(name);
	pfree(list);
}

void
registry_check_tables(void)
{
	for (int i = 0; i < lengthof(layouts); i++)
	{
		table_close(store_open(layouts[i].table, AccessShareLock), AccessShareLock);
		check_names(layouts[i].indexes);
	}
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
	lock_relation(relid, AccessShareLock);
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

bool
store_unless_duplicate(void (*write) (void *arg), void *arg)
{
	int			outer_timeout = LockTimeout;
	ErrorData  *edata;

	/* The caller looks for the row, and so finds out who is in the way. */
	LockTimeout = wait_limit_length();
	edata = subtransaction_run(write, arg, true);
	LockTimeout = outer_timeout;
	if (edata == NULL)
		return true;
	if (edata->sqlerrcode != ERRCODE_UNIQUE_VIOLATION &&
		edata->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
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
