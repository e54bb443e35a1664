/*
 * safe_way.c
 *		The safe way to do what would be a hazard, as SQL with the real names.
 *
 * A sequence of statements comes after a colon, each with a semicolon.  Each of them runs
 * as it stands, in that order, and together they end where the one statement would have
 * ended.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "hazard/hazard_internal.h"
#include "lib/stringinfo.h"
#include "nodes/value.h"
#include "parser/scansup.h"
#include "rewrite/rewriteHandler.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#define IN_TURN "One after the other, each outside of a transaction block:"

/* ---- names ---- */

char *
table_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

char *
named_relation(const RangeVar *name)
{
	Oid			relid = RangeVarGetRelid((RangeVar *) name, NoLock, true);

	return OidIsValid(relid) ? table_name(relid)
		: quote_qualified_identifier(name->schemaname, name->relname);
}

/* Return a name made of others, quoted, as the server makes them: "users_email_check". */
static const char *
made_name(const char *first, const char *second, const char *label)
{
	return quote_identifier(makeObjectName(first, second, label));
}

/* Return names in parentheses, as in "(id, email)"; list of String. */
static char *
name_list(List *names)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, names)
		appendStringInfo(&buf, "%s%s", buf.len ? ", " : "(", quote_identifier(strVal(lfirst(lc))));
	appendStringInfoChar(&buf, ')');
	return buf.data;
}

/* Return columns in parentheses. */
static char *
column_list(Oid relid, const AttrNumber *attnums, int n)
{
	List	   *names = NIL;

	for (int i = 0; i < n; i++)
		names = lappend(names, makeString(get_attname(relid, attnums[i], false)));
	return name_list(names);
}

/* Return the partitions of a table that hold rows, or NIL if there are some below others. */
static List *
partitions_of(Oid relid)
{
	List	   *relids = find_all_inheritors(relid, NoLock, NULL);
	ListCell   *lc;

	relids = list_delete_oid(relids, relid);
	foreach(lc, relids)
	{
		if (get_rel_relkind(lfirst_oid(lc)) != RELKIND_RELATION)
			return NIL;
	}
	return relids;
}

/* ---- NOT NULL ---- */

static void
append_not_null(StringInfo buf, Oid relid, const char *column)
{
	const char *table = table_name(relid);
	const char *name = made_name(get_rel_name(relid), column, "not_null");
	const char *quoted = quote_identifier(column);

	if (compat_not_null_can_be_not_valid)
		appendStringInfo(buf, " ALTER TABLE %s ADD CONSTRAINT %s NOT NULL %s NOT VALID; ALTER TABLE %s VALIDATE CONSTRAINT %s;",
						 table, name, quoted, table, name);
	else
		appendStringInfo(buf, " ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID; ALTER TABLE %s VALIDATE CONSTRAINT %s; ALTER TABLE %s ALTER COLUMN %s SET NOT NULL; ALTER TABLE %s DROP CONSTRAINT %s;",
						 table, name, quoted, table, name, table, quoted, table, name);
}

char *
safe_not_null(Oid relid, const char *column)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, IN_TURN);
	append_not_null(&buf, relid, column);
	return buf.data;
}

/* ---- CHECK and FOREIGN KEY ---- */

/* Return the definition of a column: name, type and default. */
static char *
column_definition(Oid relid, AttrNumber attnum, bool with_default)
{
	Relation	rel = table_open(relid, NoLock);
	StringInfoData buf;
	Oid			type;
	Oid			collation;
	int32		typmod;
	Node	   *expr = with_default ? build_column_default(rel, attnum) : NULL;

	get_atttypetypmodcoll(relid, attnum, &type, &typmod, &collation);
	initStringInfo(&buf);
	appendStringInfo(&buf, "%s %s", quote_identifier(get_attname(relid, attnum, false)),
					 format_type_extended(type, typmod,
										  FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
	if (OidIsValid(collation) && collation != get_typcollation(type))
		appendStringInfo(&buf, " COLLATE %s", generate_collation_name(collation));
	if (expr != NULL)
		appendStringInfo(&buf, " DEFAULT %s",
						 deparse_expression(expr, deparse_context_for(get_rel_name(relid), relid),
											false, false));
	table_close(rel, NoLock);
	return buf.data;
}

/* Append the statements that add the columns of a constraint, if its statement does. */
static void
append_added_columns(StringInfo buf, AlterTableStmt *stmt, Oid relid, HeapTuple constraint)
{
	bool		isnull;
	Datum		key = SysCacheGetAttr(CONSTROID, constraint, Anum_pg_constraint_conkey, &isnull);
	ArrayType  *array = isnull ? NULL : DatumGetArrayTypeP(key);

	for (int i = 0; array != NULL && i < ARR_DIMS(array)[0]; i++)
	{
		AttrNumber	attnum = ((AttrNumber *) ARR_DATA_PTR(array))[i];
		char	   *column = get_attname(relid, attnum, true);

		if (column != NULL && alter_adds_column(stmt, column) != NULL)
			appendStringInfo(buf, " ALTER TABLE %s ADD COLUMN %s;", table_name(relid),
							 column_definition(relid, attnum, true));
	}
}

static const char *
action_clause(const char *when, char action)
{
	switch (action)
	{
		case FKCONSTR_ACTION_RESTRICT:
			return psprintf(" ON %s RESTRICT", when);
		case FKCONSTR_ACTION_CASCADE:
			return psprintf(" ON %s CASCADE", when);
		case FKCONSTR_ACTION_SETNULL:
			return psprintf(" ON %s SET NULL", when);
		case FKCONSTR_ACTION_SETDEFAULT:
			return psprintf(" ON %s SET DEFAULT", when);
		default:
			return "";
	}
}

/* Return a foreign key as ALTER TABLE takes it. */
static char *
foreign_key_definition(Oid relid, HeapTuple constraint)
{
	Form_pg_constraint con = (Form_pg_constraint) GETSTRUCT(constraint);
	AttrNumber	conkey[INDEX_MAX_KEYS];
	AttrNumber	confkey[INDEX_MAX_KEYS];
	AttrNumber	set_columns[INDEX_MAX_KEYS];
	int			nset = 0;
	int			n;
	StringInfoData buf;

	DeconstructFkConstraintRow(constraint, &n, conkey, confkey, NULL, NULL, NULL,
							   &nset, set_columns);
	initStringInfo(&buf);
	appendStringInfo(&buf, "FOREIGN KEY %s REFERENCES %s %s%s%s%s",
					 column_list(relid, conkey, n), table_name(con->confrelid),
					 column_list(con->confrelid, confkey, n),
					 con->confmatchtype == FKCONSTR_MATCH_FULL ? " MATCH FULL" : "",
					 action_clause("UPDATE", con->confupdtype),
					 action_clause("DELETE", con->confdeltype));
	if (nset > 0)
		appendStringInfo(&buf, " %s", column_list(relid, set_columns, nset));
	if (con->condeferrable)
		appendStringInfo(&buf, " DEFERRABLE%s", con->condeferred ? " INITIALLY DEFERRED" : "");
	return buf.data;
}

static char *
check_definition(Oid relid, HeapTuple constraint)
{
	bool		isnull;
	Datum		bin = SysCacheGetAttr(CONSTROID, constraint, Anum_pg_constraint_conbin, &isnull);

	if (isnull)
		return NULL;
	return psprintf("CHECK (%s)%s",
					deparse_expression(stringToNode(TextDatumGetCString(bin)),
									   deparse_context_for(get_rel_name(relid), relid),
									   false, false),
					((Form_pg_constraint) GETSTRUCT(constraint))->connoinherit ? " NO INHERIT" : "");
}

char *
safe_constraint(AlterTableStmt *stmt, Oid relid, HeapTuple constraint)
{
	Form_pg_constraint con = (Form_pg_constraint) GETSTRUCT(constraint);
	bool		is_check = (con->contype == CONSTRAINT_CHECK);
	const char *table = table_name(relid);
	const char *name = quote_identifier(NameStr(con->conname));
	char	   *definition;
	StringInfoData buf;

	if (!is_check && !compat_partitioned_foreign_key_can_be_not_valid &&
		get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE)
		return psprintf("Add the foreign key to each partition of %s, NOT VALID, and validate it there in another transaction; then this statement reads no rows.",
						table);

	/* What the parent says is what its children say, but the columns differ. */
	if (con->conrelid != relid && !is_check)
		return NULL;
	definition = is_check ? check_definition(con->conrelid, constraint)
		: foreign_key_definition(relid, constraint);
	if (definition == NULL)
		return NULL;
	initStringInfo(&buf);
	appendStringInfoString(&buf, IN_TURN);
	append_added_columns(&buf, stmt, relid, constraint);
	appendStringInfo(&buf, " ALTER TABLE %s ADD CONSTRAINT %s %s NOT VALID; ALTER TABLE %s VALIDATE CONSTRAINT %s;",
					 table, name, definition, table, name);
	return buf.data;
}

/* ---- indexes ---- */

/* Return what follows the table in the text of CREATE INDEX, or NULL if it is not known. */
static char *
after_table(const HazardStatement *statement)
{
	const char *s;
	const char *end;

	if (statement->source == NULL || ((IndexStmt *) statement->stmt)->relation->location < 0)
		return NULL;
	s = statement->source + ((IndexStmt *) statement->stmt)->relation->location;
	end = statement->source + statement->end;
	while (s < end)
	{
		/* a name, quoted or not, and perhaps a dot and another one */
		if (*s == '"')
		{
			do
				s++;
			while (s < end && *s != '"');
			s++;
		}
		else if (scanner_isspace(*s) || *s == '.')
			s++;
		else if (isalnum((unsigned char) *s) || *s == '_' || *s == '$' || IS_HIGHBIT_SET(*s))
		{
			/* USING is no name */
			if (pg_strncasecmp(s, "using", 5) == 0 && scanner_isspace(s[-1]))
				break;
			s++;
		}
		else
			break;
	}
	while (end > s && (scanner_isspace(end[-1]) || end[-1] == ';'))
		end--;
	return s < end ? pnstrdup(s, end - s) : NULL;
}

static char *
safe_create_index(const HazardStatement *statement, Oid relid, const char *index)
{
	IndexStmt  *stmt = (IndexStmt *) statement->stmt;
	const char *unique = stmt->unique ? "UNIQUE " : "";
	const char *name = quote_identifier(index);
	char	   *rest = after_table(statement);
	List	   *partitions;
	StringInfoData buf;
	ListCell   *lc;

	if (rest == NULL)
		return NULL;
	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return psprintf("Outside of a transaction block: CREATE %sINDEX CONCURRENTLY %s ON %s %s;",
						unique, name, table_name(relid), rest);
	partitions = partitions_of(relid);
	if (partitions == NIL || stmt->idxname == NULL)
		return NULL;
	initStringInfo(&buf);
	appendStringInfo(&buf, IN_TURN " CREATE %sINDEX %s ON ONLY %s %s;",
					 unique, quote_identifier(stmt->idxname), table_name(relid), rest);
	foreach(lc, partitions)
	{
		Oid			part = lfirst_oid(lc);
		const char *part_index = makeObjectName(get_rel_name(part), stmt->idxname, NULL);

		appendStringInfo(&buf, " CREATE %sINDEX CONCURRENTLY %s ON %s %s; ALTER INDEX %s ATTACH PARTITION %s;",
						 unique, quote_identifier(part_index), table_name(part), rest,
						 quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), stmt->idxname),
						 quote_qualified_identifier(get_namespace_name(get_rel_namespace(part)), part_index));
	}
	return buf.data;
}

/* Return the key constraint whose index is built, if there is only one, or NULL. */
static Constraint *
key_added(AlterTableStmt *stmt)
{
	Constraint *one = NULL;
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);
		Constraint *constraint = (Constraint *) cmd->def;

		if (cmd->subtype != AT_AddConstraint || constraint->keys == NIL ||
			(constraint->contype != CONSTR_PRIMARY && constraint->contype != CONSTR_UNIQUE))
			continue;
		if (one != NULL)
			return NULL;
		one = constraint;
	}
	return one;
}

static char *
safe_key(AlterTableStmt *stmt, Oid relid, const char *index)
{
	Constraint *key = key_added(stmt);
	const char *table = table_name(relid);
	const char *name = quote_identifier(index);
	bool		primary;
	StringInfoData buf;
	ListCell   *lc;

	if (key == NULL || get_rel_relkind(relid) != RELKIND_RELATION)
		return NULL;
	primary = (key->contype == CONSTR_PRIMARY);
	initStringInfo(&buf);
	appendStringInfoString(&buf, IN_TURN);
	foreach(lc, primary ? key->keys : NIL)
	{
		AttrNumber	attnum = get_attnum(relid, strVal(lfirst(lc)));

		if (attnum != InvalidAttrNumber && column_was_nullable(relid, attnum))
			append_not_null(&buf, relid, strVal(lfirst(lc)));
	}
	appendStringInfo(&buf, " CREATE UNIQUE INDEX CONCURRENTLY %s ON %s %s%s%s%s; ALTER TABLE %s ADD CONSTRAINT %s %s USING INDEX %s",
					 name, table, name_list(key->keys),
					 key->including ? " INCLUDE " : "",
					 key->including ? name_list(key->including) : "",
					 key->nulls_not_distinct ? " NULLS NOT DISTINCT" : "",
					 table, name, primary ? "PRIMARY KEY" : "UNIQUE", name);
	if (key->deferrable)
		appendStringInfo(&buf, " DEFERRABLE%s", key->initdeferred ? " INITIALLY DEFERRED" : "");
	appendStringInfoChar(&buf, ';');
	return buf.data;
}

char *
safe_index(const HazardStatement *statement, Oid relid, const char *index)
{
	if (statement->stmt != NULL && IsA(statement->stmt, IndexStmt))
		return safe_create_index(statement, relid, index);
	if (as_alter_table(statement->stmt) != NULL)
		return safe_key(as_alter_table(statement->stmt), relid, index);
	return NULL;
}

/* ---- rewrites ---- */

/* Is the column of one of the types that the parser makes a sequence for? */
static bool
is_serial(ColumnDef *column)
{
	const char *type = strVal(llast(column->typeName->names));

	return strstr(type, "serial") != NULL;
}

/* Return the safe way to add a column whose default is another one in each row. */
static char *
safe_added_column(Oid relid, ColumnDef *added)
{
	AttrNumber	attnum = get_attnum(relid, added->colname);
	const char *table = table_name(relid);
	const char *column = quote_identifier(added->colname);
	Relation	rel = table_open(relid, NoLock);
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	bool		not_null = att->attnotnull;
	Node	   *expr = NULL;
	StringInfoData buf;

	/* A serial's sequence goes with its column. */
	if (att->attidentity == '\0' && att->attgenerated == '\0' && !is_serial(added))
		expr = build_column_default(rel, attnum);
	table_close(rel, NoLock);
	if (expr == NULL)
		return NULL;
	initStringInfo(&buf);
	appendStringInfo(&buf, IN_TURN " ALTER TABLE %s ADD COLUMN %s; ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s; UPDATE %s SET %s = DEFAULT WHERE %s IS NULL AND ctid = ANY (ARRAY (SELECT ctid FROM %s WHERE %s IS NULL LIMIT 10000));",
					 table, column_definition(relid, attnum, false), table, column,
					 deparse_expression(expr, deparse_context_for(get_rel_name(relid), relid),
										false, false),
					 table, column, column, table, column);
	if (not_null)
		append_not_null(&buf, relid, added->colname);
	appendStringInfoString(&buf, " Repeat the UPDATE until it finds no row.");
	return buf.data;
}

/* Return the safe way to change the type of a column. */
static char *
safe_type(Oid relid, const char *column)
{
	const char *table = table_name(relid);
	const char *beside = made_name(column, NULL, "new");
	Oid			type;
	Oid			collation;
	int32		typmod;

	get_atttypetypmodcoll(relid, get_attnum(relid, column), &type, &typmod, &collation);
	return psprintf("Put a column beside it: ALTER TABLE %s ADD COLUMN %s %s; write both columns; fill it in batches; deploy a version that reads %s; retire the old versions; then ALTER TABLE %s DROP COLUMN %s.",
					table, beside,
					format_type_extended(type, typmod, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY),
					beside, table, quote_identifier(column));
}

char *
safe_rewrite(AlterTableStmt *stmt, Oid relid)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_AlterColumnType)
			return safe_type(relid, cmd->name);
		if (cmd->subtype == AT_AddColumn &&
			added_column_rewrites(relid, castNode(ColumnDef, cmd->def)->colname))
			return safe_added_column(relid, castNode(ColumnDef, cmd->def));
	}
	return NULL;
}
