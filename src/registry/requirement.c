/*
 * requirement.c
 *		Requirements and which version needs them.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "registry/registry.h"
#include "registry/store.h"
#include "utils/builtins.h"

/* Find a requirement of equal digest, or store it; sets req->id. */
static void
store_requirement(Requirement *req)
{
	Relation	rel = store_open("requirement", REQUIREMENT_NATTS, RowExclusiveLock);
	bytea	   *digest = requirement_digest(req);
	StoreScan	scan;
	HeapTuple	tup;

	scan_init(&scan);
	scan_key_bytea(&scan, digest);
	tup = scan_settled(&scan, rel, "requirement_digest_idx");
	if (!HeapTupleIsValid(tup))
	{
		Row			row;

		req->id = store_next_id("id_seq");
		row_init(&row);
		row_set(&row, REQUIREMENT_ID, Int64GetDatum(req->id));
		row_set(&row, REQUIREMENT_DIGEST, PointerGetDatum(digest));
		row_set_text(&row, REQUIREMENT_KINDNAME, requirement_kind_name(req->kind));
		row_set_text(&row, REQUIREMENT_OBJECT, req->object);
		row_set_json(&row, REQUIREMENT_EXPECTED, req->expected);
		row_set_json(&row, REQUIREMENT_BASELINE, req->baseline);
		row_set_text(&row, REQUIREMENT_ROLE, req->role);
		row_set_text(&row, REQUIREMENT_SEARCH_PATH, req->search_path);
		store_insert(rel, &row);
	}
	else
		req->id = tuple_int64(rel, tup, REQUIREMENT_ID);
	table_close(rel, NoLock);
}

/* The row of a requirement, copied; NULL if it is gone. */
static HeapTuple
requirement_tuple(Relation rel, int64 id)
{
	StoreScan	scan;
	HeapTuple	tup;

	scan_init(&scan);
	scan_key_int64(&scan, id);
	scan_begin(&scan, rel, "requirement_pkey", NULL);
	tup = scan_next(&scan);
	if (HeapTupleIsValid(tup))
		tup = heap_copytuple(tup);
	scan_end(&scan);
	return tup;
}

/*
 * A requirement that was registered before it could be met learns here what it
 * looked like when it first was.  Its digest stays: it says what was asked.
 */
void
registry_set_baseline(const Requirement *req, Jsonb *baseline)
{
	Relation	rel = store_open("requirement", REQUIREMENT_NATTS, RowExclusiveLock);
	HeapTuple	tup = requirement_tuple(rel, req->id);

	if (HeapTupleIsValid(tup))
	{
		Row			row;

		row_init(&row);
		row_set_json(&row, REQUIREMENT_BASELINE, baseline);
		store_update(rel, tup, &row);
	}
	table_close(rel, NoLock);
}

Requirement *
registry_load_requirement(int64 id)
{
	Relation	rel = store_open("requirement", REQUIREMENT_NATTS, AccessShareLock);
	HeapTuple	tup = requirement_tuple(rel, id);
	Requirement *req = NULL;

	if (HeapTupleIsValid(tup))
	{
		char	   *kind = tuple_text(rel, tup, REQUIREMENT_KINDNAME);

		req = palloc0_object(Requirement);
		req->id = id;
		if (!requirement_kind_by_name(kind, &req->kind))
			report_damage("requirement", psprintf("row %lld is of unknown kind \"%s\"",
												  (long long) id, kind));
		req->object = tuple_text(rel, tup, REQUIREMENT_OBJECT);
		req->expected = tuple_json(rel, tup, REQUIREMENT_EXPECTED);
		req->baseline = tuple_json(rel, tup, REQUIREMENT_BASELINE);
		req->role = tuple_text(rel, tup, REQUIREMENT_ROLE);
		req->search_path = tuple_text(rel, tup, REQUIREMENT_SEARCH_PATH);
	}
	table_close(rel, AccessShareLock);
	return req;
}

/* ---- links ---- */

static void
link_requirement(int64 version_id, int64 requirement_id)
{
	Relation	rel = store_open("version_requirement", LINK_NATTS, RowExclusiveLock);
	Row			row;

	row_init(&row);
	row_set(&row, LINK_VERSION_ID, Int64GetDatum(version_id));
	row_set(&row, LINK_REQUIREMENT_ID, Int64GetDatum(requirement_id));
	store_insert(rel, &row);
	table_close(rel, NoLock);
}

typedef struct StoreRequirements
{
	int64		version_id;
	Requirement **reqs;
	Observation **found;
	int			n;
} StoreRequirements;

static void
store_requirements(void *arg)
{
	StoreRequirements *store = arg;

	for (int i = 0; i < store->n; i++)
	{
		store_requirement(store->reqs[i]);
		link_requirement(store->version_id, store->reqs[i]->id);
		registry_save_state(store->reqs[i]->id, store->found[i]);
	}
}

void
registry_store_requirements(int64 version_id, Requirement **reqs,
							Observation **found, int n)
{
	StoreRequirements store = {version_id, reqs, found, n};

	/* All again if another registration stored one of them meanwhile. */
	while (!store_unless_duplicate(store_requirements, &store))
		CHECK_FOR_INTERRUPTS();
	CommandCounterIncrement();
}

typedef struct SaveStates
{
	Requirement **reqs;
	Observation **found;
	int			n;
	bool		ready;			/* nothing is unmet */
} SaveStates;

static void
save_states(void *arg)
{
	SaveStates *save = arg;

	for (int i = 0; i < save->n; i++)
	{
		Requirement *req = save->reqs[i];
		Observation *found = save->found[i];

		registry_save_state(req->id, found);
		if (save->ready && req->baseline == NULL && found->baseline != NULL &&
			found->state == STATE_MET)
		{
			registry_lock_row(req->id);
			if (registry_load_requirement(req->id)->baseline == NULL)
				registry_set_baseline(req, found->baseline);
		}
	}
}

void
registry_save_states(Requirement **reqs, Observation **found, int n)
{
	SaveStates	save = {reqs, found, n, true};

	for (int i = 0; i < n; i++)
		save.ready &= (found[i]->state != STATE_UNMET);

	/* Where there was no state yet, others may be saving one, too. */
	while (!store_unless_duplicate(save_states, &save))
		CHECK_FOR_INTERRUPTS();
	CommandCounterIncrement();
}

void
registry_unlink_all(int64 version_id)
{
	Relation	rel = store_open("version_requirement", LINK_NATTS, RowExclusiveLock);
	StoreScan	scan;
	HeapTuple	tup;

	scan_init(&scan);
	scan_key_int64(&scan, version_id);
	scan_begin(&scan, rel, "version_requirement_pkey", NULL);
	while (HeapTupleIsValid(tup = scan_next(&scan)))
		store_delete(rel, tup);
	scan_end(&scan);
	table_close(rel, NoLock);
}

bool
registry_is_linked(int64 version_id, int64 requirement_id)
{
	Relation	rel = store_open("version_requirement", LINK_NATTS, AccessShareLock);
	StoreScan	scan;
	bool		found;

	scan_init(&scan);
	scan_key_int64(&scan, version_id);
	scan_key_int64(&scan, requirement_id);
	scan_begin(&scan, rel, "version_requirement_pkey", NULL);
	found = HeapTupleIsValid(scan_next(&scan));
	scan_end(&scan);
	table_close(rel, AccessShareLock);
	return found;
}

bool
registry_any_link(int64 requirement_id, VersionTest test, void *arg)
{
	Relation	rel = store_open("version_requirement", LINK_NATTS, AccessShareLock);
	StoreScan	scan;
	HeapTuple	tup;
	bool		passed = false;

	scan_init(&scan);
	scan_key_int64(&scan, requirement_id);
	scan_begin_backward(&scan, rel, "version_requirement_idx");
	while (!passed && HeapTupleIsValid(tup = scan_next(&scan)))
		passed = test(tuple_int64(rel, tup, LINK_VERSION_ID), arg);
	scan_end(&scan);
	table_close(rel, AccessShareLock);
	return passed;
}

List *
registry_requirements_of(int64 version_id)
{
	Relation	rel = store_open("version_requirement", LINK_NATTS, AccessShareLock);
	StoreScan	scan;
	HeapTuple	tup;
	List	   *requirements = NIL;

	scan_init(&scan);
	scan_key_int64(&scan, version_id);
	scan_begin(&scan, rel, "version_requirement_pkey", NULL);
	while (HeapTupleIsValid(tup = scan_next(&scan)))
	{
		Requirement *req = registry_load_requirement(tuple_int64(rel, tup, LINK_REQUIREMENT_ID));

		if (req != NULL)
			requirements = lappend(requirements, req);
	}
	scan_end(&scan);
	table_close(rel, AccessShareLock);
	return requirements;
}

/* Delete every row that an index has for one requirement. */
static void
delete_rows(const char *table, int natts, const char *index, int64 requirement_id)
{
	Relation	rel = store_open(table, natts, RowExclusiveLock);
	StoreScan	scan;
	HeapTuple	tup;

	scan_init(&scan);
	scan_key_int64(&scan, requirement_id);
	scan_begin(&scan, rel, index, NULL);
	while (HeapTupleIsValid(tup = scan_next(&scan)))
		store_delete(rel, tup);
	scan_end(&scan);
	table_close(rel, NoLock);
}

static void
forget_found(int64 requirement_id)
{
	delete_rows("requirement_state", STATE_NATTS, "requirement_state_pkey", requirement_id);
	delete_rows("requirement_key", KEY_NATTS, "requirement_key_requirement_idx", requirement_id);
}

static bool
any_version(int64 version_id, void *arg)
{
	return true;
}

static bool
version_is_kept(int64 version_id, void *arg)
{
	Version    *version = registry_load_version(version_id);

	return version != NULL && !version->lapsed;
}

void
registry_forget_found_unless_kept(List *requirements)
{
	ListCell   *lc;

	foreach(lc, requirements)
	{
		int64		id = ((Requirement *) lfirst(lc))->id;

		if (!registry_any_link(id, version_is_kept, NULL))
			forget_found(id);
	}
}

void
registry_drop_orphans(List *requirements)
{
	ListCell   *lc;

	foreach(lc, requirements)
	{
		int64		id = ((Requirement *) lfirst(lc))->id;

		if (registry_any_link(id, any_version, NULL))
			continue;
		forget_found(id);
		delete_rows("requirement", REQUIREMENT_NATTS, "requirement_pkey", id);
	}
}
