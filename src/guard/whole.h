/*
 * whole.h
 *		What a touched object is a part of.
 */
#ifndef COMPAT_GUARD_GUARD_WHOLE_H
#define COMPAT_GUARD_GUARD_WHOLE_H

#include "postgres.h"

#include "nodes/pg_list.h"

/*
 * OIDs of the relations that change with an object: those that a relation is a
 * partition or child of, as the catalogs now are, and the foreign tables of a
 * server or foreign-data wrapper.
 */
extern List *relations_of_part(Oid classid, Oid objid);

#endif							/* COMPAT_GUARD_GUARD_WHOLE_H */
