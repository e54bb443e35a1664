/*
 * deploy.c
 *		Can a version start on the schema as it is?
 *
 * This is for deployment pipelines: the answer is one row, nothing is stored, and it
 * works on a standby.
 */
#include "postgres.h"

#include "api/api.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/guard_active.h"
#include "base/shown.h"
#include "base/text_list.h"
#include "funcapi.h"
#include "utils/builtins.h"

typedef struct DeployVerdict
{
	bool		ready;
	const char *state;
	List	   *reasons;		/* of char * */
} DeployVerdict;

/*
 * Return the requirements that register() would store, and raise the errors that it would
 * raise.  contract NULL: those that the version is registered with.
 */
static List *
requirements_asked_about(const Version *version, Contract *contract)
{
	List	   *problems;

	if (contract == NULL || (version != NULL && version_has_contract(version, contract)))
		return registry_requirements_of(version->id);
	problems = contract_check_names(contract);
	if (problems != NIL)
		contract_report_problems(problems);
	return contract_requirements(contract);
}

/* Verify a version, with another contract than it has if contract is not NULL. */
static DeployVerdict
judge_version(const Version *version, Contract *contract)
{
	VerifyOptions wait = {.wait_for_locks = true};
	RequirementState state;
	Readiness	readiness;
	DeployVerdict verdict;

	(void) readiness_verify(&readiness, requirements_asked_about(version, contract), wait);
	state = readiness_state(&readiness);
	verdict.ready = (state != STATE_UNMET);
	verdict.state = state_name(state);
	verdict.reasons = list_concat(readiness_reasons(&readiness, STATE_UNMET),
								  readiness_reasons(&readiness, STATE_UNKNOWN));

	/* Report what register() refuses, although the schema may be ready. */
	if (version != NULL && contract != NULL && !version_has_contract(version, contract))
	{
		verdict.ready = false;
		verdict.state = "conflict";
		verdict.reasons = lcons(pstrdup("the version is registered with another contract"),
								verdict.reasons);
	}
	if (version != NULL && version->retired)
	{
		verdict.ready = false;
		verdict.state = "retired";
		verdict.reasons = lcons(pstrdup("the version is retired"), verdict.reasons);
	}
	return verdict;
}

GUARD_FUNCTION(compat_guard_can_deploy);

/*
 * compat_guard.can_deploy(app text, version text, contract jsonb, or_error boolean)
 *		returns (ready boolean, state text, reasons text[])
 *
 * With a contract the version need not be registered.
 */
Datum
compat_guard_can_deploy(PG_FUNCTION_ARGS)
{
	char	   *app_name = name_argument(fcinfo, 0, "app");
	char	   *version_name = name_argument(fcinfo, 1, "version");
	bool		or_error = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
	Contract   *contract = NULL;
	Version    *version = NULL;
	App		   *app;
	DeployVerdict verdict;
	TupleDesc	tupdesc;
	Datum		values[3];
	bool		nulls[3] = {false};

	guard_require_extension();
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (PG_ARGISNULL(2))
	{
		app = require_app(app_name);
		version = require_version(app, version_name);
		check_reader(app, version);
	}
	else
	{
		contract = contract_argument(fcinfo, 2);
		app = registry_find_app(app_name);
		if (app != NULL)
		{
			if (!registry_may_read_all())
				check_owner(app);
			version = registry_find_version(app, version_name);
		}
		check_contract_role(contract);
	}

	verdict = judge_version(version, contract);
	if (or_error && !verdict.ready)
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_NOT_READY),
				 errmsg("version \"%s\" of app \"%s\" cannot start: %s",
						shown(version_name), shown(app_name), readiness_gist(verdict.reasons)),
				 errdetail("%s", readiness_detail(verdict.reasons))));
	values[0] = BoolGetDatum(verdict.ready);
	values[1] = CStringGetTextDatum(verdict.state);
	values[2] = text_list_array(verdict.reasons);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

GUARD_FUNCTION(compat_guard_require_version);

/*
 * compat_guard.require_version(app text, version text) returns boolean
 *
 * Returns true, or raises an error if the version is not registered: for SQL functions.
 */
Datum
compat_guard_require_version(PG_FUNCTION_ARGS)
{
	App		   *app = require_app(name_argument(fcinfo, 0, "app"));

	(void) require_version(app, name_argument(fcinfo, 1, "version"));
	PG_RETURN_BOOL(true);
}
