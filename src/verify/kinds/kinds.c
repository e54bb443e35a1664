/*
 * kinds.c
 *		The verifier of each kind of requirement.
 */
#include "postgres.h"

#include "verify/kinds/kinds.h"
#include "verify/kinds/kinds_internal.h"

static void (*const verifiers[]) (const Requirement *req, VerifyResult *result) =
{
#define KIND(kind, name) [REQUIREMENT_##kind] = verify_##name,
#include "contract/kind_list.h"
#undef KIND
};

void
verify_by_kind(const Requirement *req, VerifyResult *result)
{
	verifiers[req->kind] (req, result);
}
