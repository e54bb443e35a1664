/*
 * word.c
 *		Which relations and types does a text name?
 *
 * A body in PL/pgSQL refers to more than its statements do: users%ROWTYPE, users.id%TYPE,
 * a variable of a composite type, a cursor's argument.  What plpgsql_check tells
 * of dependencies leaves these out.  So every word that is the name of a relation or type
 * counts as a use of it, be it in a comment or in the text of a statement to execute.
 * That may be one too many, which costs a verification.  A use is missed only where a
 * name is put together when the body runs.
 */
#include "postgres.h"

#include <ctype.h>
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "parser/scansup.h"
#include "utils/lsyscache.h"
#include "verify/body/body_internal.h"
#include "verify/catalog/catalog.h"
#include "verify/result/result.h"
#include "verify/statement/statement.h"

#define IS_WORD_CHARACTER(c) \
	(isalnum((unsigned char) (c)) || (c) == '_' || (c) == '$' || IS_HIGHBIT_SET(c))

/* Depend on the relation and type of this name along the search path. */
static void
depend_on_word(VerifyResult *result, const char *word)
{
	Oid			relid = RelnameGetRelid(word);
	Oid			type = TypenameGetTypidExtended(word, false);

	if (OidIsValid(relid) && relid >= FirstNormalObjectId)
	{
		depend_on_object(result, RelationRelationId, relid);
		depend_on_name(result, RelationRelationId, NULL, word);
	}
	if (OidIsValid(type) && type >= FirstNormalObjectId)
	{
		if (!OidIsValid(relid))
			add_made_type(result, type);	/* a variable's, or a cast's */
		depend_on_object(result, TypeRelationId, type);
		depend_on_name(result, TypeRelationId, NULL, word);
	}
}

/* Depend on the relation and type of this name in a schema. */
static void
depend_on_qualified_word(VerifyResult *result, const char *schema_name, const char *word)
{
	Oid			schema = get_namespace_oid(schema_name, true);

	if (!OidIsValid(schema) || !schema_is_usable(schema))
		return;
	if (relation_in_schema(schema, word))
		depend_on_name(result, RelationRelationId, schema_name, word);
	if (type_in_schema(schema, word))
		depend_on_name(result, TypeRelationId, schema_name, word);
}

/* Add the type that users%ROWTYPE or users.id%TYPE stands for to those of which the body
 * makes values.  qualifier: the word before a dot, or NULL. */
static void
add_copied_type(VerifyResult *result, const char *qualifier, const char *word)
{
	Oid			relid = RelnameGetRelid(qualifier ? qualifier : word);
	Oid			schema;

	if (OidIsValid(relid))
		add_made_type(result, qualifier == NULL ? get_rel_type_id(relid)
					  : get_atttype(relid, get_attnum(relid, word)));
	schema = qualifier ? get_namespace_oid(qualifier, true) : InvalidOid;
	relid = OidIsValid(schema) ? get_relname_relid(word, schema) : InvalidOid;
	if (OidIsValid(relid))
		add_made_type(result, get_rel_type_id(relid));
}

/* Return the word that begins here, folded as an identifier is. *next is what follows
 * it. */
static char *
take_word(const char *text, const char **next)
{
	const char *end = text;
	StringInfoData quoted;

	if (*text != '"')
	{
		while (IS_WORD_CHARACTER(*end))
			end++;
		*next = end;
		return downcase_truncate_identifier(text, end - text, false);
	}
	initStringInfo(&quoted);
	for (end++; *end != '\0' && (*end != '"' || end[1] == '"'); end++)
	{
		appendStringInfoChar(&quoted, *end);
		if (*end == '"')
			end++;				/* doubled */
	}
	*next = *end == '"' ? end + 1 : end;
	truncate_identifier(quoted.data, quoted.len, false);
	return quoted.data;
}

void
depend_on_words(VerifyResult *result, const char *source)
{
	const char *schema = NULL;	/* the word before a dot */

	while (*source != '\0')
	{
		char	   *word;

		if (*source != '"' && !IS_WORD_CHARACTER(*source))
		{
			source++;
			schema = NULL;
			continue;
		}
		word = take_word(source, &source);
		depend_on_word(result, word);
		if (schema != NULL)
			depend_on_qualified_word(result, schema, word);
		if (*source == '%')
			add_copied_type(result, schema, word);
		schema = NULL;
		if (*source == '.')
		{
			schema = word;
			source++;
		}
	}
}
