/*
 * end_expansion.c
 *		End an expansion: remove the old column, or the new one.
 *
 * Whether a live version needs what goes is judged as with any change: by the guard's
 * hooks, when the DDL that is run here is done.  contract() looks into what is stored
 * about the versions first, so that nothing is locked in vain.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/shown.h"
#include "base/text_list.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "executor/spi.h"
#include "expand/expand_internal.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

GUARD_FUNCTION(compat_guard_contract);
GUARD_FUNCTION(compat_guard_abandon);

/* ---- may it be contracted? ---- */

static void
require_migrated(const ColumnExpansion *expansion)
{
	Agreement	agreement;

	require_undamaged(expansion);
	if (expansion->phase != PHASE_MIGRATED)
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_EXPANSION),
				 errmsg("expansion \"%s\" is not migrated", shown(expansion->name)),
				 errhint("CALL compat_guard.backfill(%s);", shown_literal(expansion->name))));
	agreement = agreement_verify(expansion);
	if (!agreement_is_complete(&agreement))
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_EXPANSION),
				 errmsg("expansion \"%s\" is not migrated", shown(expansion->name)),
				 errdetail("%s", agreement_problem(&agreement)),
				 errhint("CALL compat_guard.backfill(%s);", shown_literal(expansion->name))));
}

/* Raise an error if a live version needs the old column, by what is stored. */
static void
require_unused(const ColumnExpansion *expansion)
{
	ObjectName	column = {
		.classid = AttributeRelationId,
		.schema = get_namespace_name(get_rel_namespace(expansion->relid)),
		.name = psprintf("%s.%s", get_rel_name(expansion->relid), expansion->old_column)
	};
	List	   *versions = NIL;
	ListCell   *lc;

	foreach(lc, registry_live_versions_that_need(list_make1(&column)))
	{
		Version    *version = lfirst(lc);

		versions = lappend(versions, psprintf("%s %s", shown(registry_app_name(version->app_id)),
											  shown(version->name)));
	}
	if (versions != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_BREAKS_VERSION),
				 errmsg("column \"%s\" of table %s is still needed", expansion->old_column,
						qualified_table(expansion->relid)),
				 errdetail("It is needed by %s.", text_list_join(versions, ", ")),
				 errhint("Deploy a version that uses \"%s\", and retire the old ones once no instance of them runs any more.",
						 expansion->new_column)));
}

/* Raise an error if an index of the old column has no copy yet. */
static void
require_indexes(const ColumnExpansion *expansion)
{
	ListCell   *lc;

	foreach(lc, follow_indexes(expansion))
	{
		IndexCopy  *copy = lfirst(lc);

		if (!copy->exists)
			ereport(ERROR,
					(errcode(ERRCODE_GUARD_EXPANSION),
					 errmsg("index \"%s\" has no valid copy for column \"%s\"", copy->original,
							expansion->new_column),
					 errhint("%s;", copy->statement)));
	}
}

/* ---- contract ---- */

#define CONSTRAINT_SQL \
	"SELECT convalidated FROM pg_catalog.pg_constraint WHERE conrelid = %u AND conname = %s"

static bool
constraint_exists(Oid relid, const char *name, bool *validated)
{
	List	   *found = query_texts(psprintf(CONSTRAINT_SQL, relid, quote_literal_cstr(name)));

	*validated = found != NIL && strcmp(linitial(found), "t") == 0;
	return found != NIL;
}

/* Add the constraints NOT VALID to the table, which is locked; return whether there are any. */
static bool
add_constraints(const ColumnExpansion *expansion)
{
	List	   *copies;
	ListCell   *lc;

	copies = follow_constraints(expansion);
	foreach(lc, copies)
	{
		ConstraintCopy *copy = lfirst(lc);
		bool		validated;

		if (!constraint_exists(expansion->relid, copy->name, &validated))
			run_sql(psprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s) NOT VALID",
							 qualified_table(expansion->relid), quote_identifier(copy->name),
							 copy->expression));
	}
	return copies != NIL;
}

/* Run a statement that may evaluate code of the table's owner, as the owner. */
static void
run_as_owner(const ColumnExpansion *expansion, const char *sql)
{
	Relation	rel = table_open(expansion->relid, NoLock);
	Oid			owner = rel->rd_rel->relowner;
	OwnerState	state;

	table_close(rel, NoLock);
	state = owner_enter(owner);
	run_sql(sql);
	owner_leave(&state);
}

static void
validate_constraints(const ColumnExpansion *expansion)
{
	ListCell   *lc;

	LockRelationOid(expansion->relid, ShareUpdateExclusiveLock);
	foreach(lc, follow_constraints(expansion))
	{
		ConstraintCopy *copy = lfirst(lc);
		bool		validated;

		if (constraint_exists(expansion->relid, copy->name, &validated) && !validated)
			run_as_owner(expansion,
						 psprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s",
								  qualified_table(expansion->relid), quote_identifier(copy->name)));
	}
}

#define TRIGGERS_SQL \
	"SELECT tgname FROM pg_catalog.pg_trigger WHERE tgrelid = %u AND tgfoid = 'compat_guard.dual_write()'::pg_catalog.regprocedure AND tgparentid = 0"

/* Drop the expansion's triggers; those of partitions go with that of their parent. */
static void
drop_triggers(const ColumnExpansion *expansion)
{
	ListCell   *lc;

	foreach(lc, find_all_inheritors(expansion->relid, NoLock, NULL))
	{
		Oid			relid = lfirst_oid(lc);
		ListCell   *lct;

		/* Whatever its name is now: a table has one expansion at a time. */
		foreach(lct, query_texts(psprintf(TRIGGERS_SQL, relid)))
			run_sql(psprintf("DROP TRIGGER %s ON %s", quote_identifier(lfirst(lct)),
							 qualified_table(relid)));
	}
}

/* Give the copies of indexes the names of the originals, which are gone. */
static void
rename_indexes(const ColumnExpansion *expansion, List *copies)
{
	char	   *schema = get_namespace_name(get_rel_namespace(expansion->relid));
	ListCell   *lc;

	foreach(lc, copies)
	{
		IndexCopy  *copy = lfirst(lc);

		if (copy->constraint)
			run_sql(psprintf("ALTER TABLE %s ADD CONSTRAINT %s UNIQUE USING INDEX %s",
							 qualified_table(expansion->relid), quote_identifier(copy->original),
							 quote_identifier(copy->name)));
		else
			run_sql(psprintf("ALTER INDEX %s RENAME TO %s",
							 quote_qualified_identifier(schema, copy->name),
							 quote_identifier(copy->original)));
	}
}

static void
settle_constraints(const ColumnExpansion *expansion, List *copies)
{
	char	   *table = qualified_table(expansion->relid);
	ListCell   *lc;

	foreach(lc, copies)
	{
		ConstraintCopy *copy = lfirst(lc);

		if (copy->original == NULL)
			run_as_owner(expansion,
						 psprintf("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL, DROP CONSTRAINT %s",
								  table, quote_identifier(expansion->new_column),
								  quote_identifier(copy->name)));
		else
			run_sql(psprintf("ALTER TABLE %s RENAME CONSTRAINT %s TO %s", table,
							 quote_identifier(copy->name), quote_identifier(copy->original)));
	}
}

/* Remove trigger and old column of the table, which is locked, in this transaction. */
static void
remove_old(ColumnExpansion *expansion)
{
	char	   *table = qualified_table(expansion->relid);
	char	   *def;
	List	   *indexes;
	List	   *constraints;

	require_undamaged(expansion);
	require_indexes(expansion);
	def = follow_default(expansion);
	indexes = follow_indexes(expansion);
	constraints = follow_constraints(expansion);

	drop_triggers(expansion);
	run_sql(psprintf("ALTER TABLE %s DROP COLUMN %s", table,
					 quote_identifier(expansion->old_column)));
	if (def != NULL)
		run_sql(psprintf("ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s", table,
						 quote_identifier(expansion->new_column), def));
	settle_constraints(expansion, constraints);
	rename_indexes(expansion, indexes);
	expansion->phase = PHASE_CONTRACTED;
	registry_update_expansion(expansion);
}

static void
next_transaction(void)
{
	PopActiveSnapshot();
	SPI_commit();
	XactIsoLevel = XACT_READ_COMMITTED;
	PushActiveSnapshot(GetTransactionSnapshot());
}

/*
 * compat_guard.contract(name text)
 *
 * Commits before it begins, and if there are constraints after each step with them.
 */
Datum
compat_guard_contract(PG_FUNCTION_ARGS)
{
	CallContext *call = (CallContext *) fcinfo->context;
	char	   *name = text_argument(fcinfo, 0, "name");
	ColumnExpansion *expansion;

	if (call == NULL || !IsA(call, CallContext) || call->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("compat_guard.contract() cannot run in a transaction block or a function"),
				 errdetail("It commits between its steps.")));
	PreventCommandIfReadOnly("compat_guard.contract()");

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	PushActiveSnapshot(GetTransactionSnapshot());
	expansion = require_expansion(name, false);
	require_unused(expansion);
	require_migrated(expansion);
	require_indexes(expansion);

	next_transaction();
	if (add_constraints(require_expansion_exclusively(name)))
	{
		next_transaction();
		validate_constraints(require_expansion(name, false));
	}
	next_transaction();
	expansion = require_expansion_exclusively(name);
	require_unused(expansion);
	remove_old(expansion);
	PopActiveSnapshot();
	SPI_finish();
	PG_RETURN_NULL();
}

/* ---- abandon ---- */

/*
 * compat_guard.abandon(name text) returns void
 *
 * The new column goes with all that belongs to it, in the caller's transaction.
 */
Datum
compat_guard_abandon(PG_FUNCTION_ARGS)
{
	ColumnExpansion *expansion = require_expansion_exclusively(text_argument(fcinfo, 0, "name"));

	PreventCommandIfReadOnly("compat_guard.abandon()");
	if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(expansion->relid)))
	{
		drop_triggers(expansion);
		run_sql(psprintf("ALTER TABLE %s DROP COLUMN IF EXISTS %s", qualified_table(expansion->relid),
						 quote_identifier(expansion->new_column)));
	}
	expansion->phase = PHASE_ABANDONED;
	registry_update_expansion(expansion);
	PG_RETURN_VOID();
}
