/*
 * commit.c
 *		Judge a transaction's schema changes when it is about to commit.
 *
 * PRE_COMMIT and PRE_PREPARE are the last moments at which an error still
 * aborts the transaction cleanly.  No user-defined code may be queued there any
 * more and none is: the judge only reads, plans queries in a subtransaction
 * that it rolls back, and writes rows of the registry, the journal's last.
 *
 * COMMIT PREPARED has nothing left to judge.  Until then the prepared transaction keeps
 * the locks that the judgement has taken.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/guard_active.h"
#include "guard/guard.h"
#include "guard/guard_internal.h"
#include "judge/judge.h"
#include "registry/registry.h"

/*
 * Refuse PREPARE of a transaction that has attached its session.  The session would stay
 * attached even if the prepared transaction, which may have activated the version, is
 * rolled back.
 */
static void
refuse_attached_session(void)
{
	if (registry_attached_in_transaction())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot PREPARE a transaction that has attached or detached its session")));
}

static void
transaction_event(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			refuse_attached_session();
			/* FALLTHROUGH */
		case XACT_EVENT_PRE_COMMIT:

			/*
			 * Every transaction comes here: usually the first test suffices.
			 */
			if ((!change_anything() && !judge_is_unfinished()) || !guard_is_active())
				return;
			if (change_anything())
				judge_enforce(change_names());
			judge_finish();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			registry_sessions_at_commit();
			change_clear();
			frame_transaction_end(true);
			judge_transaction_end();
			break;
		case XACT_EVENT_ABORT:
			registry_sessions_at_abort();
			change_clear();
			frame_transaction_end(false);
			judge_transaction_end();
			break;
		default:
			break;
	}
}

static void
subtransaction_event(SubXactEvent event, SubTransactionId mine,
					 SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		parent = InvalidSubTransactionId;
		frame_subtransaction_abort(mine);
	}
	else if (event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	registry_sessions_at_subtransaction_end(mine, parent);
	change_subtransaction_end(mine, parent);
	judge_subtransaction_end(mine, parent);
}

void
commit_init(void)
{
	RegisterXactCallback(transaction_event, NULL);
	RegisterSubXactCallback(subtransaction_event, NULL);
}

void
guard_init(void)
{
	collect_init();
	utility_init();
	commit_init();
}
