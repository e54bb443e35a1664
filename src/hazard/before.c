/*
 * before.c
 *		Hazards of which no event tells in time: read from the statement.
 *
 *	- SET TABLESPACE copies the file of a table that stays the same relation;
 *	- ALTER DOMAIN reads the tables before its event comes, or has none;
 *	- DETACH, VALIDATE and TRUNCATE CASCADE harm by what they lock or take.
 *
 * No lock is held yet.  So names are looked up as they are, and the statement may find
 * others.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/compat.h"
#include "catalog/dependency.h"
#include "catalog/heap.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/partition.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_tablespace.h"
#include "catalog/pg_type.h"
#include "commands/tablespace.h"
#include "hazard/hazard_internal.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_type.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* ---- SET TABLESPACE ---- */

/* Is a table, which has its own tablespace or 0, in that tablespace already? */
static bool
is_in_tablespace(Oid relid, Oid tablespace)
{
	Oid			now = get_rel_tablespace(relid);

	if (!OidIsValid(now))
		now = MyDatabaseTableSpace;
	return now == tablespace;
}

static List *
set_tablespace(HazardStatement *statement, AlterTableStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);
		Oid			relid;
		Oid			tablespace;
		Oid			table;

		if (cmd->subtype != AT_SetTableSpace)
			continue;
		relid = RangeVarGetRelid(stmt->relation, NoLock, true);
		tablespace = get_tablespace_oid(cmd->name, true);
		if (!OidIsValid(relid) || !OidIsValid(tablespace) || is_in_tablespace(relid, tablespace) ||
			!OidIsValid(table = work_on(statement, HAZARD_REWRITE, relid, true)))
			continue;
		return work_finding(RULE_TABLE_REWRITE, table, no_more_than("copy"),
							psprintf("a copy of %s (%s) to another tablespace, which nobody can read or write meanwhile",
									 table_name(table), bytes_shown(table_bytes(table, true))),
							NULL);
	}
	return NIL;
}

/* ---- DETACH and VALIDATE ---- */

/* Detaching locks the parent and the partition, and waits for all who use either. */
static List *
detach(AlterTableStmt *stmt)
{
	AlterTableCmd *cmd = linitial_node(AlterTableCmd, stmt->cmds);
	Oid			parent;
	uint64		bytes;

	if (cmd->subtype != AT_DetachPartition || castNode(PartitionCmd, cmd->def)->concurrent)
		return NIL;
	parent = RangeVarGetRelid(stmt->relation, NoLock, true);

	/* Where there is a default partition, CONCURRENTLY is refused. */
	if (!OidIsValid(parent) || get_rel_relkind(parent) != RELKIND_PARTITIONED_TABLE ||
		OidIsValid(get_default_partition_oid(parent)) ||
		!is_large(bytes = tables_bytes(parent, true)))
		return NIL;
	return work_finding(RULE_DETACH_BLOCKING, parent,
						"a lock of the partitioned table that lets others go on",
						psprintf("an AccessExclusive lock of %s (%s), for which it waits, and others behind it",
								 table_name(parent), bytes_shown(bytes)),
						psprintf("Outside of a transaction block: ALTER TABLE %s DETACH PARTITION %s CONCURRENTLY;",
								 table_name(parent),
								 named_relation(castNode(PartitionCmd, cmd->def)->name)));
}

/* Does the transaction hold a lock that keeps out writers? */
static bool
is_locked_against_writes(Oid relid)
{
	LOCKTAG		tag;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, relid);
	for (LOCKMODE mode = ShareLock; mode <= AccessExclusiveLock; mode++)
	{
		if (compat_lock_held_by_me(&tag, mode))
			return true;
	}
	return false;
}

/* VALIDATE reads under the strongest lock that the transaction has. */
static List *
validate(HazardStatement *statement, AlterTableStmt *stmt)
{
	Oid			relid;
	uint64		bytes;

	if (!alter_has(stmt, AT_ValidateConstraint))
		return NIL;
	relid = RangeVarGetRelid(stmt->relation, NoLock, true);
	if (!OidIsValid(relid) ||
		(list_length(stmt->cmds) == 1 &&
		 (statement->is_previewed || !is_locked_against_writes(relid))) ||
		!is_large(bytes = tables_bytes(relid, true)))
		return NIL;
	return work_finding(RULE_VALIDATE_SAME_TRANSACTION, relid,
						"VALIDATE CONSTRAINT in a transaction of its own",
						psprintf("a scan of %s (%s), which nobody can write meanwhile because of what the transaction did before",
								 table_name(relid), bytes_shown(bytes)),
						NULL);
}

/* ---- TRUNCATE CASCADE ---- */

/* Return the tables that refer to those given, directly or not, and are not among them. */
static List *
tables_referring_to(List *relids)
{
	List	   *all = list_copy(relids);
	List	   *more;

	while ((more = heap_truncate_find_FKs(all)) != NIL)
		all = list_concat_unique_oid(all, more);
	return list_difference_oid(all, relids);
}

static List *
truncate_cascade(TruncateStmt * stmt)
{
	List	   *named = NIL;
	Oid			first = InvalidOid;
	StringInfoData others;
	ListCell   *lc;

	if (stmt->behavior != DROP_CASCADE)
		return NIL;
	foreach(lc, stmt->relations)
	{
		Oid			relid = RangeVarGetRelid(lfirst_node(RangeVar, lc), NoLock, true);

		if (!OidIsValid(relid))
			return NIL;
		if (!OidIsValid(first))
			first = relid;
		named = list_concat_unique_oid(named, find_all_inheritors(relid, NoLock, NULL));
	}
	initStringInfo(&others);
	foreach(lc, tables_referring_to(named))
	{
		if (tables_bytes(lfirst_oid(lc), false) > 0)
			appendStringInfo(&others, "%s%s", others.len ? ", " : "", table_name(lfirst_oid(lc)));
	}
	if (others.len == 0)
		return NIL;
	return work_finding(RULE_TRUNCATE_CASCADE, first, "no rows lost of tables that are not named",
						psprintf("all rows deleted of tables that refer to it, too: %s", others.data), NULL);
}

/* ---- ALTER DOMAIN ---- */

/* Add the tables with a column of the domain, or of one over it. */
static List *
tables_of_domain(Oid domain, List *relids)
{
	Relation	rel = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tup;
	List	   *domains = NIL;
	ListCell   *lc;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(TypeRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(domain));
	scan = systable_beginscan(rel, DependReferenceIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tup);

		if (form->classid == RelationRelationId && form->objsubid > 0)
			relids = list_append_unique_oid(relids, form->objid);
		else if (form->classid == TypeRelationId && get_typtype(form->objid) == TYPTYPE_DOMAIN)
			domains = lappend_oid(domains, form->objid);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	foreach(lc, domains)
		relids = tables_of_domain(lfirst_oid(lc), relids);
	return relids;
}

/* Does the statement read the rows of the domain's tables? */
static bool
reads_tables(AlterDomainStmt *stmt)
{
	switch (stmt->subtype)
	{
		case 'C':				/* ADD CONSTRAINT */
			return !castNode(Constraint, stmt->def)->skip_validation;
		case 'O':				/* SET NOT NULL */
		case 'V':				/* VALIDATE CONSTRAINT */
			return true;
		default:
			return false;
	}
}

static List *
alter_domain(HazardStatement *statement, AlterDomainStmt *stmt)
{
	TypeName   *name;
	Oid			domain;
	ListCell   *lc;

	if (!reads_tables(stmt))
		return NIL;
	name = makeTypeNameFromNameList(stmt->typeName);
	domain = LookupTypeNameOid(NULL, name, true);
	if (!OidIsValid(domain))
		return NIL;
	foreach(lc, tables_of_domain(domain, NIL))
	{
		Oid			table = work_on(statement, HAZARD_SCAN, lfirst_oid(lc), true);

		if (OidIsValid(table))
			return work_finding(RULE_SCAN_UNDER_LOCK, table, no_more_than("scan"),
								psprintf("a scan of %s (%s) for domain %s, which nobody can write meanwhile, nor any other table that uses the domain",
										 table_name(table), bytes_shown(table_bytes(table, true)),
										 format_type_be_qualified(domain)),
								psprintf("VALIDATE of a domain locks the same tables, so add a CHECK to %s itself, NOT VALID, validate it in another transaction, and leave the domain as it is.",
										 table_name(table)));
	}
	return NIL;
}

List *
hazard_before_statement(HazardStatement *statement)
{
	switch (nodeTag(statement->stmt))
	{
		case T_AlterTableStmt:
			return list_concat(list_concat(set_tablespace(statement, (AlterTableStmt *) statement->stmt),
										   detach((AlterTableStmt *) statement->stmt)),
							   validate(statement, (AlterTableStmt *) statement->stmt));
		case T_AlterDomainStmt:
			return alter_domain(statement, (AlterDomainStmt *) statement->stmt);
		case T_IndexStmt:
		case T_DropStmt:
		case T_ReindexStmt:
			return index_statement(statement->stmt);
		case T_TruncateStmt:
			return truncate_cascade((TruncateStmt *) statement->stmt);
		default:
			return NIL;
	}
}
