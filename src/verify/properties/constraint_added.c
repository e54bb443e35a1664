/*
 * constraint_added.c
 *		A constraint that was not there when the requirement was first met.
 *
 * That it is validated says that all rows satisfy it, and what the version will
 * write is anybody's guess.  If it is not, the rows are the violations: they are
 * what the version has written so far.  And if it is a CHECK or NOT NULL, they
 * are a trap besides: it is checked at every UPDATE, whatever that changes.
 *
 * A preview validates constraints of large tables without their rows, which says nothing.
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/pg_constraint.h"
#include "utils/memutils.h"
#include "verify/properties/properties.h"
#include "verify/properties/properties_internal.h"
#include "verify/result/result.h"
#include "verify/run/run.h"

static List *distrusted = NIL;	/* of Oid: see constraints_distrust */

void
constraints_distrust(List *constraints)
{
	distrusted = constraints;
}

static const Violations *
violations_of(Property *property)
{
	MemoryContext old;

	if ((property->validated && !list_member_oid(distrusted, property->objid)) ||
		!OidIsValid(property->objid) || !OidIsValid(property->relid))
		return NULL;
	if (property->violations != NULL)
		return property->violations;

	old = MemoryContextSwitchTo(verification_context());
	property->violations = palloc_object(Violations);
	*property->violations = property->kind == PROPERTY_DOMAIN
		? domain_violations(property->objid, property->relid, bms_singleton_member(property->columns))
		: constraint_violations(property->objid);
	MemoryContextSwitchTo(old);
	return property->violations;
}

/* "constraint c on t, which 3 rows violate: id 1, 2, 3" */
static char *
found_label(const Property *property, const Violations *violations)
{
	if (violations == NULL || violations->nrows == 0)
		return pstrdup(property->label);
	return psprintf("%s, which %s%lld %s%s%s", property->label,
					violations->more ? "at least " : "", (long long) violations->nrows,
					violations->nrows == 1 ? "row violates" : "rows violate",
					violations->sample ? ": " : "", violations->sample ? violations->sample : "");
}

static bool
is_checked_at_update(const Property *property, const RelationUsage *use)
{
	return property->kind == PROPERTY_CONSTRAINT && !property->validated &&
		(use->commands & USAGE_UPDATE) != 0 &&
		(property->contype == CONSTRAINT_CHECK || property->contype == CONSTRAINT_NOTNULL);
}

/* Rows of another column, or of a partition, prove what is reported already. */
static void
prove(PropertyCheck *check, const Property *property, const Violations *violations)
{
	ListCell   *lc;

	foreach(lc, check->result->problems)
	{
		Problem    *problem = lfirst(lc);

		if (problem->proven || problem->subject == NULL ||
			strcmp(problem->subject, property->label) != 0)
			continue;
		problem->proven = true;
		problem->found = found_label(property, violations);
	}
}

void
report_added(PropertyCheck *check, Property *property, const RelationUsage *use)
{
	bool		is_trap = is_checked_at_update(property, use);
	bool		bears = property->contype != CONSTRAINT_NOTNULL && property_matters(property, use);
	const Violations *violations = is_trap || bears ? violations_of(property) : NULL;
	bool		proven = violations != NULL && violations->nrows > 0;
	Problem    *problem = NULL;

	if (is_trap && proven)
		problem = property_check_report(check, RULE_CONSTRAINT_NOT_VALID_TRAP, STATE_UNMET,
										property, property->label,
										psprintf("every row to satisfy %s", property->definition),
										found_label(property, violations));
	else if (is_trap && property->contype == CONSTRAINT_NOTNULL && !violations->decided)
		problem = property_check_report(check, RULE_CONSTRAINT_NOT_VALID_TRAP, STATE_UNKNOWN,
										property, property->label,
										psprintf("every row to satisfy %s", property->definition),
										psprintf("%s, not validated", property->label));
	else if (bears)
		problem = property_check_report(check, property->kind == PROPERTY_DOMAIN
										? RULE_DOMAIN_TIGHTENED : RULE_CONSTRAINT_ADDED,
										STATE_MET, property, property->label,
										psprintf("no %s", property->definition),
										found_label(property, violations));
	if (problem == NULL && proven)
		prove(check, property, violations);
	if (problem != NULL)
	{
		problem->proven = proven;
		problem->by_expected = true;
	}
}
