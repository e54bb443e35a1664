/*
 * attached_function.c
 *		What a relation has the server run for those who write it.
 *
 * CHECK constraints, index expressions and predicates, generated columns, partition
 * keys, WHEN clauses of triggers, and the constraints of domains call functions that
 * no statement mentions.  What each of these calls is read from pg_depend, which knows whatever a stored
 * expression refers to, the server's own functions apart: they do not change.
 *
 * The planner looks into some of them, too, whatever the statement does: it simplifies the
 * expressions of all indexes, and those CHECK constraints by which it may leave out a
 * partition or child.  To simplify a call of a function in SQL it analyses the body.
 *
 * The executor prepares these expressions with the rights of whoever runs the
 * statement (ExecInitFunc), so that role must be allowed to execute their
 * functions.  Support functions of operator classes and the operators of exclusion
 * constraints are called without asking.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "base/catalog_scan.h"
#include "base/compat.h"
#include "catalog/partition.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/run/run.h"
#include "verify/statement/statement.h"
#include "verify/statement/statement_internal.h"

/* Does the planner look into it? */
typedef enum Planned
{
	PLANNED_NEVER,
	PLANNED_OF_CHILD,			/* if its relation is a partition or child,
								 * and there is a WHERE on it */
	PLANNED_ALWAYS
} Planned;

/* A function that is called for whoever writes. */
typedef struct Part
{
	Oid			classid;		/* pg_proc, pg_operator, or pg_type for a
								 * domain */
	Oid			objid;
	bool		asks;			/* does the server ask whether the role may
								 * execute it? */
	int			commands;		/* that run it: 1 << CMD_INSERT ... */
	bool		by_trigger;
	Planned		planned;
	Bitmapset  *columns;		/* an UPDATE of which computes it, offset as
								 * in RangeTblEntry; NULL: any */
} Part;

/* What a relation or domain runs.  Without padding in the key. */
typedef struct Parts
{
	struct
	{
		Oid			classid;
		Oid			objid;
	}			key;
	List	   *list;			/* of Part * */
} Parts;

/* Return the table of what is known already, which lives as long as the verification. */
static HTAB *
obtain_known_parts(void)
{
	HASHCTL		ctl = {
		.keysize = sizeof(((Parts *) NULL)->key),
		.entrysize = sizeof(Parts),
		.hcxt = verification->memory
	};

	if (verification->attached == NULL)
		verification->attached = hash_create("compat_guard attached functions", 64, &ctl,
											 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return verification->attached;
}

/* ---- what a stored expression refers to ---- */

#define ROW_WRITTEN ((1 << CMD_INSERT) | (1 << CMD_UPDATE))

/* Add a function, operator or domain, unless it is the server's. asks: see Part. */
static void
add_part(Parts *parts, Oid classid, Oid objid, bool asks, Bitmapset *columns)
{
	Part	   *part;

	if (objid < FirstNormalObjectId)
		return;
	part = palloc_object(Part);
	part->classid = classid;
	part->objid = objid;
	part->asks = asks;
	part->commands = ROW_WRITTEN;
	part->by_trigger = false;
	part->planned = PLANNED_NEVER;
	part->columns = columns;
	parts->list = lappend(parts->list, part);
}

/* Add the support functions of an operator class. */
static void
add_support_functions(Parts *parts, Oid opclass)
{
	CatalogScan scan = begin_catalog_scan(AccessMethodProcedureRelationId,
										  Anum_pg_amproc_amprocfamily,
										  AccessMethodProcedureIndexId,
										  get_opclass_family(opclass));
	HeapTuple	tup;

	while (HeapTupleIsValid(tup = systable_getnext(scan.scan)))
		add_part(parts, ProcedureRelationId, ((Form_pg_amproc) GETSTRUCT(tup))->amproc,
				 false, NULL);
	end_catalog_scan(&scan);
}

/* Add all that an object with an expression depends on and runs. */
static void
add_references(Parts *parts, Oid classid, Oid objid, bool asks, Bitmapset *columns)
{
	Relation	rel = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(classid));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(objid));
	scan = systable_beginscan(rel, DependDependerIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_depend depend = (Form_pg_depend) GETSTRUCT(tup);

		/* By the others it is a part of something itself. */
		if (depend->deptype != DEPENDENCY_NORMAL)
			continue;
		switch (depend->refclassid)
		{
			case ProcedureRelationId:
			case OperatorRelationId:
				add_part(parts, depend->refclassid, depend->refobjid, asks, columns);
				break;
			case TypeRelationId:
				if (get_typtype(depend->refobjid) == TYPTYPE_DOMAIN)
					add_part(parts, depend->refclassid, depend->refobjid, asks, columns);
				break;
			case OperatorClassRelationId:
				add_support_functions(parts, depend->refobjid);
				break;
			default:
				break;
		}
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/* Say of the parts from a place in the list on that the planner looks into them. */
static void
mark_planned(Parts *parts, int from, Planned planned)
{
	ListCell   *lc;

	for_each_from(lc, parts->list, from)
		((Part *) lfirst(lc))->planned = planned;
}

/* ---- what a relation consists of ---- */

/* Add what the constraints of a relation or domain run. */
static void
add_constraint_parts(Parts *parts, AttrNumber attnum, Oid index, Oid objid)
{
	CatalogScan scan = begin_catalog_scan(ConstraintRelationId, attnum, index, objid);
	HeapTuple	tup;

	while (HeapTupleIsValid(tup = systable_getnext(scan.scan)))
	{
		Form_pg_constraint con = (Form_pg_constraint) GETSTRUCT(tup);
		int			from = list_length(parts->list);

		if (con->contype == CONSTRAINT_CHECK && compat_constraint_is_enforced(con))
		{
			add_references(parts, ConstraintRelationId, con->oid, true, NULL);
			if (con->convalidated)
				mark_planned(parts, from, PLANNED_OF_CHILD);
		}
		else if (con->contype == CONSTRAINT_EXCLUSION)
			add_references(parts, ConstraintRelationId, con->oid, false, NULL);
	}
	end_catalog_scan(&scan);
}

/* Does the index do more than compare columns as the server does? */
static bool
index_runs_functions(Relation pg_index, HeapTuple tup)
{
	bool		isnull;
	oidvector  *opclasses;

	if (!heap_attisnull(tup, Anum_pg_index_indexprs, NULL) ||
		!heap_attisnull(tup, Anum_pg_index_indpred, NULL))
		return true;
	opclasses = (oidvector *) DatumGetPointer(heap_getattr(tup, Anum_pg_index_indclass,
														   RelationGetDescr(pg_index),
														   &isnull));
	for (int i = 0; i < opclasses->dim1; i++)
	{
		if (opclasses->values[i] >= FirstNormalObjectId)
			return true;
	}
	return false;
}

/* Add what the indexes of a relation run.  Any UPDATE runs it, too: a row that finds no
 * place in its page gets new entries in every index. */
static void
add_index_parts(Parts *parts, Oid relid)
{
	CatalogScan scan = begin_catalog_scan(IndexRelationId, Anum_pg_index_indrelid,
										  IndexIndrelidIndexId, relid);
	HeapTuple	tup;

	while (HeapTupleIsValid(tup = systable_getnext(scan.scan)))
	{
		Form_pg_index index = (Form_pg_index) GETSTRUCT(tup);

		if (index->indisready && index->indexrelid != verification->without_index &&
			index_runs_functions(scan.catalog, tup))
		{
			int			from = list_length(parts->list);

			add_references(parts, RelationRelationId, index->indexrelid, true, NULL);
			if (index->indisvalid)
				mark_planned(parts, from, PLANNED_ALWAYS);
		}
	}
	end_catalog_scan(&scan);
}

/* Add what stored generated columns run.  The server lets no others call functions of
 * users. */
static void
add_generated_parts(Parts *parts, Oid relid)
{
	CatalogScan scan = begin_catalog_scan(AttrDefaultRelationId, Anum_pg_attrdef_adrelid,
										  AttrDefaultIndexId, relid);
	HeapTuple	tup;

	while (HeapTupleIsValid(tup = systable_getnext(scan.scan)))
	{
		Form_pg_attrdef attrdef = (Form_pg_attrdef) GETSTRUCT(tup);
		Bitmapset  *columns = NULL;

		if (get_attgenerated(relid, attrdef->adnum) != ATTRIBUTE_GENERATED_STORED)
			continue;
		pull_varattnos(catalog_expression(scan.catalog, tup, Anum_pg_attrdef_adbin), 1, &columns);
		add_references(parts, AttrDefaultRelationId, attrdef->oid, true, columns);
	}
	end_catalog_scan(&scan);
}

/* Return the commands that a trigger fires for, as 1 << CMD_INSERT and so on. */
static int
trigger_commands(int16 type)
{
	return (TRIGGER_FOR_INSERT(type) ? 1 << CMD_INSERT : 0) |
		(TRIGGER_FOR_UPDATE(type) ? 1 << CMD_UPDATE : 0) |
		(TRIGGER_FOR_DELETE(type) ? 1 << CMD_DELETE : 0);
}

/* Add what the WHEN clause of a trigger calls, which is not the trigger's function. */
static void
add_when_parts(Parts *parts, Form_pg_trigger trigger)
{
	Parts		refs = {.list = NIL};
	Bitmapset  *columns = NULL;
	ListCell   *lc;

	for (int i = 0; i < trigger->tgattr.dim1; i++)
		columns = bms_add_member(columns, trigger->tgattr.values[i] -
								 FirstLowInvalidHeapAttributeNumber);
	add_references(&refs, TriggerRelationId, trigger->oid, true, columns);
	foreach(lc, refs.list)
	{
		Part	   *part = lfirst(lc);

		if (part->classid == ProcedureRelationId && part->objid == trigger->tgfoid)
			continue;
		part->commands = trigger_commands(trigger->tgtype);
		part->by_trigger = true;
		parts->list = lappend(parts->list, part);
	}
}

/* Add what the WHEN clauses of enabled triggers call. */
static void
add_trigger_parts(Parts *parts, Oid relid)
{
	CatalogScan scan;
	HeapTuple	tup;

	if (!relation_has_triggers(relid))
		return;
	scan = begin_catalog_scan(TriggerRelationId, Anum_pg_trigger_tgrelid,
							  TriggerRelidNameIndexId, relid);
	while (HeapTupleIsValid(tup = systable_getnext(scan.scan)))
	{
		Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tup);

		if (!trigger->tgisinternal && trigger_is_enabled(trigger) &&
			!heap_attisnull(tup, Anum_pg_trigger_tgqual, RelationGetDescr(scan.catalog)))
			add_when_parts(parts, trigger);
	}
	end_catalog_scan(&scan);
}

/* Add all that a relation runs. */
static void
add_relation_parts(Parts *parts, Oid relid)
{
	char		relkind = get_rel_relkind(relid);

	if (relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE &&
		relkind != RELKIND_FOREIGN_TABLE)
		return;
	add_generated_parts(parts, relid);
	add_trigger_parts(parts, relid);
	if (relkind == RELKIND_FOREIGN_TABLE)
		return;					/* the rest is for the other server */
	add_constraint_parts(parts, Anum_pg_constraint_conrelid,
						 ConstraintRelidTypidNameIndexId, relid);
	add_index_parts(parts, relid);
	/* Its own dependencies are those of the partition key. */
	if (relkind == RELKIND_PARTITIONED_TABLE)
		add_references(parts, RelationRelationId, relid, true, NULL);
}

/* Return what a relation or domain runs. */
static Parts *
obtain_parts(Oid classid, Oid objid)
{
	HTAB	   *known = obtain_known_parts();
	Parts		fresh = {.key = {classid, objid}};
	Parts	   *parts = hash_search(known, &fresh.key, HASH_FIND, NULL);
	MemoryContext old;

	if (parts != NULL)
		return parts;
	old = MemoryContextSwitchTo(verification->memory);
	if (classid == TypeRelationId)
		add_constraint_parts(&fresh, Anum_pg_constraint_contypid, ConstraintTypidIndexId,
							 objid);
	else
		add_relation_parts(&fresh, objid);
	MemoryContextSwitchTo(old);
	parts = hash_search(known, &fresh.key, HASH_ENTER, NULL);
	parts->list = fresh.list;
	return parts;
}

/* ---- what a requirement runs of it ---- */

static void check_unseen_domain(VerifyResult *result, Oid type, List **seen);

/* Does the command run it?  A BEFORE trigger may change any column, but no other trigger
 * fires for that. */
static bool
is_run(const Part *part, Oid relid, CmdType command, Bitmapset *columns)
{
	if ((part->commands & (1 << command)) == 0)
		return false;
	if (command != CMD_UPDATE || part->columns == NULL || columns == NULL ||
		bms_overlap(part->columns, columns))
		return true;
	return !part->by_trigger && relation_has_triggers(relid);
}

/* Check one of the functions that are run. seen: OIDs of domains that have been looked
 * at, of which one may cast to another. */
static void
check_attached_function(VerifyResult *result, const Part *part, List **seen)
{
	Oid			funcid = part->objid;

	if (part->classid == TypeRelationId)
	{
		check_unseen_domain(result, part->objid, seen);
		return;
	}
	if (part->classid == OperatorRelationId)
	{
		depend_on_object(result, OperatorRelationId, part->objid);
		funcid = get_opcode(part->objid);
	}
	if (part->asks)
		check_routine(result, funcid);
	else
		depend_on_support_routine(result, funcid);
}

/* Check what a relation runs, without its partitions. */
static void
check_own_functions(VerifyResult *result, Oid relid, CmdType command, Bitmapset *columns)
{
	List	   *seen = NIL;
	ListCell   *lc;

	foreach(lc, obtain_parts(RelationRelationId, relid)->list)
	{
		if (is_run(lfirst(lc), relid, command, columns))
			check_attached_function(result, lfirst(lc), &seen);
	}
}

void
check_attached_functions(VerifyResult *result, Oid relid, CmdType command, Bitmapset *columns)
{
	ListCell   *lc;

	check_own_functions(result, relid, command, columns);
	if (get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE)
	{
		foreach(lc, partitions_that_matter(&result->parts, relid))
			check_own_functions(result, lfirst_oid(lc), command, NULL);
	}
	/* What is written into a partition directly has to fit it. */
	if (get_rel_relispartition(relid))
	{
		foreach(lc, get_partition_ancestors(relid))
			check_own_functions(result, lfirst_oid(lc), command, NULL);
	}
}

/* Does the planner analyse the body of a function to simplify a call? */
static bool
is_looked_into(Oid funcid)
{
	HeapTuple	tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	Form_pg_proc form;
	bool		result;

	if (!HeapTupleIsValid(tup))
		return false;
	form = (Form_pg_proc) GETSTRUCT(tup);
	result = form->prolang == SQLlanguageId && form->prokind == PROKIND_FUNCTION &&
		!form->prosecdef && heap_attisnull(tup, Anum_pg_proc_proconfig, NULL) &&
		compat_proc_aclcheck(funcid, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK;
	ReleaseSysCache(tup);
	return result;
}

/* Check what the planner looks into of a relation without its children. */
static void
check_own_planned(VerifyResult *result, Oid relid, bool restricted_child)
{
	ListCell   *lc;

	foreach(lc, obtain_parts(RelationRelationId, relid)->list)
	{
		const Part *part = lfirst(lc);
		Oid			funcid = part->objid;

		if (part->planned == PLANNED_NEVER || part->classid == TypeRelationId ||
			(part->planned == PLANNED_OF_CHILD && !restricted_child))
			continue;
		if (part->classid == OperatorRelationId)
			funcid = get_opcode(funcid);
		if (is_looked_into(funcid))
			depend_on_support_routine(result, funcid);
	}
}

void
check_planned_functions(VerifyResult *result, Query *query, Index rti)
{
	const RangeTblEntry *rte = rt_fetch(rti, query->rtable);
	bool		restricted;
	ListCell   *lc;

	if (rte->rtekind != RTE_RELATION || rte->relid < FirstNormalObjectId ||
		(query->commandType == CMD_INSERT && rti == query->resultRelation))
		return;
	check_own_planned(result, rte->relid, false);
	if (!rte->inh || !has_subclass(rte->relid))
		return;
	restricted = bms_is_member(rti, pull_varnos(NULL, (Node *) query->jointree));
	foreach(lc, partitions_that_matter(&result->parts, rte->relid))
		check_own_planned(result, lfirst_oid(lc), restricted);
}

/* Check a domain and all those below it, unless they have been looked at. */
static void
check_unseen_domain(VerifyResult *result, Oid type, List **seen)
{
	check_stack_depth();
	while (OidIsValid(type) && type >= FirstNormalObjectId)
	{
		Oid			element = get_element_type(type);
		FormData_pg_type form;
		ListCell   *lc;

		if (OidIsValid(element))
			type = element;
		if (!read_type(type, &form) || form.typtype != TYPTYPE_DOMAIN ||
			list_member_oid(*seen, type))
			return;
		*seen = lappend_oid(*seen, type);
		depend_on_object(result, TypeRelationId, type);
		foreach(lc, obtain_parts(TypeRelationId, type)->list)
			check_attached_function(result, lfirst(lc), seen);
		type = form.typbasetype;
	}
}

void
check_domain(VerifyResult *result, Oid type)
{
	List	   *seen = NIL;

	check_unseen_domain(result, type, &seen);
}
