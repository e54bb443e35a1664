/*
 * privilege.c
 *		May the contract's role do with the relation what the contract declares?
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/pg_class.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "rewrite/rewriteHandler.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "verify/attribute.h"
#include "verify/observe.h"

typedef struct Access
{
	const char *name;
	AclMode		privilege;		/* 0: not in this PostgreSQL */
	CmdType		command;		/* that a view must be able to do */
} Access;

static const Access accesses[] = {
	{"delete", ACL_DELETE, CMD_DELETE},
	{"insert", ACL_INSERT, CMD_INSERT},
	{"maintain", ACL_MAINTAIN, CMD_UNKNOWN},
	{"references", ACL_REFERENCES, CMD_UNKNOWN},
	{"select", ACL_SELECT, CMD_UNKNOWN},
	{"trigger", ACL_TRIGGER, CMD_UNKNOWN},
	{"truncate", ACL_TRUNCATE, CMD_UNKNOWN},
	{"update", ACL_UPDATE, CMD_UPDATE},
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

static bool
role_has_access(Oid relid, AclMode privilege)
{
	bool		is_missing = false;

	if (pg_class_aclcheck_ext(relid, GetUserId(), privilege,
							  &is_missing) == ACLCHECK_OK)
		return true;

	/* A grant on columns is a grant; which columns is for the queries to say. */
	return !is_missing && (privilege & ACL_ALL_RIGHTS_COLUMN) != 0 &&
		pg_attribute_aclcheck_all(relid, GetUserId(), privilege,
								  ACLMASK_ANY) == ACLCHECK_OK;
}

bool
relation_allows(Oid relid, CmdType command)
{
	switch (get_rel_relkind(relid))
	{
		case RELKIND_VIEW:
			/* Counts INSTEAD rules and triggers, and what is below the view. */
			return (relation_is_updatable(relid, NIL, true, NULL) & (1 << command)) != 0;
		case RELKIND_MATVIEW:
			return false;
		default:
			return true;
	}
}

/* Can this sort of relation do it at all, whoever asks? */
static bool
access_is_possible(Oid relid, char relkind, const Access *access)
{
	if (access->privilege == ACL_TRUNCATE)
		return relkind != RELKIND_VIEW && relkind != RELKIND_MATVIEW;
	return access->command == CMD_UNKNOWN || relation_allows(relid, access->command);
}

static void
add_name(StringInfo names, const char *name)
{
	if (names->len > 0)
		appendStringInfoString(names, ", ");
	appendStringInfoString(names, name);
}

void
verify_privilege(const Requirement *req, Observation *obs)
{
	Oid			relid = observe_relation(req, obs);
	char		relkind;
	StringInfoData wanted,
				lost,
				impossible;
	ListCell   *lc;

	if (!OidIsValid(relid))
		return;
	relkind = get_rel_relkind(relid);
	observe_below_view(obs, relid);
	initStringInfo(&wanted);
	initStringInfo(&lost);
	initStringInfo(&impossible);

	foreach(lc, requirement_list(req, "access"))
	{
		const char *name = lfirst(lc);
		const Access *access = access_by_name(name);

		add_name(&wanted, name);
		if (access == NULL || access->privilege == 0)
			observe_problem(obs, RULE_NOT_VERIFIED, STATE_UNKNOWN,
							psprintf("privilege %s", name),
							pstrdup("this PostgreSQL has no such privilege"),
							relid, NULL);
		else if (!role_has_access(relid, access->privilege))
			add_name(&lost, name);
		else if (!access_is_possible(relid, relkind, access))
			add_name(&impossible, name);
		else if (access->privilege == ACL_TRUNCATE)
			observe_truncate(obs, relid);
		else if (access->command != CMD_UNKNOWN)
			observe_write(obs, relid, access->command, NULL);
	}

	if (lost.len > 0)
		observe_problem(obs, RULE_PRIVILEGE_LOST, STATE_UNMET,
						psprintf("role %s to have %s",
								 quote_identifier(GetUserNameFromId(GetUserId(), false)),
								 wanted.data),
						psprintf("it lacks %s", lost.data), relid, NULL);
	if (impossible.len > 0)
		observe_problem(obs, RULE_RELATION_KIND, STATE_UNMET,
						psprintf("a relation that allows %s", wanted.data),
						psprintf("a %s that does not allow %s",
								 relation_kind_label(relkind), impossible.data),
						relid, NULL);
	(void) observe_bodies(req, obs);
}
