/*
 * trigger.c
 *		Find triggers and rules that act on rows or in place of a command.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/catalog_scan.h"
#include "catalog/pg_class.h"
#include "access/htup_details.h"
#include "base/guard_active.h"
#include "base/text_list.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "verify/catalog/catalog.h"

bool
trigger_is_enabled(Form_pg_trigger trigger)
{
	return trigger->tgenabled != TRIGGER_DISABLED &&
		trigger->tgenabled != TRIGGER_FIRES_ON_REPLICA;
}

bool
trigger_is_of_guard(Form_pg_trigger trigger)
{
	char	   *name;

	if (get_func_namespace(trigger->tgfoid) != guard_schema_oid())
		return false;
	name = get_func_name(trigger->tgfoid);
	return name != NULL && strcmp(name, "dual_write") == 0;
}

List *
trigger_arguments(Relation catalog, HeapTuple tup)
{
	int			n = ((Form_pg_trigger) GETSTRUCT(tup))->tgnargs;
	List	   *arguments = NIL;
	bool		isnull;
	Datum		value = heap_getattr(tup, Anum_pg_trigger_tgargs, RelationGetDescr(catalog), &isnull);
	char	   *next = isnull ? NULL : VARDATA_ANY(DatumGetByteaPP(value));

	for (int i = 0; next != NULL && i < n; i++)
	{
		arguments = lappend(arguments, pstrdup(next));
		next += strlen(next) + 1;
	}
	return arguments;
}

int16
trigger_event(CmdType command)
{
	return command == CMD_INSERT ? TRIGGER_TYPE_INSERT :
		command == CMD_UPDATE ? TRIGGER_TYPE_UPDATE : TRIGGER_TYPE_DELETE;
}

/* Has the relation an enabled trigger for each row, of this timing and event? */
static bool
has_row_trigger(Oid relid, int timing, int event)
{
	CatalogScan scan = begin_catalog_scan(TriggerRelationId, Anum_pg_trigger_tgrelid,
										  TriggerRelidNameIndexId, relid);
	bool		found = false;
	HeapTuple	tup;

	while (!found && HeapTupleIsValid(tup = systable_getnext(scan.scan)))
	{
		Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tup);

		found = !trigger->tgisinternal && trigger_is_enabled(trigger) &&
			!trigger_is_of_guard(trigger) &&
			TRIGGER_TYPE_MATCHES(trigger->tgtype, TRIGGER_TYPE_ROW,
								 timing, event);
	}
	end_catalog_scan(&scan);
	return found;
}

/* Has the relation a rule that does something else instead of the command? */
static bool
has_instead_rule(Oid relid, CmdType command)
{
	CatalogScan scan = begin_catalog_scan(RewriteRelationId, Anum_pg_rewrite_ev_class,
										  RewriteRelRulenameIndexId, relid);
	bool		found = false;
	HeapTuple	tup;

	while (!found && HeapTupleIsValid(tup = systable_getnext(scan.scan)))
	{
		Form_pg_rewrite rule = (Form_pg_rewrite) GETSTRUCT(tup);

		found = rule->is_instead && rule->ev_type == '0' + command;
	}
	end_catalog_scan(&scan);
	return found;
}

bool
relation_acts_instead(Oid relid, CmdType command)
{
	FormData_pg_class form;

	/* Most relations have none of either, as pg_class says. */
	return read_relation(relid, &form) &&
		((form.relhasrules && has_instead_rule(relid, command)) ||
		 (form.relhastriggers &&
		  has_row_trigger(relid, TRIGGER_TYPE_INSTEAD, trigger_event(command))));
}

/* The arguments are the expansion and its two columns: see expand/dual_write.c. */
bool
expansion_fills(Oid relid, const char *column)
{
	CatalogScan scan = begin_catalog_scan(TriggerRelationId, Anum_pg_trigger_tgrelid,
										  TriggerRelidNameIndexId, relid);
	bool		found = false;
	HeapTuple	tup;

	while (!found && HeapTupleIsValid(tup = systable_getnext(scan.scan)))
	{
		Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tup);

		found = trigger_is_of_guard(trigger) && trigger_is_enabled(trigger) &&
			text_list_has(list_copy_tail(trigger_arguments(scan.catalog, tup), 1), column);
	}
	end_catalog_scan(&scan);
	return found;
}

/* Triggers of a partition run, too, before the server looks at NOT NULL. */
bool
trigger_may_fill(Oid relid, CmdType command)
{
	int16		event = trigger_event(command);
	ListCell   *lc;

	if (has_row_trigger(relid, TRIGGER_TYPE_BEFORE, event))
		return true;
	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return false;
	foreach(lc, partitions_that_matter(NULL, relid))
	{
		if (has_row_trigger(lfirst_oid(lc), TRIGGER_TYPE_BEFORE, event))
			return true;
	}
	return false;
}
