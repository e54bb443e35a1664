/*
 * registry.h
 *		What is stored: apps, versions, requirements and what was found about them.
 *
 * The registry is the only code that touches the extension's tables.  It reads and
 * writes them as the server does its own catalogs: without privileges, row security,
 * triggers or the transaction's snapshot, so that a judgement in a REPEATABLE
 * READ transaction sees a version registered a moment ago, and so that it may
 * write at PRE_COMMIT, where nothing queued would run any more.
 *
 * The tables fall in two groups.  What was said or done (app, version, instance,
 * requirement, baseline, version_requirement, policy, journal_entry, expansion) is dumped.  What was
 * found (requirement_state, problem, requirement_dependency) is not: it is found again after a restore
 * (reverify.c).
 *
 * All results are in CurrentMemoryContext.  Arrays of ids are sorted and
 * without duplicates: they are looked up in one go.
 */
#ifndef COMPAT_GUARD_REGISTRY_H
#define COMPAT_GUARD_REGISTRY_H

#include "access/htup.h"
#include "access/xact.h"
#include "base/bounded_wait.h"
#include "base/compat.h"
#include "contract/contract.h"
#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "storage/lock.h"
#include "verify/verify.h"

/* ---- tables (store.c) ---- */

/*
 * Raise ERRCODE_GUARD_DAMAGED unless each table is there, and has the columns and
 * indexes it was made with.
 */
extern void registry_check_tables(void);

/* ---- locks (lock.c) ---- */

/*
 * What the registry is locked for, to transaction end unless it is unlocked.
 * Registrations do not exclude one another, nor do judgements; a registration and a
 * judgement do, so that the later one sees what the earlier one did.
 */
typedef enum RegistryLock
{
	REGISTRY_LOCK_AGAINST_DROP = AccessShareLock,	/* to look at it: excludes
													 * dropping it */
	REGISTRY_LOCK_REGISTRATION = RowExclusiveLock,	/* mode A of lock.c */
	REGISTRY_LOCK_JUDGEMENT = ShareLock,	/* mode B */
	REGISTRY_LOCK_REMOVAL = ShareRowExclusiveLock,	/* to take requirements
													 * away: excludes both of
													 * these and itself */
	REGISTRY_LOCK_DROP = AccessExclusiveLock	/* excludes all of them */
} RegistryLock;

/*
 * Lock the registry.  All but the try raise ERRCODE_GUARD_BUSY if the wait takes
 * longer than compat_guard.ddl_lock_timeout, or than the limit.  Unless the extension
 * was dropped meanwhile: then registry_lock raises an error, and the within and
 * against_drop ones return false.
 */
extern void registry_lock(RegistryLock mode);
extern bool registry_lock_within(RegistryLock mode, const WaitLimit *limit);
extern bool registry_lock_against_drop(void);
extern void registry_lock_for_drop(void);	/* nothing if it is locked so */

/* Lock the registry unless that would have to wait; return whether it is locked. */
extern bool registry_try_lock(RegistryLock mode);

/* Unlock the registry, which is permitted before anything was written under the lock. */
extern void registry_unlock(RegistryLock mode);

/*
 * Unlock the registry after a judgement that has saved nothing; requirements: also
 * those that were locked last.
 */
extern void registry_unlock_after_judgement(bool requirements);

/*
 * Lock requirements, whose ids are in ascending order, against others who do so, until
 * transaction end.  why: see bounded_wait.h.
 */
extern void registry_lock_requirements(const int64 *ids, int n, const WaitLimit *limit,
									   const char *why);

/* Lock requirements, whose ids are in ascending order, whose state is to be saved. */
extern void registry_lock_to_save(const int64 *ids, int n);

/*
 * Lock the row of a version or instance against others who do so, until
 * transaction end.  The lock of a version's row comes before that for registration.
 * The try returns false if it would have to wait.
 */
extern void registry_lock_row(int64 id);
extern bool registry_try_lock_row(int64 id);

/* Lock the row against registry_lock_row alone. */
extern void registry_share_row(int64 id);

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
	char	   *app;			/* its app's name; NULL in lists */
	char	   *name;
	char	   *role;
	bytea	   *digest;
	int64		nrequirements;
	bool		retired;
	bool		skipped;		/* what was found about it may be out of date */
	bool		attaches;		/* sessions were ever attached to it */
	bool		leases;			/* its instances ever had leases */
	bool		has_support;
	TimestampTz supported_until;
	char	   *replaces;		/* the version that it replaces, or NULL */
	char	   *replaced_by;	/* the version that replaces it, or NULL */
} Version;

/* Lock a table of the registry for reading, unless that would have to wait. */
extern bool registry_try_read(const char *table);

/* Return an app or a version, or NULL if none has the name or id. */
extern App *registry_find_app(const char *name);
extern Version *registry_find_version(const App *app, const char *name);
extern Version *registry_load_version(int64 id);

/* Return the name of an app that has to be there. */
extern char *registry_app_name(int64 app_id);

/*
 * Insert an app or a version unless a committed row or one of this transaction has
 * the name.  Wait for transactions that are inserting one.  Return false if there is
 * one.
 */
extern bool registry_insert_app(const char *name, const char *owner);
extern bool registry_insert_version(const App *app, const char *name,
									const Contract *contract, int64 nrequirements,
									int64 *id);

/* Replace the contract of a version, all of which was just verified. */
extern void registry_update_version(const Version *version, const Contract *contract,
									int64 nrequirements);
extern void registry_set_requirement_count(const Version *version, int64 nrequirements);
extern void registry_retire_version(const Version *version, const char *reason);
extern void registry_delete_version(const Version *version);

/* Delete an app that has no version left. */
extern void registry_delete_app_if_empty(const App *app);

/*
 * Set what a version is live by.  These need the lock of its row, and after it that
 * for registration.  NULL unsets.
 */
extern void registry_set_use(const Version *version, bool attaches, bool leases);
extern void registry_set_support(const Version *version, const TimestampTz *until);
extern void registry_set_replaces(const Version *version, const char *other);
extern void registry_set_replaced_by(const Version *version, const char *other);

/* Make a version neither retired nor skipped any more. */
extern void registry_activate_version(const Version *version);

/*
 * Mark a version as skipped: what is found about it is not kept up to date from now
 * on.  registry_mark_skipped does so in a judgement, and returns false if another
 * judgement that has not ended is doing it; registry_skip_version where judgements are
 * locked out.
 */
extern bool registry_mark_skipped(const Version *version);
extern void registry_skip_version(const Version *version);

/* ---- rights (rights.c) ---- */

/* Does the current user have the right? */
extern bool registry_owns_app(const App *app);
extern bool registry_may_retire(const App *app);
extern bool registry_may_read(const App *app, const Version *version);
extern bool registry_may_read_all(void);

/* May the role call register()? */
extern bool registry_may_register(Oid role);

/* Return the names of the roles that may retire the app's versions, except superusers. */
extern List *registry_retiring_roles(const App *app);	/* of char * */

/* ---- liveness of versions (live.c) ---- */

/*
 * Is the version live?  All code asks this function.  skip: if it is not live and not
 * marked as skipped, keep it from being activated until this transaction ends, so that
 * it can be marked.
 */
extern bool registry_version_is_live(const Version *version, bool skip);

/* Return the tracked versions, whose states are kept up to date, newest first. */
extern List *registry_tracked_versions(void);	/* of Version * */

/* Return the live versions, newest first. */
extern List *registry_live_versions(void);	/* of Version * */

/*
 * May a rollback go to the version, which is tracked but not live?  Needs all tracked
 * versions, newest first.
 */
extern bool registry_is_rollback_target(List *tracked, const Version *version);

/*
 * Skip the retired versions of an app that are no rollback targets any more.  Needs
 * the lock for removal.
 */
extern void registry_stop_tracking_retired(int64 app_id);

/* Return how many requirements the live versions of a role's apps have in all. */
extern int64 registry_requirements_of_owner(const char *owner);

/* ---- attached sessions (attachment.c) ---- */

/*
 * Take VERSION_ACTIVATION_LOCK, before the version's row is read, until transaction
 * end.  Wait for judgements that skip the version.
 */
extern void registry_lock_activation(int64 version_id);

/*
 * Take VERSION_SKIP_LOCK until transaction end.  Return false if a session is attached
 * to the version or a transaction is activating it.
 */
extern bool registry_try_lock_skip(const Version *version);
extern void registry_unlock_skip(const Version *version);

/*
 * Attach this session to a version instead of the one it is attached to, or to none.
 * If the transaction fails, the session is attached as before it.
 */
extern void registry_attach(int64 version_id);
extern void registry_detach(void);

/* Has this transaction attached or detached the session? */
extern bool registry_attached_in_transaction(void);

/* Return the process numbers of the attached sessions.  Reads all of the lock table. */
extern List *registry_attached_sessions(const Version *version);

/*
 * The lock of a session that says by its settings who it is.  The try does not wait, and
 * what it takes is held to the end of the session, whatever becomes of the transaction.
 */
extern int64 registry_claim_key(const char *app, const char *version);
extern LOCKTAG registry_claim_tag(const char *app, const char *version);
extern bool registry_try_claim(const LOCKTAG *tag);
extern bool registry_claim_held(const LOCKTAG *tag);
extern void registry_release_claim(const LOCKTAG *tag);

/* Follow the end of a transaction or subtransaction; parent invalid: it failed. */
extern void registry_sessions_at_commit(void);
extern void registry_sessions_at_abort(void);
extern void registry_sessions_at_subtransaction_end(SubTransactionId mine,
													SubTransactionId parent);

/* ---- leases of instances (lease.c) ---- */

/*
 * Renew an instance's lease, or give it one; lease NULL: as long as before.
 * Return when it ends.  Raise ERRCODE_GUARD_UNKNOWN_VERSION if the instance has no
 * lease and lease is NULL, or if the version is gone.
 */
extern TimestampTz registry_renew_lease(const Version *version, const char *name,
										Interval *lease);
extern void registry_end_lease(int64 version_id, const char *name);
extern void registry_end_all_leases(int64 version_id);
extern bool registry_any_lease_runs(int64 version_id);

/* Does a lease with that last heartbeat and end protect its version now? */
extern bool lease_runs(TimestampTz heartbeat_at, TimestampTz expires_at, TimestampTz now);

/* ---- requirements (version_requirement.c) ---- */

/* What was last found about a requirement. */
typedef struct StoredState
{
	bool		known;			/* false: no row yet */
	RequirementState state;
	bool		ever_met;
	List	   *problems;		/* of Jsonb *, as problem_to_json makes them */
	List	   *parts;			/* of Oid, in pairs: see KnownPartitions */
} StoredState;

/*
 * Store what a version needs and what was found about it, and set each req->id.  A
 * requirement that another version has already, by digest, is shared.  The
 * requirements come sorted by digest, so that concurrent registrations do not
 * deadlock.
 */
extern void registry_store_requirements(int64 version_id, Requirement **reqs,
										VerifyResult **found, int n);

/*
 * Store the baselines of those of the requirements that had none, and are not unmet: they
 * were registered before they could be met.
 */
extern void registry_set_baselines(Requirement **reqs, VerifyResult **found, int n);

/* Load requirements; ids of those that are gone are taken out of the array. */
extern Requirement **registry_load_requirements(int64 *ids, int *n);
extern List *registry_requirements_of(int64 version_id);	/* of Requirement * */

/* Delete the links of a version to its requirements; declared: not to learned ones. */
extern void registry_unlink_all(int64 version_id);
extern void registry_unlink_declared(int64 version_id);
extern void registry_unlink(int64 version_id, int64 requirement_id);

/*
 * Does a version that has the requirement pass the test?  The newest is tested first,
 * the rest only until one passes.
 */
typedef bool (*VersionTest) (int64 version_id, void *arg);
extern bool registry_any_link(int64 requirement_id, VersionTest test, void *arg);

/* Keep the ids of requirements that such a version has; return how many. */
extern int	registry_keep_linked(int64 *ids, int n, VersionTest test, void *arg);

/*
 * Save what was found about all requirements of a version that is activated, sorted by
 * id, and the missing baselines if none is unmet.
 */
extern void registry_save_activated(Requirement **reqs, VerifyResult **found, int n);

/*
 * Delete what was found about the requirements, and the names they depend on, if no
 * tracked version has them.
 */
extern void registry_forget_found_unless_tracked(List *requirements);

/* Delete those of the requirements that no version has. */
extern void registry_drop_orphans(List *requirements);

/* ---- requirements that may be affected (requirement_dependency.c) ---- */

/* Raise ERRCODE_GUARD_DAMAGED: a row is missing that has to be there. */
compat_noreturn extern void registry_report_missing(const char *table, int64 id);

/* Return the requirements that depend on any of the names, as an array of ids. */
extern int64 *registry_requirements_by_names(List *keys, int *n);	/* of ObjectName * */

/* Return those that are verified as the role. */
extern int64 *registry_requirements_by_role(const char *role, int *n);

/* Sort n ids, drop duplicates, and return how many are left. */
extern int	registry_sort_ids(int64 *ids, int n);

/* Return those that depend on the rights of a role that passes the test. */
typedef bool (*RoleTest) (const char *role, void *arg);
extern int64 *registry_requirements_by_role_key(RoleTest test, void *arg, int *n);

/* Return those that have a state. */
extern int64 *registry_all_requirements(int *n);

/* Return the names by which a requirement found something when it was last met. */
extern List *registry_names_found(int64 requirement_id);	/* of ObjectName * */

/* ---- who needs what (need.c) ---- */

/* Return the live versions with a requirement that depends on one of the names. */
extern List *registry_live_versions_that_need(List *names); /* of Version * */

/* ---- what was found (state.c) ---- */

extern StoredState *registry_read_states(const int64 *ids, int n);	/* an array */

/* Count a version's requirements that are unmet, and those of them that were ever met. */
extern void registry_count_unmet(int64 version_id, int64 *unmet, int64 *broken);
extern bool registry_version_is_ready(int64 version_id);	/* is none unmet? */

/*
 * Save what was found, in place of what was known before.  Lock those
 * requirements, in ascending order, for which that changes anything.
 */
extern void registry_save_states(const int64 *ids, const StoredState *before,
								 VerifyResult **found, int n);

/* Is the database restored from a dump, with tracked versions but nothing found yet? */
extern bool registry_needs_initial_verification(void);

extern bool registry_any_tracked_version(void);

/* Return a problem, or each of a list of Problem *, as a JSON object. */
extern Jsonb *problem_to_json(const Problem *problem);
extern List *problems_to_json(List *problems);	/* of Jsonb * */

/* ---- what is learned from traffic (learned.c) ---- */

/* What the traffic of a version tells of one statement. */
typedef struct LearnedStatement
{
	int64		fingerprint;	/* of text, parameters, role and search path */
	int64		requirement_id;
	TimestampTz seen;
	int64		calls;			/* since it was told of last */
	bool		new_session;	/* the session had not sent it before */
} LearnedStatement;

extern int64 registry_count_learned(int64 version_id);

/* Return the ids of the requirements that were learned for the version, unsorted. */
extern List *registry_learned_ids(int64 version_id);	/* of int64 * */

/*
 * Add evidence to a statement that the version has learned; return false if it has not.
 * These are for the background worker, which alone writes what was learned.
 */
extern bool registry_add_evidence(int64 version_id, const LearnedStatement *statement);
extern void registry_add_learned(int64 version_id, const LearnedStatement *statement);

/* Count statements that were not learned, for a reason. */
extern void registry_count_unlearned(int64 version_id, const char *reason, int64 statements);

/*
 * Delete what was last seen before a moment; return the ids of its requirements.
 */
extern List *registry_forget_learned(int64 version_id, TimestampTz before); /* of int64 * */

/* Delete all that the traffic has told of a version. */
extern void registry_delete_learned(int64 version_id);

/* ---- policy (policy.c) ---- */

/*
 * Return the action for a rule and app: the app's policy, else the policy for every
 * app, else the default, which may be another where the harm is proven.
 */
extern RuleAction registry_action(RuleId rule, const char *app, bool proven);

/* Set the policy of a rule for an app ("" for every app); action NULL deletes it. */
extern void registry_set_policy(RuleId rule, const char *app, const char *action);

/* ---- expansions (expansion.c) ---- */

typedef enum ExpansionPhase
{
	PHASE_EXPANDED,				/* the new column is there, and both are
								 * written */
	PHASE_BACKFILLING,			/* rows are being migrated */
	PHASE_MIGRATED,				/* it was proved that the columns agree in
								 * every row */
	PHASE_CONTRACTED,			/* the old column is gone */
	PHASE_ABANDONED				/* the new column is gone */
} ExpansionPhase;

/* A column that is being replaced by another one. */
typedef struct ColumnExpansion
{
	int64		id;
	char	   *name;
	Oid			relid;
	char	   *old_column;
	char	   *new_column;
	char	   *up;				/* expression for the new column over the row */
	char	   *down;			/* for the old column */
	bool		null_on_error;	/* what becomes of a row for which up fails:
								 * its new column is null, or it is rejected */
	char	   *trigger;
	ExpansionPhase phase;
	int64		rows_total;		/* estimated when the backfill began */
	int64		rows_done;		/* that the backfill has written */
	int64		rows_skipped;	/* others had them locked; seen in this pass */
	int64		rows_failed;	/* up fails for them; seen in this pass */
	TimestampTz backfill_at;	/* when the backfill began, or 0 */
	Oid			cursor_part;	/* the table that the pass has come to, or
								 * InvalidOid before the first */
	int64		cursor_block;	/* and the first block of it not yet claimed */
} ColumnExpansion;

extern const char *expansion_phase_name(ExpansionPhase phase);

/* Is the expansion neither contracted nor abandoned? */
extern bool expansion_is_running(const ColumnExpansion *expansion);

/* Return the expansion of that name as last committed or changed here, or NULL. */
extern ColumnExpansion *registry_find_expansion(const char *name);

/* Return all expansions that are running. */
extern List *registry_running_expansions(void); /* of ColumnExpansion * */

/* Insert an expansion, in place of one of that name that is not running; set its id. */
extern void registry_insert_expansion(ColumnExpansion *expansion);

/*
 * Store phase, counters and cursor.  The caller has locked the row (registry_lock_row)
 * before it read the expansion.
 */
extern void registry_update_expansion(const ColumnExpansion *expansion);

/* ---- the journal (journal.c) ---- */

/* The verdict on a transaction that changed the schema, in order of gravity. */
typedef enum Verdict
{
	VERDICT_ALLOWED,			/* nothing to block or to warn of */
	VERDICT_WARNED,				/* let through, by policy or mode */
	VERDICT_OVERRIDDEN,			/* let through, by allow() */
	VERDICT_BLOCKED
} Verdict;

/* What the row says beside the time, the session and the like. */
typedef struct JournalEntry
{
	Verdict		verdict;
	List	   *statements;		/* of char *: the first of them */
	int			nstatements;	/* how many there were */
	List	   *versions;		/* of char *: "billing 41" */
	List	   *findings;		/* of char *: JSON objects, the first of them */
	int			nfindings;
	List	   *reasons;		/* of char *: of the overrides */
	List	   *reasons_by;		/* of char *: the roles that gave them */
	List	   *now_ready;		/* of char *: "billing 42" */
	List	   *floors;			/* of char *: JSON objects, of apps whose
								 * oldest version that runs is another now */
} JournalEntry;

/* A row that any process can write, and its text for the server log. */
typedef struct JournalRow
{
	Oid			extension;
	Oid			table;
	HeapTuple	tuple;
	char	   *text;
} JournalRow;

extern void registry_write_journal(const JournalEntry *entry);
extern JournalRow *registry_make_journal_row(const JournalEntry *entry);

/* Write a row; nothing if its table is not there any more. */
extern void registry_write_journal_row(const JournalRow *row);

/* Count a row that could not be written; an abort does not take that back. */
extern void registry_count_missed_row(void);

/* Delete the rows that are older; return how many. */
extern int64 registry_prune_journal(TimestampTz before);

#endif							/* COMPAT_GUARD_REGISTRY_H */
