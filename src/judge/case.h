/*
 * case.h
 *		One judgement under way.  Private to judge.c and the files it is made of.
 */
#ifndef COMPAT_GUARD_CASE_H
#define COMPAT_GUARD_CASE_H

#include "base/patience.h"
#include "judge/finding.h"
#include "judge/touched.h"
#include "nodes/bitmapset.h"
#include "registry/registry.h"

/*
 * What a version is to the judgement.  One in reach is not live, but could be run:
 * a rollback may go to it.  What is found about a dormant one is saved, but is no
 * finding: nobody runs it, and either nobody could or another judgement is about to
 * pass it over.
 */
typedef enum Standing
{
	NOT_ASKED,
	LIVE,
	IN_REACH,
	DORMANT,
	PASSED_OVER
} Standing;

typedef struct Trace Trace;

typedef struct Case
{
	Touched    *touched;
	VerifyOptions options;
	bool		writes;			/* states may be locked and saved */
	bool		all_parts;		/* the change is not just what this transaction has
								 * done since the states were stored */
	List	   *kept;			/* of Version *: not lapsed before, newest first */
	Version   **versions;		/* the same as an array */
	Standing   *standing;		/* of each, asked once */
	int			nversions;
	int			ncandidates;	/* and of each: */
	int64	   *ids;			/* the registry's key, if it writes */
	Requirement **reqs;			/* what is required */
	StoredState *before;		/* how it stood */
	Observation **after;		/* how it stands */
	Patience	patience;		/* of the whole judgement */
	int			tries_after_end;	/* of that */
	int64		spent;			/* see VerifyOptions */
	Trace	   *trace;			/* private to finding.c */
} Case;

/* ---- candidate.c: which requirements, of whom, and how they stand now ---- */

/* Fill in the candidates and how they stood; false if there are none. */
extern bool case_find_candidates(Case *c);

/* Fill in how they stand; false if a lock is not to be had. */
extern bool case_verify_candidates(Case *c);

/* Wait for that; raises ERRCODE_GUARD_BUSY at the end of patience. */
extern void case_wait(Case *c);

/* Lock requirements, by id in ascending order, and verify some, however often that takes. */
extern void case_lock(Case *c, const int64 *ids, int n);
extern void case_verify(Case *c, Requirement **reqs, int n, VerifyOptions options,
						Observation **answers);

/* ---- first_met.c ---- */

/*
 * The places of the versions of which a requirement has come to be met, or unmet.
 * NULL: none.
 */
extern Bitmapset *case_movers(Case *c);

/* States are saved: save what versions that have all they need take the schema for. */
extern void case_save_baselines(Case *c);

/* ---- left_out.c: for compat_guard.check_candidates ---- */

/* Is it on? */
extern bool case_left_out_matters(void);

/* Raise an error if a requirement that is no candidate feels the change after all. */
extern void case_check_left_out(Case *c);

/* A version's place among those of the case; -1 if it does not count any more. */
extern int	case_version_place(const Case *c, int64 id);
extern Standing case_version_standing(Case *c, int place);

/* Is what is found about the version kept?  arg: the Case. */
extern bool case_version_counts(int64 version_id, void *arg);

/* ---- finding.c ---- */

/*
 * Was the problem there before, by its rule and what was expected?  What is found
 * need not be in the same words.
 */
extern bool problem_was_there(const StoredState *before, const Problem *problem);

/* What was met before and no longer is, of whom, and by which statement. */
extern List *case_findings(Case *c);	/* of Finding * */

/* "ALTER TABLE ...; DROP ..."; NULL if there is none. */
extern char *statement_texts(List *statements);	/* of TouchingStatement * */

#endif							/* COMPAT_GUARD_CASE_H */
