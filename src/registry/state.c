/*
 * state.c
 *		What was last found about each requirement, and where to look again.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "lib/qunique.h"
#include "registry/registry.h"
#include "registry/store.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/json.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* ---- finding requirements ---- */

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

/* ---- states ---- */

static StoredState
state_from_tuple(Relation rel, HeapTuple tup)
{
	StoredState stored = {.known = true};
	bool		isnull;

	if (!state_by_name(tuple_text(rel, tup, STATE_STATE), &stored.state))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("requirement %lld is in unknown state \"%s\"",
						(long long) tuple_int64(rel, tup, STATE_REQUIREMENT_ID),
						tuple_text(rel, tup, STATE_STATE))));
	stored.ever_met = DatumGetBool(heap_getattr(tup, STATE_EVER_MET,
												RelationGetDescr(rel), &isnull));
	stored.problems = tuple_json(rel, tup, STATE_PROBLEMS);
	return stored;
}

/* The state's row, copied; NULL if there is none. */
static HeapTuple
state_tuple(Relation rel, int64 requirement_id)
{
	StoreScan	scan;
	HeapTuple	tup;

	scan_init(&scan);
	scan_key_int64(&scan, requirement_id);
	scan_begin(&scan, rel, "requirement_state_pkey", NULL);
	tup = scan_next(&scan);
	if (HeapTupleIsValid(tup))
		tup = heap_copytuple(tup);
	scan_end(&scan);
	return tup;
}

StoredState
registry_read_state(int64 requirement_id)
{
	Relation	rel = store_open("requirement_state", STATE_NATTS, AccessShareLock);
	HeapTuple	tup = state_tuple(rel, requirement_id);
	StoredState stored = {.known = false};

	if (HeapTupleIsValid(tup))
		stored = state_from_tuple(rel, tup);
	table_close(rel, AccessShareLock);
	return stored;
}

void
registry_count_unmet(int64 version_id, int64 *unmet, int64 *broken)
{
	Relation	rel = store_open("requirement_state", STATE_NATTS, AccessShareLock);
	StoreScan	scan;
	HeapTuple	tup;

	*unmet = *broken = 0;
	scan_init(&scan);
	scan_key_text(&scan, state_name(STATE_UNMET));
	scan_begin(&scan, rel, "requirement_state_state_idx", NULL);
	while (HeapTupleIsValid(tup = scan_next(&scan)))
	{
		if (!registry_is_linked(version_id, tuple_int64(rel, tup, STATE_REQUIREMENT_ID)))
			continue;
		(*unmet)++;
		if (state_from_tuple(rel, tup).ever_met)
			(*broken)++;
	}
	scan_end(&scan);
	table_close(rel, AccessShareLock);
}

/*
 * Has the transaction that wrote the row ended altogether?  It is seen to have
 * ended a moment before it sends the invalidations that tell us what it did to
 * the schema, and gives up its locks, its ID's among them, after that.
 */
static bool
writer_is_gone(HeapTuple tup)
{
	TransactionId xid = HeapTupleHeaderGetXmin(tup->t_data);

	if (TransactionIdIsNormal(xid) && !TransactionIdIsCurrentTransactionId(xid) &&
		!ConditionalXactLockTableWait(xid))
		return false;
	AcceptInvalidationMessages();
	return true;
}

/*
 * Lock the state's row, if there is one, until transaction end; *tup is a copy.
 * False if another transaction has it and policy is not to wait.
 */
static bool
lock_state_tuple(Relation rel, int64 requirement_id, LockWaitPolicy policy, HeapTuple *tup)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TM_Result	result;

	do
	{
		TM_FailureData tmfd;

		result = TM_Ok;
		*tup = state_tuple(rel, requirement_id);
		if (HeapTupleIsValid(*tup))
			result = table_tuple_lock(rel, &(*tup)->t_self, SnapshotAny, slot,
									  GetCurrentCommandId(false),
									  LockTupleNoKeyExclusive, policy, 0, &tmfd);

		/* Replaced between our look and our lock: look again. */
	} while (result == TM_Updated || result == TM_Deleted);
	ExecDropSingleTupleTableSlot(slot);

	if (result != TM_Ok && result != TM_WouldBlock)
		elog(ERROR, "unexpected result %d from locking a requirement's state", (int) result);
	return result == TM_Ok;
}

bool
registry_lock_state(int64 requirement_id, StoredState *stored)
{
	Relation	rel = store_open("requirement_state", STATE_NATTS, RowExclusiveLock);
	HeapTuple	tup;
	bool		locked = lock_state_tuple(rel, requirement_id, LockWaitSkip, &tup);

	stored->known = false;
	if (locked && HeapTupleIsValid(tup))
	{
		locked = writer_is_gone(tup);
		*stored = state_from_tuple(rel, tup);
	}
	table_close(rel, NoLock);
	return locked;
}

/* ---- keys ---- */

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

/*
 * Bring the stored keys up to those observed.  Keys of a requirement that is
 * not met are only added to: what it depended on while it was met may come back.
 * Returns whether that changes anything, and without "write" does just that.
 */
static bool
save_keys(int64 requirement_id, List *keys, bool complete, bool write)
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

/* ---- saving ---- */

static void
append_json_member(StringInfo buf, const char *name, const char *value)
{
	if (value == NULL)
		return;
	if (buf->data[buf->len - 1] != '{')
		appendStringInfoChar(buf, ',');
	escape_json(buf, name);
	appendStringInfoChar(buf, ':');
	escape_json(buf, value);
}

Jsonb *
problems_to_json(List *problems)
{
	StringInfoData buf;
	ListCell   *lc;

	if (problems == NIL)
		return NULL;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '[');
	foreach(lc, problems)
	{
		Problem    *problem = lfirst(lc);

		if (buf.len > 1)
			appendStringInfoChar(&buf, ',');
		appendStringInfoChar(&buf, '{');
		append_json_member(&buf, "rule", rule_get(problem->rule)->name);
		append_json_member(&buf, "expected", problem->expected);
		append_json_member(&buf, "found", problem->found);
		append_json_member(&buf, "sqlstate", problem->sqlstate);
		append_json_member(&buf, "message", problem->message);
		appendStringInfoChar(&buf, '}');
	}
	appendStringInfoChar(&buf, ']');
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(buf.data)));
}

static bool
json_equal(Jsonb *a, Jsonb *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return compareJsonbContainers(&a->root, &b->root) == 0;
}

static bool
state_changes(Relation rel, HeapTuple tup, const Observation *obs, Jsonb *problems)
{
	StoredState stored;

	if (!HeapTupleIsValid(tup))
		return true;
	stored = state_from_tuple(rel, tup);
	return stored.state != obs->state || !json_equal(stored.problems, problems);
}

void
registry_save_state(int64 requirement_id, const Observation *obs, bool judged)
{
	Relation	rel = store_open("requirement_state", STATE_NATTS, RowExclusiveLock);
	HeapTuple	tup = state_tuple(rel, requirement_id);
	Jsonb	   *problems = problems_to_json(obs->problems);
	bool		met = (obs->state == STATE_MET);
	bool		changes = state_changes(rel, tup, obs, problems);
	Row			row;

	/* Usually another version has said all of it, and nobody has to wait. */
	if (!judged && !changes && !save_keys(requirement_id, obs->keys, met, false))
	{
		table_close(rel, NoLock);
		return;
	}
	if (!judged)
	{
		(void) lock_state_tuple(rel, requirement_id, LockWaitBlock, &tup);
		changes = state_changes(rel, tup, obs, problems);
	}

	row_init(&row);
	if (changes)
	{
		StoredState stored = {.known = false};

		if (HeapTupleIsValid(tup))
			stored = state_from_tuple(rel, tup);
		row_set_text(&row, STATE_STATE, state_name(obs->state));
		row_set(&row, STATE_EVER_MET, BoolGetDatum(met || stored.ever_met));
		row_set_json(&row, STATE_PROBLEMS, problems);
		row_set(&row, STATE_CHANGED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	}
	if (!HeapTupleIsValid(tup))
	{
		row_set(&row, STATE_REQUIREMENT_ID, Int64GetDatum(requirement_id));
		store_insert(rel, &row);
	}
	else if (changes || judged)
		store_update(rel, tup, &row);
	table_close(rel, NoLock);

	(void) save_keys(requirement_id, obs->keys, met, true);
}

/* ---- after a restore ---- */

/* Has an index any row for the keys? */
static bool
any_row(const char *table, int natts, const char *index, StoreScan *scan)
{
	Relation	rel = store_open(table, natts, AccessShareLock);
	bool		any;

	scan_begin(scan, rel, index, NULL);
	any = HeapTupleIsValid(scan_next(scan));
	scan_end(scan);
	table_close(rel, AccessShareLock);
	return any;
}

bool
registry_is_unestablished(void)
{
	StoreScan	states;
	StoreScan	live;

	scan_init(&states);
	scan_init(&live);
	scan_key_null(&live);
	return !any_row("requirement_state", STATE_NATTS, "requirement_state_pkey", &states) &&
		any_row("version", VERSION_NATTS, "version_retired_idx", &live);
}
