/*
 * owner.c
 *		Run up and down of an expansion as the owner of its table.
 *
 * What they give must depend on the row alone: the trigger, the backfill and the
 * verification have to find the same.  So the settings by which values are read and
 * printed are fixed, too.
 */
#include "postgres.h"

#include "expand/expand_internal.h"
#include "miscadmin.h"
#include "utils/guc.h"

static const struct
{
	const char *name;
	const char *value;
}			fixed[] = {
	{"search_path", "pg_catalog, pg_temp"},
	{"DateStyle", "ISO, MDY"},
	{"IntervalStyle", "postgres"},
	{"TimeZone", "UTC"},
	{"extra_float_digits", "1"},
	{"bytea_output", "hex"},
	{"lc_monetary", "C"},
	{"lc_numeric", "C"},
	{"lc_time", "C"},
	{"array_nulls", "on"},
	{"xmlbinary", "base64"},
	{"xmloption", "content"},
	{"row_security", "on"}
};

OwnerState
owner_enter(Oid owner)
{
	OwnerState	state;

	GetUserIdAndSecContext(&state.user, &state.security);
	SetUserIdAndSecContext(owner, state.security | SECURITY_RESTRICTED_OPERATION);
	state.settings = NewGUCNestLevel();
	for (int i = 0; i < lengthof(fixed); i++)
	{
		if (strcmp(GetConfigOption(fixed[i].name, false, false), fixed[i].value) != 0)
			(void) set_config_option(fixed[i].name, fixed[i].value, PGC_USERSET,
									 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	}
	return state;
}

void
owner_leave(const OwnerState *state)
{
	AtEOXact_GUC(false, state->settings);
	SetUserIdAndSecContext(state->user, state->security);
}
