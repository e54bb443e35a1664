/*
 * touched.h
 *		What a transaction's DDL has touched, as the judge takes it.
 */
#ifndef COMPAT_GUARD_TOUCHED_H
#define COMPAT_GUARD_TOUCHED_H

#include "nodes/pg_list.h"
#include "postgres.h"
#include "verify/verify.h"

/*
 * Names where something appeared, changed or went, each with the statements
 * that did it.  A key whose name is NULL stands for everything in its schema.
 */
typedef struct TouchingStatement
{
	int			number;			/* among the transaction's */
	const char *text;
	SubTransactionId subid;		/* that it ran in, or what that is part of now */
	bool		undone;			/* rolled back to a savepoint */
} TouchingStatement;

typedef struct TouchedName
{
	ObjectKey	key;
	List	   *statements;		/* of TouchingStatement *; NIL if not known */
} TouchedName;

/* How many objects the extension has, and event triggers that load it. */
typedef struct GuardParts
{
	int			members;
	int			loaders;
} GuardParts;

typedef struct Touched
{
	List	   *names;			/* of TouchedName * */
	List	   *roles;			/* of TouchedName *: roles whose rights changed */
	bool		everything;		/* a change that any requirement may feel */
	List	   *statements;		/* all of them */
	const GuardParts *guard_before; /* NULL: the guard itself was not touched */
} Touched;

#endif							/* COMPAT_GUARD_TOUCHED_H */
