/*
 * statement_internal.h
 *		What the files of statement/ share and nobody else uses.
 */
#ifndef COMPAT_GUARD_STATEMENT_INTERNAL_H
#define COMPAT_GUARD_STATEMENT_INTERNAL_H

#include "catalog/pg_trigger.h"
#include "nodes/parsenodes.h"
#include "verify/result/result.h"

/* ---- name_class.c ---- */

/* A class of objects that statements refer to by name. */
typedef struct NameClass
{
	const char *name;			/* in the baseline */
	const char *label;			/* in messages, before the name */
	Oid			classid;
	NameInSchema in_schema;		/* NULL: a routine or operator, which is
								 * called */
} NameClass;

/* Return the class of objects in a catalog, or by its name in a baseline, or NULL. */
extern const NameClass *name_class_of(Oid classid);
extern const NameClass *name_class_called(const char *name);

/* Look up the name of an object and of its schema.  False if the object is gone. */
extern bool name_and_schema(Oid classid, Oid objid, char **name, char **schema);

/*
 * Return "schema.operator(left, right)"; how: as of format_type_extended().  Find
 * the operator of a name for which FORMAT_TYPE_FORCE_QUALIFY returned the text, or
 * InvalidOid.
 */
extern char *operator_signature(Oid operator, bits16 how);
extern Oid	operator_called(const char *name, const char *baseline_name);

/* ---- resolved_name.c ---- */

/* A name of a statement, and the object that it stands for. */
typedef struct ResolvedName
{
	const NameClass *class;
	char	   *name;			/* of a call with its types: "=(text,?)" */
	char	   *resolved;		/* a schema, or of a call
								 * "app.=(pg_catalog.text, pg_catalog.text)";
								 * "" if it is the server's */
	Oid			objid;			/* InvalidOid: it comes from a baseline */
} ResolvedName;

/* ---- name_compare.c ---- */

/*
 * Return the baseline's member "names", [[class, name, resolved], ...], and its
 * member "server_calls", the names of calls that mean the server's own objects.
 */
extern BaselineMember names_member(List *resolved_names);
extern BaselineMember server_calls_member(List *resolved_names);

/* Report name-captured for each name that stands for another object than in the
 * baseline. */
extern void compare_resolved_names(VerifyResult *result, Jsonb *baseline, List *is);

/* Return a schema that had a relation of the baseline and is gone, or NULL. */
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
