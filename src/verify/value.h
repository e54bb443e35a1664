/*
 * value.h
 *		What values a statement writes.
 */
#ifndef COMPAT_GUARD_VALUE_H
#define COMPAT_GUARD_VALUE_H

#include "nodes/parsenodes.h"

/* Is it null?  As far as the statement itself and NOT NULL columns tell. */
typedef enum NullSort
{
	NULL_NEVER,					/* or nothing speaks for it */
	NULL_PERHAPS,				/* a parameter, a column that may be null ... */
	NULL_ALWAYS
} NullSort;

/* A value for a column of a statement's target. */
typedef struct WrittenValue
{
	CmdType		command;		/* INSERT or UPDATE */
	Oid			relid;			/* as the statement names it: a table or view */
	AttrNumber	attnum;
	Expr	   *expr;
	NullSort	null;
	bool		constant;		/* it comes to the same whenever it is run */
} WrittenValue;

/* All of a query as analysed, its WITH included; of WrittenValue *. */
extern List *written_values(Query *query);

/*
 * May a value that fits the one type be refused by the other for being too long
 * or too great?  Of strings, numbers and bit strings, arrays and domains of these.
 */
extern bool type_is_narrower(Oid type, int32 typmod, Oid than, int32 than_typmod);

#endif							/* COMPAT_GUARD_VALUE_H */
