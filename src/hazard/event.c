/*
 * event.c
 *		Events that come after the server's decision and before its cost.
 *
 * The server calls the object access hook
 *
 *	- for a new index before index_build();
 *	- for the new heap of a rewrite before the first row is copied.  This covers what
 *	  the event trigger table_rewrite covers, and VACUUM FULL, CLUSTER and REFRESH;
 *	- for a new constraint, and a column that becomes NOT NULL, before phase 3 of ALTER
 *	  TABLE reads a row.
 *
 * An error there has cost a moment's lock.  What the event is about is not visible in
 * the catalogs yet: indexes and heaps are open in the relation cache, other rows are
 * read with SnapshotSelf.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/compat.h"
#include "catalog/indexing.h"
#include "catalog/partition.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "commands/tablecmds.h"
#include "hazard/hazard_internal.h"
#include "nodes/makefuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* ---- rewrites ---- */

/* A materialized view is about to be filled anew. */
static List *
refresh(HazardStatement *statement, Oid view)
{
	RefreshMatViewStmt *stmt = (RefreshMatViewStmt *) statement->stmt;

	if (stmt->concurrent || stmt->skipData ||
		!OidIsValid(work_on(statement, HAZARD_REWRITE, view, true)))
		return NIL;
	return work_finding(RULE_REFRESH_BLOCKING, view,
						"a refresh during which the view can be read",
						psprintf("a new copy of %s (%s), which nobody can read meanwhile",
								 table_name(view), bytes_shown(table_bytes(view, true))),
						psprintf("With a unique index on columns of the view, without WHERE: REFRESH MATERIALIZED VIEW CONCURRENTLY %s;",
								 table_name(view)));
}

static List *
rewrite(HazardStatement *statement, Oid relid)
{
	AlterTableStmt *stmt = as_alter_table(statement->stmt);
	Oid			table;

	if (statement->stmt != NULL && IsA(statement->stmt, RefreshMatViewStmt))
		return refresh(statement, relid);
	if (stmt == NULL || !OidIsValid(table = work_on(statement, HAZARD_REWRITE, relid, true)))
		return NIL;
	return work_finding(RULE_TABLE_REWRITE, table,
						no_more_than("rewrite"),
						psprintf("a rewrite of %s (%s), which nobody can read or write meanwhile",
								 table_name(table), bytes_shown(tables_bytes(table, true))),
						safe_rewrite(stmt, table));
}

/* ---- indexes ---- */

/* Return the table of an index that is not visible yet. */
static Oid
table_of_new_index(Oid index)
{
	Relation	rel = table_open(IndexRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;
	Oid			relid = InvalidOid;

	ScanKeyInit(&key, Anum_pg_index_indexrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(index));
	scan = systable_beginscan(rel, IndexRelidIndexId, true, SnapshotSelf, 1, &key);
	tup = systable_getnext(scan);
	if (HeapTupleIsValid(tup))
		relid = ((Form_pg_index) GETSTRUCT(tup))->indrelid;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return relid;
}

/* Is the index one that ALTER TABLE makes anew for a column of another type? */
static bool
is_rebuild(AlterTableStmt *stmt)
{
	return stmt != NULL && alter_has(stmt, AT_AlterColumnType);
}

static List *
index_build_finding(HazardStatement *statement, Oid relid, const char *index)
{
	AlterTableStmt *alter = as_alter_table(statement->stmt);
	Oid			table;
	const char *locked = alter ? "read or write" : "write";

	if (alter != NULL && alter_rewrites(alter, relid))
		return NIL;
	table = work_on(statement, HAZARD_BUILD, relid, false);
	if (!OidIsValid(table))
		return NIL;
	if (is_rebuild(alter))
		return work_finding(RULE_INDEX_REBUILD, table, no_more_than("index rebuild"),
							psprintf("a new build of index %s of %s (%s), which nobody can read or write meanwhile",
									 quote_identifier(index), table_name(table),
									 bytes_shown(tables_bytes(table, false))),
							safe_rewrite(alter, table));
	return work_finding(RULE_INDEX_BUILD_BLOCKS_WRITES, table, no_more_than("index build"),
						psprintf("the build of index %s of %s (%s), which nobody can %s meanwhile",
								 quote_identifier(index), table_name(table),
								 bytes_shown(tables_bytes(table, false)), locked),
						safe_index(statement, table, index));
}

List *
hazard_relation_created(HazardStatement *statement, Oid relid)
{
	Relation	rel = RelationIdGetRelation(relid);
	Oid			copied;
	bool		is_built;
	bool		is_partition;
	char	   *name;

	if (!RelationIsValid(rel))
		return NIL;
	copied = rel->rd_rel->relkind == RELKIND_RELATION ? rel->rd_rel->relrewrite : InvalidOid;

	/*
	 * An index that takes over the storage of another one has that one's
	 * number.
	 */
	is_built = rel->rd_rel->relkind == RELKIND_INDEX && rel->rd_rel->relfilenode == relid;
	is_partition = rel->rd_rel->relkind == RELKIND_RELATION ||
		rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
	name = pstrdup(RelationGetRelationName(rel));
	RelationClose(rel);
	if (OidIsValid(copied))
		return rewrite(statement, copied);
	if (is_built)
		return index_build_finding(statement, table_of_new_index(relid), name);
	if (is_partition && statement->stmt != NULL && IsA(statement->stmt, CreateStmt))
		return hazard_partition(statement, relid);
	return NIL;
}

List *
hazard_copy_created(HazardStatement *statement, Oid relid)
{
	Relation	rel = RelationIdGetRelation(relid);
	Oid			copied;
	Oid			table;
	bool		vacuum = IsA(statement->stmt, VacuumStmt);

	if (!RelationIsValid(rel))
		return NIL;
	copied = rel->rd_rel->relkind == RELKIND_RELATION ? rel->rd_rel->relrewrite : InvalidOid;
	RelationClose(rel);
	if (!OidIsValid(copied) ||
		!OidIsValid(table = work_on(statement, HAZARD_REWRITE, copied, true)))
		return NIL;
	return work_finding(vacuum ? RULE_VACUUM_FULL : RULE_CLUSTER, table, no_more_than("rewrite"),
						psprintf("a rewrite of %s (%s), which nobody can read or write meanwhile",
								 table_name(table), bytes_shown(tables_bytes(table, true))),
						NULL);
}

/* ---- scans ---- */

static List *
scan_finding(Oid table, const char *what, const char *locked, bool with_toast, char *advice)
{
	return work_finding(RULE_SCAN_UNDER_LOCK, table, no_more_than("scan"),
						psprintf("a scan of %s (%s) for %s, which nobody can %s meanwhile",
								 table_name(table), bytes_shown(tables_bytes(table, with_toast)),
								 what, locked),
						advice);
}

/* Do the CHECK constraints of a table prove that a column has no nulls? */
static bool
is_proven_not_null(Oid relid, AttrNumber attnum)
{
	Relation	rel = RelationIdGetRelation(relid);
	NullTest   *test;
	Oid			type;
	Oid			collation;
	int32		typmod;
	bool		proven;

	if (!RelationIsValid(rel))
		return false;
	get_atttypetypmodcoll(relid, attnum, &type, &typmod, &collation);
	test = makeNode(NullTest);
	test->arg = (Expr *) makeVar(1, attnum, type, typmod, collation, 0);
	test->nulltesttype = IS_NOT_NULL;
	test->location = -1;
	proven = PartConstraintImpliedByRelConstraint(rel, list_make1(test));
	RelationClose(rel);
	return proven;
}

/* A column becomes NOT NULL, of which the catalogs do not say so yet. */
static List *
not_null(HazardStatement *statement, Oid relid, AttrNumber attnum)
{
	AlterTableStmt *stmt = as_alter_table(statement->stmt);
	char	   *column = get_attname(relid, attnum, true);
	Oid			table;

	/* A primary key is judged, as a whole, when its index comes. */
	if (stmt == NULL || column == NULL || alter_adds_column(stmt, column) != NULL ||
		alter_builds_primary_key(stmt) || alter_rewrites(stmt, relid) ||
		is_proven_not_null(relid, attnum) ||
		!OidIsValid(table = work_on(statement, HAZARD_SCAN, relid, false)))
		return NIL;
	return scan_finding(table, psprintf("nulls in %s", quote_identifier(column)),
						"read or write", false, safe_not_null(table, column));
}

/* Is the column NOT NULL as this command has left it? */
static bool
is_not_null_now(Oid relid, AttrNumber attnum)
{
	Relation	rel = table_open(AttributeRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tup;
	bool		result;

	ScanKeyInit(&keys[0], Anum_pg_attribute_attrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[1], Anum_pg_attribute_attnum, BTEqualStrategyNumber,
				F_INT2EQ, Int16GetDatum(attnum));
	scan = systable_beginscan(rel, AttributeRelidNumIndexId, true, SnapshotSelf, 2, keys);
	tup = systable_getnext(scan);
	result = HeapTupleIsValid(tup) && ((Form_pg_attribute) GETSTRUCT(tup))->attnotnull;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* Is the column visibly NOT NULL, or not visible at all? */
static bool
was_not_null(Oid relid, AttrNumber attnum)
{
	HeapTuple	tup = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(attnum));
	bool		result;

	if (!HeapTupleIsValid(tup))
		return true;
	result = ((Form_pg_attribute) GETSTRUCT(tup))->attnotnull;
	ReleaseSysCache(tup);
	return result;
}

List *
hazard_column_altered(HazardStatement *statement, Oid relid, AttrNumber attnum)
{
	if (as_alter_table(statement->stmt) == NULL || attnum <= 0 ||
		was_not_null(relid, attnum) || !is_not_null_now(relid, attnum))
		return NIL;
	return not_null(statement, relid, attnum);
}

/* Return the first column of a constraint. */
static AttrNumber
first_column(HeapTuple tup, TupleDesc desc)
{
	bool		isnull;
	Datum		key = heap_getattr(tup, Anum_pg_constraint_conkey, desc, &isnull);

	return isnull ? InvalidAttrNumber
		: ((AttrNumber *) ARR_DATA_PTR(DatumGetArrayTypeP(key)))[0];
}

/*
 * Does ALTER TABLE read the rows for a new foreign key?  Not where it adds the column,
 * unless that has a DEFAULT, be it NULL.  Nor for one that was valid before a column of
 * it got another type: where the operators change, the table is rewritten.
 */
static bool
checks_foreign_key(AlterTableStmt *stmt, Oid relid, AttrNumber attnum)
{
	char	   *column = get_attname(relid, attnum, true);
	ColumnDef  *added = column ? alter_adds_column(stmt, column) : NULL;
	ListCell   *lc;

	if (alter_has(stmt, AT_AlterColumnType))
		return false;
	if (added == NULL)
		return alter_has(stmt, AT_AddConstraint) || alter_has(stmt, AT_AttachPartition);
	foreach(lc, added->constraints)
	{
		if (((Constraint *) lfirst(lc))->contype == CONSTR_DEFAULT)
			return true;
	}
	return false;
}

static List *
constraint_created(HazardStatement *statement, AlterTableStmt *stmt, HeapTuple tup, TupleDesc desc)
{
	Form_pg_constraint con = (Form_pg_constraint) GETSTRUCT(tup);
	AttrNumber	attnum;
	Oid			table;

	if (!con->convalidated || !compat_constraint_is_enforced(con) || !OidIsValid(con->conrelid))
		return NIL;
	switch (con->contype)
	{
		case CONSTRAINT_CHECK:
			if (alter_rewrites(stmt, con->conrelid) ||
				!OidIsValid(table = work_on(statement, HAZARD_SCAN, con->conrelid, true)))
				return NIL;
			return scan_finding(table, psprintf("constraint %s", quote_identifier(NameStr(con->conname))),
								"read or write", true, safe_constraint(stmt, table, tup));
		case CONSTRAINT_FOREIGN:
			if (!checks_foreign_key(stmt, con->conrelid, first_column(tup, desc)) ||
				!OidIsValid(table = work_on(statement, HAZARD_SCAN, con->conrelid, false)))
				return NIL;
			return scan_finding(table, psprintf("foreign key %s", quote_identifier(NameStr(con->conname))),
								"write", false, safe_constraint(stmt, table, tup));
		case CONSTRAINT_NOTNULL:
			attnum = first_column(tup, desc);
			if (was_not_null(con->conrelid, attnum))
				return NIL;
			return not_null(statement, con->conrelid, attnum);
		default:
			return NIL;			/* its index has an event of its own */
	}
}

List *
hazard_constraint_created(HazardStatement *statement, Oid constraint)
{
	AlterTableStmt *stmt = as_alter_table(statement->stmt);
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;
	List	   *findings = NIL;

	if (stmt == NULL)
		return NIL;
	rel = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_constraint_oid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(constraint));
	scan = systable_beginscan(rel, ConstraintOidIndexId, true, SnapshotSelf, 1, &key);
	tup = systable_getnext(scan);
	if (HeapTupleIsValid(tup))
		findings = constraint_created(statement, stmt, tup, RelationGetDescr(rel));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return findings;
}
