--
-- Functions that the planner looks into for whoever reads: those of index
-- expressions, and of the CHECK constraints of partitions and children.
--
\set VERBOSITY sqlstate
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE SCHEMA planned;
SET search_path = planned;
CREATE FUNCTION judged(ddl text) RETURNS TABLE (version text, action text, rule text)
LANGUAGE sql AS $$
	SELECT version, action, rule
	FROM compat_guard.preview(ddl)
	ORDER BY version COLLATE "C", rule COLLATE "C"
$$;
CREATE TABLE of_index (a int);
CREATE TABLE of_predicate (a int);
CREATE TABLE of_check (a int);
CREATE TABLE of_own (a int);
CREATE TABLE of_language (a int);
CREATE TABLE of_secdef (a int);
CREATE FUNCTION by_index(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT count(a)::int FROM planned.of_index WHERE a + 1 < 0';
CREATE FUNCTION by_predicate(int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT count(a) = 0 FROM planned.of_predicate WHERE a + 1 < 0';
CREATE FUNCTION by_check(int) RETURNS bool LANGUAGE sql AS 'SELECT count(a) >= 0 FROM planned.of_check';
CREATE FUNCTION by_own(int) RETURNS bool LANGUAGE sql AS 'SELECT count(a) >= 0 FROM planned.of_own';
CREATE FUNCTION by_language(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(a) FROM planned.of_language); END';
CREATE FUNCTION by_secdef(int) RETURNS int IMMUTABLE SECURITY DEFINER LANGUAGE sql AS 'SELECT count(a)::int FROM planned.of_secdef';
CREATE TABLE t (id int, n int CHECK (by_own(n)));
CREATE INDEX ON t (by_index(id));
CREATE INDEX ON t (n) WHERE by_predicate(id);
CREATE INDEX ON t (by_language(id), by_secdef(id));
CREATE TABLE parent (id int, n int);
CREATE TABLE child (CHECK (by_check(n))) INHERITS (parent);
CREATE TABLE parts (id int, n int) PARTITION BY LIST (id);
CREATE TABLE parts_1 PARTITION OF parts (CHECK (by_check(n))) FOR VALUES IN (1);
-- Each is a version, because of one version a body is reported once.
SELECT status, count(*)
FROM (VALUES
	('child', 'SELECT id FROM parent WHERE n = $1'),
	('child, join', 'SELECT a.a FROM of_predicate AS a JOIN parent AS b ON b.n > 1'),
	('delete', 'DELETE FROM parent WHERE n = $1'),
	('index', 'SELECT id FROM t'),
	('no where', 'SELECT id FROM parent'),
	('only', 'SELECT id FROM ONLY parent WHERE n = $1'),
	('partition', 'SELECT id FROM parts WHERE n = $1'),
	('the child', 'SELECT id FROM child WHERE n = $1')
) AS v (version, query), compat_guard.register_queries('planned', version, ARRAY[query])
GROUP BY status;
SELECT * FROM judged('ALTER TABLE of_index RENAME TO other');
SELECT * FROM judged('ALTER TABLE of_predicate ALTER a TYPE text');
SELECT * FROM judged('DROP TABLE of_check');
-- no finding: the planner looks at no CHECK of the table itself, and not into these
SELECT * FROM judged('ALTER TABLE of_own RENAME a TO b; DROP TABLE of_language; DROP TABLE of_secdef');
SELECT * FROM judged('ALTER TABLE of_check RENAME TO moved; CREATE TABLE of_check (a bigint)');

-- and so it is
SELECT count(*) FROM compat_guard.versions, compat_guard.forget(app, version) WHERE app = 'planned';
DROP TABLE of_own, of_language, of_secdef;
SELECT id FROM t;
ALTER TABLE of_check RENAME TO other_check;
SELECT id FROM parent;
SELECT id FROM parent WHERE n = 1;
SELECT id FROM child WHERE n = 1;
ALTER TABLE of_index RENAME TO other;
\c -
\set VERBOSITY sqlstate
SET client_min_messages = error;
SELECT id FROM planned.t;
RESET search_path;
DROP SCHEMA planned CASCADE;
