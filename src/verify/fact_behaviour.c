/*
 * fact_behaviour.c
 *		What a relation does of its own: triggers, rules, row security, and what
 *		a view shows.
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
#include "verify/attribute.h"
#include "verify/observe.h"
#include "verify/surroundings.h"

/* ---- triggers ---- */

static int
trigger_commands(int16 type)
{
	return (TRIGGER_FOR_INSERT(type) ? USE_INSERT : 0) |
		(TRIGGER_FOR_UPDATE(type) ? USE_UPDATE : 0) |
		(TRIGGER_FOR_DELETE(type) ? USE_DELETE : 0) |
		(TRIGGER_FOR_TRUNCATE(type) ? USE_TRUNCATE : 0);
}

/* Does it fire in the sessions of an application? */
static bool
trigger_fires(Form_pg_trigger trigger)
{
	return trigger->tgenabled == TRIGGER_FIRES_ON_ORIGIN ||
		trigger->tgenabled == TRIGGER_FIRES_ALWAYS;
}

/*
 * The server's text from the timing on, without the name of the relation; NULL
 * if the trigger is gone.
 */
static char *
trigger_definition(Form_pg_trigger trigger)
{
	char	   *def = server_definition(pg_get_triggerdef, trigger->oid, trigger->tgrelid);
	char	   *before = psprintf(" TRIGGER %s ", quote_identifier(NameStr(trigger->tgname)));
	char	   *on = psprintf(" ON %s ", relation_label(trigger->tgrelid));
	char	   *start = def ? strstr(def, before) : NULL;
	char	   *end;

	if (start == NULL)
		return def;
	start += strlen(before);
	end = strstr(start, on);
	if (end == NULL)
		return start;
	return psprintf("%.*s %s", (int) (end - start), start, end + strlen(on));
}

/* The columns of UPDATE OF. */
static Bitmapset *
trigger_columns(Form_pg_trigger trigger)
{
	Bitmapset  *columns = NULL;

	for (int i = 0; i < trigger->tgattr.dim1; i++)
		columns = bms_add_member(columns, trigger->tgattr.values[i]);
	return columns;
}

static void
collect_own_trigger(RelationFacts *rel, Form_pg_trigger trigger)
{
	int			commands = trigger_commands(trigger->tgtype);
	bool		fires = trigger_fires(trigger);
	char	   *definition = trigger_definition(trigger);
	Fact	   *fact;

	if (definition == NULL)
		return;
	fact = add_fact(rel, fires ? FACT_TRIGGER : FACT_DISABLED_TRIGGER, commands,
					definition, "trigger", NameStr(trigger->tgname));
	fact->objid = trigger->oid;
	fact->columns = trigger_columns(trigger);
	fact->inherited = OidIsValid(trigger->tgparentid);
	if (fires && TRIGGER_FOR_INSTEAD(trigger->tgtype))
		rel->instead |= commands;
}

/* A foreign key has two triggers on each of its relations; one is enough. */
static void
collect_key_triggers(RelationFacts *rel, List *constraints, List *disabled)
{
	ListCell   *lc;

	foreach(lc, constraints)
		collect_reference(rel, lfirst_oid(lc));
	foreach(lc, disabled)
		collect_disabled_key(rel, lfirst_oid(lc));
}

void
collect_triggers(RelationFacts *rel)
{
	CatalogScan scan = begin_catalog_scan(TriggerRelationId, Anum_pg_trigger_tgrelid,
								   TriggerRelidNameIndexId, rel->key.relid);
	List	   *references = NIL;
	List	   *disabled = NIL;
	HeapTuple	tup;

	while (HeapTupleIsValid(tup = systable_getnext(scan.scan)))
	{
		Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tup);

		if (!trigger->tgisinternal)
			collect_own_trigger(rel, trigger);
		else if (RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_NONE)
			continue;
		else if (!trigger_fires(trigger))
			disabled = list_append_unique_oid(disabled, trigger->tgconstraint);
		else if (RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_PK)
			references = list_append_unique_oid(references, trigger->tgconstraint);
	}
	end_catalog_scan(&scan);
	collect_key_triggers(rel, references, disabled);
}

/* ---- rules ---- */

static int
rule_commands(char event)
{
	switch (event - '0')
	{
		case CMD_INSERT:
			return USE_INSERT;
		case CMD_UPDATE:
			return USE_UPDATE;
		case CMD_DELETE:
			return USE_DELETE;
		default:
			return 0;			/* what a view shows is a fact of its own */
	}
}

static const char *
command_label(int command)
{
	return command == USE_INSERT ? "INSERT" : command == USE_UPDATE ? "UPDATE" : "DELETE";
}

static void
collect_rule(RelationFacts *rel, CatalogScan *scan, HeapTuple tup)
{
	Form_pg_rewrite rule = (Form_pg_rewrite) GETSTRUCT(tup);
	int			command = rule_commands(rule->ev_type);
	Node	   *condition = fact_node(scan->catalog, tup, Anum_pg_rewrite_ev_qual);
	List	   *actions = (List *) fact_node(scan->catalog, tup, Anum_pg_rewrite_ev_action);
	char	   *shown;
	Fact	   *fact;

	if (command == 0 || rule->ev_enabled == RULE_DISABLED ||
		rule->ev_enabled == RULE_FIRES_ON_REPLICA)
		return;
	shown = psprintf("ON %s%s DO %s", command_label(command),
					 condition ? " WHERE ..." : "", rule->is_instead ? "INSTEAD" : "ALSO");
	fact = add_fact(rel, FACT_RULE, command,
					psprintf("%s %s", shown,
							 query_digests(lappend(actions, condition), pg_get_ruledef,
										   rule->oid, rel->key.relid, "")),
					"rule", NameStr(rule->rulename));
	fact->shown = shown;
	fact->topic = strlen(shown) + 1;
	if (rule->is_instead)
		rel->instead |= command;
}

void
collect_rules(RelationFacts *rel)
{
	CatalogScan scan = begin_catalog_scan(RewriteRelationId, Anum_pg_rewrite_ev_class,
								   RewriteRelRulenameIndexId, rel->key.relid);
	HeapTuple	tup;

	while (HeapTupleIsValid(tup = systable_getnext(scan.scan)))
		collect_rule(rel, &scan, tup);
	end_catalog_scan(&scan);
}

/* ---- row security ---- */

/* Who updates or deletes rows has to see them. */
static int
policy_commands(char command)
{
	switch (command)
	{
		case ACL_SELECT_CHR:
			return USE_SELECT | USE_UPDATE | USE_DELETE;
		case ACL_INSERT_CHR:
			return USE_INSERT;
		case ACL_UPDATE_CHR:
			return USE_UPDATE;
		case ACL_DELETE_CHR:
			return USE_DELETE;
		default:
			return USE_ALL & ~USE_TRUNCATE;
	}
}

static const char *
policy_command_label(char command)
{
	switch (command)
	{
		case ACL_SELECT_CHR:
			return "SELECT";
		case ACL_INSERT_CHR:
			return "INSERT";
		case ACL_UPDATE_CHR:
			return "UPDATE";
		case ACL_DELETE_CHR:
			return "DELETE";
		default:
			return "ALL";
	}
}

static bool
policy_is_for(CatalogScan *scan, HeapTuple tup, Oid role)
{
	bool		isnull;
	Datum		value = heap_getattr(tup, Anum_pg_policy_polroles,
									 RelationGetDescr(scan->catalog), &isnull);
	ArrayType  *roles;

	if (isnull)
		return false;
	roles = DatumGetArrayTypeP(value);
	for (int i = 0; i < ArrayGetNItems(ARR_NDIM(roles), ARR_DIMS(roles)); i++)
	{
		Oid			member = ((Oid *) ARR_DATA_PTR(roles))[i];

		if (member == ACL_ID_PUBLIC || has_privs_of_role(role, member))
			return true;
	}
	return false;
}

static void
collect_policy(RelationFacts *rel, CatalogScan *scan, HeapTuple tup)
{
	Form_pg_policy policy = (Form_pg_policy) GETSTRUCT(tup);
	Node	   *qual = fact_node(scan->catalog, tup, Anum_pg_policy_polqual);
	Node	   *check = fact_node(scan->catalog, tup, Anum_pg_policy_polwithcheck);
	Fact	   *fact;

	fact = add_fact(rel, FACT_ROW_SECURITY, policy_commands(policy->polcmd),
					psprintf("%s policy FOR %s%s%s",
							 policy->polpermissive ? "permissive" : "restrictive",
							 policy_command_label(policy->polcmd),
							 qual ? psprintf(" USING (%s)", deparse(qual, rel->key.relid)) : "",
							 check ? psprintf(" WITH CHECK (%s)",
											  deparse(check, rel->key.relid)) : ""),
					"policy", NameStr(policy->polname));
	fact->objid = policy->oid;
}

void
collect_row_security(RelationFacts *rel)
{
	CatalogScan scan;
	HeapTuple	tup;

	if (check_enable_rls(rel->key.relid, rel->key.role, true) != RLS_ENABLED)
		return;
	(void) add_fact(rel, FACT_ROW_SECURITY, USE_ALL & ~USE_TRUNCATE,
					pstrdup("row security in force"), "row security on", NULL);
	scan = begin_catalog_scan(PolicyRelationId, Anum_pg_policy_polrelid,
					  PolicyPolrelidPolnameIndexId, rel->key.relid);
	while (HeapTupleIsValid(tup = systable_getnext(scan.scan)))
	{
		if (policy_is_for(&scan, tup, rel->key.role))
			collect_policy(rel, &scan, tup);
	}
	end_catalog_scan(&scan);
}

/* ---- views ---- */

static bool
collect_reads(Node *node, RelationFacts *rel)
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
read_view_options(RelationFacts *rel)
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
			rel->inner_role = rel->key.role;
		text = psprintf(" %s", OidOutputFunctionCall(F_ARRAY_OUT, options));
	}
	ReleaseSysCache(tup);
	return text;
}

void
collect_view(RelationFacts *rel)
{
	Query	   *query = view_query(rel->key.relid);
	char	   *topic = psprintf("%s ", relation_label(rel->key.relid));
	char	   *options = read_view_options(rel);
	Fact	   *fact;

	if (query == NULL)
		return;
	fact = add_fact(rel, FACT_VIEW, USE_ALL,
					psprintf("%s%s", topic,
							 query_digests(list_make1(query), pg_get_viewdef,
										   rel->key.relid, rel->key.relid, options)),
					relation_kind_label(rel->relkind), NULL);
	fact->topic = strlen(topic);

	/* Who reads a materialized view reads nothing below it. */
	if (rel->relkind != RELKIND_VIEW)
		return;
	(void) collect_reads((Node *) query, rel);
	rel->columns = view_columns(rel->key.relid, &rel->below, &rel->ncolumns);
	if (rel->columns == NULL)
		rel->below = InvalidOid;
}
