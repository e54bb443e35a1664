/*
 * api.h
 *		What the files of api/ share.
 */
#ifndef COMPAT_GUARD_API_H
#define COMPAT_GUARD_API_H

#include "judge/judge.h"
#include "nodes/pg_list.h"
#include "registry/registry.h"
#include "utils/relcache.h"

/* ---- argument.c ---- */

/* Return the app or version; raise ERRCODE_GUARD_UNKNOWN_VERSION if there is none. */
extern App *require_app(const char *name);
extern Version *require_version(const App *app, const char *name);

/* Raise ERRCODE_GUARD_RETIRED if the version is retired. */
extern void check_not_retired(const App *app, const Version *version);

/* Raise ERRCODE_GUARD_NOT_PERMITTED unless the current role owns the app. */
extern void check_owner(const App *app);

/* Raise ERRCODE_GUARD_NOT_PERMITTED unless the current role may retire its versions. */
extern void check_may_retire(const App *app);

/* Raise ERRCODE_GUARD_NOT_PERMITTED unless the current role may see its requirements. */
extern void check_reader(const App *app, const Version *version);

/* Return a text argument that must not be null, and must have 1 to 1000 bytes. */
extern char *name_argument(FunctionCallInfo fcinfo, int arg, const char *what);

/*
 * Return an interval argument in milliseconds, PG_INT64_MAX if it is infinite; it must
 * be neither null nor negative.
 */
extern double duration_argument(FunctionCallInfo fcinfo, int arg, const char *what);

/* ---- fingerprint.c ---- */

/*
 * Return the jsonb of compat_guard.fingerprint(), in CurrentMemoryContext: what the
 * catalogs say now of each object of the schema, as far as the caller may read them.
 */
extern Datum fingerprint(void);

/* ---- hidden_rows.c ---- */

/* Return the size of a table with TOAST in bytes, without indexes. */
extern int64 bytes_with_toast(Relation rel);

typedef struct HiddenRows HiddenRows;

/*
 * Let a table appear to have no rows, until rows_show() or the end of the current
 * subtransaction, which must not commit.  No other session notices it.  In
 * CurrentMemoryContext.
 */
extern HiddenRows *rows_hide(Oid relid);

/*
 * Let it have its rows back, unless the table is gone or was rewritten meanwhile.  Return
 * whether it was rewritten.
 */
extern bool rows_show(HiddenRows *hidden);

/* Return the table, and its size with TOAST in bytes. */
extern Oid	rows_hidden_of(const HiddenRows *hidden);
extern int64 rows_hidden_size(const HiddenRows *hidden);

/* Return how often the table was scanned since its rows were hidden. */
extern int64 rows_hidden_scans(const HiddenRows *hidden);

/* ---- instance.c ---- */

/*
 * Return a version that is not retired.  Its states are up to date, and are kept so at
 * least until the end of the transaction.
 */
extern Version *activate_version(const App *app, const char *name);

/* Store that the version is live by sessions or leases from now on. */
extern void note_use(const Version *version, bool attaches, bool leases);

/* Renew a lease and return when it ends.  lease NULL: it is as long as before. */
extern TimestampTz renew_lease(const App *app, const char *version_name,
							   const char *instance, Interval *lease);

/* ---- readiness.c ---- */

typedef struct Readiness
{
	Requirement **reqs;
	VerifyResult **found;		/* found[i] answers reqs[i] */
	int			n;
} Readiness;

/*
 * Verify a list of Requirement *.  Return false, and leave found undefined, if a lock
 * could not be obtained and options say not to wait.
 */
extern bool readiness_verify(Readiness *readiness, List *requirements,
							 VerifyOptions options);

/* Return the worst of the states.  A version is ready unless that is STATE_UNMET. */
extern RequirementState readiness_state(const Readiness *readiness);

/*
 * Return what is wrong with each requirement in the state, each text once and without a
 * final dot: a list of char *.
 */
extern List *readiness_reasons(const Readiness *readiness, RequirementState state);

/* Return reasons as the DETAIL of a message, as many as the setting allows. */
extern char *readiness_detail(List *reasons);

/* Return the start of the first reason, and how many more there are. */
extern char *readiness_gist(List *reasons);

/* Raise ERRCODE_GUARD_NOT_READY if any requirement is unmet. */
extern void readiness_require(const Readiness *readiness, const char *app,
							  const char *version);

/* ---- register.c ---- */

/*
 * Return a contract from an argument that is not null; raise
 * ERRCODE_GUARD_CONTRACT_INVALID if the document is not valid.
 */
extern Contract *contract_argument(FunctionCallInfo fcinfo, int arg);

/* Raise ERRCODE_GUARD_NOT_PERMITTED unless the caller could become the contract's role. */
extern void check_contract_role(const Contract *contract);

/*
 * Return a version that was seen running, activated and live by sessions or leases.  It is
 * registered without a contract unless it is known.  The current user must own the app,
 * or becomes the owner of a new one.  role and search_path are those of the new version.
 */
extern Version *register_running(const char *app_name, const char *version_name,
								 const char *role, const char *search_path,
								 bool attaches, bool leases);

/*
 * Verify requirements that were learned, and add those that are met to the version.  Their
 * ids are set.  Return how many were added.
 */
extern int	register_learned(const Version *version, List *requirements);

/* Is the version registered with this contract? */
extern bool version_has_contract(const Version *version, const Contract *contract);

/* ---- replacement.c ---- */

/*
 * Is it stored already that the version replaces the other, or is there nothing to
 * store?  replaces: the other's name, or NULL.
 */
extern bool replacement_is_known(const App *app, const Version *version, const char *replaces);

/*
 * Lock the row of the version that is to be replaced, and that of the version, which is
 * NULL if it is new.  Return the former; NULL if the replacement is known.  Raise
 * ERRCODE_GUARD_UNKNOWN_VERSION if there is no version of that name.  To be called
 * before any lock for registration.
 */
extern Version *replacement_lock(const App *app, const Version *version, const char *replaces);

/* Store that the version replaces the other; nothing if replaced is NULL. */
extern void replacement_note(int64 version_id, const char *name, const Version *replaced);

/* Store that the version, which was activated, is not replaced any more. */
extern void replacement_take_back(const Version *version);

/* ---- script.c ---- */

/* A statement of a script of SQL. */
typedef struct ScriptStatement
{
	Node	   *stmt;			/* its raw parse tree */
	const char *text;			/* without comments and semicolons around it */
	int			number;			/* in the script, from 1 */
	int			line;			/* on which it begins, from 1 */
	int			column;			/* of that line, in characters, from 1 */
} ScriptStatement;

/*
 * Return the statements of a script, in CurrentMemoryContext.  Raise the parser's error,
 * with the script as its internal query, if it is not SQL.
 */
extern List *script_parse(const char *script);	/* of ScriptStatement * */

/* Run a statement by SPI; body of a subtransaction.  The argument is its text. */
extern void script_execute(void *text);

/* Is it CREATE INDEX, DROP INDEX or REINDEX CONCURRENTLY? */
extern bool script_is_concurrent(const ScriptStatement *statement);

/* ---- trial.c ---- */

/* A statement of a script that could not be run. */
typedef struct TrialFailure
{
	const ScriptStatement *statement;
	ErrorData  *edata;
	bool		rows_hidden;	/* rows were hidden from it: perhaps it failed
								 * for that */
} TrialFailure;

/* What a statement does to a table that was there before the script. */
typedef struct TrialEffect
{
	const ScriptStatement *statement;
	Oid			relid;
	const char *relation;		/* qualified and quoted */
	LOCKMODE	lock;			/* that no statement before it has taken,
								 * stronger than RowExclusiveLock; or NoLock */
	bool		rewrites;
	List	   *builds;			/* of char *: names of indexes that it builds */
	bool		scans;			/* it reads all of a large table */
	int64		bytes;			/* size of the table before, with TOAST */
} TrialEffect;

/* A script that is run and judged, and undone. */
typedef struct Trial
{
	List	   *failures;		/* of TrialFailure * */
	List	   *findings;		/* of Finding * */
	List	   *effects;		/* of TrialEffect * */

	/* Is called after each statement that has run, or NULL. */
	void		(*after_statement) (const ScriptStatement *statement, void *arg);
	void	   *arg;

	/* Private to trial.c and trial_effect.c */
	List	   *savepoints;
	List	   *was_hidden;		/* of Oid: tables whose rows were ever hidden */
	List	   *unseen;			/* of Oid: constraints that were validated
								 * while rows were hidden */
} Trial;

/*
 * Call body(arg) in a subtransaction that is rolled back, with a new set of changes.
 * What it has put into the caller's memory context stays.  Raise its error.
 */
extern void trial_undo(void (*body) (void *arg), void *arg);

/*
 * Run statements (of ScriptStatement *), and add the failures; trial_judge: add the
 * findings on all that was run.  To be called within trial_undo().
 */
extern void trial_run(Trial *trial, List *statements);
extern void trial_judge(Trial *trial);

/*
 * Return why it is not known whether the statement works, though it failed here; NULL if it
 * would fail in the same way.
 */
extern const char *trial_unknown_because(const TrialFailure *failure);

/* ---- trial_effect.c ---- */

/*
 * Add what the statement that has run in the current subtransaction did.  hidden: the
 * tables whose rows were hidden from it, of HiddenRows *; locked: those of them (of Oid)
 * that it has locked itself in ShareUpdateExclusiveLock mode.
 */
extern void trial_note_effects(Trial *trial, const ScriptStatement *statement, List *hidden,
							   List *locked);

/* ---- trial_watch.c ---- */

/*
 * Watch the statements that run from now on, or do so no longer: one that is about to
 * work through a table larger than compat_guard.large_relation fails.  Return whether
 * they were watched.
 */
extern bool watch_set(bool on);

/* Return the tables for which a statement failed (of Oid), and forget them. */
extern List *watch_take_large(void);

/* Likewise the constraints that statements have added or changed meanwhile. */
extern List *watch_take_constraints(void);

/* Likewise those of them that the session had locked in ShareUpdateExclusiveLock mode. */
extern List *watch_take_locked(void);

/* ---- set_policy.c ---- */

/* Return the rule of that name; raise ERRCODE_INVALID_PARAMETER_VALUE if there is none. */
extern RuleId require_rule(const char *name);

#endif							/* COMPAT_GUARD_API_H */
