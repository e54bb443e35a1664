/*
 * document.h
 *		A contract document in memory, and what reads and writes it.
 *
 * Private to src/contract.  Strings are not copied: they point into the
 * document's Jsonb or, where a name had to be rewritten in its canonical form,
 * to memory of their own.  They are not terminated by a zero byte.
 */
#ifndef COMPAT_GUARD_DOCUMENT_H
#define COMPAT_GUARD_DOCUMENT_H

#include "contract/contract.h"

typedef struct DocString
{
	const char *data;			/* NULL: absent */
	int			len;
	int			index;			/* place in the list it was read from */
} DocString;

typedef struct DocStrings
{
	int			n;
	DocString  *items;
} DocStrings;

/* Several lists of column names: INSERT shapes, unique keys, indexes. */
typedef struct DocColumnLists
{
	int			n;
	DocStrings *items;
} DocColumnLists;

/*
 * The values of the enums below and the bits of access are written into the
 * digest: they never change.
 */
typedef enum DocBool
{
	DOC_ABSENT = '-',
	DOC_FALSE = '0',
	DOC_TRUE = '1'
} DocBool;

typedef enum DocIdentity
{
	DOC_IDENTITY_ABSENT = '-',
	DOC_IDENTITY_ALWAYS = 'a',
	DOC_IDENTITY_BY_DEFAULT = 'd',
	DOC_IDENTITY_NONE = 'n'
} DocIdentity;

#define DOC_NACCESS 7
extern const char *const document_access_names[DOC_NACCESS];	/* sorted; bit i */

typedef struct DocColumn
{
	DocString	name;
	DocStrings	type;			/* accepted types, sorted; n = 0: any */
	DocBool		nullable;
	DocBool		supplies;		/* "default" */
	DocBool		generated;
	DocIdentity identity;
	DocString	collation;		/* canonical */
} DocColumn;

typedef struct DocRelation
{
	DocString	name;			/* canonical */
	int			access;			/* bits, in the order of document_access_names */
	int			ncolumns;
	DocColumn  *columns;
	DocColumnLists insert;
	DocColumnLists unique;
	DocColumnLists indexes;
} DocRelation;

typedef struct DocQuery
{
	DocString	name;
	DocString	sql;
	DocStrings	params;
} DocQuery;

typedef struct DocRoutine
{
	DocString	signature;		/* canonical */
	DocString	name;			/* that in the signature */
	DocStrings	types;			/* ditto */
	bool		by_name;		/* "arguments" is there */
	DocStrings	arguments;		/* names by which arguments are passed; sorted */
	DocString	returns;
} DocRoutine;

typedef struct DocType
{
	DocString	name;			/* canonical */
	DocStrings	labels;
	bool		closed;
} DocType;

typedef struct Document
{
	Jsonb	   *json;			/* what it was read from */
	DocString	role;
	DocString	search_path;	/* canonical */
	int			nrelations;
	DocRelation *relations;
	int			nqueries;
	DocQuery   *queries;
	int			nroutines;
	DocRoutine *routines;
	int			ntypes;
	DocType    *types;
	DocStrings	sequences;		/* canonical */
	DocStrings	extensions;
} Document;

/* A text that only a server can judge, met while reading. */
typedef enum DocNameKind
{
	DOC_NAME_TYPE,
	DOC_NAME_QUERY
} DocNameKind;

typedef struct DocName
{
	DocNameKind kind;
	char	   *text;
	char	   *path;
} DocName;

/* ---- parse.c ---- */

/* Limits, so that no document takes the server's time or memory without bound. */
#define MAX_DOCUMENT_BYTES	(16 * 1024 * 1024)
#define MAX_STATEMENT_BYTES (1024 * 1024)
#define MAX_REQUIREMENTS	20000

/*
 * Read the JSON.  Problems are appended to *problems; what is sound in a
 * document with problems is read all the same, but for a role or search path
 * that is not.  If names is not NULL, every DocName is appended to *names: left
 * out where speed counts.
 */
extern Document *document_read(Jsonb *json, List **problems, List **names);

/* ---- normalise.c ---- */

/* By content, equal ones by place. */
extern void document_sort_strings(DocString *strings, size_t n);
extern bool document_strings_equal(const DocString *a, const DocString *b);

/*
 * What is left to make documents equal that mean the same.  The reader has
 * sorted the sets of strings, and what goes by a canonical name, in order to
 * find what is there twice.  Columns and queries need no sorting: their names
 * are the keys themselves, and a Jsonb has those in an order of its own.
 */
extern void document_normalise(Document *doc);

/* SHA-256 over a canonical text of a normalised document. */
extern bytea *document_digest(const Document *doc);

/* ---- check.c ---- */

/* The problems of the role and of names, in that order. */
extern List *document_check_names(const char *role, const char *search_path,
								  List *names);

/* ---- identifier.c ---- */

/*
 * Each of these reads a text in SQL syntax and gives its canonical form, in
 * which equal names have equal text.  Returns NULL if all is well, else what
 * is wrong, for people.
 */
extern const char *identifier_qualified(DocString in, DocString *out);
extern const char *identifier_list(DocString in, DocString *out);	/* a search path */
extern const char *identifier_signature(DocString in, DocString *out,
										DocString *name, DocStrings *argtypes);

/* For a name given literally, such as a column's. */
extern const char *identifier_literal(DocString in);

/* Append a name to a label, quoted unless it is a plain one. */
extern void identifier_append(StringInfo buf, const char *data, int len);

/* ---- problem.c ---- */

/* A place in a document.  Lives on the reader's stack; rendered only on need. */
typedef struct DocPath
{
	const struct DocPath *parent;	/* NULL: the document itself */
	DocString	key;			/* of an object's member; data = NULL: element */
	int			index;			/* of an array's element */
} DocPath;

extern char *document_path(const DocPath *path);
extern void problem_add(List **problems, const DocPath *path,
						const char *fmt,...) pg_attribute_printf(3, 4);
extern void problem_add_at(List **problems, const char *path,
						   const char *problem);

/* ---- json.c ---- */

/*
 * Walks the members of an object or the elements of an array.  The value of a
 * number is not filled in.
 */
typedef struct JsonWalk
{
	DocString	key;			/* the member's name; data = NULL: element */
	JsonbValue	value;
	int			index;			/* of the member or element */
	/* private */
	JsonbContainer *container;
	int			size;
	char	   *data;			/* what the offsets count from */
	uint32		key_offset;
	uint32		value_offset;
} JsonWalk;

extern void json_walk_begin(JsonWalk *walk, JsonbContainer *container);
extern bool json_walk_next(JsonWalk *walk);

/* "a string", "an object" ... */
extern const char *json_kind(const JsonbValue *value);

#endif							/* COMPAT_GUARD_DOCUMENT_H */
