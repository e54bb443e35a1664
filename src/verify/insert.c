/*
 * insert.c
 *		Does an INSERT that names just these columns work?
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "lib/stringinfo.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/attribute.h"
#include "verify/observe.h"
#include "verify/partition.h"
#include "verify/query.h"

/* Most relations have none of either: pg_class knows. */
static void
has_any(Oid relid, bool *rules, bool *triggers)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));

	*rules = *triggers = false;
	if (!HeapTupleIsValid(tup))
		return;
	*rules = ((Form_pg_class) GETSTRUCT(tup))->relhasrules;
	*triggers = ((Form_pg_class) GETSTRUCT(tup))->relhastriggers;
	ReleaseSysCache(tup);
}

/* An enabled trigger for each row, of this timing and event? */
static bool
has_row_trigger(Oid relid, int timing, int event)
{
	Relation	pg_trigger = table_open(TriggerRelationId, AccessShareLock);
	bool		found = false;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(pg_trigger, TriggerRelidNameIndexId, true,
							  NULL, 1, &key);
	while (!found && HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tup);

		found = !trigger->tgisinternal &&
			trigger->tgenabled != TRIGGER_DISABLED &&
			trigger->tgenabled != TRIGGER_FIRES_ON_REPLICA &&
			TRIGGER_TYPE_MATCHES(trigger->tgtype, TRIGGER_TYPE_ROW,
								 timing, event);
	}
	systable_endscan(scan);
	table_close(pg_trigger, AccessShareLock);
	return found;
}

/* A rule that does something else instead of the command? */
static bool
has_instead_rule(Oid relid, CmdType command)
{
	Relation	pg_rewrite = table_open(RewriteRelationId, AccessShareLock);
	bool		found = false;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key, Anum_pg_rewrite_ev_class, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(pg_rewrite, RewriteRelRulenameIndexId, true,
							  NULL, 1, &key);
	while (!found && HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_rewrite rule = (Form_pg_rewrite) GETSTRUCT(tup);

		found = rule->is_instead && rule->ev_type == '0' + command;
	}
	systable_endscan(scan);
	table_close(pg_rewrite, AccessShareLock);
	return found;
}

bool
relation_acts_instead(Oid relid, CmdType command)
{
	int			event = command == CMD_INSERT ? TRIGGER_TYPE_INSERT :
		command == CMD_UPDATE ? TRIGGER_TYPE_UPDATE : TRIGGER_TYPE_DELETE;
	bool		rules;
	bool		triggers;

	has_any(relid, &rules, &triggers);
	return (rules && has_instead_rule(relid, command)) ||
		(triggers && has_row_trigger(relid, TRIGGER_TYPE_INSTEAD, event));
}

/* Those of a partition run, too, before NOT NULL is looked at. */
bool
trigger_may_fill(Oid relid, CmdType command)
{
	int			event = command == CMD_INSERT ? TRIGGER_TYPE_INSERT : TRIGGER_TYPE_UPDATE;
	ListCell   *lc;

	if (has_row_trigger(relid, TRIGGER_TYPE_BEFORE, event))
		return true;
	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return false;
	foreach(lc, parts_that_matter(NULL, relid))
	{
		if (has_row_trigger(lfirst_oid(lc), TRIGGER_TYPE_BEFORE, event))
			return true;
	}
	return false;
}

/* ---- columns that are left out ---- */

/* A table, what it has for partitions, and the columns that are given a value. */
typedef struct InsertTarget
{
	Oid			relid;
	List	   *partitions;
	Bitmapset  *supplied;
} InsertTarget;

/* Is a generated column null because of what is left out? */
static bool
is_always_null(Oid relid, AttrNumber attnum, const InsertTarget *target)
{
	Node	   *expr = generation_expression(relid, attnum);
	Bitmapset  *columns = NULL;
	int			column = -1;

	if (expr == NULL || contain_nonstrict_functions(expr))
		return false;
	pull_varattnos(expr, 1, &columns);
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		AttrNumber	attno = column + FirstLowInvalidHeapAttributeNumber;
		ColumnFacts facts;

		if (attno > 0 && !bms_is_member(attno, target->supplied) &&
			column_facts(relid, attno, &facts) &&
			!facts.has_default && facts.identity == '\0' && facts.generated == '\0')
			return true;
	}
	return false;
}

static void
check_left_out(Observation *obs, const InsertTarget *target, AttrNumber attnum,
			   const ColumnFacts *facts)
{
	char	   *name = get_attname(target->relid, attnum, true);
	Nullability nulls;
	bool		undecided;
	Oid			partition = InvalidOid;
	const char *found;

	if (name == NULL || facts->has_default || facts->identity != '\0' ||
		(facts->generated != '\0' && !is_always_null(target->relid, attnum, target)))
		return;
	nulls = column_nullability(facts);
	if (nulls != NULLS_REJECTED && nulls != NULLS_ABSENT &&
		!OidIsValid(partition = child_without_nulls(facts, target->partitions)))
		return;

	undecided = trigger_may_fill(target->relid, CMD_INSERT);
	if (facts->generated != '\0')
		found = "it is not null, and generated from a column that is left out";
	else if (OidIsValid(partition))
		found = psprintf("it is not null in partition %s and has no default",
						 relation_label(partition));
	else
		found = "it is not null and has no default";
	if (undecided)
		found = psprintf("%s, unless a trigger gives it a value", found);
	observe_problem(obs, RULE_INSERT_NEEDS_COLUMN,
					undecided ? STATE_UNKNOWN : STATE_UNMET,
					psprintf("an INSERT without %s to work", quote_identifier(name)),
					pstrdup(found), target->relid, name);
}

void
observe_insert(Observation *obs, Oid relid, Bitmapset *supplied)
{
	InsertTarget target = {.relid = relid, .supplied = supplied};
	char		relkind = get_rel_relkind(relid);
	AttrNumber	natts = relation_natts(relid);

	/* What a trigger or rule does of its own instead nobody can foresee. */
	if (relkind == RELKIND_VIEW || relation_acts_instead(relid, CMD_INSERT))
		return;
	if (relkind == RELKIND_PARTITIONED_TABLE)
		target.partitions = parts_that_matter(&obs->parts, relid);

	for (AttrNumber attnum = 1; attnum <= natts; attnum++)
	{
		ColumnFacts facts;

		if (!column_facts(relid, attnum, &facts))
			continue;
		observe_type(obs, facts.type);

		/* What NOT NULL a foreign table has is a claim, and not enforced here. */
		if (relkind != RELKIND_FOREIGN_TABLE && !bms_is_member(attnum, supplied))
			check_left_out(obs, &target, attnum, &facts);
	}
}

/* ---- columns that refuse a value ---- */

/* Why no INSERT may give the column a value; NULL if it may. */
static const char *
why_rejected(Oid relid, AttrNumber attnum)
{
	ColumnFacts facts;

	if (!column_facts(relid, attnum, &facts))
		return NULL;
	if (facts.computed)
		return "a view computes it";
	if (facts.generated != '\0')
		return "it is a generated column";
	if (facts.identity == ATTRIBUTE_IDENTITY_ALWAYS)
		return "it is an identity column generated always";
	return NULL;
}

/* The server names the first such column; here each is reported. */
static bool
is_rejected(Observation *obs, Oid relid, const char *name)
{
	const char *why = NULL;

	if (OidIsValid(table_written(relid, CMD_INSERT)))
		why = why_rejected(relid, get_attnum(relid, name));
	if (why != NULL)
		observe_problem(obs, RULE_INSERT_REJECTED_COLUMN, STATE_UNMET,
						psprintf("an INSERT with %s to work", quote_identifier(name)),
						pstrdup(why), relid, name);
	return why != NULL;
}

static bool
column_exists(Observation *obs, Oid relid, const char *name)
{
	if (get_attnum(relid, name) > 0)
	{
		observe_column(obs, relid, name);
		return true;
	}
	observe_problem(obs, RULE_COLUMN_MISSING, STATE_UNMET,
					psprintf("column %s", quote_identifier(name)),
					psprintf("no such column in %s", relation_label(relid)),
					relid, name);
	return false;
}

/* INSERT INTO relid (columns) VALUES ($1, $2, ...) */
static char *
insert_text(Oid relid, List *columns)
{
	StringInfoData names;
	StringInfoData values;
	ListCell   *lc;

	if (columns == NIL)
		return psprintf("INSERT INTO %s DEFAULT VALUES", relation_label(relid));
	initStringInfo(&names);
	initStringInfo(&values);
	foreach(lc, columns)
	{
		const char *separator = names.len > 0 ? ", " : "";

		appendStringInfo(&names, "%s%s", separator, quote_identifier(lfirst(lc)));
		appendStringInfo(&values, "%s$%d", separator, foreach_current_index(lc) + 1);
	}
	return psprintf("INSERT INTO %s (%s) VALUES (%s)", relation_label(relid), names.data,
					values.data);
}

/* As a registered INSERT of this form would be. */
void
verify_insert(const Requirement *req, Observation *obs)
{
	Oid			relid = observe_relation(req, obs);
	List	   *columns = NIL;
	bool		rejected = false;
	ListCell   *lc;

	if (!OidIsValid(relid))
		return;
	if (!relation_allows(relid, CMD_INSERT))
	{
		observe_problem(obs, RULE_RELATION_KIND, STATE_UNMET,
						pstrdup("a relation that allows insert"),
						psprintf("a %s that does not allow insert",
								 relation_kind_label(get_rel_relkind(relid))),
						relid, NULL);
		return;
	}
	observe_below_view(obs, relid);
	foreach(lc, requirement_list(req, "columns"))
	{
		char	   *name = lfirst(lc);

		if (!column_exists(obs, relid, name))
			continue;
		rejected |= is_rejected(obs, relid, name);
		columns = lappend(columns, name);
	}
	if (!rejected)
		verify_text(req, obs, insert_text(relid, columns));
}
