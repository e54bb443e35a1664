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

/* In the order of the table in rule.c, which is also the order of the view. */
typedef enum RuleId
{
	RULE_RELATION_MISSING,
	RULE_RELATION_KIND,
	RULE_COLUMN_MISSING,
	RULE_COLUMN_TYPE,
	RULE_COLUMN_NARROWED,
	RULE_COLUMN_COLLATION,
	RULE_COLUMN_READS_NULL,
	RULE_COLUMN_REJECTS_NULL,
	RULE_COLUMN_DEFAULT,
	RULE_DEFAULT_CHANGED,
	RULE_INSERT_NEEDS_COLUMN,
	RULE_INSERT_REJECTED_COLUMN,
	RULE_CONSTRAINT_ADDED,
	RULE_CONSTRAINT_NOT_VALID_TRAP,
	RULE_FOREIGN_KEY_ACTION,
	RULE_DOMAIN_TIGHTENED,
	RULE_TRIGGER_ADDED,
	RULE_TRIGGER_DISABLED,
	RULE_RULE_ADDED,
	RULE_ROW_SECURITY,
	RULE_VIEW_CHANGED,
	RULE_UNIQUE_MISSING,
	RULE_INDEX_MISSING,
	RULE_QUERY_BROKEN,
	RULE_QUERY_AMBIGUOUS,
	RULE_QUERY_PARAMETER,
	RULE_QUERY_RESULT,
	RULE_QUERY_RESULT_GREW,
	RULE_NAME_CAPTURED,
	RULE_ROUTINE_MISSING,
	RULE_ROUTINE_RESULT,
	RULE_ROUTINE_BODY_BROKEN,
	RULE_TYPE_MISSING,
	RULE_ENUM_LABEL_MISSING,
	RULE_ENUM_LABEL_ADDED,
	RULE_SEQUENCE_MISSING,
	RULE_EXTENSION_MISSING,
	RULE_SCHEMA_MISSING,
	RULE_PRIVILEGE_LOST,
	RULE_ROLE_MISSING,
	RULE_LOGIN_LOST,
	RULE_SEARCH_PATH_CHANGED,
	RULE_ROLLBACK_LOST,
	RULE_GUARD_REMOVED,
	RULE_VERIFICATION_LOST,
	RULE_NOT_VERIFIED,
	RULE_COUNT
} RuleId;

typedef struct Rule
{
	const char *name;			/* kebab-case */
	RuleAction	default_action;

	/*
	 * What is done by default where rows or sessions prove the harm, which
	 * otherwise is only likely.  ACTION_IGNORE, which is what an initialiser
	 * leaves: the same.
	 */
	RuleAction	proven_action;
	const char *fires_when;		/* one clause, for the view compat_guard.rules */
	const char *advice;			/* the safe way in general terms, ditto */
} Rule;

extern const Rule *rule_get(RuleId id);

/* The action without any policy. */
extern RuleAction rule_action(RuleId id, bool proven);
extern bool rule_by_name(const char *name, RuleId *id);
extern const char *action_name(RuleAction action);
extern bool action_by_name(const char *name, RuleAction *action);

#endif							/* COMPAT_GUARD_RULE_H */
