/*
 * write.c
 *		Would the server carry out what a statement writes?
 *
 * Some of it is refused only when the executor starts, or when it comes to a row:
 * UPDATE and DELETE of a table that is published and whose rows nobody could tell
 * apart at the other end, and ON CONFLICT over a constraint that is deferrable.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "base/compat.h"
#include "base/subtransaction.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_publication.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "verify/attribute.h"
#include "verify/memo.h"
#include "verify/observe.h"
#include "verify/query.h"
#include "verify/surroundings.h"

/* ---- where it ends ---- */

Oid
table_written(Oid relid, CmdType command)
{
	for (int depth = 0; depth < MAX_VIEW_DEPTH; depth++)
	{
		int			ncolumns;

		if (relation_acts_instead(relid, command))
			return InvalidOid;
		if (get_rel_relkind(relid) != RELKIND_VIEW)
			return relid;
		if (view_columns(relid, &relid, &ncolumns) == NULL)
			return InvalidOid;
	}
	return InvalidOid;
}

/* ---- publications ---- */

/* As a rule there is none, and nothing to ask of any relation. */
static bool
any_publication(void)
{
	static MemoMoment moment;
	static bool any;
	Relation	rel;
	SysScanDesc scan;

	if (memo_is_current(&moment))
		return any;
	any = true;
	rel = table_open(PublicationRelationId, AccessShareLock);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	any = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return any;
}

typedef struct ReplicaCheck
{
	Oid			relid;
	CmdType		command;
} ReplicaCheck;

/*
 * Ask the server, whose answer is an error.  It reads no more than the relation
 * cache, so no lock is taken, of which there would be one for each partition.
 */
static void
check_replica_identity(void *arg)
{
	const ReplicaCheck *check = arg;
	Relation	rel = RelationIdGetRelation(check->relid);

	if (!RelationIsValid(rel))
		return;
	CheckCmdReplicaIdentity(rel, check->command);
	RelationClose(rel);
}

static char *
why_refused(Oid relid, CmdType command)
{
	ReplicaCheck check = {relid, command};
	ErrorData  *edata = subtransaction_run(check_replica_identity, &check, false);

	if (edata == NULL)
		return NULL;
	if (error_is_no_answer(edata) || error_is_the_servers(edata))
		ReThrowError(edata);
	return edata->detail ? psprintf("%s: %s", edata->message, edata->detail)
		: edata->message;
}

/* What the answer for a partition hangs on, beside what all of them share. */
typedef struct PartitionSort
{
	char		identity;
	Oid			schema;
} PartitionSort;

/* By its primary key, as all its partitions then have. */
static bool
has_replica_identity(Oid relid)
{
	Relation	rel = RelationIdGetRelation(relid);
	bool		result;

	if (!RelationIsValid(rel))
		return false;
	result = rel->rd_rel->relreplident == REPLICA_IDENTITY_DEFAULT &&
		OidIsValid(RelationGetReplicaIndex(rel));
	RelationClose(rel);
	return result;
}

/*
 * Partitions of a table with a primary key have one each, and are published
 * with it or by their schema: where they differ in nothing that matters one
 * answers for all.  Not if it is published itself, or goes by another index.
 */
static bool
is_like_one_before(Oid partition, List **sorts)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(partition));
	PartitionSort sort;
	ListCell   *lc;

	if (!HeapTupleIsValid(tup))
		return true;
	sort.identity = ((Form_pg_class) GETSTRUCT(tup))->relreplident;
	sort.schema = ((Form_pg_class) GETSTRUCT(tup))->relnamespace;
	ReleaseSysCache(tup);
	if (sort.identity == REPLICA_IDENTITY_INDEX ||
		GetRelationPublications(partition) != NIL)
		return false;
	foreach(lc, *sorts)
	{
		const PartitionSort *other = lfirst(lc);

		if (other->identity == sort.identity && other->schema == sort.schema)
			return true;
	}
	*sorts = lappend(*sorts, memcpy(palloc_object(PartitionSort), &sort, sizeof(sort)));
	return false;
}

/* The server's message; NULL if it refuses nothing. */
static char *
why_not_replicated(Oid relid, bool with_children, CmdType command)
{
	char		relkind = get_rel_relkind(relid);
	bool		alike;
	List	   *sorts = NIL;
	char	   *why = NULL;
	ListCell   *lc;

	if ((command != CMD_UPDATE && command != CMD_DELETE) ||
		(relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE) ||
		!any_publication())
		return NULL;
	if (relkind == RELKIND_RELATION)
		why = why_refused(relid, command);
	if (why != NULL || !with_children || !has_subclass(relid))
		return why;

	alike = relkind == RELKIND_PARTITIONED_TABLE && has_replica_identity(relid);
	foreach(lc, relations_below(relid))
	{
		Oid			child = lfirst_oid(lc);

		if (get_rel_relkind(child) != RELKIND_RELATION ||
			(alike && is_like_one_before(child, &sorts)))
			continue;
		why = why_refused(child, command);
		if (why != NULL)
			return why;
	}
	return NULL;
}

void
observe_replication(Observation *obs, RuleId rule, char *expected, Oid relid,
					bool with_children, CmdType command)
{
	char	   *why = why_not_replicated(relid, with_children, command);
	Problem    *problem;

	if (why == NULL)
		return;
	problem = observe_problem(obs, rule, STATE_UNMET, expected, why, relid, NULL);
	problem->sqlstate = "55000";
	problem->advice = "Give the table a replica identity first, by a primary key or ALTER TABLE ... REPLICA IDENTITY, with all columns of it in a publication's column list and no others in its row filter; or publish no updates and deletes of it until the versions that send them are retired.";
}

/* ---- what a foreign key does to the tables that refer to this one ---- */

static CmdType
action_of_key(Oid function)
{
	switch (function)
	{
		case F_RI_FKEY_CASCADE_DEL:
			return CMD_DELETE;
		case F_RI_FKEY_CASCADE_UPD:
		case F_RI_FKEY_SETNULL_DEL:
		case F_RI_FKEY_SETNULL_UPD:
		case F_RI_FKEY_SETDEFAULT_DEL:
		case F_RI_FKEY_SETDEFAULT_UPD:
			return CMD_UPDATE;
		default:
			return CMD_UNKNOWN;
	}
}

void
read_foreign_key(HeapTuple tup, ForeignKey *key)
{
	key->relid = ((Form_pg_constraint) GETSTRUCT(tup))->conrelid;
	DeconstructFkConstraintRow(tup, &key->ncolumns, key->referencing, key->referenced,
							   NULL, NULL, NULL, &key->nset, key->set);
}

/* columns: that an UPDATE sets, offset as in RangeTblEntry; NULL for any. */
static bool
key_is_updated(const ForeignKey *key, Bitmapset *columns)
{
	if (columns == NULL)
		return true;
	for (int i = 0; i < key->ncolumns; i++)
	{
		if (bms_is_member(key->referenced[i] - FirstLowInvalidHeapAttributeNumber, columns))
			return true;
	}
	return false;
}

AttrNumber
key_action_refused(const ForeignKey *key, char action, CmdType command, bool *always)
{
	bool		some = (command == CMD_DELETE && key->nset > 0);
	bool		sets_value = action == FKCONSTR_ACTION_SETNULL ||
		(action == FKCONSTR_ACTION_CASCADE && command == CMD_UPDATE);
	AttrNumber	refused = InvalidAttrNumber;

	*always = false;
	for (int i = 0; i < (some ? key->nset : key->ncolumns); i++)
	{
		AttrNumber	attnum = some ? key->set[i] : key->referencing[i];
		ColumnFacts facts;
		Nullability nulls;

		if (!column_facts(key->relid, attnum, &facts))
			continue;
		if (sets_value && facts.identity == ATTRIBUTE_IDENTITY_ALWAYS)
		{
			*always = true;
			return attnum;
		}
		if (action != FKCONSTR_ACTION_SETNULL &&
			(action != FKCONSTR_ACTION_SETDEFAULT || facts.has_default))
			continue;
		nulls = column_nullability(&facts);
		if ((nulls == NULLS_REJECTED || nulls == NULLS_ABSENT) &&
			!trigger_may_fill(key->relid, CMD_UPDATE))
			refused = attnum;
	}
	return refused;
}

/* The server plans the action before it looks for rows that refer. */
static void
observe_refused_action(Observation *obs, Form_pg_constraint con, const ForeignKey *key,
					   CmdType command, char *expected)
{
	char		action = command == CMD_DELETE ? con->confdeltype : con->confupdtype;
	bool		always;
	AttrNumber	attnum = key_action_refused(key, action, command, &always);
	Problem    *problem;

	if (attnum == InvalidAttrNumber || !always)
		return;
	problem = observe_problem(obs, RULE_QUERY_BROKEN, STATE_UNMET, expected,
							  psprintf("column %s is GENERATED ALWAYS AS IDENTITY",
									   fact_column_label(key->relid, attnum)),
							  key->relid, NULL);
	problem->advice = "Leave the column GENERATED BY DEFAULT, or take the action from the foreign key first.";
}

/*
 * It is done as the owner of the other table, so that only what is refused to
 * anybody counts.  What that in turn does to a third one is not followed.
 */
void
observe_key_action(Observation *obs, Form_pg_trigger trigger, int16 event,
				   Bitmapset *columns)
{
	CmdType		command = action_of_key(trigger->tgfoid);
	HeapTuple	tup;
	ForeignKey	key;

	if (command == CMD_UNKNOWN || (trigger->tgtype & event) == 0 ||
		trigger->tgenabled == TRIGGER_DISABLED ||
		trigger->tgenabled == TRIGGER_FIRES_ON_REPLICA)
		return;
	tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(trigger->tgconstraint));
	if (!HeapTupleIsValid(tup))
		return;
	read_foreign_key(tup, &key);
	if (event != TRIGGER_TYPE_UPDATE || key_is_updated(&key, columns))
	{
		char	   *expected = psprintf("%s %s, by a foreign key, to work",
										command == CMD_UPDATE ? "UPDATE" : "DELETE FROM",
										relation_label(key.relid));

		observe_object(obs, RelationRelationId, key.relid);
		observe_replication(obs, RULE_QUERY_BROKEN, expected, key.relid, true, command);
		observe_refused_action(obs, (Form_pg_constraint) GETSTRUCT(tup), &key,
							   event == TRIGGER_TYPE_DELETE ? CMD_DELETE : CMD_UPDATE,
							   expected);
	}
	ReleaseSysCache(tup);
}

/* ---- ON CONFLICT ---- */

static bool
is_deferrable(Oid index)
{
	HeapTuple	tup = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	Form_pg_index form;
	bool		result;

	if (!HeapTupleIsValid(tup))
		return false;
	form = (Form_pg_index) GETSTRUCT(tup);
	result = (form->indisunique || form->indisexclusion) && form->indisready &&
		!form->indimmediate;
	ReleaseSysCache(tup);
	return result;
}

/* Without a conflict target every unique index is asked. */
static List *
all_indexes(Oid relid)
{
	Relation	rel = RelationIdGetRelation(relid);
	List	   *indexes;

	if (!RelationIsValid(rel))
		return NIL;
	indexes = RelationGetIndexList(rel);
	RelationClose(rel);
	return indexes;
}

static void
observe_arbiters(Observation *obs, const ModifyTable *modify, List *rtable)
{
	Oid			relid = rt_fetch(modify->nominalRelation, rtable)->relid;
	List	   *indexes = modify->arbiterIndexes;
	ListCell   *lc;

	if (modify->onConflictAction == ONCONFLICT_NONE)
		return;
	if (indexes == NIL)
		indexes = all_indexes(relid);
	foreach(lc, indexes)
	{
		Problem    *problem;

		if (!is_deferrable(lfirst_oid(lc)))
			continue;
		problem = observe_problem(obs, RULE_QUERY_BROKEN, STATE_UNMET,
								  psprintf("ON CONFLICT on %s to work", relation_label(relid)),
								  psprintf("constraint %s is deferrable",
										   quote_identifier(get_rel_name(lfirst_oid(lc)))),
								  relid, NULL);
		problem->sqlstate = "55000";
		problem->constraint = get_rel_name(lfirst_oid(lc));
		problem->advice = "Leave the constraint NOT DEFERRABLE until the versions that send the statement are retired.";
		return;
	}
}

void
observe_plan(const PlannedStmt *planned, Observation *obs)
{
	ListCell   *lc;

	if (planned->planTree != NULL && IsA(planned->planTree, ModifyTable))
		observe_arbiters(obs, (ModifyTable *) planned->planTree, planned->rtable);
	foreach(lc, planned->subplans)
	{
		Plan	   *plan = lfirst(lc);

		if (plan != NULL && IsA(plan, ModifyTable))
			observe_arbiters(obs, (ModifyTable *) plan, planned->rtable);
	}
}
