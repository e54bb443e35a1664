/*
 * touched.c
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
 *	- syscache invalidations of schemas and functions, for GRANT and REVOKE.
 *
 * To collect too much is harmless, it only costs a verification.  So what
 * other sessions invalidate meanwhile need not be told apart, and of what a
 * subtransaction touched before it was rolled back only the bulk is dropped.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "base/activity.h"
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "guard/touched.h"
#include "guard/whole.h"
#include "judge/judge.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

typedef struct TouchedKey
{
	Oid			classid;		/* or one of the two below */
	uint32		id;				/* OID, or hash value */
} TouchedKey;

/* Not classes: syscache entries known by their hash value alone. */
#define NAMESPACE_HASH	((Oid) 1)
#define PROC_HASH		((Oid) 2)

typedef struct TouchedEntry
{
	TouchedKey	key;			/* must be first */
	SubTransactionId subid;		/* that touched it first */
	List	   *names;			/* of ObjectKey *: what it was called */
	List	   *statements;		/* of TouchingStatement *: that touched it */
} TouchedEntry;

struct TouchedSet
{
	MemoryContext context;
	HTAB	   *entries;
	bool		everything;
	List	   *statements;		/* of TouchingStatement *, in their order ... */
	const StatementFrame *statement_frame;	/* ... and the frame the last is of */
	GuardParts *guard_before;	/* before the guard itself was touched, or NULL */
};

static TouchedSet *touched = NULL;	/* NULL: nothing yet */
static StatementFrame *current_frame = NULL;
static StatementFrame loading_frame;	/* see touched_loaded_mid_statement */
static int	suspended = 0;
static int	previews = 0;		/* sets put aside by touched_replace */

/* The statement whose removal of the registry was judged. */
static const StatementFrame *removal_frame = NULL;

static object_access_hook_type next_object_access_hook = NULL;

/* ---- statements ---- */

StatementFrame *
touched_enter(StatementFrame *frame)
{
	frame->outer = current_frame;
	current_frame = frame;
	return frame->outer;
}

void
touched_leave(StatementFrame *outer)
{
	/* The frame is about to go; another may get its address. */
	if (touched != NULL)
		touched->statement_frame = NULL;
	removal_frame = NULL;
	current_frame = outer;
}

bool
touched_in_statement(void)
{
	return current_frame != NULL;
}

void
touched_loaded_mid_statement(void)
{
	/* The frame may outlive the message that the statement came in. */
	loading_frame.source = debug_query_string == NULL ? NULL
		: MemoryContextStrdup(TopTransactionContext, debug_query_string);
	loading_frame.location = 0;
	loading_frame.length = 0;
	loading_frame.is_ddl = true;
	(void) touched_enter(&loading_frame);
}

void
touched_loading_statement_ends(void)
{
	if (current_frame == &loading_frame)
		touched_leave(loading_frame.outer);
}

void
touched_suspend(void)
{
	suspended++;
}

void
touched_resume(void)
{
	suspended--;
}

bool
touched_is_suspended(void)
{
	return suspended > 0;
}

/* Does a DDL statement run right now? */
static bool
ddl_is_running(void)
{
	return current_frame != NULL && current_frame->is_ddl;
}

static List *
append_statement(List *statements, TouchingStatement *statement)
{
	MemoryContext old = MemoryContextSwitchTo(touched->context);

	if (statement != NULL && (statements == NIL || llast(statements) != statement))
		statements = lappend(statements, statement);
	MemoryContextSwitchTo(old);
	return statements;
}

#define STATEMENT_SHOWN 1000	/* bytes of a statement worth keeping */

/* The running statement, copied once; NULL outside any. */
static TouchingStatement *
current_statement(void)
{
	TouchingStatement *statement;
	const char *source;
	int			length;
	char	   *copy;

	if (current_frame == NULL || current_frame->source == NULL)
		return NULL;
	if (touched->statement_frame == current_frame)
		return llast(touched->statements);

	source = current_frame->source;
	if (current_frame->location > 0)
		source += current_frame->location;
	length = current_frame->length > 0 ? strnlen(source, current_frame->length) : strlen(source);
	while (length > 0 && isspace((unsigned char) *source))
	{
		source++;
		length--;
	}
	while (length > 0 && (isspace((unsigned char) source[length - 1]) ||
						  source[length - 1] == ';'))
		length--;
	length = pg_mbcliplen(source, length, STATEMENT_SHOWN);

	copy = MemoryContextAlloc(touched->context, length + 1);
	memcpy(copy, source, length);
	copy[length] = '\0';
	statement = MemoryContextAlloc(touched->context, sizeof(TouchingStatement));
	statement->number = list_length(touched->statements);
	statement->text = copy;
	statement->subid = GetCurrentSubTransactionId();
	statement->undone = false;
	touched->statements = append_statement(touched->statements, statement);
	touched->statement_frame = current_frame;
	return statement;
}

/* ---- the set ---- */

static void
make_set(void)
{
	HASHCTL		ctl = {.keysize = sizeof(TouchedKey), .entrysize = sizeof(TouchedEntry)};
	MemoryContext context;

	if (touched != NULL)
		return;
	context = AllocSetContextCreate(TopMemoryContext, "compat_guard touched objects",
									ALLOCSET_SMALL_SIZES);
	ctl.hcxt = context;
	touched = MemoryContextAllocZero(context, sizeof(TouchedSet));
	touched->context = context;
	touched->entries = hash_create("compat_guard touched objects", 64, &ctl,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static TouchedEntry *
add_entry(Oid classid, uint32 id)
{
	TouchedKey	key = {classid, id};
	TouchedEntry *entry;
	bool		found;

	make_set();
	entry = hash_search(touched->entries, &key, HASH_ENTER, &found);
	if (!found)
	{
		entry->subid = GetCurrentSubTransactionId();
		entry->names = NIL;
		entry->statements = NIL;
	}
	entry->statements = append_statement(entry->statements, current_statement());
	return entry;
}

/* What the object is called now, unless that is among the names it had; or NULL. */
static ObjectKey *
new_name(const TouchedEntry *entry)
{
	ObjectKey  *key = object_key(entry->key.classid, entry->key.id);
	ListCell   *lc;

	foreach(lc, entry->names)
	{
		if (key != NULL && object_key_equal(key, lfirst(lc)))
			return NULL;
	}
	return key;
}

/* Remember what an object is called now, before it changes. */
static void
add_name(TouchedEntry *entry)
{
	MemoryContext old = MemoryContextSwitchTo(touched->context);
	ObjectKey  *key = new_name(entry);

	if (key != NULL)
		entry->names = lappend(entry->names, key);
	MemoryContextSwitchTo(old);
}

void
touched_object(Oid classid, Oid objid)
{
	add_name(add_entry(classid, objid));
}

void
touched_role(Oid roleid)
{
	touched_object(AuthIdRelationId, roleid);
}

void
touched_guard(void)
{
	make_set();
	if (touched->guard_before != NULL)
		return;
	touched->guard_before = MemoryContextAlloc(touched->context, sizeof(GuardParts));
	*touched->guard_before = guard_parts();
}

bool
touched_anything(void)
{
	return touched != NULL;
}

void
touched_clear(void)
{
	if (touched != NULL)
		MemoryContextDelete(touched->context);
	touched = NULL;
}

void
touched_transaction_end(void)
{
	touched_clear();
	if (current_frame == &loading_frame)
		current_frame = NULL;
}

void
touched_transaction_abort(void)
{
	touched_transaction_end();
	suspended = 0;
}

TouchedSet *
touched_replace(void)
{
	TouchedSet *set = touched;

	touched = NULL;
	previews++;
	return set;
}

void
touched_restore(TouchedSet *set)
{
	if (touched != NULL)
		MemoryContextDelete(touched->context);
	touched = set;
	previews--;
}

/*
 * parent Invalid: mine was rolled back and what it touched is as it was.
 * Otherwise mine's entries become parent's.
 */
void
touched_subtransaction_end(SubTransactionId mine, SubTransactionId parent)
{
	HASH_SEQ_STATUS seq;
	TouchedEntry *entry;
	ListCell   *lc;

	if (touched == NULL)
		return;
	foreach(lc, touched->statements)
	{
		TouchingStatement *statement = lfirst(lc);

		if (statement->subid != mine)
			continue;
		if (parent != InvalidSubTransactionId)
			statement->subid = parent;
		else
			statement->undone = true;
	}
	hash_seq_init(&seq, touched->entries);
	while ((entry = hash_seq_search(&seq)) != NULL)
	{
		if (entry->subid != mine)
			continue;
		if (parent != InvalidSubTransactionId)
			entry->subid = parent;
		else
			hash_search(touched->entries, &entry->key, HASH_REMOVE, NULL);
	}
}

/* ---- from what was touched to names ---- */

static void
add_touched_name(Touched *result, ObjectKey *key, const TouchedEntry *entry)
{
	TouchedName *name = palloc_object(TouchedName);

	name->key = *key;
	name->statements = entry->statements;
	if (key->classid == AuthIdRelationId)
		result->roles = lappend(result->roles, name);
	else
		result->names = lappend(result->names, name);
}

/*
 * Schemas or functions whose syscache hash is among those collected: somebody
 * was granted or revoked something on them, or they were touched in a way that
 * an event told of already.
 */
static void
add_hashed(Touched *result, Oid hash_class, Oid classid, int cacheid, AttrNumber oid_attnum)
{
	Relation	rel = table_open(classid, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tup;

	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		bool		isnull;
		Oid			oid = DatumGetObjectId(heap_getattr(tup, oid_attnum,
														RelationGetDescr(rel), &isnull));
		TouchedKey	hashed = {hash_class, GetSysCacheHashValue1(cacheid, ObjectIdGetDatum(oid))};
		TouchedEntry *entry = hash_search(touched->entries, &hashed, HASH_FIND, NULL);
		ObjectKey  *key;

		if (entry != NULL && (key = object_key(classid, oid)) != NULL)
			add_touched_name(result, key, entry);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/* Drop hashes that an event has explained; are there others? */
static bool
any_unexplained(Oid hash_class, Oid classid, int cacheid)
{
	HASH_SEQ_STATUS seq;
	TouchedEntry *entry;
	long		hashes = 0;
	long		explained = 0;

	hash_seq_init(&seq, touched->entries);
	while ((entry = hash_seq_search(&seq)) != NULL)
	{
		if (entry->key.classid == hash_class)
			hashes++;
		else if (entry->key.classid == classid)
		{
			TouchedKey	hashed = {hash_class, GetSysCacheHashValue1(cacheid, ObjectIdGetDatum(entry->key.id))};

			if (hash_search(touched->entries, &hashed, HASH_FIND, NULL) != NULL)
				explained++;
		}
	}
	return hashes > explained;
}

Touched *
touched_names(void)
{
	Touched    *result = palloc0_object(Touched);
	HASH_SEQ_STATUS seq;
	TouchedEntry *entry;

	if (touched == NULL)
		return result;

	result->everything = touched->everything;
	hash_seq_init(&seq, touched->entries);
	while ((entry = hash_seq_search(&seq)) != NULL)
	{
		ObjectKey  *now;
		ListCell   *lc;

		if (entry->key.classid == NAMESPACE_HASH || entry->key.classid == PROC_HASH)
			continue;
		foreach(lc, entry->names)
		{
			ObjectKey  *was = lfirst(lc);
			ObjectKey	copy = *was;

			copy.schema = pstrdup(was->schema);
			copy.name = was->name ? pstrdup(was->name) : NULL;
			add_touched_name(result, &copy, entry);
		}
		now = new_name(entry);
		if (now != NULL)
			add_touched_name(result, now, entry);
		foreach(lc, relations_of_part(entry->key.classid, entry->key.id))
		{
			ObjectKey  *whole = object_key(RelationRelationId, lfirst_oid(lc));

			if (whole != NULL)
				add_touched_name(result, whole, entry);
		}
	}

	if (any_unexplained(NAMESPACE_HASH, NamespaceRelationId, NAMESPACEOID))
		add_hashed(result, NAMESPACE_HASH, NamespaceRelationId, NAMESPACEOID,
				   Anum_pg_namespace_oid);
	if (any_unexplained(PROC_HASH, ProcedureRelationId, PROCOID))
		add_hashed(result, PROC_HASH, ProcedureRelationId, PROCOID, Anum_pg_proc_oid);

	result->statements = touched->statements;
	result->guard_before = touched->guard_before;
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

		touched_role(((Form_pg_auth_members) GETSTRUCT(tup))->member);
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
	TouchingStatement *statement;

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
	if (suspended > 0 || verify_is_running())
		return;

	switch (classid)
	{
		case RelationRelationId:
		case TypeRelationId:
		case ProcedureRelationId:
		case OperatorRelationId:
		case CollationRelationId:
		case NamespaceRelationId:
		case ExtensionRelationId:
		case AuthIdRelationId:
		case ConstraintRelationId:	/* of a domain: leads to it */
		case ForeignServerRelationId:
		case ForeignDataWrapperRelationId:
			if (!guard_is_active())
				return;
			if (classid == ExtensionRelationId && objid == guard_extension_oid())
			{
				/* pg_extension has no cache that would tell other sessions. */
				if (access == OAT_POST_ALTER)
					CacheInvalidateCatalog(NamespaceRelationId);
				if (touched != NULL)
					(void) current_statement();
				return;
			}
			if (access == OAT_DROP && is_of_registry(classid, objid))
				guard_is_dropped();
			if (access == OAT_POST_CREATE)
				(void) add_entry(classid, objid);	/* not visible yet: named later */
			else
				touched_object(classid, objid);
			if (classid == AuthIdRelationId && access == OAT_DROP)
				touch_members(objid);
			break;
		case CastRelationId:
			if (!guard_is_active())
				return;
			(void) add_entry(classid, objid);
			touched->everything = true;
			break;
		case EventTriggerRelationId:
			if (access != OAT_POST_CREATE && guard_is_active() &&
				guard_owns_event_trigger(objid))
			{
				touched_guard();
				(void) add_entry(classid, objid);
			}
			break;
		default:
			/* Parts of relations: the relation's invalidation tells. */
			break;
	}
}

/*
 * Callbacks run wherever invalidations are accepted, an aborting transaction
 * included, so they look nothing up.  A DDL statement has a frame only where the
 * guard is active.
 */
static void
relation_invalidated(Datum arg, Oid relid)
{
	if (suspended == 0 && relid >= FirstNormalObjectId && ddl_is_running() &&
		IsTransactionState())
		(void) add_entry(RelationRelationId, relid);
}

static void
schema_or_function_invalidated(Datum arg, int cacheid, uint32 hashvalue)
{
	if (suspended == 0 && hashvalue != 0 && ddl_is_running() && IsTransactionState())
		(void) add_entry(cacheid == NAMESPACEOID ? NAMESPACE_HASH : PROC_HASH, hashvalue);
}

void
touched_init(void)
{
	next_object_access_hook = object_access_hook;
	object_access_hook = object_access;
	CacheRegisterRelcacheCallback(relation_invalidated, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, schema_or_function_invalidated, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, schema_or_function_invalidated, (Datum) 0);
}
