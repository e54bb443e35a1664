/*
 * advice.c
 *		The safe way to do what was stopped, as SQL with the real names.
 *
 * Where the finding names the objects, the sequence is spelled out; otherwise
 * the rule's general advice stands.
 */
#include "postgres.h"

#include "judge/finding.h"
#include "utils/builtins.h"

/* "public.users", or what the requirement calls it. */
static char *
table_of(const Finding *finding)
{
	const Problem *problem = finding->problem;

	if (problem->relation != NULL)
		return quote_qualified_identifier(problem->schema, problem->relation);
	return requirement_text(finding->req, "relation");
}

static const char *
column_of(const Finding *finding)
{
	const char *column = finding->problem->column;

	if (column == NULL)
		column = requirement_text(finding->req, "column");
	return column ? quote_identifier(column) : NULL;
}

/* "... then SELECT compat_guard.retire('billing', '41')" */
static char *
retire_call(const Finding *finding)
{
	return psprintf("SELECT compat_guard.retire(%s, %s)",
					quote_literal_cstr(finding->app), quote_literal_cstr(finding->version));
}

char *
finding_advice(const Finding *finding)
{
	const char *table = table_of(finding);
	const char *column = column_of(finding);
	char	   *retire = retire_call(finding);

	switch (finding->problem->rule)
	{
		case RULE_RELATION_MISSING:
			if (table != NULL)
				return psprintf("Keep the old name until %s %s is retired: in the transaction that renames, CREATE VIEW %s AS SELECT * FROM the new name; or stop using it, deploy, %s, and drop it then.",
								finding->app, finding->version, table, retire);
			break;
		case RULE_COLUMN_MISSING:
			if (table != NULL && column != NULL)
				return psprintf("Deploy a version that does not use %s.%s, %s, and only then ALTER TABLE %s DROP COLUMN %s.  To rename, add the new column, write both, backfill, switch, and drop the old one last.",
								table, column, retire, table, column);
			break;
		case RULE_COLUMN_TYPE:
			if (table != NULL && column != NULL)
				return psprintf("Expand and contract: ALTER TABLE %s ADD COLUMN a new one of the new type; write both; backfill in batches; deploy a version that reads the new one; %s; ALTER TABLE %s DROP COLUMN %s.",
								table, retire, table, column);
			break;
		case RULE_COLUMN_REJECTS_NULL:
		case RULE_COLUMN_READS_NULL:
			if (table != NULL && column != NULL)
				return psprintf("Deploy a version that agrees with the new nullability of %s.%s first, %s, and change it then.",
								table, column, retire);
			break;
		case RULE_INSERT_NEEDS_COLUMN:
			if (table != NULL && column != NULL)
				return psprintf("ALTER TABLE %s ALTER COLUMN %s SET DEFAULT something (or add it nullable), and take the default away after %s.",
								table, column, retire);
			break;
		case RULE_PRIVILEGE_LOST:
			if (table != NULL)
				return psprintf("%s, then REVOKE; or GRANT on %s to %s again in the same transaction.",
								retire, table, quote_identifier(finding->req->role));
			break;
		case RULE_UNIQUE_MISSING:
			if (table != NULL)
				return psprintf("Create the replacement first: CREATE UNIQUE INDEX CONCURRENTLY on the same columns of %s, then drop the old one; or %s.",
								table, retire);
			break;
		case RULE_QUERY_BROKEN:
		case RULE_QUERY_PARAMETER:
		case RULE_QUERY_RESULT:
			return psprintf("Keep what query \"%s\" of %s %s uses: expand (add the new beside the old), migrate the data, switch the code, %s, and contract (remove the old) last.",
							finding->req->object, finding->app, finding->version, retire);
		default:
			break;
	}
	return pstrdup(rule_get(finding->problem->rule)->advice);
}
