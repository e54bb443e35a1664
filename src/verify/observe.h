/*
 * observe.h
 *		What the verifiers of the kinds share.
 *
 * A verifier is called with the requirement's role and search path in force
 * and an active snapshot.  It takes no relation lock that it can do without,
 * reads the catalogs through the syscache, and reports into the observation.
 * It may raise an error; verify_requirements takes that as the answer for a
 * query and passes it on otherwise.
 */
#ifndef COMPAT_GUARD_OBSERVE_H
#define COMPAT_GUARD_OBSERVE_H

#include "nodes/bitmapset.h"
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

/* The requirement depends on whatever this name means: one key for each schema
 * of the search path, or for the one schema it is qualified with. */
extern void observe_name(Observation *obs, Oid classid,
						 const char *schema, const char *name);

/* The requirement depends on this object, as found. */
extern void observe_object(Observation *obs, Oid classid, Oid objid);

/* The requirement uses this column.  Nothing is looked up by columns; it is for
 * telling which are not needed any more. */
extern void observe_column(Observation *obs, Oid relid, const char *attname);

/*
 * Resolve the relation a requirement names.  Returns its OID, or InvalidOid
 * after having reported relation-missing or privilege-lost: a relation the
 * role has no privilege on at all does not exist for it.  Keys are observed
 * either way.  The relation is not locked.
 */
extern Oid	observe_relation(const Requirement *req, Observation *obs);

/* "public.users" quoted as needed, or the OID as text once it is gone. */
extern char *relation_label(Oid relid);
/* "table", "view" ... */
extern const char *relation_kind_label(char relkind);

/* Does this sort of relation take INSERT, UPDATE or DELETE, whoever asks?  Locks
 * the relation if it is a view. */
extern bool relation_allows(Oid relid, CmdType command);

/* May the role look names up in this schema? */
extern bool schema_is_usable(Oid schema);

/* A baseline of text members, NULL values left out, and a member of a
 * requirement's baseline (NULL: absent, or no baseline). */
extern Jsonb *baseline_object(int npairs, const char *const *names,
							  const char *const *values);
extern char *baseline_text(const Requirement *req, const char *member);

/*
 * Would an INSERT into relid that supplies just the given columns (attribute
 * numbers) fail on a column it leaves out, or on one it names?  Reports
 * insert-needs-column and insert-rejected-column; STATE_UNKNOWN where an
 * enabled BEFORE INSERT row trigger might fill the column.  Columns for which
 * the statement says DEFAULT are not supplied.  Views are followed to the table
 * that the rewriter would write.
 */
extern void observe_insert(Observation *obs, Oid relid, Bitmapset *supplied);

/* Change a setting until the end of the subtransaction. */
extern void set_local(const char *name, const char *value);

/* An error that says nothing about the requirement: it must go on. */
extern bool error_is_no_answer(const ErrorData *edata);

/* The verifiers, one a kind. */
extern void verify_relation(const Requirement *req, Observation *obs);
extern void verify_privilege(const Requirement *req, Observation *obs);
extern void verify_column(const Requirement *req, Observation *obs);
extern void verify_insert(const Requirement *req, Observation *obs);
extern void verify_unique(const Requirement *req, Observation *obs);
extern void verify_index(const Requirement *req, Observation *obs);
extern void verify_query(const Requirement *req, Observation *obs);

#endif							/* COMPAT_GUARD_OBSERVE_H */
