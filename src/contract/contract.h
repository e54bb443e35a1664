/*
 * contract.h
 *		Contracts: a JSON document, and the requirements that follow from it.
 */
#ifndef COMPAT_GUARD_CONTRACT_H
#define COMPAT_GUARD_CONTRACT_H

#include "base/compat.h"
#include "base/json.h"

/* ---- requirement.c ---- */

typedef enum RequirementKind
{
#define KIND(kind, name) REQUIREMENT_##kind,
#include "contract/kind_list.h"
#undef KIND
} RequirementKind;

/*
 * "expected" is a normalised JSON object; equal requirements have equal text.
 * Its members by kind (an absent member expects nothing):
 *
 *	relation	{"relation": name}
 *	access		{"relation": name, "access": [sorted privilege names, lower case]}
 *	column		{"relation": name, "column": name, "type": [type names],
 *				 "nullable": bool, "default": true, "generated": bool,
 *				 "identity": "always" | "by default" | "none",
 *				 "collation": name}
 *	insert		{"relation": name, "columns": [sorted column names]}
 *	unique		{"relation": name, "columns": [sorted column names]}
 *	index		{"relation": name, "columns": [column names, in order]}
 *	query		{"name": name, "sql": text, "params": [type names],
 *				 "learned": true}
 *	routine		{"routine": name, "types": [type names of the arguments],
 *				 "arguments": [sorted argument names],
 *				 "returns": type name, perhaps after SETOF}
 *	type		{"type": name, "labels": [sorted labels], "closed": true}
 *	sequence	{"sequence": name}
 *	extension	{"extension": name}
 *
 * Relation, routine, type, sequence and collation names are SQL identifiers, optionally
 * qualified ("app.users", "\"Users\""), in a canonical form: folded to lower
 * case, and in quotes only if need be.  Column, argument and extension names are
 * the names themselves; names of types that columns, parameters, arguments and
 * results are of stand as they were written.
 */
typedef struct Requirement
{
	int64		id;				/* registry's key; 0 until stored */
	RequirementKind kind;
	char	   *object;			/* for people: users, users.status, active ... */
	Jsonb	   *expected;
	Jsonb	   *baseline;		/* what was found when first met; NULL if none */
	List	   *properties;		/* of Jsonb *, and part of the baseline: what
								 * was attached to the relations it uses */
	char	   *role;			/* whose privileges count */
	char	   *search_path;	/* as SET search_path would take it */
} Requirement;

extern const char *requirement_kind_name(RequirementKind kind);

/* Set *kind to the kind of that name; return false if there is none. */
extern bool requirement_kind_by_name(const char *name, RequirementKind *kind);

/*
 * Return a member of "expected", copied into CurrentMemoryContext: a text or NULL, or a
 * list of char *, which is NIL if the member is absent or empty.
 */
extern char *requirement_text(const Requirement *req, const char *member);
extern List *requirement_list(const Requirement *req, const char *member);

/* Has "expected" this member; is it true? */
extern bool requirement_has(const Requirement *req, const char *member);
extern bool requirement_bool(const Requirement *req, const char *member);

/*
 * Return the SHA-256, a bytea of 32 bytes, of everything that identifies a requirement:
 * kind, object, expected, baseline with properties, role, search_path.
 */
extern bytea *requirement_digest(const Requirement *req);

/* ---- contract.c ---- */

typedef struct Contract
{
	char	   *role;
	char	   *search_path;
	List	   *requirements;	/* of Requirement *; NIL until
								 * contract_requirements() is called */
	bytea	   *digest;			/* SHA-256 of the normalised document */
	struct Document *document;	/* as read; for use in src/contract only */
} Contract;

/*
 * Read a document.  default_role and default_search_path are used where it names none.
 * Only its structure is read: nothing is looked up in the catalogs, and no SQL is parsed,
 * so that an unchanged registration stays cheap.  If there is any defect, return NULL
 * and set *problems to a list of ContractProblem with all of them.
 *
 * Everything is allocated in CurrentMemoryContext.  The result points into the document,
 * which must live as long.
 */
extern Contract *contract_parse(Jsonb *document, const char *default_role,
								const char *default_search_path,
								List **problems);

/*
 * Check what is expensive to check, for a contract seen for the first time: its role
 * exists, its type names are known, and each query is one statement that can be
 * planned.  Return a list of ContractProblem, NIL if there are none.
 *
 * Names are looked up as the contract's role with its search path, in internal
 * subtransactions.  Only errors that say nothing about the contract are raised, such as
 * a cancel.
 */
extern List *contract_check_names(Contract *contract);

/* ---- problem.c ---- */

/* Raise ERRCODE_GUARD_CONTRACT_INVALID with the problems in the DETAIL. */
compat_noreturn extern void contract_report_problems(List *problems);

/* ---- reader.c ---- */

static inline bool
is_array(const JsonbValue *value)
{
	return value->type == jbvBinary &&
		JsonContainerIsArray(value->val.binary.data);
}

/* ---- derive.c ---- */

/*
 * Return the contract's requirements, in the order of the normal form.  They are made at
 * the first call, because they cost several times as much as to read the document, and
 * an unchanged registration does not need them.
 */
extern List *contract_requirements(Contract *contract);

#endif							/* COMPAT_GUARD_CONTRACT_H */
