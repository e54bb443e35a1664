/*
 * property.c
 *		Find the properties of the relations that a requirement reads and writes.
 *
 * Properties are collected of each relation once in a verification, for a role; what a
 * requirement makes of them depends on what it does to the relation.  Views are
 * seen through as the rewriter does, and from a partitioned table to where its
 * rows go.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/compat.h"
#include "base/text_list.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/properties/properties.h"
#include "verify/properties/properties_internal.h"
#include "verify/result/result.h"
#include "verify/run/run.h"

/* ---- the relations of this verification ---- */

static HTAB *known_relations = NULL;	/* of RelationInfo */

void
property_cache_begin(void)
{
	HASHCTL		ctl = {
		.keysize = sizeof(((RelationInfo *) NULL)->key),
		.entrysize = sizeof(RelationInfo),
		.hcxt = verification_context()
	};

	known_relations = hash_create("compat_guard relations", 64, &ctl,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
property_cache_end(void)
{
	known_relations = NULL;
}

static void
collect(RelationInfo *rel)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(rel->key.relid));
	FormData_pg_class form;
	int			level;

	if (!HeapTupleIsValid(tup))
		return;
	form = *(Form_pg_class) GETSTRUCT(tup);
	ReleaseSysCache(tup);

	rel->relkind = form.relkind;
	level = definition_path();
	collect_row_security(rel);
	if (form.relkind == RELKIND_VIEW || form.relkind == RELKIND_MATVIEW)
		collect_view(rel);
	if (rel->key.writes)
	{
		if (form.relhastriggers)
			collect_triggers(rel);
		if (form.relhasrules)
			collect_rules(rel);
		collect_constraints(rel);
		collect_defaults(rel);
	}
	AtEOXact_GUC(false, level);
}

/* Of a relation, as the role sees it; kept only once it is complete. */
static RelationInfo *
relation_info(Oid relid, Oid role, bool writes)
{
	RelationInfo rel = {.key = {relid, role, writes}};
	RelationInfo *known = hash_search(known_relations, &rel.key, HASH_FIND, NULL);
	MemoryContext old;

	if (known != NULL)
		return known;
	old = MemoryContextSwitchTo(verification_context());
	collect(&rel);
	known = hash_search(known_relations, &rel.key, HASH_ENTER, NULL);
	*known = rel;
	MemoryContextSwitchTo(old);
	return known;
}

/* Return what the domains ask for that a type is made of. */
static RelationInfo *
type_info(Oid type)
{
	RelationInfo info = {.key = {type, InvalidOid, false}};
	RelationInfo *known = hash_search(known_relations, &info.key, HASH_FIND, NULL);
	MemoryContext old;
	int			level;

	if (known != NULL)
		return known;
	old = MemoryContextSwitchTo(verification_context());
	level = definition_path();
	collect_domains(&info, InvalidAttrNumber, type);
	AtEOXact_GUC(false, level);
	known = hash_search(known_relations, &info.key, HASH_ENTER, NULL);
	*known = info;
	MemoryContextSwitchTo(old);
	return known;
}

/* ---- what a requirement makes of them ---- */

typedef struct SeenRelation
{
	Oid			relid;
	RelationUsage use;
} SeenRelation;

PropertyCheck *
property_check_begin(const Requirement *req, VerifyResult *result)
{
	PropertyCheck *check = palloc0_object(PropertyCheck);

	check->req = req;
	check->result = result;
	return check;
}

/*
 * What the parent has a partition or child has because of it, such as the domains of its
 * columns; and row security, rules and defaults are the parent's, for those who go
 * through it.
 */
static bool
is_of_child(const Property *property)
{
	return !property->inherited && property->kind != PROPERTY_ROW_SECURITY &&
		property->kind != PROPERTY_RULE && property->kind != PROPERTY_DEFAULT && property->kind != PROPERTY_DOMAIN;
}

static void
use_properties(PropertyCheck *check, const RelationInfo *rel, const RelationUsage *use,
			   bool is_child)
{
	ListCell   *lc;

	foreach(lc, rel->properties)
	{
		Property   *property = lfirst(lc);
		UsedProperty *used;

		if ((property->commands & use->commands) == 0 || (is_child && !is_of_child(property)))
			continue;
		used = palloc_object(UsedProperty);
		used->property = property;
		used->use = *use;
		used->relation = check->nrelations;
		check->used_properties = lappend(check->used_properties, used);
	}
	foreach(lc, rel->domains)
		depend_on_type(check->result, lfirst_oid(lc));
}

/* The same columns of a partition or child, which may have them in other places. */
static Bitmapset *
columns_of_child(Oid parent, Bitmapset *columns, Oid child)
{
	Bitmapset  *result = NULL;
	int			attnum = -1;

	while ((attnum = bms_next_member(columns, attnum)) >= 0)
	{
		char	   *name = get_attname(parent, attnum, true);
		AttrNumber	its = name ? get_attnum(child, name) : InvalidAttrNumber;

		if (its > 0)
			result = bms_add_member(result, its);
	}
	return result;
}

/* An INSERT goes to partitions, but not to the children of a table. */
static void
add_children(PropertyCheck *check, const RelationInfo *rel, const RelationUsage *use)
{
	int			commands = use->commands & USAGE_WRITES;
	ListCell   *lc;

	if (rel->relkind != RELKIND_PARTITIONED_TABLE)
		commands &= ~USAGE_INSERT;
	if (commands == 0)
		return;
	foreach(lc, partitions_that_matter(&check->result->parts, rel->key.relid))
	{
		Oid			child = lfirst_oid(lc);
		RelationUsage below = {
			commands,
			columns_of_child(rel->key.relid, use->inserted, child),
			columns_of_child(rel->key.relid, use->updated, child),
			use->assumes_all_columns
		};

		depend_on_object(check->result, RelationRelationId, child);
		use_properties(check, relation_info(child, rel->key.role, true), &below, true);
	}
}

static Bitmapset *
columns_below(const RelationInfo *view, Bitmapset *columns)
{
	Bitmapset  *below = NULL;
	int			attnum = -1;

	while ((attnum = bms_next_member(columns, attnum)) >= 0)
	{
		if (attnum <= view->ncolumns && view->columns[attnum - 1] > 0)
			below = bms_add_member(below, view->columns[attnum - 1]);
	}
	return below;
}

static void add_relation(PropertyCheck *check, Oid relid, Oid role,
						 const RelationUsage *use, int depth);

/* As the rewriter goes through a view: to what is read, and to what is written. */
static void
add_below(PropertyCheck *check, const RelationInfo *view, const RelationUsage *use,
		  int depth)
{
	RelationUsage read = {.commands = USAGE_SELECT};
	RelationUsage write = {.commands = use->commands & USAGE_WRITES & ~view->instead};
	Oid			role = OidIsValid(view->inner_role) ? view->inner_role : GetUserId();
	ListCell   *lc;

	if (depth == MAX_VIEW_DEPTH)
		return;
	foreach(lc, view->reads)
		add_relation(check, lfirst_oid(lc), role, &read, depth + 1);
	if (write.commands == 0 || !OidIsValid(view->below))
		return;
	write.inserted = columns_below(view, use->inserted);
	write.updated = columns_below(view, use->updated);
	write.assumes_all_columns = use->assumes_all_columns;
	add_relation(check, view->below, role, &write, depth + 1);
}

static bool
is_seen(const PropertyCheck *check, Oid relid, const RelationUsage *use)
{
	ListCell   *lc;

	foreach(lc, check->seen)
	{
		const SeenRelation *seen = lfirst(lc);

		if (seen->relid == relid && (use->commands & ~seen->use.commands) == 0 &&
			bms_is_subset(use->inserted, seen->use.inserted) &&
			bms_is_subset(use->updated, seen->use.updated))
			return true;
	}
	return false;
}

bool
property_check_has(const PropertyCheck *check, Oid relid, int commands)
{
	RelationUsage use = {.commands = commands};

	return is_seen(check, relid, &use);
}

static void
add_relation(PropertyCheck *check, Oid relid, Oid role, const RelationUsage *use, int depth)
{
	SeenRelation *seen;
	RelationInfo *rel;

	if (is_seen(check, relid, use))
		return;
	seen = palloc_object(SeenRelation);
	seen->relid = relid;
	seen->use = *use;
	check->seen = lappend(check->seen, seen);

	rel = relation_info(relid, role, (use->commands & USAGE_WRITES) != 0);
	depend_on_object(check->result, RelationRelationId, relid);
	use_properties(check, rel, use, false);
	if (rel->relkind == RELKIND_VIEW)
		add_below(check, rel, use, depth);
	add_children(check, rel, use);
}

List *
properties_before(const PropertyCheck *check, const char *member)
{
	List	   *texts = NIL;
	ListCell   *lc;

	foreach(lc, check->req->properties)
		texts = list_concat(texts, json_text_list(json_member(lfirst(lc), member)));
	return texts;
}

Bitmapset *
property_check_columns(PropertyCheck *check, Oid relid)
{
	List	   *before = properties_before(check, "columns");
	Bitmapset  *columns = NULL;
	int			natts = relation_natts(relid);

	for (AttrNumber attnum = 1; attnum <= natts; attnum++)
	{
		char	   *name = get_attname(relid, attnum, true);
		HeapTuple	tup = name ? SearchSysCacheAttName(relid, name) : NULL;

		if (!HeapTupleIsValid(tup))
			continue;			/* dropped */
		ReleaseSysCache(tup);
		check->columns = lappend(check->columns, name);
		if (before == NIL || text_list_has(before, name))
			columns = bms_add_member(columns, attnum);
	}
	return columns;
}

void
property_check_add_made_types(PropertyCheck *check)
{
	static const RelationUsage makes = {.commands = USAGE_UPDATE};
	ListCell   *lc;

	foreach(lc, check->result->made_types)
	{
		check->nrelations++;
		use_properties(check, type_info(lfirst_oid(lc)), &makes, false);
	}
}

void
property_check_add(PropertyCheck *check, Oid relid, const RelationUsage *use)
{
	check->nrelations++;
	add_relation(check, relid, GetUserId(), use, 0);
}

/* property: what it is about, or NULL if it is gone. */
Problem *
property_check_report(PropertyCheck *check, RuleId rule, RequirementState state,
					  const Property *property, const char *subject, char *expected, char *found)
{
	Problem    *problem;
	ListCell   *lc;

	foreach(lc, check->result->problems)
	{
		problem = lfirst(lc);
		if (problem->rule == rule && problem->subject != NULL &&
			strcmp(problem->subject, subject) == 0)
			return NULL;
	}
	problem = result_add_problem(check->result, rule, state, expected, found,
								 property ? property->relid : InvalidOid, NULL);
	problem->subject = subject;
	if (property != NULL && (property->kind == PROPERTY_CONSTRAINT || property->kind == PROPERTY_REFERENCED ||
							 property->kind == PROPERTY_DISABLED_KEY || property->kind == PROPERTY_DOMAIN))
		problem->constraint = property->name;
	return problem;
}
