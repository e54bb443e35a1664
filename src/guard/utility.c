/*
 * utility.c
 *		The ProcessUtility hook: when DDL runs, and when it is judged.
 *
 * collect.c collects what a statement touches.  This file decides when to collect, and
 * when to judge earlier than at commit:
 *
 *	- a statement that is its own transaction is judged as soon as it is done,
 *	  so that the client gets the error in answer to the statement;
 *	- every statement is, too, if compat_guard.verify = statement;
 *	- a CONCURRENTLY command commits in its middle, where an error would leave
 *	  an invalid index behind: it is judged before it starts;
 *	- a statement that runs inside a command that commits in its middle (an
 *	  expression of an index may run anything) is judged as soon as it is done.
 *
 * Invariant: each statement has a frame in which it is collected, wherever it
 * runs.  What is not collected is what the commands that commit do by themselves.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/compat.h"
#include "base/guard_active.h"
#include "base/guc.h"
#include "base/subtransaction.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "commands/event_trigger.h"
#include "fmgr.h"
#include "guard/guard.h"
#include "guard/guard_internal.h"
#include "judge/judge.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "registry/registry.h"
#include "storage/lockdefs.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "verify/run/run.h"

static ProcessUtility_hook_type next_ProcessUtility_hook = NULL;

/* How a statement has to be treated. */
typedef enum StatementKind
{
	STATEMENT_OTHER,			/* changes no schema, but may run a statement
								 * that does */
	STATEMENT_DDL,
	STATEMENT_CONCURRENT,		/* DDL that commits in its middle */
	STATEMENT_REBUILD			/* commits in its middle, changes no schema */
} StatementKind;

/* Is it ALTER TABLE ... DETACH PARTITION ... CONCURRENTLY or FINALIZE? */
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

/* ---- members of roles: the one change of rights without a catalog event ---- */

static void
touch_roles(List *rolespecs)
{
	ListCell   *lc;

	foreach(lc, rolespecs)
	{
		Oid			roleid = get_rolespec_oid(lfirst_node(RoleSpec, lc), true);

		if (OidIsValid(roleid))
			change_object(AuthIdRelationId, roleid);
	}
}

/* Collect the members that GRANT, REVOKE or ALTER GROUP ... ADD or DROP USER names. */
static void
touch_members_named(Node *stmt)
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

/* ---- logins, which no requirement is about ---- */

static bool
sets_search_path(VariableSetStmt *stmt)
{
	return stmt->name == NULL || strcmp(stmt->name, "search_path") == 0;
}

/* May the statement change who can connect, or the search_path that sessions begin with? */
static bool
may_change_logins(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_AlterDatabaseStmt:
		case T_AlterRoleStmt:
		case T_DropOwnedStmt:
		case T_GrantRoleStmt:
			return true;
		case T_AlterDatabaseSetStmt:
			return sets_search_path(((AlterDatabaseSetStmt *) stmt)->setstmt);
		case T_AlterRoleSetStmt:
			return sets_search_path(((AlterRoleSetStmt *) stmt)->setstmt);
		case T_GrantStmt:
			return ((GrantStmt *) stmt)->objtype == OBJECT_DATABASE;
		case T_AlterOwnerStmt:
			return ((AlterOwnerStmt *) stmt)->objectType == OBJECT_DATABASE;
		default:
			return false;
	}
}

static void
remember_logins(void *arg)
{
	change_logins();
}

/* Remember the logins before a statement that may change them. */
static void
before_logins_change(void)
{
	ErrorData  *edata;

	if (guard_mode == MODE_ENFORCE)
	{
		change_logins();
		return;
	}

	/* Outside mode enforce a registry that cannot be read stops no statement. */
	edata = subtransaction_run(remember_logins, NULL, true);
	if (edata != NULL && error_is_interruption(edata))
		ReThrowError(edata);
}

/* ---- statements about the extension itself ---- */

/* Is the guard among the names? */
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

/* Is it ALTER EXTENSION compat_guard UPDATE?  It has to work whatever is broken. */
static bool
updates_guard(Node *stmt)
{
	return IsA(stmt, AlterExtensionStmt) &&
		strcmp(((AlterExtensionStmt *) stmt)->extname, "compat_guard") == 0;
}

/* Is it DROP EXTENSION compat_guard?  It has to work whatever is broken. */
static bool
drops_guard(Node *stmt)
{
	return IsA(stmt, DropStmt) && ((DropStmt *) stmt)->removeType == OBJECT_EXTENSION &&
		names_guard(((DropStmt *) stmt)->objects);
}

/*
 * May the statement take away what versions need?  A dump that is restored only adds,
 * after it has restored the registry.
 */
static bool
takes_away(Node *stmt)
{
	ListCell   *lc;

	switch (nodeTag(stmt))
	{
		case T_DropStmt:
		case T_DropOwnedStmt:
		case T_DropRoleStmt:
		case T_DropUserMappingStmt:
		case T_RenameStmt:
		case T_AlterObjectSchemaStmt:
			return true;
		case T_AlterDomainStmt:
			return ((AlterDomainStmt *) stmt)->subtype != 'C';	/* ADD CONSTRAINT */
		case T_AlterEnumStmt:
			return ((AlterEnumStmt *) stmt)->oldVal != NULL;
		case T_CreateFunctionStmt:
			return ((CreateFunctionStmt *) stmt)->replace;
		case T_AlterTableStmt:
			foreach(lc, ((AlterTableStmt *) stmt)->cmds)
			{
				switch (((AlterTableCmd *) lfirst(lc))->subtype)
				{
					case AT_DropColumn:
					case AT_AlterColumnType:
					case AT_DropConstraint:
					case AT_DropNotNull:
					case AT_DropExpression:
					case AT_DropIdentity:
					case AT_DropInherit:
					case AT_DropOf:
					case AT_DetachPartition:
						return true;
					default:
						break;
				}
			}
			return false;
		default:
			return false;
	}
}

static bool
drops_schema_of_guard(Node *stmt)
{
	return IsA(stmt, DropStmt) && ((DropStmt *) stmt)->removeType == OBJECT_SCHEMA &&
		names_guard(((DropStmt *) stmt)->objects);
}

/*
 * Wait before a statement that locks all tables of the registry until no other session
 * is in the middle of a registration or judgement.  Otherwise it would hold some of the
 * locks while it waits for the others.  A role that is not permitted to run the
 * statement does not wait, so that nobody has to wait for it.
 */
static void
wait_to_replace_guard(Node *stmt)
{
	if ((drops_guard(stmt) || drops_schema_of_guard(stmt) || updates_guard(stmt)) &&
		compat_extension_ownercheck(guard_extension_oid(), GetUserId()))
		registry_lock_for_drop();
}

/* Do what has to be done before a DDL statement runs. */
static void
prepare_ddl(Node *stmt)
{
	wait_to_replace_guard(stmt);
	if (!drops_guard(stmt) && (!session_is_restoring() || takes_away(stmt)))
		judge_verify_initially();
	if (IsA(stmt, AlterExtensionContentsStmt) &&
		strcmp(((AlterExtensionContentsStmt *) stmt)->extname, "compat_guard") == 0)
		change_guard();
}

/* ---- commands that commit in their middle ---- */

/* Return the relation that a CONCURRENTLY command is about, or InvalidOid. */
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

/* Judge what a CONCURRENTLY command is going to do, and return its table. */
static Oid
judge_before(Node *stmt, const StatementFrame *frame)
{
	Oid			relid = concurrent_target(stmt);

	if (OidIsValid(relid) && IsA(stmt, DropStmt))
	{
		Oid			index = relid;

		relid = IndexGetRelation(index, true);
		if (OidIsValid(relid))
			judge_index_drop(index, relid, frame_text(frame));
	}
	return relid;
}

/*
 * Return the table whose indexes REINDEX rebuilds, or InvalidOid.  An index that was
 * invalid may be valid afterwards.
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

/* Collect the relation of a quiet statement, which has ended. */
static void
touch_target(StatementFrame *frame)
{
	StatementFrame *outer;

	if (!OidIsValid(frame->target))
		return;
	frame->is_quiet = false;
	outer = frame_enter(frame);
	PG_TRY();
	{
		change_object(RelationRelationId, frame->target);
	}
	PG_FINALLY();
	{
		frame_leave(outer);
	}
	PG_END_TRY();
}

/* ---- what is done before and after a statement ---- */

/* Judge what was collected, and drop it. */
static void
judge_now(void)
{
	judge_enforce(change_names());
	change_clear();
}

/* Fill in the frame of a statement that is about to run, and judge what it would do. */
static void
before_statement(StatementFrame *frame, Node *stmt, StatementKind kind)
{
	frame->hazard.stmt = stmt;
	frame->hazard.source = frame->source;
	frame->hazard.end = frame->length > 0 ? frame->location + frame->length
		: frame->source ? (int) strlen(frame->source) : 0;
	frame->is_ddl = (kind == STATEMENT_DDL);
	frame->is_quiet = (kind == STATEMENT_CONCURRENT || kind == STATEMENT_REBUILD);
	frame->commits = frame->is_quiet && !IsInTransactionBlock(frame->by_client);
	if (kind == STATEMENT_DDL)
		prepare_ddl(stmt);
	if (kind == STATEMENT_CONCURRENT)
		frame->target = judge_before(stmt, frame);
	if (IsA(stmt, ReindexStmt))
		frame->target = reindex_target((ReindexStmt *) stmt);
	if (kind != STATEMENT_OTHER || IsA(stmt, TruncateStmt))
		hazards_before_statement(frame);
}

/*
 * Judge a statement that is done and whose frame was left, unless it is judged later.  A
 * command that has committed cannot be undone: what became of it is only recorded.
 */
static void
after_statement(StatementFrame *frame, StatementKind kind)
{
	if (frame->is_quiet)
		touch_target(frame);
	if (!change_anything() || change_in_preview())
		return;
	if (kind == STATEMENT_CONCURRENT)
	{
		judge_record(change_names());
		change_clear();
	}
	else if (frame->by_client
			 ? guard_verify == VERIFY_EACH_STATEMENT || !IsInTransactionBlock(true)
			 : frame->outer != NULL && frame->outer->commits)
		judge_now();
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
	StatementFrame frame = {0};
	StatementFrame *outer;

	/*
	 * A transaction command may come in a failed transaction, and may free
	 * its own parse tree.  A subcommand is a part of a statement that runs.
	 */
	if (IsA(stmt, TransactionStmt) || IsAbortedTransactionBlockState() ||
		(context == PROCESS_UTILITY_SUBCOMMAND && frame_current() != NULL) ||
		verify_is_running() || !guard_is_active() || updates_guard(stmt))
	{
		if (updates_guard(stmt) && guard_is_active())
			wait_to_replace_guard(stmt);
		call_next(pstmt, source, readonly_tree, context, params, env, dest, qc);
		return;
	}

	kind = classify(stmt);
	frame.source = source;
	frame.location = pstmt->stmt_location;
	frame.length = pstmt->stmt_len;
	frame.text = statement_without_secrets(stmt, source, frame.location, frame.length);
	frame.by_client = (context == PROCESS_UTILITY_TOPLEVEL);
	before_statement(&frame, stmt, kind);
	outer = frame_enter(&frame);
	if (outer != NULL && statement_has_secrets(stmt))
		change_hide_outer(&frame);

	PG_TRY();
	{
		if (may_change_logins(stmt))
			before_logins_change();
		call_next(pstmt, source, readonly_tree, context, params, env, dest, qc);

		/*
		 * Make the change visible: this also sends invalidations to
		 * collect.c.
		 */
		if (kind == STATEMENT_DDL)
		{
			touch_members_named(stmt);
			CommandCounterIncrement();
		}
	}
	PG_FINALLY();
	{
		frame_leave(outer);
	}
	PG_END_TRY();

	/* Ask again: it may have been CREATE or DROP EXTENSION compat_guard. */
	if (guard_is_active())
		after_statement(&frame, kind);
}

/* ---- the loader ---- */

GUARD_FUNCTION(compat_guard_load);

/* Do what the hook would have done before the statement that has loaded it. */
static void
loaded_by_statement(Node *stmt)
{
	StatementFrame frame = {.source = debug_query_string};

	frame.by_client = statement_find(stmt, debug_query_string, &frame.location, &frame.length);
	if (frame.by_client)
		frame.text = statement_without_secrets(stmt, frame.source, frame.location, frame.length);
	else
		frame.text = statement_of_message(stmt, debug_query_string);
	before_statement(&frame, stmt, classify(stmt));
	frame_enter_loading(&frame);
}

/*
 * compat_guard.load() returns event_trigger
 *
 * Runs at the start and end of each DDL command.  The call loads the library, and with
 * it the hooks, in a session that did not have it.  They see the command that is just
 * starting, except for the ProcessUtility hook, whose work is done here.
 */
Datum
compat_guard_load(PG_FUNCTION_ARGS)
{
	EventTriggerData *data;
	Node	   *stmt;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be called by an event trigger", "compat_guard.load")));
	data = (EventTriggerData *) fcinfo->context;
	stmt = data->parsetree;

	if (strcmp(data->event, "ddl_command_end") == 0)
	{
		StatementFrame *frame = frame_leave_loading();

		if (frame != NULL && guard_is_active())
			after_statement(frame, classify(stmt));
	}
	else if (frame_current() == NULL && !verify_is_running() && guard_is_active() &&
			 !updates_guard(stmt))
		loaded_by_statement(stmt);
	PG_RETURN_NULL();
}

void
utility_init(void)
{
	next_ProcessUtility_hook = ProcessUtility_hook;
	ProcessUtility_hook = guard_ProcessUtility;
}
