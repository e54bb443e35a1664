/*
 * damage.c
 *		Is an expansion as expand_column() made it?
 *
 * This is the one answer to that: for the judgement of schema changes, for backfill()
 * and contract(), and for the view.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "base/catalog_scan.h"
#include "base/errors.h"
#include "base/guard_active.h"
#include "base/shown.h"
#include "base/subtransaction.h"
#include "catalog/indexing.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "expand/expand_internal.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"

GUARD_FUNCTION(compat_guard_expansion_damage);

#define WANTED_TYPE	(TRIGGER_TYPE_ROW | TRIGGER_TYPE_BEFORE | \
					 TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE)

/* Are the arguments of a trigger of the guard those of the expansion? */
static bool
has_arguments(Relation catalog, HeapTuple tup, const ColumnExpansion *expansion)
{
	List	   *arguments = trigger_arguments(catalog, tup);

	return list_length(arguments) == 3 && strcmp(linitial(arguments), expansion->name) == 0 &&
		strcmp(lsecond(arguments), expansion->old_column) == 0 &&
		strcmp(lthird(arguments), expansion->new_column) == 0;
}

/* Does another trigger of this kind see a row after ours, and could change it? */
static bool
may_change_row(Form_pg_trigger trigger)
{
	return !trigger->tgisinternal && trigger->tgenabled != TRIGGER_DISABLED &&
		(trigger->tgtype & (TRIGGER_TYPE_ROW | TRIGGER_TYPE_BEFORE)) ==
		(TRIGGER_TYPE_ROW | TRIGGER_TYPE_BEFORE) &&
		(trigger->tgtype & (TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE)) != 0;
}

static char *
trigger_damage(const ColumnExpansion *expansion, Oid relid)
{
	CatalogScan scan = begin_catalog_scan(TriggerRelationId, Anum_pg_trigger_tgrelid,
										  TriggerRelidNameIndexId, relid);
	char	   *on = psprintf("on %s", qualified_table(relid));
	char	   *damage = psprintf("its trigger %s is gone", on);
	char	   *later = NULL;
	bool		found = false;
	HeapTuple	tup;

	/* In the order of their names, in which they fire. */
	while (HeapTupleIsValid(tup = systable_getnext(scan.scan)))
	{
		Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tup);

		if (trigger_is_of_guard(trigger))
		{
			if (!has_arguments(scan.catalog, tup, expansion))
				continue;
			found = true;
			damage = NULL;
			if (strcmp(NameStr(trigger->tgname), expansion->trigger) != 0)
				damage = psprintf("its trigger %s was renamed", on);
			else if (trigger->tgenabled != TRIGGER_FIRES_ALWAYS)
				damage = psprintf("its trigger %s is not ENABLE ALWAYS", on);
			else if (trigger->tgtype != WANTED_TYPE || trigger->tgattr.dim1 != 0 ||
					 !heap_attisnull(tup, Anum_pg_trigger_tgqual, RelationGetDescr(scan.catalog)))
				damage = psprintf("its trigger %s does not fire for each row that is written", on);
		}
		else if (found && may_change_row(trigger))
			later = psprintf("trigger %s %s fires after its own",
							 shown(quote_identifier(NameStr(trigger->tgname))), on);
	}
	end_catalog_scan(&scan);
	return damage ? damage : later;
}

typedef struct Check
{
	const ColumnExpansion *expansion;
	Relation	rel;
} Check;

static void
check_conversion(void *arg)
{
	Check	   *check = arg;

	conversion_check(RelationGetDescr(check->rel), check->rel->rd_rel->relowner,
					 check->expansion);
}

/* Do up and down still work?  NULL if they do, or the table is locked by others. */
static char *
conversion_damage(const ColumnExpansion *expansion)
{
	Check		check = {.expansion = expansion};
	ErrorData  *edata;

	if (!ConditionalLockRelationOid(expansion->relid, AccessShareLock))
		return NULL;
	check.rel = table_open(expansion->relid, NoLock);
	edata = subtransaction_run(check_conversion, &check, false);
	table_close(check.rel, AccessShareLock);
	if (edata == NULL)
		return NULL;
	if (!error_is_of_row(edata))
		ReThrowError(edata);
	/* The first line of the context names the expression. */
	if (edata->context != NULL && strchr(edata->context, '\n') != NULL)
		*strchr(edata->context, '\n') = '\0';
	return psprintf("%s: %s", edata->context ? shown(edata->context) : "expression",
					shown(edata->message));
}

static char *
column_damage(const ColumnExpansion *expansion, const char *column)
{
	if (get_attnum(expansion->relid, column) != InvalidAttrNumber)
		return NULL;
	return psprintf("column %s of %s is gone", quote_identifier(column),
					qualified_table(expansion->relid));
}

char *
expansion_damage(const ColumnExpansion *expansion)
{
	char	   *damage;
	ListCell   *lc;

	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(expansion->relid)))
		return pstrdup("its table is gone");
	damage = column_damage(expansion, expansion->old_column);
	if (damage == NULL)
		damage = column_damage(expansion, expansion->new_column);
	foreach(lc, find_all_inheritors(expansion->relid, NoLock, NULL))
	{
		if (damage != NULL)
			return damage;
		damage = trigger_damage(expansion, lfirst_oid(lc));
	}
	return damage ? damage : conversion_damage(expansion);
}

void
require_undamaged(const ColumnExpansion *expansion)
{
	char	   *damage = expansion_damage(expansion);

	if (damage != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_EXPANSION),
				 errmsg("expansion \"%s\" is damaged: %s", shown(expansion->name), damage),
				 errhint("Repair it, run compat_guard.backfill() once more, or call compat_guard.abandon().")));
}

List *
expansions_intact(void)
{
	List	   *expansions = registry_running_expansions();
	ListCell   *lc;

	foreach(lc, expansions)
	{
		if (expansion_damage(lfirst(lc)) != NULL)
			expansions = foreach_delete_current(expansions, lc);
	}
	return expansions;
}

/*
 * compat_guard.expansion_damage(name text) returns text
 *
 * For the view.  Null if there is no such expansion, or it is not running.
 */
Datum
compat_guard_expansion_damage(PG_FUNCTION_ARGS)
{
	ColumnExpansion *expansion;
	char	   *damage;

	guard_require_version();
	expansion = registry_find_expansion(text_argument(fcinfo, 0, "name"));
	if (expansion == NULL || !expansion_is_running(expansion))
		PG_RETURN_NULL();
	damage = expansion_damage(expansion);
	if (damage == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(damage));
}
