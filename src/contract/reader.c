/*
 * reader.c
 *		Read strings, names and lists, for the readers of all kinds of objects.
 */
#include "postgres.h"

#include "contract/contract.h"
#include "contract/contract_internal.h"
#include "miscadmin.h"

/* ---- scalars ---- */

void
must_be(Reader *reader, const DocPath *path, const char *what, const JsonbValue *value)
{
	problem_add(reader->problems, path, "must be %s, not %s", what, json_kind(value));
}

void
note_name(Reader *reader, DocNameKind kind, DocString text, const DocPath *path)
{
	DocName    *name;

	if (reader->names == NULL)
		return;
	name = palloc_object(DocName);
	name->kind = kind;
	name->text = pnstrdup(text.data, text.len);
	name->path = document_path(path);
	*reader->names = lappend(*reader->names, name);
}

bool
read_string(Reader *reader, const DocPath *path, const JsonbValue *value, DocString *out)
{
	if (value->type != jbvString)
	{
		must_be(reader, path, "a string", value);
		return false;
	}
	if (value->val.string.len == 0)
	{
		problem_add(reader->problems, path, "must not be empty");
		return false;
	}
	out->data = value->val.string.val;
	out->len = value->val.string.len;
	return true;
}

bool
check_literal(Reader *reader, const DocPath *path, DocString name)
{
	const char *problem = identifier_literal(name);

	if (problem != NULL)
		problem_add(reader->problems, path, "%s", problem);
	return problem == NULL;
}

bool
read_literal(Reader *reader, const DocPath *path, const JsonbValue *value, DocString *out)
{
	return read_string(reader, path, value, out) && check_literal(reader, path, *out);
}

bool
check_qualified(Reader *reader, const DocPath *path, DocString name, DocString *out)
{
	const char *problem = identifier_qualified(name, out);

	if (problem != NULL)
		problem_add(reader->problems, path, "%s", problem);
	return problem == NULL;
}

bool
read_qualified(Reader *reader, const DocPath *path, const JsonbValue *value, DocString *out)
{
	return read_string(reader, path, value, out) &&
		check_qualified(reader, path, *out, out);
}

bool
read_type_name(Reader *reader, const DocPath *path, const JsonbValue *value, DocString *out)
{
	if (!read_string(reader, path, value, out))
		return false;
	note_name(reader, DOC_NAME_TYPE, *out, path);
	return true;
}

void
read_bool(Reader *reader, const DocPath *path, const JsonbValue *value, DocBool *out)
{
	if (value->type != jbvBool)
		must_be(reader, path, "true or false", value);
	else
		*out = value->val.boolean ? DOC_TRUE : DOC_FALSE;
}

/* ---- objects and arrays ---- */

bool
begin_object(Reader *reader, const DocPath *path, const JsonbValue *value, JsonWalk *walk)
{
	if (!is_object(value))
	{
		must_be(reader, path, "an object", value);
		return false;
	}
	json_walk_begin(walk, value->val.binary.data);
	return true;
}

bool
begin_array(Reader *reader, const DocPath *path, const JsonbValue *value,
			const char *what, JsonWalk *walk)
{
	if (!is_array(value))
	{
		must_be(reader, path, what, value);
		return false;
	}
	json_walk_begin(walk, value->val.binary.data);
	return true;
}

bool
read_next(JsonWalk *walk, const DocPath *parent, DocPath *here)
{
	if (!json_walk_next(walk))
		return false;
	here->parent = parent;
	here->key = walk->key;
	here->index = walk->index;
	return true;
}

void
unknown_key(Reader *reader, const DocPath *path, const char *known)
{
	problem_add(reader->problems, path, "unknown key; the keys here are %s", known);
}

/*
 * Sort the names and report those that are there more than once.  keys: the keys of the
 * members that the names are of, or NULL for the elements of an array.
 */
static bool
sort_unique(Reader *reader, const DocPath *path, DocString *names, int n,
			const DocString *keys)
{
	bool		unique = true;

	if (n > 1)
		document_sort_strings(names, n);
	for (int i = 1; i < n; i++)
	{
		DocPath		here = {path, {NULL, 0, 0}, names[i].index};

		if (!document_strings_equal(&names[i - 1], &names[i]))
			continue;
		unique = false;
		if (keys != NULL)
			here.key = keys[names[i].index];
		problem_add(reader->problems, &here, "\"%.*s\" is named more than once",
					names[i].len, names[i].data);
	}
	return unique;
}

/* Return the members in the order of their names; names[i].index is a member's place. */
static void *
sort_members(const char *members, size_t size, const DocString *names, int n)
{
	char	   *sorted = palloc(n * size);

	for (int i = 0; i < n; i++)
		memcpy(sorted + i * size, members + names[i].index * size, size);
	return sorted;
}

void *
read_members(Reader *reader, const DocPath *path, const JsonbValue *value, size_t size,
			 MemberReader read_member, int *n)
{
	JsonWalk	walk;
	DocPath		here;
	char	   *members;
	DocString  *names;
	DocString  *keys;

	if (!begin_object(reader, path, value, &walk))
		return NULL;
	members = palloc0(container_size(value) * size);
	names = palloc_array(DocString, container_size(value));
	keys = palloc_array(DocString, container_size(value));
	while (read_next(&walk, path, &here))
	{
		int			i = (*n)++;

		CHECK_FOR_INTERRUPTS();
		keys[i] = here.key;
		names[i] = read_member(reader, &here, &walk.value, members + i * size);
		names[i].index = i;
	}
	sort_unique(reader, path, names, *n, keys);
	return sort_members(members, size, names, *n);
}

bool
read_strings(Reader *reader, const DocPath *path, const JsonbValue *value,
			 const char *what, ItemReader read_item, DocStrings *out)
{
	JsonWalk	walk;
	DocPath		here;
	bool		sound = true;

	out->n = 0;
	out->items = NULL;
	if (!begin_array(reader, path, value, what, &walk))
		return false;

	out->items = palloc_array(DocString, container_size(value));
	while (read_next(&walk, path, &here))
	{
		DocString  *item = &out->items[out->n];

		item->index = here.index;
		if (read_item(reader, &here, &walk.value, item))
			out->n++;
		else
			sound = false;
	}
	return sound;
}

bool
read_set(Reader *reader, const DocPath *path, const JsonbValue *value,
		 const char *what, ItemReader read_item, DocStrings *out)
{
	bool		sound = read_strings(reader, path, value, what, read_item, out);

	return sort_unique(reader, path, out->items, out->n, NULL) && sound;
}

void
must_not_be_empty(Reader *reader, const DocPath *path)
{
	problem_add(reader->problems, path, "must not be empty");
}
