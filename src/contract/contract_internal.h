/*
 * contract_internal.h
 *		What the files of contract/ share: the document, and how it is read.
 */
#ifndef COMPAT_GUARD_CONTRACT_INTERNAL_H
#define COMPAT_GUARD_CONTRACT_INTERNAL_H

#include "base/compat.h"
#include "base/json_walk.h"
#include "contract/contract.h"

/* ---- contract.c ---- */

/* A defect of a document: where, as a JSON path ("$.relations.users"), and what. */
typedef struct ContractProblem
{
	char	   *path;
	char	   *problem;
} ContractProblem;

/*
 * Return all problems of a document, those of contract_parse() and of
 * contract_check_names(): for people, who want to see everything that is wrong.
 */
extern List *contract_problems(Jsonb *document, const char *default_role,
							   const char *default_search_path);

/* ---- check_names.c ---- */

/* The kinds of texts in a document that only a server can judge. */
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

/* Return the problems of the role and of the names, in that order. */
extern List *document_check_names(const char *role, const char *search_path,
								  List *names);

/* ---- parse.c ---- */

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

/* So many members of a relation are lists of lists of columns: column_list_members. */
#define COLUMN_LIST_MEMBERS 3

typedef struct DocRelation
{
	DocString	name;			/* canonical */
	int			access;			/* bits; see document_access_names */
	int			ncolumns;
	DocColumn  *columns;
	DocColumnLists column_lists[COLUMN_LIST_MEMBERS];
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
	DocString	name;			/* the one in the signature */
	DocStrings	types;			/* those in the signature */
	bool		by_name;		/* it has "arguments" */
	DocStrings	arguments;		/* names by which arguments are passed; sorted */
	DocString	returns;
} DocRoutine;

typedef struct DocType
{
	DocString	name;			/* canonical */
	DocStrings	labels;
	bool		closed;
} DocType;

/* So many members of a document are lists of names: name_list_members. */
#define NAME_LIST_MEMBERS 2

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
	DocStrings	name_lists[NAME_LIST_MEMBERS];
} Document;

/* Limits of the time and memory that a document takes. */
#define MAX_DOCUMENT_BYTES	(16 * 1024 * 1024)
#define MAX_STATEMENT_BYTES (1024 * 1024)
#define MAX_REQUIREMENTS	20000

/*
 * Read a document.  Problems are appended to *problems; what is sound in a document
 * with problems is read all the same.  A role or search path with a problem stays
 * unset.  If names is not NULL, every DocName is appended
 * to *names.
 */
extern Document *document_read(Jsonb *json, List **problems, List **names);

/* ---- identifier.c ---- */

/*
 * Read a text in SQL syntax, and set *out to its canonical form, in which equal names
 * have equal text.  Return NULL if all is well, else what is wrong, for people.
 */
extern const char *identifier_qualified(DocString in, DocString *out);

/* Read a search path. */
extern const char *identifier_list(DocString in, DocString *out);

/* Read "f(int, text)": its types stay as they are, but trimmed. */
extern const char *identifier_signature(DocString in, DocString *out,
										DocString *name, DocStrings *argtypes);

/* Return what is wrong with a name given literally, such as a column's, or NULL. */
extern const char *identifier_literal(DocString in);

/* Append a name to a label, quoted unless it is a plain one. */
extern void identifier_append(StringInfo buf, const char *data, int len);

/* ---- problem.c ---- */

/* A place in a document.  Lives on the reader's stack. */
typedef struct DocPath
{
	const struct DocPath *parent;	/* NULL: the document itself */
	DocString	key;			/* of an object's member; data = NULL: element */
	int			index;			/* of an array's element */
} DocPath;

/* Return a place in the syntax of jsonpath. */
extern char *document_path(const DocPath *path);

/* Append a problem at a place to a list of ContractProblem. */
extern void problem_add(List **problems, const DocPath *path,
						const char *fmt,...) pg_attribute_printf(3, 4);
extern void problem_add_at(List **problems, const char *path,
						   const char *problem);

/* ---- reader.c ---- */

typedef struct Reader
{
	List	  **problems;
	List	  **names;			/* NULL: nobody asks for them */
} Reader;

static inline bool
string_is(const DocString *string, const char *text)
{
	return string->len == strlen(text) &&
		memcmp(string->data, text, string->len) == 0;
}

static inline bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary &&
		JsonContainerIsObject(value->val.binary.data);
}

static inline int
container_size(const JsonbValue *value)
{
	return JsonContainerSize(value->val.binary.data);
}

typedef bool (*ItemReader) (Reader *reader, const DocPath *path,
							const JsonbValue *value, DocString *out);

/* Append a problem that several readers have. */
extern void must_be(Reader *reader, const DocPath *path, const char *what,
					const JsonbValue *value);
extern void must_not_be_empty(Reader *reader, const DocPath *path);
extern void unknown_key(Reader *reader, const DocPath *path, const char *known);

/* Remember a text for the server to judge, if somebody asks for them. */
extern void note_name(Reader *reader, DocNameKind kind, DocString text,
					  const DocPath *path);

/*
 * Read a string, which must not be empty: any string, the name of a column, role or
 * extension, a qualified name, or the name of a type.  Return false after a problem.
 * out->index, the place in a list, stays as it is.
 */
extern bool read_string(Reader *reader, const DocPath *path,
						const JsonbValue *value, DocString *out);
extern bool read_literal(Reader *reader, const DocPath *path,
						 const JsonbValue *value, DocString *out);
extern bool read_qualified(Reader *reader, const DocPath *path,
						   const JsonbValue *value, DocString *out);
extern bool read_type_name(Reader *reader, const DocPath *path,
						   const JsonbValue *value, DocString *out);
extern void read_bool(Reader *reader, const DocPath *path,
					  const JsonbValue *value, DocBool *out);

/* Check a name that is the key of a member; return false after a problem. */
extern bool check_literal(Reader *reader, const DocPath *path, DocString name);
extern bool check_qualified(Reader *reader, const DocPath *path,
							DocString name, DocString *out);

/* Begin to walk an object or array; return false, with a problem, if it is none. */
extern bool begin_object(Reader *reader, const DocPath *path,
						 const JsonbValue *value, JsonWalk *walk);
extern bool begin_array(Reader *reader, const DocPath *path,
						const JsonbValue *value, const char *what,
						JsonWalk *walk);

/* Go to the next member or element, and set its place; return false at the end. */
extern bool read_next(JsonWalk *walk, const DocPath *parent, DocPath *here);

/* Read an array of strings, each by read_item; return false after a problem. */
extern bool read_strings(Reader *reader, const DocPath *path,
						 const JsonbValue *value, const char *what,
						 ItemReader read_item, DocStrings *out);

/* Read an array of strings as a set: sort it, and report what is in it twice. */
extern bool read_set(Reader *reader, const DocPath *path,
					 const JsonbValue *value, const char *what,
					 ItemReader read_item, DocStrings *out);

/* Read a member, whose key path has, into zeroed memory; return its name in canonical form. */
typedef DocString (*MemberReader) (Reader *reader, const DocPath *path,
								   const JsonbValue *value, void *member);

/*
 * Read the members of an object that go by the canonical form of their names, whose
 * order is not that of the keys.  Report those named twice.  Returns an array of
 * members of the given size in the order of their names, and adds their number to *n.
 */
extern void *read_members(Reader *reader, const DocPath *path, const JsonbValue *value,
						  size_t size, MemberReader read_member, int *n);

/* ---- parse.c ---- */

/* A member that is a list of names.  Each name is a requirement. */
typedef struct NameListMember
{
	const char *key;
	const char *what;			/* the list, for people */
	ItemReader	read_name;
	RequirementKind kind;
} NameListMember;

extern const NameListMember name_list_members[NAME_LIST_MEMBERS];

/* ---- normalise.c ---- */

/* Sort strings by content, equal ones by place. */
extern void document_sort_strings(DocString *strings, size_t n);
extern bool document_strings_equal(const DocString *a, const DocString *b);

/*
 * Make documents equal that mean the same.  The reader has already sorted the sets of
 * strings, and the members that go by a canonical name.  Columns and queries need no
 * sorting: their names are the keys, and a Jsonb has the keys in an order of its own.
 */
extern void document_normalise(Document *doc);

/* Return the SHA-256 of a canonical text of a normalised document. */
extern bytea *document_digest(const Document *doc);

/* ---- parse_relation.c ---- */

/* A member that is a list of lists of columns.  Each list is a requirement. */
typedef struct ColumnListMember
{
	const char *key;
	void		(*read) (Reader *reader, const DocPath *path,
						 const JsonbValue *value, DocColumnLists *lists);
	RequirementKind kind;
} ColumnListMember;

extern const ColumnListMember column_list_members[COLUMN_LIST_MEMBERS];

/* The names of privileges, in the order of the bits of access, which is sorted. */
extern const char *const document_access_names[DOC_NACCESS];

/* The MemberReader of relations. */
extern DocString read_relation_member(Reader *reader, const DocPath *path,
									  const JsonbValue *value, void *member);

#endif							/* COMPAT_GUARD_CONTRACT_INTERNAL_H */
