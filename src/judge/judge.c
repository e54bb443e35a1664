/*
 * judge.c
 *		Judgement: would this change break a live version?
 *
 * The requirements that the change may affect are found and verified (candidate_requirement.c).
 * What was met before and no longer is becomes findings (finding.c).  Here they become
 * a verdict, and what was found is saved.
 */
#include "postgres.h"

#include "base/guard_active.h"
#include "base/guc.h"
#include "base/shown.h"
#include "base/subtransaction.h"
#include "catalog/pg_class.h"
#include "judge/judge.h"
#include "judge/judge_internal.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

static void
save_candidates(Judgement *j)
{
	if (j->ncandidates == 0)
		return;
	registry_save_states(j->ids, j->before, j->after, j->ncandidates);
	judgement_save_baselines(j);
}

/* Does the change consist of temporary objects, which no contract can name? */
static bool
concerns_no_contract(SchemaChange *change)
{
	change_spread(change);
	return change->names == NIL && change->roles == NIL && !change->everything &&
		change->guard_before == NULL;
}

/* Lock the registry, find and verify the candidates, and return the findings. */
static List *
judge(Judgement *j)
{
	List	   *findings;

	j->options.within_time = true;
	j->limit = wait_limit_begin(true);
	j->options.spent = &j->spent;

	/*
	 * A judgement that waits for a relation holds none of our locks
	 * meanwhile: it would keep registrations waiting, and judgements, of
	 * which one may have that relation locked.
	 */
	for (;;)
	{
		/* The wait may have been for DROP EXTENSION. */
		if (!registry_lock_within(REGISTRY_LOCK_JUDGEMENT, &j->limit))
			return NIL;
		findings = removal_findings_of_parts(j->change->guard_before,
											 statement_texts(j->change->statements));
		findings = list_concat(findings,
							   login_findings(j->change->logins_before,
											  statement_texts(j->change->statements)));
		j->ncandidates = 0;
		if (!judgement_find_candidates(j) || judgement_verify_candidates(j))
			break;
		registry_unlock_after_judgement(j->writes);
		judgement_wait(j);
	}
	if (judgement_checks_candidates())
		judgement_check_candidates(j);

	/* A transaction that stays open must not keep others from registering. */
	if (guard_verify == VERIFY_EACH_STATEMENT && concerns_no_contract(j->change))
		registry_unlock_after_judgement(false);
	return list_concat(findings, judgement_findings(j));
}

/* ---- the verdict ---- */

/*
 * Return the versions that could run before the change, of the apps for which that may
 * change.  Call it before anything is saved.  A restore makes no version ready.
 */
static List *
runnable(Judgement *j)
{
	Bitmapset  *movers = session_is_restoring() ? NULL : judgement_movers(j);

	return movers ? runnable_versions(j->tracked, movers) : NIL;
}

static void
save_and_record(Judgement *j, List *findings)
{
	List	   *before = runnable(j);

	save_candidates(j);
	if (guard_is_active())
		pending_journal_passed(j->change, findings, before);
}

/* Judge, and report or block. */
static void
enforce(void *arg)
{
	Judgement  *j = arg;
	List	   *findings = judge(j);

	override_apply(findings);
	if (findings_block(findings))
		pending_journal_blocked(j->change, findings);
	findings_report(findings);
	if (j->writes)
		save_and_record(j, findings);
}

/*
 * Judge a change that is done.  Whether it breaks a version was judged before it began;
 * only remarks are reported now, such as one on a unique index that was built
 * CONCURRENTLY.  It is too late to block.
 */
static void
record(void *arg)
{
	Judgement  *j = arg;
	List	   *findings = judge(j);
	List	   *remarks = NIL;
	ListCell   *lc;

	foreach(lc, findings)
	{
		Finding    *remark = palloc_object(Finding);

		*remark = *(Finding *) lfirst(lc);
		remark->action = Min(remark->action, ACTION_WARN);
		if (remark->problem->state == STATE_MET)
			remarks = lappend(remarks, remark);
	}
	findings_report(remarks);
	save_and_record(j, findings);
}

/* Run body; to an internal or system error in it add a hint how to go on. */
static void
run_with_way_out(Judgement *j, void (*body) (void *))
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		body(j);
	}
	PG_CATCH();
	{
		ErrorData  *edata;
		int			category;

		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		category = ERRCODE_TO_CATEGORY(edata->sqlerrcode);
		if (edata->hint != NULL ||
			(category != ERRCODE_INTERNAL_ERROR && category != ERRCODE_SYSTEM_ERROR))
			PG_RE_THROW();
		FlushErrorState();
		edata->hint = pstrdup("To make a schema change that cannot be judged, set compat_guard.mode to warn in its transaction.");
		ReThrowError(edata);
	}
	PG_END_TRY();
}

/*
 * Run body(arg), and do not let an error of it fail the transaction: report it with the
 * message, whose %s is the error's text.
 */
static void
run_tolerantly(void (*body) (void *), void *arg, const char *message)
{
	ErrorData  *edata = subtransaction_run(body, arg, true);

	if (edata == NULL)
		return;
	if (error_is_interruption(edata))
		ReThrowError(edata);
	ereport(guard_mode == MODE_WARN ? WARNING : LOG,
			(errcode(edata->sqlerrcode), errmsg(message, shown(edata->message))));
}

/* Run body in a memory context of its own, as run_tolerantly does or with a way out. */
static void
run_judgement(Judgement *j, void (*body) (void *), bool tolerant)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "compat_guard judgement",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	/*
	 * At commit no snapshot is active any more, and long values could not be
	 * read.
	 */
	PushActiveSnapshot(GetTransactionSnapshot());
	if (tolerant)
		run_tolerantly(body, j, "schema change was not judged: %s");
	else
		run_with_way_out(j, body);
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

void
judge_enforce(SchemaChange *change)
{
	Judgement	j = {.change = change, .writes = true};

	run_judgement(&j, enforce, guard_mode != MODE_ENFORCE);
}

void
judge_record(SchemaChange *change)
{
	Judgement	j = {.change = change, .writes = true, .all_parts = true};

	run_judgement(&j, record, true);
}

static void
write_record(void *arg)
{
	pending_journal_write();
}

void
judge_finish(void)
{
	if (pending_journal_anything() && guard_mode == MODE_ENFORCE)
		pending_journal_write();
	else if (pending_journal_anything())
		run_tolerantly(write_record, NULL, "schema change was not written to the journal: %s");
	override_warn_if_idle();
}

bool
judge_is_unfinished(void)
{
	return pending_journal_anything() || override_any();
}

void
judge_transaction_end(void)
{
	pending_journal_transaction_end();
	override_transaction_end();
}

void
judge_subtransaction_end(SubTransactionId mine, SubTransactionId parent)
{
	pending_journal_subtransaction_end(mine, parent);
	override_subtransaction_end(mine, parent);
}

static void
judge_in_context(void *arg)
{
	run_judgement(arg, enforce, guard_mode != MODE_ENFORCE);
}

void
judge_index_drop(Oid index, Oid relid, const char *statement)
{
	SchemaChange *change = palloc0_object(SchemaChange);
	ChangedName *name = palloc0_object(ChangedName);
	ChangeStatement *touching = palloc0_object(ChangeStatement);
	ObjectName *key = object_name(RelationRelationId, relid);
	Judgement	j = {.change = change};
	ErrorData  *edata;

	if (key == NULL)
		return;					/* temporary, or gone */
	name->key = *key;
	touching->text = statement;
	name->statements = list_make1(touching);
	change->names = list_make1(name);
	change->statements = name->statements;

	/*
	 * The statement must not have a transaction ID before it starts, so
	 * nothing is written.  Nor may it keep registrations waiting while it
	 * waits for the table, so the subtransaction is rolled back.
	 */
	j.options.without_index = index;
	edata = subtransaction_run(judge_in_context, &j, false);
	if (edata != NULL)
		ReThrowError(edata);
}

void
judge_hazards(List *findings, const char *statement)
{
	ChangeStatement running = {.text = statement};
	SchemaChange change = {.everything = true};
	ListCell   *lc;

	if (findings == NIL)
		return;
	foreach(lc, findings)
		((Finding *) lfirst(lc))->statement = statement;
	override_apply(findings);
	if (findings_block(findings))
	{
		if (statement != NULL)
			change.statements = list_make1(&running);
		pending_journal_blocked(&change, findings);
	}
	findings_report(findings);

	/* The statement itself gets into the journal when it is judged. */
	pending_journal_passed(&change, findings, NIL);
}

List *
judge_preview(SchemaChange *change)
{
	/* Earlier changes of the transaction may not have been judged yet. */
	Judgement	j = {.change = change, .all_parts = true};

	return list_concat(judge(&j), change->hazards);
}
