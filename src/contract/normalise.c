/*
 * normalise.c
 *		The normal form of a document, and its digest.
 */
#include "postgres.h"

#include "contract/contract_internal.h"
#include "utils/fmgrprotos.h"

static inline int
compare_content(const DocString *a, const DocString *b)
{
	int			cmp = memcmp(a->data, b->data, Min(a->len, b->len));

	return cmp != 0 ? cmp : a->len - b->len;
}

static inline int
compare_strings(const DocString *a, const DocString *b)
{
	int			cmp = compare_content(a, b);

	return cmp != 0 ? cmp : a->index - b->index;
}

/* Define document_sort_strings(), inline because many short lists are sorted. */
#define ST_SORT document_sort_strings
#define ST_ELEMENT_TYPE DocString
#define ST_COMPARE(a, b) compare_strings(a, b)
#define ST_SCOPE
#define ST_DEFINE
#include "lib/sort_template.h"

bool
document_strings_equal(const DocString *a, const DocString *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static int
compare_column_lists(const void *a, const void *b)
{
	const DocStrings *la = a;
	const DocStrings *lb = b;

	for (int i = 0; i < Min(la->n, lb->n); i++)
	{
		int			cmp = compare_content(&la->items[i], &lb->items[i]);

		if (cmp != 0)
			return cmp;
	}
	return la->n - lb->n;
}

/* Sort the lists and drop duplicates. */
static void
normalise_column_lists(DocColumnLists *lists)
{
	int			n = 0;

	if (lists->n < 2)
		return;

	qsort(lists->items, lists->n, sizeof(DocStrings), compare_column_lists);
	for (int i = 0; i < lists->n; i++)
	{
		if (n == 0 || compare_column_lists(&lists->items[n - 1], &lists->items[i]) != 0)
			lists->items[n++] = lists->items[i];
	}
	lists->n = n;
}

void
document_normalise(Document *doc)
{
	for (int i = 0; i < doc->nrelations; i++)
	{
		DocRelation *rel = &doc->relations[i];

		for (int j = 0; j < COLUMN_LIST_MEMBERS; j++)
			normalise_column_lists(&rel->column_lists[j]);
	}
}

/*
 * The put_ functions append to the canonical text.  Counts and lengths go before what
 * they count, so that no two documents have the same text.
 */
static inline void
put_bytes(StringInfo buf, const void *data, int len)
{
	if (buf->maxlen - buf->len <= len)
		enlargeStringInfo(buf, len);
	memcpy(buf->data + buf->len, data, len);
	buf->len += len;
}

static inline void
put_count(StringInfo buf, int n)
{
	uint8		wire[5];
	int			len = 0;

	/* Seven bits a byte, the lowest first: most counts are short. */
	for (; n >= 0x80; n >>= 7)
		wire[len++] = 0x80 | (n & 0x7f);
	wire[len++] = n;
	put_bytes(buf, wire, len);
}

static inline void
put_string(StringInfo buf, const DocString *string)
{
	put_count(buf, string->len);
	if (string->len > 0)
		put_bytes(buf, string->data, string->len);
}

static void
put_strings(StringInfo buf, const DocStrings *strings)
{
	put_count(buf, strings->n);
	for (int i = 0; i < strings->n; i++)
		put_string(buf, &strings->items[i]);
}

static void
put_column_lists(StringInfo buf, const DocColumnLists *lists)
{
	put_count(buf, lists->n);
	for (int i = 0; i < lists->n; i++)
		put_strings(buf, &lists->items[i]);
}

static void
put_relation(StringInfo buf, const DocRelation *rel)
{
	put_string(buf, &rel->name);
	put_count(buf, rel->access);
	put_count(buf, rel->ncolumns);
	for (int i = 0; i < rel->ncolumns; i++)
	{
		const DocColumn *column = &rel->columns[i];
		char		flags[4] = {column->nullable, column->supplies,
		column->generated, column->identity};

		put_string(buf, &column->name);
		put_strings(buf, &column->type);
		put_bytes(buf, flags, sizeof(flags));
		put_string(buf, &column->collation);
	}
	for (int i = 0; i < COLUMN_LIST_MEMBERS; i++)
		put_column_lists(buf, &rel->column_lists[i]);
}

static void
put_document(StringInfo buf, const Document *doc)
{
	/* Change this whenever equal documents would get another digest. */
	appendStringInfoString(buf, "compat_guard contract 1");

	put_string(buf, &doc->role);
	put_string(buf, &doc->search_path);
	put_count(buf, doc->nrelations);
	for (int i = 0; i < doc->nrelations; i++)
		put_relation(buf, &doc->relations[i]);
	put_count(buf, doc->nqueries);
	for (int i = 0; i < doc->nqueries; i++)
	{
		put_string(buf, &doc->queries[i].name);
		put_string(buf, &doc->queries[i].sql);
		put_strings(buf, &doc->queries[i].params);
	}
	put_count(buf, doc->nroutines);
	for (int i = 0; i < doc->nroutines; i++)
	{
		put_string(buf, &doc->routines[i].signature);
		appendStringInfoChar(buf, doc->routines[i].by_name ? DOC_TRUE : DOC_FALSE);
		put_strings(buf, &doc->routines[i].arguments);
		put_string(buf, &doc->routines[i].returns);
	}
	put_count(buf, doc->ntypes);
	for (int i = 0; i < doc->ntypes; i++)
	{
		put_string(buf, &doc->types[i].name);
		put_strings(buf, &doc->types[i].labels);
		appendStringInfoChar(buf, doc->types[i].closed ? DOC_TRUE : DOC_FALSE);
	}
	for (int i = 0; i < NAME_LIST_MEMBERS; i++)
		put_strings(buf, &doc->name_lists[i]);
}

bytea *
document_digest(const Document *doc)
{
	StringInfoData buf;
	bytea	   *digest;

	initStringInfo(&buf);
	/* The text is about as long as the document: do not enlarge it in steps. */
	enlargeStringInfo(&buf, VARSIZE(doc->json) + 1024);
	appendStringInfoSpaces(&buf, VARHDRSZ);
	put_document(&buf, doc);
	SET_VARSIZE(buf.data, buf.len);

	digest = DatumGetByteaP(DirectFunctionCall1(sha256_bytea,
												PointerGetDatum(buf.data)));
	pfree(buf.data);
	return digest;
}
