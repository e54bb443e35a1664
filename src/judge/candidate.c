/*
 * candidate.c
 *		Which requirements may feel a change, how they stood and how they stand.
 *
 * From what was touched to the requirements that have it among their keys, and
 * from those to the ones that a version needs which is live, or which a rollback
 * may go to.
 *
 * A transaction that is being judged holds locks that others wait for, so it only
 * tries for those it needs: see limit.c, and lock.c for what they are for.
 */
#include "postgres.h"

#include "base/guc.h"
#include "judge/judge_internal.h"
#include "lib/qunique.h"
#include "utils/acl.h"
#include "verify/verify.h"

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

/* May what the role is allowed to do be other than before?  arg: the Case. */
static bool
role_is_touched(const char *role, void *arg)
{
	const Case *c = arg;
	ListCell   *lc;

	foreach(lc, c->touched->roles)
	{
		if (role_inherits(role, ((TouchedName *) lfirst(lc))->key.name))
			return true;
	}
	return false;
}

/*
 * The requirements of every contract role whose rights may have changed, and those
 * that go through the view or routine of such a role.
 */
static void
append_role_requirements(Case *c, int64 **ids, int *n)
{
	ListCell   *lc;
	List	   *seen = NIL;		/* of char *: roles done */
	int64	   *more;
	int			nmore;

	foreach(lc, registry_kept_versions())
	{
		char	   *role = ((Version *) lfirst(lc))->role;

		if (text_list_has(seen, role))
			continue;
		seen = lappend(seen, role);
		if (!role_is_touched(role, c))
			continue;
		more = registry_requirements_by_role(role, &nmore);
		append_ids(ids, n, more, nmore);
	}
	more = registry_requirements_by_role_key(role_is_touched, c, &nmore);
	append_ids(ids, n, more, nmore);
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
	if (!registry_any_kept_version())
		return NULL;
	touched_spread(c->touched);
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
int
case_version_place(const Case *c, int64 id)
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

Standing
case_version_standing(Case *c, int place)
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

bool
case_version_counts(int64 version_id, void *arg)
{
	int			place = case_version_place(arg, version_id);

	return place >= 0 && case_version_standing(arg, place) != PASSED_OVER;
}

/* ---- waiting ---- */

#define WHY_RELATIONS "Requirement: one of those on the relations changed."
#define WHY_OBJECTS	"Requirement: one of those on the objects changed."

#define TRIES_AFTER_END	3

/*
 * Until what verification gave up on is to be had, which it need not be any more
 * when it is tried again.
 */
void
case_wait(Case *c)
{
	LOCKTAG		tag;
	LOCKMODE	mode;
	bool		known = verify_wanted_lock(&tag, &mode);
	bool		ended = wait_limit_ended(&c->limit);

	/* What functions want may be what somebody keeps on purpose. */
	if (ended && (c->options.last_try || known) && c->tries_after_end++ >= TRIES_AFTER_END)
		wait_limit_report(&c->limit, WHY_RELATIONS,
						known ? "one who has it again and again for a moment"
						: "one who has an index or a part of it locked", false);
	if (known)
	{
		wait_for_lock(&tag, mode, &c->limit, WHY_RELATIONS);
		(void) LockRelease(&tag, mode, false);
	}
	else
		wait_nap(10);
	c->options.last_try = ended;
}

void
case_lock(Case *c, const int64 *ids, int n)
{
	registry_lock_requirements(ids, n, &c->limit, WHY_OBJECTS);
}

void
case_verify(Case *c, Requirement **reqs, int n, VerifyOptions options, VerifyResult **answers)
{
	while (!verify_requirements(reqs, n, options, answers))
	{
		case_wait(c);
		options.last_try = c->options.last_try;
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
	VerifyOptions as_it_is = {.within_time = true, .spent = &c->spent};
	VerifyResult **answers;

	c->reqs = requirements_to_establish(&c->ncandidates);
	answers = palloc0_array(VerifyResult *, c->ncandidates);
	case_verify(c, c->reqs, c->ncandidates, as_it_is, answers);
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
bool
case_find_candidates(Case *c)
{
	int			n;

	if (!c->writes && registry_is_unestablished())
	{
		load_versions(c);
		return find_candidates_after_restore(c);
	}
	c->ids = touched_requirements(c, &n);
	if (n > 0 || case_left_out_matters())
		load_versions(c);
	if (n > 0)
		n = registry_keep_linked(c->ids, n, case_version_counts, c);
	if (n == 0)
		return false;
	if (c->writes)
		case_lock(c, c->ids, n);

	/* Only now: who had them locked may have changed states and baselines. */
	load_candidates(c, n);
	return true;
}

bool
case_verify_candidates(Case *c)
{
	VerifyOptions options = c->options;
	KnownPartitions	known = {.touched = c->touched->relids};

	c->after = palloc0_array(VerifyResult *, c->ncandidates);
	known.stored = palloc_array(List *, c->ncandidates);
	for (int i = 0; i < c->ncandidates; i++)
		known.stored[i] = c->before[i].parts;
	if (known.touched != NIL && !c->all_parts)
		options.known_partitions = &known;
	return verify_requirements(c->reqs, c->ncandidates, options, c->after);
}

bool
case_left_out_matters(void)
{
	return guard_check_candidates && guard_mode == MODE_ENFORCE;
}
