/*
 * whole.c
 *		What a touched object is a part of.
 *
 * A requirement on a partitioned table hangs on each of its partitions, and one
 * on a foreign table on its server.  To find it by those would take a key for
 * every partition; instead the change of a part counts as one of the whole.
 * Taking a part away, or adding one, touches the whole by itself.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_inherits.h"
#include "guard/whole.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

/* Add what the relation inherits from, near and far. */
static List *
add_parents(List *parents, Relation pg_inherits, Oid relid)
{
	List	   *found = NIL;
	ListCell   *lc;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(pg_inherits, InheritsRelidSeqnoIndexId, true,
							  NULL, 1, &key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
		found = lappend_oid(found, ((Form_pg_inherits) GETSTRUCT(tup))->inhparent);
	systable_endscan(scan);

	foreach(lc, found)
	{
		Oid			parent = lfirst_oid(lc);

		if (list_member_oid(parents, parent))
			continue;
		parents = add_parents(lappend_oid(parents, parent), pg_inherits, parent);
	}
	return parents;
}

static List *
parents_of(Oid relid)
{
	Relation	pg_inherits = table_open(InheritsRelationId, AccessShareLock);
	List	   *parents = add_parents(NIL, pg_inherits, relid);

	table_close(pg_inherits, AccessShareLock);
	return parents;
}

static List *
foreign_tables_of_servers(List *servers)
{
	Relation	rel = table_open(ForeignTableRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	List	   *tables = NIL;
	HeapTuple	tup;

	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_foreign_table form = (Form_pg_foreign_table) GETSTRUCT(tup);

		if (list_member_oid(servers, form->ftserver))
			tables = lappend_oid(tables, form->ftrelid);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return tables;
}

static List *
servers_of_wrapper(Oid wrapper)
{
	Relation	rel = table_open(ForeignServerRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	List	   *servers = NIL;
	HeapTuple	tup;

	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_foreign_server form = (Form_pg_foreign_server) GETSTRUCT(tup);

		if (form->srvfdw == wrapper)
			servers = lappend_oid(servers, form->oid);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return servers;
}

List *
relations_of_part(Oid classid, Oid objid)
{
	switch (classid)
	{
		case RelationRelationId:
			return parents_of(objid);
		case ForeignServerRelationId:
			return foreign_tables_of_servers(list_make1_oid(objid));
		case ForeignDataWrapperRelationId:
			return foreign_tables_of_servers(servers_of_wrapper(objid));
		default:
			return NIL;
	}
}
