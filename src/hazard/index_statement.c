/*
 * index_statement.c
 *		Hazards of statements about indexes that are there.
 *
 * REINDEX has no event before it builds.  The rest is read from the statement because
 * what is wrong is its form, or an index that is in its way.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "commands/defrem.h"
#include "hazard/hazard_internal.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "registry/registry.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/properties/properties.h"

/* ---- REINDEX ---- */

static bool
reindexes_concurrently(ReindexStmt *stmt)
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
reindex(ReindexStmt *stmt)
{
	bool		one = (stmt->kind == REINDEX_OBJECT_INDEX);
	Oid			relid;
	Oid			table;

	if (stmt->relation == NULL || reindexes_concurrently(stmt))
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

/* ---- DROP INDEX ---- */

static List *
drop_index(DropStmt *stmt)
{
	ListCell   *lc;

	if (stmt->removeType != OBJECT_INDEX || stmt->concurrent)
		return NIL;
	foreach(lc, stmt->objects)
	{
		RangeVar   *name = makeRangeVarFromNameList(lfirst(lc));
		Oid			index = RangeVarGetRelid(name, NoLock, true);
		Oid			table;
		uint64		bytes;

		/* An index of a partitioned table cannot be dropped CONCURRENTLY. */
		if (!OidIsValid(index) || get_rel_relkind(index) != RELKIND_INDEX)
			continue;
		table = IndexGetRelation(index, true);
		if (!OidIsValid(table) || get_rel_relispartition(index) ||
			!is_large(bytes = table_bytes(table, false)))
			continue;
		return work_finding(RULE_DROP_INDEX_BLOCKING, table,
							"a lock of the table that lets others go on",
							psprintf("an AccessExclusive lock of %s (%s), for which it waits, and others behind it",
									 table_name(table), bytes_shown(bytes)),
							psprintf("Outside of a transaction block: DROP INDEX CONCURRENTLY %s;",
									 table_name(index)));
	}
	return NIL;
}

/* ---- CREATE INDEX IF NOT EXISTS ---- */

/* Is it the index of a table that could not be built to the end? */
static bool
is_left_invalid(Oid index)
{
	HeapTuple	tup;
	bool		invalid;

	if (get_rel_relkind(index) != RELKIND_INDEX)
		return false;			/* that of a partitioned table waits for
								 * indexes to be attached */
	tup = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	if (!HeapTupleIsValid(tup))
		return false;
	invalid = !((Form_pg_index) GETSTRUCT(tup))->indisvalid;
	ReleaseSysCache(tup);
	return invalid;
}

static List *
create_index(IndexStmt *stmt)
{
	Oid			table;
	Oid			index;

	if (!stmt->if_not_exists || stmt->idxname == NULL)
		return NIL;
	table = RangeVarGetRelid(stmt->relation, NoLock, true);
	if (!OidIsValid(table))
		return NIL;
	index = get_relname_relid(stmt->idxname, get_rel_namespace(table));
	if (!OidIsValid(index) || !is_left_invalid(index))
		return NIL;
	return work_finding(RULE_INVALID_INDEX_LEFT, table, "no invalid index of that name",
						psprintf("index %s, which is invalid and would be left so: no query uses it, it does not keep values unique, and rewrites of the table may fail because of it",
								 table_name(index)),
						psprintf("Outside of a transaction block, before this statement: DROP INDEX CONCURRENTLY %s;",
								 table_name(index)));
}

/* ---- CONCURRENTLY ---- */

/* Return the table or index that a CONCURRENTLY command names, or InvalidOid. */
static Oid
concurrent_relation(Node *stmt)
{
	RangeVar   *name = NULL;

	if (IsA(stmt, IndexStmt) && ((IndexStmt *) stmt)->concurrent)
		name = ((IndexStmt *) stmt)->relation;
	else if (IsA(stmt, ReindexStmt) && reindexes_concurrently((ReindexStmt *) stmt))
		name = ((ReindexStmt *) stmt)->relation;
	else if (IsA(stmt, DropStmt) && ((DropStmt *) stmt)->concurrent)
		name = makeRangeVarFromNameList(linitial(((DropStmt *) stmt)->objects));
	return name ? RangeVarGetRelid(name, NoLock, true) : InvalidOid;
}

static List *
with_lock_timeout(Node *stmt)
{
	Oid			relid = LockTimeout > 0 ? concurrent_relation(stmt) : InvalidOid;

	if (!OidIsValid(relid))
		return NIL;
	return work_finding(RULE_CONCURRENTLY_WITH_LOCK_TIMEOUT, relid,
						"no lock_timeout for a command that waits for transactions, but keeps nobody waiting",
						psprintf("lock_timeout = %d ms: if a transaction, of any table, is open for longer, the command fails and leaves an invalid index",
								 LockTimeout),
						"In the session, before this statement: SET lock_timeout = 0;");
}

/* ---- CREATE UNIQUE INDEX CONCURRENTLY ---- */

/*
 * Return the columns (of char *) of an index that compares them as GROUP BY does, or NIL.
 * Of expressions, of a WHERE and of other operators and collations nothing is said.
 */
static List *
plain_columns(const IndexStmt *stmt, Oid relid)
{
	List	   *columns = NIL;
	ListCell   *lc;

	if (stmt->whereClause != NULL ||
		(stmt->accessMethod != NULL && strcmp(stmt->accessMethod, DEFAULT_INDEX_TYPE) != 0))
		return NIL;
	foreach(lc, stmt->indexParams)
	{
		IndexElem  *elem = lfirst_node(IndexElem, lc);

		if (elem->name == NULL || elem->opclass != NIL || elem->collation != NIL ||
			get_attnum(relid, elem->name) <= 0)
			return NIL;
		columns = lappend(columns, elem->name);
	}
	return columns;
}

/* Return the query that finds the keys. */
static char *
duplicates_advice(Oid relid, List *columns)
{
	StringInfoData keys;
	ListCell   *lc;

	initStringInfo(&keys);
	foreach(lc, columns)
		appendStringInfo(&keys, "%s%s", keys.len > 0 ? ", " : "", quote_identifier(lfirst(lc)));
	return psprintf("Change or delete rows until this finds none: SELECT %s, count(*) FROM ONLY %s GROUP BY %s HAVING count(*) > 1;",
					keys.data, table_name(relid), keys.data);
}

/*
 * It would read the table, fail, and leave an invalid index.  Any other unique index
 * that fails leaves nothing, and of a large table it is refused.
 */
static List *
unique_concurrently(IndexStmt *stmt)
{
	Oid			relid;
	List	   *columns;
	Violations	found;

	if (!stmt->unique || !stmt->concurrent ||
		registry_action(RULE_UNIQUE_OVER_DUPLICATES, "", false) == ACTION_IGNORE)
		return NIL;
	relid = RangeVarGetRelid(stmt->relation, NoLock, true);
	if (!OidIsValid(relid) || get_rel_persistence(relid) == RELPERSISTENCE_TEMP ||
		(get_rel_relkind(relid) != RELKIND_RELATION && get_rel_relkind(relid) != RELKIND_MATVIEW) ||
		(stmt->idxname != NULL &&
		 OidIsValid(get_relname_relid(stmt->idxname, get_rel_namespace(relid)))))
		return NIL;

	/* Others get the server's error, and learn nothing of the rows. */
	if (!compat_relation_ownercheck(relid, GetUserId()) ||
		(columns = plain_columns(stmt, relid)) == NIL)
		return NIL;
	found = duplicate_keys(relid, columns, stmt->nulls_not_distinct);
	if (found.nrows == 0)
		return NIL;
	return work_finding(RULE_UNIQUE_OVER_DUPLICATES, relid, "no key that several rows have",
						psprintf("%s%lld %s that several rows of %s have%s%s",
								 found.more ? "at least " : "", (long long) found.nrows,
								 found.nrows == 1 ? "key" : "keys", table_name(relid),
								 found.sample ? ": " : "", found.sample ? found.sample : ""),
						duplicates_advice(relid, columns));
}

List *
index_statement(Node *stmt)
{
	List	   *findings = with_lock_timeout(stmt);

	if (IsA(stmt, IndexStmt))
		return list_concat(list_concat(findings, create_index((IndexStmt *) stmt)),
						   unique_concurrently((IndexStmt *) stmt));
	if (IsA(stmt, DropStmt))
		return list_concat(findings, drop_index((DropStmt *) stmt));
	return list_concat(findings, reindex((ReindexStmt *) stmt));
}
