/*
 * baseline.h
 *		What a requirement found when it was first met, to compare with later.
 *
 * A JSON object of texts and lists of texts.  Objects in it go by name, so that
 * it survives dump and restore; and by qualified name, since it is compared
 * where other things are visible.
 */
#ifndef COMPAT_GUARD_BASELINE_H
#define COMPAT_GUARD_BASELINE_H

#include "contract/requirement.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

typedef struct BaselineMember
{
	const char *name;
	const char *text;			/* NULL: leave the member out, unless ... */
	bool		is_list;
	List	   *list;			/* of char * */
	const char *json;			/* the value as it is; or NULL */
} BaselineMember;

extern Jsonb *baseline_of(const BaselineMember *members, int nmembers);

/* The same and one member more; baseline may be NULL. */
extern Jsonb *baseline_with(Jsonb *baseline, const BaselineMember *member);

/* Members of a requirement's baseline; NULL or NIL: absent, or no baseline. */
extern char *baseline_text(const Requirement *req, const char *member);
extern List *baseline_list(const Requirement *req, const char *member);
extern bool baseline_has(const Requirement *req, const char *member);

/* The strings of an array, or of an array of arrays, flat; NIL for NULL. */
extern List *json_strings(JsonbValue *array);

/* ["a", "b"] */
extern void put_text_list(StringInfo json, List *list);

extern bool text_list_has(List *list, const char *text);

/* Is any of them not empty? */
extern bool list_has_text(List *list);

#endif							/* COMPAT_GUARD_BASELINE_H */
