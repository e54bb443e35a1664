/*
 * journal_queue.c
 *		A queue of journal rows of transactions that are rolled back: the backends
 *		that block them append rows, and a worker writes them.
 *
 * Each row is in a dynamic shared memory segment.  Rows that wait are kept
 * by database, and each database has one worker, which writes all rows that wait
 * and exits; so however many changes are blocked, and in however many
 * sessions, no more than a few worker processes are taken from those that
 * other extensions may need: a quarter of max_worker_processes, four at most.
 *
 * Invariant: a segment that outlives its backend is in a queue, or belongs to
 * a worker that has unpinned it.  So no row can be lost, not even if a
 * worker could not be started or was killed: a worker that exits writes its rows to the
 * server log, and the rows of one that never started go to the next one.
 *
 * The library need not be preloaded, so the queues are made when first needed,
 * in the spare shared memory that the server has for small structures.
 * contrib/pg_prewarm does so, too.
 */
#include "postgres.h"

#include "base/guc.h"
#include "base/shown.h"
#include "judge/judge.h"
#include "judge/judge_internal.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#define MAX_WORKERS 4
#define MAX_WAITING 256			/* rows of a database */

/* A row in a segment. */
typedef struct QueuedRow
{
	Oid			extension;
	Oid			table;
	Size		text_size;		/* with the terminating zero */
	Size		tuple_size;
	char		data[FLEXIBLE_ARRAY_MEMBER];	/* the tuple, then the text */
} QueuedRow;

/* The slot of a worker, and the rows that wait for it. */
typedef struct WorkerSlot
{
	Oid			database;		/* InvalidOid: free */
	pid_t		worker;			/* 0: not started yet */
	TimestampTz start_requested;
	int			nwaiting;
	dsm_handle	waiting[MAX_WAITING];
} WorkerSlot;

typedef struct JournalQueue
{
	WorkerSlot	slots[MAX_WORKERS];
} JournalQueue;

/* Lock the queue, with AddinShmemInitLock, which is held only for a moment. */
static JournalQueue *
lock_queue(void)
{
	JournalQueue *queue;
	bool		found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	queue = ShmemInitStruct("compat_guard journal 1.0", sizeof(JournalQueue), &found);
	if (!found)
		memset(queue, 0, sizeof(JournalQueue));
	return queue;
}

static void
unlock_queue(void)
{
	LWLockRelease(AddinShmemInitLock);
}

void
journal_queue_log(const char *text)
{
	ereport(LOG,
			(errmsg("could not write the journal entry of a blocked schema change"),
			 errdetail_log("%s", shown(text))));
}

/* ---- rows in segments ---- */

/* Copy a row into a new segment; return NULL if none is to be had. */
static dsm_segment *
pack(const JournalRow *row)
{
	Size		text_size = strlen(row->text) + 1;
	dsm_segment *segment = dsm_create(offsetof(QueuedRow, data) + row->tuple->t_len + text_size,
									  DSM_CREATE_NULL_IF_MAXSEGMENTS);
	QueuedRow  *queued;

	if (segment == NULL)
		return NULL;
	queued = dsm_segment_address(segment);
	queued->extension = row->extension;
	queued->table = row->table;
	queued->tuple_size = row->tuple->t_len;
	queued->text_size = text_size;
	memcpy(queued->data, row->tuple->t_data, queued->tuple_size);
	memcpy(queued->data + queued->tuple_size, row->text, text_size);
	return segment;
}

static JournalRow *
copy_row(const QueuedRow *queued)
{
	JournalRow *row = palloc_object(JournalRow);

	row->extension = queued->extension;
	row->table = queued->table;
	row->tuple = palloc0(HEAPTUPLESIZE);
	row->tuple->t_len = queued->tuple_size;
	row->tuple->t_data = palloc(queued->tuple_size);
	memcpy(row->tuple->t_data, queued->data, queued->tuple_size);
	row->text = pstrdup(queued->data + queued->tuple_size);
	return row;
}

/* Attach to a segment and unpin it, so that it does not outlive this process. */
static dsm_segment *
attach_unpinned(dsm_handle handle)
{
	dsm_segment *segment = NULL;

	PG_TRY();
	{
		segment = dsm_attach(handle);
	}
	PG_CATCH();
	{
		dsm_unpin_segment(handle);
		PG_RE_THROW();
	}
	PG_END_TRY();
	dsm_unpin_segment(handle);
	return segment;
}

/* Return the row in a segment, and release the segment. */
static JournalRow *
unpack(dsm_handle handle)
{
	dsm_segment *segment = attach_unpinned(handle);
	JournalRow *row;

	if (segment == NULL)
		return NULL;
	row = copy_row(dsm_segment_address(segment));
	dsm_detach(segment);
	return row;
}

static void
log_rows(const dsm_handle *handles, int n)
{
	for (int i = 0; i < n; i++)
	{
		JournalRow *row = unpack(handles[i]);

		if (row != NULL)
			journal_queue_log(row->text);
	}
}

/* ---- sending ---- */

/* Has a worker been requested that did not start in time? */
static bool
has_no_worker(const WorkerSlot *slot)
{
	return slot->worker == 0 &&
		TimestampDifferenceExceeds(slot->start_requested, GetCurrentTimestamp(),
								   guard_journal_worker_timeout);
}

/* Return this database's slot, or one that it may take, or NULL. */
static WorkerSlot *
find_slot(JournalQueue *queue)
{
	int			most = Min(MAX_WORKERS, Max(1, max_worker_processes / 4));
	WorkerSlot *vacant = NULL;

	for (int i = 0; i < MAX_WORKERS; i++)
	{
		WorkerSlot *slot = &queue->slots[i];

		if (slot->database == MyDatabaseId)
			return slot;
		if (i < most && (!OidIsValid(slot->database) || has_no_worker(slot)))
			vacant = slot;
	}
	return vacant;
}

static bool
start_worker(int number)
{
	BackgroundWorker worker = {
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = BGW_NEVER_RESTART,
		.bgw_main_arg = Int32GetDatum(number)
	};

	snprintf(worker.bgw_name, BGW_MAXLEN, "compat_guard journal of database %u", MyDatabaseId);
	snprintf(worker.bgw_type, BGW_MAXLEN, "compat_guard journal");
	snprintf(worker.bgw_library_name, sizeof(worker.bgw_library_name), "$libdir/compat_guard");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "compat_guard_journal_main");
	return RegisterDynamicBackgroundWorker(&worker, NULL);
}

/* Start a worker for the slot unless it has one; return false if that fails. */
static bool
ensure_worker(JournalQueue *queue, WorkerSlot *slot)
{
	if (slot->database == MyDatabaseId && !has_no_worker(slot))
		return true;
	if (!start_worker(slot - queue->slots))
		return false;
	slot->database = MyDatabaseId;
	slot->worker = 0;
	slot->start_requested = GetCurrentTimestamp();
	return true;
}

bool
journal_queue_send(const JournalRow *row)
{
	dsm_segment *segment = pack(row);
	JournalQueue *queue;
	WorkerSlot *slot;
	dsm_handle	left_behind[MAX_WAITING];
	int			nleft = 0;
	bool		sent = false;

	if (segment == NULL)
		return false;
	queue = lock_queue();
	slot = find_slot(queue);
	if (slot != NULL && slot->database != MyDatabaseId)
	{
		/* The worker of these rows never started: write them to the log. */
		nleft = slot->nwaiting;
		memcpy(left_behind, slot->waiting, sizeof(left_behind));
		slot->nwaiting = 0;
		slot->database = InvalidOid;
	}
	if (slot != NULL && slot->nwaiting < MAX_WAITING && ensure_worker(queue, slot))
	{
		dsm_pin_segment(segment);
		slot->waiting[slot->nwaiting++] = dsm_segment_handle(segment);
		sent = true;
	}
	unlock_queue();

	dsm_detach(segment);
	log_rows(left_behind, nleft);
	return sent;
}

/* ---- the worker ---- */

static int	my_slot;
static JournalRow *in_hand = NULL;	/* taken and not yet written */

/* Free the slot at exit, and write to the log the rows that are not written. */
static void
leave_slot(int code, Datum arg)
{
	JournalQueue *queue = lock_queue();
	WorkerSlot *slot = &queue->slots[my_slot];
	dsm_handle	left_behind[MAX_WAITING];
	int			nleft = 0;

	if (slot->worker == MyProcPid)
	{
		nleft = slot->nwaiting;
		memcpy(left_behind, slot->waiting, sizeof(left_behind));
		memset(slot, 0, sizeof(WorkerSlot));
	}
	unlock_queue();

	if (in_hand != NULL)
		journal_queue_log(in_hand->text);
	log_rows(left_behind, nleft);
}

Oid
journal_queue_begin(int number)
{
	JournalQueue *queue = lock_queue();
	WorkerSlot *slot = &queue->slots[number];
	Oid			database = InvalidOid;

	if (slot->worker == 0 && OidIsValid(slot->database))
	{
		slot->worker = MyProcPid;
		database = slot->database;
		my_slot = number;
		before_shmem_exit(leave_slot, (Datum) 0);
	}
	unlock_queue();
	return database;
}

JournalRow *
journal_queue_take(void)
{
	JournalQueue *queue = lock_queue();
	WorkerSlot *slot = &queue->slots[my_slot];
	dsm_handle	handle = slot->waiting[0];
	bool		any = slot->nwaiting > 0;

	in_hand = NULL;
	if (any)
		memmove(slot->waiting, slot->waiting + 1, --slot->nwaiting * sizeof(dsm_handle));
	else
		memset(slot, 0, sizeof(WorkerSlot));	/* the next row starts another
												 * worker */
	unlock_queue();

	if (any)
		in_hand = unpack(handle);
	return in_hand;
}
