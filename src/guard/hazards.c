/*
 * hazards.c
 *		When hazard/ is asked, and what becomes of its answer.
 *
 * What is found stops the statement at once, before its cost.  A preview goes on, and
 * lists it.
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "guard/guard_internal.h"
#include "hazard/hazard.h"
#include "judge/judge.h"
#include "nodes/parsenodes.h"
#include "utils/memutils.h"

/* A restore builds indexes and constraints, and nobody uses its tables yet. */
static bool
asks(void)
{
	return !session_is_restoring();
}

static void
report(StatementFrame *frame, List *findings)
{
	char	   *text;
	ListCell   *lc;

	if (findings == NIL)
		return;
	text = frame_text(frame);
	if (!change_in_preview())
	{
		judge_hazards(findings, text);
		return;
	}
	foreach(lc, findings)
		((Finding *) lfirst(lc))->statement = text;
	change_add_hazards(findings);
}

/* Return the context in which findings live as long as they are needed. */
static MemoryContext
findings_context(void)
{
	return change_in_preview() ? TopTransactionContext : CurrentMemoryContext;
}

void
hazards_before_statement(StatementFrame *frame)
{
	MemoryContext old;

	if (!asks())
		return;
	frame->hazard.is_previewed = change_in_preview();
	old = MemoryContextSwitchTo(findings_context());
	report(frame, hazard_before_statement(&frame->hazard));
	MemoryContextSwitchTo(old);
}

/* Return the findings of an event while DDL runs. */
static List *
findings_of_event(HazardStatement *statement, ObjectAccessType access, Oid classid, Oid objid,
				  int subid)
{
	if (access == OAT_POST_CREATE && classid == RelationRelationId && subid == 0)
		return hazard_relation_created(statement, objid);
	if (access == OAT_POST_CREATE && classid == ConstraintRelationId)
		return hazard_constraint_created(statement, objid);
	if (access == OAT_POST_ALTER && classid == RelationRelationId && subid > 0)
		return hazard_column_altered(statement, objid, subid);
	if (access == OAT_POST_ALTER && classid == InheritsRelationId &&
		IsA(statement->stmt, AlterTableStmt))
		return hazard_partition(statement, objid);
	return NIL;
}

/* Does the statement copy whole tables, without being DDL? */
static bool
copies_tables(const StatementFrame *frame)
{
	return frame->is_quiet &&
		(IsA(frame->hazard.stmt, VacuumStmt) || nodeTag(frame->hazard.stmt) == COMPAT_CLUSTER_STMT);
}

void
hazards_at_event(ObjectAccessType access, Oid classid, Oid objid, int subid)
{
	StatementFrame *frame = frame_current();
	MemoryContext old;

	if (frame == NULL || (!frame->is_ddl && !copies_tables(frame)) || !asks())
		return;
	old = MemoryContextSwitchTo(findings_context());
	if (frame->is_ddl)
		report(frame, findings_of_event(&frame->hazard, access, classid, objid, subid));
	else if (access == OAT_POST_CREATE && classid == RelationRelationId && subid == 0)
		report(frame, hazard_copy_created(&frame->hazard, objid));
	MemoryContextSwitchTo(old);
}
