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
#include "judge/judge.h"
#include "lib/qunique.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "registry/registry.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* One requirement under judgement. */
typedef struct Candidate
{
	Requirement *req;
	StoredState before;
	Observation *after;
	List	   *versions;		/* of Version *: live ones that need it */
} Candidate;

typedef struct Case
{
	Touched    *touched;
	VerifyOptions options;
	bool		writes;			/* states may be locked and saved */
	List	   *versions;		/* of Version *: those looked at so far */
	Candidate  *candidates;
	int			ncandidates;
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

	foreach(lcv, registry_live_versions())
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

/*
 * The version if it is live, NULL otherwise.  Each is read once; newer ones,
 * which need most of what is needed, come first.
 */
static Version *
live_version(Case *c, int64 id)
{
	Version    *version = NULL;
	ListCell   *lc;

	foreach(lc, c->versions)
	{
		version = lfirst(lc);
		if (version->id == id)
			return version->retired ? NULL : version;
	}
	version = registry_load_version(id);
	if (version == NULL)
		return NULL;
	c->versions = lappend(c->versions, version);
	return version->retired ? NULL : version;
}

static bool
version_counts(int64 version_id, void *arg)
{
	return live_version(arg, version_id) != NULL;
}

static bool
any_live_version_needs(Case *c, int64 requirement_id)
{
	/* What one version needs its neighbours mostly do: a guess worth a probe. */
	if (c->versions != NIL)
	{
		Version    *version = linitial(c->versions);

		if (!version->retired && registry_is_linked(version->id, requirement_id))
			return true;
	}
	return registry_any_link(requirement_id, version_counts, c);
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

/* what: the requirement that is waited for, or NULL for judging at all. */
static void
wait_a_moment(Case *c, const char *what)
{
	if (GetCurrentTimestamp() >= c->deadline)
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_BUSY),
				 errmsg("could not judge the schema change: a concurrent transaction is in the way"),
				 what ? errdetail("Requirement: %s.", what)
				 : errdetail("It registers or retires a version, or changes a policy."),
				 errhint("Retry when the other transaction has ended. Setting compat_guard.ddl_lock_timeout bounds the wait.")));
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 10L, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* ---- the steps ---- */

/*
 * The first change after a restore is one that must not write, so what is not
 * stored has to be found out now: all there is, as it stands before the change.
 */
static bool
find_candidates_after_restore(Case *c)
{
	VerifyOptions as_it_is = {.wait_for_locks = false};
	Requirement **reqs = requirements_to_establish(&c->ncandidates);
	Observation **answers = palloc0_array(Observation *, c->ncandidates);

	while (!verify_requirements(reqs, c->ncandidates, as_it_is, answers))
		wait_a_moment(c, "one of those on the relations changed");
	c->candidates = palloc0_array(Candidate, c->ncandidates);
	for (int i = 0; i < c->ncandidates; i++)
	{
		StoredState *before = &c->candidates[i].before;

		c->candidates[i].req = reqs[i];
		before->known = true;
		before->state = answers[i]->state;
		before->ever_met = (answers[i]->state == STATE_MET);
		before->problems = problems_to_json(answers[i]->problems);
	}
	return c->ncandidates > 0;
}

/* Fill in the candidates; false if there are none. */
static bool
find_candidates(Case *c)
{
	int			n;
	int			nlive = 0;
	int64	   *ids;

	if (!c->writes && registry_is_unestablished())
		return find_candidates_after_restore(c);
	ids = touched_requirements(c, &n);
	if (n == 0)
		return false;

	for (int i = 0; i < n; i++)
	{
		if (any_live_version_needs(c, ids[i]))
			ids[nlive++] = ids[i];
	}
	while (c->writes && !registry_try_lock_requirements(ids, nlive))
		wait_a_moment(c, "one of those on the objects changed");

	/* Only now: who had them locked may have changed states and baselines. */
	c->candidates = palloc0_array(Candidate, nlive);
	for (int i = 0; i < nlive; i++)
	{
		Candidate  *candidate = &c->candidates[c->ncandidates];

		candidate->req = registry_load_requirement(ids[i]);
		if (candidate->req == NULL)
			continue;
		candidate->before = registry_read_state(ids[i]);
		c->ncandidates++;
	}
	return c->ncandidates > 0;
}

static void
verify_candidates(Case *c)
{
	Requirement **reqs = palloc_array(Requirement *, c->ncandidates);
	Observation **answers = palloc0_array(Observation *, c->ncandidates);

	for (int i = 0; i < c->ncandidates; i++)
		reqs[i] = c->candidates[i].req;
	while (!verify_requirements(reqs, c->ncandidates, c->options, answers))
		wait_a_moment(c, "one of those on the relations changed");
	for (int i = 0; i < c->ncandidates; i++)
		c->candidates[i].after = answers[i];
}

/* Was the problem, as far as it is filled in, there before? */
static bool
problem_is_known(const StoredState *before, const Problem *problem)
{
	Jsonb	   *json = problems_to_json(list_make1(unconstify(Problem *, problem)));

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
	const StoredState *before = &candidate->before;
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
	StringInfoData buf;
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
	if (guilty == NIL)
		return;
	list_sort(guilty, compare_statements);

	initStringInfo(&buf);
	foreach(lct, guilty)
		appendStringInfo(&buf, "%s%s", buf.len ? "; " : "",
						 ((TouchingStatement *) lfirst(lct))->text);
	finding->statement = buf.data;
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
	Version    *version = live_version(search->c, version_id);

	if (version != NULL && version->app == NULL)
		version->app = registry_app_name(version->app_id);
	if (version != NULL && version->app != NULL)
		search->candidate->versions = lappend(search->candidate->versions, version);
	return false;				/* go on */
}

static void
find_victims(Case *c, Candidate *candidate)
{
	VictimSearch search = {c, candidate};

	if (candidate->versions == NIL)
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

static List *
findings_of(Case *c)
{
	List	   *findings = NIL;

	for (int i = 0; i < c->ncandidates; i++)
	{
		Candidate  *candidate = &c->candidates[i];
		ListCell   *lcp;
		ListCell   *lcv;

		foreach(lcp, candidate->after->problems)
		{
			Problem    *problem = lfirst(lcp);
			RuleAction	at_most;

			if (!problem_counts(candidate, problem, &at_most))
				continue;

			/* Said once, by the requirement that there be a relation. */
			if (problem->no_relation && candidate->req->kind != REQUIREMENT_RELATION)
				continue;
			find_victims(c, candidate);
			foreach(lcv, candidate->versions)
			{
				Version    *version = lfirst(lcv);
				Finding    *finding = palloc0_object(Finding);

				finding->action = Min(registry_action(problem->rule, version->app,
													   problem->proven), at_most);
				finding->app = version->app;
				finding->version = version->name;
				finding->req = candidate->req;
				finding->problem = problem;
				find_guilty(c, candidate, finding);
				if (finding->action != ACTION_IGNORE)
					findings = lappend(findings, finding);
			}
		}
	}
	return without_repetition(findings);
}

static bool
version_is_ready(int64 version_id, void *arg)
{
	int64		unmet;
	int64		broken;

	if (live_version(arg, version_id) == NULL)
		return false;
	registry_count_unmet(version_id, &unmet, &broken);
	return unmet == 0;
}

/*
 * A version that registered before its migration takes the schema for what it
 * wants only now that it has all it needs.
 */
static void
save_baseline(Case *c, const Candidate *candidate)
{
	if (candidate->req->baseline == NULL && candidate->after->baseline != NULL &&
		candidate->after->state != STATE_UNMET &&
		registry_any_link(candidate->req->id, version_is_ready, c))
		registry_set_baseline(candidate->req, candidate->after->baseline);
}

static void
save_candidates(Case *c)
{
	for (int i = 0; i < c->ncandidates; i++)
		registry_save_state(c->candidates[i].req->id, c->candidates[i].after);
	CommandCounterIncrement();
	for (int i = 0; i < c->ncandidates; i++)
		save_baseline(c, &c->candidates[i]);
	CommandCounterIncrement();
}

/* All of it up to the findings. */
static List *
judge(Case *c)
{
	set_deadline(c);
	while (!registry_lock_for_judgement())
		wait_a_moment(c, NULL);

	/* What we waited for may have been DROP EXTENSION. */
	if (!guard_is_active() || !find_candidates(c))
		return NIL;
	verify_candidates(c);
	return findings_of(c);
}

/* ---- the verdict ---- */

static void
enforce(void *arg)
{
	Case	   *c = arg;
	List	   *findings = judge(c);

	findings_report(findings);
	if (c->writes)
		save_candidates(c);
}

static void
record(void *arg)
{
	Case	   *c = arg;

	(void) judge(c);
	save_candidates(c);
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
		body(c);
	else
	{
		ErrorData  *edata = subtransaction_run(body, c, true);

		if (edata != NULL)
		{
			if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED ||
				ERRCODE_TO_CATEGORY(edata->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
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
	List	   *findings = judge(&c);

	findings_sort(findings);
	return findings;
}
