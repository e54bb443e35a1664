/*
 * store.h
 *		Tables of the registry: layout and access.  Private to registry/.
 */
#ifndef COMPAT_GUARD_STORE_H
#define COMPAT_GUARD_STORE_H

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/skey.h"
#include "access/table.h"
#include "executor/tuptable.h"
#include "postgres.h"
#include "utils/jsonb.h"
#include "utils/rel.h"
#include "verify/verify.h"

/* Column numbers, as the install script declares the tables. */
enum
{
	APP_ID = 1, APP_NAME, APP_OWNER,
	APP_NATTS = APP_OWNER
};
enum
{
	VERSION_ID = 1, VERSION_APP_ID, VERSION_NAME, VERSION_DIGEST, VERSION_ROLE,
	VERSION_SEARCH_PATH, VERSION_REQUIREMENTS, VERSION_REGISTERED_BY,
	VERSION_REGISTERED_AT, VERSION_RETIRED_BY, VERSION_RETIRED_AT,
	VERSION_RETIRE_REASON,
	VERSION_NATTS = VERSION_RETIRE_REASON
};
enum
{
	REQUIREMENT_ID = 1, REQUIREMENT_DIGEST, REQUIREMENT_KINDNAME,
	REQUIREMENT_OBJECT, REQUIREMENT_EXPECTED, REQUIREMENT_BASELINE,
	REQUIREMENT_ROLE, REQUIREMENT_SEARCH_PATH,
	REQUIREMENT_NATTS = REQUIREMENT_SEARCH_PATH
};
enum
{
	LINK_VERSION_ID = 1, LINK_REQUIREMENT_ID,
	LINK_NATTS = LINK_REQUIREMENT_ID
};
enum
{
	STATE_REQUIREMENT_ID = 1, STATE_STATE, STATE_EVER_MET, STATE_PROBLEMS,
	STATE_CHANGED_AT,
	STATE_NATTS = STATE_CHANGED_AT
};
enum
{
	KEY_SCHEMA = 1, KEY_NAME, KEY_CLASS, KEY_REQUIREMENT_ID, KEY_FOUND,
	KEY_NATTS = KEY_FOUND
};
enum
{
	POLICY_RULE = 1, POLICY_APP, POLICY_ACTION, POLICY_SET_BY, POLICY_SET_AT,
	POLICY_NATTS = POLICY_SET_AT
};

#define STORE_MAX_NATTS VERSION_NATTS

/* A row in the making: every column NULL until set. */
typedef struct Row
{
	Datum		values[STORE_MAX_NATTS];
	bool		nulls[STORE_MAX_NATTS];
	bool		replaces[STORE_MAX_NATTS];
} Row;

extern void row_init(Row *row);
extern void row_set(Row *row, int attnum, Datum value);
extern void row_set_text(Row *row, int attnum, const char *value);	/* NULL: SQL null */
extern void row_set_json(Row *row, int attnum, Jsonb *value);	/* ditto */

/* Columns of a stored row, copied into CurrentMemoryContext. */
extern char *tuple_text(Relation rel, HeapTuple tup, int attnum);	/* NULL for null */
extern Jsonb *tuple_json(Relation rel, HeapTuple tup, int attnum);	/* ditto */
extern int64 tuple_int64(Relation rel, HeapTuple tup, int attnum);
extern bool tuple_is_null(Relation rel, HeapTuple tup, int attnum);

/*
 * Open a table of the extension.  Raises ERRCODE_UNDEFINED_TABLE where it is
 * missing or has not the columns it was made with.
 */
extern Relation store_open(const char *table, int natts, LOCKMODE lockmode);

extern void store_insert(Relation rel, Row *row);
extern void store_update(Relation rel, HeapTuple tup, Row *row);	/* columns set in row */
extern void store_delete(Relation rel, HeapTuple tup);
extern int64 store_next_id(void);

/*
 * Run write(arg) in a subtransaction.  False, and nothing written, if it broke
 * a unique index: somebody else was quicker.  Other errors pass through.
 */
extern bool store_unless_duplicate(void (*write) (void *arg), void *arg);

/*
 * Scan by an index.  Keys are in index column order.  snapshot NULL is the
 * latest committed state plus one's own changes.  Backward is from the last
 * index entry to the first.
 *
 * Between scan_init and scan_end there may be a series of scans of one index,
 * each begun with keys of its own.  The index is opened and the snapshot taken
 * for the first, which makes the others cheap.
 */
typedef struct StoreScan
{
	Relation	index;			/* NULL before the first */
	Snapshot	snapshot;
	TupleTableSlot *slot;
	IndexScanDesc desc;
	ScanDirection direction;
	bool		begun;			/* the next key is the first of another scan */
	int			nkeys;
	ScanKeyData keys[4];

	/* Of scan_begin_ids. */
	Relation	rel;
	const int64 *ids;
	int			nids;
	int			nprefix;		/* keys before the id */
	int			place;			/* in ids, of the row come to */
	int			run_end;		/* in ids, of what is being scanned */
} StoreScan;

extern void scan_init(StoreScan *scan);
extern void scan_key_int64(StoreScan *scan, int64 value);
extern void scan_key_int64_range(StoreScan *scan, int64 least, int64 greatest);
extern void scan_key_text(StoreScan *scan, const char *value);
extern void scan_key_bytea(StoreScan *scan, bytea *value);
extern void scan_key_oid(StoreScan *scan, Oid value);
extern void scan_key_null(StoreScan *scan);
extern void scan_begin(StoreScan *scan, Relation rel, const char *index, Snapshot snapshot);
extern void scan_begin_backward(StoreScan *scan, Relation rel, const char *index);
extern HeapTuple scan_next(StoreScan *scan);	/* NULL at the end */
extern HeapTuple scan_find(StoreScan *scan, Relation rel, const char *index,
						   int64 id);	/* the first of those with the id */

/*
 * All rows whose next index column after the keys is one of the ids, which are
 * sorted.  What comes with each is its place in ids.
 */
extern void scan_begin_ids(StoreScan *scan, Relation rel, const char *index,
						   const int64 *ids, int n);
extern HeapTuple scan_next_id(StoreScan *scan, int *place);

/*
 * The one row that a unique index has for the keys, copied; NULL if there is
 * none.  If another transaction is inserting or deleting it, wait for that to
 * end first.
 */
extern HeapTuple scan_settled(StoreScan *scan, Relation rel, const char *index);
extern void scan_end(StoreScan *scan);

/*
 * The keys of requirements (key.c).  Stored are those last observed, but unless
 * the requirement was met then they are only added to: what it depended on
 * while it was met may come back.
 */
extern bool *store_keys_change(const int64 *ids, Observation **found, int n);	/* of each */
extern void store_keys(int64 requirement_id, const Observation *found);

/* Sorted ids of a version's requirements (key.c). */
extern int64 *store_linked_ids(int64 version_id, int *n);

#endif							/* COMPAT_GUARD_STORE_H */
