/*
 * utility.c
 *		The ProcessUtility hook: when DDL runs, and when it is judged.
 *
 * What a statement touches is collected by touched.c; here is decided when to
 * collect, and when to judge other than at commit:
 *
 *	- a statement that is its own transaction is judged as soon as it is done,
 *	  so that the client gets the error in answer to the statement;
 *	- so is every statement if compat_guard.verify = statement;
 *	- a CONCURRENTLY command commits in its middle, where an error would leave
 *	  an invalid index behind: it is judged before it starts.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/activity.h"
#include "base/compat.h"
#include "base/guc.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/event_trigger.h"
#include "fmgr.h"
#include "guard/guard.h"
#include "guard/touched.h"
#include "judge/judge.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lockdefs.h"
#include "nodes/value.h"
#include "registry/registry.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"

static ProcessUtility_hook_type next_ProcessUtility_hook = NULL;

/* How a statement has to be treated. */
typedef enum StatementKind
{
	STATEMENT_OTHER,			/* changes no schema, but may run what does */
	STATEMENT_DDL,
	STATEMENT_CONCURRENT,		/* DDL that commits in its middle */
	STATEMENT_REBUILD			/* commits in its middle, changes no schema */
} StatementKind;

static bool
detaches_concurrently(AlterTableStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_DetachPartitionFinalize ||
			(cmd->subtype == AT_DetachPartition &&
			 castNode(PartitionCmd, cmd->def)->concurrent))
			return true;
	}
	return false;
}

static StatementKind
classify(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_IndexStmt:
			return ((IndexStmt *) stmt)->concurrent ? STATEMENT_CONCURRENT : STATEMENT_DDL;
		case T_DropStmt:
			return ((DropStmt *) stmt)->concurrent ? STATEMENT_CONCURRENT : STATEMENT_DDL;
		case T_AlterTableStmt:
			return detaches_concurrently((AlterTableStmt *) stmt)
				? STATEMENT_CONCURRENT : STATEMENT_DDL;

		case T_VacuumStmt:
		case COMPAT_CLUSTER_STMT:
		case T_ReindexStmt:
			return STATEMENT_REBUILD;
		default:
			return GetCommandLogLevel(stmt) == LOGSTMT_DDL ? STATEMENT_DDL : STATEMENT_OTHER;
	}
}

/* ---- memberships: the one change of rights that no catalog event tells of ---- */

static void
touch_roles(List *rolespecs)
{
	ListCell   *lc;

	foreach(lc, rolespecs)
	{
		Oid			roleid = get_rolespec_oid(lfirst_node(RoleSpec, lc), true);

		if (OidIsValid(roleid))
			touched_role(roleid);
	}
}

/* Of GRANT, REVOKE, and ALTER GROUP ... ADD or DROP USER. */
static void
touch_new_and_former_members(Node *stmt)
{
	ListCell   *lc;

	if (IsA(stmt, GrantRoleStmt))
		touch_roles(((GrantRoleStmt *) stmt)->grantee_roles);
	else if (IsA(stmt, AlterRoleStmt))
	{
		foreach(lc, ((AlterRoleStmt *) stmt)->options)
		{
			DefElem    *option = lfirst_node(DefElem, lc);

			if (strcmp(option->defname, "rolemembers") == 0)
				touch_roles((List *) option->arg);
		}
	}
}

/* ---- statements about the extension itself ---- */

static bool
names_guard(List *names)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		if (strcmp(strVal(lfirst(lc)), "compat_guard") == 0)
			return true;
	}
	return false;
}

/* ALTER EXTENSION compat_guard UPDATE: the way out of much, and no one's schema. */
static bool
updates_guard(Node *stmt)
{
	return IsA(stmt, AlterExtensionStmt) &&
		strcmp(((AlterExtensionStmt *) stmt)->extname, "compat_guard") == 0;
}

/* DROP EXTENSION compat_guard, which has to work whatever the registry is like. */
static bool
drops_guard(Node *stmt)
{
	return IsA(stmt, DropStmt) && ((DropStmt *) stmt)->removeType == OBJECT_EXTENSION &&
		names_guard(((DropStmt *) stmt)->objects);
}

static bool
drops_schema_of_guard(Node *stmt)
{
	return IsA(stmt, DropStmt) && ((DropStmt *) stmt)->removeType == OBJECT_SCHEMA &&
		names_guard(((DropStmt *) stmt)->objects);
}

/*
 * These lock all tables of the registry at once.  So that they keep nobody waiting
 * in the middle of something, they wait before that for those who are.  Whoever is
 * not permitted to does not: nobody has to wait for him.
 */
static void
wait_to_replace_guard(Node *stmt)
{
	if ((drops_guard(stmt) || drops_schema_of_guard(stmt) || updates_guard(stmt)) &&
		compat_extension_ownercheck(guard_extension_oid(), GetUserId()))
		registry_lock_for_drop();
}

/* What has to be done before a DDL statement runs. */
static void
prepare_ddl(Node *stmt)
{
	wait_to_replace_guard(stmt);
	if (!drops_guard(stmt))
		judge_establish();
	if (IsA(stmt, AlterExtensionContentsStmt) &&
		strcmp(((AlterExtensionContentsStmt *) stmt)->extname, "compat_guard") == 0)
		touched_guard();
}

/* ---- commands that commit in their middle ---- */

/* The relation a CONCURRENTLY command is about, or InvalidOid. */
static Oid
concurrent_target(Node *stmt)
{
	RangeVar   *relation = NULL;

	if (IsA(stmt, IndexStmt))
		relation = ((IndexStmt *) stmt)->relation;
	else if (IsA(stmt, AlterTableStmt))
		relation = ((AlterTableStmt *) stmt)->relation;
	else if (IsA(stmt, DropStmt) && list_length(((DropStmt *) stmt)->objects) == 1)
		relation = makeRangeVarFromNameList(linitial(((DropStmt *) stmt)->objects));
	return relation ? RangeVarGetRelid(relation, NoLock, true) : InvalidOid;
}

/* Judge what a CONCURRENTLY command is going to do.  Returns its table. */
static Oid
judge_before(Node *stmt, const char *source)
{
	Oid			relid = concurrent_target(stmt);

	if (OidIsValid(relid) && IsA(stmt, DropStmt))
	{
		Oid			index = relid;

		relid = IndexGetRelation(index, true);
		if (OidIsValid(relid))
			judge_index_drop(index, relid, source);
	}
	return relid;
}

/*
 * The table whose indexes REINDEX rebuilds, or InvalidOid.  An index that was
 * invalid may serve again then.
 */
static Oid
reindex_target(ReindexStmt *stmt)
{
	Oid			relid;

	if (stmt->relation == NULL)
		return InvalidOid;		/* a whole schema or database */
	relid = RangeVarGetRelid(stmt->relation, NoLock, true);
	return stmt->kind == REINDEX_OBJECT_INDEX && OidIsValid(relid)
		? IndexGetRelation(relid, true) : relid;
}

/* The statement is over that was not watched, for it commits in its middle. */
static void
touch_by(Oid relid, StatementFrame *frame)
{
	StatementFrame *outer = touched_enter(frame);

	PG_TRY();
	{
		touched_object(RelationRelationId, relid);
	}
	PG_FINALLY();
	{
		touched_leave(outer);
	}
	PG_END_TRY();
}

/* It is done and cannot be undone: remember what became of it. */
static void
record_after(Oid relid, StatementFrame *frame)
{
	if (!OidIsValid(relid))
		return;
	touch_by(relid, frame);
	judge_record(touched_names());
	touched_clear();
}

/* ---- the hook ---- */

static void
call_next(PlannedStmt *pstmt, const char *source, bool readonly_tree,
		  ProcessUtilityContext context, ParamListInfo params,
		  QueryEnvironment *env, DestReceiver *dest, QueryCompletion *qc)
{
	if (next_ProcessUtility_hook)
		next_ProcessUtility_hook(pstmt, source, readonly_tree, context, params, env, dest, qc);
	else
		standard_ProcessUtility(pstmt, source, readonly_tree, context, params, env, dest, qc);
}

static void
guard_ProcessUtility(PlannedStmt *pstmt, const char *source, bool readonly_tree,
					 ProcessUtilityContext context, ParamListInfo params,
					 QueryEnvironment *env, DestReceiver *dest, QueryCompletion *qc)
{
	Node	   *stmt = pstmt->utilityStmt;
	StatementKind kind;
	StatementFrame frame;
	StatementFrame *outer;
	volatile Oid target = InvalidOid;
	bool		toplevel = (context == PROCESS_UTILITY_TOPLEVEL);

	/*
	 * Transaction commands come in a failed transaction too, and may free the
	 * statement they are.
	 */
	if (IsA(stmt, TransactionStmt) || IsAbortedTransactionBlockState() ||
		touched_is_suspended() || verify_is_running() || !guard_is_active() ||
		updates_guard(stmt))
	{
		if (updates_guard(stmt) && guard_is_active())
			wait_to_replace_guard(stmt);
		call_next(pstmt, source, readonly_tree, context, params, env, dest, qc);
		return;
	}

	kind = classify(stmt);
	if (kind == STATEMENT_DDL)
		prepare_ddl(stmt);
	if (kind == STATEMENT_CONCURRENT)
		target = judge_before(stmt, source);
	if (IsA(stmt, ReindexStmt))
		target = reindex_target((ReindexStmt *) stmt);

	frame.source = source;
	frame.location = pstmt->stmt_location;
	frame.length = pstmt->stmt_len;
	frame.is_ddl = (kind == STATEMENT_DDL);
	outer = touched_enter(&frame);
	if (kind == STATEMENT_CONCURRENT || kind == STATEMENT_REBUILD)
		touched_suspend();

	PG_TRY();
	{
		call_next(pstmt, source, readonly_tree, context, params, env, dest, qc);

		/* Make it visible, which also sends the invalidations to touched.c. */
		if (kind == STATEMENT_DDL)
		{
			touch_new_and_former_members(stmt);
			CommandCounterIncrement();
		}
	}
	PG_FINALLY();
	{
		touched_leave(outer);
		if (kind == STATEMENT_CONCURRENT || kind == STATEMENT_REBUILD)
			touched_resume();
	}
	PG_END_TRY();

	/* CREATE or DROP EXTENSION compat_guard may have changed the answer. */
	if (!guard_is_active())
		return;
	if (kind == STATEMENT_REBUILD && OidIsValid(target))
		touch_by(target, &frame);
	if (kind == STATEMENT_CONCURRENT)
		record_after(target, &frame);
	else if (toplevel && touched_anything() &&
			 (guard_verify == VERIFY_EACH_STATEMENT || !IsInTransactionBlock(true)))
	{
		judge_enforce(touched_names());
		touched_clear();
	}
}

/* ---- the loader ---- */

GUARD_FUNCTION(compat_guard_load);

/*
 * compat_guard.load() returns event_trigger
 *
 * Runs at the start and end of each DDL command.  To call it loads the library,
 * and with it the hooks, in sessions that did not have it; they see the command
 * that is just starting, except for the hook above.  What that would have done
 * is done here.
 */
Datum
compat_guard_load(PG_FUNCTION_ARGS)
{
	static Oid	target = InvalidOid;
	EventTriggerData *data;
	Node	   *stmt;
	StatementKind kind;
	bool		is_end;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be called by an event trigger", "compat_guard.load")));
	data = (EventTriggerData *) fcinfo->context;
	stmt = data->parsetree;
	kind = classify(stmt);
	is_end = strcmp(data->event, "ddl_command_end") == 0;

	if (is_end)
		touched_loading_statement_ends();
	if (touched_in_statement() || verify_is_running() || !guard_is_active() ||
		updates_guard(stmt))
		PG_RETURN_NULL();		/* the hook is there, or not wanted */

	if (is_end)
	{
		if (touched_is_suspended())
		{
			StatementFrame frame = {.source = debug_query_string};

			touched_resume();
			record_after(target, &frame);
		}
	}
	else if (kind == STATEMENT_CONCURRENT || kind == STATEMENT_REBUILD)
	{
		target = kind == STATEMENT_CONCURRENT
			? judge_before(stmt, debug_query_string) : InvalidOid;
		touched_suspend();
	}
	else
	{
		prepare_ddl(stmt);
		touched_loaded_mid_statement();
	}
	PG_RETURN_NULL();
}

void
utility_init(void)
{
	next_ProcessUtility_hook = ProcessUtility_hook;
	ProcessUtility_hook = guard_ProcessUtility;
}
