/*
 * guard_removal.c
 *		Changes that remove the guard from live versions.
 *
 * There are two.  One is the loss of the registry, whatever statement drops the
 * extension.  It is judged at once, before the first of the tables is dropped, because
 * afterwards it would not be known which versions were live; an extension created again
 * in the same transaction has another registry, an empty one.  The other is the loss of
 * what loads the library, keeps the registry together and lets applications find it:
 * the event triggers and their function, membership in the extension, the tables and
 * indexes and their layout, the name of the schema.  That is judged as any change is,
 * by its net effect.
 *
 * Invariant: while a version is live and compat_guard.mode is "enforce", no
 * session that has loaded the library removes the guard from the database.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/errors.h"
#include "base/guard_active.h"
#include "base/guc.h"
#include "base/shown.h"
#include "base/subtransaction.h"
#include "base/text_list.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "commands/trigger.h"
#include "judge/judge.h"
#include "judge/judge_internal.h"
#include "registry/registry.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* ---- what the guard consists of ---- */

static int
count_members(void)
{
	Relation	rel = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tup;
	int			n = 0;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(ExtensionRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(guard_extension_oid()));
	scan = systable_beginscan(rel, DependReferenceIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
		n += (((Form_pg_depend) GETSTRUCT(tup))->deptype == DEPENDENCY_EXTENSION);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return n;
}

/* Does an event trigger with the function load the library?  The names do not matter. */
static bool
is_loader(Oid funcid)
{
	HeapTuple	tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	bool		result = false;
	bool		isnull;

	if (!HeapTupleIsValid(tup))
		return false;
	if (((Form_pg_proc) GETSTRUCT(tup))->prolang == ClanguageId)
	{
		Datum		symbol = SysCacheGetAttr(PROCOID, tup, Anum_pg_proc_prosrc, &isnull);

		result = !isnull && strcmp(TextDatumGetCString(symbol), "compat_guard_load") == 0;
	}
	ReleaseSysCache(tup);
	return result;
}

/* Count the event triggers that load the library: those that fire, or the one given. */
static int
count_loaders(Oid *trigger)
{
	Relation	rel = table_open(EventTriggerRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tup;
	int			n = 0;

	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_event_trigger form = (Form_pg_event_trigger) GETSTRUCT(tup);

		if (!is_loader(form->evtfoid) || (trigger != NULL && form->oid != *trigger))
			continue;
		n += (trigger != NULL || form->evtenabled == TRIGGER_FIRES_ON_ORIGIN ||
			  form->evtenabled == TRIGGER_FIRES_ALWAYS);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return n;
}

static bool
guard_owns_event_trigger(Oid trigger)
{
	return count_loaders(&trigger) > 0;
}

bool
guard_owns_object(Oid classid, Oid objid)
{
	switch (classid)
	{
		case EventTriggerRelationId:
			return guard_owns_event_trigger(objid);
		case NamespaceRelationId:
			return objid == guard_schema_oid();
		case RelationRelationId:
			return get_rel_namespace(objid) == guard_schema_oid();
		case ProcedureRelationId:
			return get_func_namespace(objid) == guard_schema_oid();
		default:
			return false;
	}
}

/* Return what the schema contains, without indexes: registry_check_tables checks ours. */
static List *
relations_of_schema(void)
{
	Relation	rel = table_open(RelationRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;
	List	   *names = NIL;

	ScanKeyInit(&key, Anum_pg_class_relnamespace, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(guard_schema_oid()));
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 1, &key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tup);

		if (form->relkind != RELKIND_INDEX)
			names = lappend(names, pstrdup(NameStr(form->relname)));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return names;
}

GuardParts
guard_parts(void)
{
	GuardParts	parts = {.members = count_members(), .loaders = count_loaders(NULL)};
	char	   *schema = get_namespace_name(guard_schema_oid());

	parts.relations = relations_of_schema();
	parts.has_name = schema != NULL && strcmp(schema, "compat_guard") == 0;
	return parts;
}

/* Return the first relation that is no longer there, or NULL. */
static const char *
lost_relation(List *before, List *after)
{
	ListCell   *lc;

	foreach(lc, before)
	{
		if (!text_list_has(after, lfirst(lc)))
			return lfirst(lc);
	}
	return NULL;
}

/* ---- findings ---- */

#define DROPPED "it is dropped with all that is registered"

typedef struct Removal
{
	const char *found;
	const char *statement;
	List	   *findings;
} Removal;

/* Add a finding for each live version. */
static void
find_removal(void *arg)
{
	Removal    *removal = arg;
	ListCell   *lc;

	foreach(lc, registry_live_versions())
	{
		Version    *version = lfirst(lc);
		Finding    *finding = palloc0_object(Finding);
		Requirement *req = palloc0_object(Requirement);
		Problem    *problem = palloc0_object(Problem);

		req->kind = REQUIREMENT_EXTENSION;
		req->object = pstrdup("compat_guard");
		req->role = version->role;
		problem->rule = RULE_GUARD_REMOVED;
		problem->state = STATE_UNMET;
		problem->expected = pstrdup("the guard to stay while the version is live");
		problem->found = pstrdup(removal->found);

		finding->app = registry_app_name(version->app_id);
		finding->version = version->name;
		finding->req = req;
		finding->problem = problem;
		finding->statement = removal->statement;
		finding->action = registry_action(RULE_GUARD_REMOVED, finding->app, false);
		if (finding->action != ACTION_IGNORE)
			removal->findings = lappend(removal->findings, finding);
	}
}

List *
removal_findings(const char *statement)
{
	Removal		removal = {.found = DROPPED, .statement = statement};

	find_removal(&removal);
	return removal.findings;
}

/* Return what the guard has lost, or NULL. */
static const char *
lost_part(const GuardParts *before)
{
	GuardParts	after = guard_parts();
	const char *relation = lost_relation(before->relations, after.relations);

	if (after.loaders < before->loaders)
		return "an event trigger that loads the library no longer fires";
	if (after.members < before->members)
		return "an object of the extension is no longer its member";
	if (before->has_name && !after.has_name)
		return "its schema was renamed, so that applications do not find its functions";
	if (relation != NULL)
		return psprintf("%s was renamed or moved to another schema", quote_identifier(relation));
	return NULL;
}

List *
removal_findings_of_parts(const GuardParts *before, const char *statement)
{
	Removal		removal = {.statement = statement};

	if (before == NULL)
		return NIL;
	removal.found = lost_part(before);
	if (removal.found != NULL)
		find_removal(&removal);
	else
		registry_check_tables();
	return removal.findings;
}

/* ---- the verdict on the loss of the registry ---- */

void
judge_removal(const char *statement, bool preview)
{
	Removal		removal = {.found = DROPPED, .statement = statement};
	ErrorData  *edata;

	/* Wait for all transactions that use the registry; new ones wait for us. */
	registry_lock_for_drop();
	if (guard_mode == MODE_OFF && !preview)
		return;

	/* It must be possible to drop a registry that cannot be read. */
	edata = subtransaction_run(find_removal, &removal, true);
	if (edata != NULL)
	{
		if (error_is_interruption(edata))
			ReThrowError(edata);
		ereport(WARNING,
				(errcode(edata->sqlerrcode),
				 errmsg("could not determine which live versions lose the guard: %s", shown(edata->message))));
		return;
	}

	/*
	 * A preview does not drop the registry, because it needs it to judge the
	 * other statements.  It lists the findings itself.
	 */
	if (preview && removal.findings != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_BREAKS_VERSION),
				 errmsg("cannot drop extension \"%s\" in a preview", "compat_guard")));
	override_apply(removal.findings);
	if (findings_block(removal.findings))
	{
		ChangeStatement dropping = {.text = statement};
		SchemaChange change = {.statements = list_make1(&dropping)};

		pending_journal_blocked(&change, removal.findings);
	}
	findings_report(removal.findings);
}
