/*
 * guard.h
 *		The hooks: see DDL, collect what it touches, ask for judgement.
 */
#ifndef COMPAT_GUARD_GUARD_H
#define COMPAT_GUARD_GUARD_H

#include "judge/judge.h"

/* ---- collect.c ---- */

/* Collect into a fresh set; change_restore drops it and returns to the other. */
typedef struct ChangeSet ChangeSet;

/*
 * All of it, by name, in CurrentMemoryContext; valid until it is cleared, which
 * this does not do.
 */
extern SchemaChange *change_names(void);
extern ChangeSet *change_replace(void);
extern void change_restore(ChangeSet *set);

/* ---- commit.c ---- */

/* Install everything; once, from _PG_init. */
extern void guard_init(void);

#endif							/* COMPAT_GUARD_GUARD_H */
