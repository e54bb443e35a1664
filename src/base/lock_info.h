/*
 * lock_info.h
 *		Who has a lock, and does he wait for us?
 */
#ifndef COMPAT_GUARD_HOLDER_H
#define COMPAT_GUARD_HOLDER_H

#include "storage/lock.h"

typedef struct Blockers
{
	char	   *who;			/* for people: "process 4711 of role app";
								 * NULL: nobody */
	bool		in_turn;		/* one of them waits for us, and it is for us
								 * to give way */
} Blockers;

/*
 * Who keeps us from having the lock?  newcomer: we have just begun to want it, and
 * so give way whenever somebody in the way waits for us.  Reads all of the lock
 * table; the answer may be out of date when it is read.
 */
extern Blockers lock_blockers(const LOCKTAG *tag, LOCKMODE mode, bool newcomer);

/*
 * The lock that one who tries again and again for another holds meanwhile, in
 * AccessShareLock mode, so that it is seen who waits for what.
 */
extern LOCKTAG lock_announcement(const LOCKTAG *tag, LOCKMODE mode);

/* Does anybody else try for it? */
extern bool lock_is_announced(const LOCKTAG *tag, LOCKMODE mode);

#endif							/* COMPAT_GUARD_HOLDER_H */
