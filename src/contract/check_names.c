/*
 * check_names.c
 *		The part of the validation of a document that needs a server: are its role
 *		and its types known, do its queries parse?
 *
 * Nothing here asks whether relations, columns or routines exist.  If one is missing
 * that is an unmet requirement, not a defect of the document.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/fixed_settings.h"
#include "base/subtransaction.h"
#include "contract/contract_internal.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parse_type.h"
#include "parser/parser.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/guc.h"

/* Is it SELECT INTO?  Its INTO is at the first arm of a set operation. */
static bool
is_select_into(const SelectStmt *select)
{
	while (select->larg != NULL)
		select = select->larg;
	return select->intoClause != NULL;
}

/* Return what is wrong with a statement, or NULL if it can be planned. */
static const char *
statement_problem(Node *statement)
{
	const char *command = CreateCommandName(statement);

	switch (nodeTag(statement))
	{
		case T_SelectStmt:
			if (!is_select_into((SelectStmt *) statement))
				return NULL;
			command = "SELECT INTO";
			break;
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_MergeStmt:
			return NULL;
		default:
			break;
	}
	return psprintf("%s cannot be in a contract; a query must be SELECT, VALUES, INSERT, UPDATE, DELETE or MERGE",
					command);
}

/* Return what is wrong with a query, or NULL; a syntax error is raised. */
static const char *
query_problem(const char *sql)
{
	List	   *statements = raw_parser(sql, RAW_PARSE_DEFAULT);

	if (statements == NIL)
		return "holds no SQL statement";
	if (list_length(statements) > 1)
		return psprintf("holds %d SQL statements; a query is one",
						list_length(statements));
	return statement_problem(linitial_node(RawStmt, statements)->stmt);
}

/* Return what is wrong with a name, or NULL; some problems are raised. */
static const char *
name_problem(const DocName *name)
{
	Oid			typeid;
	int32		typmod;

	if (name->kind == DOC_NAME_QUERY)
		return query_problem(name->text);
	compat_parse_type(name->text, &typeid, &typmod);
	return NULL;
}

/* Does the error say nothing about the name, but that the session or server is in trouble? */
static bool
is_trouble(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
			return true;
		default:
			return sqlerrcode == ERRCODE_DATA_CORRUPTED ||
				sqlerrcode == ERRCODE_INDEX_CORRUPTED;
	}
}

/* In bytes: a message may quote all the rest of a query. */
#define MAX_MESSAGE_LENGTH 200

/* Cut a message that is too long. */
static char *
clip_message(char *message)
{
	int			len = strlen(message);

	if (len <= MAX_MESSAGE_LENGTH)
		return message;
	len = pg_mbcliplen(message, len, MAX_MESSAGE_LENGTH);
	return psprintf("%.*s...", len, message);
}

/* Return the server's message, with the place or the type that it is about. */
static char *
problem_of_error(const DocName *name, const ErrorData *edata)
{
	char	   *message = clip_message(edata->message);

	if (name->kind == DOC_NAME_QUERY && edata->cursorpos > 0)
		return psprintf("%s at character %d", message, edata->cursorpos);
	if (name->kind == DOC_NAME_TYPE && edata->sqlerrcode == ERRCODE_SYNTAX_ERROR)
		return psprintf("\"%s\" is not a type name: %s",
						clip_message(name->text), message);
	return message;
}

typedef struct Check
{
	List	   *names;
	int			next;			/* the name being checked */
	List	   *problems;
} Check;

/* Check names until one raises an error; body of a subtransaction. */
static void
check_names(void *arg)
{
	Check	   *check = arg;

	for (; check->next < list_length(check->names); check->next++)
	{
		const DocName *name = list_nth(check->names, check->next);
		const char *problem = name_problem(name);

		CHECK_FOR_INTERRUPTS();
		if (problem != NULL)
			problem_add_at(&check->problems, name->path, problem);
	}
}

/*
 * Check all names.  A subtransaction lasts until the first error, so that the usual
 * document costs just one.
 */
static void
check_all_names(Check *check)
{
	while (check->next < list_length(check->names))
	{
		ErrorData  *edata = subtransaction_run(check_names, check, true);
		const DocName *name;

		if (edata == NULL)
			break;
		if (is_trouble(edata->sqlerrcode))
			ReThrowError(edata);
		name = list_nth(check->names, check->next++);
		problem_add_at(&check->problems, name->path, problem_of_error(name, edata));
	}
}

List *
document_check_names(const char *role, const char *search_path, List *names)
{
	Check		check = {names, 0, NIL};
	Oid			roleid = get_role_oid(role, true);
	Oid			save_userid;
	int			save_sec_context;
	int			save_nestlevel;

	if (!OidIsValid(roleid))
		problem_add_at(&check.problems, "$.role",
					   psprintf("role \"%s\" does not exist", role));

	/*
	 * Check names as the role with its search path, because both decide which
	 * types are visible.  If the role does not exist, check them as the
	 * caller.  A type name may run code: the input function of a type
	 * modifier.
	 */
	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	SetUserIdAndSecContext(OidIsValid(roleid) ? roleid : save_userid,
						   save_sec_context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	save_nestlevel = settings_fix();
	(void) set_config_option("search_path", search_path, PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);

	check_all_names(&check);

	AtEOXact_GUC(false, save_nestlevel);
	SetUserIdAndSecContext(save_userid, save_sec_context);
	return check.problems;
}
