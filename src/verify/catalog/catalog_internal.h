/*
 * catalog_internal.h
 *		What the files of catalog/ share and nobody else uses.
 */
#ifndef COMPAT_GUARD_CATALOG_INTERNAL_H
#define COMPAT_GUARD_CATALOG_INTERNAL_H


/* ---- relation.c ---- */

extern int	count_check_constraints(Oid relid);

#endif							/* COMPAT_GUARD_CATALOG_INTERNAL_H */
