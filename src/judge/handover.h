/*
 * handover.h
 *		Journal rows of transactions that are rolled back: from the backends that
 *		block them to the worker that writes them.
 */
#ifndef COMPAT_GUARD_HANDOVER_H
#define COMPAT_GUARD_HANDOVER_H

#include "registry/registry.h"

/*
 * Hand over a row of this database, and start a worker for it if none is
 * there.  Waits for nothing.  False if nobody is going to write it.
 */
extern bool handover_send(const JournalRow *row);

/* Put into the server log what does not get into the journal. */
extern void handover_log(const char *text);

/*
 * The worker's side.  "place" is its argument.  Which database is it for?
 * InvalidOid if it came too late and has nothing to do.
 */
extern Oid	handover_begin(int place);

/*
 * The next row, in CurrentMemoryContext; the one before is done.  NULL if there
 * is none: then the worker's time is over, and another one will be started
 * when there is.
 */
extern JournalRow *handover_take(void);

#endif							/* COMPAT_GUARD_HANDOVER_H */
