/*
 * learn_internal.h
 *		What the files of learn/ share.
 */
#ifndef COMPAT_GUARD_LEARN_INTERNAL_H
#define COMPAT_GUARD_LEARN_INTERNAL_H

#include "datatype/timestamp.h"
#include "learn/learn.h"
#include "nodes/parsenodes.h"
#include "storage/lock.h"

/* Names that are longer, or have control characters, are no identity. */
#define MAX_IDENTITY_BYTES	200

/* A longer statement is not learned. */
#define MAX_LEARNED_BYTES	(16 * 1024)

/* ---- identity.c ---- */

/* Who the session says it is. */
typedef struct Identity
{
	char		app[MAX_IDENTITY_BYTES + 1];
	char		version[MAX_IDENTITY_BYTES + 1];
	bool		by_lease;		/* by application_name: the connection may be
								 * another's next */
	uint64		hash;			/* of both names */
} Identity;

/*
 * Return who the session says it is, or NULL.  Cheap unless a setting has changed since
 * the last call; *changed is then set, and stays as it is otherwise.  *why is the reason
 * if it says something that cannot be a name, or NULL.
 */
extern const Identity *identity_now(bool *changed, const char **why);

/*
 * May the session's login role register versions of the app?  Return NULL, or the reason
 * why not.  Needs a transaction; reads the registry.
 */
extern const char *identity_refusal(const Identity *identity);

/* ---- learned_text.c ---- */

/* A statement as it is learned, or why it is not. */
typedef struct LearnedText
{
	const char *unlearned;		/* the reason, or NULL */
	bool		silent;			/* nothing is missed if it is not learned */
	bool		other_statement;	/* it holds the query, but is none to
									 * learn: EXPLAIN */
	char	   *text;
	char	   *params;			/* JSON array of type names */
} LearnedText;

/*
 * Return a statement with its constants as parameters, in CurrentMemoryContext.  source:
 * the text that the query was analysed from.  May raise errors.
 */
extern LearnedText learned_text(Query *query, const char *source, int location, int length);

/* ---- queue.c ---- */

typedef enum MessageKind
{
	MESSAGE_STATEMENT,			/* a statement that is new to the session */
	MESSAGE_EVIDENCE,			/* one that is known was sent again */
	MESSAGE_UNLEARNED,			/* one that cannot be learned */
	MESSAGE_PRESENT				/* the session is there */
} MessageKind;

/* What a session tells the worker.  The texts are not NULL, and follow each other. */
typedef struct Message
{
	uint32		size;			/* of all of it, aligned */
	MessageKind kind;
	bool		by_lease;
	bool		new_session;
	Oid			login;			/* the role that logged in */
	Oid			role;			/* whose privileges counted */
	int64		calls;
	uint64		key;			/* of the statement, in every session */
	int64		fingerprint;
	TimestampTz at;
	const char *app;
	const char *version;
	const char *search_path;
	const char *text;			/* of a statement, or the reason */
	const char *params;
} Message;

/* What is known of a key in all sessions. */
typedef enum Known
{
	KNOWN_NOT,
	KNOWN_LEARNED,
	KNOWN_REJECTED
} Known;

/*
 * Attach to the queue of this database, and make it if there is none.  Return false if
 * that is not possible.  May raise errors.
 */
extern bool queue_attach(void);

/* Send a message; return false, and count it, if it was lost.  Raises no errors. */
extern bool queue_send(const Message *message);

/* Start the worker if there is something for it, and it does not run. */
extern void queue_start_worker(void);

/* Set or return what is known of a key, and the fingerprint of what was learned. */
extern void queue_set_known(uint64 key, Known known, int64 fingerprint);
extern Known queue_known(uint64 key, int64 *fingerprint);

/* Forget what was rejected, so that it is tried again. */
extern void queue_forget_rejected(void);

/* Count a session that is ignored. */
extern void queue_count_ignored(void);

/* Become the worker of a database; return false if it has one. */
extern bool queue_begin_work(void);

/* Take all messages: a list of Message *, in CurrentMemoryContext. */
extern List *queue_take(void);

/* Count messages that were taken and could not be written. */
extern void queue_count_lost(int n);

/* Stop being the worker; return false if there are messages again. */
extern bool queue_end_work(void);

#endif							/* COMPAT_GUARD_LEARN_INTERNAL_H */
