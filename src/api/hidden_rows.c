/*
 * hidden_rows.c
 *		Let statements meet a large table as if it had no rows.
 *
 * The table, its TOAST table and its indexes get new, empty storage, as TRUNCATE gives
 * them, in a subtransaction that will be rolled back.  No other session sees that: it is a
 * change of rows of pg_class that are never committed.  So no lock is needed that would
 * keep others from reading and writing the table; ShareUpdateExclusiveLock keeps VACUUM from
 * updating the same rows of pg_class in place.  Afterwards the rows of pg_class get the
 * old storage back, unless the table was rewritten meanwhile: then its rows would have to
 * be rewritten, too.
 *
 * Invariant: the old storage is neither written nor dropped.  It is marked to be dropped at
 * commit, as by TRUNCATE, and the rollback takes that back.
 *
 * An index that was built over no rows has no entries.  When the rows are back it must not be
 * used to find them, which pg_index.indcheckxmin tells the planner: the index is valid, but
 * may not be used by transactions as old as its own.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "api/api.h"
#include "base/compat.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "hazard/hazard.h"
#include "nodes/execnodes.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/lockdefs.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

/* One relation with storage. */
typedef struct HiddenStorage
{
	Oid			relid;
	HeapTuple	before;			/* its row of pg_class */
	Oid			empty;			/* its relfilenode now */
	bool		usable;			/* not an index that the planner avoids */

	/* Of the relation cache: whether the transaction had made its storage. */
	SubTransactionId new_subid;
	SubTransactionId first_subid;
} HiddenStorage;

struct HiddenRows
{
	Oid			relid;			/* the table */
	int64		bytes;			/* its size */
	int64		scans;			/* that the session has made by then */
	List	   *storage;		/* of HiddenStorage *: the table's first */
};

int64
bytes_with_toast(Relation rel)
{
	int64		blocks = RelationGetNumberOfBlocks(rel);

	if (OidIsValid(rel->rd_rel->reltoastrelid))
	{
		Relation	toast = table_open(rel->rd_rel->reltoastrelid, AccessShareLock);

		blocks += RelationGetNumberOfBlocks(toast);
		table_close(toast, AccessShareLock);
	}
	return blocks * BLCKSZ;
}

/* Return how often the session has scanned a table, as far as that is not flushed yet. */
static int64
count_scans(Oid relid)
{
	PgStat_TableStatus *status = find_tabstat_entry(relid);

	return status == NULL ? 0 : compat_scan_count(status);
}

static HeapTuple
pg_class_row(Oid relid)
{
	return SearchSysCacheCopy1(RELOID, ObjectIdGetDatum(relid));
}

static Oid
relfilenode_of(HeapTuple row)
{
	return ((Form_pg_class) GETSTRUCT(row))->relfilenode;
}

/* Give a relation empty storage. */
static void
exchange_storage(HiddenRows *hidden, Relation rel)
{
	HiddenStorage *storage = palloc_object(HiddenStorage);

	storage->relid = RelationGetRelid(rel);
	size_note_hidden(storage->relid, (uint64) RelationGetNumberOfBlocks(rel) * BLCKSZ);
	storage->before = pg_class_row(storage->relid);
	storage->usable = rel->rd_index == NULL ||
		(rel->rd_index->indisvalid && !rel->rd_index->indcheckxmin);
	storage->new_subid = compat_new_storage_subid(rel);
	storage->first_subid = compat_first_storage_subid(rel);
	compat_set_new_storage(rel);
	CommandCounterIncrement();
	storage->empty = relfilenode_of(pg_class_row(storage->relid));
	hidden->storage = lappend(hidden->storage, storage);
}

/* Exchange the storage of a table's indexes, and build them over no rows. */
static void
exchange_indexes(HiddenRows *hidden, Relation heap)
{
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(heap))
	{
		Relation	index = index_open(lfirst_oid(lc), ShareUpdateExclusiveLock);

		exchange_storage(hidden, index);
		index_build(heap, index, BuildIndexInfo(index), true, false);
		CommandCounterIncrement();
		index_close(index, NoLock);
	}
}

HiddenRows *
rows_hide(Oid relid)
{
	HiddenRows *hidden = palloc0_object(HiddenRows);
	Relation	rel = table_open(relid, ShareUpdateExclusiveLock);

	hidden->relid = relid;
	hidden->bytes = bytes_with_toast(rel);
	exchange_storage(hidden, rel);
	if (OidIsValid(rel->rd_rel->reltoastrelid))
	{
		Relation	toast = table_open(rel->rd_rel->reltoastrelid, ShareUpdateExclusiveLock);

		exchange_storage(hidden, toast);
		exchange_indexes(hidden, toast);
		table_close(toast, NoLock);
	}
	exchange_indexes(hidden, rel);
	table_close(rel, NoLock);
	hidden->scans = count_scans(relid);
	return hidden;
}

/*
 * Give a relation its storage back, also an index that was built anew meanwhile: what is
 * in the old one is as good for the old rows, and TOAST reads its index unasked.
 */
static void
restore_storage(Relation pg_class, const HiddenStorage *storage)
{
	HeapTuple	row = pg_class_row(storage->relid);
	Form_pg_class before = (Form_pg_class) GETSTRUCT(storage->before);
	Form_pg_class form;
	Relation	rel;

	if (!HeapTupleIsValid(row))
		return;
	size_forget_hidden(storage->relid);
	form = (Form_pg_class) GETSTRUCT(row);
	form->relfilenode = before->relfilenode;
	form->reltablespace = before->reltablespace;
	form->relpages = before->relpages;
	form->reltuples = before->reltuples;
	form->relallvisible = before->relallvisible;
	form->relfrozenxid = before->relfrozenxid;
	form->relminmxid = before->relminmxid;
	CatalogTupleUpdate(pg_class, &row->t_self, row);
	CommandCounterIncrement();

	/* What is written to it has to be logged again, if it had to be before. */
	rel = RelationIdGetRelation(storage->relid);
	compat_new_storage_subid(rel) = storage->new_subid;
	compat_first_storage_subid(rel) = storage->first_subid;
	RelationClose(rel);
}

/* Was it an index that finds all rows? */
static bool
was_usable(const HiddenRows *hidden, Oid relid)
{
	ListCell   *lc;

	foreach(lc, hidden->storage)
	{
		const HiddenStorage *storage = lfirst(lc);

		if (storage->relid == relid)
			return storage->usable;
	}
	return false;
}

/*
 * Keep the planner from using the indexes that were built over no rows, and those that
 * were invalid and have become valid over no rows.
 */
static void
distrust_new_indexes(const HiddenRows *hidden)
{
	Relation	rel = RelationIdGetRelation(hidden->relid);
	Relation	pg_index = table_open(IndexRelationId, RowExclusiveLock);
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		HeapTuple	row;
		Form_pg_index form;

		if (was_usable(hidden, lfirst_oid(lc)))
			continue;
		row = SearchSysCacheCopy1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(lc)));
		form = (Form_pg_index) GETSTRUCT(row);
		if (!form->indcheckxmin)
		{
			form->indcheckxmin = true;
			CatalogTupleUpdate(pg_index, &row->t_self, row);
		}
	}
	table_close(pg_index, NoLock);
	RelationClose(rel);
	CommandCounterIncrement();
}

bool
rows_show(HiddenRows *hidden)
{
	const HiddenStorage *first = linitial(hidden->storage);
	HeapTuple	row = pg_class_row(hidden->relid);
	Relation	pg_class;
	ListCell   *lc;

	if (!HeapTupleIsValid(row))
		return false;
	if (relfilenode_of(row) != first->empty)
		return true;
	pg_class = table_open(RelationRelationId, RowExclusiveLock);
	foreach(lc, hidden->storage)
		restore_storage(pg_class, lfirst(lc));
	table_close(pg_class, NoLock);
	distrust_new_indexes(hidden);
	return false;
}

int64
rows_hidden_size(const HiddenRows *hidden)
{
	return hidden->bytes;
}

int64
rows_hidden_scans(const HiddenRows *hidden)
{
	return count_scans(hidden->relid) - hidden->scans;
}

Oid
rows_hidden_of(const HiddenRows *hidden)
{
	return hidden->relid;
}
