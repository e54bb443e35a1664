/*
 * catalog_scan.c
 *		Scan a system catalog for the rows that belong to one object.
 */
#include "postgres.h"

#include "access/table.h"
#include "base/catalog_scan.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

CatalogScan
begin_catalog_scan(Oid catalog, AttrNumber attnum, Oid index, Oid value)
{
	CatalogScan scan = {.catalog = table_open(catalog, AccessShareLock)};
	ScanKeyData key;

	ScanKeyInit(&key, attnum, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(value));
	scan.scan = systable_beginscan(scan.catalog, index, true, NULL, 1, &key);
	return scan;
}

void
end_catalog_scan(CatalogScan *scan)
{
	systable_endscan(scan->scan);
	table_close(scan->catalog, AccessShareLock);
}
