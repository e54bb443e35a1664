/*
 * judge.c
 *		Would this change break a live version?
 *
 * From what was touched to the requirements that may feel it, from those to
 * the ones a live version has, from those to the verifier, and from its
 * answers to findings: what was met before and no longer is.
 *
 * A transaction that is being judged holds locks that others wait for.  It may
 * not wait for one itself, or there could be deadlocks that there would not be
 * without us: it only tries, for a bounded time, and then fails with
 * ERRCODE_GUARD_BUSY.  See lock.c for what the locks are for.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/activity.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/subtransaction.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "judge/allowance.h"
#include "judge/judge.h"
#include "judge/outlook.h"
#include "judge/record.h"
#include "judge/session.h"
#include "lib/qunique.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "registry/registry.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* One requirement under judgement. */
typedef struct Candidate
{
	const Requirement *req;
	const StoredState *before;
	const Observation *after;
	List	   *versions;		/* of Version *: live ones that need it */
	List	   *in_reach;		/* of Version *: those in reach that do */
} Candidate;

/*
 * What a version is to the judgement.  One in reach is not live, but could be run:
 * a rollback may go to it.  What is found about a dormant one is saved, but is no
 * finding: nobody runs it, and either nobody could or another judgement is about to
 * pass it over.
 */
typedef enum Standing
{
	NOT_ASKED,
	LIVE,
	IN_REACH,
	DORMANT,
	PASSED_OVER
} Standing;

typedef struct Case
{
	Touched    *touched;
	VerifyOptions options;
	bool		writes;			/* states may be locked and saved */
	List	   *kept;			/* of Version *: not lapsed before, newest first */
	Version   **versions;		/* the same as an array */
	Standing   *standing;		/* of each, asked once */
	int			nversions;
	int			ncandidates;	/* and of each: */
	int64	   *ids;			/* the registry's key, if it writes */
	Requirement **reqs;			/* what is required */
	StoredState *before;		/* how it stood */
	Observation **after;		/* how it stands */
	TimestampTz deadline;
} Case;

/* ---- which requirements ---- */

static int
compare_ids(const void *a, const void *b)
{
	int64		ida = *(const int64 *) a;
	int64		idb = *(const int64 *) b;

	return (ida > idb) - (ida < idb);
}

static void
append_ids(int64 **ids, int *n, const int64 *more, int nmore)
{
	if (nmore == 0)
		return;
	*ids = *ids ? repalloc_huge(*ids, sizeof(int64) * (*n + nmore))
		: palloc_array(int64, nmore);
	memcpy(*ids + *n, more, sizeof(int64) * nmore);
	*n += nmore;
}

/* Do the rights of role depend on those of touched? */
static bool
role_inherits(const char *role, const char *touched)
{
	Oid			roleid = get_role_oid(role, true);
	Oid			touchedid = get_role_oid(touched, true);

	return strcmp(role, touched) == 0 ||
		(OidIsValid(roleid) && OidIsValid(touchedid) &&
		 is_member_of_role_nosuper(roleid, touchedid));
}

/* The requirements of every contract role whose rights may have changed. */
static void
append_role_requirements(Case *c, int64 **ids, int *n)
{
	ListCell   *lcv;
	ListCell   *lcr;
	List	   *seen = NIL;		/* of char *: roles done */

	foreach(lcv, registry_kept_versions())
	{
		const char *role = ((Version *) lfirst(lcv))->role;
		bool		done = false;

		foreach(lcr, seen)
			done |= (strcmp(lfirst(lcr), role) == 0);
		if (done)
			continue;
		seen = lappend(seen, (void *) role);

		foreach(lcr, c->touched->roles)
		{
			if (role_inherits(role, ((TouchedName *) lfirst(lcr))->key.name))
			{
				int			nmore;
				int64	   *more = registry_requirements_by_role(role, &nmore);

				append_ids(ids, n, more, nmore);
				break;
			}
		}
	}
}

static int64 *
touched_requirements(Case *c, int *n)
{
	int64	   *ids = NULL;
	List	   *keys = NIL;
	ListCell   *lc;
	int64	   *by_key;
	int			nby_key;

	*n = 0;
	if (c->touched->everything)
		return registry_all_requirements(n);

	foreach(lc, c->touched->names)
		keys = lappend(keys, &((TouchedName *) lfirst(lc))->key);
	by_key = registry_requirements_by_keys(keys, &nby_key);
	append_ids(&ids, n, by_key, nby_key);
	if (c->touched->roles != NIL)
		append_role_requirements(c, &ids, n);

	if (ids == NULL)
		return NULL;
	qsort(ids, *n, sizeof(int64), compare_ids);
	*n = qunique(ids, *n, sizeof(int64), compare_ids);
	return ids;
}

static void
load_versions(Case *c)
{
	ListCell   *lc;

	c->kept = registry_kept_versions();
	c->versions = palloc_array(Version *, list_length(c->kept) + 1);
	c->standing = palloc0_array(Standing, list_length(c->kept) + 1);
	c->nversions = 0;
	foreach(lc, c->kept)
		c->versions[c->nversions++] = lfirst(lc);
}

/* Its place among the versions, -1 if it does not count any more. */
static int
version_place(const Case *c, int64 id)
{
	int			low = 0;
	int			high = c->nversions;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (c->versions[middle]->id == id)
			return middle;
		if (c->versions[middle]->id > id)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

/* Has it all it needs, by what is stored?  Right after a restore that is nothing. */
static bool
version_runs(const Case *c, const Version *version)
{
	int64		unmet;
	int64		broken;

	if (c->ids == NULL)
		return false;
	registry_count_unmet(version->id, &unmet, &broken);
	return unmet == 0;
}

static Standing
version_standing(Case *c, int place)
{
	Standing   *standing = &c->standing[place];
	Version    *version = c->versions[place];

	if (*standing != NOT_ASKED)
		return *standing;
	if (registry_version_is_live(version, c->writes))
		*standing = LIVE;
	else if (registry_is_in_reach(c->kept, version))
		*standing = version_runs(c, version) ? IN_REACH : DORMANT;
	else if (!c->writes || registry_mark_lapsed(version))
		*standing = PASSED_OVER;
	else
		*standing = DORMANT;
	return *standing;
}

static bool
version_counts(int64 version_id, void *arg)
{
	int			place = version_place(arg, version_id);

	return place >= 0 && version_standing(arg, place) != PASSED_OVER;
}

/* ---- waiting without waiting ---- */

static void
set_deadline(Case *c)
{
	int			timeout = guard_ddl_lock_timeout;

	if (LockTimeout > 0)
		timeout = Min(timeout, LockTimeout);
	c->deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout);
}

/*
 * what: the requirement that is waited for, or NULL for judging at all.  in_the_way:
 * who has the lock.
 */
static void
wait_a_moment(Case *c, const char *what, char *(*in_the_way) (void))
{
	if (GetCurrentTimestamp() >= c->deadline)
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_BUSY),
				 errmsg("could not judge the schema change: a concurrent transaction is in the way"),
				 what ? errdetail("Requirement: %s. In the way: %s.", what, in_the_way())
				 : errdetail("It registers or retires a version, or changes a policy. In the way: %s.",
							 in_the_way()),
				 errhint("Retry when the other transaction has ended. Setting compat_guard.ddl_lock_timeout bounds the wait.")));
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 10L, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* Verify the candidates, however often that takes. */
static void
verify_or_wait(Case *c, Requirement **reqs, VerifyOptions options, Observation **answers)
{
	while (!verify_requirements(reqs, c->ncandidates, options, answers))
	{
		/* Those that functions want may be what somebody keeps on purpose. */
		if (GetCurrentTimestamp() >= c->deadline && !options.last_try)
			options.last_try = true;
		else
			wait_a_moment(c, "one of those on the relations changed", verify_lock_holders);
	}
}

/* ---- the steps ---- */

/*
 * The first change after a restore is one that must not write, so what is not
 * stored has to be found out now: all there is, as it stands before the change.
 */
static bool
find_candidates_after_restore(Case *c)
{
	VerifyOptions as_it_is = {.within_time = true};
	Observation **answers;

	c->reqs = requirements_to_establish(&c->ncandidates);
	answers = palloc0_array(Observation *, c->ncandidates);
	verify_or_wait(c, c->reqs, as_it_is, answers);
	c->before = palloc0_array(StoredState, c->ncandidates);
	for (int i = 0; i < c->ncandidates; i++)
	{
		StoredState *before = &c->before[i];

		before->known = true;
		before->state = answers[i]->state;
		before->ever_met = (answers[i]->state == STATE_MET);
		before->problems = problems_to_json(answers[i]->problems);
	}
	return c->ncandidates > 0;
}

/* Nothing a version needs is taken away while we hold our lock. */
static void
load_candidates(Case *c, int n)
{
	int64	   *linked = palloc_array(int64, n);

	memcpy(linked, c->ids, sizeof(int64) * n);
	c->ncandidates = n;
	c->reqs = registry_load_requirements(c->ids, &c->ncandidates);
	for (int i = 0; i < n; i++)
	{
		if (i == c->ncandidates || c->ids[i] != linked[i])
			registry_report_missing("requirement", linked[i]);
	}
	c->before = registry_read_states(c->ids, n);
	for (int i = 0; i < n; i++)
	{
		if (!c->before[i].known && !registry_is_unestablished())
			registry_report_missing("requirement_state", c->ids[i]);
	}
}

/* Fill in the candidates; false if there are none. */
static bool
find_candidates(Case *c)
{
	int			n;

	if (!c->writes && registry_is_unestablished())
	{
		load_versions(c);
		return find_candidates_after_restore(c);
	}
	c->ids = touched_requirements(c, &n);
	if (n == 0)
		return false;
	load_versions(c);
	n = registry_keep_linked(c->ids, n, version_counts, c);
	if (n == 0)
		return false;
	while (c->writes && !registry_try_lock_requirements(c->ids, n))
		wait_a_moment(c, "one of those on the objects changed", registry_lock_holders);

	/* Only now: who had them locked may have changed states and baselines. */
	load_candidates(c, n);
	return true;
}

static void
verify_candidates(Case *c)
{
	c->after = palloc0_array(Observation *, c->ncandidates);
	verify_or_wait(c, c->reqs, c->options, c->after);
}

/* Was the problem, as far as it is filled in, there before? */
static bool
problem_is_known(const StoredState *before, const Problem *problem)
{
	Problem		same = *problem;
	Jsonb	   *json;

	if (problem->by_expected)
		same.found = NULL;
	json = problems_to_json(list_make1(&same));
	return before->problems != NULL &&
		DatumGetBool(DirectFunctionCall2(jsonb_contains,
										 JsonbPGetDatum(before->problems),
										 JsonbPGetDatum(json)));
}

/* Did the verifier leave something undecided before by this rule, and of the
 * same subject if it has one? */
static bool
was_undecided(const StoredState *before, const Problem *problem)
{
	Problem		any = {.rule = problem->rule, .state = STATE_UNKNOWN};

	if (problem->subject != NULL)
		any.expected = problem->expected;
	return problem_is_known(before, &any);
}

/* Is it this transaction's doing, and how sure is that? */
static bool
problem_counts(const Candidate *candidate, Problem *problem, RuleAction *at_most)
{
	const StoredState *before = candidate->before;
	const Problem not_verified = {.rule = RULE_NOT_VERIFIED, .state = STATE_UNKNOWN};
	Problem		same = *problem;

	/* A body that does not resolve may fail on another thing than before. */
	if (problem->rule == RULE_ROUTINE_BODY_BROKEN)
	{
		same.found = NULL;
		same.sqlstate = NULL;
	}

	*at_most = ACTION_BLOCK;
	if (!before->known || problem_is_known(before, &same) ||
		before->state == STATE_UNMET)
		return false;

	/* That nobody can look into a body is no doing of this transaction's. */
	if (problem->state == STATE_UNKNOWN && problem->rule == RULE_ROUTINE_BODY_BROKEN)
		return false;

	/*
	 * What cannot be decided, before or after, is no proven breakage.  What
	 * another rule left undecided is no matter, unless it kept the verifier
	 * from looking any further.
	 */
	if (problem->state == STATE_UNKNOWN || was_undecided(before, problem) ||
		(problem->state == STATE_UNMET && was_undecided(before, &not_verified)))
		*at_most = ACTION_WARN;
	return true;
}

static int
compare_statements(const ListCell *a, const ListCell *b)
{
	return ((TouchingStatement *) lfirst(a))->number -
		((TouchingStatement *) lfirst(b))->number;
}

/* The texts of TouchingStatements, or NULL if there is none. */
static char *
statement_texts(List *statements)
{
	StringInfoData buf;
	ListCell   *lc;

	if (statements == NIL)
		return NULL;
	initStringInfo(&buf);
	foreach(lc, statements)
	{
		TouchingStatement *statement = lfirst(lc);

		if (!statement->undone)
			appendStringInfo(&buf, "%s%s", buf.len ? "; " : "", statement->text);
	}
	return buf.data;
}

/* Of several the first by name: they come in no order. */
static const char *
first_label(const char *label, const ObjectKey *key)
{
	const char *other = quote_qualified_identifier(key->schema, key->name);

	return label == NULL || strcmp(other, label) < 0 ? other : label;
}

/* What was touched of what the requirement hangs on, and by which statements. */
static void
find_guilty(const Case *c, const Candidate *candidate, Finding *finding)
{
	List	   *guilty = NIL;
	ListCell   *lct;
	ListCell   *lck;

	foreach(lct, c->touched->names)
	{
		TouchedName *name = lfirst(lct);

		foreach(lck, candidate->after->keys)
		{
			if (!object_key_equal(&name->key, lfirst(lck)))
				continue;
			guilty = list_concat_unique_ptr(guilty, name->statements);
			if (name->key.classid == RelationRelationId)
				finding->touched = first_label(finding->touched, &name->key);
		}
	}
	if (guilty == NIL)
		guilty = list_copy(c->touched->statements);
	list_sort(guilty, compare_statements);
	finding->statement = statement_texts(guilty);
}

typedef struct VictimSearch
{
	Case	   *c;
	Candidate  *candidate;
} VictimSearch;

static bool
add_victim(int64 version_id, void *arg)
{
	VictimSearch *search = arg;
	Candidate  *candidate = search->candidate;
	int			place = version_place(search->c, version_id);
	Standing	standing = place >= 0 ? version_standing(search->c, place) : PASSED_OVER;
	Version    *version;

	if (standing != LIVE && standing != IN_REACH)
		return false;
	version = search->c->versions[place];
	if (version->app == NULL)
		version->app = registry_app_name(version->app_id);
	if (standing == LIVE)
		candidate->versions = lappend(candidate->versions, version);
	else
		candidate->in_reach = lappend(candidate->in_reach, version);
	return false;				/* go on */
}

static void
find_victims(Case *c, Candidate *candidate)
{
	VictimSearch search = {c, candidate};

	if (candidate->versions == NIL && candidate->in_reach == NIL)
		(void) registry_any_link(candidate->req->id, add_victim, &search);
}

static int
compare_subjects(const ListCell *a, const ListCell *b)
{
	const Finding *x = lfirst(a);
	const Finding *y = lfirst(b);
	int			cmp;

	if (x->problem->rule != y->problem->rule)
		return (int) x->problem->rule - (int) y->problem->rule;
	if ((cmp = strcmp(x->app, y->app)) != 0 ||
		(cmp = strcmp(x->version, y->version)) != 0 ||
		(cmp = strcmp(x->problem->subject, y->problem->subject)) != 0 ||
		(cmp = (int) x->req->kind - (int) y->req->kind) != 0)
		return cmp;
	return strcmp(x->req->object, y->req->object);
}

/*
 * Of a version's findings with the same rule and subject, such as a trigger
 * that five of its statements would fire, keep the first.
 */
static List *
without_repetition(List *findings)
{
	List	   *kept = NIL;
	List	   *with_subject = NIL;
	const Finding *last = NULL;
	ListCell   *lc;

	foreach(lc, findings)
	{
		Finding    *finding = lfirst(lc);

		if (finding->problem->subject == NULL)
			kept = lappend(kept, finding);
		else
			with_subject = lappend(with_subject, finding);
	}
	list_sort(with_subject, compare_subjects);
	foreach(lc, with_subject)
	{
		Finding    *finding = lfirst(lc);

		if (last == NULL || last->problem->rule != finding->problem->rule ||
			strcmp(last->app, finding->app) != 0 ||
			strcmp(last->version, finding->version) != 0 ||
			strcmp(last->problem->subject, finding->problem->subject) != 0)
			kept = lappend(kept, finding);
		last = finding;
	}
	return kept;
}

static void
add_finding(const Case *c, const Candidate *candidate, const Version *version,
			const Problem *problem, RuleAction at_most, List **findings)
{
	Finding    *finding = palloc0_object(Finding);

	finding->action = Min(registry_action(problem->rule, version->app, problem->proven),
						  at_most);
	finding->app = version->app;
	finding->version = version->name;
	finding->req = candidate->req;
	finding->problem = problem;
	find_guilty(c, candidate, finding);
	if (finding->action != ACTION_IGNORE)
		*findings = lappend(*findings, finding);
}

/* Why nobody can go back to a version: said once for each. */
static Problem *
problem_with_rollback(const Problem *problem)
{
	Problem    *copy = palloc_object(Problem);

	*copy = *problem;
	copy->rule = RULE_ROLLBACK_LOST;
	copy->subject = "rollback";
	copy->proven = false;
	return copy;
}

static List *
findings_of(Case *c)
{
	List	   *findings = NIL;

	for (int i = 0; i < c->ncandidates; i++)
	{
		Candidate	candidate = {c->reqs[i], &c->before[i], c->after[i], NIL, NIL};
		ListCell   *lcp;
		ListCell   *lcv;

		foreach(lcp, candidate.after->problems)
		{
			Problem    *problem = lfirst(lcp);
			RuleAction	at_most;

			if (!problem_counts(&candidate, problem, &at_most))
				continue;

			/* Said once, by the requirement that there be a relation. */
			if (problem->no_relation && candidate.req->kind != REQUIREMENT_RELATION)
				continue;
			find_victims(c, &candidate);
			foreach(lcv, candidate.versions)
				add_finding(c, &candidate, lfirst(lcv),
							problem_with_sessions(problem, lfirst(lcv)), at_most, &findings);
			if (problem->state != STATE_UNMET)
				continue;
			foreach(lcv, candidate.in_reach)
				add_finding(c, &candidate, lfirst(lcv), problem_with_rollback(problem),
							at_most, &findings);
		}
	}
	return without_repetition(findings);
}

static bool
version_is_ready(int64 version_id, void *arg)
{
	int64		unmet;
	int64		broken;

	if (!version_counts(version_id, arg))
		return false;
	registry_count_unmet(version_id, &unmet, &broken);
	return unmet == 0;
}

/*
 * A version that registered before its migration takes the schema for what it
 * wants only now that it has all it needs.
 */
static void
save_baselines(Case *c)
{
	for (int i = 0; i < c->ncandidates; i++)
	{
		const Requirement *req = c->reqs[i];
		const Observation *after = c->after[i];

		if (req->baseline == NULL && after->baseline != NULL &&
			after->state != STATE_UNMET &&
			registry_any_link(req->id, version_is_ready, c))
			registry_set_baseline(req, after->baseline);
	}
	CommandCounterIncrement();
}

static void
save_candidates(Case *c)
{
	if (c->ncandidates == 0)
		return;
	registry_save_states(c->ids, c->before, c->after, c->ncandidates);
	save_baselines(c);
}

/* All of it up to the findings. */
static List *
judge(Case *c)
{
	List	   *findings;

	c->options.within_time = true;
	set_deadline(c);
	while (!registry_lock_for_judgement())
		wait_a_moment(c, NULL, registry_lock_holders);

	/* What we waited for may have been DROP EXTENSION. */
	if (!guard_is_active())
		return NIL;
	findings = removal_findings_of_parts(c->touched->guard_before,
										 statement_texts(c->touched->statements));
	if (!find_candidates(c))
		return findings;
	verify_candidates(c);
	return list_concat(findings, findings_of(c));
}

/* ---- the verdict ---- */

typedef struct MoverSearch
{
	const Case *c;
	Bitmapset  *movers;			/* their places */
} MoverSearch;

static bool
add_mover(int64 version_id, void *arg)
{
	MoverSearch *search = arg;
	int			place = version_place(search->c, version_id);

	if (place >= 0)
		search->movers = bms_add_member(search->movers, place);
	return false;				/* go on */
}

/*
 * Before anything is saved: which versions run, of the apps for which that may
 * change.  A restore is no news.
 */
static List *
outlook(Case *c)
{
	MoverSearch search = {c, NULL};

	for (int i = 0; i < c->ncandidates && check_function_bodies; i++)
	{
		if (c->before[i].known &&
			(c->before[i].state == STATE_UNMET) != (c->after[i]->state == STATE_UNMET))
			(void) registry_any_link(c->reqs[i]->id, add_mover, &search);
	}
	return search.movers ? outlook_of(c->kept, search.movers) : NIL;
}

static void
save_and_record(Case *c, List *findings)
{
	List	   *before = outlook(c);

	save_candidates(c);
	if (guard_is_active())
		record_passed(c->touched, findings, before);
}

static void
enforce(void *arg)
{
	Case	   *c = arg;
	List	   *findings = judge(c);

	allowance_apply(findings);
	if (findings_block(findings))
		record_blocked(c->touched, findings);
	findings_report(findings);
	if (c->writes)
		save_and_record(c, findings);
}

/*
 * What could be broken was judged before.  What is only worth a remark, such as
 * a unique index that was built CONCURRENTLY, is told now; it is too late to
 * block it.
 */
static void
record(void *arg)
{
	Case	   *c = arg;
	List	   *findings = judge(c);
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
	save_and_record(c, findings);
}

/* A fault of the server's own kind in what the guard does: say how to go on. */
static void
run_with_way_out(Case *c, void (*body) (void *))
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		body(c);
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
		edata->hint = pstrdup("The schema change could not be judged. To make it all the same, set compat_guard.mode to warn for that transaction.");
		ReThrowError(edata);
	}
	PG_END_TRY();
}

/*
 * Run body in a memory context of its own.  tolerant: an error of the guard
 * itself is logged and does not fail the transaction.
 */
static void
run_case(Case *c, void (*body) (void *), bool tolerant)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "compat_guard judgement",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	/* At commit there is none any more, and long values could not be read. */
	PushActiveSnapshot(GetTransactionSnapshot());

	if (!tolerant)
		run_with_way_out(c, body);
	else
	{
		ErrorData  *edata = subtransaction_run(body, c, true);

		if (edata != NULL)
		{
			if (error_is_interruption(edata))
				ReThrowError(edata);
			ereport(guard_mode == MODE_WARN ? WARNING : LOG,
					(errcode(edata->sqlerrcode),
					 errmsg("schema change was not judged: %s", edata->message)));
		}
	}
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

void
judge_enforce(Touched *touched)
{
	Case		c = {.touched = touched, .writes = true};

	run_case(&c, enforce, guard_mode != MODE_ENFORCE);
}

void
judge_record(Touched *touched)
{
	Case		c = {.touched = touched, .writes = true};

	run_case(&c, record, true);
}

void
judge_finish(void)
{
	if (record_anything())
		record_write();
	allowance_warn_if_idle();
}

bool
judge_is_unfinished(void)
{
	return record_anything() || allowance_any();
}

void
judge_transaction_end(void)
{
	record_transaction_end();
	allowance_transaction_end();
}

void
judge_subtransaction_end(SubTransactionId mine, SubTransactionId parent)
{
	record_subtransaction_end(mine, parent);
	allowance_subtransaction_end(mine, parent);
}

static void
judge_case(void *arg)
{
	run_case(arg, enforce, guard_mode != MODE_ENFORCE);
}

void
judge_index_drop(Oid index, Oid relid, const char *statement)
{
	Touched    *touched = palloc0_object(Touched);
	TouchedName *name = palloc0_object(TouchedName);
	TouchingStatement *touching = palloc0_object(TouchingStatement);
	ObjectKey  *key = object_key(RelationRelationId, relid);
	Case		c = {.touched = touched};
	ErrorData  *edata;

	if (key == NULL)
		return;					/* temporary, or gone */
	name->key = *key;
	touching->text = statement;
	name->statements = list_make1(touching);
	touched->names = list_make1(name);
	touched->statements = name->statements;

	/*
	 * It must not have a transaction ID before it starts: hence no writes.  Nor
	 * may it keep registrations waiting while it waits for the table.
	 */
	c.options.without_index = index;
	edata = subtransaction_run(judge_case, &c, false);
	if (edata != NULL)
		ReThrowError(edata);
}

List *
judge_preview(Touched *touched)
{
	Case		c = {.touched = touched};
	return judge(&c);
}
