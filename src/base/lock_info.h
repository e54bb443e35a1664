/*
 * lock_info.h
 *		Who holds a lock, and does he wait for us?
 */
#ifndef COMPAT_GUARD_LOCK_INFO_H
#define COMPAT_GUARD_LOCK_INFO_H

#include "storage/lock.h"

typedef struct Blockers
{
	char	   *who;			/* for people: "process 4711 of role app";
								 * NULL: nobody */
	bool		in_turn;		/* one of them waits for us, and we have to
								 * give way */
} Blockers;

/*
 * Find out who keeps us from a lock.  newcomer: we have just begun to want it, and so
 * give way whenever somebody in the way waits for us.  Reads all of the lock table; the
 * answer may be out of date when it is used.
 */
extern Blockers lock_blockers(const LOCKTAG *tag, LOCKMODE mode, bool newcomer);

/*
 * Return the announcement of a wait: a lock that whoever tries again and again for
 * another lock holds meanwhile, in AccessShareLock mode.
 */
extern LOCKTAG lock_announcement(const LOCKTAG *tag, LOCKMODE mode);

/* Does another process try for the lock? */
extern bool lock_is_announced(const LOCKTAG *tag, LOCKMODE mode);

#endif							/* COMPAT_GUARD_LOCK_INFO_H */
