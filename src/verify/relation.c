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
#include "verify/baseline.h"
#include "verify/observe.h"

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

/* Does the role have any privilege at all on the relation or a column of it? */
static bool
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

Oid
observe_relation(const Requirement *req, Observation *obs)
{
	List	   *names = compat_string_to_name_list(requirement_text(req, "relation"));
	RangeVar   *name = makeRangeVarFromNameList(names);
	Oid			relid;

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
	Oid			relid = observe_relation(req, obs);
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
		obs->baseline = baseline_of(members, lengthof(members));
	}
}
