/*
 * dual_write.c
 *		The trigger function that writes both columns of an expansion.
 *
 * Which side a statement has written is told by the values alone: not by who connects,
 * nor by a search path.  An old version does not know the new column, so
 *
 *	- a null in the new column means that it was not given.  It gets what up gives;
 *	- a value in the new column that the statement has written was written by a version
 *	  that knows both columns: *the new column wins*.  If the columns agree anyway,
 *	  up(row) = new or old = down(row), both stay as they were written.  Otherwise the old
 *	  column gets what down gives.  So a client that writes both in a consistent way
 *	  loses nothing where up or down is lossy;
 *	- otherwise, if a column has changed that up reads, the new column gets what up gives;
 *	- if neither side has changed, nothing is computed.  So an UPDATE of another column
 *	  does not fail for a row that cannot be migrated.
 *
 * On INSERT a column counts as written if it is not null.  "Changed" and "agree" compare
 * values byte by byte and not by the type's equality.  Values that are equal and yet
 * differ, such as two spellings of a citext or 1.0 and 1.00, are different values of the
 * other column; and each type can be compared in this way.
 *
 * Invariant: what a row is when it is stored is what this function has seen.  So no
 * other BEFORE trigger for rows fires after it.  Its name begins with a character that
 * sorts last; damage.c proves that nothing sorts after it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "expand/expand_internal.h"
#include "utils/rel.h"

GUARD_FUNCTION(compat_guard_dual_write);

static Datum
column(const Conversion *conversion, HeapTuple row, AttrNumber attnum, bool *isnull)
{
	return heap_getattr(row, attnum, conversion->desc, isnull);
}

static bool
column_changed(const Conversion *conversion, HeapTuple before, HeapTuple row, AttrNumber attnum)
{
	bool		before_null;
	bool		row_null;
	Datum		before_value = column(conversion, before, attnum, &before_null);
	Datum		row_value = column(conversion, row, attnum, &row_null);

	return !conversion_same(conversion, attnum, before_value, before_null, row_value, row_null);
}

static bool
source_changed(const Conversion *conversion, HeapTuple before, HeapTuple row)
{
	int			attnum = -1;

	while ((attnum = bms_next_member(conversion->sources, attnum)) >= 0)
	{
		if (column_changed(conversion, before, row, attnum))
			return true;
	}
	return false;
}

static HeapTuple
with_column(const Conversion *conversion, HeapTuple row, AttrNumber attnum, Datum value,
			bool isnull)
{
	int			number = attnum;

	return heap_modify_tuple_by_cols(row, conversion->desc, 1, &number, &value, &isnull);
}

static HeapTuple
write_new(Conversion *conversion, HeapTuple row)
{
	bool		isnull;
	Datum		value = conversion_new(conversion, row, &isnull);

	return with_column(conversion, row, conversion->new_attnum, value, isnull);
}

/* The new column was written: let the old one agree. */
static HeapTuple
write_old(Conversion *conversion, HeapTuple row)
{
	bool		old_null;
	bool		new_null;
	bool		down_null;
	bool		up_null;
	Datum		old = column(conversion, row, conversion->old_attnum, &old_null);
	Datum		new = column(conversion, row, conversion->new_attnum, &new_null);
	Datum		down = conversion_down(conversion, row, &down_null);
	Datum		up;

	if (conversion_same(conversion, conversion->old_attnum, down, down_null, old, old_null))
		return row;

	/* What the old column has may be what up cannot read: that is no answer. */
	if (conversion_try_up(conversion, row, &up, &up_null) &&
		conversion_same(conversion, conversion->new_attnum, up, up_null, new, new_null))
		return row;
	return with_column(conversion, row, conversion->old_attnum, down, down_null);
}

/* The new column was set to null: let the old one follow, and see what up makes of that. */
static HeapTuple
write_null(Conversion *conversion, HeapTuple row)
{
	bool		isnull;
	Datum		down = conversion_down(conversion, row, &isnull);

	return write_new(conversion, with_column(conversion, row, conversion->old_attnum,
											 down, isnull));
}

static HeapTuple
write_both(Conversion *conversion, HeapTuple before, HeapTuple row)
{
	bool		new_null = heap_attisnull(row, conversion->new_attnum, conversion->desc);
	bool		new_written = !new_null;
	bool		old_written = true;

	if (before != NULL)
	{
		new_written = column_changed(conversion, before, row, conversion->new_attnum);
		old_written = source_changed(conversion, before, row);
	}
	if (new_written && !new_null)
		return write_old(conversion, row);
	if (new_written && !old_written)
		return write_null(conversion, row);
	return old_written ? write_new(conversion, row) : row;
}

/* The code of users that this runs may write the table, and so come here again. */
static HeapTuple
write_both_as_owner(Conversion *conversion, HeapTuple before, HeapTuple row)
{
	OwnerState	state = owner_enter(conversion->owner);
	HeapTuple	written;

	conversion->in_use = true;
	PG_TRY();
	{
		written = write_both(conversion, before, row);
	}
	PG_FINALLY();
	{
		conversion->in_use = false;
	}
	PG_END_TRY();
	owner_leave(&state);
	return written;
}

/*
 * compat_guard.dual_write(expansion, old_column, new_column) returns trigger
 *
 * BEFORE INSERT OR UPDATE, for each row.
 */
Datum
compat_guard_dual_write(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Conversion *conversion;
	HeapTuple	before = NULL;
	HeapTuple	row;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ||
		trigger->tg_trigger->tgnargs != 3)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be called as compat_guard.expand_column() makes its trigger",
						"compat_guard.dual_write")));
	conversion = conversion_cached(trigger->tg_relation, trigger->tg_trigger->tgargs[0]);
	row = trigger->tg_trigtuple;
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		before = row;
		row = trigger->tg_newtuple;
	}
	if (conversion->needs_owner)
		row = write_both_as_owner(conversion, before, row);
	else
		row = write_both(conversion, before, row);
	conversion_reset(conversion);
	return PointerGetDatum(row);
}
