/*
 * body.c
 *		Do the bodies of the routines that a requirement runs still resolve?
 *
 * A requirement runs the routines that it calls, the functions of the triggers that its
 * writes fire, and what these run in turn.  A body is checked once for a role and search
 * path, however many requirements run it, and what is found is kept until these change.
 *
 * A body is analysed, as the validator of its language does, and never run.  It is
 * analysed as the role that it would run as: the owner of a SECURITY DEFINER function,
 * for example.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/subtransaction.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/body/body.h"
#include "verify/body/body_internal.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/run/run.h"
#include "verify/statement/statement.h"

/* What is found out about one body. */
typedef struct Body
{
	BodyKey		key;			/* must be first */
	char	   *label;			/* of the routine, for people */
	char	   *baseline_name;	/* of the routine, for the baseline */
	VerifyResult *found;
} Body;

void
bodies_reset(MemoryContext context)
{
	verification->bodies_memory = context;
	verification->bodies = NULL;
}

/* ---- one body ---- */

/* Report a problem of a body, in the body's own result. */
static void
report_body_problem(const Body *body, RequirementState state, char *found,
					const char *sqlstate)
{
	Problem    *problem;

	problem = result_add_problem(body->found, RULE_ROUTINE_BODY_BROKEN, state,
								 psprintf("the body of %s to resolve", body->label),
								 found, InvalidOid, NULL);
	problem->subject = body->label;
	problem->sqlstate = sqlstate;
}

/* Report what an error says of the body.  A relation that is not there may be one that
 * the body makes for itself before it uses it. */
static void
report_body_error(const Body *body, const ErrorData *edata, const char *source)
{
	RequirementState state = STATE_UNMET;

	if (error_is_the_servers(edata) || edata->sqlerrcode == ERRCODE_GUARD_NOT_RUN ||
		(edata->sqlerrcode == ERRCODE_UNDEFINED_TABLE && strcasestr(source, "create") != NULL))
		state = STATE_UNKNOWN;
	report_body_problem(body, state,
						pstrdup(edata->message ? edata->message : "error without message"),
						pstrdup(unpack_sql_state(edata->sqlerrcode)));
}

/* Return the search path that the routine sets for itself, or NULL. */
static char *
routine_search_path(HeapTuple tup)
{
	static const char prefix[] = "search_path=";
	bool		isnull;
	Datum		config = SysCacheGetAttr(PROCOID, tup, Anum_pg_proc_proconfig, &isnull);
	Datum	   *settings;
	int			nsettings;

	if (isnull)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(config), TEXTOID, -1, false, TYPALIGN_INT,
					  &settings, NULL, &nsettings);
	for (int i = 0; i < nsettings; i++)
	{
		char	   *setting = TextDatumGetCString(settings[i]);

		if (pg_strncasecmp(setting, prefix, strlen(prefix)) == 0)
			return setting + strlen(prefix);
	}
	return NULL;
}

/* Take the rights and the search path with which the body runs, until the
 * subtransaction ends. */
static void
enter_routine(HeapTuple tup)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tup);
	char	   *path = routine_search_path(tup);

	if (form->prosecdef)
		SetUserIdAndSecContext(form->proowner, SECURITY_RESTRICTED_OPERATION);
	if (path != NULL)
		enter_search_path(path);
}

/* Add the type that PL/pgSQL returns to those of which values are made, if it is a
 * domain: a value is cast to it, while a row is only compared with its row type. */
static void
add_returned_domain(VerifyResult *result, Oid type)
{
	if (get_typtype(type) == TYPTYPE_DOMAIN)
		add_made_type(result, type);
}

/* What check_body() needs. */
typedef struct BodyCheck
{
	Body	   *body;
	const RunRoutine *run;
	HeapTuple	tup;
	char	   *source;
	bool		is_sql;
} BodyCheck;

/* Check a body, in a subtransaction. */
static void
check_body(void *arg)
{
	BodyCheck  *check = arg;

	enter_routine(check->tup);
	if (check->is_sql)
		check_sql_body(check->tup, check->source, check->body->found);
	else
	{
		ErrorData	edata = {.elevel = 0};

		depend_on_words(check->body->found, check->source);
		add_returned_domain(check->body->found,
							((Form_pg_proc) GETSTRUCT(check->tup))->prorettype);
		if (!plpgsql_check_body(check->run, check->body->found, &edata))
			report_body_error(check->body, &edata, check->source);
	}
}

/* Return why nothing can be said of the body, or NULL. */
static const char *
why_undecided(Form_pg_proc form, bool is_sql)
{
	if (is_polymorphic(form))
		return "it is polymorphic";
	return is_sql ? NULL : why_plpgsql_cannot_tell();
}

/* Is it an event trigger's function, or one of triggers that no trigger of the
 * requirement calls? */
static bool
cannot_run(Form_pg_proc form, const RunRoutine *run)
{
	return form->prorettype == EVENT_TRIGGEROID ||
		(form->prorettype == TRIGGEROID && !OidIsValid(run->key.relid));
}

static bool
language_is_plpgsql(Oid language)
{
	char	   *name = get_language_name(language, true);

	return name != NULL && strcmp(name, "plpgsql") == 0;
}

/* Check a body and fill in what is found, in CurrentMemoryContext. */
static void
look_at_body(Body *body, const RunRoutine *run)
{
	HeapTuple	tup = SearchSysCacheCopy1(PROCOID, ObjectIdGetDatum(run->key.routine));
	BodyCheck	check = {.body = body, .run = run, .tup = tup};
	Form_pg_proc form;
	const char *why;
	ErrorData  *edata;
	Execution	outer;

	if (!HeapTupleIsValid(tup))
		return;
	form = (Form_pg_proc) GETSTRUCT(tup);
	check.is_sql = (form->prolang == SQLlanguageId);
	if (cannot_run(form, run) || (!check.is_sql && !language_is_plpgsql(form->prolang)))
		return;
	check.source = proc_text(tup, Anum_pg_proc_prosrc);

	if (!check.is_sql)
		depend_on_checker(body->found);
	why = why_undecided(form, check.is_sql);
	if (why != NULL)
		report_body_problem(body, STATE_UNKNOWN, pstrdup(why), NULL);

	/* For polymorphic.c the names in a body in SQL matter all the same. */
	if (why != NULL && !check.is_sql)
		return;

	outer = run_execution(check.is_sql ? EXECUTES_NOTHING : EXECUTES_CHECKER);
	edata = subtransaction_run(check_body, &check, false);
	(void) run_execution(outer);
	if (edata != NULL)
	{
		if (error_is_no_answer(edata))
			ReThrowError(edata);

		/* That the role may not ask says nothing of the body. */
		if (!check.is_sql && edata->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE)
			report_body_problem(body, STATE_UNKNOWN, edata->message, NULL);
		else
			report_body_error(body, edata, check.source);
	}
}

/*
 * Make each problem that was found on the way one of the body, which does not run for
 * it.  No other rule is reported: a body is no way to guard what its role has no access
 * to.
 */
static void
keep_body_problems(Body *body)
{
	List	   *noticed = body->found->problems;
	ListCell   *lc;

	body->found->problems = NIL;
	foreach(lc, noticed)
	{
		Problem    *problem = lfirst(lc);

		if (problem->rule == RULE_ROUTINE_BODY_BROKEN)
			body->found->problems = lappend(body->found->problems, problem);
		else if (problem->state == STATE_UNMET)
			report_body_problem(body, STATE_UNMET,
								problem->column == NULL ? problem->found
								: psprintf("column %s: %s", quote_identifier(problem->column),
										   problem->found), problem->sqlstate);
	}
}

/* Return a body, which is checked unless it has been. */
static Body *
obtain_body(const RunRoutine *run)
{
	MemoryContext old;
	Body	   *body;
	Body		fresh = {.key = run->key};
	bool		found;

	if (verification->bodies == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(BodyKey), .entrysize = sizeof(Body),
		.hcxt = verification->bodies_memory};

		verification->bodies = hash_create("compat_guard bodies", 64, &ctl,
										   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	body = hash_search(verification->bodies, &run->key, HASH_FIND, NULL);
	if (body != NULL)
		return body;

	/* Enter the body only when it is complete: checking may fail on a lock. */
	fresh.label = routine_label(run->key.routine);
	fresh.baseline_name = routine_baseline_name(run->key.routine);
	fresh.found = palloc0_object(VerifyResult);
	look_at_body(&fresh, run);
	keep_body_problems(&fresh);

	body = hash_search(verification->bodies, &run->key, HASH_ENTER, &found);
	old = MemoryContextSwitchTo(verification->bodies_memory);
	body->label = pstrdup(fresh.label);
	body->baseline_name = pstrdup(fresh.baseline_name);
	body->found = result_copy(fresh.found);
	MemoryContextSwitchTo(old);
	return body;
}

/* ---- those of a requirement ---- */

/* Add a problem of a body to the requirement.  It leaves the requirement met if the body
 * was not known to resolve when that was first met, or if that time has not come. */
static void
add_body_problem(const Requirement *req, VerifyResult *result, const Body *body,
				 const Problem *found, List **broken)
{
	RequirementState state = found->state;
	Problem    *problem;

	*broken = list_append_unique_ptr(*broken, body->baseline_name);
	if (state == STATE_UNMET &&
		(req->baseline == NULL ||
		 text_list_has(baseline_list(req, "broken_bodies"), body->baseline_name)))
		state = STATE_MET;
	problem = result_add_problem(result, found->rule, state, found->expected, found->found,
								 InvalidOid, NULL);
	problem->sqlstate = found->sqlstate;
	problem->subject = found->subject;
}

void
check_bodies(const Requirement *req, VerifyResult *result)
{
	BaselineMember broken = {.name = "broken_bodies", .is_list = true};
	ListCell   *lc;

	/* What the role may not call is not looked at for it. */
	if (result_is_denied(result))
		return;

	/* The list grows by what the bodies run in turn. */
	for (int i = 0; i < list_length(result->runs); i++)
	{
		Body	   *body = obtain_body(list_nth(result->runs, i));

		result_add_dependencies(result, body->found->keys);
		foreach(lc, body->found->made_types)
			add_made_type(result, lfirst_oid(lc));
		foreach(lc, body->found->problems)
			add_body_problem(req, result, body, lfirst(lc), &broken.list);
		foreach(lc, body->found->runs)
			depend_on_body(result, lfirst(lc));
	}
	if (req->baseline == NULL && broken.list != NIL)
		result->baseline = baseline_with(result->baseline, &broken);
}
