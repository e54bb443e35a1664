/*
 * contract.h
 *		JSON document -> contract.
 */
#ifndef COMPAT_GUARD_CONTRACT_H
#define COMPAT_GUARD_CONTRACT_H

#include "base/compat.h"
#include "contract/requirement.h"

/* A defect of a document: where, as a JSON path ("$.relations.users"), and what. */
typedef struct ContractProblem
{
	char	   *path;
	char	   *problem;
} ContractProblem;

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
 * The contract's requirements, in the order of the normal form.  Made at the
 * first call, which an unchanged registration never comes to: they cost
 * several times what the reading does.
 */
extern List *contract_requirements(Contract *contract);

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

/*
 * Both halves at once, also where the first finds problems: for people, who
 * want to see everything that is wrong with a document.
 */
extern List *contract_problems(Jsonb *document, const char *default_role,
							   const char *default_search_path);

/* Raises ERRCODE_GUARD_CONTRACT_INVALID with every problem in the DETAIL. */
compat_noreturn extern void contract_report_problems(List *problems);

#endif							/* COMPAT_GUARD_CONTRACT_H */
