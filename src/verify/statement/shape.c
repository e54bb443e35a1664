/*
 * shape.c
 *		The shape of a query: what a client sees of it besides its rows.
 *
 * The shape is the types of its parameters, its result columns, and the collations by
 * which it sorts and compares.  The shape of a query when it first worked is its
 * baseline, with what the names in it stood for.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"
#include "verify/statement/statement_internal.h"

/* A parameter or result column. */
typedef struct ShapeColumn
{
	char	   *name;
	Oid			type;			/* of a query, or */
	char	   *kept_type;		/* of a baseline */
} ShapeColumn;

struct Shape
{
	List	   *params;			/* of ShapeColumn *, without names */
	List	   *columns;		/* of ShapeColumn * */
	List	   *kept;			/* of BaselineType *, of a baseline */
	List	   *collations;		/* of char *: other than the default */
};

/* Add a column or parameter to a list. */
static List *
add_column(List *columns, const char *name, Oid type, char *kept_type)
{
	ShapeColumn *column = palloc_object(ShapeColumn);

	column->name = pstrdup(name);
	column->type = type;
	column->kept_type = kept_type;
	return lappend(columns, column);
}

/* Add the result columns. */
static void
shape_add_columns(Shape *shape, List *targetlist)
{
	ListCell   *lc;

	foreach(lc, targetlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk)
			shape->columns = add_column(shape->columns,
										tle->resname ? tle->resname : "?column?",
										exprType((Node *) tle->expr), NULL);
	}
}

/* Add a collation, unless it is the default or known. */
static void
shape_add_collation(Shape *shape, Oid collation)
{
	char	   *name;

	if (!OidIsValid(collation) || collation == DEFAULT_COLLATION_OID ||
		(name = collation_label(collation)) == NULL)
		return;
	shape->collations = text_list_add(shape->collations, name);
}

/* Add the collations of what is sorted or grouped by. */
static void
shape_add_sort_collations(Shape *shape, List *clauses, List *targetlist)
{
	ListCell   *lc;

	foreach(lc, clauses)
		shape_add_collation(shape, exprCollation(get_sortgroupclause_expr(lfirst(lc),
																		  targetlist)));
}

/* Add the collations of a query, a tree walker.  What compares has an input collation;
 * what sorts or groups goes by the column's. */
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

/* Depend on the types of parameters or columns. */
static void
depend_on_types(VerifyResult *result, List *columns)
{
	ListCell   *lc;

	foreach(lc, columns)
		depend_on_type(result, ((ShapeColumn *) lfirst(lc))->type);
}

Shape *
shape_of(Query *query, Oid *paramtypes, int nparams, VerifyResult *result)
{
	Shape	   *shape = palloc0_object(Shape);
	List	   *targetlist = query->commandType == CMD_SELECT
	? query->targetList : query->returningList;

	for (int i = 0; i < nparams; i++)
		shape->params = add_column(shape->params, "", paramtypes[i], NULL);
	shape_add_columns(shape, targetlist);
	depend_on_types(result, shape->params);
	depend_on_types(result, shape->columns);
	shape_add_collations((Node *) query, shape);
	shape->collations = text_list_sort(shape->collations);
	return shape;
}

/* ---- in the baseline ---- */

/* Return the type's name for the baseline: "unused" of a parameter that the statement
 * does not use, which has no type. */
static char *
baseline_name(const ShapeColumn *column)
{
	return OidIsValid(column->type) ? type_baseline_name(column->type) : pstrdup("unused");
}

static List *
add_baseline_types(List *kept, List *columns)
{
	ListCell   *lc;

	foreach(lc, columns)
		kept = baseline_add_type(kept, ((ShapeColumn *) lfirst(lc))->type);
	return kept;
}

static BaselineMember
params_member(const Shape *shape)
{
	BaselineMember member = {.name = "params", .is_list = true};
	ListCell   *lc;

	foreach(lc, shape->params)
		member.list = lappend(member.list, baseline_name(lfirst(lc)));
	return member;
}

static BaselineMember
columns_member(const Shape *shape)
{
	BaselineMember member = {.name = "columns"};
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '[');
	foreach(lc, shape->columns)
	{
		ShapeColumn *column = lfirst(lc);

		json_append_separator(&buf);
		json_append_list(&buf, list_make2(column->name, baseline_name(column)));
	}
	appendStringInfoChar(&buf, ']');
	member.json = buf.data;
	return member;
}

static BaselineMember
param_schemas_member(const Shape *shape, int ndeclared)
{
	BaselineMember member = {.name = "param_schemas"};

	for (int i = 0; i < Min(ndeclared, list_length(shape->params)); i++)
		member.list = lappend(member.list,
							  meant_schema(((ShapeColumn *) list_nth(shape->params, i))->type));
	member.is_list = list_has_text(member.list);
	return member;
}

Jsonb *
shape_to_json(const Shape *shape, List *resolved_names, int ndeclared)
{
	BaselineMember members[] = {
		params_member(shape),
		columns_member(shape),
		baseline_types_member(add_baseline_types(add_baseline_types(NIL, shape->params),
												 shape->columns)),
		names_member(resolved_names),
		server_calls_member(resolved_names),
		param_schemas_member(shape, ndeclared),
		{.name = "collations", .is_list = shape->collations != NIL,
		.list = shape->collations}
	};

	return baseline_of(members, lengthof(members));
}

/* Read the shape in a baseline. */
static Shape *
shape_from_json(Jsonb *json)
{
	Shape	   *shape = palloc0_object(Shape);
	List	   *columns = json_text_list(json_member(json, "columns"));
	ListCell   *lc;

	foreach(lc, json_text_list(json_member(json, "params")))
		shape->params = add_column(shape->params, "", InvalidOid, lfirst(lc));
	for (int i = 0; i + 1 < list_length(columns); i += 2)
		shape->columns = add_column(shape->columns, list_nth(columns, i), InvalidOid,
									list_nth(columns, i + 1));
	shape->kept = baseline_types(json);
	shape->collations = json_text_list(json_member(json, "collations"));
	return shape;
}

/* ---- comparing shapes ---- */

/* Is the type of a parameter another one?  A parameter that the statement does not use,
 * or did not, has no type to compare. */
static bool
param_is_other(const Shape *was, const ShapeColumn *old, const ShapeColumn *new)
{
	if (!OidIsValid(new->type) || strcmp(old->kept_type, "unused") == 0)
		return strcmp(old->kept_type, baseline_name(new)) != 0;
	return baseline_type_match(was->kept, old->kept_type, new->type) != TYPE_SAME;
}

/* Report parameters of another type. */
static void
compare_params(VerifyResult *result, const Shape *was, const Shape *is)
{
	int			n = Min(list_length(was->params), list_length(is->params));

	for (int i = 0; i < n; i++)
	{
		ShapeColumn *old = list_nth(was->params, i);
		ShapeColumn *new = list_nth(is->params, i);
		char	   *type_was = "unused";
		char	   *type_is = "unused";

		if (!param_is_other(was, old, new))
			continue;
		if (OidIsValid(new->type))
			baseline_type_contrast(was->kept, old->kept_type, new->type, &type_was, &type_is);
		result_add_problem(result, RULE_QUERY_PARAMETER, STATE_UNMET,
						   psprintf("parameter $%d of type %s", i + 1, type_was),
						   psprintf("type %s", type_is), InvalidOid, NULL);
	}
}

/* Compare a column that has kept its place.  False, and reported, if it is another. */
static bool
compare_column(VerifyResult *result, const Shape *was, int i, const ShapeColumn *old,
			   const ShapeColumn *new)
{
	TypeMatch	match = new != NULL && strcmp(old->name, new->name) == 0
	? baseline_type_match(was->kept, old->kept_type, new->type) : TYPE_OTHER;
	char	   *type_was = NULL;
	char	   *type_is = NULL;
	char	   *expected;

	if (match == TYPE_SAME)
		return true;
	if (new != NULL)
		baseline_type_contrast(was->kept, old->kept_type, new->type, &type_was, &type_is);
	else
		type_was = baseline_type_label(old->kept_type);
	expected = psprintf("result column %d \"%s\" of type %s", i + 1, old->name, type_was);
	if (match == TYPE_GREW)
		result_add_problem(result, RULE_QUERY_RESULT_GREW, STATE_MET, expected,
						   psprintf("type %s", type_is), InvalidOid, old->name);
	else
		result_add_problem(result, RULE_QUERY_RESULT, STATE_UNMET, expected,
						   new == NULL ? pstrdup("no such column")
						   : psprintf("column \"%s\" of type %s", new->name, type_is),
						   InvalidOid, old->name);
	return match == TYPE_GREW;
}

/* Report result columns that are not as they were, and new ones. */
static void
compare_columns(VerifyResult *result, const Shape *was, const Shape *is)
{
	int			nwas = list_length(was->columns);
	int			nis = list_length(is->columns);

	/* What follows a column that is gone has moved: report the first. */
	for (int i = 0; i < nwas; i++)
	{
		if (!compare_column(result, was, i, list_nth(was->columns, i),
							i < nis ? list_nth(is->columns, i) : NULL))
			return;
	}
	if (nis > nwas)
		result_add_problem(result, RULE_QUERY_RESULT_GREW, STATE_MET,
						   psprintf("%d result columns", nwas),
						   psprintf("%d result columns: statements prepared before fail with SQLSTATE 0A000", nis),
						   InvalidOid, NULL);
}

/* Return "collation C, en", for people. */
static char *
collations_label(List *collations)
{
	if (collations == NIL)
		return pstrdup("the default collation only");
	return psprintf("collation %s", text_list_join(collations, ", "));
}

/* Report, as a remark, that the query sorts or compares by other collations. */
static void
compare_collations(VerifyResult *result, const Shape *was, const Shape *is)
{
	char	   *expected = collations_label(was->collations);
	char	   *found = collations_label(is->collations);

	if (strcmp(expected, found) != 0)
		result_add_problem(result, RULE_COLUMN_COLLATION, STATE_MET,
						   psprintf("to sort and compare by %s, as at registration", expected),
						   found, InvalidOid, NULL);
}

/* Report, as a remark, new labels of each enum that was there before, once. */
static void
compare_labels(VerifyResult *result, const Shape *was, const Shape *is)
{
	List	   *said = NIL;

	for (int i = 0; i < Min(list_length(was->columns), list_length(is->columns)); i++)
	{
		ShapeColumn *old = list_nth(was->columns, i);
		Oid			column_type = ((ShapeColumn *) list_nth(is->columns, i))->type;
		Oid			type = enum_below(column_type);
		List	   *known = OidIsValid(type) ? baseline_type_labels(was->kept, old->kept_type) : NIL;

		if (known == NIL || list_member_oid(said, type) ||
			baseline_type_match(was->kept, old->kept_type, column_type) == TYPE_OTHER)
			continue;
		said = lappend_oid(said, type);
		report_added_labels(result, type, known);
	}
}

void
shape_compare(VerifyResult *result, Jsonb *baseline, const Shape *is, List *resolved_names)
{
	Shape	   *was = shape_from_json(baseline);

	compare_params(result, was, is);
	compare_columns(result, was, is);
	compare_resolved_names(result, baseline, resolved_names);
	compare_labels(result, was, is);
	compare_collations(result, was, is);
}
