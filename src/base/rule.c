/*
 * rule.c
 *		The table of rules.
 */
#include "postgres.h"

#include "base/rule.h"

static const Rule rules[] = {
#define RULE(id, name, action, proven_action, fires_when, advice) \
	[RULE_##id] = {name, ACTION_##action, ACTION_##proven_action, fires_when, advice},
#include "base/rule_list.h"
#undef RULE
};

static const char *const action_names[] = {
	[ACTION_IGNORE] = "ignore",
	[ACTION_LOG] = "log",
	[ACTION_WARN] = "warn",
	[ACTION_BLOCK] = "block",
};

const Rule *
rule_get(RuleId id)
{
	Assert(id >= 0 && id < RULE_COUNT);
	return &rules[id];
}

RuleAction
rule_action(RuleId id, bool proven)
{
	const Rule *rule = rule_get(id);

	return proven ? rule->proven_action : rule->default_action;
}

bool
rule_by_name(const char *name, RuleId *id)
{
	for (int i = 0; i < RULE_COUNT; i++)
	{
		if (strcmp(rules[i].name, name) == 0)
		{
			*id = (RuleId) i;
			return true;
		}
	}
	return false;
}

const char *
action_name(RuleAction action)
{
	Assert(action >= 0 && action < (int) lengthof(action_names));
	return action_names[action];
}

bool
action_by_name(const char *name, RuleAction *action)
{
	for (int i = 0; i < (int) lengthof(action_names); i++)
	{
		if (strcmp(action_names[i], name) == 0)
		{
			*action = (RuleAction) i;
			return true;
		}
	}
	return false;
}
