/*
 * expansion_finding.c
 *		Changes that damage an expansion behind its back.
 *
 * An expansion writes both columns for the versions on either side.  What keeps it from
 * that breaks each version that uses its table, although none of their requirements
 * says so.  An expansion that ends, by contract() or abandon(), or whose table is
 * dropped, is no longer running, and is judged by what the versions require.
 */
#include "postgres.h"

#include "base/shown.h"
#include "catalog/pg_class.h"
#include "expand/expand.h"
#include "judge/judge.h"
#include "judge/judge_internal.h"
#include "registry/registry.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Add a finding for each live version that uses the table. */
static void
add_findings(List **findings, const ColumnExpansion *expansion, const char *damage,
			 const char *statement)
{
	ObjectName	table = {
		.classid = RelationRelationId,
		.schema = get_namespace_name(get_rel_namespace(expansion->relid)),
		.name = get_rel_name(expansion->relid)
	};
	ListCell   *lc;

	foreach(lc, registry_live_versions_that_need(list_make1(&table)))
	{
		Version    *version = lfirst(lc);
		Finding    *finding = palloc0_object(Finding);
		Requirement *req = palloc0_object(Requirement);
		Problem    *problem = palloc0_object(Problem);

		req->kind = REQUIREMENT_RELATION;
		req->object = table.name;
		req->role = version->role;
		problem->rule = RULE_EXPANSION_DAMAGED;
		problem->state = STATE_UNMET;
		problem->expected = psprintf("expansion %s to write both columns",
									 shown(quote_identifier(expansion->name)));
		problem->found = pstrdup(damage);
		problem->schema = table.schema;
		problem->relation = table.name;

		finding->app = registry_app_name(version->app_id);
		finding->version = version->name;
		finding->req = req;
		finding->problem = problem;
		finding->statement = statement;
		finding->action = registry_action(RULE_EXPANSION_DAMAGED, finding->app, false);
		if (finding->action != ACTION_IGNORE)
			*findings = lappend(*findings, finding);
	}
}

List *
expansion_findings(List *before, const char *statement)
{
	List	   *findings = NIL;
	ListCell   *lc;

	foreach(lc, before)
	{
		ColumnExpansion *expansion = registry_find_expansion(((ColumnExpansion *) lfirst(lc))->name);
		char	   *damage;

		if (expansion == NULL || !expansion_is_running(expansion) ||
			get_rel_name(expansion->relid) == NULL)
			continue;
		damage = expansion_damage(expansion);
		if (damage != NULL)
			add_findings(&findings, expansion, damage, statement);
	}
	return findings;
}
