/*
 * meaning.h
 *		What each name in a statement stands for.
 *
 * Whatever class of object a name is of, it may come to stand for another one that
 * is found earlier, or fits better.  So all of them are kept in one list, and
 * compared by one rule: name-captured, if what the name stood for is still there.
 */
#ifndef COMPAT_GUARD_MEANING_H
#define COMPAT_GUARD_MEANING_H

#include "nodes/parsenodes.h"
#include "verify/baseline.h"
#include "verify/verify.h"

/*
 * Add to a list what the names in a raw parse tree stand for that an analysed one
 * does not have: types.  Before the tree is analysed, which changes it.
 */
extern List *add_raw_meanings(List *meanings, Node *raw, Observation *obs);

/*
 * Add those of an analysed query: relations, collations, and objects in literals,
 * unless they are the server's; and calls of routines and operators, of the
 * server's only if with_servers, as in what is to be kept.
 */
extern List *add_meanings(List *meanings, Query *query, bool with_servers,
						  Observation *obs);

/*
 * As members of a baseline: [[class, name, meaning], ...], and of calls that mean
 * the server's own only what they call with what types.
 */
extern BaselineMember names_member(List *meanings);
extern BaselineMember server_calls_member(List *meanings);

/* Report name-captured: what is not as the baseline has it. */
extern void compare_meanings(Observation *obs, Jsonb *baseline, List *is);

/*
 * Can what went by one qualified name go by the other now?  Nothing of its class
 * goes by the old one any more; and a routine has only moved to another schema.
 */
extern bool object_is_renamed(const char *schema_was, const char *was,
							  const char *schema_is, const char *is);

/* A schema that a relation was in, and that is gone; or NULL. */
extern char *meanings_missing_schema(Jsonb *baseline);

#endif							/* COMPAT_GUARD_MEANING_H */
