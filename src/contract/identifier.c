/*
 * identifier.c
 *		Names in SQL syntax, and their canonical form.
 *
 * Users, users and "users" are one relation.  Contracts that name it in any of these
 * ways must have the same digest, and share their requirements.  The server's
 * SplitIdentifierString would fold the names, too, but it truncates long names and does
 * not say what is wrong.
 *
 * The canonical form quotes each name that is not plainly lower case.  It does not quote
 * keywords, as quote_identifier() would: which words are reserved differs between major
 * versions, and the digest must survive an upgrade.  The readers of the names
 * (stringToQualifiedNameList, SET search_path) accept keywords without quotes.
 */
#include "postgres.h"

#include "contract/contract_internal.h"
#include "parser/scansup.h"

typedef struct Scan
{
	const char *p;
	const char *end;
} Scan;

static const char *
too_long(void)
{
	return psprintf("name must not be longer than %d bytes", NAMEDATALEN - 1);
}

static inline bool
is_plain_char(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/* Needs the name no quotes? */
static bool
is_plain(const char *data, int len)
{
	for (int i = 0; i < len; i++)
	{
		if (!is_plain_char(data[i], i == 0))
			return false;
	}
	return len > 0;
}

void
identifier_append(StringInfo buf, const char *data, int len)
{
	if (is_plain(data, len))
	{
		appendBinaryStringInfo(buf, data, len);
		return;
	}

	appendStringInfoChar(buf, '"');
	for (int i = 0; i < len; i++)
	{
		if (data[i] == '"')
			appendStringInfoChar(buf, '"');
		appendStringInfoChar(buf, data[i]);
	}
	appendStringInfoChar(buf, '"');
}

static void
skip_space(Scan *scan)
{
	while (scan->p < scan->end && scanner_isspace(*scan->p))
		scan->p++;
}

/* Skip the character if it is the next; return false if not. */
static bool
skip_char(Scan *scan, char c)
{
	if (scan->p == scan->end || *scan->p != c)
		return false;
	scan->p++;
	return true;
}

/* Is it ident_start or ident_cont of the server's scan.l? */
static bool
is_identifier_char(char c, bool first)
{
	return is_plain_char(c, first) || (c >= 'A' && c <= 'Z') ||
		IS_HIGHBIT_SET(c) || (!first && c == '$');
}

/* Read the rest of a name in quotes after its opening quote.  Return what is wrong, or NULL. */
static const char *
scan_quoted(Scan *scan, StringInfo name)
{
	for (;;)
	{
		if (scan->p == scan->end)
			return "a quote is not closed";
		if (*scan->p == '"')
		{
			scan->p++;
			if (!skip_char(scan, '"'))
				return NULL;
			appendStringInfoChar(name, '"');
		}
		else
			appendStringInfoChar(name, *scan->p++);
	}
}

/*
 * Read one name and append it to buf in canonical form.  Return what is wrong, or NULL.
 * In a search path any characters but separators need no quotes, and "" is a name, as
 * in SET.
 */
static const char *
scan_name(Scan *scan, bool in_search_path, StringInfo buf)
{
	StringInfoData name;

	initStringInfo(&name);
	skip_space(scan);
	if (skip_char(scan, '"'))
	{
		const char *problem = scan_quoted(scan, &name);

		if (problem != NULL)
			return problem;
		if (name.len == 0 && !in_search_path)
			return "a name in quotes must not be empty";
	}
	else
	{
		const char *start = scan->p;

		while (scan->p < scan->end &&
			   (in_search_path ?
				(*scan->p != ',' && !scanner_isspace(*scan->p)) :
				is_identifier_char(*scan->p, scan->p == start)))
			scan->p++;
		if (scan->p == start)
			return in_search_path ?
				"must be a list of schema names, as for SET search_path" :
				"must be a name in SQL syntax, such as users, app.users or \"Users\"";
		appendStringInfoString(&name, downcase_identifier(start, scan->p - start,
														  false, false));
	}
	skip_space(scan);

	if (name.len >= NAMEDATALEN)
		return too_long();
	if (name.len > 0)
		identifier_append(buf, name.data, name.len);
	return NULL;
}

/* Is the name canonical as it is?  Most are, and need no further work. */
static bool
is_canonical(const DocString *in)
{
	int			start = 0;
	int			dots = 0;

	for (int i = 0; i < in->len; i++)
	{
		char		c = in->data[i];

		if (c == '.' && i > start && i - start < NAMEDATALEN && dots == 0)
		{
			dots++;
			start = i + 1;
		}
		else if (!is_plain_char(c, i == start))
			return false;
	}
	return in->len > start && in->len - start < NAMEDATALEN;
}

static DocString
string_of(StringInfo buf, int index)
{
	DocString	result = {buf->data, buf->len, index};

	return result;
}

const char *
identifier_qualified(DocString in, DocString *out)
{
	Scan		scan = {in.data, in.data + in.len};
	StringInfoData buf;

	*out = in;
	if (is_canonical(&in))
		return NULL;

	initStringInfo(&buf);
	for (int parts = 1;; parts++)
	{
		const char *problem = scan_name(&scan, false, &buf);

		if (problem != NULL)
			return problem;
		if (scan.p == scan.end)
			break;
		if (!skip_char(&scan, '.'))
			return "must be a name in SQL syntax, such as users, app.users or \"Users\"";
		if (parts == 2)
			return "must have at most two parts, schema and name";
		appendStringInfoChar(&buf, '.');
	}
	*out = string_of(&buf, in.index);
	return NULL;
}

const char *
identifier_list(DocString in, DocString *out)
{
	Scan		scan = {in.data, in.data + in.len};
	StringInfoData buf;

	initStringInfo(&buf);
	*out = in;
	skip_space(&scan);
	while (scan.p < scan.end)
	{
		StringInfoData name;
		const char *problem;

		initStringInfo(&name);
		problem = scan_name(&scan, true, &name);
		if (problem != NULL)
			return problem;
		if (buf.len > 0 && name.len > 0)
			appendStringInfoString(&buf, ", ");
		appendBinaryStringInfo(&buf, name.data, name.len);

		if (scan.p == scan.end)
			break;
		/* A comma must be followed by one more name. */
		if (!skip_char(&scan, ',') || scan.p == scan.end)
			return "must be a list of schema names, as for SET search_path";
	}
	*out = string_of(&buf, in.index);
	return NULL;
}

/*
 * Skip to the next of the given characters outside of quotes, parentheses and brackets.
 * Return false if there is none.
 */
static bool
scan_to(Scan *scan, const char *stop)
{
	int			depth = 0;
	bool		quoted = false;

	for (; scan->p < scan->end; scan->p++)
	{
		char		c = *scan->p;

		if (c == '"')
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (depth == 0 && strchr(stop, c) != NULL)
			return true;
		else if (c == '(' || c == '[')
			depth++;
		else if (c == ')' || c == ']')
			depth--;
		if (depth < 0)
			return false;
	}
	return false;
}

/* Return a text without the white space around it. */
static DocString
trimmed(const char *start, const char *end)
{
	DocString	result = {NULL, 0, 0};

	while (start < end && scanner_isspace(*start))
		start++;
	while (start < end && scanner_isspace(end[-1]))
		end--;
	result.data = start;
	result.len = end - start;
	return result;
}

const char *
identifier_signature(DocString in, DocString *out, DocString *name,
					 DocStrings *argtypes)
{
	static const char *const malformed =
	"must be a routine's name and argument types, such as charge(bigint, numeric)";
	DocString	given = trimmed(in.data, in.data + in.len);
	Scan		scan = {given.data, given.data + given.len};
	StringInfoData buf;
	const char *problem;

	*out = *name = in;
	argtypes->n = 0;			/* counts those before a problem, if any */
	if (!scan_to(&scan, "("))
		return malformed;
	*name = trimmed(given.data, scan.p);
	problem = identifier_qualified(*name, name);
	if (problem != NULL)
		return name->len == 0 ? malformed : problem;

	/* Each argument takes at least two bytes. */
	argtypes->items = palloc_array(DocString, given.len / 2 + 1);
	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, name->data, name->len);
	appendStringInfoChar(&buf, '(');
	for (;;)
	{
		const char *start = ++scan.p;
		DocString	type;

		if (!scan_to(&scan, ",)"))
			return malformed;
		type = trimmed(start, scan.p);
		if (type.len == 0 && argtypes->n == 0 && *scan.p == ')')
			break;
		if (type.len == 0)
			return malformed;
		if (argtypes->n > 0)
			appendStringInfoString(&buf, ", ");
		appendBinaryStringInfo(&buf, type.data, type.len);
		type.index = argtypes->n;
		argtypes->items[argtypes->n++] = type;
		if (*scan.p == ')')
			break;
	}
	if (scan.p + 1 != scan.end)
		return malformed;
	appendStringInfoChar(&buf, ')');
	*out = string_of(&buf, in.index);
	return NULL;
}

const char *
identifier_literal(DocString in)
{
	if (in.len == 0)
		return "must not be empty";
	if (in.len >= NAMEDATALEN)
		return too_long();
	return NULL;
}
