/*
 * plan.h
 *		Plan a query that is not going to be executed.
 */
#ifndef COMPAT_GUARD_PLAN_H
#define COMPAT_GUARD_PLAN_H

#include "nodes/parsenodes.h"

/* ---- planner.c ---- */

/* Has that mattered, perhaps, since planner_begin, to what was planned last? */
extern void planner_begin(void);
extern bool planner_withheld(void);

/* Called with each query that a function which is run by us gives to the planner. */
extern void (*plan_observer) (Query *query);

/* Installs hooks. */
extern void planner_init(void);

/* ---- childless.c ---- */

extern void childless_end(void);

#endif							/* COMPAT_GUARD_PLAN_H */
