/*
 * login.h
 *		Will the applications' next connections be what they were?
 */
#ifndef COMPAT_GUARD_LOGIN_H
#define COMPAT_GUARD_LOGIN_H

#include "nodes/pg_list.h"

/* What the next connection of a role would find. */
typedef struct Login
{
	char	   *role;
	bool		barred;			/* it could not connect */
	char	   *search_path;	/* it would begin with */
} Login;

/* Of each role that a live version names, in CurrentMemoryContext. */
extern List *logins_now(void);	/* of Login * */

/*
 * Findings where that is worse now than before, as a list of Finding *; NIL if before is
 * NIL.  statement: that did it.
 */
extern List *login_findings(List *before, const char *statement);

#endif							/* COMPAT_GUARD_LOGIN_H */
