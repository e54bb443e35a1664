/*
 * property_definition.c
 *		Definitions as text, and whether two say the same.
 *
 * A baseline outlives dump and restore, and is compared in sessions with other
 * settings than the one that took it.  So nothing in it depends on OIDs or
 * settings.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_rewrite.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "verify/catalog/catalog.h"
#include "verify/properties/properties_internal.h"
#include "verify/statement/statement.h"

/* ---- expressions ---- */

/* All other settings are the same whenever contracts are verified. */
int
definition_path(void)
{
	int			level = NewGUCNestLevel();

	/* Qualify all but the server's own. */
	(void) set_config_option("search_path", "pg_catalog", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

char *
deparse(Node *expr, Oid relid)
{
	List	   *context = NIL;

	/* The column names are read from the relation, which is locked for it. */
	if (OidIsValid(relid))
	{
		char	   *name = get_rel_name(relid);

		conditional_lock_description(relid);
		if (name == NULL || get_rel_relkind(relid) == '\0')
			return pstrdup("?");
		context = deparse_context_for(name, relid);
	}
	return deparse_expression(expr, context, false, false);
}

char *
server_definition(PGFunction function, Oid objid, Oid relid)
{
	LOCAL_FCINFO(fcinfo, 1);
	Datum		result;

	conditional_lock_description(relid);
	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = ObjectIdGetDatum(objid);
	fcinfo->args[0].isnull = false;
	result = function(fcinfo);
	return fcinfo->isnull ? NULL : TextDatumGetCString(result);
}

/* ---- queries ---- */

static char *
digest_of(const char *text, int length, const char *options)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) text, length, 0);

	hash = hash_bytes_extended((const unsigned char *) options, strlen(options), hash);
	return psprintf("%016llx", (unsigned long long) hash);
}

/*
 * Return a digest of the tree.  The names in it stay as they were when the query was
 * written, and it has the OIDs of what it refers to: so it changes if the query is
 * another, and not if something it refers to is renamed.
 */
static char *
tree_digest(List *queries, const char *options)
{
	char	   *text;
	ListCell   *lc;

	/* How long its text was, line breaks included, is no part of a query. */
	foreach(lc, queries)
	{
		if (lfirst(lc) != NULL && IsA(lfirst(lc), Query))
			lfirst_node(Query, lc)->stmt_len = 0;
	}
	text = nodeToString(queries);
	return digest_of(text, strlen(text), options);
}

/*
 * Return a digest of what the server prints, which a restore leaves as it is; "-"
 * where the role may not read the catalog that it is printed from.
 */
static char *
text_digest(PGFunction function, Oid objid, Oid relid, const char *options)
{
	char	   *text = NULL;

	if (pg_class_aclcheck(RewriteRelationId, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
	{
		conditional_lock_relation(relid);
		text = server_definition(function, objid, relid);
	}
	return text ? digest_of(text, strlen(text), options) : pstrdup("-");
}

char *
query_digests(List *queries, PGFunction function, Oid objid, Oid relid,
			  const char *options)
{
	return psprintf("%s %s", tree_digest(queries, options),
					text_digest(function, objid, relid, options));
}

/* ---- comparing ---- */

typedef struct Token
{
	const char *start;
	int			length;
	bool		is_name;
} Token;

static bool
is_name_start(char c)
{
	return isalpha((unsigned char) c) || c == '_' || c == '"' || IS_HIGHBIT_SET(c);
}

/* False at the end. */
static bool
next_token(const char **text, Token *token)
{
	const char *p = *text;

	if (*p == '\0')
		return false;
	token->start = p;
	token->is_name = is_name_start(*p);
	if (*p == '"' || *p == '\'')
	{
		char		quote = *p++;

		while (*p != '\0' && (*p != quote || p[1] == quote))
			p += (*p == quote) ? 2 : 1;
		if (*p != '\0')
			p++;
	}
	else if (token->is_name)
	{
		while (is_name_start(*p) || isdigit((unsigned char) *p) || *p == '$')
			p++;
	}
	else
		p++;
	token->length = p - token->start;
	*text = p;
	return true;
}

static char *
token_name(const Token *token)
{
	char	   *name = pnstrdup(token->start, token->length);
	char	   *out = name;

	if (*name != '"')
		return name;
	for (const char *in = name + 1; *in != '\0' && in[1] != '\0'; in++)
	{
		*out++ = *in;
		if (*in == '"')
			in++;
	}
	*out = '\0';
	return name;
}

static bool
is_table_beside(Oid relid, const char *name)
{
	Oid			other = get_relname_relid(name, get_rel_namespace(relid));
	char		relkind = OidIsValid(other) ? get_rel_relkind(other) : '\0';

	return relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE ||
		relkind == RELKIND_FOREIGN_TABLE;
}

/*
 * Can what was called "was" be what is called "is" now: a column of the property's
 * relation, or the one at the other end of a foreign key?
 */
static bool
is_renamed(const Property *property, const char *was, const char *is)
{
	char	   *other = OidIsValid(property->other) ? get_rel_name(property->other) : NULL;

	if (get_attnum(property->relid, is) != InvalidAttrNumber &&
		get_attnum(property->relid, was) == InvalidAttrNumber)
		return true;
	return other != NULL && strcmp(other, is) == 0 &&
		!is_table_beside(property->other, was);
}

static bool
same_token(const Token *a, const Token *b)
{
	return a->length == b->length && strncmp(a->start, b->start, a->length) == 0;
}

static bool
name_is_renamed(const Property *property, const Token *was, const Token *is)
{
	return same_token(was, is) || is_renamed(property, token_name(was), token_name(is));
}

/* The rest of a qualified name; false, and nothing taken, if it is none. */
static bool
next_part(const char **text, Token *token)
{
	const char *p = *text + 1;

	if (**text != '.' || !next_token(&p, token) || !token->is_name)
		return false;
	*text = p;
	return true;
}

/* Two names that texts go on with. */
static bool
same_names(VerifyResult *result, const Property *property, Token *was_name,
		   const char **was, Token *is_name, const char **is)
{
	Token		was_part;
	Token		is_part;
	bool		qualified = next_part(was, &was_part);

	if (qualified != next_part(is, &is_part))
		return false;
	if (!qualified)
		return name_is_renamed(property, was_name, is_name);
	if (name_is_renamed(property, was_name, is_name) && name_is_renamed(property, &was_part, &is_part))
		return true;
	return object_is_renamed(result, token_name(was_name), token_name(&was_part),
							 token_name(is_name), token_name(&is_part));
}

static bool
is_same_but_renamed(VerifyResult *result, const Property *property, const char *was)
{
	const char *is = property->definition;
	Token		a;
	Token		b;

	for (;;)
	{
		bool		more = next_token(&was, &a);

		if (more != next_token(&is, &b))
			return false;
		if (!more)
			return true;
		if (a.is_name && b.is_name)
		{
			if (!same_names(result, property, &a, &was, &b, &is))
				return false;
		}
		else if (!same_token(&a, &b))
			return false;
	}
}

/* Is the definition the text, followed by what makes it less strict? */
static bool
is_weakened(const char *definition, const char *text)
{
	int			length = strlen(text);
	const char *rest = definition + length;

	return strncmp(definition, text, length) == 0 &&
		(strncmp(rest, " DEFERRABLE", strlen(" DEFERRABLE")) == 0 ||
		 strcmp(rest, " INITIALLY DEFERRED") == 0 ||
		 strncmp(rest, " WHERE ", strlen(" WHERE ")) == 0);
}

/*
 * Does the text say that some of the columns alone are unique?  Then all of
 * them together are.
 */
static bool
is_unique_on_fewer(const Property *property, const char *text)
{
	const char *start = "UNIQUE (";
	Token		token;

	if (property->contype != CONSTRAINT_UNIQUE || property->columns == NULL ||
		property->nulls_collide || strncmp(text, start, strlen(start)) != 0)
		return false;
	text += strlen(start);

	while (next_token(&text, &token))
	{
		if (token.is_name)
		{
			AttrNumber	attnum = get_attnum(property->relid, token_name(&token));

			if (attnum <= 0 || !bms_is_member(attnum, property->columns))
				return false;
		}
		else if (*token.start == ')')
			return *text == '\0';
		else if (*token.start != ',' && *token.start != ' ')
			return false;
	}
	return false;
}

/* Is one of the two digests the same? */
static bool
is_same_query(const Property *property, const char *text)
{
	const char *is = property->definition + property->topic;
	const char *was = text + property->topic;
	const char *is_text = strchr(is, ' ');
	const char *was_text;

	if (strncmp(property->definition, text, property->topic) != 0 || is_text == NULL ||
		(was_text = strchr(was, ' ')) == NULL)
		return false;
	return strncmp(is, was, is_text - is + 1) == 0 ||
		(strcmp(is_text, was_text) == 0 && strcmp(is_text, " -") != 0);
}

bool
definition_is(VerifyResult *result, const Property *property, const char *text)
{
	if (strcmp(property->definition, text) == 0)
		return true;
	switch (property->kind)
	{
		case PROPERTY_VIEW:
		case PROPERTY_RULE:
			return is_same_query(property, text);
		case PROPERTY_CONSTRAINT:
			if (is_weakened(property->definition, text) || is_unique_on_fewer(property, text))
				return true;
			/* FALLTHROUGH */
		default:
			return is_same_but_renamed(result, property, text);
	}
}
