/*
 * holder.h
 *		Who has a lock?
 */
#ifndef COMPAT_GUARD_HOLDER_H
#define COMPAT_GUARD_HOLDER_H

#include "storage/lock.h"

/* Who holds what conflicts with it, for people: "process 4711 of role app". */
extern char *lock_holders(const LOCKTAG *tag, LOCKMODE mode);

#endif							/* COMPAT_GUARD_HOLDER_H */
