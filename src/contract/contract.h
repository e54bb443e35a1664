/*
 * contract.h
 *		Contracts: a JSON document, and the requirements that it is taken apart into.
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
 *	query		{"name": name, "sql": text, "params": [type names]}
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
	char	   *role;			/* whose privileges count */
	char	   *search_path;	/* as SET search_path would take it */
} Requirement;

extern const char *requirement_kind_name(RequirementKind kind);
extern bool requirement_kind_by_name(const char *name, RequirementKind *kind);

/* Members of "expected".  All copy into CurrentMemoryContext. */
extern char *requirement_text(const Requirement *req, const char *member);	/* NULL: absent */
extern List *requirement_list(const Requirement *req, const char *member);	/* of char *; NIL:
																			 * absent or empty */
extern bool requirement_has(const Requirement *req, const char *member);
extern bool requirement_bool(const Requirement *req, const char *member);	/* absent: false */

/*
 * SHA-256 over everything that identifies a requirement: kind, object,
 * expected, baseline, role, search_path.  Returns a palloc'd bytea of 32 bytes.
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
 * Read a document.  default_role and default_search_path stand where it names
 * none.  Pure structure: nothing is looked up in the catalogs, no SQL is
 * parsed, so that an unchanged registration stays cheap.  On any defect
 * returns NULL with *problems a list of ContractProblem, all of them.
 *
 * All is allocated in CurrentMemoryContext.  The result points into the
 * document, which must live as long.
 */
extern Contract *contract_parse(Jsonb *document, const char *default_role,
								const char *default_search_path,
								List **problems);

/*
 * The dear half of validation, for a contract seen for the first time: role
 * exists, type names are known, queries parse, each is one plannable
 * statement.  Returns a list of ContractProblem, NIL if there are none.
 *
 * Looks names up as the contract's role with its search path, and undoes both.
 * Uses internal subtransactions; raises only what is no answer, such as a
 * cancel.
 */
extern List *contract_check_names(Contract *contract);

/* ---- problem.c ---- */

/* Raises ERRCODE_GUARD_CONTRACT_INVALID with every problem in the DETAIL. */
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
 * The contract's requirements, in the order of the normal form.  Made at the
 * first call, which an unchanged registration never comes to: they cost
 * several times what the reading does.
 */
extern List *contract_requirements(Contract *contract);

#endif							/* COMPAT_GUARD_CONTRACT_H */
