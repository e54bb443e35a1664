--
-- Is the schema ready for a version that comes before its migration?
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE regress_billing;
CREATE SCHEMA readiness;
GRANT USAGE ON SCHEMA readiness TO regress_billing;
SET search_path = readiness;
CREATE TABLE users (id int PRIMARY KEY, email text, note text);
CREATE TYPE mood AS ENUM ('good');
GRANT SELECT, INSERT ON users TO regress_billing;
SELECT compat_guard.entrust('regress_billing');
RESET client_min_messages;

--
-- The role that registered it asks, and may ask no more than it was entrusted with.
--
SET ROLE regress_billing;
SELECT status, unmet FROM compat_guard.register('billing', '42', '{
	"relations": {"users": {"columns": {"email": {}, "phone": {}}}},
	"queries": {"fax": "SELECT fax FROM users"}}');
SELECT kind, object, state, found FROM compat_guard.check('billing', '42');
SELECT compat_guard.ready('billing', '42');
SELECT * FROM compat_guard.can_deploy('billing', '42');
CALL compat_guard.wait_until_ready('billing', '42', '0');
SELECT * FROM compat_guard.droppable_without('billing', '42');
SELECT compat_guard.require_version('billing', '42');
RESET ROLE;

--
-- As the schema and the registry are now, whatever the transaction is like.
--
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT compat_guard.ready('billing', '42');
SELECT count(*) FROM compat_guard.check('billing', '42') WHERE state = 'unmet';
SELECT ready FROM compat_guard.can_deploy('billing', '43', '{"relations": {"users": {"columns": {"id": {}}}}}');
COMMIT;
-- what register() says of a version that is known, it says without writing, too
BEGIN READ ONLY;
SET LOCAL ROLE regress_billing;
SELECT status FROM compat_guard.register('billing', '42', '{
	"relations": {"users": {"columns": {"email": {}, "phone": {}}}},
	"queries": {"fax": "SELECT fax FROM users"}}');
SELECT status FROM compat_guard.register('billing', '42', '{
	"relations": {"users": {"columns": {"email": {}, "phone": {}}}},
	"queries": {"fax": "SELECT fax FROM users"}}', require_ready => true);
ROLLBACK;

--
-- can_deploy: the answer as a row or as an error, also for what is not registered.
--
\set VERBOSITY sqlstate
SELECT * FROM compat_guard.can_deploy('billing', '42', or_error => true);
SELECT * FROM compat_guard.can_deploy('billing', '43');
SELECT * FROM compat_guard.can_deploy('nobody', '1');
SELECT * FROM compat_guard.can_deploy(NULL, '1');
SELECT * FROM compat_guard.can_deploy('billing', '43', '{"relation": {}}');
SELECT * FROM compat_guard.can_deploy('billing', '43', '{"queries": {"a": "SELEC"}}');
\set VERBOSITY default
SELECT * FROM compat_guard.can_deploy('billing', '42', or_error => true);
SELECT * FROM compat_guard.can_deploy('billing', '42', '{}');
SELECT * FROM compat_guard.can_deploy('billing', '43', '{"role": "regress_billing", "queries": {"all": "SELECT * FROM users", "change": "UPDATE users SET id = 1"}}');
SELECT * FROM compat_guard.can_deploy('billing', '43', '{"types": {"mood": {}}, "relations": {"users": {"columns": {"id": {}}}}}', or_error => true);
SELECT app, version FROM compat_guard.versions;
-- whose app, and whose contract: as in register()
CREATE ROLE regress_rival;
SELECT compat_guard.entrust('regress_rival');
SET ROLE regress_rival;
SELECT * FROM compat_guard.can_deploy('billing', '43', '{}');
SELECT * FROM compat_guard.can_deploy('rival', '1', '{"role": "regress_billing"}');
SELECT * FROM compat_guard.can_deploy('rival', '1', '{}');
RESET ROLE;

--
-- wait_until_ready: how long.
--
CALL compat_guard.wait_until_ready('billing', '42', '10ms');
CALL compat_guard.wait_until_ready('billing', '42', '-1s');
CALL compat_guard.wait_until_ready('billing', '42', interval '1 day' - interval '2 days');
CALL compat_guard.wait_until_ready('billing', '42', NULL);
CALL compat_guard.wait_until_ready('billing', '43', '1 year');
CALL compat_guard.wait_until_ready('nobody', '1', '1 year');
CALL compat_guard.wait_until_ready(NULL, '1', '1 year');
SET statement_timeout = '200ms';
CALL compat_guard.wait_until_ready('billing', '42', '100000 years');
RESET statement_timeout;

--
-- wait_until_ready: where.  Nothing else in the session may need a snapshot.
--
BEGIN;
CALL compat_guard.wait_until_ready('billing', '42', '10ms');
SAVEPOINT s;
CALL compat_guard.wait_until_ready('billing', '42', '10ms');
SELECT count(*) FROM users;
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
CALL compat_guard.wait_until_ready('billing', '42', '10ms');
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT 1;
CALL compat_guard.wait_until_ready('billing', '42', '10ms');
ROLLBACK;
CREATE FUNCTION waits() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE ready boolean;
BEGIN
	CALL compat_guard.wait_until_ready('billing', '42', '10ms', ready);
	RETURN ready;
EXCEPTION WHEN object_not_in_prerequisite_state THEN
	RAISE NOTICE 'refused, and % rows are read after it', (SELECT count(*) FROM users);
	RETURN NULL;
END$$;
SELECT waits();
-- the CALL in a cursor has a snapshot of its own, which goes with it
CREATE FUNCTION fetches() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE c refcursor; ready boolean;
BEGIN
	OPEN c FOR EXECUTE 'CALL compat_guard.wait_until_ready(''billing'', ''42'', ''10ms'')';
	FETCH c INTO ready;
	RETURN ready;
EXCEPTION WHEN object_not_in_prerequisite_state THEN
	RAISE NOTICE 'refused, and % rows are read after it', (SELECT count(*) FROM users);
	RETURN NULL;
END$$;
SELECT fetches(), count(*) FROM users;
-- a procedure that may commit may wait
DO $$
DECLARE ready boolean;
BEGIN
	CALL compat_guard.wait_until_ready('billing', '42', '10ms', ready);
	RAISE NOTICE 'ready: %, users: %', ready, (SELECT count(*) FROM users);
	COMMIT;
	CALL compat_guard.wait_until_ready('billing', '42', '10ms', ready);
	RAISE NOTICE 'ready: %, users: %', ready, (SELECT count(*) FROM users);
END$$;
BEGIN;
DO $$ DECLARE ready boolean; BEGIN CALL compat_guard.wait_until_ready('billing', '42', '10ms', ready); END$$;
ROLLBACK;

--
-- A pending version is protected in what it has, one by one, and loses nothing
-- by what it has not.
--
SET client_min_messages = warning;
-- email was met when it registered
ALTER TABLE users DROP COLUMN email;
-- phone is not met; then it is, while fax is still missing
ALTER TABLE users ADD COLUMN phone text;
SELECT version, status, unmet FROM compat_guard.versions;
SELECT count(*) FROM compat_guard.requirements WHERE baseline IS NOT NULL;
ALTER TABLE users DROP COLUMN phone;
-- nobody needs this one
ALTER TABLE users DROP COLUMN note;
-- The migration: the version becomes ready, and used to what it has found,
ALTER TABLE users ADD COLUMN fax text;
SELECT version, status, unmet FROM compat_guard.versions;
SELECT count(*) > 0 FROM compat_guard.requirements WHERE baseline IS NOT NULL;
CALL compat_guard.wait_until_ready('billing', '42', '10ms');
SELECT * FROM compat_guard.can_deploy('billing', '42', or_error => true);
-- so the down-migration is one change like any other.
BEGIN;
ALTER TABLE users DROP COLUMN fax;
ALTER TABLE users DROP COLUMN phone;
COMMIT;
SELECT version, status, unmet FROM compat_guard.versions;
-- up and down in one transaction is nothing
BEGIN;
ALTER TABLE users ADD COLUMN telex text;
ALTER TABLE users DROP COLUMN telex;
COMMIT;
RESET client_min_messages;

--
-- What cannot be decided does not keep anybody waiting, and is told.
--
SELECT status FROM compat_guard.register('billing', 'moody', '{"role": "regress_billing", "types": {"mood": {}}}');
SELECT compat_guard.ready('billing', 'moody');
CALL compat_guard.wait_until_ready('billing', 'moody', '1 year');
SELECT ready, state FROM compat_guard.can_deploy('billing', 'moody', or_error => true);

--
-- droppable_without: what a version is the last to need.
--
CREATE TABLE ledger (a int, b int);
CREATE INDEX ledger_b_idx ON ledger (b);
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';
GRANT SELECT ON ledger TO regress_billing;
SELECT status FROM compat_guard.register('billing', '43', '{"role": "regress_billing",
	"relations": {"ledger": {"columns": {"a": {}}, "indexes": [["b"]]}, "users": {"columns": {"phone": {}}}},
	"queries": {"twice": "SELECT twice(a), b FROM ledger"}}');
SELECT * FROM compat_guard.droppable_without('billing', '42');
SELECT * FROM compat_guard.droppable_without('billing', '43');
SELECT compat_guard.retire('billing', '42');
SELECT * FROM compat_guard.droppable_without('billing', '42');
SELECT * FROM compat_guard.droppable_without('billing', '43');
SELECT * FROM compat_guard.droppable_without('billing', '44');
-- and then it may go
ALTER TABLE users DROP COLUMN fax;
CREATE ROLE regress_dba IN ROLE pg_monitor;
SET ROLE regress_dba;
SELECT count(*) FROM compat_guard.droppable_without('billing', '43');
RESET ROLE;

--
-- A retired version does not start again.
--
SELECT ready, state, reasons[1] FROM compat_guard.can_deploy('billing', '42');
CALL compat_guard.wait_until_ready('billing', '42', '1 year');

SELECT count(compat_guard.forget(app, version)) FROM compat_guard.versions;
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA readiness CASCADE;
DROP OWNED BY regress_billing, regress_rival, regress_dba;
DROP ROLE regress_billing, regress_rival, regress_dba;
