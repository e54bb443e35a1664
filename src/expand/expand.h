/*
 * expand.h
 *		Expand, migrate, switch, contract: replace a column while versions that use the
 *		old one and versions that use the new one run side by side.
 *
 * doc/expand-contract.md says what users see of it.
 *
 * Phases, and what ends each:
 *
 *	expanded		expand_column(): the new column is beside the old one, and a trigger
 *					writes both.  Rows written before have null in the new column.
 *	backfilling		backfill(): rows written before are migrated, batch by batch.
 *	migrated		A scan with one snapshot has proved that the columns agree in every
 *					row.  Then they agree for good: whoever writes a row later has the
 *					trigger, and transactions that wrote without it ended before
 *					expand_column() obtained its lock.
 *	contracted		contract(): no live version needs the old column; it is gone.
 *	abandoned		abandon(), from each phase but contracted: the new column is gone.
 *
 * The view shows "switched" for an expansion that is migrated and whose old column no
 * live version needs.  That is not stored, because versions come and go.
 *
 * Invariant: the columns of a row agree when it is written: up(row) = new or
 * old = down(row).  If new is null, up(row) is null, or up fails and the expansion says
 * that such rows are taken with null.  dual_write.c has the rule and which side wins.
 *
 * Invariant: column and trigger come and go in one transaction, with the table locked
 * in AccessExclusive mode.  So no statement sees one without the other.
 *
 * Invariant: no code of the table's owner runs with the rights of who writes, backfills
 * or asks.  up and down run as the owner, security-restricted, with a pinned search
 * path and fixed settings (owner.c); they are never volatile, so that what they gave
 * can be verified.
 *
 * Locks.  The row of an expansion has a lock in the lock manager (registry_lock_row),
 * taken before the row is read to be changed, to transaction end.  expand_column(),
 * contract() and abandon() lock the table and what inherits from it all at once and
 * without standing in a queue (table_lock.c), so that they keep nobody waiting while
 * they wait.  backfill() takes RowExclusive locks and locks of rows, for a batch at a
 * time, and leaves rows that others have locked for later.
 */
#ifndef COMPAT_GUARD_EXPAND_H
#define COMPAT_GUARD_EXPAND_H

#include "registry/registry.h"

/* ---- damage.c ---- */

/* Say, in one clause, what keeps an expansion from writing both columns; NULL: nothing. */
extern char *expansion_damage(const ColumnExpansion *expansion);

/* Return the expansions that are running and undamaged. */
extern List *expansions_intact(void);	/* of ColumnExpansion * */

#endif							/* COMPAT_GUARD_EXPAND_H */
