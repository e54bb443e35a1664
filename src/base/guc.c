/*
 * guc.c
 *		The settings.
 */
#include "postgres.h"

#include <limits.h>

#include "base/guc.h"
#include "utils/guc.h"

int			guard_mode = MODE_ENFORCE;
int			guard_verify = VERIFY_AT_COMMIT;
int			guard_ddl_lock_timeout = 5000;
int			guard_large_relation = 64 * 1024;
int			guard_max_findings_shown = 20;

static const struct config_enum_entry mode_options[] = {
	{"off", MODE_OFF, false},
	{"warn", MODE_WARN, false},
	{"enforce", MODE_ENFORCE, false},
	{NULL, 0, false}
};

static const struct config_enum_entry verify_options[] = {
	{"commit", VERIFY_AT_COMMIT, false},
	{"statement", VERIFY_EACH_STATEMENT, false},
	{NULL, 0, false}
};

void
guc_init(void)
{
	/*
	 * Whoever may set this may break every version, so it belongs to the
	 * superuser, who can GRANT SET ON PARAMETER.
	 */
	DefineCustomEnumVariable("compat_guard.mode",
							 "What is done about a schema change that breaks a live version.",
							 "\"enforce\" acts as the rules say, \"warn\" turns blocks into warnings, \"off\" is silent; all three remember what broke.",
							 &guard_mode, MODE_ENFORCE, mode_options,
							 PGC_SUSET, 0, NULL, NULL, NULL);

	/* Both ways stop the same changes, statement merely sooner and more. */
	DefineCustomEnumVariable("compat_guard.verify",
							 "When a transaction's schema changes are judged.",
							 "\"commit\" judges their net effect, \"statement\" each statement's.",
							 &guard_verify, VERIFY_AT_COMMIT, verify_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomIntVariable("compat_guard.ddl_lock_timeout",
							"How long a judgement waits for what a concurrent transaction holds locked.",
							"After that the change fails with SQLSTATE VG003 and can be retried.",
							&guard_ddl_lock_timeout, 5000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);

	/*
	 * Rows that violate a new constraint block what otherwise is a warning.
	 * Whoever could have them not read could turn the one into the other.
	 */
	DefineCustomIntVariable("compat_guard.large_relation",
							"The most that is read of a table to find rows that violate a new constraint.",
							"A smaller table is read whole, of a larger one this much of its oldest and newest rows.",
							&guard_large_relation, 64 * 1024, 0, MAX_KILOBYTES,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);

	DefineCustomIntVariable("compat_guard.max_findings_shown",
							"How many findings a message lists before it only counts the rest.",
							NULL,
							&guard_max_findings_shown, 20, 1, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);

	MarkGUCPrefixReserved("compat_guard");
}
