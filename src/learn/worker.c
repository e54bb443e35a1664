/*
 * worker.c
 *		The process that makes requirements of what sessions were seen to send.
 *
 * It registers as the role that has logged in, with no more rights than that: in the
 * same way as a declared contract, and no other.  A statement that does not verify as met
 * is not stored.  It was understood wrongly, or needs what only its session has.
 *
 * Messages of one version are worked on in one transaction.  If that fails they are tried
 * one by one.  One that fails is counted as lost, and told again by its session.
 */
#include "postgres.h"

#include "access/xact.h"
#include "api/api.h"
#include "base/compat.h"
#include "base/guard_active.h"
#include "base/guc.h"
#include "contract/contract.h"
#include "learn/learn_internal.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "registry/registry.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define LOCK_TIMEOUT	"3s"
#define LOOK_EVERY		100L	/* milliseconds */
#define EXIT_AFTER		(10 * USECS_PER_SEC)	/* without a message */
#define FORGET_EVERY	(60 * USECS_PER_SEC)
#define MOST_AT_ONCE	200		/* messages of a transaction */
#define NAME_BYTES		60		/* of the text of a statement in its name */
#define LEASE_NAME		"traffic"

extern PGDLLEXPORT void compat_guard_learning_main(Datum arg);

/* What is to be known of a key after the transaction has been committed. */
typedef struct KnownLater
{
	uint64		key;
	Known		known;
	int64		fingerprint;
} KnownLater;

typedef struct Batch
{
	List	   *messages;		/* of Message *, of one version and login role */
	Version    *version;
	List	   *later;			/* of KnownLater * */
	List	   *requirements;	/* of Requirement *: new ones */
	List	   *statements;		/* of LearnedStatement *: to these */
	List	   *keys;			/* of Message *: to these */
	int64		nlearned;		/* of the version before */
} Batch;

static void
note_known(Batch *batch, const Message *message, Known known)
{
	KnownLater *later = palloc_object(KnownLater);

	later->key = message->key;
	later->known = known;
	later->fingerprint = message->fingerprint;
	batch->later = lappend(batch->later, later);
}

/* ---- requirements ---- */

/* Return a name by which people know a statement: its beginning, and a number. */
static char *
statement_name(const Message *message)
{
	int			length = strlen(message->text);
	int			clipped = pg_mbcliplen(message->text, length, NAME_BYTES);

	return psprintf("%.*s%s #%08x", clipped, message->text, clipped < length ? "..." : "",
					(uint32) message->fingerprint);
}

/* Return the requirement of a statement; NULL if its role may not have it any more. */
static Requirement *
make_requirement(const Message *message)
{
	char	   *role = GetUserNameFromId(message->role, true);
	Requirement *req = palloc0_object(Requirement);
	List	   *problems;
	Contract   *contract;
	StringInfoData json;

	if (role == NULL || !compat_can_become_role(message->login, message->role))
		return NULL;
	contract = contract_parse(json_from_text("{}"), role, message->search_path, &problems);
	if (contract == NULL)
		return NULL;
	req->kind = REQUIREMENT_QUERY;
	req->object = statement_name(message);
	req->role = contract->role;
	req->search_path = contract->search_path;
	initStringInfo(&json);
	appendStringInfoString(&json, "{\"name\": ");
	escape_json(&json, req->object);
	appendStringInfoString(&json, ", \"sql\": ");
	escape_json(&json, message->text);
	if (strcmp(message->params, "[]") != 0)
		appendStringInfo(&json, ", \"params\": %s", message->params);
	appendStringInfoString(&json, ", \"learned\": true}");
	req->expected = json_from_text(json.data);
	return req;
}

/* Add the calls to a statement that comes twice in the batch; return false if it does not. */
static bool
add_to_batch(Batch *batch, const Message *message)
{
	ListCell   *lc;

	foreach(lc, batch->statements)
	{
		LearnedStatement *statement = lfirst(lc);

		if (statement->fingerprint == message->fingerprint)
		{
			statement->calls += message->calls;
			return true;
		}
	}
	return false;
}

static LearnedStatement *
new_statement(const Message *message)
{
	LearnedStatement *statement = palloc0_object(LearnedStatement);

	statement->fingerprint = message->fingerprint;
	statement->seen = message->at;
	statement->calls = message->calls;
	statement->new_session = message->new_session;
	return statement;
}

static void
count_unlearned(Batch *batch, const char *reason)
{
	registry_count_unlearned(batch->version->id, reason, 1);
	CommandCounterIncrement();
}

/* Take a statement into the batch, unless it is learned already or cannot be. */
static void
take_statement(Batch *batch, Message *message)
{
	LearnedStatement *statement = new_statement(message);
	Requirement *req;

	if (registry_add_evidence(batch->version->id, statement))
		CommandCounterIncrement();
	else if (add_to_batch(batch, message))
		return;					/* what becomes of the first tells */
	else if (batch->nlearned + list_length(batch->requirements) >= guard_learn_max_statements)
	{
		count_unlearned(batch, "too_many");
		note_known(batch, message, KNOWN_REJECTED);
		return;
	}
	else if ((req = make_requirement(message)) != NULL)
	{
		batch->requirements = lappend(batch->requirements, req);
		batch->statements = lappend(batch->statements, statement);
		batch->keys = lappend(batch->keys, message);
		return;
	}
	else
	{
		count_unlearned(batch, "not_met");
		note_known(batch, message, KNOWN_REJECTED);
		return;
	}
	note_known(batch, message, KNOWN_LEARNED);
}

static void
take_message(Batch *batch, Message *message)
{
	switch (message->kind)
	{
		case MESSAGE_STATEMENT:
			take_statement(batch, message);
			break;
		case MESSAGE_EVIDENCE:
			if (registry_add_evidence(batch->version->id, new_statement(message)))
				CommandCounterIncrement();
			else if (!add_to_batch(batch, message))
				note_known(batch, message, KNOWN_NOT);
			break;
		case MESSAGE_UNLEARNED:
			count_unlearned(batch, message->text);
			break;
		case MESSAGE_PRESENT:
			break;
	}
}

/* Register what is new, and note what has become of it. */
static void
register_batch(Batch *batch)
{
	if (batch->requirements != NIL)
		(void) register_learned(batch->version, batch->requirements);
	for (int i = 0; i < list_length(batch->requirements); i++)
	{
		Requirement *req = list_nth(batch->requirements, i);
		LearnedStatement *statement = list_nth(batch->statements, i);

		statement->requirement_id = req->id;
		if (req->id != 0)
			registry_add_learned(batch->version->id, statement);
		else
			count_unlearned(batch, "not_met");
		note_known(batch, list_nth(batch->keys, i),
				   req->id != 0 ? KNOWN_LEARNED : KNOWN_REJECTED);
	}
}

static Interval *
traffic_lease(void)
{
	Interval   *lease = palloc0_object(Interval);

	lease->time = (int64) guard_learn_lease * USECS_PER_SEC;
	return lease;
}

/* Work on a batch, as the role that has logged in. */
static void
work_on_batch(void *arg)
{
	Batch	   *batch = arg;
	const Message *first = linitial(batch->messages);
	char	   *login = GetUserNameFromId(first->login, true);
	char	   *role = GetUserNameFromId(first->role, true);
	Oid			save_userid;
	int			save_sec_context;
	ListCell   *lc;

	batch->later = batch->requirements = batch->statements = batch->keys = NIL;
	if (login == NULL || !registry_lock_against_drop() || !guard_is_active() ||
		!registry_may_register(first->login))
		return;
	guard_require_version();
	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	SetUserIdAndSecContext(first->login, save_sec_context | SECURITY_LOCAL_USERID_CHANGE);
	batch->version = register_running(first->app, first->version,
									  role != NULL ? role : login, first->search_path,
									  !first->by_lease, first->by_lease);
	if (first->by_lease)
		(void) renew_lease(registry_find_app(first->app), first->version, LEASE_NAME,
						   traffic_lease());
	batch->nlearned = registry_count_learned(batch->version->id);
	foreach(lc, batch->messages)
		take_message(batch, lfirst(lc));
	register_batch(batch);
	SetUserIdAndSecContext(save_userid, save_sec_context);
}

/* ---- forgetting ---- */

static void
forget_of_version(const Version *version, TimestampTz before)
{
	List	   *ids = registry_forget_learned(version->id, before);
	int64	   *array = palloc_array(int64, list_length(ids) + 1);
	int			n = 0;
	List	   *gone = NIL;
	Requirement **reqs;
	ListCell   *lc;

	if (ids == NIL)
		return;
	registry_lock_row(version->id);
	registry_lock(REGISTRY_LOCK_REMOVAL);
	version = registry_load_version(version->id);
	if (version == NULL)
		return;
	foreach(lc, ids)
		array[n++] = *(int64 *) lfirst(lc);
	n = registry_sort_ids(array, n);
	reqs = registry_load_requirements(array, &n);
	for (int i = 0; i < n; i++)
	{
		registry_unlink(version->id, reqs[i]->id);
		gone = lappend(gone, reqs[i]);
	}
	registry_set_requirement_count(version, version->nrequirements - n);
	CommandCounterIncrement();
	registry_drop_orphans(gone);
}

/* Forget what was not sent for compat_guard.learn_window. */
static void
forget_old(void *arg)
{
	TimestampTz before = GetCurrentTimestamp() - (int64) guard_learn_window * USECS_PER_MINUTE;
	ListCell   *lc;

	if (!registry_lock_against_drop() || !guard_is_active())
		return;
	foreach(lc, registry_tracked_versions())
		forget_of_version(lfirst(lc), before);
}

/* ---- transactions ---- */

/* Run body in a transaction; return false, with the error in the log, if it fails. */
static bool
run_transaction(void (*body) (void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool failed = false;

	PG_TRY();
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		MemoryContextSwitchTo(context);
		PushActiveSnapshot(GetTransactionSnapshot());
		body(arg);
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		MemoryContextSwitchTo(context);
		EmitErrorReport();
		AbortCurrentTransaction();
		FlushErrorState();
		failed = true;
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return !failed;
}

static bool
try_batch(List *messages)
{
	Batch		batch = {.messages = messages};
	ListCell   *lc;

	if (!run_transaction(work_on_batch, &batch))
		return false;
	if (batch.version == NULL)
		queue_count_lost(list_length(messages));	/* it may not register any
													 * more */
	foreach(lc, batch.later)
	{
		KnownLater *later = lfirst(lc);

		queue_set_known(later->key, later->known, later->fingerprint);
	}
	return true;
}

static bool
are_of_one_version(const Message *a, const Message *b)
{
	return a->login == b->login && a->by_lease == b->by_lease &&
		strcmp(a->app, b->app) == 0 && strcmp(a->version, b->version) == 0;
}

/* Take the messages out of the list that go with its first one. */
static List *
take_batch(List **messages)
{
	const Message *first = linitial(*messages);
	List	   *batch = NIL;
	List	   *rest = NIL;
	ListCell   *lc;

	foreach(lc, *messages)
	{
		if (list_length(batch) < MOST_AT_ONCE && are_of_one_version(first, lfirst(lc)))
			batch = lappend(batch, lfirst(lc));
		else
			rest = lappend(rest, lfirst(lc));
	}
	*messages = rest;
	return batch;
}

static void
work_on(List *messages)
{
	while (messages != NIL)
	{
		List	   *batch = take_batch(&messages);
		ListCell   *lc;

		CHECK_FOR_INTERRUPTS();
		if (try_batch(batch))
			continue;
		if (list_length(batch) == 1)
		{
			queue_count_lost(1);
			continue;
		}
		foreach(lc, batch)
		{
			if (!try_batch(list_make1(lfirst(lc))))
				queue_count_lost(1);
		}
	}
}

static void
attach_to_queue(void *arg)
{
	*(bool *) arg = queue_attach();
}

static void
wait_for_messages(void)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_EVERY,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* Work until no message has come for a while. */
static void
work_until_idle(MemoryContext context)
{
	TimestampTz last = GetCurrentTimestamp();
	TimestampTz forgotten = 0;

	for (;;)
	{
		TimestampTz now = GetCurrentTimestamp();
		List	   *messages = queue_take();

		if (messages != NIL)
		{
			work_on(messages);
			last = now;
		}
		else if (now - last > EXIT_AFTER && queue_end_work())
			return;
		else
			wait_for_messages();
		if (guard_learn_window > 0 && now - forgotten > FORGET_EVERY)
		{
			(void) run_transaction(forget_old, NULL);
			forgotten = now;
		}
		MemoryContextReset(context);
	}
}

void
compat_guard_learning_main(Datum arg)
{
	MemoryContext context;
	bool		attached = false;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), InvalidOid,
											  BGWORKER_BYPASS_ALLOWCONN);
	SetConfigOption("application_name", MyBgworkerEntry->bgw_type, PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("lock_timeout", LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("statement_timeout", "0", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("default_transaction_read_only", "off", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION);

	context = AllocSetContextCreate(TopMemoryContext, "compat_guard learning",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	if (!run_transaction(attach_to_queue, &attached) || !attached || !queue_begin_work())
		return;
	queue_forget_rejected();
	work_until_idle(context);
}
