/*
 * dependency.c
 *		Record which objects and names the result of a requirement depends on.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "parser/parse_type.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/result/result_internal.h"
#include "verify/run/run.h"

/* Add a key, unless it is there or belongs to a schema of the server. found: the object
 * was found, and is not only a name. */
static void
result_add_dependency(VerifyResult *result, Oid classid, const char *schema, const char *name,
					  bool found)
{
	ObjectName	key = {classid, (char *) schema, (char *) name, found};
	ObjectName *copy;
	ListCell   *lc;

	/* The server's own objects do not change under an application. */
	if (strcmp(schema, "pg_catalog") == 0 || strcmp(schema, "information_schema") == 0)
		return;

	foreach(lc, result->keys)
	{
		ObjectName *other = lfirst(lc);

		if (object_name_equal(&key, other))
		{
			other->found |= found;
			return;
		}
	}
	copy = palloc_object(ObjectName);
	*copy = key;
	copy->schema = pstrdup(schema);
	copy->name = pstrdup(name);
	result->keys = lappend(result->keys, copy);
}

void
depend_on_name(VerifyResult *result, Oid classid, const char *schema, const char *name)
{
	List	   *path;
	ListCell   *lc;

	if (schema != NULL)
	{
		result_add_dependency(result, classid, schema, name, false);
		return;
	}

	/*
	 * Schemas by name: one that is created later may take the object's name
	 * over.
	 */
	if (!SplitIdentifierString(pstrdup(namespace_search_path), ',', &path))
		return;
	foreach(lc, path)
	{
		const char *entry = lfirst(lc);

		if (strcmp(entry, "$user") == 0)
			entry = GetUserNameFromId(GetUserId(), false);
		else if (strcmp(entry, "pg_temp") == 0)
			continue;
		result_add_dependency(result, classid, entry, name, false);
	}
}

/* Return the schema and name of a relation, which is cached; NULL if it is temporary or
 * gone. */
static ObjectName *
relation_key(Oid relid)
{
	static struct
	{
		CacheStamp	moment;
		Oid			relid;
		ObjectName *key;
	}			last;

	if (!cache_is_current(&last.moment) || last.relid != relid)
	{
		MemoryContext old = MemoryContextSwitchTo(cache_context());

		last.relid = InvalidOid;
		last.key = NULL;
		last.key = object_name(RelationRelationId, relid);
		last.relid = relid;
		MemoryContextSwitchTo(old);
	}
	return last.key;
}

/* Return the owner of a view or SECURITY DEFINER routine, with whose rights it acts. */
static Oid
acts_as(Oid classid, Oid objid)
{
	FormData_pg_class form;
	HeapTuple	tup;
	Oid			owner = InvalidOid;

	if (classid == RelationRelationId)
		return read_relation(objid, &form) && form.relkind == RELKIND_VIEW
			? form.relowner : InvalidOid;
	tup = classid == ProcedureRelationId
		? SearchSysCache1(PROCOID, ObjectIdGetDatum(objid)) : NULL;
	if (HeapTupleIsValid(tup))
	{
		if (((Form_pg_proc) GETSTRUCT(tup))->prosecdef)
			owner = ((Form_pg_proc) GETSTRUCT(tup))->proowner;
		ReleaseSysCache(tup);
	}
	return owner;
}

void
depend_on_object(VerifyResult *result, Oid classid, Oid objid)
{
	ObjectName *key;
	Oid			role;

	/* The server's own objects do not change under an application. */
	if (objid < FirstNormalObjectId && classid != AuthIdRelationId &&
		classid != NamespaceRelationId)
		return;
	key = classid == RelationRelationId ? relation_key(objid) : object_name(classid, objid);
	if (key != NULL)
		result_add_dependency(result, classid, key->schema, key->name ? key->name : "", true);
	if (OidIsValid(role = acts_as(classid, objid)))
		depend_on_object(result, AuthIdRelationId, role);
}

void
depend_on_column(VerifyResult *result, Oid relid, const char *attname)
{
	ObjectName *key = relation_key(relid);

	if (key != NULL)
		result_add_dependency(result, AttributeRelationId, key->schema,
							  psprintf("%s.%s", key->name, attname), true);
}

void
result_add_dependencies(VerifyResult *result, List *keys)
{
	ListCell   *lc;

	foreach(lc, keys)
	{
		ObjectName *key = lfirst(lc);

		result_add_dependency(result, key->classid, key->schema, key->name, key->found);
	}
}

/* ---- to outlive the context it was made in ---- */

char *
copy_text(const char *text)
{
	return text ? pstrdup(text) : NULL;
}

void
append_object_names(List **kept, List *keys)
{
	ListCell   *lc;

	foreach(lc, keys)
	{
		ObjectName *key = palloc_object(ObjectName);

		*key = *(ObjectName *) lfirst(lc);
		key->schema = copy_text(key->schema);
		key->name = copy_text(key->name);
		*kept = lappend(*kept, key);
	}
}

void
depend_on_type(VerifyResult *result, Oid type)
{
	FormData_pg_type form;

	while (type >= FirstNormalObjectId && read_type(type, &form))
	{
		depend_on_object(result, TypeRelationId, type);

		/* A row type is altered as a relation. */
		if (OidIsValid(form.typrelid))
			depend_on_object(result, RelationRelationId, form.typrelid);
		type = OidIsValid(form.typbasetype) ? form.typbasetype : form.typelem;
	}
}

void
depend_on_named_type(VerifyResult *result, const char *name, Oid type)
{
	char	   *schema;
	char	   *type_name;

	if (OidIsValid(type) && type < FirstNormalObjectId)
		return;
	DeconstructQualifiedName(compat_type_string_to_type_name(name)->names,
							 &schema, &type_name);
	depend_on_name(result, TypeRelationId, schema, type_name);
}

void
depend_on_type_name(VerifyResult *result, const char *name)
{
	int32		typmod;

	depend_on_named_type(result, name, type_by_name(name, &typmod));
}

void
depend_on_view_base(VerifyResult *result, Oid relid)
{
	for (int depth = 0;
		 depth < MAX_VIEW_DEPTH && get_rel_relkind(relid) == RELKIND_VIEW;
		 depth++)
	{
		int			ncolumns;

		if (view_columns(relid, &relid, &ncolumns) == NULL)
			break;
		depend_on_object(result, RelationRelationId, relid);
	}
}

/* ---- what a requirement runs ---- */

void
depend_on_body(VerifyResult *result, const RunRoutine *run)
{
	ListCell   *lc;
	RunRoutine *copy;

	if (run->key.routine < FirstNormalObjectId)
		return;
	foreach(lc, result->runs)
	{
		const RunRoutine *other = lfirst(lc);

		if (other->key.routine == run->key.routine && other->key.relid == run->key.relid)
			return;
	}
	copy = palloc_object(RunRoutine);
	*copy = *run;
	result->runs = lappend(result->runs, copy);
}

void
depend_on_support_routine(VerifyResult *result, Oid funcid)
{
	RunRoutine	run = {.key = {funcid, InvalidOid}};

	if (!OidIsValid(funcid) || funcid < FirstNormalObjectId)
		return;
	depend_on_object(result, ProcedureRelationId, funcid);
	depend_on_body(result, &run);
}
