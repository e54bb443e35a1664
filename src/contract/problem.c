/*
 * problem.c
 *		The problems of a document, and how they are reported.
 */
#include "postgres.h"

#include "base/errors.h"
#include "base/shown.h"
#include "contract/contract.h"
#include "contract/contract_internal.h"
#include "utils/json.h"

/* An error is read in a log or a terminal; validate() shows all problems. */
#define MAX_PROBLEMS_SHOWN 20

/* Needs the key no quotes in a jsonpath? */
static bool
is_plain_key(const DocString *key)
{
	for (int i = 0; i < key->len; i++)
	{
		char		c = key->data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
			  (i > 0 && c >= '0' && c <= '9')))
			return false;
	}
	return key->len > 0;
}

/*
 * Append a place in the syntax of jsonpath, so that jsonb_path_query(contract, path)
 * finds it: $.relations."app.users".insert[0]
 */
static void
append_path(StringInfo buf, const DocPath *path)
{
	if (path->parent == NULL)
	{
		appendStringInfoChar(buf, '$');
		return;
	}

	append_path(buf, path->parent);
	if (path->key.data == NULL)
		appendStringInfo(buf, "[%d]", path->index);
	else
	{
		appendStringInfoChar(buf, '.');
		if (is_plain_key(&path->key))
			appendBinaryStringInfo(buf, path->key.data, path->key.len);
		else
			escape_json(buf, pnstrdup(path->key.data, path->key.len));
	}
}

char *
document_path(const DocPath *path)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_path(&buf, path);
	return buf.data;
}

void
problem_add_at(List **problems, const char *path, const char *problem)
{
	ContractProblem *result = palloc_object(ContractProblem);

	result->path = pstrdup(path);
	result->problem = pstrdup(problem);
	*problems = lappend(*problems, result);
}

void
problem_add(List **problems, const DocPath *path, const char *fmt,...)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, fmt);
		needed = appendStringInfoVA(&buf, fmt, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&buf, needed);
	}
	problem_add_at(problems, document_path(path), buf.data);
}

void
contract_report_problems(List *problems)
{
	StringInfoData detail;
	int			total = list_length(problems);
	int			n = Min(total, MAX_PROBLEMS_SHOWN);

	initStringInfo(&detail);
	for (int i = 0; i < n; i++)
	{
		ContractProblem *problem = list_nth(problems, i);

		if (i > 0)
			appendStringInfoChar(&detail, '\n');
		appendStringInfo(&detail, "%s: %s", shown(problem->path), shown(problem->problem));
	}
	if (n < total)
		appendStringInfo(&detail, "\n... and %d more", total - n);

	ereport(ERROR,
			(errcode(ERRCODE_GUARD_CONTRACT_INVALID),
			 errmsg_plural("contract is not valid: %d problem",
						   "contract is not valid: %d problems",
						   total, total),
			 errdetail_internal("%s", detail.data),
			 errhint("To list all problems of a document, use compat_guard.validate(contract). Its form is described in doc/contract.md.")));
}
