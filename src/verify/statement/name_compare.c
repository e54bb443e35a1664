/*
 * name_compare.c
 *		Compare what names stand for with what they stood for, as the baseline has it.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"
#include "verify/statement/statement_internal.h"

/* ---- in the baseline ---- */

BaselineMember
names_member(List *resolved_names)
{
	BaselineMember member = {.name = "names"};
	StringInfoData json;
	ListCell   *lc;

	initStringInfo(&json);
	foreach(lc, resolved_names)
	{
		ResolvedName *resolved = lfirst(lc);

		if (resolved->resolved[0] == '\0')
			continue;
		appendStringInfoString(&json, json.len > 0 ? "," : "[");
		json_append_list(&json, list_make3(pstrdup(resolved->class->name), resolved->name,
										   resolved->resolved));
	}
	if (json.len > 0)
	{
		appendStringInfoChar(&json, ']');
		member.json = json.data;
	}
	return member;
}

BaselineMember
server_calls_member(List *resolved_names)
{
	BaselineMember member = {.name = "server_calls"};
	ListCell   *lc;

	foreach(lc, resolved_names)
	{
		ResolvedName *resolved = lfirst(lc);

		if (resolved->resolved[0] == '\0')
			member.list = lappend(member.list, resolved->name);
	}
	member.is_list = member.list != NIL;
	return member;
}

/* Add a name of a baseline, unless its class is unknown. */
static List *
add_from_baseline(List *resolved_names, const NameClass *class, char *name, char *resolved)
{
	ResolvedName *kept = palloc_object(ResolvedName);

	kept->class = class;
	kept->name = name;
	kept->resolved = resolved;
	kept->objid = InvalidOid;
	return class != NULL ? lappend(resolved_names, kept) : resolved_names;
}

/* Return the names of a baseline that stood for anything but the server's own. */
static List *
baseline_names(Jsonb *baseline)
{
	List	   *texts = json_text_list(json_member(baseline, "names"));
	List	   *resolved_names = NIL;

	for (int i = 0; i + 2 < list_length(texts); i += 3)
		resolved_names = add_from_baseline(resolved_names, name_class_called(list_nth(texts, i)),
										   list_nth(texts, i + 1), list_nth(texts, i + 2));
	return resolved_names;
}

/* Return the calls of a baseline that meant the server's own. */
static List *
baseline_server_calls(Jsonb *baseline)
{
	List	   *resolved_names = NIL;
	ListCell   *lc;

	foreach(lc, json_text_list(json_member(baseline, "server_calls")))
	{
		char	   *name = lfirst(lc);
		bool		is_operator = strchr("~!@#^&|`?+-*/%<>=", name[0]) != NULL;
		const NameClass *class = name_class_of(is_operator ? OperatorRelationId
											   : ProcedureRelationId);

		resolved_names = add_from_baseline(resolved_names, class, name, "");
	}
	return resolved_names;
}

char *
resolved_names_missing_schema(Jsonb *baseline)
{
	ListCell   *lc;

	foreach(lc, baseline_names(baseline))
	{
		ResolvedName *resolved = lfirst(lc);

		if (resolved->class->classid == RelationRelationId && schema_is_missing(resolved->resolved))
			return resolved->resolved;
	}
	return NULL;
}

/* ---- comparing ---- */

/* Return what a name stood for before, if possible the same as now; or NULL. */
static const ResolvedName *
resolved_before(List *was, const ResolvedName *is)
{
	const ResolvedName *before = NULL;
	ListCell   *lc;

	foreach(lc, was)
	{
		const ResolvedName *old = lfirst(lc);

		if (old->class != is->class || strcmp(old->name, is->name) != 0)
			continue;
		before = old;
		if (strcmp(old->resolved, is->resolved) == 0)
			break;
	}
	return before;
}

/* Return a routine or operator for people. */
static char *
call_label(const ResolvedName *is, Oid objid)
{
	return is->class->classid == ProcedureRelationId ? routine_label(objid)
		: operator_signature(objid, 0);
}

/* Return what a name stood for, for people, or NULL if that is gone. */
static char *
what_is_left(const ResolvedName *was, const ResolvedName *is, const char *name)
{
	Oid			found;

	if (was == NULL || was->resolved[0] == '\0')
		return pstrdup("the server's own");
	if (is->class->in_schema != NULL)
	{
		found = get_namespace_oid(was->resolved, true);
		return OidIsValid(found) && is->class->in_schema(found, name)
			? quote_qualified_identifier(was->resolved, name) : NULL;
	}
	found = is->class->classid == ProcedureRelationId ? routine_called(name, was->resolved)
		: operator_called(name, was->resolved);
	return OidIsValid(found) ? call_label(is, found) : NULL;
}

/* Report a name that stands for another object than before. */
static void
compare_resolved_name(VerifyResult *result, List *was, const ResolvedName *is)
{
	const ResolvedName *before = resolved_before(was, is);
	bool		is_call = is->class->in_schema == NULL;
	char	   *expected;
	char	   *schema;
	char	   *name;

	/* Called with something else, it is another call. */
	if ((before == NULL && is_call) ||
		(before != NULL && strcmp(before->resolved, is->resolved) == 0) ||
		!name_and_schema(is->class->classid, is->objid, &name, &schema))
		return;
	expected = what_is_left(before, is, name);
	if (expected == NULL)
		return;
	result_add_problem(result, RULE_NAME_CAPTURED, STATE_UNMET,
					   psprintf("%s%s to mean %s", is->class->label,
								is->class->classid == OperatorRelationId ? name
								: quote_identifier(name), expected),
					   psprintf("it means %s", is_call ? call_label(is, is->objid)
								: quote_qualified_identifier(schema, name)),
					   InvalidOid, NULL);
}

void
compare_resolved_names(VerifyResult *result, Jsonb *baseline, List *is)
{
	List	   *was = baseline_names(baseline);
	bool		complete = false;
	ListCell   *lc;

	foreach(lc, is)
	{
		const ResolvedName *resolved = lfirst(lc);

		/* What the server has is where it was. */
		if (resolved->resolved[0] == '\0')
			continue;

		/* What was the server's is asked for only if it matters. */
		if (!complete && resolved->class->in_schema == NULL && resolved_before(was, resolved) == NULL)
		{
			was = list_concat(was, baseline_server_calls(baseline));
			complete = true;
		}
		compare_resolved_name(result, was, resolved);
	}
}
