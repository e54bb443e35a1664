/*
 * readiness.h
 *		How a set of requirements stands: shared by register, check, can_deploy
 *		and wait_until_ready.
 */
#ifndef COMPAT_GUARD_READINESS_H
#define COMPAT_GUARD_READINESS_H

#include "verify/verify.h"

typedef struct Readiness
{
	Requirement **reqs;
	Observation **found;		/* found[i] answers reqs[i] */
	int			n;
} Readiness;

/*
 * Verify a list of Requirement *.  False, and found undefined, if a lock was
 * not to be had and options say not to wait.
 */
extern bool readiness_verify(Readiness *readiness, List *requirements,
							 VerifyOptions options);

/* The worst of the states: ready is what is not STATE_UNMET. */
extern RequirementState readiness_state(const Readiness *readiness);

/*
 * For each requirement in the state, what is the matter with it, as text
 * without a final dot: a list of char *, each once.
 */
extern List *readiness_reasons(const Readiness *readiness, RequirementState state);

/* Reasons as the DETAIL of a message, as many as the setting allows. */
extern char *readiness_detail(List *reasons);
/* For the first line: the first of them, as far as it goes, and how many more. */
extern char *readiness_gist(List *reasons);

/* Raises ERRCODE_GUARD_NOT_READY if any is unmet. */
extern void readiness_require(const Readiness *readiness, const char *app,
							  const char *version);

#endif							/* COMPAT_GUARD_READINESS_H */
