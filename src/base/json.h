/*
 * json.h
 *		Write JSON text, and read members of a Jsonb.
 */
#ifndef COMPAT_GUARD_JSON_H
#define COMPAT_GUARD_JSON_H

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/*
 * Append the name of a member and a colon, or begin an element of an array, after a
 * comma unless it is the first there.
 */
extern void json_append_name(StringInfo json, const char *name);
extern void json_append_separator(StringInfo json);

/* Append a member that is a text; nothing if the text is NULL. */
extern void json_append_member(StringInfo json, const char *name, const char *text);

/* Append a list of char * as an array. */
extern void json_append_list(StringInfo json, List *texts);

/* Turn a text into a Jsonb. */
extern Jsonb *json_from_text(const char *text);

/* Return the members of both objects, those of b in place of the same of a. */
extern Jsonb *json_concat(Jsonb *a, Jsonb *b);

/* Return a member of a JSON object, or NULL if it is absent; object may be NULL. */
extern JsonbValue *json_member(Jsonb *object, const char *member);

/* Return a string, boolean or number as text; NULL for NULL and any other value. */
extern char *json_text(JsonbValue *value);

/*
 * Return the texts and numbers of an array, and of arrays in it, as a list of char *; NIL
 * if the value is NULL or no array.
 */
extern List *json_text_list(JsonbValue *value);

#endif							/* COMPAT_GUARD_JSON_H */
