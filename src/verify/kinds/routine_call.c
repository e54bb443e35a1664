/*
 * routine_call.c
 *		Find the routine that a call runs.
 *
 * A call is resolved by the parser's own look-up, so that what is ambiguous to one
 * is ambiguous to the other.
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "parser/parse_func.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/kinds/kinds_internal.h"
#include "verify/result/result.h"

/* The ways to write a call between which the look-up tells. */
typedef enum CallForm
{
	CALL_PLAIN,
	CALL_VARIADIC,				/* VARIADIC before the last argument */
	CALL_PROCEDURE				/* CALL, which passes OUT arguments, too */
} CallForm;

/* Look a call up as the parser does; a cast written as a call is no routine. */
static FuncDetailCode
look_up(const Call *call, CallForm form, Oid *routine)
{
	Oid			argtypes[FUNC_MAX_ARGS];
	Oid			result;
	bool		is_set;
	int			nvariadic;
	Oid			variadic;
	Oid		   *declared;
	FuncDetailCode code;

	memcpy(argtypes, call->argtypes, call->nargs * sizeof(Oid));
	code = func_get_detail(call->names, NIL, NIL, call->nargs, argtypes,
						   form != CALL_VARIADIC, true, form == CALL_PROCEDURE,
						   routine, &result, &is_set, &nvariadic, &variadic,
						   &declared, NULL);
	return code == FUNCDETAIL_COERCION ? FUNCDETAIL_NOTFOUND : code;
}

/*
 * Look again for a procedure that was found by its input arguments alone: find the
 * one that a CALL runs with something of no type, such as NULL, for each OUT
 * argument.
 */
static FuncDetailCode
look_up_in_full(const Call *call, Oid *routine)
{
	HeapTuple	tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(*routine));
	Call		full = {.names = call->names};
	Oid		   *types;
	char	  **names;
	char	   *modes;
	int			nargs;
	int			given = 0;
	Oid			found = *routine;
	FuncDetailCode code;

	if (!HeapTupleIsValid(tup))
		return FUNCDETAIL_NOTFOUND;
	nargs = get_func_arg_info(tup, &types, &names, &modes);
	for (int i = 0; i < nargs && full.nargs < FUNC_MAX_ARGS; i++)
	{
		if (modes != NULL && modes[i] == PROARGMODE_OUT)
			full.argtypes[full.nargs++] = UNKNOWNOID;
		else if (given < call->nargs)
			full.argtypes[full.nargs++] = call->argtypes[given++];
	}
	ReleaseSysCache(tup);
	if (full.nargs == call->nargs)
		return FUNCDETAIL_PROCEDURE;
	code = look_up(&full, CALL_PROCEDURE, &found);
	if (code == FUNCDETAIL_MULTIPLE)
		return code;
	if (code == FUNCDETAIL_PROCEDURE)
		*routine = found;
	return FUNCDETAIL_PROCEDURE;
}

/*
 * Find the routine that a call with these arguments runs.  The signature of a
 * procedure may be written with or without its OUT arguments, and that of a
 * variadic routine with its array.  is_procedure: the baseline says that it is one.
 */
static FuncDetailCode
find_routine(const Call *call, bool is_procedure, Oid *routine)
{
	FuncDetailCode code = FUNCDETAIL_NOTFOUND;

	if (is_procedure)
		code = look_up(call, CALL_PROCEDURE, routine);
	if (code == FUNCDETAIL_NOTFOUND)
		code = look_up(call, CALL_PLAIN, routine);
	if (code == FUNCDETAIL_NOTFOUND && call->nargs > 0)
		code = look_up(call, CALL_VARIADIC, routine);
	if (code == FUNCDETAIL_NOTFOUND)
		code = look_up(call, CALL_PROCEDURE, routine);
	if (code == FUNCDETAIL_PROCEDURE)
		code = look_up_in_full(call, routine);
	return code;
}

/*
 * Look up the contract's argument types.  A type that is gone by now is passed as
 * unknown, as most drivers do, so that the routine is found if the type was renamed:
 * check_argument_types compares it then.  False if there never was such a type.
 */
static bool
argument_types(const Requirement *req, VerifyResult *result, Call *call)
{
	List	   *names = requirement_list(req, "types");
	List	   *schemas = baseline_list(req, "type_schemas");
	bool		complete = true;

	call->nargs = 0;
	for (int i = 0; i < list_length(names); i++)
	{
		int32		typmod;
		Oid			type;

		depend_on_type_name(result, list_nth(names, i));
		if (i == FUNC_MAX_ARGS)
			return false;
		type = meant_type(list_nth(names, i),
						  i < list_length(schemas) ? list_nth(schemas, i) : NULL, &typmod);
		depend_on_type(result, type);
		if (!OidIsValid(type) && baseline_has(req, "argument_types"))
			type = UNKNOWNOID;
		complete &= OidIsValid(type);
		call->argtypes[call->nargs++] = type;
	}
	return complete;
}

Oid
resolve_call(const Requirement *req, VerifyResult *result, Call *call)
{
	char	   *kind = baseline_text(req, "kind");
	char	   *schema;
	char	   *name;
	Oid			routine = InvalidOid;
	FuncDetailCode code = FUNCDETAIL_NOTFOUND;

	call->names = compat_string_to_name_list(requirement_text(req, "routine"));
	DeconstructQualifiedName(call->names, &schema, &name);
	depend_on_name(result, ProcedureRelationId, schema, name);

	/* The look-up raises an error for a schema that the role may not use. */
	if (argument_types(req, result, call) &&
		(schema == NULL || schema_is_usable(get_namespace_oid(schema, true))))
		code = find_routine(call, kind != NULL && strcmp(kind, "a procedure") == 0, &routine);

	if (code == FUNCDETAIL_MULTIPLE)
		result_add_problem(result, RULE_QUERY_AMBIGUOUS, STATE_UNMET,
						   psprintf("a call of %s to mean one routine", req->object),
						   pstrdup("several fit it equally well"), InvalidOid, NULL);
	else if (code == FUNCDETAIL_NOTFOUND)
		(void) report_unresolved(req, result, RULE_ROUTINE_MISSING, "routine",
								 req->object, schema, name, routine_in_schema);
	return code == FUNCDETAIL_MULTIPLE || code == FUNCDETAIL_NOTFOUND
		? InvalidOid : routine;
}
