/*
 * finding.h
 *		One requirement of one version that a change breaks.
 */
#ifndef COMPAT_GUARD_FINDING_H
#define COMPAT_GUARD_FINDING_H

#include "verify/verify.h"

typedef struct Finding
{
	RuleAction	action;			/* by default or policy; the mode is not in it */
	const char *app;
	const char *version;
	const Requirement *req;
	const Problem *problem;
	const char *statement;		/* that did it, or NULL */
	const char *touched;		/* the relation it did it to, quoted, or NULL */
	List	   *touched_relations;	/* of ObjectKey *: all that are meant by that */
	const struct Allowance *allowance;	/* that lets it through, or NULL */
} Finding;

/*
 * Say it, as the actions and the mode have it: raises an error if any finding
 * blocks, else at most one WARNING and one LOG.
 */
extern void findings_report(List *findings);

/* In the order in which people should read them. */
extern void findings_sort(List *findings);

/* Does a finding stop the transaction in the current mode? */
extern bool findings_block(List *findings);

/* The safe way to do it, as SQL with the real names (advice.c). */
extern char *finding_advice(const Finding *finding);
/* The same without naming the version, so that several may share it. */
extern char *finding_steps(const Finding *finding);
/* Is that no more than can be said of any query? */
extern bool finding_steps_are_general(const Finding *finding);
/* "SELECT compat_guard.retire('billing', '41');", or forget if it is not live */
extern char *finding_end_call(const Finding *finding);
/* Whose call that is: "role billing"; NULL if the current user may make it. */
extern char *finding_end_roles(const Finding *finding);

/* The relation and column it is about, as far as that is one; NULL: not known. */
typedef struct ProblemPlace
{
	const char *schema;
	const char *relation;
	const char *column;
} ProblemPlace;

extern ProblemPlace finding_place(const Finding *finding);	/* place.c */

/* "relation users", "query active": what is required, for people. */
extern char *finding_requirement(const Finding *finding);

#endif							/* COMPAT_GUARD_FINDING_H */
