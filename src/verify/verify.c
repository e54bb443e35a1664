/*
 * verify.c
 *		Is this requirement met by this catalog, and if not, why?
 *
 * Answering a requirement may plan a query that an application wrote, and
 * planning runs immutable functions that anybody may have written.  So it is
 * done as the contract's role, in a security-restricted context, and in a
 * subtransaction that is always rolled back: it ends the role, the settings,
 * the snapshot and the locks whatever happened inside.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/subtransaction.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_enum.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/varlena.h"
#include "verify/attribute.h"
#include "verify/body.h"
#include "verify/budget.h"
#include "verify/memo.h"
#include "verify/observe.h"
#include "verify/query.h"
#include "verify/surroundings.h"
#include "verify/verify.h"

/*
 * How long a judgement waits for a lock that trylock.c did not foresee before it
 * counts as not to be had.  While it waits, others may find it in a deadlock.
 */
#define BUSY_LOCK_TIMEOUT	"10ms"

static Oid	without_index = InvalidOid;
static bool running = false;
static Observation *answering = NULL;	/* for verify_function */

bool
verify_is_running(void)
{
	return running;
}

/*
 * Session-level advisory locks outlive any rollback: those taken would stay with
 * the session that happens to verify, and those released might be the ones a
 * migration tool relies on.
 */
void
verify_function(Oid funcid)
{
	if (answering != NULL && funcid >= FirstNormalObjectId)
		answering->ran_function = true;
	switch (funcid)
	{
		case F_PG_ADVISORY_LOCK_INT8:
		case F_PG_ADVISORY_LOCK_INT4_INT4:
		case F_PG_ADVISORY_LOCK_SHARED_INT8:
		case F_PG_ADVISORY_LOCK_SHARED_INT4_INT4:
		case F_PG_TRY_ADVISORY_LOCK_INT8:
		case F_PG_TRY_ADVISORY_LOCK_INT4_INT4:
		case F_PG_TRY_ADVISORY_LOCK_SHARED_INT8:
		case F_PG_TRY_ADVISORY_LOCK_SHARED_INT4_INT4:
		case F_PG_ADVISORY_UNLOCK_INT8:
		case F_PG_ADVISORY_UNLOCK_INT4_INT4:
		case F_PG_ADVISORY_UNLOCK_SHARED_INT8:
		case F_PG_ADVISORY_UNLOCK_SHARED_INT4_INT4:
		case F_PG_ADVISORY_UNLOCK_ALL:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("function %s cannot be called while a contract is verified",
							format_procedure(funcid))));
	}
}

Oid
verify_without_index(void)
{
	return without_index;
}

/* ---- observations ---- */

Problem *
observe_problem(Observation *obs, RuleId rule, RequirementState state,
				char *expected, char *found, Oid relid, const char *attname)
{
	Problem    *problem = palloc0_object(Problem);

	problem->rule = rule;
	problem->state = state;
	problem->expected = expected;
	problem->found = found;
	if (OidIsValid(relid))
	{
		problem->relation = get_rel_name(relid);
		if (problem->relation != NULL)
			problem->schema = get_namespace_name(get_rel_namespace(relid));
	}
	if (attname != NULL)
		problem->column = pstrdup(attname);

	obs->problems = lappend(obs->problems, problem);
	obs->state = Max(obs->state, state);
	return problem;
}

bool
observation_is_denied(const Observation *obs)
{
	ListCell   *lc;

	foreach(lc, obs->problems)
	{
		if (((Problem *) lfirst(lc))->rule == RULE_PRIVILEGE_LOST)
			return true;
	}
	return false;
}

static void
observe_key(Observation *obs, Oid classid, const char *schema, const char *name,
			bool found)
{
	ObjectKey	key = {classid, (char *) schema, (char *) name, found};
	ObjectKey  *copy;
	ListCell   *lc;

	/* The server's own objects do not change under an application. */
	if (strcmp(schema, "pg_catalog") == 0 || strcmp(schema, "information_schema") == 0)
		return;

	foreach(lc, obs->keys)
	{
		ObjectKey  *other = lfirst(lc);

		if (object_key_equal(&key, other))
		{
			other->found |= found;
			return;
		}
	}
	copy = palloc_object(ObjectKey);
	*copy = key;
	copy->schema = pstrdup(schema);
	copy->name = pstrdup(name);
	obs->keys = lappend(obs->keys, copy);
}

void
observe_name(Observation *obs, Oid classid, const char *schema, const char *name)
{
	List	   *path;
	ListCell   *lc;

	if (schema != NULL)
	{
		observe_key(obs, classid, schema, name, false);
		return;
	}

	/* By name: a schema that is created later may take the name over. */
	if (!SplitIdentifierString(pstrdup(namespace_search_path), ',', &path))
		return;
	foreach(lc, path)
	{
		const char *entry = lfirst(lc);

		if (strcmp(entry, "$user") == 0)
			entry = GetUserNameFromId(GetUserId(), false);
		else if (strcmp(entry, "pg_temp") == 0)
			continue;
		observe_key(obs, classid, entry, name, false);
	}
}

/* NULL if it is temporary or gone. */
static ObjectKey *
relation_key(Oid relid)
{
	static struct
	{
		MemoMoment	moment;
		Oid			relid;
		ObjectKey  *key;
	}			last;

	if (!memo_is_current(&last.moment) || last.relid != relid)
	{
		MemoryContext old = MemoryContextSwitchTo(memo_context());

		last.relid = InvalidOid;
		last.key = NULL;
		last.key = object_key(RelationRelationId, relid);
		last.relid = relid;
		MemoryContextSwitchTo(old);
	}
	return last.key;
}

void
observe_object(Observation *obs, Oid classid, Oid objid)
{
	ObjectKey  *key = classid == RelationRelationId ? relation_key(objid)
		: object_key(classid, objid);

	if (key != NULL && key->name != NULL)
		observe_key(obs, classid, key->schema, key->name, true);
}

void
observe_column(Observation *obs, Oid relid, const char *attname)
{
	ObjectKey  *key = relation_key(relid);

	if (key != NULL)
		observe_key(obs, AttributeRelationId, key->schema,
					psprintf("%s.%s", key->name, attname), true);
}

void
observe_keys(Observation *obs, List *keys)
{
	ListCell   *lc;

	foreach(lc, keys)
	{
		ObjectKey  *key = lfirst(lc);

		observe_key(obs, key->classid, key->schema, key->name, key->found);
	}
}

/* ---- dispatch ---- */

static void
verify_one(const Requirement *req, Observation *obs)
{
	switch (req->kind)
	{
		case REQUIREMENT_RELATION:
			verify_relation(req, obs);
			break;
		case REQUIREMENT_PRIVILEGE:
			verify_privilege(req, obs);
			break;
		case REQUIREMENT_COLUMN:
			verify_column(req, obs);
			break;
		case REQUIREMENT_INSERT:
			verify_insert(req, obs);
			break;
		case REQUIREMENT_UNIQUE:
			verify_unique(req, obs);
			break;
		case REQUIREMENT_INDEX:
			verify_index(req, obs);
			break;
		case REQUIREMENT_QUERY:
			verify_query(req, obs);
			break;
		case REQUIREMENT_ROUTINE:
			verify_routine(req, obs);
			break;
		case REQUIREMENT_TYPE:
			verify_type(req, obs);
			break;
		case REQUIREMENT_SEQUENCE:
			verify_sequence(req, obs);
			break;
		case REQUIREMENT_EXTENSION:
			verify_extension(req, obs);
			break;
	}
}

/* ---- errors as answers ---- */

/*
 * An error that says nothing about the requirement: it must go on.  Functions can
 * raise what they like, and must not be able to fail what others do by that; but
 * a cancel that somebody sent is one wherever it comes through.
 */
bool
error_is_no_answer(const ErrorData *edata)
{
	if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		(budget_was_cancelled() || RecoveryInProgress()))
		return true;
	if (edata->context != NULL)
		return false;
	switch (edata->sqlerrcode)
	{
		case ERRCODE_QUERY_CANCELED:
		case ERRCODE_LOCK_NOT_AVAILABLE:
		case ERRCODE_T_R_DEADLOCK_DETECTED:
		case ERRCODE_OUT_OF_MEMORY:
		case ERRCODE_DATA_CORRUPTED:
		case ERRCODE_INDEX_CORRUPTED:
			return true;
		default:
			return ERRCODE_TO_CATEGORY(edata->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION ||
				edata->elevel > ERROR;
	}
}

bool
error_is_the_servers(const ErrorData *edata)
{
	switch (edata->sqlerrcode)
	{
		case ERRCODE_READ_ONLY_SQL_TRANSACTION:
		case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:
			/*
			 * A function that planning runs may want to write.  That a read-only
			 * transaction, or a standby, refuses that says nothing.
			 */
			if (XactReadOnly)
				return true;
			break;
		case ERRCODE_LOCK_NOT_AVAILABLE:
		case ERRCODE_T_R_DEADLOCK_DETECTED:
			return true;
	}
	switch (ERRCODE_TO_CATEGORY(edata->sqlerrcode))
	{
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
		case ERRCODE_INTERNAL_ERROR:
			return true;
		default:
			return false;
	}
}

/* A lock that another transaction holds, where we would not wait for it. */
static bool
error_is_busy(const ErrorData *edata)
{
	return edata->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		edata->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED;
}

/*
 * Planning evaluates constants.  What fails there for the values it meets, or in
 * the code of a function, may fail today and not tomorrow, and says nothing of
 * the schema; whoever wrote the function could stop any change by it.
 */
static bool
error_is_of_evaluation(const Observation *obs, const ErrorData *edata)
{
	if (!obs->planning)
		return false;
	if (obs->ran_function && edata->context != NULL)
		return true;
	switch (ERRCODE_TO_CATEGORY(edata->sqlerrcode))
	{
		case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION:
		case ERRCODE_FEATURE_NOT_SUPPORTED:
			return false;
		default:
			return true;
	}
}

/* It is stored, and may have been written by whoever registered the query. */
#define MESSAGE_SHOWN 1000

static char *
shown_message(const ErrorData *edata)
{
	const char *message = edata->message ? edata->message : "error without message";
	int			length = pg_mbcliplen(message, strlen(message), MESSAGE_SHOWN);

	return pnstrdup(message, length);
}

/*
 * A query that failed on a constant, perhaps an enum's label that is not there
 * yet: it hangs on the types of whatever it may have been compared with.
 */
static void
observe_column_types(Observation *obs)
{
	List	   *keys = list_copy(obs->keys);
	ListCell   *lc;

	foreach(lc, keys)
	{
		ObjectKey  *key = lfirst(lc);
		Oid			schema = get_namespace_oid(key->schema, true);
		Oid			relid = key->classid == RelationRelationId && OidIsValid(schema)
			? get_relname_relid(key->name, schema) : InvalidOid;

		for (AttrNumber attnum = 1; OidIsValid(relid); attnum++)
		{
			Oid			type = get_atttype(relid, attnum);

			if (!SearchSysCacheExists2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(attnum)))
				break;
			observe_type(obs, type);
		}
	}
}

/*
 * What the server says of a query that does not analyse, rewrite or plan, or of
 * a view that it cannot look through.
 */
static void
observe_error(const Requirement *req, Observation *obs, const ErrorData *edata)
{
	RuleId		rule = RULE_QUERY_BROKEN;
	RequirementState state = STATE_UNMET;
	Problem    *problem;
	char	   *schema = shape_missing_schema(req->baseline);

	switch (edata->sqlerrcode)
	{
		case ERRCODE_UNDEFINED_TABLE:
		case ERRCODE_UNDEFINED_FUNCTION:
		case ERRCODE_UNDEFINED_OBJECT:
			/* Along the search path it meant one in a schema that is gone. */
			if (schema != NULL)
			{
				(void) observe_missing_schema(obs, schema);
				return;
			}
			break;
		case ERRCODE_INVALID_TEXT_REPRESENTATION:
			observe_column_types(obs);
			break;
		case ERRCODE_INSUFFICIENT_PRIVILEGE:
			rule = RULE_PRIVILEGE_LOST;
			break;
		case ERRCODE_AMBIGUOUS_COLUMN:
		case ERRCODE_AMBIGUOUS_FUNCTION:
			rule = RULE_QUERY_AMBIGUOUS;
			break;
		default:
			/* A limit or a fault of the server is not the query's. */
			if (error_is_the_servers(edata))
			{
				rule = RULE_NOT_VERIFIED;
				state = STATE_UNKNOWN;
			}
	}

	if (error_is_of_evaluation(obs, edata))
	{
		rule = RULE_NOT_VERIFIED;
		state = STATE_UNKNOWN;
	}
	problem = observe_problem(obs, rule, state,
							  pstrdup("the statement to run"),
							  shown_message(edata),
							  InvalidOid, NULL);
	problem->sqlstate = pstrdup(unpack_sql_state(edata->sqlerrcode));
	problem->message = pstrdup(problem->found);
	if (edata->cursorpos > 0)
		problem->found = psprintf("%s at character %d", problem->found, edata->cursorpos);
}

/* ---- the context of a requirement ---- */

/* "path" with pg_temp at its end, so that a temporary table of the session
 * that happens to ask hides nothing. */
static char *
path_without_temp_first(const char *path)
{
	List	   *names;
	ListCell   *lc;

	if (SplitIdentifierString(pstrdup(path), ',', &names))
	{
		foreach(lc, names)
		{
			if (strcmp(lfirst(lc), "pg_temp") == 0)
				return pstrdup(path);
		}
		if (names == NIL)
			return pstrdup("pg_temp");
	}
	return psprintf("%s, pg_temp", path);
}

void
set_local(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

void
enter_search_path(const char *path)
{
	set_local("search_path", path_without_temp_first(path));
}

/*
 * Become the requirement's role and take its search path, until the end of the
 * subtransaction.  False if there is no such role.
 */
static bool
enter_context(const Requirement *req, const VerifyOptions *options)
{
	Oid			roleid = get_role_oid(req->role, true);

	if (!OidIsValid(roleid))
		return false;
	if (!options->wait_for_locks)
		set_local("lock_timeout", BUSY_LOCK_TIMEOUT);
	enter_search_path(req->search_path);
	set_local("client_min_messages", "error");
	SetUserIdAndSecContext(roleid, SECURITY_RESTRICTED_OPERATION);
	return true;
}

static bool
same_context(const Requirement *a, const Requirement *b)
{
	return strcmp(a->role, b->role) == 0 &&
		strcmp(a->search_path, b->search_path) == 0;
}

static int
compare_contexts(const void *a, const void *b, void *arg)
{
	Requirement **reqs = arg;
	const Requirement *x = reqs[*(const int *) a];
	const Requirement *y = reqs[*(const int *) b];
	int			cmp = strcmp(x->role, y->role);

	return cmp != 0 ? cmp : strcmp(x->search_path, y->search_path);
}

/*
 * Make the planner's inference of ON CONFLICT arbiters, which reads the
 * relation cache's list of indexes, not see an index.  The entry is pinned
 * until the subtransaction ends; show_index has the list read anew then.
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

static void
show_index(Oid index)
{
	Oid			relid = IndexGetRelation(index, true);

	if (OidIsValid(relid))
		RelationCacheInvalidateEntry(relid);
}

/* ---- the subtransaction ---- */

typedef struct Batch
{
	Requirement **reqs;
	int			nreqs;
	int		   *order;			/* indexes into reqs, one context after another */
	int			next;			/* position in order of what is answered next */
	const char *role;			/* whose time it is; NULL: nobody's yet */
	MemoryContext scratch;		/* for answering one requirement */
	MemoryContext memo;			/* for all that are answered in one context */
	MemoryContext bodies;		/* for what is kept of the bodies of routines */
	const VerifyOptions *options;
	Observation **result;
} Batch;

static char *
copy_text(const char *text)
{
	return text ? pstrdup(text) : NULL;
}

void
keep_keys(List **kept, List *keys)
{
	ListCell   *lc;

	foreach(lc, keys)
	{
		ObjectKey  *key = palloc_object(ObjectKey);

		*key = *(ObjectKey *) lfirst(lc);
		key->schema = copy_text(key->schema);
		key->name = copy_text(key->name);
		*kept = lappend(*kept, key);
	}
}

Observation *
observation_copy(const Observation *obs)
{
	Observation *kept = palloc0_object(Observation);
	ListCell   *lc;

	kept->state = obs->state;
	foreach(lc, obs->problems)
	{
		Problem    *problem = palloc_object(Problem);

		*problem = *(Problem *) lfirst(lc);
		problem->expected = copy_text(problem->expected);
		problem->found = copy_text(problem->found);
		problem->sqlstate = copy_text(problem->sqlstate);
		problem->message = copy_text(problem->message);
		problem->subject = copy_text(problem->subject);
		problem->role = copy_text(problem->role);
		problem->schema = copy_text(problem->schema);
		problem->relation = copy_text(problem->relation);
		problem->column = copy_text(problem->column);
		problem->constraint = copy_text(problem->constraint);
		kept->problems = lappend(kept->problems, problem);
	}
	keep_keys(&kept->keys, obs->keys);
	foreach(lc, obs->runs)
	{
		RunRoutine *run = palloc_object(RunRoutine);

		*run = *(RunRoutine *) lfirst(lc);
		run->oldtable = copy_text(run->oldtable);
		run->newtable = copy_text(run->newtable);
		kept->runs = lappend(kept->runs, run);
	}
	if (obs->baseline != NULL)
	{
		kept->baseline = palloc(VARSIZE(obs->baseline));
		memcpy(kept->baseline, obs->baseline, VARSIZE(obs->baseline));
	}
	return kept;
}

/* Copy what was observed out of the scratch context and empty that. */
static void
keep_result(Batch *batch, int i)
{
	batch->result[i] = observation_copy(batch->result[i]);
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

	MemoryContextReset(batch->memo);
	(void) memo_begin_batch(batch->memo);
	/* The context of an error then says if a function raised it. */
	error_context_stack = NULL;
	budget_enter();
	PushActiveSnapshot(GetLatestSnapshot());
	role_exists = enter_context(first, batch->options);
	if (batch->next == 0 || !same_context(first, batch->reqs[batch->order[batch->next - 1]]))
	{
		MemoryContextReset(batch->bodies);
		bodies_reset(batch->bodies);
	}
	if (OidIsValid(without_index))
		hide_index(without_index);
	for (; batch->next < batch->nreqs; batch->next++)
	{
		int			i = batch->order[batch->next];
		Requirement *req = batch->reqs[i];

		if (!same_context(first, req))
			break;
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(batch->scratch);
		batch->result[i] = answering = palloc0_object(Observation);
		if (role_exists)
			verify_one(req, batch->result[i]);
		else
			observe_problem(batch->result[i], RULE_ROLE_MISSING, STATE_UNMET,
							psprintf("role %s", quote_identifier(req->role)),
							pstrdup("no such role"), InvalidOid, NULL);
		answering = NULL;
		MemoryContextSwitchTo(context);
		keep_result(batch, i);
	}
	PopActiveSnapshot();
	error_context_stack = outer_context;
}

/* The next one could not be answered in time. */
static void
leave_unanswered(Batch *batch)
{
	int			i = batch->order[batch->next++];
	const Requirement *req = batch->reqs[i];
	MemoryContext context = MemoryContextSwitchTo(batch->scratch);

	if (batch->result[i] == NULL)
		batch->result[i] = palloc0_object(Observation);
	observe_problem(batch->result[i], RULE_NOT_VERIFIED, STATE_UNKNOWN,
					psprintf("%s %s to be verified", requirement_kind_name(req->kind), req->object),
					psprintf("role %s had no time left (compat_guard.verify_timeout)",
							 quote_identifier(req->role)), InvalidOid, NULL);
	MemoryContextSwitchTo(context);
	keep_result(batch, i);
}

/* Time is a role's and not a context's, of which it can have any number. */
static void
give_time(Batch *batch)
{
	const char *role = batch->reqs[batch->order[batch->next]]->role;

	if (batch->role != NULL && strcmp(batch->role, role) == 0)
		return;
	batch->role = role;
	budget_start(batch->options->within_time ? guard_verify_timeout : 0);
}

/* False if a lock was not to be had. */
static bool
answer_some(Batch *batch)
{
	ErrorData  *edata;
	int			i;

	give_time(batch);
	if (budget_is_spent())
	{
		leave_unanswered(batch);
		return true;
	}
	try_lock_reset();
	budget_watch();
	edata = subtransaction_run(answer_in_context, batch, false);
	budget_end_watch();
	if (budget_was_cancelled() &&
		(edata == NULL || edata->sqlerrcode != ERRCODE_QUERY_CANCELED))
		budget_cancel_again();
	if (edata == NULL)
		return true;
	if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED && budget_is_spent() &&
		!budget_was_cancelled())
	{
		FreeErrorData(edata);
		leave_unanswered(batch);
		return true;
	}
	if (error_is_busy(edata) && try_lock_failed())
	{
		if (!batch->options->wait_for_locks)
			return false;
		try_lock_wait(batch->options->waited_for);
		return true;			/* once more from there */
	}
	if (error_is_busy(edata) && !batch->options->wait_for_locks &&
		!(batch->options->last_try && edata->context != NULL))
		return false;
	i = batch->order[batch->next];
	if (error_is_no_answer(edata) || batch->result[i] == NULL)
		ReThrowError(edata);
	observe_error(batch->reqs[i], batch->result[i], edata);
	keep_result(batch, i);
	FreeErrorData(edata);
	batch->next++;
	return true;
}

/*
 * A label that this transaction has added to an enum is not to be used before it
 * commits, lest it be stored and the addition rolled back.  Nothing is stored
 * here, and what is asked is how things will be.  Returns what gives back to
 * the server what it knew.
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
					Observation **result)
{
	Batch		batch = {
		.reqs = reqs,
		.nreqs = nreqs,
		.order = palloc_array(int, nreqs),

		/* The first block stays when it is reset: enough to plan most queries. */
		.scratch = AllocSetContextCreate(CurrentMemoryContext,
										 "compat_guard requirement",
										 0, 128 * 1024, ALLOCSET_DEFAULT_MAXSIZE),
		.memo = AllocSetContextCreate(CurrentMemoryContext,
									  "compat_guard memo", ALLOCSET_SMALL_SIZES),
		.bodies = AllocSetContextCreate(CurrentMemoryContext,
										"compat_guard bodies", ALLOCSET_DEFAULT_SIZES),
		.options = &options,
		.result = result
	};
	SurroundingsCache *cache;
	bool		answered = true;
	MemoryContext outer_memo;
	WaitedFor	waited_for = {0};
	const char *statement = debug_query_string;
	void	   *enums = forget_uncommitted_enums();

	/* By a function that calls us while it is run by us. */
	if (running)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("contracts cannot be verified while one is being verified")));
	outer_memo = memo_begin_batch(batch.memo);
	cache = surroundings_cache_begin(CurrentMemoryContext);
	if (options.waited_for == NULL)
		options.waited_for = &waited_for;
	for (int i = 0; i < nreqs; i++)
	{
		batch.order[i] = i;
		result[i] = NULL;
	}
	qsort_arg(batch.order, nreqs, sizeof(int), compare_contexts, reqs);

	without_index = options.without_index;
	running = true;
	PG_TRY();
	{
		/* Not for the eyes of the functions that planning runs. */
		debug_query_string = NULL;
		while (answered && batch.next < nreqs)
			answered = answer_some(&batch);
	}
	PG_FINALLY();
	{
		if (OidIsValid(without_index))
			show_index(without_index);
		without_index = InvalidOid;
		RestoreUncommittedEnums(enums);
		budget_end_watch();
		debug_query_string = statement;
		running = false;
		answering = NULL;
		(void) memo_begin_batch(outer_memo);
		surroundings_cache_end(cache);
	}
	PG_END_TRY();
	verify_release_locks(&waited_for);
	MemoryContextDelete(batch.scratch);
	MemoryContextDelete(batch.memo);
	MemoryContextDelete(batch.bodies);
	return answered;
}

/* ---- names of states ---- */

static const char *const state_names[] = {
	[STATE_MET] = "met",
	[STATE_UNKNOWN] = "unknown",
	[STATE_UNMET] = "unmet"
};

const char *
state_name(RequirementState state)
{
	return state_names[state];
}

bool
state_by_name(const char *name, RequirementState *state)
{
	for (int i = 0; i < lengthof(state_names); i++)
	{
		if (strcmp(name, state_names[i]) == 0)
		{
			*state = i;
			return true;
		}
	}
	return false;
}
