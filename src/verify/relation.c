/*
 * relation.c
 *		Does the relation exist, and is it still the one that was meant?
 *
 * Names are resolved by hand and not with RangeVarGetRelid: that one raises an
 * error where the role may not use the schema, and lets a temporary table of
 * the session that runs the migration stand for the application's table.
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/baseline.h"
#include "verify/memo.h"
#include "verify/observe.h"
#include "verify/surroundings.h"

/* No sane search path is longer; what follows after is not searched. */
#define MAX_PATH_SCHEMAS 128

char *
relation_label(Oid relid)
{
	char	   *name = get_rel_name(relid);
	char	   *schema = get_namespace_name(get_rel_namespace(relid));

	if (name == NULL || schema == NULL)
		return psprintf("%u", relid);
	return quote_qualified_identifier(schema, name);
}

const char *
relation_kind_label(char relkind)
{
	switch (relkind)
	{
		case RELKIND_RELATION:
			return "table";
		case RELKIND_PARTITIONED_TABLE:
			return "partitioned table";
		case RELKIND_VIEW:
			return "view";
		case RELKIND_MATVIEW:
			return "materialized view";
		case RELKIND_FOREIGN_TABLE:
			return "foreign table";
		case RELKIND_SEQUENCE:
			return "sequence";
		case RELKIND_INDEX:
		case RELKIND_PARTITIONED_INDEX:
			return "index";
		case RELKIND_COMPOSITE_TYPE:
			return "composite type";
		default:
			return "relation of another kind";
	}
}

static bool
relation_in_schema(Oid schema, const char *name)
{
	return OidIsValid(get_relname_relid(name, schema));
}

Oid
find_relation(const RangeVar *name)
{
	Oid			schemas[MAX_PATH_SCHEMAS];
	int			nschemas;

	if (name->catalogname &&
		strcmp(name->catalogname, get_database_name(MyDatabaseId)) != 0)
		return InvalidOid;

	if (name->schemaname)
	{
		Oid			schema = get_namespace_oid(name->schemaname, true);

		if (!OidIsValid(schema) || !schema_is_usable(schema))
			return InvalidOid;
		return get_relname_relid(name->relname, schema);
	}

	/* This leaves out the session's temporary schema, as we want it to. */
	nschemas = fetch_search_path_array(schemas, lengthof(schemas));
	for (int i = 0; i < Min(nschemas, MAX_PATH_SCHEMAS); i++)
	{
		Oid			relid = get_relname_relid(name->relname, schemas[i]);

		if (OidIsValid(relid))
			return relid;
	}
	return InvalidOid;
}

bool
role_knows_relation(Oid relid)
{
	bool		is_missing = false;

	/* With several privileges asked for, any one of them suffices. */
	if (pg_class_aclcheck_ext(relid, GetUserId(), ACL_ALL_RIGHTS_RELATION,
							  &is_missing) == ACLCHECK_OK)
		return true;
	return !is_missing &&
		pg_attribute_aclcheck_all(relid, GetUserId(), ACL_ALL_RIGHTS_COLUMN,
								  ACLMASK_ANY) == ACLCHECK_OK;
}

static Oid
resolve_relation(const Requirement *req, const char *text, Observation *obs)
{
	RangeVar   *name = makeRangeVarFromNameList(compat_string_to_name_list(text));
	Oid			relid;
	Oid			closed;
	Oid			denied;

	observe_name(obs, RelationRelationId, name->schemaname, name->relname);

	relid = find_relation(name);
	if (!OidIsValid(relid) || get_rel_relkind(relid) == '\0')
	{
		Problem    *problem;

		problem = observe_unresolved(req, obs, RULE_RELATION_MISSING, "relation",
									 quote_qualified_identifier(name->schemaname,
																name->relname),
									 name->schemaname, name->relname,
									 relation_in_schema);
		problem->relation = pstrdup(name->relname);
		problem->no_relation = true;
		return InvalidOid;
	}

	observe_object(obs, RelationRelationId, relid);
	if (!role_knows_relation(relid))
	{
		observe_problem(obs, RULE_PRIVILEGE_LOST, STATE_UNMET,
						psprintf("relation %s, open to role %s",
								 quote_qualified_identifier(name->schemaname,
															name->relname),
								 quote_identifier(GetUserNameFromId(GetUserId(), false))),
						psprintf("no privilege on %s", relation_label(relid)),
						relid, NULL)->no_relation = true;
		return InvalidOid;
	}

	/* Or a view of one's own would do to guard what one has no access to. */
	closed = closed_below_view(obs, relid, GetUserId(), &denied);
	if (OidIsValid(closed))
	{
		observe_lost_privilege(obs, closed, NULL, denied, "be allowed to use",
							   psprintf("permission denied for %s", relation_label(closed)))
			->no_relation = true;
		return InvalidOid;
	}
	return relid;
}

/* The relation that was resolved last; text is NULL if it was none. */
typedef struct ResolvedRelation
{
	MemoMoment	moment;
	char	   *text;
	Oid			relid;
	List	   *keys;			/* of ObjectKey *: what that depends on */
} ResolvedRelation;

static void
remember_resolved(ResolvedRelation *last, const char *text, Oid relid, List *keys)
{
	MemoryContext old = MemoryContextSwitchTo(memo_context());

	last->keys = NIL;
	keep_keys(&last->keys, keys);
	last->relid = relid;
	last->text = pstrdup(text);
	MemoryContextSwitchTo(old);
}

Oid
observe_relation(const Requirement *req, Observation *obs)
{
	static ResolvedRelation last;
	char	   *text = requirement_text(req, "relation");
	Oid			relid;

	if (!memo_is_current(&last.moment))
		last.text = NULL;
	if (last.text != NULL && strcmp(last.text, text) == 0)
	{
		keep_keys(&obs->keys, last.keys);
		return last.relid;
	}
	relid = resolve_relation(req, text, obs);
	if (OidIsValid(relid))
		remember_resolved(&last, text, relid, obs->keys);
	return relid;
}

static bool
is_table_like(char relkind)
{
	return relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE ||
		relkind == RELKIND_VIEW || relkind == RELKIND_MATVIEW ||
		relkind == RELKIND_FOREIGN_TABLE;
}

/*
 * A table that became a view, or a view that became a table, still meets this:
 * what the version does with it decides, and verify_privilege and the queries
 * judge that.
 */
void
verify_relation(const Requirement *req, Observation *obs)
{
	static const RelationUse reads = {.commands = USE_SELECT};
	Oid			relid = observe_relation(req, obs);
	Surroundings *around;
	char		relkind;
	char	   *schema;

	if (!OidIsValid(relid))
		return;
	relkind = get_rel_relkind(relid);
	schema = get_namespace_name(get_rel_namespace(relid));
	if (schema == NULL)
		observe_problem(obs, RULE_RELATION_MISSING, STATE_UNMET,
						psprintf("relation %s", requirement_text(req, "relation")),
						pstrdup("no such relation"), InvalidOid, NULL);
	else if (!is_table_like(relkind))
		observe_problem(obs, RULE_RELATION_KIND, STATE_UNMET,
						pstrdup("a table or view"),
						pstrdup(relation_kind_label(relkind)), relid, NULL);
	else
	{
		BaselineMember members[] = {
			{.name = "kind", .text = relation_kind_label(relkind)},
			{.name = "schema", .text = schema}
		};
		char	   *name = get_rel_name(relid);
		Problem    *problem = observe_captured(req, obs, name, schema, relation_in_schema);

		if (problem != NULL)
			problem->relation = name;
		if (req->baseline == NULL)
			obs->baseline = baseline_of(members, lengthof(members));
		around = surroundings_begin(req, obs);
		surroundings_add(around, relid, &reads);
		surroundings_end(around);
	}
}
