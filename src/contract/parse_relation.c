/*
 * parse_relation.c
 *		Read the relations of a contract document.
 */
#include "postgres.h"

#include "contract/contract.h"
#include "contract/contract_internal.h"

const char *const document_access_names[DOC_NACCESS] = {
	"delete", "insert", "references", "select", "trigger", "truncate", "update"
};

static void
read_access(Reader *reader, const DocPath *path, const JsonbValue *value, int *access)
{
	DocStrings	names;

	read_set(reader, path, value, "an array of privileges",
			 read_string, &names);
	for (int i = 0; i < names.n; i++)
	{
		DocPath		here = {path, {NULL, 0, 0}, names.items[i].index};
		int			bit = 0;

		while (bit < DOC_NACCESS && !string_is(&names.items[i], document_access_names[bit]))
			bit++;
		if (bit < DOC_NACCESS)
			*access |= 1 << bit;
		else
			problem_add(reader->problems, &here,
						"must be one of select, insert, update, delete, truncate, references, trigger");
	}
}

static void
read_identity(Reader *reader, const DocPath *path, const JsonbValue *value, DocIdentity *out)
{
	DocString	given;

	if (!read_string(reader, path, value, &given))
		return;
	if (string_is(&given, "always"))
		*out = DOC_IDENTITY_ALWAYS;
	else if (string_is(&given, "by default"))
		*out = DOC_IDENTITY_BY_DEFAULT;
	else if (string_is(&given, "none"))
		*out = DOC_IDENTITY_NONE;
	else
		problem_add(reader->problems, path, "must be one of always, by default, none");
}

/* Read "bigint" or ["bigint", "integer"]. */
static void
read_column_type(Reader *reader, const DocPath *path, const JsonbValue *value, DocStrings *type)
{
	if (value->type == jbvString)
	{
		type->items = palloc0_object(DocString);
		if (read_type_name(reader, path, value, type->items))
			type->n = 1;
		return;
	}
	if (is_array(value) && container_size(value) == 0)
		must_not_be_empty(reader, path);
	read_set(reader, path, value, "a type name or an array of type names",
			 read_type_name, type);
}

static void
read_column(Reader *reader, const DocPath *path, const JsonbValue *value, DocColumn *column)
{
	JsonWalk	walk;
	DocPath		here;

	column->nullable = column->supplies = column->generated = DOC_ABSENT;
	column->identity = DOC_IDENTITY_ABSENT;
	check_literal(reader, path, column->name);

	if (value->type == jbvString)
	{
		read_column_type(reader, path, value, &column->type);
		return;
	}
	if (!is_object(value))
	{
		must_be(reader, path, "a type name or an object", value);
		return;
	}

	json_walk_begin(&walk, value->val.binary.data);
	while (read_next(&walk, path, &here))
	{
		if (string_is(&here.key, "type"))
			read_column_type(reader, &here, &walk.value, &column->type);
		else if (string_is(&here.key, "nullable"))
			read_bool(reader, &here, &walk.value, &column->nullable);
		else if (string_is(&here.key, "default"))
			read_bool(reader, &here, &walk.value, &column->supplies);
		else if (string_is(&here.key, "generated"))
			read_bool(reader, &here, &walk.value, &column->generated);
		else if (string_is(&here.key, "identity"))
			read_identity(reader, &here, &walk.value, &column->identity);
		else if (string_is(&here.key, "collation"))
			read_qualified(reader, &here, &walk.value, &column->collation);
		else
			unknown_key(reader, &here,
						"type, nullable, default, generated, identity, collation");
	}

	/* "default": false expects nothing. */
	if (column->supplies == DOC_FALSE)
		column->supplies = DOC_ABSENT;
}

static void
read_columns(Reader *reader, const DocPath *path, const JsonbValue *value, DocRelation *rel)
{
	JsonWalk	walk;
	DocPath		here;

	if (!begin_object(reader, path, value, &walk))
		return;
	rel->columns = palloc0_array(DocColumn, container_size(value));
	while (read_next(&walk, path, &here))
	{
		DocColumn  *column = &rel->columns[rel->ncolumns++];

		column->name = here.key;
		read_column(reader, &here, &walk.value, column);
	}
}

static void
read_column_list(Reader *reader, const DocPath *path, const JsonbValue *value,
				 DocColumnLists *lists)
{
	if (read_set(reader, path, value, "an array of column names",
				 read_literal, &lists->items[lists->n]))
		lists->n++;
}

/* Undo the sorting of a sound list, where the order matters. */
static void
restore_order(DocStrings *list)
{
	DocString  *items = palloc_array(DocString, list->n);

	for (int i = 0; i < list->n; i++)
		items[list->items[i].index] = list->items[i];
	list->items = items;
}

/* Read [["a"], ["b", "c"]], none of them empty.  ordered: the order of columns matters. */
static void
read_column_lists(Reader *reader, const DocPath *path, const JsonbValue *value,
				  bool ordered, DocColumnLists *lists)
{
	JsonWalk	walk;
	DocPath		here;

	if (!begin_array(reader, path, value, "an array of arrays of column names", &walk))
		return;
	lists->items = palloc_array(DocStrings, container_size(value));
	while (read_next(&walk, path, &here))
	{
		if (is_array(&walk.value) && container_size(&walk.value) == 0)
			must_not_be_empty(reader, &here);
		else
			read_column_list(reader, &here, &walk.value, lists);
	}
	for (int i = 0; ordered && i < lists->n; i++)
		restore_order(&lists->items[i]);
}

/*
 * Read the columns of the one INSERT that the application does, ["a", "b"], or a list
 * of such lists, [["a", "b"], ["a"]].  The empty list is INSERT ... DEFAULT VALUES in
 * either place, so [] and [[]] mean the same.
 */
static void
read_insert(Reader *reader, const DocPath *path, const JsonbValue *value,
			DocColumnLists *lists)
{
	JsonWalk	walk;
	DocPath		here;
	int			narrays = 0;

	if (!begin_array(reader, path, value,
					 "an array of column names or an array of such arrays", &walk))
		return;
	while (read_next(&walk, path, &here))
		narrays += is_array(&walk.value);

	lists->items = palloc_array(DocStrings, container_size(value) + 1);
	if (narrays == 0)
		read_column_list(reader, path, value, lists);
	else if (narrays < container_size(value))
		problem_add(reader->problems, path,
					"must hold either column names or arrays of column names, not both");
	else
	{
		json_walk_begin(&walk, value->val.binary.data);
		while (read_next(&walk, path, &here))
			read_column_list(reader, &here, &walk.value, lists);
	}
}

static void
read_unique(Reader *reader, const DocPath *path, const JsonbValue *value, DocColumnLists *lists)
{
	read_column_lists(reader, path, value, false, lists);
}

static void
read_indexes(Reader *reader, const DocPath *path, const JsonbValue *value, DocColumnLists *lists)
{
	read_column_lists(reader, path, value, true, lists);
}

/* In the order of the digest: new members come last. */
const ColumnListMember column_list_members[] = {
	{"insert", read_insert, REQUIREMENT_INSERT},
	{"unique", read_unique, REQUIREMENT_UNIQUE},
	{"indexes", read_indexes, REQUIREMENT_INDEX},
};

StaticAssertDecl(lengthof(column_list_members) == COLUMN_LIST_MEMBERS, "COLUMN_LIST_MEMBERS is wrong");

/* Read the member if it is a list of lists of columns.  Return false if it is another one. */
static bool
read_column_list_member(Reader *reader, const DocPath *here, const JsonbValue *value,
						DocRelation *rel)
{
	for (int i = 0; i < COLUMN_LIST_MEMBERS; i++)
	{
		const ColumnListMember *member = &column_list_members[i];

		if (string_is(&here->key, member->key))
		{
			member->read(reader, here, value, &rel->column_lists[i]);
			return true;
		}
	}
	return false;
}

static void
read_relation(Reader *reader, const DocPath *path, const JsonbValue *value, DocRelation *rel)
{
	JsonWalk	walk;
	DocPath		here;

	if (!begin_object(reader, path, value, &walk))
		return;
	while (read_next(&walk, path, &here))
	{
		if (string_is(&here.key, "access"))
			read_access(reader, &here, &walk.value, &rel->access);
		else if (string_is(&here.key, "columns"))
			read_columns(reader, &here, &walk.value, rel);
		else if (!read_column_list_member(reader, &here, &walk.value, rel))
			unknown_key(reader, &here, "access, columns, insert, unique, indexes");
	}
}

DocString
read_relation_member(Reader *reader, const DocPath *path, const JsonbValue *value, void *member)
{
	DocRelation *rel = member;

	read_relation(reader, path, value, rel);
	check_qualified(reader, path, path->key, &rel->name);
	return rel->name;
}
