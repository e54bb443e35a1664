/*
 * version_requirement.c
 *		Requirements, and the links of versions to them.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "registry/registry.h"
#include "registry/registry_internal.h"
#include "utils/builtins.h"

/* Set a baseline: first what the requirement found itself, then properties. */
static void
row_set_baseline(Row *row, ContentStore *baselines, Jsonb *baseline, List *properties)
{
	List	   *contents = baseline == NULL ? NIL
	: list_concat(list_make1(baseline), properties);

	row_set_id(row, REQUIREMENT_BASELINE, content_store(baselines, contents));
}

/* Find a requirement of equal digest, or store this one; set req->id. */
static void
store_requirement(Relation rel, Requirement *req, ContentStore *baselines)
{
	bytea	   *digest = requirement_digest(req);
	StoreScan	scan;
	HeapTuple	tup;

	scan_init(&scan, rel);
	scan_key_bytea(&scan, digest);
	tup = scan_settled(&scan, "requirement_digest_idx");
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
		row_set_baseline(&row, baselines, req->baseline, req->properties);
		row_set_text(&row, REQUIREMENT_ROLE, req->role);
		row_set_text(&row, REQUIREMENT_SEARCH_PATH, req->search_path);
		store_insert(rel, &row);
	}
	else
		req->id = tuple_int64(rel, tup, REQUIREMENT_ID);
}

static void
set_baseline(const Requirement *req, const VerifyResult *found, ContentStore *baselines)
{
	StoreScan	scan;
	HeapTuple	tup;

	scan_open(&scan, "requirement", RowExclusiveLock);
	tup = scan_find(&scan, "requirement_pkey", req->id);
	if (HeapTupleIsValid(tup))
	{
		Row			row;

		row_init(&row);
		row_set_baseline(&row, baselines, found->baseline, found->properties);
		store_update(scan.rel, tup, &row);
	}
	scan_close(&scan);
}

/*
 * A requirement that is registered before it can be met has no baseline until it is
 * met.  Its digest does not change: it is that of what is required.
 */
void
registry_set_baselines(Requirement **reqs, VerifyResult **found, int n)
{
	ContentStore *baselines = content_store_begin("baseline");

	for (int i = 0; i < n; i++)
	{
		if (reqs[i]->baseline == NULL && found[i]->baseline != NULL &&
			found[i]->state != STATE_UNMET)
			set_baseline(reqs[i], found[i], baselines);
	}
	content_store_end(baselines);
	CommandCounterIncrement();
}

static Requirement *
requirement_from_tuple(Relation rel, HeapTuple tup)
{
	Requirement *req = palloc0_object(Requirement);
	char	   *kind = tuple_text(rel, tup, REQUIREMENT_KINDNAME);

	req->id = tuple_int64(rel, tup, REQUIREMENT_ID);
	if (!requirement_kind_by_name(kind, &req->kind))
		report_damage("requirement", psprintf("row %lld is of unknown kind \"%s\"",
											  (long long) req->id, kind));
	req->object = tuple_text(rel, tup, REQUIREMENT_OBJECT);
	req->expected = tuple_json(rel, tup, REQUIREMENT_EXPECTED);
	req->role = tuple_text(rel, tup, REQUIREMENT_ROLE);
	req->search_path = tuple_text(rel, tup, REQUIREMENT_SEARCH_PATH);
	return req;
}

Requirement **
registry_load_requirements(int64 *ids, int *n)
{
	Requirement **reqs = palloc_array(Requirement *, *n);
	int64	   *ids_of_baselines = palloc_array(int64, *n + 1);
	List	  **baselines;
	StoreScan	scan;
	HeapTuple	tup;
	int			index;
	int			nfound = 0;

	scan_open(&scan, "requirement", AccessShareLock);
	scan_begin_ids(&scan, "requirement_pkey", ids, *n);
	while (HeapTupleIsValid(tup = scan_next_id(&scan, &index)))
	{
		ids_of_baselines[nfound] = tuple_int64(scan.rel, tup, REQUIREMENT_BASELINE);
		reqs[nfound++] = requirement_from_tuple(scan.rel, tup);
	}
	baselines = load_contents("baseline", &scan, ids_of_baselines, nfound);
	scan_close(&scan);
	for (int i = 0; i < nfound; i++)
	{
		ids[i] = reqs[i]->id;
		if (baselines[i] == NIL)
			continue;
		reqs[i]->baseline = linitial(baselines[i]);
		reqs[i]->properties = list_delete_first(baselines[i]);
	}
	*n = nfound;
	return reqs;
}

/* ---- links ---- */

static void
link_requirement(Relation rel, int64 version_id, int64 requirement_id)
{
	Row			row;

	row_init(&row);
	row_set(&row, LINK_VERSION_ID, Int64GetDatum(version_id));
	row_set(&row, LINK_REQUIREMENT_ID, Int64GetDatum(requirement_id));
	store_insert(rel, &row);
}

typedef struct StoreRequirements
{
	int64		version_id;
	Requirement **reqs;
	VerifyResult **found;
	int			n;
} StoreRequirements;

/* A requirement that is stored, and what was found about it. */
typedef struct FoundState
{
	int64		id;
	VerifyResult *found;
} FoundState;

static int
compare_found(const void *a, const void *b)
{
	int64		ida = ((const FoundState *) a)->id;
	int64		idb = ((const FoundState *) b)->id;

	return (ida > idb) - (ida < idb);
}

/* Save what was found about requirements that are stored already. */
static void
save_found(FoundState *stored, int n)
{
	int64	   *ids = palloc_array(int64, n);
	VerifyResult **found = palloc_array(VerifyResult *, n);

	qsort(stored, n, sizeof(FoundState), compare_found);
	for (int i = 0; i < n; i++)
	{
		ids[i] = stored[i].id;
		found[i] = stored[i].found;
	}
	registry_save_states(ids, registry_read_states(ids, n), found, n);
}

/* Store the requirements, their links and what was found, in a subtransaction. */
static void
store_requirements(void *arg)
{
	StoreRequirements *store = arg;
	Relation	requirements = store_open("requirement", RowExclusiveLock);
	Relation	links = store_open("version_requirement", RowExclusiveLock);
	ContentStore *baselines = content_store_begin("baseline");
	FoundState *stored = palloc_array(FoundState, store->n);

	for (int i = 0; i < store->n; i++)
	{
		store_requirement(requirements, store->reqs[i], baselines);
		link_requirement(links, store->version_id, store->reqs[i]->id);
		stored[i].id = store->reqs[i]->id;
		stored[i].found = store->found[i];
	}
	content_store_end(baselines);
	table_close(links, NoLock);
	table_close(requirements, NoLock);
	save_found(stored, store->n);
}

void
registry_store_requirements(int64 version_id, Requirement **reqs,
							VerifyResult **found, int n)
{
	StoreRequirements store = {version_id, reqs, found, n};

	/* Start again if another registration has stored one of them meanwhile. */
	while (!store_unless_duplicate(store_requirements, &store))
		CHECK_FOR_INTERRUPTS();
}

typedef struct SaveActivated
{
	Requirement **reqs;
	int64	   *ids;
	VerifyResult **found;
	int			n;
	bool		ready;			/* nothing is unmet */
} SaveActivated;

/* Lock the requirements that have no baseline, and save those of which that is still true. */
static void
save_baselines_of_activated(SaveActivated *save)
{
	int64	   *ids = palloc_array(int64, save->n + 1);
	VerifyResult **found = palloc_array(VerifyResult *, save->n + 1);
	Requirement **reqs;
	int			n = 0;
	int			nlocked;

	for (int i = 0; i < save->n; i++)
	{
		if (save->reqs[i]->baseline != NULL || save->found[i]->baseline == NULL)
			continue;
		ids[n] = save->ids[i];
		found[n++] = save->found[i];
	}
	if (n == 0)
		return;
	registry_lock_to_save(ids, n);
	nlocked = n;
	reqs = registry_load_requirements(ids, &nlocked);
	if (nlocked < n)
		report_damage("requirement", "rows that a version needs are missing");
	registry_set_baselines(reqs, found, n);
}

/* Save what was found and the missing baselines, in a subtransaction. */
static void
save_activated(void *arg)
{
	SaveActivated *save = arg;

	registry_save_states(save->ids, registry_read_states(save->ids, save->n), save->found,
						 save->n);
	if (save->ready)
		save_baselines_of_activated(save);
}

void
registry_save_activated(Requirement **reqs, VerifyResult **found, int n)
{
	SaveActivated save = {reqs, palloc_array(int64, n), found, n, true};

	for (int i = 0; i < n; i++)
	{
		save.ids[i] = reqs[i]->id;
		save.ready &= (found[i]->state != STATE_UNMET);
	}

	/* Start again if another transaction has saved the first state of one. */
	while (!store_unless_duplicate(save_activated, &save))
		CHECK_FOR_INTERRUPTS();
	CommandCounterIncrement();
}

/*
 * Delete every row of a table that an index has for one id.  Append what is in a column of
 * theirs to a list of ids, unless that is NULL.
 */
static void
delete_rows(const char *table, const char *index, int64 id, int attnum, IdList *contents)
{
	StoreScan	scan;

	scan_open(&scan, table, RowExclusiveLock);
	for (HeapTuple tup = scan_find(&scan, index, id); HeapTupleIsValid(tup); tup = scan_next(&scan))
	{
		int64		content = contents ? tuple_int64(scan.rel, tup, attnum) : 0;

		if (content != 0)
			ids_add(contents, content);
		store_delete(scan.rel, tup);
	}
	scan_close(&scan);
}

void
registry_unlink_all(int64 version_id)
{
	delete_rows("version_requirement", "version_requirement_pkey", version_id, 0, NULL);
}

/* Return the newest of the requirement's versions that passes the test, or 0. */
static int64
newest_link(StoreScan *scan, int64 requirement_id, VersionTest test, void *arg)
{
	HeapTuple	tup;

	scan_key_int64(scan, requirement_id);
	scan_begin_backward(scan, "version_requirement_idx");
	while (HeapTupleIsValid(tup = scan_next(scan)))
	{
		int64		version_id = tuple_int64(scan->rel, tup, LINK_VERSION_ID);

		if (test(version_id, arg))
			return version_id;
	}
	return 0;
}

/* Mark the requirements that the version has. */
static void
mark_linked(Relation rel, int64 version_id, const int64 *ids, int n, bool *linked)
{
	StoreScan	scan;
	int			index;

	scan_init(&scan, rel);
	scan_key_int64(&scan, version_id);
	scan_begin_ids(&scan, "version_requirement_pkey", ids, n);
	while (HeapTupleIsValid(scan_next_id(&scan, &index)))
		linked[index] = true;
	scan_end(&scan);
}

int
registry_keep_linked(int64 *ids, int n, VersionTest test, void *arg)
{
	bool	   *linked = palloc0_array(bool, n);
	bool		neighbours_marked = false;
	StoreScan	scan;
	int			nkept = 0;

	scan_open(&scan, "version_requirement", AccessShareLock);
	for (int i = 0; i < n; i++)
	{
		int64		version = linked[i] ? 0 : newest_link(&scan, ids[i], test, arg);

		if (version != 0)
			linked[i] = true;

		/* A version mostly needs the other requirements, too. */
		if (version != 0 && !neighbours_marked)
		{
			mark_linked(scan.rel, version, ids, n, linked);
			neighbours_marked = true;
		}
	}
	scan_close(&scan);

	for (int i = 0; i < n; i++)
	{
		if (linked[i])
			ids[nkept++] = ids[i];
	}
	pfree(linked);
	return nkept;
}

bool
registry_any_link(int64 requirement_id, VersionTest test, void *arg)
{
	StoreScan	scan;
	bool		found;

	scan_open(&scan, "version_requirement", AccessShareLock);
	found = newest_link(&scan, requirement_id, test, arg) != 0;
	scan_close(&scan);
	return found;
}

List *
registry_requirements_of(int64 version_id)
{
	int			n;
	int64	   *ids = store_linked_ids(version_id, &n);
	Requirement **reqs = registry_load_requirements(ids, &n);
	List	   *requirements = NIL;

	for (int i = 0; i < n; i++)
		requirements = lappend(requirements, reqs[i]);
	return requirements;
}

/* Delete the state and the keys of a requirement; append the ids of its problems. */
static void
forget_found(int64 requirement_id, IdList *problems)
{
	delete_rows("requirement_state", "requirement_state_pkey", requirement_id,
				STATE_PROBLEM, problems);
	delete_rows("requirement_dependency", "requirement_dependency_requirement_idx",
				requirement_id, 0, NULL);
}

static bool
any_version(int64 version_id, void *arg)
{
	return true;
}

static bool
version_is_tracked(int64 version_id, void *arg)
{
	Version    *version = registry_load_version(version_id);

	return version != NULL && !version->skipped;
}

static void
drop_unused_problems(IdList problems)
{
	drop_unused_contents("problem", "requirement_state", "requirement_state_problem_idx",
						 problems);
}

void
registry_forget_found_unless_tracked(List *requirements)
{
	IdList		problems = {0};
	bool		any = false;
	ListCell   *lc;

	foreach(lc, requirements)
	{
		int64		id = ((Requirement *) lfirst(lc))->id;

		if (registry_any_link(id, version_is_tracked, NULL))
			continue;
		any = true;
		forget_found(id, &problems);
	}
	if (!any)
		return;
	CommandCounterIncrement();
	drop_unused_problems(problems);
}

void
registry_drop_orphans(List *requirements)
{
	IdList		problems = {0};
	IdList		baselines = {0};
	bool		any = false;
	ListCell   *lc;

	foreach(lc, requirements)
	{
		int64		id = ((Requirement *) lfirst(lc))->id;

		if (registry_any_link(id, any_version, NULL))
			continue;
		any = true;
		forget_found(id, &problems);
		delete_rows("requirement", "requirement_pkey", id, REQUIREMENT_BASELINE, &baselines);
	}
	if (!any)
		return;
	CommandCounterIncrement();
	drop_unused_problems(problems);
	drop_unused_contents("baseline", "requirement", "requirement_baseline_idx", baselines);
}
