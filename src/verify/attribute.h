/*
 * attribute.h
 *		What the catalogs say about one column, views seen through.
 */
#ifndef COMPAT_GUARD_ATTRIBUTE_H
#define COMPAT_GUARD_ATTRIBUTE_H

#include "access/attnum.h"
#include "nodes/parsenodes.h"
#include "verify/verify.h"

typedef struct ColumnFacts
{
	/* As the application sees it, */
	Oid			type;
	int32		typmod;
	Oid			collation;
	/* and where it is stored: the same, or the table behind a simple view. */
	Oid			relid;
	AttrNumber	attnum;
	bool		computed;		/* by a view: nothing below is known */
	bool		not_null;		/* as far as pg_attribute knows */
	bool		has_default;	/* the view's own, the column's or its type's */
	char		identity;		/* as in pg_attribute, '\0' if none */
	char		generated;		/* ditto */
} ColumnFacts;

/* False if the column does not exist, or no longer. */
extern bool column_facts(Oid relid, AttrNumber attnum, ColumnFacts *facts);

/* The highest attribute number, those of dropped columns included; 0 if the
 * relation is gone. */
extern AttrNumber relation_natts(Oid relid);

/* What a generated column is computed by. */
extern Node *generation_expression(Oid relid, AttrNumber attnum);

typedef enum Nullability
{
	NULLS_POSSIBLE,
	NULLS_REJECTED,				/* from now on, but there may be some already */
	NULLS_ABSENT,
	NULLS_UNKNOWN				/* computed by a view */
} Nullability;

/*
 * By NOT NULL, a NOT NULL domain, or a CHECK constraint that says IS NOT NULL,
 * which is how NOT NULL is introduced without a long lock.
 */
extern Nullability column_nullability(const ColumnFacts *facts);

/* All partitions or children, of any depth; NIL for most relations. */
extern List *relations_below(Oid relid);

/*
 * A child by inheritance that has, or may have, nulls in a column that its
 * parent has none in, and one that refuses nulls in a column, foreign tables
 * apart; or InvalidOid.
 */
extern Oid	child_with_nulls(const ColumnFacts *facts, List *children);
extern Oid	child_without_nulls(const ColumnFacts *facts, List *children);

/* With whose rights does a view that the user uses what is below it? */
extern Oid	view_reads_as(Oid view, Oid user);

/* The query of a view, as stored; NULL if it is gone. */
extern Query *view_query(Oid view);

/*
 * If the view is simple enough for PostgreSQL to write through it, the table or
 * view below it, and for each column of the view (from [0]) which column of
 * that one it is, or 0 if the view computes it.  NULL if the view is not.
 */
extern AttrNumber *view_columns(Oid view, Oid *below, int *ncolumns);

/*
 * Follow a column through views to the table that stores it.  True, and nothing
 * changed, if relid is no view; false if a view computes the column.
 */
extern bool see_through_view(Oid *relid, AttrNumber *attnum);

/* What a simple view is a view of, and what that is, is part of the answer. */
extern void observe_below_view(Observation *obs, Oid relid);

/* CREATE OR REPLACE VIEW lets views go round in a circle. */
#define MAX_VIEW_DEPTH 32

/* A type that a contract names. */
typedef struct NamedType
{
	Oid			oid;
	int32		typmod;
} NamedType;

/*
 * May a column of the type be used wherever one of the type "accepted" is
 * expected?  See typematch.c for what widening is.  at_registration is the
 * type found when the requirement was first met, or NULL; it matters where
 * "accepted" leaves the modifier open.
 */
extern bool type_is_accepted(const NamedType *accepted, const char *at_registration,
							 Oid type, int32 typmod);

/*
 * Look up a type by its SQL name.  InvalidOid, and no error, if there is no
 * such type or the role cannot see it.
 */
extern Oid	type_by_name(const char *name, int32 *typmod);

/*
 * The same of a name of the contract that meant a type of this schema when the
 * requirement was first met: "" or NULL if it has a schema, was not there, or the
 * server's own.  And that schema, to be kept.
 */
extern Oid	meant_type(const char *name, const char *schema, int32 *typmod);
extern char *meant_schema(Oid type);

/* Can a column of the type hold all that one of a kept type could?  exactly: and
 * print it alike. */
extern bool type_holds_kept(const char *kept, Oid type, int32 typmod, bool exactly);

/* The name of a collation; NULL if it is none or gone. */
extern char *collation_label(Oid collation);

/* The type a driver sees: below a domain its base type. */
extern Oid	wire_type(Oid type, int32 *typmod);

/* A type that the contract names may be dropped, or created. */
extern void observe_type_name(Observation *obs, const char *name);
/* The same of a name that has been looked up. */
extern void observe_named_type(Observation *obs, const char *name, Oid type);

/* A column's type is part of the answer: a domain may get constraints, an enum
 * labels.  The built-in ones do not change. */
extern void observe_type(Observation *obs, Oid type);

#endif							/* COMPAT_GUARD_ATTRIBUTE_H */
