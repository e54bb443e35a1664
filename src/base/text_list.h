/*
 * text_list.h
 *		Lists of char *.
 */
#ifndef COMPAT_GUARD_TEXT_LIST_H
#define COMPAT_GUARD_TEXT_LIST_H

#include "nodes/pg_list.h"

extern bool text_list_has(List *texts, const char *text);

/* Append a text, not copied, unless the list has it. */
extern List *text_list_add(List *texts, const char *text);

/* Sort a list in place by bytes, and leave each text in it once. */
extern List *text_list_sort(List *texts);

/* Return the texts as an array of SQL. */
extern Datum text_list_array(List *texts);

/* Return the texts with a separator between them; NULL for an empty list. */
extern char *text_list_join(List *texts, const char *separator);

#endif							/* COMPAT_GUARD_TEXT_LIST_H */
