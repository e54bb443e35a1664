/*
 * catalog_scan.h
 *		Scan a system catalog for the rows that belong to one object.
 */
#ifndef COMPAT_GUARD_CATALOG_SCAN_H
#define COMPAT_GUARD_CATALOG_SCAN_H

#include "access/attnum.h"
#include "access/genam.h"
#include "utils/relcache.h"

typedef struct CatalogScan
{
	Relation	catalog;
	SysScanDesc scan;
} CatalogScan;

/*
 * Begin a scan of a catalog, by one of its indexes, for the rows whose column has
 * this OID.  Rows come by systable_getnext(scan.scan).
 */
extern CatalogScan begin_catalog_scan(Oid catalog, AttrNumber attnum, Oid index, Oid value);

/* End the scan and close the catalog. */
extern void end_catalog_scan(CatalogScan *scan);

#endif							/* COMPAT_GUARD_CATALOG_SCAN_H */
