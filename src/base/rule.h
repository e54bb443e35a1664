/*
 * rule.h
 *		The rules: public, stable names for the ways a change can break a version.
 *
 * A rule names what went wrong; what is done about it (block, warn, log,
 * ignore) is its default action unless a policy says otherwise.
 */
#ifndef COMPAT_GUARD_RULE_H
#define COMPAT_GUARD_RULE_H

typedef enum RuleAction
{
	ACTION_IGNORE,
	ACTION_LOG,
	ACTION_WARN,
	ACTION_BLOCK
} RuleAction;

typedef enum RuleId
{
#define RULE(id, name, action, proven_action, fires_when, advice) RULE_##id,
#include "base/rule_list.h"
#undef RULE
	RULE_COUNT
} RuleId;

typedef struct Rule
{
	const char *name;			/* with hyphens */
	RuleAction	default_action;
	RuleAction	proven_action;	/* where rows or sessions prove the harm */
	const char *fires_when;		/* one clause, for the view compat_guard.rules */
	const char *advice;			/* the safe way in general terms */
} Rule;

extern const Rule *rule_get(RuleId id);

/* The action without any policy. */
extern RuleAction rule_action(RuleId id, bool proven);
extern bool rule_by_name(const char *name, RuleId *id);
extern const char *action_name(RuleAction action);
extern bool action_by_name(const char *name, RuleAction *action);

#endif							/* COMPAT_GUARD_RULE_H */
