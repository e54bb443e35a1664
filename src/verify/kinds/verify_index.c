/*
 * verify_index.c
 *		Is there an index on these columns that the version can count on?
 *
 * A missing unique index does not slow a version down, it breaks it: ON
 * CONFLICT (email) has no arbiter and fails at planning, with 42P10.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/catalog_scan.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "verify/catalog/catalog.h"
#include "verify/kinds/kinds_internal.h"
#include "verify/result/result.h"
#include "verify/run/run.h"
#include "verify/statement/statement.h"

/* The columns a requirement names, in the table that stores them. */
typedef struct IndexedColumns
{
	Oid			relid;
	int			ncolumns;
	AttrNumber *columns;
	char	   *label;			/* "(email, tenant)", as the contract says */
} IndexedColumns;

/* Return why an index that has the columns is of no use, or NULL. */
typedef const char *(*IndexDefect) (Form_pg_index index, bool is_partial);

/* Return "(email, tenant)", quoted as needed. */
static char *
column_list_label(List *names)
{
	StringInfoData label;
	ListCell   *lc;

	initStringInfo(&label);
	foreach(lc, names)
		appendStringInfo(&label, "%s%s", label.len == 0 ? "(" : ", ",
						 quote_identifier(lfirst(lc)));
	appendStringInfoChar(&label, ')');
	return label.data;
}

/* Find the columns of the requirement; ON CONFLICT works through simple views too.
 * False if one is missing, which has been reported then. */
static bool
find_columns(const Requirement *req, VerifyResult *result, IndexedColumns *indexed)
{
	List	   *names = requirement_list(req, "columns");
	Oid			relid = resolve_relation(req, result);
	ListCell   *lc;

	if (!OidIsValid(relid))
		return false;
	indexed->relid = relid;
	indexed->ncolumns = 0;
	indexed->columns = palloc_array(AttrNumber, list_length(names));
	indexed->label = column_list_label(names);

	foreach(lc, names)
	{
		const char *name = lfirst(lc);
		Oid			table = relid;
		AttrNumber	attnum = get_attnum(relid, name);

		if (attnum == InvalidAttrNumber)
		{
			result_add_problem(result, RULE_COLUMN_MISSING, STATE_UNMET,
							   psprintf("column %s", quote_identifier(name)),
							   psprintf("no such column in %s", relation_label(relid)),
							   relid, name);
			return false;
		}

		depend_on_column(result, relid, name);

		/* A computed column has no index: the search then finds none. */
		if (see_through_view(&table, &attnum))
			indexed->relid = table;
		else
			attnum = InvalidAttrNumber;
		indexed->columns[indexed->ncolumns++] = attnum;
	}
	depend_on_view_base(result, relid);
	return true;
}

/* Is it a unique index whose key columns are just the wanted ones, in any order?  The
 * index of a WITHOUT OVERLAPS key (18) is one for exclusion. */
static bool
is_unique_on(Form_pg_index index, const IndexedColumns *wanted)
{
	if (!index->indisunique || index->indisexclusion ||
		index->indnkeyatts != wanted->ncolumns)
		return false;
	for (int i = 0; i < wanted->ncolumns; i++)
	{
		bool		found = false;

		for (int j = 0; j < index->indnkeyatts && !found; j++)
			found = wanted->columns[i] != InvalidAttrNumber &&
				index->indkey.values[j] == wanted->columns[i];
		if (!found)
			return false;
	}
	return true;
}

/* Do the index's key columns begin with the wanted ones, in their order? */
static bool
index_begins_with(Form_pg_index index, const IndexedColumns *wanted)
{
	if (index->indnkeyatts < wanted->ncolumns)
		return false;
	for (int i = 0; i < wanted->ncolumns; i++)
	{
		if (wanted->columns[i] == InvalidAttrNumber ||
			index->indkey.values[i] != wanted->columns[i])
			return false;
	}
	return true;
}

/* Return why an index is of no use, or NULL. */
static const char *
index_defect(Form_pg_index index, bool is_partial)
{
	if (!index->indisvalid || !index->indisready || !index->indislive)
		return "is not valid";
	if (is_partial)
		return "is partial";
	return NULL;
}

/* Return why ON CONFLICT cannot use an index as its arbiter, or NULL. It does not take
 * a deferrable one. */
static const char *
arbiter_defect(Form_pg_index index, bool is_partial)
{
	if (!index->indimmediate)
		return "is deferrable";
	return index_defect(index, is_partial);
}

/* Search the table's indexes.  Returns NULL if one is as wanted.  Otherwise returns what
 * was found: an index that comes close, with its defect, or else "no ...". */
static char *
search_index(VerifyResult *result, const IndexedColumns *wanted,
			 bool (*matches) (Form_pg_index, const IndexedColumns *),
			 IndexDefect defect_of, char *none)
{
	CatalogScan scan = begin_catalog_scan(IndexRelationId, Anum_pg_index_indrelid,
										  IndexIndrelidIndexId, wanted->relid);
	char	   *found = none;
	HeapTuple	tup;

	while (found && HeapTupleIsValid(tup = systable_getnext(scan.scan)))
	{
		Form_pg_index index = (Form_pg_index) GETSTRUCT(tup);
		const char *defect;
		char	   *name;

		if (index->indexrelid == verification->without_index || !matches(index, wanted))
			continue;
		defect = defect_of(index, !heap_attisnull(tup, Anum_pg_index_indpred,
												  RelationGetDescr(scan.catalog)));
		name = get_rel_name(index->indexrelid);
		if (defect == NULL)
		{
			found = NULL;
			depend_on_object(result, RelationRelationId, index->indexrelid);
		}
		else if (name)
			found = psprintf("index %s %s", quote_identifier(name), defect);
	}
	end_catalog_scan(&scan);
	return found;
}

void
verify_unique(const Requirement *req, VerifyResult *result)
{
	IndexedColumns wanted;
	char	   *found;

	if (!find_columns(req, result, &wanted))
		return;
	found = search_index(result, &wanted, is_unique_on, arbiter_defect,
						 psprintf("no unique index on %s", wanted.label));
	if (found)
		result_add_problem(result, RULE_UNIQUE_MISSING, STATE_UNMET,
						   psprintf("a unique index on %s", wanted.label), found,
						   wanted.relid, NULL);
}

void
verify_index(const Requirement *req, VerifyResult *result)
{
	IndexedColumns wanted;
	char	   *found;

	if (!find_columns(req, result, &wanted))
		return;
	found = search_index(result, &wanted, index_begins_with, index_defect,
						 psprintf("no index that begins with %s", wanted.label));
	if (found)
		result_add_problem(result, RULE_INDEX_MISSING, STATE_UNMET,
						   psprintf("an index that begins with %s", wanted.label),
						   found, wanted.relid, NULL);
}
