/*
 * written.c
 *		Does a column still take what a statement writes into it?
 *
 * It may not take a null any more, or its type may have become too narrow.  What the
 * statement always writes decides; what it writes by a parameter, or from another
 * column, is worth a remark.  To be able to tell, the baseline has what the columns were
 * like.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/run/run.h"
#include "verify/statement/statement.h"
#include "verify/statement/statement_internal.h"

/* A written column, now and when the requirement was first met. */
typedef struct WrittenColumn
{
	const WrittenValue *value;
	ColumnInfo	info;
	char	   *name;
	char	   *label;			/* "t.a", as the statement calls it: in the
								 * baseline */
	char	   *now;			/* what the baseline would say of it now */
	bool		took_null;
	const char *was;			/* its type then; NULL: not known */
} WrittenColumn;

/* Report once for each rule and column.  A remark has a subject besides, so that it is
 * reported once, however many statements of a version it is about. */
static void
report(VerifyResult *result, const WrittenColumn *column, RuleId rule, RequirementState state,
	   char *expected, char *found)
{
	Problem    *problem;
	ListCell   *lc;

	foreach(lc, result->problems)
	{
		problem = lfirst(lc);
		if (problem->rule == rule && problem->column != NULL &&
			strcmp(problem->column, column->name) == 0 &&
			strcmp(problem->relation, get_rel_name(column->value->relid)) == 0)
			return;
	}
	problem = result_add_problem(result, rule, state, expected, found, column->value->relid,
								 column->name);
	if (state == STATE_MET)
		problem->subject = psprintf("%s.%s", relation_label(column->value->relid),
									quote_identifier(column->name));
}

/* ---- nulls ---- */

/* Report a null that a column does not take. */
static void
check_null_written(VerifyResult *result, const WrittenColumn *column)
{
	Nullability nulls = column_nullability(&column->info);
	bool		undecided;

	if (nulls != NULLS_REJECTED && nulls != NULLS_ABSENT)
		return;
	undecided = trigger_may_fill(column->info.relid, column->value->command);
	report(result, column, RULE_COLUMN_REJECTS_NULL,
		   undecided ? STATE_UNKNOWN : STATE_UNMET,
		   psprintf("column %s to take the null that %s writes",
					quote_identifier(column->name),
					column->value->command == CMD_INSERT ? "an INSERT" : "an UPDATE"),
		   undecided ? pstrdup("it is not null, unless a trigger gives it a value")
		   : pstrdup("it is not null"));
}

/* Report, as a remark, NOT NULL on a column that a null may be written to.  A CHECK of
 * the same condition is constraint-added, too. */
static void
compare_null(VerifyResult *result, const WrittenColumn *column)
{
	if (column->value->null != NULL_PERHAPS || !column->info.not_null ||
		!column->took_null)
		return;
	report(result, column, RULE_CONSTRAINT_ADDED, STATE_MET,
		   psprintf("no NOT NULL %s", quote_identifier(column->name)),
		   psprintf("column %s on %s is not null", quote_identifier(column->name),
					relation_label(column->value->relid)));
}

/* ---- types ---- */

/* Return an expression without what the assignment itself adds. */
static Node *
own_expression(Node *expr)
{
	for (;;)
	{
		if (IsA(expr, RelabelType) &&
			((RelabelType *) expr)->relabelformat == COERCE_IMPLICIT_CAST)
			expr = (Node *) ((RelabelType *) expr)->arg;
		else if (IsA(expr, CoerceToDomain) &&
				 ((CoerceToDomain *) expr)->coercionformat == COERCE_IMPLICIT_CAST)
			expr = (Node *) ((CoerceToDomain *) expr)->arg;
		else if (IsA(expr, ArrayCoerceExpr) &&
				 ((ArrayCoerceExpr *) expr)->coerceformat == COERCE_IMPLICIT_CAST)
			expr = (Node *) ((ArrayCoerceExpr *) expr)->arg;
		else if (IsA(expr, FuncExpr) && ((FuncExpr *) expr)->args != NIL &&
				 ((FuncExpr *) expr)->funcformat == COERCE_IMPLICIT_CAST)
			expr = linitial(((FuncExpr *) expr)->args);
		else
			return expr;
	}
}

/*
 * Does what is sent for the old type mean nothing to the new one?  A parameter has
 * whatever type its column has.  For a statement that is query-parameter; of a declared
 * INSERT the contract has no types.
 */
static bool
is_another_type(const Requirement *req, Oid before, const ColumnInfo *info)
{
	int32		typmod = -1;
	Oid			now = wire_type(info->type, &typmod);

	return req->kind == REQUIREMENT_INSERT && OidIsValid(now) &&
		!can_coerce_type(1, &before, &now, COERCION_ASSIGNMENT);
}

/* Report, as a remark, a type that takes less than it did. */
static void
compare_type(const Requirement *req, VerifyResult *result, const WrittenColumn *column)
{
	const ColumnInfo *info = &column->info;
	Node	   *own = own_expression((Node *) column->value->expr);
	Oid			before;
	int32		typmod;

	if (column->value->constant || column->was == NULL)
		return;
	before = type_by_name(column->was, &typmod);
	depend_on_named_type(result, column->was, before);
	if (!OidIsValid(before))
		return;
	if (!is_another_type(req, before, info) &&
		(!type_is_narrower(info->type, info->typmod, before, typmod) ||
		 !type_is_narrower(info->type, info->typmod, exprType(own), exprTypmod(own))))
		return;
	report(result, column, RULE_COLUMN_NARROWED, STATE_MET,
		   psprintf("column %s to take what type %s takes",
					quote_identifier(column->name), format_type_with_typemod(before, typmod)),
		   psprintf("type %s", format_type_with_typemod(info->type, info->typmod)));
}

/* ---- then and now ---- */

#define TOOK_NULL "NULL"

#define TOOK_NO_NULL "NOT NULL"

/* Return "t.a NULL character varying(50)", of the type below domains, which may be gone
 * when it is asked for. */
static char *
column_label(const WrittenColumn *column)
{
	int32		typmod = column->info.typmod;
	Oid			type = wire_type(column->info.type, &typmod);
	char	   *label = psprintf("%s %s", column->label,
								 column->info.not_null ? TOOK_NO_NULL : TOOK_NULL);

	if (!OidIsValid(type))
		return label;
	return psprintf("%s %s", label,
					format_type_extended(type, typmod, FORMAT_TYPE_TYPEMOD_GIVEN |
										 FORMAT_TYPE_FORCE_QUALIFY));
}

/* Return what follows a word and a space, or NULL. */
static const char *
after_word(const char *text, const char *word)
{
	size_t		length = strlen(word);

	if (strncmp(text, word, length) != 0 || (text[length] != ' ' && text[length] != '\0'))
		return NULL;
	return text[length] == ' ' ? text + length + 1 : text + length;
}

/* Fill in what a column was like if it was written when the requirement was first met. */
static bool
find_before(List *written, WrittenColumn *column)
{
	ListCell   *lc;

	foreach(lc, written)
	{
		const char *text = after_word(lfirst(lc), column->label);
		const char *type = text ? after_word(text, TOOK_NULL) : NULL;

		if (text == NULL)
			continue;
		column->took_null = (type != NULL);
		if (type == NULL)
			type = after_word(text, TOOK_NO_NULL);
		column->was = type != NULL && type[0] != '\0' ? type : NULL;
		return true;
	}
	return false;
}

/* Look up a column of the table that is written in the end.  False if nothing can be
 * said of it. */
static bool
look_up_column(Oid relid, AttrNumber attnum, WrittenColumn *column)
{
	column->name = get_attname(relid, attnum, true);
	if (column->name == NULL ||
		!column_info(relid, attnum, &column->info) ||
		column->info.computed ||
		get_rel_relkind(column->info.relid) == RELKIND_FOREIGN_TABLE)
		return false;
	column->label = psprintf("%s.%s", quote_identifier(get_rel_name(relid)),
							 quote_identifier(column->name));
	column->now = column_label(column);
	return true;
}

/* What is known of the relation that was written last. */
typedef struct WrittenTarget
{
	CacheStamp	moment;
	MemoryContext context;
	Oid			relid;
	CmdType		command;
	bool		reached;		/* does what is written get to a table? */
	int			ncolumns;
	struct
	{
		bool		looked_up;
		bool		known;
		WrittenColumn column;
	}		   *columns;		/* by attribute number, from [0] */
} WrittenTarget;

/* Start to cache what is known of a relation that is written. */
static void
look_up_target(WrittenTarget *target, const WrittenValue *value, bool is_current)
{
	/* If it is not current, its memory goes with the batch. */
	if (is_current && target->context != NULL)
		MemoryContextDelete(target->context);
	target->context = NULL;
	target->relid = InvalidOid;
	target->context = AllocSetContextCreate(cache_context(), "compat_guard written",
											ALLOCSET_SMALL_SIZES);
	target->command = value->command;
	target->reached = OidIsValid(table_written(value->relid, value->command));
	target->ncolumns = relation_natts(value->relid);
	target->columns = MemoryContextAllocZero(target->context,
											 target->ncolumns * sizeof(*target->columns));
	target->relid = value->relid;
}

/* Return the column that a value is written to, or NULL if nothing can be said of it. */
static WrittenColumn *
find_column(const WrittenValue *value)
{
	static WrittenTarget target;
	bool		is_current = cache_is_current(&target.moment);
	MemoryContext old;
	int			i = value->attnum - 1;

	if (!is_current || target.relid != value->relid || target.command != value->command)
		look_up_target(&target, value, is_current);
	if (!target.reached || i < 0 || i >= target.ncolumns)
		return NULL;
	if (!target.columns[i].looked_up)
	{
		old = MemoryContextSwitchTo(target.context);
		target.columns[i].known = look_up_column(value->relid, value->attnum,
												 &target.columns[i].column);
		MemoryContextSwitchTo(old);
		target.columns[i].looked_up = true;
	}
	target.columns[i].column.value = value;
	return target.columns[i].known ? &target.columns[i].column : NULL;
}

/* Report, as remarks, in what a column differs from the one that was written before. */
static void
compare_column(const Requirement *req, VerifyResult *result, List *before, WrittenColumn *column)
{
	/* A value that is always the same fits, or is found out by evaluating it. */
	if ((column->value->null == NULL_NEVER && column->value->constant) ||
		text_list_has(before, column->now))
		return;
	if (find_before(before, column))
	{
		compare_null(result, column);
		compare_type(req, result, column);
	}
}

bool
check_written_nulls(Node *node, VerifyResult *result)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, check_written_nulls, result);
	foreach(lc, written_values((Query *) node))
	{
		WrittenColumn *column = find_column(lfirst(lc));

		if (column != NULL && column->value->null == NULL_ALWAYS)
			check_null_written(result, column);
	}
	return false;
}

void
check_written_values(const Requirement *req, VerifyResult *result, Query *query)
{
	List	   *before = baseline_list(req, "written_columns");
	BaselineMember now = {.name = "written_columns", .is_list = true};
	ListCell   *lc;

	foreach(lc, written_values(query))
	{
		const WrittenValue *value = lfirst(lc);
		WrittenColumn *column = find_column(value);

		if (column == NULL)
			continue;
		if (value->null == NULL_ALWAYS)
			check_null_written(result, column);
		else if (req->baseline != NULL)
			compare_column(req, result, before, column);
		else if (!text_list_has(now.list, column->now))
			now.list = lappend(now.list, column->now);
	}
	if (now.list != NIL)
		result->baseline = baseline_with(result->baseline, &now);
}
