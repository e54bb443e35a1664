/*
 * statement.h
 *		What a statement needs, writes and returns.
 */
#ifndef COMPAT_GUARD_STATEMENT_H
#define COMPAT_GUARD_STATEMENT_H

#include "access/htup.h"
#include "nodes/parsenodes.h"
#include "verify/result/result.h"

/* ---- analyze.c ---- */

/* Report what keeps the current role from reading a relation it may use, such
 * as what a view's owner lacks; and what that hangs on. */
extern void check_readable(Oid relid, VerifyResult *result);

/*
 * The declared parameter types; the rest is inferred, and so is one whose name in
 * the contract no longer stands for a type, for it may have another name now.
 */
extern Oid *declared_params(const Requirement *req, int *nparams);

/* Parse analysis without the hooks: nothing that is not run should be counted. */
extern Query *analyze_statement(RawStmt *raw, const char *sql, Oid **paramtypes, int *nparams);

/* ---- resolve.c ---- */

/*
 * Resolve the relation a requirement names, before anything else is observed.  Returns its OID, or InvalidOid
 * after having reported relation-missing or privilege-lost: a relation the
 * role has no privilege on at all does not exist for it.  Keys are observed
 * either way.  The relation is not locked.
 */
extern Oid	resolve_relation(const Requirement *req, VerifyResult *result);

/* ---- resolved_name.c ---- */

/*
 * Add to a list what the names in a raw parse tree stand for that an analysed one
 * does not have: types.  Before the tree is analysed, which changes it.
 */
extern List *add_raw_resolved_names(List *resolved_names, Node *raw, VerifyResult *result);

/*
 * Add those of an analysed query: relations, collations, and objects in literals,
 * unless they are the server's; and calls of routines and operators, of the
 * server's only if with_servers, as in what is to be kept.
 */
extern List *add_resolved_names(List *resolved_names, Query *query, bool with_servers,
								VerifyResult *result);

/*
 * Can what went by one qualified name go by the other now?  Nothing of its class
 * goes by the old one any more; and a routine has only moved to another schema.
 */
extern bool object_is_renamed(const char *schema_was, const char *was,
							  const char *schema_is, const char *is);

/* ---- reference.c ---- */

/*
 * The requirement runs this routine: it depends on it and on its body, and the
 * role must be allowed to execute it.
 */
extern void check_routine(VerifyResult *result, Oid funcid);

/* Every name in a raw parse tree that a new object could take over. */
extern bool depend_on_mentioned_names(Node *node, VerifyResult *result);

/* Every name that a literal in it could be, should it be resolved as one. */
extern bool depend_on_literals(Node *node, VerifyResult *result);

/*
 * Every object a query tree refers to.  Raises ERRCODE_UNDEFINED_TABLE for a
 * temporary relation, and reports privilege-lost for functions.
 */
extern bool check_references(Node *node, VerifyResult *result);

/* The INSERTs of a rewritten query: see check_omitted_columns. */
extern bool check_inserts(Node *node, VerifyResult *result);

/* ---- permission.c ---- */

/*
 * A relation that somebody who reads the view as role may not read, after all: what
 * is below the view is read as the view's owner.  InvalidOid if there is none; *denied
 * is whom it is closed to.  What is below the view is added to the keys.
 */
extern Oid	closed_below_view(VerifyResult *result, Oid view, Oid role, Oid *denied);

/*
 * Has the current role the permissions that a rewritten query will be asked for
 * when it runs?  Reports privilege-lost for each relation it has not, and
 * query-broken for a materialized view without data.
 */
extern bool check_permissions(Node *node, VerifyResult *result);

/* ---- write.c ---- */

/* The requirement writes relid: the same for the functions of its triggers.
 * columns: attribute numbers that an UPDATE sets, or NULL for any. */
extern void check_write(VerifyResult *result, Oid relid, CmdType command,
						Bitmapset *columns);
extern void check_truncate(VerifyResult *result, Oid relid);

/* What a rewritten query writes: see check_write. */
extern bool check_writes(Node *node, VerifyResult *result);

/* What is written by the statements of a body, as rewritten. */
extern void check_body_writes(VerifyResult *result, List *queries);

/* ---- foreign_key.c ---- */

/* A row of pg_constraint. */
typedef struct ForeignKey
{
	Oid			relid;			/* that refers */
	int			ncolumns;
	AttrNumber	referencing[INDEX_MAX_KEYS];
	AttrNumber	referenced[INDEX_MAX_KEYS];
	int			nset;			/* ON DELETE SET ... (a, b); 0: all
								 * referencing */
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

/* ---- replica_identity.c ---- */

/*
 * Report if the server refuses UPDATE or DELETE of a table because it is published
 * without what would identify its rows.
 */
extern void check_replica_identity(VerifyResult *result, RuleId rule, char *expected, Oid relid,
								   bool with_children, CmdType command);

/* ---- arbiter.c ---- */

/* What the executor would refuse of a plan: reports query-broken. */
struct PlannedStmt;

extern void check_plan(const struct PlannedStmt *planned, VerifyResult *result);

/* ---- written.c ---- */

/*
 * Do the columns that a query as analysed writes take what it writes?  Reports
 * column-rejects-null, and remarks constraint-added and column-narrowed; adds to
 * the observation's baseline.
 */
extern void check_written_values(const Requirement *req, VerifyResult *result, Query *query);

/* Of a statement of a body, as rewritten, no more than column-rejects-null.  A tree
 * walker that returns false. */
extern bool check_written_nulls(Node *node, VerifyResult *result);

/* ---- constant.c ---- */

/* Constants that a query turns into values of a domain which refuses them: reports
 * query-broken.  A tree walker that returns false. */
extern bool check_domain_constants(Node *node, VerifyResult *result);

/*
 * An INSERT of no more than parameters, constants and defaults into a table: planning
 * would evaluate nothing and choose nothing, and so has nothing to say.
 */
extern bool needs_no_plan(Query *query);

/* ---- shape.c ---- */

typedef struct Shape Shape;

extern Shape *shape_of(Query *query, Oid *paramtypes, int nparams, VerifyResult *result);

/*
 * {"params": [type, ...], "columns": [[name, type], ...],
 *	"types": see baseline_type.c, "names" and "server_calls": see resolved_name.c,
 *	"param_schemas": [schema, ...], "collations": [name, ...]}
 *
 * The contract declares the types of the first ndeclared parameters: see meant_type.
 */
extern Jsonb *shape_to_json(const Shape *shape, List *resolved_names, int ndeclared);

/* A schema that a relation of the query was in, and that is gone; or NULL. */
extern char *shape_missing_schema(Jsonb *baseline);

/* Report query-parameter, query-result, query-result-grew, name-captured,
 * enum-label-added and column-collation. */
extern void shape_compare(VerifyResult *result, Jsonb *baseline, const Shape *is,
						  List *resolved_names);

/* ---- call.c ---- */

/* Has the role any of these rights on the sequence?  Reports privilege-lost
 * (verify_sequence.c). */
extern void check_sequence_privilege(VerifyResult *result, Oid sequence, AclMode rights);

#endif							/* COMPAT_GUARD_STATEMENT_H */
