/*
 * requirement.c
 *		A requirement: its kind, its members, its digest.
 */
#include "postgres.h"

#include "contract/contract.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

static const char *const kind_names[] = {
#define KIND(kind, name) [REQUIREMENT_##kind] = #name,
#include "contract/kind_list.h"
#undef KIND
};

const char *
requirement_kind_name(RequirementKind kind)
{
	return kind_names[kind];
}

bool
requirement_kind_by_name(const char *name, RequirementKind *kind)
{
	for (int i = 0; i < lengthof(kind_names); i++)
	{
		if (strcmp(name, kind_names[i]) == 0)
		{
			*kind = (RequirementKind) i;
			return true;
		}
	}
	return false;
}

char *
requirement_text(const Requirement *req, const char *member)
{
	return json_text(json_member(req->expected, member));
}

List *
requirement_list(const Requirement *req, const char *member)
{
	return json_text_list(json_member(req->expected, member));
}

bool
requirement_has(const Requirement *req, const char *member)
{
	return json_member(req->expected, member) != NULL;
}

bool
requirement_bool(const Requirement *req, const char *member)
{
	JsonbValue *value = json_member(req->expected, member);

	return value != NULL && value->type == jbvBool && value->val.boolean;
}

/* Append a text and a zero byte, which no text can contain. */
static void
put_part(StringInfo buf, const char *text)
{
	appendBinaryStringInfo(buf, text, strlen(text) + 1);
}

static void
put_json(StringInfo buf, Jsonb *json)
{
	if (json != NULL)
		JsonbToCString(buf, &json->root, VARSIZE(json));
	appendStringInfoChar(buf, '\0');
}

bytea *
requirement_digest(const Requirement *req)
{
	StringInfoData buf;
	bytea	   *digest;
	ListCell   *lc;

	/* Use the text of a Jsonb, not its bytes: a dump has only the text. */
	initStringInfo(&buf);
	appendStringInfoSpaces(&buf, VARHDRSZ);
	put_part(&buf, requirement_kind_name(req->kind));
	put_part(&buf, req->object);
	put_json(&buf, req->expected);
	put_json(&buf, req->baseline);
	foreach(lc, req->properties)
		put_json(&buf, lfirst(lc));
	put_part(&buf, req->role);
	put_part(&buf, req->search_path);
	SET_VARSIZE(buf.data, buf.len);

	digest = DatumGetByteaP(DirectFunctionCall1(sha256_bytea,
												PointerGetDatum(buf.data)));
	pfree(buf.data);
	return digest;
}
