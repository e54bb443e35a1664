/*
 * surroundings.h
 *		What stands around a relation that a version writes or reads.
 *
 * Constraints, triggers, rules, policies, defaults: what decides, beside the
 * columns, whether a statement works and what it does.  What is found when a
 * requirement is first met is part of its baseline; what is there later and was
 * not then is a remark.
 *
 * Everything is compared by definition, over all relations of a requirement
 * taken together.  So another name of a constraint is none of its business, nor
 * is a view that takes the place of a table that moved below it.
 */
#ifndef COMPAT_GUARD_SURROUNDINGS_H
#define COMPAT_GUARD_SURROUNDINGS_H

#include "access/htup.h"
#include "fmgr.h"
#include "nodes/bitmapset.h"
#include "utils/relcache.h"
#include "verify/evidence.h"
#include "verify/verify.h"

/* ---- what is done to a relation ---- */

#define USE_SELECT		(1 << 0)
#define USE_INSERT		(1 << 1)
#define USE_UPDATE		(1 << 2)
#define USE_DELETE		(1 << 3)
#define USE_TRUNCATE	(1 << 4)
#define USE_WRITES		(USE_INSERT | USE_UPDATE | USE_DELETE | USE_TRUNCATE)
#define USE_ALL			(USE_SELECT | USE_WRITES)

typedef struct RelationUse
{
	int			commands;
	Bitmapset  *inserted;		/* attribute numbers: given a value by INSERT, */
	Bitmapset  *updated;		/* and by UPDATE */
	bool		guessed;		/* these are the columns it could give a value */
} RelationUse;

/* ---- what there is (fact_*.c) ---- */

typedef enum FactKind
{
	FACT_CONSTRAINT,			/* CHECK, UNIQUE, EXCLUDE, FOREIGN KEY, and NOT
								 * NULL that is not validated */
	FACT_REFERENCED,			/* a foreign key that refers to the relation */
	FACT_DISABLED_KEY,			/* a foreign key whose triggers are disabled */
	FACT_DOMAIN,				/* a constraint of a column's domain */
	FACT_TRIGGER,
	FACT_DISABLED_TRIGGER,
	FACT_RULE,
	FACT_ROW_SECURITY,			/* that it is in force, and each policy */
	FACT_VIEW,
	FACT_DEFAULT,
	FACT_KINDS
} FactKind;

typedef struct Fact
{
	FactKind	kind;
	int			commands;		/* that it bears on */
	Bitmapset  *columns;		/* that it is about; NULL: perhaps any */
	char	   *definition;
	int			topic;			/* length of the part of the definition that says
								 * what it is about; what follows says how it is */
	char	   *shown;			/* the same for people; NULL: no other */
	char	   *label;			/* "constraint users_email_check on public.users" */
	Oid			relid;
	Oid			objid;
	char	   *name;
	char		contype;		/* of constraints, as in pg_constraint */
	bool		validated;
	bool		inherited;		/* by a partition or child: the parent has it too */
	bool		nulls_collide;	/* of UNIQUE: NULLS NOT DISTINCT */
	bool		restricts;		/* of FACT_REFERENCED: takes nothing along */
	Node	   *check;
	Oid			other;			/* the relation at the other end of a foreign key */
	Evidence   *evidence;		/* NULL: not asked for yet */
} Fact;

/* What is known of one relation, to one role. */
typedef struct RelationFacts
{
	struct
	{
		Oid			relid;
		Oid			role;
		uint32		writes;		/* is it known what matters to those who write? */
	}			key;			/* must be first */
	char		relkind;
	List	   *facts;			/* of Fact * */
	int			instead;		/* commands that a trigger or rule does itself */
	List	   *domains;		/* of Oid: types whose constraints are among the facts */

	/* of a view */
	Oid			inner_role;		/* whose rights count below it */
	List	   *reads;			/* of Oid: relations it reads from */
	Oid			below;			/* what is written through it; InvalidOid: nothing */
	AttrNumber *columns;		/* of below, by columns of the view from [0] */
	int			ncolumns;
} RelationFacts;

extern void collect_constraints(RelationFacts *rel);
extern void collect_reference(RelationFacts *rel, Oid constraint);
extern void collect_disabled_key(RelationFacts *rel, Oid constraint);
extern void collect_triggers(RelationFacts *rel);
extern void collect_rules(RelationFacts *rel);
extern void collect_row_security(RelationFacts *rel);
extern void collect_view(RelationFacts *rel);
extern void collect_defaults(RelationFacts *rel);

/* An expression in a row of a catalog; NULL if it has none. */
extern Node *fact_node(Relation catalog, HeapTuple tup, AttrNumber attnum);

/* A column's name, quoted as needed. */
extern char *fact_column_label(Oid relid, AttrNumber attnum);

/* What a column has for a default; NULL if it has none. */
extern Node *default_expression(Oid relid, AttrNumber attnum);

extern Fact *add_fact(RelationFacts *rel, FactKind kind, int commands, char *definition,
					  const char *what, const char *name);

/* ---- does it matter? (bearing.c) ---- */

/* Can it make a difference to what a version does so to the relation? */
extern bool fact_bears_on(const Fact *fact, const RelationUse *use);

/* ---- definitions (definition.c) ---- */

/* Does the text say what the fact says, or more: perhaps before columns or tables
 * were renamed? */
extern bool definition_is(const Fact *fact, const char *text);

/* An expression on a relation's columns (InvalidOid: none), as text.  To be
 * called between definition_path and AtEOXact_GUC(false, ...). */
extern char *deparse(Node *expr, Oid relid);

/* What a function of the server's, such as pg_get_triggerdef, says of an object
 * of a relation, under the same settings; NULL if the object is gone. */
extern char *server_definition(PGFunction function, Oid objid, Oid relid);

extern int	definition_path(void);

/*
 * Two digests of a view's or rule's queries: one that stays the same if
 * something they refer to is renamed, and one, of what function prints, that
 * stays the same after a restore.  Locks what they refer to.
 */
extern char *query_digests(List *queries, PGFunction function, Oid objid, Oid relid,
						   const char *options);

/* ---- the requirement (surroundings.c, change.c) ---- */

/* A fact, and what the version does to its relation. */
typedef struct Circumstance
{
	Fact	   *fact;
	RelationUse use;
} Circumstance;

/* To be filled by surroundings.c and read by change.c. */
typedef struct Surroundings
{
	const Requirement *req;
	Observation *obs;
	Jsonb	   *before;			/* NULL: nothing to compare with, or nothing then */
	List	   *circumstances;	/* of Circumstance * */
	List	   *seen;			/* of SeenRelation * */
	List	   *columns;		/* of char *: see surroundings_columns */
} Surroundings;

extern Surroundings *surroundings_begin(const Requirement *req, Observation *obs);

/* Every column of a relation that the version can know of: those it had at
 * registration. */
extern Bitmapset *surroundings_columns(Surroundings *around, Oid relid);

/*
 * Of a constraint that is new: report constraint-added, domain-tightened or
 * constraint-not-valid-trap, with the rows that violate it if it is not
 * validated.  (added.c)
 */
extern void report_added(Surroundings *around, Fact *fact, const RelationUse *use);

/* Report a problem, once for each rule and subject; NULL if it is not news. */
extern Problem *surroundings_report(Surroundings *around, RuleId rule,
									RequirementState state, const Fact *fact,
									const char *subject, char *expected, char *found);

extern void surroundings_add(Surroundings *around, Oid relid, const RelationUse *use);
extern bool surroundings_has(const Surroundings *around, Oid relid, int commands);

/* Compare with the baseline, and add to the one in the observation. */
extern void surroundings_end(Surroundings *around);

/* Begin and end the cache of what is known of relations, which lives as long as the verification. */
extern void surroundings_cache_begin(void);
extern void surroundings_cache_end(void);

#endif							/* COMPAT_GUARD_SURROUNDINGS_H */
