--
-- What a role that is entrusted, and nothing else, can do to others.  That its
-- functions do not run is for no_user_code.sql to show in full.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE regress_hostile;
CREATE ROLE regress_victim;
SELECT compat_guard.entrust('regress_hostile');
CREATE SCHEMA hostile AUTHORIZATION regress_hostile;
CREATE SCHEMA victim AUTHORIZATION regress_victim;
GRANT USAGE ON SCHEMA victim TO regress_hostile;
SET ROLE regress_victim;
CREATE TABLE victim.t (a int, b int);
CREATE TABLE victim.private (a int);
INSERT INTO victim.private VALUES (42);
GRANT SELECT ON victim.t TO regress_hostile;
RESET ROLE;
\set VERBOSITY terse

-- Register what calls an immutable function that does this, change the schema, and see.
CREATE FUNCTION pg_temp.try(body text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	SET LOCAL ROLE regress_hostile;
	EXECUTE format('CREATE OR REPLACE FUNCTION hostile.g() RETURNS int LANGUAGE plpgsql VOLATILE AS %L',
				   'BEGIN IF current_setting(''hostile.armed'', true) = ''yes'' THEN ' || body || ' END IF; RETURN 1; END');
	CREATE OR REPLACE FUNCTION hostile.f() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN hostile.g(); END';
	PERFORM compat_guard.register('hostile', 'v1',
		'{"search_path": "hostile, victim", "queries": {"q": "SELECT b FROM t WHERE b = f()"}}', replace => true);
	SET LOCAL ROLE regress_victim;
	SET LOCAL hostile.armed = 'yes';
	ALTER TABLE victim.t ADD COLUMN IF NOT EXISTS c int;
	SET LOCAL ROLE regress_hostile;
	RESET ROLE;
	SELECT coalesce(string_agg(c.state || ': ' || c.found, '; '), 'nothing') INTO result
	FROM compat_guard.verification('hostile', 'v1') c WHERE c.rule IS DISTINCT FROM 'routine-body-broken';
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END $$;
SELECT pg_temp.try('RAISE EXCEPTION ''I am %'', current_user;');
SELECT pg_temp.try('PERFORM pg_advisory_lock(1);');
SELECT pg_temp.try('PERFORM pg_sleep(3600);');
SELECT pg_temp.try('RAISE EXCEPTION ''no'' USING ERRCODE = ''55P03'';');

-- the same at commit, by a migrator who knows nothing of it
SET ROLE regress_hostile;
CREATE SEQUENCE hostile.trace;
CREATE OR REPLACE FUNCTION hostile.g() RETURNS int LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	PERFORM nextval('hostile.trace');
	PERFORM set_config('statement_timeout', '7h', false);
	INSERT INTO hostile.log VALUES (current_user, current_query());
	RETURN 1;
END $$;
CREATE TABLE hostile.log (who text, what text);
SELECT status FROM compat_guard.register('hostile', 'v1',
	'{"search_path": "hostile, victim", "queries": {"q": "SELECT b FROM t WHERE b = f()"}}', replace => true);
SET ROLE regress_victim;
ALTER TABLE victim.t ADD COLUMN d int;
SHOW statement_timeout;
RESET ROLE;
SELECT count(*) FROM hostile.log;
-- what a sequence counts is never undone
SELECT is_called AS ran FROM hostile.trace;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';
SELECT count(*) FROM pg_prepared_statements;
SELECT count(*) FROM pg_listening_channels();

--
-- What it has no access to it cannot guard.
--
SET ROLE regress_hostile;
CREATE VIEW hostile.over AS SELECT a FROM victim.private;
CREATE FUNCTION hostile.sqlf() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT a FROM victim.private';
SELECT status, unmet FROM compat_guard.register('hostile', 'v2', '{"search_path": "hostile, victim",
	"relations": {"private": {}, "over": {"columns": {"a": "integer"}},
		"victim.private": {"access": ["select"], "columns": {"a": "integer"}, "indexes": [["a"]], "unique": [["a"]]}},
	"queries": {"by view": "SELECT a FROM over", "by table": "SELECT a FROM private",
		"by function": "SELECT * FROM sqlf()", "mentions": "SELECT 1 FROM t, private"}}');
SELECT kind, object, state, found FROM compat_guard.check('hostile', 'v2') ORDER BY 1, 2;
SET ROLE regress_victim;
ALTER TABLE victim.private ADD COLUMN b int;
ALTER TABLE victim.private ALTER COLUMN b TYPE bigint;
ALTER TABLE victim.private RENAME TO renamed;
ALTER TABLE victim.renamed RENAME a TO z;
ALTER TABLE victim.renamed RENAME TO private;
SET client_min_messages = error;
DROP TABLE victim.private CASCADE;
SET client_min_messages = warning;
RESET ROLE;
SELECT compat_guard.forget('hostile', 'v2');
-- but a name it uses it keeps others from taking over earlier in its path
SET ROLE regress_hostile;
CREATE TABLE hostile.wanted (a int);
SELECT status FROM compat_guard.register('hostile', 'v3',
	'{"search_path": "victim, hostile", "queries": {"q": "SELECT a FROM wanted"}}');
SET ROLE regress_victim;
CREATE TABLE victim.wanted (a int);
RESET ROLE;
SELECT compat_guard.set_policy('name-captured', 'warn', 'hostile');
SELECT compat_guard.forget('hostile', 'v3');
SELECT compat_guard.set_policy('name-captured', NULL, 'hostile');

--
-- Nor does it get more than its time, and takes none from others.
--
SET ROLE regress_hostile;
-- What takes seconds to plan: a number of 130 000 digits.
CREATE VIEW hostile.pace AS SELECT 1::numeric AS n;
SELECT compat_guard.forget('hostile', 'v1');
SELECT status FROM compat_guard.register('hostile', 'v4', '{"search_path": "hostile, victim", "queries": {
	"dawdles": "SELECT a FROM t, pace WHERE n > 0", "late": "SELECT a FROM t", "joins": "SELECT 1 FROM t"}}');
SELECT status FROM compat_guard.register('hostile', 'v5', '{"search_path": "victim, hostile", "queries": {
	"dawdles": "SELECT a FROM t, pace WHERE n > 0"}}');
RESET ROLE;
SELECT status FROM compat_guard.register('honest', 'v1', '{"search_path": "victim", "queries": {"q": "SELECT b FROM t"}}');
SET compat_guard.verify_timeout = '300ms';
SET ROLE regress_hostile;
CREATE OR REPLACE VIEW hostile.pace AS SELECT factorial(32000) AS n;
RESET ROLE;
SELECT clock_timestamp() AS before \gset
SET ROLE regress_victim;
SET compat_guard.verify_timeout = 0;	-- not for everybody
ALTER TABLE victim.t DROP COLUMN b;
ALTER TABLE victim.t ADD COLUMN e int;
RESET ROLE;
SELECT clock_timestamp() - :'before' BETWEEN '500ms' AND '5s' AS in_time;
CREATE VIEW hostile.judged AS
	SELECT app, version, object, coalesce(problems->0->>'found', 'nothing') AS found
	FROM compat_guard.requirements WHERE app IN ('hostile', 'honest');
SELECT app, found, count(*) > 0 AS there FROM hostile.judged WHERE object <> 'late' AND object <> 'joins' GROUP BY 1, 2 ORDER BY 1, 2;
-- a cancel in time comes through, whoever is being verified
SET compat_guard.verify_timeout = '20s';
SET ROLE regress_victim;
SET statement_timeout = '300ms';
\set VERBOSITY sqlstate
ALTER TABLE victim.t ADD COLUMN g int;
\set VERBOSITY terse
SET statement_timeout = 0;
SELECT count(*) FROM pg_attribute WHERE attrelid = 'victim.t'::regclass AND attname = 'g';
-- unknown until now, and so no reason to block; but to be met again
SET ROLE regress_hostile;
CREATE OR REPLACE VIEW hostile.pace AS SELECT 1::numeric AS n;
SET ROLE regress_victim;
ALTER TABLE victim.t ADD COLUMN f int;
RESET ROLE;
SELECT * FROM hostile.judged ORDER BY 1, 2, 3;

-- Only a function of the session's own user runs, where it counts rows that violate a
-- constraint.  If it catches the cancel, it is cancelled all the same.
CREATE FUNCTION victim.stubborn(int) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	LOOP
		BEGIN
			PERFORM pg_catalog.factorial(32000);
		EXCEPTION WHEN query_canceled THEN
		END;
	END LOOP;
END $$;
GRANT INSERT ON victim.t TO regress_hostile;
INSERT INTO victim.t (a) VALUES (1);
SET compat_guard.verify_timeout = '300ms';
SET client_min_messages = error;
SELECT status FROM compat_guard.register('honest', 'v3', '{"role": "regress_hostile", "search_path": "victim", "relations": {"t": {"access": ["insert"]}}}');
SELECT clock_timestamp() AS before \gset
ALTER TABLE victim.t ADD CONSTRAINT endless CHECK (victim.stubborn(a)) NOT VALID;
SELECT clock_timestamp() - :'before' BETWEEN '250ms' AND '5s' AS in_time;
SET compat_guard.verify_timeout = '20s';
SET statement_timeout = '300ms';
\set VERBOSITY sqlstate
ALTER TABLE victim.t ADD COLUMN h int;
\set VERBOSITY terse
SET statement_timeout = 0;
SELECT count(*) FROM pg_attribute WHERE attrelid = 'victim.t'::regclass AND attname = 'h';
SET client_min_messages = warning;
RESET compat_guard.verify_timeout;

--
-- Limits of documents, and of what one role may have registered.
--
SELECT path, problem FROM compat_guard.validate(jsonb_build_object('queries', jsonb_build_object('q', 'SELECT ''' || repeat('x', 1024 * 1024) || '''')));
SELECT path, problem FROM compat_guard.validate((SELECT jsonb_build_object('queries', jsonb_object_agg(i, 'SELECT 1')) FROM generate_series(1, 20001) i));
SELECT path, problem FROM compat_guard.validate(jsonb_build_object('queries', jsonb_build_object('q', repeat('x', 17 * 1024 * 1024))));
SET ROLE regress_hostile;
SELECT status FROM compat_guard.register('hostile', 'huge', jsonb_build_object('queries', jsonb_build_object('q', repeat('x', 17 * 1024 * 1024))));
SELECT status FROM compat_guard.register('many', 'v1', '{}');
RESET ROLE;
UPDATE compat_guard.version SET requirements = 99997
WHERE name = 'v1' AND app_id = (SELECT app_id FROM compat_guard.app WHERE name = 'many');
SET ROLE regress_hostile;
SELECT count(compat_guard.retire('hostile', version)) FROM unnest('{v4,v5}'::text[]) AS version;
SELECT status FROM compat_guard.register_queries('many', 'v2', '{SELECT 1,SELECT 2,SELECT 3}');
SELECT status FROM compat_guard.register_queries('many', 'v3', '{SELECT 1}');
SELECT status FROM compat_guard.register_queries('many', 'v2', '{SELECT 1,SELECT 2,SELECT 3}');
RESET ROLE;
SELECT status FROM compat_guard.register_queries('honest', 'v2', '{SELECT 1}');

SELECT count(compat_guard.forget(app, version)) FROM compat_guard.versions;
SET client_min_messages = error;
DROP SCHEMA hostile, victim CASCADE;
DROP OWNED BY regress_hostile, regress_victim;
DROP ROLE regress_hostile, regress_victim;
