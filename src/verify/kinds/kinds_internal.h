/*
 * kinds_internal.h
 *		What the files of kinds/ share and nobody else uses.
 */
#ifndef COMPAT_GUARD_KINDS_INTERNAL_H
#define COMPAT_GUARD_KINDS_INTERNAL_H

#include "verify/catalog/catalog.h"
#include "verify/result/result.h"

/* ---- verify_*.c ---- */

/*
 * The verifier of each kind, called by verify_by_kind().  It takes no relation
 * lock that it can do without, and reads the catalogs through the syscache.
 */
#define KIND(kind, name) \
	extern void verify_##name(const Requirement *req, VerifyResult *result);
#include "contract/kind_list.h"
#undef KIND

/* ---- verify_query.c ---- */

/* Verify a statement that the contract declares in other words.  Its parameters are of
 * whatever types they need be.  Raises errors as verify_query() does. */
extern void verify_text(const Requirement *req, VerifyResult *result, const char *sql);

/* ---- routine_call.c ---- */

/* A call as the contract has it: the routine's name and the types of its arguments. */
typedef struct Call
{
	List	   *names;
	int			nargs;
	Oid			argtypes[FUNC_MAX_ARGS];
} Call;

/* Find the routine that a requirement's call runs, and fill in the call.  InvalidOid,
 * and the reason reported, if the call does not resolve to one routine. */
extern Oid	resolve_call(const Requirement *req, VerifyResult *result, Call *call);

/* ---- routine_compare.c ---- */

/* What a caller sees of a routine. */
typedef struct RoutineInfo
{
	Oid			oid;
	char	   *schema;
	char	   *name;
	char	   *signature;		/* in the baseline: public.charge(bigint,
								 * pg_catalog.numeric) */
	const char *kind;
	char		volatility;		/* as in pg_proc */
	int			required;		/* input arguments without a default */
	List	   *arguments;		/* of char *: names of the input arguments, ""
								 * if none */
	Oid			result;
	bool		is_set;
	List	   *columns;		/* of ResultColumn *, of a row */
} RoutineInfo;

typedef struct ResultColumn
{
	char	   *name;
	Oid			type;
} ResultColumn;

/* Report in what a routine differs from the one in the requirement's baseline, as
 * far as a caller notices. */
extern void compare_routine(const Requirement *req, VerifyResult *result, const Call *call,
							const RoutineInfo *info);

/* Return the type that the contract says is returned, perhaps after SETOF, or
 * InvalidOid.  *is_set is set only if the contract says one. */
extern Oid	declared_result(const Requirement *req, VerifyResult *result, bool *is_set);

/* ---- accepted_type.c ---- */

/*
 * May a column of the type be used wherever a column of the type "accepted" is
 * expected?  at_registration is the type found when the requirement was first met, or
 * NULL; it matters where "accepted" leaves the modifier open.
 */
extern bool type_is_accepted(const NamedType *accepted, const char *at_registration,
							 Oid type, int32 typmod);

/* Can a column of the type hold all that a column of a type in the baseline could?
 * exactly: and print it alike. */
extern bool type_holds_baseline_type(const char *kept, Oid type, int32 typmod, bool exactly);

#endif							/* COMPAT_GUARD_KINDS_INTERNAL_H */
