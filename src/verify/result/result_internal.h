/*
 * result_internal.h
 *		What the files of result/ share and nobody else uses.
 */
#ifndef COMPAT_GUARD_RESULT_INTERNAL_H
#define COMPAT_GUARD_RESULT_INTERNAL_H


/* ---- dependency.c ---- */

extern char *copy_text(const char *text);

#endif							/* COMPAT_GUARD_RESULT_INTERNAL_H */
