/*
 * check.c
 *		The SQL functions that verify requirements now.
 */
#include "postgres.h"

#include "api/api.h"
#include "base/compat.h"
#include "base/guard_active.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

static Datum
text_or_null(const char *value, bool *isnull)
{
	*isnull = (value == NULL);
	return value ? CStringGetTextDatum(value) : (Datum) 0;
}

/* Put a row for a problem; with problem NULL one that says that there is none. */
static void
put_row(ReturnSetInfo *rsinfo, int64 version_id, const Requirement *req,
		const VerifyResult *result, const Problem *problem)
{
	Datum		values[9];
	bool		nulls[9] = {false};

	values[0] = Int64GetDatum(version_id);
	values[1] = Int64GetDatum(req->id);
	values[2] = CStringGetTextDatum(requirement_kind_name(req->kind));
	values[3] = CStringGetTextDatum(req->object);
	values[4] = CStringGetTextDatum(state_name(result->state));
	values[5] = text_or_null(problem ? rule_get(problem->rule)->name : NULL, &nulls[5]);
	values[6] = text_or_null(problem ? problem->expected : NULL, &nulls[6]);
	values[7] = text_or_null(problem ? problem->found : NULL, &nulls[7]);
	values[8] = text_or_null(problem ? problem->sqlstate : NULL, &nulls[8]);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Verify the requirements of a version and put a row for each problem. */
static void
verify_version(ReturnSetInfo *rsinfo, int64 version_id)
{
	VerifyOptions wait = {.wait_for_locks = true};
	Readiness	readiness;
	ListCell   *lc;

	(void) readiness_verify(&readiness, registry_requirements_of(version_id), wait);
	for (int i = 0; i < readiness.n; i++)
	{
		const Requirement *req = readiness.reqs[i];
		const VerifyResult *found = readiness.found[i];

		if (found->problems == NIL)
			put_row(rsinfo, version_id, req, found, NULL);
		foreach(lc, found->problems)
			put_row(rsinfo, version_id, req, found, lfirst(lc));
	}
}

GUARD_FUNCTION(compat_guard_live_versions);

/* compat_guard.live_versions() returns setof bigint */
Datum
compat_guard_live_versions(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	guard_require_extension();
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	foreach(lc, registry_live_versions())
	{
		Datum		id = Int64GetDatum(((Version *) lfirst(lc))->id);
		bool		isnull = false;

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &id, &isnull);
	}
	return (Datum) 0;
}

GUARD_FUNCTION(compat_guard_rollback_versions);

/*
 * compat_guard.rollback_versions()
 *		returns setof (version_id bigint, app text, version text, live boolean)
 */
Datum
compat_guard_rollback_versions(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *kept;
	ListCell   *lc;

	guard_require_extension();
	InitMaterializedSRF(fcinfo, 0);
	kept = registry_tracked_versions();
	foreach(lc, kept)
	{
		const Version *version = lfirst(lc);
		bool		live = registry_version_is_live(version, false);
		Datum		values[4];
		bool		nulls[4] = {false};

		if (!live && !registry_is_rollback_target(kept, version))
			continue;
		values[0] = Int64GetDatum(version->id);
		values[1] = CStringGetTextDatum(registry_app_name(version->app_id));
		values[2] = CStringGetTextDatum(version->name);
		values[3] = BoolGetDatum(live);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

GUARD_FUNCTION(compat_guard_verification);

/*
 * compat_guard.verification(app text, version text)
 *		returns setof (version_id, requirement_id, kind, object, state, rule,
 *					   expected, found, sqlstate)
 *
 * Verifies a version's requirements, or with two nulls those of every live
 * version that the current role may see.
 */
Datum
compat_guard_verification(PG_FUNCTION_ARGS)
{
	guard_require_extension();
	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) && PG_ARGISNULL(1))
	{
		ListCell   *lc;

		foreach(lc, registry_live_versions())
		{
			const Version *version = lfirst(lc);

			if (registry_may_read_all() ||
				registry_may_read(require_app(registry_app_name(version->app_id)), version))
				verify_version((ReturnSetInfo *) fcinfo->resultinfo, version->id);
		}
	}
	else
	{
		App		   *app = require_app(name_argument(fcinfo, 0, "app"));
		Version    *version = require_version(app, name_argument(fcinfo, 1, "version"));

		check_reader(app, version);
		verify_version((ReturnSetInfo *) fcinfo->resultinfo, version->id);
	}
	return (Datum) 0;
}
