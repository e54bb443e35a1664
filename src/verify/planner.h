/*
 * planner.h
 *		Planning what is not going to be executed.
 */
#ifndef COMPAT_GUARD_PLANNER_H
#define COMPAT_GUARD_PLANNER_H

#include "nodes/parsenodes.h"

/*
 * The same query for the planner, with nothing in it to evaluate but calls of the
 * server's own immutable functions.  The query itself if that has no others, else
 * a copy.  may_matter: somebody's function is among the others, of which the
 * planner might have made a constant, or put its body in the place of the call.
 */
extern Query *withhold_calls(Query *query, bool *may_matter);

/* Has that mattered, perhaps, since planner_begin, to what was planned last? */
extern void planner_begin(void);
extern bool planner_withheld(void);

/* Called with each query that a function which is run by us gives to the planner. */
extern void (*plan_observer) (Query *query);

/* Installs hooks. */
extern void planner_init(void);

#endif							/* COMPAT_GUARD_PLANNER_H */
