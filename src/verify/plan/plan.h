/*
 * plan.h
 *		Plan a query that is not going to be executed.
 */
#ifndef COMPAT_GUARD_PLAN_H
#define COMPAT_GUARD_PLAN_H

#include "nodes/parsenodes.h"

/* ---- planner.c ---- */

/* Install hooks. */
extern void planner_init(void);

/* ---- childless.c ---- */

/* End what childless_begin() began; harmless if nothing was. */
extern void childless_end(void);

#endif							/* COMPAT_GUARD_PLAN_H */
