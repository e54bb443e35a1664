/*
 * call.c
 *		What a call takes beyond the right to make it.
 *
 * The functions of sequences ask for rights on the sequence that their argument names.
 * The owner of an aggregate must be allowed to execute the functions it consists of.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "base/compat.h"
#include "base/subtransaction.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/run/run.h"
#include "verify/statement/statement.h"
#include "verify/statement/statement_internal.h"

/* ---- sequences ---- */

/* Return the rights of which a function of sequences asks for any, as sequence.c of the
 * server does. lastval() asks for rights on a sequence that only the session knows. */
static AclMode
rights_on_sequence(Oid funcid)
{
	switch (funcid)
	{
		case F_NEXTVAL:
			return ACL_USAGE | ACL_UPDATE;
		case F_CURRVAL:
			return ACL_USAGE | ACL_SELECT;
		case F_SETVAL_REGCLASS_INT8:
		case F_SETVAL_REGCLASS_INT8_BOOL:
			return ACL_UPDATE;
		default:
			return ACL_NO_RIGHTS;
	}
}

/* Does the function's answer depend on more than the text and the schema? */
static bool
is_unpredictable(Oid funcid, void *context)
{
	if (funcid == F_REGCLASS || funcid == F_PG_GET_SERIAL_SEQUENCE)
		return false;
	return funcid >= FirstNormalObjectId || func_volatile(funcid) != PROVOLATILE_IMMUTABLE;
}

/* Is there anything in the expression but constants and predictable functions? */
static bool
is_undetermined(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) || IsA(node, Param) || IsA(node, SubLink) || IsA(node, Aggref) ||
		IsA(node, WindowFunc) || IsA(node, CoerceToDomain) || IsA(node, NextValueExpr) ||
		IsA(node, SetToDefault))
		return true;
	return check_functions_in_node(node, is_unpredictable, context) ||
		expression_tree_walker(node, is_undetermined, context);
}

/* Depend on names given as text, which are looked up when the statement runs. */
static bool
depend_on_text_names(Node *node, VerifyResult *result)
{
	Const	   *constant = (Const *) node;

	if (node == NULL)
		return false;
	if (IsA(node, Const) && !constant->constisnull &&
		(constant->consttype == TEXTOID || constant->consttype == VARCHAROID))
	{
		List	   *names;

		if (SplitIdentifierString(TextDatumGetCString(constant->constvalue), '.', &names) &&
			names != NIL && list_length(names) <= 2)
			depend_on_name(result, RelationRelationId,
						   list_length(names) == 2 ? linitial(names) : NULL, llast(names));
	}
	return expression_tree_walker(node, depend_on_text_names, result);
}

/* The argument of a function of sequences. */
typedef struct SequenceArgument
{
	VerifyResult *result;
	Node	   *expr;
	Oid			sequence;		/* InvalidOid: null, or none that is known */
} SequenceArgument;

/* Evaluate the argument of a function of sequences, such as pg_get_serial_sequence('t',
 * 'id') or 's'::text, in a subtransaction. */
static void
evaluate_argument(void *arg)
{
	SequenceArgument *argument = arg;
	PlannerInfo *root = makeNode(PlannerInfo);
	Const	   *value;

	root->glob = makeNode(PlannerGlobal);
	value = (Const *) estimate_expression_value(root, argument->expr);
	if (IsA(value, Const) && !value->constisnull)
		argument->sequence = DatumGetObjectId(value->constvalue);
}

/* Report an error of that, if it says that the sequence is not there or closed. */
static void
report_argument(VerifyResult *result, const char *function, const ErrorData *edata)
{
	RuleId		rule = RULE_QUERY_BROKEN;
	Problem    *problem;

	if (error_is_no_answer(edata) || error_is_the_servers(edata))
		ReThrowError((ErrorData *) edata);
	switch (ERRCODE_TO_CATEGORY(edata->sqlerrcode))
	{
		case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION:
		case ERRCODE_INVALID_SCHEMA_NAME:
			if (edata->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE)
				rule = RULE_PRIVILEGE_LOST;
			break;
		default:
			return;				/* it does not say that */
	}
	problem = result_add_problem(result, rule, STATE_UNMET,
								 psprintf("%s() to find its sequence", function),
								 pstrdup(edata->message), InvalidOid, NULL);
	problem->sqlstate = pstrdup(unpack_sql_state(edata->sqlerrcode));
}

/* Return the sequence that a call names.  InvalidOid if it is not known, or has been
 * reported. */
static Oid
sequence_named(VerifyResult *result, FuncExpr *call)
{
	SequenceArgument argument = {.result = result, .expr = linitial(call->args)};
	Execution	outer;
	ErrorData  *edata;

	if (IsA(argument.expr, Const))
		return ((Const *) argument.expr)->constisnull ? InvalidOid
			: DatumGetObjectId(((Const *) argument.expr)->constvalue);
	if (is_undetermined(argument.expr, NULL))
		return InvalidOid;
	outer = run_execution(EXECUTES_LOOKUP);
	edata = subtransaction_run(evaluate_argument, &argument, false);
	(void) run_execution(outer);
	if (edata != NULL)
		report_argument(result, get_func_name(call->funcid), edata);
	return argument.sequence;
}

/* Check the rights that a function of sequences asks for. */
static void
check_sequence_call(VerifyResult *result, FuncExpr *call)
{
	AclMode		rights = rights_on_sequence(call->funcid);
	Oid			sequence;

	if (rights == ACL_NO_RIGHTS || call->args == NIL)
		return;
	if (!IsA(linitial(call->args), Const))
		(void) depend_on_text_names(linitial(call->args), result);
	sequence = sequence_named(result, call);
	if (!OidIsValid(sequence))
		return;
	depend_on_object(result, RelationRelationId, sequence);
	if (get_rel_relkind(sequence) == RELKIND_SEQUENCE)
		check_sequence_privilege(result, sequence, rights);
}

/* ---- aggregates ---- */

/* Report if the owner of an aggregate may not execute one of its functions. */
static void
check_owners_privilege(VerifyResult *result, Oid funcid, Oid owner)
{
	char	   *name;

	if (!OidIsValid(funcid) || funcid < FirstNormalObjectId ||
		compat_proc_aclcheck(funcid, owner, ACL_EXECUTE) == ACLCHECK_OK)
		return;
	name = GetUserNameFromId(owner, false);
	result_add_problem(result, RULE_PRIVILEGE_LOST, STATE_UNMET,
					   psprintf("role %s, as owner of an aggregate, to be allowed to execute function %s",
								quote_identifier(name), get_func_name(funcid)),
					   psprintf("permission denied for function %s", get_func_name(funcid)),
					   InvalidOid, NULL)->role = name;
	((Problem *) llast(result->problems))->sqlstate = "42501";
}

static Oid
routine_owner(Oid funcid)
{
	HeapTuple	tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	Oid			owner;

	if (!HeapTupleIsValid(tup))
		return InvalidOid;
	owner = ((Form_pg_proc) GETSTRUCT(tup))->proowner;
	ReleaseSysCache(tup);
	return owner;
}

/* Check the functions of an aggregate. as_window: a window function calls it, which
 * moves a frame. */
static void
check_aggregate(VerifyResult *result, Oid aggregate, bool as_window)
{
	HeapTuple	tup;
	FormData_pg_aggregate form;
	Oid			owner;

	if (aggregate < FirstNormalObjectId)
		return;
	tup = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggregate));
	if (!HeapTupleIsValid(tup))
		return;					/* a window function proper */
	form = *(Form_pg_aggregate) GETSTRUCT(tup);
	ReleaseSysCache(tup);
	owner = routine_owner(aggregate);
	if (!OidIsValid(owner))
		return;
	{
		Oid			always[] = {form.aggtransfn, form.aggfinalfn};
		Oid			perhaps[] = {
			form.aggcombinefn, form.aggserialfn, form.aggdeserialfn,
			as_window ? form.aggmtransfn : InvalidOid,
			as_window ? form.aggminvtransfn : InvalidOid,
			as_window ? form.aggmfinalfn : InvalidOid
		};

		for (int i = 0; i < lengthof(always); i++)
		{
			depend_on_support_routine(result, always[i]);
			check_owners_privilege(result, always[i], owner);
		}
		for (int i = 0; i < lengthof(perhaps); i++)
			depend_on_support_routine(result, perhaps[i]);
	}
}

/* ---- one node of an expression ---- */

void
check_call(Node *node, VerifyResult *result)
{
	switch (nodeTag(node))
	{
		case T_FuncExpr:
			check_sequence_call(result, (FuncExpr *) node);
			break;
		case T_Aggref:
			check_aggregate(result, ((Aggref *) node)->aggfnoid, false);
			break;
		case T_WindowFunc:
			check_aggregate(result, ((WindowFunc *) node)->winfnoid, true);
			break;
		case T_CoerceToDomain:
			check_domain(result, ((CoerceToDomain *) node)->resulttype);
			break;
		case T_Param:
			check_domain(result, ((Param *) node)->paramtype);
			break;
		default:
			break;
	}
}

void
check_sequence_privilege(VerifyResult *result, Oid sequence, AclMode rights)
{
	if (pg_class_aclcheck(sequence, GetUserId(), rights) == ACLCHECK_OK)
		return;
	result_add_problem(result, RULE_PRIVILEGE_LOST, STATE_UNMET,
					   psprintf("role %s to be allowed to use sequence %s",
								quote_identifier(GetUserNameFromId(GetUserId(), false)),
								relation_label(sequence)),
					   psprintf("permission denied for sequence %s", relation_label(sequence)),
					   sequence, NULL)->sqlstate = "42501";
}
