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
int			guard_lease_grace = 30000;
int			guard_rollback_versions = 3;
int			guard_max_findings_shown = 20;
bool		guard_journal = true;
int			guard_verify_timeout = 10000;
bool		guard_check_candidates = false;
int			guard_journal_worker_timeout = 10000;

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

const char *
guard_mode_name(void)
{
	const struct config_enum_entry *option = mode_options;

	while (option->val != guard_mode)
		option++;
	return option->name;
}

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
							"How long a judgement or registration waits for what a concurrent transaction holds locked.",
							"After that it fails with SQLSTATE VG003 and can be retried.",
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

	/* Whoever may set this may break versions whose leases have just run out. */
	DefineCustomIntVariable("compat_guard.lease_grace",
							"How long a lease protects after it has run out.",
							"So long may the server have been down, or an instance have stood still.",
							&guard_lease_grace, 30000, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);

	/*
	 * What a judgement has stopped to look back at is lost for the others,
	 * too: see registry/live.c.
	 */
	DefineCustomIntVariable("compat_guard.rollback_versions",
							"How many versions of each app that are live no more a rollback may go to.",
							"What makes one of them fail is found by rule rollback-lost. Zero looks back at none.",
							&guard_rollback_versions, 3, 0, INT_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);

	/* Whoever may set this may have nothing verified. */
	DefineCustomIntVariable("compat_guard.verify_timeout",
							"How long a judgement verifies requirements.",
							"What is not verified by then counts as unknown, and does not block. Zero means no limit.",
							&guard_verify_timeout, 10000, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);

	DefineCustomIntVariable("compat_guard.max_findings_shown",
							"How many findings a message lists before it only counts the rest.",
							NULL,
							&guard_max_findings_shown, 20, 1, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);

	/* Who could switch it off could do things unseen. */
	DefineCustomBoolVariable("compat_guard.journal",
							 "Whether judged schema changes are written to the journal.",
							 NULL,
							 &guard_journal, true,
							 PGC_SUSET, 0, NULL, NULL, NULL);

	/* Makes every change of schema as slow as the registry is large. */
	DefineCustomBoolVariable("compat_guard.check_candidates",
							 "Whether a judgement also verifies what should not feel the change.",
							 "For tests: the change fails if a requirement stands otherwise than before that the judgement would have left out.",
							 &guard_check_candidates, false,
							 PGC_SUSET, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);

	/* One that is only late then finds nothing left to write. */
	DefineCustomIntVariable("compat_guard.journal_worker_timeout",
							"How long a worker process of the journal may take to start.",
							"For tests: after that another one is started for the same rows.",
							&guard_journal_worker_timeout, 10000, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS | GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);

	MarkGUCPrefixReserved("compat_guard");
}
