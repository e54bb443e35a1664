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
	 * A role that may set this may break every version.  So only superusers
	 * may, and roles that they GRANT SET ON PARAMETER to.
	 */
	DefineCustomEnumVariable("compat_guard.mode",
							 "Sets what is done about a schema change that breaks a live version.",
							 "\"enforce\" acts as the rules say, \"warn\" turns blocks into warnings, \"off\" is silent. All three record what broke.",
							 &guard_mode, MODE_ENFORCE, mode_options,
							 PGC_SUSET, 0, NULL, NULL, NULL);

	/*
	 * Anybody may set this: "statement" stops what "commit" stops, and more,
	 * and sooner.
	 */
	DefineCustomEnumVariable("compat_guard.verify",
							 "Sets when a transaction's schema changes are judged.",
							 "\"commit\" judges their net effect, \"statement\" each statement's.",
							 &guard_verify, VERIFY_AT_COMMIT, verify_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomIntVariable("compat_guard.ddl_lock_timeout",
							"Sets how long a judgement or registration waits for a lock.",
							"After that it fails with SQLSTATE VG003 and can be retried.",
							&guard_ddl_lock_timeout, 5000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);

	/*
	 * Rows that violate a new constraint turn a warning into a block, and
	 * what is done to a large table is a hazard.  A role that may set this
	 * may keep the rows from being read, and call any table small.
	 */
	DefineCustomIntVariable("compat_guard.large_relation",
							"Sets the size above which a table is large.",
							"To rewrite, scan or index a large table under a lock is a hazard. To find rows that violate a new constraint, a smaller table is read whole. Of a larger table, this much of its oldest and newest rows is read.",
							&guard_large_relation, 64 * 1024, 0, MAX_KILOBYTES,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);

	/* A role that may set this may break versions whose lease has just ended. */
	DefineCustomIntVariable("compat_guard.lease_grace",
							"Sets how long a lease protects a version after it has ended.",
							"It covers the time that the server was down or an instance did not run.",
							&guard_lease_grace, 30000, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);

	/*
	 * A role that may set this decides for all: states of versions that one
	 * judgement no longer keeps are lost for the next.  See registry/live.c.
	 */
	DefineCustomIntVariable("compat_guard.rollback_versions",
							"Sets how many versions of each app that are no longer live a rollback may go to.",
							"Rule rollback-lost reports what makes one of them fail. Zero means none.",
							&guard_rollback_versions, 3, 0, INT_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);

	/* A role that may set this may keep requirements from being verified. */
	DefineCustomIntVariable("compat_guard.verify_timeout",
							"Sets how long a judgement verifies requirements.",
							"Requirements that are not verified by then count as unknown and do not block. Zero means no limit.",
							&guard_verify_timeout, 10000, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);

	DefineCustomIntVariable("compat_guard.max_findings_shown",
							"Sets how many findings a message lists before it only counts the rest.",
							NULL,
							&guard_max_findings_shown, 20, 1, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);

	/* A role that may set this may change the schema unseen. */
	DefineCustomBoolVariable("compat_guard.journal",
							 "Writes judged schema changes to the journal.",
							 NULL,
							 &guard_journal, true,
							 PGC_SUSET, 0, NULL, NULL, NULL);

	/*
	 * This makes every change of the schema slow: it verifies the whole
	 * registry.
	 */
	DefineCustomBoolVariable("compat_guard.check_candidates",
							 "Verifies also requirements that a change should not affect.",
							 "For tests: the change fails if it affects a requirement that the judgement would have left out.",
							 &guard_check_candidates, false,
							 PGC_SUSET, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);

	/* A worker that is only late finds nothing left to write. */
	DefineCustomIntVariable("compat_guard.journal_worker_timeout",
							"Sets how long a worker process of the journal may take to start.",
							"For tests: after that another one is started for the same rows.",
							&guard_journal_worker_timeout, 10000, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS | GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);

	MarkGUCPrefixReserved("compat_guard");
}
