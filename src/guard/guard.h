/*
 * guard.h
 *		The hooks: see DDL, collect what it touches, ask for judgement.
 */
#ifndef COMPAT_GUARD_GUARD_H
#define COMPAT_GUARD_GUARD_H

/* Install everything; once, from _PG_init. */
extern void guard_init(void);

/* Of the single files, called by guard_init. */
extern void utility_init(void);
extern void commit_init(void);

#endif							/* COMPAT_GUARD_GUARD_H */
