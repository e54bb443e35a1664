/*
 * journal_queue.c
 *		Journal rows of transactions that are rolled back: from the backends that
 *		block them to the worker that writes them.
 *
 * Each row travels in a dynamic shared memory segment.  Rows that wait are kept
 * by database, and each database has one worker, which writes all there are
 * and exits; so however many changes are blocked, and in however many
 * sessions, no more than a few worker processes are taken from those that
 * others may need: a quarter of max_worker_processes, four at most.
 *
 * Invariant: a segment that outlives its backend is in a queue, or in the
 * hands of a worker that has unpinned it.  So none can be lost, not even if a
 * worker could not be started or was killed: its rows are told to the server
 * log when it exits, and those it never saw go to the next one.
 *
 * The library need not be preloaded, so the queues are made when first needed,
 * in what the server has left of its shared memory for such small things.  That
 * is how contrib/pg_prewarm does it, too.
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

/* What a segment holds. */
typedef struct QueuedRow
{
	Oid			extension;
	Oid			table;
	Size		text_size;		/* with its end */
	Size		tuple_size;
	char		data[FLEXIBLE_ARRAY_MEMBER];	/* the tuple, the text */
} QueuedRow;

/* A worker's slot. */
typedef struct WorkerSlot
{
	Oid			database;		/* InvalidOid: free */
	pid_t		worker;			/* 0: not there yet */
	TimestampTz start_requested;
	int			nwaiting;
	dsm_handle	waiting[MAX_WAITING];
} WorkerSlot;

typedef struct Handover
{
	WorkerSlot	slots[MAX_WORKERS];
} Handover;

/* All of it is protected by AddinShmemInitLock, which is held for a moment. */
static Handover *
lock_handover(void)
{
	Handover   *queue;
	bool		found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	queue = ShmemInitStruct("compat_guard journal 1.0", sizeof(Handover), &found);
	if (!found)
		memset(queue, 0, sizeof(Handover));
	return queue;
}

static void
unlock_handover(void)
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

/* ---- parcels ---- */

static dsm_segment *
pack(const JournalRow *row)
{
	Size		text_size = strlen(row->text) + 1;
	dsm_segment *segment = dsm_create(offsetof(QueuedRow, data) + row->tuple->t_len + text_size,
									  DSM_CREATE_NULL_IF_MAXSEGMENTS);
	QueuedRow  *parcel;

	if (segment == NULL)
		return NULL;
	parcel = dsm_segment_address(segment);
	parcel->extension = row->extension;
	parcel->table = row->table;
	parcel->tuple_size = row->tuple->t_len;
	parcel->text_size = text_size;
	memcpy(parcel->data, row->tuple->t_data, parcel->tuple_size);
	memcpy(parcel->data + parcel->tuple_size, row->text, text_size);
	return segment;
}

static JournalRow *
copy_of(const QueuedRow *parcel)
{
	JournalRow *row = palloc_object(JournalRow);

	row->extension = parcel->extension;
	row->table = parcel->table;
	row->tuple = palloc0(HEAPTUPLESIZE);
	row->tuple->t_len = parcel->tuple_size;
	row->tuple->t_data = palloc(parcel->tuple_size);
	memcpy(row->tuple->t_data, parcel->data, parcel->tuple_size);
	row->text = pstrdup(parcel->data + parcel->tuple_size);
	return row;
}

/* Attach to a segment that from now on lives no longer than we do. */
static dsm_segment *
take_over(dsm_handle handle)
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

/* What is in it, and the segment goes. */
static JournalRow *
unpack(dsm_handle handle)
{
	dsm_segment *segment = take_over(handle);
	JournalRow *row;

	if (segment == NULL)
		return NULL;
	row = copy_of(dsm_segment_address(segment));
	dsm_detach(segment);
	return row;
}

static void
log_parcels(const dsm_handle *handles, int n)
{
	for (int i = 0; i < n; i++)
	{
		JournalRow *row = unpack(handles[i]);

		if (row != NULL)
			journal_queue_log(row->text);
	}
}

/* ---- sending ---- */

/* It was start_requested and has not come: it could not be started. */
static bool
is_deserted(const WorkerSlot *slot)
{
	return slot->worker == 0 &&
		TimestampDifferenceExceeds(slot->start_requested, GetCurrentTimestamp(),
								   guard_journal_worker_timeout);
}

/* This database's slot, or one that it may take; NULL if there is none. */
static WorkerSlot *
find_place(Handover *queue)
{
	int			most = Min(MAX_WORKERS, Max(1, max_worker_processes / 4));
	WorkerSlot *vacant = NULL;

	for (int i = 0; i < MAX_WORKERS; i++)
	{
		WorkerSlot *slot = &queue->slots[i];

		if (slot->database == MyDatabaseId)
			return slot;
		if (i < most && (!OidIsValid(slot->database) || is_deserted(slot)))
			vacant = slot;
	}
	return vacant;
}

static bool
order_worker(int number)
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

/* Have the slot served; false if there is no process for it to be had. */
static bool
serve(Handover *queue, WorkerSlot *slot)
{
	if (slot->database == MyDatabaseId && !is_deserted(slot))
		return true;
	if (!order_worker(slot - queue->slots))
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
	Handover   *queue;
	WorkerSlot *slot;
	dsm_handle	left_behind[MAX_WAITING];
	int			nleft = 0;
	bool		sent = false;

	if (segment == NULL)
		return false;
	queue = lock_handover();
	slot = find_place(queue);
	if (slot != NULL && slot->database != MyDatabaseId)
	{
		/* Nobody came for these, and now nobody will. */
		nleft = slot->nwaiting;
		memcpy(left_behind, slot->waiting, sizeof(left_behind));
		slot->nwaiting = 0;
		slot->database = InvalidOid;
	}
	if (slot != NULL && slot->nwaiting < MAX_WAITING && serve(queue, slot))
	{
		dsm_pin_segment(segment);
		slot->waiting[slot->nwaiting++] = dsm_segment_handle(segment);
		sent = true;
	}
	unlock_handover();

	dsm_detach(segment);
	log_parcels(left_behind, nleft);
	return sent;
}

/* ---- the worker ---- */

static int	my_place;
static JournalRow *in_hand = NULL;

/* At exit, in whatever way: what it has not written is told to the log. */
static void
leave_place(int code, Datum arg)
{
	Handover   *queue = lock_handover();
	WorkerSlot *slot = &queue->slots[my_place];
	dsm_handle	left_behind[MAX_WAITING];
	int			nleft = 0;

	if (slot->worker == MyProcPid)
	{
		nleft = slot->nwaiting;
		memcpy(left_behind, slot->waiting, sizeof(left_behind));
		memset(slot, 0, sizeof(WorkerSlot));
	}
	unlock_handover();

	if (in_hand != NULL)
		journal_queue_log(in_hand->text);
	log_parcels(left_behind, nleft);
}

Oid
journal_queue_begin(int number)
{
	Handover   *queue = lock_handover();
	WorkerSlot *slot = &queue->slots[number];
	Oid			database = InvalidOid;

	if (slot->worker == 0 && OidIsValid(slot->database))
	{
		slot->worker = MyProcPid;
		database = slot->database;
		my_place = number;
		before_shmem_exit(leave_place, (Datum) 0);
	}
	unlock_handover();
	return database;
}

JournalRow *
journal_queue_take(void)
{
	Handover   *queue = lock_handover();
	WorkerSlot *slot = &queue->slots[my_place];
	dsm_handle	handle = slot->waiting[0];
	bool		any = slot->nwaiting > 0;

	in_hand = NULL;
	if (any)
		memmove(slot->waiting, slot->waiting + 1, --slot->nwaiting * sizeof(dsm_handle));
	else
		memset(slot, 0, sizeof(WorkerSlot));	/* whoever comes now starts
												 * another */
	unlock_handover();

	if (any)
		in_hand = unpack(handle);
	return in_hand;
}
