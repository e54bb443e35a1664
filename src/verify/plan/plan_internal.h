/*
 * plan_internal.h
 *		What the files of plan/ share and nobody else uses.
 */
#ifndef COMPAT_GUARD_PLAN_INTERNAL_H
#define COMPAT_GUARD_PLAN_INTERNAL_H

#include "nodes/parsenodes.h"

/* ---- withhold.c ---- */

/*
 * Return a query in which the planner finds nothing to evaluate but calls of the
 * server's own immutable functions: the query itself if it has no others, else a copy.
 * may_matter: the planner might have made a constant of a call that was withheld, or
 * put the function's body in its place.
 */
extern Query *withhold_calls(Query *query, bool *may_matter);

/* ---- childless.c ---- */

/* Change a rewritten query so that it can be planned, and not run, without its
 * children.  childless_end() must follow, in whatever way planning ends. */
extern void childless_begin(Query *query);

#endif							/* COMPAT_GUARD_PLAN_INTERNAL_H */
