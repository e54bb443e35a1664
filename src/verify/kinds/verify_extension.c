/*
 * verify_extension.c
 *		Is an extension installed?
 */
#include "postgres.h"

#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "utils/builtins.h"
#include "verify/kinds/kinds_internal.h"
#include "verify/result/result.h"

void
verify_extension(const Requirement *req, VerifyResult *result)
{
	char	   *name = requirement_text(req, "extension");
	Oid			extension = get_extension_oid(name, true);

	/* Extensions are in no schema; their objects are. */
	depend_on_name(result, ExtensionRelationId, "", name);
	if (OidIsValid(extension))
		depend_on_object(result, ExtensionRelationId, extension);
	else
		result_add_problem(result, RULE_EXTENSION_MISSING, STATE_UNMET,
						   psprintf("extension %s", quote_identifier(name)),
						   pstrdup("no such extension"), InvalidOid, NULL);
}
