/*
 * guard.h
 *		The hooks: see DDL, collect what it touches, ask for judgement.
 */
#ifndef COMPAT_GUARD_GUARD_H
#define COMPAT_GUARD_GUARD_H

#include "judge/judge.h"

/* ---- collect.c ---- */

/* Collect into a fresh set; touched_restore drops it and returns to the other. */
typedef struct TouchedSet TouchedSet;

/*
 * All of it, by name, in CurrentMemoryContext; valid until it is cleared, which
 * this does not do.
 */
extern Touched *touched_names(void);
extern TouchedSet *touched_replace(void);
extern void touched_restore(TouchedSet *set);

/* ---- commit.c ---- */

/* Install everything; once, from _PG_init. */
extern void guard_init(void);

#endif							/* COMPAT_GUARD_GUARD_H */
