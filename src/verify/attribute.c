/*
 * attribute.c
 *		What the catalogs say about one column, views seen through.
 *
 * A view under a table's old name is the usual way to keep old versions
 * running.  Such a view's columns have no NOT NULL, default or identity of
 * their own; what holds is what the table behind it says.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "base/compat.h"
#include "catalog/indexing.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteSupport.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "verify/attribute.h"
#include "verify/observe.h"

/* From the catalog: the relation cache would want a lock on the view. */
Query *
view_query(Oid view)
{
	HeapTuple	tup;
	List	   *actions;
	Datum		action;
	bool		isnull;

	tup = SearchSysCache2(RULERELNAME, ObjectIdGetDatum(view),
						  PointerGetDatum(ViewSelectRuleName));
	if (!HeapTupleIsValid(tup))
		return NULL;
	action = SysCacheGetAttr(RULERELNAME, tup, Anum_pg_rewrite_ev_action, &isnull);
	Assert(!isnull);
	actions = (List *) stringToNode(TextDatumGetCString(action));
	ReleaseSysCache(tup);
	return linitial_node(Query, actions);
}

AttrNumber *
view_columns(Oid view, Oid *below, int *ncolumns)
{
	Query	   *query = view_query(view);
	RangeTblRef *from;
	AttrNumber *columns;
	ListCell   *lc;

	if (query == NULL || view_query_is_auto_updatable(query, false) != NULL)
		return NULL;
	from = linitial_node(RangeTblRef, query->jointree->fromlist);
	*below = rt_fetch(from->rtindex, query->rtable)->relid;
	*ncolumns = list_length(query->targetList);
	columns = palloc0_array(AttrNumber, *ncolumns);

	foreach(lc, query->targetList)
	{
		TargetEntry *column = lfirst_node(TargetEntry, lc);
		Var		   *var = (Var *) column->expr;

		/* What an ORDER BY adds is no column, and comes last. */
		if (!column->resjunk && IsA(var, Var) && var->varno == from->rtindex &&
			var->varlevelsup == 0)
			columns[column->resno - 1] = var->varattno;
	}
	return columns;
}

Oid
view_reads_as(Oid view, Oid user)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(view));
	Datum		options;
	bool		isnull;
	ViewOptions *parsed = NULL;

	if (!HeapTupleIsValid(tup))
		return user;
	options = SysCacheGetAttr(RELOID, tup, Anum_pg_class_reloptions, &isnull);
	if (!isnull)
		parsed = (ViewOptions *) view_reloptions(options, false);
	if (parsed == NULL || !parsed->security_invoker)
		user = ((Form_pg_class) GETSTRUCT(tup))->relowner;
	ReleaseSysCache(tup);
	return user;
}

bool
see_through_view(Oid *relid, AttrNumber *attnum)
{
	Oid			table = *relid;
	AttrNumber	column = *attnum;

	for (int depth = 0; get_rel_relkind(table) == RELKIND_VIEW; depth++)
	{
		int			ncolumns;
		AttrNumber *columns = view_columns(table, &table, &ncolumns);

		if (depth == MAX_VIEW_DEPTH || columns == NULL ||
			column <= 0 || column > ncolumns || columns[column - 1] == 0)
			return false;
		column = columns[column - 1];
	}
	*relid = table;
	*attnum = column;
	return true;
}

void
observe_below_view(Observation *obs, Oid relid)
{
	for (int depth = 0;
		 depth < MAX_VIEW_DEPTH && get_rel_relkind(relid) == RELKIND_VIEW;
		 depth++)
	{
		int			ncolumns;

		if (view_columns(relid, &relid, &ncolumns) == NULL)
			break;
		observe_object(obs, RelationRelationId, relid);
	}
}

AttrNumber
relation_natts(Oid relid)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	AttrNumber	natts = 0;

	if (HeapTupleIsValid(tup))
	{
		natts = ((Form_pg_class) GETSTRUCT(tup))->relnatts;
		ReleaseSysCache(tup);
	}
	return natts;
}

/* The part of pg_attribute that is as the application sees it. */
static bool
read_attribute(Oid relid, AttrNumber attnum, FormData_pg_attribute *att)
{
	HeapTuple	tup = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
									  Int16GetDatum(attnum));

	if (!HeapTupleIsValid(tup))
		return false;
	memcpy(att, GETSTRUCT(tup), ATTRIBUTE_FIXED_PART_SIZE);
	ReleaseSysCache(tup);
	return !att->attisdropped;
}

bool
column_facts(Oid relid, AttrNumber attnum, ColumnFacts *facts)
{
	FormData_pg_attribute att;
	bool		view_default;

	memset(facts, 0, sizeof(*facts));
	if (!read_attribute(relid, attnum, &att))
		return false;
	facts->type = att.atttypid;
	facts->typmod = att.atttypmod;
	facts->collation = att.attcollation;
	view_default = att.atthasdef && att.attgenerated == '\0';

	facts->relid = relid;
	facts->attnum = attnum;
	facts->computed = get_rel_relkind(relid) == RELKIND_MATVIEW ||
		!see_through_view(&facts->relid, &facts->attnum);
	if (facts->computed)
	{
		facts->has_default = view_default;
		return true;
	}

	if (facts->relid != relid &&
		!read_attribute(facts->relid, facts->attnum, &att))
		return false;
	facts->not_null = att.attnotnull;
	facts->identity = att.attidentity;
	facts->generated = att.attgenerated;
	facts->has_default = view_default ||
		(att.atthasdef && att.attgenerated == '\0') ||
		(SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(att.atttypid)) &&
		 get_typdefault(att.atttypid) != NULL);
	return true;
}

Node *
generation_expression(Oid relid, AttrNumber attnum)
{
	Relation	pg_attrdef = table_open(AttrDefaultRelationId, AccessShareLock);
	Node	   *result = NULL;
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key[0], Anum_pg_attrdef_adrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&key[1], Anum_pg_attrdef_adnum, BTEqualStrategyNumber,
				F_INT2EQ, Int16GetDatum(attnum));
	scan = systable_beginscan(pg_attrdef, AttrDefaultIndexId, true, NULL, 2, key);
	if (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		expr = heap_getattr(tup, Anum_pg_attrdef_adbin,
										RelationGetDescr(pg_attrdef), &isnull);

		if (!isnull)
			result = stringToNode(TextDatumGetCString(expr));
	}
	systable_endscan(scan);
	table_close(pg_attrdef, AccessShareLock);
	return result;
}

/* Does the type refuse nulls: a domain, or one below it, that is NOT NULL? */
static bool
type_is_not_null(Oid type)
{
	bool		not_null = false;

	while (OidIsValid(type) && !not_null)
	{
		HeapTuple	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));

		if (!HeapTupleIsValid(tup))
			break;
		not_null = ((Form_pg_type) GETSTRUCT(tup))->typnotnull;
		type = ((Form_pg_type) GETSTRUCT(tup))->typbasetype;
		ReleaseSysCache(tup);
	}
	return not_null;
}

/* Is this a CHECK (column IS NOT NULL), alone or among others joined by AND? */
static bool
check_excludes_null(Relation pg_constraint, HeapTuple tup, AttrNumber attnum)
{
	bool		isnull;
	Datum		check = heap_getattr(tup, Anum_pg_constraint_conbin,
									 RelationGetDescr(pg_constraint), &isnull);
	List	   *clauses;
	ListCell   *lc;

	if (isnull)
		return false;
	clauses = make_ands_implicit((Expr *) stringToNode(TextDatumGetCString(check)));
	foreach(lc, clauses)
	{
		NullTest   *test = lfirst(lc);

		if (IsA(test, NullTest) && test->nulltesttype == IS_NOT_NULL &&
			IsA(test->arg, Var) && ((Var *) test->arg)->varattno == attnum)
			return true;
	}
	return false;
}

/* Is the column among those the constraint names? */
static bool
constraint_names_column(Relation pg_constraint, HeapTuple tup, AttrNumber attnum)
{
	bool		isnull;
	Datum		key = heap_getattr(tup, Anum_pg_constraint_conkey,
								   RelationGetDescr(pg_constraint), &isnull);
	ArrayType  *array;

	if (isnull)
		return false;
	array = DatumGetArrayTypeP(key);
	for (int i = 0; i < ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)); i++)
	{
		if (((int16 *) ARR_DATA_PTR(array))[i] == attnum)
			return true;
	}
	return false;
}

/*
 * What the constraints of a table add to pg_attribute.attnotnull: CHECK
 * constraints that amount to NOT NULL, and on PostgreSQL 18 that a NOT NULL may
 * be NOT VALID, when attnotnull is set although old rows may hold nulls.
 */
static Nullability
nullability_by_constraints(Oid relid, AttrNumber attnum, bool attnotnull)
{
	Nullability result = attnotnull ? NULLS_ABSENT : NULLS_POSSIBLE;
	Relation	pg_constraint = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(pg_constraint, ConstraintRelidTypidNameIndexId,
							  true, NULL, 1, &key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_constraint con = (Form_pg_constraint) GETSTRUCT(tup);

		if (!constraint_names_column(pg_constraint, tup, attnum))
			continue;
		if (con->contype == CONSTRAINT_NOTNULL && !con->convalidated &&
			result == NULLS_ABSENT)
			result = NULLS_REJECTED;
		else if (con->contype == CONSTRAINT_CHECK &&
				 compat_constraint_is_enforced(con) &&
				 check_excludes_null(pg_constraint, tup, attnum))
		{
			if (con->convalidated)
			{
				result = NULLS_ABSENT;
				break;
			}
			result = Max(result, NULLS_REJECTED);
		}
	}
	systable_endscan(scan);
	table_close(pg_constraint, AccessShareLock);
	return result;
}

static int
count_check_constraints(Oid relid)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	int			result;

	if (!HeapTupleIsValid(tup))
		return 0;
	result = ((Form_pg_class) GETSTRUCT(tup))->relchecks;
	ReleaseSysCache(tup);
	return result;
}

Nullability
column_nullability(const ColumnFacts *facts)
{
	if (facts->computed)
		return NULLS_UNKNOWN;
	if (facts->attnum < 0 || type_is_not_null(facts->type))
		return NULLS_ABSENT;
	if (!facts->not_null && count_check_constraints(facts->relid) == 0)
		return NULLS_POSSIBLE;
	return nullability_by_constraints(facts->relid, facts->attnum, facts->not_null);
}

List *
relations_below(Oid relid)
{
	if (!has_subclass(relid))
		return NIL;
	return list_delete_first(find_all_inheritors(relid, NoLock, NULL));
}

/* The column of a child; its type is its parent's. */
static bool
child_column(const ColumnFacts *facts, const char *name, Oid child,
			 ColumnFacts *result)
{
	HeapTuple	tup = SearchSysCacheAttName(child, name);

	if (!HeapTupleIsValid(tup))
		return false;
	*result = *facts;
	result->relid = child;
	result->attnum = ((Form_pg_attribute) GETSTRUCT(tup))->attnum;
	result->not_null = ((Form_pg_attribute) GETSTRUCT(tup))->attnotnull;
	ReleaseSysCache(tup);
	return true;
}

Oid
child_with_nulls(const ColumnFacts *facts, List *children)
{
	char	   *name = get_attname(facts->relid, facts->attnum, true);
	ListCell   *lc;

	/* Partitions have what NOT NULL their parent has. */
	if (name == NULL || get_rel_relkind(facts->relid) == RELKIND_PARTITIONED_TABLE)
		return InvalidOid;
	foreach(lc, children)
	{
		ColumnFacts child;

		if (child_column(facts, name, lfirst_oid(lc), &child) &&
			column_nullability(&child) != NULLS_ABSENT)
			return lfirst_oid(lc);
	}
	return InvalidOid;
}

Oid
child_without_nulls(const ColumnFacts *facts, List *children)
{
	char	   *name = get_attname(facts->relid, facts->attnum, true);
	int			nchecks = count_check_constraints(facts->relid);
	ListCell   *lc;

	if (name == NULL)
		return InvalidOid;
	foreach(lc, children)
	{
		ColumnFacts child;

		/* Of its constraints those that it has inherited are known. */
		if (get_rel_relkind(lfirst_oid(lc)) != RELKIND_FOREIGN_TABLE &&
			child_column(facts, name, lfirst_oid(lc), &child) &&
			(child.not_null || count_check_constraints(lfirst_oid(lc)) > nchecks) &&
			column_nullability(&child) != NULLS_POSSIBLE)
			return lfirst_oid(lc);
	}
	return InvalidOid;
}
