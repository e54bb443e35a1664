/*
 * alter.c
 *		ALTER TABLE: what it adds, and whether it is going to rewrite.
 *
 * The event of a rewrite comes last, after those of the indexes and constraints that
 * the statement makes anew.  A rewrite builds these indexes and checks these
 * constraints by itself, so they are no hazards of their own.  Hence it has to be
 * predicted there, by the rules of the server's own ATColumnChangeRequiresRewrite() and
 * ATExecAddColumn().  If that were wrong, a hazard would go by another rule's name; the
 * event of the rewrite itself needs no prediction.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_attribute.h"
#include "hazard/hazard_internal.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

AlterTableStmt *
as_alter_table(Node *stmt)
{
	return stmt != NULL && IsA(stmt, AlterTableStmt) ? (AlterTableStmt *) stmt : NULL;
}

bool
alter_has(AlterTableStmt *stmt, AlterTableType subtype)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		if (lfirst_node(AlterTableCmd, lc)->subtype == subtype)
			return true;
	}
	return false;
}

bool
alter_builds_primary_key(AlterTableStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_AddConstraint &&
			castNode(Constraint, cmd->def)->contype == CONSTR_PRIMARY &&
			castNode(Constraint, cmd->def)->indexname == NULL)
			return true;
	}
	return false;
}

ColumnDef *
alter_adds_column(AlterTableStmt *stmt, const char *column)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_AddColumn &&
			strcmp(castNode(ColumnDef, cmd->def)->colname, column) == 0)
			return castNode(ColumnDef, cmd->def);
	}
	return NULL;
}

/* ---- does a column make it rewrite ---- */

bool
added_column_rewrites(Oid relid, const char *column)
{
	HeapTuple	tup = SearchSysCacheAttName(relid, column);
	Form_pg_attribute att;
	bool		rewrites;

	if (!HeapTupleIsValid(tup))
		return false;
	att = (Form_pg_attribute) GETSTRUCT(tup);
	if (att->attgenerated != '\0')
		rewrites = (att->attgenerated == ATTRIBUTE_GENERATED_STORED);
	else
		rewrites = att->attidentity != '\0' || DomainHasConstraints(att->atttypid) ||
			(att->atthasdef && !att->atthasmissing);
	ReleaseSysCache(tup);
	return rewrites;
}

/* Return the row of a column as it was when the statement began, or NULL. */
static HeapTuple
column_before(Oid relid, AttrNumber attnum)
{
	Relation	rel;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tup;

	if (!ActiveSnapshotSet())
		return NULL;
	rel = table_open(AttributeRelationId, AccessShareLock);
	ScanKeyInit(&keys[0], Anum_pg_attribute_attrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[1], Anum_pg_attribute_attnum, BTEqualStrategyNumber,
				F_INT2EQ, Int16GetDatum(attnum));

	/* The active snapshot still sees it. */
	scan = systable_beginscan(rel, AttributeRelidNumIndexId, true, GetActiveSnapshot(), 2, keys);
	tup = systable_getnext(scan);
	if (HeapTupleIsValid(tup))
		tup = heap_copytuple(tup);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return tup;
}

bool
column_was_nullable(Oid relid, AttrNumber attnum)
{
	HeapTuple	tup = column_before(relid, attnum);

	return HeapTupleIsValid(tup) && !((Form_pg_attribute) GETSTRUCT(tup))->attnotnull;
}

/* Is the expression the old value, bit for bit?  After planning. */
static bool
keeps_value(Node *expr)
{
	for (;;)
	{
		if (IsA(expr, Var))
			return true;
		else if (IsA(expr, RelabelType))
			expr = (Node *) ((RelabelType *) expr)->arg;
		else if (IsA(expr, CoerceToDomain))
		{
			if (DomainHasConstraints(((CoerceToDomain *) expr)->resulttype))
				return false;
			expr = (Node *) ((CoerceToDomain *) expr)->arg;
		}
		else if (IsA(expr, FuncExpr))
		{
			FuncExpr   *call = (FuncExpr *) expr;

			if ((call->funcid != F_TIMESTAMPTZ_TIMESTAMP &&
				 call->funcid != F_TIMESTAMP_TIMESTAMPTZ) ||
				TimestampTimestampTzRequiresRewrite())
				return false;
			expr = linitial(call->args);
		}
		else
			return false;
	}
}

static bool
type_change_rewrites(Oid relid, const char *column)
{
	AttrNumber	attnum = get_attnum(relid, column);
	HeapTuple	tup;
	Form_pg_attribute before;
	Node	   *value;
	Oid			type;
	Oid			collation;
	int32		typmod;

	if (attnum == InvalidAttrNumber)
		return true;
	tup = column_before(relid, attnum);
	if (!HeapTupleIsValid(tup))
		return true;
	before = (Form_pg_attribute) GETSTRUCT(tup);
	if (!OidIsValid(before->atttypid))
		return true;
	value = (Node *) makeVar(1, attnum, before->atttypid, before->atttypmod,
							 before->attcollation, 0);
	get_atttypetypmodcoll(relid, attnum, &type, &typmod, &collation);
	value = coerce_to_target_type(NULL, value, exprType(value), type, typmod,
								  COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
	return value == NULL || !keeps_value((Node *) expression_planner((Expr *) value));
}

bool
alter_rewrites(AlterTableStmt *stmt, Oid relid)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		switch (cmd->subtype)
		{
			case AT_AddColumn:
				if (added_column_rewrites(relid, castNode(ColumnDef, cmd->def)->colname))
					return true;
				break;
			case AT_AlterColumnType:
				/* USING could be anything. */
				if (castNode(ColumnDef, cmd->def)->raw_default != NULL ||
					type_change_rewrites(relid, cmd->name))
					return true;
				break;
			case AT_SetLogged:
			case AT_SetUnLogged:
			case AT_SetAccessMethod:
				return true;
			default:
				break;
		}
	}
	return false;
}
