/*
 * observe.h
 *		What the verifiers of the kinds share.
 *
 * A verifier is called with the requirement's role and search path in force
 * and an active snapshot.  It takes no relation lock that it can do without,
 * reads the catalogs through the syscache, and reports into the observation.
 * It may raise an error; verify_requirements takes that as the answer.
 */
#ifndef COMPAT_GUARD_OBSERVE_H
#define COMPAT_GUARD_OBSERVE_H

#include "access/htup.h"
#include "catalog/pg_trigger.h"
#include "nodes/bitmapset.h"
#include "nodes/parsenodes.h"
#include "verify/verify.h"

/*
 * Append a problem and let it worsen the observation's state.  expected and
 * found are for people and complete ("type character varying(20)", "integer").
 * relid and attname fill the error's fields; InvalidOid and NULL leave them.
 */
extern Problem *observe_problem(Observation *obs, RuleId rule,
								RequirementState state,
								char *expected, char *found,
								Oid relid, const char *attname);

/* Was privilege-lost reported? */
extern bool observation_is_denied(const Observation *obs);

/* The requirement depends on whatever this name means: one key for each schema
 * of the search path, or for the one schema it is qualified with. */
extern void observe_name(Observation *obs, Oid classid,
						 const char *schema, const char *name);

/* The requirement depends on this object, as found. */
extern void observe_object(Observation *obs, Oid classid, Oid objid);

/* The requirement uses this column.  Nothing is looked up by columns; it is for
 * telling which are not needed any more. */
extern void observe_column(Observation *obs, Oid relid, const char *attname);

/* Append copies of keys. */
extern void keep_keys(List **kept, List *keys);

/*
 * Resolve the relation a requirement names, before anything else is observed.  Returns its OID, or InvalidOid
 * after having reported relation-missing or privilege-lost: a relation the
 * role has no privilege on at all does not exist for it.  Keys are observed
 * either way.  The relation is not locked.
 */
extern Oid	observe_relation(const Requirement *req, Observation *obs);

/* The relation of this name along the search path, as the contract's role sees it. */
extern Oid	find_relation(const RangeVar *name);

/* Does the role have any privilege at all on the relation or a column of it? */
extern bool role_knows_relation(Oid relid);

/* "public.users" quoted as needed, or the OID as text once it is gone. */
extern char *relation_label(Oid relid);
/* "table", "view" ... */
extern const char *relation_kind_label(char relkind);

/*
 * Report that a role, the current one or a view's owner, lacks what it needs on
 * a relation or a column of it: role NAME to DO NAME.
 */
extern Problem *observe_lost_privilege(Observation *obs, Oid relid, const char *attname,
									   Oid role, const char *what, char *found);

/* Does this sort of relation take INSERT, UPDATE or DELETE, whoever asks?  Locks
 * the relation if it is a view or foreign table. */
extern bool relation_allows(Oid relid, CmdType command);

/* Has the relation, or had it, a trigger of any kind? */
extern bool relation_has_triggers(Oid relid);

/* Does a trigger or rule do something of its own instead of the command? */
extern bool relation_acts_instead(Oid relid, CmdType command);

/* May a BEFORE trigger give a column of a table its value? (insert.c) */
extern bool trigger_may_fill(Oid relid, CmdType command);

/* ---- name.c ---- */

/* May the role look names up in this schema? */
extern bool schema_is_usable(Oid schema);

/* Is there no schema of that name?  False for NULL. */
extern bool schema_is_missing(const char *schema);
extern Problem *observe_missing_schema(Observation *obs, const char *schema);

/* Has the schema, which may be closed to the role, an object of this name? */
typedef bool (*NameInSchema) (Oid schema, const char *name);

/*
 * Report why the name, given with a schema or NULL, stands for nothing: as
 * schema-missing, privilege-lost or by the rule given.  what: "relation"; label:
 * the name as the contract has it.
 */
extern Problem *observe_unresolved(const Requirement *req, Observation *obs, RuleId rule,
								   const char *what, const char *label,
								   const char *schema, const char *name,
								   NameInSchema in_schema);

/*
 * Report name-captured if the name meant an object in another schema when the
 * requirement was first met, and that one is still there.  If it is gone, it was
 * moved and is found through the search path: that is fine, and NULL.
 */
extern Problem *observe_captured(const Requirement *req, Observation *obs,
								 const char *name, const char *schema,
								 NameInSchema in_schema);

/* ---- reference.c ---- */

/*
 * The requirement runs this routine: it depends on it and on its body, and the
 * role must be allowed to execute it.
 */
extern void observe_routine(Observation *obs, Oid funcid);

/* ---- call.c ---- */

/* The same of a function that the server calls without asking for rights. */
extern void observe_support_routine(Observation *obs, Oid funcid);

/* ---- part.c ---- */

/*
 * The requirement writes relid: the functions of its CHECK constraints, indexes,
 * generated columns, partition key and triggers' WHEN.  columns: attribute numbers that an UPDATE
 * sets, offset as in RangeTblEntry, or NULL for any.
 */
extern void observe_written_parts(Observation *obs, Oid relid, CmdType command,
						  Bitmapset *columns);

/* A value becomes one of the type: the functions of its constraints, if it is a
 * domain or an array of one. */
extern void observe_domain(Observation *obs, Oid type);

/* ---- write.c ---- */

/* The table that a command on relid writes in the end, through views; InvalidOid
 * if a trigger or rule does something else instead, or nobody can tell. */
extern Oid	table_written(Oid relid, CmdType command);

/*
 * Report if the server refuses UPDATE or DELETE of a table because it is published
 * without what would identify its rows.
 */
extern void observe_replication(Observation *obs, RuleId rule, char *expected, Oid relid,
								bool with_children, CmdType command);

/* A row of pg_constraint. */
typedef struct ForeignKey
{
	Oid			relid;			/* that refers */
	int			ncolumns;
	AttrNumber	referencing[INDEX_MAX_KEYS];
	AttrNumber	referenced[INDEX_MAX_KEYS];
	int			nset;			/* ON DELETE SET ... (a, b); 0: all referencing */
	AttrNumber	set[INDEX_MAX_KEYS];
} ForeignKey;

extern void read_foreign_key(HeapTuple tup, ForeignKey *key);

/*
 * The column that refuses what the key's action writes into it, or
 * InvalidAttrNumber: a null where it is not null, or anything but its own values.
 * action: FKCONSTR_ACTION_SETNULL ...; command: CMD_DELETE or CMD_UPDATE of the row
 * referred to; *always: even if no row refers to that one.
 */
extern AttrNumber key_action_refused(const ForeignKey *key, char action, CmdType command,
									 bool *always);

/*
 * The same of the tables that this trigger, of a foreign key, writes when a row that
 * they refer to goes or changes.  event: TRIGGER_TYPE_DELETE ...; columns as above.
 */
extern void observe_key_action(Observation *obs, Form_pg_trigger trigger, int16 event,
							   Bitmapset *columns);

/* ---- body.c ---- */

/* The requirement writes relid: the same for the functions of its triggers.
 * columns: attribute numbers that an UPDATE sets, or NULL for any. */
extern void observe_write(Observation *obs, Oid relid, CmdType command,
						  Bitmapset *columns);
extern void observe_truncate(Observation *obs, Oid relid);

/*
 * Check the bodies of all that the requirement runs, and add to its baseline
 * which do not resolve.
 */
extern void observe_bodies(const Requirement *req, Observation *obs);

/* Each body is checked once for a role and search path: start afresh, and keep
 * what is found in a context. */
extern void bodies_reset(MemoryContext context);

/*
 * "public.charge(bigint, numeric)" for people, and with all types qualified to be
 * kept; and the routine that was kept so, or InvalidOid (routine.c).
 */
extern char *routine_label(Oid routine);
extern char *routine_kept_name(Oid routine);
extern Oid	routine_called(const char *name, const char *kept_name);
extern bool routine_in_schema(Oid schema, const char *name);

/* ---- type.c ---- */

/* The labels of an enum, in their order; NIL if the type is none. */
extern List *enum_labels(Oid type);

/* The enum below domains and arrays, or InvalidOid. */
extern Oid	enum_below(Oid type);

/* A remark for a label that those who read the type do not know yet. */
extern void observe_added_labels(Observation *obs, Oid type, List *known);

/* Has the role any of these rights on the sequence?  Reports privilege-lost
 * (sequence.c). */
extern void observe_sequence_right(Observation *obs, Oid sequence, AclMode rights);

/* ---- verify.c ---- */

/* The keys, and a copy of all that was observed, in CurrentMemoryContext. */
extern void observe_keys(Observation *obs, List *keys);
extern Observation *observation_copy(const Observation *obs);

/* ---- error.c ---- */

/* An error that says nothing about the requirement: it must go on. */
extern bool error_is_no_answer(const ErrorData *edata);

/* A lock that another transaction holds, where we would not wait for it. */
extern bool error_is_busy(const ErrorData *edata);

/*
 * Report what the server says of a query that does not analyse, rewrite or plan,
 * or of a view that it cannot look through.
 */
extern void observe_error(const Requirement *req, Observation *obs,
						  const ErrorData *edata);

/* Is it a limit or a fault of the server? */
extern bool error_is_the_servers(const ErrorData *edata);

/*
 * Would an INSERT into relid that supplies just the given columns (attribute
 * numbers) fail on a column it leaves out, or on one it names?  Reports
 * insert-needs-column and insert-rejected-column; STATE_UNKNOWN where an
 * enabled BEFORE INSERT row trigger might fill the column.  Columns for which
 * the statement says DEFAULT are not supplied.  Views are followed to the table
 * that the rewriter would write.
 */
extern void observe_insert(Observation *obs, Oid relid, Bitmapset *supplied);

/*
 * A relation that somebody who reads the view as role may not read, after all: what
 * is below the view is read as the view's owner.  InvalidOid if there is none; *denied
 * is whom it is closed to.  What is below the view is added to the keys.
 */
extern Oid	closed_below_view(Observation *obs, Oid view, Oid role, Oid *denied);

/* The verifiers, one a kind. */
extern void verify_relation(const Requirement *req, Observation *obs);
extern void verify_privilege(const Requirement *req, Observation *obs);
extern void verify_column(const Requirement *req, Observation *obs);
extern void verify_insert(const Requirement *req, Observation *obs);
extern void verify_unique(const Requirement *req, Observation *obs);
extern void verify_index(const Requirement *req, Observation *obs);
extern void verify_query(const Requirement *req, Observation *obs);
extern void verify_routine(const Requirement *req, Observation *obs);
extern void verify_type(const Requirement *req, Observation *obs);
extern void verify_sequence(const Requirement *req, Observation *obs);
extern void verify_extension(const Requirement *req, Observation *obs);

#endif							/* COMPAT_GUARD_OBSERVE_H */
