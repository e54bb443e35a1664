/*
 * api.h
 *		What the files of api/ share.
 */
#ifndef COMPAT_GUARD_API_H
#define COMPAT_GUARD_API_H

#include "registry/registry.h"

/* ---- argument.c ---- */

/* Raise ERRCODE_GUARD_UNKNOWN_VERSION where there is none. */
extern App *require_app(const char *name);
extern Version *require_version(const App *app, const char *name);

/* Raises ERRCODE_GUARD_RETIRED if it is. */
extern void check_not_retired(const App *app, const Version *version);

/* Raises ERRCODE_GUARD_NOT_PERMITTED unless the app is the current role's. */
extern void check_owner(const App *app);

/* Raises the same unless the current role may retire the app's versions. */
extern void check_may_retire(const App *app);

/* Raises the same unless the current role may see what the version needs. */
extern void check_reader(const App *app, const Version *version);

/* A text argument that must be there, not empty, and of a sane length. */
extern char *name_argument(FunctionCallInfo fcinfo, int arg, const char *what);

/* ---- instance.c ---- */

/*
 * The version, which is not retired, with what was found about it up to date: and
 * kept so until transaction end at least (instance.c).
 */
extern Version *activate_version(const App *app, const char *name);

/* Returns when it ends; lease NULL: as long as before. */
extern TimestampTz renew_lease(const App *app, const char *version_name,
							   const char *instance, Interval *lease);

/* ---- readiness.c ---- */

typedef struct Readiness
{
	Requirement **reqs;
	VerifyResult **found;		/* found[i] answers reqs[i] */
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

/* ---- register.c ---- */

/* A contract document as an argument that is not null; raises
 * ERRCODE_GUARD_CONTRACT_INVALID if it is none. */
extern Contract *contract_argument(FunctionCallInfo fcinfo, int arg);

/* A contract speaks for a role that the caller could become: raises
 * ERRCODE_GUARD_NOT_PERMITTED unless it does. */
extern void check_contract_role(const Contract *contract);

/* Is the version registered with this very contract? */
extern bool version_has_contract(const Version *version, const Contract *contract);

/* ---- replacement.c ---- */

/*
 * Is it known already that the version replaces the other, or nothing to be said
 * any more?  replaces: the other's name, or NULL.
 */
extern bool replacement_is_known(const App *app, const Version *version, const char *replaces);

/*
 * The version that is to be replaced, its row locked, and that of the version, which
 * is NULL if it is new.  NULL if that is known.  Raises ERRCODE_GUARD_UNKNOWN_VERSION
 * where there is none.  Before any lock for registration.
 */
extern Version *replacement_lock(const App *app, const Version *version, const char *replaces);
extern void replacement_note(int64 version_id, const char *name, const Version *replaced);

/* The version counts again as if it had not been replaced; it was brought to life. */
extern void replacement_take_back(const Version *version);

/* ---- set_policy.c ---- */

/* Raises ERRCODE_INVALID_PARAMETER_VALUE where there is none. */
extern RuleId require_rule(const char *name);

#endif							/* COMPAT_GUARD_API_H */
