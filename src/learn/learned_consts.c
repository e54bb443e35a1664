/*
 * learned_consts.c
 *		Which constants and parameters a statement has that is to be learned.
 *
 * Their types are told by the analysed query.  The raw parse tree tells of "date '...'",
 * where the type goes with the constant, and which numbers are no data.
 */
#include "postgres.h"

#include "access/transam.h"
#include "base/guard_active.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "learn/learned_text.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

/* Is a constant of the type the name of an object? */
static bool
names_object(Oid type)
{
	switch (type)
	{
		case REGCLASSOID:
		case REGPROCOID:
		case REGPROCEDUREOID:
		case REGOPEROID:
		case REGOPERATOROID:
		case REGTYPEOID:
		case REGNAMESPACEOID:
		case REGCONFIGOID:
		case REGDICTIONARYOID:
		case REGCOLLATIONOID:
			return true;
		default:
			return false;
	}
}

static void
add_const(Learning *l, const Const *con)
{
	FoundConst *found;

	if (con->location < l->offset)
		return;
	if (l->nconsts >= l->most_consts)
	{
		l->most_consts = Max(64, 2 * l->most_consts);
		l->consts = l->consts == NULL ? palloc_array(FoundConst, l->most_consts)
			: repalloc(l->consts, l->most_consts * sizeof(FoundConst));
	}
	found = &l->consts[l->nconsts++];
	found->location = con->location - l->offset;
	found->type = con->consttype == UNKNOWNOID ? TEXTOID : con->consttype;
	found->keep = l->keep || con->constisnull || names_object(con->consttype);
}

static void
add_param(Learning *l, const Param *param)
{
	if (param->paramkind != PARAM_EXTERN || param->paramid < 1 || param->paramid > 65535)
		return;
	if (param->paramid > l->nparams)
	{
		l->params = l->params == NULL ? palloc0_array(Oid, param->paramid)
			: repalloc(l->params, param->paramid * sizeof(Oid));
		memset(l->params + l->nparams, 0, (param->paramid - l->nparams) * sizeof(Oid));
		l->nparams = param->paramid;
	}
	l->params[param->paramid - 1] = param->paramtype;
}

/* Is it an object that came neither with the server nor with this extension? */
static bool
is_of_schema(Oid object, Oid (*namespace_of) (Oid))
{
	return object >= FirstNormalObjectId && namespace_of(object) != guard_schema_oid();
}

/* Does a node use such an object? */
static bool
uses_schema(Node *node)
{
	switch (nodeTag(node))
	{
		case T_RangeTblEntry:
			return ((RangeTblEntry *) node)->rtekind == RTE_RELATION &&
				is_of_schema(((RangeTblEntry *) node)->relid, get_rel_namespace);
		case T_FuncExpr:
			return is_of_schema(((FuncExpr *) node)->funcid, get_func_namespace);
		case T_OpExpr:
			return ((OpExpr *) node)->opno >= FirstNormalObjectId;
		case T_Aggref:
			return ((Aggref *) node)->aggfnoid >= FirstNormalObjectId;
		case T_WindowFunc:
			return ((WindowFunc *) node)->winfnoid >= FirstNormalObjectId;
		case T_Const:
			return ((Const *) node)->consttype >= FirstNormalObjectId ||
				names_object(((Const *) node)->consttype);
		case T_Param:
			return ((Param *) node)->paramtype >= FirstNormalObjectId;
		case T_CoerceViaIO:
			return ((CoerceViaIO *) node)->resulttype >= FirstNormalObjectId;
		case T_CoerceToDomain:
		case T_RowExpr:
			return true;
		default:
			return false;
	}
}

/* Add the constants and parameters of a query to those found. */
static bool
look_at_query(Node *node, void *context)
{
	Learning   *l = context;

	if (node == NULL)
		return false;
	if (uses_schema(node))
		l->uses_schema = true;
	if (IsA(node, Const))
		add_const(l, (Const *) node);
	else if (IsA(node, Param))
		add_param(l, (Param *) node);
	else if (IsA(node, Aggref))
		l->groups |= ((Aggref *) node)->aggorder != NIL;
	else if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_RELATION &&
			get_rel_persistence(rte->relid) == RELPERSISTENCE_TEMP)
			l->uses_temporary = true;
		return false;			/* query_tree_walker goes into it */
	}
	else if (IsA(node, OnConflictExpr))
	{
		OnConflictExpr *conflict = (OnConflictExpr *) node;

		l->keep = true;
		(void) look_at_query((Node *) conflict->arbiterElems, l);
		(void) look_at_query(conflict->arbiterWhere, l);
		l->keep = false;
		return look_at_query((Node *) conflict->onConflictSet, l) ||
			look_at_query(conflict->onConflictWhere, l);
	}
	else if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;

		if (query->groupClause != NIL || query->distinctClause != NIL ||
			query->sortClause != NIL || query->windowClause != NIL)
			l->groups = true;
		return query_tree_walker(query, look_at_query, context, QTW_EXAMINE_RTES_BEFORE);
	}
	return expression_tree_walker(node, look_at_query, context);
}

static Mark *
add_mark(Learning *l, int at, MarkKind kind)
{
	Mark	   *mark;

	if (l->nmarks >= l->most_marks)
	{
		l->most_marks = Max(64, 2 * l->most_marks);
		l->marks = l->marks == NULL ? palloc_array(Mark, l->most_marks)
			: repalloc(l->marks, l->most_marks * sizeof(Mark));
	}
	mark = &l->marks[l->nmarks++];
	memset(mark, 0, sizeof(Mark));
	mark->at = at;
	mark->kind = kind;
	return mark;
}

/* Mark the numbers of columns in ORDER BY, GROUP BY and DISTINCT ON, and lengths of types. */
static void
mark_numbers(Learning *l, Node *node)
{
	ListCell   *lc;

	if (node == NULL)
		return;
	switch (nodeTag(node))
	{
		case T_A_Const:
			(void) add_mark(l, ((A_Const *) node)->location, MARK_KEEP);
			break;
		case T_List:
			foreach(lc, (List *) node)
				mark_numbers(l, lfirst(lc));
			break;
		case T_SortBy:
			mark_numbers(l, ((SortBy *) node)->node);
			break;
		case T_GroupingSet:
			mark_numbers(l, (Node *) ((GroupingSet *) node)->content);
			break;
		case T_RowExpr:
			mark_numbers(l, (Node *) ((RowExpr *) node)->args);
			break;
		default:
			break;
	}
}

/* Mark what the raw parse tree tells. */
static bool
look_at_raw(Node *node, void *context)
{
	Learning   *l = context;

	if (node == NULL)
		return false;
	if (IsA(node, A_Const))
		(void) add_mark(l, ((A_Const *) node)->location, MARK_CONST);
	else if (IsA(node, SelectStmt))
	{
		SelectStmt *select = (SelectStmt *) node;

		mark_numbers(l, (Node *) select->sortClause);
		mark_numbers(l, (Node *) select->groupClause);
		mark_numbers(l, (Node *) select->distinctClause);
	}
	else if (IsA(node, TypeName))
		mark_numbers(l, (Node *) ((TypeName *) node)->typmods);
	else if (IsA(node, TypeCast))
	{
		TypeCast   *cast = (TypeCast *) node;

		if (IsA(cast->arg, A_Const) && cast->typeName->location >= 0 &&
			cast->typeName->location < ((A_Const *) cast->arg)->location)
		{
			Mark	   *mark = add_mark(l, cast->typeName->location, MARK_TYPE);
			const char *name = strVal(llast(cast->typeName->names));

			mark->location = ((A_Const *) cast->arg)->location;
			mark->ends_later = (strcmp(name, "interval") == 0 && cast->typeName->typmods != NIL);
			/* CAST ('x' AS date) has the constant first. */
		}
	}
	return raw_expression_tree_walker(node, look_at_raw, context);
}

static int
compare_consts(const void *a, const void *b)
{
	return ((const FoundConst *) a)->location - ((const FoundConst *) b)->location;
}

FoundConst *
const_at(const Learning *l, int location)
{
	FoundConst	key = {.location = location};

	return l->nconsts == 0 ? NULL
		: bsearch(&key, l->consts, l->nconsts, sizeof(FoundConst), compare_consts);
}

static int
compare_marks(const void *a, const void *b)
{
	const Mark *x = a;
	const Mark *y = b;

	return x->at != y->at ? x->at - y->at : (int) x->kind - (int) y->kind;
}

Mark *
mark_at(const Learning *l, int at, MarkKind kind)
{
	Mark		key = {.at = at, .kind = kind};

	return l->nmarks == 0 ? NULL : bsearch(&key, l->marks, l->nmarks, sizeof(Mark), compare_marks);
}

void
find_consts(Learning *l, Query *query, Node *raw)
{
	(void) look_at_query((Node *) query, l);
	(void) look_at_raw(raw, l);
	if (l->nconsts > 0)
		qsort(l->consts, l->nconsts, sizeof(FoundConst), compare_consts);
	if (l->nmarks > 0)
		qsort(l->marks, l->nmarks, sizeof(Mark), compare_marks);
}
