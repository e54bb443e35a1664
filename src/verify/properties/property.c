/*
 * property.c
 *		What stands around the relations of a requirement, then and now.
 *
 * Facts are collected of each relation once in a batch, for a role; what a
 * requirement makes of them depends on what it does to the relation.  Views are
 * seen through as the rewriter does, and from a partitioned table to where its
 * rows go.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/compat.h"
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

/* ---- what is known of relations in this batch ---- */

static HTAB *known_relations = NULL;	/* of RelationFacts */

void
surroundings_cache_begin(void)
{
	HASHCTL		ctl = {
		.keysize = sizeof(((RelationFacts *) NULL)->key),
		.entrysize = sizeof(RelationFacts),
		.hcxt = verification_context()
	};

	known_relations = hash_create("compat_guard surroundings", 64, &ctl,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
surroundings_cache_end(void)
{
	known_relations = NULL;
}

static void
collect(RelationFacts *rel)
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
static RelationFacts *
relation_facts(Oid relid, Oid role, bool writes)
{
	RelationFacts rel = {.key = {relid, role, writes}};
	RelationFacts *known = hash_search(known_relations, &rel.key, HASH_FIND, NULL);
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

/* ---- what a requirement makes of them ---- */

typedef struct SeenRelation
{
	Oid			relid;
	RelationUse use;
} SeenRelation;

static Jsonb *
json_object_member(Jsonb *object, const char *member)
{
	JsonbValue *value = object ? json_member(object, member) : NULL;

	return value != NULL && value->type == jbvBinary ? JsonbValueToJsonb(value) : NULL;
}

Surroundings *
surroundings_begin(const Requirement *req, VerifyResult *result)
{
	Surroundings *around = palloc0_object(Surroundings);

	around->req = req;
	around->result = result;
	around->before = json_object_member(req->baseline, "surroundings");
	return around;
}

/*
 * What the parent has a partition or child has because of it, such as the domains of its
 * columns; and row security, rules and defaults are the parent's, for those who go
 * through it.
 */
static bool
is_of_child(const Fact *fact)
{
	return !fact->inherited && fact->kind != FACT_ROW_SECURITY &&
		fact->kind != FACT_RULE && fact->kind != FACT_DEFAULT && fact->kind != FACT_DOMAIN;
}

static void
add_facts(Surroundings *around, const RelationFacts *rel, const RelationUse *use,
		  bool is_child)
{
	ListCell   *lc;

	foreach(lc, rel->facts)
	{
		Fact	   *fact = lfirst(lc);
		Circumstance *circumstance;

		if ((fact->commands & use->commands) == 0 || (is_child && !is_of_child(fact)))
			continue;
		circumstance = palloc_object(Circumstance);
		circumstance->fact = fact;
		circumstance->use = *use;
		around->circumstances = lappend(around->circumstances, circumstance);
	}
	foreach(lc, rel->domains)
		depend_on_type(around->result, lfirst_oid(lc));
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
add_children(Surroundings *around, const RelationFacts *rel, const RelationUse *use)
{
	int			commands = use->commands & USE_WRITES;
	ListCell   *lc;

	if (rel->relkind != RELKIND_PARTITIONED_TABLE)
		commands &= ~USE_INSERT;
	if (commands == 0)
		return;
	foreach(lc, partitions_that_matter(&around->result->parts, rel->key.relid))
	{
		Oid			child = lfirst_oid(lc);
		RelationUse below = {
			commands,
			columns_of_child(rel->key.relid, use->inserted, child),
			columns_of_child(rel->key.relid, use->updated, child),
			use->guessed
		};

		depend_on_object(around->result, RelationRelationId, child);
		add_facts(around, relation_facts(child, rel->key.role, true), &below, true);
	}
}

static Bitmapset *
columns_below(const RelationFacts *view, Bitmapset *columns)
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

static void add_relation(Surroundings *around, Oid relid, Oid role,
						 const RelationUse *use, int depth);

/* As the rewriter goes through a view: to what is read, and to what is written. */
static void
add_below(Surroundings *around, const RelationFacts *view, const RelationUse *use,
		  int depth)
{
	RelationUse read = {.commands = USE_SELECT};
	RelationUse write = {.commands = use->commands & USE_WRITES & ~view->instead};
	ListCell   *lc;

	if (depth == MAX_VIEW_DEPTH)
		return;
	foreach(lc, view->reads)
		add_relation(around, lfirst_oid(lc), view->inner_role, &read, depth + 1);
	if (write.commands == 0 || !OidIsValid(view->below))
		return;
	write.inserted = columns_below(view, use->inserted);
	write.updated = columns_below(view, use->updated);
	write.guessed = use->guessed;
	add_relation(around, view->below, view->inner_role, &write, depth + 1);
}

static bool
is_seen(const Surroundings *around, Oid relid, const RelationUse *use)
{
	ListCell   *lc;

	foreach(lc, around->seen)
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
surroundings_has(const Surroundings *around, Oid relid, int commands)
{
	RelationUse use = {.commands = commands};

	return is_seen(around, relid, &use);
}

static void
add_relation(Surroundings *around, Oid relid, Oid role, const RelationUse *use, int depth)
{
	SeenRelation *seen;
	RelationFacts *rel;

	if (is_seen(around, relid, use))
		return;
	seen = palloc_object(SeenRelation);
	seen->relid = relid;
	seen->use = *use;
	around->seen = lappend(around->seen, seen);

	rel = relation_facts(relid, role, (use->commands & USE_WRITES) != 0);
	depend_on_object(around->result, RelationRelationId, relid);
	add_facts(around, rel, use, false);
	if (rel->relkind == RELKIND_VIEW)
		add_below(around, rel, use, depth);
	add_children(around, rel, use);
}

static bool
is_text_among(const char *text, List *texts)
{
	ListCell   *lc;

	foreach(lc, texts)
	{
		if (strcmp(lfirst(lc), text) == 0)
			return true;
	}
	return false;
}

Bitmapset *
surroundings_columns(Surroundings *around, Oid relid)
{
	List	   *before = around->before == NULL ? NIL
		: json_text_list(json_member(around->before, "columns"));
	Bitmapset  *columns = NULL;
	int			natts = relation_natts(relid);

	for (AttrNumber attnum = 1; attnum <= natts; attnum++)
	{
		char	   *name = get_attname(relid, attnum, true);
		HeapTuple	tup = name ? SearchSysCacheAttName(relid, name) : NULL;

		if (!HeapTupleIsValid(tup))
			continue;			/* dropped */
		ReleaseSysCache(tup);
		around->columns = lappend(around->columns, name);
		if (before == NIL || is_text_among(name, before))
			columns = bms_add_member(columns, attnum);
	}
	return columns;
}

void
surroundings_add(Surroundings *around, Oid relid, const RelationUse *use)
{
	add_relation(around, relid, GetUserId(), use, 0);
}

/* fact: what it is about, or NULL if it is gone. */
Problem *
surroundings_report(Surroundings *around, RuleId rule, RequirementState state,
					const Fact *fact, const char *subject, char *expected, char *found)
{
	Problem    *problem;
	ListCell   *lc;

	foreach(lc, around->result->problems)
	{
		problem = lfirst(lc);
		if (problem->rule == rule && problem->subject != NULL &&
			strcmp(problem->subject, subject) == 0)
			return NULL;
	}
	problem = result_add_problem(around->result, rule, state, expected, found,
							  fact ? fact->relid : InvalidOid, NULL);
	problem->subject = subject;
	if (fact != NULL && (fact->kind == FACT_CONSTRAINT || fact->kind == FACT_REFERENCED ||
						 fact->kind == FACT_DISABLED_KEY || fact->kind == FACT_DOMAIN))
		problem->constraint = fact->name;
	return problem;
}
