/*
 * verify_routine.c
 *		Does a call of a function or procedure still work, and return the same?
 *
 * routine_call.c finds the routine, routine_compare.c compares it with what it was
 * when the call first worked.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "funcapi.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/body/body.h"
#include "verify/catalog/catalog.h"
#include "verify/kinds/kinds_internal.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"

/* Return what a routine is called, for people and for the baseline. */
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

/* Return the names of the input arguments, "" where there is none. */
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

/* Return the columns of the row that a routine returns.  NIL if it returns none, or one
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

/* Read what a caller sees of a routine.  False if it is gone. */
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

/* Return the names and types of the result columns, in turn, for the baseline. */
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

/* Return the baseline of a call and its routine. */
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
			{.name = "required_arguments", .text = psprintf("%d", info->required)},
			{.name = "arguments", .is_list = true, .list = info->arguments},
			{.name = "argument_types", .is_list = true, .list = passed},
			{.name = "type_schemas", .is_list = list_has_text(schemas),
			.list = schemas},
			{.name = "returns", .text = type_baseline_name(info->result)},
			{.name = "declared_result", .text = OidIsValid(declared)
			? type_baseline_name(declared) : NULL},
			{.name = "returns_schema", .text = declared >= FirstNormalObjectId
			? meant_schema(declared) : NULL},
			{.name = "returns_set", .text = info->is_set ? "yes" : NULL},
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

	compare_routine(req, result, &call, &info);
	if (req->baseline == NULL)
		result->baseline = routine_baseline(req, result, &call, &info);
	check_bodies(req, result);
}
