/*
 * learn.h
 *		Contracts learned from traffic: sessions that say who they are, and the
 *		statements that they send.
 */
#ifndef COMPAT_GUARD_LEARN_H
#define COMPAT_GUARD_LEARN_H

/* ---- session.c ---- */

/* Install the hooks; once, from _PG_init. */
extern void learn_init(void);

#endif							/* COMPAT_GUARD_LEARN_H */
