/*
 * body.h
 *		The parts of checking the bodies of routines.
 */
#ifndef COMPAT_GUARD_BODY_H
#define COMPAT_GUARD_BODY_H

#include "catalog/pg_proc.h"
#include "nodes/parsenodes.h"
#include "verify/verify.h"

/* A body, for a trigger's function as run for a relation: no padding. */
typedef struct BodyKey
{
	Oid			routine;
	Oid			relid;			/* InvalidOid: not by a trigger */
} BodyKey;

/* A routine that a requirement runs. */
typedef struct RunRoutine
{
	BodyKey		key;
	char	   *oldtable;		/* transition tables of the trigger, or NULL */
	char	   *newtable;
} RunRoutine;

extern void observe_run(Observation *obs, const RunRoutine *run);

/* What is written by the statements of a body, as rewritten. */
extern void observe_body_writes(Observation *obs, List *queries);

/* Do its arguments leave open of what types it is? */
extern bool is_polymorphic(Form_pg_proc form);

/* ---- polymorphic.c ---- */

/*
 * Analyse the bodies of functions in SQL for which only the call says of what types
 * they are: raises what is wrong.  A tree walker that returns false.
 */
extern bool check_polymorphic_calls(Node *node, void *context);

/* ---- word.c ---- */

/*
 * The body depends on each relation and type whose name is a word in it, and on
 * what such a name could come to mean.
 */
extern void observe_words(Observation *obs, const char *source);

/* Is it a word of the body? */
extern bool has_word(const char *source, const char *word);

/* ---- plpgsql.c ---- */

/* The requirement depends on plpgsql_check, and on nobody's standing in for it. */
extern void observe_checker(Observation *obs);

/* NULL if plpgsql_check can be asked. */
extern const char *why_plpgsql_cannot_tell(void);

/*
 * Ask plpgsql_check.  Observes what the body depends on, and returns true; or
 * fills in code and message of what is wrong with it, and returns false.
 */
extern bool plpgsql_check_body(const RunRoutine *run, const char *source,
							   Observation *obs, ErrorData *edata);

#endif							/* COMPAT_GUARD_BODY_H */
