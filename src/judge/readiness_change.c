/*
 * readiness_change.c
 *		Which versions are ready to run, before and after a transaction.
 *
 * A judgement looks at the versions of an app only if a requirement of one of
 * them has become met or unmet.  What it finds before it saves anything is
 * remembered to the end of the transaction and compared with what is stored then: only
 * the net effect counts.
 */
#include "postgres.h"

#include "base/shown.h"
#include "judge/judge_internal.h"
#include "utils/snapmgr.h"

/* Has the app one of the versions that are given by index? */
static bool
app_moves(List *tracked, const Bitmapset *movers, int64 app_id)
{
	int			index = -1;

	while ((index = bms_next_member(movers, index)) >= 0)
	{
		if (((Version *) list_nth(tracked, index))->app_id == app_id)
			return true;
	}
	return false;
}

List *
runnable_versions(List *tracked, const Bitmapset *movers)
{
	List	   *result = NIL;

	for (int index = list_length(tracked) - 1; index >= 0; index--)
	{
		Version    *version = list_nth(tracked, index);
		bool		live;
		RunnableVersion *runnable;

		if (!app_moves(tracked, movers, version->app_id))
			continue;
		live = registry_version_is_live(version, false);
		if (!live && !registry_is_rollback_target(tracked, version))
			continue;
		runnable = palloc_object(RunnableVersion);
		runnable->version_id = version->id;
		runnable->app = version->app ? version->app : registry_app_name(version->app_id);
		runnable->version = version->name;
		runnable->live = live;
		runnable->ran = registry_version_is_ready(version->id);
		result = lappend(result, runnable);
	}
	return result;
}

static bool
is_among(List *versions, int64 version_id)
{
	ListCell   *lc;

	foreach(lc, versions)
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

/* The oldest version of an app that could run before, and that can run now. */
typedef struct OldestRunnable
{
	const char *app;
	const char *from;			/* NULL: none */
	const char *to;				/* NULL: none */
} OldestRunnable;

/* Return the entry of an app, a new one if it has none. */
static OldestRunnable *
oldest_runnable_of(List **floors, const char *app)
{
	OldestRunnable *oldest;
	ListCell   *lc;

	foreach(lc, *floors)
	{
		oldest = lfirst(lc);
		if (strcmp(oldest->app, app) == 0)
			return oldest;
	}
	oldest = palloc0_object(OldestRunnable);
	oldest->app = app;
	*floors = lappend(*floors, oldest);
	return oldest;
}

static char *
oldest_runnable_json(const OldestRunnable *oldest)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	json_append_member(&buf, "app", oldest->app);
	json_append_member(&buf, "from", oldest->from);
	json_append_member(&buf, "to", oldest->to);
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

	/*
	 * At commit no snapshot is active any more, and long values could not be
	 * read.
	 */
	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(lc, runnable)
	{
		const RunnableVersion *before = lfirst(lc);
		OldestRunnable *oldest = oldest_runnable_of(&all, before->app);
		bool		now = registry_version_is_ready(before->version_id);

		if (before->ran && oldest->from == NULL)
			oldest->from = before->version;
		if (now && oldest->to == NULL)
			oldest->to = before->version;
		if (now && !before->ran && before->live)
			*now_ready = lappend(*now_ready,
								 psprintf("%s %s", shown(before->app), shown(before->version)));
	}
	PopActiveSnapshot();

	foreach(lc, all)
	{
		OldestRunnable *oldest = lfirst(lc);

		if (oldest->from != oldest->to) /* pointers into one list */
			*floors = lappend(*floors, oldest_runnable_json(oldest));
	}
}
