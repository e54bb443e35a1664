/*
 * version.c
 *		Apps and their versions.
 */
#include "postgres.h"

#include "base/shown.h"
#include "miscadmin.h"
#include "registry/registry.h"
#include "registry/registry_internal.h"
#include "utils/builtins.h"

static Datum
user_name_datum(void)
{
	return CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
}

/* ---- apps ---- */

App *
app_from_tuple(Relation rel, HeapTuple tup)
{
	App		   *app = palloc0_object(App);

	app->id = tuple_int64(rel, tup, APP_ID);
	app->name = tuple_text(rel, tup, APP_NAME);
	app->owner = tuple_text(rel, tup, APP_OWNER);
	return app;
}

App *
registry_find_app(const char *name)
{
	StoreScan	scan;
	HeapTuple	tup;
	App		   *app = NULL;

	scan_open(&scan, "app", AccessShareLock);
	scan_key_text(&scan, name);
	tup = scan_first(&scan, "app_name_idx");
	if (HeapTupleIsValid(tup))
		app = app_from_tuple(scan.rel, tup);
	scan_close(&scan);
	return app;
}

bool
registry_insert_app(const char *name, const char *owner)
{
	StoreScan	scan;
	Row			row;
	bool		inserted;

	row_init(&row);
	row_set(&row, APP_ID, Int64GetDatum(store_next_id("id_seq")));
	row_set_text(&row, APP_NAME, name);
	row_set_text(&row, APP_OWNER, owner);

	scan_open(&scan, "app", RowExclusiveLock);
	scan_key_text(&scan, name);
	inserted = store_insert_unless_present(&scan, "app_name_idx", &row);
	scan_close(&scan);
	return inserted;
}

/* ---- versions ---- */

Version *
version_from_tuple(Relation rel, HeapTuple tup)
{
	Version    *version = palloc0_object(Version);
	bool		isnull;

	version->id = tuple_int64(rel, tup, VERSION_ID);
	version->app_id = tuple_int64(rel, tup, VERSION_APP_ID);
	version->name = tuple_text(rel, tup, VERSION_NAME);
	version->role = tuple_text(rel, tup, VERSION_ROLE);
	version->digest = DatumGetByteaPCopy(heap_getattr(tup, VERSION_DIGEST,
													  RelationGetDescr(rel),
													  &isnull));
	version->nrequirements = tuple_int64(rel, tup, VERSION_REQUIREMENTS);
	version->retired = !tuple_is_null(rel, tup, VERSION_RETIRED_AT);
	version->skipped = !tuple_is_null(rel, tup, VERSION_SKIPPED_AT);
	version->attaches = tuple_bool(rel, tup, VERSION_USES_SESSIONS);
	version->leases = tuple_bool(rel, tup, VERSION_USES_LEASES);
	version->has_support = !tuple_is_null(rel, tup, VERSION_SUPPORTED_UNTIL);
	version->supported_until = tuple_int64(rel, tup, VERSION_SUPPORTED_UNTIL);
	version->replaces = tuple_text(rel, tup, VERSION_REPLACES);
	version->replaced_by = tuple_text(rel, tup, VERSION_REPLACED_BY);
	return version;
}

/* Return the version that an index has for the keys of a scan, or NULL; close the scan. */
static Version *
scanned_version(StoreScan *scan, const char *index)
{
	HeapTuple	tup = scan_first(scan, index);
	Version    *version = HeapTupleIsValid(tup) ? version_from_tuple(scan->rel, tup) : NULL;

	scan_close(scan);
	return version;
}

Version *
registry_find_version(const App *app, const char *name)
{
	StoreScan	scan;
	Version    *version;

	scan_open(&scan, "version", AccessShareLock);
	scan_key_int64(&scan, app->id);
	scan_key_text(&scan, name);
	version = scanned_version(&scan, "version_name_idx");
	if (version != NULL)
		version->app = app->name;
	return version;
}

/* Set the columns that a registration decides. */
static void
set_contract_columns(Row *row, const Contract *contract, int64 nrequirements)
{
	row_set(row, VERSION_DIGEST, PointerGetDatum(contract->digest));
	row_set_text(row, VERSION_ROLE, contract->role);
	row_set_text(row, VERSION_SEARCH_PATH, contract->search_path);
	row_set(row, VERSION_REQUIREMENTS, Int64GetDatum(nrequirements));
	row_set(row, VERSION_REGISTERED_BY, user_name_datum());
	row_set(row, VERSION_REGISTERED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
}

bool
registry_insert_version(const App *app, const char *name,
						const Contract *contract, int64 nrequirements, int64 *id)
{
	StoreScan	scan;
	Row			row;
	bool		inserted;

	*id = store_next_id("id_seq");
	row_init(&row);
	row_set(&row, VERSION_ID, Int64GetDatum(*id));
	row_set(&row, VERSION_APP_ID, Int64GetDatum(app->id));
	row_set_text(&row, VERSION_NAME, name);
	set_contract_columns(&row, contract, nrequirements);
	row_set(&row, VERSION_USES_SESSIONS, BoolGetDatum(false));
	row_set(&row, VERSION_USES_LEASES, BoolGetDatum(false));

	scan_open(&scan, "version", RowExclusiveLock);
	scan_key_int64(&scan, app->id);
	scan_key_text(&scan, name);
	inserted = store_insert_unless_present(&scan, "version_name_idx", &row);
	scan_close(&scan);
	return inserted;
}

Version *
registry_load_version(int64 id)
{
	StoreScan	scan;

	scan_open(&scan, "version", AccessShareLock);
	scan_key_int64(&scan, id);
	return scanned_version(&scan, "version_pkey");
}

/*
 * Update a version's row, or delete it if row is NULL.  Wait for a transaction that is
 * changing it.  Raise an error if the version is gone.
 */
static void
change_version(const Version *version, Row *row)
{
	StoreScan	scan;
	HeapTuple	tup;

	scan_open(&scan, "version", RowExclusiveLock);
	scan_key_int64(&scan, version->id);
	tup = scan_settled(&scan, "version_pkey");
	if (!HeapTupleIsValid(tup))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("version \"%s\" was forgotten by a concurrent transaction",
						shown(version->name))));
	if (row != NULL)
		store_update(scan.rel, tup, row);
	else
		store_delete(scan.rel, tup);
	scan_close(&scan);
}

void
registry_update_version(const Version *version, const Contract *contract,
						int64 nrequirements)
{
	Row			row;

	row_init(&row);
	set_contract_columns(&row, contract, nrequirements);
	row_set_null(&row, VERSION_SKIPPED_AT); /* all of it was just verified */
	change_version(version, &row);
}

void
registry_set_requirement_count(const Version *version, int64 nrequirements)
{
	Row			row;

	row_init(&row);
	row_set(&row, VERSION_REQUIREMENTS, Int64GetDatum(nrequirements));
	change_version(version, &row);
}

void
registry_retire_version(const Version *version, const char *reason)
{
	Row			row;

	row_init(&row);
	row_set(&row, VERSION_RETIRED_BY, user_name_datum());
	row_set(&row, VERSION_RETIRED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	row_set_text(&row, VERSION_RETIRE_REASON, reason);
	change_version(version, &row);
}

void
registry_set_use(const Version *version, bool attaches, bool leases)
{
	Row			row;

	row_init(&row);
	row_set(&row, VERSION_USES_SESSIONS, BoolGetDatum(attaches));
	row_set(&row, VERSION_USES_LEASES, BoolGetDatum(leases));
	change_version(version, &row);
}

void
registry_set_support(const Version *version, const TimestampTz *until)
{
	Row			row;

	row_init(&row);
	row_set_null(&row, VERSION_SUPPORTED_UNTIL);
	if (until != NULL)
		row_set(&row, VERSION_SUPPORTED_UNTIL, TimestampTzGetDatum(*until));
	change_version(version, &row);
}

void
registry_set_replaces(const Version *version, const char *other)
{
	Row			row;

	row_init(&row);
	row_set_text(&row, VERSION_REPLACES, other);
	change_version(version, &row);
}

void
registry_set_replaced_by(const Version *version, const char *other)
{
	Row			row;

	row_init(&row);
	row_set_null(&row, VERSION_REPLACED_BY);
	if (other != NULL)
		row_set_text(&row, VERSION_REPLACED_BY, other);
	change_version(version, &row);
}

void
registry_skip_version(const Version *version)
{
	Row			row;

	row_init(&row);
	row_set(&row, VERSION_SKIPPED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	change_version(version, &row);
}

bool
registry_mark_skipped(const Version *version)
{
	Version    *now;

	if (!registry_try_lock_row(version->id))
		return false;
	now = registry_load_version(version->id);
	if (now == NULL || now->skipped)
		return true;			/* another judgement was quicker */
	registry_skip_version(version);
	return true;
}

void
registry_activate_version(const Version *version)
{
	Row			row;

	row_init(&row);
	row_set_null(&row, VERSION_RETIRED_BY);
	row_set_null(&row, VERSION_RETIRED_AT);
	row_set_null(&row, VERSION_RETIRE_REASON);
	row_set_null(&row, VERSION_SKIPPED_AT);
	change_version(version, &row);
}

void
registry_delete_version(const Version *version)
{
	change_version(version, NULL);
}

char *
registry_app_name(int64 app_id)
{
	StoreScan	scan;
	HeapTuple	tup;
	char	   *name;

	scan_open(&scan, "app", AccessShareLock);
	tup = scan_find(&scan, "app_pkey", app_id);
	if (!HeapTupleIsValid(tup))
		registry_report_missing("app", app_id);
	name = tuple_text(scan.rel, tup, APP_NAME);
	scan_close(&scan);
	return name;
}

void
registry_delete_app_if_empty(const App *app)
{
	StoreScan	scan;
	HeapTuple	tup;
	bool		empty;

	scan_open(&scan, "version", AccessShareLock);
	empty = !HeapTupleIsValid(scan_find(&scan, "version_name_idx", app->id));
	scan_close(&scan);
	if (!empty)
		return;

	scan_open(&scan, "app", RowExclusiveLock);
	scan_key_int64(&scan, app->id);
	tup = scan_settled(&scan, "app_pkey");
	if (HeapTupleIsValid(tup))
		store_delete(scan.rel, tup);
	scan_close(&scan);
}
