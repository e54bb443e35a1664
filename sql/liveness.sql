-- Which versions count: attached sessions, leases, support, and what is true of
-- a version that comes back.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS compat_guard;
\set VERBOSITY terse
SET compat_guard.lease_grace = 0;
-- Judgements pass over all that are not live: rollback.sql has those they do not.
SET compat_guard.rollback_versions = 0;
CREATE SCHEMA live;
SET search_path = live;
CREATE TABLE t (id int PRIMARY KEY, a int, b int, c int, d int, e int);
CREATE FUNCTION status() RETURNS TABLE (version text, status text, live boolean, live_by text, sessions bigint, leases bigint)
LANGUAGE sql AS $$
	SELECT version, status, live, live_by, sessions, leases FROM compat_guard.versions WHERE app = 'live' ORDER BY version
$$;

-- ---- registered, and nothing else ----

SELECT status FROM compat_guard.register_queries('live', 'plain', '{SELECT a FROM live.t}');
SELECT * FROM status();
ALTER TABLE t DROP COLUMN a;
\echo :LAST_ERROR_SQLSTATE
SELECT compat_guard.retire('live', 'plain');
ALTER TABLE t DROP COLUMN a;
SELECT * FROM status();

-- Taken back, it is verified anew, and what is broken blocks nothing.
SELECT compat_guard.reactivate('live', 'plain');
SELECT * FROM status();
ALTER TABLE t ADD COLUMN x int;
ALTER TABLE t ADD COLUMN a int;
SELECT * FROM status();
ALTER TABLE t DROP COLUMN a;
SELECT compat_guard.reactivate('live', 'plain');
SELECT compat_guard.reactivate('live', 'none');
\echo :LAST_ERROR_SQLSTATE
SELECT compat_guard.forget('live', 'plain');

-- ---- sessions ----

SELECT status FROM compat_guard.register_queries('live', 'v1', '{SELECT b FROM live.t, SELECT count(*) FROM live.t}');
SELECT compat_guard.attach('live', 'v1');
SELECT compat_guard.attach('live', 'v1');
SELECT * FROM status();
SELECT version, type, instance, running, pid = pg_backend_pid() AS mine, role = current_user AS role, backend_start IS NOT NULL AS started, expires_at
FROM compat_guard.instances;
-- The session itself is one that the version is live by.
ALTER TABLE t DROP COLUMN b;

SELECT compat_guard.detach();
SELECT compat_guard.detach();
SELECT * FROM status();
SELECT count(*) FROM compat_guard.instances;
SELECT count(*) FROM compat_guard.dependencies WHERE app = 'live';
-- What it needs counts no more, but is found out when it comes back.
BEGIN;
ALTER TABLE t DROP COLUMN b;
ROLLBACK;
SELECT * FROM status();
ALTER TABLE t DROP COLUMN b;
SELECT * FROM status();
SELECT compat_guard.attach('live', 'v1');
SELECT * FROM status();
SELECT object, state FROM compat_guard.requirements WHERE app = 'live' ORDER BY 1;
ALTER TABLE t ADD COLUMN y int;
ALTER TABLE t ADD COLUMN b int;
SELECT * FROM status();
ALTER TABLE t DROP COLUMN b;

-- What has not touched it says nothing about it.
SELECT compat_guard.detach();
CREATE TABLE other (a int);
SELECT * FROM status();

-- To register again is no instance, but what is answered is true.
ALTER TABLE t DROP COLUMN b;
SELECT status, unmet FROM compat_guard.register_queries('live', 'v1', '{SELECT b FROM live.t, SELECT count(*) FROM live.t}');
SELECT * FROM status();
ALTER TABLE t ADD COLUMN b int;
SELECT * FROM status();
SELECT status, unmet FROM compat_guard.register_queries('live', 'v1', '{SELECT b FROM live.t, SELECT count(*) FROM live.t}');

-- One session is an instance of one version.
SELECT status FROM compat_guard.register_queries('live', 'v2', '{SELECT c FROM live.t}');
SELECT compat_guard.attach('live', 'v1');
SELECT compat_guard.attach('live', 'v2');
SELECT * FROM status();

-- A transaction that fails changes nothing.
BEGIN;
SELECT compat_guard.attach('live', 'v1');
SELECT * FROM status();
ROLLBACK;
SELECT * FROM status();
BEGIN;
SELECT compat_guard.detach();
SAVEPOINT s;
SELECT compat_guard.attach('live', 'v1');
ROLLBACK TO s;
SELECT * FROM status();
SAVEPOINT s2;
SELECT compat_guard.attach('live', 'v1');
RELEASE s2;
SELECT compat_guard.attach('live', 'v2');
SELECT compat_guard.attach('live', 'v1');
COMMIT;
SELECT * FROM status();
BEGIN;
SELECT 1 / 0;
ROLLBACK;
SELECT version, sessions FROM status();
SELECT compat_guard.detach();
BEGIN;
SELECT compat_guard.attach('live', 'v1');
ROLLBACK;
SELECT version, sessions FROM status();

-- Nor is it prepared; a session attached before may prepare.
BEGIN;
SELECT compat_guard.attach('live', 'v1');
PREPARE TRANSACTION 'live';
\echo :LAST_ERROR_SQLSTATE
SELECT version, sessions FROM status();
SELECT compat_guard.attach('live', 'v1');
BEGIN;
CREATE TABLE prepared (a int);
ALTER TABLE t ADD COLUMN z int;
PREPARE TRANSACTION 'live';
COMMIT PREPARED 'live';
SELECT version, sessions FROM status();

-- What hands a session on to another client detaches it.
DISCARD ALL;
SET client_min_messages = error;
SET compat_guard.lease_grace = 0;
SET compat_guard.rollback_versions = 0;
SET search_path = live;
SELECT version, sessions FROM status();
SELECT compat_guard.attach('live', 'v1');
SELECT version, sessions FROM status();
SELECT pg_advisory_unlock_all();
SELECT version, sessions FROM status();
BEGIN;
SELECT compat_guard.detach();
SELECT compat_guard.attach('live', 'v1');
COMMIT;
SELECT version, sessions FROM status();
BEGIN;
SELECT pg_advisory_unlock_all();
SELECT compat_guard.detach();
SELECT compat_guard.attach('live', 'v1');
COMMIT;
SELECT version, sessions FROM status();
SELECT compat_guard.detach();
SELECT version, sessions FROM status();

SELECT compat_guard.retire('live', 'v2');
SELECT compat_guard.attach('live', 'v2');
SELECT compat_guard.attach('live', 'none');
SELECT compat_guard.attach('none', 'v1');
SELECT compat_guard.attach(NULL, 'v1');
SELECT compat_guard.attach('live', '');
-- Retired while attached: it counts no more.
SELECT compat_guard.attach('live', 'v1');
SELECT compat_guard.retire('live', 'v1');
SELECT * FROM status();
ALTER TABLE t DROP COLUMN b;
SELECT compat_guard.detach();
SELECT compat_guard.forget('live', 'v1'), compat_guard.forget('live', 'v2');

-- ---- leases ----

SELECT status FROM compat_guard.register('live', 'l1', '{"search_path": "live", "relations": {"t": {"columns": {"c": {}}}}}', 'one', '1 hour');
SELECT status FROM compat_guard.register('live', 'l1', '{"search_path": "live", "relations": {"t": {"columns": {"c": {}}}}}', instance => 'two', lease => '1 day');
SELECT * FROM status();
SELECT version, type, instance, running, expires_at - heartbeat_at AS lease FROM compat_guard.instances ORDER BY instance;
SELECT compat_guard.heartbeat('live', 'l1', 'one') BETWEEN now() + '59 minutes' AND now() + '61 minutes' AS ends;
SELECT compat_guard.heartbeat('live', 'l1', 'one', '2 hours') BETWEEN now() + '119 minutes' AND now() + '121 minutes' AS ends;
SELECT compat_guard.heartbeat('live', 'l1', 'one') BETWEEN now() + '119 minutes' AND now() + '121 minutes' AS ends;
SELECT compat_guard.heartbeat('live', 'l1', 'three');
SELECT compat_guard.heartbeat('live', 'l1', 'three', '1 minute') IS NOT NULL AS given;
ALTER TABLE t DROP COLUMN c;
SELECT compat_guard.leave('live', 'l1', 'three'), compat_guard.leave('live', 'l1', 'two');
SELECT compat_guard.leave('live', 'l1', 'two');
SELECT * FROM status();

-- Time passes.
UPDATE compat_guard.instance SET heartbeat_at = heartbeat_at - interval '1 day', expires_at = expires_at - interval '1 day';
SELECT * FROM status();
SELECT instance, running FROM compat_guard.instances;
-- A late heartbeat, but nobody has judged meanwhile.
SELECT compat_guard.heartbeat('live', 'l1', 'one') > now() AS ends;
SELECT * FROM status();
ALTER TABLE t DROP COLUMN c;
-- With the grace it still protects.
UPDATE compat_guard.instance SET heartbeat_at = heartbeat_at - interval '150 minutes', expires_at = expires_at - interval '150 minutes';
SET compat_guard.lease_grace = '1h';
ALTER TABLE t DROP COLUMN c;
SELECT * FROM status();
SET compat_guard.lease_grace = 0;
ALTER TABLE t DROP COLUMN c;
SELECT * FROM status();
-- It comes back and is told nothing but the truth.
SELECT compat_guard.heartbeat('live', 'l1', 'one') > now() AS ends;
SELECT * FROM status();
ALTER TABLE t ADD COLUMN c int;
ALTER TABLE t DROP COLUMN c;
SELECT * FROM status();

-- A clock that was set back: by less than the lease it runs on, by more it does
-- not count before its next heartbeat.
UPDATE compat_guard.instance SET heartbeat_at = now() + interval '1 hour', expires_at = now() + interval '3 hours';
SELECT live FROM status();
UPDATE compat_guard.instance SET heartbeat_at = now() + interval '10 years', expires_at = now() + interval '10 years 2 hours';
SELECT live FROM status();
SELECT compat_guard.heartbeat('live', 'l1', 'one') < now() + interval '121 minutes' AS ends;
SELECT live FROM status();
-- One that a judgement has skipped remains skipped whatever the clock says.
UPDATE compat_guard.instance SET heartbeat_at = now() - interval '3 hours', expires_at = now() - interval '1 hour';
ALTER TABLE t DROP COLUMN c;
UPDATE compat_guard.instance SET heartbeat_at = now(), expires_at = now() + interval '1 hour';
SELECT * FROM status();

-- Bad leases.
SELECT compat_guard.heartbeat('live', 'l1', 'one', '0');
SELECT compat_guard.heartbeat('live', 'l1', 'one', '-1 minute');
SELECT compat_guard.heartbeat('live', 'l1', 'one', '10 years');
SELECT compat_guard.heartbeat('live', 'l1', 'new', '10 years');
SELECT compat_guard.heartbeat('live', 'l1', 'one', '300000 years');
SELECT compat_guard.heartbeat('live', 'l1', NULL, '1 minute');
SELECT compat_guard.heartbeat('live', 'l1', '', '1 minute');
SELECT compat_guard.heartbeat('live', 'l1', repeat('x', 1001), '1 minute');
SELECT compat_guard.heartbeat('live', 'none', 'one', '1 minute');
SELECT compat_guard.heartbeat('none', 'l1', 'one', '1 minute');
SELECT compat_guard.register('live', 'l1', '{}', lease => '1 minute');
SELECT compat_guard.register('live', 'l3', '{}', instance => 'one');
SELECT compat_guard.register('live', 'l3', '{}', instance => 'one', lease => '-1s');
SELECT * FROM status();

-- Rows of instances that never came back go when another comes.
INSERT INTO compat_guard.instance
SELECT nextval('compat_guard.id_seq'), v.version_id, 'gone ' || n, '1 min', now() - interval '2 days', now() - interval '2 days'
FROM compat_guard.version v, generate_series(1, 50) n WHERE v.name = 'l1';
SELECT compat_guard.heartbeat('live', 'l1', 'four', '1 minute') > now() AS ends;
SELECT instance FROM compat_guard.instances ORDER BY 1;

SELECT compat_guard.retire('live', 'l1');
SELECT compat_guard.heartbeat('live', 'l1', 'one');
SELECT status FROM compat_guard.register('live', 'l1', '{"search_path": "live", "relations": {"t": {"columns": {"c": {}}}}}', 'one', '1 hour');
SELECT compat_guard.leave('live', 'l1', 'one');
SELECT compat_guard.forget('live', 'l1');
SELECT count(*) FROM compat_guard.instance;

-- ---- support ----

SELECT status FROM compat_guard.register_queries('live', 'app 1', '{SELECT d FROM live.t}');
SELECT compat_guard.set_support('live', 'app 1', now() + interval '2 years');
SELECT * FROM status();
ALTER TABLE t DROP COLUMN d;
SELECT compat_guard.set_support('live', 'app 1', now() - interval '1 second');
SELECT * FROM status();
ALTER TABLE t DROP COLUMN d;
SELECT status FROM status();
-- A past date is no obstacle for instances.
SELECT compat_guard.attach('live', 'app 1');
SELECT * FROM status();
SELECT compat_guard.detach();
ALTER TABLE t ADD COLUMN d int;
SELECT status FROM status();
SELECT compat_guard.set_support('live', 'app 1', 'infinity');
SELECT * FROM status();
ALTER TABLE t DROP COLUMN d;
SELECT compat_guard.set_support('live', 'app 1', NULL);
SELECT * FROM status();
SELECT compat_guard.retire('live', 'app 1');
SELECT compat_guard.set_support('live', 'app 1', 'infinity');
\echo :LAST_ERROR_SQLSTATE
SELECT compat_guard.forget('live', 'app 1');

-- ---- a requirement that a live and a skipped version share ----

SELECT status FROM compat_guard.register_queries('live', 's1', '{SELECT e FROM live.t, SELECT d FROM live.t}');
SELECT status FROM compat_guard.register_queries('live', 's2', '{SELECT e FROM live.t}');
SELECT compat_guard.attach('live', 's1');
SELECT compat_guard.detach();
ALTER TABLE t DROP COLUMN e;
SELECT version, status, live FROM status();
ALTER TABLE t DROP COLUMN d;
SELECT version, status, live FROM status();
-- A requirement met for the first time while its version was away is protected
-- once it is back.
SELECT status FROM compat_guard.register('live', 's3', '{"search_path": "live", "relations": {"t": {"columns": {"f": {}}}}}', 'one', '1 hour');
SELECT compat_guard.leave('live', 's3', 'one');
ALTER TABLE t ADD COLUMN f int;
SELECT version, status, live FROM status();
SELECT compat_guard.heartbeat('live', 's3', 'one', '1 minute') > now() AS ends;
SELECT version, status, live FROM status();
SELECT count(baseline) FROM compat_guard.requirements WHERE version = 's3' AND kind = 'column';
-- preview() tells the same, and marks nothing.
SELECT compat_guard.leave('live', 's3', 'one');
SELECT version, found FROM compat_guard.preview('ALTER TABLE live.t DROP COLUMN f');
SELECT version, status, live FROM status();
SELECT FROM (SELECT compat_guard.forget('live', version) FROM status()) f;

-- ---- whose versions ----

CREATE ROLE live_app;
CREATE ROLE live_other;
SELECT compat_guard.entrust('live_app');
SELECT compat_guard.entrust('live_other');
SET ROLE live_app;
SELECT status FROM compat_guard.register('live', 'r1', '{}', 'one', '1 hour');
SELECT compat_guard.attach('live', 'r1');
SELECT compat_guard.heartbeat('live', 'r1', 'one') > now() AS ends;
SELECT compat_guard.detach();
SET ROLE live_other;
SELECT compat_guard.attach('live', 'r1');
SELECT compat_guard.heartbeat('live', 'r1', 'one');
\echo :LAST_ERROR_SQLSTATE
SELECT compat_guard.leave('live', 'r1', 'one');
SELECT compat_guard.reactivate('live', 'r1');
SELECT compat_guard.set_support('live', 'r1', 'infinity');
SET ROLE live_app;
SELECT compat_guard.set_support('live', 'r1', 'infinity'), compat_guard.leave('live', 'r1', 'one');
SELECT compat_guard.retire('live', 'r1'), compat_guard.reactivate('live', 'r1'), compat_guard.forget('live', 'r1');
SELECT count(*) FROM compat_guard.instances;
RESET ROLE;
GRANT pg_monitor TO live_other;
SET ROLE live_other;
SELECT count(*) FROM compat_guard.instances;
SELECT count(*) FROM compat_guard.versions WHERE app = 'live';
RESET ROLE;
BEGIN READ ONLY;
SELECT compat_guard.heartbeat('live', 'r1', 'one');
ROLLBACK;
DROP OWNED BY live_app, live_other;
DROP ROLE live_app, live_other;
DROP SCHEMA live CASCADE;
