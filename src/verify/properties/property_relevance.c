/*
 * property_relevance.c
 *		Can a property make a difference to what a version does to a relation?
 *
 * A constraint on columns that a version never gives a value mostly cannot: it
 * is how a column is added for the versions to come, and the old ones' rows get
 * a null or the default there.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/transam.h"
#include "base/errors.h"
#include "base/subtransaction.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_proc.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/properties/properties.h"
#include "verify/properties/properties_internal.h"
#include "verify/run/run.h"

/* ---- what a column gets that an INSERT leaves out ---- */

/* Its default; NULL for null.  False if it has one that is not an expression. */
static bool
value_left_out(Oid relid, AttrNumber attnum, Node **value)
{
	HeapTuple	tup = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
									  Int16GetDatum(attnum));
	Form_pg_attribute att;
	bool		known = true;

	*value = NULL;
	if (!HeapTupleIsValid(tup))
		return true;
	att = (Form_pg_attribute) GETSTRUCT(tup);
	if (att->attidentity != '\0' || att->attgenerated != '\0')
		known = false;
	else if (att->atthasdef)
		*value = default_expression(relid, attnum);
	else
		known = get_typdefault(att->atttypid) == NULL;
	ReleaseSysCache(tup);
	return known;
}

static bool
is_null_left_out(Oid relid, AttrNumber attnum)
{
	Node	   *value;

	return value_left_out(relid, attnum, &value) && value == NULL;
}

/* ---- CHECK ---- */

typedef struct LeftOut
{
	const Property *property;
	const RelationUsage *use;
	bool		passes;
} LeftOut;

static Node *
fill_in(Node *node, void *context)
{
	LeftOut    *left_out = context;
	Node	   *value;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varattno <= 0 || bms_is_member(var->varattno, left_out->use->inserted) ||
			!value_left_out(left_out->property->relid, var->varattno, &value))
			return node;
		return value ? value : (Node *) makeNullConst(var->vartype, var->vartypmod,
													  var->varcollid);
	}
	return expression_tree_mutator(node, fill_in, context);
}

static bool
is_foreign_function(Oid funcid, void *context)
{
	return funcid >= FirstNormalObjectId;
}

/* Only the server's own functions are run: anyone may call those. */
static bool
calls_others(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_foreign_function, context))
		return true;
	return expression_tree_walker(node, calls_others, context);
}

static void
simplify(void *arg)
{
	LeftOut    *left_out = arg;
	Node	   *check = fill_in(left_out->property->check, left_out);
	Const	   *result;

	if (calls_others(check, NULL))
		return;
	result = (Const *) eval_const_expressions(NULL, check);
	left_out->passes = IsA(result, Const) &&
		(result->constisnull || DatumGetBool(result->constvalue));
}

/* Is it satisfied by any row in which the columns left out have no other value? */
static bool
passes_if_left_out(const Property *property, const RelationUsage *use)
{
	LeftOut		left_out = {property, use, false};
	ErrorData  *edata;

	if (property->check == NULL || property->columns == NULL ||
		bms_is_subset(property->columns, use->inserted))
		return false;
	edata = subtransaction_run(simplify, &left_out, false);
	if (edata != NULL && error_is_no_answer(edata))
		ReThrowError(edata);
	return edata == NULL && left_out.passes;
}

/* ---- the rest ---- */

/* Of UNIQUE, EXCLUDE and FOREIGN KEY: a null among the columns satisfies it. */
static bool
has_null_left_out(const Property *property, const RelationUsage *use)
{
	int			attnum = -1;

	if (property->nulls_collide)
		return false;
	while ((attnum = bms_next_member(property->columns, attnum)) >= 0)
	{
		if (!bms_is_member(attnum, use->inserted) && is_null_left_out(property->relid, attnum))
			return true;
	}
	return false;
}

/* A CHECK that a column left out is not null: insert-needs-column says so. */
static bool
is_not_null_left_out(const Property *property, const RelationUsage *use)
{
	NullTest   *test = (NullTest *) property->check;

	return test != NULL && IsA(test, NullTest) && test->nulltesttype == IS_NOT_NULL &&
		IsA(test->arg, Var) && !bms_overlap(property->columns, use->inserted);
}

static bool
constraint_matters_to_insert(const Property *property, const RelationUsage *use)
{
	if (is_not_null_left_out(property, use))
		return false;
	return property->contype == CONSTRAINT_CHECK ? !passes_if_left_out(property, use)
		: !has_null_left_out(property, use);
}

bool
property_matters(const Property *property, const RelationUsage *use)
{
	int			commands = property->commands & use->commands;
	bool		updated = (commands & USAGE_UPDATE) != 0 &&
	(property->columns == NULL || bms_overlap(property->columns, use->updated));

	switch (property->kind)
	{
		case PROPERTY_CONSTRAINT:
			return updated || ((commands & USAGE_INSERT) != 0 &&
							   constraint_matters_to_insert(property, use));
		case PROPERTY_DOMAIN:
			return updated || ((commands & USAGE_INSERT) != 0 &&
							   bms_overlap(property->columns, use->inserted));
		case PROPERTY_DEFAULT:
			return commands != 0 && !bms_overlap(property->columns, use->inserted);
		case PROPERTY_REFERENCED:
			/* Hardly anyone updates a key, so it takes a statement that does. */
			return (updated && !use->assumes_all_columns) || (commands & ~USAGE_UPDATE) != 0;
		case PROPERTY_DISABLED_KEY:
		case PROPERTY_TRIGGER:
		case PROPERTY_DISABLED_TRIGGER:
			return updated || (commands & ~USAGE_UPDATE) != 0;
		default:
			return commands != 0;
	}
}
