/*
 * advice.c
 *		Advice: the safe way to make a change, as SQL with the real names.
 *
 * If the finding names the objects, the advice has each step; otherwise it is the
 * rule's general advice.  It names no version, so that findings of
 * several versions share it; how to retire them is said once.
 */
#include "postgres.h"

#include "base/shown.h"
#include "commands/defrem.h"
#include "judge/judge.h"
#include "judge/judge_internal.h"
#include "miscadmin.h"
#include "registry/registry.h"
#include "utils/builtins.h"

#define ROLES_NAMED 3

/* Return the table, as in "public.users", or by the name that the requirement has. */
static char *
table_of(const Finding *finding)
{
	const Problem *problem = finding->problem;

	if (problem->relation != NULL)
		return quote_qualified_identifier(problem->schema, problem->relation);
	return requirement_text(finding->req, "relation");
}

/* Return the quoted column that the finding is about, or NULL. */
static const char *
column_of(const Finding *finding)
{
	const char *column = finding->problem->column;

	if (column == NULL)
		column = requirement_text(finding->req, "column");
	return column ? quote_identifier(column) : NULL;
}

/* Return the columns of a requirement for an index, as in "(email, tenant)". */
static char *
index_columns(const Finding *finding)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, requirement_list(finding->req, "columns"))
		appendStringInfo(&buf, "%s%s", buf.len ? ", " : "(", quote_identifier(lfirst(lc)));
	appendStringInfoChar(&buf, ')');
	return buf.data;
}

/* Advise to add a column of the new type beside the old one. */
static char *
advise_new_column(const Finding *finding, const char *table, const char *column)
{
	const char *found = finding->problem->found;
	const char *type = strncmp(found, "type ", 5) == 0 ? found + 5 : "of the new type";
	const char *name = finding->problem->column ? finding->problem->column
	: requirement_text(finding->req, "column");
	const char *beside = quote_identifier(makeObjectName(name, NULL, "new"));

	return psprintf("To change the type of %s.%s: ALTER TABLE %s ADD COLUMN %s %s; write both columns; backfill in batches; deploy a version that reads %s; retire the old versions; then ALTER TABLE %s DROP COLUMN %s.",
					table, column, table, beside, type, beside, table, column);
}

/* Return the rule's general advice as a sentence. */
static char *
general_advice(const Finding *finding)
{
	char	   *advice = psprintf("%s.", rule_get(finding->problem->rule)->advice);

	advice[0] = pg_toupper((unsigned char) advice[0]);
	return advice;
}

static char *
advise_index(const Finding *finding, const char *table, const char *unique)
{
	return psprintf("Create the replacement before you drop the old index: CREATE %sINDEX CONCURRENTLY ON %s %s.",
					unique, table, index_columns(finding));
}

/* Return advice for a column, or NULL if the rule has none. */
static char *
advise_column(const Finding *finding, const char *table, const char *column)
{
	switch (finding->problem->rule)
	{
		case RULE_COLUMN_MISSING:
			return psprintf("Deploy a version that does not use %s.%s, retire the old versions, and only then ALTER TABLE %s DROP COLUMN %s. To rename it, add a column of the new name, write both, backfill, and drop the old one last.",
							table, column, table, column);
		case RULE_COLUMN_TYPE:
			return advise_new_column(finding, table, column);
		case RULE_COLUMN_READS_NULL:
			return psprintf("Deploy a version that can read nulls from %s.%s, retire the old versions, and only then ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL.",
							table, column, table, column);
		case RULE_COLUMN_REJECTS_NULL:
			return psprintf("Deploy a version that writes no nulls into %s.%s, retire the old versions, and only then ALTER TABLE %s ALTER COLUMN %s SET NOT NULL.",
							table, column, table, column);
		case RULE_COLUMN_DEFAULT:
			return psprintf("Keep what gives %s.%s its value until the versions that rely on it are retired.",
							table, column);
		case RULE_INSERT_NEEDS_COLUMN:
			return psprintf("In the same transaction ALTER TABLE %s ALTER COLUMN %s SET DEFAULT a value, or leave the column nullable; set it NOT NULL after the old versions are retired.",
							table, column);
		default:
			return NULL;
	}
}

/* Return advice for a relation, or NULL if the rule has none. */
static char *
advise_relation(const Finding *finding, const char *table)
{
	switch (finding->problem->rule)
	{
		case RULE_RELATION_MISSING:
			return psprintf("To rename %s, create a view with the old name and the same grants in the same transaction: CREATE VIEW %s AS SELECT * FROM the new name. To drop it, deploy a version that does not use it, retire the old versions, and only then drop it.",
							table, table);
		case RULE_PRIVILEGE_LOST:
			return psprintf("In the same transaction GRANT to %s what it needs on %s, or revoke it after the old versions are retired.",
							quote_identifier(finding->problem->role ? finding->problem->role :
											 finding->req->role), table);
		case RULE_UNIQUE_MISSING:
			return advise_index(finding, table, "UNIQUE ");
		case RULE_INDEX_MISSING:
			return advise_index(finding, table, "");
		default:
			return NULL;
	}
}

bool
finding_steps_are_general(const Finding *finding)
{
	if (finding->problem->advice != NULL)
		return false;
	switch (finding->problem->rule)
	{
		case RULE_QUERY_BROKEN:
		case RULE_QUERY_PARAMETER:
		case RULE_QUERY_RESULT:
			return true;
		default:
			return false;
	}
}

char *
finding_steps(const Finding *finding)
{
	const char *table;
	const char *column;
	char	   *advice = NULL;

	if (finding->problem->advice != NULL)
		return pstrdup(finding->problem->advice);
	if (finding->app == NULL)
		return general_advice(finding);
	table = table_of(finding);
	column = column_of(finding);
	if (finding_steps_are_general(finding) && finding->change != NULL)
		return psprintf("Expand and contract: ALTER TABLE %s ADD COLUMN beside what the query uses; write both; move the data; deploy a version that uses the new column; retire the versions that send the query; remove the old column from %s last.",
						finding->change, finding->change);
	if (finding_steps_are_general(finding))
		return pstrdup("Keep what the query uses until the versions that send it are retired: add the new beside the old, move the data, deploy a version that uses the new, and remove the old last.");
	if (table != NULL && column != NULL)
		advice = advise_column(finding, table, column);
	if (table != NULL && advice == NULL)
		advice = advise_relation(finding, table);
	return advice ? advice : general_advice(finding);
}

char *
finding_end_call(const Finding *finding)
{
	return psprintf("SELECT compat_guard.%s(%s, %s);",
					finding->problem->rule == RULE_ROLLBACK_LOST ? "forget" : "retire",
					shown_literal(finding->app), shown_literal(finding->version));
}

/* Return the roles, as in "role a, role b or a superuser". */
static char *
list_roles(List *roles)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, roles)
	{
		if (foreach_current_index(lc) == ROLES_NAMED)
			break;
		appendStringInfo(&buf, "%srole %s", buf.len ? ", " : "",
						 shown(quote_identifier(lfirst(lc))));
	}
	appendStringInfo(&buf, "%sa superuser", buf.len ? " or " : "");
	return buf.data;
}

char *
finding_end_roles(const Finding *finding)
{
	const App  *app = superuser() ? NULL : registry_find_app(finding->app);
	bool		forget = finding->problem->rule == RULE_ROLLBACK_LOST;

	if (app == NULL || (forget ? registry_owns_app(app) : registry_may_retire(app)))
		return NULL;
	return list_roles(forget ? list_make1(app->owner) : registry_retiring_roles(app));
}

char *
finding_advice(const Finding *finding)
{
	char	   *steps = finding_steps(finding);
	char	   *roles;

	if (finding->action < ACTION_WARN || finding->app == NULL)
		return steps;
	roles = finding_end_roles(finding);
	return psprintf(finding->problem->rule == RULE_ROLLBACK_LOST
					? "%s To forget %s %s once no rollback to it is planned: %s%s"
					: "%s To retire %s %s once no instance of it runs any more: %s%s",
					steps, shown(finding->app), shown(finding->version),
					finding_end_call(finding),
					roles ? psprintf(" That requires %s.", roles) : "");
}
