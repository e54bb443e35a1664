/*
 * rule.h
 *		The rules: public, stable names for the ways a change can break a version.
 *
 * A rule names what went wrong; what is done about it (block, warn, log,
 * ignore) is its default action unless a policy says otherwise.
 */
#ifndef COMPAT_GUARD_RULE_H
#define COMPAT_GUARD_RULE_H

#include "postgres.h"

typedef enum RuleAction
{
	ACTION_IGNORE,
	ACTION_LOG,
	ACTION_WARN,
	ACTION_BLOCK
} RuleAction;

/* In the order of the table in rule.c, which is also the order of the view. */
typedef enum RuleId
{
	RULE_RELATION_MISSING,
	RULE_RELATION_KIND,
	RULE_COLUMN_MISSING,
	RULE_COLUMN_TYPE,
	RULE_COLUMN_COLLATION,
	RULE_COLUMN_READS_NULL,
	RULE_COLUMN_REJECTS_NULL,
	RULE_COLUMN_DEFAULT,
	RULE_INSERT_NEEDS_COLUMN,
	RULE_INSERT_REJECTED_COLUMN,
	RULE_UNIQUE_MISSING,
	RULE_INDEX_MISSING,
	RULE_QUERY_BROKEN,
	RULE_QUERY_AMBIGUOUS,
	RULE_QUERY_PARAMETER,
	RULE_QUERY_RESULT,
	RULE_QUERY_RESULT_GREW,
	RULE_NAME_CAPTURED,
	RULE_PRIVILEGE_LOST,
	RULE_ROLE_MISSING,
	RULE_NOT_VERIFIED,
	RULE_COUNT
} RuleId;

typedef struct Rule
{
	const char *name;			/* kebab-case */
	RuleAction	default_action;
	const char *fires_when;		/* one clause, for the view compat_guard.rules */
	const char *advice;			/* the safe way in general terms, ditto */
} Rule;

extern const Rule *rule_get(RuleId id);
extern bool rule_by_name(const char *name, RuleId *id);
extern const char *action_name(RuleAction action);
extern bool action_by_name(const char *name, RuleAction *action);

#endif							/* COMPAT_GUARD_RULE_H */
