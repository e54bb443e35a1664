/*
 * property_added.c
 *		A constraint that was not there when the requirement was first met.
 *
 * That it is validated says that all rows satisfy it, and what the version will
 * write is anybody's guess.  If it is not, the rows are the evidence: they are
 * what the version has written so far.  And if it is a CHECK or NOT NULL, they
 * are a trap besides: it is checked at every UPDATE, whatever that changes.
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/pg_constraint.h"
#include "utils/memutils.h"
#include "verify/properties/properties.h"
#include "verify/properties/properties_internal.h"
#include "verify/result/result.h"
#include "verify/run/run.h"

static const Evidence *
evidence_of(Fact *fact)
{
	MemoryContext old;

	if (fact->validated || !OidIsValid(fact->objid))
		return NULL;
	if (fact->evidence != NULL)
		return fact->evidence;

	old = MemoryContextSwitchTo(verification_context());
	fact->evidence = palloc_object(Evidence);
	*fact->evidence = fact->kind == FACT_DOMAIN
		? domain_evidence(fact->objid, fact->relid, bms_singleton_member(fact->columns))
		: constraint_evidence(fact->objid);
	MemoryContextSwitchTo(old);
	return fact->evidence;
}

/* "constraint c on t, which 3 rows violate: id 1, 2, 3" */
static char *
found_label(const Fact *fact, const Evidence *evidence)
{
	if (evidence == NULL || evidence->violations == 0)
		return pstrdup(fact->label);
	return psprintf("%s, which %s%lld %s%s%s", fact->label,
					evidence->more ? "at least " : "", (long long) evidence->violations,
					evidence->violations == 1 ? "row violates" : "rows violate",
					evidence->sample ? ": " : "", evidence->sample ? evidence->sample : "");
}

static bool
is_checked_at_update(const Fact *fact, const RelationUse *use)
{
	return fact->kind == FACT_CONSTRAINT && !fact->validated &&
		(use->commands & USE_UPDATE) != 0 &&
		(fact->contype == CONSTRAINT_CHECK || fact->contype == CONSTRAINT_NOTNULL);
}

void
report_added(Surroundings *around, Fact *fact, const RelationUse *use)
{
	bool		is_trap = is_checked_at_update(fact, use);
	bool		bears = fact->contype != CONSTRAINT_NOTNULL && fact_bears_on(fact, use);
	const Evidence *evidence = is_trap || bears ? evidence_of(fact) : NULL;
	bool		proven = evidence != NULL && evidence->violations > 0;
	Problem    *problem = NULL;

	if (is_trap && proven)
		problem = surroundings_report(around, RULE_CONSTRAINT_NOT_VALID_TRAP, STATE_UNMET,
									  fact, fact->label,
									  psprintf("every row to satisfy %s", fact->definition),
									  found_label(fact, evidence));
	else if (is_trap && fact->contype == CONSTRAINT_NOTNULL && !evidence->decided)
		problem = surroundings_report(around, RULE_CONSTRAINT_NOT_VALID_TRAP, STATE_UNKNOWN,
									  fact, fact->label,
									  psprintf("every row to satisfy %s", fact->definition),
									  psprintf("%s, not validated", fact->label));
	else if (bears)
		problem = surroundings_report(around, fact->kind == FACT_DOMAIN
									  ? RULE_DOMAIN_TIGHTENED : RULE_CONSTRAINT_ADDED,
									  STATE_MET, fact, fact->label,
									  psprintf("no %s", fact->definition),
									  found_label(fact, evidence));
	if (problem != NULL)
	{
		problem->proven = proven;
		problem->by_expected = true;
	}
}
