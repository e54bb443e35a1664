/*
 * login.c
 *		Logins: will the next connection of a version's role begin as before?
 *
 * A role that may no longer log in, and another search_path that its sessions
 * begin with, do not break sessions that are connected.  What the next connection will
 * find is in catalogs that no requirement depends on, so it is compared itself:
 * as it was before the first statement of the transaction that may change it,
 * and as it is when the transaction is judged.
 *
 * Invariant: only what worked before and does not after is a finding.  A search
 * path counts only where it is the one that the contract was registered with: a
 * contract that names another search path gets that in some other way.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/compat.h"
#include "catalog/indexing.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "judge/judge.h"
#include "judge/judge_internal.h"
#include "miscadmin.h"
#include "registry/registry.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

/* ---- may a role log in? ---- */

/* Return why the role may not connect to the database, or NULL. */
static const char *
barred_by_database(Oid roleid)
{
	HeapTuple	tup = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
	const char *why = NULL;

	if (!HeapTupleIsValid(tup))
		return NULL;
	if (!((Form_pg_database) GETSTRUCT(tup))->datallowconn)
		why = "the database allows no connections";
	else if (((Form_pg_database) GETSTRUCT(tup))->datconnlimit == 0 && !superuser_arg(roleid))
		why = "the database has a connection limit of 0";
	ReleaseSysCache(tup);
	if (why == NULL && compat_database_aclcheck(MyDatabaseId, roleid, ACL_CONNECT) != ACLCHECK_OK)
		why = "it lacks the privilege CONNECT on the database";
	return why;
}

/* Return why the role may not log in, or NULL if it may, or does not exist. */
static const char *
barred(const char *role)
{
	HeapTuple	tup = SearchSysCache1(AUTHNAME, CStringGetDatum(role));
	Form_pg_authid form;
	const char *why = NULL;
	Datum		until;
	bool		isnull;

	if (!HeapTupleIsValid(tup))
		return NULL;
	form = (Form_pg_authid) GETSTRUCT(tup);
	until = SysCacheGetAttr(AUTHNAME, tup, Anum_pg_authid_rolvaliduntil, &isnull);
	if (!form->rolcanlogin)
		why = "it is not permitted to log in";
	else if (form->rolconnlimit == 0 && !form->rolsuper)
		why = "it has a connection limit of 0";
	else if (!isnull && DatumGetTimestampTz(until) < GetCurrentTimestamp())
		why = "its password has expired";
	else
		why = barred_by_database(form->oid);
	ReleaseSysCache(tup);
	return why;
}

/* ---- with which search_path does it begin? ---- */

/* Return the search_path in an array of name=value, or NULL. */
static char *
search_path_in(ArrayType *settings)
{
	static const char prefix[] = "search_path=";
	Datum	   *elements;
	int			n;

	deconstruct_array(settings, TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *setting = TextDatumGetCString(elements[i]);

		if (strncmp(setting, prefix, strlen(prefix)) == 0)
			return setting + strlen(prefix);
	}
	return NULL;
}

/* Return the path that is set for a role in a database, or NULL; InvalidOid: for any. */
static char *
search_path_of(Relation rel, Oid database, Oid roleid)
{
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tup;
	char	   *path = NULL;

	ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(database));
	ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(roleid));
	scan = systable_beginscan(rel, DbRoleSettingDatidRolidIndexId, true, NULL, 2, keys);
	if (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		settings = heap_getattr(tup, Anum_pg_db_role_setting_setconfig,
											RelationGetDescr(rel), &isnull);

		if (!isnull)
			path = search_path_in(DatumGetArrayTypeP(settings));
	}
	systable_endscan(scan);
	return path;
}

/* Return the path that sessions of the role begin with, or NULL if none is set. */
static char *
path_set_for(Oid roleid)
{
	Relation	rel = table_open(DbRoleSettingRelationId, AccessShareLock);
	char	   *path = search_path_of(rel, MyDatabaseId, roleid);

	if (path == NULL)
		path = search_path_of(rel, InvalidOid, roleid);
	if (path == NULL)
		path = search_path_of(rel, MyDatabaseId, InvalidOid);
	if (path == NULL)
		path = search_path_of(rel, InvalidOid, InvalidOid);
	table_close(rel, AccessShareLock);
	return path;
}

/*
 * Return the path of the server's configuration.  This session knows it only if none
 * is set for its own role; otherwise it is taken to be the default.
 */
static char *
path_of_server(void)
{
	const char *path = path_set_for(GetSessionUserId()) != NULL ? NULL
	: GetConfigOptionResetString("search_path");

	return pstrdup(path != NULL ? path : "\"$user\", public");
}

static char *
first_search_path(const char *role)
{
	Oid			roleid = get_role_oid(role, true);
	char	   *path = OidIsValid(roleid) ? path_set_for(roleid) : NULL;

	return path != NULL ? path : path_of_server();
}

/* Do the paths name the same schemas in the same order? */
static bool
same_path(const char *a, const char *b)
{
	List	   *names_a;
	List	   *names_b;
	ListCell   *lca;
	ListCell   *lcb;

	if (strcmp(a, b) == 0)
		return true;
	if (!SplitIdentifierString(pstrdup(a), ',', &names_a) ||
		!SplitIdentifierString(pstrdup(b), ',', &names_b) ||
		list_length(names_a) != list_length(names_b))
		return false;
	forboth(lca, names_a, lcb, names_b)
	{
		if (strcmp(lfirst(lca), lfirst(lcb)) != 0)
			return false;
	}
	return true;
}

/* ---- before ---- */

static Login *
find_login(List *logins, const char *role)
{
	ListCell   *lc;

	foreach(lc, logins)
	{
		Login	   *login = lfirst(lc);

		if (strcmp(login->role, role) == 0)
			return login;
	}
	return NULL;
}

List *
logins_now(void)
{
	List	   *logins = NIL;
	ListCell   *lc;

	foreach(lc, registry_live_versions())
	{
		const Version *version = lfirst(lc);
		Login	   *login;

		if (find_login(logins, version->role) != NULL)
			continue;
		login = palloc_object(Login);
		login->role = pstrdup(version->role);
		login->barred = barred(version->role) != NULL;
		login->search_path = first_search_path(version->role);
		logins = lappend(logins, login);
	}
	return logins;
}

/* ---- findings ---- */

static void
add_finding(List **findings, const Version *version, const Requirement *req,
			Problem *problem, const char *statement)
{
	Finding    *finding = palloc0_object(Finding);

	finding->app = registry_app_name(version->app_id);
	finding->version = version->name;
	finding->req = req;
	finding->problem = problem;
	finding->statement = statement;
	finding->action = registry_action(problem->rule, finding->app, false);
	if (finding->action != ACTION_IGNORE)
		*findings = lappend(*findings, finding);
}

/* Add a finding if the role of a version may not log in any more. */
static void
find_login_lost(List **findings, const Version *version, const char *statement)
{
	const char *why = barred(version->role);
	Requirement *req;
	Problem    *problem;

	if (why == NULL)
		return;
	req = palloc0_object(Requirement);
	req->kind = REQUIREMENT_ACCESS;
	req->object = psprintf("to database %s", quote_identifier(get_database_name(MyDatabaseId)));
	req->role = version->role;
	problem = palloc0_object(Problem);
	problem->rule = RULE_LOGIN_LOST;
	problem->state = STATE_UNMET;
	problem->expected = psprintf("role %s to be able to connect", quote_identifier(version->role));
	problem->found = pstrdup(why);
	add_finding(findings, version, req, problem, statement);
}

/* Return the met requirements with the old search path, changed to the new path. */
static Requirement **
with_other_path(const Version *version, const char *path_before, char *path, int *n)
{
	List	   *needed = registry_requirements_of(version->id);
	Requirement **reqs = palloc_array(Requirement *, list_length(needed) + 1);
	ListCell   *lc;

	*n = 0;
	foreach(lc, needed)
	{
		Requirement *req = lfirst(lc);
		StoredState *stored = registry_read_states(&req->id, 1);

		if (stored->state != STATE_MET || !same_path(req->search_path, path_before))
			continue;
		req->search_path = path;
		reqs[(*n)++] = req;
	}
	return reqs;
}

/* Add a finding if a version is broken with the path that sessions now begin with. */
static void
find_path_changed(List **findings, const Version *version, const char *path_before,
				  const char *statement)
{
	char	   *path = first_search_path(version->role);
	VerifyOptions options = {.within_time = true, .last_try = true};
	Requirement **reqs;
	VerifyResult **answers;
	int			n;
	int			broken = 0;
	Requirement *req = NULL;
	Problem    *problem = NULL;

	if (same_path(path_before, path))
		return;
	reqs = with_other_path(version, path_before, path, &n);
	answers = palloc0_array(VerifyResult *, n + 1);
	if (n == 0 || !verify_requirements(reqs, n, options, answers))
		return;
	for (int i = 0; i < n; i++)
	{
		if (answers[i]->state != STATE_UNMET)
			continue;
		if (broken++ == 0)
		{
			req = reqs[i];
			problem = palloc_object(Problem);
			*problem = *(Problem *) linitial(answers[i]->problems);
		}
	}
	if (broken == 0)
		return;
	problem->rule = RULE_SEARCH_PATH_CHANGED;
	problem->subject = NULL;
	problem->expected = psprintf("%s with search_path %s, which sessions of role %s begin with",
								 problem->expected, path, quote_identifier(version->role));
	if (broken > 1)
		problem->found = psprintf("%s (and %d more)", problem->found, broken - 1);
	add_finding(findings, version, req, problem, statement);
}

List *
login_findings(List *before, const char *statement)
{
	List	   *findings = NIL;
	ListCell   *lc;

	if (before == NIL)
		return NIL;
	foreach(lc, registry_live_versions())
	{
		const Version *version = lfirst(lc);
		const Login *login = find_login(before, version->role);

		if (login == NULL)
			continue;
		if (!login->barred)
			find_login_lost(&findings, version, statement);
		find_path_changed(&findings, version, login->search_path, statement);
	}
	return findings;
}
