/*
 * childless.h
 *		Plan a query without the partitions and children of what it reads.
 *
 * Private to verify/.
 */
#ifndef COMPAT_GUARD_CHILDLESS_H
#define COMPAT_GUARD_CHILDLESS_H

#include "nodes/parsenodes.h"

/*
 * Change a rewritten query so that it can be planned, and not run, without its
 * children.  Every beginning must be ended, in whatever way planning ends;
 * to end none is harmless.
 */
extern void childless_begin(Query *query);
extern void childless_end(void);

#endif							/* COMPAT_GUARD_CHILDLESS_H */
