/*
 * compat_guard.c
 *		The entry of the library: it defines the settings and installs the hooks.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/guard_active.h"
#include "base/guc.h"
#include "fmgr.h"
#include "guard/guard.h"
#include "learn/learn.h"
#include "miscadmin.h"
#include "verify/verify.h"

PG_MODULE_MAGIC;

/*
 * Set up the library, once in each process that loads it: at server start if it is
 * preloaded, otherwise at the first DDL of a session.  Catalogs cannot be read here,
 * because there may be no transaction.
 */
void
_PG_init(void)
{
	guc_init();
	activity_init();
	verify_init();
	guard_init();
	learn_init();
}
