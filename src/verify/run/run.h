/*
 * run.h
 *		The verification that is running: its role, path, time, errors and cache.
 */
#ifndef COMPAT_GUARD_RUN_H
#define COMPAT_GUARD_RUN_H

/* ---- context.c ---- */

/* Begin and end the one verification that can be running; to be called by verify.c. */
extern void verification_begin(Oid hidden_index);
extern void verification_end(void);

/* Is verification under way?  Whatever is done then is undone: nobody need watch. */
extern bool verify_is_running(void);

/* The index of VerifyOptions, for the verifiers of the kinds. */
extern Oid	verify_without_index(void);

/* Return the memory context that lives as long as the verification. */
extern MemoryContext verification_context(void);

/* Change a setting until the end of the subtransaction. */
extern void set_local(const char *name, const char *value);

/* Look names up along this path from now on, until the subtransaction ends. */
extern void enter_search_path(const char *path);

/* ---- error.c ---- */

/* An error that says nothing about the requirement: it must go on. */
extern bool error_is_no_answer(const ErrorData *edata);

/* A lock that another transaction holds, where we would not wait for it. */
extern bool error_is_busy(const ErrorData *edata);

/* Is it a limit or a fault of the server? */
extern bool error_is_the_servers(const ErrorData *edata);

/* ---- timeout.c ---- */

/* Start the time of another role; 0 milliseconds: as long as it takes. */
extern void timeout_begin(int milliseconds);

/* Is it over? */
extern bool timeout_is_over(void);

/*
 * While watching, the end of the time cancels what runs, and a cancel by
 * somebody else is told from that one.  Every watch must be ended;
 * to end none is harmless.
 */
extern void timeout_watch(void);
extern void timeout_end_watch(void);

/* Call in the subtransaction in which what is watched runs. */
extern void timeout_enter(void);

/* Was there, during the last watch, a cancel that is not ours? */
extern bool timeout_was_cancelled(void);

/* Raise it, a function having caught it. */
extern void timeout_cancel_again(void);

/* ---- cache.c ---- */

/* When something was looked up; all zero: never. */
typedef struct CacheStamp
{
	uint64		batch;
	uint64		invalidations;
} CacheStamp;

/*
 * From now on another role or search path is in force.  What is remembered goes
 * into context.  Returns the context before, to be put back with another call.
 */
extern MemoryContext cache_begin_batch(MemoryContext context);

/* Does what was looked up then still hold?  If not, it is looked up now. */
extern bool cache_is_current(CacheStamp *moment);

/* Where to keep it. */
extern MemoryContext cache_context(void);

/* ---- execution.c ---- */

/* A function would have to run that must not.  Raised within the verifier alone. */
#define ERRCODE_GUARD_NOT_RUN	MAKE_SQLSTATE('V', 'G', '0', '9', '9')

/* What the verifier executes itself. */
typedef enum Execution
{
	EXECUTES_NOTHING,			/* it analyses, rewrites and plans */
	EXECUTES_LOOKUP,			/* an expression of the server's functions
								 * that names an object */
	EXECUTES_COUNT,				/* a query that counts rows */
	EXECUTES_CHECKER			/* a call of plpgsql_check */
} Execution;

/*
 * From now on it executes this.  Returns what it executed before, to be given
 * back, also after an error.
 */
extern Execution run_execution(Execution execution);
extern Execution run_executing(void);

/*
 * The text of the statement with which the checker is called: it is executed, and
 * what is planned beside it is not.  NULL: no such.
 */
extern void run_own_statement(const char *sql);

/* Is it planned to be executed? */
extern bool run_executes(const char *sql);

/* A saved plan was made that must not be executed: forget them all at the end. */
extern void run_spoils_plans(void);
extern void run_begin(void);
extern void run_end(void);

/* Installs hooks. */
extern void run_init(void);

/* Called for each function about to be evaluated while it is: raises an error if
 * it must not be (execution.c). */
extern void verify_function(Oid funcid);

#endif							/* COMPAT_GUARD_RUN_H */
