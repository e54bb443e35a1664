/*
 * json.c
 *		Write JSON text, and read members of a Jsonb.
 */
#include "postgres.h"

#include "base/json.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/numeric.h"

/* ---- writing ---- */

void
json_append_separator(StringInfo json)
{
	if (json->data[json->len - 1] != '{' && json->data[json->len - 1] != '[')
		appendStringInfoChar(json, ',');
}

void
json_append_name(StringInfo json, const char *name)
{
	json_append_separator(json);
	escape_json(json, name);
	appendStringInfoChar(json, ':');
}

void
json_append_member(StringInfo json, const char *name, const char *text)
{
	if (text == NULL)
		return;
	json_append_name(json, name);
	escape_json(json, text);
}

void
json_append_list(StringInfo json, List *texts)
{
	ListCell   *lc;

	appendStringInfoChar(json, '[');
	foreach(lc, texts)
	{
		json_append_separator(json);
		escape_json(json, lfirst(lc));
	}
	appendStringInfoChar(json, ']');
}

Jsonb *
json_from_text(const char *text)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}

Jsonb *
json_concat(Jsonb *a, Jsonb *b)
{
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(a),
											  JsonbPGetDatum(b)));
}

/* ---- reading ---- */

JsonbValue *
json_member(Jsonb *object, const char *member)
{
	if (object == NULL || !JB_ROOT_IS_OBJECT(object))
		return NULL;
	return getKeyJsonValueFromContainer(&object->root, member, strlen(member), NULL);
}

char *
json_text(JsonbValue *value)
{
	if (value == NULL)
		return NULL;
	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out,
													   NumericGetDatum(value->val.numeric)));
		default:
			return NULL;
	}
}

List *
json_text_list(JsonbValue *value)
{
	List	   *result = NIL;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	element;

	if (value == NULL || value->type != jbvBinary ||
		!JsonContainerIsArray(value->val.binary.data))
		return NIL;

	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &element, false)) != WJB_DONE)
	{
		char	   *text = token == WJB_ELEM ? json_text(&element) : NULL;

		if (text != NULL)
			result = lappend(result, text);
	}
	return result;
}
