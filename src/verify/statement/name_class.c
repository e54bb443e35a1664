/*
 * name_class.c
 *		Classes of objects that statements name, and what an object of each is called.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/statement/statement.h"
#include "verify/statement/statement_internal.h"

/* ---- is there an object of the class and name in a schema? ---- */

static bool
collation_in_schema(Oid schema, const char *name)
{
	int32		encodings[] = {GetDatabaseEncoding(), -1};

	for (int i = 0; i < lengthof(encodings); i++)
	{
		if (SearchSysCacheExists3(COLLNAMEENCNSP, CStringGetDatum(name),
								  Int32GetDatum(encodings[i]), ObjectIdGetDatum(schema)))
			return true;
	}
	return false;
}

static bool
configuration_in_schema(Oid schema, const char *name)
{
	return SearchSysCacheExists2(TSCONFIGNAMENSP, CStringGetDatum(name),
								 ObjectIdGetDatum(schema));
}

static bool
dictionary_in_schema(Oid schema, const char *name)
{
	return SearchSysCacheExists2(TSDICTNAMENSP, CStringGetDatum(name),
								 ObjectIdGetDatum(schema));
}

/* The classes that baselines know. */
static const NameClass classes[] = {
	{"relation", "", RelationRelationId, relation_in_schema},
	{"type", "type ", TypeRelationId, type_in_schema},
	{"collation", "collation ", CollationRelationId, collation_in_schema},
	{"configuration", "text search configuration ", TSConfigRelationId, configuration_in_schema},
	{"dictionary", "text search dictionary ", TSDictionaryRelationId, dictionary_in_schema},
	{"routine", "a call of ", ProcedureRelationId, NULL},
	{"operator", "operator ", OperatorRelationId, NULL},
};

const NameClass *
name_class_of(Oid classid)
{
	for (int i = 0; i < lengthof(classes); i++)
	{
		if (classes[i].classid == classid)
			return &classes[i];
	}
	return NULL;
}

const NameClass *
name_class_called(const char *name)
{
	for (int i = 0; i < lengthof(classes); i++)
	{
		if (strcmp(classes[i].name, name) == 0)
			return &classes[i];
	}
	return NULL;
}

/* Is there an object of the new name, and none of the old one any more? */
static bool
has_moved(NameInSchema in_schema, Oid schema_was, const char *was, Oid schema_is, const char *is)
{
	return in_schema(schema_is, is) &&
		!(OidIsValid(schema_was) && in_schema(schema_was, was));
}

bool
object_is_renamed(VerifyResult *result, const char *schema_was, const char *was,
				  const char *schema_is, const char *is)
{
	Oid			from = get_namespace_oid(schema_was, true);
	Oid			to = get_namespace_oid(schema_is, true);

	if (!OidIsValid(to))
		return false;
	for (int i = 0; i < lengthof(classes); i++)
	{
		if (classes[i].in_schema != NULL && has_moved(classes[i].in_schema, from, was, to, is))
		{
			depend_on_name(result, classes[i].classid, schema_was, was);
			return true;
		}
	}
	if (strcmp(was, is) != 0 || !has_moved(routine_in_schema, from, was, to, is))
		return false;
	depend_on_name(result, ProcedureRelationId, schema_was, was);
	return true;
}

Oid
class_of_reg_type(Oid type)
{
	switch (type)
	{
		case REGCLASSOID:
			return RelationRelationId;
		case REGCOLLATIONOID:
			return CollationRelationId;
		case REGCONFIGOID:
			return TSConfigRelationId;
		case REGDICTIONARYOID:
			return TSDictionaryRelationId;
		case REGNAMESPACEOID:
			return NamespaceRelationId;
		case REGOPEROID:
		case REGOPERATOROID:
			return OperatorRelationId;
		case REGPROCOID:
		case REGPROCEDUREOID:
			return ProcedureRelationId;
		case REGROLEOID:
			return AuthIdRelationId;
		case REGTYPEOID:
			return TypeRelationId;
		default:
			return InvalidOid;
	}
}

bool
name_and_schema(Oid classid, Oid objid, char **name, char **schema)
{
	int			cache = get_object_catcache_oid(classid);
	HeapTuple	tup = SearchSysCache1(cache, ObjectIdGetDatum(objid));
	bool		isnull;
	Datum		value;

	if (!HeapTupleIsValid(tup))
		return false;
	value = SysCacheGetAttr(cache, tup, get_object_attnum_name(classid), &isnull);
	*name = pstrdup(NameStr(*DatumGetName(value)));
	value = SysCacheGetAttr(cache, tup, get_object_attnum_namespace(classid), &isnull);
	*schema = get_namespace_name(DatumGetObjectId(value));
	ReleaseSysCache(tup);
	return *schema != NULL;
}

/* ---- operators ---- */

char *
operator_signature(Oid operator, bits16 how)
{
	Oid			left;
	Oid			right;
	char	   *name;
	char	   *schema;

	if (!name_and_schema(OperatorRelationId, operator, &name, &schema))
		return psprintf("%u", operator);
	op_input_types(operator, &left, &right);
	how |= FORMAT_TYPE_ALLOW_INVALID;
	return psprintf("%s.%s(%s%s%s)", quote_identifier(schema), name,
					OidIsValid(left) ? format_type_extended(left, -1, how) : "",
					OidIsValid(left) ? ", " : "", format_type_extended(right, -1, how));
}

Oid
operator_called(const char *name, const char *baseline_name)
{
	CatCList   *list = SearchSysCacheList1(OPERNAMENSP, CStringGetDatum(name));
	Oid			found = InvalidOid;

	for (int i = 0; i < list->n_members && !OidIsValid(found); i++)
	{
		Oid			operator = ((Form_pg_operator) GETSTRUCT(&list->members[i]->tuple))->oid;

		if (strcmp(operator_signature(operator, FORMAT_TYPE_FORCE_QUALIFY), baseline_name) == 0)
			found = operator;
	}
	ReleaseSysCacheList(list);
	return found;
}
