/*
 * expand_column.c
 *		Begin to replace a column: make the plan, try it, and expand.
 *
 * up and down are analysed and tried on rows before anything is locked or changed.
 * What is then done is one transaction: the caller's.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/guard_active.h"
#include "base/shown.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "expand/expand_internal.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "parser/parse_type.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

GUARD_FUNCTION(compat_guard_expand_column);

/* So many rows of the table are converted there and back before it is expanded. */
#define ROWS_TRIED	1000

typedef struct Request
{
	ColumnExpansion expansion;
	Oid			type;
	int32		typmod;
	char	   *type_name;		/* qualified */
} Request;

/* ---- trial ---- */

/* Return the table's row descriptor with the new column at its end. */
static TupleDesc
expanded_descriptor(Relation rel, const Request *request)
{
	TupleDesc	old = RelationGetDescr(rel);
	TupleDesc	desc = CreateTemplateTupleDesc(old->natts + 1);

	for (int i = 1; i <= old->natts; i++)
		TupleDescCopyEntry(desc, i, old, i);
	for (int i = 0; i < old->natts; i++)
	{
		TupleDescAttr(desc, i)->attgenerated = TupleDescAttr(old, i)->attgenerated;
		compat_attribute_changed(desc, i);
	}
	TupleDescInitEntry(desc, old->natts + 1, request->expansion.new_column, request->type,
					   request->typmod, 0);
	return desc;
}

static void
try_row(Conversion *conversion, TupleDesc desc, TupleTableSlot *slot, int natts, bool *lossy)
{
	Datum	   *values = palloc_array(Datum, natts + 1);
	bool	   *nulls = palloc_array(bool, natts + 1);
	HeapTuple	row;
	Datum		down;
	bool		down_null;

	slot_getallattrs(slot);
	memcpy(values, slot->tts_values, natts * sizeof(Datum));
	memcpy(nulls, slot->tts_isnull, natts * sizeof(bool));
	nulls[natts] = true;
	row = heap_form_tuple(desc, values, nulls);
	values[natts] = conversion_new(conversion, row, &nulls[natts]);
	if (nulls[natts])
		return;
	row = heap_form_tuple(desc, values, nulls);
	down = conversion_down(conversion, row, &down_null);
	if (!conversion_same(conversion, conversion->old_attnum, down, down_null,
						 values[conversion->old_attnum - 1], nulls[conversion->old_attnum - 1]))
		*lossy = true;
}

/* Try up and down on rows of the table and its children; raise the first error. */
static void
try_rows(Relation rel, Conversion *conversion, TupleDesc desc, int *tried, bool *lossy)
{
	TupleTableSlot *slot;
	TableScanDesc scan;

	if (!RELKIND_HAS_TABLE_AM(rel->rd_rel->relkind))
		return;
	slot = table_slot_create(rel, NULL);
	scan = table_beginscan(rel, GetActiveSnapshot(), 0, NULL);
	while (*tried < ROWS_TRIED && table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		try_row(conversion, desc, slot, RelationGetDescr(rel)->natts, lossy);
		conversion_reset(conversion);
		(*tried)++;
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
}

/* Return whether what down makes of up differs from the old value in some row. */
static bool
try_out(const Request *request)
{
	int			tried = 0;
	bool		lossy = false;
	List	   *relids;
	ListCell   *lc;

	LockRelationOid(request->expansion.relid, AccessShareLock);
	relids = find_all_inheritors(request->expansion.relid, AccessShareLock, NULL);
	foreach(lc, relids)
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);
		TupleDesc	desc = expanded_descriptor(rel, request);
		Conversion *conversion = conversion_make(desc, rel->rd_rel->relowner,
												 &request->expansion, true);
		OwnerState	state = owner_enter(rel->rd_rel->relowner);

		try_rows(rel, conversion, desc, &tried, &lossy);
		owner_leave(&state);
		table_close(rel, NoLock);
	}
	return lossy;
}

/* ---- plan ---- */

static List *
add_step(List *steps, ExpansionPhase phase, const char *statement, const char *lock,
		 const char *note)
{
	Step	   *step = palloc0_object(Step);

	step->phase = phase;
	step->statement = statement;
	step->lock = lock;
	step->note = note;
	return lappend(steps, step);
}

/* Return "COLLATE x" if the new column is of the old one's type, whose collation it lacks. */
static const char *
collation_clause(const Request *request)
{
	Oid			type;
	int32		typmod;
	Oid			collation;

	get_atttypetypmodcoll(request->expansion.relid,
						  get_attnum(request->expansion.relid, request->expansion.old_column),
						  &type, &typmod, &collation);
	if (!OidIsValid(collation) || !OidIsValid(get_typcollation(request->type)) ||
		collation == get_typcollation(type))
		return "";
	return psprintf(" COLLATE %s", generate_collation_name(collation));
}

/* Add the statements that make the trigger; children but partitions need one each. */
static List *
add_trigger_steps(List *steps, const ColumnExpansion *expansion)
{
	List	   *relids = list_make1_oid(expansion->relid);
	ListCell   *lc;

	if (get_rel_relkind(expansion->relid) != RELKIND_PARTITIONED_TABLE)
		relids = find_all_inheritors(expansion->relid, NoLock, NULL);
	foreach(lc, relids)
	{
		char	   *table = qualified_table(lfirst_oid(lc));
		const char *trigger = quote_identifier(expansion->trigger);

		steps = add_step(steps, PHASE_EXPANDED,
						 psprintf("CREATE TRIGGER %s BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION compat_guard.dual_write(%s, %s, %s)",
								  trigger, table, quote_literal_cstr(expansion->name),
								  quote_literal_cstr(expansion->old_column),
								  quote_literal_cstr(expansion->new_column)),
						 "SHARE ROW EXCLUSIVE", "writes both columns, whoever writes one");
		steps = add_step(steps, PHASE_EXPANDED,
						 psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s", table, trigger),
						 "SHARE ROW EXCLUSIVE", "also for rows that replication applies");
	}
	return steps;
}

static List *
expand_steps(const Request *request)
{
	const ColumnExpansion *expansion = &request->expansion;
	List	   *steps;
	ListCell   *lc;

	steps = add_step(NIL, PHASE_EXPANDED,
					 psprintf("ALTER TABLE %s ADD COLUMN %s %s%s", qualified_table(expansion->relid),
							  quote_identifier(expansion->new_column), request->type_name,
							  collation_clause(request)),
					 "ACCESS EXCLUSIVE", "for a moment: no row is read or written");
	steps = add_trigger_steps(steps, expansion);
	foreach(lc, follow_at_once(expansion))
		steps = add_step(steps, PHASE_EXPANDED, lfirst(lc), NULL, NULL);
	return steps;
}

static List *
later_steps(const ColumnExpansion *expansion)
{
	const char *name = quote_literal_cstr(expansion->name);
	List	   *steps = NIL;
	ListCell   *lc;

	steps = add_step(steps, PHASE_MIGRATED, psprintf("CALL compat_guard.backfill(%s)", name),
					 "ROW EXCLUSIVE", "batch by batch; then proves that the columns agree in every row");
	foreach(lc, follow_indexes(expansion))
		steps = add_step(steps, PHASE_MIGRATED, ((IndexCopy *) lfirst(lc))->statement,
						 "SHARE UPDATE EXCLUSIVE", "to be run outside a transaction block");
	steps = add_step(steps, PHASE_CONTRACTED, NULL, NULL,
					 psprintf("deploy the versions that use %s, and retire those that use %s",
							  quote_identifier(expansion->new_column),
							  quote_identifier(expansion->old_column)));
	foreach(lc, follow_not(expansion))
		steps = add_step(steps, PHASE_CONTRACTED, NULL, NULL, lfirst(lc));
	return add_step(steps, PHASE_CONTRACTED, psprintf("CALL compat_guard.contract(%s)", name),
					"ACCESS EXCLUSIVE", "for a moment: drops the trigger and the old column");
}

static void
return_steps(ReturnSetInfo *rsinfo, List *steps)
{
	ListCell   *lc;

	foreach(lc, steps)
	{
		Step	   *step = lfirst(lc);
		Datum		values[5];
		bool		nulls[5] = {false};

		values[0] = Int32GetDatum(foreach_current_index(lc) + 1);
		values[1] = CStringGetTextDatum(expansion_phase_name(step->phase));
		nulls[2] = step->statement == NULL;
		values[2] = nulls[2] ? (Datum) 0 : CStringGetTextDatum(step->statement);
		nulls[3] = step->lock == NULL;
		values[3] = nulls[3] ? (Datum) 0 : CStringGetTextDatum(step->lock);
		nulls[4] = step->note == NULL;
		values[4] = nulls[4] ? (Datum) 0 : CStringGetTextDatum(step->note);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/* ---- arguments ---- */

/* Raise an error unless the name can be that of an object. */
static char *
object_name_argument(FunctionCallInfo fcinfo, int arg, const char *what)
{
	char	   *name = text_argument(fcinfo, arg, what);

	if (name[0] == '\0' || strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("%s must have 1 to %d bytes", what, NAMEDATALEN - 1)));
	return name;
}

static void
read_columns(FunctionCallInfo fcinfo, Request *request)
{
	ColumnExpansion *expansion = &request->expansion;

	expansion->old_column = object_name_argument(fcinfo, 1, "old column");
	expansion->new_column = object_name_argument(fcinfo, 2, "new column");
	if (get_attnum(expansion->relid, expansion->old_column) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table %s does not exist",
						shown(expansion->old_column), qualified_table(expansion->relid))));
	if (get_attnum(expansion->relid, expansion->new_column) != InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_COLUMN),
				 errmsg("column \"%s\" of table %s already exists",
						shown(expansion->new_column), qualified_table(expansion->relid))));
	(void) compat_parse_type(text_argument(fcinfo, 3, "type"), &request->type, &request->typmod);
	request->type_name = format_type_extended(request->type, request->typmod,
											  FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
	if (get_typtype(request->type) == TYPTYPE_PSEUDO)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("column \"%s\" cannot be of type %s", shown(expansion->new_column),
						request->type_name)));
}

/* Raise an error if an expansion that is running has the name, or one of the columns. */
static void
check_others(const ColumnExpansion *expansion)
{
	ListCell   *lc;

	foreach(lc, registry_running_expansions())
	{
		ColumnExpansion *other = lfirst(lc);

		if (strcmp(other->name, expansion->name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_GUARD_EXPANSION),
					 errmsg("expansion \"%s\" is running already", shown(other->name))));
		if (other->relid == expansion->relid)
			ereport(ERROR,
					(errcode(ERRCODE_GUARD_EXPANSION),
					 errmsg("expansion \"%s\" is running on table %s", shown(other->name),
							qualified_table(other->relid)),
					 errdetail("A table has one expansion at a time.")));
	}
}

static void
read_request(FunctionCallInfo fcinfo, Request *request)
{
	ColumnExpansion *expansion = &request->expansion;
	char	   *on_error = text_argument(fcinfo, 7, "on_error");

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("relation must not be null")));
	expansion->relid = PG_GETARG_OID(0);
	if (get_rel_name(expansion->relid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", expansion->relid)));
	if (!compat_relation_ownercheck(expansion->relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER,
					   get_relkind_objtype(get_rel_relkind(expansion->relid)),
					   get_rel_name(expansion->relid));
	read_columns(fcinfo, request);
	expansion->up = text_argument(fcinfo, 4, "up");
	expansion->down = text_argument(fcinfo, 5, "down");
	expansion->name = PG_ARGISNULL(6)
		? makeObjectName(get_rel_name(expansion->relid), expansion->new_column, NULL)
		: object_name_argument(fcinfo, 6, "name");
	expansion->trigger = makeObjectName("~~~compat_guard", expansion->name, NULL);
	if (strcmp(on_error, "reject") != 0 && strcmp(on_error, "null") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("on_error must be reject or null")));
	expansion->null_on_error = strcmp(on_error, "null") == 0;
}

/* ---- expansion ---- */

/*
 * up and down are read with the caller's search path, and stored so that no search path
 * matters any more.
 */
static void
qualify_expressions(ColumnExpansion *expansion)
{
	Relation	rel = table_open(expansion->relid, NoLock);
	Conversion *conversion = conversion_make(RelationGetDescr(rel), rel->rd_rel->relowner,
											 expansion, true);

	expansion->up = follow_text(expansion->relid, (Node *) conversion->up_expr);
	expansion->down = follow_text(expansion->relid, (Node *) conversion->down_expr);
	table_close(rel, NoLock);
}

static void
expand(Request *request, List *steps)
{
	ColumnExpansion *expansion = &request->expansion;
	ListCell   *lc;

	foreach(lc, steps)
		run_sql(((Step *) lfirst(lc))->statement);
	qualify_expressions(expansion);
	registry_insert_expansion(expansion);
	require_undamaged(expansion);
}

/*
 * compat_guard.expand_column(relation regclass, old_column text, new_column text,
 *		type text, up text, down text, name text, on_error text, dry_run boolean)
 *		returns setof (step, phase, statement, lock, note)
 */
Datum
compat_guard_expand_column(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Request		request = {0};
	bool		dry_run = !PG_ARGISNULL(8) && PG_GETARG_BOOL(8);
	List	   *steps;
	List	   *later;

	InitMaterializedSRF(fcinfo, 0);
	guard_require_version();
	registry_lock(REGISTRY_LOCK_AGAINST_DROP);
	read_request(fcinfo, &request);
	check_others(&request.expansion);
	follow_check_supported(request.expansion.relid, request.expansion.old_column);
	if (try_out(&request))
		ereport(NOTICE,
				(errmsg("down does not give back what up was given, for some rows"),
				 errdetail("Such a row keeps the value of the old column until a statement writes another one into the new column.")));
	steps = expand_steps(&request);
	later = later_steps(&request.expansion);
	if (!dry_run)
	{
		PreventCommandIfReadOnly("compat_guard.expand_column()");
		lock_table_exclusively(request.expansion.relid);
		check_others(&request.expansion);
		follow_check_supported(request.expansion.relid, request.expansion.old_column);
		expand(&request, steps);
	}
	return_steps(rsinfo, list_concat(steps, later));
	return (Datum) 0;
}
