/*
 * trigger.c
 *		Find triggers and rules that act on rows or in place of a command.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"

bool
relation_has_triggers(Oid relid)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool		result;

	if (!HeapTupleIsValid(tup))
		return false;
	result = ((Form_pg_class) GETSTRUCT(tup))->relhastriggers;
	ReleaseSysCache(tup);
	return result;
}

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
	foreach(lc, partitions_that_matter(NULL, relid))
	{
		if (has_row_trigger(lfirst_oid(lc), TRIGGER_TYPE_BEFORE, event))
			return true;
	}
	return false;
}
