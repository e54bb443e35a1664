/*
 * override.c
 *		What compat_guard.allow() lets the transaction do.
 *
 * Invariant: an allowance reaches no further than the transaction it was given
 * in, and than the savepoint that it is rolled back to.  It is nowhere but in
 * the memory of that transaction.
 */
#include "postgres.h"

#include "access/xact.h"
#include "judge/judge.h"
#include "judge/judge_internal.h"
#include "utils/memutils.h"

static List *allowances = NIL;	/* of Allowance *, in TopTransactionContext */

void
allowance_add(const Allowance *allowance)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	Allowance  *copy = palloc_object(Allowance);

	*copy = *allowance;
	copy->subid = GetCurrentSubTransactionId();
	copy->judged = false;
	copy->reason = pstrdup(allowance->reason);
	copy->by = pstrdup(allowance->by);
	copy->app = allowance->app ? pstrdup(allowance->app) : NULL;
	copy->version = allowance->version ? pstrdup(allowance->version) : NULL;
	allowances = lappend(allowances, copy);
	MemoryContextSwitchTo(old);
}

bool
allowance_any(void)
{
	return allowances != NIL;
}

static bool
allows(const Allowance *allowance, const Finding *finding)
{
	return finding->action >= ACTION_WARN &&
		(allowance->app == NULL || strcmp(allowance->app, finding->app) == 0) &&
		(allowance->version == NULL || strcmp(allowance->version, finding->version) == 0) &&
		(allowance->rule == RULE_COUNT || allowance->rule == finding->problem->rule);
}

void
allowance_apply(List *findings)
{
	ListCell   *lc;

	foreach(lc, allowances)
		((Allowance *) lfirst(lc))->judged = true;
	allowance_preview(findings);
}

void
allowance_preview(List *findings)
{
	ListCell   *lca;
	ListCell   *lcf;

	foreach(lca, allowances)
	{
		Allowance  *allowance = lfirst(lca);

		foreach(lcf, findings)
		{
			Finding    *finding = lfirst(lcf);

			if (finding->allowance == NULL && allows(allowance, finding))
				finding->allowance = allowance;
		}
	}
}

void
allowance_warn_if_idle(void)
{
	ListCell   *lc;

	foreach(lc, allowances)
	{
		if (((Allowance *) lfirst(lc))->judged)
			continue;
		ereport(WARNING,
				(errmsg("compat_guard.allow() had no effect: its transaction changed no schema"),
				 errhint("Call it in the transaction that makes the change.")));
		break;
	}
}

void
allowance_transaction_end(void)
{
	allowances = NIL;			/* the memory goes with the transaction's */
}

void
allowance_subtransaction_end(SubTransactionId mine, SubTransactionId parent)
{
	ListCell   *lc;

	foreach(lc, allowances)
	{
		Allowance  *allowance = lfirst(lc);

		if (allowance->subid != mine)
			continue;
		if (parent != InvalidSubTransactionId)
			allowance->subid = parent;
		else
			allowances = foreach_delete_current(allowances, lc);
	}
}
