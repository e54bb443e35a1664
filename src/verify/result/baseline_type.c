/*
 * baseline_type.c
 *		Describe types for a baseline: their names, and what they are made of.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "base/compat.h"
#include "base/json_walk.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "contract/contract.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/result/result_internal.h"

/* Return a name without the parentheses of a modifier. */
static char *
without_modifier(const char *name)
{
	char	   *bare = pstrdup(name);
	char	   *out = bare;
	bool		quoted = false;
	int			depth = 0;

	for (const char *in = name; *in != '\0'; in++)
	{
		quoted ^= *in == '"';
		depth += quoted ? 0 : (*in == '(') - (in > name && in[-1] == ')');
		if (depth == 0)
			*out++ = *in;
	}
	*out = '\0';
	return bare;
}

/* Does the bare name mean a type of the server?  A modifier that a type does not take is
 * an error to look up, so there is none. */
static bool
is_servers(const char *bare)
{
	int32		typmod;
	Oid			type = type_by_name(bare, &typmod);

	return OidIsValid(type) && type < FirstNormalObjectId;
}

/* Fields of an interval are a modifier that is not in parentheses: the type's own name
 * is without. */
char *
baseline_type_bare(const char *name)
{
	char	   *bare = without_modifier(name);
	int32		typmod;

	return is_servers(bare) ? type_baseline_name(type_by_name(bare, &typmod)) : bare;
}

char *
baseline_type_label(const char *name)
{
	int32		typmod;
	Oid			type;

	/* "-" or "???" was gone when it was kept. */
	if (name[0] == '-' || name[0] == '?' ||
		(strchr(name, '(') != NULL && !is_servers(without_modifier(name))))
		return pstrdup(name);
	type = type_by_name(name, &typmod);
	if (!OidIsValid(type))
		return pstrdup(name);
	return format_type_extended(type, typmod, FORMAT_TYPE_ALLOW_INVALID |
								(typmod >= 0 ? FORMAT_TYPE_TYPEMOD_GIVEN : 0));
}

bool
strip_array(const char **name)
{
	int			length = strlen(*name);

	if (length < 2 || strcmp(*name + length - 2, "[]") != 0)
		return false;
	*name = pnstrdup(*name, length - 2);
	return true;
}

/* ---- what a type is ---- */

BaselineType *
find_baseline_type(List *kept, const char *name)
{
	ListCell   *lc;

	foreach(lc, kept)
	{
		BaselineType *type = lfirst(lc);

		if (strcmp(type->name, name) == 0)
			return type;
	}
	return NULL;
}

static List *
add_part(List *parts, const char *part)
{
	return lappend(parts, pstrdup(part));
}

/* Add the function by which a base type is read or written. */
static List *
add_source(List *parts, Oid function)
{
	HeapTuple	tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	char	   *source = "";

	if (HeapTupleIsValid(tup))
	{
		bool		isnull;
		Datum		value = SysCacheGetAttr(PROCOID, tup, Anum_pg_proc_prosrc, &isnull);

		if (!isnull)
			source = TextDatumGetCString(value);
		ReleaseSysCache(tup);
	}
	return add_part(parts, source);
}

/* Add the names and types of a row's columns. */
static List *
describe_row(List *kept, BaselineType *type, Oid relid)
{
	AttrNumber	natts = relation_natts(relid);

	for (AttrNumber attnum = 1; attnum <= natts; attnum++)
	{
		HeapTuple	tup = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
										  Int16GetDatum(attnum));
		Form_pg_attribute att;

		if (!HeapTupleIsValid(tup))
			continue;
		att = (Form_pg_attribute) GETSTRUCT(tup);
		if (!att->attisdropped)
		{
			type->parts = add_part(type->parts, NameStr(att->attname));
			type->parts = lappend(type->parts, type_baseline_name(att->atttypid));
			kept = baseline_add_type(kept, att->atttypid);
		}
		ReleaseSysCache(tup);
	}
	return kept;
}

/* Add the type that a domain or range is over. */
static List *
describe_over(List *kept, BaselineType *type, Oid other)
{
	type->parts = lappend(type->parts, type_baseline_name(other));
	return baseline_add_type(kept, other);
}

/* Fill in what a type is made of, and add the types among that to the list. */
static List *
describe(List *kept, BaselineType *type, const FormData_pg_type *form)
{
	switch (form->typtype)
	{
		case TYPTYPE_ENUM:
			type->parts = list_concat(add_part(NIL, "enum"), enum_labels(form->oid));
			return kept;
		case TYPTYPE_COMPOSITE:
			type->parts = add_part(NIL, "row");
			return describe_row(kept, type, form->typrelid);
		case TYPTYPE_DOMAIN:
			type->parts = add_part(NIL, "domain");
			return describe_over(kept, type, form->typbasetype);
		case TYPTYPE_RANGE:
			type->parts = add_part(NIL, "range");
			return describe_over(kept, type, get_range_subtype(form->oid));
		case TYPTYPE_MULTIRANGE:
			type->parts = add_part(NIL, "multirange");
			return describe_over(kept, type, get_multirange_range(form->oid));
		default:
			type->parts = add_source(add_part(NIL, "base"), form->typinput);
			type->parts = add_source(type->parts, form->typoutput);
			return kept;
	}
}

List *
baseline_add_type(List *kept, Oid type)
{
	int32		typmod = -1;
	FormData_pg_type form;
	Oid			element;
	BaselineType *new;
	char	   *name;

	if (type < FirstNormalObjectId)
		return kept;
	type = wire_type(type, &typmod);
	element = OidIsValid(type) ? get_element_type(type) : InvalidOid;
	if (OidIsValid(element))
		type = element;
	if (type < FirstNormalObjectId || !read_type(type, &form))
		return kept;
	name = qualified_name(type, -1);
	if (find_baseline_type(kept, name) != NULL)
		return kept;

	/* It is in the list before those it is made of, which may be made of it. */
	new = palloc0_object(BaselineType);
	new->name = name;
	return describe(lappend(kept, new), new, &form);
}

/* ---- in the baseline ---- */

BaselineMember
baseline_types_member(List *kept)
{
	BaselineMember member = {.name = "types"};
	StringInfoData buf;
	ListCell   *lc;

	if (kept == NIL)
		return member;
	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	foreach(lc, kept)
	{
		BaselineType *type = lfirst(lc);

		json_append_name(&buf, type->name);
		json_append_list(&buf, type->parts);
	}
	appendStringInfoChar(&buf, '}');
	member.json = buf.data;
	return member;
}

List *
baseline_types(Jsonb *baseline)
{
	JsonbValue *types = json_member(baseline, "types");
	List	   *kept = NIL;
	JsonWalk	walk;

	if (types == NULL || types->type != jbvBinary ||
		!JsonContainerIsObject(types->val.binary.data))
		return NIL;
	json_walk_begin(&walk, types->val.binary.data);
	while (json_walk_next(&walk))
	{
		BaselineType *type = palloc_object(BaselineType);

		type->name = pnstrdup(walk.key.data, walk.key.len);
		type->parts = json_text_list(&walk.value);
		if (type->parts != NIL)
			kept = lappend(kept, type);
	}
	return kept;
}

void
depend_on_baseline_types(VerifyResult *result, Jsonb *baseline)
{
	ListCell   *lc;

	foreach(lc, baseline_types(baseline))
	{
		const char *name = ((BaselineType *) lfirst(lc))->name;
		List	   *names;

		(void) strip_array(&name);
		names = compat_string_to_name_list(name);
		if (list_length(names) == 2)
			depend_on_name(result, TypeRelationId, strVal(linitial(names)), strVal(lsecond(names)));
	}
}

const char *
baseline_type_kind(const BaselineType *type)
{
	return linitial(type->parts);
}

List *
baseline_type_labels(List *kept, const char *name)
{
	BaselineType *type;

	(void) strip_array(&name);
	type = find_baseline_type(kept, name);
	if (type != NULL && strcmp(baseline_type_kind(type), "domain") == 0 && list_length(type->parts) == 2)
		return baseline_type_labels(kept, lsecond(type->parts));
	return type != NULL && strcmp(baseline_type_kind(type), "enum") == 0
		? list_copy_tail(type->parts, 1) : NIL;
}
