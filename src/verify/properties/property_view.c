/*
 * property_view.c
 *		Collect the rules of a relation, and what a view reads.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "base/catalog_scan.h"
#include "base/compat.h"
#include "catalog/indexing.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteDefine.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/properties/properties.h"
#include "verify/properties/properties_internal.h"

/* ---- rules ---- */

static int
rule_commands(char event)
{
	switch (event - '0')
	{
		case CMD_INSERT:
			return USAGE_INSERT;
		case CMD_UPDATE:
			return USAGE_UPDATE;
		case CMD_DELETE:
			return USAGE_DELETE;
		default:
			return 0;			/* what a view shows is a property of its own */
	}
}

static const char *
command_label(int command)
{
	return command == USAGE_INSERT ? "INSERT" : command == USAGE_UPDATE ? "UPDATE" : "DELETE";
}

static void
collect_rule(RelationInfo *rel, CatalogScan *scan, HeapTuple tup)
{
	Form_pg_rewrite rule = (Form_pg_rewrite) GETSTRUCT(tup);
	int			command = rule_commands(rule->ev_type);
	Node	   *condition = catalog_expression(scan->catalog, tup, Anum_pg_rewrite_ev_qual);
	List	   *actions = (List *) catalog_expression(scan->catalog, tup, Anum_pg_rewrite_ev_action);
	char	   *shown;
	Property   *property;

	if (command == 0 || rule->ev_enabled == RULE_DISABLED ||
		rule->ev_enabled == RULE_FIRES_ON_REPLICA)
		return;
	shown = psprintf("ON %s%s DO %s", command_label(command),
					 condition ? " WHERE ..." : "", rule->is_instead ? "INSTEAD" : "ALSO");
	property = add_property(rel, PROPERTY_RULE, command,
							psprintf("%s %s", shown,
									 query_digests(lappend(actions, condition), pg_get_ruledef,
												   rule->oid, rel->key.relid, "")),
							"rule", NameStr(rule->rulename));
	property->shown = shown;
	property->topic = strlen(shown) + 1;
	if (rule->is_instead)
		rel->instead |= command;
}

void
collect_rules(RelationInfo *rel)
{
	CatalogScan scan = begin_catalog_scan(RewriteRelationId, Anum_pg_rewrite_ev_class,
										  RewriteRelRulenameIndexId, rel->key.relid);
	HeapTuple	tup;

	while (HeapTupleIsValid(tup = systable_getnext(scan.scan)))
		collect_rule(rel, &scan, tup);
	end_catalog_scan(&scan);
}

/* ---- views ---- */

static bool
collect_reads(Node *node, RelationInfo *rel)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, collect_reads, rel);
	foreach(lc, ((Query *) node)->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		/* Before PostgreSQL 16 a view names itself, as OLD and NEW. */
		if (rte->rtekind == RTE_RELATION && rte->relid != rel->key.relid)
			rel->reads = list_append_unique_oid(rel->reads, rte->relid);
	}
	return query_tree_walker((Query *) node, collect_reads, rel, 0);
}

/*
 * The options of a view, such as WITH CHECK OPTION, as text; and whose rights
 * count below it.
 */
static char *
read_view_options(RelationInfo *rel)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(rel->key.relid));
	char	   *text = pstrdup("");
	Datum		options;
	bool		isnull;

	if (!HeapTupleIsValid(tup))
		return text;

	rel->inner_role = ((Form_pg_class) GETSTRUCT(tup))->relowner;
	options = SysCacheGetAttr(RELOID, tup, Anum_pg_class_reloptions, &isnull);
	if (!isnull && rel->relkind == RELKIND_VIEW)
	{
		if (((ViewOptions *) view_reloptions(options, false))->security_invoker)
			rel->inner_role = InvalidOid;
		text = psprintf(" %s", OidOutputFunctionCall(F_ARRAY_OUT, options));
	}
	ReleaseSysCache(tup);
	return text;
}

void
collect_view(RelationInfo *rel)
{
	Query	   *query = view_query(rel->key.relid);
	char	   *topic = psprintf("%s ", relation_label(rel->key.relid));
	char	   *options = read_view_options(rel);
	Property   *property;

	if (query == NULL)
		return;
	property = add_property(rel, PROPERTY_VIEW, USAGE_ALL,
							psprintf("%s%s", topic,
									 query_digests(list_make1(query), pg_get_viewdef,
												   rel->key.relid, rel->key.relid, options)),
							relation_kind_label(rel->relkind), NULL);
	property->topic = strlen(topic);

	/* Who reads a materialized view reads nothing below it. */
	if (rel->relkind != RELKIND_VIEW)
		return;
	(void) collect_reads((Node *) query, rel);
	rel->columns = view_columns(rel->key.relid, &rel->below, &rel->ncolumns);
	if (rel->columns == NULL)
		rel->below = InvalidOid;
}
