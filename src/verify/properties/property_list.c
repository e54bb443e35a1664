/*
 * property_list.c
 *		The list of a relation's properties, kept as long as a verification runs.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "verify/catalog/catalog.h"
#include "verify/properties/properties_internal.h"

Property *
add_property(RelationInfo *rel, PropertyKind kind, int commands, char *definition,
			 const char *what, const char *name)
{
	Property   *property = palloc0_object(Property);

	property->kind = kind;
	property->commands = commands;
	property->definition = definition;
	property->relid = rel->key.relid;
	if (name != NULL)
		property->name = pstrdup(name);
	property->label = name == NULL ? psprintf("%s %s", what, relation_label(rel->key.relid))
		: psprintf("%s %s on %s", what, quote_identifier(name),
				   relation_label(rel->key.relid));
	rel->properties = lappend(rel->properties, property);
	return property;
}
