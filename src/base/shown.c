/*
 * shown.c
 *		Text of applications and objects, as messages show it.
 *
 * One user gives a name or a reason, and another reads it.  It must not look like a line
 * of the guard's own, and must not control a terminal.  A backslash is left as it is,
 * because nothing can be forged with one.
 */
#include "postgres.h"

#include "base/shown.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

static const struct
{
	pg_wchar	first;
	pg_wchar	last;
}			unseen[] = {
	{0x0080, 0x009f},			/* C1 control characters */
	{0x00ad, 0x00ad},			/* soft hyphen */
	{0x061c, 0x061c},			/* direction of writing */
	{0x115f, 0x1160},			/* fillers */
	{0x180e, 0x180e},
	{0x200b, 0x200f},			/* no width, direction */
	{0x2028, 0x202e},			/* ends of lines and paragraphs, direction */
	{0x2060, 0x206f},			/* no width, direction */
	{0x3164, 0x3164},			/* filler */
	{0xfe00, 0xfe0f},			/* variants */
	{0xfeff, 0xfeff},			/* byte order mark */
	{0xffa0, 0xffa0},
	{0xfff9, 0xfffb},			/* annotations */
	{0xe0000, 0xe0fff}			/* tags */
};

/* Is the character not seen, or does it change how others are seen? */
static bool
is_unseen(pg_wchar code)
{
	for (int i = 0; i < lengthof(unseen); i++)
	{
		if (code >= unseen[i].first && code <= unseen[i].last)
			return true;
	}
	return false;
}

/* Is it a control character above 0x7f, in an encoding of single bytes that has such? */
static bool
is_upper_control(unsigned char byte)
{
	switch (GetDatabaseEncoding())
	{
		case PG_LATIN1:
		case PG_LATIN2:
		case PG_LATIN3:
		case PG_LATIN4:
		case PG_LATIN5:
		case PG_LATIN6:
		case PG_LATIN7:
		case PG_LATIN8:
		case PG_LATIN9:
		case PG_LATIN10:
		case PG_ISO_8859_5:
		case PG_ISO_8859_6:
		case PG_ISO_8859_7:
		case PG_ISO_8859_8:
			return byte >= 0x80 && byte <= 0x9f;
		default:
			return false;
	}
}

/* Append one character of the given length, escaped if it has to be. */
static void
append_character(StringInfo buf, const char *c, int length)
{
	unsigned char byte = *c;

	pg_wchar	code = length > 1 && GetDatabaseEncoding() == PG_UTF8
	? utf8_to_unicode((const unsigned char *) c) : 0;

	if (is_unseen(code))
		appendStringInfo(buf, code > 0xffff ? "\\U%08x" : "\\u%04x", code);
	else if (byte == '\n')
		appendStringInfoString(buf, "\\n");
	else if (byte == '\r')
		appendStringInfoString(buf, "\\r");
	else if (byte == '\t')
		appendStringInfoString(buf, "\\t");
	else if (length == 1 && (byte < ' ' || byte == 0x7f || is_upper_control(byte)))
		appendStringInfo(buf, "\\x%02x", byte);
	else
		appendBinaryStringInfo(buf, c, length);
}

/* Return how long the start of a text is that fits into so many bytes; -1: all of it. */
static int
start_of(const char *text, int bytes)
{
	int			length = strlen(text);

	return bytes < 0 || length <= bytes ? length : pg_mbcliplen(text, length, bytes);
}

char *
shown_start(const char *text, int bytes)
{
	int			length = start_of(text, bytes);
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < length; i += pg_mblen(text + i))
		append_character(&buf, text + i, pg_mblen(text + i));
	if (text[length] != '\0')
		appendStringInfoString(&buf, " ...");
	return buf.data;
}

char *
shown(const char *text)
{
	return shown_start(text, -1);
}

char *
shown_statement(const char *text, int bytes)
{
	int			length = start_of(text, bytes);
	bool		space = false;
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < length; i += pg_mblen(text + i))
	{
		/* what the scanner takes for white space, not the locale */
		if (strchr(" \t\n\r\f\v", text[i]) != NULL)
		{
			space = true;
			continue;
		}
		if (space)
			appendStringInfoChar(&buf, ' ');
		space = false;
		append_character(&buf, text + i, pg_mblen(text + i));
	}
	if (text[length] != '\0')
		appendStringInfoString(&buf, " ...");
	return buf.data;
}

char *
shown_literal(const char *text)
{
	char	   *literal = quote_literal_cstr(text);
	char	   *escaped = shown(literal);

	/* Escapes are understood only in a literal of that kind. */
	if (strcmp(literal, escaped) == 0 || literal[0] == ESCAPE_STRING_SYNTAX)
		return escaped;
	return psprintf("%c%s", ESCAPE_STRING_SYNTAX, escaped);
}
