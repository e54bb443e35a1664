/*
 * partition.c
 *		What below a partitioned table, or a table with children, makes a difference.
 *
 * To look at every partition of a large table takes time, and a judgement would take it
 * for each partition that is made.  So the partitions of large tables that have anything
 * of their own are stored with the state of each requirement.  A judgement looks at
 * these, and at those that the transaction has changed.
 *
 * Invariant: the answer is the same as if all had been looked at.  A partition that
 * was not changed has what it had.  Whether that is its own depends on its parent in one
 * regard, that a column is not null, and on which tables are above it.  Where the
 * transaction has changed one of these, all are looked at.  They are, too, where nothing
 * is stored of the table, because it is another one or because too many partitions have
 * something of their own.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "base/catalog_scan.h"
#include "catalog/partition.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/run/run.h"

/* Of a table with no more partitions, all are looked at each time. */
#define FEW_PARTS	100

/* No more partitions of one table are stored. */
#define PARTS_STORED	100

/* What is known of a table in this batch. */
typedef struct PartitionedTable
{
	Oid			relid;			/* must be first */
	bool		looked_at;		/* at all of its partitions: */
	int			nparts;
	List	   *own;			/* of Oid: those that have something of their
								 * own */
	List	   *changed_own;	/* of Oid: those that the transaction changed
								 * and that have something of their own */
	bool		changed;		/* the transaction may have made others differ
								 * from their parent */
} PartitionedTable;

void
partitions_of_requirement(int i)
{
	const KnownPartitions *known = verification->known_partitions;

	verification->stored_partitions = known ? known->stored[i] : NIL;
}

/* Return what is known of a partitioned table, which is nothing at first. */
static PartitionedTable *
find_partitioned_table(Oid relid)
{
	PartitionedTable *table;
	bool		found;

	if (verification->partitioned_tables == NULL)
	{
		HASHCTL		ctl = {
			.keysize = sizeof(Oid),
			.entrysize = sizeof(PartitionedTable),
			.hcxt = verification->memory
		};

		verification->partitioned_tables =
			hash_create("compat_guard partitioned tables", 16, &ctl,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	table = hash_search(verification->partitioned_tables, &relid, HASH_ENTER, &found);
	if (!found)
	{
		memset(table, 0, sizeof(PartitionedTable));
		table->relid = relid;
	}
	return table;
}

/* ---- has a partition anything of its own? ---- */

/* Does the constraint come from a partitioned table's? */
static bool
has_parent(HeapTuple constraint)
{
	return OidIsValid(((Form_pg_constraint) GETSTRUCT(constraint))->conparentid);
}

/* Is the trigger the partition's own?  Triggers of a foreign key are if the key is. */
static bool
is_own_trigger(Form_pg_trigger trigger)
{
	HeapTuple	constraint;
	bool		own;

	if (OidIsValid(trigger->tgparentid))
		return false;
	if (!trigger->tgisinternal)
		return true;
	if (RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_NONE)
		return false;
	constraint = SearchSysCache1(CONSTROID, ObjectIdGetDatum(trigger->tgconstraint));
	if (!HeapTupleIsValid(constraint))
		return false;
	own = !has_parent(constraint);
	ReleaseSysCache(constraint);
	return own;
}

/* Call is_own_trigger() for a row, for any_row(). */
static bool
is_own_trigger_row(Oid relid, HeapTuple tup)
{
	return is_own_trigger((Form_pg_trigger) GETSTRUCT(tup));
}

/* Does the partition's own index refuse rows, or have an expression that is evaluated
 * for each? */
static bool
is_own_index(Oid relid, HeapTuple tup)
{
	Form_pg_index index = (Form_pg_index) GETSTRUCT(tup);

	return (index->indisunique || index->indisexclusion ||
			!heap_attisnull(tup, Anum_pg_index_indexprs, NULL) ||
			!heap_attisnull(tup, Anum_pg_index_indpred, NULL)) &&
		!get_rel_relispartition(index->indexrelid);
}

/* Is there an expression in the partition key? */
static bool
is_split_by_expression(Oid relid)
{
	HeapTuple	tup = SearchSysCache1(PARTRELID, ObjectIdGetDatum(relid));
	bool		result;

	if (!HeapTupleIsValid(tup))
		return false;
	result = !heap_attisnull(tup, Anum_pg_partitioned_table_partexprs, NULL);
	ReleaseSysCache(tup);
	return result;
}

/* Does the parent's column of this name take nulls?  It is mostly in the same place. */
static bool
is_null_in(Oid parent, Form_pg_attribute att)
{
	HeapTuple	tup = SearchSysCache2(ATTNUM, ObjectIdGetDatum(parent),
									  Int16GetDatum(att->attnum));
	bool		nullable;

	if (HeapTupleIsValid(tup) &&
		strcmp(NameStr(((Form_pg_attribute) GETSTRUCT(tup))->attname), NameStr(att->attname)) != 0)
	{
		ReleaseSysCache(tup);
		tup = NULL;
	}
	if (!HeapTupleIsValid(tup))
		tup = SearchSysCacheAttName(parent, NameStr(att->attname));
	if (!HeapTupleIsValid(tup))
		return false;
	nullable = !((Form_pg_attribute) GETSTRUCT(tup))->attnotnull;
	ReleaseSysCache(tup);
	return nullable;
}

/* Is the column NOT NULL, and the parent's is not? */
static bool
is_own_not_null(Oid parent, HeapTuple tup)
{
	Form_pg_attribute att = (Form_pg_attribute) GETSTRUCT(tup);

	return att->attnotnull && att->attnum > 0 && !att->attisdropped &&
		is_null_in(parent, att);
}

/* Does the test hold for any row of a catalog that belongs to the relation? arg is for
 * the test. */
static bool
any_row(Oid catalog, AttrNumber attnum, Oid index, Oid relid,
		bool (*test) (Oid, HeapTuple), Oid arg)
{
	CatalogScan scan = begin_catalog_scan(catalog, attnum, index, relid);
	HeapTuple	tup;
	bool		found = false;

	while (!found && HeapTupleIsValid(tup = systable_getnext(scan.scan)))
		found = test(arg, tup);
	end_catalog_scan(&scan);
	return found;
}

/* Has the partition anything of its own? */
static bool
has_own(const FormData_pg_class *parent, const FormData_pg_class *part)
{
	if (part->relpersistence != parent->relpersistence)
		return true;
	if (part->relhastriggers &&
		any_row(TriggerRelationId, Anum_pg_trigger_tgrelid, TriggerRelidNameIndexId,
				part->oid, is_own_trigger_row, InvalidOid))
		return true;

	/* What constraints a foreign table has are claims, and not enforced here. */
	if (part->relkind == RELKIND_FOREIGN_TABLE)
		return false;

	/* A partition inherits each CHECK. */
	return part->relchecks != parent->relchecks ||
		(part->relkind == RELKIND_PARTITIONED_TABLE && is_split_by_expression(part->oid)) ||
		(part->relhasindex &&
		 any_row(IndexRelationId, Anum_pg_index_indrelid, IndexIndrelidIndexId,
				 part->oid, is_own_index, InvalidOid)) ||
		any_row(AttributeRelationId, Anum_pg_attribute_attrelid,
				AttributeRelidNumIndexId, part->oid, is_own_not_null, parent->oid);
}

/* ---- all of them ---- */

/* Add to the table the partitions below a parent that have anything of their own. */
static void
look_below(PartitionedTable *table, const FormData_pg_class *parent)
{
	List	   *children = find_inheritance_children(parent->oid, NoLock);
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, children)
	{
		FormData_pg_class part;

		CHECK_FOR_INTERRUPTS();
		if (!read_relation(lfirst_oid(lc), &part))
			continue;			/* dropped meanwhile */
		table->nparts++;
		if (has_own(parent, &part))
			table->own = lappend_oid(table->own, part.oid);
		if (part.relkind == RELKIND_PARTITIONED_TABLE)
			look_below(table, &part);
	}
	list_free(children);
}

/* Look at all partitions of a table. */
static void
look_at_all(PartitionedTable *table)
{
	FormData_pg_class form;
	PartitionedTable found = {.relid = table->relid};

	if (read_relation(table->relid, &form))
		look_below(&found, &form);
	list_sort(found.own, list_oid_cmp);
	table->own = found.own;
	table->nparts = found.nparts;
	table->looked_at = true;	/* now that it is complete */
}

/* ---- those that the transaction changed ---- */

/* Did this transaction make the row? */
static bool
is_ours(HeapTuple tup)
{
	return TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tup->t_data));
}

/* Call is_ours() for a row, for any_row(). */
static bool
is_our_row(Oid arg, HeapTuple tup)
{
	return is_ours(tup);
}

/* Has a partitioned table been changed such that its partitions may differ from it
 * now, or come under another: a column, or whose partition it is? */
static bool
parent_is_changed(Oid relid)
{
	return any_row(AttributeRelationId, Anum_pg_attribute_attrelid,
				   AttributeRelidNumIndexId, relid, is_our_row, InvalidOid) ||
		any_row(InheritsRelationId, Anum_pg_inherits_inhrelid,
				InheritsRelidSeqnoIndexId, relid, is_our_row, InvalidOid);
}

/* Note that partitions of a table, and of those above it, have to be looked at again. */
static void
note_changed(Oid relid)
{
	ListCell   *lc;

	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE || !parent_is_changed(relid))
		return;
	find_partitioned_table(relid)->changed = true;
	foreach(lc, get_rel_relispartition(relid) ? get_partition_ancestors(relid) : NIL)
		find_partitioned_table(lfirst_oid(lc))->changed = true;
}

/* Note, for the tables above a changed partition, that it has something of its own. */
static void
note_own(Oid relid)
{
	FormData_pg_class part;
	FormData_pg_class parent;
	List	   *tables = NIL;
	List	   *ancestors;
	ListCell   *lc;

	if (!read_relation(relid, &part) || !part.relispartition ||
		(ancestors = get_partition_ancestors(relid)) == NIL ||
		!read_relation(linitial_oid(ancestors), &parent))
		return;					/* no partition, or gone */
	foreach(lc, ancestors)
	{
		PartitionedTable *table = find_partitioned_table(lfirst_oid(lc));

		if (!table->changed)
			tables = lappend(tables, table);
	}
	if (tables == NIL || !has_own(&parent, &part))
		return;
	foreach(lc, tables)
	{
		PartitionedTable *table = lfirst(lc);

		table->changed_own = lappend_oid(table->changed_own, relid);
	}
}

/* Assign the changed relations to the partitioned tables they belong to. */
static void
assign_changed(void)
{
	ListCell   *lc;

	/* If an error comes between, some are there twice. */
	foreach(lc, verification->known_partitions->changed)
	{
		CHECK_FOR_INTERRUPTS();
		note_changed(lfirst_oid(lc));
	}
	foreach(lc, verification->known_partitions->changed)
	{
		CHECK_FOR_INTERRUPTS();
		note_own(lfirst_oid(lc));
	}
	verification->changed_sorted = true;
}

/* Return the stored partitions of the table that the transaction did not change, and
 * those of its changed ones that have something of their own. */
static List *
stored_and_changed(const PartitionedTable *table)
{
	HASHCTL		ctl = {
		.keysize = sizeof(Oid), .entrysize = sizeof(Oid), .hcxt = CurrentMemoryContext
	};
	HTAB	   *changed = hash_create("compat_guard changed partitions", 64, &ctl,
									  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	List	   *stored = verification->stored_partitions;
	List	   *result = list_copy(table->changed_own);
	ListCell   *lc;

	foreach(lc, verification->known_partitions->changed)
		(void) hash_search(changed, &lfirst_oid(lc), HASH_ENTER, NULL);
	for (int i = 0; i < list_length(stored); i += 2)
	{
		Oid			part = list_nth_oid(stored, i + 1);

		if (list_nth_oid(stored, i) == table->relid && OidIsValid(part) &&
			hash_search(changed, &part, HASH_FIND, NULL) == NULL)
			result = lappend_oid(result, part);
	}
	hash_destroy(changed);
	list_sort(result, list_oid_cmp);
	list_deduplicate_oid(result);
	return result;
}

/* ---- what is stored ---- */

/* Are the partitions of the table stored? */
static bool
is_stored(List *pairs, Oid relid)
{
	for (int i = 0; i < list_length(pairs); i += 2)
	{
		if (list_nth_oid(pairs, i) == relid)
			return true;
	}
	return false;
}

/* Add a table and its partitions to what is to be stored, unless there are too many. */
static void
store(List **pairs, Oid relid, List *parts)
{
	ListCell   *lc;

	if (list_length(parts) > PARTS_STORED || is_stored(*pairs, relid))
		return;
	*pairs = lappend_oid(lappend_oid(*pairs, relid), InvalidOid);
	foreach(lc, parts)
		* pairs = lappend_oid(lappend_oid(*pairs, relid), lfirst_oid(lc));
}

/* Is it enough to look at the stored partitions and the changed ones? */
static bool
is_known(PartitionedTable *table)
{
	if (table->looked_at || !is_stored(verification->stored_partitions, table->relid))
		return false;
	if (!verification->changed_sorted)
		assign_changed();
	return !table->changed;
}

List *
partitions_that_matter(List **pairs, Oid relid)
{
	MemoryContext old;
	PartitionedTable *table;
	List	   *parts;
	bool		known;

	if (!has_subclass(relid))
		return NIL;
	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return list_delete_first(find_all_inheritors(relid, NoLock, NULL));

	old = MemoryContextSwitchTo(verification->memory);
	table = find_partitioned_table(relid);
	known = is_known(table);
	if (!known && !table->looked_at)
		look_at_all(table);
	MemoryContextSwitchTo(old);

	parts = known ? stored_and_changed(table) : list_copy(table->own);
	if (pairs != NULL && (known || table->nparts > FEW_PARTS))
		store(pairs, relid, parts);
	return parts;
}
