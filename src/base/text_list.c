/*
 * text_list.c
 *		Lists of char *.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/text_list.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"

bool
text_list_has(List *texts, const char *text)
{
	ListCell   *lc;

	foreach(lc, texts)
	{
		if (strcmp(lfirst(lc), text) == 0)
			return true;
	}
	return false;
}

List *
text_list_add(List *texts, const char *text)
{
	return text_list_has(texts, text) ? texts : lappend(texts, unconstify(char *, text));
}

static int
compare_texts(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

List *
text_list_sort(List *texts)
{
	const char *last = NULL;
	ListCell   *lc;

	list_sort(texts, compare_texts);
	foreach(lc, texts)
	{
		if (last != NULL && strcmp(last, lfirst(lc)) == 0)
			texts = foreach_delete_current(texts, lc);
		else
			last = lfirst(lc);
	}
	return texts;
}

char *
text_list_join(List *texts, const char *separator)
{
	StringInfoData buf;
	ListCell   *lc;

	if (texts == NIL)
		return NULL;
	initStringInfo(&buf);
	foreach(lc, texts)
		appendStringInfo(&buf, "%s%s", foreach_current_index(lc) > 0 ? separator : "",
						 (char *) lfirst(lc));
	return buf.data;
}

Datum
text_list_array(List *texts)
{
	Datum	   *elements = palloc_array(Datum, list_length(texts) + 1);
	ListCell   *lc;

	foreach(lc, texts)
		elements[foreach_current_index(lc)] = CStringGetTextDatum(lfirst(lc));
	return PointerGetDatum(construct_array(elements, list_length(texts), TEXTOID,
										   -1, false, TYPALIGN_INT));
}
