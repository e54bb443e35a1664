/*
 * baseline.c
 *		What a requirement found when it was first met, to compare with later.
 */
#include "postgres.h"

#include "verify/result/result.h"

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
			json_append_name(&json, members[i].name);
			appendStringInfoString(&json, members[i].json);
		}
		else if (members[i].is_list)
		{
			json_append_name(&json, members[i].name);
			json_append_list(&json, members[i].list);
		}
		else
			json_append_member(&json, members[i].name, members[i].text);
	}
	appendStringInfoChar(&json, '}');
	return json_from_text(json.data);
}

Jsonb *
baseline_with(Jsonb *baseline, const BaselineMember *member)
{
	Jsonb	   *more = baseline_of(member, 1);

	return baseline == NULL ? more : json_concat(baseline, more);
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
	return json_text_list(json_member(req->baseline, member));
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
