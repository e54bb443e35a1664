/*
 * session.h
 *		Which versions have sessions open?
 */
#ifndef COMPAT_GUARD_SESSION_H
#define COMPAT_GUARD_SESSION_H

#include "registry/registry.h"

/*
 * How many sessions of this database, other than ours, are the version's: by
 * attach() or by application_name.
 */
extern int	version_sessions(const Version *version);

/*
 * The problem as it is for the version: a copy with "proven" set where that is up
 * to the sessions that are open, else the problem itself.
 */
extern Problem *problem_with_sessions(Problem *problem, const Version *version);

#endif							/* COMPAT_GUARD_SESSION_H */
