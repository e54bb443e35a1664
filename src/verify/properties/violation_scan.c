/*
 * violation_scan.c
 *		Read the rows of a table as its owner, to count those that a query finds.
 *
 * The query has code of whoever owns the table, so it runs as VALIDATE run by the owner
 * would: with the owner's rights, security-restricted, with a search path in which
 * nothing can be planted; neither as the contract's role nor as whoever changes the
 * schema.  Reading a table can run code that belongs to it, too (the planner evaluates
 * immutable functions, such as an index's), so a table of anybody else is read only if
 * its owner could act as ours anyway.  Of what it calls only functions of the session's
 * own user are run: see execution.c.
 *
 * All is done in a subtransaction that is always rolled back, which ends the role, the
 * settings and the locks.
 */
#include "postgres.h"

#include <math.h>
#include "access/table.h"
#include "catalog/pg_inherits.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/properties/properties_internal.h"
#include "verify/run/run.h"

#define MAX_SAMPLES		3

#define MAX_VALUE_SHOWN	40		/* bytes */

/* So many partitions or children are locked to be read that are not locked already. */
#define MANY_PARTS		100

char *
violation_column(const char *alias, Oid relid, AttrNumber attnum)
{
	return psprintf("%s.%s", alias,
					quote_identifier(get_attname(relid, attnum, false)));
}

char *
violation_relation(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

/* ---- who may read what ---- */

static Oid
relation_owner(Oid relid)
{
	Relation	rel = table_open(relid, NoLock);
	Oid			owner = rel->rd_rel->relowner;

	table_close(rel, NoLock);
	return owner;
}

bool
violation_may_read(const ViolationScan *scan, Oid relid)
{
	return has_privs_of_role(relation_owner(relid), scan->owner) &&
		check_enable_rls(relid, scan->owner, true) != RLS_ENABLED;
}

/* Can the answer be seen only by those who could see the rows? */
static bool
may_show(Oid relid, Oid role)
{
	return pg_class_aclcheck(relid, role, ACL_SELECT) == ACLCHECK_OK &&
		check_enable_rls(relid, role, true) != RLS_ENABLED;
}

void
violation_enter_owner(ViolationScan *scan)
{
	scan->owner = relation_owner(scan->relid);
	scan->show_keys = may_show(scan->relid, GetOuterUserId()) &&
		may_show(scan->relid, GetUserId());
	SetUserIdAndSecContext(scan->owner, SECURITY_RESTRICTED_OPERATION);
	set_local("search_path", "pg_catalog, pg_temp");
	set_local("constraint_exclusion", "off");	/* whose expressions it would
												 * run */
	set_local("max_parallel_workers_per_gather", "0");
	set_local("synchronize_seqscans", "off");	/* from the start, for the
												 * sample */
	set_local("enable_hashjoin", "on");
	set_local("enable_mergejoin", "on");
}

/* ---- reading ---- */

uint64
violation_bytes_of(Relation rel, bool with_toast)
{
	uint64		pages = RelationGetNumberOfBlocks(rel);

	if (with_toast && OidIsValid(rel->rd_rel->reltoastrelid))
	{
		Relation	toast = table_open(rel->rd_rel->reltoastrelid, AccessShareLock);

		pages += RelationGetNumberOfBlocks(toast);
		table_close(toast, NoLock);
	}
	return pages * BLCKSZ;
}

List *
violation_lock_parts(Oid relid, bool *all)
{
	List	   *relids = find_all_inheritors(relid, NoLock, NULL);
	List	   *locked = NIL;
	int			nfree = 0;
	int			place = 0;
	ListCell   *lc;

	list_sort(relids, list_oid_cmp);
	foreach(lc, relids)
		nfree += !conditional_lock_is_held(lfirst_oid(lc));
	*all = (nfree <= MANY_PARTS);
	foreach(lc, relids)
	{
		Oid			part = lfirst_oid(lc);

		if (!conditional_lock_is_held(part))
		{
			place++;
			if (!*all && place > MANY_PARTS / 2 && place <= nfree - MANY_PARTS / 2)
				continue;
			conditional_lock_description(part);
			if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(part)))
				continue;		/* dropped before we had the lock */
		}
		locked = lappend_oid(locked, part);
	}
	return locked;
}

/* "id", "(a, b)" or "ctid", and the list of these for SELECT. */
static char *
key_of(const ViolationScan *scan, Relation rel, char **list)
{
	Bitmapset  *columns = NULL;
	StringInfoData label;
	StringInfoData select;
	int			column = -1;

	if (scan->show_keys)
		columns = RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	if (columns == NULL)
	{
		*list = "t.ctid";
		return "ctid";
	}
	initStringInfo(&label);
	initStringInfo(&select);
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		AttrNumber	attnum = column + FirstLowInvalidHeapAttributeNumber;
		const char *sep = select.len > 0 ? ", " : "";

		appendStringInfo(&select, "%s%s", sep,
						 violation_column("t", RelationGetRelid(rel), attnum));
		appendStringInfo(&label, "%s%s", sep,
						 get_attname(RelationGetRelid(rel), attnum, false));
	}
	*list = select.data;
	return bms_membership(columns) == BMS_MULTIPLE ?
		psprintf("(%s)", label.data) : label.data;
}

/* Append a value, or so much of it as is shown; NULL: it is null. */
static void
append_value(StringInfo buf, const char *value)
{
	int			len;

	if (value == NULL)
		value = "NULL";
	len = strlen(value);
	if (len <= MAX_VALUE_SHOWN)
		appendStringInfoString(buf, value);
	else
	{
		appendBinaryStringInfo(buf, value, pg_mbcliplen(value, len, MAX_VALUE_SHOWN));
		appendStringInfoString(buf, "...");
	}
}

char *
violation_sample(const ViolationScan *scan, Relation rel, const char *label)
{
	TupleDesc	desc = SPI_tuptable->tupdesc;
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s ", label);
	for (uint64 row = 0; row < Min(SPI_processed, MAX_SAMPLES); row++)
	{
		if (row > 0)
			appendStringInfoString(&buf, ", ");
		if (desc->natts > 1)
			appendStringInfoChar(&buf, '(');
		for (int i = 1; i <= desc->natts; i++)
		{
			if (i > 1)
				appendStringInfoString(&buf, ", ");
			append_value(&buf, SPI_getvalue(SPI_tuptable->vals[row], desc, i));
		}
		if (desc->natts > 1)
			appendStringInfoChar(&buf, ')');
	}
	if (RelationGetRelid(rel) != scan->relid)
		appendStringInfo(&buf, " of %s", violation_relation(RelationGetRelid(rel)));
	return MemoryContextStrdup(scan->context, buf.data);
}

/* Count the nrows in what "range" leaves of one table. */
static void
read_range(ViolationScan *scan, Relation rel, const char *range)
{
	Violations *violations = &scan->violations;
	char	   *keys;
	char	   *label;
	char	   *sql;

	if (violations->nrows >= MAX_VIOLATIONS && violations->more)
		return;
	label = key_of(scan, rel, &keys);
	sql = psprintf("SELECT %s FROM ONLY %s AS t%s WHERE %s%s",
				   keys, violation_relation(RelationGetRelid(rel)), scan->join,
				   scan->condition, range);

	SPI_connect();
	if (SPI_execute(sql, true, MAX_VIOLATIONS + 1 - violations->nrows) != SPI_OK_SELECT)
		elog(ERROR, "could not count violations of constraint %u", scan->constraint);
	if (SPI_processed > 0 && violations->sample == NULL)
		violations->sample = violation_sample(scan, rel, label);
	violations->nrows += SPI_processed;
	if (violations->nrows > MAX_VIOLATIONS)
	{
		violations->nrows = MAX_VIOLATIONS;
		violations->more = true;
	}
	SPI_finish();
}

/*
 * Read so much of one table: all, or else its two ends.  Rows violate a rule by
 * age more than by chance: the oldest were written when other rules held, the
 * newest by the versions that run now.  And unlike a random sample the ends are
 * read in sequence, which matters since it is done under the locks of whoever
 * changes the schema.
 */
static void
read_part(ViolationScan *scan, Relation rel, double fraction)
{
	BlockNumber pages = RelationGetNumberOfBlocks(rel);
	BlockNumber end = ceil(pages * fraction / 2);

	if (end >= pages - end)
	{
		read_range(scan, rel, "");
		return;
	}
	scan->part_only = true;
	if (end == 0 || rel->rd_tableam->scan_set_tidrange == NULL)
		return;
	read_range(scan, rel, psprintf(" AND t.ctid >= '(%u,0)'", pages - end));
	read_range(scan, rel, psprintf(" AND t.ctid < '(%u,0)'", end));
}

/* The tables that hold the rows. */
static List *
open_parts(ViolationScan *scan, uint64 *bytes)
{
	List	   *parts = NIL;
	List	   *relids = list_make1_oid(scan->relid);
	ListCell   *lc;

	if (scan->children)
	{
		bool		all;

		relids = violation_lock_parts(scan->relid, &all);
		scan->part_only |= !all;
	}
	*bytes = 0;
	foreach(lc, relids)
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);

		if (RELKIND_HAS_TABLE_AM(rel->rd_rel->relkind) &&
			!RELATION_IS_OTHER_TEMP(rel) &&
			violation_may_read(scan, RelationGetRelid(rel)))
		{
			parts = lappend(parts, rel);
			*bytes += violation_bytes_of(rel, scan->detoasts);
			continue;
		}

		/* Of a foreign table the constraint is no promise, but ask nobody. */
		if (rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
			scan->part_only = true;
		table_close(rel, NoLock);
	}
	return parts;
}

void
violation_read(ViolationScan *scan)
{
	uint64		bytes;
	List	   *parts = open_parts(scan, &bytes);
	double		fraction = bytes <= scan->limit ? 1 : (double) scan->limit / bytes;
	ListCell   *lc;

	foreach(lc, parts)
		read_part(scan, lfirst(lc), fraction);
	foreach(lc, parts)
		table_close(lfirst(lc), NoLock);
}
