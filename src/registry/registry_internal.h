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
	VERSION_RETIRE_REASON, VERSION_ATTACHES, VERSION_LEASES,
	VERSION_SUPPORTED_UNTIL, VERSION_LAPSED_AT, VERSION_REPLACES,
	VERSION_REPLACED_BY,
	VERSION_NATTS = VERSION_REPLACED_BY
};
enum
{
	INSTANCE_ID = 1, INSTANCE_VERSION_ID, INSTANCE_NAME, INSTANCE_LEASE,
	INSTANCE_HEARTBEAT_AT, INSTANCE_EXPIRES_AT,
	INSTANCE_NATTS = INSTANCE_EXPIRES_AT
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
	STATE_CHANGED_AT, STATE_PARTS,
	STATE_NATTS = STATE_PARTS
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

enum
{
	JOURNAL_AT = 1, JOURNAL_VERDICT, JOURNAL_MODE, JOURNAL_SESSION_ROLE,
	JOURNAL_ROLE, JOURNAL_APPLICATION_NAME, JOURNAL_CLIENT_ADDR, JOURNAL_PID,
	JOURNAL_XID, JOURNAL_STATEMENTS, JOURNAL_STATEMENT_COUNT, JOURNAL_VERSIONS,
	JOURNAL_FINDINGS, JOURNAL_FINDING_COUNT, JOURNAL_REASON, JOURNAL_REASON_BY,
	JOURNAL_NOW_READY, JOURNAL_ROLLBACK_FLOORS,
	JOURNAL_NATTS = JOURNAL_ROLLBACK_FLOORS
};

#define STORE_MAX_NATTS JOURNAL_NATTS

/* A row in the making: every column NULL until set. */
typedef struct Row
{
	Datum		values[STORE_MAX_NATTS];
	bool		nulls[STORE_MAX_NATTS];
	bool		replaces[STORE_MAX_NATTS];
} Row;

extern void row_init(Row *row);
extern void row_set(Row *row, int attnum, Datum value);
extern void row_set_null(Row *row, int attnum);
extern void row_set_text(Row *row, int attnum, const char *value);	/* NULL: SQL null */
extern void row_set_json(Row *row, int attnum, Jsonb *value);	/* ditto */

/* Columns of a stored row, copied into CurrentMemoryContext. */
extern char *tuple_text(Relation rel, HeapTuple tup, int attnum);	/* NULL for null */
extern Jsonb *tuple_json(Relation rel, HeapTuple tup, int attnum);	/* ditto */
extern int64 tuple_int64(Relation rel, HeapTuple tup, int attnum);
extern Oid	tuple_oid(Relation rel, HeapTuple tup, int attnum);
extern bool tuple_bool(Relation rel, HeapTuple tup, int attnum);	/* false for null */
extern bool tuple_is_null(Relation rel, HeapTuple tup, int attnum);

/*
 * Open a table of the extension.  Raises ERRCODE_GUARD_DAMAGED where it is missing
 * or has not the columns it was made with.
 */
extern Relation store_open(const char *table, int natts, LOCKMODE lockmode);

/* Raise it: what is wrong with a table, index or row, in one clause. */
compat_noreturn extern void report_damage(const char *name, const char *damage);

extern void store_insert(Relation rel, Row *row);
extern void store_update(Relation rel, HeapTuple tup, Row *row);	/* columns set in row */
extern void store_delete(Relation rel, HeapTuple tup);
extern int64 store_next_id(const char *sequence);	/* not undone by an abort */

/*
 * Run write(arg) in a subtransaction.  False, and nothing written, if it broke
 * a unique index: somebody else was quicker.  Other errors pass through.
 */
extern bool store_unless_duplicate(void (*write) (void *arg), void *arg);

/* Make an App or Version of a row of its table. */
extern struct App *app_from_tuple(Relation rel, HeapTuple tup);
extern struct Version *version_from_tuple(Relation rel, HeapTuple tup);

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
	Oid			types[4];		/* of the keys' values */

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
extern void scan_key_before(StoreScan *scan, TimestampTz value);
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
 * Insert row unless scan's keys find one in the unique index, waiting for
 * concurrent inserters of the same; false if there is one now.
 */
extern bool store_insert_unless_present(Relation rel, Row *row, StoreScan *scan,
										const char *index);

/*
 * The keys of requirements (requirement_dependency.c).  Stored are those last observed, but unless
 * the requirement was met then they are only added to: what it depended on
 * while it was met may come back.
 */
extern bool *store_keys_change(const int64 *ids, VerifyResult **found, int n);	/* of each */
extern void store_keys(int64 requirement_id, const VerifyResult *found);

/* Sorted ids of a version's requirements (requirement_dependency.c). */
extern int64 *store_linked_ids(int64 version_id, int *n);

#endif							/* COMPAT_GUARD_REGISTRY_INTERNAL_H */
