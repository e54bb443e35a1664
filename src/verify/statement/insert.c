/*
 * insert.c
 *		Would an INSERT fail on a column that it leaves out or names?
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/statement/statement_internal.h"

/* A table, its partitions that matter, and the columns that are given a value. */
typedef struct InsertTarget
{
	Oid			relid;
	List	   *partitions;
	Bitmapset  *supplied;
} InsertTarget;

/* Is a generated column null because of what is left out? */
static bool
is_always_null(Oid relid, AttrNumber attnum, const InsertTarget *target)
{
	Node	   *expr = default_expression(relid, attnum);
	Bitmapset  *columns = NULL;
	int			column = -1;

	if (expr == NULL || contain_nonstrict_functions(expr))
		return false;
	pull_varattnos(expr, 1, &columns);
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		AttrNumber	attno = column + FirstLowInvalidHeapAttributeNumber;
		ColumnInfo	info;

		if (attno > 0 && !bms_is_member(attno, target->supplied) &&
			column_info(relid, attno, &info) &&
			!info.has_default && info.identity == '\0' && info.generated == '\0')
			return true;
	}
	return false;
}

/* Report a column that is left out and has to have a value. */
static void
check_left_out(VerifyResult *result, const InsertTarget *target, AttrNumber attnum,
			   const ColumnInfo *info)
{
	char	   *name = get_attname(target->relid, attnum, true);
	Nullability nulls;
	bool		undecided;
	Oid			partition = InvalidOid;
	const char *found;

	if (name == NULL || info->has_default || info->identity != '\0' ||
		(info->generated != '\0' && !is_always_null(target->relid, attnum, target)))
		return;
	nulls = column_nullability(info);
	if (nulls != NULLS_REJECTED && nulls != NULLS_ABSENT &&
		!OidIsValid(partition = child_without_nulls(info, target->partitions)))
		return;

	if (expansion_fills(target->relid, name))
		return;
	undecided = trigger_may_fill(target->relid, CMD_INSERT);
	if (info->generated != '\0')
		found = "it is not null, and generated from a column that is left out";
	else if (OidIsValid(partition))
		found = psprintf("it is not null in partition %s and has no default",
						 relation_label(partition));
	else
		found = "it is not null and has no default";
	if (undecided)
		found = psprintf("%s, unless a trigger gives it a value", found);
	result_add_problem(result, RULE_INSERT_NEEDS_COLUMN,
					   undecided ? STATE_UNKNOWN : STATE_UNMET,
					   psprintf("an INSERT without %s to work", quote_identifier(name)),
					   pstrdup(found), target->relid, name);
}

void
check_omitted_columns(VerifyResult *result, Oid relid, Bitmapset *supplied)
{
	InsertTarget target = {.relid = relid, .supplied = supplied};
	char		relkind = get_rel_relkind(relid);
	AttrNumber	natts = relation_natts(relid);

	/* Nobody can foresee what a trigger or rule does instead. */
	if (relkind == RELKIND_VIEW || relation_acts_instead(relid, CMD_INSERT))
		return;
	if (relkind == RELKIND_PARTITIONED_TABLE)
		target.partitions = partitions_that_matter(&result->parts, relid);

	for (AttrNumber attnum = 1; attnum <= natts; attnum++)
	{
		ColumnInfo	info;

		if (!column_info(relid, attnum, &info))
			continue;
		depend_on_type(result, info.type);

		/* NOT NULL of a foreign table is a claim, and not enforced here. */
		if (relkind != RELKIND_FOREIGN_TABLE && !bms_is_member(attnum, supplied))
			check_left_out(result, &target, attnum, &info);
	}
}
