/*
 * trial_watch.c
 *		Stop a statement of a trial before it works through a large table.
 *
 * The server tells of a new index, a new constraint, a changed column and a rewrite before it
 * reads the first row (object access events), and of a query before it runs.  What has no
 * such event (COPY, REINDEX, SET TABLESPACE) is seen before it begins.  If a large table is
 * concerned, the statement fails here with an error of ours.  It is rolled back, the rows of
 * the table are hidden, and it runs again.
 *
 * A table is only hidden, and locked for that, for a role that may do what it tries: the server
 * checks privileges before its events, and a query is begun before it is stopped.
 *
 * Whoever looks at the rows when such an event comes (the hooks that were there before
 * ours run first) sees them the first time.
 *
 * The hooks are there from the first trial of a session on, and pass everything through
 * outside of trials: a library that was loaded in between may have chained to them.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "api/api.h"
#include "base/compat.h"
#include "base/guc.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "verify/run/run.h"

static object_access_hook_type next_object_access_hook = NULL;
static ProcessUtility_hook_type next_ProcessUtility_hook = NULL;
static ExecutorStart_hook_type next_ExecutorStart_hook = NULL;

static bool watching = false;
static bool deciding = false;	/* we read catalogs ourselves */
static List *large = NIL;		/* of Oid: tables to be hidden, in
								 * TopMemoryContext */
static List *validated = NIL;	/* of Oid: constraints that the statement has
								 * added or changed, likewise */
static List *locked = NIL;		/* of Oid: those that the statement has locked
								 * by then, likewise */

/* ---- which tables are large ---- */

/*
 * Is it a table with rows that were there before the transaction, more than the setting
 * says?  One that is open in this session, which the caller's own query reads, must be left
 * as it is.
 */
static bool
is_large(Oid relid)
{
	char		relkind = get_rel_relkind(relid);
	Relation	rel;
	bool		result;

	if (relkind != RELKIND_RELATION && relkind != RELKIND_MATVIEW)
		return false;


	/* Who has it locked changes it; the statement will wait for him, or not. */
	if (!ConditionalLockRelationOid(relid, AccessShareLock))
		return false;
	rel = RelationIdGetRelation(relid);
	if (rel == NULL)
		return false;
	result = rel->rd_id >= FirstNormalObjectId &&
		rel->rd_rel->relpersistence != RELPERSISTENCE_TEMP &&
		rel->rd_createSubid == InvalidSubTransactionId &&
		compat_first_storage_subid(rel) == InvalidSubTransactionId &&
		RelationGetNumberOfBlocks(rel) > 0 &&
		bytes_with_toast(rel) / 1024 > guard_large_relation;
	RelationClose(rel);
	UnlockRelationOid(relid, AccessShareLock);
	return result;
}

static void
add_if_large(Oid relid)
{
	MemoryContext old;

	if (!OidIsValid(relid) || list_member_oid(large, relid) || !is_large(relid))
		return;
	old = MemoryContextSwitchTo(TopMemoryContext);
	large = lappend_oid(large, relid);
	MemoryContextSwitchTo(old);
}

/* Add a table and its partitions or children. */
static void
add_with_children(Oid relid)
{
	ListCell   *lc;

	if (!OidIsValid(relid))
		return;
	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
		add_if_large(lfirst_oid(lc));
}

/* Add the tables that have a column of the type. */
static void
add_tables_of_type(Oid typid)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(TypeRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(typid));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tup);

		if (form->classid == RelationRelationId)
			add_with_children(form->objid);
		else if (form->classid == TypeRelationId)
			add_tables_of_type(form->objid);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
}

/* Remember which of the large tables are locked against VACUUM by now. */
static void
remember_locks(void)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	ListCell   *lc;

	foreach(lc, large)
	{
		LOCKTAG		tag;

		SET_LOCKTAG_RELATION(tag, MyDatabaseId, lfirst_oid(lc));
		if (compat_lock_held_by_me(&tag, ShareUpdateExclusiveLock))
			locked = list_append_unique_oid(locked, lfirst_oid(lc));
	}
	MemoryContextSwitchTo(old);
}

/* Raise our error if a large table is concerned. */
static void
stop_if_large(void)
{
	if (large == NIL)
		return;
	remember_locks();
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg_internal("a statement of a preview meets a large table")));
}

/* ---- events ---- */

/*
 * Copy the row of a catalog with an OID, which this command may have made, so that no
 * snapshot but SnapshotSelf sees it.  NULL if there is none.
 */
static HeapTuple
new_row(Oid catalog, Oid index, AttrNumber column, Oid objid)
{
	Relation	rel = table_open(catalog, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key, column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(objid));
	scan = systable_beginscan(rel, index, true, SnapshotSelf, 1, &key);
	tup = systable_getnext(scan);
	if (HeapTupleIsValid(tup))
		tup = heap_copytuple(tup);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return tup;
}

/* A relation was created: perhaps an index, or the new heap of a table that is rewritten. */
static void
watch_new_relation(Oid objid)
{
	HeapTuple	tup = new_row(RelationRelationId, ClassOidIndexId, Anum_pg_class_oid, objid);
	Form_pg_class form;
	Oid			rewritten;

	if (!HeapTupleIsValid(tup))
		return;
	form = (Form_pg_class) GETSTRUCT(tup);
	if (form->relkind == RELKIND_INDEX)
	{
		tup = new_row(IndexRelationId, IndexRelidIndexId, Anum_pg_index_indexrelid, objid);
		if (HeapTupleIsValid(tup))
			add_if_large(((Form_pg_index) GETSTRUCT(tup))->indrelid);
	}
	else if (sscanf(NameStr(form->relname), "pg_temp_%u", &rewritten) == 1)
		add_if_large(rewritten);
}

static void
watch_constraint(Oid objid)
{
	HeapTuple	tup = new_row(ConstraintRelationId, ConstraintOidIndexId,
							  Anum_pg_constraint_oid, objid);
	Form_pg_constraint form;
	MemoryContext old;

	if (!HeapTupleIsValid(tup))
		return;
	old = MemoryContextSwitchTo(TopMemoryContext);
	validated = list_append_unique_oid(validated, objid);
	MemoryContextSwitchTo(old);
	form = (Form_pg_constraint) GETSTRUCT(tup);
	if (OidIsValid(form->contypid))
		add_tables_of_type(form->contypid);
	else
		add_with_children(form->conrelid);
}

static void
watch_event(ObjectAccessType access, Oid classid, Oid objid, int subid, Oid auxiliary)
{
	switch (classid)
	{
		case RelationRelationId:
			if (access == OAT_POST_CREATE && subid == 0)
				watch_new_relation(objid);
			else
				add_with_children(objid);
			break;
		case ConstraintRelationId:
			watch_constraint(objid);
			break;
		case TypeRelationId:
			if (access == OAT_POST_ALTER && get_typtype(objid) == TYPTYPE_DOMAIN)
				add_tables_of_type(objid);
			break;
		case InheritsRelationId:
			if (access == OAT_POST_ALTER)
			{
				add_with_children(objid);
				if (OidIsValid(auxiliary) && get_rel_relkind(auxiliary) == RELKIND_PARTITIONED_TABLE)
					add_with_children(get_default_partition_oid(auxiliary));
			}
			break;
		default:
			break;
	}
}

static void
trial_object_access(ObjectAccessType access, Oid classid, Oid objid, int subid, void *arg)
{
	if (next_object_access_hook)
		next_object_access_hook(access, classid, objid, subid, arg);
	if (!watching || deciding || (access != OAT_POST_CREATE && access != OAT_POST_ALTER) ||
		verify_is_running())
		return;
	deciding = true;
	PG_TRY();
	{
		watch_event(access, classid, objid, subid,
					access == OAT_POST_ALTER
					? ((ObjectAccessPostAlter *) arg)->auxiliary_id : InvalidOid);
	}
	PG_FINALLY();
	{
		deciding = false;
	}
	PG_END_TRY();
	stop_if_large();
}

/* ---- queries ---- */

/* How much a query may cost: as much as to read a table that is not large. */
static double
cost_limit(void)
{
	return Max(guard_large_relation / (BLCKSZ / 1024), 1) * seq_page_cost;
}

/* The query is begun first: that finds out whether the role may read the tables. */
static void
trial_ExecutorStart(QueryDesc *query, int eflags)
{
	ListCell   *lc;

	if (next_ExecutorStart_hook)
		next_ExecutorStart_hook(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
	if (!watching || deciding || verify_is_running() || (eflags & EXEC_FLAG_EXPLAIN_ONLY) ||
		query->plannedstmt->planTree->total_cost <= cost_limit())
		return;
	foreach(lc, query->plannedstmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION)
			add_if_large(rte->relid);
	}
	stop_if_large();
}

/* ---- statements without events ---- */

static void
watch_statement(Node *stmt)
{
	Oid			relid = InvalidOid;
	ListCell   *lc;

	if (IsA(stmt, CopyStmt))
	{
		/* It reads a table itself, not by a query. */
		if (((CopyStmt *) stmt)->relation != NULL && !((CopyStmt *) stmt)->is_from)
			relid = RangeVarGetRelid(((CopyStmt *) stmt)->relation, NoLock, true);
		if (OidIsValid(relid) && pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
			add_if_large(relid);
		return;
	}
	if (IsA(stmt, ReindexStmt) && ((ReindexStmt *) stmt)->relation != NULL)
		relid = RangeVarGetRelid(((ReindexStmt *) stmt)->relation, NoLock, true);
	else if (IsA(stmt, AlterTableStmt))
	{
		foreach(lc, ((AlterTableStmt *) stmt)->cmds)
		{
			if (((AlterTableCmd *) lfirst(lc))->subtype == AT_SetTableSpace)
				relid = RangeVarGetRelid(((AlterTableStmt *) stmt)->relation, NoLock, true);
		}
	}
	if (!OidIsValid(relid) || !compat_relation_ownercheck(relid, GetUserId()))
		return;
	if (get_rel_relkind(relid) == RELKIND_INDEX)
		relid = IndexGetRelation(relid, true);
	add_with_children(relid);
}

static void
trial_ProcessUtility(PlannedStmt *pstmt, const char *source, bool readonly_tree,
					 ProcessUtilityContext context, ParamListInfo params,
					 QueryEnvironment *env, DestReceiver *dest, QueryCompletion *qc)
{
	if (watching && !verify_is_running())
	{
		watch_statement(pstmt->utilityStmt);
		stop_if_large();
	}
	if (next_ProcessUtility_hook)
		next_ProcessUtility_hook(pstmt, source, readonly_tree, context, params, env, dest, qc);
	else
		standard_ProcessUtility(pstmt, source, readonly_tree, context, params, env, dest, qc);
}

/* ---- the trial's side ---- */

static void
install_hooks(void)
{
	static bool installed = false;

	if (installed)
		return;
	next_object_access_hook = object_access_hook;
	object_access_hook = trial_object_access;
	next_ProcessUtility_hook = ProcessUtility_hook;
	ProcessUtility_hook = trial_ProcessUtility;
	next_ExecutorStart_hook = ExecutorStart_hook;
	ExecutorStart_hook = trial_ExecutorStart;
	installed = true;
}

bool
watch_set(bool on)
{
	bool		before = watching;

	if (on)
		install_hooks();
	watching = on;
	return before;
}

/* Return a list, and leave an empty one in its place. */
static List *
take(List **list)
{
	List	   *taken = list_copy(*list);

	list_free(*list);
	*list = NIL;
	return taken;
}

List *
watch_take_large(void)
{
	return take(&large);
}

List *
watch_take_constraints(void)
{
	return take(&validated);
}

List *
watch_take_locked(void)
{
	return take(&locked);
}
