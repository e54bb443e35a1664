/*
 * state.c
 *		States: what was last found about each requirement.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "base/compat.h"
#include "base/guard_active.h"
#include "catalog/pg_type.h"
#include "registry/registry.h"
#include "registry/registry_internal.h"
#include "storage/bufmgr.h"
#include "storage/proc.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* ---- reading ---- */

static List *
parts_from_tuple(Relation rel, HeapTuple tup)
{
	bool		isnull;
	Datum		value = heap_getattr(tup, STATE_PARTITIONS, RelationGetDescr(rel), &isnull);
	List	   *parts = NIL;
	ArrayType  *array;
	int			n;

	if (isnull)
		return NIL;
	array = DatumGetArrayTypeP(value);
	n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (ARR_HASNULL(array) || n % 2 != 0)
		report_damage("requirement_state",
					  psprintf("requirement %lld has no pairs of partitions",
							   (long long) tuple_int64(rel, tup, STATE_REQUIREMENT_ID)));
	for (int i = 0; i < n; i++)
		parts = lappend_oid(parts, ((Oid *) ARR_DATA_PTR(array))[i]);
	return parts;
}

/* Without the problems. */
static StoredState
state_from_tuple(Relation rel, HeapTuple tup)
{
	StoredState stored = {.known = true};
	bool		isnull;

	if (!state_by_name(tuple_text(rel, tup, STATE_STATE), &stored.state))
		report_damage("requirement_state",
					  psprintf("requirement %lld is in unknown state \"%s\"",
							   (long long) tuple_int64(rel, tup, STATE_REQUIREMENT_ID),
							   tuple_text(rel, tup, STATE_STATE)));
	stored.ever_met = DatumGetBool(heap_getattr(tup, STATE_EVER_MET,
												RelationGetDescr(rel), &isnull));
	stored.parts = parts_from_tuple(rel, tup);
	return stored;
}

StoredState *
registry_read_states(const int64 *ids, int n)
{
	StoredState *states = palloc0_array(StoredState, n);
	int64	   *ids_of_problems = palloc0_array(int64, n + 1);
	List	  **problems;
	StoreScan	scan;
	HeapTuple	tup;
	int			index;

	scan_open(&scan, "requirement_state", AccessShareLock);
	scan_begin_ids(&scan, "requirement_state_pkey", ids, n);
	while (HeapTupleIsValid(tup = scan_next_id(&scan, &index)))
	{
		states[index] = state_from_tuple(scan.rel, tup);
		ids_of_problems[index] = tuple_int64(scan.rel, tup, STATE_PROBLEM);
	}
	problems = load_contents("problem", &scan, ids_of_problems, n);
	scan_close(&scan);
	for (int i = 0; i < n; i++)
		states[i].problems = problems[i];
	return states;
}

/*
 * The unmet requirements and those of the version are both sorted by id.  So each
 * list is searched in turn for the id that the other has come to, at the cost of the
 * shorter list.
 */
void
registry_count_unmet(int64 version_id, int64 *unmet, int64 *broken)
{
	StoreScan	states;
	StoreScan	links;
	int64		id = 0;

	*unmet = *broken = 0;
	scan_open(&states, "requirement_state", AccessShareLock);
	scan_open(&links, "version_requirement", AccessShareLock);
	for (;;)
	{
		HeapTuple	state;
		HeapTuple	link;
		int64		unmet_id;

		scan_key_text(&states, state_name(STATE_UNMET));
		scan_key_int64_range(&states, id, PG_INT64_MAX);
		state = scan_first(&states, "requirement_state_state_idx");
		if (!HeapTupleIsValid(state))
			break;
		unmet_id = tuple_int64(states.rel, state, STATE_REQUIREMENT_ID);

		scan_key_int64(&links, version_id);
		scan_key_int64_range(&links, unmet_id, PG_INT64_MAX);
		link = scan_first(&links, "version_requirement_pkey");
		if (!HeapTupleIsValid(link))
			break;
		id = tuple_int64(links.rel, link, LINK_REQUIREMENT_ID);

		if (id == unmet_id)
		{
			(*unmet)++;
			if (state_from_tuple(states.rel, state).ever_met)
				(*broken)++;
			id++;
		}
	}
	scan_close(&links);
	scan_close(&states);
}

bool
registry_version_is_ready(int64 version_id)
{
	int64		unmet;
	int64		broken;

	registry_count_unmet(version_id, &unmet, &broken);
	return unmet == 0;
}

/* ---- saving ---- */

Jsonb *
problem_to_json(const Problem *problem)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	json_append_member(&buf, "rule", rule_get(problem->rule)->name);
	if (problem->state != STATE_UNMET)
		json_append_member(&buf, "state", state_name(problem->state));
	json_append_member(&buf, "expected", problem->expected);
	json_append_member(&buf, "found", problem->found);
	json_append_member(&buf, "sqlstate", problem->sqlstate);
	json_append_member(&buf, "message", problem->message);
	appendStringInfoChar(&buf, '}');
	return json_from_text(buf.data);
}

List *
problems_to_json(List *problems)
{
	List	   *jsons = NIL;
	ListCell   *lc;

	foreach(lc, problems)
		jsons = lappend(jsons, problem_to_json(lfirst(lc)));
	return jsons;
}

static bool
text_equal(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Would two lists of Problem * be stored as the same, in their order, too? */
static bool
problems_equal(List *a, List *b)
{
	ListCell   *lca;
	ListCell   *lcb;

	if (list_length(a) != list_length(b))
		return false;
	forboth(lca, a, lcb, b)
	{
		const Problem *x = lfirst(lca);
		const Problem *y = lfirst(lcb);

		if (x->rule != y->rule || x->state != y->state ||
			!text_equal(x->expected, y->expected) || !text_equal(x->found, y->found) ||
			!text_equal(x->sqlstate, y->sqlstate) || !text_equal(x->message, y->message))
			return false;
	}
	return true;
}

/*
 * Return the problems of each of n results as a list of Jsonb *.  Statements that use one
 * relation mostly have the same as the one before, and then get its list.
 */
static List **
problems_of_each(VerifyResult **found, int n)
{
	List	  **problems = palloc_array(List *, n);

	for (int i = 0; i < n; i++)
	{
		if (i > 0 && problems_equal(found[i - 1]->problems, found[i]->problems))
			problems[i] = problems[i - 1];
		else
			problems[i] = problems_to_json(found[i]->problems);
	}
	return problems;
}

/* Are two lists of Jsonb * equal, in their order, too? */
static bool
jsons_equal(List *a, List *b)
{
	ListCell   *lca;
	ListCell   *lcb;

	if (list_length(a) != list_length(b))
		return false;
	forboth(lca, a, lcb, b)
	{
		if (compareJsonbContainers(&((Jsonb *) lfirst(lca))->root,
								   &((Jsonb *) lfirst(lcb))->root) != 0)
			return false;
	}
	return true;
}

/* Does what was found differ from what was known, apart from the problems? */
static bool
state_changes(const StoredState *before, const VerifyResult *result)
{
	return !before->known || before->state != result->state ||
		!equal(before->parts, result->parts);
}

static void
set_parts(Row *row, List *parts)
{
	int			n = list_length(parts);
	Datum	   *oids = palloc_array(Datum, n + 1);

	for (int i = 0; i < n; i++)
		oids[i] = ObjectIdGetDatum(list_nth_oid(parts, i));
	if (n == 0)
		row_set_null(row, STATE_PARTITIONS);
	else
		row_set(row, STATE_PARTITIONS,
				PointerGetDatum(construct_array(oids, n, OIDOID, sizeof(Oid), true,
												TYPALIGN_INT)));
}

/* Insert or update the state of a requirement. */
static void
write_state(int64 requirement_id, const VerifyResult *result, int64 problem_id)
{
	bool		met = (result->state == STATE_MET);
	StoredState before = {.known = false};
	int64		problem_before = 0;
	StoreScan	scan;
	HeapTuple	tup;
	Row			row;

	/* Read the state again: the requirement is locked only now. */
	scan_open(&scan, "requirement_state", RowExclusiveLock);
	tup = scan_find(&scan, "requirement_state_pkey", requirement_id);
	if (HeapTupleIsValid(tup))
	{
		before = state_from_tuple(scan.rel, tup);
		problem_before = tuple_int64(scan.rel, tup, STATE_PROBLEM);
	}

	row_init(&row);
	row_set_text(&row, STATE_STATE, state_name(result->state));
	row_set_id(&row, STATE_PROBLEM, problem_id);
	row_set(&row, STATE_EVER_MET, BoolGetDatum(met || before.ever_met));
	row_set(&row, STATE_CHANGED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	set_parts(&row, result->parts);
	if (!before.known)
	{
		row_set(&row, STATE_REQUIREMENT_ID, Int64GetDatum(requirement_id));
		store_insert(scan.rel, &row);
	}
	else if (state_changes(&before, result) || problem_before != problem_id)
		store_update(scan.rel, tup, &row);
	scan_close(&scan);
}

/* Save those results that are marked as changes. */
static void
save_changes(const int64 *ids, const bool *changes, VerifyResult **found, List **problems,
			 int n)
{
	ContentStore *store = content_store_begin("problem");
	List	   *stored = NIL;
	int64		problem_id = 0;

	for (int i = 0; i < n; i++)
	{
		if (!changes[i])
			continue;
		if (problems[i] != stored)
		{
			stored = problems[i];
			problem_id = content_store(store, stored);
		}
		write_state(ids[i], found[i], problem_id);
		store_keys(ids[i], found[i]);
	}
	content_store_end(store);
}

void
registry_save_states(const int64 *ids, const StoredState *before, VerifyResult **found,
					 int n)
{
	bool	   *keys_change = store_keys_change(ids, found, n);
	List	  **problems = problems_of_each(found, n);
	int64	   *changing = palloc_array(int64, n);
	bool	   *changes = palloc_array(bool, n);
	bool		any = false;
	int			nchanging = 0;

	/* Mostly nothing is new, and then no lock is needed. */
	for (int i = 0; i < n; i++)
	{
		changes[i] = keys_change[i] || state_changes(&before[i], found[i]) ||
			!jsons_equal(before[i].problems, problems[i]);
		any |= changes[i];
		if (changes[i] && before[i].known)
			changing[nchanging++] = ids[i];
	}
	registry_lock_to_save(changing, nchanging);
	if (any)
		save_changes(ids, changes, found, problems, n);
	CommandCounterIncrement();
}

/* ---- after a restore ---- */

/* Is there a visible row at the address? */
static bool
row_is_there(Relation rel, ItemPointer tid)
{
	TupleTableSlot *slot;
	Snapshot	snapshot;
	bool		found;

	if (ItemPointerGetBlockNumber(tid) >= RelationGetNumberOfBlocks(rel))
		return false;
	slot = table_slot_create(rel, NULL);
	snapshot = RegisterSnapshot(GetCatalogSnapshot(RelationGetRelid(rel)));
	found = table_tuple_fetch_row_version(rel, tid, snapshot, slot);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	return found;
}

/* Find the address of the first row that an index has for the keys, if there is one. */
static bool
first_row(StoreScan *scan, const char *index, ItemPointer tid)
{
	HeapTuple	tup;

	if (RelationGetNumberOfBlocks(scan->rel) == 0)
		return false;
	tup = scan_first(scan, index);
	if (HeapTupleIsValid(tup))
		*tid = tup->t_self;
	return HeapTupleIsValid(tup);
}

/* Is any state stored? */
static bool
any_state(void)
{
	/*
	 * Every change of schema calls this, and more than once.  To find the row
	 * of the last time is much cheaper than to search for one, which reads a
	 * whole index page.  Nothing is looked at again within a statement of the
	 * client, but in another transaction of a message with several: a
	 * rollback may have taken the row away.
	 */
	static Oid	seen_in = InvalidOid;
	static ItemPointerData seen;
	static TimestampTz seen_at = 0;
	static LocalTransactionId seen_by = InvalidLocalTransactionId;
	static SubTransactionId seen_by_sub = InvalidSubTransactionId;
	StoreScan	scan;

	if (OidIsValid(seen_in) && seen_at == GetCurrentStatementStartTimestamp() &&
		seen_by == compat_my_lxid() && seen_by_sub == GetCurrentSubTransactionId() &&
		get_rel_namespace(seen_in) == guard_schema_oid())
		return true;
	scan_open(&scan, "requirement_state", AccessShareLock);
	if (seen_in != RelationGetRelid(scan.rel) || !row_is_there(scan.rel, &seen))
		seen_in = first_row(&scan, "requirement_state_pkey", &seen)
			? RelationGetRelid(scan.rel) : InvalidOid;
	scan_close(&scan);
	seen_at = GetCurrentStatementStartTimestamp();
	seen_by = compat_my_lxid();
	seen_by_sub = GetCurrentSubTransactionId();
	return OidIsValid(seen_in);
}

static bool
any_tracked_version(void)
{
	ItemPointerData tid;
	StoreScan	scan;
	bool		found;

	scan_open(&scan, "version", AccessShareLock);
	scan_key_null(&scan);
	found = first_row(&scan, "version_skipped_idx", &tid);
	scan_close(&scan);
	return found;
}

bool
registry_needs_initial_verification(void)
{
	return !any_state() && any_tracked_version();
}

bool
registry_any_tracked_version(void)
{
	/* A state is stored only for a tracked version. */
	return any_state() || any_tracked_version();
}
