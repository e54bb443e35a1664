/*
 * fixed_settings.c
 *		The settings under which contracts are verified.
 *
 * Whether a requirement is met must not depend on who asks.  Otherwise a migration
 * tool, a script of pg_dump or a client that sets its date style would find a
 * requirement broken that is met.  So each setting that decides how a statement is
 * read, resolved, rewritten, planned or printed has one value for all: the server's
 * own default unless a comment below says why not.
 *
 * Settings that are not here:
 *	- those that only matter when a statement runs;
 *	- costs and methods of the planner that let no statement fail;
 *	- work_mem and the like, which belong to the session whose memory it is.
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
	/* They decide how a statement and its constants are read. */
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

	/* They decide how a statement is rewritten. */
	{"row_security", "on"},		/* pg_dump's scripts have it off */
	{"session_replication_role", "origin"}, /* which rules and triggers count */
	{"restrict_nonsystem_relation_kind", ""},

	/* They decide how definitions and errors are printed, which are compared. */
	{"quote_all_identifiers", "off"},
	{"extra_float_digits", "1"},
	{"bytea_output", "hex"},
	{"lc_messages", "C"},
	{"client_min_messages", "error"},

	/* An error of a verification is an answer, and must not end the session. */
	{"exit_on_error", "off"},

	/* See also verify/plan/planner.c. */
	{"force_parallel_mode", "off"}, /* before PostgreSQL 16 */
	{"debug_parallel_query", "off"},	/* since PostgreSQL 16 */
};

/* Does the server print English messages in this locale? */
static bool
is_english(const char *locale)
{
	return strcmp(locale, "POSIX") == 0 || strncmp(locale, "en", 2) == 0 ||
		strncmp(locale, "C.", 2) == 0;
}

/* Has a setting its value already?  Most do, and to look is cheaper than to set. */
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
		/* As a superuser, because only superusers may set some of them. */
		if (!has_value(&fixed[i]))
			(void) set_config_option(fixed[i].name, fixed[i].value, PGC_SUSET,
									 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	}
	return level;
}
