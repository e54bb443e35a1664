/*
 * kind_list.h
 *		The kinds of requirements.
 *
 * KIND(NAME, name) makes REQUIREMENT_NAME and the name that is stored and shown,
 * which never changes.  verify_name() in verify/kinds verifies it.  The comment
 * beside it says what is required.
 *
 * Each file that includes this one defines KIND.  So there is no guard against
 * including it twice.
 */

KIND(RELATION, relation)		/* the relation exists and the role may use it */
KIND(ACCESS, access)			/* the role has the declared access */
KIND(COLUMN, column)			/* the column is as declared */
KIND(INSERT, insert)			/* an INSERT of just these columns works */
KIND(UNIQUE, unique)			/* these columns are unique */
KIND(INDEX, index)				/* an index begins with these columns */
KIND(QUERY, query)				/* the statement analyses, rewrites and plans */
KIND(ROUTINE, routine)			/* a call works and returns the same */
KIND(TYPE, type)				/* the type exists and is the same to a driver */
KIND(SEQUENCE, sequence)		/* the role may draw from the sequence */
KIND(EXTENSION, extension)		/* the extension is installed */
