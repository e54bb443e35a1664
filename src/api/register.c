/*
 * register.c
 *		The SQL function compat_guard.register().
 *
 * An instance registers when it starts, so usually the version is known: then the
 * document is read, its digest is compared, and nothing else is done.
 */
#include "postgres.h"

#include "access/xact.h"
#include "api/api.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/guard_active.h"
#include "base/json.h"
#include "base/shown.h"
#include "catalog/namespace.h"
#include "common/sha2.h"
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
		return;					/* contract_check_names reports an unknown
								 * role */
	ereport(ERROR,
			(errcode(ERRCODE_GUARD_NOT_PERMITTED),
			 errmsg("permission denied to register a contract for role \"%s\"",
					shown(contract->role)),
			 errdetail("Only members of the role can register a contract for it.")));
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

/* Sort the entries by digest, drop duplicates, and return how many are left. */
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

/* Return the contract's requirements, each once. */
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

/* Verify the entries so that what is found stays true until we commit. */
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
 * Take what is found as the baselines, if the version has all it needs.  Otherwise its
 * migration is still to come, and may change what is found.
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
		{
			entries[i].req->baseline = entries[i].found->baseline;
			entries[i].req->properties = entries[i].found->properties;
		}
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

/* Verify a version as it is registered, and raise an error unless it is ready. */
static void
require_ready_now(const App *app, const Version *version)
{
	VerifyOptions wait = {.wait_for_locks = true};
	Readiness	readiness;

	(void) readiness_verify(&readiness, registry_requirements_of(version->id), wait);
	readiness_require(&readiness, app->name, version->name);
}

/* ---- another contract for a version ---- */

/* Append the requirements that are not among the others, as lines of a diff. */
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
			 errhint("A contract cannot be changed. Register a new version, or in development pass replace => true.")));
}

/* ---- register ---- */

/* The arguments of register(), and what was found or made of them. */
typedef struct Registration
{
	FunctionCallInfo fcinfo;
	char	   *app_name;
	char	   *version_name;
	Contract   *contract;
	char	   *instance;		/* that registers, or NULL */
	Interval   *lease;			/* or NULL */
	bool		require_ready;
	bool		replace;
	char	   *replaces;		/* name of the version whose place this one
								 * takes, or NULL */
	App		   *app;
	Version    *version;		/* as registered before; NULL: new */
	int64		version_id;
	Version    *predecessor;	/* the version that it replaces, or NULL */
	Entry	   *entries;
	int			n;				/* of entries */
} Registration;

/* Read the name of the instance that registers, or NULL. */
static char *
instance_argument(FunctionCallInfo fcinfo)
{
	if (!PG_ARGISNULL(3))
		return name_argument(fcinfo, 3, "instance");
	if (!PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a lease needs an instance"),
				 errhint("To set how long a version counts without instances, use compat_guard.set_support().")));
	return NULL;
}

/* Read the name of the version whose place this one takes, or NULL. */
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

static Registration
registration_arguments(FunctionCallInfo fcinfo)
{
	Registration r = {.fcinfo = fcinfo};

	r.app_name = name_argument(fcinfo, 0, "app");
	r.version_name = name_argument(fcinfo, 1, "version");
	r.instance = instance_argument(fcinfo);
	r.lease = PG_ARGISNULL(4) ? NULL : PG_GETARG_INTERVAL_P(4);
	r.require_ready = !PG_ARGISNULL(5) && PG_GETARG_BOOL(5);
	r.replace = !PG_ARGISNULL(6) && PG_GETARG_BOOL(6);
	r.replaces = replaces_argument(fcinfo, r.version_name);

	guard_require_extension();
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("contract must not be null")));
	r.contract = contract_argument(fcinfo, 2);
	return r;
}

/* Renew the lease of the instance, if one registers, and return the row. */
static Datum
finish(const Registration *r, const char *version, bytea *digest, int64 nrequirements)
{
	TupleDesc	tupdesc;
	Datum		values[6];
	bool		nulls[6] = {false};
	int64		unmet;
	int64		broken;

	if (r->instance != NULL)
		(void) renew_lease(r->app, r->version_name, r->instance, r->lease);
	if (get_call_result_type(r->fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	registry_count_unmet(r->version_id, &unmet, &broken);
	values[0] = CStringGetTextDatum(r->app->name);
	values[1] = CStringGetTextDatum(version);
	values[2] = CStringGetTextDatum(broken > 0 ? "broken" : unmet > 0 ? "pending" : "ready");
	values[3] = PointerGetDatum(digest);
	values[4] = Int64GetDatum(nrequirements);
	values[5] = Int64GetDatum(unmet);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

/*
 * Limit of the requirements of all live versions of a role.  A role that registers
 * without end would make every judgement of what it needs slow.  Superusers may.
 */
#define MAX_REQUIREMENTS_OF_OWNER 100000

/* Raise an error if the app's owner would have too many requirements. */
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

/*
 * Was the version replaced, and does nothing else tell of its instances than that it
 * is registered again?  A version that has sessions or leases counts by these.
 */
static bool
counts_no_more(const Registration *r)
{
	const Version *version = r->version;

	return version->replaced_by != NULL && r->instance == NULL &&
		!version->attaches && !version->leases;
}

/*
 * Is the version known, and is there nothing to write but a lease?  On a standby
 * nothing can be written, and a version that is to be ready is asked about there as
 * check() does it.
 */
static bool
is_known(const Registration *r)
{
	const Version *version = r->version;

	return version != NULL && !version->retired && !version->skipped &&
		(!r->require_ready || XactReadOnly) &&
		(!counts_no_more(r) || XactReadOnly) &&
		replacement_is_known(r->app, version, r->replaces) &&
		!registry_needs_initial_verification() && version_has_contract(version, r->contract);
}

/* Register a version that is known: the usual case, when an instance starts. */
static Datum
register_known(Registration *r)
{
	check_owner(r->app);
	if (r->require_ready)
		require_ready_now(r->app, r->version);
	if (r->instance != NULL)
		PreventCommandIfReadOnly("compat_guard.register() with an instance");
	r->version_id = r->version->id;
	return finish(r, r->version->name, r->version->digest, r->version->nrequirements);
}

/* Check what takes no lock, and derive the requirements. */
static void
prepare(Registration *r)
{
	List	   *problems;

	PreventCommandIfReadOnly("compat_guard.register()");
	check_contract_role(r->contract);
	problems = contract_check_names(r->contract);
	if (problems != NIL)
		contract_report_problems(problems);
	judge_verify_initially();

	r->app = obtain_app(r->app_name);
	r->entries = contract_entries(r->contract, &r->n);
	if (r->version == NULL || !version_has_contract(r->version, r->contract))
		check_owner_limit(r->app, r->version, r->n);
}

/* Find the version, or insert it. */
static void
obtain_version(Registration *r)
{
	/* Another session may register it at the same time: one of us inserts. */
	while ((r->version = registry_find_version(r->app, r->version_name)) == NULL)
	{
		if (registry_insert_version(r->app, r->version_name, r->contract, r->n, &r->version_id))
			break;
	}
	if (r->version != NULL)
		r->version_id = r->version->id;
	if (r->replaces != NULL)
		r->predecessor = replacement_lock(r->app, r->version, r->replaces);
}

/* Register a version again that has this contract, but is not live or has to be ready. */
static Datum
register_again(Registration *r)
{
	if (r->version->skipped || counts_no_more(r))
		r->version = activate_version(r->app, r->version_name);
	if (counts_no_more(r))
		replacement_take_back(r->version);
	replacement_note(r->version_id, r->version_name, r->predecessor);
	if (r->require_ready)
	{
		verify_locked(r->entries, r->n, false);
		require_ready_entries(r->app, r->version_name, r->entries, r->n);
	}
	return finish(r, r->version->name, r->version->digest, r->version->nrequirements);
}

/* Raise an error if the app has gone with its last version before we had the lock. */
static void
check_app_exists(const Registration *r)
{
	App		   *app = registry_find_app(r->app_name);

	if (app == NULL || app->id != r->app->id)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("app \"%s\" was forgotten by a concurrent transaction",
						shown(r->app_name)),
				 errhint("Register again.")));
}

/* Register a contract that is new, or another than the version had. */
static Datum
register_contract(Registration *r)
{
	List	   *former = NIL;

	verify_locked(r->entries, r->n, r->version != NULL);
	check_app_exists(r);
	if (r->require_ready)
		require_ready_entries(r->app, r->version_name, r->entries, r->n);
	if (r->version != NULL)
	{
		former = registry_requirements_of(r->version_id);
		registry_unlink_declared(r->version_id);
		registry_update_version(r->version, r->contract,
								r->n + registry_count_learned(r->version_id));
	}
	store_entries(r->version_id, r->entries, r->n);
	registry_drop_orphans(former);
	CommandCounterIncrement();
	replacement_note(r->version_id, r->version_name, r->predecessor);
	return finish(r, r->version_name, r->contract->digest, r->n);
}

/* ---- what is learned from traffic ---- */

/* The digest of a version that has no contract yet, but was seen running. */
static bytea *
learned_only_digest(void)
{
	bytea	   *digest = palloc0(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);

	SET_VARSIZE(digest, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	return digest;
}

static bool
is_learned_only(const Version *version)
{
	return compare_digests(version->digest, learned_only_digest()) == 0;
}

/* Find the version of an app that was seen running, or make it; activate it. */
static Version *
obtain_running_version(const App *app, const char *name, const Contract *contract,
					   bool attaches, bool leases)
{
	Contract	none = *contract;
	Version    *version;
	int64		id;

	none.digest = learned_only_digest();
	while (registry_find_version(app, name) == NULL)
	{
		if (registry_insert_version(app, name, &none, 0, &id))
			CommandCounterIncrement();
	}
	version = activate_version(app, name);
	note_use(version, attaches, leases);
	return require_version(app, name);
}

Version *
register_running(const char *app_name, const char *version_name, const char *role,
				 const char *search_path, bool attaches, bool leases)
{
	List	   *problems;
	Contract   *contract = contract_parse(json_from_text("{}"), role, search_path, &problems);

	if (contract == NULL)
		contract_report_problems(problems);
	judge_verify_initially();
	return obtain_running_version(obtain_app(app_name), version_name, contract, attaches, leases);
}

/* Keep the entries that are met; return how many. */
static int
keep_met(Entry *entries, int n)
{
	int			nmet = 0;

	for (int i = 0; i < n; i++)
	{
		if (entries[i].found->state == STATE_MET)
			entries[nmet++] = entries[i];
	}
	return nmet;
}

int
register_learned(const Version *version, List *requirements)
{
	Entry	   *entries = palloc0_array(Entry, list_length(requirements));
	App		   *app = require_app(version->app);
	int			n = 0;
	ListCell   *lc;

	foreach(lc, requirements)
		entries[n++].req = lfirst(lc);
	check_owner_limit(app, NULL, n);
	registry_lock_row(version->id);
	n = sort_entries(entries, n);
	verify_locked(entries, n, false);
	version = require_version(app, version->name);
	n = keep_met(entries, n);
	if (n == 0)
		return 0;
	store_entries(version->id, entries, n);
	registry_set_requirement_count(version, version->nrequirements + n);
	CommandCounterIncrement();
	return n;
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
	Registration r = registration_arguments(fcinfo);

	r.app = registry_find_app(r.app_name);
	r.version = r.app ? registry_find_version(r.app, r.version_name) : NULL;
	if (is_known(&r))
		return register_known(&r);

	prepare(&r);
	obtain_version(&r);
	if (r.version != NULL)
	{
		check_not_retired(r.app, r.version);
		if (version_has_contract(r.version, r.contract))
			return register_again(&r);
		if (!r.replace && !is_learned_only(r.version))
			report_conflict(r.app, r.version, r.contract);
	}
	return register_contract(&r);
}
