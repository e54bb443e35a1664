/*
 * statement_internal.h
 *		What the files of statement/ share and nobody else uses.
 */
#ifndef COMPAT_GUARD_STATEMENT_INTERNAL_H
#define COMPAT_GUARD_STATEMENT_INTERNAL_H

#include "base/compat.h"
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

/* Return the catalog of the objects that a type such as regclass names, or InvalidOid. */
extern Oid	class_of_reg_type(Oid type);

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

/* Return the baseline's member "names", [[class, name, resolved], ...], and its
 * member "server_calls", the names of calls that mean the server's own objects. */
extern BaselineMember names_member(List *resolved_names);
extern BaselineMember server_calls_member(List *resolved_names);

/* Report name-captured for each name that stands for another object than in the
 * baseline. */
extern void compare_resolved_names(VerifyResult *result, Jsonb *baseline, List *is);

/* ---- call.c ---- */

/* Check what one node of an expression takes to run: rights on sequences, the functions
 * of aggregates and domains. */
extern void check_call(Node *node, VerifyResult *result);

/* ---- attached_function.c ---- */

/*
 * Check the functions that a command on a relation runs: those of its CHECK
 * constraints, indexes, generated columns, partition key and triggers' WHEN.  columns:
 * see check_write().
 */
extern void check_attached_functions(VerifyResult *result, Oid relid, CmdType command,
									 Bitmapset *columns);

/* Check the functions that planning a query looks into for one of its relations, whether
 * it reads or writes: see attached_function.c. */
extern void check_planned_functions(VerifyResult *result, Query *query, Index rti);

/* Check the functions of a domain's constraints, for a type that is one or an array of
 * one. */
extern void check_domain(VerifyResult *result, Oid type);

/* ---- permission.c ---- */

/* Report privilege-lost if a role has not the permissions on a relation that a query asks
 * for. */
extern void check_permission_of(VerifyResult *result, CompatPermissionInfo * info, Oid relid,
								Oid role);

/* ---- foreign_key.c ---- */

/*
 * Check what a trigger of a foreign key does: it looks for the row that a new row refers
 * to, or for rows that refer to one that goes or changes, and acts on these.  event: one
 * of TRIGGER_TYPE_; columns: see check_write().
 */
extern void check_key(VerifyResult *result, Form_pg_trigger trigger, int16 event,
					  Bitmapset *columns);

/* ---- insert.c ---- */

/*
 * Report insert-needs-column for each column that an INSERT of just the supplied columns
 * (attribute numbers) leaves out and that has to have a value; STATE_UNKNOWN where an
 * enabled BEFORE INSERT row trigger might fill the column.  Columns for which the
 * statement says DEFAULT are not supplied.
 */
extern void check_omitted_columns(VerifyResult *result, Oid relid, Bitmapset *supplied);

/* ---- value.c ---- */

/* Is a value null?  As far as the statement itself and NOT NULL columns tell. */
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
	bool		constant;		/* it is the same whenever the statement runs */
} WrittenValue;

/* Return the values that an analysed query writes, also in its WITH, as a list of
 * WrittenValue *. */
extern List *written_values(Query *query);

/* ---- narrow.c ---- */

/* May a type refuse a value of another type ("than") for being too long or too great?
 * Of strings, numbers, bit strings, and arrays and domains of these. */
extern bool type_is_narrower(Oid type, int32 typmod, Oid than, int32 than_typmod);

#endif							/* COMPAT_GUARD_STATEMENT_INTERNAL_H */
