/*
 * instance.c
 *		Instances of a version: attached sessions, and leases.
 */
#include "postgres.h"

#include "access/xact.h"
#include "api/api.h"
#include "base/compat.h"
#include "judge/judge.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

void
note_use(const Version *version, bool attaches, bool leases)
{
	attaches |= version->attaches;
	leases |= version->leases;
	if (attaches == version->attaches && leases == version->leases)
		return;

	/* Many instances may start for the first time at once. */
	registry_lock_row(version->id);
	registry_lock(REGISTRY_LOCK_REGISTRATION);
	version = registry_load_version(version->id);
	if (version != NULL)
		registry_set_use(version, attaches || version->attaches, leases || version->leases);
	CommandCounterIncrement();
}

Version *
activate_version(const App *app, const char *name)
{
	Version    *version = require_version(app, name);
	int64		locked;

	/*
	 * Read its row while the lock is held.  Another version may have its name
	 * then.
	 */
	do
	{
		locked = version->id;
		registry_lock_activation(locked);
		version = require_version(app, name);
	} while (version->id != locked);
	check_not_retired(app, version);
	if (version->skipped)
	{
		judge_activate(version->id, false);
		version = require_version(app, name);
		check_not_retired(app, version);
	}
	return version;
}

TimestampTz
renew_lease(const App *app, const char *version_name, const char *instance, Interval *lease)
{
	Version    *version = activate_version(app, version_name);

	note_use(version, false, true);
	return registry_renew_lease(version, instance, lease);
}

/* ---- sessions ---- */

GUARD_FUNCTION(compat_guard_attach);

/*
 * compat_guard.attach(app text, version text)
 *
 * Makes this session an instance of the version until the session ends.
 */
Datum
compat_guard_attach(PG_FUNCTION_ARGS)
{
	char	   *app_name = name_argument(fcinfo, 0, "app");
	char	   *version_name = name_argument(fcinfo, 1, "version");
	App		   *app;
	Version    *version;
	int64		locked;

	PreventCommandDuringRecovery("compat_guard.attach()");
	app = require_app(app_name);
	check_owner(app);
	version = require_version(app, version_name);
	check_not_retired(app, version);

	/*
	 * Lock it as activate_version() does.  Usually nothing else is to be
	 * done.
	 */
	do
	{
		locked = version->id;
		registry_attach(locked);
		version = require_version(app, version_name);
	} while (version->id != locked);
	check_not_retired(app, version);
	if (version->skipped || !version->attaches)
	{
		PreventCommandIfReadOnly("compat_guard.attach()");
		note_use(activate_version(app, version_name), true, false);
	}
	PG_RETURN_VOID();
}

GUARD_FUNCTION(compat_guard_detach);

/* compat_guard.detach() */
Datum
compat_guard_detach(PG_FUNCTION_ARGS)
{
	PreventCommandDuringRecovery("compat_guard.detach()");
	registry_detach();
	PG_RETURN_VOID();
}

/* ---- leases ---- */

GUARD_FUNCTION(compat_guard_heartbeat);

/*
 * compat_guard.heartbeat(app text, version text, instance text, lease interval)
 *		returns timestamptz
 *
 * Renews a lease and returns when it ends.  A null lease is as long as the one before.
 */
Datum
compat_guard_heartbeat(PG_FUNCTION_ARGS)
{
	char	   *app_name = name_argument(fcinfo, 0, "app");
	char	   *version_name = name_argument(fcinfo, 1, "version");
	char	   *instance = name_argument(fcinfo, 2, "instance");
	App		   *app;

	PreventCommandIfReadOnly("compat_guard.heartbeat()");
	app = require_app(app_name);
	check_owner(app);
	PG_RETURN_TIMESTAMPTZ(renew_lease(app, version_name, instance,
									  PG_ARGISNULL(3) ? NULL : PG_GETARG_INTERVAL_P(3)));
}

GUARD_FUNCTION(compat_guard_leave);

/*
 * compat_guard.leave(app text, version text, instance text)
 *
 * Ends the lease of an instance that has stopped; does nothing if it has none.
 */
Datum
compat_guard_leave(PG_FUNCTION_ARGS)
{
	char	   *app_name = name_argument(fcinfo, 0, "app");
	char	   *version_name = name_argument(fcinfo, 1, "version");
	char	   *instance = name_argument(fcinfo, 2, "instance");
	App		   *app;

	PreventCommandIfReadOnly("compat_guard.leave()");
	app = require_app(app_name);
	check_owner(app);
	registry_end_lease(require_version(app, version_name)->id, instance);
	PG_RETURN_VOID();
}

/* ---- for the views ---- */

GUARD_FUNCTION(compat_guard_claim_key);

/* compat_guard.claim_key(app text, version text) returns bigint */
Datum
compat_guard_claim_key(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(registry_claim_key(text_to_cstring(PG_GETARG_TEXT_PP(0)),
									   text_to_cstring(PG_GETARG_TEXT_PP(1))));
}

GUARD_FUNCTION(compat_guard_lease_runs);

/* compat_guard.lease_runs(heartbeat_at timestamptz, expires_at timestamptz) */
Datum
compat_guard_lease_runs(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(lease_runs(PG_GETARG_TIMESTAMPTZ(0), PG_GETARG_TIMESTAMPTZ(1),
							  GetCurrentTimestamp()));
}
