--
-- What is attached to a relation is stored once for those that use it in one way, and
-- not with each statement.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE regress_once;
CREATE SCHEMA once;
GRANT USAGE ON SCHEMA once TO regress_once;
SET search_path = once;
CREATE TABLE t (id int PRIMARY KEY, a text CHECK (a <> ''), b text CHECK (b <> 'some longer text'), c int CHECK (c > 0));
CREATE TABLE u (id int PRIMARY KEY, t int REFERENCES t);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER audit BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION nothing();
ALTER TABLE u ENABLE ROW LEVEL SECURITY;
CREATE POLICY positive ON u USING (id > 0);
GRANT ALL ON t, u TO regress_once;
CREATE FUNCTION contract(statement text, n int) RETURNS jsonb LANGUAGE sql AS
	$$ SELECT jsonb_build_object('role', 'regress_once', 'search_path', 'once', 'queries',
		jsonb_object_agg('q ' || i, format(statement, i))) FROM generate_series(1, n) AS i $$;
CREATE VIEW stored AS
	SELECT (SELECT count(*) FROM compat_guard.requirement) AS requirements, count(*) AS baselines,
		sum(pg_column_size(content)) AS bytes FROM compat_guard.baseline;
SELECT count(compat_guard.forget(app, version)) >= 0 AS forgotten FROM compat_guard.versions;

-- A hundred statements, and one.
SELECT status FROM compat_guard.register('once', 'many', contract('UPDATE t SET a = $1, b = $2 WHERE id = $3 AND c <> %s', 100));
CREATE TEMP TABLE at_many AS SELECT * FROM stored;
SELECT requirements, baselines FROM at_many;
SELECT compat_guard.forget('once', 'many');
SELECT requirements, baselines FROM stored;
SELECT status FROM compat_guard.register('once', 'one', contract('UPDATE t SET a = $1, b = $2 WHERE id = $3 AND c <> %s', 1));
SELECT requirements, baselines, at_many.bytes <= 1.5 * stored.bytes AS in_proportion FROM stored, (SELECT bytes FROM at_many) AS at_many;

-- Another statement shares what it has in common with the first, relation by relation:
-- it has its own row and that of the relation that it reads besides.
SELECT status FROM compat_guard.register('once', 'two', contract('UPDATE t SET c = u.id FROM u WHERE u.t = t.id AND t.c <> %s', 1));
SELECT requirements, baselines FROM stored;
SELECT version, kind, baseline->'properties' AS properties FROM compat_guard.requirements WHERE app = 'once' ORDER BY version;
-- The same requirement, but registered when the relation was another.
ALTER TABLE t ADD CHECK (c < 1000);
SELECT status FROM compat_guard.register('once', 'three', contract('UPDATE t SET a = $1, b = $2 WHERE id = $3 AND c <> %s', 1));
SELECT requirements, baselines FROM stored;
SELECT version, rule, expected FROM compat_guard.versions AS v, compat_guard.verification(v.app, v.version) AS c WHERE rule <> 'routine-body-broken' ORDER BY 1, 2;
-- Each is there as long as one needs it.
SELECT compat_guard.forget('once', 'one');
SELECT requirements, baselines FROM stored;
SELECT compat_guard.forget('once', 'two');
SELECT requirements, baselines FROM stored;
SELECT status FROM compat_guard.register('once', 'three', contract('SELECT %s', 1), replace => true);
SELECT requirements, baselines FROM stored;
SELECT compat_guard.forget('once', 'three');
SELECT requirements, baselines FROM stored;

-- Those that get their baselines when their version becomes ready share them, too,
-- and are judged by them.
SELECT status FROM compat_guard.register('once', 'early', contract('UPDATE t SET later = $1 WHERE id = $2 AND c <> %s', 10));
SELECT requirements, baselines FROM stored;
ALTER TABLE t ADD COLUMN later text;
SELECT requirements, baselines FROM stored;
SELECT rule, action, requirement, expected FROM compat_guard.preview('ALTER TABLE t ADD CHECK (later <> '''')');
-- near miss: what was there
SELECT rule, action, requirement, expected FROM compat_guard.preview('ALTER TABLE t DROP CONSTRAINT t_a_check; ALTER TABLE t ADD CHECK (a <> '''')');
SELECT compat_guard.forget('once', 'early');

-- What a relation has is there as long as a statement of any shape uses it, whatever the
-- session lets an index leave out.
SELECT status FROM compat_guard.register('once', 'shapes', contract('UPDATE t SET a = $1 WHERE id = $2 RETURNING id AS x%s', 100));
SELECT status FROM compat_guard.register('once', 'others', contract('UPDATE t SET a = $1 WHERE id = $2 RETURNING id AS y%s', 3));
SELECT requirements, baselines FROM stored;
SET gin_fuzzy_search_limit = 1;
SELECT compat_guard.forget('once', 'shapes');
SELECT requirements, baselines FROM stored;
SELECT count(baseline->'properties') FROM compat_guard.requirements WHERE app = 'once';
SELECT compat_guard.forget('once', 'others');
RESET gin_fuzzy_search_limit;
SELECT requirements, baselines FROM stored;

-- What is undone is not stored.
BEGIN;
SAVEPOINT s;
SELECT status FROM compat_guard.register('once', 'undone', contract('UPDATE t SET a = $1, b = $2 WHERE id = $3 AND c <> %s', 2));
ROLLBACK TO s;
SELECT status FROM compat_guard.register('once', 'kept', contract('UPDATE t SET a = $1, b = $2 WHERE id = $3 AND c <> %s', 2));
COMMIT;
SELECT requirements, baselines FROM stored;
SELECT compat_guard.forget('once', 'kept');

-- A problem that all have is stored once, too, with the one that they had before; said once,
-- and in the journal once; and it is known to each, and to those that register later.
SELECT status FROM compat_guard.register('once', 'many', contract('UPDATE t SET a = $1, b = $2 WHERE id = $3 AND c <> %s', 100));
CREATE VIEW problems AS
	SELECT (SELECT count(*) FROM compat_guard.requirement_state WHERE problem_id IS NOT NULL) AS requirements,
		count(*) FILTER (WHERE content->>'rule' <> 'routine-body-broken') AS problems
	FROM compat_guard.problem;
CREATE VIEW noticed AS
	SELECT version, problem->>'rule' AS rule, problem->>'found' AS found, count(*) FROM compat_guard.requirements
	CROSS JOIN jsonb_array_elements(problems) AS problem
	WHERE problem->>'rule' <> 'routine-body-broken' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
ALTER TABLE t ADD CONSTRAINT short CHECK (length(a) < 10);
SELECT * FROM problems;
SELECT finding_count FROM compat_guard.journal ORDER BY at DESC LIMIT 1;
COMMENT ON TABLE t IS 'nothing new';
CREATE UNIQUE INDEX unique_a ON t (a);
SELECT * FROM problems;
SELECT * FROM noticed;
SELECT rule, requirement, found FROM compat_guard.preview('ALTER TABLE t DROP CONSTRAINT short; ALTER TABLE t ADD CONSTRAINT shorter CHECK (length(a) < 5)');
-- one that comes back is said again
ALTER TABLE t DROP CONSTRAINT short;
SELECT * FROM noticed;
ALTER TABLE t ADD CONSTRAINT short CHECK (length(a) < 10);
SELECT * FROM noticed;
-- another version, with some of the statements and others: to it nothing is new
SELECT status FROM compat_guard.register('once', 'few', contract('UPDATE t SET a = $1, b = $2 WHERE id = $3 AND c <> %s', 2));
SELECT * FROM noticed;
ALTER TABLE t ADD CONSTRAINT long CHECK (length(a) > 1);
SELECT * FROM noticed;
-- Each is there as long as one has it.
SELECT compat_guard.forget('once', 'many');
SELECT problems FROM problems;
SELECT * FROM noticed;
SET compat_guard.rollback_versions = 0;
SELECT compat_guard.retire('once', 'few');
SELECT count(*) FROM compat_guard.problem;
SELECT compat_guard.forget('once', 'few');
SELECT requirements, baselines FROM stored;

RESET search_path;
DROP SCHEMA once CASCADE;
DROP OWNED BY regress_once;
DROP ROLE regress_once;
