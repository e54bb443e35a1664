/*
 * insert.c
 *		Does an INSERT that names just these columns work?
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "base/compat.h"
#include "catalog/indexing.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/attribute.h"
#include "verify/observe.h"
#include "verify/surroundings.h"

/* The table that an INSERT writes in the end, and the columns of it. */
typedef struct InsertTarget
{
	Oid			relid;
	Oid			user;			/* who needs the privilege; InvalidOid: not asked */
	List	   *partitions;
	Bitmapset  *supplied;		/* columns the statement gives a value */
	Bitmapset  *filled;			/* these, and those a view has a default for */
} InsertTarget;

/* An enabled trigger for each row, of this timing and event? */
static bool
has_row_trigger(Oid relid, int timing, int event)
{
	Relation	pg_trigger = table_open(TriggerRelationId, AccessShareLock);
	bool		found = false;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(pg_trigger, TriggerRelidNameIndexId, true,
							  NULL, 1, &key);
	while (!found && HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tup);

		found = !trigger->tgisinternal &&
			trigger->tgenabled != TRIGGER_DISABLED &&
			trigger->tgenabled != TRIGGER_FIRES_ON_REPLICA &&
			TRIGGER_TYPE_MATCHES(trigger->tgtype, TRIGGER_TYPE_ROW,
								 timing, event);
	}
	systable_endscan(scan);
	table_close(pg_trigger, AccessShareLock);
	return found;
}

/* A rule that does something else instead of the command? */
static bool
has_instead_rule(Oid relid, CmdType command)
{
	Relation	pg_rewrite = table_open(RewriteRelationId, AccessShareLock);
	bool		found = false;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key, Anum_pg_rewrite_ev_class, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(pg_rewrite, RewriteRelRulenameIndexId, true,
							  NULL, 1, &key);
	while (!found && HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_rewrite rule = (Form_pg_rewrite) GETSTRUCT(tup);

		found = rule->is_instead && rule->ev_type == '0' + command;
	}
	systable_endscan(scan);
	table_close(pg_rewrite, AccessShareLock);
	return found;
}

bool
relation_acts_instead(Oid relid, CmdType command)
{
	int			event = command == CMD_INSERT ? TRIGGER_TYPE_INSERT :
		command == CMD_UPDATE ? TRIGGER_TYPE_UPDATE : TRIGGER_TYPE_DELETE;

	return has_instead_rule(relid, command) ||
		has_row_trigger(relid, TRIGGER_TYPE_INSTEAD, event);
}

/* Does the view itself have a default for its column? */
static bool
has_own_default(Oid relid, AttrNumber attnum)
{
	HeapTuple	tup = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
									  Int16GetDatum(attnum));
	bool		result;

	if (!HeapTupleIsValid(tup))
		return false;
	result = ((Form_pg_attribute) GETSTRUCT(tup))->atthasdef;
	ReleaseSysCache(tup);
	return result;
}

static void
reject_column(Observation *obs, Oid relid, AttrNumber attnum, const char *why)
{
	char	   *name = get_attname(relid, attnum, true);

	if (name != NULL)
		observe_problem(obs, RULE_INSERT_REJECTED_COLUMN, STATE_UNMET,
						psprintf("an INSERT with %s to work", quote_identifier(name)),
						pstrdup(why), relid, name);
}

/* On the table, or on each column: INSERT asks for either. */
static void
check_privilege(Observation *obs, Oid relid, Bitmapset *supplied, Oid user)
{
	bool		is_missing = false;
	int			attnum = -1;

	if (pg_class_aclcheck_ext(relid, user, ACL_INSERT,
							  &is_missing) == ACLCHECK_OK || is_missing)
		return;
	while ((attnum = bms_next_member(supplied, attnum)) >= 0)
	{
		char	   *name = get_attname(relid, attnum, true);

		if (name == NULL ||
			pg_attribute_aclcheck_ext(relid, attnum, user, ACL_INSERT,
									  &is_missing) == ACLCHECK_OK || is_missing)
			continue;
		(void) observe_lost_privilege(obs, relid, name, user, "have insert on",
									  pstrdup("it lacks insert"));
	}
}

/*
 * Go from a simple view to what is below it.  False if the view is not simple,
 * or refuses a column.
 */
static bool
descend(Observation *obs, InsertTarget *target)
{
	Oid			view = target->relid;
	InsertTarget below = {InvalidOid};
	int			ncolumns;
	AttrNumber *columns = view_columns(view, &below.relid, &ncolumns);
	bool		refused = false;

	if (columns == NULL)
		return false;
	for (AttrNumber attnum = 1; attnum <= ncolumns; attnum++)
	{
		bool		is_supplied = bms_is_member(attnum, target->supplied);

		if (columns[attnum - 1] <= 0)
		{
			if (is_supplied)
				reject_column(obs, view, attnum, "a view computes it");
			refused |= is_supplied;
			continue;
		}
		if (is_supplied)
			below.supplied = bms_add_member(below.supplied, columns[attnum - 1]);
		if (bms_is_member(attnum, target->filled) || has_own_default(view, attnum))
			below.filled = bms_add_member(below.filled, columns[attnum - 1]);
	}
	if (OidIsValid(target->user))
	{
		below.user = view_reads_as(view, target->user);
		check_privilege(obs, below.relid, below.supplied, below.user);
	}
	*target = below;
	observe_object(obs, RelationRelationId, target->relid);
	return !refused;
}

/*
 * Go down to the table, as the rewriter does.  False where a trigger or rule
 * does something of its own instead, which nobody can foresee; where a view
 * takes no INSERT at all, which is a matter of relation-kind; and where a view
 * refuses the INSERT, which has been reported then.
 */
static bool
find_table(Observation *obs, InsertTarget *target)
{
	for (int depth = 0; depth <= MAX_VIEW_DEPTH; depth++)
	{
		if (relation_acts_instead(target->relid, CMD_INSERT))
			return false;
		if (get_rel_relkind(target->relid) != RELKIND_VIEW)
			return true;
		if (!descend(obs, target))
			return false;
	}
	return false;
}

/*
 * May a trigger give a column its value?  Those of a partition run too, before
 * NOT NULL is looked at.
 */
static bool
may_be_filled(const InsertTarget *target)
{
	ListCell   *lc;

	foreach(lc, target->partitions)
	{
		if (has_row_trigger(lfirst_oid(lc), TRIGGER_TYPE_BEFORE, TRIGGER_TYPE_INSERT))
			return true;
	}
	return has_row_trigger(target->relid, TRIGGER_TYPE_BEFORE, TRIGGER_TYPE_INSERT);
}

/* Is a generated column null because of what is left out? */
static bool
is_always_null(Oid relid, AttrNumber attnum, const InsertTarget *target)
{
	Node	   *expr = generation_expression(relid, attnum);
	Bitmapset  *columns = NULL;
	int			column = -1;

	if (expr == NULL || contain_nonstrict_functions(expr))
		return false;
	pull_varattnos(expr, 1, &columns);
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		AttrNumber	attno = column + FirstLowInvalidHeapAttributeNumber;
		ColumnFacts facts;

		if (attno > 0 && !bms_is_member(attno, target->filled) &&
			column_facts(relid, attno, &facts) &&
			!facts.has_default && facts.identity == '\0' && facts.generated == '\0')
			return true;
	}
	return false;
}

static void
check_left_out(Observation *obs, const InsertTarget *target, AttrNumber attnum,
			   const ColumnFacts *facts)
{
	char	   *name = get_attname(target->relid, attnum, true);
	Nullability nulls;
	bool		undecided;
	Oid			partition = InvalidOid;
	const char *found;

	if (name == NULL || facts->has_default || facts->identity != '\0' ||
		(facts->generated != '\0' && !is_always_null(target->relid, attnum, target)))
		return;
	nulls = column_nullability(facts);
	if (nulls != NULLS_REJECTED && nulls != NULLS_ABSENT &&
		!OidIsValid(partition = child_without_nulls(facts, target->partitions)))
		return;

	undecided = may_be_filled(target);
	if (facts->generated != '\0')
		found = "it is not null, and generated from a column that is left out";
	else if (OidIsValid(partition))
		found = psprintf("it is not null in partition %s and has no default",
						 relation_label(partition));
	else
		found = "it is not null and has no default";
	if (undecided)
		found = psprintf("%s, unless a trigger gives it a value", found);
	observe_problem(obs, RULE_INSERT_NEEDS_COLUMN,
					undecided ? STATE_UNKNOWN : STATE_UNMET,
					psprintf("an INSERT without %s to work", quote_identifier(name)),
					pstrdup(found), target->relid, name);
}

static void
observe_insert_as(Observation *obs, InsertTarget target)
{
	bool		is_foreign;

	if (!find_table(obs, &target))
		return;
	if (get_rel_relkind(target.relid) == RELKIND_PARTITIONED_TABLE)
		target.partitions = relations_below(target.relid);

	/* What NOT NULL a foreign table has is a claim, and not enforced here. */
	is_foreign = get_rel_relkind(target.relid) == RELKIND_FOREIGN_TABLE;

	for (AttrNumber attnum = 1; attnum <= relation_natts(target.relid); attnum++)
	{
		ColumnFacts facts;

		if (!column_facts(target.relid, attnum, &facts))
			continue;
		observe_type(obs, facts.type);

		if (bms_is_member(attnum, target.supplied))
		{
			if (facts.generated != '\0')
				reject_column(obs, target.relid, attnum, "it is a generated column");
			else if (facts.identity == ATTRIBUTE_IDENTITY_ALWAYS)
				reject_column(obs, target.relid, attnum,
							  "it is an identity column generated always");
		}
		else if (!bms_is_member(attnum, target.filled) && !is_foreign)
			check_left_out(obs, &target, attnum, &facts);
	}
}

void
observe_insert(Observation *obs, Oid relid, Bitmapset *supplied)
{
	observe_insert_as(obs, (InsertTarget) {.relid = relid, .supplied = supplied,
					  .filled = supplied});
}

void
verify_insert(const Requirement *req, Observation *obs)
{
	Oid			relid = observe_relation(req, obs);
	RelationUse use = {.commands = USE_INSERT};
	Surroundings *around;
	Bitmapset  *supplied = NULL;
	ListCell   *lc;

	if (!OidIsValid(relid))
		return;
	foreach(lc, requirement_list(req, "columns"))
	{
		const char *name = lfirst(lc);
		AttrNumber	attnum = get_attnum(relid, name);

		if (attnum > 0)
		{
			supplied = bms_add_member(supplied, attnum);
			observe_column(obs, relid, name);
		}
		else
			observe_problem(obs, RULE_COLUMN_MISSING, STATE_UNMET,
							psprintf("column %s", quote_identifier(name)),
							psprintf("no such column in %s", relation_label(relid)),
							relid, name);
	}
	if (!relation_allows(relid, CMD_INSERT))
		observe_problem(obs, RULE_RELATION_KIND, STATE_UNMET,
						pstrdup("a relation that allows insert"),
						psprintf("a %s that does not allow insert",
								 relation_kind_label(get_rel_relkind(relid))),
						relid, NULL);
	check_privilege(obs, relid, supplied, GetUserId());
	observe_insert_as(obs, (InsertTarget) {.relid = relid, .user = GetUserId(),
					  .supplied = supplied, .filled = supplied});

	observe_write(obs, relid, CMD_INSERT, NULL);
	(void) observe_bodies(req, obs);

	use.inserted = supplied;
	around = surroundings_begin(req, obs);
	surroundings_add(around, relid, &use);
	surroundings_end(around);
}
