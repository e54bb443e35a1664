/*
 * shown.h
 *		Text of applications and objects, as messages show it.
 */
#ifndef COMPAT_GUARD_SHOWN_H
#define COMPAT_GUARD_SHOWN_H

/*
 * Return a text on one line and without anything that a terminal or a reader could take
 * for something else, in CurrentMemoryContext.  Control characters, and those that set
 * the direction of writing or are not seen, are written as \n, \t, \x1b, \u202e.
 *
 * Invariant: whatever an application, a role or an object is called, and whatever
 * somebody gave as a reason, gets into a message, the log or a text column of the
 * journal by way of these.
 */
extern char *shown(const char *text);

/* Return the start of a text as shown() does, with " ..." for the rest after so many bytes. */
extern char *shown_start(const char *text, int bytes);

/* Return the start of a statement, with one space for any white space in it. */
extern char *shown_statement(const char *text, int bytes);

/* Return a literal that means the text, to be copied into a query. */
extern char *shown_literal(const char *text);

#endif							/* COMPAT_GUARD_SHOWN_H */
