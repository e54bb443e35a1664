/*
 * lifecycle.c
 *		The SQL functions that retire, reactivate, support and forget versions.
 */
#include "postgres.h"

#include "api/api.h"
#include "judge/judge.h"
#include "miscadmin.h"
#include "utils/builtins.h"

GUARD_FUNCTION(compat_guard_retire);

/*
 * compat_guard.retire(app text, version text, reason text)
 *
 * Ends the protection of the version; does nothing if it was retired before.
 */
Datum
compat_guard_retire(PG_FUNCTION_ARGS)
{
	App		   *app = require_app(name_argument(fcinfo, 0, "app"));
	Version    *version;

	PreventCommandIfReadOnly("compat_guard.retire()");
	check_may_retire(app);
	registry_lock(REGISTRY_LOCK_REMOVAL);
	version = require_version(app, name_argument(fcinfo, 1, "version"));
	if (!version->retired)
	{
		registry_retire_version(version, PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2)));
		CommandCounterIncrement();
		registry_stop_tracking_retired(app->id);

		/* A version that was skipped is not tracked, and was left out there. */
		if (version->skipped)
			registry_forget_found_unless_tracked(registry_requirements_of(version->id));
	}
	PG_RETURN_VOID();
}

GUARD_FUNCTION(compat_guard_reactivate);

/*
 * compat_guard.reactivate(app text, version text)
 *
 * Verifies the version's requirements anew, and protects it again as if it had been
 * neither retired nor replaced.
 */
Datum
compat_guard_reactivate(PG_FUNCTION_ARGS)
{
	App		   *app = require_app(name_argument(fcinfo, 0, "app"));
	char	   *name = name_argument(fcinfo, 1, "version");
	Version    *version;

	PreventCommandIfReadOnly("compat_guard.reactivate()");
	check_owner(app);
	version = require_version(app, name);
	registry_lock_activation(version->id);
	judge_activate(version->id, true);
	version = require_version(app, name);
	if (version->replaced_by != NULL)
		replacement_take_back(version);
	PG_RETURN_VOID();
}

GUARD_FUNCTION(compat_guard_set_support);

/*
 * compat_guard.set_support(app text, version text, until timestamptz)
 *
 * Protects the version until then, whether instances of it run or not, and although it
 * was replaced.  Null takes that back.
 */
Datum
compat_guard_set_support(PG_FUNCTION_ARGS)
{
	App		   *app = require_app(name_argument(fcinfo, 0, "app"));
	char	   *name = name_argument(fcinfo, 1, "version");
	TimestampTz until = PG_ARGISNULL(2) ? 0 : PG_GETARG_TIMESTAMPTZ(2);
	Version    *version;

	PreventCommandIfReadOnly("compat_guard.set_support()");
	check_owner(app);
	version = activate_version(app, name);
	registry_lock_row(version->id);
	registry_lock(REGISTRY_LOCK_REGISTRATION);
	version = require_version(app, name);
	registry_set_support(version, PG_ARGISNULL(2) ? NULL : &until);
	CommandCounterIncrement();
	if (version->replaced_by != NULL && !PG_ARGISNULL(2))
		replacement_take_back(version);
	PG_RETURN_VOID();
}

/*
 * Lock the row of a version, which keeps instances from being added (see lease.c), and
 * then lock the registry for removal.  Begin again if another version has the name
 * then: it may just have been registered.
 */
static Version *
lock_to_forget(const App *app, const char *name)
{
	for (;;)
	{
		Version    *seen = registry_find_version(app, name);
		Version    *version;

		if (seen != NULL)
			registry_lock_row(seen->id);
		registry_lock(REGISTRY_LOCK_REMOVAL);
		version = require_version(app, name);
		if (seen != NULL && seen->id == version->id)
			return version;
		registry_unlock(REGISTRY_LOCK_REMOVAL);
	}
}

GUARD_FUNCTION(compat_guard_forget);

/*
 * compat_guard.forget(app text, version text)
 *
 * Deletes the version and what belongs to it from the registry.
 */
Datum
compat_guard_forget(PG_FUNCTION_ARGS)
{
	App		   *app = require_app(name_argument(fcinfo, 0, "app"));
	char	   *name = name_argument(fcinfo, 1, "version");
	Version    *version;
	List	   *requirements;

	PreventCommandIfReadOnly("compat_guard.forget()");
	check_owner(app);
	version = lock_to_forget(app, name);
	requirements = registry_requirements_of(version->id);
	registry_unlink_all(version->id);
	registry_delete_learned(version->id);
	registry_end_all_leases(version->id);
	registry_delete_version(version);
	CommandCounterIncrement();
	registry_delete_app_if_empty(app);
	registry_drop_orphans(requirements);
	CommandCounterIncrement();
	registry_forget_found_unless_tracked(requirements);
	PG_RETURN_VOID();
}
