/*
 * verify.c
 *		Is this requirement met by this catalog, and if not, why?
 *
 * Answering a requirement reads and plans what an application wrote.  It is done
 * as the contract's role, in a security-restricted context, under settings that
 * are the same for all, and in a subtransaction that is always rolled back: it
 * ends the role, the snapshot and the locks whatever happened inside.  Nothing
 * that is read is run: see execution.c.
 */
#include "postgres.h"

#include "access/table.h"
#include "base/compat.h"
#include "base/fixed_settings.h"
#include "base/guc.h"
#include "base/subtransaction.h"
#include "catalog/index.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "verify/body/body.h"
#include "verify/catalog/catalog.h"
#include "verify/kinds/kinds.h"
#include "verify/plan/plan.h"
#include "verify/properties/properties.h"
#include "verify/result/result.h"
#include "verify/run/run.h"
#include "verify/verify.h"

/* How long a judgement waits for a lock that conditional_lock.c did not foresee before it
 * counts as not to be had.  While it waits, others may find it in a deadlock. */
#define BUSY_LOCK_TIMEOUT	"10ms"

/* After locking so many relations, with their indexes, the locks are let go. */
#define MANY_LOCKS	64

/* ---- the context of a requirement ---- */

/* Become the requirement's role and take its search path, until the end of the
 * subtransaction.  False if there is no such role. */
static bool
enter_context(const Requirement *req, const VerifyOptions *options)
{
	Oid			roleid = get_role_oid(req->role, true);

	if (!OidIsValid(roleid))
		return false;
	if (!options->wait_for_locks)
		set_local("lock_timeout", BUSY_LOCK_TIMEOUT);
	enter_search_path(req->search_path);
	SetUserIdAndSecContext(roleid, SECURITY_RESTRICTED_OPERATION);
	return true;
}

/* Have two requirements one role and search path? */
static bool
same_context(const Requirement *a, const Requirement *b)
{
	return strcmp(a->role, b->role) == 0 &&
		strcmp(a->search_path, b->search_path) == 0;
}

/*
 * Make the planner's inference of ON CONFLICT arbiters, which reads the relation
 * cache's list of indexes, not see an index.  The entry is pinned until the
 * subtransaction ends; show_index() has the list read anew then.
 */
static void
hide_index(Oid index)
{
	Oid			relid = IndexGetRelation(index, true);
	Relation	rel;

	if (!OidIsValid(relid))
		return;
	rel = table_open(relid, AccessShareLock);
	list_free(RelationGetIndexList(rel));
	rel->rd_indexlist = list_delete_oid(rel->rd_indexlist, index);
}

/* Have the list of indexes read anew. */
static void
show_index(Oid index)
{
	Oid			relid = IndexGetRelation(index, true);

	if (OidIsValid(relid))
		RelationCacheInvalidateEntry(relid);
}

/* ---- the subtransaction ---- */

/* The requirements that are answered, and how far this is. */
typedef struct Batch
{
	Requirement **reqs;
	int			nreqs;
	int		   *order;			/* indexes into reqs, one context after
								 * another */
	int			next;			/* position in order of what is answered next */
	int			norder;
	int		   *late;			/* what its role had no time left for */
	int			nlate;
	bool	   *interrupted;	/* by index into reqs: while it was answered */
	TimestampTz end;			/* of the time of all; 0: none */
	int			nroles;			/* that have not had their share of it */
	const char *role;			/* whose time it is; NULL: nobody's yet */
	MemoryContext scratch;		/* for answering one requirement */
	MemoryContext cache;		/* for all that are answered in one context */
	MemoryContext bodies;		/* for what is kept of the bodies of routines */
	const VerifyOptions *options;
	VerifyResult **result;
} Batch;

/* Order requirements by role and search path.  What took too long once comes last of its
 * role. */
static int
compare_turns(const void *a, const void *b, void *arg)
{
	Batch	   *batch = arg;
	int			i = *(const int *) a;
	int			j = *(const int *) b;
	const Requirement *x = batch->reqs[i];
	const Requirement *y = batch->reqs[j];
	int			cmp = strcmp(x->role, y->role);

	if (cmp != 0)
		return cmp;
	if (batch->interrupted[i] != batch->interrupted[j])
		return batch->interrupted[i] ? 1 : -1;
	return strcmp(x->search_path, y->search_path);
}

/* Copy a result out of the scratch context and empty that. */
static void
keep_result(Batch *batch, int i)
{
	batch->result[i] = result_copy(batch->result[i]);
	MemoryContextReset(batch->scratch);
}

/* Answer from batch->next on, as long as the context stays the same. */
static void
answer_in_context(void *arg)
{
	Batch	   *batch = arg;
	MemoryContext context = CurrentMemoryContext;
	Requirement *first = batch->reqs[batch->order[batch->next]];
	ErrorContextCallback *outer_context = error_context_stack;
	bool		role_exists;

	MemoryContextReset(batch->cache);
	cache_begin_batch(batch->cache);
	/* The context of an error then says if it comes from a function. */
	error_context_stack = NULL;
	timeout_enter();
	PushActiveSnapshot(GetLatestSnapshot());
	role_exists = enter_context(first, batch->options);
	if (batch->next == 0 || !same_context(first, batch->reqs[batch->order[batch->next - 1]]))
	{
		MemoryContextReset(batch->bodies);
		bodies_reset(batch->bodies);
	}
	if (OidIsValid(verification->without_index))
		hide_index(verification->without_index);
	for (; batch->next < batch->norder; batch->next++)
	{
		int			i = batch->order[batch->next];
		Requirement *req = batch->reqs[i];

		if (!same_context(first, req))
			break;
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(batch->scratch);
		batch->result[i] = palloc0_object(VerifyResult);
		partitions_of_requirement(i);
		if (role_exists)
		{
			verify_by_kind(req, batch->result[i]);
			depend_on_baseline_types(batch->result[i], req->baseline);
		}
		else
			result_add_problem(batch->result[i], RULE_ROLE_MISSING, STATE_UNMET,
							   psprintf("role %s", quote_identifier(req->role)),
							   pstrdup("no such role"), InvalidOid, NULL)->subject = req->role;
		MemoryContextSwitchTo(context);
		keep_result(batch, i);

		/* The lock table is everybody's. */
		if (conditional_lock_count() >= MANY_LOCKS)
		{
			batch->next++;
			break;
		}
	}
	PopActiveSnapshot();
	error_context_stack = outer_context;
}

/* Put off the next requirement, which could not be answered in its role's share of the
 * time.  The keys of what it mentions are kept. */
static void
put_off(Batch *batch, bool interrupted)
{
	int			i = batch->order[batch->next++];

	batch->late[batch->nlate++] = i;
	batch->interrupted[i] |= interrupted;
	if (interrupted && batch->result[i] != NULL)
		keep_result(batch, i);
}

/* Report that a requirement could not be answered in time. */
static void
leave_unanswered(Batch *batch, int i)
{
	const Requirement *req = batch->reqs[i];
	MemoryContext context = MemoryContextSwitchTo(batch->scratch);

	if (batch->result[i] == NULL)
		batch->result[i] = palloc0_object(VerifyResult);
	result_add_problem(batch->result[i], RULE_NOT_VERIFIED, STATE_UNKNOWN,
					   psprintf("%s %s to be verified", requirement_kind_name(req->kind), req->object),
					   psprintf("role %s had no time left (compat_guard.verify_timeout)",
								quote_identifier(req->role)), InvalidOid, NULL)->out_of_time = true;
	MemoryContextSwitchTo(context);
	keep_result(batch, i);
}

/* Give the next role its time: of what is left, an equal share for each role that has
 * not had one.  Time is a role's and not a context's, of which it can have any number. */
static void
give_time(Batch *batch)
{
	const char *role = batch->reqs[batch->order[batch->next]]->role;
	long		share = 0;

	if (batch->role != NULL && strcmp(batch->role, role) == 0)
		return;
	batch->role = role;
	if (batch->end != 0)
		share = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), batch->end) / batch->nroles--;
	timeout_begin(batch->end == 0 ? 0 : Max(share, 1));
}

/* Begin with the requirements that were put off, which get what the others have left of
 * the time.  False if there are none, or no time. */
static bool
begin_round(Batch *batch)
{
	if (batch->nlate == 0 ||
		(batch->end != 0 && GetCurrentTimestamp() >= batch->end))
		return false;
	memcpy(batch->order, batch->late, sizeof(int) * batch->nlate);
	batch->norder = batch->nlate;
	batch->nlate = batch->next = batch->nroles = 0;
	batch->role = NULL;
	qsort_arg(batch->order, batch->norder, sizeof(int), compare_turns, batch);
	for (int i = 0; i < batch->norder; i++)
		batch->nroles += i == 0 || strcmp(batch->reqs[batch->order[i]]->role,
										  batch->reqs[batch->order[i - 1]]->role) != 0;
	return true;
}

/* Return when the time that options give to all is over; 0: never. */
static TimestampTz
end_of_time(const VerifyOptions *options)
{
	int64		spent = options->spent ? *options->spent / 1000 : 0;

	if (!options->within_time || guard_verify_timeout == 0)
		return 0;
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
									   Max(guard_verify_timeout - spent, 1));
}

/* Answer some requirements.  False if a lock was not to be had. */
static bool
answer_some(Batch *batch)
{
	ErrorData  *edata;
	int			i;

	give_time(batch);
	if (timeout_is_over())
	{
		put_off(batch, false);
		return true;
	}
	conditional_lock_reset();
	timeout_watch();
	edata = subtransaction_run(answer_in_context, batch, false);
	timeout_end_watch();
	if (timeout_was_cancelled() &&
		(edata == NULL || edata->sqlerrcode != ERRCODE_QUERY_CANCELED))
		timeout_cancel_again();
	if (edata == NULL)
		return true;
	if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED && timeout_is_over() &&
		!timeout_was_cancelled())
	{
		FreeErrorData(edata);
		put_off(batch, true);
		return true;
	}
	if (error_is_busy(edata) && conditional_lock_failed())
	{
		if (!batch->options->wait_for_locks)
			return false;
		conditional_lock_wait(batch->options->waited_locks);
		return true;			/* once more from there */
	}
	if (error_is_busy(edata) && !batch->options->wait_for_locks &&
		!(batch->options->last_try && edata->context != NULL))
		return false;
	i = batch->order[batch->next];
	if (error_is_no_answer(edata) || batch->result[i] == NULL)
		ReThrowError(edata);
	report_error(batch->reqs[i], batch->result[i], edata);
	keep_result(batch, i);
	FreeErrorData(edata);
	batch->next++;
	return true;
}

/*
 * Let labels that this transaction has added to an enum be used.  The server forbids it
 * before commit, lest one be stored and the addition rolled back; nothing is stored
 * here.  Returns what gives back to the server what it knew.
 */
static void *
forget_uncommitted_enums(void)
{
	Size		size = EstimateUncommittedEnumsSpace();
	void	   *space = palloc(size);

	SerializeUncommittedEnums(space, size);
	AtEOXact_Enum();
	return space;
}

bool
verify_requirements(Requirement **reqs, int nreqs, VerifyOptions options,
					VerifyResult **result)
{
	Batch		batch = {
		.reqs = reqs,
		.nreqs = nreqs,
		.order = palloc_array(int, nreqs),
		.late = palloc_array(int, nreqs),
		.nlate = nreqs,
		.interrupted = palloc0_array(bool, nreqs),
		.end = end_of_time(&options),

		/*
		 * The first block stays when it is reset: enough to plan most
		 * queries.
		 */
		.scratch = AllocSetContextCreate(CurrentMemoryContext,
										 "compat_guard requirement",
										 0, 128 * 1024, ALLOCSET_DEFAULT_MAXSIZE),
		.cache = AllocSetContextCreate(CurrentMemoryContext,
									   "compat_guard cache", ALLOCSET_SMALL_SIZES),
		.bodies = AllocSetContextCreate(CurrentMemoryContext,
										"compat_guard bodies", ALLOCSET_DEFAULT_SIZES),
		.options = &options,
		.result = result
	};
	bool		answered = true;
	WaitedLocks waited_locks = {0};
	TimestampTz begin = GetCurrentTimestamp();
	const char *statement = debug_query_string;
	void	   *enums;
	volatile int settings = 0;

	/* A function that is run by us may call us. */
	if (verify_is_running())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("contracts cannot be verified while one is being verified")));
	if (options.waited_locks == NULL)
		options.waited_locks = &waited_locks;
	for (int i = 0; i < nreqs; i++)
	{
		batch.late[i] = i;
		result[i] = NULL;
	}

	/* What is set from here on is taken back in whatever way this ends. */
	enums = forget_uncommitted_enums();
	verification_begin(options.without_index);
	verification->known_partitions = options.known_partitions;
	cache_begin_batch(batch.cache);
	PG_TRY();
	{
		property_cache_begin();
		settings = settings_fix();
		/* Not for the eyes of a function that counting rows runs. */
		debug_query_string = NULL;
		while (answered && begin_round(&batch))
		{
			while (answered && batch.next < batch.norder)
				answered = answer_some(&batch);
		}
		for (int i = 0; answered && i < batch.nlate; i++)
			leave_unanswered(&batch, batch.late[i]);
	}
	PG_FINALLY();
	{
		bool		plans_spoilt = verification->plans_spoilt;

		/* What may fail comes last. */
		debug_query_string = statement;
		timeout_end_watch();
		childless_end();
		property_cache_end();
		verification_end();
		if (settings > 0)
			AtEOXact_GUC(false, settings);
		RestoreUncommittedEnums(enums);
		if (plans_spoilt)
			ResetPlanCache();
		if (OidIsValid(options.without_index))
			show_index(options.without_index);
	}
	PG_END_TRY();
	if (options.spent != NULL)
		*options.spent += GetCurrentTimestamp() - begin;
	verify_release_locks(&waited_locks);
	MemoryContextDelete(batch.scratch);
	MemoryContextDelete(batch.cache);
	MemoryContextDelete(batch.bodies);
	return answered;
}

void
verify_init(void)
{
	run_init();
	planner_init();
}
