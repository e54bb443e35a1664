/*
 * relation.c
 *		Read pg_class and pg_namespace: find relations, name them, say who may use them.
 *
 * Names are resolved by hand and not with RangeVarGetRelid: that one raises an
 * error where the role may not use the schema, and lets a temporary table of
 * the session that runs the migration stand for the application's table.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/catalog/catalog_internal.h"

bool
schema_is_usable(Oid schema)
{
	/* The privilege check raises an error if the schema is gone. */
	return SearchSysCacheExists1(NAMESPACEOID, ObjectIdGetDatum(schema)) &&
		compat_namespace_aclcheck(schema, GetUserId(), ACL_USAGE) == ACLCHECK_OK;
}

bool
schema_is_missing(const char *schema)
{
	return schema != NULL && strcmp(schema, "pg_temp") != 0 &&
		!OidIsValid(get_namespace_oid(schema, true));
}

/* No sane search path has more schemas; those after them are not searched. */
#define MAX_PATH_SCHEMAS 128

char *
relation_label(Oid relid)
{
	char	   *name = get_rel_name(relid);
	char	   *schema = get_namespace_name(get_rel_namespace(relid));

	if (name == NULL || schema == NULL)
		return psprintf("%u", relid);
	return quote_qualified_identifier(schema, name);
}

const char *
relation_kind_label(char relkind)
{
	switch (relkind)
	{
		case RELKIND_RELATION:
			return "table";
		case RELKIND_PARTITIONED_TABLE:
			return "partitioned table";
		case RELKIND_VIEW:
			return "view";
		case RELKIND_MATVIEW:
			return "materialized view";
		case RELKIND_FOREIGN_TABLE:
			return "foreign table";
		case RELKIND_SEQUENCE:
			return "sequence";
		case RELKIND_INDEX:
		case RELKIND_PARTITIONED_INDEX:
			return "index";
		case RELKIND_COMPOSITE_TYPE:
			return "composite type";
		default:
			return "relation of another kind";
	}
}

bool
relation_in_schema(Oid schema, const char *name)
{
	return OidIsValid(get_relname_relid(name, schema));
}

Oid
find_relation(const RangeVar *name)
{
	Oid			schemas[MAX_PATH_SCHEMAS];
	int			nschemas;

	if (name->catalogname &&
		strcmp(name->catalogname, get_database_name(MyDatabaseId)) != 0)
		return InvalidOid;

	if (name->schemaname)
	{
		Oid			schema = get_namespace_oid(name->schemaname, true);

		if (!OidIsValid(schema) || !schema_is_usable(schema))
			return InvalidOid;
		return get_relname_relid(name->relname, schema);
	}

	/* This leaves out the session's temporary schema, as we want it to. */
	nschemas = fetch_search_path_array(schemas, lengthof(schemas));
	for (int i = 0; i < Min(nschemas, MAX_PATH_SCHEMAS); i++)
	{
		Oid			relid = get_relname_relid(name->relname, schemas[i]);

		if (OidIsValid(relid))
			return relid;
	}
	return InvalidOid;
}

bool
role_knows_relation(Oid relid)
{
	bool		is_missing = false;

	/* With several privileges asked for, any one of them suffices. */
	if (pg_class_aclcheck_ext(relid, GetUserId(), ACL_ALL_RIGHTS_RELATION,
							  &is_missing) == ACLCHECK_OK)
		return true;
	return !is_missing &&
		pg_attribute_aclcheck_all(relid, GetUserId(), ACL_ALL_RIGHTS_COLUMN,
								  ACLMASK_ANY) == ACLCHECK_OK;
}

bool
read_relation(Oid relid, FormData_pg_class *form)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));

	if (!HeapTupleIsValid(tup))
		return false;
	memcpy(form, GETSTRUCT(tup), CLASS_TUPLE_SIZE);
	ReleaseSysCache(tup);
	return true;
}

AttrNumber
relation_natts(Oid relid)
{
	FormData_pg_class form;

	return read_relation(relid, &form) ? form.relnatts : 0;
}

List *
relations_below(Oid relid)
{
	if (!has_subclass(relid))
		return NIL;
	return list_delete_first(find_all_inheritors(relid, NoLock, NULL));
}

int
count_check_constraints(Oid relid)
{
	FormData_pg_class form;

	return read_relation(relid, &form) ? form.relchecks : 0;
}

bool
relation_is_populated(Oid relid)
{
	FormData_pg_class form;

	return !read_relation(relid, &form) || form.relispopulated;
}

bool
relation_has_triggers(Oid relid)
{
	FormData_pg_class form;

	return read_relation(relid, &form) && form.relhastriggers;
}
