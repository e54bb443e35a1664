/*
 * statement.h
 *		The text of a statement as it is shown: itself alone, and no secrets.
 */
#ifndef COMPAT_GUARD_STATEMENT_H
#define COMPAT_GUARD_STATEMENT_H

#include "postgres.h"

#include "nodes/nodes.h"

/* In place of the text of a statement that runs one with a secret. */
#define STATEMENT_HIDDEN "(a statement that runs another with a secret)"

/*
 * The statement in a query string, without what stands around it: white space,
 * comments before it, semicolons.  location -1: at its beginning; length 0: to
 * its end.  Not copied; sets shown to its length.
 */
extern const char *statement_excerpt(const char *source, int location, int length, int *shown);

/* Does it carry passwords, connection strings, or options of foreign servers? */
extern bool statement_has_secrets(Node *stmt);

/*
 * Its text with each of these replaced, in CurrentMemoryContext; NULL if nothing
 * has to be.  Where they cannot be told apart in the text: what kind of statement
 * it is, and no more.  Needs a transaction.
 */
extern char *statement_without_secrets(Node *stmt, const char *source, int location, int length);

/*
 * Find the statement in a message of the client.  Sets its place in it; false if
 * it is none of its statements but was run by one of them.  Needs a transaction.
 */
extern bool statement_find(Node *stmt, const char *message, int *location, int *length);

/*
 * The text of a message that runs a statement, in CurrentMemoryContext; what kind of
 * statement that is if the message holds a secret, or is none.
 */
extern char *statement_of_message(Node *stmt, const char *message);

#endif							/* COMPAT_GUARD_STATEMENT_H */
