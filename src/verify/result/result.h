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

/* The answer, from best to worst. */
typedef enum RequirementState
{
	STATE_MET,
	STATE_UNKNOWN,				/* cannot be decided, and is never guessed */
	STATE_UNMET
} RequirementState;

/* Something the verifier noticed about one requirement. */
typedef struct Problem
{
	RuleId		rule;
	RequirementState state;		/* what it makes of the requirement; STATE_MET
								 * for a remark that leaves it met */
	char	   *expected;		/* for people; never NULL */
	char	   *found;			/* for people; never NULL */
	const char *sqlstate;		/* the server's own error, for queries; or
								 * NULL */
	char	   *message;		/* of the server's own error; or NULL */
	const char *subject;		/* what it is about where several requirements
								 * of a version notice the same: said once for
								 * each rule and subject; or NULL */
	const char *advice;			/* the safe way, if it is not the rule's; a
								 * constant, or NULL */
	bool		proven;			/* rows or sessions prove the harm: see Rule */
	char	   *role;			/* who lacks a privilege, where it is not the
								 * contract's role; or NULL */
	bool		by_expected;	/* two problems of equal "expected" are one,
								 * whatever name or number "found" has */
	bool		out_of_time;	/* there was no time left to verify */
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
	List	   *made_types;		/* of Oid: of which it makes values of its own */
	Jsonb	   *baseline;		/* to compare with later; NULL if the kind has
								 * none or the requirement has one */
	List	   *properties;		/* of Jsonb *, and part of the baseline: what
								 * is attached to each relation it uses */
	List	   *parts;			/* of Oid, in pairs: to be stored, see
								 * KnownPartitions */
	bool		planning;		/* a query is being planned */
} VerifyResult;

/*
 * Append a problem, and let it worsen the state.  expected and found are for people
 * and complete ("type character varying(20)", "integer").  relid and attname, unless
 * InvalidOid and NULL, fill the error's fields.
 */
extern Problem *result_add_problem(VerifyResult *result, RuleId rule,
								   RequirementState state,
								   char *expected, char *found,
								   Oid relid, const char *attname);

/* Was privilege-lost reported? */
extern bool result_is_denied(const VerifyResult *result);

/* Report that a role, the current one or a view's owner, lacks a privilege on a
 * relation or a column of it.  Expected is "role NAME to WHAT RELATION". */
extern Problem *report_lost_privilege(VerifyResult *result, Oid relid, const char *attname,
									  Oid role, const char *what, char *found);

/* Report, as a remark, each label of an enum that is not among the known ones. */
extern void report_added_labels(VerifyResult *result, Oid type, List *known);

/* Copy a result, and all that it has, into CurrentMemoryContext. */
extern VerifyResult *result_copy(const VerifyResult *result);

/* Return "met", "unknown" or "unmet"; look up a state by that name. */
extern const char *state_name(RequirementState state);
extern bool state_by_name(const char *name, RequirementState *state);

/* ---- dependency.c ---- */

/* A routine, and the relation if a trigger runs it.  A hash key: without padding. */
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

/* Depend on the relations below a simple view, of any depth. */
extern void depend_on_view_base(VerifyResult *result, Oid relid);

/* Depend on the name of a type that the contract has, unless it means the server's. */
extern void depend_on_type_name(VerifyResult *result, const char *name);

/* Depend on a name of a type that has been looked up and means the type, or none. */
extern void depend_on_named_type(VerifyResult *result, const char *name, Oid type);

/* Depend on a type and those it is made of: a domain may get constraints, an enum
 * labels. */
extern void depend_on_type(VerifyResult *result, Oid type);

/* Depend on the body of a routine that the requirement runs. */
extern void depend_on_body(VerifyResult *result, const RunRoutine *run);

/* Depend on whatever a name means: with one key for each schema of the search path,
 * or for the one schema that it is qualified with. */
extern void depend_on_name(VerifyResult *result, Oid classid,
						   const char *schema, const char *name);

/* Depend on an object that was found. */
extern void depend_on_object(VerifyResult *result, Oid classid, Oid objid);

/* Depend on a column.  No change is looked up by columns: the key tells which columns
 * are not needed any more. */
extern void depend_on_column(VerifyResult *result, Oid relid, const char *attname);

/* Append copies of keys to a list. */
extern void append_object_names(List **kept, List *keys);

/* Add the keys of another result. */
extern void result_add_dependencies(VerifyResult *result, List *keys);

/* Depend on a function, and its body, that the server calls without asking for rights. */
extern void depend_on_support_routine(VerifyResult *result, Oid funcid);

/* ---- baseline.c ---- */

/* A member of a baseline, which is a JSON object. */
typedef struct BaselineMember
{
	const char *name;
	const char *json;			/* the value; or NULL, and it is */
	bool		is_list;
	List	   *list;			/* of char *, if is_list; or */
	const char *text;			/* NULL: there is no such member */
} BaselineMember;

/* Return a baseline of these members. */
extern Jsonb *baseline_of(const BaselineMember *members, int nmembers);

/* Return a baseline, which may be NULL, with one member more. */
extern Jsonb *baseline_with(Jsonb *baseline, const BaselineMember *member);

/* Return a member of a requirement's baseline; NULL or NIL if there is none, or no
 * baseline. */
extern char *baseline_text(const Requirement *req, const char *member);
extern List *baseline_list(const Requirement *req, const char *member);
extern bool baseline_has(const Requirement *req, const char *member);

/* Is any text of the list not empty? */
extern bool list_has_text(List *list);

/* ---- baseline_type.c ---- */

/* What a type is to a client, compared with what another one is. */
typedef enum TypeMatch
{
	TYPE_OTHER,
	TYPE_GREW,					/* a row that has more columns at its end */
	TYPE_SAME
} TypeMatch;

/* Return a type's name in a baseline without its modifier. */
extern char *baseline_type_bare(const char *name);

/* Return a type's name in a baseline for people: as short as the search path allows. */
extern char *baseline_type_label(const char *name);

/*
 * Add a description of a type, and of the types that it is made of, to a list of
 * BaselineType *, which is the baseline's member "types".  The server's own types are
 * left out.
 */
extern List *baseline_add_type(List *kept, Oid type);

/* Return that member of a baseline from a list; read the list from a baseline. */
extern BaselineMember baseline_types_member(List *kept);
extern List *baseline_types(Jsonb *baseline);

/* Depend on the names of a baseline's types.  A type that was renamed is known by what
 * it is made of, unless another one has taken its name. */
extern void depend_on_baseline_types(VerifyResult *result, Jsonb *baseline);


/* Return the labels of the enum that a type of the baseline is, or is an array of; or
 * NIL. */
extern List *baseline_type_labels(List *kept, const char *name);

/* ---- type_match.c ---- */

/*
 * Compare a type with the one that a baseline has under a name, as a client sees
 * them.  Modifiers do not count.  These are the same to a client:
 *
 *	- a domain and the type it is over;
 *	- text and character varying;
 *	- rows of the same columns, whatever their types are called;
 *	- a type of the old name and kind;
 *	- a type that the old one was renamed to: it has the old one's labels, or is made
 *	  as that was, while no type of the old name has or is.
 */
extern TypeMatch baseline_type_match(List *kept, const char *name, Oid type);

/* Compare two types as a client sees them. */
extern TypeMatch type_match(Oid was, Oid is);

/* Return names for a type of a baseline and the type that there is now, which is not
 * the same.  If both go by one name, it is followed by what each is. */
extern void baseline_type_contrast(List *kept, const char *name, Oid type,
								   char **was, char **is);

/* ---- unresolved.c ---- */

/* Has the schema, which may be closed to the role, an object of this name? */
typedef bool (*NameInSchema) (Oid schema, const char *name);

/* Report that there is no schema of this name. */
extern Problem *report_missing_schema(VerifyResult *result, const char *schema);

/*
 * Report why a name, with its schema or NULL, stands for nothing: as schema-missing,
 * as privilege-lost or by the given rule.  what: "relation", for example; label: the
 * name as the contract has it.
 */
extern Problem *report_unresolved(const Requirement *req, VerifyResult *result, RuleId rule,
								  const char *what, const char *label,
								  const char *schema, const char *name,
								  NameInSchema in_schema);

/*
 * Report name-captured if a name meant an object in another schema when the
 * requirement was first met, and that object is still there.  Otherwise it was moved
 * and is found through the search path, which is fine: returns NULL.
 */
extern Problem *check_name_captured(const Requirement *req, VerifyResult *result,
									const char *name, const char *schema,
									NameInSchema in_schema);

#endif							/* COMPAT_GUARD_RESULT_H */
