/*
 * change_set.c
 *		The set of objects that the current transaction's DDL has touched.
 *
 * An entry that a subtransaction made is dropped when that is rolled back.  What
 * the subtransaction added to older entries stays: to collect too much only costs
 * a verification.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/compat.h"
#include "base/object.h"
#include "base/subtransaction.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "expand/expand.h"
#include "guard/guard.h"
#include "guard/guard_internal.h"
#include "storage/proc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

const HashedCache hashed_caches[N_HASHED_CACHES] = {
	{FOREIGNDATAWRAPPEROID, ForeignDataWrapperRelationId, Anum_pg_foreign_data_wrapper_oid},
	{FOREIGNSERVEROID, ForeignServerRelationId, Anum_pg_foreign_server_oid},
	{LANGOID, LanguageRelationId, Anum_pg_language_oid},
	{NAMESPACEOID, NamespaceRelationId, Anum_pg_namespace_oid},
	{PROCOID, ProcedureRelationId, Anum_pg_proc_oid},
	{TYPEOID, TypeRelationId, Anum_pg_type_oid}
};

static ChangeSet *change = NULL;	/* NULL: nothing yet */
static int	previews = 0;		/* sets put aside by change_replace */
static int	running_script_number = 0;	/* see change_script_number */

ChangeSet *
change_current(void)
{
	return change;
}

/* Make the set if there is none. */
static void
make_set(void)
{
	static uint64 sets = 0;
	HASHCTL		ctl = {.keysize = sizeof(TouchedKey), .entrysize = sizeof(TouchedEntry)};
	MemoryContext context;

	if (change != NULL)
		return;
	context = AllocSetContextCreate(TopMemoryContext, "compat_guard touched objects",
									ALLOCSET_SMALL_SIZES);
	ctl.hcxt = context;
	change = MemoryContextAllocZero(context, sizeof(ChangeSet));
	change->context = context;
	change->number = ++sets;
	change->entries = hash_create("compat_guard touched objects", 64, &ctl,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* ---- statements ---- */

/* Append a statement to a list of the set, unless it is the last one there, or NULL. */
static List *
append_statement(List *statements, ChangeStatement *statement)
{
	MemoryContext old = MemoryContextSwitchTo(change->context);

	if (statement != NULL && (statements == NIL || llast(statements) != statement))
		statements = lappend(statements, statement);
	MemoryContextSwitchTo(old);
	return statements;
}

/* Return the statement of the set that a frame has, or NULL. */
static ChangeStatement *
statement_of_frame(const StatementFrame *frame)
{
	return change != NULL && frame->set == change->number ? frame->statement : NULL;
}

ChangeStatement *
change_statement(void)
{
	StatementFrame *frame = frame_current();
	ChangeStatement *statement;
	MemoryContext old;

	if (frame == NULL || (frame->source == NULL && frame->text == NULL))
		return NULL;
	make_set();
	statement = statement_of_frame(frame);
	if (statement != NULL && !statement->undone)
		return statement;

	old = MemoryContextSwitchTo(change->context);
	statement = palloc_object(ChangeStatement);
	statement->number = list_length(change->statements);
	statement->text = frame_text(frame);
	statement->subid = GetCurrentSubTransactionId();
	statement->undone = false;
	statement->script_number = running_script_number;
	MemoryContextSwitchTo(old);
	change->statements = append_statement(change->statements, statement);
	frame->statement = statement;
	frame->set = change->number;
	return statement;
}

/*
 * Was the hazard found before?  A preview runs a statement again until it meets no large table
 * with rows any more.
 */
static bool
hazard_is_known(const Finding *finding)
{
	ListCell   *lc;

	foreach(lc, change->hazards)
	{
		const Finding *known = lfirst(lc);

		if (known->script_number == finding->script_number &&
			known->problem->rule == finding->problem->rule &&
			strcmp(known->problem->found ? known->problem->found : "",
				   finding->problem->found ? finding->problem->found : "") == 0)
			return true;
	}
	return false;
}

void
change_add_hazards(List *findings)
{
	MemoryContext old;
	ListCell   *lc;

	make_set();
	foreach(lc, findings)
	{
		Finding    *finding = lfirst(lc);

		finding->script_number = running_script_number;
		if (hazard_is_known(finding))
			findings = foreach_delete_current(findings, lc);
	}
	old = MemoryContextSwitchTo(change->context);
	change->hazards = list_concat(change->hazards, findings);
	MemoryContextSwitchTo(old);
}

void
change_hide_outer(StatementFrame *frame)
{
	for (frame = frame->outer; frame != NULL; frame = frame->outer)
	{
		ChangeStatement *statement = statement_of_frame(frame);

		frame->text = STATEMENT_HIDDEN;
		if (statement != NULL)
			statement->text = STATEMENT_HIDDEN;
	}
}

/* ---- objects ---- */

TouchedEntry *
change_add_entry(Oid classid, uint32 id)
{
	TouchedKey	key = {classid, id};
	TouchedEntry *entry;
	bool		found;

	make_set();
	entry = hash_search(change->entries, &key, HASH_ENTER, &found);
	if (!found)
	{
		entry->is_own = false;
		entry->subid = GetCurrentSubTransactionId();
		entry->names = NIL;
		entry->statements = NIL;
	}
	entry->statements = append_statement(entry->statements, change_statement());
	return entry;
}

ObjectName *
change_new_name(const TouchedEntry *entry)
{
	ObjectName *key = object_name(entry->key.classid, entry->key.id);
	ListCell   *lc;

	foreach(lc, entry->names)
	{
		if (key != NULL && object_name_equal(key, lfirst(lc)))
			return NULL;
	}
	return key;
}

/* Remember what an object is called before it changes. */
static void
add_name(TouchedEntry *entry)
{
	MemoryContext old = MemoryContextSwitchTo(change->context);
	ObjectName *key = change_new_name(entry);

	if (key != NULL)
		entry->names = lappend(entry->names, key);
	MemoryContextSwitchTo(old);
}

void
change_created(Oid classid, Oid objid)
{
	change_add_entry(classid, objid)->is_own = true;
}

void
change_object(Oid classid, Oid objid)
{
	TouchedEntry *entry = change_add_entry(classid, objid);

	entry->is_own = true;
	add_name(entry);
}

void
change_guard(void)
{
	MemoryContext old;

	make_set();
	if (change->guard_before != NULL)
		return;
	old = MemoryContextSwitchTo(change->context);
	change->guard_before = palloc_object(GuardParts);
	*change->guard_before = guard_parts();
	MemoryContextSwitchTo(old);
}

void
change_logins(void)
{
	MemoryContext old;

	make_set();
	(void) change_statement();
	if (change->logins_before != NIL)
		return;
	old = MemoryContextSwitchTo(change->context);
	change->logins_before = logins_now();
	MemoryContextSwitchTo(old);
}

/*
 * This is not in the set: it makes no transaction one that has changed anything.
 */
static List *expansions_before = NIL;	/* in TopTransactionContext */
static LocalTransactionId expansions_of = InvalidLocalTransactionId;

List *
change_expansions_before(void)
{
	return expansions_of == compat_my_lxid() ? expansions_before : NIL;
}

static void
note_expansions(void *arg)
{
	expansions_before = expansions_intact();
}

/* An error is left to the judgement, which reads the registry, too. */
void
change_expansions(void)
{
	MemoryContext old;
	ErrorData  *edata;

	if (change_expansions_before() != NIL)
		return;
	old = MemoryContextSwitchTo(TopTransactionContext);
	expansions_before = NIL;
	edata = subtransaction_run(note_expansions, NULL, false);
	expansions_of = compat_my_lxid();
	MemoryContextSwitchTo(old);
	if (edata != NULL && error_is_interruption(edata))
		ReThrowError(edata);
}

bool
change_anything(void)
{
	return change != NULL;
}

void
change_clear(void)
{
	if (change != NULL)
		MemoryContextDelete(change->context);
	change = NULL;
	expansions_of = InvalidLocalTransactionId;
}

/* ---- previews and subtransactions ---- */

bool
change_in_preview(void)
{
	return previews > 0;
}

int
change_script_number(int number)
{
	int			former = running_script_number;

	running_script_number = number;
	return former;
}

ChangeSet *
change_replace(void)
{
	ChangeSet  *set = change;

	change = NULL;
	previews++;
	return set;
}

void
change_restore(ChangeSet *set)
{
	if (change != NULL)
		MemoryContextDelete(change->context);
	change = set;
	previews--;
}

void
change_subtransaction_end(SubTransactionId mine, SubTransactionId parent)
{
	HASH_SEQ_STATUS seq;
	TouchedEntry *entry;
	ListCell   *lc;

	if (change == NULL)
		return;
	foreach(lc, change->statements)
	{
		ChangeStatement *statement = lfirst(lc);

		if (statement->subid != mine)
			continue;
		if (parent != InvalidSubTransactionId)
			statement->subid = parent;
		else
			statement->undone = true;
	}
	hash_seq_init(&seq, change->entries);
	while ((entry = hash_seq_search(&seq)) != NULL)
	{
		if (entry->subid != mine)
			continue;
		if (parent != InvalidSubTransactionId)
			entry->subid = parent;
		else
			hash_search(change->entries, &entry->key, HASH_REMOVE, NULL);
	}
}
