/*
 * reader.h
 *		Reading a document: one function for each kind of object in it.
 *
 * Private to the reading in src/contract.  Each function reads one value and
 * reports what is wrong with it; those that return bool say whether it is
 * sound.
 */
#ifndef COMPAT_GUARD_READER_H
#define COMPAT_GUARD_READER_H

#include "contract/document.h"

typedef struct Reader
{
	List	  **problems;
	List	  **names;			/* NULL: not asked for */
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

static inline bool
is_array(const JsonbValue *value)
{
	return value->type == jbvBinary &&
		JsonContainerIsArray(value->val.binary.data);
}

static inline int
container_size(const JsonbValue *value)
{
	return JsonContainerSize(value->val.binary.data);
}

/* Problems of several readers. */
extern void must_be(Reader *reader, const DocPath *path, const char *what,
					const JsonbValue *value);
extern void must_not_be_empty(Reader *reader, const DocPath *path);
extern void unknown_key(Reader *reader, const DocPath *path, const char *known);

/* Remember a text for the server to judge, if that was asked for. */
extern void note_name(Reader *reader, DocNameKind kind, DocString text,
					  const DocPath *path);

/* Strings, never empty.  One in a list keeps its place, out->index. */
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

/* The same for a name that is a key. */
extern bool check_literal(Reader *reader, const DocPath *path, DocString name);
extern bool check_qualified(Reader *reader, const DocPath *path,
							DocString name, DocString *out);

/* Start on the members of an object or the elements of an array. */
extern bool begin_object(Reader *reader, const DocPath *path,
						 const JsonbValue *value, JsonWalk *walk);
extern bool begin_array(Reader *reader, const DocPath *path,
						const JsonbValue *value, const char *what,
						JsonWalk *walk);

/* The next one, and its place. */
extern bool read_next(JsonWalk *walk, const DocPath *parent, DocPath *here);

typedef bool (*ItemReader) (Reader *reader, const DocPath *path,
							const JsonbValue *value, DocString *out);

/* An array of strings of one sort, each read by read_item. */
extern bool read_strings(Reader *reader, const DocPath *path,
						 const JsonbValue *value, const char *what,
						 ItemReader read_item, DocStrings *out);

/* The same where the order means nothing and nothing is said twice: sorted. */
extern bool read_set(Reader *reader, const DocPath *path,
					 const JsonbValue *value, const char *what,
					 ItemReader read_item, DocStrings *out);

/*
 * For members that go by their names' canonical form, whose order is not that
 * of the keys: report those named twice, and return the array that was read
 * from them in the order of the names.  names[i].index is the place in it.
 */
extern void *sort_members(Reader *reader, const DocPath *path,
						  DocString *names, int n, const DocString *keys,
						  const void *members, size_t size);

/* ---- parse_relation.c ---- */

extern void read_relations(Reader *reader, const DocPath *path,
						   const JsonbValue *value, Document *doc);

#endif							/* COMPAT_GUARD_READER_H */
