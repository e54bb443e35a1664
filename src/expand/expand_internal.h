/*
 * expand_internal.h
 *		What the files of expand/ share.
 */
#ifndef COMPAT_GUARD_EXPAND_INTERNAL_H
#define COMPAT_GUARD_EXPAND_INTERNAL_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "expand/expand.h"
#include "nodes/execnodes.h"
#include "utils/relcache.h"

/* ---- owner.c ---- */

typedef struct OwnerState
{
	Oid			user;
	int			security;
	int			settings;
} OwnerState;

/*
 * Run with the owner's rights, security-restricted, with a pinned search path and fixed
 * settings, until owner_leave().  The end of the (sub)transaction does that, too.
 */
extern OwnerState owner_enter(Oid owner);
extern void owner_leave(const OwnerState *state);

/* ---- conversion.c ---- */

/* up and down of an expansion, ready to be evaluated for rows of one table. */
typedef struct Conversion
{
	MemoryContext context;		/* has all of it */
	const char *name;			/* of the expansion */
	TupleDesc	desc;
	AttrNumber	old_attnum;
	AttrNumber	new_attnum;
	Bitmapset  *sources;		/* attribute numbers that up reads */
	Expr	   *up_expr;
	Expr	   *down_expr;
	ExprState  *up;
	ExprState  *down;
	Oid			owner;
	bool		needs_owner;	/* they call or read what depends on role,
								 * path or settings */
	bool		in_use;			/* by a trigger that runs code of users */
	bool		null_on_error;
	ExprContext *econtext;
	TupleTableSlot *slot;
} Conversion;

/*
 * Analyse up and down over a row of the descriptor, and prepare them, in a context of
 * its own below CurrentMemoryContext.  Raise an error that names the expression if one
 * cannot be read, is volatile, or uses what it must not.  as_caller: names are looked up as
 * the caller does, who owns the table; otherwise as the owner, with the pinned path.
 */
extern Conversion *conversion_make(TupleDesc desc, Oid owner, const ColumnExpansion *expansion,
								   bool as_caller);

/* Raise the errors of conversion_make, without preparing anything. */
extern void conversion_check(TupleDesc desc, Oid owner, const ColumnExpansion *expansion);

/* Return a conversion for a table or partition with the expansion's trigger. */
extern Conversion *conversion_cached(Relation rel, const char *expansion);

/*
 * Evaluate up or down for a row of the descriptor.  The value is valid until
 * conversion_reset().  conversion_try_up returns false instead of an error that is about
 * the row.  conversion_new is up by the rule of null_on_error.
 */
extern Datum conversion_up(Conversion *conversion, HeapTuple row, bool *isnull);
extern Datum conversion_down(Conversion *conversion, HeapTuple row, bool *isnull);
extern bool conversion_try_up(Conversion *conversion, HeapTuple row, Datum *value, bool *isnull);
extern Datum conversion_new(Conversion *conversion, HeapTuple row, bool *isnull);
extern void conversion_reset(Conversion *conversion);

/* Are two values of a column the same, byte by byte once they are detoasted? */
extern bool conversion_same(const Conversion *conversion, AttrNumber attnum,
							Datum a, bool a_null, Datum b, bool b_null);

/* Is the error about the row, and not about the session or the server? */
extern bool error_is_of_row(const ErrorData *edata);

/* ---- expansion_argument.c ---- */

/*
 * Return the running expansion of that name; raise ERRCODE_GUARD_EXPANSION if there is
 * none, and an error if the caller does not own its table.  lock: lock its row first.
 * The second one locks the table in AccessExclusive mode, if there is one, and the row.
 *
 * Invariant: whoever locks the row has locked the table before, in any mode.  Otherwise a
 * batch, which counts what it has written, would wait for one who waits for the table.
 */
extern ColumnExpansion *require_expansion(const char *name, bool lock);
extern ColumnExpansion *require_expansion_exclusively(const char *name);

/* Return a text argument that must not be null. */
extern char *text_argument(FunctionCallInfo fcinfo, int arg, const char *what);

/* Return the table's qualified and quoted name. */
extern char *qualified_table(Oid relid);

/* Run a statement with SPI as the current user; raise its error. */
extern void run_sql(const char *sql);

/* Return the texts in the first column of what a query returns. */
extern List *query_texts(const char *sql);	/* of char * */

/* ---- damage.c ---- */

/* Raise ERRCODE_GUARD_EXPANSION if the expansion is damaged. */
extern void require_undamaged(const ColumnExpansion *expansion);

/* ---- table_lock.c ---- */

/*
 * Lock a table and all that inherits from it in AccessExclusive mode, or none of them.
 * Raise ERRCODE_GUARD_BUSY at the end of the limit for waits.
 */
extern void lock_table_exclusively(Oid relid);

/* ---- agreement.c ---- */

typedef struct Agreement
{
	int64		rows;			/* all that there are */
	int64		unmigrated;		/* new is null, and up gives a value */
	int64		disagreeing;	/* neither up(row) = new nor old = down(row) */
	int64		failing;		/* up fails */
	char	   *sample;			/* keys of such rows, or NULL */
} Agreement;

/* Read every row of the table, with one snapshot. */
extern Agreement agreement_verify(const ColumnExpansion *expansion);

/* Do the columns agree in every row? */
extern bool agreement_is_complete(const Agreement *agreement);

/* Say what is wrong, in one sentence. */
extern char *agreement_problem(const Agreement *agreement);

/* ---- follow.c ---- */

/* A step of a plan. */
typedef struct Step
{
	ExpansionPhase phase;		/* it leads to this one */
	const char *statement;		/* NULL: nothing for the database */
	const char *lock;			/* the strongest, or NULL */
	const char *note;			/* NULL: none */
} Step;

/* Raise an error if the column cannot be replaced; the table is locked. */
extern void follow_check_supported(Oid relid, const char *old_column);

/* Return statements by which the new column gets what belongs to the old one at once. */
extern List *follow_at_once(const ColumnExpansion *expansion);	/* of char * */

/* A copy of an index of the old column, for the new one. */
typedef struct IndexCopy
{
	char	   *name;			/* of the copy */
	char	   *original;
	char	   *statement;		/* that creates it */
	bool		constraint;		/* the original is that of a UNIQUE constraint */
	bool		exists;			/* a copy that is valid */
} IndexCopy;

extern List *follow_indexes(const ColumnExpansion *expansion);	/* of IndexCopy * */

/* Return what does not follow, as notes. */
extern List *follow_not(const ColumnExpansion *expansion);	/* of char * */

/* Return the default of the new column as an expression, or NULL. */
extern char *follow_default(const ColumnExpansion *expansion);

/* A constraint that the new column gets when the old one is about to go. */
typedef struct ConstraintCopy
{
	char	   *name;
	char	   *expression;
	char	   *original;		/* the name that it has at last; NULL: NOT
								 * NULL */
} ConstraintCopy;

extern List *follow_constraints(const ColumnExpansion *expansion);	/* of ConstraintCopy * */

/* Return an expression over the table as text that means the same with any search path. */
extern char *follow_text(Oid relid, Node *expr);

#endif							/* COMPAT_GUARD_EXPAND_INTERNAL_H */
