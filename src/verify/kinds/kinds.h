/*
 * kinds.h
 *		The verifiers, one for each kind of requirement.
 */
#ifndef COMPAT_GUARD_KINDS_H
#define COMPAT_GUARD_KINDS_H

#include "verify/result/result.h"

/* ---- kinds.c ---- */

/*
 * Verify a requirement by the verifier of its kind, and report into result.
 * The requirement's role and search path are in force, and a snapshot is
 * active.  What raises an error is the answer, too: see report_error().
 */
extern void verify_by_kind(const Requirement *req, VerifyResult *result);

/* ---- verify_error.c ---- */

/* Report the server's error on analysing, rewriting or planning a statement, or on
 * looking through a view. */
extern void report_error(const Requirement *req, VerifyResult *result,
						 const ErrorData *edata);

#endif							/* COMPAT_GUARD_KINDS_H */
