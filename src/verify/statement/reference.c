/*
 * reference.c
 *		What a query refers to.
 *
 * By name: whatever its text mentions, which a new object earlier in the search
 * path could take over.  By object: the relations, columns, functions,
 * operators and types found under those names, views looked into.  And, of an
 * INSERT, the columns that it leaves out.
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
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"
#include "verify/statement/statement_internal.h"

/* ---- names the text mentions ---- */

/* Without its schema a name cannot mean anything, nor the statement run. */
static void
observe_mention(Observation *obs, Oid classid, const char *schema, const char *name)
{
	observe_name(obs, classid, schema, name);
	if (schema_is_missing(schema) && obs->state != STATE_UNMET)
		(void) observe_missing_schema(obs, schema);
}

static void
observe_name_list(Observation *obs, Oid classid, List *names)
{
	char	   *schema;
	char	   *name;

	if (names == NIL || list_length(names) > 2)
		return;					/* with a database name: ours, or an error */
	DeconstructQualifiedName(names, &schema, &name);
	observe_mention(obs, classid, schema, name);
}

bool
observe_mentions(Node *node, Observation *obs)
{
	if (node == NULL)
		return false;

	switch (nodeTag(node))
	{
		case T_RangeVar:
			observe_mention(obs, RelationRelationId, ((RangeVar *) node)->schemaname,
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

/*
 * What a literal could name, if it is of a type such as regclass or regconfig: as
 * "schema.name", and for routines and operators with the types of arguments after it.
 */
static void
observe_literal(Observation *obs, const char *literal)
{
	static const Oid classes[] = {
		CollationRelationId, OperatorRelationId, ProcedureRelationId, RelationRelationId,
		TSConfigRelationId, TSDictionaryRelationId, TypeRelationId
	};
	char	   *name = pnstrdup(literal, strcspn(literal, "("));
	List	   *parts;
	char	   *schema = NULL;

	/* Of an operator, which is no identifier. */
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
		observe_name(obs, classes[i], schema, name);
	if (schema == NULL)
	{
		observe_name(obs, AuthIdRelationId, "", name);
		observe_name(obs, NamespaceRelationId, name, "");
	}
}

bool
observe_literals(Node *node, Observation *obs)
{
	if (node == NULL)
		return false;
	if (IsA(node, A_Const) && !((A_Const *) node)->isnull &&
		IsA(&((A_Const *) node)->val, String))
		observe_literal(obs, strVal(&((A_Const *) node)->val));
	return raw_expression_tree_walker(node, observe_literals, obs);
}

/* ---- objects the query depends on ---- */

static void
observe_execute_right(Observation *obs, Oid funcid)
{
	char	   *found;
	ListCell   *lc;

	if (compat_proc_aclcheck(funcid, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK)
		return;
	found = psprintf("permission denied for function %s", get_func_name(funcid));

	/* A statement comes here as it was analysed and as it was rewritten. */
	foreach(lc, obs->problems)
	{
		if (strcmp(((Problem *) lfirst(lc))->found, found) == 0)
			return;
	}
	observe_problem(obs, RULE_PRIVILEGE_LOST, STATE_UNMET,
					psprintf("role %s to be allowed to execute function %s",
							 quote_identifier(GetUserNameFromId(GetUserId(), false)),
							 get_func_name(funcid)),
					found, InvalidOid, NULL)->sqlstate = "42501";
}

void
observe_routine(Observation *obs, Oid funcid)
{
	RunRoutine	run = {.key = {funcid, InvalidOid}};

	if (!OidIsValid(funcid))
		return;
	observe_object(obs, ProcedureRelationId, funcid);
	observe_run(obs, &run);
	observe_execute_right(obs, funcid);
}

static void
observe_operator(Observation *obs, Oid opno)
{
	if (opno >= FirstNormalObjectId)
		observe_object(obs, OperatorRelationId, opno);
	observe_routine(obs, get_opcode(opno));
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

/* The catalog that a type of OIDs in SQL is for; InvalidOid if it is none. */
static Oid
class_of_reg_type(Oid type)
{
	switch (type)
	{
		case REGCLASSOID:
			return RelationRelationId;
		case REGCOLLATIONOID:
			return CollationRelationId;
		case REGCONFIGOID:
			return TSConfigRelationId;
		case REGDICTIONARYOID:
			return TSDictionaryRelationId;
		case REGNAMESPACEOID:
			return NamespaceRelationId;
		case REGOPEROID:
		case REGOPERATOROID:
			return OperatorRelationId;
		case REGPROCOID:
		case REGPROCEDUREOID:
			return ProcedureRelationId;
		case REGROLEOID:
			return AuthIdRelationId;
		case REGTYPEOID:
			return TypeRelationId;
		default:
			return InvalidOid;
	}
}

/*
 * 'user_ids'::regclass, as nextval takes it, and 'docs'::regconfig stand for an
 * object by name.  The constant does not tell if a schema was given with it.
 */
static void
observe_named_object(Observation *obs, Const *constant)
{
	Oid			classid = class_of_reg_type(constant->consttype);
	ObjectKey  *key;

	if (constant->constisnull || !OidIsValid(classid))
		return;
	key = object_key(classid, DatumGetObjectId(constant->constvalue));
	if (key == NULL)
		return;
	observe_object(obs, classid, DatumGetObjectId(constant->constvalue));
	if (key->name != NULL && key->schema[0] != '\0')
		observe_name(obs, classid, NULL, key->name);
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

/* Of the query itself, and those in its WITH. */
bool
observe_all_inserts(Node *node, Observation *obs)
{
	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, observe_all_inserts, obs);
	observe_inserts(obs, (Query *) node);
	return query_tree_walker((Query *) node, observe_all_inserts, obs, 0);
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

bool
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
			observe_routine(obs, ((FuncExpr *) node)->funcid);
			observe_expression_type(obs, node);
			break;
		case T_Aggref:
			observe_routine(obs, ((Aggref *) node)->aggfnoid);
			break;
		case T_WindowFunc:
			observe_routine(obs, ((WindowFunc *) node)->winfnoid);
			break;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			observe_operator(obs, ((OpExpr *) node)->opno);
			break;
		case T_ScalarArrayOpExpr:
			observe_operator(obs, ((ScalarArrayOpExpr *) node)->opno);
			break;
		case T_Const:
			observe_named_object(obs, (Const *) node);
			observe_expression_type(obs, node);
			break;
		case T_Var:
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
