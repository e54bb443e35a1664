/*
 * shown.h
 *		Text of applications and objects, as messages show it.
 */
#ifndef COMPAT_GUARD_SHOWN_H
#define COMPAT_GUARD_SHOWN_H

/*
 * The text on one line and without anything that a terminal or a reader could take
 * for something else: control characters, and those that set the direction of
 * writing or are not seen, are written as \n, \t, \x1b, \u202e.  In
 * CurrentMemoryContext.
 *
 * Invariant: whatever an application, a role or an object is called, and whatever
 * somebody gave as a reason, gets into a message, the log or a text column of the
 * journal by way of these.
 */
extern char *shown(const char *text);

/* The same, with " ..." in place of what comes after so many bytes of it. */
extern char *shown_start(const char *text, int bytes);

/* A statement: any white space in it is one space. */
extern char *shown_statement(const char *text, int bytes);

/* A literal to copy into a query, which means the text as it is. */
extern char *shown_literal(const char *text);

#endif							/* COMPAT_GUARD_SHOWN_H */
