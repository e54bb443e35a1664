/*
 * error.c
 *		Which errors say something about a requirement, and which do not.
 *
 * Most errors that analysing, rewriting or planning a query raises are the
 * answer.  Some are the server's trouble, which says nothing either way, and
 * some are nobody's business but the transaction's, such as a cancel.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "verify/run/run.h"

/* Functions can raise what they like, and must not be able to fail what others do by
 * that.  But a cancel that somebody sent is one wherever it comes through. */
bool
error_is_no_answer(const ErrorData *edata)
{
	if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		(timeout_was_cancelled() || RecoveryInProgress()))
		return true;
	if (edata->context != NULL)
		return false;
	switch (edata->sqlerrcode)
	{
		case ERRCODE_QUERY_CANCELED:
		case ERRCODE_LOCK_NOT_AVAILABLE:
		case ERRCODE_T_R_DEADLOCK_DETECTED:
		case ERRCODE_OUT_OF_MEMORY:
		case ERRCODE_DATA_CORRUPTED:
		case ERRCODE_INDEX_CORRUPTED:
			return true;
		default:
			return ERRCODE_TO_CATEGORY(edata->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION ||
				edata->elevel > ERROR;
	}
}

bool
error_is_the_servers(const ErrorData *edata)
{
	switch (edata->sqlerrcode)
	{
		case ERRCODE_READ_ONLY_SQL_TRANSACTION:
		case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:

			/*
			 * A read-only transaction, or a standby, refuses what another one
			 * would do.
			 */
			if (XactReadOnly)
				return true;
			break;
		case ERRCODE_LOCK_NOT_AVAILABLE:
		case ERRCODE_T_R_DEADLOCK_DETECTED:
			return true;
	}
	switch (ERRCODE_TO_CATEGORY(edata->sqlerrcode))
	{
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
		case ERRCODE_INTERNAL_ERROR:
			return true;
		default:
			return false;
	}
}

bool
error_is_busy(const ErrorData *edata)
{
	return edata->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		edata->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED;
}
