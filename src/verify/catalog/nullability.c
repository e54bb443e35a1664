/*
 * nullability.c
 *		Can a column hold nulls?
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/catalog_scan.h"
#include "base/compat.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/catalog/catalog_internal.h"

/* Does the type refuse nulls: a domain, or one below it, that is NOT NULL? */
static bool
type_is_not_null(Oid type)
{
	FormData_pg_type form;

	for (; OidIsValid(type) && read_type(type, &form); type = form.typbasetype)
	{
		if (form.typnotnull)
			return true;
	}
	return false;
}

/* Is the constraint a CHECK (column IS NOT NULL), alone or among others joined by AND? */
static bool
check_excludes_null(Relation pg_constraint, HeapTuple tup, AttrNumber attnum)
{
	Node	   *check = catalog_expression(pg_constraint, tup, Anum_pg_constraint_conbin);
	ListCell   *lc;

	if (check == NULL)
		return false;
	foreach(lc, make_ands_implicit((Expr *) check))
	{
		NullTest   *test = lfirst(lc);

		if (IsA(test, NullTest) && test->nulltesttype == IS_NOT_NULL &&
			IsA(test->arg, Var) && ((Var *) test->arg)->varattno == attnum)
			return true;
	}
	return false;
}

/* Is the column among those that the constraint names? */
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
 * Return what the constraints of a table make of pg_attribute.attnotnull.  CHECK
 * constraints may amount to NOT NULL, and on PostgreSQL 18 NOT NULL may be NOT VALID:
 * then attnotnull is set although old rows may hold nulls.
 */
static Nullability
nullability_by_constraints(Oid relid, AttrNumber attnum, bool attnotnull)
{
	Nullability result = attnotnull ? NULLS_ABSENT : NULLS_POSSIBLE;
	CatalogScan scan = begin_catalog_scan(ConstraintRelationId, Anum_pg_constraint_conrelid,
										  ConstraintRelidTypidNameIndexId, relid);
	HeapTuple	tup;

	while (HeapTupleIsValid(tup = systable_getnext(scan.scan)))
	{
		Form_pg_constraint con = (Form_pg_constraint) GETSTRUCT(tup);

		if (!constraint_names_column(scan.catalog, tup, attnum))
			continue;
		if (con->contype == CONSTRAINT_NOTNULL && !con->convalidated &&
			result == NULLS_ABSENT)
			result = NULLS_REJECTED;
		else if (con->contype == CONSTRAINT_CHECK &&
				 compat_constraint_is_enforced(con) &&
				 check_excludes_null(scan.catalog, tup, attnum))
		{
			if (con->convalidated)
			{
				result = NULLS_ABSENT;
				break;
			}
			result = Max(result, NULLS_REJECTED);
		}
	}
	end_catalog_scan(&scan);
	return result;
}

Nullability
column_nullability(const ColumnInfo *info)
{
	if (info->computed)
		return NULLS_UNKNOWN;
	if (info->attnum < 0 || type_is_not_null(info->type))
		return NULLS_ABSENT;
	if (!info->not_null && count_check_constraints(info->relid) == 0)
		return NULLS_POSSIBLE;
	return nullability_by_constraints(info->relid, info->attnum, info->not_null);
}

/* Look up the column of this name in a child.  It has the type of the parent's. */
static bool
child_column(const ColumnInfo *info, const char *name, Oid child,
			 ColumnInfo *result)
{
	HeapTuple	tup = SearchSysCacheAttName(child, name);

	if (!HeapTupleIsValid(tup))
		return false;
	*result = *info;
	result->relid = child;
	result->attnum = ((Form_pg_attribute) GETSTRUCT(tup))->attnum;
	result->not_null = ((Form_pg_attribute) GETSTRUCT(tup))->attnotnull;
	ReleaseSysCache(tup);
	return true;
}

Oid
child_with_nulls(const ColumnInfo *info, List *children)
{
	char	   *name = get_attname(info->relid, info->attnum, true);
	ListCell   *lc;

	/* Partitions have each NOT NULL of their parent. */
	if (name == NULL || get_rel_relkind(info->relid) == RELKIND_PARTITIONED_TABLE)
		return InvalidOid;
	foreach(lc, children)
	{
		ColumnInfo	child;

		if (child_column(info, name, lfirst_oid(lc), &child) &&
			column_nullability(&child) != NULLS_ABSENT)
			return lfirst_oid(lc);
	}
	return InvalidOid;
}

Oid
child_without_nulls(const ColumnInfo *info, List *children)
{
	char	   *name = get_attname(info->relid, info->attnum, true);
	int			nchecks = count_check_constraints(info->relid);
	ListCell   *lc;

	if (name == NULL)
		return InvalidOid;
	foreach(lc, children)
	{
		ColumnInfo	child;

		/* CHECK constraints that the child inherited have been looked at. */
		if (get_rel_relkind(lfirst_oid(lc)) != RELKIND_FOREIGN_TABLE &&
			child_column(info, name, lfirst_oid(lc), &child) &&
			(child.not_null || count_check_constraints(lfirst_oid(lc)) > nchecks) &&
			column_nullability(&child) != NULLS_POSSIBLE)
			return lfirst_oid(lc);
	}
	return InvalidOid;
}
