/*
 * run.h
 *		The verification that is running: its role, path, time, errors and cache.
 */
#ifndef COMPAT_GUARD_RUN_H
#define COMPAT_GUARD_RUN_H

#include "nodes/pg_list.h"
#include "utils/hsearch.h"

struct KnownPartitions;
struct Query;

/* ---- context.c ---- */

/* What the verifier executes itself; see execution.c. */
typedef enum Execution
{
	EXECUTES_NOTHING,			/* it analyses, rewrites and plans */
	EXECUTES_LOOKUP,			/* an expression of the server's functions
								 * that names an object */
	EXECUTES_COUNT,				/* a query that counts rows */
	EXECUTES_CHECKER			/* a call of plpgsql_check */
} Execution;

/* The verification that is running.  There is one at most.  All members are zero when
 * it begins, and gone when it ends, in whatever way. */
typedef struct VerifyContext
{
	MemoryContext memory;		/* lives as long as the verification */
	Oid			without_index;	/* the index of VerifyOptions */

	/* execution.c */
	Execution	executing;
	const char *own_statement;
	bool		plans_spoilt;

	/* cache.c */
	MemoryContext batch_memory;

	/* catalog/partition.c */
	HTAB	   *partitioned_tables; /* of PartitionedTable; NULL: none yet */
	bool		changed_sorted; /* are the changed relations assigned to their
								 * partitioned tables? */
	const struct KnownPartitions *known_partitions;
	List	   *stored_partitions;	/* of the requirement that is answered */

	/* plan/planner.c */
	bool		withheld;		/* may a withheld call matter to the query
								 * that was planned last? */
	/* Called with each query that plpgsql_check gives to the planner. */
	void		(*plan_observer) (struct Query *query);

	/* statement/attached_function.c */
	HTAB	   *attached;		/* of Parts; NULL: none yet */

	/* body/body.c */
	MemoryContext bodies_memory;	/* for one role and search path */
	HTAB	   *bodies;			/* of Body; NULL: none yet */

	/* body/plpgsql.c */
	MemoryContext planned_memory;
	List	   *planned;		/* of Query * */
} VerifyContext;

/* NULL: no verification is running. */
extern VerifyContext *verification;

/* Begin and end the one verification that can be running; to be called by verify.c. */
extern void verification_begin(Oid without_index);
extern void verification_end(void);

/* Is a verification running?  All that it does is undone: nobody need watch. */
extern bool verify_is_running(void);

/* Return the memory context that lives as long as the verification. */
extern MemoryContext verification_context(void);

/* Change a setting until the end of the subtransaction. */
extern void set_local(const char *name, const char *value);

/* Look names up along this path until the subtransaction ends. */
extern void enter_search_path(const char *path);

/* ---- error.c ---- */

/* Does the error say nothing about the requirement?  Then it must be raised again. */
extern bool error_is_no_answer(const ErrorData *edata);

/* Does the error come of a lock that another transaction holds? */
extern bool error_is_busy(const ErrorData *edata);

/* Does the error come of a limit or a fault of the server? */
extern bool error_is_the_servers(const ErrorData *edata);

/* ---- timeout.c ---- */

/* Start the time of another role; 0 milliseconds: as long as it takes. */
extern void timeout_begin(int milliseconds);

/* Is the time of the role over? */
extern bool timeout_is_over(void);

/*
 * Begin and end to watch the time.  Meanwhile its end cancels what runs, and a cancel
 * by somebody else is told from that one.  Every watch must be ended; to end a watch
 * that was not begun is harmless.
 */
extern void timeout_watch(void);
extern void timeout_end_watch(void);

/* Note that this is the subtransaction in which the watched code runs. */
extern void timeout_enter(void);

/* Did anything but the end of the time cancel the query during the last watch? */
extern bool timeout_was_cancelled(void);

/* Raise that cancel again, because a function caught it. */
extern void timeout_cancel_again(void);

/* ---- cache.c ---- */

/* The moment when something was looked up; all zero: never. */
typedef struct CacheStamp
{
	uint64		batch;
	uint64		invalidations;
} CacheStamp;

/* Forget what was cached, for another role or search path is in force from now on.
 * What is cached goes into context. */
extern void cache_begin_batch(MemoryContext context);

/* Does what was looked up at the moment still hold?  If not, the moment is set to now,
 * and the caller looks it up. */
extern bool cache_is_current(CacheStamp *moment);

/* Return the memory context for what is cached. */
extern MemoryContext cache_context(void);

/* ---- execution.c ---- */

/* A function would have to run that must not.  Raised within the verifier alone. */
#define ERRCODE_GUARD_NOT_RUN	MAKE_SQLSTATE('V', 'G', '0', '9', '9')

/* Say what the verifier executes from now on.  Returns what it executed before, which
 * the caller has to say again when done, also after an error. */
extern Execution run_execution(Execution execution);

/* Name the statement that calls the checker: it is executed, and what is planned
 * beside it is not. */
extern void run_own_statement(const char *sql);

/* Is this statement planned in order to be executed? */
extern bool run_executes(const char *sql);

/* Install hooks. */
extern void run_init(void);

/* Raise ERRCODE_GUARD_NOT_RUN if a function must not be evaluated. */
extern void verify_function(Oid funcid);

#endif							/* COMPAT_GUARD_RUN_H */
