/*
 * plpgsql.c
 *		What plpgsql_check says of a PL/pgSQL body, and what the body uses.
 *
 * The server itself cannot tell: PL/pgSQL looks at a statement when it runs it.
 * The extension is asked where it is installed in the database.
 *
 * Its function is called by name, in its own schema, where others may have made
 * functions of the same name to be called in its place.  Then it is not called at
 * all.  The call has no operator in it for the same reason.
 *
 * plpgsql_check says what is wrong with a body.  What the body uses, writes and has to be
 * allowed to do is told by the queries that the planner is given meanwhile.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "base/compat.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/body/body_internal.h"
#include "verify/catalog/catalog.h"
#include "verify/plan/plan.h"
#include "verify/result/result.h"
#include "verify/run/run.h"
#include "verify/statement/statement.h"

/* The function of plpgsql_check that is called. */
#define CHECKER "plpgsql_check_function_tb"

/* Return the schema of the extension's functions of a name, or InvalidOid. *others:
 * that schema has other functions of the name. */
static Oid
schema_of_members(Oid extension, const char *name, bool *others)
{
	CatCList   *list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	Oid			schema = InvalidOid;

	*others = false;
	for (int i = 0; i < list->n_members; i++)
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(&list->members[i]->tuple);

		if (getExtensionOfObject(ProcedureRelationId, form->oid) == extension)
			schema = form->pronamespace;
	}
	for (int i = 0; i < list->n_members; i++)
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(&list->members[i]->tuple);

		*others |= form->pronamespace == schema &&
			getExtensionOfObject(ProcedureRelationId, form->oid) != extension;
	}
	ReleaseSysCacheList(list);
	return schema;
}

/* Return the quoted schema of plpgsql_check, or NULL if it cannot be asked. */
static const char *
checker_schema(void)
{
	Oid			extension = get_extension_oid("plpgsql_check", true);
	bool		others;
	Oid			schema = OidIsValid(extension)
	? schema_of_members(extension, CHECKER, &others) : InvalidOid;

	if (!OidIsValid(schema) || others)
		return NULL;
	return quote_identifier(get_namespace_name(schema));
}

void
depend_on_checker(VerifyResult *result)
{
	Oid			extension = get_extension_oid("plpgsql_check", true);
	bool		others;
	Oid			schema = OidIsValid(extension)
	? schema_of_members(extension, CHECKER, &others) : InvalidOid;

	/* When the extension comes or goes, there is more to say, or less. */
	depend_on_name(result, ExtensionRelationId, "", "plpgsql_check");
	if (OidIsValid(schema))
		depend_on_name(result, ProcedureRelationId, get_namespace_name(schema), CHECKER);
}

const char *
why_plpgsql_cannot_tell(void)
{
	if (checker_schema() != NULL)
		return NULL;
	return OidIsValid(get_extension_oid("plpgsql_check", true))
		? "other functions have the names of those of plpgsql_check"
		: "plpgsql_check is not installed";
}

/* Call plpgsql_check.  Parameters: $1: the routine; $2: the trigger's relation, or 0;
 * $3, $4: transition tables. */
static void
ask(const char *schema, const RunRoutine *run)
{
	char	   *sql = psprintf("SELECT c.level, c.sqlstate, c.message"
							   " FROM %s." CHECKER "(funcoid => $1, relid => $2,"
							   " oldtable => $3::pg_catalog.name, newtable => $4::pg_catalog.name,"
							   " other_warnings => false, extra_warnings => false) AS c", schema);
	Oid			types[] = {REGPROCEDUREOID, REGCLASSOID, TEXTOID, TEXTOID};
	Datum		values[] = {
		ObjectIdGetDatum(run->key.routine), ObjectIdGetDatum(run->key.relid), 0, 0
	};
	char		nulls[] = "  nn";

	if (run->oldtable != NULL)
	{
		values[2] = CStringGetTextDatum(run->oldtable);
		nulls[2] = ' ';
	}
	if (run->newtable != NULL)
	{
		values[3] = CStringGetTextDatum(run->newtable);
		nulls[3] = ' ';
	}
	run_own_statement(sql);
	if (SPI_execute_with_args(sql, lengthof(types), types, values, nulls, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not ask plpgsql_check");
}

static char *
result_text(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

/* Fill in the first error among the rows, in context.  True if there is none. */
static bool
read_errors(ErrorData *edata, MemoryContext context)
{
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		char	   *level = result_text(row, 1);
		char	   *code = result_text(row, 2);
		char	   *message = result_text(row, 3);

		if (level == NULL || strcmp(level, "error") != 0)
			continue;
		edata->elevel = ERROR;
		edata->sqlerrcode = code == NULL || strlen(code) != 5 ? ERRCODE_INTERNAL_ERROR
			: MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4]);
		edata->message = MemoryContextStrdup(context, message ? message : "error without message");
		return false;
	}
	return true;
}

/* Keep a query that the planner is given while plpgsql_check is asked: a statement or
 * expression of the body, as rewritten. */
static void
keep_planned(Query *query)
{
	MemoryContext old = MemoryContextSwitchTo(verification->planned_memory);

	verification->planned = lappend(verification->planned, copyObject(query));
	MemoryContextSwitchTo(old);
}

/* Check what the planned queries use, write, and have to be allowed to do.  plpgsql_check
 * has given back its locks. */
static void
check_planned(VerifyResult *result)
{
	ListCell   *lc;

	foreach(lc, verification->planned)
		conditional_lock_query(lfirst_node(Query, lc));
	(void) check_references((Node *) verification->planned, result);
	check_body_writes(result, verification->planned);
	(void) check_permissions((Node *) verification->planned, result);
}

/* Ask about errors of a body, and check what it uses.  False, and edata filled in, if the body
 * does not resolve. */
static bool
ask_about_body(const RunRoutine *run, VerifyResult *result,
			   ErrorData *edata)
{
	const char *schema = checker_schema();
	MemoryContext context = CurrentMemoryContext;
	bool		sound;

	SPI_connect();
	ask(schema, run);
	sound = read_errors(edata, context);

	/*
	 * plpgsql_check takes a cancel, or a lock not had, for an error of the
	 * body.
	 */
	if (!sound && error_is_no_answer(edata))
		ereport(ERROR,
				(errcode(edata->sqlerrcode), errmsg_internal("%s", edata->message)));
	SPI_finish();
	if (sound)
		check_planned(result);
	return sound;
}

/*
 * PL/pgSQL keeps what it compiled for as long as the routine's row is the same, and
 * that knows the types of a DECLARE as they were.  So the cached row is given a place
 * where no row is, another one each time: the routine is compiled anew, now and when it
 * is next called.
 */
bool
plpgsql_check_body(const RunRoutine *run, VerifyResult *result,
				   ErrorData *edata)
{
	static OffsetNumber nowhere = InvalidOffsetNumber;
	HeapTuple	cached = SearchSysCache1(PROCOID, ObjectIdGetDatum(run->key.routine));
	ItemPointerData place;
	bool		sound = true;

	if (!HeapTupleIsValid(cached))
		return true;			/* gone */
	verification->planned = NIL;
	verification->planned_memory = CurrentMemoryContext;
	verification->plan_observer = keep_planned;
	place = cached->t_self;
	ItemPointerSet(&cached->t_self, InvalidBlockNumber, nowhere++);
	PG_TRY();
	{
		sound = ask_about_body(run, result, edata);
	}
	PG_CATCH();
	{
		/* The end of the subtransaction releases the row. */
		cached->t_self = place;
		verification->plan_observer = NULL;
		PG_RE_THROW();
	}
	PG_END_TRY();
	cached->t_self = place;
	verification->plan_observer = NULL;
	ReleaseSysCache(cached);
	return sound;
}
