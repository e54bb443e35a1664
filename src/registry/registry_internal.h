/*
 * registry_internal.h
 *		Tables of the registry: layout and access.  Private to registry/.
 */
#ifndef COMPAT_GUARD_REGISTRY_INTERNAL_H
#define COMPAT_GUARD_REGISTRY_INTERNAL_H

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/skey.h"
#include "access/table.h"
#include "base/compat.h"
#include "executor/tuptable.h"
#include "utils/jsonb.h"
#include "utils/rel.h"
#include "verify/verify.h"

/* Number the columns of each table from 1, and count them. */
#define BEGIN_TABLE(prefix, name, indexes) enum { prefix##_NO_COLUMN,
#define COLUMN(name, type) name,
#define NULLABLE(name, type) name,
#define END_TABLE(prefix) prefix##_END, prefix##_NATTS = prefix##_END - 1 };
#include "registry/table_list.h"

/* Of the table with the most columns. */
#define STORE_MAX_NATTS EXPANSION_NATTS

/* A row that is being made: every column is NULL until it is set. */
typedef struct Row
{
	Datum		values[STORE_MAX_NATTS];
	bool		nulls[STORE_MAX_NATTS];
	bool		replaces[STORE_MAX_NATTS];
} Row;

/* ---- store.c ---- */

extern void row_init(Row *row);
extern void row_set(Row *row, int attnum, Datum value);
extern void row_set_null(Row *row, int attnum);

/* Set a column; a NULL pointer sets it to null. */
extern void row_set_id(Row *row, int attnum, int64 id); /* null for 0 */
extern void row_set_text(Row *row, int attnum, const char *value);
extern void row_set_json(Row *row, int attnum, Jsonb *value);

/* Return a column of a stored row, copied; NULL, 0 or false if it is null. */
extern char *tuple_text(Relation rel, HeapTuple tup, int attnum);
extern Jsonb *tuple_json(Relation rel, HeapTuple tup, int attnum);
extern int64 tuple_int64(Relation rel, HeapTuple tup, int attnum);
extern Oid	tuple_oid(Relation rel, HeapTuple tup, int attnum);
extern bool tuple_bool(Relation rel, HeapTuple tup, int attnum);
extern bool tuple_is_null(Relation rel, HeapTuple tup, int attnum);

/*
 * Open a table of the extension.  Raise ERRCODE_GUARD_DAMAGED if it is missing or
 * does not have the columns it was made with.
 */
extern Relation store_open(const char *table, LOCKMODE lockmode);

/*
 * Return the OID of a table, index or sequence of the extension.  Raise
 * ERRCODE_GUARD_DAMAGED if it is missing.
 */
extern Oid	store_relid(const char *name);

/*
 * Lock a table or index, with a bounded wait.  In the modes used only dropping or
 * rebuilding it conflicts.
 */
extern void store_lock(Oid relid, LOCKMODE lockmode);

/* Raise ERRCODE_GUARD_DAMAGED: what is wrong with a table, index or row, in one clause. */
compat_noreturn extern void report_damage(const char *name, const char *damage);

extern void store_insert(Relation rel, Row *row);
extern void store_update(Relation rel, HeapTuple tup, Row *row);	/* the columns set in
																	 * row */
extern void store_delete(Relation rel, HeapTuple tup);

/* Return the next value of a sequence, which an abort does not take back. */
extern int64 store_next_id(const char *sequence);

/*
 * Run write(arg) in a subtransaction.  Return false, with nothing written, if it
 * violated a unique index because another transaction was quicker, or had to wait too
 * long for one.  Other errors pass through.
 */
extern bool store_unless_duplicate(void (*write) (void *arg), void *arg);

/* ---- store_scan.c ---- */

/*
 * A scan of a table by one of its indexes, or a series of scans by that index, each
 * with keys of its own.  The index is opened and the snapshot taken for the first,
 * which makes the others cheap.  The snapshot is the latest committed state with
 * the transaction's own changes.
 */
typedef struct StoreScan
{
	Relation	rel;			/* the table */
	LOCKMODE	lockmode;		/* of scan_open */
	Relation	index;			/* NULL before the first scan */
	Snapshot	snapshot;
	TupleTableSlot *slot;
	IndexScanDesc desc;
	ScanDirection direction;
	bool		begun;			/* the next key is the first of another scan */
	bool		has_array;		/* of a GIN index, by scan_key_array */
	int			nkeys;
	ScanKeyData keys[4];
	Oid			types[4];		/* of the keys' values */

	/* Of scan_begin_ids. */
	const int64 *ids;
	int			nids;
	int			nprefix;		/* keys before the id */
	int			index_of_row;	/* in ids, of the row that was returned last */
	int			run_end;		/* in ids, of what is being scanned */
} StoreScan;

/*
 * Open a table and begin a series of scans of it; end the series and close the table.
 * A lock stronger than AccessShareLock is kept to transaction end.
 */
extern void scan_open(StoreScan *scan, const char *table, LOCKMODE lockmode);
extern void scan_close(StoreScan *scan);

/*
 * Open a table to read rows that those of another scan, which has begun and not ended,
 * refer to: with its snapshot, so that what another transaction deletes meanwhile is there.
 */
extern void scan_open_with(StoreScan *scan, const char *table, const StoreScan *other);

/* Begin and end a series of scans of a table that the caller has opened. */
extern void scan_init(StoreScan *scan, Relation rel);
extern void scan_end(StoreScan *scan);

/* Add a key for the next scan.  Keys are in the order of the index's columns. */
extern void scan_key_int64(StoreScan *scan, int64 value);
extern void scan_key_int64_range(StoreScan *scan, int64 least, int64 greatest);
extern void scan_key_text(StoreScan *scan, const char *value);
extern void scan_key_bytea(StoreScan *scan, bytea *value);
extern void scan_key_oid(StoreScan *scan, Oid value);
extern void scan_key_null(StoreScan *scan);
extern void scan_key_before(StoreScan *scan, TimestampTz value);

/* Add the key for arrays that have an element of this one: for scan_begin_bitmap. */
extern void scan_key_array(StoreScan *scan, Datum array);

/* Scan from the first entry of the index to the last, or the other way. */
extern void scan_begin(StoreScan *scan, const char *index);
extern void scan_begin_backward(StoreScan *scan, const char *index);

/* Begin a scan of a GIN index, whose rows the caller gets with index_getbitmap. */
extern void scan_begin_bitmap(StoreScan *scan, const char *index);

/* Return the next row, valid until the next call, or NULL at the end. */
extern HeapTuple scan_next(StoreScan *scan);

/* Begin a scan and return its first row; scan_find: of those that have the id. */
extern HeapTuple scan_first(StoreScan *scan, const char *index);
extern HeapTuple scan_find(StoreScan *scan, const char *index, int64 id);

/*
 * Scan the rows whose next index column after the keys is one of the ids, which are
 * sorted.  scan_next_id also returns the index in ids of the row's id.
 */
extern void scan_begin_ids(StoreScan *scan, const char *index, const int64 *ids, int n);
extern HeapTuple scan_next_id(StoreScan *scan, int *index);

/*
 * Return a copy of the row that a unique index has for the keys, or NULL.  If another
 * transaction is inserting or deleting that row, wait for its end first.
 */
extern HeapTuple scan_settled(StoreScan *scan, const char *index);

/*
 * Insert a row unless the unique index has one for the scan's keys.  Wait for
 * transactions that are inserting one.  Return false if there is one.
 */
extern bool store_insert_unless_present(StoreScan *scan, const char *index, Row *row);

/* ---- version.c ---- */

/* Make an App or a Version of a row of its table. */
extern struct App *app_from_tuple(Relation rel, HeapTuple tup);
extern struct Version *version_from_tuple(Relation rel, HeapTuple tup);

/* ---- requirement_dependency.c ---- */

/*
 * Store the names that requirements depend on: those found last if the requirement
 * was met then, otherwise these in addition to the stored ones, because what it
 * depended on while it was met may come back.  store_keys_change returns for each
 * requirement whether that would change anything.
 */
extern bool *store_keys_change(const int64 *ids, VerifyResult **found, int n);
extern void store_keys(int64 requirement_id, const VerifyResult *found);

/* Return the sorted ids of a version's requirements. */
extern int64 *store_linked_ids(int64 version_id, int *n);

/* ---- id_list.c ---- */

/* A column of type bigint[]; no ids for null. */
typedef struct IdList
{
	int64	   *ids;
	int			n;
} IdList;

extern IdList tuple_ids(Relation rel, HeapTuple tup, int attnum);
extern void row_set_ids(Row *row, int attnum, IdList list);

/* Append an id to a list that begins empty, in the memory context that is current then. */
extern void ids_add(IdList *list, int64 id);

/* Return the ids of n lists, sorted, each once. */
extern IdList ids_of_lists(const IdList *lists, int n);

/* Return the index of the id in a sorted list, or -1. */
extern int	ids_index(int64 id, const IdList *list);

/*
 * Does a visible row of the table have the id in the column, which the GIN index is on?
 * The cost does not depend on the size of the table, but grows a little with the number
 * of rows that have the id.
 */
extern bool any_row_has_id(StoreScan *scan, const char *index, int attnum, int64 id);

/* ---- content_store.c ---- */

/*
 * Store a list of Jsonb * in the table baseline or problem, and return the id of the row
 * that stands for it: one that there is, or a new one; 0 for an empty list.  Between begin
 * and end each content is looked up once.
 */
typedef struct ContentStore ContentStore;

extern ContentStore *content_store_begin(const char *table);
extern int64 content_store(ContentStore *store, List *contents);
extern void content_store_end(ContentStore *store);

/*
 * Return the list of Jsonb * of each of n ids, NIL for 0.  What has one id is one pointer.
 * of: the scan that the ids were read by, which has not ended: who looks at a version
 * without a lock, while another session forgets it, finds no row half gone.
 */
extern List **load_contents(const char *table, const StoreScan *of, const int64 *ids, int n);

/*
 * Delete those rows of the table, of those with the ids and some others, that no row of
 * the table "of" refers to; the index is on its column.  Needs the lock for removal.
 */
extern void drop_unused_contents(const char *table, const char *of, const char *index,
								 IdList ids);

#endif							/* COMPAT_GUARD_REGISTRY_INTERNAL_H */
