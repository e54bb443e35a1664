/*
 * violation.c
 *		Do rows written so far violate a constraint?
 *
 * They are counted by a query.  Its text is the constraint's expression, which
 * is code of whoever owns the table, so it runs as VALIDATE run by the owner
 * would: with the owner's rights, security-restricted, with a search path in
 * which nothing can be planted; neither as the contract's role nor as whoever
 * changes the schema.  Reading a table can run code that belongs to it, too
 * (the planner evaluates immutable functions, such as an index's), so a table
 * of anybody else is read only if its owner could act as ours anyway; and a
 * domain's expression only if the domain's owner could.  Of what it calls only
 * functions of the session's own user are run: see execution.c.
 *
 * All is done in a subtransaction that is always rolled back, which ends the
 * role, the settings and the locks.  An error in it is no answer.
 */
#include "postgres.h"

#include <math.h>
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/subtransaction.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/ruleutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/properties/properties_internal.h"
#include "verify/run/run.h"

#define MAX_VIOLATIONS	1000	/* counting stops */

#define MAX_SAMPLES		3

#define MAX_VALUE_SHOWN	40		/* bytes */

/*
 * With a large referenced table, every row that is read costs a page or two
 * there.  So many times fewer pages are read: about as many rows fit in one.
 */
#define ROWS_PER_PAGE	64

/* So many partitions or children are locked to be read that are not locked already. */
#define MANY_PARTS		100

typedef struct ViolationScan
{
	/* The question */
	Oid			constraint;
	Oid			relid;			/* the table */
	AttrNumber	attnum;			/* of a domain; else InvalidAttrNumber */
	MemoryContext context;		/* for the answer */
	bool		show_keys;

	/*
	 * as a query: SELECT keys FROM each part of relid AS t join WHERE
	 * condition
	 */
	Oid			owner;			/* of relid */
	char	   *join;
	char	   *condition;
	bool		children;		/* ask them, too */
	bool		detoasts;		/* the condition reads more than the main fork */
	uint64		limit;			/* bytes to read */

	/* and what was found. */
	Violations	violations;
	bool		part_only;		/* some rows were not read */
} ViolationScan;

static char *
column_name(const char *alias, Oid relid, AttrNumber attnum)
{
	return psprintf("%s.%s", alias,
					quote_identifier(get_attname(relid, attnum, false)));
}

static char *
relation_name(Oid relid)
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

/* Does code that belongs to this role get no rights by running as the owner, and
 * does the owner see every row? */
static bool
may_be_read(const ViolationScan *scan, Oid relid)
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

/* ---- the question as a query ---- */

static void
ask_check(ViolationScan *scan, HeapTuple tup)
{
	Datum		check;
	bool		isnull;
	Node	   *expr;

	check = SysCacheGetAttr(CONSTROID, tup, Anum_pg_constraint_conbin, &isnull);
	if (isnull)
		elog(ERROR, "null conbin for constraint %u", scan->constraint);
	expr = stringToNode(TextDatumGetCString(check));
	scan->detoasts = true;
	if (scan->attnum == InvalidAttrNumber)
		scan->condition =
			psprintf("NOT (%s)",
					 deparse_expression(expr, deparse_context_for("t", scan->relid),
										true, false));
	else
	{
		int32		typmod = -1;
		Oid			type = get_atttype(scan->relid, scan->attnum);

		/*
		 * The expression's VALUE names the one column of the inner query.  It
		 * is of the type below all domains, to which a cast checks nothing.
		 */
		type = getBaseTypeAndTypmod(type, &typmod);
		scan->condition =
			psprintf("(SELECT NOT (%s) FROM (SELECT %s::%s) AS d(value))",
					 deparse_expression(expr, NIL, false, false),
					 column_name("t", scan->relid, scan->attnum),
					 format_type_extended(type, -1, FORMAT_TYPE_TYPEMOD_GIVEN |
										  FORMAT_TYPE_FORCE_QUALIFY));
	}
}

static void
ask_not_null(ViolationScan *scan, HeapTuple tup)
{
	AttrNumber	attnum = scan->attnum;

	if (attnum == InvalidAttrNumber)
	{
		bool		isnull;
		Datum		key = SysCacheGetAttr(CONSTROID, tup,
										  Anum_pg_constraint_conkey, &isnull);

		if (isnull)
			elog(ERROR, "null conkey for constraint %u", scan->constraint);
		attnum = ((AttrNumber *) ARR_DATA_PTR(DatumGetArrayTypeP(key)))[0];
	}
	scan->condition = psprintf("%s IS NULL",
							   column_name("t", scan->relid, attnum));
}

static uint64
bytes_of(Relation rel, bool with_toast)
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

/*
 * The relation, which is locked, and its partitions or children.  As large tables are not read
 * whole, not all of them are locked if they are many, but the oldest and the newest.
 */
static List *
lock_parts(Oid relid, bool *all)
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

/* The referenced table's size; false if it cannot be read whole. */
static bool
referenced_size(const ViolationScan *scan, Oid relid, uint64 *bytes)
{
	bool		all;
	List	   *relids = lock_parts(relid, &all);
	ListCell   *lc;

	*bytes = 0;
	if (!all)
		return false;
	foreach(lc, relids)
	{
		Relation	rel;

		if (!may_be_read(scan, lfirst_oid(lc)))
			return false;
		rel = table_open(lfirst_oid(lc), NoLock);
		if (RELKIND_HAS_STORAGE(rel->rd_rel->relkind))
			*bytes += bytes_of(rel, false);
		table_close(rel, NoLock);
		if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
			break;
	}
	return true;
}

/*
 * As RI_Initial_Check() does it, with the operators, casts and collations by
 * which the constraint's triggers compare.  False if it cannot be asked.
 */
static bool
ask_foreign_key(ViolationScan *scan, HeapTuple tup)
{
	Form_pg_constraint con = (Form_pg_constraint) GETSTRUCT(tup);
	Oid			pk = con->confrelid;
	AttrNumber	conkey[INDEX_MAX_KEYS];
	AttrNumber	confkey[INDEX_MAX_KEYS];
	Oid			operators[INDEX_MAX_KEYS];
	int			nkeys;
	uint64		pk_bytes;
	StringInfoData join;
	StringInfoData condition;

	if (compat_constraint_has_period(con))
		return false;
	conditional_lock_relation(pk);
	if (!referenced_size(scan, pk, &pk_bytes))
		return false;

	DeconstructFkConstraintRow(tup, &nkeys, conkey, confkey, operators,
							   NULL, NULL, NULL, NULL);
	initStringInfo(&join);
	initStringInfo(&condition);
	appendStringInfo(&join, " LEFT JOIN %s%s AS pk ON ",
					 get_rel_relkind(pk) == RELKIND_PARTITIONED_TABLE ? "" : "ONLY ",
					 relation_name(pk));
	appendStringInfo(&condition, "%s IS NULL AND (", column_name("pk", pk, confkey[0]));
	for (int i = 0; i < nkeys; i++)
	{
		char	   *column = column_name("t", scan->relid, conkey[i]);
		Oid			pk_type;
		Oid			fk_type;
		Oid			pk_collation;
		Oid			fk_collation;
		int32		typmod;

		get_atttypetypmodcoll(pk, confkey[i], &pk_type, &typmod, &pk_collation);
		get_atttypetypmodcoll(scan->relid, conkey[i], &fk_type, &typmod,
							  &fk_collation);
		if (i > 0)
			appendStringInfoString(&join, " AND ");
		generate_operator_clause(&join, column_name("pk", pk, confkey[i]), pk_type,
								 operators[i], column, fk_type);
		if (pk_collation != fk_collation && OidIsValid(pk_collation))
			appendStringInfo(&join, " COLLATE %s",
							 generate_collation_name(pk_collation));

		/*
		 * A null among the columns passes unless MATCH FULL, as do nulls
		 * alone.
		 */
		if (i > 0)
			appendStringInfoString(&condition,
								   con->confmatchtype == FKCONSTR_MATCH_FULL ?
								   " OR " : " AND ");
		appendStringInfo(&condition, "%s IS NOT NULL", column);
	}
	appendStringInfoChar(&condition, ')');
	scan->join = join.data;
	scan->condition = condition.data;

	if (pk_bytes > scan->limit)
	{
		/* By its index, row by row: it is not to be read whole. */
		set_local("enable_hashjoin", "off");
		set_local("enable_mergejoin", "off");
		scan->limit /= ROWS_PER_PAGE;
	}
	else
	{
		set_local("work_mem", psprintf("%d", maintenance_work_mem));
		set_local("hash_mem_multiplier", "1");
	}
	return true;
}

/* ---- reading ---- */

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
						 column_name("t", RelationGetRelid(rel), attnum));
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

/* Of the rows that SPI has just found. */
static char *
sample_of(const ViolationScan *scan, Relation rel, const char *label)
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
		appendStringInfo(&buf, " of %s", relation_name(RelationGetRelid(rel)));
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
				   keys, relation_name(RelationGetRelid(rel)), scan->join,
				   scan->condition, range);

	SPI_connect();
	if (SPI_execute(sql, true, MAX_VIOLATIONS + 1 - violations->nrows) != SPI_OK_SELECT)
		elog(ERROR, "could not count violations of constraint %u", scan->constraint);
	if (SPI_processed > 0 && violations->sample == NULL)
		violations->sample = sample_of(scan, rel, label);
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

		relids = lock_parts(scan->relid, &all);
		scan->part_only |= !all;
	}
	*bytes = 0;
	foreach(lc, relids)
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);

		if (RELKIND_HAS_TABLE_AM(rel->rd_rel->relkind) &&
			!RELATION_IS_OTHER_TEMP(rel) &&
			may_be_read(scan, RelationGetRelid(rel)))
		{
			parts = lappend(parts, rel);
			*bytes += bytes_of(rel, scan->detoasts);
			continue;
		}

		/* Of a foreign table the constraint is no promise, but ask nobody. */
		if (rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
			scan->part_only = true;
		table_close(rel, NoLock);
	}
	return parts;
}

static void
read_all(ViolationScan *scan)
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

/* ---- the scan ---- */

/* Is the column of this domain, or of one over it? */
static bool
column_is_of_domain(Oid relid, AttrNumber attnum, Oid domain)
{
	Oid			type = get_atttype(relid, attnum);

	while (OidIsValid(type) && type != domain)
	{
		HeapTuple	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));

		if (!HeapTupleIsValid(tup))
			return false;
		type = ((Form_pg_type) GETSTRUCT(tup))->typbasetype;
		ReleaseSysCache(tup);
	}
	return OidIsValid(type);
}

static Oid
type_owner(Oid type)
{
	HeapTuple	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Oid			owner;

	if (!HeapTupleIsValid(tup))
		return InvalidOid;
	owner = ((Form_pg_type) GETSTRUCT(tup))->typowner;
	ReleaseSysCache(tup);
	return owner;
}

static void
enter_owner(ViolationScan *scan)
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

static bool
prepare(ViolationScan *scan, HeapTuple tup)
{
	Form_pg_constraint con = (Form_pg_constraint) GETSTRUCT(tup);

	if (scan->attnum == InvalidAttrNumber)
		scan->relid = con->conrelid;
	conditional_lock_relation(scan->relid);
	enter_owner(scan);
	if (scan->attnum != InvalidAttrNumber &&
		(!column_is_of_domain(scan->relid, scan->attnum, con->contypid) ||
		 !has_privs_of_role(type_owner(con->contypid), scan->owner)))
		return false;

	scan->limit = (uint64) guard_large_relation * 1024;
	scan->join = "";
	scan->children = !con->connoinherit;
	switch (con->contype)
	{
		case CONSTRAINT_CHECK:
			ask_check(scan, tup);
			return true;
		case CONSTRAINT_NOTNULL:
			ask_not_null(scan, tup);
			return true;
		case CONSTRAINT_FOREIGN:
			/* Only partitions inherit it. */
			scan->children =
				get_rel_relkind(scan->relid) == RELKIND_PARTITIONED_TABLE;
			return ask_foreign_key(scan, tup);
		default:
			return false;
	}
}

static void
scan_for_violations(void *arg)
{
	ViolationScan *scan = arg;
	HeapTuple	tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(scan->constraint));
	bool		prepared;

	if (!HeapTupleIsValid(tup))
		return;
	prepared = prepare(scan, tup);
	ReleaseSysCache(tup);
	if (!prepared)
		return;
	read_all(scan);
	scan->violations.decided = !scan->part_only;
}

static Violations
find_violations(ViolationScan scan)
{
	ErrorData  *edata;
	Execution	outer;

	scan.context = CurrentMemoryContext;
	outer = run_execution(EXECUTES_COUNT);
	edata = subtransaction_run(scan_for_violations, &scan, false);
	(void) run_execution(outer);
	if (edata != NULL && error_is_no_answer(edata))
		ReThrowError(edata);
	if (scan.violations.nrows > 0)
	{
		/* What is found is found, whatever came after. */
		scan.violations.decided = true;
		scan.violations.more |= scan.part_only || edata != NULL;
	}
	return scan.violations;
}

/* ---- unique keys ---- */

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
					keys.data, relation_name(relid), not_null.data, keys.data, keys.data);
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
	enter_owner(scan);
	if (may_be_read(scan, scan->relid))
	{
		set_local("work_mem", psprintf("%d", maintenance_work_mem));
		set_local("hash_mem_multiplier", "1");
		SPI_connect();
		if (SPI_execute(duplicates_query(duplicates), true, MAX_VIOLATIONS + 1) != SPI_OK_SELECT)
			elog(ERROR, "could not count the keys that several rows of table %u have", scan->relid);
		if (SPI_processed > 0 && scan->show_keys)
			scan->violations.sample = sample_of(scan, rel, columns_label(duplicates->columns));
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

/* ---- constraints ---- */

Violations
constraint_violations(Oid constraint)
{
	ViolationScan scan = {.constraint = constraint};

	return find_violations(scan);
}

Violations
domain_violations(Oid constraint, Oid relid, AttrNumber attnum)
{
	ViolationScan scan = {.constraint = constraint, .relid = relid, .attnum = attnum};

	return find_violations(scan);
}
