/*
 * property_trigger.c
 *		Collect the triggers of a relation.
 */
#include "postgres.h"

#include "base/catalog_scan.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "verify/catalog/catalog.h"
#include "verify/properties/properties.h"
#include "verify/properties/properties_internal.h"

static int
trigger_commands(int16 type)
{
	return (TRIGGER_FOR_INSERT(type) ? USAGE_INSERT : 0) |
		(TRIGGER_FOR_UPDATE(type) ? USAGE_UPDATE : 0) |
		(TRIGGER_FOR_DELETE(type) ? USAGE_DELETE : 0) |
		(TRIGGER_FOR_TRUNCATE(type) ? USAGE_TRUNCATE : 0);
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
collect_own_trigger(RelationInfo *rel, Form_pg_trigger trigger)
{
	int			commands = trigger_commands(trigger->tgtype);
	bool		fires = trigger_fires(trigger);
	char	   *definition = trigger_definition(trigger);
	Property   *property;

	if (definition == NULL)
		return;
	property = add_property(rel, fires ? PROPERTY_TRIGGER : PROPERTY_DISABLED_TRIGGER, commands,
							definition, "trigger", NameStr(trigger->tgname));
	property->objid = trigger->oid;
	property->columns = trigger_columns(trigger);
	property->inherited = OidIsValid(trigger->tgparentid);
	if (fires && TRIGGER_FOR_INSTEAD(trigger->tgtype))
		rel->instead |= commands;
}

/* A foreign key has two triggers on each of its relations; one is enough. */
static void
collect_key_triggers(RelationInfo *rel, List *constraints, List *disabled)
{
	ListCell   *lc;

	foreach(lc, constraints)
		collect_reference(rel, lfirst_oid(lc));
	foreach(lc, disabled)
		collect_disabled_key(rel, lfirst_oid(lc));
}

void
collect_triggers(RelationInfo *rel)
{
	CatalogScan scan = begin_catalog_scan(TriggerRelationId, Anum_pg_trigger_tgrelid,
										  TriggerRelidNameIndexId, rel->key.relid);
	List	   *references = NIL;
	List	   *disabled = NIL;
	HeapTuple	tup;

	while (HeapTupleIsValid(tup = systable_getnext(scan.scan)))
	{
		Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tup);

		if (trigger_is_of_guard(trigger))
			continue;
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
