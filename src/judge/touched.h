/*
 * touched.h
 *		What a transaction's DDL has touched, as the judge takes it.
 */
#ifndef COMPAT_GUARD_TOUCHED_H
#define COMPAT_GUARD_TOUCHED_H

#include "base/object.h"
#include "nodes/pg_list.h"
#include "postgres.h"

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

/* An object as the catalogs have it, from which others may be reached (affected.c). */
typedef struct TouchedObject
{
	Oid			classid;
	Oid			objid;
	List	   *statements;
} TouchedObject;

/* What the extension consists of. */
typedef struct GuardParts
{
	int			members;		/* how many objects */
	int			loaders;		/* event triggers that load the library */
	List	   *relations;		/* of char *: tables, views and the rest in its schema */
	bool		has_name;		/* the schema has the name it is called by */
} GuardParts;

typedef struct Touched
{
	List	   *names;			/* of TouchedName * */
	List	   *objects;		/* of TouchedObject *: what these names are of; NIL
								 * once it is followed to what feels their change */
	List	   *roles;			/* of TouchedName *: roles whose rights changed */
	List	   *relids;			/* of Oid: relations touched, or NIL if it is not known */
	bool		everything;		/* a change that any requirement may feel */
	List	   *statements;		/* all of them */
	const GuardParts *guard_before; /* NULL: the guard itself was not touched */
	List	   *logins_before;	/* of Login *; NIL: nothing that changes them ran */
} Touched;

extern void touched_add_name(Touched *touched, const ObjectKey *key, List *statements);

/* Add the names of all that feels the change of the objects. */
extern void touched_spread(Touched *touched);

#endif							/* COMPAT_GUARD_TOUCHED_H */
