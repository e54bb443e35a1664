/*
 * execution.c
 *		What may run while contracts are verified.
 *
 * Contracts are verified in the session of whoever changes the schema.  What a
 * function sees there, such as prepared statements and custom settings, and what it
 * does that no rollback undoes, is that session's own business.  So verification
 * runs nobody's code: not with the rights of the contract's role either, nor that
 * of a table's owner.
 *
 * What runs is the server's own code and what superusers alone can make,
 * functions in C: the input function of a type has to read a literal.  withhold.c
 * keeps the planner from running anything else.  What is left, and does not pass
 * there, is refused here, in whatever way it is reached: the check of a domain
 * that an array's elements are of, or a constant in an index expression.  The
 * requirement is unknown then, for nobody broke it.
 *
 * Rows that violate a constraint are counted by executing its expression
 * (violation_scan.c), so there the functions of the session's own user run, too.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "base/compat.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "verify/run/run.h"

static needs_fmgr_hook_type next_needs_fmgr_hook = NULL;

static fmgr_hook_type next_fmgr_hook = NULL;

/* ---- what is executed ---- */

Execution
run_execution(Execution execution)
{
	Execution	outer = verification->executing;

	verification->executing = execution;
	verification->own_statement = NULL;
	return outer;
}

void
run_own_statement(const char *sql)
{
	verification->own_statement = sql;
}

bool
run_executes(const char *sql)
{
	return verification->executing == EXECUTES_COUNT ||
		(verification->own_statement != NULL && sql != NULL &&
		 strcmp(verification->own_statement, sql) == 0);
}

/* ---- whose code ---- */

/* Raise the error that makes the requirement unknown. */
compat_noreturn static void
refuse(Oid funcid)
{
	ereport(ERROR,
			(errcode(ERRCODE_GUARD_NOT_RUN),
			 errmsg("function %s would have to run", format_procedure(funcid))));
}

/* Does the session's own user own the function? */
static bool
is_mine(Oid owner)
{
	return owner == GetSessionUserId() || owner == GetOuterUserId();
}

/* May the function run in what is executed at the moment? */
static bool
may_run(Oid funcid)
{
	HeapTuple	tup;
	Form_pg_proc form;
	bool		result;

	if (funcid < FirstNormalObjectId)
		return true;
	tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tup))
		return false;
	form = (Form_pg_proc) GETSTRUCT(tup);
	result = form->prolang == INTERNALlanguageId || form->prolang == ClanguageId ||
		(verification->executing == EXECUTES_COUNT && is_mine(form->proowner));
	ReleaseSysCache(tup);
	return result;
}

/* Have the calls of a function that must not run go through the other hook, and do not
 * put its body in their place.  The server asks for all but its built-in functions. */
static bool
needs_hook(Oid funcid)
{
	return (next_needs_fmgr_hook && next_needs_fmgr_hook(funcid)) ||
		(verify_is_running() && !may_run(funcid));
}

/* Refuse a function when it is about to be called. */
static void
around_function(FmgrHookEventType event, FmgrInfo *flinfo, Datum *arg)
{
	if (event == FHET_START && verify_is_running() && !may_run(flinfo->fn_oid))
		refuse(flinfo->fn_oid);
	if (next_fmgr_hook)
		next_fmgr_hook(event, flinfo, arg);
}

/*
 * Functions of the server that are not immutable are nobody's code, but they read the
 * session's state, or change it.  So none is evaluated where all is only planned, and
 * none that may have effects in a constraint.
 */
void
verify_function(Oid funcid)
{
	char		volatility = func_volatile(funcid);
	Execution	executing = verification->executing;

	if (volatility == PROVOLATILE_IMMUTABLE ||
		(volatility == PROVOLATILE_STABLE && executing != EXECUTES_NOTHING) ||
		(funcid >= FirstNormalObjectId && executing == EXECUTES_CHECKER))
		return;
	refuse(funcid);
}

void
run_init(void)
{
	next_needs_fmgr_hook = needs_fmgr_hook;
	needs_fmgr_hook = needs_hook;
	next_fmgr_hook = fmgr_hook;
	fmgr_hook = around_function;
}
