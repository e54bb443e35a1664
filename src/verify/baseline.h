/*
 * baseline.h
 *		What a requirement found when it was first met, to compare with later.
 *
 * A JSON object of texts and lists of texts.  Objects in it go by name, so that
 * it survives dump and restore.
 */
#ifndef COMPAT_GUARD_BASELINE_H
#define COMPAT_GUARD_BASELINE_H

#include "contract/requirement.h"

typedef struct BaselineMember
{
	const char *name;
	const char *text;			/* NULL: leave the member out, unless ... */
	bool		is_list;
	List	   *list;			/* of char * */
} BaselineMember;

extern Jsonb *baseline_of(const BaselineMember *members, int nmembers);

/* The same and one member more; baseline may be NULL. */
extern Jsonb *baseline_with(Jsonb *baseline, const BaselineMember *member);

/* Members of a requirement's baseline; NULL or NIL: absent, or no baseline. */
extern char *baseline_text(const Requirement *req, const char *member);
extern List *baseline_list(const Requirement *req, const char *member);
extern bool baseline_has(const Requirement *req, const char *member);

extern bool text_list_has(List *list, const char *text);

#endif							/* COMPAT_GUARD_BASELINE_H */
