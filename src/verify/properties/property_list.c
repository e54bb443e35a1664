/*
 * property_list.c
 *		The list of a relation's properties, kept as long as a verification runs.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "verify/catalog/catalog.h"
#include "verify/properties/properties_internal.h"

Fact *
add_fact(RelationFacts *rel, FactKind kind, int commands, char *definition,
		 const char *what, const char *name)
{
	Fact	   *fact = palloc0_object(Fact);

	fact->kind = kind;
	fact->commands = commands;
	fact->definition = definition;
	fact->relid = rel->key.relid;
	if (name != NULL)
		fact->name = pstrdup(name);
	fact->label = name == NULL ? psprintf("%s %s", what, relation_label(rel->key.relid))
		: psprintf("%s %s on %s", what, quote_identifier(name),
				   relation_label(rel->key.relid));
	rel->facts = lappend(rel->facts, fact);
	return fact;
}
