/*
 * verify_relation.c
 *		Does the relation exist, and is it still the one that was meant?
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/pg_class.h"
#include "utils/lsyscache.h"
#include "verify/catalog/catalog.h"
#include "verify/kinds/kinds_internal.h"
#include "verify/properties/properties.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"

/* Can a relation of this kind be queried? */
static bool
is_table_like(char relkind)
{
	return relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE ||
		relkind == RELKIND_VIEW || relkind == RELKIND_MATVIEW ||
		relkind == RELKIND_FOREIGN_TABLE;
}

/*
 * A table that became a view, or a view that became a table, still meets the
 * requirement: what the version does with it decides, and verify_access() and the
 * queries judge that.
 */
void
verify_relation(const Requirement *req, VerifyResult *result)
{
	static const RelationUsage reads = {.commands = USAGE_SELECT};
	Oid			relid = resolve_relation(req, result);
	PropertyCheck *check;
	char		relkind;
	char	   *schema;

	if (!OidIsValid(relid))
		return;
	relkind = get_rel_relkind(relid);
	schema = get_namespace_name(get_rel_namespace(relid));
	if (schema == NULL)
		result_add_problem(result, RULE_RELATION_MISSING, STATE_UNMET,
						   psprintf("relation %s", requirement_text(req, "relation")),
						   pstrdup("no such relation"), InvalidOid, NULL);
	else if (!is_table_like(relkind))
		result_add_problem(result, RULE_RELATION_KIND, STATE_UNMET,
						   pstrdup("a table or view"),
						   pstrdup(relation_kind_label(relkind)), relid, NULL);
	else
	{
		BaselineMember members[] = {
			{.name = "kind", .text = relation_kind_label(relkind)},
			{.name = "schema", .text = schema}
		};
		char	   *name = get_rel_name(relid);
		Problem    *problem = check_name_captured(req, result, name, schema, relation_in_schema);

		if (problem != NULL)
			problem->relation = name;
		if (req->baseline == NULL)
			result->baseline = baseline_of(members, lengthof(members));
		check = property_check_begin(req, result);
		property_check_add(check, relid, &reads);
		property_check_end(check);
	}
}
