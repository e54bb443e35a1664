/*
 * shape.c
 *		The shape of a query: what a client sees of it besides its rows.
 *
 * Its parameters' types, its result columns, which relations the names in it
 * stand for, and by which collations it sorts and compares.  The shape of a
 * query when it first worked is its baseline.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "verify/attribute.h"
#include "verify/observe.h"
#include "verify/query.h"

typedef struct ResultColumn
{
	char	   *name;
	char	   *type;
} ResultColumn;

/* What a name in the query stands for, or a label that a type has. */
typedef struct NameMeaning
{
	char	   *name;
	char	   *meaning;
} NameMeaning;

struct Shape
{
	List	   *params;			/* of char *: type names */
	List	   *columns;		/* of ResultColumn * */
	List	   *relations;		/* of NameMeaning *: their schemas */
	List	   *routines;		/* of NameMeaning *: which of that name; not the server's */
	List	   *labels;			/* of NameMeaning *: those of the columns' enums */
	List	   *collations;		/* of char *: other than the default */
};

static void
shape_add_columns(Shape *shape, List *targetlist)
{
	ListCell   *lc;

	foreach(lc, targetlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		ResultColumn *column;

		if (tle->resjunk)
			continue;
		column = palloc_object(ResultColumn);
		column->name = pstrdup(tle->resname ? tle->resname : "?column?");

		/* A client is told the type a domain is over. */
		column->type = format_type_be(getBaseType(exprType((Node *) tle->expr)));
		shape->columns = lappend(shape->columns, column);
	}
}

static List *
add_meaning(List *meanings, char *name, char *meaning)
{
	NameMeaning *new = palloc_object(NameMeaning);

	new->name = name;
	new->meaning = meaning;
	return name != NULL && meaning != NULL ? lappend(meanings, new) : meanings;
}

static void
shape_add_labels(Shape *shape, List *targetlist)
{
	ListCell   *lc;
	ListCell   *lcl;

	foreach(lc, targetlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		Oid			type = tle->resjunk ? InvalidOid
			: enum_below(exprType((Node *) tle->expr));

		foreach(lcl, enum_labels(type))
			shape->labels = add_meaning(shape->labels, format_type_be(type), lfirst(lcl));
	}
}

static void
shape_add_routine(Shape *shape, Oid routine)
{
	if (routine >= FirstNormalObjectId)
		shape->routines = add_meaning(shape->routines, get_func_name(routine),
									  routine_label(routine));
}

static bool
shape_add_meanings(Node *node, Shape *shape)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_FuncExpr:
			if (((FuncExpr *) node)->funcformat == COERCE_EXPLICIT_CALL)
				shape_add_routine(shape, ((FuncExpr *) node)->funcid);
			break;
		case T_Aggref:
			shape_add_routine(shape, ((Aggref *) node)->aggfnoid);
			break;
		case T_WindowFunc:
			shape_add_routine(shape, ((WindowFunc *) node)->winfnoid);
			break;
		case T_Query:
			foreach(lc, ((Query *) node)->rtable)
			{
				Oid			relid = lfirst_node(RangeTblEntry, lc)->relid;

				if (lfirst_node(RangeTblEntry, lc)->rtekind == RTE_RELATION)
					shape->relations = add_meaning(shape->relations, get_rel_name(relid),
												   get_namespace_name(get_rel_namespace(relid)));
			}
			return query_tree_walker((Query *) node, shape_add_meanings, shape, 0);
		default:
			break;
	}
	return expression_tree_walker(node, shape_add_meanings, shape);
}

static void
shape_add_collation(Shape *shape, Oid collation)
{
	char	   *name;
	ListCell   *lc;

	if (!OidIsValid(collation) || collation == DEFAULT_COLLATION_OID ||
		(name = collation_label(collation)) == NULL)
		return;
	foreach(lc, shape->collations)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return;
	}
	shape->collations = lappend(shape->collations, name);
}

static void
shape_add_sort_collations(Shape *shape, List *clauses, List *targetlist)
{
	ListCell   *lc;

	foreach(lc, clauses)
		shape_add_collation(shape, exprCollation(get_sortgroupclause_expr(lfirst(lc),
																		 targetlist)));
}

/* What compares has an input collation; what sorts or groups goes by the column's. */
static bool
shape_add_collations(Node *node, Shape *shape)
{
	Query	   *query = (Query *) node;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
	{
		shape_add_collation(shape, exprInputCollation(node));
		return expression_tree_walker(node, shape_add_collations, shape);
	}
	shape_add_sort_collations(shape, query->sortClause, query->targetList);
	shape_add_sort_collations(shape, query->groupClause, query->targetList);
	shape_add_sort_collations(shape, query->distinctClause, query->targetList);
	return query_tree_walker(query, shape_add_collations, shape, 0);
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

Shape *
shape_of(Query *query, Oid *paramtypes, int nparams)
{
	Shape	   *shape = palloc0_object(Shape);
	List	   *targetlist = query->commandType == CMD_SELECT
		? query->targetList : query->returningList;

	for (int i = 0; i < nparams; i++)
		shape->params = lappend(shape->params,
								OidIsValid(paramtypes[i]) ? format_type_be(paramtypes[i])
								: pstrdup("unused"));
	shape_add_columns(shape, targetlist);
	shape_add_labels(shape, targetlist);
	shape_add_meanings((Node *) query, shape);
	shape_add_collations((Node *) query, shape);
	list_sort(shape->collations, compare_names);
	return shape;
}

/* ["a", "b"] */
static void
append_texts(StringInfo buf, List *texts)
{
	ListCell   *lc;
	const char *separator = "[";

	if (texts == NIL)
		appendStringInfoChar(buf, '[');
	foreach(lc, texts)
	{
		appendStringInfoString(buf, separator);
		escape_json(buf, lfirst(lc));
		separator = ",";
	}
	appendStringInfoChar(buf, ']');
}

static void
put_meanings(StringInfo buf, const char *member, List *meanings)
{
	ListCell   *lc;
	const char *separator = "";

	appendStringInfo(buf, ",\"%s\":[", member);
	foreach(lc, meanings)
	{
		NameMeaning *meaning = lfirst(lc);

		appendStringInfo(buf, "%s[", separator);
		escape_json(buf, meaning->name);
		appendStringInfoChar(buf, ',');
		escape_json(buf, meaning->meaning);
		appendStringInfoChar(buf, ']');
		separator = ",";
	}
	appendStringInfoChar(buf, ']');
}

Jsonb *
shape_to_json(const Shape *shape)
{
	StringInfoData buf;
	ListCell   *lc;
	const char *separator = "";

	initStringInfo(&buf);
	appendStringInfoString(&buf, "{\"params\":");
	append_texts(&buf, shape->params);
	appendStringInfoString(&buf, ",\"columns\":[");
	foreach(lc, shape->columns)
	{
		ResultColumn *column = lfirst(lc);

		appendStringInfo(&buf, "%s[", separator);
		escape_json(&buf, column->name);
		appendStringInfoChar(&buf, ',');
		escape_json(&buf, column->type);
		appendStringInfoChar(&buf, ']');
		separator = ",";
	}
	appendStringInfoChar(&buf, ']');
	put_meanings(&buf, "relations", shape->relations);
	put_meanings(&buf, "routines", shape->routines);
	if (shape->labels != NIL)
		put_meanings(&buf, "labels", shape->labels);
	if (shape->collations != NIL)
	{
		appendStringInfoString(&buf, ",\"collations\":");
		append_texts(&buf, shape->collations);
	}
	appendStringInfoChar(&buf, '}');
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(buf.data)));
}

/* The strings of an array, or of an array of pairs, flat. */
static List *
json_pairs(Jsonb *object, const char *member)
{
	JsonbValue *array = json_member(object, member);
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;
	List	   *strings = NIL;

	if (array == NULL || array->type != jbvBinary)
		return NIL;
	it = JsonbIteratorInit(array->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
	{
		if (token == WJB_ELEM && value.type == jbvString)
			strings = lappend(strings, pnstrdup(value.val.string.val, value.val.string.len));
	}
	return strings;
}

static List *
json_meanings(Jsonb *object, const char *member)
{
	List	   *pairs = json_pairs(object, member);
	List	   *meanings = NIL;

	for (int i = 0; i + 1 < list_length(pairs); i += 2)
		meanings = add_meaning(meanings, list_nth(pairs, i), list_nth(pairs, i + 1));
	return meanings;
}

static Shape *
shape_from_json(Jsonb *json)
{
	Shape	   *shape = palloc0_object(Shape);
	List	   *columns = json_pairs(json, "columns");

	shape->params = json_pairs(json, "params");
	shape->collations = json_pairs(json, "collations");
	for (int i = 0; i + 1 < list_length(columns); i += 2)
	{
		ResultColumn *column = palloc_object(ResultColumn);

		column->name = list_nth(columns, i);
		column->type = list_nth(columns, i + 1);
		shape->columns = lappend(shape->columns, column);
	}
	shape->relations = json_meanings(json, "relations");
	shape->routines = json_meanings(json, "routines");
	shape->labels = json_meanings(json, "labels");
	return shape;
}

/* ---- comparing shapes ---- */

static bool
is_string_type(const char *type)
{
	return strcmp(type, "character varying") == 0 || strcmp(type, "text") == 0;
}

/* varchar and text are sent alike, and without a modifier take the same values. */
static bool
same_wire_type(const char *was, const char *is)
{
	return strcmp(was, is) == 0 || (is_string_type(was) && is_string_type(is));
}

static void
compare_params(Observation *obs, const Shape *was, const Shape *is)
{
	int			n = Min(list_length(was->params), list_length(is->params));

	for (int i = 0; i < n; i++)
	{
		const char *type_was = list_nth(was->params, i);
		const char *type_is = list_nth(is->params, i);

		if (!same_wire_type(type_was, type_is))
			observe_problem(obs, RULE_QUERY_PARAMETER, STATE_UNMET,
							psprintf("parameter $%d of type %s", i + 1, type_was),
							psprintf("type %s", type_is), InvalidOid, NULL);
	}
}

static void
compare_columns(Observation *obs, const Shape *was, const Shape *is)
{
	int			nwas = list_length(was->columns);
	int			nis = list_length(is->columns);

	for (int i = 0; i < nwas; i++)
	{
		ResultColumn *old = list_nth(was->columns, i);
		ResultColumn *new = i < nis ? list_nth(is->columns, i) : NULL;

		if (new != NULL && strcmp(old->name, new->name) == 0 &&
			same_wire_type(old->type, new->type))
			continue;

		/* What follows a column that is gone has moved: once is enough. */
		observe_problem(obs, RULE_QUERY_RESULT, STATE_UNMET,
						psprintf("result column %d \"%s\" of type %s", i + 1, old->name, old->type),
						new == NULL ? pstrdup("no such column")
						: psprintf("column \"%s\" of type %s", new->name, new->type),
						InvalidOid, old->name);
		return;
	}
	if (nis > nwas)
		observe_problem(obs, RULE_QUERY_RESULT_GREW, STATE_MET,
						psprintf("%d result columns", nwas),
						psprintf("%d result columns: statements prepared before fail with SQLSTATE 0A000", nis),
						InvalidOid, NULL);
}

/*
 * NULL if "new" is just as it was; else what the name meant before, or a pair
 * without a meaning if it was not there.
 */
static const NameMeaning *
meaning_before(List *was, const NameMeaning *new)
{
	static const NameMeaning none = {NULL, NULL};
	const NameMeaning *before = &none;
	ListCell   *lc;

	foreach(lc, was)
	{
		const NameMeaning *old = lfirst(lc);

		if (strcmp(old->name, new->name) != 0)
			continue;
		if (strcmp(old->meaning, new->meaning) == 0)
			return NULL;
		before = old;
	}
	return before;
}

/* A name that now stands for another relation although the old one is there. */
static void
compare_relations(Observation *obs, const Shape *was, const Shape *is)
{
	ListCell   *lc;

	foreach(lc, is->relations)
	{
		const NameMeaning *new = lfirst(lc);
		const NameMeaning *old = meaning_before(was->relations, new);
		Oid			namespace;

		if (old == NULL || old->meaning == NULL)
			continue;
		namespace = get_namespace_oid(old->meaning, true);
		if (OidIsValid(namespace) && OidIsValid(get_relname_relid(old->name, namespace)))
			observe_problem(obs, RULE_NAME_CAPTURED, STATE_UNMET,
							psprintf("%s to mean %s", quote_identifier(old->name),
									 quote_qualified_identifier(old->meaning, old->name)),
							psprintf("it means %s",
									 quote_qualified_identifier(new->meaning, new->name)),
							InvalidOid, NULL);
	}
}

/* "collation C, en", for people */
static char *
collations_label(List *collations)
{
	StringInfoData buf;
	ListCell   *lc;

	if (collations == NIL)
		return pstrdup("the default collation only");
	initStringInfo(&buf);
	foreach(lc, collations)
		appendStringInfo(&buf, "%s%s", buf.len ? ", " : "collation ", (char *) lfirst(lc));
	return buf.data;
}

static void
compare_collations(Observation *obs, const Shape *was, const Shape *is)
{
	char	   *expected = collations_label(was->collations);
	char	   *found = collations_label(is->collations);

	if (strcmp(expected, found) != 0)
		observe_problem(obs, RULE_COLUMN_COLLATION, STATE_MET,
						psprintf("to sort and compare by %s, as at registration", expected),
						found, InvalidOid, NULL);
}

/* The same for a call; one that was not there was of a routine of the server's. */
static void
compare_routines(Observation *obs, const Shape *was, const Shape *is)
{
	ListCell   *lc;

	foreach(lc, is->routines)
	{
		const NameMeaning *new = lfirst(lc);
		const NameMeaning *old = meaning_before(was->routines, new);

		if (old == NULL ||
			(old->meaning != NULL && !routine_exists(old->name, old->meaning)))
			continue;
		observe_problem(obs, RULE_NAME_CAPTURED, STATE_UNMET,
						old->meaning != NULL
						? psprintf("a call of %s to mean %s", quote_identifier(old->name), old->meaning)
						: psprintf("a call of %s to mean the server's own", quote_identifier(new->name)),
						psprintf("it means %s", new->meaning), InvalidOid, NULL);
	}
}

/* Types that were there before and have more labels now. */
static void
compare_labels(Observation *obs, const Shape *was, const Shape *is)
{
	ListCell   *lc;

	foreach(lc, is->labels)
	{
		const NameMeaning *new = lfirst(lc);
		const NameMeaning *old = meaning_before(was->labels, new);

		if (old != NULL && old->meaning != NULL)
			observe_added_labels(obs, new->name, NIL, list_make1(new->meaning));
	}
}

void
shape_compare(Observation *obs, Jsonb *baseline, const Shape *is)
{
	Shape	   *was = shape_from_json(baseline);

	compare_params(obs, was, is);
	compare_columns(obs, was, is);
	compare_relations(obs, was, is);
	compare_routines(obs, was, is);
	compare_labels(obs, was, is);
	compare_collations(obs, was, is);
}

char *
shape_missing_schema(Jsonb *baseline)
{
	ListCell   *lc;

	foreach(lc, json_meanings(baseline, "relations"))
	{
		const NameMeaning *meaning = lfirst(lc);

		if (schema_is_missing(meaning->meaning))
			return meaning->meaning;
	}
	return NULL;
}
