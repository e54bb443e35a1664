/*
 * judge_internal.h
 *		A judgement, and what the files of judge/ share.
 */
#ifndef COMPAT_GUARD_JUDGE_INTERNAL_H
#define COMPAT_GUARD_JUDGE_INTERNAL_H

#include "base/bounded_wait.h"
#include "base/object.h"
#include "judge/judge.h"

/* ---- affected_object.c ---- */

/* A name under which an object appeared, changed or went. */
typedef struct ChangedName
{
	ObjectName	key;
	List	   *statements;		/* of ChangeStatement *; NIL if not known */
} ChangedName;

/* Add the names of all objects that the change of the objects affects. */
extern void change_spread(SchemaChange *change);

/* ---- login.c ---- */

/* Whether and how the next connection of a role would begin. */
typedef struct Login
{
	char	   *role;
	bool		barred;			/* the role could not connect */
	char	   *search_path;	/* that the session would begin with */
} Login;

/* Return findings for logins that are worse now than before; statement: that did it. */
extern List *login_findings(List *before, const char *statement);	/* of Finding * */

/* ---- expansion_finding.c ---- */

/* Return findings for expansions that are damaged now and were not before. */
extern List *expansion_findings(List *before, const char *statement);	/* of Finding * */

/* ---- candidate_requirement.c ---- */

/*
 * What a version is for the judgement.  What is found about a version that is only
 * tracked is saved, but makes no finding: no instance runs it, and either it could not
 * run or another judgement is about to skip it.
 */
typedef enum VersionLiveness
{
	LIVENESS_UNKNOWN,			/* not asked yet */
	LIVENESS_LIVE,
	LIVENESS_ROLLBACK_TARGET,	/* not live, but has all it needs to run */
	LIVENESS_TRACKED,
	LIVENESS_SKIPPED
} VersionLiveness;

typedef struct Trace Trace;

typedef struct Judgement
{
	SchemaChange *change;
	VerifyOptions options;
	bool		writes;			/* states may be locked and saved */
	bool		all_parts;		/* verify all partitions: more may have
								 * changed since the states were stored than
								 * the change says */
	List	   *tracked;		/* of Version *, newest first */
	VersionLiveness *liveness;	/* of each of them */
	int			ncandidates;	/* requirements that may be affected */
	int64	   *ids;			/* of each its id; NULL right after a restore */
	Requirement **reqs;			/* what is required */
	StoredState *before;		/* the state before the change */
	VerifyResult **after;		/* the state after it */
	WaitLimit	limit;			/* of the whole judgement */
	int			tries_after_end;	/* of the limit */
	int64		spent;			/* see VerifyOptions */
	Trace	   *trace;			/* private to finding.c */
} Judgement;

/* Find the candidates and their state before; return false if there are none. */
extern bool judgement_find_candidates(Judgement *j);

/* Verify the candidates; return false if a lock is not to be had at once. */
extern bool judgement_verify_candidates(Judgement *j);

/* Wait for the lock that verification lacked; raise ERRCODE_GUARD_BUSY after the limit. */
extern void judgement_wait(Judgement *j);

/* Lock requirements, whose ids are in ascending order, to transaction end. */
extern void judgement_lock(Judgement *j, const int64 *ids, int n);

/* Verify requirements, and wait for locks in between, as long as the limit permits. */
extern void judgement_verify(Judgement *j, Requirement **reqs, int n, VerifyOptions options,
							 VerifyResult **answers);

/* Return the index of a version among the tracked ones, or -1. */
extern int	judgement_version_index(const Judgement *j, int64 id);
extern VersionLiveness judgement_version_liveness(Judgement *j, int index);

/* Is the version tracked and not skipped by this judgement?  arg: the Judgement. */
extern bool judgement_version_counts(int64 version_id, void *arg);

/* Does the session set compat_guard.check_candidates? */
extern bool judgement_checks_candidates(void);

/* ---- override.c ---- */

extern bool override_any(void);

/* Mark the findings that an override lets through, and the overrides as used. */
extern void override_apply(List *findings);

/* Warn, at commit, if an override was given and no change was judged after it. */
extern void override_warn_if_idle(void);
extern void override_transaction_end(void);
extern void override_subtransaction_end(SubTransactionId mine, SubTransactionId parent);

/* ---- finding.c ---- */

/*
 * Was there a problem of the same rule, state and expectation before?  What was found
 * may have been in other words.
 */
extern bool problem_was_there(const StoredState *before, const Problem *problem);

/* Return a finding for each problem that the change causes and each version it affects. */
extern List *judgement_findings(Judgement *j);	/* of Finding * */

/* Return the texts of statements, as in "ALTER TABLE ...; DROP ...", or NULL. */
extern char *statement_texts(List *statements); /* of ChangeStatement * */

/* ---- advice.c ---- */

/* Return the advice without the version's name, so that several versions may share it. */
extern char *finding_steps(const Finding *finding);

/* Is that advice one that fits any query? */
extern bool finding_steps_are_general(const Finding *finding);

/* Return the call that ends the version: retire, or forget if it is not live. */
extern char *finding_end_call(const Finding *finding);

/* Return the roles that may make that call; NULL if the current user may. */
extern char *finding_end_roles(const Finding *finding);

/* ---- candidate_check.c ---- */

/* Raise an error if the change affects a requirement that is no candidate. */
extern void judgement_check_candidates(Judgement *j);

/* ---- finding_place.c ---- */

/* The relation and column that a finding is about; NULL: not known, or more than one. */
typedef struct ProblemPlace
{
	const char *schema;
	const char *relation;
	const char *column;
} ProblemPlace;

extern ProblemPlace finding_place(const Finding *finding);

/* ---- first_met.c ---- */

/*
 * Return the indexes of the tracked versions that have a requirement which the change
 * has made met or unmet.
 */
extern Bitmapset *judgement_movers(Judgement *j);

/* Save the missing baselines of versions that are ready; the states are saved already. */
extern void judgement_save_baselines(Judgement *j);

/* ---- guard_removal.c ---- */

/* Return findings if a part of the guard was lost; NIL if before is NULL. */
extern List *removal_findings_of_parts(const GuardParts *before, const char *statement);

/* ---- journal_queue.c ---- */

/*
 * Queue a row of this database, and start a worker if none is there, without waiting.
 * Return false if no worker is going to write it.
 */
extern bool journal_queue_send(const JournalRow *row);

/* ---- open_sessions.c ---- */

/*
 * Count the other sessions of this database that belong to the version, by
 * attach() or by application_name.
 */
extern int	version_sessions(const Version *version);

/*
 * Return the problem as it is for the version: a copy with "proven" set if open
 * sessions of the version prove the harm, otherwise the problem itself.
 */
extern Problem *problem_with_sessions(Problem *problem, const Version *version);

/* ---- pending_journal.c ---- */

/*
 * Remember what was judged and let through, and which versions could run before
 * that.  pending_journal_write() makes one row of all judgements of a transaction, and
 * tells the client which versions are ready now.
 */
extern void pending_journal_passed(const SchemaChange *change, List *findings,
								   List *runnable); /* of RunnableVersion * */
extern bool pending_journal_anything(void);
extern void pending_journal_write(void);

/* Queue the row of a transaction that is about to be blocked; the row outlives it. */
extern void pending_journal_blocked(const SchemaChange *change, List *findings);
extern void pending_journal_transaction_end(void);
extern void pending_journal_subtransaction_end(SubTransactionId mine, SubTransactionId parent);

/* ---- readiness_change.c ---- */

/* A version that is live or a rollback target. */
typedef struct RunnableVersion
{
	int64		version_id;
	const char *app;
	const char *version;
	bool		live;
	bool		ran;			/* it had all it needs */
} RunnableVersion;

/*
 * Return the live versions and rollback targets of the apps of some of the tracked
 * versions, which are given by index, as they are stored now.  Of each app the oldest
 * version comes first.
 */
extern List *runnable_versions(List *tracked, const Bitmapset *movers); /* of RunnableVersion * */

/* Append copies of the second list's versions that are not in the first. */
extern List *runnable_merge(List *first, List *second);

/*
 * Compare with what is stored now.  Return the live versions that have become ready
 * ("billing 42"), and the apps whose oldest version that can run is another one
 * ({"app": .., "from": .., "to": ..}, without a member where there is no version).
 */
extern void runnable_compare(List *runnable, List **now_ready, List **floors);

/* ---- report.c ---- */

/*
 * Report findings by their actions and the mode: raise an error if any finding
 * blocks, otherwise at most one WARNING and one LOG.
 */
extern void findings_report(List *findings);

/* Does a finding stop the transaction in the current mode? */
extern bool findings_block(List *findings);

/* ---- reverify.c ---- */

/*
 * Return the requirements of all tracked versions, each once, sorted by id; none if
 * the restore has not loaded all of them yet.
 */
extern Requirement **requirements_to_verify_initially(int *n);

#endif							/* COMPAT_GUARD_JUDGE_INTERNAL_H */
