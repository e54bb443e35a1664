/*
 * id_list.c
 *		Columns of type bigint[], in which a row refers to several others.
 */
#include "postgres.h"

#include "access/gin.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "base/compat.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/tidbitmap.h"
#include "registry/registry.h"
#include "registry/registry_internal.h"
#include "storage/bufmgr.h"
#include "utils/array.h"

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

/* Make an array of a list. */
static Datum
id_array(IdList list)
{
	Datum	   *values = palloc_array(Datum, list.n + 1);

	for (int i = 0; i < list.n; i++)
		values[i] = Int64GetDatum(list.ids[i]);
	return PointerGetDatum(construct_array(values, list.n, INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

void
row_set_ids(Row *row, int attnum, IdList list)
{
	row_set_null(row, attnum);
	if (list.n > 0)
		row_set(row, attnum, id_array(list));
}

void
ids_add(IdList *list, int64 id)
{
	/* Double the room when the number has become a power of two. */
	if (list->n == 0)
		list->ids = palloc_array(int64, 1);
	else if ((list->n & (list->n - 1)) == 0)
		list->ids = repalloc_huge(list->ids, sizeof(int64) * 2 * list->n);
	list->ids[list->n++] = id;
}

IdList
ids_of_lists(const IdList *lists, int n)
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

int
ids_index(int64 id, const IdList *list)
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

/* ---- rows by an id in a column ---- */

/* Return a bitmap of the rows that a GIN index has for the keys, and maybe others. */
static TIDBitmap *
bitmap_of(StoreScan *scan)
{
	TIDBitmap  *bitmap = tbm_create(work_mem * 1024L, NULL);
	int			outer_limit = GinFuzzySearchLimit;

	/* The session's limit would leave out rows at random. */
	GinFuzzySearchLimit = 0;
	PG_TRY();
	{
		(void) index_getbitmap(scan->desc, bitmap);
	}
	PG_FINALLY();
	{
		GinFuzzySearchLimit = outer_limit;
	}
	PG_END_TRY();
	return bitmap;
}

static OffsetNumber
last_offset(Relation rel, BlockNumber block)
{
	Buffer		buffer = ReadBuffer(rel, block);
	OffsetNumber last;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	last = PageGetMaxOffsetNumber(BufferGetPage(buffer));
	UnlockReleaseBuffer(buffer);
	return last;
}

/* Does a visible row of the block have the id in the column? */
static bool
block_has_id(StoreScan *scan, IndexFetchTableData * fetch, BlockNumber block, int attnum,
			 int64 id)
{
	OffsetNumber last = last_offset(scan->rel, block);

	for (OffsetNumber offset = FirstOffsetNumber; offset <= last; offset++)
	{
		ItemPointerData tid;
		bool		call_again = false;
		bool		copied;
		IdList		list;

		ItemPointerSet(&tid, block, offset);
		if (!table_index_fetch_tuple(fetch, &tid, scan->snapshot, scan->slot, &call_again, NULL))
			continue;
		list = tuple_ids(scan->rel, ExecFetchSlotHeapTuple(scan->slot, false, &copied), attnum);
		for (int i = 0; i < list.n; i++)
		{
			if (list.ids[i] == id)
				return true;
		}
	}
	return false;
}

bool
any_row_has_id(StoreScan *scan, const char *index, int attnum, int64 id)
{
	IndexFetchTableData *fetch;
	CompatBitmapIterator *iterator;

	COMPAT_BITMAP_PAGE(page);
	TIDBitmap  *bitmap;
	IdList		ids = {&id, 1};
	bool		found = false;

	scan_key_array(scan, id_array(ids));
	scan_begin_bitmap(scan, index);
	bitmap = bitmap_of(scan);
	fetch = table_index_fetch_begin(scan->rel);
	iterator = compat_bitmap_begin(bitmap);
	while (!found && compat_bitmap_next(iterator, page))
	{
		CHECK_FOR_INTERRUPTS();
		found = block_has_id(scan, fetch, compat_bitmap_block(page), attnum, id);
	}
	compat_bitmap_end(iterator);
	table_index_fetch_end(fetch);
	tbm_free(bitmap);
	return found;
}
