/*
 * body.h
 *		Check the bodies of routines.
 */
#ifndef COMPAT_GUARD_BODY_H
#define COMPAT_GUARD_BODY_H

#include "verify/result/result.h"

/* ---- body.c ---- */

/* Check the bodies of all that the requirement runs, and add to its baseline
 * which do not resolve. */
extern void check_bodies(const Requirement *req, VerifyResult *result);

/* Forget the bodies that were checked, for another role or search path.  What is found
 * from now on is kept in the context. */
extern void bodies_reset(MemoryContext context);

/* ---- polymorphic.c ---- */

/* Analyse the bodies of functions in SQL for which only the call says of what types
 * they are: raises what is wrong.  A tree walker that returns false. */
extern bool check_polymorphic_calls(Node *node, void *context);

#endif							/* COMPAT_GUARD_BODY_H */
