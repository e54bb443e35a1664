/*
 * result.c
 *		Add problems to the result of a requirement, and copy results.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/result/result_internal.h"

Problem *
result_add_problem(VerifyResult *result, RuleId rule, RequirementState state,
				   char *expected, char *found, Oid relid, const char *attname)
{
	Problem    *problem = palloc0_object(Problem);

	problem->rule = rule;
	problem->state = state;
	problem->expected = expected;
	problem->found = found;
	if (OidIsValid(relid))
	{
		problem->relation = get_rel_name(relid);
		if (problem->relation != NULL)
			problem->schema = get_namespace_name(get_rel_namespace(relid));
	}
	if (attname != NULL)
		problem->column = pstrdup(attname);

	result->problems = lappend(result->problems, problem);
	result->state = Max(result->state, state);
	return problem;
}

bool
result_is_denied(const VerifyResult *result)
{
	ListCell   *lc;

	foreach(lc, result->problems)
	{
		if (((Problem *) lfirst(lc))->rule == RULE_PRIVILEGE_LOST)
			return true;
	}
	return false;
}

static Jsonb *
copy_json(const Jsonb *json)
{
	return memcpy(palloc(VARSIZE(json)), json, VARSIZE(json));
}

VerifyResult *
result_copy(const VerifyResult *result)
{
	VerifyResult *kept = palloc0_object(VerifyResult);
	ListCell   *lc;

	kept->state = result->state;
	foreach(lc, result->problems)
	{
		Problem    *problem = palloc_object(Problem);

		*problem = *(Problem *) lfirst(lc);
		problem->expected = copy_text(problem->expected);
		problem->found = copy_text(problem->found);
		problem->sqlstate = copy_text(problem->sqlstate);
		problem->message = copy_text(problem->message);
		problem->subject = copy_text(problem->subject);
		problem->role = copy_text(problem->role);
		problem->schema = copy_text(problem->schema);
		problem->relation = copy_text(problem->relation);
		problem->column = copy_text(problem->column);
		problem->constraint = copy_text(problem->constraint);
		kept->problems = lappend(kept->problems, problem);
	}
	append_object_names(&kept->keys, result->keys);
	kept->parts = list_copy(result->parts);
	kept->made_types = list_copy(result->made_types);
	foreach(lc, result->runs)
	{
		RunRoutine *run = palloc_object(RunRoutine);

		*run = *(RunRoutine *) lfirst(lc);
		run->oldtable = copy_text(run->oldtable);
		run->newtable = copy_text(run->newtable);
		kept->runs = lappend(kept->runs, run);
	}
	if (result->baseline != NULL)
		kept->baseline = copy_json(result->baseline);
	foreach(lc, result->properties)
		kept->properties = lappend(kept->properties, copy_json(lfirst(lc)));
	return kept;
}

static const char *const state_names[] = {
	[STATE_MET] = "met",
	[STATE_UNKNOWN] = "unknown",
	[STATE_UNMET] = "unmet"
};

const char *
state_name(RequirementState state)
{
	return state_names[state];
}

bool
state_by_name(const char *name, RequirementState *state)
{
	for (int i = 0; i < lengthof(state_names); i++)
	{
		if (strcmp(name, state_names[i]) == 0)
		{
			*state = i;
			return true;
		}
	}
	return false;
}

Problem *
report_lost_privilege(VerifyResult *result, Oid relid, const char *attname,
					  Oid role, const char *what, char *found)
{
	char	   *role_name = GetUserNameFromId(role, false);
	char	   *expected = psprintf("role %s to %s %s", quote_identifier(role_name), what,
									attname ? quote_identifier(attname) : relation_label(relid));
	Problem    *problem;
	ListCell   *lc;

	/* Several queries of a body may lack it. */
	foreach(lc, result->problems)
	{
		problem = lfirst(lc);
		if (problem->rule == RULE_PRIVILEGE_LOST &&
			strcmp(problem->expected, expected) == 0 && strcmp(problem->found, found) == 0)
			return problem;
	}
	problem = result_add_problem(result, RULE_PRIVILEGE_LOST, STATE_UNMET, expected, found,
								 relid, attname);
	if (role != GetUserId())
		problem->role = role_name;
	return problem;
}

void
report_added_labels(VerifyResult *result, Oid type, List *known)
{
	char	   *name = format_type_extended(type, -1, FORMAT_TYPE_FORCE_QUALIFY);
	List	   *labels = enum_labels(type);
	ListCell   *lc;

	foreach(lc, labels)
	{
		if (!text_list_has(known, lfirst(lc)))
			result_add_problem(result, RULE_ENUM_LABEL_ADDED, STATE_MET,
							   psprintf("the labels of %s at registration", name),
							   psprintf("label %s is new", quote_literal_cstr(lfirst(lc))),
							   InvalidOid, NULL)->subject = name;
	}
}
