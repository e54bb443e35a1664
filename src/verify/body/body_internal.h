/*
 * body_internal.h
 *		What the files of body/ share and nobody else uses.
 */
#ifndef COMPAT_GUARD_BODY_INTERNAL_H
#define COMPAT_GUARD_BODY_INTERNAL_H

#include "catalog/pg_proc.h"
#include "verify/result/result.h"

/* ---- sql_body.c ---- */

/* Do its arguments leave open of what types it is? */
extern bool is_polymorphic(Form_pg_proc form);

/* Return a text attribute of a row of pg_proc, or NULL. */
extern char *proc_text(HeapTuple tup, AttrNumber attnum);

/*
 * Check each statement of a body in SQL, and that the last one returns what the
 * function declares.  Raises what the server says of it.
 */
extern void check_sql_body(HeapTuple tup, const char *source, VerifyResult *result);

/* ---- plpgsql.c ---- */

/* The requirement depends on plpgsql_check, and on nobody's liveness in for it. */
extern void depend_on_checker(VerifyResult *result);

/* NULL if plpgsql_check can be asked. */
extern const char *why_plpgsql_cannot_tell(void);

/*
 * Ask plpgsql_check.  Observes what the body depends on, and returns true; or
 * fills in code and message of what is wrong with it, and returns false.
 */
extern bool plpgsql_check_body(const RunRoutine *run, VerifyResult *result, ErrorData *edata);

/* ---- word.c ---- */

/*
 * The body depends on each relation and type whose name is a word in it, and on
 * what such a name could come to mean.
 */
extern void depend_on_words(VerifyResult *result, const char *source);

#endif							/* COMPAT_GUARD_BODY_INTERNAL_H */
