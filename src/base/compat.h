/*
 * compat.h
 *		Every difference between the supported PostgreSQL versions.
 *
 * No other file tests PG_VERSION_NUM.
 */
#ifndef COMPAT_GUARD_COMPAT_H
#define COMPAT_GUARD_COMPAT_H

#include "fmgr.h"
#include "utils/acl.h"
#include "utils/regproc.h"

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 200000
#error "compat_guard supports PostgreSQL 15 to 19"
#endif

#if PG_VERSION_NUM < 160000
/* 16 renamed relfilenodes to relfile numbers and locators. */
#define compat_set_new_storage(rel)		RelationSetNewRelfilenode(rel, (rel)->rd_rel->relpersistence)
#define compat_new_storage_subid(rel)	((rel)->rd_newRelfilenodeSubid)
#define compat_first_storage_subid(rel)	((rel)->rd_firstRelfilenodeSubid)
#define compat_scan_count(info)			((info)->t_counts.t_numscans)

/* 16 replaced the privilege functions of each class by generic ones. */
#define compat_namespace_aclcheck(oid, role, mode)	pg_namespace_aclcheck(oid, role, mode)
#define compat_proc_aclcheck(oid, role, mode)		pg_proc_aclcheck(oid, role, mode)
#define compat_database_aclcheck(oid, role, mode)	pg_database_aclcheck(oid, role, mode)
#define compat_extension_ownercheck(oid, role)		pg_extension_ownercheck(oid, role)
#define compat_relation_ownercheck(oid, role)		pg_class_ownercheck(oid, role)

/* 16 gave these a place to put soft errors. */
#define compat_string_to_name_list(s)			stringToQualifiedNameList(s)
#define compat_parse_type(name, type, typmod)	parseTypeString(name, type, typmod, false)
#define compat_type_string_to_type_name(s)		typeStringToTypeName(s)

/* 16 made SET ROLE an option of membership. */
#define compat_can_become_role(member, role)	is_member_of_role(member, role)

/* 16 moved the permissions that a statement needs from range table entries into nodes. */
#define CompatPermissionInfo					RangeTblEntry
#define compat_query_permission_infos(query)	((query)->rtable)
#define compat_permission_relid(info)			((info)->rtekind == RTE_RELATION ? (info)->relid : InvalidOid)

/* 16 renamed pgstat_fetch_stat_local_beentry(). */
#define compat_backend_entry(index)				pgstat_fetch_stat_local_beentry(index)

/*
 * Since 16 the server's headers export the symbols that have to be seen from outside.
 * The library is built with -fvisibility=hidden on every version.
 */
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
extern PGDLLEXPORT void _PG_init(void);
#else
#define compat_set_new_storage(rel)		RelationSetNewRelfilenumber(rel, (rel)->rd_rel->relpersistence)
#define compat_new_storage_subid(rel)	((rel)->rd_newRelfilelocatorSubid)
#define compat_first_storage_subid(rel)	((rel)->rd_firstRelfilelocatorSubid)
#define compat_scan_count(info)			((info)->counts.numscans)
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#define compat_namespace_aclcheck(oid, role, mode)	object_aclcheck(NamespaceRelationId, oid, role, mode)
#define compat_proc_aclcheck(oid, role, mode)		object_aclcheck(ProcedureRelationId, oid, role, mode)
#define compat_database_aclcheck(oid, role, mode)	object_aclcheck(DatabaseRelationId, oid, role, mode)
#define compat_extension_ownercheck(oid, role)		object_ownercheck(ExtensionRelationId, oid, role)
#define compat_relation_ownercheck(oid, role)		object_ownercheck(RelationRelationId, oid, role)
#define compat_string_to_name_list(s)			stringToQualifiedNameList(s, NULL)
#define compat_parse_type(name, type, typmod)	parseTypeString(name, type, typmod, NULL)
#define compat_type_string_to_type_name(s)		typeStringToTypeName(s, NULL)
#define compat_can_become_role(member, role)	member_can_set_role(member, role)
#define CompatPermissionInfo					RTEPermissionInfo
#define compat_query_permission_infos(query)	((query)->rteperminfos)
#define compat_permission_relid(info)			((info)->relid)
#define compat_backend_entry(index)				pgstat_get_local_beentry_by_index(index)
#endif

#if PG_VERSION_NUM < 170000
/* 17 has a macro for the autovacuum worker alone. */
#define compat_am_autovacuum_worker()			IsAutoVacuumWorkerProcess()

/* 17 brought the privilege MAINTAIN. */
#define ACL_MAINTAIN	0

/* 17 asks LockHeldByMe() whether a stronger lock counts, too. */
#define compat_lock_held_by_me(tag, mode)		LockHeldByMe(tag, mode)

/* 17 numbers backends by their PGPROC: virtual transaction ids moved. */
#define compat_lock_vxid(lock)					((VirtualTransactionId) {(lock)->backend, (lock)->lxid})
#define compat_my_lxid()						(MyProc->lxid)

/* 17 brought infinite intervals. */
#define compat_interval_is_forever(interval)	false
#define compat_interval_is_never(interval)		false

/* 17 brought JSON_VALUE, JSON_QUERY and JSON_TABLE. */
#define compat_is_json_query(node)				false
#else
#define compat_am_autovacuum_worker()			AmAutoVacuumWorkerProcess()
#define compat_lock_held_by_me(tag, mode)		LockHeldByMe(tag, mode, false)
#define compat_lock_vxid(lock)					((lock)->vxid)
#define compat_my_lxid()						(MyProc->vxid.lxid)
#define compat_interval_is_forever(interval)	INTERVAL_IS_NOEND(interval)
#define compat_interval_is_never(interval)		INTERVAL_IS_NOBEGIN(interval)
#define compat_is_json_query(node)				IsA(node, JsonExpr)
#endif

/* 17 asks check_sql_fn_retval() for the kind of routine, and 18 returns no target list. */
#if PG_VERSION_NUM < 170000
#define compat_check_sql_fn_retval(lists, type, desc, kind) \
	check_sql_fn_retval(lists, type, desc, false, NULL)
#elif PG_VERSION_NUM < 180000
#define compat_check_sql_fn_retval(lists, type, desc, kind) \
	check_sql_fn_retval(lists, type, desc, kind, false, NULL)
#else
#define compat_check_sql_fn_retval(lists, type, desc, kind) \
	check_sql_fn_retval(lists, type, desc, kind, false)
#endif

#if PG_VERSION_NUM < 180000
/* 18 dropped an argument that promised that the query is run once. */
#define compat_executor_run(desc)				ExecutorRun(desc, ForwardScanDirection, 0, true)

/* 18 keeps NOT NULL in pg_constraint, and lets CHECK be NOT ENFORCED. */
#define CONSTRAINT_NOTNULL	'n'
#define compat_constraint_is_enforced(con)		true
#define compat_not_null_column(tup)				InvalidAttrNumber

/* 18 has foreign keys of periods, whose last columns are not compared by "=". */
#define compat_constraint_has_period(con)		false

/* 18 lets NOT NULL, and foreign keys of partitioned tables, be NOT VALID. */
#define compat_not_null_can_be_not_valid		false
#define compat_partitioned_foreign_key_can_be_not_valid false

/* 18 gave index_beginscan() a place to count for EXPLAIN. */
#define compat_index_beginscan(rel, index, snapshot, nkeys) \
	index_beginscan(rel, index, snapshot, nkeys, 0)

/* 18 has bitmaps that processes share, and names those of one process "private". */
#define compat_index_beginscan_bitmap(index, snapshot, nkeys) \
	index_beginscan_bitmap(index, snapshot, nkeys)
#define CompatBitmapIterator					TBMIterator
#define compat_bitmap_begin(bitmap)				tbm_begin_iterate(bitmap)
#define compat_bitmap_next(iterator, result) \
	(((result) = tbm_iterate(iterator)) != NULL)
#define COMPAT_BITMAP_PAGE(name)				TBMIterateResult *name
#define compat_bitmap_block(result)				((result)->blockno)
#define compat_bitmap_end(iterator)				tbm_end_iterate(iterator)
/* 18 keeps a short copy of what is often asked about a column. */
#define compat_attribute_changed(desc, i)		((void) 0)

/* 18 put the attribute noreturn before the declaration. */
#define compat_noreturn							__attribute__((noreturn))
#else
#define compat_executor_run(desc)				ExecutorRun(desc, ForwardScanDirection, 0)
#define compat_constraint_is_enforced(con)		((con)->conenforced)
#define compat_not_null_column(tup)				extractNotNullColumn(tup)
#define compat_constraint_has_period(con)		((con)->conperiod)
#define compat_not_null_can_be_not_valid		true
#define compat_partitioned_foreign_key_can_be_not_valid true
#define compat_index_beginscan(rel, index, snapshot, nkeys) \
	index_beginscan(rel, index, snapshot, NULL, nkeys, 0)
#define compat_index_beginscan_bitmap(index, snapshot, nkeys) \
	index_beginscan_bitmap(index, snapshot, NULL, nkeys)
#define CompatBitmapIterator					TBMPrivateIterator
#define compat_bitmap_begin(bitmap)				tbm_begin_private_iterate(bitmap)
#define compat_bitmap_next(iterator, result)	tbm_private_iterate(iterator, &(result))
#define COMPAT_BITMAP_PAGE(name)				TBMIterateResult name
#define compat_bitmap_block(result)				((result).blockno)
#define compat_bitmap_end(iterator)				tbm_end_private_iterate(iterator)
#define compat_attribute_changed(desc, i)		populate_compact_attribute(desc, i)
#define compat_noreturn							pg_noreturn
#endif

#if PG_VERSION_NUM < 190000
/* 19 tells the planner about EXPLAIN. */
#define compat_plan_query(query, sql)			pg_plan_query(query, sql, 0, NULL)
#define COMPAT_PLANNER_PARAM
#define COMPAT_PLANNER_ARG

/* 19 made CLUSTER a kind of REPACK. */
#define COMPAT_CLUSTER_STMT						T_ClusterStmt
#else
#define compat_plan_query(query, sql)			pg_plan_query(query, sql, 0, NULL, NULL)
#define COMPAT_PLANNER_PARAM	, struct ExplainState *explain
#define COMPAT_PLANNER_ARG		, explain
#define COMPAT_CLUSTER_STMT						T_RepackStmt
#endif

#if PG_VERSION_NUM < 160000
/* 16 moved the jumble of queries, and reads no text for it. */
#include "utils/queryjumble.h"
#define compat_jumble_query(query, source)		JumbleQuery(query, source)
#else
#include "nodes/queryjumble.h"
#define compat_jumble_query(query, source)		JumbleQuery(query)
#endif

/* Return the ID that a query would have, and leave it as it is. */
static inline uint64
compat_query_id(Query *query, const char *source)
{
	uint64		id;
	int			save = compute_query_id;

	/* The server makes none, and does not expect to be asked, if the setting is off. */
	compute_query_id = COMPUTE_QUERY_ID_ON;
	PG_TRY();
	{
		(void) compat_jumble_query(query, source);
	}
	PG_FINALLY();
	{
		compute_query_id = save;
	}
	PG_END_TRY();
	id = (uint64) query->queryId;
	query->queryId = 0;
	return id;
}

/* Declare a function that SQL may call. */
#define GUARD_FUNCTION(name) \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

#endif							/* COMPAT_GUARD_COMPAT_H */
