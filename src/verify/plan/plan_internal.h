/*
 * plan_internal.h
 *		What the files of plan/ share and nobody else uses.
 */
#ifndef COMPAT_GUARD_PLAN_INTERNAL_H
#define COMPAT_GUARD_PLAN_INTERNAL_H

#include "nodes/parsenodes.h"

/* ---- withhold.c ---- */

/*
 * The same query for the planner, with nothing in it to evaluate but calls of the
 * server's own immutable functions.  The query itself if that has no others, else
 * a copy.  may_matter: somebody's function is among the others, of which the
 * planner might have made a constant, or put its body in the place of the call.
 */
extern Query *withhold_calls(Query *query, bool *may_matter);

/* ---- childless.c ---- */

/*
 * Change a rewritten query so that it can be planned, and not run, without its
 * children.  Every beginning must be ended, in whatever way planning ends;
 * to end none is harmless.
 */
extern void childless_begin(Query *query);

#endif							/* COMPAT_GUARD_PLAN_INTERNAL_H */
