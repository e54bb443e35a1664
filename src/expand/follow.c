/*
 * follow.c
 *		What belongs to the old column and has to follow to the new one.
 *
 * At once: comment, statistics target, privileges on the column.  Before the contract
 * phase: copies of the indexes, which are built CONCURRENTLY and so by a statement of
 * their own.  In the contract phase: default, NOT NULL, CHECK, UNIQUE.  Until then the
 * trigger gives the new column what these stand for.
 *
 * A default becomes up of the default, a CHECK that of down in the old column's place:
 * the same promise, about the other column.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "base/catalog_scan.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "commands/defrem.h"
#include "expand/expand_internal.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

/* ---- what cannot be replaced ---- */

#define UNSUPPORTED_SQL \
	"SELECT r.reason FROM pg_catalog.pg_class AS c " \
	"JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = %s " \
	"CROSS JOIN LATERAL (VALUES " \
	"(1, c.relkind NOT IN ('r', 'p'), 'it is not a table'), " \
	"(2, c.relpersistence = 't', 'it is temporary'), " \
	"(3, EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = c.oid), 'it inherits from another table: expand that'), " \
	"(4, c.relforcerowsecurity, 'it has FORCE ROW LEVEL SECURITY, so that its owner may not see every row'), " \
	"(5, EXISTS (SELECT FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS f ON f.oid = i.inhrelid WHERE i.inhparent = c.oid AND f.relkind = 'f'), 'it has children that are foreign tables'), " \
	"(6, a.attidentity <> '', 'the column is an identity column'), " \
	"(7, a.attgenerated <> '', 'the column is generated'), " \
	"(8, EXISTS (SELECT FROM pg_catalog.pg_partitioned_table AS p WHERE p.partrelid = c.oid AND a.attnum = ANY (p.partattrs)), 'the column is in the partition key'), " \
	"(9, EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'p' AND a.attnum = ANY (k.conkey)), 'the column is in the primary key'), " \
	"(10, EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.confrelid = c.oid AND k.contype = 'f' AND a.attnum = ANY (k.confkey)), 'a foreign key refers to the column'), " \
	"(11, EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'x' AND a.attnum = ANY (k.conkey)), 'an exclusion constraint has the column'), " \
	"(12, EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND i.indisreplident AND a.attnum = ANY (i.indkey)), 'the column is in the replica identity'), " \
	"(13, EXISTS (SELECT FROM pg_catalog.pg_publication_rel AS p WHERE p.prrelid = c.oid AND a.attnum = ANY (p.prattrs)), 'a publication lists the column'), " \
	"(14, EXISTS (SELECT FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_class AS s ON s.oid = d.objid AND s.relkind = 'S' WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = a.attnum), 'a sequence belongs to the column'), " \
	"(15, c.relnamespace = 'compat_guard'::regnamespace OR c.oid < 16384, 'it belongs to the server or to the guard')" \
	") AS r (place, applies, reason) WHERE c.oid = %u AND r.applies ORDER BY r.place"

void
follow_check_supported(Oid relid, const char *old_column)
{
	List	   *reasons = query_texts(psprintf(UNSUPPORTED_SQL, quote_literal_cstr(old_column), relid));

	if (reasons != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot replace column \"%s\" of table %s: %s", old_column,
						qualified_table(relid), (char *) linitial(reasons))));
}

#define NOT_FOLLOWING_SQL \
	"SELECT pg_catalog.format('foreign key %%I does not follow: add one on the new column if it is to have it', k.conname) " \
	"FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = %1$u AND k.contype = 'f' AND %2$d = ANY (k.conkey) " \
	"UNION ALL " \
	"SELECT pg_catalog.format('index %%s does not follow, because an expression or predicate of it uses the old column', i.indexrelid::regclass) " \
	"FROM pg_catalog.pg_index AS i WHERE i.indrelid = %1$u AND EXISTS (SELECT FROM pg_catalog.pg_depend AS d " \
	"WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refclassid = 'pg_class'::regclass " \
	"AND d.refobjid = i.indrelid AND d.refobjsubid = %2$d) AND (%2$d <> ALL (i.indkey) OR pg_catalog.pg_get_expr(i.indpred, i.indrelid) ~ ('\\m' || %3$s || '\\M')) " \
	"UNION ALL " \
	"SELECT pg_catalog.format('statistics %%I do not follow', s.stxname) FROM pg_catalog.pg_statistic_ext AS s " \
	"WHERE s.stxrelid = %1$u AND %2$d = ANY (s.stxkeys)"

List *
follow_not(const ColumnExpansion *expansion)
{
	AttrNumber	attnum = get_attnum(expansion->relid, expansion->old_column);

	return query_texts(psprintf(NOT_FOLLOWING_SQL, expansion->relid, attnum,
								quote_literal_cstr(expansion->old_column)));
}

/* ---- at once ---- */

#define AT_ONCE_SQL \
	"WITH old AS (SELECT a.*, %1$s AS tab, %2$s AS new FROM pg_catalog.pg_attribute AS a " \
	"WHERE a.attrelid = %3$u AND a.attname = %4$s) " \
	"SELECT pg_catalog.format('COMMENT ON COLUMN %%s.%%I IS %%L', tab, new, pg_catalog.col_description(attrelid, attnum)) " \
	"FROM old WHERE pg_catalog.col_description(attrelid, attnum) IS NOT NULL " \
	"UNION ALL " \
	"SELECT pg_catalog.format('ALTER TABLE %%s ALTER COLUMN %%I SET STATISTICS %%s', tab, new, attstattarget) " \
	"FROM old WHERE attstattarget >= 0 " \
	"UNION ALL " \
	"SELECT pg_catalog.format('GRANT %%s (%%I) ON TABLE %%s TO %%s%%s', p.privilege_type, new, tab, " \
	"CASE p.grantee WHEN 0 THEN 'PUBLIC' ELSE p.grantee::regrole::text END, " \
	"CASE WHEN p.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) " \
	"FROM old CROSS JOIN LATERAL pg_catalog.aclexplode(attacl) AS p"

List *
follow_at_once(const ColumnExpansion *expansion)
{
	return query_texts(psprintf(AT_ONCE_SQL, quote_literal_cstr(qualified_table(expansion->relid)),
								quote_literal_cstr(expansion->new_column), expansion->relid,
								quote_literal_cstr(expansion->old_column)));
}

/* ---- indexes ---- */

#define INDEX_COPY_SQL \
	"SELECT pg_catalog.format('CREATE %%sINDEX %%s%%I ON %%s USING %%I (%%s)%%s%%s%%s%%s', " \
	"CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, %1$s, %2$s, %3$s, am.amname, " \
	"pg_catalog.string_agg(k.text, ', ' ORDER BY k.n) FILTER (WHERE k.n <= i.indnkeyatts), " \
	"coalesce(' INCLUDE (' || pg_catalog.string_agg(k.text, ', ' ORDER BY k.n) FILTER (WHERE k.n > i.indnkeyatts) || ')', ''), " \
	"CASE WHEN pg_catalog.pg_get_indexdef(i.indexrelid) LIKE '%%NULLS NOT DISTINCT%%' THEN ' NULLS NOT DISTINCT' ELSE '' END, " \
	"coalesce(' WITH (' || pg_catalog.array_to_string(c.reloptions, ', ') || ')', ''), " \
	"coalesce(' WHERE ' || pg_catalog.pg_get_expr(i.indpred, i.indrelid), '')) " \
	"FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid " \
	"JOIN pg_catalog.pg_am AS am ON am.oid = c.relam " \
	"CROSS JOIN LATERAL (SELECT n, CASE WHEN i.indkey[n - 1] = %4$d THEN pg_catalog.quote_ident(%5$s) " \
	"ELSE pg_catalog.pg_get_indexdef(i.indexrelid, n::integer, false) END || " \
	"CASE WHEN n > i.indnkeyatts THEN '' ELSE " \
	"CASE WHEN (i.indkey[n - 1] <> %4$d OR %6$s) AND NOT o.opcdefault THEN ' ' || pg_catalog.quote_ident(ns.nspname) || '.' || pg_catalog.quote_ident(o.opcname) ELSE '' END || " \
	"CASE i.indoption[n - 1] & 3 WHEN 1 THEN ' DESC NULLS LAST' WHEN 3 THEN ' DESC' WHEN 2 THEN ' NULLS FIRST' ELSE '' END END AS text " \
	"FROM pg_catalog.generate_series(1, i.indnatts) AS n " \
	"LEFT JOIN pg_catalog.pg_opclass AS o ON o.oid = CASE WHEN n <= i.indnkeyatts THEN i.indclass[n - 1] END " \
	"LEFT JOIN pg_catalog.pg_namespace AS ns ON ns.oid = o.opcnamespace) AS k " \
	"WHERE i.indexrelid = %7$u GROUP BY i.indexrelid, i.indisunique, i.indnkeyatts, i.indpred, i.indrelid, am.amname, c.reloptions"

/* Return the statement that creates the copy, from the columns of the original. */
static char *
index_statement(Oid index, const ColumnExpansion *expansion, AttrNumber attnum, const char *name)
{
	bool		partitioned = get_rel_relkind(expansion->relid) == RELKIND_PARTITIONED_TABLE;
	bool		same_type = get_atttype(expansion->relid, attnum) ==
	get_atttype(expansion->relid, get_attnum(expansion->relid, expansion->new_column));
	char	   *sql = psprintf(INDEX_COPY_SQL, partitioned ? "''" : "'CONCURRENTLY '",
							   quote_literal_cstr(name),
							   quote_literal_cstr(qualified_table(expansion->relid)), attnum,
							   quote_literal_cstr(expansion->new_column),
							   same_type ? "true" : "false", index);

	return linitial(query_texts(sql));
}

#define COPY_EXISTS_SQL \
	"SELECT 'x' FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid " \
	"WHERE i.indrelid = %u AND c.relname = %s AND i.indisvalid AND i.indisready AND (i.indisunique OR NOT %s)"

/* Is there a valid index of that name on the table, unique if it has to be? */
static bool
copy_exists(const ColumnExpansion *expansion, const char *name, bool unique)
{
	return query_texts(psprintf(COPY_EXISTS_SQL, expansion->relid, quote_literal_cstr(name), unique ? "true" : "false")) != NIL;
}

#define INDEXES_SQL \
	"SELECT i.indexrelid FROM pg_catalog.pg_index AS i WHERE i.indrelid = %u AND %d = ANY (i.indkey) " \
	"AND (i.indpred IS NULL OR pg_catalog.pg_get_expr(i.indpred, i.indrelid) !~ ('\\m' || %s || '\\M')) " \
	"AND i.indisvalid ORDER BY i.indexrelid"

List *
follow_indexes(const ColumnExpansion *expansion)
{
	AttrNumber	attnum = get_attnum(expansion->relid, expansion->old_column);
	List	   *copies = NIL;
	ListCell   *lc;

	foreach(lc, query_texts(psprintf(INDEXES_SQL, expansion->relid, attnum,
									 quote_literal_cstr(expansion->old_column))))
	{
		Oid			index = strtoul(lfirst(lc), NULL, 10);
		IndexCopy  *copy = palloc0_object(IndexCopy);

		copy->original = get_rel_name(index);
		copy->name = makeObjectName(copy->original, NULL, "new");
		copy->constraint = OidIsValid(get_index_constraint(index));
		copy->statement = index_statement(index, expansion, attnum, copy->name);
		copy->exists = copy_exists(expansion, copy->name,
								   strncmp(copy->statement, "CREATE UNIQUE", 13) == 0);
		copies = lappend(copies, copy);
	}
	return copies;
}

/* ---- default and constraints ---- */

typedef struct Replacement
{
	AttrNumber	attnum;
	Node	   *expr;
} Replacement;

/* Put an expression in the place of a column. */
static Node *
replace_column(Node *node, void *context)
{
	Replacement *replacement = context;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && ((Var *) node)->varattno == replacement->attnum)
		return copyObject(replacement->expr);
	return expression_tree_mutator(node, replace_column, context);
}

static Conversion *
analysed(Relation rel, const ColumnExpansion *expansion)
{
	return conversion_make(RelationGetDescr(rel), rel->rd_rel->relowner, expansion, false);
}

char *
follow_text(Oid relid, Node *expr)
{
	OwnerState	state = owner_enter(GetUserId());
	char	   *text = deparse_expression(expr, deparse_context_for(get_rel_name(relid), relid),
										  false, false);

	owner_leave(&state);
	return text;
}

/* Evaluate what gives the same whenever it is evaluated, as the owner of the table. */
static Node *
evaluated(Relation rel, Node *expr)
{
	OwnerState	state = owner_enter(rel->rd_rel->relowner);

	expr = eval_const_expressions(NULL, expr);
	owner_leave(&state);
	return expr;
}

char *
follow_default(const ColumnExpansion *expansion)
{
	Relation	rel = table_open(expansion->relid, NoLock);
	Conversion *conversion = analysed(rel, expansion);
	Replacement replacement = {.attnum = conversion->old_attnum};
	char	   *text = NULL;

	if (TupleDescAttr(RelationGetDescr(rel), conversion->old_attnum - 1)->atthasdef &&
		bms_membership(conversion->sources) == BMS_SINGLETON)
	{
		replacement.expr = build_column_default(rel, conversion->old_attnum);
		text = follow_text(expansion->relid,
						   evaluated(rel, replace_column((Node *) conversion->up_expr, &replacement)));
	}
	table_close(rel, NoLock);
	return text;
}

/* Add the copy of a CHECK that uses the old column. */
static List *
add_check(List *copies, const ColumnExpansion *expansion, const Conversion *conversion,
		  CatalogScan *scan, HeapTuple tup)
{
	Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tup);
	Replacement replacement = {conversion->old_attnum, (Node *) conversion->down_expr};
	Bitmapset  *columns = NULL;
	ConstraintCopy *copy;
	bool		isnull;
	Datum		bin;
	Node	   *expr;

	if (form->contype != CONSTRAINT_CHECK)
		return copies;
	bin = heap_getattr(tup, Anum_pg_constraint_conbin, RelationGetDescr(scan->catalog), &isnull);
	if (isnull)
		return copies;
	expr = stringToNode(TextDatumGetCString(bin));
	pull_varattnos(expr, 1, &columns);
	if (!bms_is_member(conversion->old_attnum - FirstLowInvalidHeapAttributeNumber, columns) ||
		bms_is_member(conversion->new_attnum - FirstLowInvalidHeapAttributeNumber, columns))
		return copies;
	copy = palloc0_object(ConstraintCopy);
	copy->original = pstrdup(NameStr(form->conname));
	copy->name = makeObjectName(copy->original, NULL, "new");
	copy->expression = follow_text(expansion->relid, replace_column(expr, &replacement));

	/* A CHECK lets null pass, which the old column's NOT NULL did not. */
	if (TupleDescAttr(conversion->desc, conversion->old_attnum - 1)->attnotnull)
		copy->expression = psprintf("(%s) IS NOT NULL AND (%s)", expansion->down, copy->expression);
	return lappend(copies, copy);
}

List *
follow_constraints(const ColumnExpansion *expansion)
{
	Relation	rel = table_open(expansion->relid, NoLock);
	Conversion *conversion = analysed(rel, expansion);
	CatalogScan scan = begin_catalog_scan(ConstraintRelationId, Anum_pg_constraint_conrelid,
										  ConstraintRelidTypidNameIndexId, expansion->relid);
	List	   *copies = NIL;
	HeapTuple	tup;

	while (HeapTupleIsValid(tup = systable_getnext(scan.scan)))
		copies = add_check(copies, expansion, conversion, &scan, tup);
	end_catalog_scan(&scan);
	if (TupleDescAttr(RelationGetDescr(rel), conversion->old_attnum - 1)->attnotnull)
	{
		ConstraintCopy *copy = palloc0_object(ConstraintCopy);

		copy->name = makeObjectName(get_rel_name(expansion->relid), expansion->new_column,
									"not_null_new");
		copy->expression = psprintf("%s IS NOT NULL", quote_identifier(expansion->new_column));
		copies = lappend(copies, copy);
	}
	table_close(rel, NoLock);
	return copies;
}
