/*
 * body_internal.h
 *		What the files of body/ share and nobody else uses.
 */
#ifndef COMPAT_GUARD_BODY_INTERNAL_H
#define COMPAT_GUARD_BODY_INTERNAL_H

#include "catalog/pg_proc.h"
#include "verify/result/result.h"

/* ---- sql_body.c ---- */

/* Do the types of the routine depend on how it is called? */
extern bool is_polymorphic(Form_pg_proc form);

/* Return a text attribute of a row of pg_proc, or NULL. */
extern char *proc_text(HeapTuple tup, AttrNumber attnum);

/* Check each statement of a body in SQL, and that the last one returns what the
 * function declares.  Raises what the server says of it. */
extern void check_sql_body(HeapTuple tup, const char *source, VerifyResult *result);

/* ---- plpgsql.c ---- */

/* Depend on plpgsql_check, and on the names of its functions that are called. */
extern void depend_on_checker(VerifyResult *result);

/* Return why plpgsql_check cannot be asked, or NULL if it can. */
extern const char *why_plpgsql_cannot_tell(void);

/* Ask plpgsql_check about a body.  Adds what the body depends on, and returns true; or
 * fills in code and message of what is wrong with the body, and returns false. */
extern bool plpgsql_check_body(const RunRoutine *run, VerifyResult *result, ErrorData *edata);

/* ---- word.c ---- */

/* Depend on each relation and type whose name is a word of a body, and on what the name
 * could come to mean. */
extern void depend_on_words(VerifyResult *result, const char *source);

#endif							/* COMPAT_GUARD_BODY_INTERNAL_H */
