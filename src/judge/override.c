/*
 * override.c
 *		Overrides: what compat_guard.allow() lets the transaction do.
 *
 * Invariant: an override reaches no further than the transaction it was given
 * in, and ends when that is rolled back to a savepoint before it.  It is stored only
 * in the memory of that transaction.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/subtransaction.h"
#include "judge/judge.h"
#include "judge/judge_internal.h"
#include "utils/memutils.h"

static List *overrides = NIL;	/* of Override *, in TopTransactionContext */

void
override_add(const Override *override)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	Override   *copy = palloc_object(Override);

	*copy = *override;
	copy->subid = GetCurrentSubTransactionId();
	copy->judged = false;
	copy->reason = pstrdup(override->reason);
	copy->by = pstrdup(override->by);
	copy->app = override->app ? pstrdup(override->app) : NULL;
	copy->version = override->version ? pstrdup(override->version) : NULL;
	overrides = lappend(overrides, copy);
	MemoryContextSwitchTo(old);
}

bool
override_any(void)
{
	return overrides != NIL;
}

/* Is it the name of an app or version, which a hazard has not, or is any meant? */
static bool
is_or_any(const char *meant, const char *name)
{
	return meant == NULL || (name != NULL && strcmp(meant, name) == 0);
}

static bool
allows(const Override *override, const Finding *finding)
{
	return finding->action >= ACTION_WARN &&
		is_or_any(override->app, finding->app) &&
		is_or_any(override->version, finding->version) &&
		(override->rule == RULE_COUNT || override->rule == finding->problem->rule);
}

void
override_apply(List *findings)
{
	ListCell   *lc;

	foreach(lc, overrides)
		((Override *) lfirst(lc))->judged = true;
	override_preview(findings);
}

void
override_preview(List *findings)
{
	ListCell   *lca;
	ListCell   *lcf;

	foreach(lca, overrides)
	{
		Override   *override = lfirst(lca);

		foreach(lcf, findings)
		{
			Finding    *finding = lfirst(lcf);

			if (finding->override == NULL && allows(override, finding))
				finding->override = override;
		}
	}
}

void
override_warn_if_idle(void)
{
	ListCell   *lc;

	foreach(lc, overrides)
	{
		if (((Override *) lfirst(lc))->judged)
			continue;
		ereport(WARNING,
				(errmsg("compat_guard.allow() had no effect because its transaction did not change the schema"),
				 errhint("Call it in the transaction that makes the change.")));
		break;
	}
}

void
override_transaction_end(void)
{
	overrides = NIL;			/* freed with the transaction's memory */
}

void
override_subtransaction_end(SubTransactionId mine, SubTransactionId parent)
{
	overrides = subtransaction_list_end(overrides, mine, parent, NULL);
}
