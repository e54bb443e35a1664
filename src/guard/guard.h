/*
 * guard.h
 *		The hooks: they see DDL, collect what it touches, and have it judged.
 */
#ifndef COMPAT_GUARD_GUARD_H
#define COMPAT_GUARD_GUARD_H

#include "judge/judge.h"

/* ---- change_names.c ---- */

/*
 * Return all that the transaction has touched, by name, in CurrentMemoryContext.  It
 * points into the set, which is left as it is.
 */
extern SchemaChange *change_names(void);

/* ---- change_set.c ---- */

typedef struct ChangeSet ChangeSet;

/* Put the set aside and collect into a new one.  Return the former, perhaps NULL. */
extern ChangeSet *change_replace(void);

/*
 * Say which statement of a previewed script runs from now on; 0: none.  Statements that
 * are collected meanwhile carry that number.  Return the former number.
 */
extern int	change_script_number(int number);

/* Drop the set, and return to the one that was put aside. */
extern void change_restore(ChangeSet *set);

/* ---- commit.c ---- */

/* Install all hooks; once, from _PG_init. */
extern void guard_init(void);

/* ---- statement.c ---- */

/*
 * Find the statement in a query string, without the white space, comments and
 * semicolons around it.  location -1: from the beginning of the string; length 0: to
 * its end.  Returns where it begins, without a copy, and sets *shown to its length.
 */
extern const char *statement_excerpt(const char *source, int location, int length, int *shown);

#endif							/* COMPAT_GUARD_GUARD_H */
