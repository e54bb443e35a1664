/*
 * type.c
 *		Is a type still there, and the same to those who decode it?
 *
 * No privilege on the type itself is asked for: it takes USAGE to make a column
 * or function of a type, not to read, write or cast to it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "base/compat.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "verify/attribute.h"
#include "verify/baseline.h"
#include "verify/observe.h"

/* ---- enums ---- */

List *
enum_labels(Oid type)
{
	List	   *labels = NIL;
	Relation	pg_enum;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	if (!OidIsValid(type) || get_typtype(type) != TYPTYPE_ENUM)
		return NIL;
	pg_enum = table_open(EnumRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_enum_enumtypid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(type));
	/* By this index they come in their order. */
	scan = systable_beginscan(pg_enum, EnumTypIdSortOrderIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
		labels = lappend(labels, pstrdup(NameStr(((Form_pg_enum) GETSTRUCT(tup))->enumlabel)));
	systable_endscan(scan);
	table_close(pg_enum, AccessShareLock);
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

void
observe_added_labels(Observation *obs, const char *type, List *known, List *labels)
{
	ListCell   *lc;

	foreach(lc, labels)
	{
		if (!text_list_has(known, lfirst(lc)))
			observe_problem(obs, RULE_ENUM_LABEL_ADDED, STATE_MET,
							psprintf("the labels of %s it knows", type),
							psprintf("label %s is new", quote_literal_cstr(lfirst(lc))),
							InvalidOid, NULL)->subject = type;
	}
}

/* Returns whether all are there. */
static bool
check_labels_present(Observation *obs, List *expected, List *labels)
{
	ListCell   *lc;
	bool		complete = true;

	foreach(lc, expected)
	{
		if (text_list_has(labels, lfirst(lc)))
			continue;
		observe_problem(obs, RULE_ENUM_LABEL_MISSING, STATE_UNMET,
						psprintf("label %s", quote_literal_cstr(lfirst(lc))),
						pstrdup("no such label"), InvalidOid, NULL);
		complete = false;
	}
	return complete;
}

/* The contract says that the version cannot deal with any other. */
static void
check_labels_closed(Observation *obs, List *expected, List *labels)
{
	ListCell   *lc;

	foreach(lc, labels)
	{
		if (!text_list_has(expected, lfirst(lc)))
			observe_problem(obs, RULE_ENUM_LABEL_ADDED, STATE_UNMET,
							pstrdup("no label but those of the contract"),
							psprintf("label %s", quote_literal_cstr(lfirst(lc))),
							InvalidOid, NULL)->proven = true;
	}
}

/* Of the labels there were, only those that the contract lists have to stay. */
static void
check_labels(const Requirement *req, Observation *obs, List *labels)
{
	bool		declared = requirement_has(req, "labels");
	List	   *before = baseline_list(req, "labels");
	List	   *expected = declared ? requirement_list(req, "labels") : before;
	bool		complete = check_labels_present(obs, expected, labels);

	if (requirement_bool(req, "closed"))
		check_labels_closed(obs, expected, labels);
	else if (complete && baseline_has(req, "labels"))
		observe_added_labels(obs, req->object, before, labels);
}

/* ---- composite types ---- */

/* "name type" of each attribute. */
static List *
attributes_of(Oid relid)
{
	List	   *attributes = NIL;
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	int			natts = 0;

	if (HeapTupleIsValid(tup))
	{
		natts = ((Form_pg_class) GETSTRUCT(tup))->relnatts;
		ReleaseSysCache(tup);
	}
	for (AttrNumber attnum = 1; attnum <= natts; attnum++)
	{
		ColumnFacts facts;
		int32		typmod;

		if (!column_facts(relid, attnum, &facts))
			continue;
		typmod = facts.typmod;
		attributes = lappend(attributes, get_attname(relid, attnum, false));
		attributes = lappend(attributes,
							 format_type_extended(wire_type(facts.type, &typmod), typmod,
												  FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_ALLOW_INVALID));
	}
	return attributes;
}

/* The lists alternate names and types. */
static void
check_attributes(Observation *obs, Oid relid, List *before, List *attributes)
{
	for (int i = 0; i + 1 < list_length(before); i += 2)
	{
		const char *name = list_nth(before, i);
		const char *type = list_nth(before, i + 1);
		const char *now = NULL;

		for (int j = 0; j + 1 < list_length(attributes); j += 2)
		{
			if (strcmp(list_nth(attributes, j), name) == 0)
				now = list_nth(attributes, j + 1);
		}
		if (now == NULL)
			observe_problem(obs, RULE_COLUMN_MISSING, STATE_UNMET,
							psprintf("attribute %s", quote_identifier(name)),
							psprintf("no such attribute in %s", relation_label(relid)),
							relid, name);
		else if (strcmp(now, type) != 0)
			observe_problem(obs, RULE_COLUMN_TYPE, STATE_UNMET,
							psprintf("attribute %s of type %s", quote_identifier(name), type),
							psprintf("type %s", now), relid, name);
	}
	if (before != NIL && list_length(attributes) > list_length(before))
		observe_problem(obs, RULE_QUERY_RESULT_GREW, STATE_MET,
						psprintf("%d attributes", list_length(before) / 2),
						psprintf("%d attributes", list_length(attributes) / 2), relid, NULL);
}

/* ---- the type itself ---- */

static Oid
type_oid(Oid schema, const char *name)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
						   ObjectIdGetDatum(schema));
}

static bool
type_in_schema(Oid schema, const char *name)
{
	return OidIsValid(type_oid(schema, name));
}

/* Temporary types are nobody's but a session's. */
static Oid
find_type(const char *schema, const char *name)
{
	Oid			namespace;

	if (schema == NULL)
		return TypenameGetTypidExtended(name, false);
	namespace = get_namespace_oid(schema, true);
	return OidIsValid(namespace) && schema_is_usable(namespace)
		? type_oid(namespace, name) : InvalidOid;
}

/* "domain over text": what a driver has to know of it besides its name. */
static char *
kind_label(const FormData_pg_type *form)
{
	int32		typmod = form->typtypmod;

	switch (form->typtype)
	{
		case TYPTYPE_ENUM:
			return pstrdup("an enum");
		case TYPTYPE_COMPOSITE:
			return pstrdup("a composite type");
		case TYPTYPE_DOMAIN:
			return psprintf("a domain over %s",
							format_type_extended(form->typbasetype, typmod,
												 FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_ALLOW_INVALID));
		case TYPTYPE_RANGE:
			return psprintf("a range of %s",
							format_type_extended(get_range_subtype(form->oid), -1,
												 FORMAT_TYPE_ALLOW_INVALID));
		case TYPTYPE_MULTIRANGE:
			return pstrdup("a multirange");
		case TYPTYPE_PSEUDO:
			return pstrdup("a pseudo-type");
		default:
			return pstrdup(OidIsValid(form->typelem) ? "an array" : "a base type");
	}
}

/* What else the answer hangs on: a row type is altered as a relation. */
static void
observe_parts(Observation *obs, const FormData_pg_type *form)
{
	observe_type(obs, form->oid);
	if (OidIsValid(form->typrelid))
		observe_object(obs, RelationRelationId, form->typrelid);
}

void
verify_type(const Requirement *req, Observation *obs)
{
	List	   *names = compat_string_to_name_list(requirement_text(req, "type"));
	char	   *before = baseline_text(req, "kind");
	FormData_pg_type form;
	char	   *schema;
	char	   *name;
	Oid			type;
	HeapTuple	tup;
	List	   *labels;
	List	   *attributes;

	DeconstructQualifiedName(names, &schema, &name);
	observe_name(obs, TypeRelationId, schema, name);
	type = find_type(schema, name);
	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tup))
	{
		(void) observe_unresolved(req, obs, RULE_TYPE_MISSING, "type", req->object,
								  schema, name, type_in_schema);
		return;
	}
	memcpy(&form, GETSTRUCT(tup), sizeof(form));
	ReleaseSysCache(tup);
	schema = get_namespace_name(form.typnamespace);

	observe_parts(obs, &form);
	(void) observe_captured(req, obs, name, schema, type_in_schema);
	labels = enum_labels(type);
	attributes = attributes_of(form.typrelid);
	if (before != NULL && strcmp(before, kind_label(&form)) != 0)
		observe_problem(obs, RULE_TYPE_MISSING, STATE_UNMET, before, kind_label(&form),
						InvalidOid, NULL);
	else
	{
		check_labels(req, obs, labels);
		check_attributes(obs, form.typrelid, baseline_list(req, "attributes"), attributes);
	}
	obs->baseline = baseline_of((BaselineMember[])
								{
									{.name = "schema", .text = schema},
									{.name = "kind", .text = kind_label(&form)},
									{.name = "labels", .is_list = labels != NIL, .list = labels},
									{.name = "attributes", .is_list = attributes != NIL,
									.list = attributes}
								}, 4);
}
