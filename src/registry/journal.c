/*
 * journal.c
 *		The journal: the verdict on each transaction that changed the schema.
 *
 * The backend that judges forms the row, but another process may write it: the row
 * of a blocked transaction would be rolled back with it otherwise.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/guard_active.h"
#include "base/guc.h"
#include "base/shown.h"
#include "base/text_list.h"
#include "catalog/indexing.h"
#include "miscadmin.h"
#include "registry/registry.h"
#include "registry/registry_internal.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

static const char *const verdict_names[] = {
	[VERDICT_ALLOWED] = "allowed",
	[VERDICT_WARNED] = "warned",
	[VERDICT_OVERRIDDEN] = "overridden",
	[VERDICT_BLOCKED] = "blocked"
};

/* ---- forming ---- */

static Jsonb *
json_array(List *objects)
{
	return json_from_text(psprintf("[%s]", objects ? text_list_join(objects, ",") : ""));
}

/* Set the client's address: null for a local socket or a process without a client. */
static void
set_client_addr(Row *row)
{
	LOCAL_FCINFO(fcinfo, 0);
	Datum		addr;

	InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid, NULL, NULL);
	addr = inet_client_addr(fcinfo);
	if (!fcinfo->isnull)
		row_set(row, JOURNAL_CLIENT_ADDR, addr);
}

/* Return the name of a role for display, or NULL if the role is gone. */
static char *
role_shown(Oid role)
{
	char	   *name = GetUserNameFromId(role, true);

	return name ? shown(name) : NULL;
}

static HeapTuple
form_row(Relation rel, const JournalEntry *entry)
{
	FullTransactionId xid = GetTopFullTransactionIdIfAny();
	Row			row;

	row_init(&row);
	row_set(&row, JOURNAL_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	row_set_text(&row, JOURNAL_VERDICT, verdict_names[entry->verdict]);
	row_set_text(&row, JOURNAL_MODE, guard_mode_name());
	row_set_text(&row, JOURNAL_SESSION_ROLE, role_shown(GetSessionUserId()));
	row_set_text(&row, JOURNAL_ROLE, role_shown(GetUserId()));
	row_set_text(&row, JOURNAL_APPLICATION_NAME, application_name);
	set_client_addr(&row);
	row_set(&row, JOURNAL_PID, Int32GetDatum(MyProcPid));
	if (FullTransactionIdIsValid(xid))
		row_set(&row, JOURNAL_XID, FullTransactionIdGetDatum(xid));
	row_set(&row, JOURNAL_STATEMENTS, text_list_array(entry->statements));
	row_set(&row, JOURNAL_STATEMENT_COUNT, Int32GetDatum(entry->nstatements));
	row_set(&row, JOURNAL_VERSIONS, text_list_array(entry->versions));
	row_set_json(&row, JOURNAL_FINDINGS, json_array(entry->findings));
	row_set(&row, JOURNAL_FINDING_COUNT, Int32GetDatum(entry->nfindings));
	row_set_text(&row, JOURNAL_REASON, text_list_join(entry->reasons, "; "));
	row_set_text(&row, JOURNAL_REASON_BY, text_list_join(entry->reasons_by, ", "));
	row_set(&row, JOURNAL_NOW_READY, text_list_array(entry->now_ready));
	row_set_json(&row, JOURNAL_ROLLBACK_FLOORS, json_array(entry->floors));
	return heap_form_tuple(RelationGetDescr(rel), row.values, row.nulls);
}

JournalRow *
registry_make_journal_row(const JournalEntry *entry)
{
	JournalRow *row = palloc_object(JournalRow);
	Relation	rel = store_open("journal_entry", AccessShareLock);
	Datum		json;

	row->extension = guard_extension_oid();
	row->table = RelationGetRelid(rel);
	row->tuple = form_row(rel, entry);
	json = heap_copy_tuple_as_datum(row->tuple, RelationGetDescr(rel));
	json = DirectFunctionCall1(row_to_json, json);
	row->text = TextDatumGetCString(json);
	table_close(rel, AccessShareLock);
	return row;
}

/* ---- writing ---- */

void
registry_write_journal(const JournalEntry *entry)
{
	Relation	rel = store_open("journal_entry", RowExclusiveLock);
	HeapTuple	tup = form_row(rel, entry);

	/*
	 * At commit no snapshot is active any more, and long values need one for
	 * their TOAST table.
	 */
	PushActiveSnapshot(GetTransactionSnapshot());
	CatalogTupleInsert(rel, tup);
	PopActiveSnapshot();
	table_close(rel, NoLock);
}

/*
 * Give a row its number, by which explain_block() is asked.  That is done here and not
 * where the row is formed, for the session that changes the schema would find the number
 * in lastval().
 */
static HeapTuple
number_row(Relation rel, HeapTuple tup)
{
	Row			row;

	row_init(&row);
	row_set(&row, JOURNAL_ID, Int64GetDatum(store_next_id("id_seq")));
	return heap_modify_tuple(tup, RelationGetDescr(rel), row.values, row.nulls, row.replaces);
}

void
registry_write_journal_row(const JournalRow *row)
{
	Relation	rel;

	if (!registry_lock_against_drop())
		return;

	/* The row fits this table only, as it was or with columns added since. */
	if (guard_extension_oid() == row->extension &&
		(rel = try_table_open(row->table, RowExclusiveLock)) != NULL)
	{
		if (HeapTupleHeaderGetNatts(row->tuple->t_data) <= RelationGetDescr(rel)->natts)
			CatalogTupleInsert(rel, number_row(rel, row->tuple));
		table_close(rel, NoLock);
	}
}

void
registry_count_missed_row(void)
{
	(void) store_next_id("journal_missed_seq");
}

int64
registry_prune_journal(TimestampTz before)
{
	/* Keep other prunes out, but not sessions that write. */
	StoreScan	scan;
	HeapTuple	tup;
	int64		n = 0;

	scan_open(&scan, "journal_entry", ShareUpdateExclusiveLock);
	scan_key_before(&scan, before);
	scan_begin(&scan, "journal_entry_at_idx");
	while (HeapTupleIsValid(tup = scan_next(&scan)))
	{
		CHECK_FOR_INTERRUPTS();
		store_delete(scan.rel, tup);
		n++;
	}
	scan_close(&scan);
	return n;
}
