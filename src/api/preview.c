/*
 * preview.c
 *		Report what a migration script would break.
 *
 * The verdict is on the net effect of the script.  A judgement knows which statements
 * have changed what a version needs, not which of them broke it.  If there are several,
 * the script runs a second time and is judged after each statement.  The one that
 * brings a finding that stays is the one to show.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "api/api.h"
#include "base/compat.h"
#include "base/guard_active.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "guard/guard.h"
#include "judge/judge.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/tuplestore.h"

typedef struct Preview
{
	List	   *statements;		/* of ScriptStatement * */
	Trial		trial;
	List	   *findings;		/* of Finding *: the verdict, to be located */
} Preview;

/* Run the script and judge it; body of trial_undo(). */
static void
run_script(void *arg)
{
	Preview    *preview = arg;

	trial_run(&preview->trial, preview->statements);
	trial_judge(&preview->trial);
}

/* ---- which statement it was ---- */

static bool
is_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
is_same_finding(const Finding *a, const Finding *b)
{
	return a->problem->rule == b->problem->rule &&
		is_same_text(a->app, b->app) && is_same_text(a->version, b->version) &&
		is_same_text(finding_requirement(a), finding_requirement(b)) &&
		is_same_text(a->problem->expected, b->problem->expected);
}

static bool
has_finding(List *findings, const Finding *finding)
{
	ListCell   *lc;

	foreach(lc, findings)
	{
		if (is_same_finding(lfirst(lc), finding))
			return true;
	}
	return false;
}

/* Judge after a statement which findings of the verdict there are by now. */
static void
locate_findings(const ScriptStatement *statement, void *arg)
{
	Preview    *preview = arg;
	List	   *now = judge_preview(change_names());
	ListCell   *lc;

	foreach(lc, preview->findings)
	{
		Finding    *finding = lfirst(lc);

		if (!has_finding(now, finding))
			finding->script_number = 0;
		else if (finding->script_number == 0)
			finding->script_number = statement->number;
	}
}

/* Do several statements run, so that it has to be found out which one it was? */
static bool
needs_location(const Preview *preview)
{
	return list_length(preview->statements) > 1 && preview->trial.findings != NIL;
}

/* Run the script once more, to locate the findings; body of trial_undo(). */
static void
run_to_locate(void *arg)
{
	Preview    *preview = arg;
	Trial		again = {.after_statement = locate_findings, .arg = preview};

	/* What the script says was said the first time. */
	(void) set_config_option("client_min_messages", "error", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	trial_run(&again, preview->statements);
}

/* Set the statements of the findings. */
static void
find_locations(Preview *preview)
{
	int			n = list_length(preview->trial.findings);
	int		   *first = palloc_array(int, n);
	ListCell   *lc;

	preview->findings = preview->trial.findings;
	foreach(lc, preview->findings)
	{
		Finding    *finding = lfirst(lc);

		first[foreach_current_index(lc)] = finding->script_number;
		finding->script_number = 0;
	}
	trial_undo(run_to_locate, preview);

	/* The removal of the guard is not judged with the rest. */
	foreach(lc, preview->findings)
	{
		Finding    *finding = lfirst(lc);

		if (finding->script_number == 0)
			finding->script_number = first[foreach_current_index(lc)];
	}
}

/* ---- the result ---- */

enum
{
	COL_APP, COL_VERSION, COL_RULE, COL_ACTION, COL_AFFECTED_OBJECT, COL_REQUIREMENT,
	COL_EXPECTED, COL_FOUND, COL_SQLSTATE, COL_MESSAGE, COL_ADVICE, COL_STATEMENT,
	COL_STATEMENT_NUMBER, COL_LINE, COL_COL, COL_COUNT
};

static void
set_column(Datum *values, bool *nulls, int column, const char *value)
{
	nulls[column] = (value == NULL);
	if (value != NULL)
		values[column] = CStringGetTextDatum(value);
}

/* Set the place of a statement of the script; of none if number is 0. */
static void
set_place(const Preview *preview, Datum *values, bool *nulls, int number)
{
	const ScriptStatement *statement;

	nulls[COL_STATEMENT_NUMBER] = nulls[COL_LINE] = nulls[COL_COL] = (number == 0);
	if (number == 0)
		return;
	statement = list_nth(preview->statements, number - 1);
	values[COL_STATEMENT_NUMBER] = Int32GetDatum(number);
	values[COL_LINE] = Int32GetDatum(statement->line);
	values[COL_COL] = Int32GetDatum(statement->column);
}

static void
put_finding(ReturnSetInfo *rsinfo, const Preview *preview, const Finding *finding)
{
	const Problem *problem = finding->problem;
	Datum		values[COL_COUNT] = {0};
	bool		nulls[COL_COUNT] = {false};
	char	   *object = NULL;

	if (problem->relation != NULL)
		object = quote_qualified_identifier(problem->schema, problem->relation);
	if (object != NULL && problem->column != NULL)
		object = psprintf("%s.%s", object, quote_identifier(problem->column));

	set_column(values, nulls, COL_APP, finding->app);
	set_column(values, nulls, COL_VERSION, finding->version);
	set_column(values, nulls, COL_RULE, rule_get(problem->rule)->name);
	set_column(values, nulls, COL_ACTION,
			   finding->override ? "overridden" : action_name(finding->action));
	set_column(values, nulls, COL_AFFECTED_OBJECT, object);
	set_column(values, nulls, COL_REQUIREMENT, finding_requirement(finding));
	set_column(values, nulls, COL_EXPECTED, problem->expected);
	set_column(values, nulls, COL_FOUND, problem->found);
	set_column(values, nulls, COL_SQLSTATE, problem->sqlstate);
	set_column(values, nulls, COL_MESSAGE, problem->message);
	set_column(values, nulls, COL_ADVICE, finding_advice(finding));
	set_column(values, nulls, COL_STATEMENT, finding->statement);
	set_place(preview, values, nulls, finding->script_number);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
put_failure(ReturnSetInfo *rsinfo, const Preview *preview, const TrialFailure *failure)
{
	const char *reason = trial_unknown_because(failure);
	Datum		values[COL_COUNT] = {0};
	bool		nulls[COL_COUNT];

	memset(nulls, true, sizeof(nulls));
	set_column(values, nulls, COL_RULE, reason ? "not-previewed" : "statement-failed");
	set_column(values, nulls, COL_ACTION, action_name(reason ? ACTION_LOG : ACTION_BLOCK));
	set_column(values, nulls, COL_SQLSTATE, unpack_sql_state(failure->edata->sqlerrcode));
	set_column(values, nulls, COL_MESSAGE, failure->edata->message);
	set_column(values, nulls, COL_ADVICE, reason);
	set_column(values, nulls, COL_STATEMENT, failure->statement->text);
	set_place(preview, values, nulls, failure->statement->number);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

GUARD_FUNCTION(compat_guard_preview);

/* compat_guard.preview(ddl text) returns setof compat_guard.finding */
Datum
compat_guard_preview(PG_FUNCTION_ARGS)
{
	Preview		preview = {0};
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	guard_require_extension();
	PreventCommandDuringRecovery("compat_guard.preview()");
	InitMaterializedSRF(fcinfo, 0);
	preview.statements = script_parse(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	trial_undo(run_script, &preview);
	if (needs_location(&preview))
		find_locations(&preview);

	foreach(lc, preview.trial.failures)
		put_failure(rsinfo, &preview, lfirst(lc));
	foreach(lc, preview.trial.findings)
		put_finding(rsinfo, &preview, lfirst(lc));
	return (Datum) 0;
}

/* ---- effects on tables ---- */

enum
{
	EFFECT_STATEMENT_NUMBER, EFFECT_LINE, EFFECT_STATEMENT, EFFECT_RELATION, EFFECT_LOCK,
	EFFECT_REWRITES, EFFECT_BUILDS, EFFECT_SCANS, EFFECT_BYTES, EFFECT_COUNT
};

/* Run the script; body of trial_undo(). */
static void
run_only(void *arg)
{
	Preview    *preview = arg;

	trial_run(&preview->trial, preview->statements);
}

static void
put_effect(ReturnSetInfo *rsinfo, const TrialEffect *effect)
{
	Datum		values[EFFECT_COUNT] = {0};
	bool		nulls[EFFECT_COUNT] = {false};
	Datum	   *builds = palloc_array(Datum, list_length(effect->builds) + 1);
	ListCell   *lc;

	foreach(lc, effect->builds)
		builds[foreach_current_index(lc)] = CStringGetTextDatum(lfirst(lc));
	values[EFFECT_STATEMENT_NUMBER] = Int32GetDatum(effect->statement->number);
	values[EFFECT_LINE] = Int32GetDatum(effect->statement->line);
	values[EFFECT_STATEMENT] = CStringGetTextDatum(effect->statement->text);
	values[EFFECT_RELATION] = CStringGetTextDatum(effect->relation);
	nulls[EFFECT_LOCK] = (effect->lock == NoLock);
	if (effect->lock != NoLock)
		values[EFFECT_LOCK] = CStringGetTextDatum(GetLockmodeName(DEFAULT_LOCKMETHOD, effect->lock));
	values[EFFECT_REWRITES] = BoolGetDatum(effect->rewrites);
	values[EFFECT_BUILDS] = PointerGetDatum(construct_array(builds, list_length(effect->builds),
															TEXTOID, -1, false, TYPALIGN_INT));
	values[EFFECT_SCANS] = BoolGetDatum(effect->scans);
	nulls[EFFECT_BYTES] = (effect->bytes < 0);
	values[EFFECT_BYTES] = Int64GetDatum(effect->bytes);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

GUARD_FUNCTION(compat_guard_preview_effects);

/* compat_guard.preview_effects(ddl text) returns a table */
Datum
compat_guard_preview_effects(PG_FUNCTION_ARGS)
{
	Preview		preview = {0};
	ListCell   *lc;

	guard_require_extension();
	PreventCommandDuringRecovery("compat_guard.preview_effects()");
	InitMaterializedSRF(fcinfo, 0);
	preview.statements = script_parse(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	trial_undo(run_only, &preview);

	foreach(lc, preview.trial.effects)
	{
		const TrialEffect *effect = lfirst(lc);

		if (effect->lock != NoLock || effect->rewrites || effect->builds != NIL || effect->scans)
			put_effect((ReturnSetInfo *) fcinfo->resultinfo, effect);
	}
	return (Datum) 0;
}
