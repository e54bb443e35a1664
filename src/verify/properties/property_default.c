/*
 * property_default.c
 *		Collect the defaults and domains of a relation's columns.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/indexing.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "verify/catalog/catalog.h"
#include "verify/properties/properties.h"
#include "verify/properties/properties_internal.h"

static void
add_domain_property(RelationInfo *rel, AttrNumber attnum, Oid domain, char *definition,
					const char *name)
{
	Property   *property = add_property(rel, PROPERTY_DOMAIN, USAGE_INSERT | USAGE_UPDATE, definition,
										"constraint", name);

	property->label = psprintf("%s%sdomain %s", property->name ? "constraint " : "",
							   property->name ? psprintf("%s on ", quote_identifier(property->name)) : "",
							   format_type_be_qualified(domain));
	if (attnum != InvalidAttrNumber)
		property->columns = bms_make_singleton(attnum);
	else
		property->relid = InvalidOid;
	property->validated = true;
}

static void
collect_domain_checks(RelationInfo *rel, AttrNumber attnum, Oid domain)
{
	Relation	pg_constraint = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key, Anum_pg_constraint_contypid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(domain));
	scan = systable_beginscan(pg_constraint, ConstraintTypidIndexId, true,
							  NULL, 1, &key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_constraint con = (Form_pg_constraint) GETSTRUCT(tup);
		Node	   *check = catalog_expression(pg_constraint, tup, Anum_pg_constraint_conbin);
		Property   *property;

		if (con->contype != CONSTRAINT_CHECK || check == NULL)
			continue;
		add_domain_property(rel, attnum, domain,
							psprintf("CHECK (%s)", deparse(check, InvalidOid)),
							NameStr(con->conname));
		property = llast(rel->properties);
		property->objid = con->oid;
		property->contype = con->contype;
		property->validated = con->convalidated;
	}
	systable_endscan(scan);
	table_close(pg_constraint, AccessShareLock);
}

static void collect_part(RelationInfo *rel, AttrNumber attnum, Oid type, List **seen);

static void
collect_attributes(RelationInfo *rel, AttrNumber attnum, Oid composite, List **seen)
{
	int			natts = relation_natts(composite);

	for (AttrNumber i = 1; i <= natts; i++)
		collect_part(rel, attnum, get_atttype(composite, i), seen);
}

static void
collect_domain(RelationInfo *rel, AttrNumber attnum, const FormData_pg_type *form)
{
	rel->domains = list_append_unique_oid(rel->domains, form->oid);
	if (form->typnotnull)
		add_domain_property(rel, attnum, form->oid, pstrdup("NOT NULL"), NULL);
	collect_domain_checks(rel, attnum, form->oid);
}

/* A domain may be over another, and arrays, ranges and rows may hold one. */
static void
collect_part(RelationInfo *rel, AttrNumber attnum, Oid type, List **seen)
{
	FormData_pg_type form;

	if (type < FirstNormalObjectId || list_member_oid(*seen, type) || !read_type(type, &form))
		return;
	check_stack_depth();
	*seen = lappend_oid(*seen, type);
	switch (form.typtype)
	{
		case TYPTYPE_DOMAIN:
			collect_domain(rel, attnum, &form);
			collect_part(rel, attnum, form.typbasetype, seen);
			break;
		case TYPTYPE_COMPOSITE:
			collect_attributes(rel, attnum, form.typrelid, seen);
			break;
		case TYPTYPE_RANGE:
			collect_part(rel, attnum, get_range_subtype(type), seen);
			break;
		case TYPTYPE_MULTIRANGE:
			collect_part(rel, attnum, get_multirange_range(type), seen);
			break;
		default:
			collect_part(rel, attnum, form.typelem, seen);
			break;
	}
}

void
collect_domains(RelationInfo *rel, AttrNumber attnum, Oid type)
{
	List	   *seen = NIL;

	collect_part(rel, attnum, type, &seen);
}

/* That a sequence was renamed, or became an identity, changes no value. */
static bool
is_from_sequence(Node *expr)
{
	FuncExpr   *call = (FuncExpr *) strip_implicit_coercions(expr);

	if (!IsA(call, FuncExpr))
		return false;
	if (list_length(call->args) == 1 && call->funcid != F_NEXTVAL)
		return is_from_sequence(linitial(call->args));	/* of int, from bigint */
	return call->funcid == F_NEXTVAL;
}

static void
collect_default(RelationInfo *rel, const FormData_pg_attribute *att)
{
	char	   *topic = psprintf("%s ", quoted_column_name(rel->key.relid, att->attnum));
	char	   *how = pstrdup("from a sequence");
	Property   *property;

	if (att->attidentity == '\0')
	{
		Node	   *expr = default_expression(rel->key.relid, att->attnum);

		if (expr == NULL)
			return;
		if (att->attgenerated != '\0')
			how = psprintf("GENERATED ALWAYS AS (%s)", deparse(expr, rel->key.relid));
		else if (!is_from_sequence(expr))
			how = psprintf("DEFAULT %s", deparse(expr, rel->key.relid));
	}
	property = add_property(rel, PROPERTY_DEFAULT, USAGE_INSERT, psprintf("%s%s", topic, how),
							"column", NameStr(att->attname));
	property->topic = strlen(topic);
	property->columns = bms_make_singleton(att->attnum);
}

/* Of each column: what its domain asks for, and what it gets if left out. */
void
collect_defaults(RelationInfo *rel)
{
	int			natts = relation_natts(rel->key.relid);

	for (AttrNumber attnum = 1; attnum <= natts; attnum++)
	{
		FormData_pg_attribute att;
		HeapTuple	tup;

		tup = SearchSysCache2(ATTNUM, ObjectIdGetDatum(rel->key.relid),
							  Int16GetDatum(attnum));
		if (!HeapTupleIsValid(tup))
			continue;
		memcpy(&att, GETSTRUCT(tup), ATTRIBUTE_FIXED_PART_SIZE);
		ReleaseSysCache(tup);
		if (att.attisdropped)
			continue;
		collect_domains(rel, attnum, att.atttypid);
		if (att.atthasdef || att.attidentity != '\0')
			collect_default(rel, &att);
	}
}
