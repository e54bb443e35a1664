/*
 * state.c
 *		What was last found about each requirement.
 */
#include "postgres.h"

#include "registry/registry.h"
#include "registry/store.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/timestamp.h"

/* ---- reading ---- */

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

/* ---- saving ---- */

void
json_append_member(StringInfo buf, const char *name, const char *value)
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
		json_append_member(&buf, "rule", rule_get(problem->rule)->name);
		if (problem->state != STATE_UNMET)
			json_append_member(&buf, "state", state_name(problem->state));
		json_append_member(&buf, "expected", problem->expected);
		json_append_member(&buf, "found", problem->found);
		json_append_member(&buf, "sqlstate", problem->sqlstate);
		json_append_member(&buf, "message", problem->message);
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

static void
write_state(Relation rel, HeapTuple tup, int64 requirement_id, const Observation *obs,
			Jsonb *problems)
{
	bool		met = (obs->state == STATE_MET);
	Row			row;

	row_init(&row);
	row_set_text(&row, STATE_STATE, state_name(obs->state));
	row_set_json(&row, STATE_PROBLEMS, problems);
	row_set(&row, STATE_CHANGED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	if (HeapTupleIsValid(tup))
	{
		row_set(&row, STATE_EVER_MET,
				BoolGetDatum(met || state_from_tuple(rel, tup).ever_met));
		store_update(rel, tup, &row);
	}
	else
	{
		row_set(&row, STATE_REQUIREMENT_ID, Int64GetDatum(requirement_id));
		row_set(&row, STATE_EVER_MET, BoolGetDatum(met));
		store_insert(rel, &row);
	}
}

void
registry_save_state(int64 requirement_id, const Observation *obs)
{
	Relation	rel = store_open("requirement_state", STATE_NATTS, RowExclusiveLock);
	HeapTuple	tup = state_tuple(rel, requirement_id);
	Jsonb	   *problems = problems_to_json(obs->problems);
	bool		complete = (obs->state == STATE_MET);

	/* Usually nothing is new, and then nobody has to wait for anybody. */
	if (state_changes(rel, tup, obs, problems) ||
		store_keys(requirement_id, obs->keys, complete, false))
	{
		if (HeapTupleIsValid(tup))
		{
			registry_lock_row(requirement_id);
			tup = state_tuple(rel, requirement_id);
		}
		if (state_changes(rel, tup, obs, problems))
			write_state(rel, tup, requirement_id, obs, problems);
		(void) store_keys(requirement_id, obs->keys, complete, true);
	}
	table_close(rel, NoLock);
}

/* ---- after a restore ---- */

/* The id in the first row that an index has for the keys, 0 if there is none. */
static int64
first_row(const char *table, int natts, const char *index, StoreScan *scan, int id_attnum)
{
	Relation	rel = store_open(table, natts, AccessShareLock);
	HeapTuple	tup;
	int64		id = 0;

	scan_begin(scan, rel, index, NULL);
	if (HeapTupleIsValid(tup = scan_next(scan)))
		id = tuple_int64(rel, tup, id_attnum);
	scan_end(scan);
	table_close(rel, AccessShareLock);
	return id;
}

bool
registry_is_unestablished(void)
{
	/*
	 * Asked before every change of schema.  To find a row again that was there
	 * before is much cheaper than any, for which a whole index page is read.
	 */
	static int64 seen = 0;
	StoreScan	scan;

	if (seen != 0)
	{
		scan_init(&scan);
		scan_key_int64(&scan, seen);
		seen = first_row("requirement_state", STATE_NATTS, "requirement_state_pkey",
						 &scan, STATE_REQUIREMENT_ID);
	}
	if (seen == 0)
	{
		scan_init(&scan);
		seen = first_row("requirement_state", STATE_NATTS, "requirement_state_pkey",
						 &scan, STATE_REQUIREMENT_ID);
	}
	if (seen != 0)
		return false;

	scan_init(&scan);
	scan_key_null(&scan);
	return first_row("version", VERSION_NATTS, "version_lapsed_idx", &scan, VERSION_ID) != 0;
}
