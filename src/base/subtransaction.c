/*
 * subtransaction.c
 *		Run something in a subtransaction and look at its error.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/subtransaction.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

ErrorData *
subtransaction_run(void (*body) (void *arg), void *arg, bool keep)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile edata = NULL;

	/*
	 * A subtransaction may begin while COMMIT or PREPARE runs, but
	 * RollbackAndReleaseCurrentSubTransaction asserts that it does not return
	 * to a transaction in that state.  So it returns to a subtransaction
	 * outside.
	 */
	bool		wrapped = (GetCurrentTransactionNestLevel() == 1);

	int			level;

	if (wrapped)
		BeginInternalSubTransaction(NULL);
	BeginInternalSubTransaction(NULL);
	level = GetCurrentTransactionNestLevel();
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		body(arg);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();

	/* Roll back the subtransactions that body has begun and not ended. */
	while (GetCurrentTransactionNestLevel() > level)
		RollbackAndReleaseCurrentSubTransaction();
	if (edata == NULL && keep)
		ReleaseCurrentSubTransaction();
	else
		RollbackAndReleaseCurrentSubTransaction();
	if (wrapped)
		ReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return edata;
}

List *
subtransaction_list_end(List *list, SubTransactionId mine, SubTransactionId parent,
						void (*drop) (const void *element))
{
	ListCell   *lc;

	foreach(lc, list)
	{
		SubTransactionId *subid = lfirst(lc);

		if (*subid != mine)
			continue;
		if (parent != InvalidSubTransactionId)
		{
			*subid = parent;
			continue;
		}
		if (drop != NULL)
			drop(subid);
		list = foreach_delete_current(list, lc);
	}
	return list;
}

bool
error_is_interruption(const ErrorData *edata)
{
	return edata->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		ERRCODE_TO_CATEGORY(edata->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION;
}
