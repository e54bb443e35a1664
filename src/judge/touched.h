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
 * Names where something appeared, changed or went, each with the statement
 * that did it.  A key whose name is NULL stands for everything in its schema.
 */
typedef struct TouchedName
{
	ObjectKey	key;
	const char *statement;		/* text, or NULL if not known */
	int			order;			/* of the statement among the transaction's */
} TouchedName;

typedef struct Touched
{
	List	   *names;			/* of TouchedName * */
	List	   *roles;			/* of TouchedName *: roles whose rights changed */
	bool		everything;		/* a change that any requirement may feel */
	const char *statement;		/* that did the last of it, or NULL */
} Touched;

#endif							/* COMPAT_GUARD_TOUCHED_H */
