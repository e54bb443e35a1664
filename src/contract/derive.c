/*
 * derive.c
 *		The requirements that follow from a document.
 */
#include "postgres.h"

#include "contract/contract.h"
#include "contract/contract_internal.h"

/* The most members that "expected" has; contract.h lists them. */
#define MAX_MEMBERS 8

typedef struct Members
{
	int			n;
	JsonbPair	pairs[MAX_MEMBERS];
} Members;

static JsonbValue
json_string(const char *data, int len)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, data);
	value.val.string.len = len;
	return value;
}

static JsonbValue
json_strings(const DocStrings *strings)
{
	JsonbValue	value;

	value.type = jbvArray;
	value.val.array.nElems = strings->n;
	value.val.array.rawScalar = false;
	value.val.array.elems = palloc_array(JsonbValue, strings->n);
	for (int i = 0; i < strings->n; i++)
		value.val.array.elems[i] = json_string(strings->items[i].data,
											   strings->items[i].len);
	return value;
}

/* Compare keys as a Jsonb orders them: by length, then by content. */
static int
compare_keys(const JsonbValue *a, const JsonbValue *b)
{
	if (a->val.string.len != b->val.string.len)
		return a->val.string.len - b->val.string.len;
	return memcmp(a->val.string.val, b->val.string.val, a->val.string.len);
}

/* Insert a member at its place in the order of keys. */
static void
add_value(Members *members, const char *name, JsonbValue value)
{
	JsonbValue	key = json_string(name, strlen(name));
	int			i;

	Assert(members->n < MAX_MEMBERS);
	for (i = members->n; i > 0 && compare_keys(&key, &members->pairs[i - 1].key) < 0; i--)
		members->pairs[i] = members->pairs[i - 1];
	members->pairs[i].key = key;
	members->pairs[i].value = value;
	members->n++;
}

static void
add_string(Members *members, const char *name, const DocString *string)
{
	if (string->data != NULL)
		add_value(members, name, json_string(string->data, string->len));
}

static void
add_bool(Members *members, const char *name, DocBool flag)
{
	JsonbValue	value;

	if (flag == DOC_ABSENT)
		return;
	value.type = jbvBool;
	value.val.boolean = (flag == DOC_TRUE);
	add_value(members, name, value);
}

/* Add a list unless it is empty, which expects nothing. */
static void
add_strings(Members *members, const char *name, const DocStrings *strings)
{
	if (strings->n > 0)
		add_value(members, name, json_strings(strings));
}

static Jsonb *
members_to_jsonb(Members *members)
{
	JsonbValue	object;

	object.type = jbvObject;
	object.val.object.nPairs = members->n;
	object.val.object.pairs = members->pairs;
	return JsonbValueToJsonb(&object);
}

/* Append a requirement with these members to the contract. */
static void
add_requirement(Contract *contract, RequirementKind kind, char *object, Members *members)
{
	Requirement *req = palloc0_object(Requirement);

	req->kind = kind;
	req->object = object;
	req->expected = members_to_jsonb(members);
	req->role = contract->role;
	req->search_path = contract->search_path;
	contract->requirements = lappend(contract->requirements, req);
}

/* Append a requirement that has a name and nothing else.  The member is called as the kind. */
static void
add_named(Contract *contract, RequirementKind kind, const DocString *name)
{
	Members		members = {0};

	add_string(&members, requirement_kind_name(kind), name);
	add_requirement(contract, kind, pnstrdup(name->data, name->len), &members);
}

static void
derive_privilege(Contract *contract, const DocRelation *rel)
{
	Members		members = {0};
	DocStrings	access = {0, palloc_array(DocString, DOC_NACCESS)};

	for (int bit = 0; bit < DOC_NACCESS; bit++)
	{
		if (rel->access & (1 << bit))
		{
			const char *name = document_access_names[bit];

			access.items[access.n].data = name;
			access.items[access.n++].len = strlen(name);
		}
	}
	if (access.n == 0)
		return;
	add_string(&members, "relation", &rel->name);
	add_strings(&members, "access", &access);
	add_requirement(contract, REQUIREMENT_ACCESS,
					pnstrdup(rel->name.data, rel->name.len), &members);
}

static void
derive_column(Contract *contract, const DocRelation *rel, const DocColumn *column)
{
	Members		members = {0};
	StringInfoData label;

	add_string(&members, "relation", &rel->name);
	add_string(&members, "column", &column->name);
	add_strings(&members, "type", &column->type);
	add_bool(&members, "nullable", column->nullable);
	add_bool(&members, "default", column->supplies);
	add_bool(&members, "generated", column->generated);
	if (column->identity != DOC_IDENTITY_ABSENT)
	{
		const char *identity = column->identity == DOC_IDENTITY_ALWAYS ? "always" :
		column->identity == DOC_IDENTITY_BY_DEFAULT ? "by default" : "none";

		add_value(&members, "identity", json_string(identity, strlen(identity)));
	}
	add_string(&members, "collation", &column->collation);

	initStringInfo(&label);
	appendBinaryStringInfo(&label, rel->name.data, rel->name.len);
	appendStringInfoChar(&label, '.');
	identifier_append(&label, column->name.data, column->name.len);
	add_requirement(contract, REQUIREMENT_COLUMN, label.data, &members);
}

/*
 * Append a requirement for each list of columns.  Its object is "users" for an INSERT,
 * and "users (email, name)" for keys and indexes.  An INSERT may have an empty list.
 */
static void
derive_column_lists(Contract *contract, RequirementKind kind, const DocRelation *rel,
					const DocColumnLists *lists)
{
	for (int i = 0; i < lists->n; i++)
	{
		const DocStrings *columns = &lists->items[i];
		Members		members = {0};
		StringInfoData label;

		add_string(&members, "relation", &rel->name);
		add_value(&members, "columns", json_strings(columns));

		initStringInfo(&label);
		appendBinaryStringInfo(&label, rel->name.data, rel->name.len);
		if (kind != REQUIREMENT_INSERT)
		{
			for (int j = 0; j < columns->n; j++)
			{
				appendStringInfoString(&label, j == 0 ? " (" : ", ");
				identifier_append(&label, columns->items[j].data, columns->items[j].len);
			}
			appendStringInfoChar(&label, ')');
		}
		add_requirement(contract, kind, label.data, &members);
	}
}

static void
derive_relation(Contract *contract, const DocRelation *rel)
{
	add_named(contract, REQUIREMENT_RELATION, &rel->name);
	derive_privilege(contract, rel);
	for (int i = 0; i < rel->ncolumns; i++)
		derive_column(contract, rel, &rel->columns[i]);
	for (int i = 0; i < COLUMN_LIST_MEMBERS; i++)
		derive_column_lists(contract, column_list_members[i].kind, rel, &rel->column_lists[i]);
}

static void
derive_query(Contract *contract, const DocQuery *query)
{
	Members		members = {0};

	add_string(&members, "name", &query->name);
	add_string(&members, "sql", &query->sql);
	add_strings(&members, "params", &query->params);
	add_requirement(contract, REQUIREMENT_QUERY,
					pnstrdup(query->name.data, query->name.len), &members);
}

static void
derive_routine(Contract *contract, const DocRoutine *routine)
{
	Members		members = {0};

	add_string(&members, "routine", &routine->name);
	add_value(&members, "types", json_strings(&routine->types));
	if (routine->by_name)
		add_value(&members, "arguments", json_strings(&routine->arguments));
	add_string(&members, "returns", &routine->returns);
	add_requirement(contract, REQUIREMENT_ROUTINE,
					pnstrdup(routine->signature.data, routine->signature.len), &members);
}

static void
derive_type(Contract *contract, const DocType *type)
{
	Members		members = {0};

	add_string(&members, "type", &type->name);
	add_strings(&members, "labels", &type->labels);
	if (type->closed)
		add_bool(&members, "closed", DOC_TRUE);
	add_requirement(contract, REQUIREMENT_TYPE,
					pnstrdup(type->name.data, type->name.len), &members);
}

static void
derive_names(Contract *contract, RequirementKind kind, const DocStrings *names)
{
	for (int i = 0; i < names->n; i++)
		add_named(contract, kind, &names->items[i]);
}

List *
contract_requirements(Contract *contract)
{
	const Document *doc = contract->document;

	if (contract->requirements != NIL)
		return contract->requirements;

	for (int i = 0; i < doc->nrelations; i++)
		derive_relation(contract, &doc->relations[i]);
	for (int i = 0; i < doc->nqueries; i++)
		derive_query(contract, &doc->queries[i]);
	for (int i = 0; i < doc->nroutines; i++)
		derive_routine(contract, &doc->routines[i]);
	for (int i = 0; i < doc->ntypes; i++)
		derive_type(contract, &doc->types[i]);
	for (int i = 0; i < NAME_LIST_MEMBERS; i++)
		derive_names(contract, name_list_members[i].kind, &doc->name_lists[i]);
	return contract->requirements;
}
