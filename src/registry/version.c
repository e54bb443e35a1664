/*
 * version.c
 *		Apps and their versions.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "registry/registry.h"
#include "registry/store.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

static Datum
user_name_datum(void)
{
	return CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
}

/* ---- apps ---- */

static App *
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
	Relation	rel = store_open("app", APP_NATTS, AccessShareLock);
	StoreScan	scan;
	HeapTuple	tup;
	App		   *app = NULL;

	scan_init(&scan);
	scan_key_text(&scan, name);
	scan_begin(&scan, rel, "app_name_idx", NULL);
	tup = scan_next(&scan);
	if (HeapTupleIsValid(tup))
		app = app_from_tuple(rel, tup);
	scan_end(&scan);
	table_close(rel, AccessShareLock);
	return app;
}

typedef struct RowToInsert
{
	Relation	rel;
	Row		   *row;
} RowToInsert;

static void
insert_row(void *arg)
{
	RowToInsert *insert = arg;

	store_insert(insert->rel, insert->row);
}

/* Insert row unless scan's keys find one in the unique index. */
static bool
insert_unless_present(Relation rel, Row *row, StoreScan *scan, const char *index)
{
	RowToInsert insert = {rel, row};

	while (!HeapTupleIsValid(scan_settled(scan, rel, index)))
	{
		if (store_unless_duplicate(insert_row, &insert))
			return true;
	}
	return false;
}

bool
registry_insert_app(const char *name, const char *owner)
{
	Relation	rel = store_open("app", APP_NATTS, RowExclusiveLock);
	StoreScan	scan;
	Row			row;
	bool		inserted;

	row_init(&row);
	row_set(&row, APP_ID, Int64GetDatum(store_next_id()));
	row_set_text(&row, APP_NAME, name);
	row_set_text(&row, APP_OWNER, owner);

	scan_init(&scan);
	scan_key_text(&scan, name);
	inserted = insert_unless_present(rel, &row, &scan, "app_name_idx");
	table_close(rel, NoLock);
	return inserted;
}

/* ---- versions ---- */

static Version *
version_from_tuple(Relation rel, HeapTuple tup)
{
	Version    *version = palloc0_object(Version);

	version->id = tuple_int64(rel, tup, VERSION_ID);
	version->app_id = tuple_int64(rel, tup, VERSION_APP_ID);
	version->name = tuple_text(rel, tup, VERSION_NAME);
	version->role = tuple_text(rel, tup, VERSION_ROLE);
	version->digest = DatumGetByteaPCopy(heap_getattr(tup, VERSION_DIGEST,
													  RelationGetDescr(rel),
													  &(bool) {0}));
	version->nrequirements = tuple_int64(rel, tup, VERSION_REQUIREMENTS);
	version->retired = !tuple_is_null(rel, tup, VERSION_RETIRED_AT);
	return version;
}

Version *
registry_find_version(const App *app, const char *name)
{
	Relation	rel = store_open("version", VERSION_NATTS, AccessShareLock);
	StoreScan	scan;
	HeapTuple	tup;
	Version    *version = NULL;

	scan_init(&scan);
	scan_key_int64(&scan, app->id);
	scan_key_text(&scan, name);
	scan_begin(&scan, rel, "version_name_idx", NULL);
	tup = scan_next(&scan);
	if (HeapTupleIsValid(tup))
	{
		version = version_from_tuple(rel, tup);
		version->app = app->name;
	}
	scan_end(&scan);
	table_close(rel, AccessShareLock);
	return version;
}

/* The columns that a contract decides, and who said so. */
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
	Relation	rel = store_open("version", VERSION_NATTS, RowExclusiveLock);
	StoreScan	scan;
	Row			row;
	bool		inserted;

	*id = store_next_id();
	row_init(&row);
	row_set(&row, VERSION_ID, Int64GetDatum(*id));
	row_set(&row, VERSION_APP_ID, Int64GetDatum(app->id));
	row_set_text(&row, VERSION_NAME, name);
	set_contract_columns(&row, contract, nrequirements);

	scan_init(&scan);
	scan_key_int64(&scan, app->id);
	scan_key_text(&scan, name);
	inserted = insert_unless_present(rel, &row, &scan, "version_name_idx");
	table_close(rel, NoLock);
	return inserted;
}

Version *
registry_load_version(int64 id)
{
	Relation	rel = store_open("version", VERSION_NATTS, AccessShareLock);
	StoreScan	scan;
	HeapTuple	tup;
	Version    *version = NULL;

	scan_init(&scan);
	scan_key_int64(&scan, id);
	scan_begin(&scan, rel, "version_pkey", NULL);
	tup = scan_next(&scan);
	if (HeapTupleIsValid(tup))
		version = version_from_tuple(rel, tup);
	scan_end(&scan);
	table_close(rel, AccessShareLock);
	return version;
}

/*
 * Update or delete a version's row, once whoever else is changing it has
 * ended.  row NULL deletes.  Raises where the version has gone meanwhile.
 */
static void
change_version(const Version *version, Row *row)
{
	Relation	rel = store_open("version", VERSION_NATTS, RowExclusiveLock);
	StoreScan	scan;
	HeapTuple	tup;

	scan_init(&scan);
	scan_key_int64(&scan, version->id);
	tup = scan_settled(&scan, rel, "version_pkey");
	if (!HeapTupleIsValid(tup))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("version \"%s\" of app \"%s\" was forgotten by a concurrent transaction",
						version->name, version->app)));
	if (row != NULL)
		store_update(rel, tup, row);
	else
		store_delete(rel, tup);
	table_close(rel, NoLock);
}

void
registry_update_version(const Version *version, const Contract *contract,
						int64 nrequirements)
{
	Row			row;

	row_init(&row);
	set_contract_columns(&row, contract, nrequirements);
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
registry_delete_version(const Version *version)
{
	change_version(version, NULL);
}

static int
newest_first(const ListCell *a, const ListCell *b)
{
	int64		ida = ((Version *) lfirst(a))->id;
	int64		idb = ((Version *) lfirst(b))->id;

	return (ida < idb) - (ida > idb);
}

List *
registry_live_versions(void)
{
	Relation	rel = store_open("version", VERSION_NATTS, AccessShareLock);
	StoreScan	scan;
	HeapTuple	tup;
	List	   *versions = NIL;

	scan_init(&scan);
	scan_key_null(&scan);
	scan_begin(&scan, rel, "version_retired_idx", NULL);
	while (HeapTupleIsValid(tup = scan_next(&scan)))
		versions = lappend(versions, version_from_tuple(rel, tup));
	scan_end(&scan);

	list_sort(versions, newest_first);
	table_close(rel, AccessShareLock);
	return versions;
}

int64
registry_requirements_of_owner(const char *owner)
{
	Relation	rel = store_open("app", APP_NATTS, AccessShareLock);
	StoreScan	scan;
	HeapTuple	tup;
	List	   *live = registry_live_versions();
	ListCell   *lc;
	int64		n = 0;

	scan_init(&scan);
	scan_begin(&scan, rel, "app_pkey", NULL);
	while (HeapTupleIsValid(tup = scan_next(&scan)))
	{
		App		   *app = app_from_tuple(rel, tup);

		if (strcmp(app->owner, owner) != 0)
			continue;
		foreach(lc, live)
		{
			Version    *version = lfirst(lc);

			if (version->app_id == app->id)
				n += version->nrequirements;
		}
	}
	scan_end(&scan);
	table_close(rel, AccessShareLock);
	return n;
}

char *
registry_app_name(int64 app_id)
{
	Relation	rel = store_open("app", APP_NATTS, AccessShareLock);
	StoreScan	scan;
	HeapTuple	tup;
	char	   *name;

	scan_init(&scan);
	scan_key_int64(&scan, app_id);
	scan_begin(&scan, rel, "app_pkey", NULL);
	tup = scan_next(&scan);
	if (!HeapTupleIsValid(tup))
		registry_report_missing("app", app_id);
	name = tuple_text(rel, tup, APP_NAME);
	scan_end(&scan);
	table_close(rel, AccessShareLock);
	return name;
}

void
registry_delete_app_if_empty(const App *app)
{
	Relation	versions = store_open("version", VERSION_NATTS, AccessShareLock);
	Relation	apps = store_open("app", APP_NATTS, RowExclusiveLock);
	StoreScan	scan;
	HeapTuple	tup;
	bool		empty;

	scan_init(&scan);
	scan_key_int64(&scan, app->id);
	scan_begin(&scan, versions, "version_name_idx", NULL);
	empty = !HeapTupleIsValid(scan_next(&scan));
	scan_end(&scan);

	scan_init(&scan);
	scan_key_int64(&scan, app->id);
	tup = empty ? scan_settled(&scan, apps, "app_pkey") : NULL;
	if (HeapTupleIsValid(tup))
		store_delete(apps, tup);
	table_close(apps, NoLock);
	table_close(versions, AccessShareLock);
}
