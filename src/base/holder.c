/*
 * holder.c
 *		Who has a lock?
 *
 * A message that somebody is in the way has to say who, so that it can be asked
 * or ended.  The answer may be out of date when it is read.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/holder.h"
#include "base/shown.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/sinvaladt.h"
#include "utils/builtins.h"

#define HOLDERS_SHOWN 5

char *
lock_holders(const LOCKTAG *tag, LOCKMODE mode)
{
	int			n;
	VirtualTransactionId *holders = GetLockConflicts(tag, mode, &n);
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < n && i < HOLDERS_SHOWN; i++)
	{
		PGPROC	   *proc;
		char	   *role;

		if (buf.len > 0)
			appendStringInfoString(&buf, ", ");
		if (VirtualTransactionIdIsRecoveredPreparedXact(holders[i]))
		{
			appendStringInfo(&buf, "prepared transaction %u", holders[i].localTransactionId);
			continue;
		}
		proc = compat_vxid_proc(holders[i]);
		role = proc != NULL && proc->pid != 0 ? GetUserNameFromId(proc->roleId, true) : NULL;
		if (role != NULL)
			appendStringInfo(&buf, "process %d of role %s", proc->pid,
							 shown(quote_identifier(role)));
		else
			appendStringInfoString(&buf, "a process that has just ended");
	}
	if (n > HOLDERS_SHOWN)
		appendStringInfo(&buf, " and %d more", n - HOLDERS_SHOWN);
	return n > 0 ? buf.data : pstrdup("it has just ended");
}
