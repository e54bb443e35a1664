/*
 * queue.c
 *		What sessions tell the background worker that learns.
 *
 * Each database has a queue of a fixed size in a segment of dynamic shared memory, which
 * is made by the first session that has something to tell and stays until the server
 * stops.  A session appends a message under a lock that is held only for a copy in
 * memory.  If there is no room the message is lost and counted.  Nothing waits for the
 * worker.
 *
 * The worker takes all messages at once, and exits when none came for a while.
 *
 * What all sessions have in common about the keys of statements is kept beside it: a
 * table without chains, in which a newer key takes the place of an older one.  A session
 * that finds no entry tells again what it knows.  So what is lost, in whatever way, comes
 * back when the statement is sent again.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/compat.h"
#include "funcapi.h"
#include "learn/learn_internal.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#define MAX_DATABASES	16
#define QUEUE_BYTES		(512 * 1024)
#define KNOWN_KEYS		8192
#define START_TIMEOUT	5000	/* milliseconds that a worker may take to
								 * start */

typedef struct KnownKey
{
	uint64		key;
	int64		fingerprint;
	Known		known;
} KnownKey;

typedef struct LearnQueue
{
	LWLock		lock;			/* of all that follows */
	pid_t		worker;			/* 0: none */
	TimestampTz start_requested;	/* 0: not requested */
	Size		used;
	int64		sent;
	int64		lost;
	int64		ignored;		/* sessions */
	KnownKey	known[KNOWN_KEYS];
	char		data[QUEUE_BYTES];
} LearnQueue;

typedef struct QueueList
{
	int			tranche;
	struct
	{
		Oid			database;	/* InvalidOid: free */
		dsm_handle	handle;
	}			queues[MAX_DATABASES];
} QueueList;

static LearnQueue *my_queue = NULL;

/* ---- the segment ---- */

/* Lock the list with AddinShmemInitLock, which is held only for a moment. */
static QueueList *
lock_list(void)
{
	QueueList  *list;
	bool		found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	list = ShmemInitStruct("compat_guard learning 1.0", sizeof(QueueList), &found);
	if (!found)
	{
		memset(list, 0, sizeof(QueueList));
		list->tranche = LWLockNewTrancheId();
	}
	return list;
}

static dsm_segment *
make_queue(int tranche)
{
	dsm_segment *segment = dsm_create(sizeof(LearnQueue), DSM_CREATE_NULL_IF_MAXSEGMENTS);
	LearnQueue *queue;

	if (segment == NULL)
		return NULL;
	queue = dsm_segment_address(segment);
	memset(queue, 0, offsetof(LearnQueue, data));
	LWLockInitialize(&queue->lock, tranche);
	dsm_pin_segment(segment);
	return segment;
}

/* Return the place of this database's queue, or a free one, or -1. */
static int
find_place(const QueueList *list)
{
	int			vacant = -1;

	for (int i = 0; i < MAX_DATABASES; i++)
	{
		if (list->queues[i].database == MyDatabaseId)
			return i;
		if (!OidIsValid(list->queues[i].database))
			vacant = i;
	}
	return vacant;
}

static void
attach_queue(void)
{
	QueueList  *list = lock_list();
	int			place = find_place(list);
	int			tranche = list->tranche;
	dsm_segment *segment = NULL;

	/* An error releases the lock. */
	if (place >= 0 && list->queues[place].database == MyDatabaseId)
		segment = dsm_attach(list->queues[place].handle);
	else if (place >= 0)
	{
		segment = make_queue(tranche);
		if (segment != NULL)
		{
			list->queues[place].database = MyDatabaseId;
			list->queues[place].handle = dsm_segment_handle(segment);
		}
	}
	LWLockRelease(AddinShmemInitLock);
	if (segment == NULL)
		return;
	LWLockRegisterTranche(tranche, "compat_guard learning");
	dsm_pin_mapping(segment);
	my_queue = dsm_segment_address(segment);
}

bool
queue_attach(void)
{
	if (my_queue == NULL)
		attach_queue();
	return my_queue != NULL;
}

/* ---- messages ---- */

#define MESSAGE_TEXTS 5

/* Write a message into memory, or with NULL return how much it takes. */
static Size
write_message(char *to, const Message *message)
{
	const char *texts[MESSAGE_TEXTS] = {
		message->app, message->version, message->search_path, message->text, message->params
	};
	Size		size = sizeof(Message);

	for (int i = 0; i < MESSAGE_TEXTS; i++)
	{
		Size		length = strlen(texts[i]) + 1;

		if (to != NULL)
			memcpy(to + size, texts[i], length);
		size += length;
	}
	size = MAXALIGN(size);
	if (to != NULL)
	{
		memcpy(to, message, sizeof(Message));
		((Message *) to)->size = size;
	}
	return size;
}

/* Make the message at a place point to its own texts. */
static Message *
read_message(char *from)
{
	Message    *message = (Message *) from;
	const char *text = from + sizeof(Message);
	const char **texts[MESSAGE_TEXTS] = {
		&message->app, &message->version, &message->search_path, &message->text, &message->params
	};

	for (int i = 0; i < MESSAGE_TEXTS; i++)
	{
		*texts[i] = text;
		text += strlen(text) + 1;
	}
	return message;
}

bool
queue_send(const Message *message)
{
	Size		size = write_message(NULL, message);
	bool		fits;

	LWLockAcquire(&my_queue->lock, LW_EXCLUSIVE);
	fits = (my_queue->used + size <= QUEUE_BYTES);
	if (fits)
	{
		(void) write_message(my_queue->data + my_queue->used, message);
		my_queue->used += size;
		my_queue->sent++;
	}
	else
		my_queue->lost++;
	LWLockRelease(&my_queue->lock);
	queue_start_worker();
	return fits;
}

void
queue_count_lost(int n)
{
	LWLockAcquire(&my_queue->lock, LW_EXCLUSIVE);
	my_queue->lost += n;
	LWLockRelease(&my_queue->lock);
}

void
queue_count_ignored(void)
{
	LWLockAcquire(&my_queue->lock, LW_EXCLUSIVE);
	my_queue->ignored++;
	LWLockRelease(&my_queue->lock);
}

GUARD_FUNCTION(compat_guard_learning_counts);

/*
 * compat_guard.learning_counts(OUT messages bigint, OUT lost bigint,
 *		OUT ignored_sessions bigint, OUT waiting_bytes bigint, OUT worker_pid integer)
 */
Datum
compat_guard_learning_counts(PG_FUNCTION_ARGS)
{
	TupleDesc	tupdesc;
	Datum		values[5];
	bool		nulls[5] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!queue_attach())
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("this server learns in no more than %d databases", MAX_DATABASES)));
	LWLockAcquire(&my_queue->lock, LW_SHARED);
	values[0] = Int64GetDatum(my_queue->sent);
	values[1] = Int64GetDatum(my_queue->lost);
	values[2] = Int64GetDatum(my_queue->ignored);
	values[3] = Int64GetDatum((int64) my_queue->used);
	values[4] = Int32GetDatum(my_queue->worker);
	nulls[4] = (my_queue->worker == 0);
	LWLockRelease(&my_queue->lock);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

/* ---- what all sessions know ---- */

void
queue_set_known(uint64 key, Known known, int64 fingerprint)
{
	KnownKey   *place = &my_queue->known[key % KNOWN_KEYS];

	LWLockAcquire(&my_queue->lock, LW_EXCLUSIVE);
	if (known != KNOWN_NOT || place->key == key)
	{
		place->key = key;
		place->known = known;
		place->fingerprint = fingerprint;
	}
	LWLockRelease(&my_queue->lock);
}

Known
queue_known(uint64 key, int64 *fingerprint)
{
	KnownKey	found;

	LWLockAcquire(&my_queue->lock, LW_SHARED);
	found = my_queue->known[key % KNOWN_KEYS];
	LWLockRelease(&my_queue->lock);
	*fingerprint = found.fingerprint;
	return found.key == key ? found.known : KNOWN_NOT;
}

void
queue_forget_rejected(void)
{
	LWLockAcquire(&my_queue->lock, LW_EXCLUSIVE);
	for (int i = 0; i < KNOWN_KEYS; i++)
	{
		if (my_queue->known[i].known == KNOWN_REJECTED)
			my_queue->known[i].known = KNOWN_NOT;
	}
	LWLockRelease(&my_queue->lock);
}

/* ---- the worker ---- */

static void
request_worker(void)
{
	BackgroundWorker worker = {
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = BGW_NEVER_RESTART,
		.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId)
	};

	snprintf(worker.bgw_name, BGW_MAXLEN, "compat_guard learning of database %u", MyDatabaseId);
	snprintf(worker.bgw_type, BGW_MAXLEN, "compat_guard learning");
	snprintf(worker.bgw_library_name, sizeof(worker.bgw_library_name), "$libdir/compat_guard");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "compat_guard_learning_main");

	/* If none is to be had, the next message asks again. */
	(void) RegisterDynamicBackgroundWorker(&worker, NULL);
}

void
queue_start_worker(void)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		start;

	LWLockAcquire(&my_queue->lock, LW_EXCLUSIVE);
	start = (my_queue->worker == 0 && my_queue->used > 0 &&
			 (my_queue->start_requested == 0 ||
			  TimestampDifferenceExceeds(my_queue->start_requested, now, START_TIMEOUT)));
	if (start)
		my_queue->start_requested = now;
	LWLockRelease(&my_queue->lock);
	if (start)
		request_worker();
}

/* Let another worker come when this one exits in whatever way. */
static void
leave_queue(int code, Datum arg)
{
	LWLockAcquire(&my_queue->lock, LW_EXCLUSIVE);
	if (my_queue->worker == MyProcPid)
	{
		my_queue->worker = 0;
		my_queue->start_requested = 0;
	}
	LWLockRelease(&my_queue->lock);
}

bool
queue_begin_work(void)
{
	bool		mine;

	LWLockAcquire(&my_queue->lock, LW_EXCLUSIVE);
	mine = (my_queue->worker == 0);
	if (mine)
		my_queue->worker = MyProcPid;
	LWLockRelease(&my_queue->lock);
	if (mine)
		before_shmem_exit(leave_queue, (Datum) 0);
	return mine;
}

List *
queue_take(void)
{
	List	   *messages = NIL;
	char	   *copy;
	Size		used;

	LWLockAcquire(&my_queue->lock, LW_SHARED);
	used = my_queue->used;
	LWLockRelease(&my_queue->lock);
	if (used == 0)
		return NIL;
	copy = palloc(QUEUE_BYTES);
	LWLockAcquire(&my_queue->lock, LW_EXCLUSIVE);
	used = my_queue->used;
	memcpy(copy, my_queue->data, used);
	my_queue->used = 0;
	LWLockRelease(&my_queue->lock);
	for (Size at = 0; at < used; at += ((Message *) (copy + at))->size)
		messages = lappend(messages, read_message(copy + at));
	return messages;
}

bool
queue_end_work(void)
{
	bool		done;

	LWLockAcquire(&my_queue->lock, LW_EXCLUSIVE);
	done = (my_queue->used == 0);
	if (done)
	{
		my_queue->worker = 0;
		my_queue->start_requested = 0;
	}
	LWLockRelease(&my_queue->lock);
	return done;
}
