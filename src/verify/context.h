/*
 * context.h
 *		The verification that is running, and what it changes of the session.
 */
#ifndef COMPAT_GUARD_CONTEXT_H
#define COMPAT_GUARD_CONTEXT_H

/* Begin and end the one verification that can be running; to be called by verify.c. */
extern void verification_begin(Oid hidden_index);
extern void verification_end(void);

/* Is verification under way?  Whatever is done then is undone: nobody need watch. */
extern bool verify_is_running(void);

/* The index of VerifyOptions, for the verifiers of the kinds. */
extern Oid	verify_without_index(void);

/* Return the memory context that lives as long as the verification. */
extern MemoryContext verification_context(void);

/* Change a setting until the end of the subtransaction. */
extern void set_local(const char *name, const char *value);

/* Look names up along this path from now on, until the subtransaction ends. */
extern void enter_search_path(const char *path);

#endif							/* COMPAT_GUARD_CONTEXT_H */
