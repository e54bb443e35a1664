/*
 * key.c
 *		Which requirements may feel a change: by name, by role, or all; and
 *		which a version has.
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
	StoreScan	scan;
	ListCell   *lc;

	ids_init(&array);
	scan_init(&scan);
	foreach(lc, keys)
	{
		ObjectKey  *key = lfirst(lc);

		scan_key_text(&scan, key->schema);
		if (key->name != NULL)
		{
			scan_key_text(&scan, key->name);
			scan_key_oid(&scan, key->classid);
		}
		ids_collect(&array, &scan, rel, "requirement_key_pkey", KEY_REQUIREMENT_ID);
	}
	scan_end(&scan);
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
	scan_end(&scan);
	table_close(rel, AccessShareLock);
	return ids_finish(&array, n);
}

int64 *
store_linked_ids(int64 version_id, int *n)
{
	Relation	rel = store_open("version_requirement", LINK_NATTS, AccessShareLock);
	IdArray		array;
	StoreScan	scan;

	ids_init(&array);
	scan_init(&scan);
	scan_key_int64(&scan, version_id);
	ids_collect(&array, &scan, rel, "version_requirement_pkey", LINK_REQUIREMENT_ID);
	scan_end(&scan);
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
	scan_end(&scan);
	table_close(rel, AccessShareLock);
	return ids_finish(&array, n);
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
text_equals(Datum value, const char *string)
{
	text	   *t = DatumGetTextPP(value);
	size_t		length = strlen(string);

	return VARSIZE_ANY_EXHDR(t) == length && memcmp(VARDATA_ANY(t), string, length) == 0;
}

/*
 * Where in keys is the one of the row that the scan has come to?  -1 if nowhere.
 * As a rule they are stored in the order in which they are observed: the search
 * begins with "next".
 */
static int
find_key(StoreScan *scan, List *keys, int next)
{
	Datum	   *values = scan->slot->tts_values;
	int			n = list_length(keys);

	slot_getsomeattrs(scan->slot, KEY_NATTS);
	for (int i = 0; i < n; i++)
	{
		int			place = (next + i) % n;
		ObjectKey  *key = list_nth(keys, place);

		if (key->classid == DatumGetObjectId(values[KEY_CLASS - 1]) &&
			text_equals(values[KEY_NAME - 1], key->name) &&
			text_equals(values[KEY_SCHEMA - 1], key->schema))
			return place;
	}
	return -1;
}

bool
store_keys(StoreScan *scan, Relation rel, int64 requirement_id, List *keys,
		   bool complete, bool write)
{
	bool	   *stored = palloc0_array(bool, list_length(keys));
	HeapTuple	tup;
	int			place = -1;
	bool		changes = false;

	for (tup = scan_find(scan, rel, "requirement_key_requirement_idx", requirement_id);
		 HeapTupleIsValid(tup); tup = scan_next(scan))
	{
		bool		found = DatumGetBool(slot_getattr(scan->slot, KEY_FOUND, &(bool) {0}));

		place = find_key(scan, keys, place + 1);
		if (place >= 0 &&
			(!complete || ((ObjectKey *) list_nth(keys, place))->found == found))
			stored[place] = true;
		else if (complete)
		{
			changes = true;
			if (write)
				store_delete(rel, tup);
		}
	}
	for (int i = 0; i < list_length(keys); i++)
	{
		changes |= !stored[i];
		if (write && !stored[i])
			insert_key(rel, list_nth(keys, i), requirement_id);
	}
	pfree(stored);
	return changes;
}
