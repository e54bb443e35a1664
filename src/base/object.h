/*
 * object.h
 *		Names of catalog objects.
 */
#ifndef COMPAT_GUARD_OBJECT_H
#define COMPAT_GUARD_OBJECT_H

/*
 * An object by class and name.  Requirements are looked up by these, not by
 * OID: names are what applications know, and they survive dump and restore.
 * The schema need not exist; it is "" for classes that have none.
 */
typedef struct ObjectName
{
	Oid			classid;		/* RelationRelationId, ProcedureRelationId ... */
	char	   *schema;
	char	   *name;			/* NULL: whatever is in the schema */
	bool		found;			/* it was there, rather than only named */
} ObjectName;

/*
 * Return the name of an object as the catalogs are now, in CurrentMemoryContext; for a
 * constraint of a domain that of the domain.  NULL if the object does not exist, is
 * temporary, or has no name of its own.
 */
extern ObjectName *object_name(Oid classid, Oid objid);

/* Are class, schema and name equal? */
extern bool object_name_equal(const ObjectName *a, const ObjectName *b);

#endif							/* COMPAT_GUARD_OBJECT_H */
