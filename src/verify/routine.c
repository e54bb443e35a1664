/*
 * routine.c
 *		Does a call of a function or procedure still work, and return the same?
 *
 * A call is resolved as the parser would resolve it: a routine with just these
 * argument types, or the one that fits best, along the search path.  What is
 * found is compared with what it was when the call first worked.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/attribute.h"
#include "verify/baseline.h"
#include "verify/observe.h"

/* What a caller sees of a routine. */
typedef struct RoutineFacts
{
	Oid			oid;
	char	   *schema;
	char	   *name;
	char	   *signature;		/* charge(bigint, numeric) */
	const char *kind;
	char		volatility;		/* as in pg_proc */
	int			required;		/* input arguments without a default */
	List	   *arguments;		/* of char *: names of the input arguments, "" if none */
	Oid			result;
	bool		is_set;
	List	   *columns;		/* of char *: "name type", of a row */
} RoutineFacts;

/* ---- what is called ---- */

static bool
routine_in_schema(Oid schema, const char *name)
{
	CatCList   *list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	bool		found = false;

	for (int i = 0; i < list->n_members && !found; i++)
		found = ((Form_pg_proc) GETSTRUCT(&list->members[i]->tuple))->pronamespace == schema;
	ReleaseSysCacheList(list);
	return found;
}

/* Of just these argument types, the first along the path; InvalidOid if none. */
static Oid
find_exactly(List *names, int nargs, const Oid *argtypes, bool with_out_arguments)
{
	FuncCandidateList candidate;

	for (candidate = FuncnameGetCandidates(names, nargs, NIL, false, false,
										   with_out_arguments, true);
		 candidate != NULL;
		 candidate = candidate->next)
	{
		if (candidate->nargs == nargs &&
			memcmp(candidate->args, argtypes, nargs * sizeof(Oid)) == 0)
			return candidate->oid;
	}
	return InvalidOid;
}

static FuncDetailCode
find_best(List *names, int nargs, Oid *argtypes, bool with_out_arguments, Oid *routine)
{
	Oid			result;
	bool		is_set;
	int			nvariadic;
	Oid			variadic;
	Oid		   *declared;

	return func_get_detail(names, NIL, NIL, nargs, argtypes, true, true,
						   with_out_arguments, routine, &result, &is_set,
						   &nvariadic, &variadic, &declared, NULL);
}

/*
 * The routine that a call with these arguments runs.  A CALL passes something
 * for the OUT arguments of a procedure, too, so both ways to write its signature
 * are good.
 */
static FuncDetailCode
find_routine(List *names, int nargs, Oid *argtypes, Oid *routine)
{
	FuncDetailCode code;

	*routine = find_exactly(names, nargs, argtypes, false);
	if (!OidIsValid(*routine))
		*routine = find_exactly(names, nargs, argtypes, true);
	if (OidIsValid(*routine))
		return FUNCDETAIL_NORMAL;

	code = find_best(names, nargs, argtypes, false, routine);
	if (code == FUNCDETAIL_NOTFOUND)
		code = find_best(names, nargs, argtypes, true, routine);
	return code == FUNCDETAIL_COERCION ? FUNCDETAIL_NOTFOUND : code;
}

/* False, and reported, if there is no such type. */
static bool
argument_types(const Requirement *req, Observation *obs, int *nargs, Oid *argtypes)
{
	ListCell   *lc;
	bool		complete = true;

	*nargs = 0;
	foreach(lc, requirement_list(req, "types"))
	{
		int32		typmod;

		observe_type_name(obs, lfirst(lc));
		if (*nargs == FUNC_MAX_ARGS)
			return false;
		argtypes[*nargs] = type_by_name(lfirst(lc), &typmod);
		complete &= OidIsValid(argtypes[*nargs]);
		(*nargs)++;
	}
	return complete;
}

/* InvalidOid, and reported, if the call does not resolve. */
static Oid
resolve_call(const Requirement *req, Observation *obs)
{
	List	   *names = compat_string_to_name_list(requirement_text(req, "routine"));
	char	   *schema;
	char	   *name;
	Oid			argtypes[FUNC_MAX_ARGS];
	int			nargs;
	Oid			routine = InvalidOid;
	FuncDetailCode code = FUNCDETAIL_NOTFOUND;

	DeconstructQualifiedName(names, &schema, &name);
	observe_name(obs, ProcedureRelationId, schema, name);

	/* The look-up raises an error for a schema that the role may not use. */
	if (argument_types(req, obs, &nargs, argtypes) &&
		(schema == NULL || schema_is_usable(get_namespace_oid(schema, true))))
		code = find_routine(names, nargs, argtypes, &routine);

	if (code == FUNCDETAIL_MULTIPLE)
		observe_problem(obs, RULE_QUERY_AMBIGUOUS, STATE_UNMET,
						psprintf("a call of %s to mean one routine", req->object),
						pstrdup("several fit it equally well"), InvalidOid, NULL);
	else if (code == FUNCDETAIL_NOTFOUND)
		(void) observe_unresolved(req, obs, RULE_ROUTINE_MISSING, "routine",
								  req->object, schema, name, routine_in_schema);
	return code == FUNCDETAIL_MULTIPLE || code == FUNCDETAIL_NOTFOUND
		? InvalidOid : routine;
}

/* ---- what it is ---- */

static const char *
kind_label(char prokind)
{
	switch (prokind)
	{
		case PROKIND_AGGREGATE:
			return "an aggregate";
		case PROKIND_WINDOW:
			return "a window function";
		case PROKIND_PROCEDURE:
			return "a procedure";
		default:
			return "a function";
	}
}

static const char *
volatility_label(char provolatile)
{
	return provolatile == PROVOLATILE_IMMUTABLE ? "immutable" :
		provolatile == PROVOLATILE_STABLE ? "stable" : "volatile";
}

/* From what the planner may do least with to most. */
static int
volatility_rank(char provolatile)
{
	return provolatile == PROVOLATILE_IMMUTABLE ? 0 :
		provolatile == PROVOLATILE_STABLE ? 1 : 2;
}

/* A type as a driver is told it: below domains. */
static char *
driver_type_label(Oid type)
{
	int32		typmod = -1;

	return format_type_extended(wire_type(type, &typmod), -1, FORMAT_TYPE_ALLOW_INVALID);
}

char *
routine_label(Oid routine)
{
	HeapTuple	tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(routine));
	Form_pg_proc form;
	StringInfoData label;

	if (!HeapTupleIsValid(tup))
		return psprintf("%u", routine);
	form = (Form_pg_proc) GETSTRUCT(tup);
	initStringInfo(&label);
	appendStringInfo(&label, "%s(",
					 quote_qualified_identifier(get_namespace_name(form->pronamespace),
												NameStr(form->proname)));
	for (int i = 0; i < form->pronargs; i++)
		appendStringInfo(&label, "%s%s", i > 0 ? ", " : "",
						 format_type_extended(form->proargtypes.values[i], -1,
											  FORMAT_TYPE_ALLOW_INVALID));
	appendStringInfoChar(&label, ')');
	ReleaseSysCache(tup);
	return label.data;
}

/* The names of the input arguments, "" where there is none. */
static List *
argument_names(HeapTuple tup)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tup);
	Oid		   *types;
	char	  **names;
	char	   *modes;
	int			nargs = get_func_arg_info(tup, &types, &names, &modes);
	List	   *result = NIL;

	for (int i = 0; i < nargs && list_length(result) < form->pronargs; i++)
	{
		if (modes != NULL && (modes[i] == PROARGMODE_OUT || modes[i] == PROARGMODE_TABLE))
			continue;
		result = lappend(result, names == NULL || names[i] == NULL ? pstrdup("") : names[i]);
	}
	return result;
}

/* The columns of the row that a routine returns; NIL if it returns none, or one
 * that the caller describes. */
static List *
result_columns(Oid routine)
{
	TupleDesc	desc = NULL;
	Oid			type;
	List	   *columns = NIL;

	(void) get_func_result_type(routine, &type, &desc);
	for (int i = 0; desc != NULL && i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped)
			columns = lappend(columns, psprintf("%s %s",
												quote_identifier(NameStr(att->attname)),
												driver_type_label(att->atttypid)));
	}
	return columns;
}

static bool
routine_facts(Oid routine, RoutineFacts *facts)
{
	HeapTuple	tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(routine));
	Form_pg_proc form;

	if (!HeapTupleIsValid(tup))
		return false;
	form = (Form_pg_proc) GETSTRUCT(tup);
	facts->oid = routine;
	facts->schema = get_namespace_name(form->pronamespace);
	facts->name = pstrdup(NameStr(form->proname));
	facts->signature = routine_label(routine);
	facts->kind = kind_label(form->prokind);
	facts->volatility = form->provolatile;
	facts->required = form->pronargs - form->pronargdefaults;
	facts->arguments = argument_names(tup);
	facts->result = form->prorettype;
	facts->is_set = form->proretset;
	ReleaseSysCache(tup);
	facts->columns = result_columns(routine);
	return facts->schema != NULL;
}

static char *
result_label(const RoutineFacts *facts)
{
	return psprintf("%s%s", facts->is_set ? "SETOF " : "", driver_type_label(facts->result));
}

/* ---- what is expected ---- */

bool
routine_exists(const char *name, const char *label)
{
	CatCList   *list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	bool		found = false;

	for (int i = 0; i < list->n_members && !found; i++)
		found = strcmp(routine_label(((Form_pg_proc)
									  GETSTRUCT(&list->members[i]->tuple))->oid),
					   label) == 0;
	ReleaseSysCacheList(list);
	return found;
}

/*
 * The call meant another routine, in another schema or of other argument types,
 * and that one is still there.  If it is gone, it was moved or replaced, and
 * what counts is what the new one is like.
 */
static void
check_meaning(const Requirement *req, Observation *obs, const RoutineFacts *facts)
{
	char	   *before = baseline_text(req, "signature");

	if (before == NULL || strcmp(before, facts->signature) == 0 ||
		!routine_exists(facts->name, before))
		return;
	observe_problem(obs, RULE_NAME_CAPTURED, STATE_UNMET,
					psprintf("%s to mean %s", req->object, before),
					psprintf("it means %s", facts->signature), InvalidOid, NULL);
}

/* Nothing else is worth comparing if it is of another kind. */
static bool
kind_is_other(const Requirement *req, Observation *obs, const RoutineFacts *facts)
{
	char	   *kind = baseline_text(req, "kind");

	if (kind == NULL || strcmp(kind, facts->kind) == 0)
		return false;
	observe_problem(obs, RULE_ROUTINE_RESULT, STATE_UNMET, kind, pstrdup(facts->kind),
					InvalidOid, NULL);
	return true;
}

static void
check_volatility(const Requirement *req, Observation *obs, const RoutineFacts *facts)
{
	char	   *volatility = baseline_text(req, "volatility");

	/* Less volatile is no matter: the planner may only do more with it. */
	if (volatility != NULL &&
		volatility_rank(facts->volatility) > volatility_rank(volatility[0]))
		observe_problem(obs, RULE_ROUTINE_RESULT, STATE_UNMET,
						psprintf("no more volatile than %s", volatility_label(volatility[0])),
						pstrdup(volatility_label(facts->volatility)), InvalidOid, NULL);
}

/*
 * Those by which the contract says that it passes arguments, in any order; or, if
 * it does not say, those there were, each in its place.  A shorter call than the
 * contract's, which defaults allowed, counts too: calls by name leave out any.
 */
static void
check_arguments(const Requirement *req, Observation *obs, const RoutineFacts *facts)
{
	bool		declared = requirement_has(req, "arguments");
	List	   *expected = declared ? requirement_list(req, "arguments")
		: baseline_list(req, "arguments");
	char	   *required = baseline_text(req, "required");

	for (int i = 0; i < list_length(expected); i++)
	{
		const char *name = list_nth(expected, i);
		const char *now = i < list_length(facts->arguments) ? list_nth(facts->arguments, i) : "";

		if (name[0] == '\0' || strcmp(name, now) == 0 ||
			(declared && text_list_has(facts->arguments, name)))
			continue;
		observe_problem(obs, RULE_ROUTINE_MISSING, STATE_UNMET,
						declared ? psprintf("an argument named %s", quote_identifier(name))
						: psprintf("argument %d named %s", i + 1, quote_identifier(name)),
						declared ? psprintf("%s has none", facts->signature)
						: now[0] == '\0' ? psprintf("it has no name")
						: psprintf("it is named %s", quote_identifier(now)),
						InvalidOid, NULL);
	}
	if (required != NULL && facts->required > atoi(required))
		observe_problem(obs, RULE_ROUTINE_MISSING, STATE_UNMET,
						psprintf("defaults for all but %s of its arguments", required),
						psprintf("%d arguments have none", facts->required),
						InvalidOid, NULL);
}

/* As the contract has it: a type name, perhaps after SETOF. */
static bool
result_is_declared(const Requirement *req, Observation *obs, const RoutineFacts *facts)
{
	char	   *returns = requirement_text(req, "returns");
	char	   *type = returns;
	bool		is_set;
	int32		typmod;

	if (returns == NULL)
		return true;
	is_set = pg_strncasecmp(returns, "setof ", 6) == 0;
	if (is_set)
		type += 6;
	observe_type_name(obs, type);
	if (is_set == facts->is_set &&
		types_look_equal(type_by_name(type, &typmod), facts->result))
		return true;
	observe_problem(obs, RULE_ROUTINE_RESULT, STATE_UNMET, psprintf("a result of type %s", returns),
					psprintf("type %s", result_label(facts)), InvalidOid, NULL);
	return false;
}

/* Columns that were there are in their places; more may follow, as for SELECT *. */
static void
check_columns(const Requirement *req, Observation *obs, const RoutineFacts *facts)
{
	List	   *before = baseline_list(req, "columns");

	for (int i = 0; i < list_length(before); i++)
	{
		const char *column = list_nth(before, i);
		const char *now = i < list_length(facts->columns) ? list_nth(facts->columns, i) : NULL;

		if (now != NULL && strcmp(column, now) == 0)
			continue;
		observe_problem(obs, RULE_ROUTINE_RESULT, STATE_UNMET,
						psprintf("result column %d %s", i + 1, column),
						now ? pstrdup(now) : pstrdup("no such column"), InvalidOid, NULL);
		return;
	}
	if (before != NIL && list_length(facts->columns) > list_length(before))
		observe_problem(obs, RULE_QUERY_RESULT_GREW, STATE_MET,
						psprintf("%d result columns", list_length(before)),
						psprintf("%d result columns", list_length(facts->columns)),
						InvalidOid, NULL);
}

static void
check_result(const Requirement *req, Observation *obs, const RoutineFacts *facts)
{
	char	   *before = baseline_text(req, "returns");
	char	   *now = result_label(facts);

	if (!result_is_declared(req, obs, facts))
		return;
	if (before != NULL && requirement_text(req, "returns") == NULL && strcmp(before, now) != 0)
		observe_problem(obs, RULE_ROUTINE_RESULT, STATE_UNMET,
						psprintf("a result of type %s", before), psprintf("type %s", now),
						InvalidOid, NULL);
	else
		check_columns(req, obs, facts);
}

static Jsonb *
facts_to_baseline(const RoutineFacts *facts)
{
	BaselineMember members[] = {
		{.name = "schema", .text = facts->schema},
		{.name = "signature", .text = facts->signature},
		{.name = "kind", .text = facts->kind},
		{.name = "volatility", .text = psprintf("%c", facts->volatility)},
		{.name = "required", .text = psprintf("%d", facts->required)},
		{.name = "arguments", .is_list = true, .list = facts->arguments},
		{.name = "returns", .text = result_label(facts)},
		{.name = "columns", .is_list = true, .list = facts->columns}
	};

	return baseline_of(members, lengthof(members));
}

void
verify_routine(const Requirement *req, Observation *obs)
{
	Oid			routine = resolve_call(req, obs);
	RoutineFacts facts;

	if (!OidIsValid(routine) || !routine_facts(routine, &facts))
		return;
	observe_routine(obs, routine);
	observe_type(obs, facts.result);

	check_meaning(req, obs, &facts);
	if (!kind_is_other(req, obs, &facts))
	{
		check_volatility(req, obs, &facts);
		check_arguments(req, obs, &facts);
		check_result(req, obs, &facts);
	}
	obs->baseline = facts_to_baseline(&facts);
	observe_bodies(req, obs);
}
