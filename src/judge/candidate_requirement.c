/*
 * candidate_requirement.c
 *		Candidates: the requirements that a change may affect, with their state
 *		before and after it.
 *
 * The names that were changed lead to the requirements that depend on them.  Of these
 * the candidates are those that a tracked version needs which is not skipped.
 *
 * A transaction that is being judged holds locks that others wait for, so it only
 * tries for the locks it needs: see bounded_wait.c, and lock.c for what they are for.
 */
#include "postgres.h"

#include "base/guc.h"
#include "base/text_list.h"
#include "judge/judge_internal.h"
#include "utils/acl.h"
#include "verify/verify.h"

/* ---- which requirements ---- */

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

/* Do the rights of a role depend on those of the changed role? */
static bool
role_inherits(const char *role, const char *changed)
{
	Oid			roleid = get_role_oid(role, true);
	Oid			changedid = get_role_oid(changed, true);

	return strcmp(role, changed) == 0 ||
		(OidIsValid(roleid) && OidIsValid(changedid) &&
		 is_member_of_role_nosuper(roleid, changedid));
}

/* May the rights of the role have changed?  arg: the Judgement. */
static bool
role_is_changed(const char *role, void *arg)
{
	const Judgement *j = arg;
	ListCell   *lc;

	foreach(lc, j->change->roles)
	{
		if (role_inherits(role, ((ChangedName *) lfirst(lc))->key.name))
			return true;
	}
	return false;
}

/*
 * Append the requirements of every contract role whose rights may have changed, and
 * those that use a view or routine which such a role owns.
 */
static void
append_role_requirements(Judgement *j, int64 **ids, int *n)
{
	ListCell   *lc;
	List	   *seen = NIL;		/* of char *: roles done */
	int64	   *more;
	int			nmore;

	foreach(lc, registry_tracked_versions())
	{
		char	   *role = ((Version *) lfirst(lc))->role;

		if (text_list_has(seen, role))
			continue;
		seen = lappend(seen, role);
		if (!role_is_changed(role, j))
			continue;
		more = registry_requirements_by_role(role, &nmore);
		append_ids(ids, n, more, nmore);
	}
	more = registry_requirements_by_role_key(role_is_changed, j, &nmore);
	append_ids(ids, n, more, nmore);
}

/* Return the sorted ids of the requirements that depend on what has changed. */
static int64 *
changed_requirements(Judgement *j, int *n)
{
	int64	   *ids = NULL;
	List	   *keys = NIL;
	ListCell   *lc;
	int64	   *by_key;
	int			nby_key;

	*n = 0;
	if (!registry_any_tracked_version())
		return NULL;
	change_spread(j->change);
	if (j->change->everything)
		return registry_all_requirements(n);

	foreach(lc, j->change->names)
		keys = lappend(keys, &((ChangedName *) lfirst(lc))->key);
	by_key = registry_requirements_by_names(keys, &nby_key);
	append_ids(&ids, n, by_key, nby_key);
	if (j->change->roles != NIL)
		append_role_requirements(j, &ids, n);

	if (ids == NULL)
		return NULL;
	*n = registry_sort_ids(ids, *n);
	return ids;
}

static void
load_versions(Judgement *j)
{
	j->tracked = registry_tracked_versions();
	j->liveness = palloc0_array(VersionLiveness, list_length(j->tracked) + 1);
}

int
judgement_version_index(const Judgement *j, int64 id)
{
	int			low = 0;
	int			high = list_length(j->tracked);

	while (low < high)
	{
		int			middle = (low + high) / 2;
		const Version *version = list_nth(j->tracked, middle);

		if (version->id == id)
			return middle;
		if (version->id > id)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

VersionLiveness
judgement_version_liveness(Judgement *j, int index)
{
	VersionLiveness *liveness = &j->liveness[index];
	Version    *version = list_nth(j->tracked, index);

	if (*liveness != LIVENESS_UNKNOWN)
		return *liveness;

	/* Right after a restore, without ids, it is not known what is ready. */
	if (registry_version_is_live(version, j->writes))
		*liveness = LIVENESS_LIVE;
	else if (registry_is_rollback_target(j->tracked, version))
		*liveness = j->ids != NULL && registry_version_is_ready(version->id)
			? LIVENESS_ROLLBACK_TARGET : LIVENESS_TRACKED;
	else if (!j->writes || registry_mark_skipped(version))
		*liveness = LIVENESS_SKIPPED;
	else
		*liveness = LIVENESS_TRACKED;
	return *liveness;
}

bool
judgement_version_counts(int64 version_id, void *arg)
{
	int			index = judgement_version_index(arg, version_id);

	return index >= 0 && judgement_version_liveness(arg, index) != LIVENESS_SKIPPED;
}

/* ---- waiting ---- */

#define WHY_RELATIONS "The requirements on the changed relations must be verified."
#define WHY_OBJECTS	"The requirements on the changed objects must be locked."

#define TRIES_AFTER_END	3

/* The lock may be taken again before verification tries it once more. */
void
judgement_wait(Judgement *j)
{
	LOCKTAG		tag;
	LOCKMODE	mode;
	bool		known = verify_wanted_lock(&tag, &mode);
	bool		ended = wait_limit_ended(&j->limit);

	/*
	 * A lock that functions try for may be one that a session keeps on
	 * purpose.
	 */
	if (ended && (j->options.last_try || known) && j->tries_after_end++ >= TRIES_AFTER_END)
		wait_limit_report(&j->limit, WHY_RELATIONS,
						  known ? "sessions that lock it again and again for a moment"
						  : "a session that has an index or a partition locked", false);
	if (known)
	{
		wait_for_lock(&tag, mode, &j->limit, WHY_RELATIONS);
		(void) LockRelease(&tag, mode, false);
	}
	else
		wait_nap(10);
	j->options.last_try = ended;
}

void
judgement_lock(Judgement *j, const int64 *ids, int n)
{
	registry_lock_requirements(ids, n, &j->limit, WHY_OBJECTS);
}

void
judgement_verify(Judgement *j, Requirement **reqs, int n, VerifyOptions options, VerifyResult **answers)
{
	while (!verify_requirements(reqs, n, options, answers))
	{
		judgement_wait(j);
		options.last_try = j->options.last_try;
	}
}

/* ---- the steps ---- */

/*
 * Find the candidates of a change that must not write and is the first one after a
 * restore: all requirements, whose state before the change has to be verified now.
 */
static bool
find_candidates_after_restore(Judgement *j)
{
	VerifyOptions options = {.within_time = true, .spent = &j->spent};
	VerifyResult **answers;

	j->reqs = requirements_to_verify_initially(&j->ncandidates);
	answers = palloc0_array(VerifyResult *, j->ncandidates);
	judgement_verify(j, j->reqs, j->ncandidates, options, answers);
	j->before = palloc0_array(StoredState, j->ncandidates);
	for (int i = 0; i < j->ncandidates; i++)
	{
		StoredState *before = &j->before[i];

		before->known = true;
		before->state = answers[i]->state;
		before->ever_met = (answers[i]->state == STATE_MET);
		before->problems = problems_to_json(answers[i]->problems);
	}
	return j->ncandidates > 0;
}

/* Load the candidates: all are there, because our lock excludes removal. */
static void
load_candidates(Judgement *j, int n)
{
	int64	   *linked = palloc_array(int64, n);

	memcpy(linked, j->ids, sizeof(int64) * n);
	j->ncandidates = n;
	j->reqs = registry_load_requirements(j->ids, &j->ncandidates);
	for (int i = 0; i < n; i++)
	{
		if (i == j->ncandidates || j->ids[i] != linked[i])
			registry_report_missing("requirement", linked[i]);
	}
	j->before = registry_read_states(j->ids, n);
	for (int i = 0; i < n; i++)
	{
		if (!j->before[i].known && !registry_needs_initial_verification())
			registry_report_missing("requirement_state", j->ids[i]);
	}
}

bool
judgement_find_candidates(Judgement *j)
{
	int			n;

	if (!j->writes && registry_needs_initial_verification())
	{
		load_versions(j);
		return find_candidates_after_restore(j);
	}
	j->ids = changed_requirements(j, &n);
	if (n > 0 || judgement_checks_candidates())
		load_versions(j);
	if (n > 0)
		n = registry_keep_linked(j->ids, n, judgement_version_counts, j);
	if (n == 0)
		return false;
	if (j->writes)
		judgement_lock(j, j->ids, n);

	/*
	 * Load only now: a transaction that had them locked may have changed
	 * them.
	 */
	load_candidates(j, n);
	return true;
}

bool
judgement_verify_candidates(Judgement *j)
{
	VerifyOptions options = j->options;
	KnownPartitions known = {.changed = j->change->relids};

	j->after = palloc0_array(VerifyResult *, j->ncandidates);
	known.stored = palloc_array(List *, j->ncandidates);
	for (int i = 0; i < j->ncandidates; i++)
		known.stored[i] = j->before[i].parts;
	if (known.changed != NIL && !j->all_parts)
		options.known_partitions = &known;
	return verify_requirements(j->reqs, j->ncandidates, options, j->after);
}

bool
judgement_checks_candidates(void)
{
	return guard_check_candidates && guard_mode == MODE_ENFORCE;
}
