/*
 * duplicate_key.c
 *		Do several rows of a table have one key?
 *
 * It is asked before a unique index is built: see violation_scan.c for how rows are read.
 */
#include "postgres.h"

#include "access/table.h"
#include "base/guc.h"
#include "base/subtransaction.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "verify/catalog/catalog.h"
#include "verify/properties/properties_internal.h"
#include "verify/run/run.h"

/* The question if several rows have one key. */
typedef struct DuplicateScan
{
	ViolationScan scan;
	List	   *columns;		/* of char * */
	bool		nulls_not_distinct;
} DuplicateScan;

/* Make the query for the keys that several rows have. */
static char *
duplicates_query(const DuplicateScan *duplicates)
{
	Oid			relid = duplicates->scan.relid;
	StringInfoData keys;
	StringInfoData not_null;
	ListCell   *lc;

	initStringInfo(&keys);
	initStringInfo(&not_null);
	foreach(lc, duplicates->columns)
	{
		const char *column = quote_identifier(lfirst(lc));

		appendStringInfo(&keys, "%st.%s", keys.len > 0 ? ", " : "", column);
		if (!duplicates->nulls_not_distinct)
			appendStringInfo(&not_null, "%st.%s IS NOT NULL",
							 not_null.len > 0 ? " AND " : " WHERE ", column);
	}
	return psprintf("SELECT %s FROM ONLY %s AS t%s GROUP BY %s HAVING pg_catalog.count(*) > 1 ORDER BY %s",
					keys.data, violation_relation(relid), not_null.data, keys.data, keys.data);
}

/* Return "email" or "(a, b)". */
static char *
columns_label(List *columns)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, columns)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "", quote_identifier(lfirst(lc)));
	return list_length(columns) > 1 ? psprintf("(%s)", buf.data) : buf.data;
}

static void
scan_for_duplicates(void *arg)
{
	DuplicateScan *duplicates = arg;
	ViolationScan *scan = &duplicates->scan;
	Relation	rel;

	timeout_enter();
	if (!ConditionalLockRelationOid(scan->relid, AccessShareLock))
		return;
	rel = try_table_open(scan->relid, NoLock);
	if (rel == NULL)
		return;
	PushActiveSnapshot(GetLatestSnapshot());
	violation_enter_owner(scan);
	if (violation_may_read(scan, scan->relid))
	{
		set_local("work_mem", psprintf("%d", maintenance_work_mem));
		set_local("hash_mem_multiplier", "1");
		SPI_connect();
		if (SPI_execute(duplicates_query(duplicates), true, MAX_VIOLATIONS + 1) != SPI_OK_SELECT)
			elog(ERROR, "could not count the keys that several rows of table %u have", scan->relid);
		if (SPI_processed > 0 && scan->show_keys)
			scan->violations.sample = violation_sample(scan, rel, columns_label(duplicates->columns));
		scan->violations.nrows = Min(SPI_processed, MAX_VIOLATIONS);
		scan->violations.more = SPI_processed > MAX_VIOLATIONS;
		scan->violations.decided = true;
		SPI_finish();
	}
	PopActiveSnapshot();
	table_close(rel, NoLock);
}

/* Run it within the time that a verification may take. */
static void
find_duplicates(DuplicateScan *duplicates)
{
	ErrorData  *edata;

	timeout_begin(guard_verify_timeout);
	(void) run_execution(EXECUTES_COUNT);
	timeout_watch();
	edata = subtransaction_run(scan_for_duplicates, duplicates, false);
	timeout_end_watch();
	if (timeout_was_cancelled() &&
		(edata == NULL || edata->sqlerrcode != ERRCODE_QUERY_CANCELED))
		timeout_cancel_again();
	if (edata != NULL && error_is_no_answer(edata) &&
		!(edata->sqlerrcode == ERRCODE_QUERY_CANCELED && timeout_is_over() &&
		  !timeout_was_cancelled()))
		ReThrowError(edata);
}

Violations
duplicate_keys(Oid relid, List *columns, bool nulls_not_distinct)
{
	DuplicateScan duplicates = {
		.scan = {.relid = relid, .context = CurrentMemoryContext},
		.columns = columns,
		.nulls_not_distinct = nulls_not_distinct
	};

	if (verify_is_running())
		return duplicates.scan.violations;
	verification_begin(InvalidOid);
	PG_TRY();
	{
		find_duplicates(&duplicates);
	}
	PG_FINALLY();
	{
		timeout_end_watch();
		verification_end();
	}
	PG_END_TRY();
	return duplicates.scan.violations;
}
