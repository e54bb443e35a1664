/*
 * typematch.c
 *		May a column of one type be used where another is expected?
 *
 * What counts is what a driver sees, which kept_type.c decides, and what the
 * column can hold: a larger limit takes all that the smaller one took.
 * Everything else is another type: int -> bigint fails in typed drivers,
 * numeric(10,2) -> (10,3) prints 1.50 as 1.500, char(n) pads.
 *
 * A contract may leave the modifier open: "character varying" accepts any
 * length.  It does not accept that the length found at registration shrinks
 * later, because the version has been writing up to that length.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "parser/parse_type.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "verify/attribute.h"
#include "verify/kept_type.h"
#include "verify/observe.h"

typedef struct ColumnType
{
	Oid			oid;
	int32		typmod;			/* of the elements, for an array */
	bool		is_array;
} ColumnType;

static Oid
look_up_type(TypeName *type_name, int32 *typmod)
{
	Type		tup;
	Oid			oid = InvalidOid;

	*typmod = -1;

	/* The lookup raises an error for a schema that the role may not use. */
	if (list_length(type_name->names) > 1)
	{
		char	   *schema_name;
		char	   *type;
		Oid			schema;

		DeconstructQualifiedName(type_name->names, &schema_name, &type);
		schema = get_namespace_oid(schema_name, true);
		if (!OidIsValid(schema) || !schema_is_usable(schema))
			return InvalidOid;
	}

	tup = LookupTypeName(NULL, type_name, typmod, true);
	if (tup == NULL)
		return InvalidOid;
	if (((Form_pg_type) GETSTRUCT(tup))->typisdefined)
		oid = typeTypeId(tup);
	ReleaseSysCache(tup);
	return oid;
}

Oid
type_by_name(const char *name, int32 *typmod)
{
	return look_up_type(compat_type_string_to_type_name(name), typmod);
}

/*
 * A name that a contract has goes on meaning the type that it meant first, while
 * that is there: what the version sends and reads has not become another type
 * because something else of the name is found earlier now.
 */
Oid
meant_type(const char *name, const char *schema, int32 *typmod)
{
	TypeName   *type_name = compat_type_string_to_type_name(name);

	if (schema != NULL && schema[0] != '\0' && list_length(type_name->names) == 1)
	{
		Oid			type;

		type_name->names = lcons(makeString(pstrdup(schema)), type_name->names);
		type = look_up_type(type_name, typmod);
		if (OidIsValid(type))
			return type;
	}
	return type_by_name(name, typmod);
}

char *
meant_schema(Oid type)
{
	HeapTuple	tup;
	char	   *schema = NULL;

	if (type < FirstNormalObjectId)
		return pstrdup("");
	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (HeapTupleIsValid(tup))
	{
		schema = get_namespace_name(((Form_pg_type) GETSTRUCT(tup))->typnamespace);
		ReleaseSysCache(tup);
	}
	return schema != NULL ? schema : pstrdup("");
}

Oid
wire_type(Oid type, int32 *typmod)
{
	/* The lookup below raises an error if the type is gone. */
	if (!SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(type)))
		return InvalidOid;
	return getBaseTypeAndTypmod(type, typmod);
}

void
observe_type(Observation *obs, Oid type)
{
	while (type >= FirstNormalObjectId)
	{
		HeapTuple	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
		Form_pg_type form;

		if (!HeapTupleIsValid(tup))
			break;
		observe_object(obs, TypeRelationId, type);
		form = (Form_pg_type) GETSTRUCT(tup);

		/* A row type is altered as a relation. */
		if (OidIsValid(form->typrelid))
			observe_object(obs, RelationRelationId, form->typrelid);
		type = OidIsValid(form->typbasetype) ? form->typbasetype : form->typelem;
		ReleaseSysCache(tup);
	}
}

void
observe_named_type(Observation *obs, const char *name, Oid type)
{
	char	   *schema;
	char	   *type_name;

	if (OidIsValid(type) && type < FirstNormalObjectId)
		return;
	DeconstructQualifiedName(compat_type_string_to_type_name(name)->names,
							 &schema, &type_name);
	observe_name(obs, TypeRelationId, schema, type_name);
}

void
observe_type_name(Observation *obs, const char *name)
{
	int32		typmod;

	observe_named_type(obs, name, type_by_name(name, &typmod));
}

/* Taken apart as far as it matters for what a driver sees. */
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

static bool
column_type_by_name(const char *name, ColumnType *type)
{
	int32		typmod;
	Oid			oid = type_by_name(name, &typmod);

	return OidIsValid(oid) && column_type(oid, typmod, type);
}

/*
 * Takes a numeric column now all values it took before?  same_scale: and does
 * it print them with as many digits?  The layout is numeric.c's.
 */
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

static int32
time_precision(int32 typmod)
{
	return typmod == -1 ? MAX_TIMESTAMP_PRECISION : typmod;
}

/*
 * Can "now" hold all that "before" could, the wire types being the same?
 * exactly: the contract gave the modifier, so what is printed has to stay too.
 */
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

			/* Of other modifiers nobody knows which one is the wider. */
			return true;
	}
}

bool
type_holds_kept(const char *kept, Oid oid, int32 typmod, bool exactly)
{
	ColumnType	before,
				now;

	/* What is gone cannot be asked, and of another type something else. */
	if (!column_type_by_name(kept, &before) || !column_type(oid, typmod, &now) ||
		type_match(before.oid, now.oid) == TYPE_OTHER)
		return true;

	/* What has no modifier holds whatever it held with one. */
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
	return at_registration == NULL || type_holds_kept(at_registration, oid, typmod, false);
}
