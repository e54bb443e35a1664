/*
 * hazard.h
 *		Hazards: what a statement is about to do that is harmful in itself.
 *
 * A hazard needs no contract.  Each function is called before the cost and returns
 * findings for judge_hazards(), in CurrentMemoryContext; NIL if there are none.
 */
#ifndef COMPAT_GUARD_HAZARD_H
#define COMPAT_GUARD_HAZARD_H

#include "access/attnum.h"
#include "nodes/nodes.h"
#include "nodes/pg_list.h"
#include "storage/lock.h"

/* What costs time in proportion to the size of tables. */
typedef enum HazardWork
{
	HAZARD_REWRITE,
	HAZARD_BUILD,
	HAZARD_SCAN,
	HAZARD_N_WORKS
} HazardWork;

/* A statement that runs, and the tables it was seen to work on. */
typedef struct HazardStatement
{
	Node	   *stmt;			/* its parse tree; must last as long as this */
	const char *source;			/* the text that it was parsed from, or NULL */
	int			end;			/* of the statement in the text */
	bool		is_previewed;	/* the transaction is not that of the script */

	bool		is_asked;		/* hazard_before_statement() was called */

	/* Private to hazard/: */
	Oid			named;			/* the table that it names, or InvalidOid */
	LocalTransactionId lxid;	/* in which the following was noted */
	List	   *relids[HAZARD_N_WORKS]; /* of Oid */
	uint64		bytes[HAZARD_N_WORKS];	/* of these tables */
	bool		is_reported[HAZARD_N_WORKS];
} HazardStatement;

/* ---- attach.c ---- */

/* ATTACH or CREATE TABLE makes a table a partition, but its bound is not stored yet. */
extern List *hazard_partition(HazardStatement *statement, Oid relid);

/* ---- before.c ---- */

/*
 * Before a statement runs: what no event tells of.  Without this call nothing is to be
 * asked at its events.
 */
extern List *hazard_before_statement(HazardStatement *statement);	/* of Finding * */

/* ---- event.c ---- */

/*
 * An index was created but not built, or a table to which the rows of another one are
 * going to be copied.
 */
extern List *hazard_relation_created(HazardStatement *statement, Oid relid);

/* VACUUM FULL or CLUSTER has created the table that it is going to copy to. */
extern List *hazard_copy_created(HazardStatement *statement, Oid relid);

/* A constraint was created, but no row was read. */
extern List *hazard_constraint_created(HazardStatement *statement, Oid constraint);

/* The description of a column has changed, but no row was read. */
extern List *hazard_column_altered(HazardStatement *statement, Oid relid, AttrNumber attnum);

/* ---- size.c ---- */

/*
 * Let a table or its TOAST table, whose rows are hidden, have the size that it had before,
 * in bytes; until the rows are back, or for all until the end of the trial.
 */
extern void size_note_hidden(Oid relid, uint64 bytes);
extern void size_forget_hidden(Oid relid);
extern void size_forget_all_hidden(void);

#endif							/* COMPAT_GUARD_HAZARD_H */
