/*
 * result_internal.h
 *		What the files of result/ share and nobody else uses.
 */
#ifndef COMPAT_GUARD_RESULT_INTERNAL_H
#define COMPAT_GUARD_RESULT_INTERNAL_H

#include "nodes/pg_list.h"

/* ---- dependency.c ---- */

/* Return a copy of a text, or NULL for NULL. */
extern char *copy_text(const char *text);

/* ---- baseline_type.c ---- */

/* A type in a baseline. */
typedef struct BaselineType
{
	char	   *name;
	List	   *parts;			/* of char *: the kind, and what the type is
								 * made of: see describe */
} BaselineType;

/* Return the type of this name in a list of BaselineType *, or NULL. */
extern BaselineType *find_baseline_type(List *kept, const char *name);

/* Return "enum", "row", "domain", "range", "multirange" or "base". */
extern const char *baseline_type_kind(const BaselineType *type);

/* Take "[]" from the end of a name.  False, and the name left alone, without it. */
extern bool strip_array(const char **name);

#endif							/* COMPAT_GUARD_RESULT_INTERNAL_H */
