/*
 * query.h
 *		The parts of verifying a query.
 */
#ifndef COMPAT_GUARD_QUERY_H
#define COMPAT_GUARD_QUERY_H

#include "nodes/parsenodes.h"
#include "verify/verify.h"

/* ---- reference.c: tree walkers, all return false ---- */

/* Every name in a raw parse tree that a new object could take over. */
extern bool observe_mentions(Node *node, Observation *obs);

/* Every name that a literal in it could be, should it be resolved as one. */
extern bool observe_literals(Node *node, Observation *obs);

/*
 * Every object a query tree refers to.  Raises ERRCODE_UNDEFINED_TABLE for a
 * temporary relation, and reports privilege-lost for functions.
 */
extern bool observe_references(Node *node, Observation *obs);

/* The INSERTs of a rewritten query: see observe_insert. */
extern bool observe_all_inserts(Node *node, Observation *obs);

/* ---- query.c ---- */

/*
 * Would this statement, which the contract says in other words, run?  Its
 * parameters are of whatever types they need be.  Errors go on as those of
 * verify_query do.
 */
extern void verify_text(const Requirement *req, Observation *obs, const char *sql);

/* Report what keeps the current role from reading a relation it may use, such
 * as what a view's owner lacks; and what that hangs on. */
extern void observe_reading(Oid relid, Observation *obs);

/* ---- use.c ---- */

/*
 * What a query does to each relation, with the surroundings of that.  Both are
 * tree walkers that return false.  Of a rewritten query only what rules write
 * is news.
 */
struct Surroundings;
extern bool add_uses(Node *node, struct Surroundings *around);
extern bool add_uses_of_rules(Node *node, struct Surroundings *around);

/* ---- body.c: a tree walker that returns false ---- */

/* What a rewritten query writes: see observe_write. */
extern bool observe_all_writes(Node *node, Observation *obs);

/* ---- permission.c ---- */

/*
 * Has the current role the permissions that a rewritten query will be asked for
 * when it runs?  Reports privilege-lost for each relation it has not, and
 * query-broken for a materialized view without data.
 */
extern bool observe_permissions(Node *node, Observation *obs);

/* ---- call.c ---- */

/* What one node of an expression takes to run: rights on sequences, the functions
 * of aggregates and domains.  No walker: part of observe_permissions. */
extern void observe_call(Node *node, Observation *obs);

/* ---- write.c ---- */

/* What the executor would refuse of a plan: reports query-broken. */
struct PlannedStmt;
extern void observe_plan(const struct PlannedStmt *planned, Observation *obs);

/* ---- written.c ---- */

/*
 * Do the columns that a query as analysed writes take what it writes?  Reports
 * column-rejects-null, and remarks constraint-added and column-narrowed; adds to
 * the observation's baseline.
 */
extern void observe_written(const Requirement *req, Observation *obs, Query *query);

/* Of a statement of a body, as rewritten, no more than column-rejects-null.  A tree
 * walker that returns false. */
extern bool observe_written_nulls(Node *node, Observation *obs);

/* ---- constant.c ---- */

/* Constants that a query turns into values of a domain which refuses them: reports
 * query-broken.  A tree walker that returns false. */
extern bool observe_domain_constants(Node *node, Observation *obs);

/*
 * An INSERT of no more than parameters, constants and defaults into a table: planning
 * would evaluate nothing and choose nothing, and so has nothing to say.
 */
extern bool needs_no_plan(Query *query);

/* ---- trylock.c ---- */

/* What a statement becomes when views are put in; {NIL, 0} to begin with. */
typedef struct Expansion
{
	List	   *views;			/* private to trylock.c */
	int			relations;		/* how many it reads */
} Expansion;

/*
 * Lock every relation a raw parse tree mentions and those below views, until
 * the end of the subtransaction.  Raises ERRCODE_LOCK_NOT_AVAILABLE at the first
 * that is not to be had at once, and ERRCODE_STATEMENT_TOO_COMPLEX where rewriting
 * would take for ever.  A tree walker that returns false.
 */
extern bool try_lock_mentions(Node *node, Expansion *expansion);

/* Lock a relation to read it, and what is below a view, or raise the same.  Its partitions
 * and children are not locked: nothing that is planned reads them, see childless.c. */
extern void try_lock_relation(Oid relid);

/* The same as try_lock_mentions of a query that is analysed, such as one that is stored. */
extern void try_lock_query(Query *query);

/* Lock a relation to read no more than it or its description, or raise the same. */
extern void try_lock_description(Oid relid);

/* Have we any lock on it? */
extern bool try_lock_is_held(Oid relid);

/* Did it fail since the reset?  Lock what it failed on, and remember that. */
extern void try_lock_reset(void);
/* How many relations were locked since. */
extern int	try_lock_count(void);
extern bool try_lock_failed(void);
extern void try_lock_wait(WaitedFor *waited_for);

/* ---- shape.c ---- */

typedef struct Shape Shape;

extern Shape *shape_of(Query *query, Oid *paramtypes, int nparams, Observation *obs);

/*
 * {"params": [type, ...], "columns": [[name, type], ...],
 *	"types": see kept_type.h, "names" and "server_calls": see meaning.h,
 *	"param_schemas": [schema, ...], "collations": [name, ...]}
 *
 * The contract declares the types of the first ndeclared parameters: see meant_type.
 */
extern Jsonb *shape_to_json(const Shape *shape, List *meanings, int ndeclared);

/* A schema that a relation of the query was in, and that is gone; or NULL. */
extern char *shape_missing_schema(Jsonb *baseline);

/* Report query-parameter, query-result, query-result-grew, name-captured,
 * enum-label-added and column-collation. */
extern void shape_compare(Observation *obs, Jsonb *baseline, const Shape *is,
						  List *meanings);

#endif							/* COMPAT_GUARD_QUERY_H */
