-- What a judgement does is bounded: what it rewrites, what it says and what it stores.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
RESET client_min_messages;
\set VERBOSITY terse

-- Views on views, each of which reads the one below it twice.
CREATE TABLE bound_base (a int, b text);
CREATE VIEW bound_0 AS SELECT a, b FROM bound_base;
DO $$
BEGIN
	FOR i IN 1..24 LOOP
		EXECUTE format('CREATE VIEW bound_%s AS SELECT x.a, y.b FROM bound_%s AS x JOIN bound_%s AS y USING (a)', i, i - 1, i - 1);
	END LOOP;
END $$;
SELECT status FROM compat_guard.register('bounds', '1', '{
	"relations": {"bound_24": {"access": ["select"]}},
	"queries": {"deep": "SELECT a FROM bound_24", "shallow": "SELECT a FROM bound_3",
				"twice": "SELECT a FROM bound_2 JOIN bound_2 AS again USING (a)"}}');
SELECT DISTINCT object, state, found FROM compat_guard.check('bounds', '1') ORDER BY object;
ALTER TABLE bound_base ADD COLUMN c int;
ALTER TABLE bound_base RENAME TO bound_away;
ALTER TABLE bound_away RENAME TO bound_base;
-- What can be said of the others is said.
DROP VIEW bound_0 CASCADE;

-- What thousands feel is counted, and some of it told.
CREATE TABLE bound_many (a int, b text);
SELECT status FROM compat_guard.register('bounds', '2', (
	SELECT jsonb_build_object('queries', jsonb_object_agg('q' || i, format('SELECT b, %s FROM bound_many WHERE a = $1', i)))
	FROM generate_series(1, 3000) AS i));
ALTER TABLE bound_many DROP COLUMN b;
DO $$
BEGIN
	FOR i IN 1..500 LOOP
		EXIT WHEN EXISTS (SELECT FROM compat_guard.journal WHERE finding_count = 3000);
		PERFORM pg_sleep(0.02);
	END LOOP;
END $$;
SELECT verdict, finding_count, jsonb_array_length(findings) AS findings, versions
FROM compat_guard.journal WHERE finding_count = 3000;
SET compat_guard.mode = warn;
ALTER TABLE bound_many DROP COLUMN b;
RESET compat_guard.mode;
SELECT status, unmet FROM compat_guard.versions WHERE app = 'bounds' AND version = '2';

SELECT FROM compat_guard.forget('bounds', '1');
SELECT FROM compat_guard.forget('bounds', '2');
DROP TABLE bound_base CASCADE;
DROP TABLE bound_many;
