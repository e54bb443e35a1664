/*
 * type_match.c
 *		Is a type, to a client, the one that the baseline has?
 *
 * A client is told the type below a domain, decodes values by what the type is made
 * of, and never sees the name of a type that its statements do not mention.  The
 * types that statements mention are judged by the server's own analysis, those that
 * the contract has under "types" by verify_type.c.
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/result/result_internal.h"

/* How deep rows within rows are compared: a table may have an array of its own row type. */
#define MAX_TYPE_DEPTH 16

/* The lists that names are looked up in, then and now, and how deep in rows we are. */
typedef struct Match
{
	List	   *was;
	List	   *is;
	int			depth;
} Match;

static TypeMatch match_names(Match *match, const char *was, const char *is);

/* Are two types of the server one to a client, as text and character varying are? */
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

/* Compare rows.  Columns that were there have to be in their places; more may follow. */
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

/* Are all the wanted texts in the list? */
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

/* Find the type of a name with its schema, whoever may use that; or InvalidOid. */
static Oid
type_called(const char *name)
{
	List	   *names = compat_string_to_name_list(name);
	Oid			schema;

	if (list_length(names) != 2)
		return InvalidOid;
	schema = get_namespace_oid(strVal(linitial(names)), true);
	return OidIsValid(schema) ? find_type_in_schema(schema, strVal(lsecond(names))) : InvalidOid;
}

/* Can one type be what became of the other? known_by_name: an enum that has kept its
 * name may have lost labels, which other rules report. */
static bool
types_fit(Match *match, const BaselineType *was, const BaselineType *is, bool known_by_name)
{
	const char *kind = baseline_type_kind(was);

	if (strcmp(kind, baseline_type_kind(is)) != 0)
		return false;
	if (strcmp(kind, "enum") == 0)
		return known_by_name || has_parts(is->parts, was->parts);
	if (strcmp(kind, "base") == 0)
		return has_parts(is->parts, was->parts);
	return list_length(was->parts) == 2 &&
		match_names(match, lsecond(was->parts), lsecond(is->parts)) == TYPE_SAME;
}

/*
 * Has the type that has the old name now all that makes it the old type?  A type that
 * was renamed to make room for one with more labels is nearer to the old one than that.
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

/* Compare two types, each by its name in its list. */
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
	if (strcmp(baseline_type_kind(was), "row") == 0 && strcmp(baseline_type_kind(is), "row") == 0)
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

/*
 * Return a name with what the type is: "mood, an enum", "addr (street text, zip text)".
 */
static char *
label_in_full(List *kept, const char *name, int depth)
{
	const char *element = name;
	char	   *label = baseline_type_label(name);
	BaselineType *type;
	StringInfoData buf;

	(void) strip_array(&element);
	type = depth < 3 ? find_baseline_type(kept, element) : NULL;
	if (type == NULL || (depth > 0 && strcmp(baseline_type_kind(type), "row") != 0))
		return label;
	if (strcmp(baseline_type_kind(type), "row") != 0)
		return psprintf("%s, %s %s", label,
						strcmp(baseline_type_kind(type), "enum") == 0 ? "an" : "a", baseline_type_kind(type));
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
