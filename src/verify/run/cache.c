/*
 * cache.c
 *		What a verifier may remember from one requirement to the next.
 *
 * Requirements of the same role and search path are answered in one batch, and
 * as a rule several in a row are about the same relation.  What has been looked
 * up for one of them holds for the next, unless an invalidation came between.
 */
#include "postgres.h"

#include "storage/sinval.h"
#include "verify/run/run.h"

/* Not of a verification: what was cached in one before must not seem current. */
static uint64 batch = 0;

void
cache_begin_batch(MemoryContext context)
{
	batch++;
	verification->batch_memory = context;
}

bool
cache_is_current(CacheStamp *moment)
{
	if (moment->batch == batch && moment->invalidations == SharedInvalidMessageCounter)
		return true;
	moment->batch = batch;
	moment->invalidations = SharedInvalidMessageCounter;
	return false;
}

MemoryContext
cache_context(void)
{
	return verification->batch_memory;
}
