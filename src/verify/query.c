/*
 * query.c
 *		Does a registered query still work, and still mean the same?
 *
 * A query is analysed, rewritten and planned.  An error on the way is the
 * answer; the server's message is part of it.  If there is none, the parameter
 * types, the result columns and the relations that the names stand for are
 * compared with what they were when the query first worked (the baseline).
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/transam.h"
#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parse_param.h"
#include "parser/parse_type.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/observe.h"
#include "miscadmin.h"

/* ---- names the text mentions ---- */

static void
observe_name_list(Observation *obs, Oid classid, List *names)
{
	char	   *schema;
	char	   *name;

	if (names == NIL || list_length(names) > 2)
		return;					/* with a database name: ours, or an error */
	DeconstructQualifiedName(names, &schema, &name);
	observe_name(obs, classid, schema, name);
}

/* Every name in a raw parse tree that a new object could take over. */
static bool
observe_mentions(Node *node, Observation *obs)
{
	if (node == NULL)
		return false;

	switch (nodeTag(node))
	{
		case T_RangeVar:
			observe_name(obs, RelationRelationId, ((RangeVar *) node)->schemaname,
						 ((RangeVar *) node)->relname);
			break;
		case T_FuncCall:
			observe_name_list(obs, ProcedureRelationId, ((FuncCall *) node)->funcname);
			break;
		case T_A_Expr:
			observe_name_list(obs, OperatorRelationId, ((A_Expr *) node)->name);
			break;
		case T_SubLink:
			observe_name_list(obs, OperatorRelationId, ((SubLink *) node)->operName);
			break;
		case T_SortBy:
			observe_name_list(obs, OperatorRelationId, ((SortBy *) node)->useOp);
			break;
		case T_TypeName:
			observe_name_list(obs, TypeRelationId, ((TypeName *) node)->names);
			break;
		case T_CollateClause:
			observe_name_list(obs, CollationRelationId, ((CollateClause *) node)->collname);
			break;
		default:
			break;
	}
	return raw_expression_tree_walker(node, observe_mentions, obs);
}

/* ---- objects the query depends on ---- */

static void
observe_function(Observation *obs, Oid funcid)
{
	if (!OidIsValid(funcid) || funcid < FirstNormalObjectId)
		return;
	observe_object(obs, ProcedureRelationId, funcid);
	if (compat_proc_aclcheck(funcid, GetUserId(), ACL_EXECUTE) != ACLCHECK_OK)
		observe_problem(obs, RULE_PRIVILEGE_LOST, STATE_UNMET,
						psprintf("role %s may execute function %s",
								 quote_identifier(GetUserNameFromId(GetUserId(), false)),
								 get_func_name(funcid)),
						psprintf("permission denied for function %s", get_func_name(funcid)),
						InvalidOid, NULL)->sqlstate = "42501";
}

static void
observe_operator(Observation *obs, Oid opno)
{
	if (opno >= FirstNormalObjectId)
		observe_object(obs, OperatorRelationId, opno);
	observe_function(obs, get_opcode(opno));
}

static void
observe_expression_type(Observation *obs, Node *expr)
{
	Oid			typid = exprType(expr);
	Oid			element = get_element_type(typid);

	if (OidIsValid(element))
		typid = element;
	if (typid >= FirstNormalObjectId)
		observe_object(obs, TypeRelationId, typid);
}

/*
 * A temporary relation belongs to the session that happens to ask; to an
 * application there is no relation of that name.
 */
static void
reject_temporary(Oid relid)
{
	if (get_rel_persistence(relid) == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s\" is only a temporary relation of this session",
						get_rel_name(relid))));
}

/* The target columns of an INSERT whose values it provides itself or has a
 * default for, and which may be given a value. */
static void
observe_insert_target(Observation *obs, Oid relid, List *targetlist)
{
	Bitmapset  *supplied = NULL;
	ListCell   *lc;

	foreach(lc, targetlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		HeapTuple	tup;

		/* The rewriter has refused values for generated columns already. */
		if (tle->resjunk)
			continue;
		tup = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(tle->resno));
		if (!HeapTupleIsValid(tup))
			continue;
		if (((Form_pg_attribute) GETSTRUCT(tup))->attidentity == '\0' &&
			((Form_pg_attribute) GETSTRUCT(tup))->attgenerated == '\0')
			supplied = bms_add_member(supplied, tle->resno);
		ReleaseSysCache(tup);
	}
	observe_insert(obs, relid, supplied);
}

static void
observe_inserts(Observation *obs, Query *query)
{
	ListCell   *lc;
	Oid			relid;

	if (query->resultRelation == 0)
		return;
	relid = rt_fetch(query->resultRelation, query->rtable)->relid;
	if (query->commandType == CMD_INSERT)
		observe_insert_target(obs, relid, query->targetList);
	foreach(lc, query->mergeActionList)
	{
		MergeAction *action = lfirst_node(MergeAction, lc);

		if (action->commandType == CMD_INSERT)
			observe_insert_target(obs, relid, action->targetList);
	}
}

/* Of a rewritten query, and those in its WITH. */
static bool
observe_all_inserts(Node *node, Observation *obs)
{
	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, observe_all_inserts, obs);
	observe_inserts(obs, (Query *) node);
	return query_tree_walker((Query *) node, observe_all_inserts, obs, 0);
}

static int
relation_natts(Oid relid)
{
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	int			natts = 0;

	if (HeapTupleIsValid(tup))
	{
		natts = ((Form_pg_class) GETSTRUCT(tup))->relnatts;
		ReleaseSysCache(tup);
	}
	return natts;
}

static void
observe_column_set(Observation *obs, Oid relid, Bitmapset *columns)
{
	int			col = -1;

	while ((col = bms_next_member(columns, col)) >= 0)
	{
		AttrNumber	attnum = col + FirstLowInvalidHeapAttributeNumber;
		int			natts = relation_natts(relid);

		/* A reference to the whole row is one to every column. */
		for (AttrNumber i = (attnum == InvalidAttrNumber ? 1 : attnum);
			 i <= (attnum == InvalidAttrNumber ? natts : attnum); i++)
		{
			char	   *attname = i > 0 ? get_attname(relid, i, true) : NULL;

			if (attname != NULL)
				observe_column(obs, relid, attname);
		}
	}
}

static void
observe_columns(Observation *obs, Query *query)
{
	ListCell   *lc;

	foreach(lc, compat_query_permission_infos(query))
	{
		CompatPermissionInfo *info = lfirst(lc);
		Oid			relid = compat_permission_relid(info);

		if (!OidIsValid(relid))
			continue;
		observe_column_set(obs, relid, info->selectedCols);
		observe_column_set(obs, relid, info->insertedCols);
		observe_column_set(obs, relid, info->updatedCols);
	}
}

/* Every object a query tree refers to. */
static bool
observe_references(Node *node, Observation *obs)
{
	if (node == NULL)
		return false;

	switch (nodeTag(node))
	{
		case T_Query:
			{
				Query	   *query = (Query *) node;
				ListCell   *lc;

				foreach(lc, query->rtable)
				{
					RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

					if (OidIsValid(rte->relid))
					{
						reject_temporary(rte->relid);
						observe_object(obs, RelationRelationId, rte->relid);
					}
				}
				observe_columns(obs, query);
				return query_tree_walker(query, observe_references, obs, 0);
			}
		case T_FuncExpr:
			observe_function(obs, ((FuncExpr *) node)->funcid);
			observe_expression_type(obs, node);
			break;
		case T_Aggref:
			observe_function(obs, ((Aggref *) node)->aggfnoid);
			break;
		case T_WindowFunc:
			observe_function(obs, ((WindowFunc *) node)->winfnoid);
			break;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			observe_operator(obs, ((OpExpr *) node)->opno);
			break;
		case T_ScalarArrayOpExpr:
			observe_operator(obs, ((ScalarArrayOpExpr *) node)->opno);
			break;
		case T_Var:
		case T_Const:
		case T_Param:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ConvertRowtypeExpr:
		case T_CoerceToDomain:
		case T_RowExpr:
			observe_expression_type(obs, node);
			break;
		default:
			break;
	}
	return expression_tree_walker(node, observe_references, obs);
}

/* ---- the shape of a query: parameters, result, meaning of names ---- */

typedef struct ResultColumn
{
	char	   *name;
	char	   *type;
} ResultColumn;

typedef struct NameMeaning
{
	char	   *name;
	char	   *schema;
} NameMeaning;

typedef struct Shape
{
	List	   *params;			/* of char *: type names */
	List	   *columns;		/* of ResultColumn * */
	List	   *meanings;		/* of NameMeaning *: relations, sorted as met */
} Shape;

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

static bool
shape_add_meanings(Node *node, Shape *shape)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, shape_add_meanings, shape);

	foreach(lc, ((Query *) node)->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		NameMeaning *meaning;

		if (rte->rtekind != RTE_RELATION)
			continue;
		meaning = palloc_object(NameMeaning);
		meaning->name = get_rel_name(rte->relid);
		meaning->schema = get_namespace_name(get_rel_namespace(rte->relid));
		if (meaning->name != NULL && meaning->schema != NULL)
			shape->meanings = lappend(shape->meanings, meaning);
	}
	return query_tree_walker((Query *) node, shape_add_meanings, shape, 0);
}

static Shape *
shape_of(Query *query, Oid *paramtypes, int nparams)
{
	Shape	   *shape = palloc0_object(Shape);

	for (int i = 0; i < nparams; i++)
		shape->params = lappend(shape->params,
								OidIsValid(paramtypes[i]) ? format_type_be(paramtypes[i])
								: pstrdup("unused"));
	shape_add_columns(shape, query->commandType == CMD_SELECT
					  ? query->targetList : query->returningList);
	shape_add_meanings((Node *) query, shape);
	return shape;
}

/* {"params": [type, ...], "columns": [[name, type], ...], "relations": [[name, schema], ...]} */
static Jsonb *
shape_to_json(const Shape *shape)
{
	StringInfoData buf;
	ListCell   *lc;
	const char *separator = "";

	initStringInfo(&buf);
	appendStringInfoString(&buf, "{\"params\":[");
	foreach(lc, shape->params)
	{
		appendStringInfoString(&buf, separator);
		escape_json(&buf, lfirst(lc));
		separator = ",";
	}
	appendStringInfoString(&buf, "],\"columns\":[");
	separator = "";
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
	appendStringInfoString(&buf, "],\"relations\":[");
	separator = "";
	foreach(lc, shape->meanings)
	{
		NameMeaning *meaning = lfirst(lc);

		appendStringInfo(&buf, "%s[", separator);
		escape_json(&buf, meaning->name);
		appendStringInfoChar(&buf, ',');
		escape_json(&buf, meaning->schema);
		appendStringInfoChar(&buf, ']');
		separator = ",";
	}
	appendStringInfoString(&buf, "]}");
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(buf.data)));
}

/* The strings of an array of pairs, flat. */
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

static Shape *
shape_from_json(Jsonb *json)
{
	Shape	   *shape = palloc0_object(Shape);
	List	   *columns = json_pairs(json, "columns");
	List	   *relations = json_pairs(json, "relations");

	shape->params = json_pairs(json, "params");
	for (int i = 0; i + 1 < list_length(columns); i += 2)
	{
		ResultColumn *column = palloc_object(ResultColumn);

		column->name = list_nth(columns, i);
		column->type = list_nth(columns, i + 1);
		shape->columns = lappend(shape->columns, column);
	}
	for (int i = 0; i + 1 < list_length(relations); i += 2)
	{
		NameMeaning *meaning = palloc_object(NameMeaning);

		meaning->name = list_nth(relations, i);
		meaning->schema = list_nth(relations, i + 1);
		shape->meanings = lappend(shape->meanings, meaning);
	}
	return shape;
}

/* ---- comparing shapes ---- */

/* varchar and text have the same wire format and the same limits for a reader. */
static bool
same_wire_type(const char *was, const char *is)
{
	return strcmp(was, is) == 0 ||
		(strcmp(was, "character varying") == 0 && strcmp(is, "text") == 0);
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
						psprintf("%d result columns: prepared statements of open sessions fail once with SQLSTATE 0A000", nis),
						InvalidOid, NULL);
}

/* A name that now stands for another relation although the old one is there. */
static void
compare_meanings(Observation *obs, const Shape *was, const Shape *is)
{
	ListCell   *lcw;
	ListCell   *lci;

	foreach(lci, is->meanings)
	{
		NameMeaning *new = lfirst(lci);
		NameMeaning *old = NULL;
		Oid			namespace;

		foreach(lcw, was->meanings)
		{
			NameMeaning *candidate = lfirst(lcw);

			if (strcmp(candidate->name, new->name) != 0)
				continue;
			old = candidate;
			if (strcmp(old->schema, new->schema) == 0)
				break;			/* just as it was */
		}
		if (old == NULL || strcmp(old->schema, new->schema) == 0)
			continue;
		namespace = get_namespace_oid(old->schema, true);
		if (OidIsValid(namespace) && OidIsValid(get_relname_relid(old->name, namespace)))
			observe_problem(obs, RULE_NAME_CAPTURED, STATE_UNMET,
							psprintf("name %s stands for %s", quote_identifier(old->name),
									 quote_qualified_identifier(old->schema, old->name)),
							psprintf("%s", quote_qualified_identifier(new->schema, new->name)),
							InvalidOid, NULL);
	}
}

/* ---- the query ---- */

/* The declared parameter types; the rest is inferred. */
static Oid *
declared_params(const Requirement *req, int *nparams)
{
	List	   *names = requirement_list(req, "params");
	Oid		   *types = palloc_array(Oid, list_length(names));
	ListCell   *lc;

	*nparams = 0;
	foreach(lc, names)
	{
		int32		typmod;

		compat_parse_type(lfirst(lc), &types[*nparams], &typmod);
		(*nparams)++;
	}
	return types;
}

/* Parse analysis without the hooks: nothing that is not run should be counted. */
static Query *
analyse(RawStmt *raw, const char *sql, Oid **paramtypes, int *nparams)
{
	ParseState *pstate = make_parsestate(NULL);
	Query	   *query;

	pstate->p_sourcetext = sql;
	setup_parse_variable_parameters(pstate, paramtypes, nparams);
	query = transformTopLevelStmt(pstate, raw);
	check_variable_parameters(pstate, query);
	free_parsestate(pstate);
	return query;
}

void
verify_query(const Requirement *req, Observation *obs)
{
	char	   *sql = requirement_text(req, "sql");
	List	   *parsed = raw_parser(sql, RAW_PARSE_DEFAULT);
	int			nparams;
	Oid		   *paramtypes = declared_params(req, &nparams);
	RawStmt    *raw;
	Query	   *query;
	Shape	   *shape;
	ListCell   *lc;

	if (list_length(parsed) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("query is not one statement")));
	raw = linitial_node(RawStmt, parsed);

	/* First the names, so that they are known even if the rest fails. */
	observe_mentions(raw->stmt, obs);

	query = analyse(raw, sql, &paramtypes, &nparams);
	observe_references((Node *) query, obs);
	shape = shape_of(query, paramtypes, nparams);

	foreach(lc, pg_rewrite_query(query))
	{
		Query	   *rewritten = lfirst_node(Query, lc);

		if (rewritten->commandType == CMD_UTILITY)
			continue;
		observe_references((Node *) rewritten, obs);
		observe_all_inserts((Node *) rewritten, obs);
		observe_permissions(obs, compat_plan_query(rewritten, sql));
	}

	obs->baseline = shape_to_json(shape);
	if (req->baseline != NULL)
	{
		Shape	   *was = shape_from_json(req->baseline);

		compare_params(obs, was, shape);
		compare_columns(obs, was, shape);
		compare_meanings(obs, was, shape);
	}
}
