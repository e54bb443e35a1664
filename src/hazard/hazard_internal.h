/*
 * hazard_internal.h
 *		What the files of hazard/ share.
 */
#ifndef COMPAT_GUARD_HAZARD_INTERNAL_H
#define COMPAT_GUARD_HAZARD_INTERNAL_H

#include "access/htup.h"
#include "base/rule.h"
#include "hazard/hazard.h"
#include "judge/judge.h"
#include "nodes/parsenodes.h"

/* ---- alter.c ---- */

/* Return the statement if it is ALTER TABLE, or NULL. */
extern AlterTableStmt *as_alter_table(Node *stmt);

/*
 * Does ALTER TABLE rewrite the relation?  Good once its columns were added and
 * altered.
 */
extern bool alter_rewrites(AlterTableStmt *stmt, Oid relid);

/* Does a column that was added have a value of its own in each row? */
extern bool added_column_rewrites(Oid relid, const char *column);

/* Could the column be null when the statement began? */
extern bool column_was_nullable(Oid relid, AttrNumber attnum);

/* Return the subcommand that adds the column, or NULL. */
extern ColumnDef *alter_adds_column(AlterTableStmt *stmt, const char *column);

/* Does it have a subcommand of the type? */
extern bool alter_has(AlterTableStmt *stmt, AlterTableType subtype);

/* Does it add a primary key of which the index is not there? */
extern bool alter_builds_primary_key(AlterTableStmt *stmt);

/* ---- index_statement.c ---- */

/* Return findings on CREATE INDEX, DROP or REINDEX that is about to run. */
extern List *index_statement(Node *stmt);

/* ---- size.c ---- */

/*
 * Return the bytes of a table's main fork, and with_toast those of its TOAST table.
 * Zero for what no other session can use: temporary tables, and those that the
 * transaction has created.  Waits for no lock, and keeps none.
 */
extern uint64 table_bytes(Oid relid, bool with_toast);

/* Return the sum of these for a table and its partitions and children. */
extern uint64 tables_bytes(Oid relid, bool with_toast);

extern bool is_large(uint64 bytes);

/* Return a size as in "80 MB". */
extern char *bytes_shown(uint64 bytes);

/* ---- safe_way.c ---- */

/* Return the table, as in "public.users". */
extern char *table_name(Oid relid);

/* Return the name of a relation that a statement has, with its schema if it has one. */
extern char *named_relation(const RangeVar *name);

/* Return the safe way, as SQL; NULL: the rule's general advice has to do. */
extern char *safe_rewrite(AlterTableStmt *stmt, Oid relid);
extern char *safe_index(const HazardStatement *statement, Oid relid, const char *index);
extern char *safe_constraint(AlterTableStmt *stmt, Oid relid, HeapTuple constraint);
extern char *safe_not_null(Oid relid, const char *column);

/* ---- work.c ---- */

/*
 * Note that the statement works on a table.  Return the table to report, the one that
 * the statement names, if all that was noted is large and not reported yet; or
 * InvalidOid.
 */
extern Oid	work_on(HazardStatement *statement, HazardWork work, Oid relid, bool with_toast);

/* Return the finding in a list, or NIL if the rule is to be ignored.  advice may be NULL. */
extern List *work_finding(RuleId rule, Oid relid, char *expected, char *found, char *advice);

/* Return that a size is not to be exceeded, as in "no scan of more than 64 MB". */
extern char *no_more_than(const char *work);

#endif							/* COMPAT_GUARD_HAZARD_INTERNAL_H */
