/*
 * finding.c
 *		From what is found to findings: what was met before and no longer is.
 *
 * One for each version that needs it, with the statements that did it.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "judge/judge.h"
#include "judge/judge_internal.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

/* One requirement under judgement. */
typedef struct Candidate
{
	const Requirement *req;
	const StoredState *before;
	const VerifyResult *after;
	List	   *versions;		/* of Version *: live ones that need it */
	List	   *in_reach;		/* of Version *: those in reach that do */
	bool		is_traced;		/* are these known? */
	const char *statement;		/* that did it, or NULL */
	const char *change;			/* the relation it did it to, or NULL */
	List	   *changed_relations;	/* of ObjectName *: all of these */
} Candidate;

/* Was the problem, as far as it is filled in, there before? */
static bool
problem_is_known(const StoredState *before, const Problem *problem)
{
	Problem		same = *problem;
	Jsonb	   *json;

	if (before->problems == NULL)
		return false;
	if (problem->by_expected)
		same.found = NULL;
	json = problems_to_json(list_make1(&same));
	return DatumGetBool(DirectFunctionCall2(jsonb_contains,
											JsonbPGetDatum(before->problems),
											JsonbPGetDatum(json)));
}

bool
problem_was_there(const StoredState *before, const Problem *problem)
{
	Problem		same = {.rule = problem->rule, .state = problem->state,
	.expected = problem->expected};

	return problem_is_known(before, &same);
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

/* The texts of TouchingStatements, or NULL if there is none. */
char *
statement_texts(List *statements)
{
	StringInfoData buf;
	ListCell   *lc;

	if (statements == NIL)
		return NULL;
	initStringInfo(&buf);
	foreach(lc, statements)
	{
		ChangeStatement *statement = lfirst(lc);

		if (!statement->undone)
			appendStringInfo(&buf, "%s%s", buf.len ? "; " : "", statement->text);
	}
	return buf.data;
}

/* ---- who did it ---- */

/*
 * A change may touch thousands of names, and be felt by thousands of requirements.
 * So the names are looked up, and the text of statements that have together
 * done one thing is made once.
 */
typedef struct Deed
{
	Bitmapset  *statements;		/* their numbers; must be first */
	const char *text;
} Deed;

struct Trace
{
	HTAB	   *names;			/* of NameEntry */
	HTAB	   *deeds;			/* of Deed */
};

typedef struct NameEntry
{
	ObjectName *key;			/* must be first */
	Bitmapset  *statements;		/* that touched it */
} NameEntry;

static uint32
hash_key(const void *key, Size size)
{
	const ObjectName *object = *(ObjectName *const *) key;
	uint32		hash = string_hash(object->schema, NAMEDATALEN);

	if (object->name != NULL)
		hash = hash_combine(hash, hash_bytes((const unsigned char *) object->name,
											 strlen(object->name)));
	return hash_combine(hash, murmurhash32(object->classid));
}

static int
match_keys(const void *a, const void *b, Size size)
{
	return object_name_equal(*(ObjectName *const *) a, *(ObjectName *const *) b) ? 0 : 1;
}

static Bitmapset *
numbers_of(Bitmapset *numbers, List *statements)
{
	ListCell   *lc;

	foreach(lc, statements)
		numbers = bms_add_member(numbers, ((ChangeStatement *) lfirst(lc))->number);
	return numbers;
}

static Trace *
begin_trace(const Judgement *j)
{
	Trace	   *trace = palloc_object(Trace);
	HASHCTL		names = {
		.keysize = sizeof(ObjectName *), .entrysize = sizeof(NameEntry),
		.hash = hash_key, .match = match_keys, .hcxt = CurrentMemoryContext
	};
	HASHCTL		deeds = {
		.keysize = sizeof(Bitmapset *), .entrysize = sizeof(Deed),
		.hash = bitmap_hash, .match = bitmap_match, .hcxt = CurrentMemoryContext
	};
	ListCell   *lc;

	trace->names = hash_create("compat_guard touched names", list_length(j->change->names) + 1,
							   &names, HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	trace->deeds = hash_create("compat_guard statements together", 16, &deeds,
							   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	foreach(lc, j->change->names)
	{
		ChangedName *name = lfirst(lc);
		ObjectName *key = &name->key;
		bool		found;
		NameEntry  *entry = hash_search(trace->names, &key, HASH_ENTER, &found);

		if (!found)
			entry->statements = NULL;
		entry->statements = numbers_of(entry->statements, name->statements);
	}
	return trace;
}

static const char *
deed_text(const Judgement *j, Trace *trace, Bitmapset *numbers)
{
	bool		found;
	Deed	   *deed = hash_search(trace->deeds, &numbers, HASH_ENTER, &found);
	List	   *statements = NIL;
	int			number = -1;

	if (found)
		return deed->text;
	deed->text = NULL;
	while ((number = bms_next_member(numbers, number)) >= 0)
		statements = lappend(statements, list_nth(j->change->statements, number));
	return deed->text = statement_texts(statements);
}

/* Of several the first by name: they come in no order. */
static const char *
first_label(const char *label, const ObjectName *key)
{
	const char *other = quote_qualified_identifier(key->schema, key->name);

	return label == NULL || strcmp(other, label) < 0 ? other : label;
}

/* What was touched of what the requirement hangs on, and by which statements. */
static void
find_causing_statements(Judgement *j, Candidate *candidate)
{
	Bitmapset  *causing = NULL;
	ListCell   *lc;

	if (candidate->is_traced)
		return;
	candidate->is_traced = true;
	if (j->trace == NULL)
		j->trace = begin_trace(j);
	foreach(lc, candidate->after->keys)
	{
		ObjectName *key = lfirst(lc);
		NameEntry  *entry = hash_search(j->trace->names, &key, HASH_FIND, NULL);

		if (entry == NULL)
			continue;
		causing = bms_add_members(causing, entry->statements);
		if (key->classid == RelationRelationId)
		{
			candidate->change = first_label(candidate->change, key);
			candidate->changed_relations = lappend(candidate->changed_relations, key);
		}
	}
	if (causing == NULL)
		causing = numbers_of(NULL, j->change->statements);
	candidate->statement = deed_text(j, j->trace, causing);
}

/* ---- to whom ---- */

typedef struct AffectedSearch
{
	Judgement  *judgement;
	Candidate  *candidate;
} AffectedSearch;

static bool
add_affected_version(int64 version_id, void *arg)
{
	AffectedSearch *search = arg;
	Candidate  *candidate = search->candidate;
	int			place = judgement_version_index(search->judgement, version_id);
	VersionLiveness liveness = place >= 0 ? judgement_version_liveness(search->judgement, place) : LIVENESS_SKIPPED;
	Version    *version;

	if (liveness != LIVENESS_LIVE && liveness != LIVENESS_ROLLBACK_TARGET)
		return false;
	version = search->judgement->versions[place];
	if (version->app == NULL)
		version->app = registry_app_name(version->app_id);
	if (liveness == LIVENESS_LIVE)
		candidate->versions = lappend(candidate->versions, version);
	else
		candidate->in_reach = lappend(candidate->in_reach, version);
	return false;				/* go on */
}

static void
find_affected_versions(Judgement *j, Candidate *candidate)
{
	AffectedSearch search = {j, candidate};

	if (candidate->versions == NIL && candidate->in_reach == NIL)
		(void) registry_any_link(candidate->req->id, add_affected_version, &search);
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

/*
 * What a statement may feel of a column need not be said where what the contract
 * says of the column, or another statement, is broken by the same.
 */
static bool
is_said_by_column(const Finding *remark, RuleId rule, List *findings)
{
	ListCell   *lc;

	foreach(lc, findings)
	{
		const Finding *other = lfirst(lc);

		if (other->problem->rule == rule &&
			other->problem->relation != NULL && other->problem->column != NULL &&
			strcmp(other->app, remark->app) == 0 &&
			strcmp(other->version, remark->version) == 0 &&
			strcmp(other->problem->relation, remark->problem->relation) == 0 &&
			strcmp(other->problem->column, remark->problem->column) == 0)
			return true;
	}
	return false;
}

static List *
without_what_columns_say(List *findings)
{
	List	   *kept = NIL;
	ListCell   *lc;

	foreach(lc, findings)
	{
		Finding    *finding = lfirst(lc);
		const Problem *problem = finding->problem;
		bool		is_of_column = problem->relation != NULL && problem->column != NULL;

		if (is_of_column && problem->rule == RULE_COLUMN_NARROWED &&
			is_said_by_column(finding, RULE_COLUMN_TYPE, findings))
			continue;
		/* Of constraints only NOT NULL is of one column. */
		if (is_of_column && problem->rule == RULE_CONSTRAINT_ADDED &&
			is_said_by_column(finding, RULE_COLUMN_REJECTS_NULL, findings))
			continue;
		kept = lappend(kept, finding);
	}
	return kept;
}

static void
add_finding(Judgement *j, Candidate *candidate, const Version *version,
			const Problem *problem, RuleAction at_most, List **findings)
{
	Finding    *finding = palloc0_object(Finding);

	finding->action = Min(registry_action(problem->rule, version->app, problem->proven),
						  at_most);
	finding->app = version->app;
	finding->version = version->name;
	finding->req = candidate->req;
	finding->problem = problem;
	find_causing_statements(j, candidate);
	finding->statement = candidate->statement;
	finding->change = candidate->change;
	finding->changed_relations = candidate->changed_relations;
	if (finding->action != ACTION_IGNORE)
		*findings = lappend(*findings, finding);
}

/*
 * What was met and has become unknown by this change: more than a remark, or it
 * could be broken by the next one, of which nothing could be proven any more.  Not
 * where there was no time: that is nobody's change.
 */
static Problem *
problem_with_verification(const StoredState *before, Problem *problem, RuleAction *at_most)
{
	Problem    *copy;

	if (problem->rule != RULE_NOT_VERIFIED || problem->state != STATE_UNKNOWN ||
		problem->out_of_time || before->state != STATE_MET)
		return problem;
	copy = palloc_object(Problem);
	*copy = *problem;
	copy->rule = RULE_VERIFICATION_LOST;
	*at_most = ACTION_BLOCK;
	return copy;
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

List *
judgement_findings(Judgement *j)
{
	List	   *findings = NIL;

	for (int i = 0; i < j->ncandidates; i++)
	{
		Candidate	candidate = {
			.req = j->reqs[i], .before = &j->before[i], .after = j->after[i]
		};
		ListCell   *lcp;
		ListCell   *lcv;

		CHECK_FOR_INTERRUPTS();
		foreach(lcp, candidate.after->problems)
		{
			Problem    *problem = lfirst(lcp);
			RuleAction	at_most;

			if (!problem_counts(&candidate, problem, &at_most))
				continue;
			problem = problem_with_verification(candidate.before, problem, &at_most);

			/* Said once, by the requirement that there be a relation. */
			if (problem->no_relation && candidate.req->kind != REQUIREMENT_RELATION)
				continue;
			find_affected_versions(j, &candidate);
			foreach(lcv, candidate.versions)
				add_finding(j, &candidate, lfirst(lcv),
							problem_with_sessions(problem, lfirst(lcv)), at_most, &findings);
			if (problem->state != STATE_UNMET)
				continue;
			foreach(lcv, candidate.in_reach)
				add_finding(j, &candidate, lfirst(lcv), problem_with_rollback(problem),
							at_most, &findings);
		}
	}
	return without_what_columns_say(without_repetition(findings));
}
