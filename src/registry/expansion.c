/*
 * expansion.c
 *		Expansions: columns that are being replaced by others.
 *
 * The table is stored as regclass.  So a row follows its table when that is renamed,
 * and a dump has the table's name.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/errors.h"
#include "base/shown.h"
#include "miscadmin.h"
#include "registry/registry.h"
#include "registry/registry_internal.h"
#include "utils/timestamp.h"

static const char *const phases[] = {
	[PHASE_EXPANDED] = "expanded",
	[PHASE_BACKFILLING] = "backfilling",
	[PHASE_MIGRATED] = "migrated",
	[PHASE_CONTRACTED] = "contracted",
	[PHASE_ABANDONED] = "abandoned"
};

const char *
expansion_phase_name(ExpansionPhase phase)
{
	return phases[phase];
}

bool
expansion_is_running(const ColumnExpansion *expansion)
{
	return expansion->phase < PHASE_CONTRACTED;
}

static ExpansionPhase
phase_by_name(const char *expansion, const char *name)
{
	for (int i = 0; i < lengthof(phases); i++)
	{
		if (strcmp(phases[i], name) == 0)
			return i;
	}
	report_damage("expansion", psprintf("expansion \"%s\" has unknown phase \"%s\"",
										shown(expansion), shown(name)));
}

static ColumnExpansion *
expansion_from_tuple(Relation rel, HeapTuple tup)
{
	ColumnExpansion *expansion = palloc0_object(ColumnExpansion);

	expansion->id = tuple_int64(rel, tup, EXPANSION_ID);
	expansion->name = tuple_text(rel, tup, EXPANSION_NAME);
	expansion->relid = tuple_oid(rel, tup, EXPANSION_RELATION);
	expansion->old_column = tuple_text(rel, tup, EXPANSION_OLD_COLUMN);
	expansion->new_column = tuple_text(rel, tup, EXPANSION_NEW_COLUMN);
	expansion->up = tuple_text(rel, tup, EXPANSION_UP);
	expansion->down = tuple_text(rel, tup, EXPANSION_DOWN);
	expansion->null_on_error =
		strcmp(tuple_text(rel, tup, EXPANSION_ON_ERROR), "null") == 0;
	expansion->trigger = tuple_text(rel, tup, EXPANSION_TRIGGER);
	expansion->phase = phase_by_name(expansion->name, tuple_text(rel, tup, EXPANSION_PHASE));
	expansion->rows_total = tuple_int64(rel, tup, EXPANSION_ROWS_TOTAL);
	expansion->rows_done = tuple_int64(rel, tup, EXPANSION_ROWS_DONE);
	expansion->rows_skipped = tuple_int64(rel, tup, EXPANSION_ROWS_SKIPPED);
	expansion->rows_failed = tuple_int64(rel, tup, EXPANSION_ROWS_FAILED);
	expansion->backfill_at = tuple_int64(rel, tup, EXPANSION_BACKFILL_AT);
	expansion->cursor_part = tuple_oid(rel, tup, EXPANSION_CURSOR_PART);
	expansion->cursor_block = tuple_int64(rel, tup, EXPANSION_CURSOR_BLOCK);
	return expansion;
}

ColumnExpansion *
registry_find_expansion(const char *name)
{
	ColumnExpansion *expansion = NULL;
	StoreScan	scan;
	HeapTuple	tup;

	scan_open(&scan, "expansion", AccessShareLock);
	scan_key_text(&scan, name);
	tup = scan_first(&scan, "expansion_name_idx");
	if (HeapTupleIsValid(tup))
		expansion = expansion_from_tuple(scan.rel, tup);
	scan_close(&scan);
	return expansion;
}

List *
registry_running_expansions(void)
{
	List	   *expansions = NIL;
	StoreScan	scan;
	HeapTuple	tup;

	scan_open(&scan, "expansion", AccessShareLock);
	scan_begin(&scan, "expansion_pkey");
	while (HeapTupleIsValid(tup = scan_next(&scan)))
	{
		ColumnExpansion *expansion = expansion_from_tuple(scan.rel, tup);

		if (expansion_is_running(expansion))
			expansions = lappend(expansions, expansion);
	}
	scan_close(&scan);
	return expansions;
}

static void
set_progress(Row *row, const ColumnExpansion *expansion)
{
	row_set_text(row, EXPANSION_PHASE, expansion_phase_name(expansion->phase));
	row_set(row, EXPANSION_PHASE_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	row_set(row, EXPANSION_ROWS_TOTAL, Int64GetDatum(expansion->rows_total));
	row_set(row, EXPANSION_ROWS_DONE, Int64GetDatum(expansion->rows_done));
	row_set(row, EXPANSION_ROWS_SKIPPED, Int64GetDatum(expansion->rows_skipped));
	row_set(row, EXPANSION_ROWS_FAILED, Int64GetDatum(expansion->rows_failed));
	row_set(row, EXPANSION_BACKFILL_AT, TimestampTzGetDatum(expansion->backfill_at));
	if (expansion->backfill_at == 0)
		row_set_null(row, EXPANSION_BACKFILL_AT);
	row_set(row, EXPANSION_CURSOR_PART, ObjectIdGetDatum(expansion->cursor_part));
	if (!OidIsValid(expansion->cursor_part))
		row_set_null(row, EXPANSION_CURSOR_PART);
	row_set(row, EXPANSION_CURSOR_BLOCK, Int64GetDatum(expansion->cursor_block));
}

void
registry_insert_expansion(ColumnExpansion *expansion)
{
	Relation	rel = store_open("expansion", RowExclusiveLock);
	StoreScan	scan;
	HeapTuple	old;
	Row			row;

	scan_init(&scan, rel);
	scan_key_text(&scan, expansion->name);
	old = scan_settled(&scan, "expansion_name_idx");
	if (HeapTupleIsValid(old) && expansion_is_running(expansion_from_tuple(rel, old)))
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_EXPANSION),
				 errmsg("expansion \"%s\" is running already", shown(expansion->name))));
	if (HeapTupleIsValid(old))
		store_delete(rel, old);

	expansion->id = store_next_id("id_seq");
	row_init(&row);
	row_set(&row, EXPANSION_ID, Int64GetDatum(expansion->id));
	row_set_text(&row, EXPANSION_NAME, expansion->name);
	row_set(&row, EXPANSION_RELATION, ObjectIdGetDatum(expansion->relid));
	row_set_text(&row, EXPANSION_OLD_COLUMN, expansion->old_column);
	row_set_text(&row, EXPANSION_NEW_COLUMN, expansion->new_column);
	row_set_text(&row, EXPANSION_UP, expansion->up);
	row_set_text(&row, EXPANSION_DOWN, expansion->down);
	row_set_text(&row, EXPANSION_ON_ERROR, expansion->null_on_error ? "null" : "reject");
	row_set_text(&row, EXPANSION_TRIGGER, expansion->trigger);
	row_set_text(&row, EXPANSION_CREATED_BY, GetUserNameFromId(GetUserId(), false));
	row_set(&row, EXPANSION_CREATED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	set_progress(&row, expansion);
	store_insert(rel, &row);
	table_close(rel, NoLock);

	/* The judgement reads it, which may come with no other command between. */
	CommandCounterIncrement();
}

void
registry_update_expansion(const ColumnExpansion *expansion)
{
	StoreScan	scan;
	HeapTuple	tup;
	Row			row;

	scan_open(&scan, "expansion", RowExclusiveLock);
	tup = scan_find(&scan, "expansion_pkey", expansion->id);
	if (!HeapTupleIsValid(tup))
		registry_report_missing("expansion", expansion->id);
	tup = heap_copytuple(tup);
	row_init(&row);
	set_progress(&row, expansion);
	if (phase_by_name(expansion->name, tuple_text(scan.rel, tup, EXPANSION_PHASE)) ==
		expansion->phase)
		row.replaces[EXPANSION_PHASE_AT - 1] = false;
	store_update(scan.rel, tup, &row);
	scan_close(&scan);
	CommandCounterIncrement();
}
