/*
 * activity.h
 *		May the guard act now?
 */
#ifndef COMPAT_GUARD_ACTIVITY_H
#define COMPAT_GUARD_ACTIVITY_H

/*
 * True where the guard has a say: an ordinary backend, in a transaction that
 * has not failed, of a database with the extension, and not inside one of the
 * extension's own scripts.  Cheap: a few branches and a cached look-up.
 */
extern bool guard_is_active(void);

/* Valid while guard_is_active() says so; otherwise InvalidOid. */
extern Oid	guard_extension_oid(void);
extern Oid	guard_schema_oid(void);

/* Raises ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE where the extension is absent. */
extern void guard_require_extension(void);

/*
 * The same, and ERRCODE_GUARD_VERSION_MISMATCH where its SQL objects are not those
 * that this library was made for.
 */
extern void guard_require_version(void);

extern void activity_init(void);

#endif							/* COMPAT_GUARD_ACTIVITY_H */
