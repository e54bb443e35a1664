/*
 * unresolved.c
 *		Why does a name of the contract stand for nothing?
 *
 * Because its schema is gone, because the schema is closed to the role, or
 * because there is no such object.  The first explains all that it takes along
 * and is said once for a version, which is what the subject does.
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"

Problem *
report_missing_schema(VerifyResult *result, const char *schema)
{
	Problem    *problem;

	problem = result_add_problem(result, RULE_SCHEMA_MISSING, STATE_UNMET,
								 psprintf("schema %s", quote_identifier(schema)),
								 pstrdup("no such schema"), InvalidOid, NULL);
	problem->schema = pstrdup(schema);
	problem->subject = problem->schema;
	return problem;
}

/*
 * Find a schema of the contract's search path that has the object but is closed to the
 * role.  The active search path leaves such schemas out, so the text of the path is read
 * again.
 */
static Oid
find_hiding_schema(const char *search_path, const char *name, NameInSchema in_schema)
{
	List	   *schemas;
	ListCell   *lc;

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
		if (OidIsValid(schema) && !schema_is_usable(schema) && in_schema(schema, name))
			return schema;
	}
	return InvalidOid;
}

Problem *
report_unresolved(const Requirement *req, VerifyResult *result, RuleId rule,
				  const char *what, const char *label,
				  const char *schema, const char *name, NameInSchema in_schema)
{
	char	   *old_schema = baseline_text(req, "schema");
	Oid			hidden_in = InvalidOid;
	Problem    *problem;

	if (schema_is_missing(schema))
		return report_missing_schema(result, schema);
	if (schema == NULL && schema_is_missing(old_schema))
		return report_missing_schema(result, old_schema);

	if (schema == NULL)
		hidden_in = find_hiding_schema(req->search_path, name, in_schema);
	else
	{
		Oid			namespace = get_namespace_oid(schema, true);

		if (OidIsValid(namespace) && !schema_is_usable(namespace) &&
			in_schema(namespace, name))
			hidden_in = namespace;
	}
	if (OidIsValid(hidden_in))
	{
		schema = get_namespace_name(hidden_in);
		problem = result_add_problem(result, RULE_PRIVILEGE_LOST, STATE_UNMET,
									 psprintf("%s %s", what, label),
									 psprintf("role %s has no usage privilege on schema %s",
											  quote_identifier(GetUserNameFromId(GetUserId(), false)),
											  schema ? quote_identifier(schema) : "?"),
									 InvalidOid, NULL);
	}
	else
		problem = result_add_problem(result, rule, STATE_UNMET, psprintf("%s %s", what, label),
									 psprintf("no such %s", what), InvalidOid, NULL);
	problem->schema = schema ? pstrdup(schema) : NULL;
	return problem;
}

Problem *
check_name_captured(const Requirement *req, VerifyResult *result, const char *name,
					const char *schema, NameInSchema in_schema)
{
	char	   *old_schema = baseline_text(req, "schema");
	Oid			namespace;
	Problem    *problem;

	if (old_schema == NULL || name == NULL || strcmp(old_schema, schema) == 0)
		return NULL;
	namespace = get_namespace_oid(old_schema, true);
	if (!OidIsValid(namespace) || !in_schema(namespace, name))
		return NULL;
	problem = result_add_problem(result, RULE_NAME_CAPTURED, STATE_UNMET,
								 psprintf("%s to mean %s", quote_identifier(name),
										  quote_qualified_identifier(old_schema, name)),
								 psprintf("it means %s",
										  quote_qualified_identifier(schema, name)),
								 InvalidOid, NULL);
	problem->schema = pstrdup(schema);
	return problem;
}
