/*
 * kept_type.h
 *		Types as a baseline keeps them, and whether they are the same to a client.
 *
 * A type is kept by its qualified name, which no search path has a say in, and
 * beside the names is kept what each type was that is not the server's.  So a
 * type is known again that has another name or schema now, also after a dump and
 * restore, and another type of the old name is told from it.
 */
#ifndef COMPAT_GUARD_KEPT_TYPE_H
#define COMPAT_GUARD_KEPT_TYPE_H

#include "contract/requirement.h"
#include "nodes/pg_list.h"
#include "verify/baseline.h"

/* The name to keep, of the type below domains; and with the modifier of a column. */
extern char *kept_type_name(Oid type);
extern char *kept_column_type_name(Oid type, int32 typmod);

/* A kept name without its modifier. */
extern char *kept_type_bare(const char *name);

/* A kept name for people: as short as the search path allows. */
extern char *kept_type_label(const char *name);

/*
 * Add what the type is, and those it is made of, to a list of KeptType *, which
 * the baseline has as its member "types".  The server's own are left out.
 */
extern List *keep_type(List *kept, Oid type);
extern BaselineMember kept_types_member(List *kept);
extern List *kept_types(Jsonb *baseline);

typedef enum TypeMatch
{
	TYPE_OTHER,
	TYPE_GREW,					/* a row that has more columns at its end */
	TYPE_SAME
} TypeMatch;

/*
 * Is a type, to a client, the one that was kept under the name?  Modifiers are no
 * part of the answer.
 *
 * The same are: domains and the types they are over; text and character
 * varying; rows of the same columns, whatever they are called; and of other
 * types that of the old name, if it is of the same kind, or the one that the old
 * type was renamed to: it has the labels, or is made as that was, and what goes
 * by the old name now, if anything, has or is not.
 */
extern TypeMatch kept_type_match(List *kept, const char *name, Oid type);

/* The same of two types that there are. */
extern TypeMatch type_match(Oid was, Oid is);

/* The labels of the enum below an array that a kept name is of; NIL if there is none. */
extern List *kept_labels(List *kept, const char *name);

/*
 * How to call the type that was kept, and the one that there is now, where they
 * are not the same: with what they are if both go by one name.
 */
extern void kept_type_contrast(List *kept, const char *name, Oid type,
							   char **was, char **is);

#endif							/* COMPAT_GUARD_KEPT_TYPE_H */
