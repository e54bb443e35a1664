/*
 * set_policy.c
 *		The SQL functions that list the rules and set what is done about them.
 */
#include "postgres.h"

#include "api/api.h"
#include "base/compat.h"
#include "base/guard_active.h"
#include "base/rule.h"
#include "base/shown.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

GUARD_FUNCTION(compat_guard_rule_table);

/*
 * compat_guard.rule_table() returns setof (position, rule, default_action,
 *		proven_action, fires_when, advice)
 */
Datum
compat_guard_rule_table(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (RuleId id = 0; id < RULE_COUNT; id++)
	{
		const Rule *rule = rule_get(id);
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = Int32GetDatum(id + 1);
		values[1] = CStringGetTextDatum(rule->name);
		values[2] = CStringGetTextDatum(action_name(rule->default_action));
		values[3] = CStringGetTextDatum(action_name(rule_action(id, true)));
		values[4] = CStringGetTextDatum(rule->fires_when);
		values[5] = CStringGetTextDatum(rule->advice);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

RuleId
require_rule(const char *name)
{
	RuleId		rule;

	if (!rule_by_name(name, &rule))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown rule \"%s\"", shown(name)),
				 errhint("The view compat_guard.rules lists the rules.")));
	return rule;
}

GUARD_FUNCTION(compat_guard_set_policy);

/*
 * compat_guard.set_policy(rule text, action text, app text)
 *
 * A null action restores the default; a null app means every app.
 */
Datum
compat_guard_set_policy(PG_FUNCTION_ARGS)
{
	RuleId		rule = require_rule(name_argument(fcinfo, 0, "rule"));
	char	   *action = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	const char *app = PG_ARGISNULL(2) ? "" : name_argument(fcinfo, 2, "app");
	RuleAction	parsed;

	guard_require_extension();
	if (action != NULL && !action_by_name(action, &parsed))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown action \"%s\"", action),
				 errhint("Actions are block, warn, log and ignore.")));

	PreventCommandIfReadOnly("compat_guard.set_policy()");
	registry_lock(REGISTRY_LOCK_REMOVAL);
	registry_set_policy(rule, app, action);
	PG_RETURN_VOID();
}
