--
-- The guard's own removal, while versions are live.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE SCHEMA removal;
SET search_path = removal;
CREATE TABLE t (a int);
SELECT status FROM compat_guard.register('shop', 'v1', '{"queries": {"q": "SELECT a FROM t"}}');
SELECT status FROM compat_guard.register('shop', 'v2', '{"queries": {"q": "SELECT a FROM t"}}');

-- in full, once
DROP EXTENSION compat_guard;
\set VERBOSITY terse
-- whatever drops it
DO $$ BEGIN EXECUTE 'DROP EXTENSION IF EXISTS compat_guard'; END $$;
DROP EXTENSION compat_guard CASCADE;
DROP SCHEMA compat_guard CASCADE;	-- the server's own refusal
DROP LANGUAGE plpgsql CASCADE;
-- in a block at once, not at the end: what is created anew is another registry
BEGIN;
DROP EXTENSION compat_guard;
ROLLBACK;
BEGIN;
SAVEPOINT s;
DROP EXTENSION compat_guard;
ROLLBACK TO s;
CREATE TABLE harmless (a int);
COMMIT;
-- allowed, for this transaction
BEGIN;
SELECT compat_guard.allow('moves to another database', rule => 'guard-removed');
DROP EXTENSION compat_guard;
ROLLBACK;
DO $$
BEGIN
	DROP EXTENSION compat_guard;
EXCEPTION WHEN SQLSTATE 'VG001' THEN
	RAISE WARNING 'caught: %', SQLERRM;
END $$;
SELECT app, version, status FROM compat_guard.versions ORDER BY 1, 2;

-- what loads it: the net effect counts
ALTER EVENT TRIGGER compat_guard_start DISABLE;
ALTER EVENT TRIGGER compat_guard_end ENABLE REPLICA;
DO $$ BEGIN EXECUTE 'ALTER EVENT TRIGGER compat_guard_start DISABLE'; END $$;
BEGIN;
ALTER EVENT TRIGGER compat_guard_start DISABLE;
ALTER EVENT TRIGGER compat_guard_start ENABLE ALWAYS;
COMMIT;
BEGIN;
ALTER EVENT TRIGGER compat_guard_start DISABLE;
CREATE TABLE other (a int);
COMMIT;
BEGIN;
SAVEPOINT s;
ALTER EVENT TRIGGER compat_guard_start DISABLE;
ROLLBACK TO s;
COMMIT;
-- a name takes nothing away
ALTER EVENT TRIGGER compat_guard_start RENAME TO renamed;
ALTER EVENT TRIGGER renamed RENAME TO compat_guard_start;
ALTER EVENT TRIGGER compat_guard_start ENABLE;
ALTER EVENT TRIGGER compat_guard_start ENABLE ALWAYS;
DROP EVENT TRIGGER compat_guard_start;	-- the server's own refusal
BEGIN;
ALTER EXTENSION compat_guard DROP EVENT TRIGGER compat_guard_start;
DROP EVENT TRIGGER compat_guard_start;
COMMIT;
ALTER EXTENSION compat_guard DROP EVENT TRIGGER compat_guard_end;
ALTER EXTENSION compat_guard DROP TABLE compat_guard.version;
BEGIN;
ALTER EXTENSION compat_guard DROP TABLE compat_guard.version;
ALTER EXTENSION compat_guard ADD TABLE compat_guard.version;
COMMIT;
-- somebody else's event trigger is nobody's business
CREATE FUNCTION noop() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER regress_noop ON ddl_command_start EXECUTE FUNCTION noop();
ALTER EVENT TRIGGER regress_noop DISABLE;
DROP EVENT TRIGGER regress_noop;
ALTER EXTENSION compat_guard UPDATE;

-- a preview tells, and judges the rest
SELECT app, version, rule, action, requirement, found, statement
FROM compat_guard.preview('DROP EXTENSION compat_guard; ALTER TABLE t DROP COLUMN a') ORDER BY 1, 2, 3;
SELECT version, rule, found, statement
FROM compat_guard.preview('ALTER EVENT TRIGGER compat_guard_end DISABLE') ORDER BY 1, 2;

-- policy and mode
SELECT compat_guard.set_policy('guard-removed', 'ignore', 'shop');
ALTER EVENT TRIGGER compat_guard_end DISABLE;
ALTER EVENT TRIGGER compat_guard_end ENABLE ALWAYS;
SELECT compat_guard.set_policy('guard-removed', 'warn', 'shop');
ALTER EVENT TRIGGER compat_guard_end DISABLE;
ALTER EVENT TRIGGER compat_guard_end ENABLE ALWAYS;
SELECT compat_guard.set_policy('guard-removed', NULL, 'shop');
BEGIN;
SET LOCAL compat_guard.mode = warn;
ALTER EVENT TRIGGER compat_guard_end DISABLE;
DROP EXTENSION compat_guard;
ROLLBACK;
BEGIN;
SET LOCAL compat_guard.mode = warn;
SAVEPOINT s;
DROP EXTENSION compat_guard;
ROLLBACK TO s;
SET LOCAL compat_guard.mode = enforce;
DROP EXTENSION compat_guard;
ROLLBACK;
BEGIN;
SET LOCAL compat_guard.mode = off;
DROP EXTENSION compat_guard;
CREATE EXTENSION compat_guard;
SELECT count(*) FROM compat_guard.versions;
ROLLBACK;

-- by DROP OWNED of its owner
CREATE ROLE regress_owner SUPERUSER;
BEGIN;
SET LOCAL compat_guard.mode = off;
DROP EXTENSION compat_guard;
SET LOCAL ROLE regress_owner;
CREATE EXTENSION compat_guard;
RESET ROLE;
SET LOCAL compat_guard.mode = enforce;
SELECT status FROM compat_guard.register('shop', 'v3', '{"queries": {"q": "SELECT a FROM t"}}');
DROP OWNED BY regress_owner CASCADE;
ROLLBACK;

--
-- Nobody is live: nothing is said, and the guard starts anew, whoever knew the
-- old one.
--
SELECT count(compat_guard.retire(app, version)) FROM compat_guard.versions;
DROP EXTENSION compat_guard;
CREATE EXTENSION compat_guard;
SELECT status FROM compat_guard.register('shop', 'v1', '{"queries": {"q": "SELECT a FROM t"}}');
ALTER TABLE t DROP COLUMN a;
BEGIN;
SELECT compat_guard.retire('shop', 'v1');
DROP EXTENSION compat_guard;
CREATE EXTENSION compat_guard;
SELECT status FROM compat_guard.register('shop', 'v2', '{"queries": {"q": "SELECT a FROM t"}}');
COMMIT;
ALTER TABLE t DROP COLUMN a;
SELECT compat_guard.forget('shop', 'v2');
DO $$
BEGIN
	DROP EXTENSION compat_guard;
	CREATE EXTENSION compat_guard;
	PERFORM compat_guard.register('shop', 'v1', '{"queries": {"q": "SELECT a FROM t"}}');
END $$;
ALTER TABLE t DROP COLUMN a;
SELECT compat_guard.forget('shop', 'v1');

RESET search_path;
DROP SCHEMA removal CASCADE;
DROP ROLE regress_owner;
