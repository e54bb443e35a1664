/*
 * verify_column.c
 *		Is a column what the contract expects?
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "verify/catalog/catalog.h"
#include "verify/kinds/kinds_internal.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"

/* A column requirement while it is being verified. */
typedef struct ColumnCheck
{
	const Requirement *req;
	VerifyResult *result;
	Oid			relid;			/* as the contract names it */
	char	   *name;
	ColumnInfo	info;
	List	   *named;			/* of NamedType *, as the contract names them */
} ColumnCheck;

/* Report a problem of the column. */
static void
report(const ColumnCheck *check, RuleId rule, RequirementState state,
	   const char *expected, const char *found)
{
	result_add_problem(check->result, rule, state, pstrdup(expected), pstrdup(found),
					   check->relid, check->name);
}

/* Return "type a, b or c". */
static char *
type_list_label(List *types)
{
	StringInfoData label;

	initStringInfo(&label);
	appendStringInfoString(&label, "type ");
	for (int i = 0; i < list_length(types); i++)
	{
		if (i > 0)
			appendStringInfoString(&label,
								   i == list_length(types) - 1 ? " or " : ", ");
		appendStringInfoString(&label, list_nth(types, i));
	}
	return label.data;
}

/* Return the name of a type for people. */
static char *
type_label(Oid type, int32 typmod)
{
	return format_type_extended(type, typmod,
								FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_ALLOW_INVALID);
}

/* Does one of the types, a list of NamedType *, accept the column's type? */
static bool
any_type_accepts(List *types, const char *at_registration, const ColumnInfo *info)
{
	ListCell   *lc;

	foreach(lc, types)
	{
		if (type_is_accepted(lfirst(lc), at_registration, info->type, info->typmod))
			return true;
	}
	return false;
}

/* Return those of the named types that there are, as a list of NamedType *. A name that
 * has come to mean another type, of another kind or over another, means none. */
static List *
look_up_types(ColumnCheck *check, List *names)
{
	List	   *schemas = baseline_list(check->req, "type_schemas");
	List	   *accepted = baseline_list(check->req, "accepted_types");
	List	   *kept = baseline_types(check->req->baseline);
	List	   *types = NIL;

	for (int i = 0; i < list_length(names); i++)
	{
		const char *name = list_nth(names, i);
		const char *schema = i < list_length(schemas) ? list_nth(schemas, i) : "";
		const char *was = i < list_length(accepted) ? list_nth(accepted, i) : "";
		NamedType  *type = palloc_object(NamedType);

		type->oid = meant_type(name, schema, &type->typmod);
		depend_on_named_type(check->result, name, type->oid);
		check->named = lappend(check->named, type);
		if (OidIsValid(type->oid) &&
			(was[0] == '\0' || baseline_type_match(kept, was, type->oid) != TYPE_OTHER))
			types = lappend(types, type);
	}
	return types;
}

/* Is the column's type as it was at registration?  The contract's name for it may be
 * gone. */
static bool
type_is_unchanged(const ColumnCheck *check, const char *at_registration)
{
	const ColumnInfo *info = &check->info;

	return at_registration != NULL &&
		baseline_type_match(baseline_types(check->req->baseline), baseline_type_bare(at_registration),
							info->type) != TYPE_OTHER &&
		type_holds_baseline_type(at_registration, info->type, info->typmod, true);
}

/* Report a type that the contract does not accept. */
static void
check_type(ColumnCheck *check)
{
	List	   *names = requirement_list(check->req, "type");
	List	   *types = look_up_types(check, names);
	char	   *at_registration = baseline_text(check->req, "type");
	const ColumnInfo *info = &check->info;
	char	   *expected;

	depend_on_type(check->result, info->type);
	if (names == NIL || any_type_accepts(types, at_registration, info))
		return;
	if (list_length(types) < list_length(names) && type_is_unchanged(check, at_registration))
		return;

	expected = type_list_label(names);
	if (any_type_accepts(types, NULL, info))
		expected = psprintf("%s, and no narrower than the %s it was at registration",
							expected, baseline_type_label(at_registration));
	report(check, RULE_COLUMN_TYPE, STATE_UNMET, expected,
		   psprintf("type %s", type_label(info->type, info->typmod)));
}

/*
 * Report a column that does not take nulls.  What an INSERT writes ends in a partition;
 * not in other children, which only an UPDATE reaches.  NOT NULL of a foreign table is a
 * claim and not enforced here, and nobody writes a null into what a view computes.
 */
static void
check_takes_null(const ColumnCheck *check, Nullability nulls, List *children)
{
	char		relkind = get_rel_relkind(check->info.relid);
	Oid			child;

	if (check->info.computed || relkind == RELKIND_FOREIGN_TABLE)
		return;
	if (nulls == NULLS_REJECTED || nulls == NULLS_ABSENT)
		report(check, RULE_COLUMN_REJECTS_NULL, STATE_UNMET,
			   "a column that takes nulls", "it is not null");
	else if (OidIsValid(child = child_without_nulls(&check->info, children)))
		report(check, RULE_COLUMN_REJECTS_NULL,
			   relkind == RELKIND_PARTITIONED_TABLE ? STATE_UNMET : STATE_UNKNOWN,
			   "a column that takes nulls",
			   psprintf("it is not null in %s", relation_label(child)));
}

/*
 * Check "nullable": false means that the version never reads a null, true that it
 * writes nulls.  A primary key, identity or generated column refuses nulls like any
 * other that is NOT NULL.
 */
static void
check_null(const ColumnCheck *check)
{
	Nullability nulls;
	List	   *children;
	Oid			child;

	if (!requirement_has(check->req, "nullable"))
		return;
	nulls = column_nullability(&check->info);
	children = check->info.computed ? NIL
		: partitions_that_matter(&check->result->parts, check->info.relid);

	if (requirement_bool(check->req, "nullable"))
	{
		check_takes_null(check, nulls, children);
		return;
	}
	if (nulls == NULLS_ABSENT &&
		OidIsValid(child = child_with_nulls(&check->info, children)))
	{
		report(check, RULE_COLUMN_READS_NULL, STATE_UNMET,
			   "a column that is never null",
			   psprintf("it may be null in %s, which inherits it", relation_label(child)));
		return;
	}

	switch (nulls)
	{
		case NULLS_ABSENT:
			break;
		case NULLS_REJECTED:
			report(check, RULE_COLUMN_READS_NULL, STATE_UNMET,
				   "a column that is never null",
				   "its not-null constraint is not validated");
			break;
		case NULLS_POSSIBLE:
			report(check, RULE_COLUMN_READS_NULL, STATE_UNMET,
				   "a column that is never null", "it may be null");
			break;
		case NULLS_UNKNOWN:
			report(check, RULE_COLUMN_READS_NULL, STATE_UNKNOWN,
				   "a column that is never null",
				   "a view computes it, and the catalogs do not say");
			break;
	}
}

/* Does a row get a value here without the version naming the column? */
static bool
fills_itself(const ColumnInfo *info)
{
	return info->has_default || info->identity != '\0' || info->generated != '\0';
}

/* Check "default".  False expects nothing: a default that comes later only fills what
 * the version left null. */
static void
check_default(const ColumnCheck *check)
{
	if (!requirement_bool(check->req, "default") || fills_itself(&check->info))
		return;
	if (check->info.computed)
		report(check, RULE_COLUMN_DEFAULT, STATE_UNKNOWN,
			   "a column with a default",
			   "a view computes it, and the catalogs do not say");
	else
		report(check, RULE_COLUMN_DEFAULT, STATE_UNMET,
			   "a column with a default", "it has none");
}

/* Check "generated": may the column be written, or does it compute itself? */
static void
check_generated(const ColumnCheck *check)
{
	bool		is_generated = check->info.generated != '\0';

	if (!requirement_has(check->req, "generated"))
		return;
	if (!requirement_bool(check->req, "generated"))
	{
		if (is_generated)
			report(check, RULE_INSERT_REJECTED_COLUMN, STATE_UNMET,
				   "a column that can be written", "it is a generated column");
	}
	else if (!is_generated)
		report(check, RULE_COLUMN_DEFAULT,
			   check->info.computed ? STATE_UNKNOWN : STATE_UNMET,
			   "a generated column",
			   check->info.computed ? "a view computes it" : "it is a plain column");
}

/*
 * Check "identity".  An identity column gives a value to those who leave it out; only
 * ALWAYS refuses theirs.  So the other sort will do, and so will a default, except that
 * a column must not become ALWAYS under those who write it.
 */
static void
check_identity(const ColumnCheck *check)
{
	char	   *expected = requirement_text(check->req, "identity");
	const ColumnInfo *info = &check->info;

	if (expected == NULL)
		return;
	if (strcmp(expected, "always") != 0 &&
		info->identity == ATTRIBUTE_IDENTITY_ALWAYS)
		report(check, RULE_INSERT_REJECTED_COLUMN, STATE_UNMET,
			   "a column that can be written",
			   "it is an identity column generated always");
	else if (strcmp(expected, "none") != 0 && !fills_itself(info))
		report(check, RULE_COLUMN_DEFAULT,
			   info->computed ? STATE_UNKNOWN : STATE_UNMET,
			   psprintf("an identity column generated %s", expected),
			   info->computed ? "a view computes it" :
			   "it is no identity column and has no default");
}

/* Look up a collation.  InvalidOid, and no error, if there is none or the role may not
 * use its schema. */
static Oid
collation_by_name(const char *text)
{
	List	   *names = compat_string_to_name_list(text);
	char	   *schema_name;
	char	   *name;

	DeconstructQualifiedName(names, &schema_name, &name);
	if (schema_name)
	{
		Oid			schema = get_namespace_oid(schema_name, true);

		if (!OidIsValid(schema) || !schema_is_usable(schema))
			return InvalidOid;
	}
	return get_collation_oid(names, true);
}

/*
 * Check the collation.  The order that a version sorts by matters only where the
 * contract says so.  Where it does not, a collation other than that at registration is
 * worth a remark.
 */
static void
check_collation(const ColumnCheck *check)
{
	char	   *expected = requirement_text(check->req, "collation");
	char	   *before = baseline_text(check->req, "collation");
	char	   *now = collation_label(check->info.collation);
	char	   *found = now ? psprintf("collation %s", now) : "no collation";

	if (expected)
	{
		Oid			collation = collation_by_name(expected);

		if (!OidIsValid(collation) || collation != check->info.collation)
			report(check, RULE_COLUMN_COLLATION, STATE_UNMET,
				   psprintf("collation %s", expected), found);
	}
	else if (before && now && strcmp(before, now) != 0)
		report(check, RULE_COLUMN_COLLATION, STATE_MET,
			   psprintf("collation %s, as at registration", before), found);
}

/* Return the baseline of the column. */
static Jsonb *
column_baseline(const ColumnCheck *check)
{
	const ColumnInfo *info = &check->info;
	List	   *kept = baseline_add_type(NIL, info->type);
	List	   *accepted = NIL;
	List	   *schemas = NIL;
	ListCell   *lc;

	foreach(lc, check->named)
	{
		NamedType  *type = lfirst(lc);

		kept = baseline_add_type(kept, type->oid);
		accepted = lappend(accepted, OidIsValid(type->oid)
						   ? type_baseline_name(type->oid) : pstrdup(""));
		schemas = lappend(schemas, meant_schema(type->oid));
	}
	{
		BaselineMember members[] = {
			{.name = "collation", .text = collation_label(info->collation)},
			{.name = "type", .text = column_type_baseline_name(info->type, info->typmod)},
			{.name = "accepted_types", .is_list = list_has_text(schemas),
			.list = accepted},
			{.name = "type_schemas", .is_list = list_has_text(schemas),
			.list = schemas},
			baseline_types_member(kept)
		};

		return baseline_of(members, lengthof(members));
	}
}

/* Report, as a remark, labels that the column's enum did not have at registration. */
static void
check_labels(const ColumnCheck *check)
{
	Oid			type = enum_below(check->info.type);
	char	   *was = OidIsValid(type) ? baseline_text(check->req, "type") : NULL;
	List	   *known = was != NULL
	? baseline_type_labels(baseline_types(check->req->baseline), baseline_type_bare(was)) : NIL;

	if (known != NIL)
		report_added_labels(check->result, type, known);
}

void
verify_column(const Requirement *req, VerifyResult *result)
{
	ColumnCheck check = {.req = req, .result = result};

	check.relid = resolve_relation(req, result);
	if (!OidIsValid(check.relid))
		return;
	check.name = requirement_text(req, "column");
	if (!column_info(check.relid, get_attnum(check.relid, check.name), &check.info))
	{
		report(&check, RULE_COLUMN_MISSING, STATE_UNMET,
			   psprintf("column %s", quote_identifier(check.name)),
			   psprintf("no such column in %s", relation_label(check.relid)));
		return;
	}
	depend_on_column(result, check.relid, check.name);
	depend_on_view_base(result, check.relid);

	check_type(&check);
	check_null(&check);
	check_default(&check);
	check_generated(&check);
	check_identity(&check);
	check_collation(&check);

	check_labels(&check);

	if (req->baseline == NULL)
		result->baseline = column_baseline(&check);
}
