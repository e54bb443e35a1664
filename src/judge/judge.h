/*
 * judge.h
 *		Judging changes of the schema: would one break a live version?
 */
#ifndef COMPAT_GUARD_JUDGE_H
#define COMPAT_GUARD_JUDGE_H

#include "base/bounded_wait.h"
#include "base/object.h"
#include "registry/registry.h"

/* ---- affected_object.c ---- */

/* A statement that changed the schema. */
typedef struct ChangeStatement
{
	int			number;			/* among the transaction's */
	const char *text;
	SubTransactionId subid;		/* that it ran in, or that this is part of now */
	bool		undone;			/* rolled back to a savepoint */
	int			script_number;	/* of the statement of a previewed script in
								 * which it ran, or 0 */
} ChangeStatement;

/* A changed object, from which change_spread finds the objects that it affects. */
typedef struct ChangedObject
{
	Oid			classid;
	Oid			objid;
	List	   *statements;
} ChangedObject;

/* The parts of the extension whose loss would remove the guard. */
typedef struct GuardParts
{
	int			members;		/* how many objects */
	int			loaders;		/* event triggers that load the library */
	List	   *relations;		/* of char *: names of tables, views and the
								 * like in its schema */
	bool		has_name;		/* the schema is called compat_guard */
} GuardParts;

/* What a transaction has changed so far, or what a statement will change. */
typedef struct SchemaChange
{
	List	   *names;			/* of ChangedName * */
	List	   *objects;		/* of ChangedObject *: the objects of these
								 * names; NIL after change_spread */
	List	   *roles;			/* of ChangedName *: roles whose rights
								 * changed */
	List	   *relids;			/* of Oid: the changed relations; NIL: not
								 * known */
	bool		everything;		/* any requirement may be affected */
	List	   *statements;		/* of ChangeStatement *: all of them */
	const GuardParts *guard_before; /* NULL: the guard was not changed */
	List	   *logins_before;	/* of Login *; NIL: nothing that changes them
								 * ran */
	List	   *hazards;		/* of Finding *: of a preview, in which they
								 * stop nothing */
	List	   *expansions_before;	/* of ColumnExpansion *: those that were
									 * undamaged */
} SchemaChange;

/* Add a name, or a role; a key whose name is NULL means everything in its schema. */
extern void change_add_name(SchemaChange *change, const ObjectName *key, List *statements);

/* ---- login.c ---- */

/* Return the logins of the roles of live versions, in CurrentMemoryContext. */
extern List *logins_now(void);	/* of Login * */

/* ---- judge.c ---- */

/*
 * Judge what the transaction has done so far.  Raise
 * ERRCODE_GUARD_BREAKS_VERSION for what blocks it, and a WARNING for what is let
 * through with one.  Save the states, and remember what the journal is to say.  Raise
 * ERRCODE_GUARD_BUSY if a concurrent change keeps a verdict from being reached in
 * time.
 */
extern void judge_enforce(SchemaChange *change);

/* Judge what cannot be undone any more: save the states, and warn of remarks only. */
extern void judge_record(SchemaChange *change);

/* Judge DROP INDEX CONCURRENTLY before it starts; write nothing. */
extern void judge_index_drop(Oid index, Oid relid, const char *statement);

/*
 * Judge hazards of a statement (NULL if not known) that goes on if this returns: raise
 * ERRCODE_GUARD_HAZARD for what blocks it.  Otherwise warn, and remember what the
 * journal is to say.
 */
extern void judge_hazards(List *findings, const char *statement);	/* of Finding * */

/* Return all findings on what was done so far; write nothing. */
extern List *judge_preview(SchemaChange *change);	/* of Finding * */

/*
 * Write the journal of a transaction that is about to commit, and warn of unused
 * overrides.  judge_is_unfinished: is there anything of that to do?
 */
extern void judge_finish(void);
extern bool judge_is_unfinished(void);

/* Follow the end of a transaction or subtransaction; parent invalid: it failed. */
extern void judge_transaction_end(void);
extern void judge_subtransaction_end(SubTransactionId mine, SubTransactionId parent);

/* ---- override.c ---- */

typedef struct Override
{
	SubTransactionId subid;		/* that called allow(); must be first */
	bool		judged;			/* a change was judged since */
	const char *reason;
	const char *by;				/* the role that called allow() */
	const char *app;			/* NULL: any */
	const char *version;		/* NULL: any */
	RuleId		rule;			/* RULE_COUNT: any */
} Override;

/* Add an override until the transaction ends or is rolled back to before it. */
extern void override_add(const Override *override);

/* Mark the findings that an override lets through.  The overrides still count as unused. */
extern void override_preview(List *findings);

/* ---- finding.c ---- */

/* A problem that the change causes for a version, or a hazard. */
typedef struct Finding
{
	RuleAction	action;			/* by default or policy, whatever the mode */
	const char *app;			/* NULL: a hazard, whatever versions there are */
	const char *version;		/* NULL with app */
	const Requirement *req;
	const Problem *problem;
	const char *statement;		/* that caused it, or NULL */
	int			script_number;	/* of that in a previewed script; of the first
								 * if they are several; or 0 */
	const char *change;			/* the first changed relation, quoted, or NULL */
	List	   *changed_relations;	/* of ObjectName *: those that the
									 * requirement depends on */
	const struct Override *override;	/* that lets it through, or NULL */
} Finding;

/* ---- advice.c ---- */

/* Return the safe way to make the change, as SQL with the real names. */
extern char *finding_advice(const Finding *finding);

/* ---- guard_removal.c ---- */

/*
 * Judge a statement (NULL if not known) that is about to drop the registry: raise
 * ERRCODE_GUARD_BREAKS_VERSION if that is blocked.  An error of the guard itself is only
 * a warning.  preview: raise that error if there is any finding.
 */
extern void judge_removal(const char *statement, bool preview);

/* Return what judge_removal would report. */
extern List *removal_findings(const char *statement);	/* of Finding * */

/*
 * Is the object a part of the guard: its schema, an object in that, or an event trigger
 * that loads the library?  The answer is that of the visible catalogs.
 */
extern bool guard_owns_object(Oid classid, Oid objid);
extern GuardParts guard_parts(void);	/* in CurrentMemoryContext */

/* ---- journal_queue.c ---- */

/* Write to the server log what cannot be written to the journal. */
extern void journal_queue_log(const char *text);

/*
 * Take the slot that is the worker's argument; return the database it is for, or
 * InvalidOid if the worker came too late and has nothing to do.
 */
extern Oid	journal_queue_begin(int slot);

/*
 * Return the worker's next row, in CurrentMemoryContext, or NULL if there is none.  The
 * row before is done.  After NULL the worker must exit: the slot is free, and the
 * next row starts another worker.
 */
extern JournalRow *journal_queue_take(void);

/* ---- report.c ---- */

/* Sort findings in the order in which they are to be read. */
extern void findings_sort(List *findings);

/* Return what is required, as in "relation users" or "query active". */
extern char *finding_requirement(const Finding *finding);

/* ---- reverify.c ---- */

/*
 * Verify all requirements if nothing was found since a restore; to be called before a
 * registration or change of schema.  Otherwise this reads one row.
 */
extern void judge_verify_initially(void);

/* Does the session restore a dump?  It leaves the first verification to others. */
extern bool session_is_restoring(void);

/*
 * Lock the registry, for registration or removal, to transaction end, and verify.  What
 * is found stays true as long as the lock is held.
 */
extern void judge_verify_locked(Requirement **reqs, int n, RegistryLock lock,
								VerifyResult **answers);

/*
 * Activate a version: verify what it needs, save what is found, and take the mark
 * of a skipped version away.  Nothing if it is neither skipped nor retired, or gone, or
 * retired and not to be reactivated.
 */
extern void judge_activate(int64 version_id, bool reactivate);

#endif							/* COMPAT_GUARD_JUDGE_H */
