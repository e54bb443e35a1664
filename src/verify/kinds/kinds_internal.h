/*
 * kinds_internal.h
 *		What the files of kinds/ share and nobody else uses.
 */
#ifndef COMPAT_GUARD_KINDS_INTERNAL_H
#define COMPAT_GUARD_KINDS_INTERNAL_H

#include "verify/catalog/catalog.h"
#include "verify/result/result.h"

/* ---- verify_query.c ---- */

/*
 * Would this statement, which the contract says in other words, run?  Its
 * parameters are of whatever types they need be.  Errors go on as those of
 * verify_query do.
 */
extern void verify_text(const Requirement *req, VerifyResult *result, const char *sql);

/* ---- accepted_type.c ---- */

/*
 * May a column of the type be used wherever one of the type "accepted" is
 * expected?  See accepted_type.c for what widening is.  at_registration is the
 * type found when the requirement was first met, or NULL; it matters where
 * "accepted" leaves the modifier open.
 */
extern bool type_is_accepted(const NamedType *accepted, const char *at_registration,
							 Oid type, int32 typmod);

/* Can a column of the type hold all that one of a kept type could?  exactly: and
 * print it alike. */
extern bool type_holds_baseline_type(const char *kept, Oid type, int32 typmod, bool exactly);

#endif							/* COMPAT_GUARD_KINDS_INTERNAL_H */
