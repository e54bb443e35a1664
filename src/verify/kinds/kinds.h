/*
 * kinds.h
 *		The verifiers, one for each kind of requirement.
 *
 * A verifier is called with the requirement's role and search path in force
 * and an active snapshot.  It takes no relation lock that it can do without,
 * reads the catalogs through the syscache, and reports into the observation.
 * It may raise an error; verify_requirements takes that as the answer.
 */
#ifndef COMPAT_GUARD_KINDS_H
#define COMPAT_GUARD_KINDS_H

#include "verify/result/result.h"

/* ---- verify_relation.c ---- */

/* The verifiers, one a kind. */
extern void verify_relation(const Requirement *req, VerifyResult *result);

/* ---- verify_privilege.c ---- */

extern void verify_privilege(const Requirement *req, VerifyResult *result);

/* ---- verify_column.c ---- */

extern void verify_column(const Requirement *req, VerifyResult *result);

/* ---- verify_insert.c ---- */

extern void verify_insert(const Requirement *req, VerifyResult *result);

/* ---- verify_index.c ---- */

extern void verify_unique(const Requirement *req, VerifyResult *result);
extern void verify_index(const Requirement *req, VerifyResult *result);

/* ---- verify_query.c ---- */

extern void verify_query(const Requirement *req, VerifyResult *result);

/* ---- verify_routine.c ---- */

extern void verify_routine(const Requirement *req, VerifyResult *result);

/* ---- verify_type.c ---- */

extern void verify_type(const Requirement *req, VerifyResult *result);

/* ---- verify_sequence.c ---- */

extern void verify_sequence(const Requirement *req, VerifyResult *result);

/* ---- verify_extension.c ---- */

extern void verify_extension(const Requirement *req, VerifyResult *result);

/* ---- verify_error.c ---- */

/*
 * Report what the server says of a query that does not analyze_statement, rewrite or plan,
 * or of a view that it cannot look through.
 */
extern void report_error(const Requirement *req, VerifyResult *result,
						 const ErrorData *edata);

#endif							/* COMPAT_GUARD_KINDS_H */
