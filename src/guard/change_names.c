/*
 * change_names.c
 *		From the objects that a transaction has touched to their names before and
 *		after.
 *
 * The server's own objects have no keys, since they hardly ever change: when one
 * of them does, any requirement may feel it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "base/object.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_publication.h"
#include "guard/guard.h"
#include "guard/guard_internal.h"
#include "storage/sinval.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* ---- entries that this transaction has changed itself ---- */

/* Mark the entry that an invalidation message is about as this transaction's own. */
static void
mark_own(ChangeSet *change, const SharedInvalidationMessage *message)
{
	TouchedKey	key = {RelationRelationId, 0};
	TouchedEntry *entry;

	if (message->id == SHAREDINVALRELCACHE_ID)
		key.id = message->rc.relId;
	else if (message->id >= 0)
	{
		const HashedCache *cache = hashed_caches;

		while (cache < hashed_caches + N_HASHED_CACHES &&
			   cache->cacheid != message->id)
			cache++;
		if (cache == hashed_caches + N_HASHED_CACHES)
			return;
		key.classid = HASH_CLASS(cache);
		key.id = message->cc.hashValue;
	}
	else
		return;
	entry = hash_search(change->entries, &key, HASH_FIND, NULL);
	if (entry != NULL)
		entry->is_own = true;
}

/*
 * Mark the entries that this transaction has changed itself: those that it is going
 * to tell other sessions of when it commits.  The server gives that list only outside
 * subtransactions.  Return false inside one: what others have invalidated counts then,
 * too.
 */
static bool
mark_own_entries(ChangeSet *change)
{
	SharedInvalidationMessage *messages;
	bool		of_init_file;
	int			n;

	if (GetCurrentTransactionNestLevel() != 1)
		return false;
	n = xactGetCommittedInvalidationMessages(&messages, &of_init_file);
	for (int i = 0; i < n; i++)
		mark_own(change, &messages[i]);
	if (messages != NULL)
		pfree(messages);
	return true;
}

/* ---- names ---- */

/*
 * May any requirement feel the change of this object?  That goes for objects which no
 * requirement has by name, and for those that initdb made; but not for roles, schemas
 * and languages that initdb made.
 */
static bool
is_felt_everywhere(Oid classid, Oid objid)
{
	switch (classid)
	{
		case AccessMethodOperatorRelationId:
		case AccessMethodProcedureRelationId:
		case CastRelationId:
		case DatabaseRelationId:	/* this one: whose owner has
									 * pg_database_owner's rights */
		case OperatorClassRelationId:
		case OperatorFamilyRelationId:
		case PublicationRelationId: /* perhaps of all tables */
			return true;
		case AuthIdRelationId:
		case ConstraintRelationId:
		case ExtensionRelationId:
		case LanguageRelationId:
		case NamespaceRelationId:
			return false;
		default:
			return objid < FirstNormalObjectId;
	}
}

/*
 * Add an object with the names it had and the one it has now.  classid and objid are
 * those of the object, also where the key of the entry is a syscache hash.
 */
static void
add_touched(SchemaChange *result, const TouchedEntry *entry, Oid classid, Oid objid)
{
	ObjectName *now = IS_HASH_CLASS(entry->key.classid) ? object_name(classid, objid)
	: change_new_name(entry);
	ChangedObject *object = palloc_object(ChangedObject);
	ListCell   *lc;

	foreach(lc, entry->names)
	{
		ObjectName *was = lfirst(lc);
		ObjectName	copy = *was;

		copy.schema = pstrdup(was->schema);
		copy.name = was->name ? pstrdup(was->name) : NULL;
		change_add_name(result, &copy, entry->statements);
	}
	if (now != NULL)
		change_add_name(result, now, entry->statements);
	result->everything |= is_felt_everywhere(classid, objid);
	object->classid = classid;
	object->objid = objid;
	object->statements = entry->statements;
	result->objects = lappend(result->objects, object);
	if (classid == RelationRelationId)
		result->relids = lappend_oid(result->relids, objid);
}

/*
 * Add the objects whose syscache hash is among those collected: GRANT or REVOKE named
 * them, or an event has told of them already.  all: also those that only another
 * session has touched.
 */
static void
add_hashed(SchemaChange *result, ChangeSet *change, bool all, const HashedCache *cache)
{
	Relation	rel = table_open(cache->classid, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tup;

	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		bool		isnull;
		Oid			oid = DatumGetObjectId(heap_getattr(tup, cache->oid_attnum,
														RelationGetDescr(rel), &isnull));
		TouchedKey	hashed = {HASH_CLASS(cache),
		GetSysCacheHashValue1(cache->cacheid, ObjectIdGetDatum(oid))};
		TouchedEntry *entry = hash_search(change->entries, &hashed, HASH_FIND, NULL);

		if (entry != NULL && (all || entry->is_own))
			add_touched(result, entry, cache->classid, oid);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/* Are there hashes in the set that belong to no object which an event has told of? */
static bool
any_unexplained(ChangeSet *change, bool all, const HashedCache *cache)
{
	HASH_SEQ_STATUS seq;
	TouchedEntry *entry;
	long		hashes = 0;
	long		explained = 0;

	hash_seq_init(&seq, change->entries);
	while ((entry = hash_seq_search(&seq)) != NULL)
	{
		if (entry->key.classid == HASH_CLASS(cache))
			hashes += all || entry->is_own;
		else if (entry->key.classid == cache->classid)
		{
			TouchedKey	hashed = {HASH_CLASS(cache),
			GetSysCacheHashValue1(cache->cacheid, ObjectIdGetDatum(entry->key.id))};
			TouchedEntry *of_hash = hash_search(change->entries, &hashed, HASH_FIND, NULL);

			explained += of_hash != NULL && (all || of_hash->is_own);
		}
	}
	return hashes > explained;
}

SchemaChange *
change_names(void)
{
	ChangeSet  *change = change_current();
	SchemaChange *result = palloc0_object(SchemaChange);
	HASH_SEQ_STATUS seq;
	TouchedEntry *entry;
	bool		all;

	if (change == NULL)
		return result;

	all = !mark_own_entries(change);
	hash_seq_init(&seq, change->entries);
	while ((entry = hash_seq_search(&seq)) != NULL)
	{
		if (!IS_HASH_CLASS(entry->key.classid) && (all || entry->is_own))
			add_touched(result, entry, entry->key.classid, entry->key.id);
	}
	for (const HashedCache *cache = hashed_caches;
		 cache < hashed_caches + N_HASHED_CACHES; cache++)
	{
		if (any_unexplained(change, all, cache))
			add_hashed(result, change, all, cache);
	}

	result->statements = change->statements;
	result->guard_before = change->guard_before;
	result->logins_before = change->logins_before;
	result->hazards = change->hazards;
	return result;
}
