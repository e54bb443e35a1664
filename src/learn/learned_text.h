/*
 * learned_text.h
 *		What learned_text.c and learned_consts.c share.
 */
#ifndef COMPAT_GUARD_LEARNED_TEXT_H
#define COMPAT_GUARD_LEARNED_TEXT_H

#include "learn/learn_internal.h"

/* A constant of the analysed query. */
typedef struct FoundConst
{
	int			location;
	Oid			type;
	bool		keep;			/* it is no data */
} FoundConst;

/* What the raw parse tree tells of a place of the text. */
typedef enum MarkKind
{
	MARK_KEEP,					/* number of a column, or length of a type */
	MARK_CONST,					/* begin of a constant, with its minus */
	MARK_TYPE					/* "date '2020-01-01'": begin of the type */
} MarkKind;

typedef struct Mark
{
	int			at;
	MarkKind	kind;
	int			location;		/* of the constant that follows the type */
	bool		ends_later;		/* more of the type may follow: interval '1'
								 * day */
} Mark;

/* A parameter of the result. */
typedef struct Slot
{
	Oid			type;
	const char *text;			/* of the constant; NULL: of a parameter */
	int			length;
	int			final;			/* its number in the result, 0: not used yet */
} Slot;

/* A piece of the result: a token, or a parameter. */
typedef struct Piece
{
	const char *text;
	int			length;
	bool		spaced;			/* there was space before it */
	int			slot;			/* -1: a token */
} Piece;

typedef struct Learning
{
	const char *source;			/* the statement alone */
	int			offset;			/* of it in what was analysed */
	FoundConst *consts;			/* sorted by location */
	int			nconsts;
	int			most_consts;	/* that there is room for */
	Mark	   *marks;			/* sorted by place and kind */
	int			nmarks;
	int			most_marks;
	Node	   *outer;			/* the statement that holds the query, or the
								 * query */
	bool		inside;			/* the query has begun */
	Oid		   *params;			/* types of the application's parameters */
	int		   *param_slots;	/* of each, or -1 */
	int			nparams;
	bool		keep;			/* what is found is no data */
	bool		uses_temporary;
	bool		uses_schema;	/* it uses an object that is not the server's */
	bool		groups;			/* equal constants must stay equal */
	Piece	   *pieces;
	int			npieces;
	Slot	   *slots;
	int			nslots;
	const char *unlearned;
} Learning;

/* Find the constants and parameters of a query, and what its raw parse tree tells of them. */
extern void find_consts(Learning *l, Query *query, Node *raw);

/* Return the constant that the query has from a place of the text, or NULL. */
extern FoundConst *const_at(const Learning *l, int location);

/* Return what the raw parse tree tells of a place, or NULL. */
extern Mark *mark_at(const Learning *l, int at, MarkKind kind);

#endif							/* COMPAT_GUARD_LEARNED_TEXT_H */
