/*
 * affected_object.c
 *		Objects that the change of an object affects.
 *
 * A requirement has keys for the objects that its statements refer to.  What these
 * objects refer to in turn is in pg_depend, which is followed in the other direction:
 * from a changed object to those that depend on it, and to those it is a part of.
 *
 * Invariant: whatever an analysed expression that the catalogs hold refers to
 * (a view, a default, a constraint, a generated column, an index, a policy, a domain,
 * a signature, a body in SQL's own syntax), its change leads to the object
 * that holds the expression, because the server records that dependency.
 * The keys have what a text refers to: a statement, or a body in a string.
 *
 *	- The change of a part affects its owner: an object that depends by DEPENDENCY_AUTO
 *	  or INTERNAL is a part of the other.  A constraint, index or policy belongs to a
 *	  table, a row type and its array type to a relation, a partition to its parent.
 *	- An object that depends by DEPENDENCY_NORMAL uses the other.
 *	- The change of a child by inheritance affects its parents, because a statement on
 *	  these reads it.
 *
 * Dependencies whose change has no effect are not followed: on a schema, extension
 * or role; and of tables on a table (children, which are found through their parent
 * anyway, and foreign keys, whose change is one of both tables).
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "judge/judge.h"
#include "judge/judge_internal.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* Class and OID of an object in one number. */
typedef struct Address
{
	uint64		key;
	char		status;			/* of the hash table */
} Address;

#define SH_PREFIX addresses
#define SH_ELEMENT_TYPE Address
#define SH_KEY_TYPE uint64
#define SH_KEY key
#define SH_HASH_KEY(tb, key) murmurhash32((uint32) (key) ^ (uint32) ((key) >> 32))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* A search for the objects that a change affects. */
typedef struct Spread
{
	SchemaChange *change;
	addresses_hash *seen;
	List	   *reached;		/* of ChangedObject *: objects found are
								 * appended while it is scanned */
	Relation	pg_depend;
	Relation	pg_inherits;
} Spread;

/* Append an object unless it was found before. */
static void
reach(Spread *spread, Oid classid, Oid objid, List *statements)
{
	ChangedObject *object;
	bool		found;

	(void) addresses_insert(spread->seen, (uint64) classid << 32 | objid, &found);
	if (found)
		return;
	object = palloc_object(ChangedObject);
	object->classid = classid;
	object->objid = objid;
	object->statements = statements;
	spread->reached = lappend(spread->reached, object);
}

/* Does a change of an object of a class affect a dependent of class "by"? */
static bool
affects_dependent(Oid classid, Oid by, char deptype)
{
	if (deptype != DEPENDENCY_NORMAL && deptype != DEPENDENCY_AUTO &&
		deptype != DEPENDENCY_INTERNAL)
		return false;
	if (classid != RelationRelationId)
		return true;

	/* Parts of a relation are found through it, except its row type. */
	if (deptype != DEPENDENCY_NORMAL)
		return by == TypeRelationId;
	return by != RelationRelationId && by != ConstraintRelationId && by != TriggerRelationId;
}

/* Append the objects that depend on an object. */
static void
reach_dependents(Spread *spread, const ChangedObject *object)
{
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(object->classid));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(object->objid));
	scan = systable_beginscan(spread->pg_depend, DependReferenceIndexId, true, NULL, 2, key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_depend depend = (Form_pg_depend) GETSTRUCT(tup);

		if (affects_dependent(object->classid, depend->classid, depend->deptype))
			reach(spread, depend->classid, depend->objid, object->statements);
	}
	systable_endscan(scan);
}

/* Append the objects that an object is a part of. */
static void
reach_owners(Spread *spread, const ChangedObject *object)
{
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(object->classid));
	ScanKeyInit(&key[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(object->objid));
	scan = systable_beginscan(spread->pg_depend, DependDependerIndexId, true, NULL, 2, key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_depend depend = (Form_pg_depend) GETSTRUCT(tup);

		if (depend->deptype != DEPENDENCY_NORMAL && depend->deptype != DEPENDENCY_EXTENSION &&
			depend->deptype != DEPENDENCY_AUTO_EXTENSION)
			reach(spread, depend->refclassid, depend->refobjid, object->statements);
	}
	systable_endscan(scan);
}

/* Append the parents of a relation. */
static void
reach_parents(Spread *spread, const ChangedObject *object)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(object->objid));
	scan = systable_beginscan(spread->pg_inherits, InheritsRelidSeqnoIndexId, true,
							  NULL, 1, &key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
		reach(spread, RelationRelationId,
			  ((Form_pg_inherits) GETSTRUCT(tup))->inhparent, object->statements);
	systable_endscan(scan);
}

/*
 * May the object be a part of another one?  Tables and views are parts only as children,
 * which reach_parents handles.  Routines and types are parts only if they are created
 * and dropped with another type.
 */
static bool
may_be_part(const ChangedObject *object)
{
	switch (object->classid)
	{
		case RelationRelationId:
			return strchr("rpvmf", get_rel_relkind(object->objid)) == NULL;
		case ProcedureRelationId:
		case TypeRelationId:
			return false;
		default:
			return true;
	}
}

/* Add the name of an object, unless it was among the changed ones, and go on from it. */
static void
spread_from(Spread *spread, const ChangedObject *object, bool was_changed)
{
	ObjectName *key = object_name(object->classid, object->objid);

	if (key != NULL && !was_changed)
		change_add_name(spread->change, key, object->statements);

	/*
	 * The change of a schema affects objects by their names, not by
	 * dependency.
	 */
	if (object->classid == NamespaceRelationId || object->classid == ExtensionRelationId)
		return;

	/* Temporary objects affect no other session. */
	if (key == NULL &&
		(object->classid == RelationRelationId || object->classid == TypeRelationId))
		return;
	reach_dependents(spread, object);
	if (object->classid == RelationRelationId)
		reach_parents(spread, object);
	if (may_be_part(object))
		reach_owners(spread, object);
}

void
change_spread(SchemaChange *change)
{
	Spread		spread = {.change = change};
	int			nchanged;
	ListCell   *lc;

	spread.seen = addresses_create(CurrentMemoryContext, 32, NULL);
	foreach(lc, change->objects)
	{
		const ChangedObject *object = lfirst(lc);

		reach(&spread, object->classid, object->objid, object->statements);
	}
	nchanged = list_length(spread.reached);

	spread.pg_depend = table_open(DependRelationId, AccessShareLock);
	spread.pg_inherits = table_open(InheritsRelationId, AccessShareLock);
	for (int i = 0; i < list_length(spread.reached); i++)
	{
		CHECK_FOR_INTERRUPTS();
		spread_from(&spread, list_nth(spread.reached, i), i < nchanged);
	}
	table_close(spread.pg_inherits, AccessShareLock);
	table_close(spread.pg_depend, AccessShareLock);
	change->objects = NIL;
}

void
change_add_name(SchemaChange *change, const ObjectName *key, List *statements)
{
	ChangedName *name = palloc_object(ChangedName);

	name->key = *key;
	name->statements = statements;
	if (key->classid == AuthIdRelationId)
		change->roles = lappend(change->roles, name);
	else
		change->names = lappend(change->names, name);
}
