/*
 * verify_access.c
 *		May the contract's role do with the relation what the contract declares?
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/pg_class.h"
#include "foreign/fdwapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "verify/body/body.h"
#include "verify/catalog/catalog.h"
#include "verify/kinds/kinds_internal.h"
#include "verify/properties/properties.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"

/* An access that a contract can declare. */
typedef struct Access
{
	const char *name;
	AclMode		privilege;		/* 0: not in this PostgreSQL */
	CmdType		command;		/* that a view must be able to do */
	int			use;			/* what the version does with it */
} Access;

static const Access accesses[] = {
	{"delete", ACL_DELETE, CMD_DELETE, USAGE_DELETE},
	{"insert", ACL_INSERT, CMD_INSERT, USAGE_INSERT},
	{"maintain", ACL_MAINTAIN, CMD_UNKNOWN, 0},
	{"references", ACL_REFERENCES, CMD_UNKNOWN, 0},
	{"select", ACL_SELECT, CMD_UNKNOWN, USAGE_SELECT},
	{"trigger", ACL_TRIGGER, CMD_UNKNOWN, 0},
	{"truncate", ACL_TRUNCATE, CMD_UNKNOWN, USAGE_TRUNCATE},
	{"update", ACL_UPDATE, CMD_UPDATE, USAGE_UPDATE},
};

static const Access *
access_by_name(const char *name)
{
	for (int i = 0; i < (int) lengthof(accesses); i++)
	{
		if (strcmp(accesses[i].name, name) == 0)
			return &accesses[i];
	}
	return NULL;
}

/* Has the role the privilege on the relation, or on a column of it? */
static bool
role_has_access(Oid relid, Oid user, AclMode privilege)
{
	bool		is_missing = false;

	if (pg_class_aclcheck_ext(relid, user, privilege, &is_missing) == ACLCHECK_OK)
		return true;

	/* A grant on columns is a grant; which columns is for the queries to say. */
	return !is_missing && (privilege & ACL_ALL_RIGHTS_COLUMN) != 0 &&
		pg_attribute_aclcheck_all(relid, user, privilege,
								  ACLMASK_ANY) == ACLCHECK_OK;
}

/* Report what a view's owner lacks to write what is below the view. */
static void
check_writing_below(VerifyResult *result, Oid view, const Access *access)
{
	Oid			relid = view;

	for (int depth = 0; depth < MAX_VIEW_DEPTH &&
		 get_rel_relkind(relid) == RELKIND_VIEW; depth++)
	{
		Oid			below;
		Oid			user;
		int			ncolumns;

		if (relation_acts_instead(relid, access->command) ||
			view_columns(relid, &below, &ncolumns) == NULL)
			return;
		user = view_reads_as(relid);
		relid = below;
		if (role_has_access(relid, user, access->privilege))
			continue;
		(void) report_lost_privilege(result, relid, NULL, user,
									 psprintf("have %s on", access->name),
									 psprintf("it lacks %s", access->name));
		return;
	}
}

/* Check what access to a view takes beyond the role's own privilege. */
static void
check_below(VerifyResult *result, Oid relid, const Access *access)
{
	char		relkind = get_rel_relkind(relid);

	if (access->privilege == ACL_SELECT &&
		(relkind == RELKIND_VIEW || relkind == RELKIND_MATVIEW))
		check_readable(relid, result);
	else if (access->command != CMD_UNKNOWN && relkind == RELKIND_VIEW)
		check_writing_below(result, relid, access);
}

/* Does this sort of relation allow the access at all, whoever asks? */
static bool
access_is_possible(Oid relid, char relkind, const Access *access)
{
	if (access->privilege == ACL_TRUNCATE && relkind == RELKIND_FOREIGN_TABLE)
		return GetFdwRoutineByRelId(relid)->ExecForeignTruncate != NULL;
	if (access->privilege == ACL_TRUNCATE)
		return relkind != RELKIND_VIEW && relkind != RELKIND_MATVIEW;
	return access->command == CMD_UNKNOWN || relation_allows(relid, access->command);
}

/* Report if the server will refuse the access because the table is published. */
static void
check_replicated(VerifyResult *result, Oid relid, const Access *access)
{
	Oid			table;

	if (access->command != CMD_UPDATE && access->command != CMD_DELETE)
		return;
	table = table_written(relid, access->command);
	if (OidIsValid(table))
		check_replica_identity(result, RULE_RELATION_KIND,
							   psprintf("a relation that allows %s", access->name), table,
							   true, access->command);
}

/* Add a name to "a, b". */
static void
add_name(StringInfo names, const char *name)
{
	if (names->len > 0)
		appendStringInfoString(names, ", ");
	appendStringInfoString(names, name);
}

void
verify_access(const Requirement *req, VerifyResult *result)
{
	Oid			relid = resolve_relation(req, result);
	RelationUsage use = {0};
	PropertyCheck *check;
	char		relkind;
	StringInfoData wanted,
				lost,
				impossible;
	ListCell   *lc;

	if (!OidIsValid(relid))
		return;
	relkind = get_rel_relkind(relid);
	depend_on_view_base(result, relid);
	initStringInfo(&wanted);
	initStringInfo(&lost);
	initStringInfo(&impossible);

	foreach(lc, requirement_list(req, "access"))
	{
		const char *name = lfirst(lc);
		const Access *access = access_by_name(name);

		add_name(&wanted, name);
		if (access != NULL)
			use.commands |= access->use;
		if (access == NULL || access->privilege == 0)
			result_add_problem(result, RULE_NOT_VERIFIED, STATE_UNKNOWN,
							   psprintf("privilege %s", name),
							   pstrdup("this PostgreSQL has no such privilege"),
							   relid, NULL);
		else if (!role_has_access(relid, GetUserId(), access->privilege))
			add_name(&lost, name);
		else if (!access_is_possible(relid, relkind, access))
			add_name(&impossible, name);
		else
		{
			check_below(result, relid, access);
			check_replicated(result, relid, access);
			if (access->privilege == ACL_TRUNCATE)
				check_truncate(result, relid);
			else if (access->command != CMD_UNKNOWN)
				check_write(result, relid, access->command, NULL);
		}
	}

	if (lost.len > 0)
		result_add_problem(result, RULE_PRIVILEGE_LOST, STATE_UNMET,
						   psprintf("role %s to have %s",
									quote_identifier(GetUserNameFromId(GetUserId(), false)),
									wanted.data),
						   psprintf("it lacks %s", lost.data), relid, NULL);
	if (impossible.len > 0)
		result_add_problem(result, RULE_RELATION_KIND, STATE_UNMET,
						   psprintf("a relation that allows %s", wanted.data),
						   psprintf("a %s that does not allow %s",
									relation_kind_label(relkind), impossible.data),
						   relid, NULL);
	check_bodies(req, result);

	check = property_check_begin(req, result);
	use.assumes_all_columns = true;
	if (use.commands & (USAGE_INSERT | USAGE_UPDATE))
		use.inserted = use.updated = property_check_columns(check, relid);
	property_check_add(check, relid, &use);
	property_check_end(check);
}
