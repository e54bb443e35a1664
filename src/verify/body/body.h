/*
 * body.h
 *		Check the bodies of routines.
 */
#ifndef COMPAT_GUARD_BODY_H
#define COMPAT_GUARD_BODY_H

#include "verify/result/result.h"

/* ---- body.c ---- */

/*
 * Check the bodies of all that the requirement runs, and add to its baseline
 * which do not resolve.
 */
extern void check_bodies(const Requirement *req, VerifyResult *result);

/* Each body is checked once for a role and search path: start afresh, and keep
 * what is found in a context. */
extern void bodies_reset(MemoryContext context);

/* ---- polymorphic.c ---- */

/*
 * Analyse the bodies of functions in SQL for which only the call says of what types
 * they are: raises what is wrong.  A tree walker that returns false.
 */
extern bool check_polymorphic_calls(Node *node, void *context);

#endif							/* COMPAT_GUARD_BODY_H */
