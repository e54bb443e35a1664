/*
 * contract.c
 *		Make a contract from a document.
 */
#include "postgres.h"

#include "contract/contract.h"
#include "contract/contract_internal.h"

static DocString
default_string(const char *value)
{
	DocString	result = {value, strlen(value), 0};

	return result;
}

/* Fill in the role and search path if the document names none. */
static void
apply_defaults(Document *doc, const char *default_role,
			   const char *default_search_path, List **problems)
{
	if (doc->role.data == NULL)
		doc->role = default_string(default_role);
	if (doc->search_path.data == NULL)
	{
		DocPath		root = {NULL, {NULL, 0, 0}, 0};
		const char *problem;

		problem = identifier_list(default_string(default_search_path),
								  &doc->search_path);
		if (problem != NULL)
			problem_add(problems, &root, "default search path: %s", problem);
	}
}

static Contract *
make_contract(Document *doc)
{
	Contract   *contract = palloc0_object(Contract);

	document_normalise(doc);
	contract->role = pnstrdup(doc->role.data, doc->role.len);
	contract->search_path = pnstrdup(doc->search_path.data, doc->search_path.len);
	contract->digest = document_digest(doc);
	contract->document = doc;
	return contract;
}

Contract *
contract_parse(Jsonb *document, const char *default_role,
			   const char *default_search_path, List **problems)
{
	Document   *doc;

	*problems = NIL;
	doc = document_read(document, problems, NULL);
	apply_defaults(doc, default_role, default_search_path, problems);
	return *problems == NIL ? make_contract(doc) : NULL;
}

List *
contract_check_names(Contract *contract)
{
	List	   *problems = NIL;
	List	   *names = NIL;

	/* To read it again is cheaper than to note every path the first time. */
	(void) document_read(contract->document->json, &problems, &names);
	return document_check_names(contract->role, contract->search_path, names);
}

List *
contract_problems(Jsonb *document, const char *default_role,
				  const char *default_search_path)
{
	List	   *problems = NIL;
	List	   *names = NIL;
	Document   *doc = document_read(document, &problems, &names);

	apply_defaults(doc, default_role, default_search_path, &problems);
	return list_concat(problems,
					   document_check_names(pnstrdup(doc->role.data, doc->role.len),
											pnstrdup(doc->search_path.data,
													 doc->search_path.len),
											names));
}
