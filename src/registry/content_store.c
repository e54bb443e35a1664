/*
 * content_store.c
 *		Store JSON that many rows have in common once, and find it by its content.
 *
 * Statements of an application use a few relations in a few ways.  What requirements found
 * when they were first met, and what problems they have now, is the same for those that use
 * a relation in one way.  So each such thing is a row of a table of its own, baseline or
 * problem, and rows of requirement or requirement_state refer to it by id.
 *
 * Invariant: a row never changes, and is there as long as another refers to it.  Rows are
 * stored and referred to under the lock for registration or that for judgement, and
 * deleted under the lock for removal, which excludes both.
 *
 * Who stores a row waits for nobody who stores an equal one: he would wait with locks, in
 * any order.  Then there are two rows, which costs room and is no error.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "registry/registry.h"
#include "registry/registry_internal.h"
#include "utils/array.h"
#include "utils/hsearch.h"

/* ---- lists of ids ---- */

IdList
tuple_ids(Relation rel, HeapTuple tup, int attnum)
{
	IdList		list = {0};
	bool		isnull;
	Datum		value = heap_getattr(tup, attnum, RelationGetDescr(rel), &isnull);
	ArrayType  *array;

	if (isnull)
		return list;
	array = DatumGetArrayTypePCopy(value);
	if (ARR_HASNULL(array))
		report_damage(RelationGetRelationName(rel), "a list of ids has a null");
	list.n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	list.ids = (int64 *) ARR_DATA_PTR(array);
	return list;
}

void
row_set_ids(Row *row, int attnum, IdList list)
{
	Datum	   *values = palloc_array(Datum, list.n + 1);

	row_set_null(row, attnum);
	for (int i = 0; i < list.n; i++)
		values[i] = Int64GetDatum(list.ids[i]);
	if (list.n > 0)
		row_set(row, attnum,
				PointerGetDatum(construct_array(values, list.n, INT8OID, sizeof(int64),
												FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)));
}

/* Return the ids of all lists, sorted, each once. */
static IdList
all_ids(const IdList *lists, int n)
{
	IdList		all = {0};
	int			total = 0;

	for (int i = 0; i < n; i++)
		total += lists[i].n;
	all.ids = palloc_array(int64, total + 1);
	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < lists[i].n; j++)
			all.ids[all.n++] = lists[i].ids[j];
	}
	all.n = registry_sort_ids(all.ids, all.n);
	return all;
}

/* Return the index of the id in a sorted list, or -1. */
static int
index_of(int64 id, const IdList *list)
{
	int			low = 0;
	int			high = list->n;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (list->ids[middle] == id)
			return middle;
		if (list->ids[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

/* ---- storing ---- */

/* The columns of both tables are those of baseline. */
StaticAssertDecl((int) PROBLEM_ID == (int) BASELINE_ID &&
				 (int) PROBLEM_HASH == (int) BASELINE_HASH &&
				 (int) PROBLEM_CONTENT == (int) BASELINE_CONTENT, "both tables have the same columns");

typedef struct ContentEntry
{
	int64		hash;			/* must be first */
	List	   *rows;			/* of ContentRow *: those that have it */
} ContentEntry;

typedef struct ContentRow
{
	int64		id;
	Jsonb	   *content;
} ContentRow;

struct ContentStore
{
	Relation	rel;
	char	   *index;
	HTAB	   *known;			/* of ContentEntry: what was found or stored
								 * so far */
};

ContentStore *
content_store_begin(const char *table)
{
	ContentStore *store = palloc_object(ContentStore);
	HASHCTL		ctl = {
		.keysize = sizeof(int64), .entrysize = sizeof(ContentEntry), .hcxt = CurrentMemoryContext
	};

	store->rel = store_open(table, RowExclusiveLock);
	store->index = psprintf("%s_hash_idx", table);
	store->known = hash_create("compat_guard contents", 64, &ctl,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return store;
}

void
content_store_end(ContentStore *store)
{
	hash_destroy(store->known);
	table_close(store->rel, NoLock);
	pfree(store);
}

/* Return a hash of the text, which is the same on each machine and after a restore. */
static int64
hash_content(Jsonb *content)
{
	StringInfoData text;
	int64		hash;

	initStringInfo(&text);
	JsonbToCString(&text, &content->root, VARSIZE(content));
	hash = (int64) hash_bytes_extended((const unsigned char *) text.data, text.len, 0);
	pfree(text.data);
	return hash;
}

static void
add_row(ContentEntry *entry, int64 id, Jsonb *content)
{
	ContentRow *row = palloc_object(ContentRow);

	row->id = id;
	row->content = content;
	entry->rows = lappend(entry->rows, row);
}

/* Look the hash up, in the table if that is the first time. */
static ContentEntry *
find_entry(ContentStore *store, int64 hash)
{
	bool		found;
	ContentEntry *entry = hash_search(store->known, &hash, HASH_ENTER, &found);
	StoreScan	scan;
	HeapTuple	tup;

	if (found)
		return entry;
	entry->rows = NIL;
	scan_init(&scan, store->rel);
	scan_key_int64(&scan, hash);
	scan_begin(&scan, store->index);
	while (HeapTupleIsValid(tup = scan_next(&scan)))
		add_row(entry, tuple_int64(store->rel, tup, BASELINE_ID),
				tuple_json(store->rel, tup, BASELINE_CONTENT));
	scan_end(&scan);
	return entry;
}

/* Return the id of a row that has the content: one that there is, or a new one. */
static int64
store_content(ContentStore *store, Jsonb *content)
{
	int64		hash = hash_content(content);
	ContentEntry *entry = find_entry(store, hash);
	int64		id;
	Row			row;
	ListCell   *lc;

	foreach(lc, entry->rows)
	{
		ContentRow *known = lfirst(lc);

		if (VARSIZE(known->content) == VARSIZE(content) &&
			memcmp(known->content, content, VARSIZE(content)) == 0)
			return known->id;
	}
	id = store_next_id("id_seq");
	row_init(&row);
	row_set(&row, BASELINE_ID, Int64GetDatum(id));
	row_set(&row, BASELINE_HASH, Int64GetDatum(hash));
	row_set_json(&row, BASELINE_CONTENT, content);
	store_insert(store->rel, &row);
	add_row(entry, id, content);
	return id;
}

IdList
content_store(ContentStore *store, List *contents)
{
	IdList		list = {.ids = palloc_array(int64, list_length(contents) + 1)};
	ListCell   *lc;

	foreach(lc, contents)
		list.ids[list.n++] = store_content(store, lfirst(lc));
	return list;
}

/* ---- reading ---- */

List	  **
load_contents(const char *table, const StoreScan *of, const IdList *lists, int n)
{
	List	  **result = palloc0_array(List *, n + 1);
	IdList		all = all_ids(lists, n);
	Jsonb	  **contents = palloc0_array(Jsonb *, all.n + 1);
	StoreScan	scan;
	HeapTuple	tup;
	int			index;

	if (all.n == 0)
		return result;
	scan_open_with(&scan, table, of);
	scan_begin_ids(&scan, psprintf("%s_pkey", table), all.ids, all.n);
	while (HeapTupleIsValid(tup = scan_next_id(&scan, &index)))
		contents[index] = tuple_json(scan.rel, tup, BASELINE_CONTENT);
	scan_close(&scan);

	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < lists[i].n; j++)
		{
			Jsonb	   *content = contents[index_of(lists[i].ids[j], &all)];

			if (content == NULL)
				registry_report_missing(table, lists[i].ids[j]);
			result[i] = lappend(result[i], content);
		}
	}
	return result;
}

/* ---- deleting ---- */

/* Mark those of the ids that rows of a table refer to. */
static void
mark_used(const char *table, int attnum, const IdList *ids, bool *used)
{
	StoreScan	scan;
	HeapTuple	tup;

	scan_open(&scan, table, AccessShareLock);
	scan_begin(&scan, psprintf("%s_pkey", table));
	while (HeapTupleIsValid(tup = scan_next(&scan)))
	{
		IdList		its = tuple_ids(scan.rel, tup, attnum);

		for (int i = 0; i < its.n; i++)
		{
			int			index = index_of(its.ids[i], ids);

			if (index >= 0)
				used[index] = true;
		}
	}
	scan_close(&scan);
}

/* Return the ids of all rows, in order. */
static IdList
ids_in_table(Relation rel, const char *index)
{
	IdList		list = {.ids = palloc_array(int64, 64)};
	int			allocated = 64;
	StoreScan	scan;
	HeapTuple	tup;

	scan_init(&scan, rel);
	scan_begin(&scan, index);
	while (HeapTupleIsValid(tup = scan_next(&scan)))
	{
		if (list.n == allocated)
		{
			allocated *= 2;
			list.ids = repalloc_huge(list.ids, sizeof(int64) * allocated);
		}
		list.ids[list.n++] = tuple_int64(rel, tup, BASELINE_ID);
	}
	scan_end(&scan);
	return list;
}

void
drop_unused_contents(const char *table, const char *of, int attnum)
{
	Relation	rel = store_open(table, RowExclusiveLock);
	char	   *pkey = psprintf("%s_pkey", table);
	IdList		list = ids_in_table(rel, pkey);
	bool	   *used = palloc0_array(bool, list.n + 1);
	StoreScan	scan;
	HeapTuple	tup;
	int			index;

	if (list.n > 0)
	{
		mark_used(of, attnum, &list, used);
		scan_init(&scan, rel);
		scan_begin_ids(&scan, pkey, list.ids, list.n);
		while (HeapTupleIsValid(tup = scan_next_id(&scan, &index)))
		{
			if (!used[index])
				store_delete(rel, tup);
		}
		scan_end(&scan);
	}
	table_close(rel, NoLock);
}
