/*
 * finding.c
 *		Findings: what was met before the change and no longer is.
 *
 * There is one for each problem and each version that needs the requirement, with the
 * statements that caused it.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "judge/judge.h"
#include "judge/judge_internal.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

/* A requirement that the change may affect. */
typedef struct AffectedRequirement
{
	const Requirement *req;
	const StoredState *before;
	const VerifyResult *after;
	List	   *versions;		/* of Version *: live ones that need it */
	List	   *rollback_targets;	/* of Version *: those that need it */
	bool		is_traced;		/* are the following members set? */
	const char *statement;		/* that changed it, or NULL */
	int			script_number;	/* of that in a previewed script, or 0 */
	const char *change;			/* the first changed relation, or NULL */
	List	   *changed_relations;	/* of ObjectName * */
} AffectedRequirement;

/* Was there a problem before that agrees in the members that are set? */
static bool
problem_is_known(const StoredState *before, const Problem *problem)
{
	Problem		same = *problem;
	Jsonb	   *json;
	ListCell   *lc;

	if (before->problems == NIL)
		return false;
	if (problem->by_expected)
		same.found = NULL;
	json = problem_to_json(&same);
	foreach(lc, before->problems)
	{
		if (DatumGetBool(DirectFunctionCall2(jsonb_contains, JsonbPGetDatum((Jsonb *) lfirst(lc)),
											 JsonbPGetDatum(json))))
			return true;
	}
	return false;
}

bool
problem_was_there(const StoredState *before, const Problem *problem)
{
	Problem		same = {.rule = problem->rule, .state = problem->state,
	.expected = problem->expected};

	return problem_is_known(before, &same);
}

/*
 * Was a problem of the rule undecided before?  If the problem has a subject, only one
 * with the same expectation counts.
 */
static bool
was_undecided(const StoredState *before, const Problem *problem)
{
	Problem		any = {.rule = problem->rule, .state = STATE_UNKNOWN};

	if (problem->subject != NULL)
		any.expected = problem->expected;
	return problem_is_known(before, &any);
}

/* Has this transaction caused the problem, and which action does it permit at most? */
static bool
problem_counts(const AffectedRequirement *affected, Problem *problem, RuleAction *at_most)
{
	const StoredState *before = affected->before;
	const Problem not_verified = {.rule = RULE_NOT_VERIFIED, .state = STATE_UNKNOWN};
	Problem		same = *problem;

	/*
	 * A body that does not resolve may now fail for another reason than
	 * before.
	 */
	if (problem->rule == RULE_ROUTINE_BODY_BROKEN)
	{
		same.found = NULL;
		same.sqlstate = NULL;
	}

	*at_most = ACTION_BLOCK;
	if (!before->known || problem_is_known(before, &same) ||
		before->state == STATE_UNMET)
		return false;

	/* This transaction does not cause that a body cannot be checked. */
	if (problem->state == STATE_UNKNOWN && problem->rule == RULE_ROUTINE_BODY_BROKEN)
		return false;

	/*
	 * What is undecided, before or after, is no proven breakage.  A problem
	 * of another rule that was undecided does not matter, unless it kept the
	 * verifier from going on.
	 */
	if (problem->state == STATE_UNKNOWN || was_undecided(before, problem) ||
		(problem->state == STATE_UNMET && was_undecided(before, &not_verified)))
		*at_most = ACTION_WARN;
	return true;
}

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

/* ---- the statements that caused it ---- */

/*
 * A set of statements, and their text.  A change may have thousands of names, and affect
 * thousands of requirements.  So names are looked up in a hash table, and the text of
 * the statements that have caused something together is made once.
 */
typedef struct StatementSet
{
	Bitmapset  *statements;		/* their numbers; must be first */
	const char *text;
} StatementSet;

struct Trace
{
	HTAB	   *names;			/* of NameEntry */
	HTAB	   *sets;			/* of StatementSet */
};

typedef struct NameEntry
{
	ObjectName *key;			/* must be first */
	Bitmapset  *statements;		/* numbers of those that changed it */
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

/* Add the numbers of statements to a set. */
static Bitmapset *
numbers_of(Bitmapset *numbers, List *statements)
{
	ListCell   *lc;

	foreach(lc, statements)
		numbers = bms_add_member(numbers, ((ChangeStatement *) lfirst(lc))->number);
	return numbers;
}

/* Enter the changed names, with the statements that changed them. */
static Trace *
begin_trace(const Judgement *j)
{
	Trace	   *trace = palloc_object(Trace);
	HASHCTL		names = {
		.keysize = sizeof(ObjectName *), .entrysize = sizeof(NameEntry),
		.hash = hash_key, .match = match_keys, .hcxt = CurrentMemoryContext
	};
	HASHCTL		sets = {
		.keysize = sizeof(Bitmapset *), .entrysize = sizeof(StatementSet),
		.hash = bitmap_hash, .match = bitmap_match, .hcxt = CurrentMemoryContext
	};
	ListCell   *lc;

	trace->names = hash_create("compat_guard changed names", list_length(j->change->names) + 1,
							   &names, HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	trace->sets = hash_create("compat_guard statement sets", 16, &sets,
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

/* Return the text of a set of statements, made once. */
static const char *
set_text(const Judgement *j, Trace *trace, Bitmapset *numbers)
{
	bool		found;
	StatementSet *set = hash_search(trace->sets, &numbers, HASH_ENTER, &found);
	List	   *statements = NIL;
	int			number = -1;

	if (found)
		return set->text;
	set->text = NULL;
	while ((number = bms_next_member(numbers, number)) >= 0)
		statements = lappend(statements, list_nth(j->change->statements, number));
	return set->text = statement_texts(statements);
}

/* Return the first of two relations by name, because they come in no order. */
static const char *
first_label(const char *label, const ObjectName *key)
{
	const char *other = quote_qualified_identifier(key->schema, key->name);

	return label == NULL || strcmp(other, label) < 0 ? other : label;
}

/* Return the number in a previewed script of the first of a set of statements, or 0. */
static int
script_number(const Judgement *j, const Bitmapset *statements)
{
	int			number = -1;

	while ((number = bms_next_member(statements, number)) >= 0)
	{
		const ChangeStatement *statement = list_nth(j->change->statements, number);

		if (!statement->undone)
			return statement->script_number;
	}
	return 0;
}

/* Find what has changed of what the requirement depends on, and the statements that did it. */
static void
find_causing_statements(Judgement *j, AffectedRequirement *affected)
{
	Bitmapset  *causing = NULL;
	ListCell   *lc;

	if (affected->is_traced)
		return;
	affected->is_traced = true;
	if (j->trace == NULL)
		j->trace = begin_trace(j);
	foreach(lc, affected->after->keys)
	{
		ObjectName *key = lfirst(lc);
		NameEntry  *entry = hash_search(j->trace->names, &key, HASH_FIND, NULL);

		if (entry == NULL)
			continue;
		causing = bms_add_members(causing, entry->statements);
		if (key->classid == RelationRelationId)
		{
			affected->change = first_label(affected->change, key);
			affected->changed_relations = lappend(affected->changed_relations, key);
		}
	}
	if (causing == NULL)
		causing = numbers_of(NULL, j->change->statements);
	affected->statement = set_text(j, j->trace, causing);
	affected->script_number = script_number(j, causing);
}

/* ---- the versions it affects ---- */

typedef struct AffectedSearch
{
	Judgement  *judgement;
	AffectedRequirement *affected;
} AffectedSearch;

static bool
add_affected_version(int64 version_id, void *arg)
{
	AffectedSearch *search = arg;
	AffectedRequirement *affected = search->affected;
	int			index = judgement_version_index(search->judgement, version_id);
	VersionLiveness liveness = index >= 0 ? judgement_version_liveness(search->judgement, index) : LIVENESS_SKIPPED;
	Version    *version;

	if (liveness != LIVENESS_LIVE && liveness != LIVENESS_ROLLBACK_TARGET)
		return false;
	version = list_nth(search->judgement->tracked, index);
	if (version->app == NULL)
		version->app = registry_app_name(version->app_id);
	if (liveness == LIVENESS_LIVE)
		affected->versions = lappend(affected->versions, version);
	else
		affected->rollback_targets = lappend(affected->rollback_targets, version);
	return false;				/* go on */
}

static void
find_affected_versions(Judgement *j, AffectedRequirement *affected)
{
	AffectedSearch search = {j, affected};

	if (affected->versions == NIL && affected->rollback_targets == NIL)
		(void) registry_any_link(affected->req->id, add_affected_version, &search);
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
 * Keep the first of a version's findings that have the same rule and subject, such as
 * a trigger that five of its statements would fire.
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

/* Does the version have a finding of the rule on the column that the remark is about? */
static bool
column_has_finding(const Finding *remark, RuleId rule, List *findings)
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

/* Leave out remarks on a column where a finding says that the change breaks it. */
static List *
without_column_remarks(List *findings)
{
	List	   *kept = NIL;
	ListCell   *lc;

	foreach(lc, findings)
	{
		Finding    *finding = lfirst(lc);
		const Problem *problem = finding->problem;
		bool		is_of_column = problem->relation != NULL && problem->column != NULL;

		if (is_of_column && problem->rule == RULE_COLUMN_NARROWED &&
			column_has_finding(finding, RULE_COLUMN_TYPE, findings))
			continue;
		/* Only NOT NULL is a constraint of one column. */
		if (is_of_column && problem->rule == RULE_CONSTRAINT_ADDED &&
			column_has_finding(finding, RULE_COLUMN_REJECTS_NULL, findings))
			continue;
		kept = lappend(kept, finding);
	}
	return kept;
}

/* Add a finding, unless its action is to ignore it. */
static void
add_finding(Judgement *j, AffectedRequirement *affected, const Version *version,
			const Problem *problem, RuleAction at_most, List **findings)
{
	Finding    *finding = palloc0_object(Finding);

	if (requirement_bool(affected->req, "learned"))
		at_most = Min(at_most, registry_action(RULE_LEARNED, version->app, false));
	finding->action = Min(registry_action(problem->rule, version->app, problem->proven),
						  at_most);
	finding->app = version->app;
	finding->version = version->name;
	finding->req = affected->req;
	finding->problem = problem;
	find_causing_statements(j, affected);
	finding->statement = affected->statement;
	finding->script_number = affected->script_number;
	finding->change = affected->change;
	finding->changed_relations = affected->changed_relations;
	if (finding->action != ACTION_IGNORE)
		*findings = lappend(*findings, finding);
}

/*
 * Return a problem with a rule of its own if this change makes unknown what was met:
 * that is more than a remark, because the next change could break it and nothing could
 * be proven any more.  But not if there was no time, which no change causes.
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

/* Return a copy of the problem as one that prevents a rollback to a version. */
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
		AffectedRequirement affected = {
			.req = j->reqs[i], .before = &j->before[i], .after = j->after[i]
		};
		ListCell   *lcp;
		ListCell   *lcv;

		CHECK_FOR_INTERRUPTS();
		foreach(lcp, affected.after->problems)
		{
			Problem    *problem = lfirst(lcp);
			RuleAction	at_most;

			if (!problem_counts(&affected, problem, &at_most))
				continue;
			problem = problem_with_verification(affected.before, problem, &at_most);

			/* Only the requirement of the relation says that it is missing. */
			if (problem->no_relation && affected.req->kind != REQUIREMENT_RELATION)
				continue;
			find_affected_versions(j, &affected);
			foreach(lcv, affected.versions)
				add_finding(j, &affected, lfirst(lcv),
							problem_with_sessions(problem, lfirst(lcv)), at_most, &findings);
			if (problem->state != STATE_UNMET)
				continue;
			foreach(lcv, affected.rollback_targets)
				add_finding(j, &affected, lfirst(lcv), problem_with_rollback(problem),
							at_most, &findings);
		}
	}
	return without_column_remarks(without_repetition(findings));
}
