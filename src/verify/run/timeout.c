/*
 * timeout.c
 *		The time that verification may take, and who ended it.
 *
 * Planning a registered query may run functions of whoever registered it.  Each
 * role has its share of the time of a verification and no more, so that one that dawdles
 * delays nobody's changes of schema for long and takes little time from the others.
 *
 * The end comes as a query cancel, which is what the server can be stopped by
 * anywhere.  Invariants:
 *
 *	- A cancel by the user or by statement_timeout still cancels, also when it
 *	  comes together with ours, and also if a function catches it.  They come as
 *	  SIGINT and ours does not, so a handler before the server's notes them.
 *	- A function cannot hold us up by catching a cancel: whenever a subtransaction
 *	  below ours is aborted after one, it is sent again, and finds the function
 *	  outside the block that caught the last one.
 *	- When the watch ends neither the timeout nor a cancel of ours is left.
 */
#include "postgres.h"

#include <signal.h>
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "verify/run/run.h"

static TimeoutId timeout_id = MAX_TIMEOUTS;

static TimestampTz end_of_time; /* 0: none */

static int	watched_level = 0;	/* transaction nesting; 0: nothing is watched */

static volatile sig_atomic_t spent = false;

static volatile sig_atomic_t cancelled = false;

static struct sigaction server_action;	/* for SIGINT */

static bool noting = false;

static bool watching = false;

/* Have the server cancel the query. */
static void
cancel(void)
{
	InterruptPending = true;
	QueryCancelPending = true;
}

/* Note the end of the time, as the timeout's handler. */
static void
time_is_over(void)
{
	spent = true;
	cancel();
	SetLatch(MyLatch);
}

/* Cancel again when a subtransaction below the watched one caught the last cancel. */
static void
subtransaction_aborted(SubXactEvent event, SubTransactionId mine,
					   SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && (spent || cancelled) && watched_level > 0 &&
		GetCurrentTransactionNestLevel() > watched_level)
		cancel();
}

/* Note a SIGINT, which somebody else sends, and hand it to the server's handler. */
static void
note_cancel(int signo, siginfo_t * info, void *context)
{
	/* A lock_timeout is for whoever waits for the lock. */
	if (info->si_pid != MyProcPid || !get_timeout_indicator(LOCK_TIMEOUT, false) ||
		get_timeout_indicator(STATEMENT_TIMEOUT, false))
		cancelled = true;
	if (server_action.sa_flags & SA_SIGINFO)
		server_action.sa_sigaction(signo, info, context);
	else
		server_action.sa_handler(signo);
}

/* Put note_cancel() before the server's handler of SIGINT. */
static void
note_cancels(void)
{
	struct sigaction action;

	if (sigaction(SIGINT, NULL, &server_action) != 0)
		elog(ERROR, "could not read signal handler: %m");
	if (!(server_action.sa_flags & SA_SIGINFO) &&
		(server_action.sa_handler == SIG_IGN || server_action.sa_handler == SIG_DFL))
		return;					/* a process that nobody cancels */
	action = server_action;
	action.sa_flags |= SA_SIGINFO;
	action.sa_sigaction = note_cancel;
	if (sigaction(SIGINT, &action, NULL) != 0)
		elog(ERROR, "could not set signal handler: %m");
	noting = true;
}

void
timeout_begin(int milliseconds)
{
	spent = false;
	end_of_time = milliseconds == 0 ? 0
		: TimestampTzPlusMilliseconds(GetCurrentTimestamp(), milliseconds);
}

bool
timeout_is_over(void)
{
	/* Many short requirements take their time, too. */
	if (end_of_time != 0 && GetCurrentTimestamp() >= end_of_time)
		spent = true;
	return spent;
}

void
timeout_watch(void)
{
	/* Not when the library is loaded: the postmaster has no timeouts. */
	if (timeout_id == MAX_TIMEOUTS)
	{
		RegisterSubXactCallback(subtransaction_aborted, NULL);
		timeout_id = RegisterTimeout(USER_TIMEOUT, time_is_over);
	}
	cancelled = false;
	watching = true;
	note_cancels();
	if (end_of_time != 0)
		enable_timeout_at(timeout_id, end_of_time);
}

void
timeout_enter(void)
{
	watched_level = GetCurrentTransactionNestLevel();
}

void
timeout_end_watch(void)
{
	watched_level = 0;
	if (!watching)
		return;
	watching = false;
	if (timeout_id != MAX_TIMEOUTS && end_of_time != 0)
		disable_timeout(timeout_id, false);
	if (noting)
		(void) sigaction(SIGINT, &server_action, NULL);
	noting = false;
	if (!spent || cancelled)
		return;

	/*
	 * Take back our cancel, if it has not come through; not somebody else's
	 * that comes just now.
	 */
	QueryCancelPending = false;
	if (cancelled)
		cancel();
}

bool
timeout_was_cancelled(void)
{
	return cancelled;
}

void
timeout_cancel_again(void)
{
	cancel();
	CHECK_FOR_INTERRUPTS();
}
