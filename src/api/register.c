/*
 * register.c
 *		An application version says what it needs from the schema.
 *
 * An instance registers at start-up, so the usual case is that nothing has
 * changed: then the document is read, its digest compared, and that is all.
 */
#include "postgres.h"

#include "access/xact.h"
#include "api/api.h"
#include "base/activity.h"
#include "base/compat.h"
#include "base/errors.h"
#include "catalog/namespace.h"
#include "contract/contract.h"
#include "fmgr.h"
#include "funcapi.h"
#include "judge/judge.h"
#include "miscadmin.h"
#include "registry/registry.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "verify/verify.h"

/* ---- whose contract ---- */

/* A contract speaks for a role that the caller could become. */
static void
check_contract_role(const Contract *contract)
{
	Oid			role = get_role_oid(contract->role, true);

	if (!OidIsValid(role) || compat_can_become_role(GetUserId(), role))
		return;					/* an unknown role is reported with the rest */
	ereport(ERROR,
			(errcode(ERRCODE_GUARD_NOT_PERMITTED),
			 errmsg("permission denied to register a contract for role \"%s\"", contract->role),
			 errdetail("Only members of the role may speak for it.")));
}

/* ---- what is registered ---- */

/* A requirement on its way into the registry. */
typedef struct Entry
{
	Requirement *req;
	bytea	   *digest;
	Observation *found;
} Entry;

static int
compare_digests(const bytea *a, const bytea *b)
{
	return memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a));
}

static int
compare_entries(const void *a, const void *b)
{
	return compare_digests(((const Entry *) a)->digest, ((const Entry *) b)->digest);
}

/* Sort by digest and drop duplicates. */
static int
sort_entries(Entry *entries, int n)
{
	int			unique = 0;

	for (int i = 0; i < n; i++)
		entries[i].digest = requirement_digest(entries[i].req);
	qsort(entries, n, sizeof(Entry), compare_entries);
	for (int i = 0; i < n; i++)
	{
		if (i == 0 || compare_entries(&entries[i], &entries[unique - 1]) != 0)
			entries[unique++] = entries[i];
	}
	return unique;
}

/* The contract's requirements, each once. */
static Entry *
contract_entries(Contract *contract, int *n)
{
	List	   *requirements = contract_requirements(contract);
	Entry	   *entries = palloc0_array(Entry, list_length(requirements));
	ListCell   *lc;

	*n = 0;
	foreach(lc, requirements)
		entries[(*n)++].req = lfirst(lc);
	*n = sort_entries(entries, *n);
	return entries;
}

/* Lock the registry, and do not wait for that with relations locked. */
static void
lock_registry(bool removes, WaitedFor *waited_for)
{
	if (waited_for->locks != NIL)
	{
		if (removes ? registry_try_lock_for_removal() : registry_try_lock_for_registration())
			return;
		verify_release_locks(waited_for);
	}
	if (removes)
		registry_lock_for_removal();
	else
		registry_lock_for_registration();
}

/*
 * Lock out judgements and verify, so that what is found stays true until we
 * commit.  The lock is never held while waiting for a relation: see lock.c.
 */
static void
verify_locked(Entry *entries, int n, bool removes)
{
	Requirement **reqs = palloc_array(Requirement *, n);
	Observation **answers = palloc0_array(Observation *, n);
	WaitedFor	waited_for = {0};

	for (int i = 0; i < n; i++)
		reqs[i] = entries[i].req;
	for (;;)
	{
		VerifyOptions try = {.wait_for_locks = false};
		VerifyOptions wait = {.wait_for_locks = true, .waited_for = &waited_for};

		lock_registry(removes, &waited_for);
		if (verify_requirements(reqs, n, try, answers))
			break;
		if (removes)
			registry_unlock_for_removal();
		else
			registry_unlock_for_registration();
		(void) verify_requirements(reqs, n, wait, answers);
	}
	verify_release_locks(&waited_for);
	for (int i = 0; i < n; i++)
		entries[i].found = answers[i];
}

/*
 * What is found now is what the version is used to, if it has all it needs.
 * Otherwise its migration is still to come, and may change what is found.
 */
static void
take_baselines(Entry *entries, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (entries[i].found->state == STATE_UNMET)
			return;
	}
	for (int i = 0; i < n; i++)
	{
		if (entries[i].found->baseline != NULL)
			entries[i].req->baseline = entries[i].found->baseline;
	}
}

/* Store and link the entries, in the order in which every registration does. */
static void
store_entries(int64 version_id, Entry *entries, int n)
{
	Requirement **reqs = palloc_array(Requirement *, n);
	Observation **found = palloc_array(Observation *, n);

	take_baselines(entries, n);
	n = sort_entries(entries, n);	/* their digests have changed */
	for (int i = 0; i < n; i++)
	{
		reqs[i] = entries[i].req;
		found[i] = entries[i].found;
	}
	registry_store_requirements(version_id, reqs, found, n);
}

static void
report_not_ready(const App *app, const char *version, const Entry *entries, int n)
{
	StringInfoData detail;
	int			unmet = 0;

	initStringInfo(&detail);
	for (int i = 0; i < n; i++)
	{
		Problem    *problem;

		if (entries[i].found->state != STATE_UNMET)
			continue;
		problem = linitial(entries[i].found->problems);
		if (unmet++ < 20)
			appendStringInfo(&detail, "%s%s %s: expected %s, found %s.",
							 unmet > 1 ? "\n" : "",
							 requirement_kind_name(entries[i].req->kind),
							 entries[i].req->object, problem->expected, problem->found);
	}
	if (unmet > 0)
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_NOT_READY),
				 errmsg("schema is not ready for version \"%s\" of app \"%s\"", version, app->name),
				 errdetail("%s", detail.data),
				 errhint("Run the migration that the version needs first.")));
}

/* ---- the same version with another contract ---- */

static void
append_objects(StringInfo buf, const char *sign, List *requirements, List *others)
{
	ListCell   *lc;
	ListCell   *lco;

	foreach(lc, requirements)
	{
		Requirement *req = lfirst(lc);
		bool		common = false;

		foreach(lco, others)
		{
			Requirement *other = lfirst(lco);

			common |= (req->kind == other->kind && strcmp(req->object, other->object) == 0 &&
					   strcmp(req->role, other->role) == 0 &&
					   strcmp(req->search_path, other->search_path) == 0 &&
					   compareJsonbContainers(&req->expected->root, &other->expected->root) == 0);
		}
		if (!common && buf->len < 4000)
			appendStringInfo(buf, "%s%s %s %s: %s (role %s, search_path %s)",
							 buf->len ? "\n" : "", sign,
							 requirement_kind_name(req->kind), req->object,
							 JsonbToCString(NULL, &req->expected->root, 0),
							 req->role, req->search_path);
	}
}

static void
report_conflict(const App *app, const Version *version, Contract *contract)
{
	List	   *stored = registry_requirements_of(version->id);
	List	   *offered = contract_requirements(contract);
	StringInfoData diff;

	initStringInfo(&diff);
	append_objects(&diff, "-", stored, offered);
	append_objects(&diff, "+", offered, stored);
	ereport(ERROR,
			(errcode(ERRCODE_GUARD_CONTRACT_CONFLICT),
			 errmsg("version \"%s\" of app \"%s\" is registered with another contract",
					version->name, app->name),
			 errdetail("%s", diff.data),
			 errhint("A contract is immutable: register a new version, or pass replace => true in development.")));
}

/* ---- register ---- */

static Datum
registration_result(FunctionCallInfo fcinfo, const App *app, const char *version,
					int64 version_id, bytea *digest, int64 nrequirements)
{
	TupleDesc	tupdesc;
	Datum		values[6];
	bool		nulls[6] = {false};
	int64		unmet;
	int64		broken;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	registry_count_unmet(version_id, &unmet, &broken);
	values[0] = CStringGetTextDatum(app->name);
	values[1] = CStringGetTextDatum(version);
	values[2] = CStringGetTextDatum(broken > 0 ? "broken" : unmet > 0 ? "pending" : "ready");
	values[3] = PointerGetDatum(digest);
	values[4] = Int64GetDatum(nrequirements);
	values[5] = Int64GetDatum(unmet);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

/* Find the app, or make it the caller's. */
static App *
obtain_app(const char *name)
{
	App		   *app;

	while ((app = registry_find_app(name)) == NULL)
		(void) registry_insert_app(name, GetUserNameFromId(GetUserId(), false));
	check_owner(app);
	return app;
}

GUARD_FUNCTION(compat_guard_register);

/*
 * compat_guard.register(app text, version text, contract jsonb,
 *						 require_ready boolean, replace boolean)
 *		returns compat_guard.registration
 */
Datum
compat_guard_register(PG_FUNCTION_ARGS)
{
	char	   *app_name = name_argument(fcinfo, 0, "app");
	char	   *version_name = name_argument(fcinfo, 1, "version");
	bool		require_ready = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
	bool		replace = !PG_ARGISNULL(4) && PG_GETARG_BOOL(4);
	List	   *problems = NIL;
	List	   *replaced = NIL;
	Contract   *contract;
	App		   *app;
	App		   *app_now;
	Version    *version;
	Entry	   *entries;
	int			n;
	int64		version_id;

	guard_require_extension();
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("contract must not be null")));
	contract = contract_parse(PG_GETARG_JSONB_P(2), GetUserNameFromId(GetUserId(), false),
							  namespace_search_path, &problems);
	if (contract == NULL)
		contract_report_problems(problems);

	/* The usual case: known, and unchanged. */
	app = registry_find_app(app_name);
	version = app ? registry_find_version(app, version_name) : NULL;
	if (version != NULL && !version->retired && !require_ready &&
		!registry_is_unestablished() &&
		compare_digests(version->digest, contract->digest) == 0)
	{
		check_owner(app);
		return registration_result(fcinfo, app, version->name, version->id,
								   version->digest, version->nrequirements);
	}

	PreventCommandIfReadOnly("compat_guard.register()");
	check_contract_role(contract);
	problems = contract_check_names(contract);
	if (problems != NIL)
		contract_report_problems(problems);
	judge_establish();

	app = obtain_app(app_name);
	entries = contract_entries(contract, &n);

	/* Somebody may register the same at the same time: one of us inserts. */
	while ((version = registry_find_version(app, version_name)) == NULL)
	{
		if (registry_insert_version(app, version_name, contract, n,
									&version_id))
			break;
	}
	if (version != NULL)
	{
		version_id = version->id;
		if (version->retired)
			ereport(ERROR,
					(errcode(ERRCODE_GUARD_RETIRED),
					 errmsg("version \"%s\" of app \"%s\" is retired", version_name, app_name),
					 errhint("Register it under another version, or forget() it first.")));
		if (compare_digests(version->digest, contract->digest) != 0 && !replace)
			report_conflict(app, version, contract);
		if (compare_digests(version->digest, contract->digest) == 0)
		{
			if (require_ready)
			{
				verify_locked(entries, n, false);
				report_not_ready(app, version_name, entries, n);
			}
			return registration_result(fcinfo, app, version->name, version->id,
									   version->digest, version->nrequirements);
		}
	}

	verify_locked(entries, n, version != NULL);

	/* Apps go with their last version, but not while we hold the lock. */
	app_now = registry_find_app(app_name);
	if (app_now == NULL || app_now->id != app->id)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("app \"%s\" was forgotten by a concurrent transaction", app_name),
				 errhint("Register again.")));
	if (require_ready)
		report_not_ready(app, version_name, entries, n);
	if (version != NULL)
	{
		replaced = registry_requirements_of(version->id);
		registry_unlink_all(version->id);
		registry_update_version(version, contract, n);
	}

	store_entries(version_id, entries, n);
	registry_drop_orphans(replaced);
	CommandCounterIncrement();

	return registration_result(fcinfo, app, version_name, version_id,
							   contract->digest, n);
}
