/*
 * before.c
 *		Hazards of which no event tells in time: read from the statement.
 *
 *	- SET TABLESPACE copies the file of a table that stays the same relation;
 *	- REINDEX builds an index that is there already;
 *	- ALTER DOMAIN reads the tables before its event comes, or has none.
 *
 * No lock is held yet.  So names are looked up as they are, and the statement may find
 * others.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_tablespace.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/tablespace.h"
#include "hazard/hazard_internal.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_type.h"
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

/* ---- REINDEX ---- */

static bool
is_concurrent(ReindexStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->params)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, "concurrently") == 0)
			return defGetBoolean(option);
	}
	return false;
}

static List *
reindex(HazardStatement *statement, ReindexStmt *stmt)
{
	bool		one = (stmt->kind == REINDEX_OBJECT_INDEX);
	Oid			relid;
	Oid			table;

	if (stmt->relation == NULL || is_concurrent(stmt))
		return NIL;
	relid = RangeVarGetRelid(stmt->relation, NoLock, true);
	table = one && OidIsValid(relid) ? IndexGetRelation(relid, true) : relid;
	if (!OidIsValid(table) || !is_large(tables_bytes(table, false)))
		return NIL;
	return work_finding(RULE_INDEX_BUILD_BLOCKS_WRITES, table, no_more_than("index build"),
						psprintf("a new build of %s of %s (%s), which nobody can write meanwhile, and hardly anybody read",
								 one ? "an index" : "the indexes", table_name(table),
								 bytes_shown(tables_bytes(table, false))),
						psprintf("Use the form that locks nobody out: REINDEX %s CONCURRENTLY %s;",
								 one ? "INDEX" : "TABLE", table_name(relid)));
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
			return set_tablespace(statement, (AlterTableStmt *) statement->stmt);
		case T_AlterDomainStmt:
			return alter_domain(statement, (AlterDomainStmt *) statement->stmt);
		case T_ReindexStmt:
			return reindex(statement, (ReindexStmt *) statement->stmt);
		default:
			return NIL;
	}
}
