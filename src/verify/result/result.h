/*
 * result.h
 *		What a requirement is found to be: problems, dependencies and a baseline.
 */
#ifndef COMPAT_GUARD_RESULT_H
#define COMPAT_GUARD_RESULT_H

#include "base/object.h"
#include "base/rule.h"
#include "base/text_list.h"
#include "contract/contract.h"

/* ---- result.c ---- */

typedef enum RequirementState
{
	STATE_MET,
	STATE_UNKNOWN,				/* cannot be decided; never
								 * assumes_all_columns */
	STATE_UNMET
} RequirementState;

/* Something the verifier noticed about one requirement. */
typedef struct Problem
{
	RuleId		rule;
	RequirementState state;		/* what it makes of the requirement; STATE_MET
								 * for a remark that leaves it met */
	char	   *expected;		/* for people; never NULL */
	char	   *found;			/* ditto */
	const char *sqlstate;		/* the server's own error, for queries; or
								 * NULL */
	char	   *message;		/* ditto */
	const char *subject;		/* what it is about where several requirements
								 * of a version notice the same: said once for
								 * each rule and subject; or NULL */
	const char *advice;			/* the safe way, if it is not the rule's; a
								 * constant, or NULL */
	bool		proven;			/* rows or sessions prove the harm: see Rule */
	char	   *role;			/* who lacks a privilege, where it is not the
								 * contract's role; or NULL */
	bool		by_expected;	/* "found" has a name or a number of rows, and
								 * what these are does not make it another
								 * problem */
	bool		out_of_time;	/* it says no more than that there was no time
								 * left */
	bool		no_relation;	/* the relation the requirement is about
								 * cannot be used at all */
	char	   *schema;			/* the object, for the error's fields; or NULL */
	char	   *relation;
	char	   *column;
	char	   *constraint;
} Problem;

/* The answer for one requirement. */
typedef struct VerifyResult
{
	RequirementState state;		/* the worst of the problems */
	List	   *problems;		/* of Problem * */
	List	   *keys;			/* of ObjectName *, without duplicates: where
								 * to look again when something appears,
								 * changes or goes */
	List	   *runs;			/* of RunRoutine *: for body.c */
	Jsonb	   *baseline;		/* to compare with later; NULL if the kind has
								 * none or the requirement has one */
	List	   *parts;			/* of Oid, in pairs: to be stored, see
								 * KnownPartitions */
	bool		planning;		/* a query is being planned */
} VerifyResult;

/*
 * Append a problem and let it worsen the observation's state.  expected and
 * found are for people and complete ("type character varying(20)", "integer").
 * relid and attname fill the error's fields; InvalidOid and NULL leave them.
 */
extern Problem *result_add_problem(VerifyResult *result, RuleId rule,
								   RequirementState state,
								   char *expected, char *found,
								   Oid relid, const char *attname);

/* Was privilege-lost reported? */
extern bool result_is_denied(const VerifyResult *result);

/*
 * Report that a role, the current one or a view's owner, lacks what it needs on
 * a relation or a column of it: role NAME to DO NAME.
 */
extern Problem *report_lost_privilege(VerifyResult *result, Oid relid, const char *attname,
									  Oid role, const char *what, char *found);

/* A remark for a label that those who read the type do not know yet. */
extern void report_added_labels(VerifyResult *result, Oid type, List *known);
extern VerifyResult *result_copy(const VerifyResult *result);
extern const char *state_name(RequirementState state);
extern bool state_by_name(const char *name, RequirementState *state);

/* ---- dependency.c ---- */

/* A body, for a trigger's function as run for a relation: no padding. */
typedef struct BodyKey
{
	Oid			routine;
	Oid			relid;			/* InvalidOid: not by a trigger */
} BodyKey;

/* A routine that a requirement runs. */
typedef struct RunRoutine
{
	BodyKey		key;
	char	   *oldtable;		/* transition tables of the trigger, or NULL */
	char	   *newtable;
} RunRoutine;

/* What a simple view is a view of, and what that is, is part of the answer. */
extern void depend_on_view_base(VerifyResult *result, Oid relid);

/* A type that the contract names may be dropped, or created. */
extern void depend_on_type_name(VerifyResult *result, const char *name);

/* The same of a name that has been looked up. */
extern void depend_on_named_type(VerifyResult *result, const char *name, Oid type);

/* A column's type is part of the answer: a domain may get constraints, an enum
 * labels.  The built-in ones do not change. */
extern void depend_on_type(VerifyResult *result, Oid type);
extern void depend_on_body(VerifyResult *result, const RunRoutine *run);

/* The requirement depends on whatever this name means: one key for each schema
 * of the search path, or for the one schema it is qualified with. */
extern void depend_on_name(VerifyResult *result, Oid classid,
						   const char *schema, const char *name);

/* The requirement depends on this object, as found. */
extern void depend_on_object(VerifyResult *result, Oid classid, Oid objid);

/* The requirement uses this column.  Nothing is looked up by columns; it is for
 * telling which are not needed any more. */
extern void depend_on_column(VerifyResult *result, Oid relid, const char *attname);

/* Append copies of keys. */
extern void append_object_names(List **kept, List *keys);

/* The keys, and a copy of all that was observed, in CurrentMemoryContext. */
extern void result_add_dependencies(VerifyResult *result, List *keys);

/* The same of a function that the server calls without asking for rights. */
extern void depend_on_support_routine(VerifyResult *result, Oid funcid);

/* ---- baseline.c ---- */

typedef struct BaselineMember
{
	const char *name;
	const char *text;			/* NULL: leave the member out, unless ... */
	bool		is_list;
	List	   *list;			/* of char * */
	const char *json;			/* the value as it is; or NULL */
} BaselineMember;

extern Jsonb *baseline_of(const BaselineMember *members, int nmembers);

/* The same and one member more; baseline may be NULL. */
extern Jsonb *baseline_with(Jsonb *baseline, const BaselineMember *member);

/* Members of a requirement's baseline; NULL or NIL: absent, or no baseline. */
extern char *baseline_text(const Requirement *req, const char *member);
extern List *baseline_list(const Requirement *req, const char *member);
extern bool baseline_has(const Requirement *req, const char *member);

/* The strings of an array, or of an array of arrays, flat; NIL for NULL. */
extern List *json_strings(JsonbValue *array);

/* Is any of them not empty? */
extern bool list_has_text(List *list);

/* ---- baseline_type.c ---- */

typedef enum TypeMatch
{
	TYPE_OTHER,
	TYPE_GREW,					/* a row that has more columns at its end */
	TYPE_SAME
} TypeMatch;

/* A kept name without its modifier. */
extern char *baseline_type_bare(const char *name);

/* A kept name for people: as short as the search path allows. */
extern char *baseline_type_label(const char *name);

/*
 * Add what the type is, and those it is made of, to a list of BaselineType *, which
 * the baseline has as its member "types".  The server's own are left out.
 */
extern List *baseline_add_type(List *kept, Oid type);
extern BaselineMember baseline_types_member(List *kept);
extern List *baseline_types(Jsonb *baseline);

/*
 * Depend on the names of a baseline's types.  A type that was renamed is known by what
 * it is made of, unless another one has taken its name.
 */
extern void depend_on_baseline_types(VerifyResult *result, Jsonb *baseline);


/*
 * Is a type, to a client, the one that was kept under the name?  Modifiers are no
 * part of the answer.
 *
 * The same are: domains and the types they are over; text and character
 * varying; rows of the same columns, whatever they are called; and of other
 * types that of the old name, if it is of the same kind, or the one that the old
 * type was renamed to: it has the labels, or is made as that was, and what goes
 * by the old name now, if anything, has or is not.
 */
extern TypeMatch baseline_type_match(List *kept, const char *name, Oid type);

/* The same of two types that there are. */
extern TypeMatch type_match(Oid was, Oid is);

/* The labels of the enum below an array that a kept name is of; NIL if there is none. */
extern List *baseline_type_labels(List *kept, const char *name);

/*
 * How to call the type that was kept, and the one that there is now, where they
 * are not the same: with what they are if both go by one name.
 */
extern void baseline_type_contrast(List *kept, const char *name, Oid type,
								   char **was, char **is);

/* ---- unresolved.c ---- */

/* Has the schema, which may be closed to the role, an object of this name? */
typedef bool (*NameInSchema) (Oid schema, const char *name);

extern Problem *report_missing_schema(VerifyResult *result, const char *schema);

/*
 * Report why the name, given with a schema or NULL, stands for nothing: as
 * schema-missing, privilege-lost or by the rule given.  what: "relation"; label:
 * the name as the contract has it.
 */
extern Problem *report_unresolved(const Requirement *req, VerifyResult *result, RuleId rule,
								  const char *what, const char *label,
								  const char *schema, const char *name,
								  NameInSchema in_schema);

/*
 * Report name-captured if the name meant an object in another schema when the
 * requirement was first met, and that one is still there.  If it is gone, it was
 * moved and is found through the search path: that is fine, and NULL.
 */
extern Problem *check_name_captured(const Requirement *req, VerifyResult *result,
									const char *name, const char *schema,
									NameInSchema in_schema);

#endif							/* COMPAT_GUARD_RESULT_H */
