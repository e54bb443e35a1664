/*
 * routine.c
 *		Name routines, for people and for baselines.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"

bool
routine_in_schema(Oid schema, const char *name)
{
	CatCList   *list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	bool		found = false;

	for (int i = 0; i < list->n_members && !found; i++)
		found = ((Form_pg_proc) GETSTRUCT(&list->members[i]->tuple))->pronamespace == schema;
	ReleaseSysCacheList(list);
	return found;
}

/* Return the name of a routine with its schema and the types of its arguments; how: as
 * of format_type_extended(). */
static char *
signature(Oid routine, bits16 how)
{
	HeapTuple	tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(routine));
	Form_pg_proc form;
	StringInfoData label;

	if (!HeapTupleIsValid(tup))
		return psprintf("%u", routine);
	form = (Form_pg_proc) GETSTRUCT(tup);
	initStringInfo(&label);
	appendStringInfo(&label, "%s(",
					 quote_qualified_identifier(get_namespace_name(form->pronamespace),
												NameStr(form->proname)));
	for (int i = 0; i < form->pronargs; i++)
		appendStringInfo(&label, "%s%s", i > 0 ? ", " : "",
						 format_type_extended(form->proargtypes.values[i], -1,
											  how | FORMAT_TYPE_ALLOW_INVALID));
	appendStringInfoChar(&label, ')');
	ReleaseSysCache(tup);
	return label.data;
}

char *
routine_label(Oid routine)
{
	return signature(routine, 0);
}

char *
routine_baseline_name(Oid routine)
{
	return signature(routine, FORMAT_TYPE_FORCE_QUALIFY);
}

Oid
routine_called(const char *name, const char *baseline_name)
{
	CatCList   *list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	Oid			routine = InvalidOid;

	for (int i = 0; i < list->n_members && !OidIsValid(routine); i++)
	{
		Oid			other = ((Form_pg_proc) GETSTRUCT(&list->members[i]->tuple))->oid;

		if (strcmp(routine_baseline_name(other), baseline_name) == 0)
			routine = other;
	}
	ReleaseSysCacheList(list);
	return routine;
}
