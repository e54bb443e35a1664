/*
 * baseline.c
 *		What a requirement found when it was first met, to compare with later.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "verify/result/result.h"

static void
put_name(StringInfo json, const char *name)
{
	if (json->len > 1)
		appendStringInfoString(json, ", ");
	escape_json(json, name);
	appendStringInfoString(json, ": ");
}

void
put_text_list(StringInfo json, List *list)
{
	ListCell   *lc;
	const char *separator = "";

	appendStringInfoChar(json, '[');
	foreach(lc, list)
	{
		appendStringInfoString(json, separator);
		escape_json(json, lfirst(lc));
		separator = ", ";
	}
	appendStringInfoChar(json, ']');
}

Jsonb *
baseline_of(const BaselineMember *members, int nmembers)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < nmembers; i++)
	{
		if (members[i].json != NULL)
		{
			put_name(&json, members[i].name);
			appendStringInfoString(&json, members[i].json);
		}
		else if (members[i].is_list)
		{
			put_name(&json, members[i].name);
			put_text_list(&json, members[i].list);
		}
		else if (members[i].text != NULL)
		{
			put_name(&json, members[i].name);
			escape_json(&json, members[i].text);
		}
	}
	appendStringInfoChar(&json, '}');
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}

Jsonb *
baseline_with(Jsonb *baseline, const BaselineMember *member)
{
	Jsonb	   *more = baseline_of(member, 1);

	if (baseline == NULL)
		return more;
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(baseline),
											  JsonbPGetDatum(more)));
}

char *
baseline_text(const Requirement *req, const char *member)
{
	JsonbValue *value = json_member(req->baseline, member);

	return value == NULL ? NULL : json_text(value);
}

bool
baseline_has(const Requirement *req, const char *member)
{
	return json_member(req->baseline, member) != NULL;
}

List *
baseline_list(const Requirement *req, const char *member)
{
	return json_strings(json_member(req->baseline, member));
}

List *
json_strings(JsonbValue *array)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;
	List	   *strings = NIL;

	if (array == NULL || array->type != jbvBinary)
		return NIL;
	it = JsonbIteratorInit(array->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
	{
		if (token == WJB_ELEM && value.type == jbvString)
			strings = lappend(strings, pnstrdup(value.val.string.val, value.val.string.len));
	}
	return strings;
}

bool
text_list_has(List *list, const char *text)
{
	ListCell   *lc;

	foreach(lc, list)
	{
		if (strcmp(lfirst(lc), text) == 0)
			return true;
	}
	return false;
}

bool
list_has_text(List *list)
{
	ListCell   *lc;

	foreach(lc, list)
	{
		if (((char *) lfirst(lc))[0] != '\0')
			return true;
	}
	return false;
}
