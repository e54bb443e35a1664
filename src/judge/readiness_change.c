/*
 * readiness_change.c
 *		Which versions run, before and after.
 *
 * A judgement looks at the versions of an app only where a requirement of one of
 * them has come to be met or unmet.  What it finds before it saves anything is
 * kept to the end of the transaction and compared with what is stored then: what
 * counts is the net effect.
 */
#include "postgres.h"

#include "base/shown.h"
#include "judge/judge_internal.h"
#include "utils/snapmgr.h"

static bool
runs(int64 version_id)
{
	int64		unmet;
	int64		broken;

	registry_count_unmet(version_id, &unmet, &broken);
	return unmet == 0;
}

static bool
app_moves(List *kept, const Bitmapset *movers, int64 app_id)
{
	int			place = -1;

	while ((place = bms_next_member(movers, place)) >= 0)
	{
		if (((Version *) list_nth(kept, place))->app_id == app_id)
			return true;
	}
	return false;
}

List *
runnable_versions(List *kept, const Bitmapset *movers)
{
	List	   *result = NIL;

	for (int place = list_length(kept) - 1; place >= 0; place--)
	{
		Version    *version = list_nth(kept, place);
		bool		live;
		RunnableVersion *runnable;

		if (!app_moves(kept, movers, version->app_id))
			continue;
		live = registry_version_is_live(version, false);
		if (!live && !registry_is_rollback_target(kept, version))
			continue;
		runnable = palloc_object(RunnableVersion);
		runnable->version_id = version->id;
		runnable->app = version->app ? version->app : registry_app_name(version->app_id);
		runnable->version = version->name;
		runnable->live = live;
		runnable->ran = runs(version->id);
		result = lappend(result, runnable);
	}
	return result;
}

static bool
is_among(List *outlooks, int64 version_id)
{
	ListCell   *lc;

	foreach(lc, outlooks)
	{
		if (((RunnableVersion *) lfirst(lc))->version_id == version_id)
			return true;
	}
	return false;
}

List *
runnable_merge(List *first, List *second)
{
	ListCell   *lc;

	foreach(lc, second)
	{
		const RunnableVersion *runnable = lfirst(lc);
		RunnableVersion *copy;

		if (is_among(first, runnable->version_id))
			continue;
		copy = palloc_object(RunnableVersion);
		*copy = *runnable;
		copy->app = pstrdup(runnable->app);
		copy->version = pstrdup(runnable->version);
		first = lappend(first, copy);
	}
	return first;
}

/* The oldest of an app that ran before, and that runs now. */
typedef struct OldestRunnable
{
	const char *app;
	const char *from;			/* NULL: none */
	const char *to;				/* ditto */
} OldestRunnable;

static OldestRunnable *
oldest_runnable_of(List **floors, const char *app)
{
	OldestRunnable *floor;
	ListCell   *lc;

	foreach(lc, *floors)
	{
		floor = lfirst(lc);
		if (strcmp(floor->app, app) == 0)
			return floor;
	}
	floor = palloc0_object(OldestRunnable);
	floor->app = app;
	*floors = lappend(*floors, floor);
	return floor;
}

static char *
oldest_runnable_json(const OldestRunnable *floor)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	json_append_member(&buf, "app", floor->app);
	json_append_member(&buf, "from", floor->from);
	json_append_member(&buf, "to", floor->to);
	appendStringInfoChar(&buf, '}');
	return buf.data;
}

void
runnable_compare(List *runnable, List **now_ready, List **floors)
{
	List	   *all = NIL;
	ListCell   *lc;

	*now_ready = *floors = NIL;
	if (runnable == NIL)
		return;

	/* At commit there is none any more, and long values could not be read. */
	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(lc, runnable)
	{
		const RunnableVersion *before = lfirst(lc);
		OldestRunnable *floor = oldest_runnable_of(&all, before->app);
		bool		now = runs(before->version_id);

		if (before->ran && floor->from == NULL)
			floor->from = before->version;
		if (now && floor->to == NULL)
			floor->to = before->version;
		if (now && !before->ran && before->live)
			*now_ready = lappend(*now_ready,
								 psprintf("%s %s", shown(before->app), shown(before->version)));
	}
	PopActiveSnapshot();

	foreach(lc, all)
	{
		OldestRunnable *floor = lfirst(lc);

		if (floor->from != floor->to)	/* names of versions in one list */
			*floors = lappend(*floors, oldest_runnable_json(floor));
	}
}
