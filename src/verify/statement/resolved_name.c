/*
 * resolved_name.c
 *		Collect what each name in a statement stands for.
 *
 * A relation, type or collation is found by its name alone, so the baseline has its
 * schema.  A name that is not in the baseline meant an object of the server.
 *
 * A routine or operator is found by the types of its arguments, too.  So the baseline
 * has calls with these: where the type of a column has changed, another operator is only
 * to be expected.  Literals and parameters take the type that is wanted of them, and
 * count as none.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"
#include "verify/statement/statement_internal.h"

/* The names that have been found so far. */
typedef struct Collector
{
	List	   *resolved_names;
	bool		with_servers;
	VerifyResult *result;
} Collector;

static bool
resolved_name_is_known(List *resolved_names, const ResolvedName *new)
{
	ListCell   *lc;

	foreach(lc, resolved_names)
	{
		const ResolvedName *resolved = lfirst(lc);

		if (resolved->class == new->class && strcmp(resolved->name, new->name) == 0 &&
			strcmp(resolved->resolved, new->resolved) == 0)
			return true;
	}
	return false;
}

/* Add a name, unless the list has it. */
static List *
add_resolved_name(List *resolved_names, const NameClass *class, char *name, char *resolved, Oid objid)
{
	ResolvedName *new = palloc_object(ResolvedName);

	new->class = class;
	new->name = name;
	new->resolved = resolved;
	new->objid = objid;
	return resolved_name_is_known(resolved_names, new) ? resolved_names : lappend(resolved_names, new);
}

/* Add an object that is found by its name alone, unless it is the server's. */
static List *
add_object(List *resolved_names, Oid classid, Oid objid)
{
	char	   *name;
	char	   *schema;

	if (objid < FirstNormalObjectId || !name_and_schema(classid, objid, &name, &schema))
		return resolved_names;
	return add_resolved_name(resolved_names, name_class_of(classid), name, schema, objid);
}

/* Return the bare name, such as "int8", of a type of the server, and the qualified name
 * of another one. */
static char *
short_type_name(Oid type)
{
	HeapTuple	tup = type < FirstNormalObjectId
	? SearchSysCache1(TYPEOID, ObjectIdGetDatum(type)) : NULL;
	char	   *name;

	if (!HeapTupleIsValid(tup))
		return type_baseline_name(type);
	name = pstrdup(NameStr(((Form_pg_type) GETSTRUCT(tup))->typname));
	ReleaseSysCache(tup);
	return name;
}

/* Return the type of an argument, or "?" where the statement has no type of its own. */
static const char *
actual_type(Node *arg)
{
	Oid			type;
	int32		typmod = -1;

	if (arg != NULL && IsA(arg, TargetEntry))
		arg = (Node *) ((TargetEntry *) arg)->expr;
	arg = strip_implicit_coercions(arg);
	if (arg == NULL || IsA(arg, Const) ||
		(IsA(arg, Param) && ((Param *) arg)->paramkind == PARAM_EXTERN))
		return "?";
	type = exprType(arg);
	if (type >= FirstNormalObjectId)
		type = wire_type(type, &typmod);

	/* These two are one to a client, and so they are here. */
	return short_type_name(type == VARCHAROID ? TEXTOID : type);
}

/* Return the name of a call with the types of its arguments: "=(text,?)". */
static char *
call_name(const char *name, List *args)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s(", name);
	foreach(lc, args)
		appendStringInfo(&buf, "%s%s", foreach_current_index(lc) > 0 ? "," : "",
						 actual_type(lfirst(lc)));
	appendStringInfoChar(&buf, ')');
	return buf.data;
}

/* Add a call of a routine. */
static void
add_routine(Collector *collector, Oid routine, List *args)
{
	char	   *name;

	if (routine < FirstNormalObjectId && !collector->with_servers)
		return;
	name = get_func_name(routine);
	if (name != NULL)
		collector->resolved_names =
			add_resolved_name(collector->resolved_names, name_class_of(ProcedureRelationId), call_name(name, args),
							  routine < FirstNormalObjectId ? "" : routine_baseline_name(routine), routine);
}

/* Add a use of an operator. */
static void
add_operator(Collector *collector, Oid operator, List *args)
{
	char	   *name;

	if (operator < FirstNormalObjectId && !collector->with_servers)
		return;
	name = get_opname(operator);
	if (name != NULL)
		collector->resolved_names =
			add_resolved_name(collector->resolved_names, name_class_of(OperatorRelationId), call_name(name, args),
							  operator < FirstNormalObjectId ? ""
							  : operator_signature(operator, FORMAT_TYPE_FORCE_QUALIFY), operator);
}

/* Add the operators of ORDER BY x USING <, also in aggregates and windows. */
static void
add_sort_operators(Collector *collector, List *clauses, List *targetlist)
{
	ListCell   *lc;

	foreach(lc, clauses)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);
		Node	   *expr = get_sortgroupclause_expr(clause, targetlist);

		if (OidIsValid(clause->sortop))
			add_operator(collector, clause->sortop, list_make2(expr, expr));
	}
}

/* Add the object that a literal such as 'user_ids'::regclass, as nextval takes it,
 * stands for by name.  Another one may come to be found earlier. */
static void
add_literal(Collector *collector, const Const *constant)
{
	Oid			classid = class_of_reg_type(constant->consttype);
	Oid			objid;

	if (name_class_of(classid) == NULL || constant->constisnull)
		return;
	objid = DatumGetObjectId(constant->constvalue);
	if (classid == ProcedureRelationId)
		add_routine(collector, objid, NIL);
	else if (classid == OperatorRelationId)
		add_operator(collector, objid, NIL);
	else
		collector->resolved_names = add_object(collector->resolved_names, classid, objid);
}

/* Add the operators of a comparison of rows. */
static void
add_row_comparison(Collector *collector, const RowCompareExpr *comparison)
{
	ListCell   *lco;
	ListCell   *lcl;
	ListCell   *lcr;

	forthree(lco, comparison->opnos, lcl, comparison->largs, lcr, comparison->rargs)
		add_operator(collector, lfirst_oid(lco), list_make2(lfirst(lcl), lfirst(lcr)));
}

/* Add the relations and sort operators of a query. */
static void
add_of_query(Collector *collector, const Query *query)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION)
			collector->resolved_names = add_object(collector->resolved_names, RelationRelationId, rte->relid);
	}
	add_sort_operators(collector, query->sortClause, query->targetList);
	foreach(lc, query->windowClause)
		add_sort_operators(collector, lfirst_node(WindowClause, lc)->orderClause,
						   query->targetList);
}

/* Add the names of an analysed tree, a tree walker. */
static bool
collect(Node *node, Collector *collector)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Query:
			add_of_query(collector, (Query *) node);
			return query_tree_walker((Query *) node, collect, collector, 0);
		case T_FuncExpr:
			if (((FuncExpr *) node)->funcformat == COERCE_EXPLICIT_CALL)
				add_routine(collector, ((FuncExpr *) node)->funcid, ((FuncExpr *) node)->args);
			break;
		case T_Aggref:
			add_routine(collector, ((Aggref *) node)->aggfnoid,
						list_concat_copy(((Aggref *) node)->aggdirectargs,
										 ((Aggref *) node)->args));
			add_sort_operators(collector, ((Aggref *) node)->aggorder, ((Aggref *) node)->args);
			break;
		case T_WindowFunc:
			add_routine(collector, ((WindowFunc *) node)->winfnoid, ((WindowFunc *) node)->args);
			break;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			add_operator(collector, ((OpExpr *) node)->opno, ((OpExpr *) node)->args);
			break;
		case T_ScalarArrayOpExpr:
			add_operator(collector, ((ScalarArrayOpExpr *) node)->opno,
						 ((ScalarArrayOpExpr *) node)->args);
			break;
		case T_RowCompareExpr:
			add_row_comparison(collector, (RowCompareExpr *) node);
			break;
		case T_Const:
			add_literal(collector, (Const *) node);
			break;
		case T_CollateExpr:
			collector->resolved_names = add_object(collector->resolved_names, CollationRelationId,
												   ((CollateExpr *) node)->collOid);
			break;
		default:
			break;
	}
	return expression_tree_walker(node, collect, collector);
}

List *
add_resolved_names(List *resolved_names, Query *query, bool with_servers, VerifyResult *result)
{
	Collector	collector = {resolved_names, with_servers, result};

	(void) collect((Node *) query, &collector);
	return collector.resolved_names;
}

/* Add a type that is named without a schema: a name with a schema stands for nothing
 * else. */
static void
add_type(Collector *collector, List *names)
{
	if (list_length(names) == 1)
		collector->resolved_names = add_object(collector->resolved_names, TypeRelationId,
											   TypenameGetTypidExtended(strVal(linitial(names)), false));
}

/* Add the type of a call such as mood('sad'), which is a cast if there is no function
 * of the name. */
static void
add_cast_like_call(Collector *collector, const FuncCall *call)
{
	char	   *name;

	if (list_length(call->funcname) != 1 || list_length(call->args) != 1)
		return;
	name = strVal(linitial(call->funcname));
	if (TypenameGetTypidExtended(name, false) < FirstNormalObjectId ||
		FuncnameGetCandidates(call->funcname, 1, NIL, true, true, false, true) != NULL)
		return;
	depend_on_name(collector->result, TypeRelationId, NULL, name);
	add_type(collector, call->funcname);
}

/* Add the names of a raw tree that an analysed one does not have, a tree walker. */
static bool
collect_raw(Node *node, Collector *collector)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_TypeName:
			add_type(collector, ((TypeName *) node)->names);
			break;
		case T_FuncCall:
			add_cast_like_call(collector, (FuncCall *) node);
			break;
		case T_CaseExpr:
			if (((CaseExpr *) node)->arg != NULL)
				depend_on_name(collector->result, OperatorRelationId, NULL, "=");
			break;
		case T_JoinExpr:
			if (((JoinExpr *) node)->isNatural || ((JoinExpr *) node)->usingClause != NIL)
				depend_on_name(collector->result, OperatorRelationId, NULL, "=");
			break;
		default:
			break;
	}
	return raw_expression_tree_walker(node, collect_raw, collector);
}

List *
add_raw_resolved_names(List *resolved_names, Node *raw, VerifyResult *result)
{
	Collector	collector = {resolved_names, false, result};

	(void) collect_raw(raw, &collector);
	return collector.resolved_names;
}
