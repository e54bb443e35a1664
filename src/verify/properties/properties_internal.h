/*
 * properties_internal.h
 *		What the files of properties/ share and nobody else uses.
 */
#ifndef COMPAT_GUARD_PROPERTIES_INTERNAL_H
#define COMPAT_GUARD_PROPERTIES_INTERNAL_H

#include "utils/rel.h"
#include "verify/properties/properties.h"

/* ---- violation.c ---- */

/*
 * Of a table: CHECK, FOREIGN KEY or, on PostgreSQL 18, NOT NULL; usually one
 * that is NOT VALID, since VALIDATE has answered it for any other.
 *
 * Both are for the verifiers: they need an active snapshot, leave neither locks
 * nor settings, raise ERRCODE_LOCK_NOT_AVAILABLE as conditional_lock_mentions does and
 * what error_is_no_answer, and allocate in CurrentMemoryContext.
 */
extern Violations constraint_violations(Oid constraint);

/* CHECK or NOT NULL of a domain, by a column of that domain, or of one over it. */
extern Violations domain_violations(Oid constraint, Oid relid, AttrNumber attnum);

/* ---- violation_scan.c ---- */

/* Counting stops here. */
#define MAX_VIOLATIONS	1000

/* A question about the rows of a table, and its answer. */
typedef struct ViolationScan
{
	/* The question */
	Oid			constraint;
	Oid			relid;			/* the table */
	AttrNumber	attnum;			/* of a domain; else InvalidAttrNumber */
	MemoryContext context;		/* for the answer */
	bool		show_keys;

	/*
	 * as a query: SELECT keys FROM each part of relid AS t join WHERE
	 * condition
	 */
	Oid			owner;			/* of relid */
	char	   *join;
	char	   *condition;
	bool		children;		/* ask them, too */
	bool		detoasts;		/* the condition reads more than the main fork */
	uint64		limit;			/* bytes to read */

	/* and what was found. */
	Violations	violations;
	bool		part_only;		/* some rows were not read */
} ViolationScan;

/* Return the quoted name of a column, with the alias before it; of a table, with its schema. */
extern char *violation_column(const char *alias, Oid relid, AttrNumber attnum);
extern char *violation_relation(Oid relid);

/*
 * Become the owner of the table, security-restricted and with fixed settings, until the
 * end of the subtransaction; find out whether keys may be shown.
 */
extern void violation_enter_owner(ViolationScan *scan);

/*
 * Does code that belongs to the owner of this table get no rights by running as the owner
 * of the scan's table, and does the latter see every row of it?
 */
extern bool violation_may_read(const ViolationScan *scan, Oid relid);

/* Return the size of a relation in bytes, its main fork alone or with its TOAST table. */
extern uint64 violation_bytes_of(Relation rel, bool with_toast);

/*
 * Return a relation, which is locked, and its partitions or children, which get locked.  As
 * large tables are not read whole, not all of them are locked if they are many, but the
 * oldest and the newest: then *all is false.
 */
extern List *violation_lock_parts(Oid relid, bool *all);

/* Count the rows that the question asks for, in so much as the limit allows to read. */
extern void violation_read(ViolationScan *scan);

/* Show the first rows that SPI has just found, in the scan's memory context. */
extern char *violation_sample(const ViolationScan *scan, Relation rel, const char *label);

/* ---- usage.c ---- */

#define USAGE_WRITES		(USAGE_INSERT | USAGE_UPDATE | USAGE_DELETE | USAGE_TRUNCATE)
#define USAGE_ALL			(USAGE_SELECT | USAGE_WRITES)

/* ---- property_list.c ---- */

typedef enum PropertyKind
{
	PROPERTY_CONSTRAINT,		/* CHECK, UNIQUE, EXCLUDE, FOREIGN KEY, and
								 * NOT NULL that is not validated */
	PROPERTY_REFERENCED,		/* a foreign key that refers to the relation */
	PROPERTY_DISABLED_KEY,		/* a foreign key whose triggers are disabled */
	PROPERTY_DOMAIN,			/* a constraint of a column's domain */
	PROPERTY_TRIGGER,
	PROPERTY_DISABLED_TRIGGER,
	PROPERTY_RULE,
	PROPERTY_ROW_SECURITY,		/* that it is in force, and each policy */
	PROPERTY_VIEW,
	PROPERTY_DEFAULT,
	PROPERTY_KINDS
} PropertyKind;

typedef struct Property
{
	PropertyKind kind;
	int			commands;		/* that it bears on */
	Bitmapset  *columns;		/* that it is about; NULL: perhaps any */
	char	   *definition;
	int			topic;			/* length of the part of the definition that
								 * says what it is about; what follows says
								 * how it is */
	char	   *shown;			/* the same for people; NULL: no other */
	char	   *label;			/* "constraint users_email_check on
								 * public.users" */
	Oid			relid;
	Oid			objid;
	char	   *name;
	char		contype;		/* of constraints, as in pg_constraint */
	bool		validated;
	bool		inherited;		/* by a partition or child: the parent has it
								 * too */
	bool		nulls_collide;	/* of UNIQUE: NULLS NOT DISTINCT */
	bool		restricts;		/* of PROPERTY_REFERENCED: takes nothing along */
	Node	   *check;
	Oid			other;			/* the relation at the other end of a foreign
								 * key */
	Violations *violations;		/* NULL: not asked for yet */
} Property;

/* A relation and its properties, as one role finds them. */
typedef struct RelationInfo
{
	struct
	{
		Oid			relid;
		Oid			role;
		uint32		writes;		/* is it known what matters to those who
								 * write? */
	}			key;			/* must be first.  With InvalidOid for the
								 * role relid is a type, see type_info */
	char		relkind;
	List	   *properties;		/* of Property * */
	int			instead;		/* commands that a trigger or rule does itself */
	List	   *domains;		/* of Oid: types whose constraints are among
								 * the properties */

	/* of a view */
	Oid			inner_role;		/* whose rights count below it; InvalidOid:
								 * those of the current user */
	List	   *reads;			/* of Oid: relations it reads from */
	Oid			below;			/* what is written through it; InvalidOid:
								 * nothing */
	AttrNumber *columns;		/* of below, by columns of the view from [0] */
	int			ncolumns;
} RelationInfo;

extern Property *add_property(RelationInfo *rel, PropertyKind kind, int commands, char *definition,
							  const char *what, const char *name);

/* ---- property_constraint.c ---- */

extern void collect_constraints(RelationInfo *rel);
extern void collect_reference(RelationInfo *rel, Oid constraint);
extern void collect_disabled_key(RelationInfo *rel, Oid constraint);

/* ---- property_trigger.c ---- */

extern void collect_triggers(RelationInfo *rel);

/* ---- property_policy.c ---- */

extern void collect_row_security(RelationInfo *rel);

/* ---- property_view.c ---- */

extern void collect_rules(RelationInfo *rel);
extern void collect_view(RelationInfo *rel);

/* ---- property_default.c ---- */

extern void collect_defaults(RelationInfo *rel);

/* Collect what the domains ask for that a type is made of: of a column, or of no
 * relation at all (InvalidAttrNumber). */
extern void collect_domains(RelationInfo *rel, AttrNumber attnum, Oid type);

/* ---- property_relevance.c ---- */

/* Can it make a difference to what a version does so to the relation? */
extern bool property_matters(const Property *property, const RelationUsage *use);

/* ---- property_definition.c ---- */

/* Does the text say what the property says, or more: perhaps before columns or objects
 * were renamed?  The result then depends on the names they had. */
extern bool definition_is(VerifyResult *result, const Property *property, const char *text);

/* An expression on a relation's columns (InvalidOid: none), as text.  To be
 * called between definition_path and AtEOXact_GUC(false, ...). */
extern char *deparse(Node *expr, Oid relid);

/* What a function of the server's, such as pg_get_triggerdef, says of an object
 * of a relation, under the same settings; NULL if the object is gone. */
extern char *server_definition(PGFunction function, Oid objid, Oid relid);
extern int	definition_path(void);

/*
 * Return two digests of a view's or rule's queries: one of the tree, which stays the
 * same if something they refer to is renamed, and one of what function prints, which
 * stays the same after a restore.  Locks what they refer to.
 */
extern char *query_digests(List *queries, PGFunction function, Oid objid, Oid relid,
						   const char *options);

/* ---- property.c ---- */

/* A property, and what the version does to its relation. */
typedef struct UsedProperty
{
	Property   *property;
	RelationUsage use;
	int			relation;		/* which of those that the requirement uses
								 * itself it was come to from */
} UsedProperty;

/* To be filled by property.c and read by property_compare.c. */
struct PropertyCheck
{
	const Requirement *req;
	VerifyResult *result;
	int			nrelations;		/* that the requirement uses itself, each time
								 * that it does */
	List	   *used_properties;	/* of UsedProperty * */
	List	   *seen;			/* of SeenRelation * */
	List	   *columns;		/* of char *: see property_check_columns */
};

/* Add what the domains ask for of which the statement makes values, see made_type.c. */
extern void property_check_add_made_types(PropertyCheck *check);

/* Return what the baseline has under the name, of all relations: a list of char *. */
extern List *properties_before(const PropertyCheck *check, const char *member);
extern bool property_check_has(const PropertyCheck *check, Oid relid, int commands);

/* Report a problem, once for each rule and subject; NULL if it is not news. */
extern Problem *property_check_report(PropertyCheck *check, RuleId rule,
									  RequirementState state, const Property *property,
									  const char *subject, char *expected, char *found);

/* ---- constraint_added.c ---- */

/*
 * Of a constraint that is new: report constraint-added, domain-tightened or
 * constraint-not-valid-trap, with the rows that violate it if it is not
 * validated.  (constraint_added.c)
 */
extern void report_added(PropertyCheck *check, Property *property, const RelationUsage *use);

#endif							/* COMPAT_GUARD_PROPERTIES_INTERNAL_H */
