/*
 * violation.c
 *		Do rows written so far violate a constraint?
 *
 * They are counted by a query, whose text is the constraint's expression: see
 * violation_scan.c.  A domain's expression is asked only if the domain's owner could act as
 * the owner of the table.  An error in the query is no answer.
 */
#include "postgres.h"

#include "access/table.h"
#include "base/guc.h"
#include "base/subtransaction.h"
#include "catalog/pg_constraint.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/properties/properties_internal.h"
#include "verify/run/run.h"

/*
 * With a large referenced table, every row that is read costs a page or two
 * there.  So many times fewer pages are read: about as many rows fit in one.
 */
#define ROWS_PER_PAGE	64

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
					 violation_column("t", scan->relid, scan->attnum),
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
							   violation_column("t", scan->relid, attnum));
}

/* The referenced table's size; false if it cannot be read whole. */
static bool
referenced_size(const ViolationScan *scan, Oid relid, uint64 *bytes)
{
	bool		all;
	List	   *relids = violation_lock_parts(relid, &all);
	ListCell   *lc;

	*bytes = 0;
	if (!all)
		return false;
	foreach(lc, relids)
	{
		Relation	rel;

		if (!violation_may_read(scan, lfirst_oid(lc)))
			return false;
		rel = table_open(lfirst_oid(lc), NoLock);
		if (RELKIND_HAS_STORAGE(rel->rd_rel->relkind))
			*bytes += violation_bytes_of(rel, false);
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
					 violation_relation(pk));
	appendStringInfo(&condition, "%s IS NULL AND (", violation_column("pk", pk, confkey[0]));
	for (int i = 0; i < nkeys; i++)
	{
		char	   *column = violation_column("t", scan->relid, conkey[i]);
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
		generate_operator_clause(&join, violation_column("pk", pk, confkey[i]), pk_type,
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

static bool
prepare(ViolationScan *scan, HeapTuple tup)
{
	Form_pg_constraint con = (Form_pg_constraint) GETSTRUCT(tup);

	if (scan->attnum == InvalidAttrNumber)
		scan->relid = con->conrelid;
	conditional_lock_relation(scan->relid);
	violation_enter_owner(scan);
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
	violation_read(scan);
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
