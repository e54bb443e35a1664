/*
 * shown_text.c
 *		Text of applications and objects, as the report and explain_block() show it.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/shown.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

GUARD_FUNCTION(compat_guard_shown);
GUARD_FUNCTION(compat_guard_shown_literal);
GUARD_FUNCTION(compat_guard_shown_html);

/* compat_guard.shown(text): on one line, with nothing in it that is not seen */
Datum
compat_guard_shown(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(shown(text_to_cstring(PG_GETARG_TEXT_PP(0)))));
}

/* compat_guard.shown_literal(text): a literal of SQL, on one line */
Datum
compat_guard_shown_literal(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(shown_literal(text_to_cstring(PG_GETARG_TEXT_PP(0)))));
}

/* Append a character of ASCII, as a reference if it means something in HTML. */
static void
append_ascii(StringInfo buf, char c)
{
	switch (c)
	{
		case '&':
			appendStringInfoString(buf, "&amp;");
			break;
		case '<':
			appendStringInfoString(buf, "&lt;");
			break;
		case '>':
			appendStringInfoString(buf, "&gt;");
			break;
		case '"':
			appendStringInfoString(buf, "&quot;");
			break;
		case '\'':
			appendStringInfoString(buf, "&#39;");
			break;
		default:
			appendStringInfoChar(buf, c);
	}
}

/* Can the character stand in a document?  Not if it is a noncharacter of Unicode. */
static bool
is_character(pg_wchar code)
{
	return (code & 0xfffe) != 0xfffe && (code < 0xfdd0 || code > 0xfdef);
}

/*
 * Append the character of UTF-8 at p; return its length.  Bytes that are no character,
 * as a database in SQL_ASCII may hold, become the sign for that.
 */
static int
append_utf8(StringInfo buf, const unsigned char *p, int rest)
{
	int			length = pg_utf_mblen(p);

	if (length > rest || !pg_utf8_islegal(p, length))
	{
		appendStringInfoString(buf, "&#65533;");
		return 1;
	}
	if (is_character(utf8_to_unicode(p)))
		appendStringInfo(buf, "&#%u;", utf8_to_unicode(p));
	else
		appendStringInfoString(buf, "&#65533;");
	return length;
}

/*
 * compat_guard.shown_html(text): for HTML and XML, in an element or in an attribute
 *
 * What is returned is ASCII.  So the page can be read whatever the encodings of
 * the database, of the client and of the file are.
 */
Datum
compat_guard_shown_html(PG_FUNCTION_ARGS)
{
	char	   *line = shown(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	StringInfoData buf;
	int			length;

	if (GetDatabaseEncoding() != PG_SQL_ASCII)
		line = pg_server_to_any(line, strlen(line), PG_UTF8);
	length = strlen(line);
	initStringInfo(&buf);
	for (int i = 0; i < length;)
	{
		if (IS_HIGHBIT_SET(line[i]))
			i += append_utf8(&buf, (unsigned char *) line + i, length - i);
		else
			append_ascii(&buf, line[i++]);
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(buf.data, buf.len));
}
