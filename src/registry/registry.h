/*
 * registry.h
 *		What is remembered: apps, versions, requirements and what became of them.
 *
 * The only code that touches the extension's tables.  It reads and writes them
 * as the server does its own catalogs: without privileges, row security,
 * triggers or the transaction's snapshot, so that a judgement in a REPEATABLE
 * READ transaction sees a version registered a moment ago, and so that it may
 * write at PRE_COMMIT, where nothing queued would run any more.
 *
 * The tables fall in two groups.  What was said (app, version, requirement,
 * version_requirement, policy) is dumped.  What was found (requirement_state,
 * requirement_key) is not: it is found again after a restore (establish.c).
 *
 * Everything returned is in CurrentMemoryContext.  Arrays of ids are sorted and
 * without duplicates: they are looked up in one go.
 */
#ifndef COMPAT_GUARD_REGISTRY_H
#define COMPAT_GUARD_REGISTRY_H

#include "contract/contract.h"
#include "datatype/timestamp.h"
#include "verify/verify.h"

/* ---- the lock between registrations and judgements (lock.c) ---- */

/*
 * Registrations do not exclude one another, nor do judgements; a registration
 * and a judgement do, to transaction end, so that the later one sees what the
 * earlier one did.
 */
extern void registry_lock_for_registration(void);
extern bool registry_try_lock_for_registration(void);	/* false: not at once */
extern void registry_unlock_for_registration(void);	/* before anything was written */

/*
 * False if it is not to be had right now.  If it is, the extension may have
 * been dropped meanwhile.
 */
extern bool registry_lock_for_judgement(void);

/*
 * For looking at the registry without any of these.  Waits for DROP EXTENSION,
 * and returns false if there is no extension any more.
 */
extern bool registry_lock_against_drop(void);
extern void registry_unlock_against_drop(void);

/* For taking requirements away: excludes both of the above and itself. */
extern void registry_lock_for_removal(void);
extern bool registry_try_lock_for_removal(void);	/* false: not at once */
extern void registry_unlock_for_removal(void);	/* before anything was written */

/*
 * Lock requirements, by id in ascending order, against other judgements until
 * transaction end.  The first only tries: false if another transaction has one.
 */
extern bool registry_try_lock_requirements(const int64 *ids, int n);
extern void registry_lock_requirement(int64 id);

/* ---- apps and versions (version.c) ---- */

typedef struct App
{
	int64		id;
	char	   *name;
	char	   *owner;			/* role name */
} App;

typedef struct Version
{
	int64		id;
	int64		app_id;
	char	   *app;			/* its app's name; NULL from registry_live_versions */
	char	   *name;
	char	   *role;
	bytea	   *digest;
	int64		nrequirements;
	bool		retired;
} Version;

/* NULL if there is none. */
extern App *registry_find_app(const char *name);
extern Version *registry_find_version(const App *app, const char *name);

/*
 * Insert unless a committed or own row has the name; waits for concurrent
 * inserters of the same name.  Return false if there is one now.
 */
extern bool registry_insert_app(const char *name, const char *owner);
extern bool registry_insert_version(const App *app, const char *name,
									const Contract *contract, int64 nrequirements,
									int64 *id);
extern Version *registry_load_version(int64 id);

extern void registry_update_version(const Version *version, const Contract *contract,
									int64 nrequirements);
extern void registry_retire_version(const Version *version, const char *reason);
extern void registry_delete_version(const Version *version);

/* Delete an app that has no version left. */
extern void registry_delete_app_if_empty(const App *app);

/* Versions that count: not retired.  Newest first. */
extern List *registry_live_versions(void);	/* of Version * */
extern char *registry_app_name(int64 app_id);

/* ---- requirements (requirement.c) ---- */

/* What was last found about a requirement. */
typedef struct StoredState
{
	bool		known;			/* false: no row yet */
	RequirementState state;
	bool		ever_met;
	Jsonb	   *problems;		/* as problems_to_json makes it */
} StoredState;

/*
 * Store what a version needs and what was found about it.  A requirement that
 * another version has already, by digest, is shared.  The requirements come
 * sorted by digest, so that concurrent registrations do not deadlock.  Sets
 * each req->id.
 */
extern void registry_store_requirements(int64 version_id, Requirement **reqs,
										Observation **found, int n);
extern void registry_set_baseline(const Requirement *req, Jsonb *baseline);

/* Those of the ids that are gone are taken out of the array. */
extern Requirement **registry_load_requirements(int64 *ids, int *n);

extern void registry_unlink_all(int64 version_id);

/* Does any version that has the requirement pass the test?  Newest first. */
typedef bool (*VersionTest) (int64 version_id, void *arg);
extern bool registry_any_link(int64 requirement_id, VersionTest test, void *arg);
/* Keep the ids of which that is true; returns how many. */
extern int	registry_keep_linked(int64 *ids, int n, VersionTest test, void *arg);
extern List *registry_requirements_of(int64 version_id);	/* of Requirement * */

/* Drop requirements no version links to any more, from among those given. */
extern void registry_drop_orphans(List *requirements);

/* ---- which requirements may feel a change (key.c) ---- */

/* Sorted ids, without duplicates, of the requirements that have any of the keys. */
extern int64 *registry_requirements_by_keys(List *keys, int *n);	/* of ObjectKey * */
extern int64 *registry_requirements_by_role(const char *role, int *n);
extern int64 *registry_all_requirements(int *n);

/* ---- what was found (state.c) ---- */

extern StoredState *registry_read_states(const int64 *ids, int n);	/* an array */

/* How many of a version's requirements are unmet, and of these were met before. */
extern void registry_count_unmet(int64 version_id, int64 *unmet, int64 *broken);

/*
 * Remember what was found, in place of what was known before.  Locks those
 * requirements, in ascending order, for which that changes anything.
 */
extern void registry_save_states(const int64 *ids, const StoredState *before,
								 Observation **found, int n);

/* Forget what was found, and where to look, about those of the requirements
 * that no live version has. */
extern void registry_forget_found_unless_live(List *requirements);

/* Restored from a dump and nothing found yet? */
extern bool registry_is_unestablished(void);

extern Jsonb *problems_to_json(List *problems);

/* ---- policy (policy.c) ---- */

/* The action for a rule and app: the app's policy, else everybody's, else the
 * default, which may be another where the harm is proven. */
extern RuleAction registry_action(RuleId rule, const char *app, bool proven);
extern void registry_set_policy(RuleId rule, const char *app, const char *action);	/* NULL: default */

#endif							/* COMPAT_GUARD_REGISTRY_H */
