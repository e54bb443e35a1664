--
-- Definitions of constraints, then and now: whether two texts say the same.  The
-- one that a version met is put into its baseline here, as if what it names had
-- been called so when the version was registered.
--
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE SCHEMA defs;
CREATE SCHEMA defs_other;
SET search_path = defs;
CREATE TABLE t (a int, b int, s text, "c d" int, "e""f" int, g$1 int, "UP" int);
CREATE FUNCTION fine(int) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN $1 > 0;
CREATE FUNCTION well(int) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN $1 > 0;
CREATE FUNCTION defs_other.fine(int) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN $1 > 0;
-- a byte beyond ASCII, whatever the encoding
DO $$ BEGIN EXECUTE format('ALTER TABLE t ADD COLUMN %I int', chr(252)); END $$;

-- What is found of a constraint when the baseline has that text instead of its own.
CREATE FUNCTION found_by(was text, definition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	rules text;
BEGIN
	EXECUTE 'ALTER TABLE t ADD CONSTRAINT c ' || definition;
	PERFORM compat_guard.register('defs', '1', '{"search_path": "defs", "relations": {"t": {"access": ["insert", "update"]}}}');
	UPDATE compat_guard.baseline SET content = jsonb_set(content, '{constraints}', jsonb_build_array(was))
	WHERE content #> '{constraints}' IS NOT NULL;
	ASSERT FOUND;
	SELECT coalesce(string_agg(DISTINCT rule, ' '), 'same') INTO rules
	FROM compat_guard.verification('defs', '1');
	RAISE EXCEPTION SQLSTATE 'DONE0';	-- and undone
EXCEPTION WHEN SQLSTATE 'DONE0' THEN
	RETURN rules;
END $$;
CREATE TABLE cases (id serial, was text, definition text);
INSERT INTO cases (was, definition) VALUES
	-- the same
	('CHECK ((a > 0))', 'CHECK (a > 0)'),
	('CHECK ((s <> ''it''''s''::text))', 'CHECK (s <> ''it''''s'')'),
	('CHECK ((a > 0))', 'CHECK (a > 0) NO INHERIT'),
	-- a column that has another name now
	('CHECK ((old > 0))', 'CHECK (a > 0)'),
	('CHECK (((old > 0) AND (older > 0)))', 'CHECK (a > 0 AND b > 0)'),
	('CHECK (("Old One" > 0))', 'CHECK (a > 0)'),
	('CHECK ((old > 0))', 'CHECK ("c d" > 0)'),
	('CHECK (("old ""one" > 0))', 'CHECK ("e""f" > 0)'),
	('CHECK ((g$2 > 0))', 'CHECK (g$1 > 0)'),
	('CHECK ((up > 0))', 'CHECK ("UP" > 0)'),
	('CHECK ((old > 0))', format('CHECK (%I > 0)', chr(252))),
	(format('CHECK ((%I > 0))', chr(246)), 'CHECK (a > 0)'),
	-- a function in a schema that has another name, or was moved
	('CHECK (gone.fine(a))', 'CHECK (fine(a))'),
	('CHECK (gone.fine(old))', 'CHECK (fine(a))'),
	-- another column, which is there under both names
	('CHECK ((b > 0))', 'CHECK (a > 0)'),
	('CHECK (("c d" > 0))', 'CHECK (a > 0)'),
	('CHECK (("e""f" > 0))', 'CHECK (a > 0)'),
	('CHECK ((g$1 > 0))', 'CHECK (a > 0)'),
	(format('CHECK ((%I > 0))', chr(252)), 'CHECK (a > 0)'),
	-- another function
	('CHECK (defs_other.fine(a))', 'CHECK (fine(a))'),
	('CHECK (defs.well(a))', 'CHECK (fine(a))'),
	('CHECK (fine(a))', 'CHECK (fine(a))'),
	-- what is no name
	('CHECK ((s <> ''old''::text))', 'CHECK (s <> ''a'')'),
	('CHECK ((s <> ''"old"''::text))', 'CHECK (s <> ''"a"'')'),
	('CHECK ((s <> ''it''''s''::text))', 'CHECK (s <> ''it'''' s'')'),
	('CHECK ((s <> old))', 'CHECK (s <> ''a'')'),
	('CHECK ((a > 10))', 'CHECK (a > 1)'),
	('CHECK ((a > 1))', 'CHECK (a > 10)'),
	('CHECK ((a >= 1))', 'CHECK (a > 1)'),
	('CHECK ((a > 1))', 'CHECK (a >= 1)'),
	('CHECK ((upper(s) > s))', 'CHECK (lower(s) > s)'),
	-- one is longer
	('CHECK ((old > 0)', 'CHECK (a > 0)'),
	-- what ends in the middle
	('', 'CHECK (a > 0)'),
	('CHECK ((s <> ''old', 'CHECK (s <> ''a'')'),
	('CHECK ((s <> ''old''''', 'CHECK (s <> ''a'')'),
	('CHECK (("old', 'CHECK (a > 0)'),
	('CHECK (("old""', 'CHECK (a > 0)'),
	('"', 'CHECK (a > 0)'),
	('''', 'CHECK (a > 0)'),
	('CHECK (defs.', 'CHECK (fine(a))'),
	-- keys: on fewer columns, and by no other means, it was as strict at the least
	('UNIQUE (a, b)', 'UNIQUE (a, b)'),
	('UNIQUE (a)', 'UNIQUE (a, b)'),
	('UNIQUE (b)', 'UNIQUE (a, b)'),
	('UNIQUE ("c d")', 'UNIQUE (a, "c d")'),
	('UNIQUE ("e""f", a)', 'UNIQUE (a, "e""f")'),
	('UNIQUE (a, b)', 'UNIQUE (a, b) DEFERRABLE'),
	('UNIQUE (a, b)', 'UNIQUE (a, b) DEFERRABLE INITIALLY DEFERRED'),
	('UNIQUE (a, b) DEFERRABLE', 'UNIQUE (a, b) DEFERRABLE INITIALLY DEFERRED'),
	('UNIQUE (old)', 'UNIQUE (a)'),
	('UNIQUE (a, b)', 'UNIQUE (a)'),
	('UNIQUE (old)', 'UNIQUE (a, b)'),
	('UNIQUE (s)', 'UNIQUE (a, b)'),
	('UNIQUE (lower(s))', 'UNIQUE (a, s)'),
	('UNIQUE (a) INCLUDE (b)', 'UNIQUE (a, b)'),
	('UNIQUE (a', 'UNIQUE (a, b)'),
	('UNIQUE (', 'UNIQUE (a, b)'),
	('UNIQUE (a, b) DEFERRABLE', 'UNIQUE (a, b)'),
	('UNIQUE (a, b)', 'UNIQUE NULLS NOT DISTINCT (a, b)'),
	('UNIQUE (a)', 'UNIQUE NULLS NOT DISTINCT (a, b)');
\pset format unaligned
\pset footer off
SELECT translate(was, chr(246) || chr(252), 'ou') AS was, translate(definition, chr(252), 'u') AS definition,
	found_by(was, definition) AS found FROM cases ORDER BY id;
RESET search_path;
DROP SCHEMA defs, defs_other CASCADE;
