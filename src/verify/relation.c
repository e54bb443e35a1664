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
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"
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

bool
schema_is_usable(Oid schema)
{
	/* The privilege check raises an error if the schema is gone. */
	return SearchSysCacheExists1(NAMESPACEOID, ObjectIdGetDatum(schema)) &&
		compat_namespace_aclcheck(schema, GetUserId(), ACL_USAGE) == ACLCHECK_OK;
}

Jsonb *
baseline_object(int npairs, const char *const *names, const char *const *values)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < npairs; i++)
	{
		if (values[i] == NULL)
			continue;
		if (json.len > 1)
			appendStringInfoString(&json, ", ");
		escape_json(&json, names[i]);
		appendStringInfoString(&json, ": ");
		escape_json(&json, values[i]);
	}
	appendStringInfoChar(&json, '}');
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}

char *
baseline_text(const Requirement *req, const char *member)
{
	JsonbValue *value = json_member(req->baseline, member);

	return value == NULL ? NULL : json_text(value);
}

/* The relation of this name in the schema, if the role may look into it. */
static Oid
find_in_schema(Oid schema, const char *name, Oid *hidden_in)
{
	Oid			relid = get_relname_relid(name, schema);

	if (!OidIsValid(relid) || schema_is_usable(schema))
		return relid;
	*hidden_in = schema;
	return InvalidOid;
}

/*
 * A schema of the contract's search path that has the relation but is closed
 * to the role.  The active search path leaves such schemas out, so the text of
 * the path is read again.
 */
static Oid
find_hiding_schema(const char *search_path, const char *name)
{
	List	   *schemas;
	ListCell   *lc;
	Oid			hidden_in = InvalidOid;

	if (search_path == NULL ||
		!SplitIdentifierString(pstrdup(search_path), ',', &schemas))
		return InvalidOid;
	foreach(lc, schemas)
	{
		const char *schema_name = lfirst(lc);
		Oid			schema;

		if (strcmp(schema_name, "$user") == 0)
			schema_name = GetUserNameFromId(GetUserId(), false);
		schema = get_namespace_oid(schema_name, true);
		if (OidIsValid(schema))
			(void) find_in_schema(schema, name, &hidden_in);
		if (OidIsValid(hidden_in))
			break;
	}
	return hidden_in;
}

/* InvalidOid if there is none; *hidden_in then is the schema that hides it. */
static Oid
find_relation(const RangeVar *name, const char *search_path, Oid *hidden_in)
{
	Oid			schemas[MAX_PATH_SCHEMAS];
	int			nschemas;

	*hidden_in = InvalidOid;
	if (name->catalogname &&
		strcmp(name->catalogname, get_database_name(MyDatabaseId)) != 0)
		return InvalidOid;

	if (name->schemaname)
	{
		Oid			schema = get_namespace_oid(name->schemaname, true);

		if (!OidIsValid(schema))
			return InvalidOid;
		return find_in_schema(schema, name->relname, hidden_in);
	}

	/* This leaves out the session's temporary schema, as we want it to. */
	nschemas = fetch_search_path_array(schemas, lengthof(schemas));
	for (int i = 0; i < Min(nschemas, MAX_PATH_SCHEMAS); i++)
	{
		Oid			relid = get_relname_relid(name->relname, schemas[i]);

		if (OidIsValid(relid))
			return relid;
	}
	*hidden_in = find_hiding_schema(search_path, name->relname);
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

/* The relation has no OID to fill the error's fields from: give the names. */
static void
report_unreachable(Observation *obs, RuleId rule, const RangeVar *name,
				   const char *schema, char *found)
{
	Problem    *problem;

	problem = observe_problem(obs, rule, STATE_UNMET,
							  psprintf("relation %s",
									   quote_qualified_identifier(name->schemaname,
																  name->relname)),
							  found, InvalidOid, NULL);
	problem->schema = schema ? pstrdup(schema) : NULL;
	problem->relation = pstrdup(name->relname);
	problem->no_relation = true;
}

static Oid
resolve_relation(const char *text, const char *search_path, Observation *obs)
{
	RangeVar   *name = makeRangeVarFromNameList(compat_string_to_name_list(text));
	Oid			hidden_in;
	Oid			relid;
	Oid			closed;
	Oid			denied;

	observe_name(obs, RelationRelationId, name->schemaname, name->relname);

	relid = find_relation(name, search_path, &hidden_in);
	if (OidIsValid(hidden_in))
	{
		char	   *schema = get_namespace_name(hidden_in);

		report_unreachable(obs, RULE_PRIVILEGE_LOST, name, schema,
						   psprintf("role %s has no usage privilege on schema %s",
									quote_identifier(GetUserNameFromId(GetUserId(), false)),
									schema ? quote_identifier(schema) : "?"));
		return InvalidOid;
	}
	if (!OidIsValid(relid) || get_rel_relkind(relid) == '\0')
	{
		report_unreachable(obs, RULE_RELATION_MISSING, name, name->schemaname,
						   pstrdup("no such relation"));
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
	relid = resolve_relation(text, req->search_path, obs);
	if (OidIsValid(relid))
		remember_resolved(&last, text, relid, obs->keys);
	return relid;
}

/*
 * The name meant a relation in another schema when the requirement was first
 * met.  If that one is still there, the version now silently uses another.  If
 * it is gone, it was moved and is found through the search path: that is fine.
 */
static void
check_captured(const Requirement *req, Observation *obs, Oid relid,
			   const char *schema)
{
	char	   *old_name = baseline_text(req, "schema");
	char	   *name = get_rel_name(relid);
	Oid			old_schema;

	if (old_name == NULL || name == NULL || strcmp(old_name, schema) == 0)
		return;
	old_schema = get_namespace_oid(old_name, true);
	if (!OidIsValid(old_schema) ||
		!OidIsValid(get_relname_relid(name, old_schema)))
		return;
	observe_problem(obs, RULE_NAME_CAPTURED, STATE_UNMET,
					psprintf("%s to mean %s", quote_identifier(name),
							 quote_qualified_identifier(old_name, name)),
					psprintf("it means %s",
							 quote_qualified_identifier(schema, name)),
					relid, NULL);
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
	static const char *const members[] = {"kind", "schema"};
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
		const char *values[] = {relation_kind_label(relkind), schema};

		check_captured(req, obs, relid, schema);
		if (req->baseline == NULL)
			obs->baseline = baseline_object(lengthof(values), members, values);
		around = surroundings_begin(req, obs);
		surroundings_add(around, relid, &reads);
		surroundings_end(around);
	}
}
