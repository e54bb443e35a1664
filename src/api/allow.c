/*
 * allow.c
 *		The SQL functions that let a change through, and that prune the journal.
 */
#include "postgres.h"

#include "api/api.h"
#include "base/compat.h"
#include "base/guard_active.h"
#include "judge/judge.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

GUARD_FUNCTION(compat_guard_allow);

/*
 * compat_guard.allow(reason text, app text, version text, rule text)
 *
 * Lets this transaction do what would be blocked for the app, version and rule that are
 * given.  Only roles to which the DBA has granted it may call it.
 */
Datum
compat_guard_allow(PG_FUNCTION_ARGS)
{
	Override	override = {.rule = RULE_COUNT};

	guard_require_extension();
	PreventCommandDuringRecovery("compat_guard.allow()");

	/* A registered function must not call it while it is being verified. */
	if (InSecurityRestrictedOperation())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot call \"%s\" within security-restricted operation",
						"compat_guard.allow")));

	override.reason = name_argument(fcinfo, 0, "reason");
	if (strspn(override.reason, " \t\r\n") == strlen(override.reason))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("reason must not be blank")));
	if (!PG_ARGISNULL(1))
	{
		App		   *app = require_app(name_argument(fcinfo, 1, "app"));

		override.app = app->name;
		if (!PG_ARGISNULL(2))
			override.version = require_version(app, name_argument(fcinfo, 2, "version"))->name;
	}
	else if (!PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a version needs an app")));
	if (!PG_ARGISNULL(3))
		override.rule = require_rule(name_argument(fcinfo, 3, "rule"));

	override.by = GetUserNameFromId(GetUserId(), false);
	override_add(&override);
	PG_RETURN_VOID();
}

GUARD_FUNCTION(compat_guard_prune);

/*
 * compat_guard.prune(keep interval) returns bigint
 *
 * Deletes rows that are older by the server's clock, and returns how many.
 */
Datum
compat_guard_prune(PG_FUNCTION_ARGS)
{
	Interval	zero = {0};
	Datum		keep;
	Datum		before;

	guard_require_extension();
	PreventCommandIfReadOnly("compat_guard.prune()");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("interval must not be null")));
	keep = PG_GETARG_DATUM(0);
	if (DatumGetBool(DirectFunctionCall2(interval_lt, keep, IntervalPGetDatum(&zero))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("interval must not be negative")));
	before = DirectFunctionCall2(timestamptz_mi_interval,
								 TimestampTzGetDatum(GetCurrentTimestamp()), keep);
	PG_RETURN_INT64(registry_prune_journal(DatumGetTimestampTz(before)));
}
