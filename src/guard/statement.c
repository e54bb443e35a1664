/*
 * statement.c
 *		The text of a statement as it is shown, without secrets.
 *
 * The journal and messages say by which statement something was done.  More people read
 * them than the statement was written for.  So passwords, connection strings and the
 * options of foreign servers are replaced before the text is kept.
 *
 * Invariant: which strings are secret is told by the parse tree, and where they
 * stand by the server's lexer.  If not each of them is found in the text,
 * nothing of the text is shown.  Code that a statement carries (the body of a
 * function, a DO block) is no parse tree of the server's; one that has the words
 * of such a statement is not shown.
 */
#include "postgres.h"

#include "base/subtransaction.h"
#include "base/text_list.h"
#include "common/keywords.h"
#include "guard/guard_internal.h"
#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "parser/parser.h"
#include "parser/scanner.h"
#include "parser/scansup.h"
#include "tcop/utility.h"

/* ---- where a statement begins and ends ---- */

/* Return the end of a comment, as the server's lexer finds it; NULL if there is none. */
static const char *
skip_comment(const char *s, const char *end)
{
	int			depth = 0;

	if (end - s >= 2 && s[0] == '-' && s[1] == '-')
	{
		while (s < end && *s != '\n' && *s != '\r')
			s++;
		return s;
	}
	if (end - s < 2 || s[0] != '/' || s[1] != '*')
		return NULL;
	do
	{
		if (end - s >= 2 && s[0] == '/' && s[1] == '*')
		{
			depth++;
			s += 2;
		}
		else if (end - s >= 2 && s[0] == '*' && s[1] == '/')
		{
			depth--;
			s += 2;
		}
		else
			s++;
	} while (depth > 0 && s < end);
	return s;
}

const char *
statement_excerpt(const char *source, int location, int length, int *shown)
{
	const char *s = source + Max(location, 0);
	const char *end = s + (length > 0 ? strnlen(s, length) : strlen(s));

	while (s < end)
	{
		const char *after = skip_comment(s, end);

		if (after != NULL)
			s = after;
		else if (scanner_isspace(*s) || *s == ';')
			s++;
		else
			break;
	}
	while (end > s && (scanner_isspace(end[-1]) || end[-1] == ';'))
		end--;
	*shown = end - s;
	return s;
}

/* ---- which strings are secret ---- */

/* Add the values of all options, or of the one of that name. */
static List *
add_options(List *secrets, List *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *option = lfirst(lc);

		if (IsA(option, DefElem) && option->arg != NULL && IsA(option->arg, String) &&
			(name == NULL || strcmp(option->defname, name) == 0))
			secrets = lappend(secrets, strVal(option->arg));
	}
	return secrets;
}

/* Add the values of the options of columns of a foreign table. */
static List *
add_columns(List *secrets, List *columns)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		if (IsA(lfirst(lc), ColumnDef))
			secrets = add_options(secrets, ((ColumnDef *) lfirst(lc))->fdwoptions, NULL);
	}
	return secrets;
}

/* Add the values of options that commands of ALTER FOREIGN TABLE set. */
static List *
add_commands(List *secrets, List *commands)
{
	ListCell   *lc;

	foreach(lc, commands)
	{
		AlterTableCmd *cmd = lfirst(lc);

		if (!IsA(cmd, AlterTableCmd) || cmd->def == NULL)
			continue;
		if (cmd->subtype == AT_GenericOptions || cmd->subtype == AT_AlterColumnGenericOptions)
			secrets = add_options(secrets, (List *) cmd->def, NULL);
		else if (IsA(cmd->def, ColumnDef))
			secrets = add_columns(secrets, list_make1(cmd->def));
	}
	return secrets;
}

/* Return the secrets of a statement: a list of char *. */
static List *
secrets_of(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_CreateRoleStmt:
			return add_options(NIL, ((CreateRoleStmt *) stmt)->options, "password");
		case T_AlterRoleStmt:
			return add_options(NIL, ((AlterRoleStmt *) stmt)->options, "password");
		case T_CreateUserMappingStmt:
			return add_options(NIL, ((CreateUserMappingStmt *) stmt)->options, NULL);
		case T_AlterUserMappingStmt:
			return add_options(NIL, ((AlterUserMappingStmt *) stmt)->options, NULL);
		case T_CreateForeignServerStmt:
			return add_options(NIL, ((CreateForeignServerStmt *) stmt)->options, NULL);
		case T_AlterForeignServerStmt:
			return add_options(NIL, ((AlterForeignServerStmt *) stmt)->options, NULL);
		case T_CreateFdwStmt:
			return add_options(NIL, ((CreateFdwStmt *) stmt)->options, NULL);
		case T_AlterFdwStmt:
			return add_options(NIL, ((AlterFdwStmt *) stmt)->options, NULL);
		case T_CreateForeignTableStmt:
			return add_columns(add_options(NIL, ((CreateForeignTableStmt *) stmt)->options, NULL),
							   ((CreateForeignTableStmt *) stmt)->base.tableElts);
		case T_ImportForeignSchemaStmt:
			return add_options(NIL, ((ImportForeignSchemaStmt *) stmt)->options, NULL);
		case T_AlterTableStmt:
			return add_commands(NIL, ((AlterTableStmt *) stmt)->cmds);
		case T_CreateSubscriptionStmt:
			return list_make1(((CreateSubscriptionStmt *) stmt)->conninfo);
		case T_AlterSubscriptionStmt:
			return ((AlterSubscriptionStmt *) stmt)->conninfo == NULL ? NIL
				: list_make1(((AlterSubscriptionStmt *) stmt)->conninfo);
		default:
			return NIL;
	}
}

bool
statement_has_secrets(Node *stmt)
{
	return secrets_of(stmt) != NIL;
}

/* ---- code that may hold a secret ---- */

/* Does the statement carry code in some language? */
static bool
carries_code(Node *stmt)
{
	return IsA(stmt, CreateFunctionStmt) || IsA(stmt, DoStmt);
}

/* Read the next word, in lower case and cut to the buffer; return false at the end. */
static bool
next_word(const char **code, char *word, size_t size)
{
	const char *s = *code;
	size_t		n = 0;

	while (*s != '\0' && !isalpha((unsigned char) *s))
		s++;
	for (; isalnum((unsigned char) *s) || *s == '_' || IS_HIGHBIT_SET(*s); s++)
	{
		if (n < size - 1)
			word[n++] = pg_ascii_tolower((unsigned char) *s);
	}
	word[n] = '\0';
	*code = s;
	return n > 0;
}

/*
 * Has the code the words of a statement that has secrets: CREATE or ALTER, the kind of
 * object, and later the word before the secret?  Only words are looked at, because the
 * code may be in any language and quoted in any depth.
 */
static bool
code_may_hold_secret(const char *code)
{
	char		word[16];
	bool		verb = false;
	bool		role = false;
	bool		foreign = false;

	while (next_word(&code, word, sizeof(word)))
	{
		if (verb && strcmp(word, "subscription") == 0)
			return true;
		role |= verb && (strcmp(word, "role") == 0 || strcmp(word, "user") == 0 ||
						 strcmp(word, "group") == 0);
		foreign |= verb && (strcmp(word, "server") == 0 || strcmp(word, "user") == 0 ||
							strcmp(word, "foreign") == 0);
		foreign |= strcmp(word, "import") == 0;
		if ((role && strcmp(word, "password") == 0) ||
			(foreign && strcmp(word, "options") == 0))
			return true;
		verb = strcmp(word, "create") == 0 || strcmp(word, "alter") == 0;
	}
	return false;
}

/* ---- replacing secrets ---- */

/*
 * Tokens of the server's lexer.  They come first, and in the same order, in every grammar
 * that uses it (see gram.y), so these numbers are fixed.
 */
enum
{
	TOKEN_STRING = 261,			/* SCONST */
	TOKEN_STRING_UNICODE		/* USCONST */
};

typedef struct Masking
{
	const char *source;
	List	   *secrets;
	bool		complete;		/* each secret was found */
	StringInfoData result;
} Masking;

/* Copy the text and replace string constants that are or may be secret. */
static void
mask(void *arg)
{
	Masking    *masking = arg;
	core_yyscan_t scanner;
	core_yy_extra_type extra;
	core_YYSTYPE value;
	YYLTYPE		location;
	int			token;
	int			copied = 0;
	int			found = 0;

	scanner = scanner_init(masking->source, &extra, &ScanKeywords, ScanKeywordTokens);
	extra.escape_string_warning = false;
	while ((token = core_yylex(&value, &location, scanner)) != 0)
	{
		bool		secret = false;

		/* A string with Unicode escapes is not decoded yet. */
		if (token == TOKEN_STRING_UNICODE)
			secret = true;
		else if (token == TOKEN_STRING)
			secret = text_list_has(masking->secrets, value.str) || code_may_hold_secret(value.str);
		if (!secret)
			continue;
		appendBinaryStringInfo(&masking->result, masking->source + copied, location - copied);
		appendStringInfoString(&masking->result, "'***'");

		/* The lexer ends each token with a zero byte. */
		copied = location + strlen(extra.scanbuf + location);
		found++;
	}
	scanner_finish(scanner);
	appendStringInfoString(&masking->result, masking->source + copied);
	masking->complete = found >= list_length(masking->secrets);
}

/* Return the text with each secret replaced; NULL if not all were found. */
static char *
masked(const char *source, List *secrets)
{
	Masking		masking = {.secrets = secrets, .source = source};
	ErrorData  *edata;

	initStringInfo(&masking.result);

	/* It may fail: settings may have changed since the text was parsed. */
	edata = subtransaction_run(mask, &masking, true);
	if (edata != NULL && error_is_interruption(edata))
		ReThrowError(edata);
	return edata == NULL && masking.complete ? masking.result.data : NULL;
}

/* Return what to show of a statement whose text is not shown. */
static char *
kind_of_statement(Node *stmt)
{
	return psprintf("%s (not shown: it holds a secret)", CreateCommandName(stmt));
}

char *
statement_without_secrets(Node *stmt, const char *source, int location, int length)
{
	List	   *secrets = secrets_of(stmt);
	const char *excerpt;
	char	   *text;

	if ((secrets == NIL && !carries_code(stmt)) || source == NULL)
		return NULL;
	excerpt = statement_excerpt(source, location, length, &length);
	text = pnstrdup(excerpt, length);

	if (secrets == NIL && !code_may_hold_secret(text))
		return NULL;
	text = masked(text, secrets);
	return text != NULL ? text : kind_of_statement(stmt);
}

/* ---- finding the text of a statement in a message ---- */

typedef struct Parsing
{
	const char *message;
	List	   *statements;		/* of RawStmt * */
} Parsing;

static void
parse(void *arg)
{
	Parsing    *parsing = arg;

	parsing->statements = raw_parser(parsing->message, RAW_PARSE_DEFAULT);
}

/* Is the raw statement of a message the one that runs, whose query may be analysed? */
static bool
is_same_statement(Node *raw, Node *stmt)
{
	if (IsA(raw, CreateTableAsStmt) && IsA(stmt, CreateTableAsStmt))
		return equal(((CreateTableAsStmt *) raw)->into, ((CreateTableAsStmt *) stmt)->into);
	return equal(raw, stmt);
}

bool
statement_find(Node *stmt, const char *message, int *location, int *length)
{
	Parsing		parsing = {.message = message};
	ErrorData  *edata;
	ListCell   *lc;

	if (message == NULL)
		return false;
	edata = subtransaction_run(parse, &parsing, true);
	if (edata != NULL)
	{
		if (error_is_interruption(edata))
			ReThrowError(edata);
		return false;
	}
	foreach(lc, parsing.statements)
	{
		RawStmt    *raw = lfirst_node(RawStmt, lc);

		if (!is_same_statement(raw->stmt, stmt))
			continue;
		*location = raw->stmt_location;
		*length = raw->stmt_len;
		return true;
	}
	return false;
}

char *
statement_of_message(Node *stmt, const char *message)
{
	char	   *text;
	int			length;

	if (message == NULL)
		return pstrdup(CreateCommandName(stmt));	/* no client sent it */
	if (statement_has_secrets(stmt))
		return kind_of_statement(stmt);
	message = statement_excerpt(message, 0, 0, &length);
	text = pnstrdup(message, length);

	if (code_may_hold_secret(text))
		text = masked(text, NIL);
	return text != NULL && !code_may_hold_secret(text) ? text : kind_of_statement(stmt);
}
