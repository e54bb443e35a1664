/*
 * parse.c
 *		Read a contract document.
 *
 * Each kind of object has a function that knows its keys; any other key is a problem.
 * The reader goes on after a problem, so that the author of a document sees all
 * problems at once.  doc/contract.schema.json describes the same form, and
 * test/t/010_contract_schema.pl compares the two.
 */
#include "postgres.h"

#include "contract/contract.h"
#include "contract/contract_internal.h"
#include "miscadmin.h"

static void
read_sql(Reader *reader, const DocPath *path, const JsonbValue *value, DocString *sql)
{
	if (!read_string(reader, path, value, sql))
		return;
	if (sql->len > MAX_STATEMENT_BYTES)
		problem_add(reader->problems, path, "a statement of %d bytes is longer than the limit of %d",
					sql->len, MAX_STATEMENT_BYTES);
	else
		note_name(reader, DOC_NAME_QUERY, *sql, path);
}

static void
read_query(Reader *reader, const DocPath *path, const JsonbValue *value, DocQuery *query)
{
	JsonWalk	walk;
	DocPath		here;
	bool		has_sql = false;

	if (value->type == jbvString)
	{
		read_sql(reader, path, value, &query->sql);
		return;
	}
	if (!is_object(value))
	{
		must_be(reader, path, "an SQL statement or an object", value);
		return;
	}

	json_walk_begin(&walk, value->val.binary.data);
	while (read_next(&walk, path, &here))
	{
		if (string_is(&here.key, "sql"))
		{
			has_sql = true;
			read_sql(reader, &here, &walk.value, &query->sql);
		}
		else if (string_is(&here.key, "params"))
			read_strings(reader, &here, &walk.value, "an array of type names",
						 read_type_name, &query->params);
		else
			unknown_key(reader, &here, "sql, params");
	}
	if (!has_sql)
		problem_add(reader->problems, path, "the key \"sql\" is missing");
}

static void
read_queries(Reader *reader, const DocPath *path, const JsonbValue *value, Document *doc)
{
	JsonWalk	walk;
	DocPath		here;

	if (!begin_object(reader, path, value, &walk))
		return;
	doc->queries = palloc0_array(DocQuery, container_size(value));
	while (read_next(&walk, path, &here))
	{
		DocQuery   *query = &doc->queries[doc->nqueries++];

		CHECK_FOR_INTERRUPTS();
		query->name = here.key;
		if (query->name.len == 0)
			problem_add(reader->problems, &here, "the name of a query must not be empty");
		read_query(reader, &here, &walk.value, query);
	}
}

/* Read a type name, perhaps after SETOF, which the grammar of type names does not know. */
static void
read_returns(Reader *reader, const DocPath *path, const JsonbValue *value, DocString *returns)
{
	DocString	type;

	if (!read_string(reader, path, value, returns))
		return;
	type = *returns;
	if (type.len > 6 && pg_strncasecmp(type.data, "setof ", 6) == 0)
	{
		type.data += 6;
		type.len -= 6;
	}
	note_name(reader, DOC_NAME_TYPE, type, path);
}

static void
read_routine(Reader *reader, const DocPath *path, const JsonbValue *value, DocRoutine *routine)
{
	JsonWalk	walk;
	DocPath		here;

	if (!begin_object(reader, path, value, &walk))
		return;
	while (read_next(&walk, path, &here))
	{
		if (string_is(&here.key, "returns"))
			read_returns(reader, &here, &walk.value, &routine->returns);
		else if (string_is(&here.key, "arguments"))
		{
			routine->by_name = true;
			read_set(reader, &here, &walk.value, "an array of argument names",
					 read_literal, &routine->arguments);
		}
		else
			unknown_key(reader, &here, "arguments, returns");
	}
}

static DocString
read_routine_member(Reader *reader, const DocPath *path, const JsonbValue *value, void *member)
{
	DocRoutine *routine = member;
	const char *problem;

	read_routine(reader, path, value, routine);
	problem = identifier_signature(path->key, &routine->signature,
								   &routine->name, &routine->types);
	if (problem != NULL)
		problem_add(reader->problems, path, "%s", problem);
	for (int arg = 0; arg < routine->types.n; arg++)
		note_name(reader, DOC_NAME_TYPE, routine->types.items[arg], path);
	return routine->signature;
}

static void
read_type(Reader *reader, const DocPath *path, const JsonbValue *value, DocType *type)
{
	JsonWalk	walk;
	DocPath		here;
	DocBool		closed = DOC_ABSENT;
	bool		has_labels = false;

	if (!begin_object(reader, path, value, &walk))
		return;
	while (read_next(&walk, path, &here))
	{
		if (string_is(&here.key, "labels"))
		{
			has_labels = true;
			if (is_array(&walk.value) && container_size(&walk.value) == 0)
				must_not_be_empty(reader, &here);
			read_set(reader, &here, &walk.value, "an array of labels",
					 read_literal, &type->labels);
		}
		else if (string_is(&here.key, "closed"))
			read_bool(reader, &here, &walk.value, &closed);
		else
			unknown_key(reader, &here, "labels, closed");
	}
	if (closed != DOC_ABSENT && !has_labels)
		problem_add(reader->problems, path, "\"closed\" needs \"labels\" beside it");
	type->closed = (closed == DOC_TRUE);
}

static DocString
read_type_member(Reader *reader, const DocPath *path, const JsonbValue *value, void *member)
{
	DocType    *type = member;

	read_type(reader, path, value, type);
	check_qualified(reader, path, path->key, &type->name);
	return type->name;
}

/* Read a search path, which may be empty: no schema but pg_catalog. */
static void
read_search_path(Reader *reader, const DocPath *path, const JsonbValue *value,
				 DocString *search_path)
{
	DocString	given = {NULL, 0, 0};
	DocString	canonical;
	const char *problem;

	if (value->type != jbvString)
	{
		must_be(reader, path, "a string", value);
		return;
	}
	given.data = value->val.string.val;
	given.len = value->val.string.len;
	problem = identifier_list(given, &canonical);
	if (problem == NULL)
		*search_path = canonical;
	else
		problem_add(reader->problems, path, "%s", problem);
}

static void
read_role(Reader *reader, const DocPath *path, const JsonbValue *value, DocString *role)
{
	DocString	name = {NULL, 0, 0};

	if (read_literal(reader, path, value, &name))
		*role = name;
}

/* ---- lists of names ---- */

/* In the order of the digest: new members come last. */
const NameListMember name_list_members[] = {
	{"sequences", "an array of sequence names", read_qualified, REQUIREMENT_SEQUENCE},
	{"extensions", "an array of extension names", read_literal, REQUIREMENT_EXTENSION},
};

StaticAssertDecl(lengthof(name_list_members) == NAME_LIST_MEMBERS, "NAME_LIST_MEMBERS is wrong");

/* Read the member if it is a list of names.  Return false if it is another one. */
static bool
read_name_list(Reader *reader, const DocPath *here, const JsonbValue *value, Document *doc)
{
	for (int i = 0; i < NAME_LIST_MEMBERS; i++)
	{
		const NameListMember *member = &name_list_members[i];

		if (string_is(&here->key, member->key))
		{
			read_set(reader, here, value, member->what, member->read_name, &doc->name_lists[i]);
			return true;
		}
	}
	return false;
}

/* ---- the document ---- */

/* Return how many requirements follow from the document. */
static int
count_requirements(const Document *doc)
{
	int			n = doc->nqueries + doc->nroutines + doc->ntypes;

	for (int i = 0; i < NAME_LIST_MEMBERS; i++)
		n += doc->name_lists[i].n;
	for (int i = 0; i < doc->nrelations; i++)
	{
		const DocRelation *rel = &doc->relations[i];

		n += 1 + (rel->access != 0) + rel->ncolumns;
		for (int j = 0; j < COLUMN_LIST_MEMBERS; j++)
			n += rel->column_lists[j].n;
	}
	return n;
}

Document *
document_read(Jsonb *json, List **problems, List **names)
{
	Reader		reader = {problems, names};
	Document   *doc = palloc0_object(Document);
	DocPath		root = {NULL, {NULL, 0, 0}, 0};
	DocPath		here;
	JsonbValue	value;
	JsonWalk	walk;

	doc->json = json;
	if (VARSIZE(json) > MAX_DOCUMENT_BYTES)
	{
		problem_add(problems, &root, "a document of %u bytes is larger than the limit of %d",
					(unsigned) VARSIZE(json), MAX_DOCUMENT_BYTES);
		return doc;
	}
	if (!JB_ROOT_IS_SCALAR(json) || !JsonbExtractScalar(&json->root, &value))
	{
		value.type = jbvBinary;
		value.val.binary.data = &json->root;
	}
	if (!begin_object(&reader, &root, &value, &walk))
		return doc;

	while (read_next(&walk, &root, &here))
	{
		if (string_is(&here.key, "role"))
			read_role(&reader, &here, &walk.value, &doc->role);
		else if (string_is(&here.key, "search_path"))
			read_search_path(&reader, &here, &walk.value, &doc->search_path);
		else if (string_is(&here.key, "relations"))
			doc->relations = read_members(&reader, &here, &walk.value, sizeof(DocRelation),
										  read_relation_member, &doc->nrelations);
		else if (string_is(&here.key, "queries"))
			read_queries(&reader, &here, &walk.value, doc);
		else if (string_is(&here.key, "routines"))
			doc->routines = read_members(&reader, &here, &walk.value, sizeof(DocRoutine),
										 read_routine_member, &doc->nroutines);
		else if (string_is(&here.key, "types"))
			doc->types = read_members(&reader, &here, &walk.value, sizeof(DocType),
									  read_type_member, &doc->ntypes);
		else if (!read_name_list(&reader, &here, &walk.value, doc))
			unknown_key(&reader, &here,
						"search_path, role, relations, queries, routines, types, sequences, extensions");
	}
	if (count_requirements(doc) > MAX_REQUIREMENTS)
		problem_add(problems, &root, "%d requirements are more than the limit of %d",
					count_requirements(doc), MAX_REQUIREMENTS);
	return doc;
}
