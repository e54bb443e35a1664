/*
 * outlook.h
 *		Which versions run, before and after.
 */
#ifndef COMPAT_GUARD_OUTLOOK_H
#define COMPAT_GUARD_OUTLOOK_H

#include "nodes/bitmapset.h"
#include "registry/registry.h"

/* A version that is live, or in reach of a rollback. */
typedef struct Outlook
{
	int64		version_id;
	const char *app;
	const char *version;
	bool		live;
	bool		ran;			/* had all it needs */
} Outlook;

/*
 * As it is stored now, of the apps of some of the kept versions, which are given
 * by their place: a list of Outlook *, of each app the oldest version first.
 */
extern List *outlook_of(List *kept, const Bitmapset *movers);

/* Append copies of those that are not among the first yet. */
extern List *outlook_merge(List *first, List *second);

/*
 * What is otherwise than it was: live versions that run now ("billing 42"), and
 * apps whose oldest version that runs is another ({"app": .., "from": .., "to": ..},
 * without what there is none of).
 */
extern void outlook_compare(List *outlook, List **now_ready, List **floors);

#endif							/* COMPAT_GUARD_OUTLOOK_H */
