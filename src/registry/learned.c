/*
 * learned.c
 *		What the traffic of a version tells: statements that were learned, with the
 *		evidence, and how many were not.
 *
 * Each statement that was learned has a requirement and a link like one that was
 * declared.  The row here says since when and how often it was sent.  The background
 * worker of a database is the only writer, besides forget().
 */
#include "postgres.h"

#include "registry/registry.h"
#include "registry/registry_internal.h"

int64
registry_count_learned(int64 version_id)
{
	return list_length(registry_learned_ids(version_id));
}

/* Return a copy of a number. */
static int64 *
number_copy(int64 number)
{
	int64	   *copy = palloc_object(int64);

	*copy = number;
	return copy;
}

List *
registry_learned_ids(int64 version_id)
{
	StoreScan	scan;
	HeapTuple	tup;
	List	   *ids = NIL;

	scan_open(&scan, "learned_statement", AccessShareLock);
	scan_key_int64(&scan, version_id);
	scan_begin(&scan, "learned_statement_pkey");
	while (HeapTupleIsValid(tup = scan_next(&scan)))
		ids = lappend(ids, number_copy(tuple_int64(scan.rel, tup, LEARNED_REQUIREMENT_ID)));
	scan_close(&scan);
	return ids;
}

bool
registry_add_evidence(int64 version_id, const LearnedStatement *statement)
{
	StoreScan	scan;
	HeapTuple	tup;

	scan_open(&scan, "learned_statement", RowExclusiveLock);
	scan_key_int64(&scan, version_id);
	scan_key_int64(&scan, statement->fingerprint);
	tup = scan_first(&scan, "learned_statement_pkey");
	if (HeapTupleIsValid(tup))
	{
		Row			row;

		row_init(&row);
		row_set(&row, LEARNED_LAST_SEEN,
				TimestampTzGetDatum(Max(statement->seen,
										tuple_int64(scan.rel, tup, LEARNED_LAST_SEEN))));
		row_set(&row, LEARNED_CALLS,
				Int64GetDatum(tuple_int64(scan.rel, tup, LEARNED_CALLS) + statement->calls));
		row_set(&row, LEARNED_SESSIONS,
				Int64GetDatum(tuple_int64(scan.rel, tup, LEARNED_SESSIONS) +
							  (statement->new_session ? 1 : 0)));
		store_update(scan.rel, tup, &row);
	}
	scan_close(&scan);
	return HeapTupleIsValid(tup);
}

void
registry_add_learned(int64 version_id, const LearnedStatement *statement)
{
	StoreScan	scan;
	Row			row;

	row_init(&row);
	row_set(&row, LEARNED_VERSION_ID, Int64GetDatum(version_id));
	row_set(&row, LEARNED_FINGERPRINT, Int64GetDatum(statement->fingerprint));
	row_set(&row, LEARNED_REQUIREMENT_ID, Int64GetDatum(statement->requirement_id));
	row_set(&row, LEARNED_FIRST_SEEN, TimestampTzGetDatum(statement->seen));
	row_set(&row, LEARNED_LAST_SEEN, TimestampTzGetDatum(statement->seen));
	row_set(&row, LEARNED_CALLS, Int64GetDatum(statement->calls));
	row_set(&row, LEARNED_SESSIONS, Int64GetDatum(statement->new_session ? 1 : 0));
	scan_open(&scan, "learned_statement", RowExclusiveLock);
	store_insert(scan.rel, &row);
	scan_close(&scan);
}

void
registry_count_unlearned(int64 version_id, const char *reason, int64 statements)
{
	StoreScan	scan;
	HeapTuple	tup;
	Row			row;

	row_init(&row);
	row_set(&row, UNLEARNED_LAST_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	scan_open(&scan, "unlearned", RowExclusiveLock);
	scan_key_int64(&scan, version_id);
	scan_key_text(&scan, reason);
	tup = scan_first(&scan, "unlearned_pkey");
	if (HeapTupleIsValid(tup))
	{
		row_set(&row, UNLEARNED_STATEMENTS,
				Int64GetDatum(tuple_int64(scan.rel, tup, UNLEARNED_STATEMENTS) + statements));
		store_update(scan.rel, tup, &row);
	}
	else
	{
		row_set(&row, UNLEARNED_VERSION_ID, Int64GetDatum(version_id));
		row_set_text(&row, UNLEARNED_REASON, reason);
		row_set(&row, UNLEARNED_STATEMENTS, Int64GetDatum(statements));
		store_insert(scan.rel, &row);
	}
	scan_close(&scan);
}

List *
registry_forget_learned(int64 version_id, TimestampTz before)
{
	StoreScan	scan;
	HeapTuple	tup;
	List	   *ids = NIL;

	scan_open(&scan, "learned_statement", RowExclusiveLock);
	scan_key_int64(&scan, version_id);
	scan_begin(&scan, "learned_statement_pkey");
	while (HeapTupleIsValid(tup = scan_next(&scan)))
	{
		if (tuple_int64(scan.rel, tup, LEARNED_LAST_SEEN) >= before)
			continue;
		ids = lappend(ids, number_copy(tuple_int64(scan.rel, tup, LEARNED_REQUIREMENT_ID)));
		store_delete(scan.rel, tup);
	}
	scan_close(&scan);
	return ids;
}

void
registry_delete_learned(int64 version_id)
{
	StoreScan	scan;

	(void) registry_forget_learned(version_id, DT_NOEND);
	scan_open(&scan, "unlearned", RowExclusiveLock);
	for (HeapTuple tup = scan_find(&scan, "unlearned_pkey", version_id);
		 HeapTupleIsValid(tup); tup = scan_next(&scan))
		store_delete(scan.rel, tup);
	scan_close(&scan);
}
