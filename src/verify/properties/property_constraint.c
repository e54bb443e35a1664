/*
 * property_constraint.c
 *		What the constraints and unique indexes of a relation say.
 *
 * UNIQUE is read from the indexes: one that was built without a constraint, as
 * CREATE UNIQUE INDEX CONCURRENTLY does, restricts writes just as well, and a
 * primary key is to those who write no more than that.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/compat.h"
#include "base/text_list.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "lib/stringinfo.h"
#include "nodes/primnodes.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/properties/properties.h"
#include "verify/properties/properties_internal.h"
#include "verify/statement/statement.h"

/* The columns an expression uses; NULL if that is the whole row, or none. */
static Bitmapset *
columns_of(Node *expr)
{
	Bitmapset  *raw = NULL;
	Bitmapset  *columns = NULL;
	int			col = -1;

	pull_varattnos(expr, 1, &raw);
	while ((col = bms_next_member(raw, col)) >= 0)
	{
		AttrNumber	attnum = col + FirstLowInvalidHeapAttributeNumber;

		if (attnum == InvalidAttrNumber)
			return NULL;
		if (attnum > 0)
			columns = bms_add_member(columns, attnum);
	}
	return columns;
}

/* Return "(a, b)"; sort: in order of name, where the order makes no difference. */
static char *
name_list(List *names, bool sort)
{
	if (sort)
		names = text_list_sort(names);
	return psprintf("(%s)", names == NIL ? "" : text_list_join(names, ", "));
}

/* The stricter comes first: see definition_is. */
static const char *
deferral(bool deferrable, bool deferred)
{
	return deferred ? " DEFERRABLE INITIALLY DEFERRED" : deferrable ? " DEFERRABLE" : "";
}

/* ---- CHECK, FOREIGN KEY, NOT NULL ---- */

static Property *
add_constraint(RelationInfo *rel, PropertyKind kind, int commands, char *definition,
			   HeapTuple tup)
{
	Form_pg_constraint con = (Form_pg_constraint) GETSTRUCT(tup);
	Property   *property = add_property(rel, kind, commands, definition,
										con->contype == CONSTRAINT_FOREIGN ? "foreign key" : "constraint",
										NameStr(con->conname));

	if (con->conrelid != rel->key.relid)
	{
		property->relid = con->conrelid;
		property->label = psprintf("foreign key %s on %s",
								   quote_identifier(NameStr(con->conname)),
								   relation_label(con->conrelid));
	}
	property->objid = con->oid;
	property->contype = con->contype;
	property->validated = con->convalidated;
	property->inherited = con->coninhcount > 0 || OidIsValid(con->conparentid);
	return property;
}

static void
collect_check(RelationInfo *rel, Relation pg_constraint, HeapTuple tup)
{
	Node	   *check = catalog_expression(pg_constraint, tup, Anum_pg_constraint_conbin);
	Property   *property;

	if (check == NULL)
		return;
	property = add_constraint(rel, PROPERTY_CONSTRAINT, USAGE_INSERT | USAGE_UPDATE,
							  psprintf("CHECK (%s)", deparse(check, rel->key.relid)), tup);
	property->check = check;
	property->columns = columns_of(check);
}

/*
 * Only one that is not validated: that a column refuses nulls is for the
 * requirements on the column to notice, and for INSERTs that leave it out.
 */
static void
collect_not_null(RelationInfo *rel, HeapTuple tup)
{
	Form_pg_constraint con = (Form_pg_constraint) GETSTRUCT(tup);
	AttrNumber	attnum;

	if (con->convalidated)
		return;
	attnum = compat_not_null_column(tup);
	(void) add_constraint(rel, PROPERTY_CONSTRAINT, USAGE_UPDATE,
						  psprintf("NOT NULL %s", quoted_column_name(rel->key.relid, attnum)),
						  tup);
}

static Bitmapset *
column_set(const AttrNumber *columns, int ncolumns)
{
	Bitmapset  *set = NULL;

	for (int i = 0; i < ncolumns; i++)
		set = bms_add_member(set, columns[i]);
	return set;
}

static char *
referencing_columns(const ForeignKey *key)
{
	List	   *names = NIL;

	for (int i = 0; i < key->ncolumns; i++)
		names = lappend(names, quoted_column_name(key->relid, key->referencing[i]));
	return name_list(names, false);
}

static const char *
short_label(Oid relid)
{
	char	   *name = get_rel_name(relid);

	return name ? quote_identifier(name) : "?";
}

/*
 * As seen from the referencing side, which the actions are no matter for.  The
 * schema is left out, so that moving a table to another makes no difference.
 */
static char *
foreign_key_definition(HeapTuple tup, const ForeignKey *key)
{
	Form_pg_constraint con = (Form_pg_constraint) GETSTRUCT(tup);

	return psprintf("FOREIGN KEY %s REFERENCES %s%s%s", referencing_columns(key),
					short_label(con->confrelid),
					con->confmatchtype == FKCONSTR_MATCH_FULL ? " MATCH FULL" : "",
					deferral(con->condeferrable, con->condeferred));
}

static void
collect_foreign_key(RelationInfo *rel, HeapTuple tup)
{
	Form_pg_constraint con = (Form_pg_constraint) GETSTRUCT(tup);
	ForeignKey	key;
	Property   *property;

	read_foreign_key(tup, &key);
	property = add_constraint(rel, PROPERTY_CONSTRAINT, USAGE_INSERT | USAGE_UPDATE,
							  foreign_key_definition(tup, &key), tup);
	property->columns = column_set(key.referencing, key.ncolumns);
	property->other = con->confrelid;
}

static const char *
action_label(char action)
{
	switch (action)
	{
		case FKCONSTR_ACTION_RESTRICT:
			return "RESTRICT";
		case FKCONSTR_ACTION_CASCADE:
			return "CASCADE";
		case FKCONSTR_ACTION_SETNULL:
			return "SET NULL";
		case FKCONSTR_ACTION_SETDEFAULT:
			return "SET DEFAULT";
		default:
			return "NO ACTION";
	}
}

static void
add_reference(RelationInfo *rel, HeapTuple tup, const ForeignKey *key, int commands,
			  const char *event, char action)
{
	char	   *topic = psprintf("foreign key of %s %s %s ", short_label(key->relid),
								 referencing_columns(key), event);
	char	   *definition = psprintf("%s%s", topic, action_label(action));
	bool		always;
	AttrNumber	refused = key_action_refused(key, action, commands & USAGE_DELETE ? CMD_DELETE
											 : CMD_UPDATE, &always);
	Property   *property;

	if (refused != InvalidAttrNumber)
		definition = psprintf("%s, which %s refuses", definition,
							  quoted_column_name(key->relid, refused));
	property = add_constraint(rel, PROPERTY_REFERENCED, commands, definition, tup);
	property->topic = strlen(topic);
	property->columns = column_set(key->referenced, key->ncolumns);
	property->restricts = action == FKCONSTR_ACTION_NOACTION ||
		action == FKCONSTR_ACTION_RESTRICT || refused != InvalidAttrNumber;
	property->other = key->relid;
}

void
collect_reference(RelationInfo *rel, Oid constraint)
{
	HeapTuple	tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	Form_pg_constraint con;
	ForeignKey	key;

	if (!HeapTupleIsValid(tup))
		return;
	con = (Form_pg_constraint) GETSTRUCT(tup);
	if (con->contype == CONSTRAINT_FOREIGN && con->confrelid == rel->key.relid)
	{
		read_foreign_key(tup, &key);
		add_reference(rel, tup, &key, USAGE_DELETE | USAGE_TRUNCATE, "ON DELETE",
					  con->confdeltype);
		add_reference(rel, tup, &key, USAGE_UPDATE, "ON UPDATE", con->confupdtype);
	}
	ReleaseSysCache(tup);
}

/* A foreign key that is there, and does nothing on this side of it. */
void
collect_disabled_key(RelationInfo *rel, Oid constraint)
{
	HeapTuple	tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	Form_pg_constraint con;
	ForeignKey	key;
	bool		referencing;
	Property   *property;

	if (!HeapTupleIsValid(tup))
		return;
	con = (Form_pg_constraint) GETSTRUCT(tup);
	if (con->contype == CONSTRAINT_FOREIGN)
	{
		referencing = (con->conrelid == rel->key.relid);
		read_foreign_key(tup, &key);
		property = add_constraint(rel, PROPERTY_DISABLED_KEY,
								  USAGE_UPDATE | (referencing ? USAGE_INSERT : USAGE_DELETE),
								  foreign_key_definition(tup, &key), tup);
		property->columns = column_set(referencing ? key.referencing : key.referenced,
									   key.ncolumns);
	}
	ReleaseSysCache(tup);
}

static void
collect_from_pg_constraint(RelationInfo *rel)
{
	Relation	pg_constraint = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(rel->key.relid));
	scan = systable_beginscan(pg_constraint, ConstraintRelidTypidNameIndexId, true,
							  NULL, 1, &key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_constraint con = (Form_pg_constraint) GETSTRUCT(tup);

		if (!compat_constraint_is_enforced(con))
			continue;
		if (con->contype == CONSTRAINT_CHECK)
			collect_check(rel, pg_constraint, tup);
		else if (con->contype == CONSTRAINT_FOREIGN)
			collect_foreign_key(rel, tup);
		else if (con->contype == CONSTRAINT_NOTNULL)
			collect_not_null(rel, tup);
	}
	systable_endscan(scan);
	table_close(pg_constraint, AccessShareLock);
}

/* ---- UNIQUE, PRIMARY KEY, EXCLUDE ---- */

/* "UNIQUE (a, lower(b)) WHERE c"; *columns are those it is about. */
static char *
unique_definition(Relation pg_index, HeapTuple tup, Bitmapset **columns)
{
	Form_pg_index index = (Form_pg_index) GETSTRUCT(tup);
	List	   *exprs = (List *) catalog_expression(pg_index, tup, Anum_pg_index_indexprs);
	Node	   *predicate = catalog_expression(pg_index, tup, Anum_pg_index_indpred);
	ListCell   *expr = list_head(exprs);
	List	   *names = NIL;

	*columns = NULL;
	for (int i = 0; i < index->indnkeyatts; i++)
	{
		AttrNumber	attnum = index->indkey.values[i];

		if (attnum != InvalidAttrNumber)
		{
			names = lappend(names, quoted_column_name(index->indrelid, attnum));
			*columns = bms_add_member(*columns, attnum);
		}
		else
		{
			names = lappend(names, deparse(lfirst(expr), index->indrelid));
			expr = lnext(exprs, expr);
		}
	}

	/* What else an UPDATE could change is not gone into. */
	if (exprs != NIL || predicate != NULL)
		*columns = NULL;
	return psprintf("UNIQUE%s %s%s%s",
					index->indnullsnotdistinct ? " NULLS NOT DISTINCT" : "",
					name_list(names, true), predicate ? " WHERE " : "",
					predicate ? deparse(predicate, index->indrelid) : "");
}

static void
collect_index(RelationInfo *rel, Relation pg_index, HeapTuple tup)
{
	Form_pg_index index = (Form_pg_index) GETSTRUCT(tup);
	Bitmapset  *columns = NULL;
	const char *deferred = "";
	char	   *definition;
	char	   *name;
	Oid			constraint;
	HeapTuple	contup;
	Property   *property;

	if ((!index->indisunique && !index->indisexclusion) || !index->indisready)
		return;
	constraint = get_index_constraint(index->indexrelid);
	name = OidIsValid(constraint) ? get_constraint_name(constraint)
		: get_rel_name(index->indexrelid);
	if (name == NULL || (index->indisexclusion && !OidIsValid(constraint)))
		return;
	contup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	if (HeapTupleIsValid(contup))
	{
		Form_pg_constraint con = (Form_pg_constraint) GETSTRUCT(contup);

		deferred = deferral(con->condeferrable, con->condeferred);
		ReleaseSysCache(contup);
	}
	/* What only the server can spell: EXCLUDE, and WITHOUT OVERLAPS. */
	if (index->indisexclusion)
		definition = server_definition(pg_get_constraintdef, constraint, index->indrelid);
	else
		definition = psprintf("%s%s", unique_definition(pg_index, tup, &columns), deferred);

	if (definition == NULL)
		return;
	property = add_property(rel, PROPERTY_CONSTRAINT, USAGE_INSERT | USAGE_UPDATE, definition,
							OidIsValid(constraint) ? "constraint" : "unique index", name);
	property->objid = constraint;
	property->contype = index->indisexclusion ? CONSTRAINT_EXCLUSION : CONSTRAINT_UNIQUE;
	property->columns = columns;
	property->validated = true;
	property->nulls_collide = index->indnullsnotdistinct;
	property->inherited = get_rel_relispartition(index->indexrelid);
}

static void
collect_from_pg_index(RelationInfo *rel)
{
	Relation	pg_index = table_open(IndexRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key, Anum_pg_index_indrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(rel->key.relid));
	scan = systable_beginscan(pg_index, IndexIndrelidIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
		collect_index(rel, pg_index, tup);
	systable_endscan(scan);
	table_close(pg_index, AccessShareLock);
}

void
collect_constraints(RelationInfo *rel)
{
	/* What constraints a foreign table has are claims, and not enforced here. */
	if (rel->relkind != RELKIND_RELATION && rel->relkind != RELKIND_PARTITIONED_TABLE)
		return;
	collect_from_pg_constraint(rel);
	collect_from_pg_index(rel);
}
