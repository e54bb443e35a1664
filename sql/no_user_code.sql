--
-- Verification runs nobody's functions: neither those a query calls, nor those of
-- the tables it is about, whoever's session it happens in.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE regress_coder;
SELECT compat_guard.entrust('regress_coder');
CREATE SCHEMA code AUTHORIZATION regress_coder;
SET ROLE regress_coder;
SET search_path = code;
\set VERBOSITY terse

-- Every call is counted by what no rollback takes back, and told to the client.
CREATE SEQUENCE calls;
CREATE FUNCTION g(int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	PERFORM nextval('code.calls');
	RAISE INFO 'g(%) runs; the session has prepared: %', $1, (SELECT string_agg(statement, ' ') FROM pg_prepared_statements);
	RETURN $1;
END $$;
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN code.g(1); END';
CREATE FUNCTION f1(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN code.g($1); END';
CREATE FUNCTION f2(int, int DEFAULT code.f()) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN code.g($1 + $2); END';
CREATE FUNCTION later(int, int DEFAULT code.f()) RETURNS int LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN code.g($1 + $2); END';
CREATE FUNCTION strict1(int) RETURNS int LANGUAGE plpgsql IMMUTABLE STRICT AS 'BEGIN RETURN code.g($1); END';
CREATE FUNCTION stable1(int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN code.g($1); END';
CREATE FUNCTION several(int) RETURNS SETOF int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN NEXT code.g($1); END';
CREATE TABLE t (a int, b text, c int[]);
CREATE FUNCTION inlined(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT code.f1($1) + code.f()';
CREATE FUNCTION inlined_set() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT a FROM code.t WHERE a = code.f()';
CREATE TYPE pair AS (x int, y int);
CREATE FUNCTION pair() RETURNS pair LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN (code.g(1), 2); END';
CREATE FUNCTION pair_value(pair) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN code.g(1); END';
CREATE CAST (pair AS int) WITH FUNCTION pair_value(pair);
CREATE FUNCTION eq(int, int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN code.g($1) = $2; END';
CREATE FUNCTION eq_strict(int, int) RETURNS bool LANGUAGE plpgsql IMMUTABLE STRICT AS 'BEGIN RETURN code.g($1) = $2; END';
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = eq, RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE OPERATOR ==== (LEFTARG = int, RIGHTARG = int, FUNCTION = eq_strict, RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE OPERATOR !!! (RIGHTARG = int, FUNCTION = f1);
CREATE AGGREGATE total(int) (SFUNC = f2, STYPE = int, INITCOND = '1');
CREATE VIEW v AS SELECT a, f() AS q FROM t WHERE f1(3) = 1;
INSERT INTO t SELECT i % 5, i, ARRAY[i] FROM generate_series(1, 1000) AS i;

-- What tables call for themselves: keys, predicates, checks, statistics.
CREATE TABLE indexed (a int, b int);
CREATE INDEX ON indexed ((a + f()));
CREATE INDEX ON indexed (f1(a)) WHERE b = f1(7);
CREATE TABLE checked (a int, CHECK (a > f1(3)));
CREATE TABLE checked_child () INHERITS (checked);
CREATE TABLE counted (a int, b int);
CREATE STATISTICS on_expression ON (a + f1(3)), b FROM counted;
CREATE STATISTICS on_columns (mcv) ON a, b FROM counted;
INSERT INTO counted SELECT i % 5, i % 5 FROM generate_series(1, 1000) AS i;
RESET ROLE;

CREATE TABLE code.query (name text PRIMARY KEY, sql text);
INSERT INTO code.query VALUES
	('nothing to call with', 'SELECT b FROM t WHERE a = f()'),
	('constants', 'SELECT f1(1), f1(f1(2)), strict1(NULL), f1(NULL)'),
	('parameters', 'SELECT f1($1), f2($2, 3) FROM t WHERE a = $3'),
	('defaults', 'SELECT f2(1), later(2) FROM t WHERE a = later(3)'),
	('stable', 'SELECT b FROM t WHERE a = stable1(1) LIMIT stable1(2)'),
	('put in its place', 'SELECT inlined(3), a FROM t WHERE inlined(1) = a'),
	('sets', 'SELECT * FROM inlined_set(), several(f1(1)), several(2) AS s'),
	('sets in the list', 'SELECT several(f()), inlined_set()'),
	('as tables', 'SELECT * FROM f() AS x, f1(3) AS y, pair() AS z'),
	('becomes constant', 'SELECT f1(x), strict1(x), f2(y) FROM (SELECT 1 AS x, NULL::int AS y) AS s, (VALUES (1)) AS w (z) WHERE f1(z) = 1'),
	('operators', 'SELECT b, 1 === 2, !!! 3 FROM t WHERE a === 2 AND a ==== f()'),
	('operators of expressions', 'SELECT 3 === ANY (ARRAY[1, 2]), NULLIF(f(), 4), 1 IS DISTINCT FROM f() FROM t WHERE a === ANY (''{1,2}'')'),
	('conditionals', 'SELECT CASE 1 WHEN f1(2) THEN 1 WHEN a THEN f() END, COALESCE(NULL, f1(2)), GREATEST(f(), f1(3), 4) FROM t'),
	('casts', 'SELECT ROW(1, 2)::pair::int, ARRAY[ROW(1, 2)::pair]::int[], f1(3)::text::numeric, (pair()).x'),
	('constructors', 'SELECT ARRAY[f(), f1(2)], (ARRAY[1, f()])[f1(1)], ROW(f(), 2) = ROW(1, f1(2)), int4range(f(), f1(2)), jsonb_build_object(''a'', f())'),
	('grouped', 'SELECT f1(a), f(), count(*) FROM t GROUP BY f1(a), f() HAVING f1(a) > f() ORDER BY f1(a), f()'),
	('grouping sets', 'SELECT f1(a), f(), a FROM t GROUP BY GROUPING SETS ((f1(a)), (a, f()), ())'),
	('distinct', 'SELECT DISTINCT ON (f1(a)) a, f2(3) FROM t ORDER BY f1(a)'),
	('windows', 'SELECT sum(f1(a)) OVER (PARTITION BY f1(a) ORDER BY f(), a ROWS BETWEEN f1(1) PRECEDING AND CURRENT ROW) FROM t'),
	('aggregates', 'SELECT total(a), total(f1(a) ORDER BY f()) FILTER (WHERE f() = 1), count(DISTINCT f1(a)) FROM t'),
	('limits', 'SELECT a FROM t LIMIT f1(3) OFFSET f()'),
	('sample', 'SELECT a FROM t TABLESAMPLE bernoulli (f1(3)) REPEATABLE (f())'),
	('sub-selects', 'SELECT f1((SELECT max(a) FROM t)) FROM t WHERE a IN (SELECT f1(3) FROM t AS u WHERE u.a = f()) AND f1(a) NOT IN (SELECT f1(a) FROM t) AND EXISTS (SELECT FROM t WHERE f() = a)'),
	('common tables', 'WITH RECURSIVE w AS (SELECT f1(2) AS x), r (n) AS (SELECT f() UNION ALL SELECT f1(n) FROM r WHERE n < f1(10)) SELECT x, f1(x) FROM w, r'),
	('sets of queries', 'SELECT f() UNION SELECT f1(3) UNION ALL SELECT a FROM t'),
	('lateral', 'SELECT t.a, s.z, k.k FROM t, LATERAL (SELECT f1(t.a) AS z, f() OFFSET 0) AS s, LATERAL f1(t.a) AS k'),
	('a view', 'SELECT * FROM v'),
	('INSERT', 'INSERT INTO t (a, b) VALUES (f(), f1(3)::text) RETURNING f1(a)'),
	('UPDATE', 'UPDATE t SET a = f1(3), c[f()] = f1(4) WHERE a = f() RETURNING f1(a)'),
	('MERGE', 'MERGE INTO t USING (SELECT f1(3) AS x) AS s ON t.a = s.x WHEN MATCHED AND f() = 1 THEN UPDATE SET a = f1(4) WHEN NOT MATCHED THEN INSERT (a) VALUES (f1(5))'),
	('indexes', 'SELECT a FROM indexed WHERE a = 3 AND b = 7'),
	('checks', 'SELECT a FROM checked WHERE a = 3'),
	('statistics', 'SELECT a FROM counted WHERE a === 3 AND b === 3'),
	('of the server', 'SELECT a || b, b || a, lpad(b, a), (now() - interval ''1 day'')::date + time ''04:05'', age(now()), b || 1.5, format(''%s'', a), concat(a, b), to_char(now(), b), session_user || b, overlay(b PLACING ''x'' FROM 2), 1 || b, quote_literal(a), (now(), now()) OVERLAPS (now(), interval ''1 day''), a || NULL FROM t WHERE a BETWEEN 1 AND extract(day FROM current_date) AND to_tsvector(b) @@ plainto_tsquery(''x'') AND b = ANY (string_to_array(current_setting(''no.such''), '',''))'),
	('full join', 'SELECT t.a FROM t FULL JOIN t AS u ON f1(t.a) = f1(u.a) FULL JOIN t AS w ON w.a = u.a + f()'),
	('outer join that is none', 'SELECT t.a FROM t LEFT JOIN t AS u ON t.a = u.a WHERE strict1(u.a) = 3 AND u.a ==== 3 FOR UPDATE');
CREATE FUNCTION code.calls_since(INOUT before bigint, OUT calls bigint) LANGUAGE sql AS
	'SELECT last_value, last_value - before FROM code.calls';
-- A session that knows nothing yet of the tables.
\c
SET client_min_messages = warning;
\set VERBOSITY terse
SELECT last_value AS before FROM code.calls \gset
SELECT name, status FROM code.query, LATERAL compat_guard.register('code', name, jsonb_build_object(
	'role', 'regress_coder', 'search_path', 'code', 'queries', jsonb_build_object(name, sql))) AS r
WHERE status <> 'ready';
SELECT count(*), count(*) FILTER (WHERE status = 'ready') AS ready FROM compat_guard.versions WHERE app = 'code';
SELECT name, state, found FROM code.query, LATERAL compat_guard.verification('code', name) AS c
WHERE state <> 'met' AND found NOT LIKE '%plpgsql_check%';
SELECT calls FROM code.calls_since(:before);

-- Nor when a migrator's change is judged, who keeps his session to himself.
PREPARE secret AS SELECT 'password';
CREATE SEQUENCE code.mine;
SELECT nextval('code.mine');
SET statement_timeout = '1h';
ALTER TABLE code.t ADD COLUMN d int;
ALTER TABLE code.indexed ADD COLUMN d int;
ALTER TABLE code.checked ADD COLUMN d int;
ALTER TABLE code.counted ADD COLUMN d int;
SELECT lastval(), calls FROM code.calls_since(:before);
DEALLOCATE secret;
RESET statement_timeout;

-- What planning finds it still finds.
SET client_min_messages = error;
ALTER TABLE code.indexed DROP COLUMN b;
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.try(query text, ddl text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM compat_guard.register('try', '1', jsonb_build_object('role', 'regress_coder', 'search_path', 'code', 'queries', jsonb_build_object('q', query)), replace => true);
	SELECT c.state || coalesce(': ' || c.found, '') INTO result FROM compat_guard.verification('try', '1') AS c
	ORDER BY c.found ~ 'plpgsql_check|polymorphic', c.state DESC LIMIT 1;
	IF ddl <> '' THEN
		SELECT result || coalesce(', then ' || string_agg(p.found, '; '), '') INTO result FROM compat_guard.preview(ddl) AS p WHERE p.app = 'try';
	END IF;
	PERFORM compat_guard.forget('try', '1');
	RETURN result;
END $$;
CREATE TABLE code.keyed (a int PRIMARY KEY, b int);
GRANT SELECT, INSERT, UPDATE ON code.keyed TO regress_coder;
SELECT pg_temp.try('INSERT INTO keyed VALUES (f(), 1) ON CONFLICT (a) DO UPDATE SET b = f1(2) WHERE keyed.b = f()',
	'ALTER TABLE code.keyed DROP CONSTRAINT keyed_pkey');
SELECT pg_temp.try('SELECT t.a FROM t LEFT JOIN t AS u ON t.a = u.a WHERE f1(u.a) = 3 FOR UPDATE', '');
SELECT pg_temp.try('SELECT * FROM t FULL JOIN t AS u ON t.a < u.a', '');
SELECT pg_temp.try('SELECT a / 0, 1 / 0 FROM t', '');

-- Bodies that the planner would have looked into, as they are called.
SET check_function_bodies = off;
CREATE FUNCTION code.either(x anyelement, y anyelement DEFAULT NULL, first bool DEFAULT true) RETURNS anyelement LANGUAGE sql AS
	'SELECT CASE WHEN first THEN x ELSE y END FROM code.t';
CREATE FUNCTION code.neither(a anyelement) RETURNS anyelement LANGUAGE sql AS 'SELECT $1 FROM code.t WHERE t.no_such = 1';
RESET check_function_bodies;
SELECT pg_temp.try('SELECT either(first => false, y => 1, x => 2), either(''x''::text, ''y'') FROM t', '');
SELECT pg_temp.try('SELECT neither(1)', '');

-- What cannot be told is unknown, and stops nobody: a constant that a domain's
-- function would have to check, or what somebody's function decides.
CREATE DOMAIN code.checked_by AS int CHECK (code.f1(VALUE) > 0);
CREATE DOMAIN code.checked_by_us AS int CHECK (VALUE > 0);
CREATE DOMAIN code.checked_by_session AS int CHECK (VALUE > current_setting('no.such')::int);
CREATE TYPE code.of_checked AS (a code.checked_by);
SELECT last_value AS before FROM code.calls \gset
SELECT query, pg_temp.try(query, 'ALTER TABLE code.t ADD COLUMN more int') FROM unnest(ARRAY[
	'SELECT ''3''::checked_by, 4::checked_by, ARRAY[1, 2]::checked_by[] FROM t',
	'SELECT ''{3}''::checked_by[] FROM t',
	'SELECT ''(3)''::of_checked FROM t',
	'SELECT ''{3}''::checked_by_us[] FROM t',
	'SELECT ''{-3}''::checked_by_us[] FROM t',
	'SELECT ''{3}''::checked_by_session[] FROM t',
	'SELECT * FROM t FULL JOIN t AS u ON f1(3) = 3',
	'SELECT * FROM t FULL JOIN t AS u ON 3 = 3']) AS query;
SELECT calls FROM code.calls_since(:before);

-- What a query asks of the session is not asked of the one that verifies.
CREATE TABLE code.rented (a int PRIMARY KEY, tenant int, b text);
GRANT SELECT ON code.rented TO regress_coder;
ALTER TABLE code.rented ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON code.rented USING (tenant = current_setting('app.tenant')::int);
SELECT status, unmet FROM compat_guard.register('tenant', '1', '{"role": "regress_coder", "search_path": "code", "queries": {
	"by policy": "SELECT b FROM rented WHERE a = $1",
	"direct": "SELECT b FROM rented WHERE tenant = current_setting(''app.tenant'')::int LIMIT current_setting(''app.rows'')::int",
	"time": "SELECT b FROM rented WHERE a > extract(day FROM now()) AND ''tomorrow''::text::timestamptz > now() AND b LIKE current_setting(''app.like'')"}}');
ALTER TABLE code.rented ADD COLUMN c int;
ALTER TABLE code.rented DROP COLUMN b;
SELECT DISTINCT state FROM compat_guard.check('tenant', '1');

-- Rows that violate a constraint are counted only if that runs nothing of others.
CREATE FUNCTION code.migrators(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 > 10; END';
CREATE TABLE code.rows (a int, b int);
INSERT INTO code.rows VALUES (1, 2), (3, 4);
ALTER TABLE code.rows OWNER TO regress_coder;
SELECT status FROM compat_guard.register('rows', '1', '{"role": "regress_coder", "search_path": "code", "relations": {"rows": {"access": ["insert"], "insert": ["a", "b"]}}}');
SELECT last_value AS before FROM code.calls \gset
SELECT constr, string_agg(DISTINCT found || ' (' || action || ')', '; ') AS found
FROM unnest('{a > 10,code.migrators(a),code.f1(a) > 10,code.strict1(NULL) > 10,a > random() * 0 + 10,nextval(''code.calls'') < 0,a > extract(day FROM now()) + 40}'::text[]) AS constr,
	LATERAL compat_guard.preview(format('ALTER TABLE code.rows ADD CONSTRAINT c CHECK (%s) NOT VALID', constr))
WHERE rule IN ('constraint-added', 'constraint-not-valid-trap')
GROUP BY constr ORDER BY constr COLLATE "C";
SELECT calls FROM code.calls_since(:before);

SELECT count(compat_guard.forget(app, version)) FROM compat_guard.versions;
SET client_min_messages = error;
DROP SCHEMA code CASCADE;
DROP OWNED BY regress_coder;
DROP ROLE regress_coder;
