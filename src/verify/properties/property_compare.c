/*
 * property_compare.c
 *		Compare the properties of a requirement's relations with those of its baseline.
 */
#include "postgres.h"

#include "base/json.h"
#include "base/text_list.h"
#include "verify/properties/properties.h"
#include "verify/properties/properties_internal.h"
#include "verify/result/result.h"

/* ---- then and now ---- */

/* What each kind is called in a baseline, and what a new one comes to: "no
 * trigger BEFORE INSERT ..." was expected. */
static const struct
{
	const char *member;
	RuleId		rule;
	const char *expected;
}			kinds[PROPERTY_KINDS] = {
	[PROPERTY_CONSTRAINT] = {"constraints", RULE_CONSTRAINT_ADDED, "no %s"},
	[PROPERTY_REFERENCED] = {"references", RULE_FOREIGN_KEY_ACTION, "no %s"},
	[PROPERTY_DISABLED_KEY] = {"disabled", RULE_TRIGGER_DISABLED, "%s in force"},
	[PROPERTY_DOMAIN] = {"domains", RULE_DOMAIN_TIGHTENED, "no %s"},
	[PROPERTY_TRIGGER] = {"triggers", RULE_TRIGGER_ADDED, "no trigger %s"},
	[PROPERTY_DISABLED_TRIGGER] = {NULL, RULE_TRIGGER_DISABLED, NULL},
	[PROPERTY_RULE] = {"rules", RULE_RULE_ADDED, "no rule %s"},
	[PROPERTY_ROW_SECURITY] = {"policies", RULE_ROW_SECURITY, "no %s"},
	[PROPERTY_VIEW] = {"views", RULE_VIEW_CHANGED, NULL},
	[PROPERTY_DEFAULT] = {"defaults", RULE_DEFAULT_CHANGED, NULL},
};

static bool
is_among(VerifyResult *result, const Property *property, List *texts)
{
	ListCell   *lc;

	foreach(lc, texts)
	{
		if (definition_is(result, property, lfirst(lc)))
			return true;
	}
	return false;
}

static void
remark(PropertyCheck *check, RuleId rule, const Property *property, const char *subject,
	   char *expected, char *found, bool by_expected)
{
	Problem    *problem = property_check_report(check, rule, STATE_MET, property, subject,
												expected, found);

	if (problem != NULL)
		problem->by_expected = by_expected;
}

/* A text of the baseline that is about the same as the property; NULL if none. */
static const char *
same_topic(const Property *property, List *texts)
{
	ListCell   *lc;

	foreach(lc, texts)
	{
		if (strncmp(lfirst(lc), property->definition, property->topic) == 0)
			return lfirst(lc);
	}
	return NULL;
}

static void
compare_new(PropertyCheck *check, const UsedProperty *used, List *before)
{
	Property   *property = used->property;

	if (is_among(check->result, property, before))
		return;
	if (property->kind == PROPERTY_CONSTRAINT || property->kind == PROPERTY_DOMAIN)
		report_added(check, property, &used->use);
	else if (property_matters(property, &used->use))
		remark(check, kinds[property->kind].rule, property, property->label,
			   psprintf(kinds[property->kind].expected,
						property->shown ? property->shown : property->definition),
			   property->kind == PROPERTY_DISABLED_KEY
			   ? psprintf("%s, with its triggers disabled", property->label)
			   : pstrdup(property->label), property->shown == NULL);
}

/* Only what was there, and is otherwise now. */
static void
compare_changed(PropertyCheck *check, const UsedProperty *used, List *before)
{
	const Property *property = used->property;
	const char *was = same_topic(property, before);

	if (was == NULL || is_among(check->result, property, before) || !property_matters(property, &used->use))
		return;
	if (property->kind == PROPERTY_VIEW)
		remark(check, kinds[property->kind].rule, property, property->label,
			   pstrdup("the definition it had at registration"),
			   psprintf("another definition of %s", property->label), false);
	else
		remark(check, kinds[property->kind].rule, property, property->label, pstrdup(was),
			   pstrdup(property->definition), false);
}

/* A new key that takes along what refers to a row is none that stops it. */
static void
compare_reference(PropertyCheck *check, const UsedProperty *used, List *before)
{
	const Property *property = used->property;

	if (same_topic(property, before) != NULL)
		compare_changed(check, used, before);
	else if (property->restricts || (used->use.commands & property->commands & USAGE_TRUNCATE))
		compare_new(check, used, before);
}

/* What is as the text says, or NULL. */
static const Property *
find_property(PropertyCheck *check, PropertyKind kind, const char *text)
{
	ListCell   *lc;

	foreach(lc, check->used_properties)
	{
		const Property *property = ((UsedProperty *) lfirst(lc))->property;

		if (property->kind == kind && definition_is(check->result, property, text))
			return property;
	}
	return NULL;
}

static bool
any_property(PropertyCheck *check, PropertyKind kind)
{
	ListCell   *lc;

	foreach(lc, check->used_properties)
	{
		if (((UsedProperty *) lfirst(lc))->property->kind == kind)
			return true;
	}
	return false;
}

static void
compare_triggers_gone(PropertyCheck *check, List *before)
{
	ListCell   *lc;

	foreach(lc, before)
	{
		const char *text = lfirst(lc);
		const Property *disabled = find_property(check, PROPERTY_DISABLED_TRIGGER, text);
		char	   *expected = psprintf("trigger %s", text);

		if (find_property(check, PROPERTY_TRIGGER, text) != NULL)
			continue;
		if (disabled != NULL)
			remark(check, RULE_TRIGGER_DISABLED, disabled, disabled->label, expected,
				   psprintf("%s is disabled", disabled->label), true);
		else
			remark(check, RULE_TRIGGER_DISABLED, NULL, expected, expected,
				   pstrdup("no such trigger"), true);
	}
}

/* Without a permissive policy fewer rows are seen; without any security, more. */
static void
compare_policies_gone(PropertyCheck *check, List *before)
{
	ListCell   *lc;

	foreach(lc, before)
	{
		if (any_property(check, PROPERTY_ROW_SECURITY) &&
			find_property(check, PROPERTY_ROW_SECURITY, lfirst(lc)) == NULL)
			remark(check, RULE_ROW_SECURITY, NULL, lfirst(lc), pstrdup(lfirst(lc)),
				   pstrdup("no such policy"), true);
	}
}

static void
compare_kind(PropertyCheck *check, PropertyKind kind)
{
	List	   *before = properties_before(check, kinds[kind].member);
	bool		secured;
	ListCell   *lc;

	if (kind == PROPERTY_TRIGGER)
		compare_triggers_gone(check, before);
	if (kind == PROPERTY_ROW_SECURITY)
		compare_policies_gone(check, before);
	/* If row security itself is new, so is each policy: no need to say so. */
	secured = any_property(check, PROPERTY_ROW_SECURITY) && before == NIL;
	foreach(lc, check->used_properties)
	{
		UsedProperty *used = lfirst(lc);

		if (used->property->kind != kind ||
			(kind == PROPERTY_ROW_SECURITY && secured && OidIsValid(used->property->objid)))
			continue;
		if (kind == PROPERTY_VIEW || kind == PROPERTY_DEFAULT)
			compare_changed(check, used, before);
		else if (kind == PROPERTY_REFERENCED)
			compare_reference(check, used, before);
		else
			compare_new(check, used, before);
	}
}

/* ---- the baseline ---- */

/* Return the definitions of what was come to from one relation. */
static List *
definitions(PropertyCheck *check, int relation, PropertyKind kind)
{
	List	   *texts = NIL;
	ListCell   *lc;

	foreach(lc, check->used_properties)
	{
		const UsedProperty *used = lfirst(lc);

		if (used->relation == relation && used->property->kind == kind &&
			(kind != PROPERTY_DEFAULT || property_matters(used->property, &used->use)))
			texts = lappend(texts, used->property->definition);
	}
	return text_list_sort(texts);
}

/* Append a member, unless the list is empty. */
static void
append_texts(StringInfo json, const char *name, List *texts)
{
	if (texts == NIL)
		return;
	json_append_name(json, name);
	json_append_list(json, texts);
}

/* Return {"constraints": [...], ...} of one relation, or NULL if there is nothing. */
static char *
properties_of_relation(PropertyCheck *check, int relation)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int kind = 0; kind < PROPERTY_KINDS; kind++)
	{
		if (kinds[kind].member != NULL)
			append_texts(&json, kinds[kind].member, definitions(check, relation, kind));
	}
	appendStringInfoChar(&json, '}');
	return json.len > 2 ? json.data : NULL;
}

/* Return {"columns": [...]}, or NULL if nobody asked for them. */
static char *
columns_known(PropertyCheck *check)
{
	StringInfoData json;

	if (check->columns == NIL)
		return NULL;
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	append_texts(&json, "columns", text_list_sort(check->columns));
	appendStringInfoChar(&json, '}');
	return json.data;
}

static List *
lappend_unless_null(List *list, void *datum)
{
	return datum ? lappend(list, datum) : list;
}

/*
 * Relation by relation, so that what one has attached is the same text in the baselines of
 * all that use it so, and is stored once (content_store.c).
 */
static void
add_to_baseline(PropertyCheck *check)
{
	VerifyResult *result = check->result;
	List	   *texts = NIL;
	ListCell   *lc;

	for (int relation = 1; relation <= check->nrelations; relation++)
		texts = lappend_unless_null(texts, properties_of_relation(check, relation));
	texts = lappend_unless_null(texts, columns_known(check));
	foreach(lc, text_list_sort(texts))
		result->properties = lappend(result->properties, json_from_text(lfirst(lc)));
	if (result->baseline == NULL)
		result->baseline = json_from_text("{}");
}

void
property_check_end(PropertyCheck *check)
{
	property_check_add_made_types(check);
	if (check->req->baseline == NULL)
	{
		add_to_baseline(check);
		return;
	}
	for (int kind = 0; kind < PROPERTY_KINDS; kind++)
	{
		if (kinds[kind].member != NULL)
			compare_kind(check, kind);
	}
}
