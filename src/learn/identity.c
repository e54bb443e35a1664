/*
 * identity.c
 *		Who a session says it is: by compat_guard.app and compat_guard.version, or by its
 *		application_name.
 *
 * Any session may set these, so they are believed of a role only that may register
 * versions of the app.  What cannot be a name is ignored, and never an error: the
 * setting may stand in a connection string.
 */
#include "postgres.h"

#include "base/guard_active.h"
#include "base/guc.h"
#include "common/hashfn.h"
#include "learn/learn_internal.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "registry/registry.h"
#include "utils/guc.h"

static Identity identity;
static bool identified = false;
static const char *problem = NULL;
static uint64 seen_generation = 0;
static char seen_application_name[NAMEDATALEN];

/* Copy a name of n bytes; return false if it cannot be one. */
static bool
copy_name(char *to, const char *from, size_t n)
{
	if (n == 0 || n > MAX_IDENTITY_BYTES)
		return false;
	for (size_t i = 0; i < n; i++)
	{
		if ((unsigned char) from[i] < ' ' || from[i] == 0x7f)
			return false;
	}
	memcpy(to, from, n);
	to[n] = '\0';
	return pg_verifymbstr(to, n, true);
}

/* Match a name with a pattern such as "%a@%v"; return false if it does not match. */
static bool
match_pattern(const char *pattern, const char *name)
{
	const char *app = strstr(pattern, "%a");
	const char *version = strstr(pattern, "%v");
	size_t		before = app - pattern;
	char		between[NAMEDATALEN];
	const char *end;
	size_t		suffix = strlen(version + 2);

	if (version - app - 2 >= sizeof(between) || strncmp(name, pattern, before) != 0)
		return false;
	snprintf(between, sizeof(between), "%.*s", (int) (version - app - 2), app + 2);
	name += before;
	end = strstr(name, between);
	if (end == NULL || !copy_name(identity.app, name, end - name))
		return false;
	name = end + strlen(between);
	return strlen(name) > suffix &&
		strcmp(name + strlen(name) - suffix, version + 2) == 0 &&
		copy_name(identity.version, name, strlen(name) - suffix);
}

/* Find out who the session says it is. */
static bool
identify(void)
{
	problem = NULL;
	identity.by_lease = false;
	if (guard_app != NULL && guard_app[0] != '\0')
	{
		if (guard_version == NULL || guard_version[0] == '\0')
			return false;
		if (!copy_name(identity.app, guard_app, strlen(guard_app)))
			problem = "compat_guard.app must have 1 to 200 bytes, and no control characters";
		else if (!copy_name(identity.version, guard_version, strlen(guard_version)))
			problem = "compat_guard.version must have 1 to 200 bytes, and no control characters";
		return problem == NULL;
	}
	identity.by_lease = true;
	return guard_application_name_pattern[0] != '\0' &&
		match_pattern(guard_application_name_pattern, application_name);
}

const Identity *
identity_now(bool *changed, const char **why)
{
	if (seen_generation != guard_identity_generation ||
		strcmp(seen_application_name, application_name) != 0)
	{
		seen_generation = guard_identity_generation;
		snprintf(seen_application_name, sizeof(seen_application_name), "%s", application_name);
		identified = identify();
		if (identified)
			identity.hash = (uint64) registry_claim_key(identity.app, identity.version);
		*changed = true;
	}
	*why = problem;
	return identified ? &identity : NULL;
}

const char *
identity_refusal(const Identity *id)
{
	App		   *app;
	Oid			save_userid;
	int			save_sec_context;
	bool		owns;

	if (!registry_may_register(GetSessionUserId()))
		return "its role is not entrusted";
	if (!registry_try_lock(REGISTRY_LOCK_AGAINST_DROP))
		return "the extension is being dropped or updated";
	if (!registry_try_read("app"))
		return "the registry is locked";
	app = registry_find_app(id->app);
	if (app == NULL)
		return NULL;
	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	SetUserIdAndSecContext(GetSessionUserId(), save_sec_context | SECURITY_LOCAL_USERID_CHANGE);
	owns = registry_owns_app(app);
	SetUserIdAndSecContext(save_userid, save_sec_context);
	return owns ? NULL : "the app belongs to another role";
}
