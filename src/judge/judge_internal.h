/*
 * judge_internal.h
 *		One judgement under way: what the files of judge/ share.
 */
#ifndef COMPAT_GUARD_JUDGE_INTERNAL_H
#define COMPAT_GUARD_JUDGE_INTERNAL_H

#include "base/bounded_wait.h"
#include "base/object.h"
#include "judge/judge.h"

/* ---- affected.c ---- */

typedef struct ChangedName
{
	ObjectName	key;
	List	   *statements;		/* of ChangeStatement *; NIL if not known */
} ChangedName;

/* Add the names of all that feels the change of the objects. */
extern void change_spread(SchemaChange *change);

/* ---- login.c ---- */

/* What the next connection of a role would find. */
typedef struct Login
{
	char	   *role;
	bool		barred;			/* it could not connect */
	char	   *search_path;	/* it would begin with */
} Login;

/*
 * Findings where that is worse now than before, as a list of Finding *; NIL if before is
 * NIL.  statement: that did it.
 */
extern List *login_findings(List *before, const char *statement);

/* ---- candidate.c ---- */

/*
 * What a version is to the judgement.  One in reach is not live, but could be run:
 * a rollback may go to it.  What is found about a dormant one is saved, but is no
 * finding: nobody runs it, and either nobody could or another judgement is about to
 * pass it over.
 */
typedef enum VersionLiveness
{
	LIVENESS_UNKNOWN,
	LIVENESS_LIVE,
	LIVENESS_ROLLBACK_TARGET,
	LIVENESS_TRACKED,
	LIVENESS_SKIPPED
} VersionLiveness;

typedef struct Trace Trace;

typedef struct Judgement
{
	SchemaChange *change;
	VerifyOptions options;
	bool		writes;			/* states may be locked and saved */
	bool		all_parts;		/* the change is not just what this
								 * transaction has done since the states were
								 * stored */
	List	   *kept;			/* of Version *: not skipped before, newest
								 * first */
	Version   **versions;		/* the same as an array */
	VersionLiveness *liveness;	/* of each, asked once */
	int			nversions;
	int			ncandidates;	/* and of each: */
	int64	   *ids;			/* the registry's key, if it writes */
	Requirement **reqs;			/* what is required */
	StoredState *before;		/* how it stood */
	VerifyResult **after;		/* how it stands */
	WaitLimit	limit;			/* of the whole judgement */
	int			tries_after_end;	/* of that */
	int64		spent;			/* see VerifyOptions */
	Trace	   *trace;			/* private to finding.c */
} Judgement;

/* Fill in the candidates and how they stood; false if there are none. */
extern bool judgement_find_candidates(Judgement *j);

/* Fill in how they stand; false if a lock is not to be had. */
extern bool judgement_verify_candidates(Judgement *j);

/* Wait for that; raises ERRCODE_GUARD_BUSY at the end of limit. */
extern void judgement_wait(Judgement *j);

/* Lock requirements, by id in ascending order, and verify some, however often that takes. */
extern void judgement_lock(Judgement *j, const int64 *ids, int n);
extern void judgement_verify(Judgement *j, Requirement **reqs, int n, VerifyOptions options,
							 VerifyResult **answers);

/* A version's place among those of the case; -1 if it does not count any more. */
extern int	judgement_version_index(const Judgement *j, int64 id);
extern VersionLiveness judgement_version_liveness(Judgement *j, int place);

/* Is what is found about the version kept?  arg: the Judgement. */
extern bool judgement_version_counts(int64 version_id, void *arg);

/* Is it on? */
extern bool judgement_checks_candidates(void);

/* ---- override.c ---- */

extern bool override_any(void);

/* Mark the findings that would block or warn and are allowed. */
extern void override_apply(List *findings);

/* At commit: warn of any that came too early, too late, or alone. */
extern void override_warn_if_idle(void);
extern void override_transaction_end(void);
extern void override_subtransaction_end(SubTransactionId mine, SubTransactionId parent);

/* ---- finding.c ---- */

/*
 * Was the problem there before, by its rule and what was expected?  What is found
 * need not be in the same words.
 */
extern bool problem_was_there(const StoredState *before, const Problem *problem);

/* What was met before and no longer is, of whom, and by which statement. */
extern List *judgement_findings(Judgement *j);	/* of Finding * */

/* "ALTER TABLE ...; DROP ..."; NULL if there is none. */
extern char *statement_texts(List *statements); /* of ChangeStatement * */

/* ---- advice.c ---- */

/* The same without naming the version, so that several may share it. */
extern char *finding_steps(const Finding *finding);

/* Is that no more than can be said of any query? */
extern bool finding_steps_are_general(const Finding *finding);

/* "SELECT compat_guard.retire('billing', '41');", or forget if it is not live */
extern char *finding_end_call(const Finding *finding);

/* Whose call that is: "role billing"; NULL if the current user may make it. */
extern char *finding_end_roles(const Finding *finding);

/* ---- candidate_check.c ---- */

/* Raise an error if a requirement that is no candidate feels the change after all. */
extern void judgement_check_candidates(Judgement *j);

/* ---- finding_place.c ---- */

/* The relation and column it is about, as far as that is one; NULL: not known. */
typedef struct ProblemPlace
{
	const char *schema;
	const char *relation;
	const char *column;
} ProblemPlace;

extern ProblemPlace finding_place(const Finding *finding);	/* finding_place.c */

/* ---- first_met.c ---- */

/*
 * The places of the versions of which a requirement has come to be met, or unmet.
 * NULL: none.
 */
extern Bitmapset *judgement_movers(Judgement *j);

/* States are saved: save what versions that have all they need take the schema for. */
extern void judgement_save_baselines(Judgement *j);

/* ---- guard_removal.c ---- */

/* Findings if the guard is no longer what it was before; NIL if that is NULL. */
extern List *removal_findings_of_parts(const GuardParts *before, const char *statement);

/* ---- journal_queue.c ---- */

/*
 * Hand over a row of this database, and start a worker for it if none is
 * there.  Waits for nothing.  False if nobody is going to write it.
 */
extern bool journal_queue_send(const JournalRow *row);

/* ---- open_sessions.c ---- */

/*
 * How many sessions of this database, other than ours, are the version's: by
 * attach() or by application_name.
 */
extern int	version_sessions(const Version *version);

/*
 * The problem as it is for the version: a copy with "proven" set where that is up
 * to the sessions that are open, else the problem itself.
 */
extern Problem *problem_with_sessions(Problem *problem, const Version *version);

/* ---- pending_journal.c ---- */

/*
 * What was judged and let through, and which versions ran before that.  However
 * many judgements a transaction has, pending_journal_write() makes one row of them, and
 * tells the client which versions are ready now.
 */
extern void pending_journal_passed(const SchemaChange *change, List *findings,
								   List *runnable); /* of RunnableVersion * */
extern bool pending_journal_anything(void);
extern void pending_journal_write(void);

/* What is going to be blocked in a moment; the row outlives the transaction. */
extern void pending_journal_blocked(const SchemaChange *change, List *findings);
extern void pending_journal_transaction_end(void);
extern void pending_journal_subtransaction_end(SubTransactionId mine, SubTransactionId parent);

/* ---- readiness_change.c ---- */

/* A version that is live, or in reach of a rollback. */
typedef struct RunnableVersion
{
	int64		version_id;
	const char *app;
	const char *version;
	bool		live;
	bool		ran;			/* had all it needs */
} RunnableVersion;

/*
 * As it is stored now, of the apps of some of the kept versions, which are given
 * by their place: a list of RunnableVersion *, of each app the oldest version first.
 */
extern List *runnable_versions(List *kept, const Bitmapset *movers);

/* Append copies of those that are not among the first yet. */
extern List *runnable_merge(List *first, List *second);

/*
 * What is otherwise than it was: live versions that run now ("billing 42"), and
 * apps whose oldest version that runs is another ({"app": .., "from": .., "to": ..},
 * without what there is none of).
 */
extern void runnable_compare(List *runnable, List **now_ready, List **floors);

/* ---- report.c ---- */

/*
 * Say it, as the actions and the mode have it: raises an error if any finding
 * blocks, else at most one WARNING and one LOG.
 */
extern void findings_report(List *findings);

/* Does a finding stop the transaction in the current mode? */
extern bool findings_block(List *findings);

/* ---- reverify.c ---- */

/*
 * What the versions need that are not skipped, each requirement once, and how many these are: 0
 * if the restore is not yet through with them.
 */
extern Requirement **requirements_to_verify_initially(int *n);

#endif							/* COMPAT_GUARD_JUDGE_INTERNAL_H */
