/*
 * replica_identity.c
 *		Does the server refuse UPDATE or DELETE of a published table?
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "base/subtransaction.h"
#include "catalog/pg_inherits.h"
#include "executor/executor.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/run/run.h"
#include "verify/statement/statement.h"

/* Is there any publication?  As a rule there is none, and nothing to ask of any
 * relation. */
static bool
any_publication(void)
{
	static CacheStamp moment;
	static bool any;
	Relation	rel;
	SysScanDesc scan;

	if (cache_is_current(&moment))
		return any;
	any = true;
	rel = table_open(PublicationRelationId, AccessShareLock);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	any = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return any;
}

/* What check_identity_columns() needs. */
typedef struct ReplicaCheck
{
	Oid			relid;
	CmdType		command;
} ReplicaCheck;

/* Ask the server, whose answer is an error.  It reads no more than the relation cache,
 * so no lock is taken: there would be one for each partition. */
static void
check_identity_columns(void *arg)
{
	const ReplicaCheck *check = arg;
	Relation	rel = RelationIdGetRelation(check->relid);

	if (!RelationIsValid(rel))
		return;
	CheckCmdReplicaIdentity(rel, check->command);
	RelationClose(rel);
}

/* Return why the server refuses the command on a relation, or NULL. */
static char *
why_refused(Oid relid, CmdType command)
{
	ReplicaCheck check = {relid, command};
	ErrorData  *edata = subtransaction_run(check_identity_columns, &check, false);

	if (edata == NULL)
		return NULL;
	if (error_is_no_answer(edata) || error_is_the_servers(edata))
		ReThrowError(edata);
	return edata->detail ? psprintf("%s: %s", edata->message, edata->detail)
		: edata->message;
}

/* What the answer for a partition depends on, beside what all of them share. */
typedef struct PartitionSort
{
	char		identity;
	Oid			schema;
} PartitionSort;

/* Has a table the default replica identity, its primary key, as all its partitions then
 * have? */
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
 * Does a partition differ in nothing that matters from one that was asked about?
 * Partitions of a table with a primary key have one each, and are published with it or
 * by their schema.  A partition that is published itself, or has another index as its
 * identity, is asked about.
 */
static bool
is_like_one_before(Oid partition, List **sorts)
{
	FormData_pg_class form;
	PartitionSort sort;
	ListCell   *lc;

	if (!read_relation(partition, &form))
		return true;
	sort.identity = form.relreplident;
	sort.schema = form.relnamespace;
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

/*
 * Return why the server refuses the command on a table or one of its children, or NULL.
 */
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
check_replica_identity(VerifyResult *result, RuleId rule, char *expected, Oid relid,
					   bool with_children, CmdType command)
{
	char	   *why = why_not_replicated(relid, with_children, command);
	Problem    *problem;

	if (why == NULL)
		return;
	problem = result_add_problem(result, rule, STATE_UNMET, expected, why, relid, NULL);
	problem->sqlstate = "55000";
	problem->advice = "Give the table a replica identity first, by a primary key or ALTER TABLE ... REPLICA IDENTITY, with all columns of it in a publication's column list and no others in its row filter; or publish no updates and deletes of it until the versions that send them are retired.";
}
