/*
 * requirement_dependency.c
 *		Requirements by what they depend on: a name, a role, anything; and those of
 *		a version.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "lib/qunique.h"
#include "registry/registry.h"
#include "registry/registry_internal.h"
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

static void
ids_append(IdArray *array, int64 id)
{
	if (array->n == array->allocated)
	{
		array->allocated *= 2;
		array->ids = repalloc_huge(array->ids, sizeof(int64) * array->allocated);
	}
	array->ids[array->n++] = id;
}

/* Append the ids that are in a column of the rows that an index has for the keys of a scan. */
static void
ids_collect(IdArray *array, StoreScan *scan, const char *index, int attnum)
{
	scan_begin(scan, index);
	for (HeapTuple tup = scan_next(scan); HeapTupleIsValid(tup); tup = scan_next(scan))
		ids_append(array, tuple_int64(scan->rel, tup, attnum));
}

static int
compare_ids(const void *a, const void *b)
{
	int64		ida = *(const int64 *) a;
	int64		idb = *(const int64 *) b;

	return (ida > idb) - (ida < idb);
}

int
registry_sort_ids(int64 *ids, int n)
{
	qsort(ids, n, sizeof(int64), compare_ids);
	return qunique(ids, n, sizeof(int64), compare_ids);
}

/* Close the scan; return the ids, sorted and each once. */
static int64 *
ids_finish(IdArray *array, StoreScan *scan, int *n)
{
	scan_close(scan);
	*n = registry_sort_ids(array->ids, array->n);
	return array->ids;
}

/* Return the ids of one scan, sorted and each once, and close it. */
static int64 *
ids_of_scan(StoreScan *scan, const char *index, int attnum, int *n)
{
	IdArray		array;

	ids_init(&array);
	ids_collect(&array, scan, index, attnum);
	return ids_finish(&array, scan, n);
}

int64 *
registry_requirements_by_names(List *keys, int *n)
{
	IdArray		array;
	StoreScan	scan;
	ListCell   *lc;

	ids_init(&array);
	scan_open(&scan, "requirement_dependency", AccessShareLock);
	foreach(lc, keys)
	{
		ObjectName *key = lfirst(lc);

		scan_key_text(&scan, key->schema);
		if (key->name != NULL)
		{
			scan_key_text(&scan, key->name);
			scan_key_oid(&scan, key->classid);
		}
		ids_collect(&array, &scan, "requirement_dependency_pkey", DEPENDENCY_REQUIREMENT_ID);
	}
	return ids_finish(&array, &scan, n);
}

int64 *
registry_requirements_by_role(const char *role, int *n)
{
	StoreScan	scan;

	scan_open(&scan, "requirement", AccessShareLock);
	scan_key_text(&scan, role);
	return ids_of_scan(&scan, "requirement_role_idx", REQUIREMENT_ID, n);
}

int64 *
registry_requirements_by_role_key(RoleTest test, void *arg, int *n)
{
	IdArray		array;
	StoreScan	scan;
	HeapTuple	tup;
	char	   *last = NULL;
	bool		passes = false;

	ids_init(&array);
	scan_open(&scan, "requirement_dependency", AccessShareLock);
	scan_key_text(&scan, "");
	scan_begin(&scan, "requirement_dependency_pkey");
	while (HeapTupleIsValid(tup = scan_next(&scan)))
	{
		char	   *name;

		if (tuple_oid(scan.rel, tup, DEPENDENCY_CLASS) != AuthIdRelationId)
			continue;
		name = tuple_text(scan.rel, tup, DEPENDENCY_NAME);
		if (last == NULL || strcmp(last, name) != 0)
			passes = test(name, arg);
		last = name;
		if (passes)
			ids_append(&array, tuple_int64(scan.rel, tup, DEPENDENCY_REQUIREMENT_ID));
	}
	return ids_finish(&array, &scan, n);
}

int64 *
store_linked_ids(int64 version_id, int *n)
{
	StoreScan	scan;

	scan_open(&scan, "version_requirement", AccessShareLock);
	scan_key_int64(&scan, version_id);
	return ids_of_scan(&scan, "version_requirement_pkey", LINK_REQUIREMENT_ID, n);
}

int64 *
registry_all_requirements(int *n)
{
	StoreScan	scan;

	scan_open(&scan, "requirement_state", AccessShareLock);
	return ids_of_scan(&scan, "requirement_state_pkey", STATE_REQUIREMENT_ID, n);
}

void
registry_report_missing(const char *table, int64 id)
{
	report_damage(table, psprintf("row %lld, which others refer to, is missing",
								  (long long) id));
}

/* ---- the names that a requirement depends on ---- */

static void
insert_key(Relation rel, const ObjectName *key, int64 requirement_id)
{
	Row			row;

	row_init(&row);
	row_set_text(&row, DEPENDENCY_SCHEMA, key->schema);
	row_set_text(&row, DEPENDENCY_NAME, key->name);
	row_set(&row, DEPENDENCY_CLASS, ObjectIdGetDatum(key->classid));
	row_set(&row, DEPENDENCY_REQUIREMENT_ID, Int64GetDatum(requirement_id));
	row_set(&row, DEPENDENCY_OBJECT_EXISTS, BoolGetDatum(key->found));
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
 * Return the key that is in the current row of a scan, or NULL.  Keys are mostly
 * stored in the order in which they were found, so the search begins at "first".
 */
static ObjectName *
key_of_row(StoreScan *scan, List *keys, int first)
{
	Datum	   *values = scan->slot->tts_values;
	int			n = list_length(keys);

	slot_getsomeattrs(scan->slot, DEPENDENCY_NATTS);
	for (int i = 0; i < n; i++)
	{
		ObjectName *key = list_nth(keys, (first + i) % n);

		if (key->classid == DatumGetObjectId(values[DEPENDENCY_CLASS - 1]) &&
			text_equals(values[DEPENDENCY_NAME - 1], key->name) &&
			text_equals(values[DEPENDENCY_SCHEMA - 1], key->schema))
			return key;
	}
	return NULL;
}

/* Is the row, which has the key or NULL, to be deleted because of what was found? */
static bool
row_is_stale(StoreScan *scan, const VerifyResult *found, const ObjectName *key)
{
	Datum		stored = scan->slot->tts_values[DEPENDENCY_OBJECT_EXISTS - 1];

	return found->state == STATE_MET &&
		(key == NULL || key->found != DatumGetBool(stored));
}

bool *
store_keys_change(const int64 *ids, VerifyResult **found, int n)
{
	bool	   *changes = palloc0_array(bool, n);
	int		   *nstored = palloc0_array(int, n);
	StoreScan	scan;
	int			index;

	scan_open(&scan, "requirement_dependency", AccessShareLock);
	scan_begin_ids(&scan, "requirement_dependency_requirement_idx", ids, n);
	while (HeapTupleIsValid(scan_next_id(&scan, &index)))
	{
		ObjectName *key = key_of_row(&scan, found[index]->keys, nstored[index]);

		nstored[index] += (key != NULL);
		changes[index] |= row_is_stale(&scan, found[index], key);
	}
	scan_close(&scan);

	for (int i = 0; i < n; i++)
		changes[i] |= (nstored[i] < list_length(found[i]->keys));
	pfree(nstored);
	return changes;
}

void
store_keys(int64 requirement_id, const VerifyResult *found)
{
	List	   *missing = list_copy(found->keys);
	StoreScan	scan;
	HeapTuple	tup;
	ListCell   *lc;

	scan_open(&scan, "requirement_dependency", RowExclusiveLock);
	tup = scan_find(&scan, "requirement_dependency_requirement_idx", requirement_id);
	for (; HeapTupleIsValid(tup); tup = scan_next(&scan))
	{
		ObjectName *key = key_of_row(&scan, found->keys, 0);

		if (row_is_stale(&scan, found, key))
			store_delete(scan.rel, tup);
		else
			missing = list_delete_ptr(missing, key);
	}
	scan_end(&scan);
	foreach(lc, missing)
		insert_key(scan.rel, lfirst(lc), requirement_id);
	scan_close(&scan);
}

List *
registry_names_found(int64 requirement_id)
{
	List	   *keys = NIL;
	StoreScan	scan;
	HeapTuple	tup;

	scan_open(&scan, "requirement_dependency", AccessShareLock);
	tup = scan_find(&scan, "requirement_dependency_requirement_idx", requirement_id);
	for (; HeapTupleIsValid(tup); tup = scan_next(&scan))
	{
		ObjectName *key = palloc_object(ObjectName);

		if (!tuple_bool(scan.rel, tup, DEPENDENCY_OBJECT_EXISTS))
			continue;
		slot_getsomeattrs(scan.slot, DEPENDENCY_NATTS);
		key->classid = DatumGetObjectId(scan.slot->tts_values[DEPENDENCY_CLASS - 1]);
		key->schema = tuple_text(scan.rel, tup, DEPENDENCY_SCHEMA);
		key->name = tuple_text(scan.rel, tup, DEPENDENCY_NAME);
		key->found = true;
		keys = lappend(keys, key);
	}
	scan_close(&scan);
	return keys;
}
