/*
 * type.c
 *		Look up types by the names that contracts give them.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "base/catalog_scan.h"
#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "parser/parse_type.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"

bool
read_type(Oid type, FormData_pg_type *form)
{
	HeapTuple	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));

	if (!HeapTupleIsValid(tup))
		return false;
	memcpy(form, GETSTRUCT(tup), sizeof(FormData_pg_type));
	ReleaseSysCache(tup);
	return true;
}

Oid
find_type_in_schema(Oid schema, const char *name)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
						   ObjectIdGetDatum(schema));
}

bool
type_in_schema(Oid schema, const char *name)
{
	return OidIsValid(find_type_in_schema(schema, name));
}

/* Return the type that a parsed name means, and its modifier; or InvalidOid. */
static Oid
look_up_type(TypeName *type_name, int32 *typmod)
{
	Type		tup;
	Oid			oid = InvalidOid;

	*typmod = -1;

	/* The lookup raises an error for a schema that the role may not use. */
	if (list_length(type_name->names) > 1)
	{
		char	   *schema_name;
		char	   *type;
		Oid			schema;

		DeconstructQualifiedName(type_name->names, &schema_name, &type);
		schema = get_namespace_oid(schema_name, true);
		if (!OidIsValid(schema) || !schema_is_usable(schema))
			return InvalidOid;
	}

	tup = LookupTypeName(NULL, type_name, typmod, true);
	if (tup == NULL)
		return InvalidOid;
	if (((Form_pg_type) GETSTRUCT(tup))->typisdefined)
		oid = typeTypeId(tup);
	ReleaseSysCache(tup);
	return oid;
}

Oid
type_by_name(const char *name, int32 *typmod)
{
	return look_up_type(compat_type_string_to_type_name(name), typmod);
}

/*
 * A name of a contract goes on to mean the type that it meant at first, as long as that
 * is there.  What the version sends and reads has not become another type because
 * another one of the name is found earlier now.
 */
Oid
meant_type(const char *name, const char *schema, int32 *typmod)
{
	TypeName   *type_name = compat_type_string_to_type_name(name);

	if (schema != NULL && schema[0] != '\0' && list_length(type_name->names) == 1)
	{
		Oid			type;

		type_name->names = lcons(makeString(pstrdup(schema)), type_name->names);
		type = look_up_type(type_name, typmod);
		if (OidIsValid(type))
			return type;
	}
	return type_by_name(name, typmod);
}

char *
meant_schema(Oid type)
{
	FormData_pg_type form;
	char	   *schema = NULL;

	if (type >= FirstNormalObjectId && read_type(type, &form))
		schema = get_namespace_name(form.typnamespace);
	return schema != NULL ? schema : pstrdup("");
}

Oid
wire_type(Oid type, int32 *typmod)
{
	/* The lookup below raises an error if the type is gone. */
	if (!SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(type)))
		return InvalidOid;
	return getBaseTypeAndTypmod(type, typmod);
}

List *
enum_labels(Oid type)
{
	List	   *labels = NIL;
	CatalogScan scan;
	HeapTuple	tup;

	if (!OidIsValid(type) || get_typtype(type) != TYPTYPE_ENUM)
		return NIL;
	/* By this index they come in their order. */
	scan = begin_catalog_scan(EnumRelationId, Anum_pg_enum_enumtypid,
							  EnumTypIdSortOrderIndexId, type);
	while (HeapTupleIsValid(tup = systable_getnext(scan.scan)))
		labels = lappend(labels, pstrdup(NameStr(((Form_pg_enum) GETSTRUCT(tup))->enumlabel)));
	end_catalog_scan(&scan);
	return labels;
}

Oid
enum_below(Oid type)
{
	int32		typmod = -1;
	Oid			element;

	/* The server's own types are over no enum. */
	if (type < FirstNormalObjectId)
		return InvalidOid;
	type = wire_type(type, &typmod);
	element = OidIsValid(type) ? get_element_type(type) : InvalidOid;
	if (OidIsValid(element))
		type = wire_type(element, &typmod);
	return OidIsValid(type) && get_typtype(type) == TYPTYPE_ENUM ? type : InvalidOid;
}
