/*
 * verify_sequence.c
 *		May the role still draw from a sequence?
 *
 * Its bounds, increment and type are not compared: the server does not let a
 * bound pass the value a sequence stands at, nextval() returns bigint whatever
 * the type, and only the application knows how it uses the numbers.
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "utils/lsyscache.h"
#include "verify/catalog/catalog.h"
#include "verify/kinds/kinds_internal.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"

static bool
sequence_in_schema(Oid schema, const char *name)
{
	Oid			relid = get_relname_relid(name, schema);

	return OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_SEQUENCE;
}

void
verify_sequence(const Requirement *req, VerifyResult *result)
{
	List	   *names = compat_string_to_name_list(requirement_text(req, "sequence"));
	RangeVar   *name = makeRangeVarFromNameList(names);
	Oid			relid = find_relation(name);
	BaselineMember schema = {.name = "schema"};

	depend_on_name(result, RelationRelationId, name->schemaname, name->relname);
	if (!OidIsValid(relid))
	{
		(void) report_unresolved(req, result, RULE_SEQUENCE_MISSING, "sequence", req->object,
								 name->schemaname, name->relname, sequence_in_schema);
		return;
	}
	depend_on_object(result, RelationRelationId, relid);
	if (get_rel_relkind(relid) != RELKIND_SEQUENCE)
	{
		result_add_problem(result, RULE_SEQUENCE_MISSING, STATE_UNMET,
						   psprintf("sequence %s", req->object),
						   psprintf("a %s", relation_kind_label(get_rel_relkind(relid))),
						   relid, NULL);
		return;
	}
	schema.text = get_namespace_name(get_rel_namespace(relid));
	check_sequence_privilege(result, relid, ACL_USAGE | ACL_UPDATE);
	(void) check_name_captured(req, result, name->relname, schema.text, sequence_in_schema);
	result->baseline = baseline_of(&schema, 1);
}
