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
#include "base/errors.h"
#include "base/subtransaction.h"
#include "catalog/indexing.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "registry/store.h"
#include "storage/lmgr.h"
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

void
report_damage(const char *name, const char *damage)
{
	ereport(ERROR,
			(errcode(ERRCODE_GUARD_DAMAGED),
			 errmsg("\"%s.%s\" of extension \"%s\" is damaged: %s",
					"compat_guard", name, "compat_guard", damage),
			 errhint("Restore it, or DROP EXTENSION compat_guard, create it again, and register the live versions anew. To change the schema meanwhile, set compat_guard.mode to warn.")));
}

/* ---- are tables and indexes those that the install script made? ---- */

/*
 * Each column by its type, with ? if it may be null.  Values are read by their
 * place, so another type there could bring the server down.
 */
static const struct
{
	const char *table;
	const char *columns;
}			layouts[] =
{
	{"app", "int8 text text"},
	{"version", "int8 int8 text bytea text text int8 text timestamptz text? timestamptz? text? bool bool timestamptz? timestamptz?"},
	{"instance", "int8 int8 text interval timestamptz timestamptz"},
	{"requirement", "int8 bytea text text jsonb jsonb? text text"},
	{"version_requirement", "int8 int8"},
	{"policy", "text text text text timestamptz"},
	{"requirement_state", "int8 text bool jsonb? timestamptz"},
	{"requirement_key", "text text oid int8 bool"},
	{"journal_entry", "timestamptz text text text? text? text inet? int4 xid8? text[] int4 text[] jsonb int4 text? text?"},
};

static const struct
{
	const char *name;
	Oid			oid;
}			column_types[] =
{
	{"int4", INT4OID},
	{"int8", INT8OID},
	{"text", TEXTOID},
	{"text[]", TEXTARRAYOID},
	{"timestamptz", TIMESTAMPTZOID},
	{"interval", INTERVALOID},
	{"jsonb", JSONBOID},
	{"bytea", BYTEAOID},
	{"oid", OIDOID},
	{"bool", BOOLOID},
	{"inet", INETOID},
	{"xid8", XID8OID},
};

static Oid
column_type(const char *name, size_t length)
{
	for (int i = 0; i < lengthof(column_types); i++)
	{
		if (strlen(column_types[i].name) == length &&
			strncmp(column_types[i].name, name, length) == 0)
			return column_types[i].oid;
	}
	elog(ERROR, "unknown type in the layout of a table: %s", name);
}

static void
check_table(Relation rel, const char *table, int natts)
{
	TupleDesc	desc = RelationGetDescr(rel);
	const char *columns = NULL;
	int			i = 0;

	for (int l = 0; l < lengthof(layouts); l++)
	{
		if (strcmp(layouts[l].table, table) == 0)
			columns = layouts[l].columns;
	}
	if (columns == NULL)
		elog(ERROR, "layout of table \"%s\" is unknown", table);
	if (rel->rd_rel->relkind != RELKIND_RELATION)
		report_damage(table, "it is no table");
	for (; *columns != '\0'; i++)
	{
		size_t		length = strcspn(columns, "? ");
		bool		nullable = columns[length] == '?';
		Form_pg_attribute att = i < desc->natts ? TupleDescAttr(desc, i) : NULL;

		if (att == NULL || att->attisdropped ||
			att->atttypid != column_type(columns, length) ||
			(!nullable && !att->attnotnull))
			report_damage(table, psprintf("column %d is not what it was made as", i + 1));
		columns += length + nullable;
		columns += (*columns == ' ');
	}
	if (i != natts)
		elog(ERROR, "layout of table \"%s\" has %d columns, not %d", table, i, natts);
}

/*
 * The functions that write catalogs cannot evaluate expressions, not even those
 * of an index that somebody else has added.
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

static void
check_index(StoreScan *scan, Relation rel, const char *name)
{
	Form_pg_index form = scan->index->rd_index;

	if (form->indrelid != RelationGetRelid(rel))
		report_damage(name, "it is no index of its table");
	if (!form->indisvalid || !form->indisready || !form->indislive)
		report_damage(name, "the index is not valid (REINDEX it)");
	if (scan->index->rd_rel->relam != BTREE_AM_OID || form->indnkeyatts < scan->nkeys ||
		!heap_attisnull(scan->index->rd_indextuple, Anum_pg_index_indpred, NULL) ||
		!heap_attisnull(scan->index->rd_indextuple, Anum_pg_index_indexprs, NULL))
		report_damage(name, "the index is not what it was made as");
	for (int i = 0; i < scan->nkeys; i++)
	{
		/* A search for nulls brings no function, and so no type. */
		if (OidIsValid(scan->types[i]) &&
			(scan->index->rd_opcintype[i] != scan->types[i] ||
			 scan->index->rd_indcollation[i] != scan->keys[i].sk_collation))
			report_damage(name, "the index is not what it was made as");
	}
}

/* The OID of a table, index or sequence of the extension. */
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

Relation
store_open(const char *table, int natts, LOCKMODE lockmode)
{
	Relation	rel = try_table_open(store_relid(table), lockmode);

	if (rel == NULL)
	{
		/* Dropped while we waited for the lock. */
		guard_require_extension();
		report_damage(table, "it is missing");
	}
	check_table(rel, table, natts);
	if (lockmode > AccessShareLock)
		check_indexes(rel);
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
scan_key(StoreScan *scan, RegProcedure proc, Oid type, Oid collation, Datum value)
{
	ScanKey		key = &scan->keys[scan->nkeys];

	scan->types[scan->nkeys++] = type;

	Assert(scan->nkeys <= lengthof(scan->keys));
	ScanKeyEntryInitialize(key, 0, scan->nkeys, BTEqualStrategyNumber,
						   InvalidOid, collation, proc, value);
}

void
scan_key_int64(StoreScan *scan, int64 value)
{
	scan_key(scan, F_INT8EQ, INT8OID, InvalidOid, Int64GetDatum(value));
}

void
scan_key_text(StoreScan *scan, const char *value)
{
	scan_key(scan, F_TEXTEQ, TEXTOID, C_COLLATION_OID, CStringGetTextDatum(value));
}

void
scan_key_bytea(StoreScan *scan, bytea *value)
{
	scan_key(scan, F_BYTEAEQ, BYTEAOID, InvalidOid, PointerGetDatum(value));
}

void
scan_key_oid(StoreScan *scan, Oid value)
{
	scan_key(scan, F_OIDEQ, OIDOID, InvalidOid, ObjectIdGetDatum(value));
}

void
scan_key_null(StoreScan *scan)
{
	ScanKey		key = &scan->keys[scan->nkeys];

	scan->types[scan->nkeys++] = InvalidOid;
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
open_index(StoreScan *scan, Relation rel, const char *index)
{
	Oid			relid = store_relid(index);

	if (get_rel_relkind(relid) != RELKIND_INDEX)
		report_damage(index, "it is no index");
	scan->index = index_open(relid, AccessShareLock);
	check_index(scan, rel, index);

	/* systable_beginscan takes column numbers of the table, not the index. */
	for (int i = 0; i < scan->nkeys; i++)
		scan->keys[i].sk_attno = scan->index->rd_index->indkey.values[i];
}

void
scan_begin(StoreScan *scan, Relation rel, const char *index, Snapshot snapshot)
{
	open_index(scan, rel, index);
	scan->backward = false;
	scan->desc = systable_beginscan(rel, RelationGetRelid(scan->index), true,
									snapshot, scan->nkeys, scan->keys);
}

void
scan_begin_backward(StoreScan *scan, Relation rel, const char *index)
{
	open_index(scan, rel, index);
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
