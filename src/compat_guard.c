/*
 * compat_guard.c
 *		Entry of the library: settings and hooks, nothing else.
 */
#include "postgres.h"

#include "base/activity.h"
#include "base/compat.h"
#include "base/guc.h"
#include "fmgr.h"
#include "guard/guard.h"
#include "miscadmin.h"
#include "verify/verify.h"

PG_MODULE_MAGIC;

/*
 * Runs once in each process that loads the library: at server start when it is
 * preloaded, at the first DDL of a session otherwise.  No catalog access here:
 * there may be no transaction.
 */
void
_PG_init(void)
{
	guc_init();
	activity_init();
	verify_init();
	guard_init();
}
