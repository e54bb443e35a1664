/*
 * observe.c
 *		What a verifier reports, and how it is kept.
 *
 * Problems, and keys: the names under which to look again when something
 * appears, changes or goes.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"
#include "verify/body.h"
#include "verify/memo.h"
#include "verify/observe.h"

Problem *
observe_problem(Observation *obs, RuleId rule, RequirementState state,
				char *expected, char *found, Oid relid, const char *attname)
{
	Problem    *problem = palloc0_object(Problem);

	problem->rule = rule;
	problem->state = state;
	problem->expected = expected;
	problem->found = found;
	if (OidIsValid(relid))
	{
		problem->relation = get_rel_name(relid);
		if (problem->relation != NULL)
			problem->schema = get_namespace_name(get_rel_namespace(relid));
	}
	if (attname != NULL)
		problem->column = pstrdup(attname);

	obs->problems = lappend(obs->problems, problem);
	obs->state = Max(obs->state, state);
	return problem;
}

bool
observation_is_denied(const Observation *obs)
{
	ListCell   *lc;

	foreach(lc, obs->problems)
	{
		if (((Problem *) lfirst(lc))->rule == RULE_PRIVILEGE_LOST)
			return true;
	}
	return false;
}

static void
observe_key(Observation *obs, Oid classid, const char *schema, const char *name,
			bool found)
{
	ObjectKey	key = {classid, (char *) schema, (char *) name, found};
	ObjectKey  *copy;
	ListCell   *lc;

	/* See observe_object. */
	if (strcmp(schema, "pg_catalog") == 0 || strcmp(schema, "information_schema") == 0)
		return;

	foreach(lc, obs->keys)
	{
		ObjectKey  *other = lfirst(lc);

		if (object_key_equal(&key, other))
		{
			other->found |= found;
			return;
		}
	}
	copy = palloc_object(ObjectKey);
	*copy = key;
	copy->schema = pstrdup(schema);
	copy->name = pstrdup(name);
	obs->keys = lappend(obs->keys, copy);
}

void
observe_name(Observation *obs, Oid classid, const char *schema, const char *name)
{
	List	   *path;
	ListCell   *lc;

	if (schema != NULL)
	{
		observe_key(obs, classid, schema, name, false);
		return;
	}

	/* By name: a schema that is created later may take the name over. */
	if (!SplitIdentifierString(pstrdup(namespace_search_path), ',', &path))
		return;
	foreach(lc, path)
	{
		const char *entry = lfirst(lc);

		if (strcmp(entry, "$user") == 0)
			entry = GetUserNameFromId(GetUserId(), false);
		else if (strcmp(entry, "pg_temp") == 0)
			continue;
		observe_key(obs, classid, entry, name, false);
	}
}

/* NULL if it is temporary or gone. */
static ObjectKey *
relation_key(Oid relid)
{
	static struct
	{
		MemoMoment	moment;
		Oid			relid;
		ObjectKey  *key;
	}			last;

	if (!memo_is_current(&last.moment) || last.relid != relid)
	{
		MemoryContext old = MemoryContextSwitchTo(memo_context());

		last.relid = InvalidOid;
		last.key = NULL;
		last.key = object_key(RelationRelationId, relid);
		last.relid = relid;
		MemoryContextSwitchTo(old);
	}
	return last.key;
}

/* A view, and a SECURITY DEFINER routine, are as good as the rights of their owners. */
static Oid
acts_as(Oid classid, Oid objid)
{
	HeapTuple	tup;
	Oid			owner = InvalidOid;

	if (classid == RelationRelationId)
	{
		tup = SearchSysCache1(RELOID, ObjectIdGetDatum(objid));
		if (HeapTupleIsValid(tup) && ((Form_pg_class) GETSTRUCT(tup))->relkind == RELKIND_VIEW)
			owner = ((Form_pg_class) GETSTRUCT(tup))->relowner;
	}
	else if (classid == ProcedureRelationId)
	{
		tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(objid));
		if (HeapTupleIsValid(tup) && ((Form_pg_proc) GETSTRUCT(tup))->prosecdef)
			owner = ((Form_pg_proc) GETSTRUCT(tup))->proowner;
	}
	else
		return InvalidOid;
	if (HeapTupleIsValid(tup))
		ReleaseSysCache(tup);
	return owner;
}

void
observe_object(Observation *obs, Oid classid, Oid objid)
{
	ObjectKey  *key;
	Oid			role;

	/* The server's own objects do not change under an application. */
	if (objid < FirstNormalObjectId && classid != AuthIdRelationId &&
		classid != NamespaceRelationId)
		return;
	key = classid == RelationRelationId ? relation_key(objid) : object_key(classid, objid);
	if (key != NULL)
		observe_key(obs, classid, key->schema, key->name ? key->name : "", true);
	if (OidIsValid(role = acts_as(classid, objid)))
		observe_object(obs, AuthIdRelationId, role);
}

void
observe_column(Observation *obs, Oid relid, const char *attname)
{
	ObjectKey  *key = relation_key(relid);

	if (key != NULL)
		observe_key(obs, AttributeRelationId, key->schema,
					psprintf("%s.%s", key->name, attname), true);
}

void
observe_keys(Observation *obs, List *keys)
{
	ListCell   *lc;

	foreach(lc, keys)
	{
		ObjectKey  *key = lfirst(lc);

		observe_key(obs, key->classid, key->schema, key->name, key->found);
	}
}

/* ---- to outlive the context it was made in ---- */

static char *
copy_text(const char *text)
{
	return text ? pstrdup(text) : NULL;
}

void
keep_keys(List **kept, List *keys)
{
	ListCell   *lc;

	foreach(lc, keys)
	{
		ObjectKey  *key = palloc_object(ObjectKey);

		*key = *(ObjectKey *) lfirst(lc);
		key->schema = copy_text(key->schema);
		key->name = copy_text(key->name);
		*kept = lappend(*kept, key);
	}
}

Observation *
observation_copy(const Observation *obs)
{
	Observation *kept = palloc0_object(Observation);
	ListCell   *lc;

	kept->state = obs->state;
	foreach(lc, obs->problems)
	{
		Problem    *problem = palloc_object(Problem);

		*problem = *(Problem *) lfirst(lc);
		problem->expected = copy_text(problem->expected);
		problem->found = copy_text(problem->found);
		problem->sqlstate = copy_text(problem->sqlstate);
		problem->message = copy_text(problem->message);
		problem->subject = copy_text(problem->subject);
		problem->role = copy_text(problem->role);
		problem->schema = copy_text(problem->schema);
		problem->relation = copy_text(problem->relation);
		problem->column = copy_text(problem->column);
		problem->constraint = copy_text(problem->constraint);
		kept->problems = lappend(kept->problems, problem);
	}
	keep_keys(&kept->keys, obs->keys);
	kept->parts = list_copy(obs->parts);
	foreach(lc, obs->runs)
	{
		RunRoutine *run = palloc_object(RunRoutine);

		*run = *(RunRoutine *) lfirst(lc);
		run->oldtable = copy_text(run->oldtable);
		run->newtable = copy_text(run->newtable);
		kept->runs = lappend(kept->runs, run);
	}
	if (obs->baseline != NULL)
	{
		kept->baseline = palloc(VARSIZE(obs->baseline));
		memcpy(kept->baseline, obs->baseline, VARSIZE(obs->baseline));
	}
	return kept;
}

/* ---- names of states ---- */

static const char *const state_names[] = {
	[STATE_MET] = "met",
	[STATE_UNKNOWN] = "unknown",
	[STATE_UNMET] = "unmet"
};

const char *
state_name(RequirementState state)
{
	return state_names[state];
}

bool
state_by_name(const char *name, RequirementState *state)
{
	for (int i = 0; i < lengthof(state_names); i++)
	{
		if (strcmp(name, state_names[i]) == 0)
		{
			*state = i;
			return true;
		}
	}
	return false;
}
