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
#include "base/shown.h"
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

void
check_contract_role(const Contract *contract)
{
	Oid			role = get_role_oid(contract->role, true);

	if (!OidIsValid(role) || compat_can_become_role(GetUserId(), role))
		return;					/* an unknown role is reported with the rest */
	ereport(ERROR,
			(errcode(ERRCODE_GUARD_NOT_PERMITTED),
			 errmsg("permission denied to register a contract for role \"%s\"",
					shown(contract->role)),
			 errdetail("Only members of the role may speak for it.")));
}

Contract *
contract_argument(FunctionCallInfo fcinfo, int arg)
{
	List	   *problems = NIL;
	Contract   *contract = contract_parse(PG_GETARG_JSONB_P(arg),
										  GetUserNameFromId(GetUserId(), false),
										  namespace_search_path, &problems);

	if (contract == NULL)
		contract_report_problems(problems);
	return contract;
}

static int
compare_digests(const bytea *a, const bytea *b)
{
	return memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a));
}

bool
version_has_contract(const Version *version, const Contract *contract)
{
	return compare_digests(version->digest, contract->digest) == 0;
}

/* ---- what is registered ---- */

/* A requirement on its way into the registry. */
typedef struct Entry
{
	Requirement *req;
	bytea	   *digest;
	VerifyResult *found;
} Entry;

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

/* Verify so that what is found stays true until we commit. */
static void
verify_locked(Entry *entries, int n, bool removes)
{
	Requirement **reqs = palloc_array(Requirement *, n);
	VerifyResult **answers = palloc0_array(VerifyResult *, n);

	for (int i = 0; i < n; i++)
		reqs[i] = entries[i].req;
	judge_verify_locked(reqs, n, removes ? REGISTRY_LOCK_REMOVAL : REGISTRY_LOCK_REGISTRATION, answers);
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
	VerifyResult **found = palloc_array(VerifyResult *, n);

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
require_ready_entries(const App *app, const char *version, const Entry *entries, int n)
{
	Readiness	readiness = {
		.reqs = palloc_array(Requirement *, n),
		.found = palloc_array(VerifyResult *, n),
		.n = n
	};

	for (int i = 0; i < n; i++)
	{
		readiness.reqs[i] = entries[i].req;
		readiness.found[i] = entries[i].found;
	}
	readiness_require(&readiness, app->name, version);
}

static void
require_ready_now(const App *app, const Version *version)
{
	VerifyOptions wait = {.wait_for_locks = true};
	Readiness	readiness;

	(void) readiness_verify(&readiness, registry_requirements_of(version->id), wait);
	readiness_require(&readiness, app->name, version->name);
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
							 requirement_kind_name(req->kind), shown(req->object),
							 shown(JsonbToCString(NULL, &req->expected->root, 0)),
							 shown(req->role), shown(req->search_path));
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
					shown(version->name), shown(app->name)),
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

/*
 * A role that registers without end would make every judgement of what it needs
 * slow.  Superusers may.
 */
#define MAX_REQUIREMENTS_OF_OWNER 100000

static void
check_owner_limit(const App *app, const Version *replaced, int n)
{
	int64		total = n;

	if (superuser())
		return;
	total += registry_requirements_of_owner(app->owner);
	if (replaced != NULL)
		total -= replaced->nrequirements;
	if (total > MAX_REQUIREMENTS_OF_OWNER)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("the live versions of role \"%s\" would have %lld requirements, more than the limit of %d",
						shown(app->owner), (long long) total, MAX_REQUIREMENTS_OF_OWNER),
				 errhint("Retire the versions of which no instance runs any more.")));
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

/* The instance that registers, if it said which it is. */
static char *
instance_argument(FunctionCallInfo fcinfo)
{
	if (!PG_ARGISNULL(3))
		return name_argument(fcinfo, 3, "instance");
	if (!PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a lease needs an instance"),
				 errhint("How long a version counts without instances is for compat_guard.set_support() to say.")));
	return NULL;
}

/* The version whose place this one takes, if it says so. */
static char *
replaces_argument(FunctionCallInfo fcinfo, const char *version)
{
	char	   *replaces = PG_ARGISNULL(7) ? NULL : name_argument(fcinfo, 7, "replaces");

	if (replaces != NULL && strcmp(replaces, version) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("version \"%s\" cannot replace itself", shown(version))));
	return replaces;
}

/*
 * Was the version replaced, and nothing else tells of its instances than that it is
 * registered again?  One that has sessions or leases counts by these.
 */
static bool
counts_no_more(const Version *version, const char *instance)
{
	return version->replaced_by != NULL && instance == NULL &&
		!version->attaches && !version->leases;
}

GUARD_FUNCTION(compat_guard_register);

/*
 * compat_guard.register(app text, version text, contract jsonb,
 *						 instance text, lease interval,
 *						 require_ready boolean, replace boolean, replaces text)
 *		returns compat_guard.registration
 */
Datum
compat_guard_register(PG_FUNCTION_ARGS)
{
	char	   *app_name = name_argument(fcinfo, 0, "app");
	char	   *version_name = name_argument(fcinfo, 1, "version");
	char	   *instance = instance_argument(fcinfo);
	Interval   *lease = PG_ARGISNULL(4) ? NULL : PG_GETARG_INTERVAL_P(4);
	bool		require_ready = !PG_ARGISNULL(5) && PG_GETARG_BOOL(5);
	bool		replace = !PG_ARGISNULL(6) && PG_GETARG_BOOL(6);
	char	   *replaces = replaces_argument(fcinfo, version_name);
	Version    *predecessor = NULL;
	List	   *problems;
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
	contract = contract_argument(fcinfo, 2);

	/*
	 * The usual case: known, and unchanged.  On a standby nothing else can
	 * be; there a version that is to be ready is asked about as check() does
	 * it.
	 */
	app = registry_find_app(app_name);
	version = app ? registry_find_version(app, version_name) : NULL;
	if (version != NULL && !version->retired && !version->skipped &&
		(!require_ready || XactReadOnly) &&
		(!counts_no_more(version, instance) || XactReadOnly) &&
		replacement_is_known(app, version, replaces) &&
		!registry_needs_initial_verification() && version_has_contract(version, contract))
	{
		check_owner(app);
		if (require_ready)
			require_ready_now(app, version);
		if (instance != NULL)
		{
			PreventCommandIfReadOnly("compat_guard.register() with an instance");
			(void) renew_lease(app, version_name, instance, lease);
		}
		return registration_result(fcinfo, app, version->name, version->id,
								   version->digest, version->nrequirements);
	}

	PreventCommandIfReadOnly("compat_guard.register()");
	check_contract_role(contract);
	problems = contract_check_names(contract);
	if (problems != NIL)
		contract_report_problems(problems);
	judge_verify_initially();

	app = obtain_app(app_name);
	entries = contract_entries(contract, &n);
	if (version == NULL ||
		compare_digests(version->digest, contract->digest) != 0)
		check_owner_limit(app, version, n);

	/* Somebody may register the same at the same time: one of us inserts. */
	while ((version = registry_find_version(app, version_name)) == NULL)
	{
		if (registry_insert_version(app, version_name, contract, n,
									&version_id))
			break;
	}
	if (replaces != NULL)
		predecessor = replacement_lock(app, version, replaces);
	if (version != NULL)
	{
		version_id = version->id;
		check_not_retired(app, version);
		if (!version_has_contract(version, contract) && !replace)
			report_conflict(app, version, contract);
		if (version_has_contract(version, contract))
		{
			if (version->skipped || counts_no_more(version, instance))
				version = activate_version(app, version_name);
			if (counts_no_more(version, instance))
				replacement_take_back(version);
			replacement_note(version_id, version_name, predecessor);
			if (require_ready)
			{
				verify_locked(entries, n, false);
				require_ready_entries(app, version_name, entries, n);
			}
			if (instance != NULL)
				(void) renew_lease(app, version_name, instance, lease);
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
				 errmsg("app \"%s\" was forgotten by a concurrent transaction", shown(app_name)),
				 errhint("Register again.")));
	if (require_ready)
		require_ready_entries(app, version_name, entries, n);
	if (version != NULL)
	{
		replaced = registry_requirements_of(version->id);
		registry_unlink_all(version->id);
		registry_update_version(version, contract, n);
	}

	store_entries(version_id, entries, n);
	registry_drop_orphans(replaced);
	CommandCounterIncrement();
	replacement_note(version_id, version_name, predecessor);
	if (instance != NULL)
		(void) renew_lease(app, version_name, instance, lease);

	return registration_result(fcinfo, app, version_name, version_id,
							   contract->digest, n);
}
