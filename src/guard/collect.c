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
 * To collect too much costs a verification, and a wait for another transaction
 * that changes the same object.  So the set does not count what only the
 * invalidations of other sessions told of: change_names.c finds that out at the
 * end, from the messages that this transaction is going to send.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/guard_active.h"
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_default_acl.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_publication_rel.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_tablespace.h"
#include "catalog/pg_trigger.h"
#include "guard/guard_internal.h"
#include "judge/judge.h"
#include "miscadmin.h"
#include "utils/catcache.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/run/run.h"

static object_access_hook_type next_object_access_hook = NULL;

/* Add the members of a role, who lose what it was granted. */
static void
touch_members(Oid roleid)
{
	CatCList   *members = SearchSysCacheList1(AUTHMEMROLEMEM, ObjectIdGetDatum(roleid));

	for (int i = 0; i < members->n_members; i++)
	{
		HeapTuple	tup = &members->members[i]->tuple;

		change_object(AuthIdRelationId, ((Form_pg_auth_members) GETSTRUCT(tup))->member);
	}
	ReleaseSysCacheList(members);
}

/* Is the object a table of the registry, which only DROP EXTENSION takes away? */
static bool
is_of_registry(Oid classid, Oid objid)
{
	return classid == RelationRelationId &&
		get_rel_namespace(objid) == guard_schema_oid() &&
		get_rel_relkind(objid) == RELKIND_RELATION &&
		getExtensionOfObject(classid, objid) == guard_extension_oid();
}

/*
 * Judge the removal of the guard itself when the first table of the registry is
 * dropped, while the registry can still be read.  The other tables that a statement
 * drops tell nothing new.
 */
static void
judge_removal_once(void)
{
	StatementFrame *frame = frame_current();
	ChangeStatement *statement = change_statement();

	if (frame != NULL && frame->removal_judged)
		return;
	judge_removal(statement ? statement->text : NULL, change_in_preview());
	if (frame != NULL)
		frame->removal_judged = true;
}

/* The object access hook. */
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
	if (verify_is_running())
		return;
	hazards_at_event(access, classid, objid, subid);
	if (!frame_collects())
		return;

	switch (classid)
	{
		case AttrDefaultRelationId:
		case PolicyRelationId:
		case PublicationRelRelationId:
		case RewriteRelationId:
		case StatisticExtRelationId:
		case TriggerRelationId:
			return;				/* an invalidation of their relation tells of
								 * it */
		case DatabaseRelationId:
			if (objid == MyDatabaseId)
				break;			/* see is_felt_everywhere */
			return;
		case DbRoleSettingRelationId:
		case DefaultAclRelationId:
		case InheritsRelationId:
		case LargeObjectRelationId:
		case TableSpaceRelationId:
			return;				/* no requirement is about them */
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
			if (change_anything())
				(void) change_statement();
			return;
		default:
			break;
	}
	if (access == OAT_DROP && is_of_registry(classid, objid))
		judge_removal_once();

	/* CREATE OR REPLACE FUNCTION counts as creation. */
	if ((access != OAT_POST_CREATE || classid == ProcedureRelationId) &&
		guard_owns_object(classid, objid))
		change_guard();
	if (access == OAT_POST_CREATE)
		change_created(classid, objid);
	else
		change_object(classid, objid);
	if (classid == AuthIdRelationId && access == OAT_DROP)
		touch_members(objid);
}

/*
 * Add a relation whose cache entry is invalidated.
 *
 * This callback and the next one run wherever the server accepts invalidations, an
 * aborting transaction included.  So they look nothing up.  A DDL statement has a
 * frame only where the guard is active.
 */
static void
relation_invalidated(Datum arg, Oid relid)
{
	if (frame_is_ddl() && IsTransactionState())
		(void) change_add_entry(RelationRelationId, relid);
}

/*
 * Add the syscache entry of an object.  A hash value of 0 stands for the whole cache,
 * which only another session invalidates.
 */
static void
object_invalidated(Datum arg, int cacheid, uint32 hashvalue)
{
	if (hashvalue != 0 && frame_is_ddl() && IsTransactionState())
		(void) change_add_entry(HASH_CLASS((const HashedCache *) DatumGetPointer(arg)), hashvalue);
}

void
collect_init(void)
{
	next_object_access_hook = object_access_hook;
	object_access_hook = object_access;
	CacheRegisterRelcacheCallback(relation_invalidated, (Datum) 0);
	for (int i = 0; i < N_HASHED_CACHES; i++)
		CacheRegisterSyscacheCallback(hashed_caches[i].cacheid, object_invalidated,
									  PointerGetDatum(&hashed_caches[i]));
}
