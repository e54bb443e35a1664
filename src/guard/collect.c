/*
 * collect.c
 *		What the current transaction's DDL has touched so far.
 *
 * Three sources together see every change of schema, whatever statement made
 * it and however deep it was nested:
 *
 *	- object access events: creation, alteration and deletion of objects.  At
 *	  alteration and deletion the catalogs still show the object as it was, so
 *	  its old name is taken there;
 *	- relation-cache invalidations while a DDL statement runs: privileges,
 *	  constraints, defaults, triggers, policies, partitions, and whatever else
 *	  an event is missing for but a relation's description depends on;
 *	- syscache invalidations of objects that rights can be had on, for GRANT and
 *	  REVOKE.
 *
 * To collect too much only costs a verification, but the wait for another
 * transaction, too, where that changes the same.  So what other sessions
 * invalidated meanwhile is told apart at the end, by the list of messages that
 * this transaction is going to send.  Of what a subtransaction touched before it
 * was rolled back only the bulk is dropped.
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
#include "base/activity.h"
#include "base/compat.h"
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_default_acl.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_publication_rel.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_tablespace.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "guard/guard.h"
#include "guard/guard_internal.h"
#include "judge/judge.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/autovacuum.h"
#include "storage/sinval.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "verify/run/run.h"

/*
 * Syscache entries are known by their hash value alone: their class is that of
 * hashed_caches below in place of an OID's.
 */
typedef struct TouchedKey
{
	Oid			classid;
	uint32		id;				/* OID, or hash value */
} TouchedKey;

/* What GRANT and REVOKE change without an event or a relation's invalidation. */
typedef struct HashedCache
{
	int			cacheid;
	Oid			classid;
	AttrNumber	oid_attnum;
} HashedCache;

static const HashedCache hashed_caches[] = {
	{FOREIGNDATAWRAPPEROID, ForeignDataWrapperRelationId, Anum_pg_foreign_data_wrapper_oid},
	{FOREIGNSERVEROID, ForeignServerRelationId, Anum_pg_foreign_server_oid},
	{LANGOID, LanguageRelationId, Anum_pg_language_oid},
	{NAMESPACEOID, NamespaceRelationId, Anum_pg_namespace_oid},
	{PROCOID, ProcedureRelationId, Anum_pg_proc_oid},
	{TYPEOID, TypeRelationId, Anum_pg_type_oid}
};

/* No catalog has an OID as low as the place in that list. */
#define HASH_CLASS(cache) ((Oid) ((cache) - hashed_caches) + 1)
#define IS_HASH_CLASS(classid) ((classid) <= lengthof(hashed_caches))

typedef struct TouchedEntry
{
	TouchedKey	key;			/* must be first */
	bool		is_own;			/* an event told of it, or this transaction's
								 * own invalidation */
	SubTransactionId subid;		/* that touched it first */
	List	   *names;			/* of ObjectName *: what it was called */
	List	   *statements;		/* of ChangeStatement *: that touched it */
} TouchedEntry;

struct ChangeSet
{
	MemoryContext context;
	HTAB	   *entries;
	uint64		number;			/* of this set, in this session */
	List	   *statements;		/* of ChangeStatement *, in their order */
	GuardParts *guard_before;	/* before the guard itself was touched, or
								 * NULL */
	List	   *logins_before;	/* before the first statement that may change
								 * them, or NIL */
};

static ChangeSet *change = NULL;	/* NULL: nothing yet */
static StatementFrame *current_frame = NULL;
static StatementFrame loading_frame;	/* see change_loaded_mid_statement */
static SubTransactionId loading_subid;
static int	previews = 0;		/* sets put aside by change_replace */

/* The statement whose removal of the registry was judged. */
static const StatementFrame *removal_frame = NULL;

static object_access_hook_type next_object_access_hook = NULL;

/* ---- statements ---- */

StatementFrame *
change_enter(StatementFrame *frame)
{
	frame->outer = current_frame;
	current_frame = frame;
	return frame->outer;
}

void
change_leave(StatementFrame *outer)
{
	/* The frame is about to go; another may get its address. */
	removal_frame = NULL;
	current_frame = outer;
}

bool
change_in_statement(void)
{
	return current_frame != NULL;
}

void
change_loaded_mid_statement(const StatementFrame *frame)
{
	/* Both may outlive the message that the statement came in. */
	static char *shown = NULL;
	char	   *text = change_frame_text(frame);

	if (shown != NULL)
		pfree(shown);
	shown = NULL;
	if (text != NULL)
		shown = MemoryContextStrdup(TopMemoryContext, text);
	loading_frame = *frame;
	loading_frame.source = NULL;
	loading_frame.text = shown;
	loading_subid = GetCurrentSubTransactionId();
	(void) change_enter(&loading_frame);
}

bool
change_loading_statement_ends(StatementFrame **frame)
{
	if (current_frame != &loading_frame)
		return false;
	change_leave(loading_frame.outer);
	*frame = &loading_frame;
	return true;
}

/* It failed, and nobody told us but this: the frame is none any more. */
static void
forget_loading_statement(void)
{
	if (current_frame == &loading_frame)
		change_leave(loading_frame.outer);
}

/*
 * Is what happens now of interest?  Autovacuum drops orphaned temporary tables
 * and vacuums by itself; only statements that something runs in its midst are.
 */
static bool
collects(void)
{
	if (current_frame == NULL)
		return !compat_am_autovacuum_worker();
	return !current_frame->is_quiet;
}

/* Does a DDL statement run right now? */
static bool
ddl_is_running(void)
{
	return current_frame != NULL && current_frame->is_ddl;
}

static List *
append_statement(List *statements, ChangeStatement *statement)
{
	MemoryContext old = MemoryContextSwitchTo(change->context);

	if (statement != NULL && (statements == NIL || llast(statements) != statement))
		statements = lappend(statements, statement);
	MemoryContextSwitchTo(old);
	return statements;
}

#define STATEMENT_SHOWN 1000	/* bytes of a statement worth keeping */

char *
change_frame_text(const StatementFrame *frame)
{
	const char *text = frame->text;
	int			length;

	if (text != NULL)
		length = strlen(text);
	else if (frame->source == NULL)
		return NULL;
	else
		text = statement_excerpt(frame->source, frame->location, frame->length, &length);

	return pnstrdup(text, pg_mbcliplen(text, length, STATEMENT_SHOWN));
}

/* What stands for it in the set, or NULL. */
static ChangeStatement *
statement_of_frame(const StatementFrame *frame)
{
	return change != NULL && frame->set == change->number ? frame->statement : NULL;
}

/* The running statement, copied once; NULL outside any. */
static ChangeStatement *
current_statement(void)
{
	ChangeStatement *statement;
	MemoryContext old;

	if (current_frame == NULL || (current_frame->source == NULL && current_frame->text == NULL))
		return NULL;
	statement = statement_of_frame(current_frame);
	if (statement != NULL && !statement->undone)
		return statement;

	old = MemoryContextSwitchTo(change->context);
	statement = palloc_object(ChangeStatement);
	statement->number = list_length(change->statements);
	statement->text = change_frame_text(current_frame);
	statement->subid = GetCurrentSubTransactionId();
	statement->undone = false;
	MemoryContextSwitchTo(old);
	change->statements = append_statement(change->statements, statement);
	current_frame->statement = statement;
	current_frame->set = change->number;
	return statement;
}

void
change_hide_outer(StatementFrame *frame)
{
	for (frame = frame->outer; frame != NULL; frame = frame->outer)
	{
		ChangeStatement *statement = statement_of_frame(frame);

		frame->text = STATEMENT_HIDDEN;
		if (statement != NULL)
			statement->text = STATEMENT_HIDDEN;
	}
}

/* ---- the set ---- */

static void
make_set(void)
{
	static uint64 sets = 0;
	HASHCTL		ctl = {.keysize = sizeof(TouchedKey), .entrysize = sizeof(TouchedEntry)};
	MemoryContext context;

	if (change != NULL)
		return;
	context = AllocSetContextCreate(TopMemoryContext, "compat_guard touched objects",
									ALLOCSET_SMALL_SIZES);
	ctl.hcxt = context;
	change = MemoryContextAllocZero(context, sizeof(ChangeSet));
	change->context = context;
	change->number = ++sets;
	change->entries = hash_create("compat_guard touched objects", 64, &ctl,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static TouchedEntry *
add_entry(Oid classid, uint32 id)
{
	TouchedKey	key = {classid, id};
	TouchedEntry *entry;
	bool		found;

	make_set();
	entry = hash_search(change->entries, &key, HASH_ENTER, &found);
	if (!found)
	{
		entry->is_own = false;
		entry->subid = GetCurrentSubTransactionId();
		entry->names = NIL;
		entry->statements = NIL;
	}
	entry->statements = append_statement(entry->statements, current_statement());
	return entry;
}

/* What the object is called now, unless that is among the names it had; or NULL. */
static ObjectName *
new_name(const TouchedEntry *entry)
{
	ObjectName *key = object_name(entry->key.classid, entry->key.id);
	ListCell   *lc;

	foreach(lc, entry->names)
	{
		if (key != NULL && object_name_equal(key, lfirst(lc)))
			return NULL;
	}
	return key;
}

/* Remember what an object is called now, before it changes. */
static void
add_name(TouchedEntry *entry)
{
	MemoryContext old = MemoryContextSwitchTo(change->context);
	ObjectName *key = new_name(entry);

	if (key != NULL)
		entry->names = lappend(entry->names, key);
	MemoryContextSwitchTo(old);
}

/* An object that is not visible yet is named later. */
static void
add_created(Oid classid, Oid objid)
{
	add_entry(classid, objid)->is_own = true;
}

void
change_object(Oid classid, Oid objid)
{
	TouchedEntry *entry = add_entry(classid, objid);

	entry->is_own = true;
	add_name(entry);
}

void
change_role(Oid roleid)
{
	change_object(AuthIdRelationId, roleid);
}

void
change_guard(void)
{
	MemoryContext old;

	make_set();
	if (change->guard_before != NULL)
		return;
	old = MemoryContextSwitchTo(change->context);
	change->guard_before = palloc_object(GuardParts);
	*change->guard_before = guard_parts();
	MemoryContextSwitchTo(old);
}

void
change_logins(void)
{
	MemoryContext old;

	make_set();
	(void) current_statement();
	if (change->logins_before != NIL)
		return;
	old = MemoryContextSwitchTo(change->context);
	change->logins_before = logins_now();
	MemoryContextSwitchTo(old);
}

bool
change_anything(void)
{
	return change != NULL;
}

void
change_clear(void)
{
	if (change != NULL)
		MemoryContextDelete(change->context);
	change = NULL;
}

void
change_transaction_end(void)
{
	change_clear();
	if (!loading_frame.commits)
		forget_loading_statement();
}

void
change_transaction_abort(void)
{
	change_clear();
	forget_loading_statement();
}

bool
change_in_preview(void)
{
	return previews > 0;
}

ChangeSet *
change_replace(void)
{
	ChangeSet  *set = change;

	change = NULL;
	previews++;
	return set;
}

void
change_restore(ChangeSet *set)
{
	if (change != NULL)
		MemoryContextDelete(change->context);
	change = set;
	previews--;
}

/*
 * parent Invalid: mine was rolled back and what it touched is as it was.
 * Otherwise mine's entries become parent's.
 */
void
change_subtransaction_end(SubTransactionId mine, SubTransactionId parent)
{
	HASH_SEQ_STATUS seq;
	TouchedEntry *entry;
	ListCell   *lc;

	if (loading_subid == mine && parent == InvalidSubTransactionId)
		forget_loading_statement();
	if (change == NULL)
		return;
	foreach(lc, change->statements)
	{
		ChangeStatement *statement = lfirst(lc);

		if (statement->subid != mine)
			continue;
		if (parent != InvalidSubTransactionId)
			statement->subid = parent;
		else
			statement->undone = true;
	}
	hash_seq_init(&seq, change->entries);
	while ((entry = hash_seq_search(&seq)) != NULL)
	{
		if (entry->subid != mine)
			continue;
		if (parent != InvalidSubTransactionId)
			entry->subid = parent;
		else
			hash_search(change->entries, &entry->key, HASH_REMOVE, NULL);
	}
}

/* ---- whose invalidations? ---- */

/* Of an entry that only an invalidation made. */
static void
mark_own(const SharedInvalidationMessage *message)
{
	TouchedKey	key = {RelationRelationId, 0};
	TouchedEntry *entry;

	if (message->id == SHAREDINVALRELCACHE_ID)
		key.id = message->rc.relId;
	else if (message->id >= 0)
	{
		const HashedCache *cache = hashed_caches;

		while (cache < hashed_caches + lengthof(hashed_caches) &&
			   cache->cacheid != message->id)
			cache++;
		if (cache == hashed_caches + lengthof(hashed_caches))
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
 * What the transaction is going to tell other sessions when it commits is what it
 * has changed.  The server gives that list only outside subtransactions.  False if
 * it does not: then what others have invalidated counts, too.
 */
static bool
mark_own_entries(void)
{
	SharedInvalidationMessage *messages;
	bool		of_init_file;
	int			n;

	if (GetCurrentTransactionNestLevel() != 1)
		return false;
	n = xactGetCommittedInvalidationMessages(&messages, &of_init_file);
	for (int i = 0; i < n; i++)
		mark_own(&messages[i]);
	if (messages != NULL)
		pfree(messages);
	return true;
}

/* ---- from what was touched to names ---- */

/*
 * May the change of this object be felt by any requirement?  Of a role, schema or language
 * made by initdb no more than of others.
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
			return true;		/* nothing has them by name */
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
 * The object is what it was, is now, or is in the catalogs.  One that was granted or
 * revoked or whose relation was invalidated has the name it has.
 */
static void
add_touched(SchemaChange *result, const TouchedEntry *entry, Oid classid, Oid objid)
{
	ObjectName *now = IS_HASH_CLASS(entry->key.classid) ? object_name(classid, objid)
	: new_name(entry);
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
 * Objects whose syscache hash is among those collected: somebody was granted or
 * revoked something on them, or they were touched in a way that an event told of
 * already.  all: whoever did it.
 */
static void
add_hashed(SchemaChange *result, bool all, const HashedCache *cache)
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

/* Leaving out hashes that an event has explained, are there others? */
static bool
any_unexplained(bool all, const HashedCache *cache)
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
	SchemaChange *result = palloc0_object(SchemaChange);
	HASH_SEQ_STATUS seq;
	TouchedEntry *entry;
	bool		all;

	if (change == NULL)
		return result;

	all = !mark_own_entries();
	hash_seq_init(&seq, change->entries);
	while ((entry = hash_seq_search(&seq)) != NULL)
	{
		if (!IS_HASH_CLASS(entry->key.classid) && (all || entry->is_own))
			add_touched(result, entry, entry->key.classid, entry->key.id);
	}
	for (const HashedCache *cache = hashed_caches;
		 cache < hashed_caches + lengthof(hashed_caches); cache++)
	{
		if (any_unexplained(all, cache))
			add_hashed(result, all, cache);
	}

	result->statements = change->statements;
	result->guard_before = change->guard_before;
	result->logins_before = change->logins_before;
	return result;
}

/* ---- the sources ---- */

/* Whoever is a member of a role loses with it what it was granted. */
static void
touch_members(Oid roleid)
{
	CatCList   *members = SearchSysCacheList1(AUTHMEMROLEMEM, ObjectIdGetDatum(roleid));

	for (int i = 0; i < members->n_members; i++)
	{
		HeapTuple	tup = &members->members[i]->tuple;

		change_role(((Form_pg_auth_members) GETSTRUCT(tup))->member);
	}
	ReleaseSysCacheList(members);
}

/* A table of the registry that only the extension's end takes away. */
static bool
is_of_registry(Oid classid, Oid objid)
{
	return classid == RelationRelationId &&
		get_rel_namespace(objid) == guard_schema_oid() &&
		get_rel_relkind(objid) == RELKIND_RELATION &&
		getExtensionOfObject(classid, objid) == guard_extension_oid();
}

/*
 * The guard itself goes.  The first table tells, before it is gone; the others of
 * the same statement tell nothing new, and the registry cannot be read any more.
 */
static void
guard_is_dropped(void)
{
	ChangeStatement *statement;

	if (removal_frame != NULL && removal_frame == current_frame)
		return;
	make_set();
	statement = current_statement();
	judge_removal(statement ? statement->text : NULL, previews > 0);
	removal_frame = current_frame;
}

static void
object_access(ObjectAccessType access, Oid classid, Oid objid, int subid, void *arg)
{
	if (next_object_access_hook)
		next_object_access_hook(access, classid, objid, subid, arg);

	/* Called for every schema look-up and function call, too. */
	if (access == OAT_FUNCTION_EXECUTE && verify_is_running())
		verify_function(objid);
	if (access != OAT_POST_CREATE && access != OAT_POST_ALTER && access != OAT_DROP)
		return;
	if (!collects() || verify_is_running())
		return;

	switch (classid)
	{
		case AttrDefaultRelationId:
		case PolicyRelationId:
		case PublicationRelRelationId:
		case RewriteRelationId:
		case StatisticExtRelationId:
		case TriggerRelationId:
			return;				/* parts of relations, whose invalidation
								 * tells */
		case DatabaseRelationId:
			if (objid == MyDatabaseId)
				break;			/* see is_felt_everywhere */
			return;
		case DbRoleSettingRelationId:
		case DefaultAclRelationId:
		case InheritsRelationId:
		case LargeObjectRelationId:
		case TableSpaceRelationId:
			return;				/* nobody's schema */
	}
	if (!guard_is_active())
		return;
	switch (classid)
	{
		case EventTriggerRelationId:
			if (access == OAT_POST_CREATE || !guard_owns_object(classid, objid))
				return;
			break;
		case ExtensionRelationId:
			if (objid != guard_extension_oid())
				break;
			/* pg_extension has no cache that would tell other sessions. */
			if (access == OAT_POST_ALTER)
				CacheInvalidateCatalog(NamespaceRelationId);
			if (change != NULL)
				(void) current_statement();
			return;
		default:
			break;
	}
	if (access == OAT_DROP && is_of_registry(classid, objid))
		guard_is_dropped();

	/* CREATE OR REPLACE FUNCTION counts as creation. */
	if ((access != OAT_POST_CREATE || classid == ProcedureRelationId) &&
		guard_owns_object(classid, objid))
		change_guard();
	if (access == OAT_POST_CREATE)
		add_created(classid, objid);
	else
		change_object(classid, objid);
	if (classid == AuthIdRelationId && access == OAT_DROP)
		touch_members(objid);
}

/*
 * Callbacks run wherever invalidations are accepted, an aborting transaction
 * included, so they look nothing up.  A DDL statement has a frame only where the
 * guard is active.
 */
static void
relation_invalidated(Datum arg, Oid relid)
{
	if (ddl_is_running() && IsTransactionState())
		(void) add_entry(RelationRelationId, relid);
}

/* hashvalue 0: the whole cache, by somebody else's doing. */
static void
object_invalidated(Datum arg, int cacheid, uint32 hashvalue)
{
	if (hashvalue != 0 && ddl_is_running() && IsTransactionState())
		(void) add_entry(HASH_CLASS((const HashedCache *) DatumGetPointer(arg)), hashvalue);
}

void
change_init(void)
{
	next_object_access_hook = object_access_hook;
	object_access_hook = object_access;
	CacheRegisterRelcacheCallback(relation_invalidated, (Datum) 0);
	for (int i = 0; i < lengthof(hashed_caches); i++)
		CacheRegisterSyscacheCallback(hashed_caches[i].cacheid, object_invalidated,
									  PointerGetDatum(&hashed_caches[i]));
}
