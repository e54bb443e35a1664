/*
 * statement_internal.h
 *		What the files of statement/ share and nobody else uses.
 */
#ifndef COMPAT_GUARD_STATEMENT_INTERNAL_H
#define COMPAT_GUARD_STATEMENT_INTERNAL_H

#include "catalog/pg_trigger.h"
#include "nodes/parsenodes.h"
#include "verify/result/result.h"

/* ---- resolved_name.c ---- */

/*
 * As members of a baseline: [[class, name, resolved], ...], and of calls that mean
 * the server's own only what they call with what types.
 */
extern BaselineMember names_member(List *resolved_names);
extern BaselineMember server_calls_member(List *resolved_names);

/* Report name-captured: what is not as the baseline has it. */
extern void compare_resolved_names(VerifyResult *result, Jsonb *baseline, List *is);

/* A schema that a relation was in, and that is gone; or NULL. */
extern char *resolved_names_missing_schema(Jsonb *baseline);

/* ---- call.c ---- */

/* What one node of an expression takes to run: rights on sequences, the functions
 * of aggregates and domains.  No walker: part of check_permissions. */
extern void check_call(Node *node, VerifyResult *result);

/* ---- attached_function.c ---- */

/*
 * The requirement writes relid: the functions of its CHECK constraints, indexes,
 * generated columns, partition key and triggers' WHEN.  columns: attribute numbers that an UPDATE
 * sets, offset as in RangeTblEntry, or NULL for any.
 */
extern void check_attached_functions(VerifyResult *result, Oid relid, CmdType command,
									 Bitmapset *columns);

/* A value becomes one of the type: the functions of its constraints, if it is a
 * domain or an array of one. */
extern void check_domain(VerifyResult *result, Oid type);

/* ---- foreign_key.c ---- */

/*
 * The same of the tables that this trigger, of a foreign key, writes when a row that
 * they refer to goes or changes.  event: TRIGGER_TYPE_DELETE ...; columns as above.
 */
extern void check_key_action(VerifyResult *result, Form_pg_trigger trigger, int16 event,
							 Bitmapset *columns);

/* ---- insert.c ---- */

/*
 * Would an INSERT into relid that supplies just the given columns (attribute
 * numbers) fail on a column it leaves out, or on one it names?  Reports
 * insert-needs-column and insert-rejected-column; STATE_UNKNOWN where an
 * enabled BEFORE INSERT row trigger might fill the column.  Columns for which
 * the statement says DEFAULT are not supplied.  Views are followed to the table
 * that the rewriter would write.
 */
extern void check_omitted_columns(VerifyResult *result, Oid relid, Bitmapset *supplied);

/* ---- value.c ---- */

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

/* ---- narrow.c ---- */

/*
 * May a value that fits the one type be refused by the other for being too long
 * or too great?  Of strings, numbers and bit strings, arrays and domains of these.
 */
extern bool type_is_narrower(Oid type, int32 typmod, Oid than, int32 than_typmod);

#endif							/* COMPAT_GUARD_STATEMENT_INTERNAL_H */
