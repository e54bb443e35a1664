/*
 * session.c
 *		What a session does about the statements that it sends.
 *
 * Invariant: whatever goes wrong here, the application does not notice.  Nothing is
 * written in its transaction, nothing waits for a lock or for the worker, and an error is
 * dropped.  What reads catalogs runs in a subtransaction that is rolled back.
 *
 * A statement that was seen before costs a look at a table of this session: once when it
 * is analysed and once when it starts to run.  What is done for a new one is bounded by
 * its length.
 *
 * Only what the client itself has sent is learned.  What functions send is the database's
 * own, and verified with the function.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "base/compat.h"
#include "base/guard_active.h"
#include "base/guc.h"
#include "base/shown.h"
#include "base/subtransaction.h"
#include "catalog/namespace.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "learn/learn_internal.h"
#include "miscadmin.h"
#include "parser/analyze.h"
#include "registry/registry.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* The statements that a session remembers; it learns no more. */
#define MAX_SESSION_STATEMENTS	5000

/* How often a session tells how often it has sent its statements. */
#define TELL_EVERY		(30 * USECS_PER_SEC)

/* When to try again what was not possible: not at each statement. */
#define TRY_AGAIN_AFTER	(USECS_PER_SEC)
#define ASK_AGAIN_AFTER	(60 * USECS_PER_SEC)

/* The names that a session has had whose statements it remembers. */
#define MAX_SESSION_IDENTITIES	16

typedef struct SeenStatement
{
	uint64		key;			/* must be first */
	const Identity *id;			/* whose it is */
	int64		fingerprint;	/* 0: not learned */
	int64		calls;			/* since it was told */
	bool		told;			/* that this session sends it */
} SeenStatement;

static post_parse_analyze_hook_type next_post_parse_analyze_hook = NULL;
static ExecutorStart_hook_type next_executor_start_hook = NULL;

static HTAB *seen = NULL;
static List *identities = NIL;	/* of Identity *: of what was seen */
static bool working = false;	/* in our own code */
static bool accepted = false;	/* the session is who it says */
static TimestampTz next_try = 0;
static TimestampTz next_tell = 0;
static TimestampTz next_renewal = 0;
static LOCKTAG claim;
static bool claimed = false;

/* The key of a statement also tells of the role and the search path. */
static uint64 place_hash;
static Oid	place_role = InvalidOid;
static char *place_path = NULL;

static bool exit_registered = false;

static void tell_at_exit(int code, Datum arg);
static void tell_calls(bool at_exit);

/* ---- who is it ---- */

/* Forget the statements, of all the names that the session has had. */
static void
forget_statements(void)
{
	if (seen == NULL)
		return;
	tell_calls(true);
	hash_destroy(seen);
	seen = NULL;
	list_free_deep(identities);
	identities = NIL;
}

/*
 * Forget the session's identity, which has changed.  A pooler may change it back soon, so
 * its statements are remembered.
 */
static void
forget_identity(void)
{
	if (claimed)
		registry_release_claim(&claim);
	claimed = false;
	accepted = false;
	next_try = 0;
	next_renewal = 0;
	if (list_length(identities) >= MAX_SESSION_IDENTITIES)
		forget_statements();
}

/* Say once in the server log why a session is ignored, and count it. */
static void
ignore_session(const char *app, const char *version, const char *why)
{
	accepted = false;
	next_try = GetCurrentStatementStartTimestamp() + ASK_AGAIN_AFTER;
	if (queue_attach())
		queue_count_ignored();
	ereport(LOG,
			(errmsg("compat_guard ignores that the session is version \"%s\" of app \"%s\": %s",
					shown(version), shown(app), why)));
}

static Message
new_message(MessageKind kind, const Identity *id)
{
	Message		message = {
		.kind = kind,
		.by_lease = id->by_lease,
		.login = GetSessionUserId(),
		.role = GetUserId(),
		.at = GetCurrentStatementStartTimestamp(),
		.app = id->app,
		.version = id->version,
		.search_path = namespace_search_path,
		.text = "",
		.params = ""
	};

	return message;
}

/* Tell the worker that the session is there. */
static void
tell_presence(const Identity *id)
{
	Message		message = new_message(MESSAGE_PRESENT, id);

	if (queue_send(&message))
		next_renewal = message.at + (int64) guard_learn_lease * USECS_PER_SEC / 3;
	else
		next_renewal = message.at + TRY_AGAIN_AFTER;
}

/* Accept the session, if its role may register the version. */
static void
introduce(const Identity *id)
{
	const char *why = identity_refusal(id);

	if (why != NULL)
	{
		ignore_session(id->app, id->version, why);
		return;
	}
	if (!queue_attach())
		return;
	if (!id->by_lease)
	{
		claim = registry_claim_tag(id->app, id->version);
		if (!registry_try_claim(&claim))
			return;				/* a judgement skips the version just now */
		claimed = true;
	}
	accepted = true;
	next_renewal = 0;
	if (!exit_registered)
		before_shmem_exit(tell_at_exit, (Datum) 0);
	exit_registered = true;
}

/* Is the session attached, or does it not have to be?  DISCARD ALL detaches it. */
static bool
is_attached(const Identity *id)
{
	return id->by_lease || (claimed && registry_claim_held(&claim));
}

/* ---- statements ---- */

static HTAB *
seen_statements(void)
{
	HASHCTL		ctl = {.keysize = sizeof(uint64), .entrysize = sizeof(SeenStatement)};

	if (seen == NULL)
		seen = hash_create("compat_guard statements", 256, &ctl, HASH_ELEM | HASH_BLOBS);
	return seen;
}

/* Return a copy of an identity that lives as long as what was seen. */
static const Identity *
lasting_identity(const Identity *id)
{
	MemoryContext old;
	Identity   *copy;
	ListCell   *lc;

	foreach(lc, identities)
	{
		const Identity *known = lfirst(lc);

		if (known->by_lease == id->by_lease && strcmp(known->app, id->app) == 0 &&
			strcmp(known->version, id->version) == 0)
			return known;
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	copy = palloc_object(Identity);
	*copy = *id;
	identities = lappend(identities, copy);
	MemoryContextSwitchTo(old);
	return copy;
}

/* Return the key of a statement in all sessions. */
static uint64
statement_key(const Identity *id, uint64 query_id)
{
	Oid			role = GetUserId();

	if (place_path == NULL || place_role != role || strcmp(place_path, namespace_search_path) != 0)
	{
		if (place_path != NULL)
			pfree(place_path);
		place_path = NULL;
		place_path = MemoryContextStrdup(TopMemoryContext, namespace_search_path);
		place_role = role;
		place_hash = hash_bytes_extended((const unsigned char *) place_path, strlen(place_path), role);
	}
	return hash_combine64(hash_combine64(query_id, place_hash), id->hash);
}

/* Return the number that tells equal statements, also after a restore. */
static int64
fingerprint_of(const LearnedText *learned)
{
	const char *const parts[] = {
		learned->text, learned->params, GetUserNameFromId(GetUserId(), false),
		namespace_search_path
	};
	uint64		hash = 0;

	for (int i = 0; i < lengthof(parts); i++)
		hash = hash_bytes_extended((const unsigned char *) parts[i], strlen(parts[i]), hash);
	return hash == 0 ? 1 : (int64) hash;
}

typedef struct NewStatement
{
	const Identity *id;
	Query	   *query;
	const char *source;
	int			location;
	int			length;
	uint64		key;
	bool		runs_unseen;	/* it has no query ID when it runs */
} NewStatement;

/*
 * Tell the worker of a statement; return what to remember of it.  *other: nothing, the
 * query may come by itself.
 */
static int64
tell_statement(const NewStatement *new, bool *sent, bool *other)
{
	LearnedText learned = learned_text(new->query, new->source, new->location, new->length);
	Message		message = new_message(MESSAGE_STATEMENT, new->id);

	*sent = true;
	*other = learned.other_statement;
	message.key = new->key;
	message.new_session = true;
	message.calls = 1;
	if (learned.unlearned != NULL)
	{
		message.kind = MESSAGE_UNLEARNED;
		message.text = learned.unlearned;
		if (!learned.silent)
			*sent = queue_send(&message);
		return 0;
	}
	message.text = learned.text;
	message.params = learned.params;
	message.fingerprint = fingerprint_of(&learned);
	*sent = queue_send(&message);
	return message.fingerprint;
}

static void
tell_too_many(const Identity *id)
{
	Message		message = new_message(MESSAGE_UNLEARNED, id);

	message.text = "too_many";
	(void) queue_send(&message);
	next_try = message.at + ASK_AGAIN_AFTER;
}

static void
remember(const Identity *id, uint64 key, int64 fingerprint, bool told, bool counted)
{
	const Identity *whose = lasting_identity(id);
	SeenStatement *statement = hash_search(seen_statements(), &key, HASH_ENTER, NULL);

	statement->id = whose;
	statement->fingerprint = fingerprint;

	/* The worker was told of one call, which is to be counted when it starts. */
	statement->calls = counted || !told ? 0 : -1;
	statement->told = told;
}

/* Do what a statement needs that the session has not sent yet. */
static void
learn(void *arg)
{
	NewStatement *new = arg;
	int64		fingerprint = 0;
	Known		known;
	bool		sent = true;
	bool		other = false;

	if (!guard_is_active())
	{
		next_try = GetCurrentStatementStartTimestamp() + TRY_AGAIN_AFTER;
		return;
	}
	if (!accepted || !is_attached(new->id))
		introduce(new->id);
	if (!accepted)
		return;
	if (GetCurrentStatementStartTimestamp() >= next_renewal)
		tell_presence(new->id);
	if (!guard_learn || new->query == NULL)
		return;
	if (hash_search(seen_statements(), &new->key, HASH_FIND, NULL) != NULL)
		return;
	if (hash_get_num_entries(seen) >= MAX_SESSION_STATEMENTS && list_length(identities) > 1)
		forget_statements();
	if (hash_get_num_entries(seen_statements()) >= MAX_SESSION_STATEMENTS)
	{
		tell_too_many(new->id);
		return;
	}
	known = queue_known(new->key, &fingerprint);
	if (known == KNOWN_NOT)
		fingerprint = tell_statement(new, &sent, &other);
	if (other)
		return;
	if (sent)
		remember(new->id, new->key, known == KNOWN_REJECTED ? 0 : fingerprint, known == KNOWN_NOT,
				 new->runs_unseen);
	else
		next_try = GetCurrentStatementStartTimestamp() + TRY_AGAIN_AFTER;
}

/* Run body in a subtransaction, in memory that goes with it. */
static void
quietly(void (*body) (void *arg), void *arg)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(old, "compat_guard learning",
												  ALLOCSET_DEFAULT_SIZES);
	ErrorData  *edata;

	working = true;
	MemoryContextSwitchTo(context);
	edata = subtransaction_run(body, arg, false);
	MemoryContextSwitchTo(old);
	working = false;
	if (edata != NULL && error_is_interruption(edata))
		ReThrowError(edata);
	if (edata != NULL)
	{
		next_try = GetCurrentStatementStartTimestamp() + ASK_AGAIN_AFTER;
		ereport(LOG,
				(errmsg("compat_guard could not learn a statement: %s", shown(edata->message))));
	}
	MemoryContextDelete(context);
}

/* ---- evidence ---- */

/*
 * Tell how often statements were sent, and forget those that nobody knows any more.  At
 * exit the worker may not have read yet what they are.
 */
static void
tell_calls(bool at_exit)
{
	HASH_SEQ_STATUS scan;
	SeenStatement *statement;

	hash_seq_init(&scan, seen);
	while ((statement = hash_seq_search(&scan)) != NULL)
	{
		int64		fingerprint;
		Message		message;

		if (statement->calls <= 0)
			continue;
		if (!at_exit && queue_known(statement->key, &fingerprint) == KNOWN_NOT)
		{
			(void) hash_search(seen, &statement->key, HASH_REMOVE, NULL);
			continue;
		}
		message = new_message(MESSAGE_EVIDENCE, statement->id);
		message.key = statement->key;
		message.fingerprint = statement->fingerprint;
		message.calls = statement->calls;
		message.new_session = !statement->told;
		if (statement->fingerprint == 0 || queue_send(&message))
		{
			statement->calls = 0;
			statement->told = true;
		}
	}
}

static void
tell_calls_in_time(void)
{
	TimestampTz now = GetCurrentStatementStartTimestamp();

	if (now < next_tell)
		return;
	if (next_tell != 0)
		tell_calls(false);
	next_tell = now + TELL_EVERY;
}

/* ---- hooks ---- */

/* Ignore a session that says what cannot be a name. */
static void
ignore_names(void *why)
{
	ignore_session(guard_app, guard_version, why);
}

/* Return who the session says it is, if that is of interest now; else NULL. */
static const Identity *
current_identity(const char *source)
{
	const Identity *id;
	const char *why;
	bool		changed = false;

	if (source == NULL || source != debug_query_string || working ||
		MyBackendType != B_BACKEND || IsInParallelMode() || RecoveryInProgress() ||
		!IsNormalProcessingMode())
		return NULL;
	id = identity_now(&changed, &why);
	if (changed)
	{
		forget_identity();
		if (why != NULL && IsTransactionState())
			quietly(ignore_names, unconstify(char *, why));
	}
	return id;
}

/* Is it time to look at a statement that is not known? */
static bool
may_look(void)
{
	return next_try == 0 || GetCurrentStatementStartTimestamp() >= next_try;
}

/* Return the query that a statement holds that the client has sent, or NULL. */
static Query *
query_of_statement(Query *query)
{
	Node	   *held;

	if (query->commandType != CMD_UTILITY)
		return query;
	if (!IsA(query->utilityStmt, DeclareCursorStmt))
		return NULL;
	held = ((DeclareCursorStmt *) query->utilityStmt)->query;
	return held != NULL && IsA(held, Query) ? (Query *) held : NULL;
}

static void
look_at_statement(const Identity *id, Query *whole, const char *source)
{
	Query	   *query = query_of_statement(whole);
	NewStatement new = {.id = id, .source = source};
	SeenStatement *statement;
	bool		runs_unseen;

	if (query == NULL)
		return;
	if (guard_learn)
	{
		runs_unseen = (query->queryId == 0);
		if (runs_unseen)
			EnableQueryId();
		new.key = statement_key(id, runs_unseen ? compat_query_id(query, source) : query->queryId);
		statement = seen == NULL ? NULL : hash_search(seen, &new.key, HASH_FIND, NULL);
		if (statement != NULL && is_attached(id))
		{
			if (runs_unseen)
				statement->calls++;
			if (GetCurrentStatementStartTimestamp() < next_renewal)
				return;
		}
		new.query = query;
		new.runs_unseen = runs_unseen;
		new.location = whole->stmt_location;
		new.length = whole->stmt_len;
	}
	else if (accepted && is_attached(id) &&
			 GetCurrentStatementStartTimestamp() < next_renewal)
		return;
	if (may_look() && IsTransactionState())
		quietly(learn, &new);
}

static void
guard_post_parse_analyze(ParseState *pstate, Query *query, JumbleState * jstate)
{
	const Identity *id;

	if (next_post_parse_analyze_hook != NULL)
		next_post_parse_analyze_hook(pstate, query, jstate);
	if (guard_says_who_it_is() && (id = current_identity(pstate->p_sourcetext)) != NULL)
		look_at_statement(id, query, pstate->p_sourcetext);
}

/* Count what runs. */
static void
count_call(const Identity *id, uint64 query_id)
{
	uint64		key = statement_key(id, query_id);
	SeenStatement *statement = hash_search(seen, &key, HASH_FIND, NULL);

	if (statement != NULL)
		statement->calls++;
	tell_calls_in_time();
	if (GetCurrentStatementStartTimestamp() >= next_renewal)
		tell_presence(id);
}

static void
guard_executor_start(QueryDesc *desc, int eflags)
{
	const Identity *id;

	if (guard_says_who_it_is() && accepted && seen != NULL && desc->plannedstmt->queryId != 0 &&
		(eflags & EXEC_FLAG_EXPLAIN_ONLY) == 0 &&
		(id = current_identity(desc->sourceText)) != NULL && accepted && seen != NULL)
		count_call(id, desc->plannedstmt->queryId);
	if (next_executor_start_hook != NULL)
		next_executor_start_hook(desc, eflags);
	else
		standard_ExecutorStart(desc, eflags);
}

/* Tell the rest at exit.  No catalog is read any more. */
static void
tell_at_exit(int code, Datum arg)
{
	if (code == 0 && seen != NULL)
		tell_calls(true);
}

void
learn_init(void)
{
	next_post_parse_analyze_hook = post_parse_analyze_hook;
	post_parse_analyze_hook = guard_post_parse_analyze;
	next_executor_start_hook = ExecutorStart_hook;
	ExecutorStart_hook = guard_executor_start;
}
