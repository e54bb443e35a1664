/*
 * argument.c
 *		Check arguments of SQL functions: names, apps, versions, rights.
 */
#include "postgres.h"

#include "api/api.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/shown.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

char *
name_argument(FunctionCallInfo fcinfo, int arg, const char *what)
{
	char	   *name;

	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", what)));
	name = text_to_cstring(PG_GETARG_TEXT_PP(arg));
	if (name[0] == '\0' || strlen(name) > 1000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must have 1 to 1000 bytes", what)));
	return name;
}

double
duration_argument(FunctionCallInfo fcinfo, int arg, const char *what)
{
	Interval   *interval;
	double		duration;

	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", what)));
	interval = PG_GETARG_INTERVAL_P(arg);
	if (compat_interval_is_forever(interval))
		return (double) PG_INT64_MAX;
	duration = interval->time / 1000.0 +
		(interval->day + (double) interval->month * DAYS_PER_MONTH) * SECS_PER_DAY * 1000.0;
	if (compat_interval_is_never(interval) || duration < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative", what)));
	return duration;
}

App *
require_app(const char *name)
{
	App		   *app = registry_find_app(name);

	if (app == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_UNKNOWN_VERSION),
				 errmsg("app \"%s\" is not registered", shown(name))));
	return app;
}

Version *
require_version(const App *app, const char *name)
{
	Version    *version = registry_find_version(app, name);

	if (version == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_UNKNOWN_VERSION),
				 errmsg("version \"%s\" of app \"%s\" is not registered",
						shown(name), shown(app->name))));
	return version;
}

void
check_not_retired(const App *app, const Version *version)
{
	if (version->retired)
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_RETIRED),
				 errmsg("version \"%s\" of app \"%s\" is retired",
						shown(version->name), shown(app->name)),
				 errhint("Run another version, or call compat_guard.reactivate() for this one.")));
}

/* Raise ERRCODE_GUARD_NOT_PERMITTED. */
static void
deny(const App *app)
{
	ereport(ERROR,
			(errcode(ERRCODE_GUARD_NOT_PERMITTED),
			 errmsg("permission denied for app \"%s\"", shown(app->name)),
			 errdetail("The app belongs to role \"%s\".", shown(app->owner))));
}

void
check_owner(const App *app)
{
	if (!registry_owns_app(app))
		deny(app);
}

void
check_may_retire(const App *app)
{
	if (!registry_may_retire(app))
		deny(app);
}

void
check_reader(const App *app, const Version *version)
{
	if (registry_may_read(app, version))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_GUARD_NOT_PERMITTED),
			 errmsg("permission denied for version \"%s\" of app \"%s\"",
					shown(version->name), shown(app->name)),
			 errdetail("Only role \"%s\", its contract's role, and roles that may read the view %s can see what it needs.",
					   shown(app->owner), "compat_guard.requirements")));
}
