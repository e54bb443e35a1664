/*
 * baseline_type.c
 *		Types as a baseline keeps them, and whether they are the same to a client.
 *
 * A client is told the type below a domain, decodes what it gets by what the type
 * is made of, and never sees the name of a type that its statements do not
 * mention.  What they mention is for the server's own analysis to judge, and what
 * the contract names under "types" for type.c.
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
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"

typedef struct BaselineType
{
	char	   *name;
	List	   *parts;			/* of char *: the kind, and what the type is
								 * made of: see describe */
} BaselineType;

/* Rows within rows; a table's may have an array of itself in it. */
#define MAX_TYPE_DEPTH 16

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

/* A modifier that another type of the name does not take is an error to look up. */
static bool
is_servers(const char *bare)
{
	int32		typmod;
	Oid			type = type_by_name(bare, &typmod);

	return OidIsValid(type) && type < FirstNormalObjectId;
}

/* Fields of an interval are a modifier that is not in parentheses. */
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

/* False, and the name left alone, if it is no array's. */
static bool
strip_array(const char **name)
{
	int			length = strlen(*name);

	if (length < 2 || strcmp(*name + length - 2, "[]") != 0)
		return false;
	*name = pnstrdup(*name, length - 2);
	return true;
}

/* Whoever may use it. */
static Oid
type_called(const char *name)
{
	List	   *names = compat_string_to_name_list(name);
	Oid			schema;

	if (list_length(names) != 2)
		return InvalidOid;
	schema = get_namespace_oid(strVal(linitial(names)), true);
	if (!OidIsValid(schema))
		return InvalidOid;
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
						   CStringGetDatum(strVal(lsecond(names))), ObjectIdGetDatum(schema));
}

/* ---- what a type is ---- */

static BaselineType *
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

/* What a base type is read by. */
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

/* Over another type. */
static List *
describe_over(List *kept, BaselineType *type, Oid other)
{
	type->parts = lappend(type->parts, type_baseline_name(other));
	return baseline_add_type(kept, other);
}

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
	HeapTuple	tup;
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
	if (type < FirstNormalObjectId)
		return kept;
	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tup))
		return kept;
	memcpy(&form, GETSTRUCT(tup), sizeof(form));
	ReleaseSysCache(tup);
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
	foreach(lc, kept)
	{
		BaselineType *type = lfirst(lc);

		appendStringInfoString(&buf, buf.len == 0 ? "{" : ", ");
		escape_json(&buf, type->name);
		appendStringInfoString(&buf, ": ");
		put_text_list(&buf, type->parts);
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
		type->parts = json_strings(&walk.value);
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

/* ---- comparing ---- */

/* Two lists that names are looked up in, and how deep in rows we are. */
typedef struct Match
{
	List	   *was;
	List	   *is;
	int			depth;
} Match;

static TypeMatch match_names(Match *match, const char *was, const char *is);

static const char *
kind_of(const BaselineType *type)
{
	return linitial(type->parts);
}

/* Both of the server's own; which text and character varying are to a client, too. */
static bool
server_types_match(const char *was, const char *is)
{
	static const char *const strings[] = {"pg_catalog.text", "character varying"};
	int			found = 0;

	if (strcmp(was, is) == 0)
		return true;
	for (int i = 0; i < lengthof(strings); i++)
		found += (strcmp(was, strings[i]) == 0) + (strcmp(is, strings[i]) == 0);
	return found == 2;
}

/* Columns that were there are in their places; more may follow. */
static TypeMatch
match_rows(Match *match, List *was, List *is)
{
	TypeMatch	result = list_length(is) > list_length(was) ? TYPE_GREW : TYPE_SAME;

	if (list_length(is) < list_length(was))
		return TYPE_OTHER;
	if (match->depth >= MAX_TYPE_DEPTH)
		return result;
	match->depth++;
	for (int i = 1; i + 1 < list_length(was) && result != TYPE_OTHER; i += 2)
	{
		if (strcmp(list_nth(was, i), list_nth(is, i)) != 0)
			result = TYPE_OTHER;
		else
			result = Min(result, match_names(match, list_nth(was, i + 1), list_nth(is, i + 1)));
	}
	match->depth--;
	return result;
}

static bool
has_parts(List *parts, List *wanted)
{
	ListCell   *lc;

	foreach(lc, wanted)
	{
		if (!text_list_has(parts, lfirst(lc)))
			return false;
	}
	return true;
}

/*
 * Can one be what became of the other?  known_by_name: an enum that has kept its
 * name may have lost labels, which rules of their own tell of.
 */
static bool
types_fit(Match *match, const BaselineType *was, const BaselineType *is, bool known_by_name)
{
	const char *kind = kind_of(was);

	if (strcmp(kind, kind_of(is)) != 0)
		return false;
	if (strcmp(kind, "enum") == 0)
		return known_by_name || has_parts(is->parts, was->parts);
	if (strcmp(kind, "base") == 0)
		return has_parts(is->parts, was->parts);
	return list_length(was->parts) == 2 &&
		match_names(match, lsecond(was->parts), lsecond(is->parts)) == TYPE_SAME;
}

/*
 * Does what goes by the old name now have all that makes it the old type?  A type
 * renamed to make room for one with more labels is nearer to it than that one.
 */
static bool
is_still_there(Match *match, const BaselineType *was, const BaselineType *is)
{
	Oid			type = type_called(was->name);
	Match		there = {.was = match->was, .is = baseline_add_type(NIL, type), .depth = match->depth};
	BaselineType *other = OidIsValid(type) ? find_baseline_type(there.is, was->name) : NULL;

	return other != NULL && types_fit(&there, was, other, false) &&
		list_length(other->parts) <= list_length(is->parts);
}

static TypeMatch
match_names(Match *match, const char *was_name, const char *is_name)
{
	BaselineType *was;
	BaselineType *is;

	if (strip_array(&was_name) != strip_array(&is_name))
		return TYPE_OTHER;
	was = find_baseline_type(match->was, was_name);
	is = find_baseline_type(match->is, is_name);
	if (was == NULL || is == NULL)
		return was == is && server_types_match(was_name, is_name) ? TYPE_SAME : TYPE_OTHER;
	if (strcmp(kind_of(was), "row") == 0 && strcmp(kind_of(is), "row") == 0)
		return match_rows(match, was->parts, is->parts);
	if (strcmp(was_name, is_name) == 0)
		return types_fit(match, was, is, true) ? TYPE_SAME : TYPE_OTHER;
	return types_fit(match, was, is, false) && !is_still_there(match, was, is)
		? TYPE_SAME : TYPE_OTHER;
}

TypeMatch
baseline_type_match(List *kept, const char *name, Oid type)
{
	Match		match = {.was = kept, .is = baseline_add_type(NIL, type)};

	return match_names(&match, name, type_baseline_name(type));
}

TypeMatch
type_match(Oid was, Oid is)
{
	int32		typmod = -1;

	was = wire_type(was, &typmod);
	is = wire_type(is, &typmod);
	if (!OidIsValid(was) || !OidIsValid(is))
		return TYPE_OTHER;
	if (was == is)
		return TYPE_SAME;
	return baseline_type_match(baseline_add_type(NIL, was), type_baseline_name(was), is);
}

/* ---- what else there is to say ---- */

List *
baseline_type_labels(List *kept, const char *name)
{
	BaselineType *type;

	(void) strip_array(&name);
	type = find_baseline_type(kept, name);
	if (type != NULL && strcmp(kind_of(type), "domain") == 0 && list_length(type->parts) == 2)
		return baseline_type_labels(kept, lsecond(type->parts));
	return type != NULL && strcmp(kind_of(type), "enum") == 0
		? list_copy_tail(type->parts, 1) : NIL;
}

/* "mood, an enum", "addr (street text, zip text)" */
static char *
label_in_full(List *kept, const char *name, int depth)
{
	const char *element = name;
	char	   *label = baseline_type_label(name);
	BaselineType *type;
	StringInfoData buf;

	(void) strip_array(&element);
	type = depth < 3 ? find_baseline_type(kept, element) : NULL;
	if (type == NULL || (depth > 0 && strcmp(kind_of(type), "row") != 0))
		return label;
	if (strcmp(kind_of(type), "row") != 0)
		return psprintf("%s, %s %s", label,
						strcmp(kind_of(type), "enum") == 0 ? "an" : "a", kind_of(type));
	initStringInfo(&buf);
	appendStringInfo(&buf, "%s (", label);
	for (int i = 1; i + 1 < list_length(type->parts); i += 2)
		appendStringInfo(&buf, "%s%s %s", i > 1 ? ", " : "",
						 quote_identifier(list_nth(type->parts, i)),
						 label_in_full(kept, list_nth(type->parts, i + 1), depth + 1));
	appendStringInfoChar(&buf, ')');
	return buf.data;
}

void
baseline_type_contrast(List *kept, const char *name, Oid type, char **was, char **is)
{
	char	   *is_name = type_baseline_name(type);

	*was = baseline_type_label(name);
	*is = baseline_type_label(is_name);
	if (strcmp(*was, *is) == 0)
	{
		*was = label_in_full(kept, name, 0);
		*is = label_in_full(baseline_add_type(NIL, type), is_name, 0);
	}
}
