--
-- Values of domains that statements make, be it in a row, an array or a range: each
-- is refused by a constraint that the domain got later.
--
\set VERBOSITY sqlstate
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE SCHEMA domains;
SET search_path = domains;
CREATE FUNCTION judged(ddl text) RETURNS TABLE (version text, action text, rule text, requirement text, found text)
LANGUAGE sql AS $$
	SELECT version, action, rule, coalesce(requirement, message), found
	FROM compat_guard.preview(ddl)
	ORDER BY version COLLATE "C", requirement COLLATE "C", rule COLLATE "C", found COLLATE "C"
$$;

CREATE DOMAIN code AS int;
CREATE DOMAIN narrow_code AS code;
CREATE TYPE part AS (code code, n int);
CREATE TYPE codes AS RANGE (subtype = code);
CREATE TABLE t (id int, code code);
CREATE TABLE logs (id int, code code) PARTITION BY LIST (id);
CREATE TABLE logs_1 PARTITION OF logs FOR VALUES IN (1);
CREATE TABLE stock (id int, part part);
CREATE TABLE pairs (id int PRIMARY KEY, a code, b code);
INSERT INTO pairs VALUES (1, 5, -5);
CREATE FUNCTION taken(jsonb) RETURNS SETOF t LANGUAGE sql AS 'SELECT * FROM jsonb_populate_record(NULL::t, $1)';
CREATE FUNCTION cast_on_return(int) RETURNS code LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION read_only() RETURNS SETOF t LANGUAGE sql AS 'SELECT * FROM t';

-- Each is a version, because of one version a domain is reported once.
SELECT status, count(*)
FROM (VALUES
	('array', 'SELECT $1::int[]::code[]'),
	('array, a parameter', 'SELECT $1::code[]'),
	('composite', 'SELECT ROW($1, 1)::part'),
	('domain over it', 'SELECT $1::narrow_code'),
	('function', 'SELECT id FROM taken($1)'),
	('function, its result', 'SELECT cast_on_return($1)'),
	('parameter', 'SELECT $1::code'),
	('partition', 'SELECT id FROM json_populate_record(NULL::logs_1, $1)'),
	('populate', 'SELECT id FROM jsonb_populate_record(NULL::t, $1)'),
	('populate set', 'SELECT id FROM jsonb_populate_recordset(NULL::stock, $1)'),
	('range', 'SELECT $1::codes'),
	('record', 'SELECT n FROM jsonb_to_record($1) AS x (code code, n int)'),
	('record set', 'SELECT n FROM json_to_recordset($1) AS x (n int, parts part[])'),
	('row', 'SELECT ($1::t).id'),
	('text', 'SELECT ($1::text::t).id'),
	('write', 'INSERT INTO stock (part) VALUES ($1)'),
	('write a part', 'UPDATE stock SET part.code = $1'),
	('write two', 'INSERT INTO pairs (id, a, b) VALUES (2, $1, $2)'),
	('xml', 'SELECT code FROM XMLTABLE(''/r'' PASSING ($1::xml) COLUMNS code code)')
) AS v (version, query), compat_guard.register_queries('domains', version, ARRAY[query])
GROUP BY status;
-- These make none, or always the same.
SELECT status FROM compat_guard.register_queries('domains', 'no value', ARRAY[
	'SELECT code FROM t', 'SELECT t FROM t', 'SELECT array_agg(code) FROM t', 'SELECT NULL::t', 'SELECT 5::code',
	'SELECT id FROM t WHERE code = $1', 'DELETE FROM t WHERE code = ANY ($1)', 'INSERT INTO t (id) VALUES ($1)',
	'SELECT * FROM read_only()', 'SELECT jsonb_build_object(''code'', code) FROM t',
	'UPDATE t SET id = $1', 'SELECT to_jsonb(stock) FROM stock']);

-- Two columns of one domain: it is the second that proves it.
SELECT * FROM judged('ALTER DOMAIN code ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID');
SELECT * FROM judged('DROP TABLE stock; ALTER DOMAIN code SET NOT NULL') WHERE rule = 'domain-tightened';
SELECT * FROM judged('ALTER DOMAIN narrow_code SET NOT NULL');
-- no finding
SELECT * FROM judged('ALTER DOMAIN code SET DEFAULT 1');
SELECT * FROM judged('CREATE DOMAIN other AS int NOT NULL; ALTER TABLE t ADD more other DEFAULT 1') WHERE version = 'no value';

-- What was there at registration is no news.
SELECT compat_guard.retire('domains', 'write two');
ALTER DOMAIN code ADD CONSTRAINT small CHECK (VALUE < 100) NOT VALID;
SELECT status FROM compat_guard.register_queries('domains', 'later', ARRAY['SELECT id FROM jsonb_populate_record(NULL::t, $1)']);
SELECT * FROM judged('ALTER DOMAIN code RENAME CONSTRAINT small TO renamed; ALTER DOMAIN code RENAME TO renamed') WHERE version = 'later';
SELECT * FROM judged('ALTER DOMAIN code ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID') WHERE version = 'later';

SELECT count(*) FROM compat_guard.versions, compat_guard.forget(app, version) WHERE app = 'domains';
RESET search_path;
DROP SCHEMA domains CASCADE;
