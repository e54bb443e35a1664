/*
 * property_compare.c
 *		What stood around a requirement's relations when it was first met, and what
 *		stands there now.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
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
}			kinds[FACT_KINDS] = {
	[FACT_CONSTRAINT] = {"constraints", RULE_CONSTRAINT_ADDED, "no %s"},
	[FACT_REFERENCED] = {"references", RULE_FOREIGN_KEY_ACTION, "no %s"},
	[FACT_DISABLED_KEY] = {"disabled", RULE_TRIGGER_DISABLED, "%s in force"},
	[FACT_DOMAIN] = {"domains", RULE_DOMAIN_TIGHTENED, "no %s"},
	[FACT_TRIGGER] = {"triggers", RULE_TRIGGER_ADDED, "no trigger %s"},
	[FACT_DISABLED_TRIGGER] = {NULL, RULE_TRIGGER_DISABLED, NULL},
	[FACT_RULE] = {"rules", RULE_RULE_ADDED, "no rule %s"},
	[FACT_ROW_SECURITY] = {"policies", RULE_ROW_SECURITY, "no %s"},
	[FACT_VIEW] = {"views", RULE_VIEW_CHANGED, NULL},
	[FACT_DEFAULT] = {"defaults", RULE_DEFAULT_CHANGED, NULL},
};

static bool
is_among(const Fact *fact, List *texts)
{
	ListCell   *lc;

	foreach(lc, texts)
	{
		if (definition_is(fact, lfirst(lc)))
			return true;
	}
	return false;
}

static void
remark(Surroundings *around, RuleId rule, const Fact *fact, const char *subject,
	   char *expected, char *found, bool by_expected)
{
	Problem    *problem = surroundings_report(around, rule, STATE_MET, fact, subject,
											  expected, found);

	if (problem != NULL)
		problem->by_expected = by_expected;
}

/* A text of the baseline that is about the same as the fact; NULL if none. */
static const char *
same_topic(const Fact *fact, List *texts)
{
	ListCell   *lc;

	foreach(lc, texts)
	{
		if (strncmp(lfirst(lc), fact->definition, fact->topic) == 0)
			return lfirst(lc);
	}
	return NULL;
}

static void
compare_new(Surroundings *around, const Circumstance *circumstance, List *before)
{
	Fact	   *fact = circumstance->fact;

	if (is_among(fact, before))
		return;
	if (fact->kind == FACT_CONSTRAINT || fact->kind == FACT_DOMAIN)
		report_added(around, fact, &circumstance->use);
	else if (fact_bears_on(fact, &circumstance->use))
		remark(around, kinds[fact->kind].rule, fact, fact->label,
			   psprintf(kinds[fact->kind].expected,
						fact->shown ? fact->shown : fact->definition),
			   fact->kind == FACT_DISABLED_KEY
			   ? psprintf("%s, with its triggers disabled", fact->label)
			   : pstrdup(fact->label), fact->shown == NULL);
}

/* Only what was there, and is otherwise now. */
static void
compare_changed(Surroundings *around, const Circumstance *circumstance, List *before)
{
	const Fact *fact = circumstance->fact;
	const char *was = same_topic(fact, before);

	if (was == NULL || is_among(fact, before) || !fact_bears_on(fact, &circumstance->use))
		return;
	if (fact->kind == FACT_VIEW)
		remark(around, kinds[fact->kind].rule, fact, fact->label,
			   pstrdup("the definition it had at registration"),
			   psprintf("another definition of %s", fact->label), false);
	else
		remark(around, kinds[fact->kind].rule, fact, fact->label, pstrdup(was),
			   pstrdup(fact->definition), false);
}

/* A new key that takes along what refers to a row is none that stops it. */
static void
compare_reference(Surroundings *around, const Circumstance *circumstance, List *before)
{
	const Fact *fact = circumstance->fact;

	if (same_topic(fact, before) != NULL)
		compare_changed(around, circumstance, before);
	else if (fact->restricts || (circumstance->use.commands & fact->commands & USE_TRUNCATE))
		compare_new(around, circumstance, before);
}

/* What is as the text says, or NULL. */
static const Fact *
find_fact(Surroundings *around, FactKind kind, const char *text)
{
	ListCell   *lc;

	foreach(lc, around->circumstances)
	{
		const Fact *fact = ((Circumstance *) lfirst(lc))->fact;

		if (fact->kind == kind && definition_is(fact, text))
			return fact;
	}
	return NULL;
}

static bool
any_fact(Surroundings *around, FactKind kind)
{
	ListCell   *lc;

	foreach(lc, around->circumstances)
	{
		if (((Circumstance *) lfirst(lc))->fact->kind == kind)
			return true;
	}
	return false;
}

static void
compare_triggers_gone(Surroundings *around, List *before)
{
	ListCell   *lc;

	foreach(lc, before)
	{
		const char *text = lfirst(lc);
		const Fact *disabled = find_fact(around, FACT_DISABLED_TRIGGER, text);
		char	   *expected = psprintf("trigger %s", text);

		if (find_fact(around, FACT_TRIGGER, text) != NULL)
			continue;
		if (disabled != NULL)
			remark(around, RULE_TRIGGER_DISABLED, disabled, disabled->label, expected,
				   psprintf("%s is disabled", disabled->label), true);
		else
			remark(around, RULE_TRIGGER_DISABLED, NULL, expected, expected,
				   pstrdup("no such trigger"), true);
	}
}

/* Without a permissive policy fewer rows are seen; without any security, more. */
static void
compare_policies_gone(Surroundings *around, List *before)
{
	ListCell   *lc;

	foreach(lc, before)
	{
		if (any_fact(around, FACT_ROW_SECURITY) &&
			find_fact(around, FACT_ROW_SECURITY, lfirst(lc)) == NULL)
			remark(around, RULE_ROW_SECURITY, NULL, lfirst(lc), pstrdup(lfirst(lc)),
				   pstrdup("no such policy"), true);
	}
}

static void
compare_kind(Surroundings *around, FactKind kind)
{
	List	   *before = around->before == NULL ? NIL
		: json_text_list(json_member(around->before, kinds[kind].member));
	bool		secured;
	ListCell   *lc;

	if (kind == FACT_TRIGGER)
		compare_triggers_gone(around, before);
	if (kind == FACT_ROW_SECURITY)
		compare_policies_gone(around, before);
	/* If row security itself is new, so is each policy: no need to say so. */
	secured = any_fact(around, FACT_ROW_SECURITY) && before == NIL;
	foreach(lc, around->circumstances)
	{
		Circumstance *circumstance = lfirst(lc);

		if (circumstance->fact->kind != kind ||
			(kind == FACT_ROW_SECURITY && secured && OidIsValid(circumstance->fact->objid)))
			continue;
		if (kind == FACT_VIEW || kind == FACT_DEFAULT)
			compare_changed(around, circumstance, before);
		else if (kind == FACT_REFERENCED)
			compare_reference(around, circumstance, before);
		else
			compare_new(around, circumstance, before);
	}
}

/* ---- the baseline ---- */

static int
compare_texts(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

static List *
sorted_once(List *texts)
{
	const char *last = NULL;
	ListCell   *lc;

	list_sort(texts, compare_texts);
	foreach(lc, texts)
	{
		if (last != NULL && strcmp(last, lfirst(lc)) == 0)
			texts = foreach_delete_current(texts, lc);
		else
			last = lfirst(lc);
	}
	return texts;
}

static List *
definitions(Surroundings *around, FactKind kind)
{
	List	   *texts = NIL;
	ListCell   *lc;

	foreach(lc, around->circumstances)
	{
		const Circumstance *circumstance = lfirst(lc);

		if (circumstance->fact->kind == kind &&
			(kind != FACT_DEFAULT || fact_bears_on(circumstance->fact, &circumstance->use)))
			texts = lappend(texts, circumstance->fact->definition);
	}
	return sorted_once(texts);
}

static void
append_member(StringInfo json, const char *name, List *texts)
{
	ListCell   *lc;

	if (texts == NIL)
		return;
	if (json->data[json->len - 1] != '{')
		appendStringInfoChar(json, ',');
	escape_json(json, name);
	appendStringInfoString(json, ":[");
	foreach(lc, texts)
	{
		if (foreach_current_index(lc) > 0)
			appendStringInfoChar(json, ',');
		escape_json(json, lfirst(lc));
	}
	appendStringInfoChar(json, ']');
}

static void
add_to_baseline(VerifyResult *result, const char *json)
{
	Datum		more = DirectFunctionCall1(jsonb_in, CStringGetDatum(json));

	if (result->baseline != NULL)
		more = DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(result->baseline), more);
	result->baseline = DatumGetJsonbP(more);
}

/* {"surroundings": {...}}, as far as there are any. */
static char *
baseline_member(Surroundings *around)
{
	StringInfoData json;

	if (around->circumstances == NIL && around->columns == NIL)
		return "{}";
	initStringInfo(&json);
	appendStringInfoString(&json, "{\"surroundings\":{");
	for (int kind = 0; kind < FACT_KINDS; kind++)
	{
		if (kinds[kind].member != NULL)
			append_member(&json, kinds[kind].member, definitions(around, kind));
	}
	append_member(&json, "columns", sorted_once(around->columns));
	appendStringInfoString(&json, "}}");
	return json.data;
}

void
surroundings_end(Surroundings *around)
{
	if (around->req->baseline == NULL)
	{
		add_to_baseline(around->result, baseline_member(around));
		return;
	}
	for (int kind = 0; kind < FACT_KINDS; kind++)
	{
		if (kinds[kind].member != NULL)
			compare_kind(around, kind);
	}
}
