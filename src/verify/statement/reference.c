/*
 * reference.c
 *		What a query refers to.
 *
 * A query refers by name to whatever its text mentions, which a new object earlier in
 * the search path could take over.  It refers to the relations, columns, functions,
 * operators and types found under those names, and to those in its views.  Of an INSERT
 * the columns that it leaves out are checked as well.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/transam.h"
#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"
#include "verify/statement/statement_internal.h"

/* ---- names the text mentions ---- */

/* Depend on a name of the text, and report its schema if that is missing: the name
 * cannot mean anything then, nor the statement run. */
static void
depend_on_mentioned_name(VerifyResult *result, Oid classid, const char *schema, const char *name)
{
	depend_on_name(result, classid, schema, name);
	if (schema_is_missing(schema) && result->state != STATE_UNMET)
		(void) report_missing_schema(result, schema);
}

/* Depend on a name given as a list. */
static void
depend_on_name_list(VerifyResult *result, Oid classid, List *names)
{
	char	   *schema;
	char	   *name;

	if (names == NIL || list_length(names) > 2)
		return;					/* with a database name: ours, or an error */
	DeconstructQualifiedName(names, &schema, &name);
	depend_on_mentioned_name(result, classid, schema, name);
}

bool
depend_on_mentioned_names(Node *node, VerifyResult *result)
{
	if (node == NULL)
		return false;

	switch (nodeTag(node))
	{
		case T_RangeVar:
			depend_on_mentioned_name(result, RelationRelationId, ((RangeVar *) node)->schemaname,
									 ((RangeVar *) node)->relname);
			break;
		case T_FuncCall:
			depend_on_name_list(result, ProcedureRelationId, ((FuncCall *) node)->funcname);
			break;
		case T_A_Expr:
			depend_on_name_list(result, OperatorRelationId, ((A_Expr *) node)->name);
			break;
		case T_SubLink:
			depend_on_name_list(result, OperatorRelationId, ((SubLink *) node)->operName);
			break;
		case T_SortBy:
			depend_on_name_list(result, OperatorRelationId, ((SortBy *) node)->useOp);
			break;
		case T_TypeName:
			depend_on_name_list(result, TypeRelationId, ((TypeName *) node)->names);
			break;
		case T_CollateClause:
			depend_on_name_list(result, CollationRelationId, ((CollateClause *) node)->collname);
			break;
		default:
			break;
	}
	return raw_expression_tree_walker(node, depend_on_mentioned_names, result);
}

/*
 * Depend on what a literal could name if it is of a type such as regclass or regconfig.
 * It may be "schema.name", and for routines and operators has the types of arguments
 * after it.
 */
static void
depend_on_literal(VerifyResult *result, const char *literal)
{
	static const Oid classes[] = {
		CollationRelationId, OperatorRelationId, ProcedureRelationId, RelationRelationId,
		TSConfigRelationId, TSDictionaryRelationId, TypeRelationId
	};
	char	   *name = pnstrdup(literal, strcspn(literal, "("));
	List	   *parts;
	char	   *schema = NULL;

	/* The name of an operator is no identifier. */
	if (!SplitIdentifierString(pstrdup(name), '.', &parts))
		parts = list_make1(name);
	if (parts == NIL || list_length(parts) > 2)
		return;
	if (list_length(parts) == 2)
		schema = linitial(parts);
	name = llast(parts);
	if (strlen(name) >= NAMEDATALEN)
		return;
	for (int i = 0; i < lengthof(classes); i++)
		depend_on_name(result, classes[i], schema, name);
	if (schema == NULL)
	{
		depend_on_name(result, AuthIdRelationId, "", name);
		depend_on_name(result, NamespaceRelationId, name, "");
	}
}

bool
depend_on_literals(Node *node, VerifyResult *result)
{
	if (node == NULL)
		return false;
	if (IsA(node, A_Const) && !((A_Const *) node)->isnull &&
		IsA(&((A_Const *) node)->val, String))
		depend_on_literal(result, strVal(&((A_Const *) node)->val));
	return raw_expression_tree_walker(node, depend_on_literals, result);
}

/* ---- objects the query depends on ---- */

/* Report privilege-lost, once, if the role may not execute a function. */
static void
check_execute_privilege(VerifyResult *result, Oid funcid)
{
	char	   *found;
	ListCell   *lc;

	if (compat_proc_aclcheck(funcid, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK)
		return;
	found = psprintf("permission denied for function %s", get_func_name(funcid));

	/* A statement comes here as it was analysed and as it was rewritten. */
	foreach(lc, result->problems)
	{
		if (strcmp(((Problem *) lfirst(lc))->found, found) == 0)
			return;
	}
	result_add_problem(result, RULE_PRIVILEGE_LOST, STATE_UNMET,
					   psprintf("role %s to be allowed to execute function %s",
								quote_identifier(GetUserNameFromId(GetUserId(), false)),
								get_func_name(funcid)),
					   found, InvalidOid, NULL)->sqlstate = "42501";
}

void
check_routine(VerifyResult *result, Oid funcid)
{
	RunRoutine	run = {.key = {funcid, InvalidOid}};

	if (!OidIsValid(funcid))
		return;
	depend_on_object(result, ProcedureRelationId, funcid);
	depend_on_body(result, &run);
	check_execute_privilege(result, funcid);
}

/* Depend on an operator and its function. */
static void
depend_on_operator(VerifyResult *result, Oid opno)
{
	if (opno >= FirstNormalObjectId)
		depend_on_object(result, OperatorRelationId, opno);
	check_routine(result, get_opcode(opno));
}

/* Depend on the type of an expression. */
static void
depend_on_expression_type(VerifyResult *result, Node *expr)
{
	Oid			typid = exprType(expr);
	Oid			element = get_element_type(typid);

	if (OidIsValid(element))
		typid = element;
	if (typid >= FirstNormalObjectId)
		depend_on_object(result, TypeRelationId, typid);
}

/*
 * Depend on the object that a constant such as 'user_ids'::regclass, as nextval takes
 * it, or 'docs'::regconfig stands for, and on its name.  The constant does not tell
 * whether a schema was given with it.
 */
static void
depend_on_named_object(VerifyResult *result, Const *constant)
{
	Oid			classid = class_of_reg_type(constant->consttype);
	ObjectName *key;

	if (constant->constisnull || !OidIsValid(classid))
		return;
	key = object_name(classid, DatumGetObjectId(constant->constvalue));
	if (key == NULL)
		return;
	depend_on_object(result, classid, DatumGetObjectId(constant->constvalue));
	if (key->name != NULL && key->schema[0] != '\0')
		depend_on_name(result, classid, NULL, key->name);
}

/* Raise an error for a temporary relation.  It belongs to the session that happens to
 * ask; to an application there is no relation of that name. */
static void
reject_temporary(Oid relid)
{
	if (get_rel_persistence(relid) == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s\" is only a temporary relation of this session",
						get_rel_name(relid))));
}

/* Check the columns of an INSERT. Supplied are those whose values it provides itself or
 * has a default for, and which may be given a value. */
static void
check_insert_target(VerifyResult *result, Oid relid, List *targetlist)
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
	check_omitted_columns(result, relid, supplied);
}

/* Check an INSERT, or the INSERTs of a MERGE. */
static void
check_query_inserts(VerifyResult *result, Query *query)
{
	ListCell   *lc;
	Oid			relid;

	if (query->resultRelation == 0)
		return;
	relid = rt_fetch(query->resultRelation, query->rtable)->relid;
	if (query->commandType == CMD_INSERT)
		check_insert_target(result, relid, query->targetList);
	foreach(lc, query->mergeActionList)
	{
		MergeAction *action = lfirst_node(MergeAction, lc);

		if (action->commandType == CMD_INSERT)
			check_insert_target(result, relid, action->targetList);
	}
}

/* Looks at the query itself, and those in its WITH. */
bool
check_inserts(Node *node, VerifyResult *result)
{
	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, check_inserts, result);
	check_query_inserts(result, (Query *) node);
	return query_tree_walker((Query *) node, check_inserts, result, 0);
}

/* Depend on a set of columns, offset as in RangeTblEntry. */
static void
depend_on_column_set(VerifyResult *result, Oid relid, Bitmapset *columns)
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
				depend_on_column(result, relid, attname);
		}
	}
}

/* Depend on all columns that a query uses. */
static void
depend_on_columns(VerifyResult *result, Query *query)
{
	ListCell   *lc;

	foreach(lc, compat_query_permission_infos(query))
	{
		CompatPermissionInfo *info = lfirst(lc);
		Oid			relid = compat_permission_relid(info);

		if (!OidIsValid(relid))
			continue;
		depend_on_column_set(result, relid, info->selectedCols);
		depend_on_column_set(result, relid, info->insertedCols);
		depend_on_column_set(result, relid, info->updatedCols);
	}
}

bool
check_references(Node *node, VerifyResult *result)
{
	if (node == NULL)
		return false;
	add_types_made_by(result, node);

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
						depend_on_object(result, RelationRelationId, rte->relid);
						check_planned_functions(result, query, foreach_current_index(lc) + 1);
					}
				}
				depend_on_columns(result, query);
				return query_tree_walker(query, check_references, result, 0);
			}
		case T_FuncExpr:
			check_routine(result, ((FuncExpr *) node)->funcid);
			depend_on_expression_type(result, node);
			break;
		case T_Aggref:
			check_routine(result, ((Aggref *) node)->aggfnoid);
			break;
		case T_WindowFunc:
			check_routine(result, ((WindowFunc *) node)->winfnoid);
			break;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			depend_on_operator(result, ((OpExpr *) node)->opno);
			break;
		case T_ScalarArrayOpExpr:
			depend_on_operator(result, ((ScalarArrayOpExpr *) node)->opno);
			break;
		case T_Const:
			depend_on_named_object(result, (Const *) node);
			depend_on_expression_type(result, node);
			break;
		case T_Var:
		case T_Param:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ConvertRowtypeExpr:
		case T_CoerceToDomain:
		case T_RowExpr:
			depend_on_expression_type(result, node);
			break;
		default:
			break;
	}
	return expression_tree_walker(node, check_references, result);
}
