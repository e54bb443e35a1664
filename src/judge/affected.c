/*
 * affected.c
 *		Which objects feel the change of an object?
 *
 * A requirement has keys for what its statements refer to.  What these refer to
 * in turn is in pg_depend, and is followed from the other end: from an object that
 * was touched to those that depend on it, and to those it is a part of.
 *
 * Invariant: whatever an analysed expression that the catalogs hold refers to
 * (a view, a default, a constraint, a generated column, an index, a policy, a domain,
 * a signature, a body in SQL's own syntax), its change leads to the object
 * that holds the expression, for the server cannot do without that dependency.
 * Left to the keys are what a text refers to: a statement, or a body in a string.
 *
 *	- Parts go with the whole: what depends by DEPENDENCY_AUTO or INTERNAL exists
 *	  for the other's sake.  A constraint, index or policy is of a table, a row
 *	  type and its array type of a relation, a partition of its parent.
 *	- What depends by DEPENDENCY_NORMAL uses the other.
 *	- A child by inheritance counts as its parents, because a statement on these reads it.
 *
 * Not followed are the dependencies by which nothing is felt: on a schema, extension
 * or role; and of tables on a table (children, which go with their parent
 * anyway, and foreign keys, whose change both sides are told of).
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

/* Class and OID in one. */
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

typedef struct Spread
{
	SchemaChange *change;
	addresses_hash *seen;
	List	   *reached;		/* of ChangedObject *: grows while it is gone
								 * through */
	Relation	pg_depend;
	Relation	pg_inherits;
} Spread;

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

/* Does what uses the object feel it, when that is of this class? */
static bool
is_felt_by(Oid classid, Oid by, char deptype)
{
	if (deptype != DEPENDENCY_NORMAL && deptype != DEPENDENCY_AUTO &&
		deptype != DEPENDENCY_INTERNAL)
		return false;
	if (classid != RelationRelationId)
		return true;

	/*
	 * A part of the relation is felt through it, unless it has a life of its
	 * own.
	 */
	if (deptype != DEPENDENCY_NORMAL)
		return by == TypeRelationId;
	return by != RelationRelationId && by != ConstraintRelationId && by != TriggerRelationId;
}

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

		if (is_felt_by(object->classid, depend->classid, depend->deptype))
			reach(spread, depend->classid, depend->objid, object->statements);
	}
	systable_endscan(scan);
}

static void
reach_wholes(Spread *spread, const ChangedObject *object)
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
 * Tables and views are not parts, but as children, and reach_parents sees to these.
 * Routines and types are as little, but for those that come and go with another type.
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

static void
spread_from(Spread *spread, const ChangedObject *object, bool was_touched)
{
	ObjectName *key = object_name(object->classid, object->objid);

	if (key != NULL && !was_touched)
		change_add_name(spread->change, key, object->statements);

	/* What of a schema's change is felt goes by the names in it. */
	if (object->classid == NamespaceRelationId || object->classid == ExtensionRelationId)
		return;

	/* Temporary ones are nobody else's. */
	if (key == NULL &&
		(object->classid == RelationRelationId || object->classid == TypeRelationId))
		return;
	reach_dependents(spread, object);
	if (object->classid == RelationRelationId)
		reach_parents(spread, object);
	if (may_be_part(object))
		reach_wholes(spread, object);
}

void
change_spread(SchemaChange *change)
{
	Spread		spread = {.change = change};
	int			ntouched;
	ListCell   *lc;

	spread.seen = addresses_create(CurrentMemoryContext, 32, NULL);
	foreach(lc, change->objects)
	{
		const ChangedObject *object = lfirst(lc);

		reach(&spread, object->classid, object->objid, object->statements);
	}
	ntouched = list_length(spread.reached);

	spread.pg_depend = table_open(DependRelationId, AccessShareLock);
	spread.pg_inherits = table_open(InheritsRelationId, AccessShareLock);
	for (int i = 0; i < list_length(spread.reached); i++)
	{
		CHECK_FOR_INTERRUPTS();
		spread_from(&spread, list_nth(spread.reached, i), i < ntouched);
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
