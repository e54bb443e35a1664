/*
 * catalog.h
 *		Read the system catalogs, without waiting for locks.
 */
#ifndef COMPAT_GUARD_CATALOG_H
#define COMPAT_GUARD_CATALOG_H

#include "access/htup.h"
#include "base/object.h"
#include "base/rule.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "nodes/parsenodes.h"
#include "storage/lock.h"
#include "utils/relcache.h"

/* ---- relation.c ---- */

/* Copy the fixed part of a relation's row of pg_class.  False if the relation is gone. */
extern bool read_relation(Oid relid, FormData_pg_class *form);

/* Return the highest attribute number, dropped columns included; 0 if the relation is
 * gone. */
extern AttrNumber relation_natts(Oid relid);

/* Return all partitions or children, of any depth; NIL for most relations. */
extern List *relations_below(Oid relid);

/* Find the relation of a name along the search path, as the contract's role sees it. */
extern Oid	find_relation(const RangeVar *name);

/* Does the role have any privilege at all on the relation or a column of it? */
extern bool role_knows_relation(Oid relid);

/* Return "public.users", quoted as needed, or the OID as text once the relation is gone. */
extern char *relation_label(Oid relid);

/* Return "table", "view" and so on. */
extern const char *relation_kind_label(char relkind);

/* May the role look names up in this schema? */
extern bool schema_is_usable(Oid schema);

/* Is there no schema of this name?  False for NULL. */
extern bool schema_is_missing(const char *schema);

/* Has the schema, which may be closed to the role, a relation of this name? */
extern bool relation_in_schema(Oid schema, const char *name);

/* Has the relation data?  False only for a materialized view WITH NO DATA. */
extern bool relation_is_populated(Oid relid);

/* Has the relation a trigger of any kind, or had it one? */
extern bool relation_has_triggers(Oid relid);

/* ---- column.c ---- */

typedef struct ColumnInfo
{
	/* The column as the application sees it. */
	Oid			type;
	int32		typmod;
	Oid			collation;
	/* Where it is stored: the column itself, or that of a table below views. */
	Oid			relid;
	AttrNumber	attnum;
	bool		computed;		/* by a view: nothing below is known */
	bool		not_null;		/* as far as pg_attribute knows */
	bool		has_default;	/* the view's own, the column's or its type's */
	char		identity;		/* as in pg_attribute, '\0' if none */
	char		generated;		/* as in pg_attribute, '\0' if not */
} ColumnInfo;

/* Look up a column.  False if there is no such column. */
extern bool column_info(Oid relid, AttrNumber attnum, ColumnInfo *info);

/* Return the name of a collation, or NULL if there is none. */
extern char *collation_label(Oid collation);

/* Return the expression in an attribute of a catalog's row, or NULL. */
extern Node *catalog_expression(Relation catalog, HeapTuple tup, AttrNumber attnum);

/* Return a column's name, quoted as needed. */
extern char *quoted_column_name(Oid relid, AttrNumber attnum);

/* Return the default expression of a column, or what computes a generated column, or
 * NULL. */
extern Node *default_expression(Oid relid, AttrNumber attnum);

/* ---- nullability.c ---- */

/* Can a column hold nulls? */
typedef enum Nullability
{
	NULLS_POSSIBLE,
	NULLS_REJECTED,				/* from now on, but there may be some already */
	NULLS_ABSENT,
	NULLS_UNKNOWN				/* computed by a view */
} Nullability;

/*
 * Say whether a column can hold nulls: by NOT NULL, a NOT NULL domain, or a CHECK
 * constraint that says IS NOT NULL, which is how NOT NULL is introduced without a long
 * lock.
 */
extern Nullability column_nullability(const ColumnInfo *info);

/* Return a child by inheritance that may have nulls in a column that has none in the
 * parent, or InvalidOid. */
extern Oid	child_with_nulls(const ColumnInfo *info, List *children);

/* Return a child that refuses nulls in a column, foreign tables apart; or InvalidOid. */
extern Oid	child_without_nulls(const ColumnInfo *info, List *children);

/* ---- view.c ---- */

/* CREATE OR REPLACE VIEW lets views go round in a circle. */
#define MAX_VIEW_DEPTH 32

/* Return the role with whose rights a view reads and writes what is below it: its owner,
 * or with security_invoker the current user, even if another view is above it. */
extern Oid	view_reads_as(Oid view);

/* Return the stored query of a view, or NULL if the view is gone. */
extern Query *view_query(Oid view);

/*
 * Look through a view that is simple enough for PostgreSQL to write through it.
 * Returns for each of its columns, from [0], the column of the table or view below, or
 * 0 if the view computes it; NULL if the view is not so simple.
 */
extern AttrNumber *view_columns(Oid view, Oid *below, int *ncolumns);

/* Follow a column through views to the table that stores it.  True, and nothing
 * changed, if relid is no view; false if a view computes the column. */
extern bool see_through_view(Oid *relid, AttrNumber *attnum);

/* Does the relation take INSERT, UPDATE or DELETE, whoever asks?  Locks a view or
 * foreign table. */
extern bool relation_allows(Oid relid, CmdType command);

/* Return the table that a command on a relation writes in the end, through views; or
 * InvalidOid if a trigger or rule does something else instead, or nobody can tell. */
extern Oid	table_written(Oid relid, CmdType command);

/* ---- trigger.c ---- */

/* Does the trigger fire in the sessions of applications? */
extern bool trigger_is_enabled(Form_pg_trigger trigger);

/* Return TRIGGER_TYPE_INSERT, TRIGGER_TYPE_UPDATE or TRIGGER_TYPE_DELETE. */
extern int16 trigger_event(CmdType command);

/* Does a trigger or rule do something of its own instead of the command? */
extern bool relation_acts_instead(Oid relid, CmdType command);

/* May a BEFORE trigger give a column of a table its value? */
extern bool trigger_may_fill(Oid relid, CmdType command);

/* ---- type.c ---- */

/* Copy the fixed part of a type's row of pg_type.  False if the type is gone. */
extern bool read_type(Oid type, FormData_pg_type *form);

/* Find the type of this name in a schema, which may be closed to the role, or
 * InvalidOid.  Is there one? */
extern Oid	find_type_in_schema(Oid schema, const char *name);
extern bool type_in_schema(Oid schema, const char *name);

/* A type that a contract names. */
typedef struct NamedType
{
	Oid			oid;
	int32		typmod;
} NamedType;

/* Look up a type by its SQL name.  InvalidOid, and no error, if there is no
 * such type or the role cannot see it. */
extern Oid	type_by_name(const char *name, int32 *typmod);

/*
 * Look up a type by a name of the contract, and first in the schema that it had when
 * the requirement was first met: "" or NULL if that is not known, or is the server's.
 * meant_schema() returns what to keep for that: the schema of a type, or "".
 */
extern Oid	meant_type(const char *name, const char *schema, int32 *typmod);
extern char *meant_schema(Oid type);

/* Return the type that a driver sees: of a domain the type it is over.  InvalidOid if
 * the type is gone. */
extern Oid	wire_type(Oid type, int32 *typmod);

/* Return the labels of an enum, in their order; NIL if the type is none. */
extern List *enum_labels(Oid type);

/* Return the enum below domains and arrays, or InvalidOid. */
extern Oid	enum_below(Oid type);

/* ---- type_name.c ---- */

/* Return the name for a baseline of the type below domains; for the type of a column
 * with its modifier. */
extern char *type_baseline_name(Oid type);
extern char *column_type_baseline_name(Oid type, int32 typmod);

/* Return the name of a type with its schema, and with a modifier unless that is -1. */
extern char *qualified_name(Oid type, int32 typmod);

/* ---- routine.c ---- */

/* Return "public.charge(bigint, numeric)": for people, and for a baseline, which has all
 * types qualified. */
extern char *routine_label(Oid routine);
extern char *routine_baseline_name(Oid routine);

/* Find the routine of a name that a baseline has under baseline_name, or InvalidOid. */
extern Oid	routine_called(const char *name, const char *baseline_name);

/* Has the schema, which may be closed to the role, a routine of this name? */
extern bool routine_in_schema(Oid schema, const char *name);

/* ---- partition.c ---- */

/*
 * What was found of partitions before, so that not all need be looked at.  Stored are
 * pairs of OIDs from the last result of each requirement: a large partitioned table
 * and a partition that has something of its own, or InvalidOid as the sign that there
 * are no others.
 */
typedef struct KnownPartitions
{
	List	  **stored;			/* by the requirement's index */
	List	   *changed;		/* of Oid: relations that this transaction may
								 * have changed since */
} KnownPartitions;

/*
 * Return the partitions of a partitioned table, of all levels, that have anything of
 * their own: a constraint, an index that is unique or has expressions, a trigger, a
 * column that is not null, expressions to split it by, another persistence than their
 * parent.  Of any other table returns all children.  As OIDs in ascending order; none
 * of them is locked.  The partitions of a large table are added to *pairs, unless that
 * is NULL, to be stored: see KnownPartitions.
 */
extern List *partitions_that_matter(List **pairs, Oid relid);

/* Say which requirement of the known partitions is answered from now on. */
extern void partitions_of_requirement(int i);

/* ---- conditional_lock.c ---- */

/* What a statement becomes when views are put in; {NIL, 0} to begin with. */
typedef struct Expansion
{
	List	   *views;			/* private to conditional_lock.c */
	int			relations;		/* how many it reads */
} Expansion;

/* Locks that were waited for, and how often. */
typedef struct WaitedLocks
{
	List	   *locks;			/* private to conditional_lock.c */
	int			waits;
} WaitedLocks;

/*
 * Lock every relation a raw parse tree mentions and those below views, until
 * the end of the subtransaction.  Raises ERRCODE_LOCK_NOT_AVAILABLE at the first
 * that is not to be had at once, and ERRCODE_STATEMENT_TOO_COMPLEX where rewriting
 * would take for ever.  A tree walker that returns false.
 */
extern bool conditional_lock_mentions(Node *node, Expansion *expansion);

/* Lock a relation to read it, and what is below a view, or raise
 * ERRCODE_LOCK_NOT_AVAILABLE.  Its partitions and children are not locked: nothing that
 * is planned reads them, see childless.c. */
extern void conditional_lock_relation(Oid relid);

/* Lock all that conditional_lock_mentions() would, for a query that is analysed, such as
 * a stored one. */
extern void conditional_lock_query(Query *query);

/* Lock a relation to read nothing below it, or raise ERRCODE_LOCK_NOT_AVAILABLE. */
extern void conditional_lock_description(Oid relid);

/* Does this session hold any lock on the relation? */
extern bool conditional_lock_is_held(Oid relid);

/* Forget which lock was not to be had, and how many relations were locked. */
extern void conditional_lock_reset(void);

/* Return how many relations were locked since the reset. */
extern int	conditional_lock_count(void);

/* Was a lock not to be had since the reset? */
extern bool conditional_lock_failed(void);

/* Wait for that lock, and add it to those that were waited for. */
extern void conditional_lock_wait(WaitedLocks *waited_locks);

/* Return the lock on which verification gave up.  False if that is not known. */
extern bool verify_wanted_lock(LOCKTAG *tag, LOCKMODE *mode);

/* Release the locks that were waited for. */
extern void verify_release_locks(WaitedLocks *waited_locks);

#endif							/* COMPAT_GUARD_CATALOG_H */
