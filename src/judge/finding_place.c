/*
 * finding_place.c
 *		The relation and column that a finding is about.
 *
 * The verifier says so if it knows.  Of a statement that fails the server gives only
 * a message, which must not be parsed.  But what the statement used while it worked is
 * stored, so what of that is missing now, or was changed, can be looked up.  If that is
 * more than one relation or column, none is named.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "judge/judge.h"
#include "judge/judge_internal.h"
#include "registry/registry.h"
#include "utils/lsyscache.h"

/* Return the relation that has the name of a key now, or InvalidOid. */
static Oid
relation_of_key(const ObjectName *key)
{
	Oid			schema = get_namespace_oid(key->schema, true);

	return OidIsValid(schema) ? get_relname_relid(key->name, schema) : InvalidOid;
}

/* Return the only relation of the statement that was changed, or NULL. */
static const ObjectName *
change_relation(const Finding *finding)
{
	const ObjectName *one = NULL;
	ListCell   *lc;

	foreach(lc, finding->changed_relations)
	{
		Oid			relid = relation_of_key(lfirst(lc));
		char		relkind = OidIsValid(relid) ? get_rel_relkind(relid) : '\0';

		if (relkind == RELKIND_INDEX || relkind == RELKIND_PARTITIONED_INDEX)
			continue;
		if (one != NULL || relkind == '\0')
			return NULL;
		one = lfirst(lc);
	}
	return one;
}

/* Return the only relation that was used and is missing now, or NULL. */
static const ObjectName *
missing_relation(List *used)
{
	const ObjectName *one = NULL;
	ListCell   *lc;

	foreach(lc, used)
	{
		const ObjectName *key = lfirst(lc);

		if (key->classid != RelationRelationId || OidIsValid(relation_of_key(key)))
			continue;
		if (one != NULL)
			return NULL;
		one = key;
	}
	return one;
}

/* Return the column of a key "table.column" if it is of the relation, or NULL. */
static const char *
column_of(const ObjectName *key, const ObjectName *relation)
{
	int			length = strlen(relation->name);

	if (key->classid != AttributeRelationId || strcmp(key->schema, relation->schema) != 0 ||
		strncmp(key->name, relation->name, length) != 0 || key->name[length] != '.')
		return NULL;
	return key->name + length + 1;
}

/*
 * Return the only relation with columns that were used and are missing now, or NULL.  Set
 * the column if it is the only one.
 */
static const ObjectName *
missing_column(List *used, const char **column)
{
	const ObjectName *one = NULL;
	ListCell   *lcr;
	ListCell   *lcc;

	*column = NULL;
	foreach(lcr, used)
	{
		const ObjectName *relation = lfirst(lcr);
		Oid			relid;

		if (relation->classid != RelationRelationId ||
			!OidIsValid(relid = relation_of_key(relation)))
			continue;
		foreach(lcc, used)
		{
			const char *name = column_of(lfirst(lcc), relation);

			if (name == NULL || get_attnum(relid, name) != InvalidAttrNumber)
				continue;
			*column = one == NULL ? name : NULL;
			if (one != NULL && one != relation)
				return NULL;
			one = relation;
		}
	}
	return one;
}

static bool
is_sqlstate(const Problem *problem, const char *sqlstate)
{
	return problem->sqlstate != NULL && strcmp(problem->sqlstate, sqlstate) == 0;
}

ProblemPlace
finding_place(const Finding *finding)
{
	const Problem *problem = finding->problem;
	ProblemPlace place = {problem->schema, problem->relation, problem->column};
	const ObjectName *relation = NULL;
	const char *column = NULL;

	if (problem->relation != NULL || finding->req->kind != REQUIREMENT_QUERY)
		return place;
	if (is_sqlstate(problem, "42703"))
		relation = missing_column(registry_names_found(finding->req->id), &column);
	else if (is_sqlstate(problem, "42P01"))
		relation = missing_relation(registry_names_found(finding->req->id));
	if (relation == NULL)
		relation = change_relation(finding);
	if (relation == NULL)
		return place;

	/* A result column counts only if the table has a column of its name. */
	if (column == NULL && problem->column != NULL &&
		get_attnum(relation_of_key(relation), problem->column) != InvalidAttrNumber)
		column = problem->column;
	place.schema = relation->schema;
	place.relation = relation->name;
	place.column = column;
	return place;
}
