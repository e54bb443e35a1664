/*
 * column.c
 *		Read pg_attribute and pg_attrdef, with views seen through.
 *
 * A view under a table's old name is the usual way to keep old versions
 * running.  Such a view's columns have no NOT NULL, default or identity of
 * their own; what holds is what the table behind it says.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_namespace.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"

/* Copy the fixed part of a column's row of pg_attribute.  False if there is no such
 * column. */
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
column_info(Oid relid, AttrNumber attnum, ColumnInfo *info)
{
	FormData_pg_attribute att;
	bool		view_default;

	memset(info, 0, sizeof(*info));
	if (!read_attribute(relid, attnum, &att))
		return false;
	info->type = att.atttypid;
	info->typmod = att.atttypmod;
	info->collation = att.attcollation;
	view_default = att.atthasdef && att.attgenerated == '\0';

	info->relid = relid;
	info->attnum = attnum;
	info->computed = get_rel_relkind(relid) == RELKIND_MATVIEW ||
		!see_through_view(&info->relid, &info->attnum);
	if (info->computed)
	{
		info->has_default = view_default;
		return true;
	}

	if (info->relid != relid &&
		!read_attribute(info->relid, info->attnum, &att))
		return false;
	info->not_null = att.attnotnull;
	info->identity = att.attidentity;
	info->generated = att.attgenerated;
	info->has_default = view_default ||
		(att.atthasdef && att.attgenerated == '\0') ||
		(SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(att.atttypid)) &&
		 get_typdefault(att.atttypid) != NULL);
	return true;
}

Node *
default_expression(Oid relid, AttrNumber attnum)
{
	Relation	pg_attrdef = table_open(AttrDefaultRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tup;
	Node	   *expr = NULL;

	ScanKeyInit(&keys[0], Anum_pg_attrdef_adrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[1], Anum_pg_attrdef_adnum, BTEqualStrategyNumber,
				F_INT2EQ, Int16GetDatum(attnum));
	scan = systable_beginscan(pg_attrdef, AttrDefaultIndexId, true, NULL, 2, keys);
	tup = systable_getnext(scan);
	if (HeapTupleIsValid(tup))
		expr = catalog_expression(pg_attrdef, tup, Anum_pg_attrdef_adbin);
	systable_endscan(scan);
	table_close(pg_attrdef, AccessShareLock);
	return expr;
}

Node *
catalog_expression(Relation catalog, HeapTuple tup, AttrNumber attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(tup, attnum, RelationGetDescr(catalog), &isnull);

	return isnull ? NULL : (Node *) stringToNode(TextDatumGetCString(value));
}

char *
quoted_column_name(Oid relid, AttrNumber attnum)
{
	char	   *name = get_attname(relid, attnum, true);

	return name ? pstrdup(quote_identifier(name)) : pstrdup("?");
}

char *
collation_label(Oid collation)
{
	char	   *name = NULL;
	HeapTuple	tup;

	tup = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	if (HeapTupleIsValid(tup))
	{
		Form_pg_collation form = (Form_pg_collation) GETSTRUCT(tup);
		char	   *schema = get_namespace_name(form->collnamespace);

		/* Those of pg_catalog are found whatever the search path. */
		if (form->collnamespace == PG_CATALOG_NAMESPACE)
			name = pstrdup(quote_identifier(NameStr(form->collname)));
		else if (schema)
			name = quote_qualified_identifier(schema, NameStr(form->collname));
		ReleaseSysCache(tup);
	}
	return name;
}
