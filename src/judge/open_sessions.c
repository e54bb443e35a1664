/*
 * open_sessions.c
 *		Open sessions of a version.
 *
 * A session names its version by attach(), or by its application_name: the app and the
 * version with a space, slash, hyphen or colon between them, and nothing, a space or a
 * bracket after them, as in "billing 2026.11", "billing/2026.11 (worker 3)" and
 * "billing:2026.11[42]".
 */
#include "postgres.h"

#include "base/compat.h"
#include "judge/judge_internal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/backend_status.h"

/* Does the application_name say that the session is of the version? */
static bool
is_session_name(const char *name, const Version *version)
{
	size_t		app = strlen(version->app);
	size_t		rest = strlen(version->name);

	if (strncmp(name, version->app, app) != 0 || name[app] == '\0' ||
		strchr(" /-:", name[app]) == NULL)
		return false;
	name += app + 1;
	return strncmp(name, version->name, rest) == 0 &&
		(name[rest] == '\0' || name[rest] == ' ' || name[rest] == '[' || name[rest] == '(');
}

int
version_sessions(const Version *version)
{
	List	   *attached = registry_attached_sessions(version);
	int			n = 0;

	/* Read the sessions of now, not those of the transaction's first look. */
	pgstat_clear_backend_activity_snapshot();
	for (int i = 1; i <= pgstat_fetch_stat_numbackends(); i++)
	{
		LocalPgBackendStatus *local = compat_backend_entry(i);
		PgBackendStatus *entry = local ? &local->backendStatus : NULL;

		if (entry != NULL && entry->st_procpid != MyProcPid &&
			entry->st_backendType == B_BACKEND &&
			entry->st_databaseid == MyDatabaseId &&
			(list_member_int(attached, entry->st_procpid) ||
			 is_session_name(entry->st_appname, version)))
			n++;
	}
	return n;
}

Problem *
problem_with_sessions(Problem *problem, const Version *version)
{
	Problem    *copy;
	int			n;

	if (problem->rule != RULE_QUERY_RESULT_GREW ||
		(n = version_sessions(version)) == 0)
		return problem;
	copy = palloc_object(Problem);
	*copy = *problem;
	copy->proven = true;
	copy->found = psprintf(n == 1
						   ? "%s (cached plan must not change result type), which affects %d open session of this version"
						   : "%s (cached plan must not change result type), which affects %d open sessions of this version",
						   problem->found, n);
	return copy;
}
