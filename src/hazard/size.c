/*
 * size.c
 *		Sizes of tables, as far as they are felt by other sessions.
 *
 * A size is taken before or in the middle of a statement.  So it waits for nothing: a
 * lock that is not to be had at once is not taken, and the last known size counts.  Nor
 * is a lock kept, for the statement is going to take a stronger one.
 *
 * A trial hides the rows of large tables from the statements that it runs.  They have the
 * size that was noted before.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/guc.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "fmgr.h"
#include "hazard/hazard_internal.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

/* A relation whose rows a trial hides. */
typedef struct HiddenSize
{
	Oid			relid;
	uint64		bytes;
} HiddenSize;

/* Of HiddenSize *, in TopTransactionContext. */
static List *hidden_sizes = NIL;

static HiddenSize *
find_hidden(Oid relid)
{
	ListCell   *lc;

	foreach(lc, hidden_sizes)
	{
		HiddenSize *hidden = lfirst(lc);

		if (hidden->relid == relid)
			return hidden;
	}
	return NULL;
}

void
size_note_hidden(Oid relid, uint64 bytes)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	HiddenSize *hidden = find_hidden(relid);

	if (hidden == NULL)
	{
		hidden = palloc_object(HiddenSize);
		hidden->relid = relid;
		hidden_sizes = lappend(hidden_sizes, hidden);
	}
	hidden->bytes = bytes;
	MemoryContextSwitchTo(old);
}

void
size_forget_hidden(Oid relid)
{
	hidden_sizes = list_delete_ptr(hidden_sizes, find_hidden(relid));
}

void
size_forget_all_hidden(void)
{
	hidden_sizes = NIL;
}

/* Return the size that the last VACUUM or ANALYZE has found. */
static uint64
last_known_bytes(Oid relid)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class form;
	uint64		pages = 0;

	if (!HeapTupleIsValid(tup))
		return 0;
	form = (Form_pg_class) GETSTRUCT(tup);
	if (form->relpersistence != RELPERSISTENCE_TEMP && form->relpages > 0)
		pages = form->relpages;
	ReleaseSysCache(tup);
	return pages * BLCKSZ;
}

static uint64
open_table_bytes(Relation rel, bool with_toast)
{
	const HiddenSize *hidden = find_hidden(RelationGetRelid(rel));
	uint64		bytes;

	if (!RELKIND_HAS_TABLE_AM(rel->rd_rel->relkind) || RelationUsesLocalBuffers(rel) ||
		RELATION_IS_OTHER_TEMP(rel) || rel->rd_createSubid != InvalidSubTransactionId)
		return 0;
	bytes = hidden ? hidden->bytes : (uint64) RelationGetNumberOfBlocks(rel) * BLCKSZ;
	if (with_toast && OidIsValid(rel->rd_rel->reltoastrelid))
		bytes += table_bytes(rel->rd_rel->reltoastrelid, false);
	return bytes;
}

uint64
table_bytes(Oid relid, bool with_toast)
{
	Relation	rel;
	uint64		bytes = 0;

	if (!ConditionalLockRelationOid(relid, AccessShareLock))
		return last_known_bytes(relid);
	rel = RelationIdGetRelation(relid);
	if (RelationIsValid(rel))
	{
		bytes = open_table_bytes(rel, with_toast);
		RelationClose(rel);
	}
	UnlockRelationOid(relid, AccessShareLock);
	return bytes;
}

uint64
tables_bytes(Oid relid, bool with_toast)
{
	uint64		bytes = 0;
	ListCell   *lc;

	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
		bytes += table_bytes(lfirst_oid(lc), with_toast);
	return bytes;
}

bool
is_large(uint64 bytes)
{
	return bytes > (uint64) guard_large_relation * 1024;
}

char *
bytes_shown(uint64 bytes)
{
	return TextDatumGetCString(DirectFunctionCall1(pg_size_pretty, Int64GetDatum((int64) bytes)));
}
