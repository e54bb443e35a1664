/*
 * object.c
 *		Names of catalog objects.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "base/object.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Return a key; NULL if the schema, or the name where one is needed, is NULL. */
static ObjectName *
make_key(Oid classid, char *schema, char *name)
{
	ObjectName *key;

	if (schema == NULL || (name == NULL && classid != NamespaceRelationId))
		return NULL;
	key = palloc_object(ObjectName);
	key->classid = classid;
	key->schema = schema;
	key->name = name;
	key->found = true;
	return key;
}

/* Return the key of an object in a schema; NULL if the schema is temporary. */
static ObjectName *
make_qualified_key(Oid classid, Oid namespace, const char *name)
{
	if (isAnyTempNamespace(namespace))
		return NULL;
	return make_key(classid, get_namespace_name(namespace), pstrdup(name));
}

/* Return the domain of a constraint; InvalidOid for the constraint of a table. */
static Oid
domain_of_constraint(Oid constraint)
{
	HeapTuple	tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	Oid			domain = InvalidOid;

	if (HeapTupleIsValid(tup))
	{
		domain = ((Form_pg_constraint) GETSTRUCT(tup))->contypid;
		ReleaseSysCache(tup);
	}
	return domain;
}

/* Return the key of an object, of whose row these are the columns. */
static ObjectName *
key_of_row(Oid classid, Datum name, bool has_schema, Datum schema)
{
	if (!has_schema)
		return make_key(classid, pstrdup(""), pstrdup(NameStr(*DatumGetName(name))));
	return make_qualified_key(classid, DatumGetObjectId(schema), NameStr(*DatumGetName(name)));
}

/* Return the key of an object by the syscache of its class, which opens no catalog. */
static ObjectName *
cached_key(int cacheid, Oid classid, Oid objid, AttrNumber name_attnum, AttrNumber schema_attnum)
{
	HeapTuple	tup = SearchSysCache1(cacheid, ObjectIdGetDatum(objid));
	bool		has_schema = schema_attnum != InvalidAttrNumber;
	ObjectName *key;
	bool		isnull;

	if (!HeapTupleIsValid(tup))
		return NULL;
	key = key_of_row(classid, SysCacheGetAttr(cacheid, tup, name_attnum, &isnull), has_schema,
					 has_schema ? SysCacheGetAttr(cacheid, tup, schema_attnum, &isnull) : 0);
	ReleaseSysCache(tup);
	return key;
}

/* Return the key of an object of a class that has no syscache by OID. */
static ObjectName *
scanned_key(Oid classid, Oid objid, AttrNumber name_attnum, AttrNumber schema_attnum)
{
	Relation	rel = table_open(classid, AccessShareLock);
	HeapTuple	tup = get_catalog_object_by_oid(rel, get_object_attnum_oid(classid), objid);
	TupleDesc	desc = RelationGetDescr(rel);
	bool		has_schema = schema_attnum != InvalidAttrNumber;
	ObjectName *key = NULL;
	bool		isnull;

	if (HeapTupleIsValid(tup))
		key = key_of_row(classid, heap_getattr(tup, name_attnum, desc, &isnull), has_schema,
						 has_schema ? heap_getattr(tup, schema_attnum, desc, &isnull) : 0);
	table_close(rel, AccessShareLock);
	return key;
}

/*
 * Return the key of an object of any class that has names, by what the server
 * knows of its catalogs; NULL for a part of a relation.
 */
static ObjectName *
named_key(Oid classid, Oid objid)
{
	AttrNumber	name_attnum;
	AttrNumber	schema_attnum;
	int			cacheid;

	if (classid == TriggerRelationId || classid == RewriteRelationId ||
		classid == PolicyRelationId || !is_objectclass_supported(classid) ||
		(name_attnum = get_object_attnum_name(classid)) == InvalidAttrNumber)
		return NULL;
	schema_attnum = get_object_attnum_namespace(classid);
	cacheid = get_object_catcache_oid(classid);
	return cacheid >= 0 ? cached_key(cacheid, classid, objid, name_attnum, schema_attnum)
		: scanned_key(classid, objid, name_attnum, schema_attnum);
}

ObjectName *
object_name(Oid classid, Oid objid)
{
	if (classid == ConstraintRelationId)
	{
		classid = TypeRelationId;
		objid = domain_of_constraint(objid);
	}
	if (classid == NamespaceRelationId)
		return isAnyTempNamespace(objid) ? NULL
			: make_key(classid, get_namespace_name(objid), NULL);
	return named_key(classid, objid);
}

bool
object_name_equal(const ObjectName *a, const ObjectName *b)
{
	if (a->classid != b->classid || strcmp(a->schema, b->schema) != 0)
		return false;
	if (a->name == NULL || b->name == NULL)
		return a->name == b->name;
	return strcmp(a->name, b->name) == 0;
}
