/*
 * verify_routine.c
 *		Does a call of a function or procedure still work, and return the same?
 *
 * A call is resolved by the parser's own look-up, so that what is ambiguous to one
 * is to the other.  What is found is compared with what it was when the call
 * first worked.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/body/body.h"
#include "verify/catalog/catalog.h"
#include "verify/kinds/kinds.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"

/* What a caller sees of a routine. */
typedef struct RoutineInfo
{
	Oid			oid;
	char	   *schema;
	char	   *name;
	char	   *signature;		/* as it is kept: public.charge(bigint,
								 * pg_catalog.numeric) */
	const char *kind;
	char		volatility;		/* as in pg_proc */
	int			required;		/* input arguments without a default */
	List	   *arguments;		/* of char *: names of the input arguments, ""
								 * if none */
	Oid			result;
	bool		is_set;
	List	   *columns;		/* of ResultColumn *, of a row */
} RoutineInfo;

typedef struct ResultColumn
{
	char	   *name;
	Oid			type;
} ResultColumn;

/* How a call is written, as far as the look-up goes. */
typedef enum CallForm
{
	CALL_PLAIN,
	CALL_VARIADIC,				/* VARIADIC before the last argument */
	CALL_PROCEDURE				/* CALL, which passes OUT arguments, too */
} CallForm;

typedef struct Call
{
	List	   *names;
	int			nargs;
	Oid			argtypes[FUNC_MAX_ARGS];
} Call;

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
 * A procedure found by its input arguments alone: is it the one that a CALL runs,
 * with something of no type, such as NULL, for each OUT argument?
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
 * The routine that a call with these arguments runs.  Both ways to write the
 * signature of a procedure are good, with and without its OUT arguments, and so is
 * a variadic one with its array.  is_procedure: it is known to be one.
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
 * What the contract's argument types mean.  One that has gone by now is passed
 * as what has no type, as most drivers do, so that a renamed type is found
 * again: check_argument_types asks if it is the same.  False, and reported, if
 * there never was such a type.
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
		if (!OidIsValid(type) && baseline_has(req, "passed"))
			type = UNKNOWNOID;
		complete &= OidIsValid(type);
		call->argtypes[call->nargs++] = type;
	}
	return complete;
}

/* InvalidOid, and reported, if the call does not resolve. */
static Oid
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
		{
			ResultColumn *column = palloc_object(ResultColumn);

			column->name = pstrdup(NameStr(att->attname));
			column->type = att->atttypid;
			columns = lappend(columns, column);
		}
	}
	return columns;
}

static bool
routine_info(Oid routine, RoutineInfo *info)
{
	HeapTuple	tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(routine));
	Form_pg_proc form;

	if (!HeapTupleIsValid(tup))
		return false;
	form = (Form_pg_proc) GETSTRUCT(tup);
	info->oid = routine;
	info->schema = get_namespace_name(form->pronamespace);
	info->name = pstrdup(NameStr(form->proname));
	info->signature = routine_baseline_name(routine);
	info->kind = kind_label(form->prokind);
	info->volatility = form->provolatile;
	info->required = form->pronargs - form->pronargdefaults;
	info->arguments = argument_names(tup);
	info->result = form->prorettype;
	info->is_set = form->proretset;
	ReleaseSysCache(tup);
	info->columns = result_columns(routine);
	return info->schema != NULL;
}

/*
 * The call meant another routine, in another schema or of other argument types,
 * and that one is still there.  If it is gone, it was moved or replaced, and
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

/* Nothing else is worth comparing if it is of another kind. */
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
 * Those by which the contract says that it passes arguments, in any order; or, if
 * it does not say, those there were, each in its place.  A shorter call than the
 * contract's, which defaults allowed, counts too: calls by name leave out any.
 */
static void
check_arguments(const Requirement *req, VerifyResult *result, const RoutineInfo *info)
{
	bool		declared = requirement_has(req, "arguments");
	List	   *expected = declared ? requirement_list(req, "arguments")
	: baseline_list(req, "arguments");
	char	   *required = baseline_text(req, "required");

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

/* What the routine takes where the call passes its nth argument; or InvalidOid. */
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

static bool
is_row_of_table(Oid type)
{
	Oid			relid = get_typ_typrelid(type);

	return OidIsValid(relid) && get_rel_relkind(relid) != RELKIND_COMPOSITE_TYPE;
}

/*
 * Is what the call passes still what it was?  A row that has grown is another to
 * who makes one up, but not to who passes one of a table's.
 */
static void
check_argument_types(const Requirement *req, VerifyResult *result, const Call *call,
					 const RoutineInfo *info)
{
	List	   *passed = baseline_list(req, "passed");
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

/* The type that the contract says is returned, perhaps after SETOF. */
static Oid
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

/* Has the name come to mean another type, or none? */
static bool
declared_is_other(const Requirement *req, Oid declared)
{
	char	   *was = baseline_text(req, "declared");

	return was != NULL && (!OidIsValid(declared) ||
						   baseline_type_match(baseline_types(req->baseline), was,
											   declared) == TYPE_OTHER);
}

static void
report_result(VerifyResult *result, bool was_set, const char *was, bool is_set, const char *is)
{
	result_add_problem(result, RULE_ROUTINE_RESULT, STATE_UNMET,
					   psprintf("a result of type %s%s", set_label(was_set), was),
					   psprintf("type %s%s", set_label(is_set), is), InvalidOid, NULL);
}

static void
report_grown(VerifyResult *result, int was, int is)
{
	result_add_problem(result, RULE_QUERY_RESULT_GREW, STATE_MET,
					   psprintf("%d result columns", was), psprintf("%d result columns", is),
					   InvalidOid, NULL);
}

/* Columns that were there are in their places; more may follow, as for SELECT *. */
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

/* A row is its columns, whatever its type is called. */
static void
check_result_as_before(const Requirement *req, VerifyResult *result, const RoutineInfo *info)
{
	char	   *before = baseline_text(req, "returns");
	bool		was_set = baseline_has(req, "set");
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

static List *
column_texts(const RoutineInfo *info)
{
	List	   *texts = NIL;
	ListCell   *lc;

	foreach(lc, info->columns)
	{
		ResultColumn *column = lfirst(lc);

		texts = lappend(texts, column->name);
		texts = lappend(texts, type_baseline_name(column->type));
	}
	return texts;
}

static Jsonb *
routine_baseline(const Requirement *req, VerifyResult *result, const Call *call,
				 const RoutineInfo *info)
{
	bool		is_set;
	Oid			declared = declared_result(req, result, &is_set);
	List	   *kept = baseline_add_type(baseline_add_type(NIL, info->result), declared);
	List	   *passed = NIL;
	List	   *schemas = NIL;
	ListCell   *lc;

	for (int i = 0; i < call->nargs; i++)
	{
		passed = lappend(passed, type_baseline_name(call->argtypes[i]));
		schemas = lappend(schemas, meant_schema(call->argtypes[i]));
		kept = baseline_add_type(kept, call->argtypes[i]);
	}
	foreach(lc, info->columns)
		kept = baseline_add_type(kept, ((ResultColumn *) lfirst(lc))->type);
	{
		BaselineMember members[] = {
			{.name = "schema", .text = info->schema},
			{.name = "signature", .text = info->signature},
			{.name = "kind", .text = info->kind},
			{.name = "volatility", .text = psprintf("%c", info->volatility)},
			{.name = "required", .text = psprintf("%d", info->required)},
			{.name = "arguments", .is_list = true, .list = info->arguments},
			{.name = "passed", .is_list = true, .list = passed},
			{.name = "type_schemas", .is_list = list_has_text(schemas),
			.list = schemas},
			{.name = "returns", .text = type_baseline_name(info->result)},
			{.name = "declared", .text = OidIsValid(declared)
			? type_baseline_name(declared) : NULL},
			{.name = "returns_schema", .text = declared >= FirstNormalObjectId
			? meant_schema(declared) : NULL},
			{.name = "set", .text = info->is_set ? "yes" : NULL},
			{.name = "columns", .is_list = true, .list = column_texts(info)},
			baseline_types_member(kept)
		};

		return baseline_of(members, lengthof(members));
	}
}

void
verify_routine(const Requirement *req, VerifyResult *result)
{
	Call		call;
	Oid			routine = resolve_call(req, result, &call);
	RoutineInfo info;
	ListCell   *lc;

	if (!OidIsValid(routine) || !routine_info(routine, &info))
		return;
	check_routine(result, routine);
	depend_on_type(result, info.result);
	foreach(lc, info.columns)
		depend_on_type(result, ((ResultColumn *) lfirst(lc))->type);

	check_call_resolution(req, result, &info);
	if (!kind_is_other(req, result, &info))
	{
		check_volatility(req, result, &info);
		check_arguments(req, result, &info);
		check_argument_types(req, result, &call, &info);
		check_result(req, result, &info);
	}
	if (req->baseline == NULL)
		result->baseline = routine_baseline(req, result, &call, &info);
	check_bodies(req, result);
}
