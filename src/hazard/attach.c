/*
 * attach.c
 *		Rows that are read because a table becomes a partition.
 *
 * The event of the row in pg_inherits that ATTACH makes, and that of the table that
 * CREATE TABLE makes, come before the bound is stored.  So what the server is going to
 * check is made here from the statement's bound, as
 * ATExecAttachPartition() and check_default_partition_contents() make it, and the
 * server's own proof says whether the constraints of a table imply it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "hazard/hazard_internal.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_node.h"
#include "parser/parse_utilcmd.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

/* Return the bound that the statement gives to a partition, or NULL. */
static PartitionBoundSpec *
bound_of(Node *stmt)
{
	ListCell   *lc;

	if (IsA(stmt, CreateStmt))
		return ((CreateStmt *) stmt)->partbound;
	if (!IsA(stmt, AlterTableStmt))
		return NULL;
	foreach(lc, ((AlterTableStmt *) stmt)->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_AttachPartition)
			return castNode(PartitionCmd, cmd->def)->bound;
	}
	return NULL;
}

/* Return the safe way to let a table's constraints imply the expression. */
static char *
safe_attach(Oid relid, List *expr)
{
	const char *table = table_name(relid);
	const char *name = quote_identifier(makeObjectName(get_rel_name(relid), NULL, "bound"));

	return psprintf("One after the other, each outside of a transaction block: ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s) NOT VALID; ALTER TABLE %s VALIDATE CONSTRAINT %s; Then this statement reads no rows.",
					table, name,
					deparse_expression((Node *) make_ands_explicit(expr),
									   deparse_context_for(get_rel_name(relid), relid),
									   false, false),
					table, name);
}

/* Return the finding if the rows of a table have to be read to check an expression. */
static List *
check(HazardStatement *statement, Relation rel, List *expr, const char *what)
{
	Oid			relid = RelationGetRelid(rel);
	List	   *findings = NIL;

	if (expr == NIL || PartConstraintImpliedByRelConstraint(rel, expr))
		return NIL;
	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
	{
		PartitionDesc parts = RelationGetPartitionDesc(rel, true);

		for (int i = 0; i < parts->nparts && findings == NIL; i++)
		{
			Relation	part = table_open(parts->oids[i], AccessShareLock);

			findings = check(statement, part, map_partition_varattnos(expr, 1, part, rel), what);
			table_close(part, NoLock);
		}
		return findings;
	}
	if (!OidIsValid(work_on(statement, HAZARD_SCAN, relid, true)))
		return NIL;
	return work_finding(RULE_SCAN_UNDER_LOCK, relid, no_more_than("scan"),
						psprintf("a scan of %s (%s) for %s, which nobody can read or write meanwhile",
								 table_name(relid), bytes_shown(table_bytes(relid, true)), what),
						safe_attach(relid, expr));
}

/* Return the partitioned table that the statement names, or InvalidOid. */
static Oid
parent_of(Node *stmt)
{
	RangeVar   *parent;
	Oid			relid;

	if (IsA(stmt, CreateStmt))
		parent = linitial_node(RangeVar, ((CreateStmt *) stmt)->inhRelations);
	else
		parent = ((AlterTableStmt *) stmt)->relation;
	relid = RangeVarGetRelid(parent, NoLock, true);
	return OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE
		? relid : InvalidOid;
}

/* Ask whether the rows of the table have to be read, which was not created just now. */
static List *
check_table(HazardStatement *statement, Oid relid, Relation root, List *quals)
{
	List	   *expr = list_concat_copy(quals, RelationGetPartitionQual(root));
	Relation	rel;
	List	   *findings = NIL;

	if (expr == NIL)
		return NIL;
	rel = table_open(relid, NoLock);
	if (rel->rd_createSubid == InvalidSubTransactionId)
	{
		expr = (List *) eval_const_expressions(NULL, (Node *) expr);
		expr = list_make1(make_ands_explicit(expr));
		findings = check(statement, rel, map_partition_varattnos(expr, 1, rel, root),
						 "the bound of the partition");
	}
	table_close(rel, NoLock);
	return findings;
}

/* Ask whether the rows of the default partition have to be read. */
static List *
check_default(HazardStatement *statement, Relation root, List *quals)
{
	Oid			relid = get_default_partition_oid(RelationGetRelid(root));
	Relation	rel;
	List	   *expr;
	List	   *findings;

	if (!OidIsValid(relid) || quals == NIL ||
		!ConditionalLockRelationOid(relid, AccessShareLock))
		return NIL;
	rel = table_open(relid, NoLock);
	expr = map_partition_varattnos(get_proposed_default_constraint(quals), 1, rel, root);
	findings = check(statement, rel, expr, "rows of the new partition");
	table_close(rel, AccessShareLock);
	return findings;
}

List *
hazard_partition(HazardStatement *statement, Oid relid)
{
	PartitionBoundSpec *bound = statement->stmt ? bound_of(statement->stmt) : NULL;
	Oid			parent = bound ? parent_of(statement->stmt) : InvalidOid;
	Relation	root;
	List	   *quals;
	List	   *findings;

	if (!OidIsValid(parent))
		return NIL;
	root = table_open(parent, NoLock);
	bound = transformPartitionBound(make_parsestate(NULL), root, bound);
	quals = get_qual_from_partbound(root, bound);
	findings = check_table(statement, relid, root, quals);
	if (findings == NIL && !bound->is_default)
		findings = check_default(statement, root, quals);
	table_close(root, NoLock);
	return findings;
}
