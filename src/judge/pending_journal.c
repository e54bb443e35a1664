/*
 * pending_journal.c
 *		The pending journal row of this transaction.
 *
 * What is let through is kept until the transaction is about to commit and written as
 * a part of it.  The row of a blocked transaction must be written although everything
 * else is rolled back: journal_queue.c hands it to another process.
 *
 * Invariant: a blocked transaction fails with its verdict and no other error,
 * whether its row can be written or not.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/guc.h"
#include "base/shown.h"
#include "base/subtransaction.h"
#include "base/text_list.h"
#include "judge/judge.h"
#include "judge/judge_internal.h"
#include "mb/pg_wchar.h"
#include "registry/registry.h"
#include "utils/memutils.h"

/* Limit how much of a transaction its row shows; the rest is only counted. */
#define STATEMENTS_KEPT 100
#define FINDINGS_KEPT 200
#define STATEMENT_KEPT 1000		/* bytes */

/* What one judgement adds to the row. */
typedef struct JournalPart
{
	SubTransactionId subid;		/* must be first */
	bool		is_news;		/* for the journal */
	JournalEntry entry;
	List	   *runnable;		/* of RunnableVersion *: before the judgement */
} JournalPart;

static List *parts = NIL;		/* of JournalPart *, in TopTransactionContext */

/* ---- from a judgement to an entry ---- */

/* Copy the beginning of a statement. */
static char *
clip(const char *statement)
{
	return pnstrdup(statement, pg_mbcliplen(statement, strlen(statement), STATEMENT_KEPT));
}

/* Mark the statements that changed one of the names. */
static void
mark_statements(List *names, bool *did)
{
	ListCell   *lcn;
	ListCell   *lcs;

	foreach(lcn, names)
	{
		foreach(lcs, ((ChangedName *) lfirst(lcn))->statements)
			did[((ChangeStatement *) lfirst(lcs))->number] = true;
	}
}

/*
 * Add the statements that changed a name which is still changed; all statements if
 * any requirement may be affected, or if the guard or logins may be, which have no
 * names.
 */
static void
add_statements(JournalEntry *entry, const SchemaChange *change)
{
	bool		all = change->everything || change->guard_before != NULL ||
	change->logins_before != NIL;
	bool	   *did = palloc0_array(bool, list_length(change->statements) + 1);
	ListCell   *lc;

	mark_statements(change->names, did);
	mark_statements(change->roles, did);
	foreach(lc, change->statements)
	{
		ChangeStatement *statement = lfirst(lc);

		if (statement->undone || !(did[statement->number] || all))
			continue;
		if (entry->nstatements++ < STATEMENTS_KEPT)
			entry->statements = lappend(entry->statements, clip(statement->text));
	}
}

static char *
finding_json(const Finding *finding)
{
	const Problem *problem = finding->problem;
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	json_append_member(&buf, "app", finding->app);
	json_append_member(&buf, "version", finding->version);
	json_append_member(&buf, "rule", rule_get(problem->rule)->name);
	json_append_member(&buf, "action", action_name(finding->action));
	json_append_member(&buf, "kind", requirement_kind_name(finding->req->kind));
	json_append_member(&buf, "object", finding->req->object);
	json_append_member(&buf, "expected", problem->expected);
	json_append_member(&buf, "found", problem->found);
	json_append_member(&buf, "sqlstate", problem->sqlstate);
	json_append_member(&buf, "statement",
					   finding->statement ? clip(finding->statement) : NULL);
	if (finding->override != NULL)
		json_append_member(&buf, "reason", finding->override->reason);
	appendStringInfoChar(&buf, '}');
	return buf.data;
}

static void
add_finding(JournalEntry *entry, const Finding *finding)
{
	if (entry->nfindings++ < FINDINGS_KEPT)
	{
		entry->findings = lappend(entry->findings, finding_json(finding));
		if (finding->app != NULL)
			entry->versions = text_list_add(entry->versions,
											psprintf("%s %s", shown(finding->app),
													 shown(finding->version)));
	}
	if (finding->override != NULL)
	{
		entry->reasons = text_list_add(entry->reasons, shown(finding->override->reason));
		entry->reasons_by = text_list_add(entry->reasons_by, shown(finding->override->by));
		entry->verdict = Max(entry->verdict, VERDICT_OVERRIDDEN);
	}
	else if (finding->action >= ACTION_WARN)
		entry->verdict = Max(entry->verdict, VERDICT_WARNED);
}

/* Make an entry of a judgement, in CurrentMemoryContext. */
static JournalEntry
entry_of(const SchemaChange *change, List *findings, Verdict at_least)
{
	JournalEntry entry = {.verdict = at_least};
	ListCell   *lc;

	findings_sort(findings);
	add_statements(&entry, change);
	foreach(lc, findings)
		add_finding(&entry, lfirst(lc));
	return entry;
}

/* ---- what is let through ---- */

/*
 * Does the change belong in the journal?  Not if it is of temporary objects alone, or
 * no version is tracked and nothing else of the transaction is kept; nor if the session
 * restores, unless that broke something.
 */
static bool
is_news(const SchemaChange *change, List *findings)
{
	if (!guard_journal)
		return false;
	if (findings != NIL)
		return true;
	return !session_is_restoring() &&
		(change->names != NIL || change->roles != NIL || change->everything) &&
		(parts != NIL || registry_any_tracked_version());
}

void
pending_journal_passed(const SchemaChange *change, List *findings, List *runnable)
{
	bool		news = is_news(change, findings);
	MemoryContext old;
	JournalPart *part;

	if (!news && runnable == NIL)
		return;
	old = MemoryContextSwitchTo(TopTransactionContext);
	part = palloc_object(JournalPart);
	part->subid = GetCurrentSubTransactionId();
	part->is_news = news;
	part->entry = entry_of(change, findings, VERDICT_ALLOWED);
	part->runnable = runnable_merge(NIL, runnable);
	parts = lappend(parts, part);
	MemoryContextSwitchTo(old);
}

bool
pending_journal_anything(void)
{
	return parts != NIL;
}

static List *
append_at_most(List *list, List *more, int limit)
{
	return list_truncate(list_concat(list, more), limit);
}

static void
append_distinct(List **strings, List *more)
{
	ListCell   *lc;

	foreach(lc, more)
		* strings = text_list_add(*strings, lfirst(lc));
}

/* Tell the client which versions the schema is ready for now. */
static void
tell_ready(List *versions)
{
	StringInfoData buf;
	ListCell   *lc;

	if (versions == NIL || guard_mode == MODE_OFF)
		return;
	initStringInfo(&buf);
	foreach(lc, versions)
	{
		int			n = foreach_current_index(lc);

		if (n == guard_max_findings_shown)
		{
			appendStringInfo(&buf, " and %d more", list_length(versions) - n);
			break;
		}
		appendStringInfo(&buf, "%s%s", n > 0 ? ", " : "", (char *) lfirst(lc));
	}
	ereport(NOTICE,
			(errmsg_plural("with this change the schema is ready for an application version: %s",
						   "with this change the schema is ready for application versions: %s",
						   list_length(versions), buf.data)));
}

void
pending_journal_write(void)
{
	JournalEntry all = {.verdict = VERDICT_ALLOWED};
	List	   *runnable = NIL;
	bool		news = false;
	ListCell   *lc;

	foreach(lc, parts)
	{
		const JournalPart *part = lfirst(lc);
		const JournalEntry *entry = &part->entry;

		runnable = runnable_merge(runnable, part->runnable);
		if (!part->is_news)
			continue;
		news = true;
		all.verdict = Max(all.verdict, entry->verdict);
		all.statements = append_at_most(all.statements, entry->statements, STATEMENTS_KEPT);
		all.nstatements += entry->nstatements;
		append_distinct(&all.versions, entry->versions);
		all.findings = append_at_most(all.findings, entry->findings, FINDINGS_KEPT);
		all.nfindings += entry->nfindings;
		append_distinct(&all.reasons, entry->reasons);
		append_distinct(&all.reasons_by, entry->reasons_by);
	}
	parts = NIL;
	runnable_compare(runnable, &all.now_ready, &all.floors);
	tell_ready(all.now_ready);
	if (news)
		registry_write_journal(&all);
}

void
pending_journal_transaction_end(void)
{
	parts = NIL;				/* freed with the transaction's memory */
}

void
pending_journal_subtransaction_end(SubTransactionId mine, SubTransactionId parent)
{
	parts = subtransaction_list_end(parts, mine, parent, NULL);
}

/* ---- what is blocked ---- */

typedef struct Blocked
{
	const SchemaChange *change;
	List	   *findings;
	JournalRow *row;
	bool		handed_over;
} Blocked;

/* Queue the row of a blocked transaction. */
static void
hand_over(void *arg)
{
	Blocked    *blocked = arg;
	JournalEntry entry = entry_of(blocked->change, blocked->findings, VERDICT_BLOCKED);

	blocked->row = registry_make_journal_row(&entry);
	blocked->handed_over = journal_queue_send(blocked->row);
}

/* Log and count a row that could not be queued. */
static void
miss(void *arg)
{
	journal_queue_log(((Blocked *) arg)->row->text);
	registry_count_missed_row();
}

void
pending_journal_blocked(const SchemaChange *change, List *findings)
{
	Blocked		blocked = {change, findings, NULL, false};

	if (!guard_journal)
		return;

	/* Ignore errors: the verdict is raised after this. */
	(void) subtransaction_run(hand_over, &blocked, false);
	if (blocked.row != NULL && !blocked.handed_over)
		(void) subtransaction_run(miss, &blocked, false);
}
