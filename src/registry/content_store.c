/*
 * content_store.c
 *		Store JSON that many rows have in common once, and find it by its content.
 *
 * Statements of an application use a few relations in a few ways.  What requirements found
 * when they were first met, and what problems they have now, is the same for those that use
 * a relation in one way.  So each such thing is a row of a table of its own, baseline or
 * problem.  A list of them is one row, too: that of the first, with the ids of the others
 * as its parts.  Rows of requirement and requirement_state refer to a list by that id.
 *
 * Invariant: a row never changes, and is there as long as another refers to it.  Rows are
 * stored and referred to under the lock for registration or that for judgement, and
 * deleted under the lock for removal, which excludes both.
 *
 * Who stores a row waits for nobody who stores an equal one: he would wait with locks, in
 * any order.  Then there are two rows, which costs room and is no error.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "registry/registry.h"
#include "registry/registry_internal.h"
#include "utils/hsearch.h"

/* ---- storing ---- */

/* The columns of both tables are those of baseline. */
StaticAssertDecl((int) PROBLEM_ID == (int) BASELINE_ID &&
				 (int) PROBLEM_HASH == (int) BASELINE_HASH &&
				 (int) PROBLEM_CONTENT == (int) BASELINE_CONTENT &&
				 (int) PROBLEM_PARTS == (int) BASELINE_PARTS, "both tables have the same columns");

typedef struct ContentEntry
{
	int64		hash;			/* must be first */
	List	   *rows;			/* of ContentRow *: those that have it */
} ContentEntry;

typedef struct ContentRow
{
	int64		id;
	Jsonb	   *content;
	IdList		parts;
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

/* Return a hash of a row, which is the same on each machine and after a restore. */
static int64
hash_content(Jsonb *content, IdList parts)
{
	StringInfoData text;
	int64		hash;

	initStringInfo(&text);
	JsonbToCString(&text, &content->root, VARSIZE(content));
	for (int i = 0; i < parts.n; i++)
		appendStringInfo(&text, " %lld", (long long) parts.ids[i]);
	hash = (int64) hash_bytes_extended((const unsigned char *) text.data, text.len, 0);
	pfree(text.data);
	return hash;
}

static void
add_row(ContentEntry *entry, int64 id, Jsonb *content, IdList parts)
{
	ContentRow *row = palloc_object(ContentRow);

	row->id = id;
	row->content = content;
	row->parts = parts;
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
				tuple_json(store->rel, tup, BASELINE_CONTENT),
				tuple_ids(store->rel, tup, BASELINE_PARTS));
	scan_end(&scan);
	return entry;
}

static bool
row_is_equal(const ContentRow *row, Jsonb *content, IdList parts)
{
	return VARSIZE(row->content) == VARSIZE(content) && row->parts.n == parts.n &&
		memcmp(row->content, content, VARSIZE(content)) == 0 &&
		(parts.n == 0 || memcmp(row->parts.ids, parts.ids, sizeof(int64) * parts.n) == 0);
}

/* Return the id of a row that has the content and parts: one that there is, or a new one. */
static int64
store_content(ContentStore *store, Jsonb *content, IdList parts)
{
	int64		hash = hash_content(content, parts);
	ContentEntry *entry = find_entry(store, hash);
	int64		id;
	Row			row;
	ListCell   *lc;

	foreach(lc, entry->rows)
	{
		if (row_is_equal(lfirst(lc), content, parts))
			return ((ContentRow *) lfirst(lc))->id;
	}
	id = store_next_id("id_seq");
	row_init(&row);
	row_set(&row, BASELINE_ID, Int64GetDatum(id));
	row_set(&row, BASELINE_HASH, Int64GetDatum(hash));
	row_set_json(&row, BASELINE_CONTENT, content);
	row_set_ids(&row, BASELINE_PARTS, parts);
	store_insert(store->rel, &row);
	add_row(entry, id, content, parts);
	return id;
}

int64
content_store(ContentStore *store, List *contents)
{
	const IdList none = {0};
	IdList		parts = {0};
	ListCell   *lc;

	if (contents == NIL)
		return 0;
	for_each_from(lc, contents, 1)
		ids_add(&parts, store_content(store, lfirst(lc), none));
	return store_content(store, linitial(contents), parts);
}

/* ---- reading ---- */

/* Rows that were read, by ids that are sorted. */
typedef struct ContentRows
{
	IdList		ids;
	Jsonb	  **contents;
	IdList	   *parts;
} ContentRows;

/* Read the rows of n ids, of which some may be 0. */
static ContentRows
read_rows(StoreScan *scan, const char *pkey, const int64 *ids, int n)
{
	ContentRows rows = {0};
	HeapTuple	tup;
	int			index;

	for (int i = 0; i < n; i++)
	{
		if (ids[i] != 0)
			ids_add(&rows.ids, ids[i]);
	}
	rows.ids.n = registry_sort_ids(rows.ids.ids, rows.ids.n);
	rows.contents = palloc0_array(Jsonb *, rows.ids.n + 1);
	rows.parts = palloc0_array(IdList, rows.ids.n + 1);
	if (rows.ids.n == 0)
		return rows;
	scan_begin_ids(scan, pkey, rows.ids.ids, rows.ids.n);
	while (HeapTupleIsValid(tup = scan_next_id(scan, &index)))
	{
		rows.contents[index] = tuple_json(scan->rel, tup, BASELINE_CONTENT);
		rows.parts[index] = tuple_ids(scan->rel, tup, BASELINE_PARTS);
	}
	return rows;
}

/* Append the content of the row with the id; return the index of the row. */
static int
append_content(List **list, const ContentRows *rows, const char *table, int64 id)
{
	int			index = ids_index(id, &rows->ids);

	if (rows->contents[index] == NULL)
		registry_report_missing(table, id);
	*list = lappend(*list, rows->contents[index]);
	return index;
}

List	  **
load_contents(const char *table, const StoreScan *of, const int64 *ids, int n)
{
	List	  **result = palloc0_array(List *, n + 1);
	char	   *pkey = psprintf("%s_pkey", table);
	ContentRows rows;
	ContentRows parts;
	IdList		all;
	StoreScan	scan;
	bool		any = false;

	for (int i = 0; i < n; i++)
		any |= (ids[i] != 0);
	if (!any)
		return result;
	scan_open_with(&scan, table, of);
	rows = read_rows(&scan, pkey, ids, n);
	all = ids_of_lists(rows.parts, rows.ids.n);
	scan.nkeys = 0;
	parts = read_rows(&scan, pkey, all.ids, all.n);
	scan_close(&scan);

	for (int i = 0; i < n; i++)
	{
		const IdList *its;

		if (ids[i] == 0)
			continue;
		its = &rows.parts[append_content(&result[i], &rows, table, ids[i])];
		for (int j = 0; j < its->n; j++)
			(void) append_content(&result[i], &parts, table, its->ids[j]);
	}
	return result;
}

/* ---- deleting ---- */

/* How many rows a call looks at that nobody has named. */
#define LEFTOVERS	32

/* Return the least or the greatest id in the table, or 0. */
static int64
outermost_id(Relation rel, const char *index, ScanDirection direction)
{
	StoreScan	scan;
	HeapTuple	tup;
	int64		id = 0;

	scan_init(&scan, rel);
	scan.direction = direction;
	tup = scan_first(&scan, index);
	if (HeapTupleIsValid(tup))
		id = tuple_int64(rel, tup, BASELINE_ID);
	scan_end(&scan);
	return id;
}

/* Append ids of the table from "least" on, up to LEFTOVERS in the list. */
static void
add_ids_from(IdList *list, Relation rel, const char *index, int64 least)
{
	StoreScan	scan;
	HeapTuple	tup;

	scan_init(&scan, rel);
	scan_key_int64_range(&scan, least, PG_INT64_MAX);
	scan_begin(&scan, index);
	while (list->n < LEFTOVERS && HeapTupleIsValid(tup = scan_next(&scan)))
		ids_add(list, tuple_int64(rel, tup, BASELINE_ID));
	scan_end(&scan);
}

/*
 * Return some ids of the table, sorted: all of them if there are few.  A judgement that
 * saves other problems than before cannot delete those, because another may be about to
 * refer to them.  So each removal looks at some rows, from anywhere in the table.
 */
static IdList
some_ids(Relation rel, const char *index)
{
	IdList		list = {0};
	int64		least = outermost_id(rel, index, ForwardScanDirection);
	int64		greatest = outermost_id(rel, index, BackwardScanDirection);

	if (least == 0)
		return list;
	add_ids_from(&list, rel, index,
				 least + pg_prng_uint64_range(&pg_global_prng_state, 0, greatest - least));
	add_ids_from(&list, rel, index, least);
	list.n = registry_sort_ids(list.ids, list.n);
	return list;
}

/* Does a row of the users, or a list in the table itself, refer to the row? */
static bool
is_used(StoreScan *users, const char *index, StoreScan *lists, const char *list_index, int64 id)
{
	return HeapTupleIsValid(scan_find(users, index, id)) ||
		any_row_has_id(lists, list_index, BASELINE_PARTS, id);
}

/*
 * Delete those of the rows with the ids, which are sorted, that nothing refers to.  Return
 * the ids of what they referred to.
 */
static IdList
drop_unused(const char *table, const char *of, const char *index, IdList ids)
{
	char	   *list_index = psprintf("%s_part_idx", table);
	IdList	   *parts = palloc0_array(IdList, ids.n + 1);
	StoreScan	rows;
	StoreScan	lists;
	StoreScan	users;
	HeapTuple	tup;
	int			i;

	scan_open(&rows, table, RowExclusiveLock);
	scan_open(&lists, table, AccessShareLock);
	scan_open(&users, of, AccessShareLock);
	scan_begin_ids(&rows, psprintf("%s_pkey", table), ids.ids, ids.n);
	while (HeapTupleIsValid(tup = scan_next_id(&rows, &i)))
	{
		CHECK_FOR_INTERRUPTS();
		if (is_used(&users, index, &lists, list_index, ids.ids[i]))
			continue;
		parts[i] = tuple_ids(rows.rel, tup, BASELINE_PARTS);
		store_delete(rows.rel, tup);
	}
	scan_close(&users);
	scan_close(&lists);
	scan_close(&rows);
	return ids_of_lists(parts, ids.n);
}

void
drop_unused_contents(const char *table, const char *of, const char *index, IdList ids)
{
	Relation	rel = store_open(table, AccessShareLock);
	IdList		lists[2] = {ids, some_ids(rel, psprintf("%s_pkey", table))};

	table_close(rel, AccessShareLock);
	ids = ids_of_lists(lists, 2);

	/* What a list refers to may be unused once the list is gone. */
	while (ids.n > 0)
	{
		ids = drop_unused(table, of, index, ids);
		CommandCounterIncrement();
	}
}
