/*
 * replacement.c
 *		A version takes the place of another of its app.
 *
 * A replaced version is live while instances of it are seen, and for no other reason:
 * see live.c.  Each of the two rows has the name of the other version.  The name stays
 * when the other row is deleted, so a session that registers again need not write.
 */
#include "postgres.h"

#include "api/api.h"

bool
replacement_is_known(const App *app, const Version *version, const char *replaces)
{
	const Version *replaced;

	if (replaces == NULL)
		return true;
	if (version->replaces == NULL || strcmp(version->replaces, replaces) != 0)
		return false;
	replaced = registry_find_version(app, replaces);
	return replaced == NULL || replaced->retired || replaced->replaced_by != NULL;
}

Version *
replacement_lock(const App *app, const Version *version, const char *replaces)
{
	if (version != NULL && replacement_is_known(app, version, replaces))
		return NULL;
	for (;;)
	{
		Version    *seen = require_version(app, replaces);
		Version    *replaced;

		/* Lock in the order of ids: each may be replacing the other. */
		if (version != NULL && version->id < seen->id)
			registry_lock_row(version->id);
		registry_lock_row(seen->id);
		if (version != NULL)
			registry_lock_row(version->id);
		replaced = require_version(app, replaces);
		if (replaced->id == seen->id)
			return replaced;
	}
}

void
replacement_note(int64 version_id, const char *name, const Version *replaced)
{
	Version    *version;

	if (replaced == NULL)
		return;
	registry_lock(REGISTRY_LOCK_REGISTRATION);
	version = registry_load_version(version_id);
	if (version != NULL)
		registry_set_replaces(version, replaced->name);
	if (!replaced->retired)
		registry_set_replaced_by(replaced, name);
	CommandCounterIncrement();
}

void
replacement_take_back(const Version *version)
{
	registry_lock_row(version->id);
	registry_lock(REGISTRY_LOCK_REGISTRATION);
	registry_set_replaced_by(version, NULL);
	CommandCounterIncrement();
}
