/*
 * trial_effect.c
 *		What a statement of a trial does to tables: locks, rewrites, builds, scans.
 *
 * It is looked up after the statement has run, before its subtransaction ends: that has the
 * new files that it gave to tables and indexes.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "api/api.h"
#include "base/compat.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* Return the effect of the statement on a table, which is added if it is new. */
static TrialEffect *
effect_on(Trial *trial, const ScriptStatement *statement, Oid relid)
{
	TrialEffect *effect;
	ListCell   *lc;

	foreach(lc, trial->effects)
	{
		effect = lfirst(lc);
		if (effect->statement == statement && effect->relid == relid)
			return effect;
	}
	effect = palloc0_object(TrialEffect);
	effect->statement = statement;
	effect->relid = relid;
	effect->relation = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
												  get_rel_name(relid));
	effect->bytes = -1;
	trial->effects = lappend(trial->effects, effect);
	return effect;
}

/* Has a statement before it taken the lock, or a stronger one? */
static bool
lock_is_old(const Trial *trial, Oid relid, LOCKMODE mode)
{
	ListCell   *lc;

	foreach(lc, trial->effects)
	{
		const TrialEffect *effect = lfirst(lc);

		if (effect->relid == relid && effect->lock >= mode)
			return true;
	}
	return false;
}

static bool
is_table_like(Oid relid)
{
	char		relkind = get_rel_relkind(relid);

	return relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE ||
		relkind == RELKIND_MATVIEW || relkind == RELKIND_FOREIGN_TABLE ||
		relkind == RELKIND_VIEW;
}

/* Return the strongest lock of a mask if it is stronger than what queries take, or NoLock. */
static LOCKMODE
strongest_lock(LOCKMASK mask)
{
	for (LOCKMODE mode = MaxLockMode; mode > RowExclusiveLock; mode--)
	{
		if (mask & LOCKBIT_ON(mode))
			return mode;
	}
	return NoLock;
}

/* Was the relation made by the script, or by the transaction before it? */
static bool
is_new(Oid relid)
{
	Relation	rel = RelationIdGetRelation(relid);
	bool		result = rel == NULL || rel->rd_createSubid != InvalidSubTransactionId;

	if (rel != NULL)
		RelationClose(rel);
	return result;
}

/*
 * Note the locks of the session.  To hide the rows of a table locks it, too, in a mode that
 * counts only if the statement had it before.
 */
static void
note_locks(Trial *trial, const ScriptStatement *statement, List *locked)
{
	LockData   *locks = GetLockStatusData();

	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];
		LOCKMODE	mode = strongest_lock(lock->holdMask);
		Oid			relid = lock->locktag.locktag_field2;

		if (lock->pid == MyProcPid && lock->locktag.locktag_type == LOCKTAG_RELATION &&
			lock->locktag.locktag_field1 == MyDatabaseId && mode != NoLock &&
			relid >= FirstNormalObjectId && is_table_like(relid) && !is_new(relid) &&
			!lock_is_old(trial, relid, mode) &&
			!(mode == ShareUpdateExclusiveLock && list_member_oid(trial->was_hidden, relid) &&
			  !list_member_oid(locked, relid)))
			effect_on(trial, statement, relid)->lock = mode;
	}
}

/* Did the statement give the relation a new file? */
static bool
has_new_file(Relation rel)
{
	return compat_new_storage_subid(rel) == GetCurrentSubTransactionId() ||
		rel->rd_createSubid == GetCurrentSubTransactionId();
}

/* Return the names of the indexes of a table that the statement has built. */
static List *
built_indexes(Relation rel)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = RelationIdGetRelation(lfirst_oid(lc));

		if (index != NULL && RELKIND_HAS_STORAGE(index->rd_rel->relkind) && has_new_file(index))
			names = lappend(names, pstrdup(RelationGetRelationName(index)));
		if (index != NULL)
			RelationClose(index);
	}
	return names;
}

/* Return the size of a table before the script, as far as it is known, or as it is. */
static int64
size_before(const Trial *trial, Relation rel)
{
	ListCell   *lc;

	foreach(lc, trial->effects)
	{
		const TrialEffect *effect = lfirst(lc);

		if (effect->relid == RelationGetRelid(rel) && effect->bytes >= 0)
			return effect->bytes;
	}
	return RELKIND_HAS_TABLE_AM(rel->rd_rel->relkind) ? bytes_with_toast(rel) : -1;
}

/* Note whether a table was rewritten, and which of its indexes were built. */
static void
note_files(Trial *trial, const ScriptStatement *statement, Oid relid)
{
	Relation	rel = RelationIdGetRelation(relid);
	bool		rewrites;
	List	   *builds;

	if (rel == NULL)
		return;
	rewrites = RELKIND_HAS_STORAGE(rel->rd_rel->relkind) && has_new_file(rel);
	builds = built_indexes(rel);
	if (rewrites || builds != NIL)
	{
		TrialEffect *effect = effect_on(trial, statement, relid);

		effect->rewrites = rewrites;
		effect->builds = builds;
	}
	RelationClose(rel);
}

/* Note the sizes of tables of which the statement's effects do not tell them. */
static void
note_sizes(Trial *trial, const ScriptStatement *statement)
{
	ListCell   *lc;

	foreach(lc, trial->effects)
	{
		TrialEffect *effect = lfirst(lc);
		Relation	rel;

		if (effect->statement != statement || effect->bytes >= 0)
			continue;
		rel = RelationIdGetRelation(effect->relid);
		if (rel == NULL)
			continue;
		effect->bytes = size_before(trial, rel);
		RelationClose(rel);
	}
}

/* Return the tables of all effects so far. */
static List *
tables_met(const Trial *trial)
{
	List	   *relids = NIL;
	ListCell   *lc;

	foreach(lc, trial->effects)
		relids = list_append_unique_oid(relids, ((TrialEffect *) lfirst(lc))->relid);
	return relids;
}

void
trial_note_effects(Trial *trial, const ScriptStatement *statement, List *hidden,
				   List *locked)
{
	ListCell   *lc;

	note_locks(trial, statement, locked);
	foreach(lc, hidden)
	{
		const HiddenRows *rows = lfirst(lc);

		if (OidIsValid(rows_hidden_of(rows)) && get_rel_relkind(rows_hidden_of(rows)) != '\0')
		{
			TrialEffect *effect = effect_on(trial, statement, rows_hidden_of(rows));

			effect->bytes = rows_hidden_size(rows);
			effect->scans = rows_hidden_scans(rows) > 0;
		}
	}
	foreach(lc, tables_met(trial))
		note_files(trial, statement, lfirst_oid(lc));
	note_sizes(trial, statement);
}
