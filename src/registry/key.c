/*
 * key.c
 *		Which requirements may feel a change: by name, by role, or all.
 */
#include "postgres.h"

#include "lib/qunique.h"
#include "registry/registry.h"
#include "registry/store.h"
#include "utils/builtins.h"

typedef struct IdArray
{
	int64	   *ids;
	int			n;
	int			allocated;
} IdArray;

static void
ids_init(IdArray *array)
{
	array->n = 0;
	array->allocated = 64;
	array->ids = palloc_array(int64, array->allocated);
}

/* Append the ids a scan yields. */
static void
ids_collect(IdArray *array, StoreScan *scan, Relation rel, const char *index, int attnum)
{
	HeapTuple	tup;

	scan_begin(scan, rel, index, NULL);
	while (HeapTupleIsValid(tup = scan_next(scan)))
	{
		if (array->n == array->allocated)
		{
			array->allocated *= 2;
			array->ids = repalloc_huge(array->ids, sizeof(int64) * array->allocated);
		}
		array->ids[array->n++] = tuple_int64(rel, tup, attnum);
	}
	scan_end(scan);
}

static int
compare_ids(const void *a, const void *b)
{
	int64		ida = *(const int64 *) a;
	int64		idb = *(const int64 *) b;

	return (ida > idb) - (ida < idb);
}

static int64 *
ids_finish(IdArray *array, int *n)
{
	qsort(array->ids, array->n, sizeof(int64), compare_ids);
	*n = qunique(array->ids, array->n, sizeof(int64), compare_ids);
	return array->ids;
}

int64 *
registry_requirements_by_keys(List *keys, int *n)
{
	Relation	rel = store_open("requirement_key", KEY_NATTS, AccessShareLock);
	IdArray		array;
	ListCell   *lc;

	ids_init(&array);
	foreach(lc, keys)
	{
		ObjectKey  *key = lfirst(lc);
		StoreScan	scan;

		scan_init(&scan);
		scan_key_text(&scan, key->schema);
		if (key->name != NULL)
		{
			scan_key_text(&scan, key->name);
			scan_key_oid(&scan, key->classid);
		}
		ids_collect(&array, &scan, rel, "requirement_key_pkey", KEY_REQUIREMENT_ID);
	}
	table_close(rel, AccessShareLock);
	return ids_finish(&array, n);
}

int64 *
registry_requirements_by_role(const char *role, int *n)
{
	Relation	rel = store_open("requirement", REQUIREMENT_NATTS, AccessShareLock);
	IdArray		array;
	StoreScan	scan;

	ids_init(&array);
	scan_init(&scan);
	scan_key_text(&scan, role);
	ids_collect(&array, &scan, rel, "requirement_role_idx", REQUIREMENT_ID);
	table_close(rel, AccessShareLock);
	return ids_finish(&array, n);
}

int64 *
registry_all_requirements(int *n)
{
	Relation	rel = store_open("requirement_state", STATE_NATTS, AccessShareLock);
	IdArray		array;
	StoreScan	scan;

	ids_init(&array);
	scan_init(&scan);
	ids_collect(&array, &scan, rel, "requirement_state_pkey", STATE_REQUIREMENT_ID);
	table_close(rel, AccessShareLock);
	return ids_finish(&array, n);
}

void
registry_report_missing(const char *table, int64 id)
{
	report_damage(table, psprintf("row %lld, which others refer to, is missing",
								  (long long) id));
}

/* ---- the keys of a requirement ---- */

static void
insert_key(Relation rel, const ObjectKey *key, int64 requirement_id)
{
	Row			row;

	row_init(&row);
	row_set_text(&row, KEY_SCHEMA, key->schema);
	row_set_text(&row, KEY_NAME, key->name);
	row_set(&row, KEY_CLASS, ObjectIdGetDatum(key->classid));
	row_set(&row, KEY_REQUIREMENT_ID, Int64GetDatum(requirement_id));
	row_set(&row, KEY_FOUND, BoolGetDatum(key->found));
	store_insert(rel, &row);
}

static bool
key_in_list(const ObjectKey *key, List *keys)
{
	ListCell   *lc;

	foreach(lc, keys)
	{
		ObjectKey  *other = lfirst(lc);

		if (object_key_equal(key, other) && key->found == other->found)
			return true;
	}
	return false;
}

bool
store_keys(int64 requirement_id, List *keys, bool complete, bool write)
{
	Relation	rel = store_open("requirement_key", KEY_NATTS, RowExclusiveLock);
	StoreScan	scan;
	HeapTuple	tup;
	List	   *stored = NIL;
	ListCell   *lc;
	bool		changes = false;

	scan_init(&scan);
	scan_key_int64(&scan, requirement_id);
	scan_begin(&scan, rel, "requirement_key_requirement_idx", NULL);
	while (HeapTupleIsValid(tup = scan_next(&scan)))
	{
		ObjectKey  *key = palloc_object(ObjectKey);
		bool		isnull;

		key->schema = tuple_text(rel, tup, KEY_SCHEMA);
		key->name = tuple_text(rel, tup, KEY_NAME);
		key->classid = DatumGetObjectId(heap_getattr(tup, KEY_CLASS,
													 RelationGetDescr(rel), &isnull));
		key->found = DatumGetBool(heap_getattr(tup, KEY_FOUND,
											   RelationGetDescr(rel), &isnull));
		if (!complete || key_in_list(key, keys))
			stored = lappend(stored, key);
		else
		{
			changes = true;
			if (write)
				store_delete(rel, tup);
		}
	}
	scan_end(&scan);

	foreach(lc, keys)
	{
		ObjectKey  *key = lfirst(lc);
		ObjectKey	flipped = *key;

		/* Without "complete" a key may be there with the other "found". */
		flipped.found = !key->found;
		if (!key_in_list(key, stored) && !key_in_list(&flipped, stored))
		{
			changes = true;
			if (write)
				insert_key(rel, key, requirement_id);
		}
	}
	table_close(rel, NoLock);
	return changes;
}
