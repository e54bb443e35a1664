/*
 * run.h
 *		What may run while contracts are verified.
 */
#ifndef COMPAT_GUARD_RUN_H
#define COMPAT_GUARD_RUN_H

#include "postgres.h"

/* A function would have to run that must not.  Raised within the verifier alone. */
#define ERRCODE_GUARD_NOT_RUN	MAKE_SQLSTATE('V', 'G', '0', '9', '9')

/* What the verifier executes itself. */
typedef enum Execution
{
	EXECUTES_NOTHING,			/* it analyses, rewrites and plans */
	EXECUTES_LOOKUP,			/* an expression of the server's functions that names
								 * an object */
	EXECUTES_EVIDENCE,			/* a query that counts rows */
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

#endif							/* COMPAT_GUARD_RUN_H */
