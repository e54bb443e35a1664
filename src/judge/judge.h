/*
 * judge.h
 *		Would this change break a live version?
 */
#ifndef COMPAT_GUARD_JUDGE_H
#define COMPAT_GUARD_JUDGE_H

#include "base/bounded_wait.h"
#include "base/object.h"
#include "registry/registry.h"

/* ---- affected.c ---- */

/*
 * Names where something appeared, changed or went, each with the statements
 * that did it.  A key whose name is NULL stands for everything in its schema.
 */
typedef struct ChangeStatement
{
	int			number;			/* among the transaction's */
	const char *text;
	SubTransactionId subid;		/* that it ran in, or what that is part of now */
	bool		undone;			/* rolled back to a savepoint */
} ChangeStatement;

/* An object as the catalogs have it, from which others may be reached (affected.c). */
typedef struct ChangedObject
{
	Oid			classid;
	Oid			objid;
	List	   *statements;
} ChangedObject;

/* What the extension consists of. */
typedef struct GuardParts
{
	int			members;		/* how many objects */
	int			loaders;		/* event triggers that load the library */
	List	   *relations;		/* of char *: tables, views and the rest in
								 * its schema */
	bool		has_name;		/* the schema has the name it is called by */
} GuardParts;

typedef struct SchemaChange
{
	List	   *names;			/* of ChangedName * */
	List	   *objects;		/* of ChangedObject *: what these names are
								 * of; NIL once it is followed to what feels
								 * their change */
	List	   *roles;			/* of ChangedName *: roles whose rights
								 * changed */
	List	   *relids;			/* of Oid: relations touched, or NIL if it is
								 * not known */
	bool		everything;		/* a change that any requirement may feel */
	List	   *statements;		/* all of them */
	const GuardParts *guard_before; /* NULL: the guard itself was not touched */
	List	   *logins_before;	/* of Login *; NIL: nothing that changes them
								 * ran */
} SchemaChange;

extern void change_add_name(SchemaChange *change, const ObjectName *key, List *statements);

/* ---- login.c ---- */

/* Of each role that a live version names, in CurrentMemoryContext. */
extern List *logins_now(void);	/* of Login * */

/* ---- judge.c ---- */

/*
 * Judge what the transaction has done so far.  Raises
 * ERRCODE_GUARD_BREAKS_VERSION if it must not go on, a WARNING for what may,
 * and remembers the rest: newly met, let through.  ERRCODE_GUARD_BUSY if a
 * concurrent change keeps a verdict from being reached in time.
 */
extern void judge_enforce(SchemaChange *change);

/* Remember what became of it, without a word: it cannot be undone any more. */
extern void judge_record(SchemaChange *change);

/* Judge DROP INDEX CONCURRENTLY before it starts; writes nothing. */
extern void judge_index_drop(Oid index, Oid relid, const char *statement);

/* All findings of what was done so far, as a list of Finding *; writes nothing. */
extern List *judge_preview(SchemaChange *change);

/*
 * The transaction is going to commit: write the journal, which is all that is
 * left to do.  Is there anything?
 */
extern void judge_finish(void);
extern bool judge_is_unfinished(void);

/* It has ended; parent Invalid: the subtransaction was rolled back. */
extern void judge_transaction_end(void);
extern void judge_subtransaction_end(SubTransactionId mine, SubTransactionId parent);

/* ---- override.c ---- */

typedef struct Override
{
	SubTransactionId subid;		/* that it was given in */
	bool		judged;			/* something was judged while it was there */
	const char *reason;
	const char *by;				/* the role that called allow() */
	const char *app;			/* NULL: any */
	const char *version;		/* ditto */
	RuleId		rule;			/* RULE_COUNT: any */
} Override;

/* Until the transaction, or the subtransaction that is rolled back, ends. */
extern void override_add(const Override *override);

/* The same of what is not going to happen: the overrides are none the less unused. */
extern void override_preview(List *findings);

/* ---- finding.c ---- */

typedef struct Finding
{
	RuleAction	action;			/* by default or policy; the mode is not in it */
	const char *app;
	const char *version;
	const Requirement *req;
	const Problem *problem;
	const char *statement;		/* that did it, or NULL */
	const char *change;			/* the relation it did it to, quoted, or NULL */
	List	   *changed_relations;	/* of ObjectName *: all that are meant by
									 * that */
	const struct Override *override;	/* that lets it through, or NULL */
} Finding;

/* ---- advice.c ---- */

/* The safe way to do it, as SQL with the real names (advice.c). */
extern char *finding_advice(const Finding *finding);

/* ---- guard_removal.c ---- */

/*
 * The registry is about to be dropped by statement (NULL if not known): raise
 * ERRCODE_GUARD_BREAKS_VERSION if that must not be.  Of the guard's own errors it
 * only warns.  preview: raise it if there is anything to report at all.
 */
extern void judge_removal(const char *statement, bool preview);

/* What judge_removal would report, as a list of Finding *. */
extern List *removal_findings(const char *statement);

/*
 * Is it a part of the guard: the schema, what is in it, or an event trigger that loads
 * the library?  By the catalogs as they are seen.
 */
extern bool guard_owns_object(Oid classid, Oid objid);
extern GuardParts guard_parts(void);	/* in CurrentMemoryContext */

/* ---- journal_queue.c ---- */

/* Put into the server log what does not get into the journal. */
extern void journal_queue_log(const char *text);

/*
 * The worker's side.  "slot" is its argument.  Which database is it for?
 * InvalidOid if it came too late and has nothing to do.
 */
extern Oid	journal_queue_begin(int slot);

/*
 * The next row, in CurrentMemoryContext; the one before is done.  NULL if there
 * is none: then the worker's time is over, and another one will be started
 * when there is.
 */
extern JournalRow *journal_queue_take(void);

/* ---- report.c ---- */

/* In the order in which people should read them. */
extern void findings_sort(List *findings);

/* "relation users", "query active": what is required, for people. */
extern char *finding_requirement(const Finding *finding);

/* ---- reverify.c ---- */

/*
 * After a restore, find out how the requirements stand before the first
 * registration or change of schema; else nothing to do, at the price of a look
 * at one row.
 */
extern void judge_verify_initially(void);

/* Does the session restore a dump?  Then others are not kept waiting for that. */
extern bool session_is_restoring(void);

/*
 * Verify with judgements locked out to transaction end, and with "removes"
 * registrations, too.
 */
extern void judge_verify_locked(Requirement **reqs, int n, RegistryLock lock,
								VerifyResult **answers);

/*
 * Verify anew what a skipped version needs, remember it, and take the mark away.
 * Nothing if it is not skipped, or gone, or without "reactivate" retired.
 */
extern void judge_activate(int64 version_id, bool reactivate);

#endif							/* COMPAT_GUARD_JUDGE_H */
