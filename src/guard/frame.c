/*
 * frame.c
 *		The statements that are running, one frame each.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/compat.h"
#include "guard/guard_internal.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/autovacuum.h"
#include "utils/memutils.h"

static StatementFrame *current_frame = NULL;
static StatementFrame loading_frame;	/* see frame_enter_loading */
static SubTransactionId loading_subid;

StatementFrame *
frame_enter(StatementFrame *frame)
{
	frame->outer = current_frame;
	current_frame = frame;
	return frame->outer;
}

void
frame_leave(StatementFrame *outer)
{
	current_frame = outer;
}

StatementFrame *
frame_current(void)
{
	return current_frame;
}

bool
frame_collects(void)
{
	/* Autovacuum vacuums and drops orphaned temporary tables by itself. */
	if (current_frame == NULL)
		return !compat_am_autovacuum_worker();
	return !current_frame->is_quiet;
}

bool
frame_is_ddl(void)
{
	return current_frame != NULL && current_frame->is_ddl;
}

/* ---- the text of a statement ---- */

#define STATEMENT_SHOWN 1000	/* bytes of a statement worth keeping */

char *
frame_text(const StatementFrame *frame)
{
	const char *text = frame->text;
	int			length;

	if (text != NULL)
		length = strlen(text);
	else if (frame->source == NULL)
		return NULL;
	else
		text = statement_excerpt(frame->source, frame->location, frame->length, &length);

	return pnstrdup(text, pg_mbcliplen(text, length, STATEMENT_SHOWN));
}

/* ---- the statement that loaded the library ---- */

void
frame_enter_loading(const StatementFrame *frame)
{
	/* Both may outlive the message that the statement came in. */
	static char *shown = NULL;
	char	   *text = frame_text(frame);

	if (shown != NULL)
		pfree(shown);
	shown = NULL;
	if (text != NULL)
		shown = MemoryContextStrdup(TopMemoryContext, text);
	loading_frame = *frame;
	loading_frame.source = NULL;
	loading_frame.text = shown;
	loading_subid = GetCurrentSubTransactionId();
	(void) frame_enter(&loading_frame);
}

StatementFrame *
frame_leave_loading(void)
{
	if (current_frame != &loading_frame)
		return NULL;
	frame_leave(loading_frame.outer);
	return &loading_frame;
}

void
frame_transaction_end(bool committed)
{
	if (!committed || !loading_frame.commits)
		(void) frame_leave_loading();
}

void
frame_subtransaction_abort(SubTransactionId mine)
{
	if (loading_subid == mine)
		(void) frame_leave_loading();
}
