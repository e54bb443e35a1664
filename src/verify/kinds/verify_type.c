/*
 * verify_type.c
 *		Is a type still there, and the same to those who decode it?
 *
 * No privilege on the type itself is asked for: it takes USAGE to make a column
 * or function of a type, not to read, write or cast to it.
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "verify/catalog/catalog.h"
#include "verify/kinds/kinds_internal.h"
#include "verify/result/result.h"

/* Report labels that are missing.  Returns whether all are there. */
static bool
check_labels_present(VerifyResult *result, List *expected, List *labels)
{
	ListCell   *lc;
	bool		complete = true;

	foreach(lc, expected)
	{
		if (text_list_has(labels, lfirst(lc)))
			continue;
		result_add_problem(result, RULE_ENUM_LABEL_MISSING, STATE_UNMET,
						   psprintf("label %s", quote_literal_cstr(lfirst(lc))),
						   pstrdup("no such label"), InvalidOid, NULL);
		complete = false;
	}
	return complete;
}

/* Report labels that are not expected: the contract says that the version cannot deal
 * with any other. */
static void
check_labels_closed(VerifyResult *result, List *expected, List *labels)
{
	ListCell   *lc;

	foreach(lc, labels)
	{
		if (!text_list_has(expected, lfirst(lc)))
			result_add_problem(result, RULE_ENUM_LABEL_ADDED, STATE_UNMET,
							   pstrdup("no label but those of the contract"),
							   psprintf("label %s", quote_literal_cstr(lfirst(lc))),
							   InvalidOid, NULL)->proven = true;
	}
}

/* Check an enum's labels.  Of those there were, only the ones that the contract lists
 * have to stay. */
static void
check_labels(const Requirement *req, VerifyResult *result, Oid type)
{
	List	   *labels = enum_labels(type);
	bool		declared = requirement_has(req, "labels");
	List	   *before = baseline_list(req, "labels");
	List	   *expected = declared ? requirement_list(req, "labels") : before;
	bool		complete = check_labels_present(result, expected, labels);

	if (requirement_bool(req, "closed"))
		check_labels_closed(result, expected, labels);
	else if (complete && baseline_has(req, "labels"))
		report_added_labels(result, type, before);
}

/* ---- composite types ---- */

/* An attribute of a composite type. */
typedef struct Attribute
{
	char	   *name;
	Oid			type;
	int32		typmod;
} Attribute;

/* Return the attributes of a composite type, as a list of Attribute *. */
static List *
attributes_of(Oid relid)
{
	List	   *attributes = NIL;
	AttrNumber	natts = relation_natts(relid);

	for (AttrNumber attnum = 1; attnum <= natts; attnum++)
	{
		ColumnInfo	info;
		Attribute  *attribute;

		if (!column_info(relid, attnum, &info))
			continue;
		attribute = palloc_object(Attribute);
		attribute->name = get_attname(relid, attnum, false);
		attribute->type = info.type;
		attribute->typmod = info.typmod;
		attributes = lappend(attributes, attribute);
	}
	return attributes;
}

/* Return names and types of attributes, in turn, for the baseline. */
static List *
attribute_texts(List *attributes)
{
	List	   *texts = NIL;
	ListCell   *lc;

	foreach(lc, attributes)
	{
		Attribute  *attribute = lfirst(lc);

		texts = lappend(texts, attribute->name);
		texts = lappend(texts, column_type_baseline_name(attribute->type, attribute->typmod));
	}
	return texts;
}

static Attribute *
find_attribute(List *attributes, const char *name)
{
	ListCell   *lc;

	foreach(lc, attributes)
	{
		if (strcmp(((Attribute *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	}
	return NULL;
}

/* Is the type the one in the baseline, and does it hold what that held? */
static bool
is_baseline_type(const Requirement *req, const char *kept, Oid type, int32 typmod)
{
	return baseline_type_match(baseline_types(req->baseline), baseline_type_bare(kept), type) != TYPE_OTHER &&
		type_holds_baseline_type(kept, type, typmod, false);
}

/* Report attributes that are missing or of another type, and, as a remark, new ones. */
static void
check_attributes(const Requirement *req, VerifyResult *result, Oid relid, List *attributes)
{
	List	   *before = baseline_list(req, "attributes");

	for (int i = 0; i + 1 < list_length(before); i += 2)
	{
		const char *name = list_nth(before, i);
		const char *type = list_nth(before, i + 1);
		Attribute  *now = find_attribute(attributes, name);

		if (now == NULL)
			result_add_problem(result, RULE_COLUMN_MISSING, STATE_UNMET,
							   psprintf("attribute %s", quote_identifier(name)),
							   psprintf("no such attribute in %s", relation_label(relid)),
							   relid, name);
		else if (!is_baseline_type(req, type, now->type, now->typmod))
			result_add_problem(result, RULE_COLUMN_TYPE, STATE_UNMET,
							   psprintf("attribute %s of type %s", quote_identifier(name),
										baseline_type_label(type)),
							   psprintf("type %s",
										baseline_type_label(column_type_baseline_name(now->type, now->typmod))),
							   relid, name);
	}
	if (before != NIL && 2 * list_length(attributes) > list_length(before))
		result_add_problem(result, RULE_QUERY_RESULT_GREW, STATE_MET,
						   psprintf("%d attributes", list_length(before) / 2),
						   psprintf("%d attributes", list_length(attributes)), relid, NULL);
}

/* ---- the type itself ---- */

/* Find a type of the contract.  Temporary types, which a session has, are left out. */
static Oid
find_type(const char *schema, const char *name)
{
	Oid			namespace;

	if (schema == NULL)
		return TypenameGetTypidExtended(name, false);
	namespace = get_namespace_oid(schema, true);
	return OidIsValid(namespace) && schema_is_usable(namespace)
		? find_type_in_schema(namespace, name) : InvalidOid;
}

/* Return what a type is called, for people and for the baseline. */
static const char *
kind_label(const FormData_pg_type *form)
{
	switch (form->typtype)
	{
		case TYPTYPE_ENUM:
			return "an enum";
		case TYPTYPE_COMPOSITE:
			return "a composite type";
		case TYPTYPE_DOMAIN:
			return "a domain";
		case TYPTYPE_RANGE:
			return "a range";
		case TYPTYPE_MULTIRANGE:
			return "a multirange";
		case TYPTYPE_PSEUDO:
			return "a pseudo-type";
		default:
			return OidIsValid(form->typelem) ? "an array" : "a base type";
	}
}

/* Return what a domain or range is over; InvalidOid for other types. */
static Oid
type_below(const FormData_pg_type *form)
{
	return form->typtype == TYPTYPE_DOMAIN ? form->typbasetype
		: form->typtype == TYPTYPE_RANGE ? get_range_subtype(form->oid) : InvalidOid;
}

/* Return "a domain over text": what a driver has to know of a type besides its name. */
static char *
full_kind_label(const char *kind, const char *over)
{
	if (over == NULL)
		return pstrdup(kind);
	return psprintf("%s %s %s", kind, strcmp(kind, "a range") == 0 ? "of" : "over",
					baseline_type_label(over));
}

/* Report a type of another kind, or over another type.  Returns whether it is the same. */
static bool
check_kind(const Requirement *req, VerifyResult *result, const FormData_pg_type *form)
{
	char	   *kind = baseline_text(req, "kind");
	char	   *over = baseline_text(req, "base_type");
	Oid			below = type_below(form);

	if (kind == NULL)
		return true;
	if (strcmp(kind, kind_label(form)) == 0 &&
		(over == NULL || is_baseline_type(req, over, below, form->typtypmod)))
		return true;
	result_add_problem(result, RULE_TYPE_MISSING, STATE_UNMET, full_kind_label(kind, over),
					   full_kind_label(kind_label(form),
									   OidIsValid(below) ? column_type_baseline_name(below, form->typtypmod) : NULL),
					   InvalidOid, NULL);
	return false;
}

/* Return the baseline of the type. */
static Jsonb *
type_baseline(const FormData_pg_type *form, List *labels, List *attributes)
{
	Oid			below = type_below(form);
	List	   *texts = attribute_texts(attributes);
	List	   *kept = baseline_add_type(NIL, below);
	ListCell   *lc;

	foreach(lc, attributes)
		kept = baseline_add_type(kept, ((Attribute *) lfirst(lc))->type);
	{
		BaselineMember members[] = {
			{.name = "schema", .text = get_namespace_name(form->typnamespace)},
			{.name = "kind", .text = kind_label(form)},
			{.name = "base_type", .text = OidIsValid(below)
			? column_type_baseline_name(below, form->typtypmod) : NULL},
			{.name = "labels", .is_list = labels != NIL, .list = labels},
			{.name = "attributes", .is_list = texts != NIL, .list = texts},
			baseline_types_member(kept)
		};

		return baseline_of(members, lengthof(members));
	}
}

void
verify_type(const Requirement *req, VerifyResult *result)
{
	List	   *names = compat_string_to_name_list(requirement_text(req, "type"));
	FormData_pg_type form;
	char	   *schema;
	char	   *name;
	Oid			type;
	List	   *labels;
	List	   *attributes;

	DeconstructQualifiedName(names, &schema, &name);
	depend_on_name(result, TypeRelationId, schema, name);
	type = find_type(schema, name);
	if (!read_type(type, &form))
	{
		(void) report_unresolved(req, result, RULE_TYPE_MISSING, "type", req->object,
								 schema, name, type_in_schema);
		return;
	}
	schema = get_namespace_name(form.typnamespace);

	depend_on_type(result, form.oid);
	(void) check_name_captured(req, result, name, schema, type_in_schema);
	labels = enum_labels(type);
	attributes = attributes_of(form.typrelid);
	if (check_kind(req, result, &form))
	{
		check_labels(req, result, type);
		check_attributes(req, result, form.typrelid, attributes);
	}
	if (req->baseline == NULL)
		result->baseline = type_baseline(&form, labels, attributes);
}
