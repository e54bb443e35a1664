/*
 * conversion.c
 *		The expressions up and down: analyse, prepare and evaluate them.
 *
 * They are what USING is in ALTER COLUMN TYPE: expressions over the row, without
 * subqueries, aggregates and sets.  Column names are resolved against a row descriptor
 * and not against a table, so that "down" can be tried before the new column exists.
 *
 * A session keeps a prepared conversion for each table that has the trigger.  It is
 * made anew after an invalidation of the table.  If it runs code of users, that goes for
 * an invalidation of any function or type, too: a function's body may have been put in
 * the place of its call, and the constraints of domains are part of what is prepared.
 *
 * Code of users may write the table in its turn.  What is in use is not used for that.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/transam.h"
#include "base/errors.h"
#include "base/shown.h"
#include "base/subtransaction.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "executor/executor.h"
#include "expand/expand_internal.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* ---- analysis ---- */

/* What is being read, for messages. */
typedef struct Reading
{
	TupleDesc	desc;
	const char *which;			/* "up" or "down" */
	const char *expansion;
	const char *text;			/* NULL: it is being evaluated */
} Reading;

#define BEFORE_TEXT	"SELECT (\n"

static void
add_context(void *arg)
{
	const Reading *reading = arg;
	int			position = geterrposition();

	/* A position is one in the expression, and not in the client's statement. */
	if (reading->text != NULL && position > 0)
	{
		errposition(0);
		internalerrposition(Max(position - (int) strlen(BEFORE_TEXT), 1));
		internalerrquery(reading->text);
	}
	errcontext("expression \"%s\" of expansion \"%s\"", reading->which,
			   shown(reading->expansion));
}

static AttrNumber
attnum_by_name(TupleDesc desc, const char *name)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && strcmp(NameStr(att->attname), name) == 0)
			return i + 1;
	}
	return InvalidAttrNumber;
}

/* Resolve a column name: a pre-columnref hook of the parser. */
static Node *
resolve_column(ParseState *pstate, ColumnRef *ref)
{
	const Reading *reading = pstate->p_ref_hook_state;
	Node	   *field = llast(ref->fields);
	AttrNumber	attnum = InvalidAttrNumber;
	Form_pg_attribute att;

	if (list_length(ref->fields) == 1 && IsA(field, String))
		attnum = attnum_by_name(reading->desc, strVal(field));
	if (attnum == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" does not exist", shown(NameListToString(ref->fields))),
				 errdetail("The expression can use the columns of the table, by their names alone.")));
	att = TupleDescAttr(reading->desc, attnum - 1);
	if (att->attgenerated != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot use generated column \"%s\"", NameStr(att->attname)),
				 errdetail("Its value is computed after the trigger has run.")));
	return (Node *) makeVar(1, attnum, att->atttypid, att->atttypmod, att->attcollation, 0);
}

/* Return the raw expression of a text that must be nothing but one expression. */
static Node *
parse_text(const char *text)
{
	List	   *raw = raw_parser(psprintf(BEFORE_TEXT "%s\n)", text), RAW_PARSE_DEFAULT);
	SelectStmt *select = list_length(raw) == 1 ? (SelectStmt *) linitial_node(RawStmt, raw)->stmt : NULL;

	if (select == NULL || !IsA(select, SelectStmt) || select->op != SETOP_NONE ||
		list_length(select->targetList) != 1 || select->fromClause || select->whereClause ||
		select->groupClause || select->havingClause || select->windowClause ||
		select->intoClause || select->sortClause || select->limitCount ||
		select->limitOffset || select->lockingClause || select->withClause ||
		linitial_node(ResTarget, select->targetList)->name != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("not one expression: %s", shown_start(text, 200))));
	return linitial_node(ResTarget, select->targetList)->val;
}

static Expr *
analyse(Reading *reading, const char *text, AttrNumber target, AttrNumber source)
{
	ParseState *pstate = make_parsestate(NULL);
	Form_pg_attribute att = TupleDescAttr(reading->desc, target - 1);
	Bitmapset  *columns = NULL;
	Node	   *expr;
	Oid			type;

	pstate->p_pre_columnref_hook = resolve_column;
	pstate->p_ref_hook_state = reading;
	pstate->p_sourcetext = psprintf(BEFORE_TEXT "%s\n)", text);
	expr = transformExpr(pstate, parse_text(text), EXPR_KIND_ALTER_COL_TRANSFORM);
	type = exprType(expr);
	expr = coerce_to_target_type(pstate, expr, type, att->atttypid, att->atttypmod,
								 COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
	if (expr == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" is of type %s but the expression is of type %s",
						NameStr(att->attname), format_type_be(att->atttypid),
						format_type_be(type))));
	assign_expr_collations(pstate, expr);
	free_parsestate(pstate);

	pull_varattnos(expr, 1, &columns);
	if (bms_is_member(target - FirstLowInvalidHeapAttributeNumber, columns))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("expression \"%s\" must not use column \"%s\", which it computes",
						reading->which, NameStr(att->attname))));
	if (!bms_is_member(source - FirstLowInvalidHeapAttributeNumber, columns))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("expression \"%s\" must use column \"%s\"", reading->which,
						NameStr(TupleDescAttr(reading->desc, source - 1)->attname))));
	if (contain_volatile_functions(expr))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("expression \"%s\" must not be volatile", reading->which),
				 errdetail("What it gives for a row has to be the same when the row is verified.")));
	return (Expr *) expr;
}

/* ---- preparation ---- */

/* Functions that print values as settings say, although they are called immutable. */
static const Oid printing[] = {
	F_FLOAT4OUT, F_FLOAT8OUT, F_BYTEAOUT, F_POINT_OUT, F_LSEG_OUT, F_PATH_OUT, F_BOX_OUT,
	F_POLY_OUT, F_LINE_OUT, F_CIRCLE_OUT
};

/* Is the function not the server's own, or one of those? */
static bool
needs_settings(Oid funcid, void *context)
{
	for (int i = 0; i < lengthof(printing); i++)
	{
		if (funcid == printing[i])
			return true;
	}
	return funcid >= FirstUnpinnedObjectId;
}

/* Does the expression run code of users anywhere, or print such values? */
static bool
runs_or_prints(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, CoerceToDomain) || check_functions_in_node(node, needs_settings, NULL))
		return true;
	return expression_tree_walker(node, runs_or_prints, context);
}

static bool
depends_on_session(Expr *expr)
{
	return contain_mutable_functions((Node *) expr) || runs_or_prints((Node *) expr, NULL);
}

static Expr *
read_expression(Conversion *conversion, const char *which, const char *text, AttrNumber target,
				AttrNumber source)
{
	Reading		reading = {conversion->desc, which, conversion->name, text};
	ErrorContextCallback callback = {error_context_stack, add_context, &reading};
	Expr	   *expr;

	error_context_stack = &callback;
	expr = analyse(&reading, text, target, source);
	error_context_stack = callback.previous;
	return expr;
}

/* Prepare an expression to be evaluated, as the owner, whose code this may run. */
static ExprState *
prepare(Expr *expr)
{
	return ExecInitExpr(expression_planner(copyObject(expr)), NULL);
}

static AttrNumber
require_column(TupleDesc desc, const char *column, const char *expansion)
{
	AttrNumber	attnum = attnum_by_name(desc, column);

	if (attnum == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_EXPANSION),
				 errmsg("column \"%s\" of expansion \"%s\" does not exist", column,
						shown(expansion)),
				 errhint("Give the column its name again, or call compat_guard.abandon().")));
	return attnum;
}

Conversion *
conversion_make(TupleDesc desc, Oid owner, const ColumnExpansion *expansion, bool as_caller)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "compat_guard conversion",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Conversion *conversion = palloc0_object(Conversion);
	Bitmapset  *columns = NULL;
	int			column = -1;
	OwnerState	state;

	conversion->context = context;
	conversion->name = pstrdup(expansion->name);
	conversion->desc = CreateTupleDescCopyConstr(desc);
	conversion->old_attnum = require_column(desc, expansion->old_column, expansion->name);
	conversion->new_attnum = require_column(desc, expansion->new_column, expansion->name);
	conversion->null_on_error = expansion->null_on_error;
	conversion->owner = owner;

	if (!as_caller)
		state = owner_enter(owner);
	conversion->up_expr = read_expression(conversion, "up", expansion->up,
										  conversion->new_attnum, conversion->old_attnum);
	conversion->down_expr = read_expression(conversion, "down", expansion->down,
											conversion->old_attnum, conversion->new_attnum);
	if (as_caller)
		state = owner_enter(owner);
	conversion->up = prepare(conversion->up_expr);
	conversion->down = prepare(conversion->down_expr);
	owner_leave(&state);

	conversion->needs_owner = depends_on_session(conversion->up_expr) ||
		depends_on_session(conversion->down_expr);
	pull_varattnos((Node *) conversion->up_expr, 1, &columns);
	while ((column = bms_next_member(columns, column)) >= 0)
		conversion->sources = bms_add_member(conversion->sources,
											 column + FirstLowInvalidHeapAttributeNumber);
	conversion->econtext = CreateStandaloneExprContext();
	conversion->slot = MakeSingleTupleTableSlot(conversion->desc, &TTSOpsHeapTuple);
	conversion->econtext->ecxt_scantuple = conversion->slot;
	MemoryContextSwitchTo(old);
	return conversion;
}

void
conversion_check(TupleDesc desc, Oid owner, const ColumnExpansion *expansion)
{
	Conversion	conversion = {.desc = desc, .name = expansion->name};
	AttrNumber	old_attnum = require_column(desc, expansion->old_column, expansion->name);
	AttrNumber	new_attnum = require_column(desc, expansion->new_column, expansion->name);
	OwnerState	state = owner_enter(owner);

	(void) read_expression(&conversion, "up", expansion->up, new_attnum, old_attnum);
	(void) read_expression(&conversion, "down", expansion->down, old_attnum, new_attnum);
	owner_leave(&state);
}

/* ---- the session's conversions ---- */

typedef struct CachedKey
{
	Oid			relid;
	NameData	expansion;
} CachedKey;

typedef struct CachedConversion
{
	CachedKey	key;			/* must be first */
	bool		is_valid;
	bool		is_being_made;
	Conversion *conversion;		/* NULL: none yet */
} CachedConversion;

static HTAB *cache = NULL;

/* Callback of invalidations of relations; InvalidOid: of all. */
static void
invalidate_relation(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS seq;
	CachedConversion *cached;

	hash_seq_init(&seq, cache);
	while ((cached = hash_seq_search(&seq)) != NULL)
	{
		if (!OidIsValid(relid) || cached->key.relid == relid)
			cached->is_valid = false;
	}
}

/* Callback of invalidations of functions and types. */
static void
invalidate_code(Datum arg, int cacheid, uint32 hash)
{
	HASH_SEQ_STATUS seq;
	CachedConversion *cached;

	hash_seq_init(&seq, cache);
	while ((cached = hash_seq_search(&seq)) != NULL)
	{
		if (cached->conversion == NULL || cached->conversion->needs_owner)
			cached->is_valid = false;
	}
}

static void
make_cache(void)
{
	HASHCTL		control = {
		.keysize = sizeof(CachedKey),
		.entrysize = sizeof(CachedConversion),
		.hcxt = CacheMemoryContext
	};

	cache = hash_create("compat_guard conversions", 16, &control,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(invalidate_relation, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, invalidate_code, (Datum) 0);

	/* A prepared expression has the constraints of its domains. */
	CacheRegisterSyscacheCallback(TYPEOID, invalidate_code, (Datum) 0);
	CacheRegisterSyscacheCallback(CONSTROID, invalidate_code, (Datum) 0);
}

/* Make the conversion of a table that is the expansion's, or inherits from it. */
static Conversion *
make_conversion(Relation rel, const char *name)
{
	ColumnExpansion *expansion = registry_find_expansion(name);

	if (expansion == NULL || !expansion_is_running(expansion) ||
		!list_member_oid(find_all_inheritors(expansion->relid, NoLock, NULL),
						 RelationGetRelid(rel)))
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_EXPANSION),
				 errmsg("table \"%s\" has a trigger of expansion \"%s\", which is not running on it",
						RelationGetRelationName(rel), shown(name)),
				 errhint("Drop the trigger.")));
	return conversion_make(RelationGetDescr(rel), rel->rd_rel->relowner, expansion, false);
}

/* Make a conversion; nothing that this runs may ask for the same one. */
static Conversion *
make_for_cache(CachedConversion *cached, Relation rel, const char *name)
{
	Conversion *conversion;

	if (cached->is_being_made)
		ereport(ERROR,
				(errcode(ERRCODE_GUARD_EXPANSION),
				 errmsg("table \"%s\" is written while \"up\" and \"down\" of expansion \"%s\" are being prepared",
						RelationGetRelationName(rel), shown(name)),
				 errdetail("A function that they call is not as immutable as it is said to be.")));
	cached->is_being_made = true;
	PG_TRY();
	{
		conversion = make_conversion(rel, name);
	}
	PG_FINALLY();
	{
		cached->is_being_made = false;
	}
	PG_END_TRY();
	return conversion;
}

Conversion *
conversion_cached(Relation rel, const char *expansion)
{
	CachedKey	key = {.relid = RelationGetRelid(rel)};
	CachedConversion *cached;
	Conversion *conversion;
	bool		found;

	namestrcpy(&key.expansion, expansion);
	if (cache == NULL)
		make_cache();
	cached = hash_search(cache, &key, HASH_ENTER, &found);
	if (!found)
	{
		cached->is_valid = false;
		cached->is_being_made = false;
		cached->conversion = NULL;
	}

	/* For a row that is written by what is in use: in the caller's context. */
	if (cached->conversion != NULL && cached->conversion->in_use)
		return make_for_cache(cached, rel, expansion);
	if (cached->is_valid && cached->conversion != NULL)
		return cached->conversion;

	if (cached->conversion != NULL)
		MemoryContextDelete(cached->conversion->context);
	cached->conversion = NULL;

	/* An invalidation that arrives meanwhile asks for another one next time. */
	cached->is_valid = true;
	conversion = make_for_cache(cached, rel, expansion);
	MemoryContextSetParent(conversion->context, CacheMemoryContext);
	cached->conversion = conversion;
	return conversion;
}

/* ---- evaluation ---- */

static Datum
evaluate(Conversion *conversion, ExprState *state, const char *which, HeapTuple row,
		 bool *isnull)
{
	Reading		reading = {conversion->desc, which, conversion->name, NULL};
	ErrorContextCallback callback = {error_context_stack, add_context, &reading};
	Datum		value;

	ExecStoreHeapTuple(row, conversion->slot, false);
	error_context_stack = &callback;
	value = ExecEvalExprSwitchContext(state, conversion->econtext, isnull);
	error_context_stack = callback.previous;
	return value;
}

Datum
conversion_up(Conversion *conversion, HeapTuple row, bool *isnull)
{
	return evaluate(conversion, conversion->up, "up", row, isnull);
}

Datum
conversion_down(Conversion *conversion, HeapTuple row, bool *isnull)
{
	return evaluate(conversion, conversion->down, "down", row, isnull);
}

typedef struct Attempt
{
	Conversion *conversion;
	HeapTuple	row;
	Datum		value;
	bool		isnull;
} Attempt;

static void
attempt(void *arg)
{
	Attempt    *a = arg;

	a->value = conversion_up(a->conversion, a->row, &a->isnull);
}

bool
error_is_of_row(const ErrorData *edata)
{
	switch (ERRCODE_TO_CATEGORY(edata->sqlerrcode))
	{
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
		case ERRCODE_INTERNAL_ERROR:
			return false;
		default:
			return !error_is_interruption(edata);
	}
}

bool
conversion_try_up(Conversion *conversion, HeapTuple row, Datum *value, bool *isnull)
{
	Attempt		a = {.conversion = conversion, .row = row};
	ErrorData  *edata = subtransaction_run(attempt, &a, true);

	if (edata != NULL && !error_is_of_row(edata))
		ReThrowError(edata);
	*value = a.value;
	*isnull = a.isnull;
	return edata == NULL;
}

Datum
conversion_new(Conversion *conversion, HeapTuple row, bool *isnull)
{
	Datum		value;

	if (!conversion->null_on_error)
		return conversion_up(conversion, row, isnull);
	if (conversion_try_up(conversion, row, &value, isnull))
		return value;
	*isnull = true;
	return (Datum) 0;
}

void
conversion_reset(Conversion *conversion)
{
	ExecClearTuple(conversion->slot);
	ResetExprContext(conversion->econtext);
}

bool
conversion_same(const Conversion *conversion, AttrNumber attnum,
				Datum a, bool a_null, Datum b, bool b_null)
{
	Form_pg_attribute att = TupleDescAttr(conversion->desc, attnum - 1);

	if (a_null || b_null)
		return a_null && b_null;
	return datum_image_eq(a, b, att->attbyval, att->attlen);
}
