/*
 * policy.c
 *		Policies: the action for a rule where it is not the default one.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "registry/registry.h"
#include "registry/registry_internal.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* Return a copy of the policy row of a rule for an app ("" for every app), or NULL. */
static HeapTuple
policy_tuple(Relation rel, const char *rule, const char *app)
{
	StoreScan	scan;

	scan_init(&scan, rel);
	scan_key_text(&scan, rule);
	scan_key_text(&scan, app);
	return scan_settled(&scan, "policy_pkey");
}

RuleAction
registry_action(RuleId id, const char *app, bool proven)
{
	const Rule *rule = rule_get(id);
	RuleAction	action = rule_action(id, proven);
	Relation	rel = store_open("policy", AccessShareLock);
	HeapTuple	tup = policy_tuple(rel, rule->name, app);

	if (!HeapTupleIsValid(tup))
		tup = policy_tuple(rel, rule->name, "");
	if (HeapTupleIsValid(tup))
	{
		char	   *name = tuple_text(rel, tup, POLICY_ACTION);

		if (!action_by_name(name, &action))
			report_damage("policy", psprintf("rule \"%s\" has unknown action \"%s\"",
											 rule->name, name));
	}
	table_close(rel, AccessShareLock);
	return action;
}

void
registry_set_policy(RuleId id, const char *app, const char *action)
{
	const char *rule = rule_get(id)->name;
	Relation	rel = store_open("policy", RowExclusiveLock);
	HeapTuple	tup = policy_tuple(rel, rule, app);
	Row			row;

	row_init(&row);
	row_set_text(&row, POLICY_ACTION, action);
	row_set_text(&row, POLICY_SET_BY, GetUserNameFromId(GetUserId(), false));
	row_set(&row, POLICY_SET_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	if (HeapTupleIsValid(tup) && action != NULL)
		store_update(rel, tup, &row);
	else if (HeapTupleIsValid(tup))
		store_delete(rel, tup);
	else if (action != NULL)
	{
		row_set_text(&row, POLICY_RULE, rule);
		row_set_text(&row, POLICY_APP, app);
		store_insert(rel, &row);
	}
	table_close(rel, NoLock);
}
