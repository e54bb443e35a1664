/*
 * fixed_settings.c
 *		The settings under which what a contract says is read.
 *
 * Whether a requirement is met must not hang on who asks: a migration tool, a
 * script that pg_dump wrote or a client that sets its date style would find broken
 * what is not.  So whatever decides how a statement is read, resolved, rewritten
 * or planned, or in what words, has one value for all; the server's own default
 * where nothing else is said.
 *
 * Not here: what only bears on running a statement; costs and methods of the
 * planner by which no statement fails or works; and work_mem and the like, which
 * belong to whoever's memory it is.
 */
#include "postgres.h"

#include "base/fixed_settings.h"
#include "utils/guc.h"

typedef struct FixedSetting
{
	const char *name;
	const char *value;
} FixedSetting;

static const FixedSetting fixed[] = {
	/* How the words of a statement, and the constants in it, are read. */
	{"standard_conforming_strings", "on"},
	{"backslash_quote", "on"},	/* safe_encoding asks for the client's */
	{"escape_string_warning", "off"},
	{"transform_null_equals", "off"},
	{"array_nulls", "on"},
	{"DateStyle", "ISO, MDY"},
	{"IntervalStyle", "postgres"},
	{"TimeZone", "UTC"},
	{"timezone_abbreviations", "Default"},
	{"lc_monetary", "C"},
	{"xmloption", "content"},
	{"xmlbinary", "base64"},
	{"default_text_search_config", "pg_catalog.simple"},

	/* What is made of it. */
	{"row_security", "on"},		/* pg_dump's scripts have it off */
	{"session_replication_role", "origin"}, /* which rules and triggers count */
	{"restrict_nonsystem_relation_kind", ""},

	/* Texts, of definitions and of errors, which are compared. */
	{"quote_all_identifiers", "off"},
	{"extra_float_digits", "1"},
	{"bytea_output", "hex"},
	{"lc_messages", "C"},
	{"client_min_messages", "error"},

	/* An error is an answer, and no end of the session. */
	{"exit_on_error", "off"},

	/*
	 * A plan is not for running.  That of a join of many tables is to be
	 * found in little time, and a check constraint, for which the planner
	 * runs what it calls, not to be looked at.
	 */
	{"constraint_exclusion", "off"},
	{"join_collapse_limit", "1"},
	{"from_collapse_limit", "1"},
	{"geqo", "on"},
	{"geqo_threshold", "12"},
	{"enable_hashjoin", "off"},
	{"enable_mergejoin", "off"},
	{"enable_memoize", "off"},
	{"enable_partitionwise_join", "off"},
	{"enable_partitionwise_aggregate", "off"},
	{"max_parallel_workers_per_gather", "0"},
	{"force_parallel_mode", "off"}, /* its name before PostgreSQL 16, */
	{"debug_parallel_query", "off"},	/* and since */
};

/* The server speaks English where it has no translation, too. */
static bool
is_english(const char *locale)
{
	return strcmp(locale, "POSIX") == 0 || strncmp(locale, "en", 2) == 0 ||
		strncmp(locale, "C.", 2) == 0;
}

/* Most have the value already, and looking is cheaper than setting. */
static bool
has_value(const FixedSetting *setting)
{
	const char *value = GetConfigOption(setting->name, true, false);

	if (value == NULL)			/* not in this version of the server */
		return true;
	return strcmp(value, setting->value) == 0 ||
		(strcmp(setting->name, "lc_messages") == 0 && is_english(value));
}

int
settings_fix(void)
{
	int			level = NewGUCNestLevel();

	for (int i = 0; i < (int) lengthof(fixed); i++)
	{
		/* Some are for superusers to set, and it is not the user who does. */
		if (!has_value(&fixed[i]))
			(void) set_config_option(fixed[i].name, fixed[i].value, PGC_SUSET,
									 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	}
	return level;
}
