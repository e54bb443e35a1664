/*
 * resolve.c
 *		Resolve the relation that a requirement names.
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/run/run.h"
#include "verify/statement/statement.h"

/* Look up a relation, and report why the role cannot use it. */
static Oid
look_up_relation(const Requirement *req, const char *text, VerifyResult *result)
{
	RangeVar   *name = makeRangeVarFromNameList(compat_string_to_name_list(text));
	Oid			relid;
	Oid			closed;
	Oid			denied;

	depend_on_name(result, RelationRelationId, name->schemaname, name->relname);

	relid = find_relation(name);
	if (!OidIsValid(relid) || get_rel_relkind(relid) == '\0')
	{
		Problem    *problem;

		problem = report_unresolved(req, result, RULE_RELATION_MISSING, "relation",
									quote_qualified_identifier(name->schemaname,
															   name->relname),
									name->schemaname, name->relname,
									relation_in_schema);
		problem->relation = pstrdup(name->relname);
		problem->no_relation = true;
		return InvalidOid;
	}

	depend_on_object(result, RelationRelationId, relid);
	if (!role_knows_relation(relid))
	{
		result_add_problem(result, RULE_PRIVILEGE_LOST, STATE_UNMET,
						   psprintf("relation %s, open to role %s",
									quote_qualified_identifier(name->schemaname,
															   name->relname),
									quote_identifier(GetUserNameFromId(GetUserId(), false))),
						   psprintf("no privilege on %s", relation_label(relid)),
						   relid, NULL)->no_relation = true;
		return InvalidOid;
	}

	/* A view of the role's own must not guard what the role has no access to. */
	closed = closed_below_view(result, relid, &denied);
	if (OidIsValid(closed))
	{
		report_lost_privilege(result, closed, NULL, denied, "be allowed to use",
							  psprintf("permission denied for %s", relation_label(closed)))
			->no_relation = true;
		return InvalidOid;
	}
	return relid;
}

/* The relation that was resolved last; text is NULL if it was none. */
typedef struct ResolvedRelation
{
	CacheStamp	moment;
	char	   *text;
	Oid			relid;
	List	   *keys;			/* of ObjectName *: what that depends on */
} ResolvedRelation;

/* Cache a relation that was resolved. */
static void
remember_resolved(ResolvedRelation *last, const char *text, Oid relid, List *keys)
{
	MemoryContext old = MemoryContextSwitchTo(cache_context());

	last->keys = NIL;
	append_object_names(&last->keys, keys);
	last->relid = relid;
	last->text = pstrdup(text);
	MemoryContextSwitchTo(old);
}

Oid
resolve_relation(const Requirement *req, VerifyResult *result)
{
	static ResolvedRelation last;
	char	   *text = requirement_text(req, "relation");
	Oid			relid;

	if (!cache_is_current(&last.moment))
		last.text = NULL;
	if (last.text != NULL && strcmp(last.text, text) == 0)
	{
		append_object_names(&result->keys, last.keys);
		return last.relid;
	}
	relid = look_up_relation(req, text, result);
	if (OidIsValid(relid))
		remember_resolved(&last, text, relid, result->keys);
	return relid;
}
