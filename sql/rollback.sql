-- Versions that one may have to go back to, and versions that a migration makes ready.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
\set VERBOSITY terse
\pset format unaligned
\pset footer off
\pset null -
CREATE SCHEMA rollback;
SET search_path = rollback;
SET application_name = 'regress_rollback';
CREATE TABLE users (id int, a int, b int, c int, d int);
CREATE TABLE other (x int);
CREATE FUNCTION contract(VARIADIC columns text[]) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('search_path', 'rollback', 'relations',
		jsonb_build_object('users', jsonb_build_object('columns', jsonb_object_agg(c, '{}'::jsonb))))
	FROM unnest(columns) AS c
$$;
-- What came since it was asked last, but for rows that another process writes.
CREATE FUNCTION news() RETURNS TABLE (verdict text, versions text[], rules text, now_ready text[], floors jsonb)
LANGUAGE sql AS $$
	WITH gone AS (DELETE FROM compat_guard.journal_entry j WHERE application_name = 'regress_rollback' RETURNING *)
	SELECT j.verdict, j.versions,
		(SELECT string_agg(f->>'rule' || ' ' || (f->>'action'), ', ') FROM jsonb_array_elements(j.findings) f),
		j.now_ready, j.rollback_floors
	FROM gone j WHERE j.verdict <> 'blocked' ORDER BY j.at
$$;
CREATE FUNCTION way(what text) RETURNS TABLE (version text, rule text, action text, requirement text, found text)
LANGUAGE sql AS $$ SELECT version, rule, action, requirement, found FROM compat_guard.preview(what) $$;

SELECT status FROM compat_guard.register('shop', '0', contract('id', 'a'));
SELECT status FROM compat_guard.register('shop', '1', contract('id', 'a'));
SELECT status FROM compat_guard.register('shop', '2', contract('a', 'b'));
SELECT status FROM compat_guard.register('shop', '3', contract('b', 'c'));
SELECT status FROM compat_guard.register('shop', '4', contract('d'));
SELECT status FROM compat_guard.register('mail', '7', contract('d'));
SELECT compat_guard.retire('shop', v) FROM unnest('{0,1,2,3}'::text[]) AS v;

-- The last three are kept, and what those need is looked at; what else the first
-- needed is forgotten.
SELECT version, status, live, skipped_at IS NULL AS tracked FROM compat_guard.versions WHERE app = 'shop' ORDER BY version;
SELECT version, live, state, is_rollback_floor FROM compat_guard.rollback WHERE app = 'shop' ORDER BY version;
SELECT r.object, s.state FROM compat_guard.requirement r LEFT JOIN compat_guard.requirement_state s USING (requirement_id)
WHERE r.kind = 'column' ORDER BY 1;

--
-- preview: each version that would be lost, once, and nothing else
--
SELECT * FROM way('ALTER TABLE users DROP COLUMN a');
SELECT * FROM way('ALTER TABLE users DROP COLUMN a, DROP COLUMN b');
SELECT * FROM way('DROP TABLE users');
-- near misses: nobody's, another's, and what only makes a remark
SELECT * FROM way('ALTER TABLE other ADD COLUMN y int; ALTER TABLE users ADD COLUMN e int; DROP TABLE other');
SELECT * FROM way('ALTER TABLE users RENAME a TO z; ALTER TABLE users RENAME z TO a');
SELECT advice FROM compat_guard.preview('ALTER TABLE users DROP COLUMN a') WHERE version = '1';
SELECT * FROM news();

--
-- At commit: the log, and the journal.
--
SET client_min_messages = log;
\set VERBOSITY default
ALTER TABLE users DROP COLUMN a;
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT * FROM news();
SELECT version, live, state, reasons, is_rollback_floor FROM compat_guard.rollback WHERE app = 'shop' ORDER BY version;
-- What is lost is not lost again: 2 needed this one, too.
SELECT * FROM way('ALTER TABLE users DROP COLUMN b');
ALTER TABLE other ADD COLUMN y int;
ALTER TABLE users DROP COLUMN id;
SELECT * FROM news();
-- And it comes back.
ALTER TABLE users ADD COLUMN id int, ADD COLUMN a int;
SELECT * FROM news();
SELECT version, state, is_rollback_floor FROM compat_guard.rollback WHERE app = 'shop' ORDER BY version;
-- The net effect counts, however it is judged.
SET compat_guard.verify = statement;
BEGIN;
ALTER TABLE users DROP COLUMN a;
ALTER TABLE users ADD COLUMN a int;
COMMIT;
BEGIN;
ALTER TABLE users DROP COLUMN c;
SAVEPOINT s;
ALTER TABLE users DROP COLUMN a;
ROLLBACK TO s;
COMMIT;
RESET compat_guard.verify;
SELECT * FROM news();
ALTER TABLE users ADD COLUMN c int;
SELECT * FROM news();

--
-- A policy may ask for more.  Who is live is named first.
--
SELECT compat_guard.set_policy('rollback-lost', 'warn', 'shop');
\set VERBOSITY default
BEGIN;
ALTER TABLE users DROP COLUMN c;
COMMIT;
ALTER TABLE users ADD COLUMN c int;
SELECT compat_guard.set_policy('rollback-lost', 'block', 'shop');
ALTER TABLE users DROP COLUMN c;
DROP TABLE users;
\set VERBOSITY terse
SELECT compat_guard.set_policy('rollback-lost', 'ignore', 'shop');
SELECT * FROM way('ALTER TABLE users DROP COLUMN c');
SELECT compat_guard.set_policy('rollback-lost', NULL, 'shop');
DELETE FROM compat_guard.journal_entry;

--
-- How far back.  What was let go is kept no longer.
--
BEGIN;
SET LOCAL compat_guard.rollback_versions = 1;
SELECT * FROM way('ALTER TABLE users DROP COLUMN b');
SELECT version, live FROM compat_guard.rollback WHERE app = 'shop' ORDER BY version;
ROLLBACK;
BEGIN;
SET LOCAL compat_guard.rollback_versions = 0;
SELECT * FROM way('ALTER TABLE users DROP COLUMN b');
SELECT version, live FROM compat_guard.rollback WHERE app = 'shop' ORDER BY version;
ALTER TABLE users DROP COLUMN b;
COMMIT;
SELECT * FROM news();
SELECT version, status, skipped_at IS NULL AS tracked FROM compat_guard.versions WHERE app = 'shop' ORDER BY version;
SELECT compat_guard.ready('shop', v) FROM unnest('{0,2}'::text[]) AS v;
ALTER TABLE users ADD COLUMN b int;

-- One that is taken back is verified anew, and is live again.
SELECT compat_guard.reactivate('shop', '3');
SELECT compat_guard.reactivate('shop', '1');
SELECT version, status, live, skipped_at IS NULL AS tracked FROM compat_guard.versions WHERE app = 'shop' ORDER BY version;
ALTER TABLE users DROP COLUMN b;
SELECT compat_guard.retire('shop', '1');
SELECT status FROM compat_guard.register('shop', '1', contract('id', 'a'));
DELETE FROM compat_guard.journal_entry;

-- One whose instances are gone is dead, too; and so is one that never could run.
SET compat_guard.lease_grace = 0;
SELECT status FROM compat_guard.register('lease', '1', contract('d'), 'one', '1 hour');
SELECT status FROM compat_guard.register('lease', '2', contract('e'), 'one', '1 hour');
SELECT compat_guard.leave('lease', v, 'one') FROM unnest('{1,2}'::text[]) AS v;
SELECT app, version, state, is_rollback_floor FROM compat_guard.rollback WHERE NOT live AND app = 'lease' ORDER BY version;
SELECT compat_guard.retire('shop', '4'), compat_guard.retire('mail', '7');
SELECT app, version, rule FROM compat_guard.preview('DROP TABLE rollback.users') ORDER BY 1, 2;
-- It comes back to what is stored, which was kept true.
ALTER TABLE users DROP COLUMN d;
SELECT version, status, live, skipped_at IS NULL AS tracked FROM compat_guard.versions WHERE app = 'lease' ORDER BY version;
SELECT compat_guard.heartbeat('lease', '1', 'one', '1 hour') > now() AS runs;
SELECT version, status, live FROM compat_guard.versions WHERE app = 'lease' ORDER BY version;
ALTER TABLE users ADD COLUMN d int, ADD COLUMN e int;
SELECT version, status, live FROM compat_guard.versions WHERE app = 'lease' ORDER BY version;
SELECT * FROM news();
ALTER TABLE users DROP COLUMN d;
SELECT FROM (SELECT compat_guard.forget(app, version) FROM compat_guard.versions WHERE app IN ('lease', 'mail', 'shop')) AS f;
SELECT count(*) FROM compat_guard.requirement_state;
DELETE FROM compat_guard.journal_entry;

--
-- Versions that a migration makes ready.
--
SET client_min_messages = notice;
SELECT status FROM compat_guard.register('shop', '8', contract('id', 'm', 'n'));
SELECT status FROM compat_guard.register('mail', '8', contract('n'));
SELECT status FROM compat_guard.register('mail', '9', contract('n', 'o'));
-- one of two
ALTER TABLE users ADD COLUMN m int;
-- the last: of those two, but not of the third
ALTER TABLE users ADD COLUMN n int;
SELECT * FROM news();
-- said once, and not of those that were ready
ALTER TABLE users ADD COLUMN o int, ADD COLUMN p int;
ALTER TABLE users ADD COLUMN q int;
SELECT * FROM news();
-- what was broken
BEGIN;
SELECT compat_guard.allow('to see it come back');
ALTER TABLE users DROP COLUMN m;
COMMIT;
ALTER TABLE users ADD COLUMN m int;
SELECT versions, now_ready, floors FROM news();
-- only what is so in the end
SELECT status FROM compat_guard.register('shop', '9', contract('r', 's'));
SET compat_guard.verify = statement;
BEGIN;
ALTER TABLE users ADD COLUMN r int;
ALTER TABLE users ADD COLUMN s int;
ROLLBACK;
BEGIN;
ALTER TABLE users ADD COLUMN r int;
SAVEPOINT a;
ALTER TABLE users ADD COLUMN s int;
ROLLBACK TO a;
COMMIT;
SELECT * FROM news();
BEGIN;
ALTER TABLE users ADD COLUMN s int;
SELECT compat_guard.allow('in between');
ALTER TABLE users DROP COLUMN s;
COMMIT;
RESET compat_guard.verify;
SELECT versions, now_ready, floors FROM news();
-- without a journal it is said all the same; the mode that says nothing says nothing
BEGIN;
SET LOCAL compat_guard.journal = off;
ALTER TABLE users ADD COLUMN s int;
COMMIT;
BEGIN;
SET LOCAL compat_guard.mode = off;
ALTER TABLE users DROP COLUMN s;
ALTER TABLE users ADD COLUMN t int;
COMMIT;
BEGIN;
SET LOCAL compat_guard.mode = off;
ALTER TABLE users ADD COLUMN s int;
COMMIT;
SELECT versions, now_ready, floors FROM news();
-- nor does a restore
SELECT status FROM compat_guard.register('shop', '10', contract('u'));
SELECT current_schema() AS here \gset
BEGIN;
SET LOCAL check_function_bodies = off;
SELECT set_config('search_path', '', true) IS NULL AS cleared;
ALTER TABLE :here.users ADD COLUMN u int;
COMMIT;
SELECT version, status FROM compat_guard.versions WHERE app = 'shop' ORDER BY version;
SELECT * FROM news();
-- a retired one is not waited for
SELECT status FROM compat_guard.register('shop', '11', contract('v'));
SELECT compat_guard.retire('shop', '11');
ALTER TABLE users ADD COLUMN v int;
SELECT * FROM news();

SET client_min_messages = error;
SELECT FROM (SELECT compat_guard.forget(app, version) FROM compat_guard.versions) AS f;
DROP SCHEMA rollback CASCADE;
