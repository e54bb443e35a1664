/*
 * verify_insert.c
 *		Does an INSERT that names just these columns work?
 */
#include "postgres.h"

#include "catalog/pg_attribute.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "verify/catalog/catalog.h"
#include "verify/kinds/kinds_internal.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"

/* Return why no INSERT may give the column a value, or NULL. */
static const char *
why_rejected(Oid relid, AttrNumber attnum)
{
	ColumnInfo	info;

	if (!column_info(relid, attnum, &info))
		return NULL;
	if (info.computed)
		return "a view computes it";
	if (info.generated != '\0')
		return "it is a generated column";
	if (info.identity == ATTRIBUTE_IDENTITY_ALWAYS)
		return "it is an identity column generated always";
	return NULL;
}

/* Report a column that no INSERT may give a value.  The server would name only the
 * first. */
static bool
is_rejected(VerifyResult *result, Oid relid, const char *name)
{
	const char *why = NULL;

	if (OidIsValid(table_written(relid, CMD_INSERT)))
		why = why_rejected(relid, get_attnum(relid, name));
	if (why != NULL)
		result_add_problem(result, RULE_INSERT_REJECTED_COLUMN, STATE_UNMET,
						   psprintf("an INSERT with %s to work", quote_identifier(name)),
						   pstrdup(why), relid, name);
	return why != NULL;
}

/* Depend on a column of the INSERT, or report that it is missing. */
static bool
column_exists(VerifyResult *result, Oid relid, const char *name)
{
	if (get_attnum(relid, name) > 0)
	{
		depend_on_column(result, relid, name);
		return true;
	}
	result_add_problem(result, RULE_COLUMN_MISSING, STATE_UNMET,
					   psprintf("column %s", quote_identifier(name)),
					   psprintf("no such column in %s", relation_label(relid)),
					   relid, name);
	return false;
}

/* Return INSERT INTO relid (columns) VALUES ($1, $2, ...). */
static char *
insert_text(Oid relid, List *columns)
{
	StringInfoData names;
	StringInfoData values;
	ListCell   *lc;

	if (columns == NIL)
		return psprintf("INSERT INTO %s DEFAULT VALUES", relation_label(relid));
	initStringInfo(&names);
	initStringInfo(&values);
	foreach(lc, columns)
	{
		const char *separator = names.len > 0 ? ", " : "";

		appendStringInfo(&names, "%s%s", separator, quote_identifier(lfirst(lc)));
		appendStringInfo(&values, "%s$%d", separator, foreach_current_index(lc) + 1);
	}
	return psprintf("INSERT INTO %s (%s) VALUES (%s)", relation_label(relid), names.data,
					values.data);
}

/* An INSERT that the contract declares is verified as a registered statement of this
 * form is. */
void
verify_insert(const Requirement *req, VerifyResult *result)
{
	Oid			relid = resolve_relation(req, result);
	List	   *columns = NIL;
	bool		rejected = false;
	ListCell   *lc;

	if (!OidIsValid(relid))
		return;
	if (!relation_allows(relid, CMD_INSERT))
	{
		result_add_problem(result, RULE_RELATION_KIND, STATE_UNMET,
						   pstrdup("a relation that allows insert"),
						   psprintf("a %s that does not allow insert",
									relation_kind_label(get_rel_relkind(relid))),
						   relid, NULL);
		return;
	}
	depend_on_view_base(result, relid);
	foreach(lc, requirement_list(req, "columns"))
	{
		char	   *name = lfirst(lc);

		if (!column_exists(result, relid, name))
			continue;
		rejected |= is_rejected(result, relid, name);
		columns = lappend(columns, name);
	}
	if (!rejected)
		verify_text(req, result, insert_text(relid, columns));
}
