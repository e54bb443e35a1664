/*
 * accepted_type.c
 *		May a column of one type be used where the contract expects another?
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
#include "verify/catalog/catalog.h"
#include "verify/kinds/kinds_internal.h"
#include "verify/result/result.h"

/* The type of a column, taken apart. */
typedef struct ColumnType
{
	Oid			oid;
	int32		typmod;			/* of the elements, for an array */
	bool		is_array;
} ColumnType;

/* Take a type apart as far as it matters for what a driver sees. */
static bool
column_type(Oid oid, int32 typmod, ColumnType *type)
{
	Oid			element;

	type->typmod = typmod;
	type->oid = wire_type(oid, &type->typmod);
	if (!OidIsValid(type->oid))
		return false;
	element = get_element_type(type->oid);
	type->is_array = OidIsValid(element);
	if (type->is_array)
		type->oid = element;
	return true;
}

/* Look a type up by name and take it apart. */
static bool
column_type_by_name(const char *name, ColumnType *type)
{
	int32		typmod;
	Oid			oid = type_by_name(name, &typmod);

	return OidIsValid(oid) && column_type(oid, typmod, type);
}

/* Does a numeric column take all values that it took before? same_scale: and print them
 * with as many digits?  The layout is numeric.c's. */
static bool
numeric_is_wider(int32 before, int32 now, bool same_scale)
{
	int			precision_before = ((before - VARHDRSZ) >> 16) & 0xffff;
	int			precision_now = ((now - VARHDRSZ) >> 16) & 0xffff;
	int			scale_before = (((before - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
	int			scale_now = (((now - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;

	if (before == now)
		return true;
	if (now == -1)
		return !same_scale;
	if (before == -1)
		return false;
	if (same_scale && scale_before != scale_now)
		return false;
	return scale_now >= scale_before &&
		precision_now - scale_now >= precision_before - scale_before;
}

/* Is a length limit as it was, larger, or gone? */
static bool
length_is_wider(int32 before, int32 now)
{
	return now == -1 || (before != -1 && now >= before);
}

/* Return the precision of a time or timestamp. */
static int32
time_precision(int32 typmod)
{
	return typmod == -1 ? MAX_TIMESTAMP_PRECISION : typmod;
}

/* Can the type "now" hold all that "before" could, the wire types being the same?
 * exactly: the contract gave the modifier, so what is printed has to stay too. */
static bool
modifier_is_wider(const ColumnType *before, const ColumnType *now, bool exactly)
{
	switch (before->oid)
	{
		case TEXTOID:
		case VARCHAROID:
		case VARBITOID:
			return length_is_wider(before->typmod, now->typmod);
		case NUMERICOID:
			return numeric_is_wider(before->typmod, now->typmod, exactly);
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return time_precision(now->typmod) >= time_precision(before->typmod);
		default:
			if (exactly || before->typmod == -1)
				return now->typmod == before->typmod;

			/* Nobody knows which of two other modifiers is the wider. */
			return true;
	}
}

bool
type_holds_baseline_type(const char *kept, Oid oid, int32 typmod, bool exactly)
{
	ColumnType	before,
				now;

	/* A type that is gone cannot be asked; another type is for other rules. */
	if (!column_type_by_name(kept, &before) || !column_type(oid, typmod, &now) ||
		type_match(before.oid, now.oid) == TYPE_OTHER)
		return true;

	/* Without a modifier a type holds all that it held with one. */
	if (now.typmod == -1 && !exactly)
		return true;
	return modifier_is_wider(&before, &now, exactly);
}

bool
type_is_accepted(const NamedType *named, const char *at_registration,
				 Oid oid, int32 typmod)
{
	ColumnType	accepted,
				now;

	if (type_match(named->oid, oid) == TYPE_OTHER ||
		!column_type(named->oid, named->typmod, &accepted) ||
		!column_type(oid, typmod, &now))
		return false;

	/* The contract gives a modifier, or is text, which has none. */
	if (accepted.typmod != -1 || accepted.oid != now.oid)
		return modifier_is_wider(&accepted, &now, true);
	return at_registration == NULL || type_holds_baseline_type(at_registration, oid, typmod, false);
}
