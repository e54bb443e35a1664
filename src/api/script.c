/*
 * script.c
 *		Take a script of SQL apart into its statements.
 */
#include "postgres.h"

#include "access/xact.h"
#include "api/api.h"
#include "executor/spi.h"
#include "guard/guard.h"
#include "mb/pg_wchar.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"

/*
 * Say that the position of a syntax error is one in the script, not in the query that
 * called us; an error context callback.
 */
static void
blame_script(void *script)
{
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery((const char *) script);
	}
}

/* Advance a line and column over the text from *s to end. */
static void
count_characters(const char **s, const char *end, int *line, int *column)
{
	while (*s < end)
	{
		int			length = pg_mblen(*s);

		(*column)++;
		if (**s == '\n')
		{
			(*line)++;
			*column = 1;
		}
		*s += length;
	}
}

List *
script_parse(const char *script)
{
	ErrorContextCallback callback = {error_context_stack, blame_script, (void *) script};
	List	   *statements = NIL;
	List	   *parsed;
	ListCell   *lc;
	const char *counted = script;
	int			line = 1;
	int			column = 1;

	error_context_stack = &callback;
	parsed = raw_parser(script, RAW_PARSE_DEFAULT);
	error_context_stack = callback.previous;

	foreach(lc, parsed)
	{
		RawStmt    *raw = lfirst_node(RawStmt, lc);
		ScriptStatement *statement = palloc_object(ScriptStatement);
		int			length;
		const char *start = statement_excerpt(script, raw->stmt_location, raw->stmt_len,
											  &length);

		count_characters(&counted, start, &line, &column);
		statement->stmt = raw->stmt;
		statement->text = pnstrdup(start, length);
		statement->number = foreach_current_index(lc) + 1;
		statement->line = line;
		statement->column = column;
		statements = lappend(statements, statement);
	}
	return statements;
}

void
script_execute(void *text)
{
	SPI_connect();
	if (SPI_execute((const char *) text, false, 0) == SPI_ERROR_COPY)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot run COPY from or to the client in a script")));
	SPI_finish();
	CommandCounterIncrement();
}

bool
script_is_concurrent(const ScriptStatement *statement)
{
	Node	   *stmt = statement->stmt;
	ListCell   *lc;

	if (IsA(stmt, IndexStmt))
		return ((IndexStmt *) stmt)->concurrent;
	if (IsA(stmt, DropStmt))
		return ((DropStmt *) stmt)->concurrent;
	if (!IsA(stmt, ReindexStmt))
		return false;
	foreach(lc, ((ReindexStmt *) stmt)->params)
	{
		if (strcmp(lfirst_node(DefElem, lc)->defname, "concurrently") == 0)
			return true;
	}
	return false;
}
