/*
 * attach.c
 *		Rows that are read because a table becomes a partition.
 *
 * The event of the row in pg_inherits comes before the bound is stored.  So what the
 * server is going to check is made here from the statement's bound, as
 * ATExecAttachPartition() and check_default_partition_contents() make it, and the
 * server's own proof says whether the constraints of a table imply it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
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

List *
hazard_partition_created(HazardStatement *statement, Oid relid, Oid parent)
{
	PartitionBoundSpec *bound = bound_of(statement->stmt);
	Relation	root;
	Relation	rel;
	Oid			other;
	List	   *quals;
	List	   *expr;
	List	   *findings;

	if (bound == NULL || get_rel_relkind(parent) != RELKIND_PARTITIONED_TABLE)
		return NIL;
	root = table_open(parent, NoLock);
	rel = table_open(relid, NoLock);
	bound = transformPartitionBound(make_parsestate(NULL), root, bound);
	quals = get_qual_from_partbound(root, bound);
	expr = list_concat_copy(quals, RelationGetPartitionQual(root));
	if (expr != NIL)
	{
		expr = (List *) eval_const_expressions(NULL, (Node *) expr);
		expr = list_make1(make_ands_explicit(expr));
		expr = map_partition_varattnos(expr, 1, rel, root);
	}
	findings = rel->rd_createSubid != InvalidSubTransactionId ? NIL
		: check(statement, rel, expr, "the bound of the partition");
	table_close(rel, NoLock);

	other = bound->is_default ? InvalidOid : get_default_partition_oid(parent);
	if (findings == NIL && OidIsValid(other) && quals != NIL)
	{
		rel = table_open(other, AccessShareLock);
		expr = map_partition_varattnos(get_proposed_default_constraint(quals), 1, rel, root);
		findings = check(statement, rel, expr, "rows of the new partition");
		table_close(rel, NoLock);
	}
	table_close(root, NoLock);
	return findings;
}
