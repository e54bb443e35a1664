/*
 * insert.c
 *		Does an INSERT that names just these columns work?
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/compat.h"
#include "catalog/indexing.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/attribute.h"
#include "verify/observe.h"

/* The table that an INSERT writes in the end, and the columns of it. */
typedef struct InsertTarget
{
	Oid			relid;
	Bitmapset  *supplied;		/* columns the statement gives a value */
	Bitmapset  *filled;			/* these, and those a view has a default for */
} InsertTarget;

static AttrNumber
relation_natts(Oid relid)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	AttrNumber	natts = 0;

	if (HeapTupleIsValid(tup))
	{
		natts = ((Form_pg_class) GETSTRUCT(tup))->relnatts;
		ReleaseSysCache(tup);
	}
	return natts;
}

/* An enabled trigger for each inserted row, of this timing? */
static bool
has_insert_trigger(Oid relid, int timing)
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
								 timing, TRIGGER_TYPE_INSERT);
	}
	systable_endscan(scan);
	table_close(pg_trigger, AccessShareLock);
	return found;
}

/* A rule that does something else instead of the INSERT? */
static bool
has_instead_rule(Oid relid)
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

		found = rule->is_instead && rule->ev_type == '0' + CMD_INSERT;
	}
	systable_endscan(scan);
	table_close(pg_rewrite, AccessShareLock);
	return found;
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

/*
 * Go from a simple view to what is below it.  False if the view is not simple,
 * or refuses a column.
 */
static bool
descend(Observation *obs, InsertTarget *target)
{
	Oid			view = target->relid;
	InsertTarget below = {InvalidOid, NULL, NULL};
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
		if (has_instead_rule(target->relid) ||
			has_insert_trigger(target->relid, TRIGGER_TYPE_INSTEAD))
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
may_be_filled(Oid relid)
{
	ListCell   *lc;

	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return has_insert_trigger(relid, TRIGGER_TYPE_BEFORE);
	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		if (has_insert_trigger(lfirst_oid(lc), TRIGGER_TYPE_BEFORE))
			return true;
	}
	return false;
}

static void
check_left_out(Observation *obs, Oid relid, AttrNumber attnum,
			   const ColumnFacts *facts)
{
	char	   *name = get_attname(relid, attnum, true);
	Nullability nulls;
	bool		undecided;

	if (name == NULL || facts->has_default ||
		facts->identity != '\0' || facts->generated != '\0')
		return;
	nulls = column_nullability(facts);
	if (nulls != NULLS_REJECTED && nulls != NULLS_ABSENT)
		return;

	undecided = may_be_filled(relid);
	observe_problem(obs, RULE_INSERT_NEEDS_COLUMN,
					undecided ? STATE_UNKNOWN : STATE_UNMET,
					psprintf("an INSERT without %s to work", quote_identifier(name)),
					pstrdup(undecided ?
							"it is not null without default, unless a trigger gives it a value" :
							"it is not null and has no default"),
					relid, name);
}

void
observe_insert(Observation *obs, Oid relid, Bitmapset *supplied)
{
	InsertTarget target = {relid, supplied, supplied};
	bool		is_foreign;

	if (!find_table(obs, &target))
		return;

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
			check_left_out(obs, target.relid, attnum, &facts);
	}
}

/* On the table, or on each column: INSERT asks for either. */
static void
check_privilege(Observation *obs, Oid relid, Bitmapset *supplied)
{
	bool		is_missing = false;
	int			attnum = -1;

	if (pg_class_aclcheck_ext(relid, GetUserId(), ACL_INSERT,
							  &is_missing) == ACLCHECK_OK || is_missing)
		return;
	while ((attnum = bms_next_member(supplied, attnum)) >= 0)
	{
		char	   *name = get_attname(relid, attnum, true);

		if (name == NULL ||
			pg_attribute_aclcheck_ext(relid, attnum, GetUserId(), ACL_INSERT,
									  &is_missing) == ACLCHECK_OK || is_missing)
			continue;
		observe_problem(obs, RULE_PRIVILEGE_LOST, STATE_UNMET,
						psprintf("role %s to have insert on %s",
								 quote_identifier(GetUserNameFromId(GetUserId(), false)),
								 quote_identifier(name)),
						pstrdup("it lacks insert"), relid, name);
	}
}

void
verify_insert(const Requirement *req, Observation *obs)
{
	Oid			relid = observe_relation(req, obs);
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
	check_privilege(obs, relid, supplied);
	observe_insert(obs, relid, supplied);
	observe_write(obs, relid, CMD_INSERT, NULL);
	(void) observe_bodies(req, obs);
}
