/*
 * guard_active.h
 *		May the guard act now?
 */
#ifndef COMPAT_GUARD_GUARD_ACTIVE_H
#define COMPAT_GUARD_GUARD_ACTIVE_H

/*
 * Return true in an ordinary backend of a database with the extension, in a transaction
 * that has not failed, and outside of the extension's own scripts.  Cheap: a few
 * branches and a cached look-up.
 */
extern bool guard_is_active(void);

/* Return the OID of the extension and of its schema; InvalidOid if there is none. */
extern Oid	guard_extension_oid(void);
extern Oid	guard_schema_oid(void);

/* Raise ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE if the extension is absent. */
extern void guard_require_extension(void);

/*
 * Raise ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE if the extension is absent, and
 * ERRCODE_GUARD_VERSION_MISMATCH if its SQL objects are of another version than the
 * library.
 */
extern void guard_require_version(void);

/* Register the callback of invalidations; once, from _PG_init. */
extern void activity_init(void);

#endif							/* COMPAT_GUARD_GUARD_ACTIVE_H */
