/*
 * property_relevance.c
 *		Can a fact make a difference to what a version does to a relation?
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
	const Fact *fact;
	const RelationUse *use;
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
			!value_left_out(left_out->fact->relid, var->varattno, &value))
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
	Node	   *check = fill_in(left_out->fact->check, left_out);
	Const	   *result;

	if (calls_others(check, NULL))
		return;
	result = (Const *) eval_const_expressions(NULL, check);
	left_out->passes = IsA(result, Const) &&
		(result->constisnull || DatumGetBool(result->constvalue));
}

/* Is it satisfied by any row in which the columns left out have no other value? */
static bool
passes_if_left_out(const Fact *fact, const RelationUse *use)
{
	LeftOut		left_out = {fact, use, false};
	ErrorData  *edata;

	if (fact->check == NULL || fact->columns == NULL ||
		bms_is_subset(fact->columns, use->inserted))
		return false;
	edata = subtransaction_run(simplify, &left_out, false);
	if (edata != NULL && error_is_no_answer(edata))
		ReThrowError(edata);
	return edata == NULL && left_out.passes;
}

/* ---- the rest ---- */

/* Of UNIQUE, EXCLUDE and FOREIGN KEY: a null among the columns satisfies it. */
static bool
has_null_left_out(const Fact *fact, const RelationUse *use)
{
	int			attnum = -1;

	if (fact->nulls_collide)
		return false;
	while ((attnum = bms_next_member(fact->columns, attnum)) >= 0)
	{
		if (!bms_is_member(attnum, use->inserted) && is_null_left_out(fact->relid, attnum))
			return true;
	}
	return false;
}

/* A CHECK that a column left out is not null: insert-needs-column says so. */
static bool
is_not_null_left_out(const Fact *fact, const RelationUse *use)
{
	NullTest   *test = (NullTest *) fact->check;

	return test != NULL && IsA(test, NullTest) && test->nulltesttype == IS_NOT_NULL &&
		IsA(test->arg, Var) && !bms_overlap(fact->columns, use->inserted);
}

static bool
constraint_bears_on_insert(const Fact *fact, const RelationUse *use)
{
	if (is_not_null_left_out(fact, use))
		return false;
	return fact->contype == CONSTRAINT_CHECK ? !passes_if_left_out(fact, use)
		: !has_null_left_out(fact, use);
}

bool
fact_bears_on(const Fact *fact, const RelationUse *use)
{
	int			commands = fact->commands & use->commands;
	bool		updated = (commands & USE_UPDATE) != 0 &&
		(fact->columns == NULL || bms_overlap(fact->columns, use->updated));

	switch (fact->kind)
	{
		case FACT_CONSTRAINT:
			return updated || ((commands & USE_INSERT) != 0 &&
							   constraint_bears_on_insert(fact, use));
		case FACT_DOMAIN:
			return updated || ((commands & USE_INSERT) != 0 &&
							   bms_overlap(fact->columns, use->inserted));
		case FACT_DEFAULT:
			return commands != 0 && !bms_overlap(fact->columns, use->inserted);
		case FACT_REFERENCED:
			/* Hardly anyone updates a key, so it takes a statement that does. */
			return (updated && !use->guessed) || (commands & ~USE_UPDATE) != 0;
		case FACT_DISABLED_KEY:
		case FACT_TRIGGER:
		case FACT_DISABLED_TRIGGER:
			return updated || (commands & ~USE_UPDATE) != 0;
		default:
			return commands != 0;
	}
}
