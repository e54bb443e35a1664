/*
 * routine_compare.c
 *		Compare a routine with what it was when the call first worked.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/kinds/kinds_internal.h"
#include "verify/result/result.h"

/* Return the word of CREATE FUNCTION for a volatility. */
static const char *
volatility_label(char provolatile)
{
	return provolatile == PROVOLATILE_IMMUTABLE ? "immutable" :
		provolatile == PROVOLATILE_STABLE ? "stable" : "volatile";
}

/* Rank volatilities, from 0, with which the planner may do most, to 2. */
static int
volatility_rank(char provolatile)
{
	return provolatile == PROVOLATILE_IMMUTABLE ? 0 :
		provolatile == PROVOLATILE_STABLE ? 1 : 2;
}

/*
 * Report name-captured if the call meant another routine, in another schema or of other
 * argument types, that is still there.  If that is gone, it was moved or replaced, and
 * what counts is what the new one is like.
 */
static void
check_call_resolution(const Requirement *req, VerifyResult *result, const RoutineInfo *info)
{
	char	   *before = baseline_text(req, "signature");
	Oid			other = before == NULL || strcmp(before, info->signature) == 0
	? InvalidOid : routine_called(info->name, before);

	if (OidIsValid(other))
		result_add_problem(result, RULE_NAME_CAPTURED, STATE_UNMET,
						   psprintf("%s to mean %s", req->object, routine_label(other)),
						   psprintf("it means %s", routine_label(info->oid)), InvalidOid, NULL);
}

/* Report a routine of another kind, of which nothing else is worth comparing. */
static bool
kind_is_other(const Requirement *req, VerifyResult *result, const RoutineInfo *info)
{
	char	   *kind = baseline_text(req, "kind");

	if (kind == NULL || strcmp(kind, info->kind) == 0)
		return false;
	result_add_problem(result, RULE_ROUTINE_RESULT, STATE_UNMET, kind, pstrdup(info->kind),
					   InvalidOid, NULL);
	return true;
}

/* Report a routine that is more volatile.  The planner may only do more with a less
 * volatile one. */
static void
check_volatility(const Requirement *req, VerifyResult *result, const RoutineInfo *info)
{
	char	   *volatility = baseline_text(req, "volatility");

	/* Less volatile is no matter: the planner may only do more with it. */
	if (volatility != NULL &&
		volatility_rank(info->volatility) > volatility_rank(volatility[0]))
		result_add_problem(result, RULE_ROUTINE_RESULT, STATE_UNMET,
						   psprintf("no more volatile than %s", volatility_label(volatility[0])),
						   pstrdup(volatility_label(info->volatility)), InvalidOid, NULL);
}

/*
 * Report names of arguments that are gone: those that the contract says it passes
 * arguments by, in any order, or else those there were, each in its place.  Report a
 * default that is gone, too, even one that the contract's own call does not need: calls
 * by name leave out any.
 */
static void
check_arguments(const Requirement *req, VerifyResult *result, const RoutineInfo *info)
{
	bool		declared = requirement_has(req, "arguments");
	List	   *expected = declared ? requirement_list(req, "arguments")
	: baseline_list(req, "arguments");
	char	   *required = baseline_text(req, "required_arguments");

	for (int i = 0; i < list_length(expected); i++)
	{
		const char *name = list_nth(expected, i);
		const char *now = i < list_length(info->arguments) ? list_nth(info->arguments, i) : "";

		if (name[0] == '\0' || strcmp(name, now) == 0 ||
			(declared && text_list_has(info->arguments, name)))
			continue;
		result_add_problem(result, RULE_ROUTINE_MISSING, STATE_UNMET,
						   declared ? psprintf("an argument named %s", quote_identifier(name))
						   : psprintf("argument %d named %s", i + 1, quote_identifier(name)),
						   declared ? psprintf("%s has none", routine_label(info->oid))
						   : now[0] == '\0' ? psprintf("it has no name")
						   : psprintf("it is named %s", quote_identifier(now)),
						   InvalidOid, NULL);
	}
	if (required != NULL && info->required > atoi(required))
		result_add_problem(result, RULE_ROUTINE_MISSING, STATE_UNMET,
						   psprintf("defaults for all but %s of its arguments", required),
						   psprintf("%d arguments have none", info->required),
						   InvalidOid, NULL);
}

/* Return the type that the routine takes where the call passes its nth argument, or
 * InvalidOid. */
static Oid
argument_type(const Call *call, Oid routine, int n)
{
	HeapTuple	tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(routine));
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tup);
	Oid			type = InvalidOid;
	Oid		   *types;
	char	  **names;
	char	   *modes;

	if (call->nargs <= form->pronargs)
		type = form->proargtypes.values[n];
	else if (n < get_func_arg_info(tup, &types, &names, &modes))
		type = types[n];
	ReleaseSysCache(tup);
	return type;
}

/* Is the type the row type of a table? */
static bool
is_row_of_table(Oid type)
{
	Oid			relid = get_typ_typrelid(type);

	return OidIsValid(relid) && get_rel_relkind(relid) != RELKIND_COMPOSITE_TYPE;
}

/* Report arguments of the call that are of another type now.  A row that has grown is
 * another one to a caller who makes it up, but not to one who passes a table's row. */
static void
check_argument_types(const Requirement *req, VerifyResult *result, const Call *call,
					 const RoutineInfo *info)
{
	List	   *passed = baseline_list(req, "argument_types");
	List	   *kept = baseline_types(req->baseline);

	for (int i = 0; i < Min(list_length(passed), call->nargs); i++)
	{
		Oid			type = call->argtypes[i];
		TypeMatch	match;
		char	   *was;
		char	   *is;

		if (type == UNKNOWNOID)
			type = argument_type(call, info->oid, i);
		if (!OidIsValid(type))
			continue;
		match = baseline_type_match(kept, list_nth(passed, i), type);
		if (match == TYPE_SAME || (match == TYPE_GREW && is_row_of_table(type)))
			continue;
		baseline_type_contrast(kept, list_nth(passed, i), type, &was, &is);
		result_add_problem(result, RULE_ROUTINE_MISSING, STATE_UNMET,
						   psprintf("argument %d of type %s", i + 1, was),
						   psprintf("type %s", is), InvalidOid, NULL);
	}
}

static const char *
set_label(bool is_set)
{
	return is_set ? "SETOF " : "";
}

Oid
declared_result(const Requirement *req, VerifyResult *result, bool *is_set)
{
	char	   *type = requirement_text(req, "returns");
	int32		typmod;

	if (type == NULL)
		return InvalidOid;
	*is_set = pg_strncasecmp(type, "setof ", 6) == 0;
	if (*is_set)
		type += 6;
	depend_on_type_name(result, type);
	return meant_type(type, baseline_text(req, "returns_schema"), &typmod);
}

/* Has the declared name of the type returned come to mean another type, or none? */
static bool
declared_is_other(const Requirement *req, Oid declared)
{
	char	   *was = baseline_text(req, "declared_result");

	return was != NULL && (!OidIsValid(declared) ||
						   baseline_type_match(baseline_types(req->baseline), was,
											   declared) == TYPE_OTHER);
}

/* Report another result type. */
static void
report_result(VerifyResult *result, bool was_set, const char *was, bool is_set, const char *is)
{
	result_add_problem(result, RULE_ROUTINE_RESULT, STATE_UNMET,
					   psprintf("a result of type %s%s", set_label(was_set), was),
					   psprintf("type %s%s", set_label(is_set), is), InvalidOid, NULL);
}

/* Report, as a remark, result columns that came after those that were there. */
static void
report_grown(VerifyResult *result, int was, int is)
{
	result_add_problem(result, RULE_QUERY_RESULT_GREW, STATE_MET,
					   psprintf("%d result columns", was), psprintf("%d result columns", is),
					   InvalidOid, NULL);
}

/* Report columns of the row returned that are not in their places.  More may follow, as
 * for SELECT *. */
static void
check_columns(const Requirement *req, VerifyResult *result, const RoutineInfo *info)
{
	List	   *before = baseline_list(req, "columns");
	List	   *kept = baseline_types(req->baseline);

	for (int i = 0; i + 1 < list_length(before); i += 2)
	{
		const char *name = list_nth(before, i);
		const char *type = list_nth(before, i + 1);
		ResultColumn *now = i / 2 < list_length(info->columns)
		? list_nth(info->columns, i / 2) : NULL;
		char	   *was = baseline_type_label(type);
		char	   *is = NULL;

		if (now != NULL && strcmp(name, now->name) == 0 &&
			baseline_type_match(kept, type, now->type) != TYPE_OTHER)
			continue;
		if (now != NULL)
			baseline_type_contrast(kept, type, now->type, &was, &is);
		result_add_problem(result, RULE_ROUTINE_RESULT, STATE_UNMET,
						   psprintf("result column %d %s %s", i / 2 + 1, quote_identifier(name), was),
						   now == NULL ? pstrdup("no such column")
						   : psprintf("%s %s", quote_identifier(now->name), is),
						   InvalidOid, NULL);
		return;
	}
	if (before != NIL && 2 * list_length(info->columns) > list_length(before))
		report_grown(result, list_length(before) / 2, list_length(info->columns));
}

/* Compare the result with that of the baseline.  A row is its columns, whatever its type
 * is called. */
static void
check_result_as_before(const Requirement *req, VerifyResult *result, const RoutineInfo *info)
{
	char	   *before = baseline_text(req, "returns");
	bool		was_set = baseline_has(req, "returns_set");
	bool		is_row = baseline_list(req, "columns") != NIL && info->columns != NIL;
	List	   *kept = baseline_types(req->baseline);
	char	   *was;
	char	   *is;

	if (before == NULL)
		return;
	if (was_set != info->is_set ||
		(!is_row && baseline_type_match(kept, before, info->result) == TYPE_OTHER))
	{
		baseline_type_contrast(kept, before, info->result, &was, &is);
		report_result(result, was_set, was, info->is_set, is);
	}
	else
		check_columns(req, result, info);
}

/* Compare the result with what the contract declares, or else with the baseline. */
static void
check_result(const Requirement *req, VerifyResult *result, const RoutineInfo *info)
{
	bool		is_set = false;
	Oid			declared = declared_result(req, result, &is_set);

	if (requirement_text(req, "returns") == NULL || declared_is_other(req, declared))
		check_result_as_before(req, result, info);
	else if (is_set == info->is_set && OidIsValid(declared) &&
			 type_match(declared, info->result) != TYPE_OTHER)
		check_columns(req, result, info);
	else
	{
		char	   *returns = requirement_text(req, "returns");

		report_result(result, false, returns, info->is_set,
					  baseline_type_label(type_baseline_name(info->result)));
	}
}

void
compare_routine(const Requirement *req, VerifyResult *result, const Call *call,
				const RoutineInfo *info)
{
	check_call_resolution(req, result, info);
	if (kind_is_other(req, result, info))
		return;
	check_volatility(req, result, info);
	check_arguments(req, result, info);
	check_argument_types(req, result, call, info);
	check_result(req, result, info);
}
