--
-- Who is given what by entrust(), who may read which contract, and whom a message
-- names to those who may not retire.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
\set VERBOSITY terse
\pset format unaligned
\pset footer off
CREATE ROLE regress_entrust_shop;		-- an app's role
CREATE ROLE regress_entrust_deploy;		-- who registers for it
CREATE ROLE regress_entrust_rival;		-- another app's
CREATE ROLE regress_entrust_ci;			-- a pipeline
CREATE ROLE regress_entrust_dba IN ROLE pg_monitor;
CREATE ROLE regress_entrust_owner;		-- of the tables: who migrates
GRANT regress_entrust_shop TO regress_entrust_deploy;
CREATE SCHEMA entrust AUTHORIZATION regress_entrust_owner;
SET search_path = entrust;
SET ROLE regress_entrust_owner;
CREATE TABLE users (id int, email text);
GRANT USAGE ON SCHEMA entrust TO PUBLIC;
GRANT SELECT ON users TO regress_entrust_shop, regress_entrust_rival, regress_entrust_deploy;
RESET ROLE;
--
-- Levels.
--
SELECT compat_guard.entrust('regress_entrust_ci', 'pipelines');
SELECT compat_guard.entrust('regress_entrust_ci', 'pipeline, rule');
SELECT compat_guard.entrust('regress_entrust_ci', '');
SELECT compat_guard.entrust('regress_entrust_ci', NULL);
SELECT compat_guard.entrust(NULL);
SELECT compat_guard.distrust(NULL);
SELECT compat_guard.entrust('regress_entrust_deploy');
SELECT compat_guard.entrust('regress_entrust_shop', 'application');
SELECT compat_guard.entrust('regress_entrust_rival');
SELECT compat_guard.entrust('regress_entrust_ci', 'pipeline');
CREATE VIEW may AS SELECT r.rolname,
	(SELECT string_agg(p.proname, ' ' ORDER BY p.proname) FROM pg_proc AS p
	 WHERE p.pronamespace = 'compat_guard'::regnamespace AND has_function_privilege(r.rolname, p.oid, 'EXECUTE')) AS execute,
	(SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class AS c
	 WHERE c.relnamespace = 'compat_guard'::regnamespace AND c.relkind IN ('r', 'v', 'S') AND has_table_privilege(r.rolname, c.oid, 'SELECT')) AS read,
	(SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class AS c
	 WHERE c.relnamespace = 'compat_guard'::regnamespace AND has_table_privilege(r.rolname, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')) AS write,
	has_schema_privilege(r.rolname, 'compat_guard', 'USAGE') AS usage
	FROM pg_roles AS r WHERE r.rolname LIKE 'regress\_entrust%';
SELECT * FROM may ORDER BY 1;
-- every function that the views call is the pipeline's, too
SET ROLE regress_entrust_ci;
SELECT (SELECT count(*) FROM compat_guard.versions) + (SELECT count(*) FROM compat_guard.instances) +
	(SELECT count(*) FROM compat_guard.requirements) + (SELECT count(*) FROM compat_guard.unmet) +
	(SELECT count(*) FROM compat_guard.compatibility) + (SELECT count(*) FROM compat_guard.rollback) +
	(SELECT count(*) FROM compat_guard.dependencies) + (SELECT count(*) FROM compat_guard.droppable) +
	(SELECT count(*) FROM compat_guard.rules) + (SELECT count(*) FROM compat_guard.journal) +
	(SELECT count(*) FROM compat_guard.journal_status) > 0 AS all_views;
SELECT compat_guard.register('pipe', '1', '{}');
RESET ROLE;
--
-- Who may read what a version needs: who owns the app, its contract's role, and
-- who reads the views.
--
SET ROLE regress_entrust_deploy;
SELECT status FROM compat_guard.register('shop', '1', '{"role": "regress_entrust_shop", "search_path": "entrust",
	"queries": {"mail": "SELECT email FROM users", "secret": "SELECT secret FROM users"}}');
SET ROLE regress_entrust_rival;
SELECT status FROM compat_guard.register('rival', '1', '{"search_path": "entrust", "queries": {"ids": "SELECT id FROM users"}}');
RESET ROLE;
\set read 'SELECT current_role; SELECT object, state, found FROM compat_guard.check(\'shop\', \'1\'); SELECT string_agg(object, \' \' ORDER BY object) AS live FROM compat_guard.verification(); SELECT compat_guard.ready(\'shop\', \'1\'); SELECT * FROM compat_guard.can_deploy(\'shop\', \'1\'); CALL compat_guard.wait_until_ready(\'shop\', \'1\', \'0\');'
SET ROLE regress_entrust_deploy;
:read
SET ROLE regress_entrust_shop;
:read
SET ROLE regress_entrust_ci;
:read
SET ROLE regress_entrust_rival;
:read
SELECT object, state FROM compat_guard.check('rival', '1');
\set VERBOSITY default
SELECT * FROM compat_guard.check('shop', '1');
\set VERBOSITY terse
SET ROLE regress_entrust_dba;
SELECT string_agg(object, ' ' ORDER BY object) AS live FROM compat_guard.verification();
SELECT count(*) FROM compat_guard.unmet;
RESET ROLE;
-- with a contract in hand: a pipeline asks for any app, as a role it is a member of
SET ROLE regress_entrust_rival;
SELECT * FROM compat_guard.can_deploy('shop', '2', '{"queries": {"ids": "SELECT id FROM entrust.users"}}');
SET ROLE regress_entrust_ci;
SELECT * FROM compat_guard.can_deploy('shop', '2', '{"role": "regress_entrust_shop", "queries": {"ids": "SELECT id FROM entrust.users"}}');
RESET ROLE;
GRANT regress_entrust_shop TO regress_entrust_ci;
SET ROLE regress_entrust_ci;
SELECT * FROM compat_guard.can_deploy('shop', '2', '{"role": "regress_entrust_shop", "queries": {"ids": "SELECT id FROM entrust.users"}}');
SELECT * FROM compat_guard.can_deploy('shop', '1', '{"role": "regress_entrust_shop", "queries": {"ids": "SELECT id FROM entrust.users"}}');
RESET ROLE;
REVOKE regress_entrust_shop FROM regress_entrust_ci;
--
-- Whom a message names.
--
\set VERBOSITY default
SET ROLE regress_entrust_owner;
ALTER TABLE users DROP COLUMN email, DROP COLUMN id;
RESET ROLE;
SELECT compat_guard.entrust('regress_entrust_ci', 'retire');
GRANT regress_entrust_rival TO regress_entrust_owner;
SET ROLE regress_entrust_owner;
ALTER TABLE users DROP COLUMN email, DROP COLUMN id;
RESET ROLE;
REVOKE regress_entrust_rival FROM regress_entrust_owner;
-- in a preview, too
GRANT USAGE ON SCHEMA compat_guard TO regress_entrust_owner;
GRANT EXECUTE ON FUNCTION compat_guard.preview(text) TO regress_entrust_owner;
SET ROLE regress_entrust_owner;
SELECT version, advice FROM compat_guard.preview('ALTER TABLE entrust.users DROP COLUMN email');
RESET ROLE;
SELECT version, advice FROM compat_guard.preview('ALTER TABLE entrust.users DROP COLUMN email');
--
-- A pipeline that may retire retires what is not its own, and does nothing else to it.
--
\set VERBOSITY terse
SET ROLE regress_entrust_rival;
SELECT compat_guard.retire('shop', '1');
SET ROLE regress_entrust_ci;
SELECT compat_guard.forget('shop', '1');
UPDATE compat_guard.versions SET status = 'retired';
SELECT compat_guard.retire('shop', '1', 'the pipeline says so');
SELECT app, version, status, retired_by FROM compat_guard.versions ORDER BY 1;
RESET ROLE;
--
-- And back.
--
SELECT compat_guard.distrust('regress_entrust_ci');
SELECT compat_guard.distrust('regress_entrust_shop');
SELECT * FROM may WHERE usage OR execute <> '' OR read <> '' OR write <> '' ORDER BY 1;
SET ROLE regress_entrust_ci;
SELECT * FROM compat_guard.versions;
RESET ROLE;
-- an owner that is gone is named to nobody
SELECT compat_guard.reactivate('shop', '1');
SET client_min_messages = error;
DROP OWNED BY regress_entrust_deploy;
DROP ROLE regress_entrust_deploy;
RESET client_min_messages;
\set VERBOSITY default
SET ROLE regress_entrust_owner;
ALTER TABLE users DROP COLUMN email;
RESET ROLE;
\set VERBOSITY terse
SELECT count(compat_guard.forget(app, version)) FROM compat_guard.versions;
SET client_min_messages = warning;
DROP SCHEMA entrust CASCADE;
DROP OWNED BY regress_entrust_shop, regress_entrust_rival, regress_entrust_ci, regress_entrust_dba, regress_entrust_owner;
DROP ROLE regress_entrust_shop, regress_entrust_rival, regress_entrust_ci, regress_entrust_dba, regress_entrust_owner;
