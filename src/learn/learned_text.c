/*
 * learned_text.c
 *		The text of a statement as it is learned: its constants are parameters.
 *
 * Invariant: no constant that the application has written is in the result, but what is
 * no data: NULL, numbers that stand for columns (ORDER BY 1) or lengths of types, names of
 * objects ('seq'::regclass), and what an index must repeat word for word (ON CONFLICT ...
 * WHERE).  A statement in which a string cannot be told is not learned at all.
 *
 * Which constants there are, and of which types, is told by learned_consts.c, and where
 * they end by the server's lexer.
 *
 * Programs make statements of endless lengths: IN lists, and rows of VALUES.  Of a
 * list of constants and parameters only the first is kept.
 */
#include "postgres.h"

#include <ctype.h>

#include "common/keywords.h"
#include "lib/stringinfo.h"
#include "learn/learned_text.h"
#include "parser/parser.h"
#include "parser/scanner.h"
#include "utils/builtins.h"
#include "utils/json.h"

/* So many constants are compared with each other, where equal ones must stay equal. */
#define MAX_COMPARED 1000

/*
 * Tokens of the server's lexer.  They come first, and in the same order, in every grammar
 * that uses it (see gram.y), so these numbers are fixed.
 */
enum
{
	TOKEN_FLOAT = 260,			/* FCONST */
	TOKEN_STRING,				/* SCONST */
	TOKEN_STRING_UNICODE,		/* USCONST */
	TOKEN_BITS,					/* BCONST */
	TOKEN_HEX,					/* XCONST */
	TOKEN_OPERATOR,				/* Op */
	TOKEN_INTEGER,				/* ICONST */
	TOKEN_PARAM					/* PARAM */
};

/* ---- pieces ---- */

static Piece *
add_piece(Learning *l, const char *text, int length, bool spaced)
{
	Piece	   *piece = &l->pieces[l->npieces++];

	piece->text = text;
	piece->length = length;
	piece->spaced = spaced;
	piece->slot = -1;
	return piece;
}

/* Return the slot of an equal constant that must stay equal, or -1. */
static int
find_equal(Learning *l, Oid type, const char *text, int length)
{
	if (!l->groups)
		return -1;
	if (l->nslots > MAX_COMPARED)
		l->unlearned = "too_long";
	for (int i = 0; i < l->nslots && l->unlearned == NULL; i++)
	{
		const Slot *slot = &l->slots[i];

		if (slot->text != NULL && slot->type == type && slot->length == length &&
			memcmp(slot->text, text, length) == 0)
			return i;
	}
	return -1;
}

/* Add a slot of a constant, or of a parameter of the application's: text is NULL. */
static int
add_slot(Learning *l, Oid type, const char *text, int length)
{
	Slot	   *slot = &l->slots[l->nslots];

	slot->type = type;
	slot->text = text;
	slot->length = length;
	slot->final = 0;
	return l->nslots++;
}

static bool
is_literal(int token, const Piece *piece)
{
	switch (token)
	{
		case TOKEN_FLOAT:
		case TOKEN_STRING:
		case TOKEN_STRING_UNICODE:
		case TOKEN_BITS:
		case TOKEN_HEX:
		case TOKEN_INTEGER:
			return true;
		default:
			return (piece->length == 4 && pg_strncasecmp(piece->text, "true", 4) == 0) ||
				(piece->length == 5 && pg_strncasecmp(piece->text, "false", 5) == 0);
	}
}

/* Make the last piece a parameter in place of a constant that is data. */
static void
replace_const(Learning *l, const FoundConst *found)
{
	Piece	   *piece = &l->pieces[l->npieces - 1];

	piece->slot = find_equal(l, found->type, piece->text, piece->length);
	if (piece->slot < 0)
		piece->slot = add_slot(l, found->type, piece->text, piece->length);
}

/* Has the text of a piece another end at a place, where it goes on? */
static bool
goes_on(char next)
{
	return isalnum((unsigned char) next) || next == '.' || next == '_' || next == '\'';
}

/*
 * Make the last piece a parameter, a constant that analysis has dropped because its
 * expression is in the select list, too: there is an equal one in the query.
 */
static void
replace_repeated(Learning *l)
{
	Piece	   *piece = &l->pieces[l->npieces - 1];

	for (int i = 0; i < l->nslots && l->groups; i++)
	{
		const Slot *slot = &l->slots[i];

		if (slot->text != NULL && slot->length == piece->length &&
			memcmp(slot->text, piece->text, piece->length) == 0)
		{
			piece->slot = i;
			return;
		}
	}
	for (int i = 0; i < l->nconsts && l->groups; i++)
	{
		const FoundConst *found = &l->consts[i];
		const char *text = l->source + found->location;

		if (strncmp(text, piece->text, piece->length) == 0 && !goes_on(text[piece->length]))
		{
			if (!found->keep)
				replace_const(l, found);
			return;
		}
	}
	l->unlearned = "not_understood";
}

/* Make the last piece a parameter in place of one of the application's. */
static void
replace_param(Learning *l, int number)
{
	int		   *slot;

	if (number < 1 || number > l->nparams || !OidIsValid(l->params[number - 1]))
	{
		l->unlearned = "not_understood";	/* analysis has dropped it */
		return;
	}
	slot = &l->param_slots[number - 1];
	if (*slot < 0)
		*slot = add_slot(l, l->params[number - 1], NULL, 0);
	l->pieces[l->npieces - 1].slot = *slot;
}

/* Look at the last piece, a token: is it a constant or a parameter? */
static void
look_at_token(Learning *l, int token, int number)
{
	Piece	   *piece = &l->pieces[l->npieces - 1];
	const FoundConst *found = const_at(l, piece->text - l->source);

	if (token == TOKEN_PARAM)
		replace_param(l, number);
	else if (is_literal(token, piece))
	{
		if (found != NULL && !found->keep)
			replace_const(l, found);
		else if (found == NULL && token >= TOKEN_FLOAT && token <= TOKEN_INTEGER &&
				 mark_at(l, piece->text - l->source, MARK_KEEP) == NULL)
			replace_repeated(l);
	}
}

/* Does the query begin after this token of the statement that holds it? */
static bool
begins_query(const Learning *l, const char *text, int length)
{
	const char *word = IsA(l->outer, PrepareStmt) ? "AS" : IsA(l->outer, CopyStmt) ? "(" : "FOR";

	return length == strlen(word) && pg_strncasecmp(text, word, length) == 0;
}

/* Make the last piece, a minus and the number after it, a parameter. */
static void
replace_negated(Learning *l, int token)
{
	const Piece *piece = &l->pieces[l->npieces - 1];
	const FoundConst *found = const_at(l, piece->text - l->source);

	if (found != NULL && found->keep)
		return;
	if (token != TOKEN_INTEGER && token != TOKEN_FLOAT)
		l->unlearned = "not_understood";	/* -(5) */
	else if (found != NULL)
		replace_const(l, found);
	else
		replace_repeated(l);
}

/* Take the query apart, without what is around it. */
static void
scan_pieces(Learning *l)
{
	core_yyscan_t scanner;
	core_yy_extra_type extra;
	core_YYSTYPE value;
	YYLTYPE		location;
	int			token;
	int			end = 0;		/* of the token before */
	int			depth = 0;		/* of parentheses */
	Mark	   *typed = NULL;	/* whose type we are in */
	bool		negated = false;	/* a minus of a constant came before */

	scanner = scanner_init(l->source, &extra, &ScanKeywords, ScanKeywordTokens);
	extra.escape_string_warning = false;
	while (l->unlearned == NULL && (token = core_yylex(&value, &location, scanner)) != 0)
	{
		int			length = strlen(extra.scanbuf + location);
		const FoundConst *found;

		if (token == ';')
			continue;
		if (!l->inside)
		{
			l->inside = begins_query(l, l->source + location, length);
			end = location + length;
			continue;
		}
		depth += token == '(' ? 1 : token == ')' ? -1 : 0;
		if (depth < 0)
			break;				/* the options of COPY follow */
		if (typed != NULL && location <= typed->location)
		{
			/* The type is a part of the constant. */
			l->pieces[l->npieces - 1].length = location + length - (l->pieces[l->npieces - 1].text - l->source);
			end = location + length;
			if (location == typed->location)
			{
				found = const_at(l, location);
				if (found == NULL)
					replace_repeated(l);
				else if (!found->keep)
					replace_const(l, found);
				typed = NULL;
			}
			continue;
		}
		if (negated)
		{
			/* The constant begins with the minus. */
			Piece	   *piece = &l->pieces[l->npieces - 1];

			piece->length = location + length - (piece->text - l->source);
			end = location + length;
			replace_negated(l, token);
			negated = false;
			continue;
		}
		(void) add_piece(l, l->source + location, length, location > end);
		end = location + length;
		typed = mark_at(l, location, MARK_TYPE);
		if (typed != NULL)
		{
			if (typed->ends_later)
				l->unlearned = "not_understood";
			continue;
		}
		negated = (token == '-' && mark_at(l, location, MARK_CONST) != NULL);
		if (!negated)
			look_at_token(l, token, value.ival);
	}
	scanner_finish(scanner);
}

static bool
piece_is(const Learning *l, int i, const char *text)
{
	return i < l->npieces && l->pieces[i].slot < 0 &&
		l->pieces[i].length == strlen(text) &&
		pg_strncasecmp(l->pieces[i].text, text, l->pieces[i].length) == 0;
}

/* ---- folding ---- */

/* Return the place after a constant or parameter, perhaps with a cast, or -1. */
static int
after_value(const Learning *l, int i)
{
	if (i >= l->npieces ||
		(l->pieces[i].slot < 0 && !piece_is(l, i, "NULL") && !piece_is(l, i, "DEFAULT")))
		return -1;
	i++;
	if (piece_is(l, i, "::"))
		i += 2;
	return i;
}

/* Return the place after an element of a list that can be folded, or -1. */
static int
after_element(const Learning *l, int i)
{
	if (!piece_is(l, i, "("))
		return after_value(l, i);
	do
	{
		i = after_value(l, i + 1);
		if (i < 0)
			return -1;
	} while (piece_is(l, i, ","));
	return piece_is(l, i, ")") ? i + 1 : -1;
}

/* Fold the elements that follow the first one of a list. */
static void
fold_list(Learning *l, int first)
{
	int			start = after_element(l, first);
	int			end = start;
	int			next;

	if (start < 0)
		return;
	while (piece_is(l, end, ",") && (next = after_element(l, end + 1)) >= 0)
		end = next;
	memmove(&l->pieces[start], &l->pieces[end], (l->npieces - end) * sizeof(Piece));
	l->npieces -= end - start;
}

static void
fold(Learning *l)
{
	for (int i = 0; i < l->npieces; i++)
	{
		if (piece_is(l, i, "VALUES"))
			fold_list(l, i + 1);
		else if ((piece_is(l, i, "IN") && piece_is(l, i + 1, "(")) ||
				 (piece_is(l, i, "ARRAY") && piece_is(l, i + 1, "[")))
			fold_list(l, i + 2);
	}
}

/* ---- a statement within another ---- */

/* Return the query that a statement holds: itself, or NULL if it is not for learning. */
static Node *
held_query(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_SelectStmt:
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_MergeStmt:
			return stmt;
		case T_PrepareStmt:
			return ((PrepareStmt *) stmt)->query;
		case T_DeclareCursorStmt:
			return ((DeclareCursorStmt *) stmt)->query;
		case T_CopyStmt:
			return ((CopyStmt *) stmt)->query;
		default:
			return NULL;
	}
}

/* ---- the result ---- */

static void
write_result(Learning *l, LearnedText *result)
{
	StringInfoData text;
	StringInfoData params;
	int			n = 0;

	initStringInfo(&text);
	initStringInfo(&params);
	appendStringInfoChar(&params, '[');
	for (int i = 0; i < l->npieces; i++)
	{
		const Piece *piece = &l->pieces[i];
		Slot	   *slot = piece->slot < 0 ? NULL : &l->slots[piece->slot];

		if (i > 0 && piece->spaced)
			appendStringInfoChar(&text, ' ');
		if (slot == NULL)
		{
			appendBinaryStringInfo(&text, piece->text, piece->length);
			continue;
		}
		if (slot->final == 0)
		{
			slot->final = ++n;
			if (n > 1)
				appendStringInfoChar(&params, ',');
			escape_json(&params, format_type_be(slot->type));
		}
		appendStringInfo(&text, "$%d", slot->final);
	}
	appendStringInfoChar(&params, ']');
	result->text = text.data;
	result->params = params.data;
	if (text.len > MAX_LEARNED_BYTES || params.len > MAX_LEARNED_BYTES)
		result->unlearned = "too_long";
}

/* A text that is longer than this is not even looked at. */
#define MAX_SOURCE_BYTES	(256 * 1024)

LearnedText
learned_text(Query *query, const char *source, int location, int length)
{
	Learning	l = {.offset = Max(location, 0)};
	LearnedText result = {0};
	const char *start = source + l.offset;
	List	   *statements;
	Node	   *outer;
	Node	   *inner;

	if (length <= 0)
		length = strlen(start);
	if (length > MAX_SOURCE_BYTES)
	{
		result.unlearned = "too_long";
		return result;
	}
	l.source = pnstrdup(start, length);
	statements = raw_parser(l.source, RAW_PARSE_DEFAULT);
	if (list_length(statements) != 1)
	{
		result.unlearned = "not_understood";
		return result;
	}
	outer = linitial_node(RawStmt, statements)->stmt;
	inner = held_query(outer);
	if (inner == NULL)
	{
		result.unlearned = "other";
		result.silent = result.other_statement = true;
		return result;
	}
	find_consts(&l, query, inner);
	l.outer = outer;
	l.inside = (outer == inner);
	if (l.uses_temporary)
	{
		result.unlearned = "temporary";
		return result;
	}

	if (!l.uses_schema)
	{
		result.unlearned = "other";
		result.silent = true;
		return result;
	}

	/* A token has one byte at least. */
	l.param_slots = palloc_array(int, l.nparams + 1);
	for (int i = 0; i < l.nparams; i++)
		l.param_slots[i] = -1;
	l.pieces = palloc_array(Piece, length + 1);
	l.slots = palloc_array(Slot, length + 1);
	scan_pieces(&l);
	if (l.unlearned == NULL && l.npieces == 0)
		l.unlearned = "not_understood";
	if (l.unlearned != NULL)
	{
		result.unlearned = l.unlearned;
		return result;
	}
	fold(&l);
	write_result(&l, &result);
	return result;
}
