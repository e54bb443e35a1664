/*
 * verify_error.c
 *		Report what the server's error says about a requirement.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "mb/pg_wchar.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/kinds/kinds.h"
#include "verify/result/result.h"
#include "verify/run/run.h"
#include "verify/statement/statement.h"

/*
 * Is the error one of evaluating constants while planning, and not the statement's?
 * What the server's own immutable functions refuse there they refuse everyone, unless
 * the planner could have spared itself that had it known what a withheld function
 * returns.
 */
static bool
error_is_of_evaluation(const VerifyResult *result, const ErrorData *edata)
{
	if (!result->planning)
		return false;
	if (!verification->withheld &&
		ERRCODE_TO_CATEGORY(edata->sqlerrcode) == ERRCODE_DATA_EXCEPTION)
		return false;
	switch (ERRCODE_TO_CATEGORY(edata->sqlerrcode))
	{
		case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION:
			return false;
		case ERRCODE_FEATURE_NOT_SUPPORTED:

			/*
			 * A full join, for example, may be one on what the planner could
			 * have known to be constant.
			 */
			return verification->withheld;
		default:
			return true;
	}
}

/* So many bytes of an error message are shown. */
#define MESSAGE_SHOWN 1000

/* Return the message, of which not too much is stored: it may have been written by
 * whoever registered the query. */
static char *
shown_message(const ErrorData *edata)
{
	const char *message = edata->message ? edata->message : "error without message";
	int			length = pg_mbcliplen(message, strlen(message), MESSAGE_SHOWN);

	return pnstrdup(message, length);
}

/* Depend on the types of all columns that a constant may have been compared with.  The
 * query failed on it, perhaps because it is an enum's label that is not there yet. */
static void
depend_on_column_types(VerifyResult *result)
{
	List	   *keys = list_copy(result->keys);
	ListCell   *lc;

	foreach(lc, keys)
	{
		ObjectName *key = lfirst(lc);
		Oid			schema = get_namespace_oid(key->schema, true);
		Oid			relid = key->classid == RelationRelationId && OidIsValid(schema)
		? get_relname_relid(key->name, schema) : InvalidOid;

		for (AttrNumber attnum = 1; OidIsValid(relid); attnum++)
		{
			Oid			type = get_atttype(relid, attnum);

			if (!SearchSysCacheExists2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(attnum)))
				break;
			depend_on_type(result, type);
		}
	}
}

void
report_error(const Requirement *req, VerifyResult *result, const ErrorData *edata)
{
	RuleId		rule = RULE_QUERY_BROKEN;
	RequirementState state = STATE_UNMET;
	Problem    *problem;
	char	   *schema = resolved_names_missing_schema(req->baseline);

	switch (edata->sqlerrcode)
	{
		case ERRCODE_UNDEFINED_TABLE:
		case ERRCODE_UNDEFINED_FUNCTION:
		case ERRCODE_UNDEFINED_OBJECT:
			/* Along the search path it meant one in a schema that is gone. */
			if (schema != NULL)
			{
				(void) report_missing_schema(result, schema);
				return;
			}
			break;
		case ERRCODE_INVALID_TEXT_REPRESENTATION:
			depend_on_column_types(result);
			break;
		case ERRCODE_INSUFFICIENT_PRIVILEGE:
			rule = RULE_PRIVILEGE_LOST;
			break;
		case ERRCODE_GENERATED_ALWAYS:
		case ERRCODE_FEATURE_NOT_SUPPORTED:

			/*
			 * The rewriter has no other objection to an INSERT of columns
			 * that exist.
			 */
			if (req->kind == REQUIREMENT_INSERT)
				rule = RULE_INSERT_REJECTED_COLUMN;
			break;
		case ERRCODE_AMBIGUOUS_COLUMN:
		case ERRCODE_AMBIGUOUS_FUNCTION:
			rule = RULE_QUERY_AMBIGUOUS;
			break;
		default:
			/* A limit or a fault of the server is not the query's. */
			if (error_is_the_servers(edata))
			{
				rule = RULE_NOT_VERIFIED;
				state = STATE_UNKNOWN;
			}
	}

	if (edata->sqlerrcode == ERRCODE_GUARD_NOT_RUN || error_is_of_evaluation(result, edata))
	{
		rule = RULE_NOT_VERIFIED;
		state = STATE_UNKNOWN;
	}
	problem = result_add_problem(result, rule, state,
								 pstrdup("the statement to run"),
								 shown_message(edata),
								 InvalidOid, NULL);
	problem->sqlstate = pstrdup(unpack_sql_state(edata->sqlerrcode));
	problem->message = pstrdup(problem->found);
	if (edata->cursorpos > 0)
		problem->found = psprintf("%s at character %d", problem->found, edata->cursorpos);
}
