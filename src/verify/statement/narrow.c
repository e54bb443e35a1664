/*
 * narrow.c
 *		Does a type hold less than another?
 *
 * Only what makes the server refuse a value counts: fewer characters, fewer digits
 * before the point, fewer bits.  Fewer digits after it, or a coarser timestamp, are
 * rounded and refuse nothing.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/statement/statement_internal.h"

typedef enum WidthKind
{
	WIDTH_NONE,
	WIDTH_CHARACTERS,
	WIDTH_BITS,
	WIDTH_DIGITS
} WidthKind;

#define UNLIMITED PG_INT32_MAX

/* How many characters, bits or digits a type takes. */
typedef struct Width
{
	WidthKind	kind;
	bool		is_array;
	bool		exact;			/* bit(n) takes just so many */
	int			takes;			/* it takes any value of so many */
	int			holds;			/* it may hold a value of so many */
} Width;

/* Return a width of so many characters or bits. */
static Width
limited(WidthKind kind, int limit)
{
	Width		width = {.kind = kind, .takes = limit, .holds = limit};

	return width;
}

/* Return a width of digits. */
static Width
digits(int takes, int holds)
{
	Width		width = {.kind = WIDTH_DIGITS, .takes = takes, .holds = holds};

	return width;
}

/* Return the digits before the point; see numeric_typmod_precision() and
 * numeric_typmod_scale(). */
static int
digits_before_point(int32 typmod)
{
	int			precision = ((typmod - VARHDRSZ) >> 16) & 0xffff;
	int			scale = (((typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;

	return precision - scale;
}

/* Return how much a type takes, or the elements of an array. */
static Width
width_of(Oid type, int32 typmod)
{
	Oid			base = wire_type(type, &typmod);
	Oid			element = OidIsValid(base) ? get_element_type(base) : InvalidOid;
	Width		width = {.kind = WIDTH_NONE};

	switch (OidIsValid(element) ? element : base)
	{
		case TEXTOID:
			width = limited(WIDTH_CHARACTERS, UNLIMITED);
			break;
		case VARCHAROID:
		case BPCHAROID:
			width = limited(WIDTH_CHARACTERS, typmod < VARHDRSZ ? UNLIMITED : typmod - VARHDRSZ);
			break;
		case BITOID:
		case VARBITOID:
			width = limited(WIDTH_BITS, typmod < 0 ? UNLIMITED : typmod);
			width.exact = (element == BITOID || base == BITOID) && typmod >= 0;
			break;
		case INT2OID:
			width = digits(4, 5);
			break;
		case INT4OID:
			width = digits(9, 10);
			break;
		case INT8OID:
			width = digits(18, 19);
			break;
		case FLOAT4OID:
			width = digits(38, 39);
			break;
		case FLOAT8OID:
			width = digits(308, 309);
			break;
		case NUMERICOID:
			width = typmod < VARHDRSZ ? digits(UNLIMITED, UNLIMITED)
				: digits(digits_before_point(typmod), digits_before_point(typmod));
			break;
	}
	width.is_array = OidIsValid(element);
	return width;
}

bool
type_is_narrower(Oid type, int32 typmod, Oid than, int32 than_typmod)
{
	Width		width = width_of(type, typmod);
	Width		other = width_of(than, than_typmod);

	if (width.kind == WIDTH_NONE || width.kind != other.kind ||
		width.is_array != other.is_array)
		return false;
	if (width.takes == other.takes && width.holds == other.holds)
		return width.exact && !other.exact;
	return width.exact || other.holds > width.takes;
}
