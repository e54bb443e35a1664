-- The tables of add_column.py: one that nobody needs, one with a dozen
-- requirements.  Made anew before every round, as each ADD COLUMN takes a
-- column number for good; in one transaction, so that nobody misses them.
BEGIN;
DROP TABLE IF EXISTS free, needed;
CREATE TABLE free (
	id bigint PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE, status varchar(20) DEFAULT 'new',
	created_at timestamptz NOT NULL DEFAULT now(), note text
);
CREATE TABLE needed (LIKE free INCLUDING ALL);
COMMIT;
