/*
 * wait.c
 *		Wait until the schema is ready for a version.
 *
 * Invariant: while it sleeps the backend holds no snapshot and no lock that it
 * had not before the call.  So it holds up neither VACUUM nor replay, and a
 * standby has no reason to cancel it.
 *
 *	- A SELECT has a snapshot for as long as it runs, so this is a procedure.
 *	  CALL has one, too, but expects to lose it, because procedures commit; it is
 *	  let go in the same way.  Where anything else still needs a snapshot
 *	  (REPEATABLE READ, a calling function, an open cursor) it is an error.
 *	- Each look at the registry and the schema runs in a subtransaction that is
 *	  rolled back, which frees its locks; the catalog snapshot is dropped after.
 *	- A look never waits for a lock.  Whoever holds it is changing what is asked
 *	  about, so the answer is "not yet", and the timeout holds.
 *
 * What wakes it: every change of the catalogs sends invalidation messages to
 * every backend, on a standby when it is replayed, after it has become visible.
 * So there is nothing to look at unless messages came, whatever they were
 * about.  Rows of the registry send none; for those, and for locks set free, a
 * look is taken every second all the same.  While a requirement is known to be
 * unmet, a look verifies that one alone.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "api/api.h"
#include "base/bounded_wait.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/guard_active.h"
#include "base/shown.h"
#include "base/subtransaction.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/sinval.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* Milliseconds. */
#define TICK			100		/* between looks for messages */
#define LOOK_EVERY		1000	/* without messages */

/* At most one part in so many of the time is spent on looks. */
#define LOOK_SHARE		5

/* How long a look waits for locks on the registry's tables. */
#define LOOK_LOCK_TIMEOUT	"10ms"

typedef struct Waiter
{
	const char *app;
	const char *version;
	bool		seen;			/* it was registered at an earlier look */
	int64		unmet;			/* a requirement that was unmet; 0: none known */

	/* what the last look found */
	bool		missing;		/* not registered, on a standby */
	bool		answered;		/* false: a lock could not be obtained */
	bool		complete;		/* every requirement was verified, not only
								 * "unmet" */
	Readiness	readiness;
} Waiter;

/* ---- one look ---- */

/* Find the version.  Return NULL if it is not registered yet on a standby, which may lag. */
static Version *
find_version(Waiter *waiter)
{
	App		   *app;
	Version    *version;

	guard_require_extension();
	if (RecoveryInProgress() && !waiter->seen)
	{
		app = registry_find_app(waiter->app);
		version = app ? registry_find_version(app, waiter->version) : NULL;
		if (version == NULL)
			return NULL;
	}
	else
	{
		app = require_app(waiter->app);
		version = require_version(app, waiter->version);
	}
	check_reader(app, version);
	waiter->seen = true;
	if (version->retired)
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_RETIRED),
				 errmsg("version \"%s\" of app \"%s\" is retired",
						shown(waiter->version), shown(waiter->app))));
	return version;
}

/* Test of registry_any_link(). */
static bool
is_version(int64 version_id, void *arg)
{
	return version_id == *(int64 *) arg;
}

static void
verify(Waiter *waiter, List *requirements)
{
	VerifyOptions try = {.wait_for_locks = false};

	waiter->answered = readiness_verify(&waiter->readiness, requirements, try);
}

/* Verify the version; body of a subtransaction. */
static void
look(void *arg)
{
	Waiter	   *waiter = arg;
	Version    *version;

	waiter->missing = waiter->answered = waiter->complete = false;
	(void) set_config_option("lock_timeout", LOOK_LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	version = find_version(waiter);
	waiter->missing = (version == NULL);
	if (waiter->missing)
		return;

	/*
	 * The version may have another contract meanwhile, even since the first
	 * look-up, because nothing is locked.  Then "unmet" is none of its
	 * requirements any more.
	 */
	if (waiter->unmet != 0 &&
		registry_any_link(waiter->unmet, is_version, &version->id))
	{
		int64		id = waiter->unmet;
		int			n = 1;
		Requirement **req = registry_load_requirements(&id, &n);

		if (n > 0)
		{
			verify(waiter, list_make1(req[0]));
			if (!waiter->answered || readiness_state(&waiter->readiness) == STATE_UNMET)
				return;
		}
	}
	waiter->unmet = 0;
	verify(waiter, registry_requirements_of(version->id));
	waiter->complete = waiter->answered;
	for (int i = 0; waiter->answered && i < waiter->readiness.n; i++)
	{
		if (waiter->readiness.found[i]->state == STATE_UNMET)
			waiter->unmet = waiter->readiness.reqs[i]->id;
	}
}

/* Is the version ready?  Leaves no lock and no snapshot. */
static bool
look_once(Waiter *waiter)
{
	ErrorData  *edata = subtransaction_run(look, waiter, false);

	InvalidateCatalogSnapshot();
	if (edata != NULL && edata->sqlerrcode != ERRCODE_GUARD_BUSY &&
		edata->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
		ReThrowError(edata);
	return edata == NULL && waiter->complete &&
		readiness_state(&waiter->readiness) != STATE_UNMET;
}

/* ---- between looks ---- */

static double
milliseconds_since(instr_time start)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return INSTR_TIME_GET_MILLISEC(now);
}

static void
nap(double milliseconds)
{
	Assert(!HaveRegisteredOrActiveSnapshot());
	wait_nap((long) milliseconds + 1);

	/* This may read catalogs, and leave a snapshot. */
	AcceptInvalidationMessages();
	InvalidateCatalogSnapshot();
}

/* Wait until the version is ready; return false after the timeout. */
static bool
wait_for_version(Waiter *waiter, double timeout)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller, "compat_guard wait",
												  ALLOCSET_DEFAULT_SIZES);
	instr_time	start;

	INSTR_TIME_SET_CURRENT(start);
	for (;;)
	{
		bool		ready;
		bool		last = milliseconds_since(start) >= timeout;
		uint64		messages;
		instr_time	began;
		double		took;

		/*
		 * Count before the look: messages that come during it ask for
		 * another.
		 */
		AcceptInvalidationMessages();
		messages = SharedInvalidMessageCounter;

		if (last)
			waiter->unmet = 0;	/* to report everything that is unmet */
		MemoryContextReset(scratch);
		MemoryContextSwitchTo(scratch);
		INSTR_TIME_SET_CURRENT(began);
		ready = look_once(waiter);
		took = milliseconds_since(began);
		MemoryContextSwitchTo(caller);
		if (ready || last)
			return ready;

		do
			nap(Min(TICK, Max(timeout - milliseconds_since(start), 0)));
		while (milliseconds_since(start) < timeout &&
			   (milliseconds_since(began) < LOOK_SHARE * took ||
				(messages == SharedInvalidMessageCounter &&
				 milliseconds_since(began) < LOOK_EVERY)));
	}
}

/* ---- the report ---- */

static void
report_unknown(const Waiter *waiter)
{
	List	   *reasons = readiness_reasons(&waiter->readiness, STATE_UNKNOWN);

	if (reasons != NIL)
		ereport(NOTICE,
				(errmsg_plural("%d requirement of version \"%s\" of app \"%s\" could not be decided",
							   "%d requirements of version \"%s\" of app \"%s\" could not be decided",
							   list_length(reasons), list_length(reasons),
							   shown(waiter->version), shown(waiter->app)),
				 errdetail("%s", readiness_detail(reasons))));
}

static void
report_timeout(const Waiter *waiter)
{
	if (waiter->missing)
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_UNKNOWN_VERSION),
				 errmsg("version \"%s\" of app \"%s\" is not registered",
						shown(waiter->version), shown(waiter->app)),
				 errdetail("The registration has not been replayed on this standby.")));
	ereport(NOTICE,
			(errmsg("schema is not ready for version \"%s\" of app \"%s\"",
					shown(waiter->version), shown(waiter->app)),
			 waiter->complete ?
			 errdetail("%s", readiness_detail(readiness_reasons(&waiter->readiness, STATE_UNMET))) :
			 errdetail("A concurrent transaction holds a lock on an object that the version needs.")));
}

/* ---- the call ---- */

/*
 * Drop the snapshots of the CALL itself, as a commit in a procedure does
 * (ForgetPortalSnapshots, PreCommit_Portals).  Code that needs one afterwards makes
 * another (EnsurePortalSnapshotExists).  Raise an error if others are held.
 */
static void
drop_snapshots(void)
{
	Portal		portal = ActivePortal;
	bool		foreign = IsolationUsesXactSnapshot();

	if (!foreign && ActiveSnapshotSet())
	{
		foreign = (portal == NULL || GetActiveSnapshot() != portal->portalSnapshot);
		if (!foreign)
		{
			PopActiveSnapshot();
			portal->portalSnapshot = NULL;
		}
	}
	if (!foreign && portal != NULL && portal->holdSnapshot != NULL)
	{
		UnregisterSnapshotFromOwner(portal->holdSnapshot, portal->resowner);
		portal->holdSnapshot = NULL;
	}
	InvalidateCatalogSnapshot();
	if (foreign || HaveRegisteredOrActiveSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("compat_guard.wait_until_ready() cannot wait while a snapshot is held"),
				 errdetail("The snapshot would delay VACUUM, and replay on a standby, while it waits."),
				 errhint("Call it outside a transaction block, or under READ COMMITTED with no cursor open. Do not call it from a function.")));
}

GUARD_FUNCTION(compat_guard_wait_until_ready);

/*
 * compat_guard.wait_until_ready(app text, version text, timeout interval,
 *								 INOUT ready boolean)
 */
Datum
compat_guard_wait_until_ready(PG_FUNCTION_ARGS)
{
	Waiter		waiter = {
		.app = name_argument(fcinfo, 0, "app"),
		.version = name_argument(fcinfo, 1, "version")
	};
	double		timeout = duration_argument(fcinfo, 2, "timeout");
	TupleDesc	tupdesc;
	bool		ready;
	Datum		value;
	bool		isnull = false;

	drop_snapshots();
	ready = wait_for_version(&waiter, timeout);
	if (ready)
		report_unknown(&waiter);
	else
		report_timeout(&waiter);

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	value = BoolGetDatum(ready);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), &value, &isnull));
}
