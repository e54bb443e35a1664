/*
 * store.c
 *		Tables of the registry: layout, rows, and writing them.
 *
 * Rows are written with the functions the server uses for its own catalogs.  That skips
 * privileges (the callers decide who may do what), and is safe at PRE_COMMIT because the
 * tables have no trigger, foreign key or deferred constraint.
 */
#include "postgres.h"

#include "base/errors.h"
#include "base/guard_active.h"
#include "base/subtransaction.h"
#include "catalog/indexing.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "registry/registry.h"
#include "registry/registry_internal.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
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

Oid
store_relid(const char *name)
{
	Oid			relid;

	guard_require_version();
	relid = get_relname_relid(name, guard_schema_oid());
	if (!OidIsValid(relid))
		report_damage(name, "it is missing");
	return relid;
}

void
store_lock(Oid relid, LOCKMODE lockmode)
{
	LOCKTAG		tag;
	WaitLimit	limit;

	if (try_lock_relation_now(relid, lockmode))
		return;
	limit = wait_limit_begin(false);
	SET_LOCKTAG_RELATION(tag, MyDatabaseId, relid);
	wait_for_lock(&tag, lockmode, &limit, "It has a table or index of the registry.");
}

bool
registry_try_read(const char *table)
{
	return ConditionalLockRelationOid(store_relid(table), AccessShareLock);
}

Relation
store_open(const char *table, LOCKMODE lockmode)
{
	Oid			relid = store_relid(table);
	Relation	rel;

	store_lock(relid, lockmode);
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
