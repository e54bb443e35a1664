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

/* Report what keeps the current role from reading a relation that it may use, such as
 * a privilege that a view's owner lacks.  Adds what the answer depends on. */
extern void check_readable(Oid relid, VerifyResult *result);

/* Return the declared parameter types.  InvalidOid, and inferred, is a type whose name
 * in the contract stands for nothing any more, because it may have another name now. */
extern Oid *declared_params(const Requirement *req, int *nparams);

/* Analyze a statement without the hooks that count statements: it is not run. */
extern Query *analyze_statement(RawStmt *raw, const char *sql, Oid **paramtypes, int *nparams);

/* ---- resolve.c ---- */

/*
 * Resolve the relation that a requirement names, before anything else is reported.
 * Returns InvalidOid after having reported relation-missing or privilege-lost: a
 * relation on which the role has no privilege at all does not exist for it.  Adds
 * dependencies either way.  The relation is not locked.
 */
extern Oid	resolve_relation(const Requirement *req, VerifyResult *result);

/* ---- resolved_name.c, name_class.c ---- */

/* Add to a list of ResolvedName * the types that a raw parse tree names: an analysed
 * one does not have their names.  To be called before analysis changes the tree. */
extern List *add_raw_resolved_names(List *resolved_names, Node *raw, VerifyResult *result);

/*
 * Add to a list of ResolvedName * the names of an analysed query: relations,
 * collations and objects in literals that are not the server's, and calls of routines
 * and operators.  with_servers: calls of the server's own, too, for a baseline.
 */
extern List *add_resolved_names(List *resolved_names, Query *query, bool with_servers,
								VerifyResult *result);

/* Can the object of one qualified name have the other name now?  It can if nothing of
 * its class has the old name any more, and then the result depends on that name.  A
 * routine can only have another schema. */
extern bool object_is_renamed(VerifyResult *result, const char *schema_was, const char *was,
							  const char *schema_is, const char *is);

/* ---- name_compare.c ---- */

/* Return a schema that had a relation of a query's baseline and is gone, or NULL. */
extern char *resolved_names_missing_schema(Jsonb *baseline);

/* ---- reference.c ---- */

/* Depend on a routine that the requirement runs, and on its body, and report
 * privilege-lost if the role may not execute it. */
extern void check_routine(VerifyResult *result, Oid funcid);

/* Depend on every name in a raw parse tree, which a new object could take over. */
extern bool depend_on_mentioned_names(Node *node, VerifyResult *result);

/* Depend on every name that a literal of a raw parse tree could be resolved as. */
extern bool depend_on_literals(Node *node, VerifyResult *result);

/* Depend on every object that a query tree refers to.  Reports privilege-lost for
 * functions, and raises ERRCODE_UNDEFINED_TABLE for a temporary relation. */
extern bool check_references(Node *node, VerifyResult *result);

/* Check each INSERT of a rewritten query with check_omitted_columns(). */
extern bool check_inserts(Node *node, VerifyResult *result);

/* ---- permission.c ---- */

/*
 * Return a relation below a view that the view's owner, or a role for whom the view is
 * read, may not read; or InvalidOid.  *denied is that role.  Depends on all that is
 * below the view.
 */
extern Oid	closed_below_view(VerifyResult *result, Oid view, Oid *denied);

/*
 * Has the current role the permissions that a rewritten query will be asked for
 * when it runs?  Reports privilege-lost for each relation it has not, and
 * query-broken for a materialized view without data.
 */
extern bool check_permissions(Node *node, VerifyResult *result);

/* ---- write.c ---- */

/* Check what a relation runs when the command writes it: the functions of its
 * triggers, what foreign keys do, and check_attached_functions().  columns: attribute
 * numbers that an UPDATE sets, or to which an INSERT may give a value that is not null,
 * offset as in RangeTblEntry; or NULL for any. */
extern void check_write(VerifyResult *result, Oid relid, CmdType command,
						Bitmapset *columns);

/* Check the triggers that TRUNCATE fires. */
extern void check_truncate(VerifyResult *result, Oid relid);

/* Check each relation that a rewritten query writes with check_write(). */
extern bool check_writes(Node *node, VerifyResult *result);

/* Check what the statements of a body, as rewritten, write. */
extern void check_body_writes(VerifyResult *result, List *queries);

/* ---- foreign_key.c ---- */

/* A foreign key, from its row of pg_constraint. */
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

/* Read a foreign key from its row of pg_constraint. */
extern void read_foreign_key(HeapTuple tup, ForeignKey *key);

/*
 * Return a column that refuses what the action of a key writes into it, because it is
 * not null or GENERATED ALWAYS; or InvalidAttrNumber.  action: one of FKCONSTR_ACTION_;
 * command: CMD_DELETE or CMD_UPDATE of the row that is referred to.  *always: the
 * command fails even if no row refers to that row.
 */
extern AttrNumber key_action_refused(const ForeignKey *key, char action, CmdType command,
									 bool *always);

/* ---- replica_identity.c ---- */

/* Report if the server refuses UPDATE or DELETE of a table because it is published
 * without what would identify its rows. */
extern void check_replica_identity(VerifyResult *result, RuleId rule, char *expected, Oid relid,
								   bool with_children, CmdType command);

/* ---- arbiter.c ---- */

struct PlannedStmt;

/* Report query-broken for what the executor would refuse of a plan. */
extern void check_plan(const struct PlannedStmt *planned, VerifyResult *result);

/* ---- written.c ---- */

/*
 * Check whether columns take what an analysed query writes.  Reports
 * column-rejects-null, and as remarks constraint-added and column-narrowed; adds to
 * the baseline.
 */
extern void check_written_values(const Requirement *req, VerifyResult *result, Query *query);

/* Report column-rejects-null for the columns that a rewritten statement of a body
 * writes.  A tree walker that returns false. */
extern bool check_written_nulls(Node *node, VerifyResult *result);

/* ---- made_type.c ---- */

/* Add a type of which values are made: the constraints of the domains that it is made of
 * matter.  The others add those of which a node of a query tree makes values; the last is
 * a tree walker that returns false. */
extern void add_made_type(VerifyResult *result, Oid type);
extern void add_types_made_by(VerifyResult *result, Node *node);
extern bool add_types_made(Node *node, VerifyResult *result);

/* ---- constant.c ---- */

/* Report query-broken for constants of a query that a domain refuses.  A tree walker
 * that returns false. */
extern bool check_domain_constants(Node *node, VerifyResult *result);

/* Is the query an INSERT of no more than parameters, constants and defaults into a
 * table?  Planning it would evaluate nothing and choose nothing. */
extern bool needs_no_plan(Query *query);

/* ---- shape.c ---- */

/* What a client sees of a query besides its rows. */
typedef struct Shape Shape;

/* Return the shape of an analysed query. */
extern Shape *shape_of(Query *query, Oid *paramtypes, int nparams, VerifyResult *result);

/*
 * Return a baseline of a shape and the names of its query:
 * {"params": [type, ...], "columns": [[name, type], ...],
 *	"types": see baseline_type.c, "names" and "server_calls": see name_compare.c,
 *	"param_schemas": [schema, ...], "collations": [name, ...]}
 *
 * The contract declares the types of the first ndeclared parameters: see meant_type.
 */
extern Jsonb *shape_to_json(const Shape *shape, List *resolved_names, int ndeclared);

/* Report query-parameter, query-result, query-result-grew, name-captured,
 * enum-label-added and column-collation. */
extern void shape_compare(VerifyResult *result, Jsonb *baseline, const Shape *is,
						  List *resolved_names);

/* ---- call.c ---- */

/* Report privilege-lost if the role has none of these rights on the sequence. */
extern void check_sequence_privilege(VerifyResult *result, Oid sequence, AclMode rights);

#endif							/* COMPAT_GUARD_STATEMENT_H */
