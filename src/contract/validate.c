/*
 * validate.c
 *		The SQL function compat_guard.validate().
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/namespace.h"
#include "contract/contract_internal.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

GUARD_FUNCTION(contract_validate);

/*
 * compat_guard.validate(contract jsonb) returns table (path text, problem text)
 *
 * It is not strict: no rows for NULL would mean that there are no problems.
 */
Datum
contract_validate(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *problems;
	ListCell   *lc;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("contract must not be null")));

	InitMaterializedSRF(fcinfo, 0);
	problems = contract_problems(PG_GETARG_JSONB_P(0),
								 GetUserNameFromId(GetUserId(), false),
								 namespace_search_path);
	foreach(lc, problems)
	{
		ContractProblem *problem = lfirst(lc);
		Datum		values[2] = {CStringGetTextDatum(problem->path),
		CStringGetTextDatum(problem->problem)};
		bool		nulls[2] = {false, false};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
