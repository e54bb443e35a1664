--
-- Who may do what, and as whom a contract is verified.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE regress_app;
CREATE ROLE regress_app_rw;
CREATE ROLE regress_rival;
CREATE ROLE regress_dba;
CREATE ROLE regress_migrator;
CREATE ROLE regress_monitor IN ROLE pg_monitor;
GRANT regress_app TO regress_dba;
CREATE SCHEMA roles AUTHORIZATION regress_migrator;
GRANT USAGE ON SCHEMA roles TO PUBLIC;
SET search_path = roles;
SET ROLE regress_migrator;
CREATE TABLE users (id int, email text);
GRANT SELECT ON users TO regress_app, regress_rival;
RESET ROLE;
\set contract '\'{"search_path": "roles", "relations": {"users": {"columns": {"email": "text"}}}}\''
\set VERBOSITY terse

--
-- Without being entrusted: nothing.
--
SET ROLE regress_app;
SELECT status FROM compat_guard.register('app', '1', :contract);
SELECT * FROM compat_guard.versions;
RESET ROLE;
SELECT compat_guard.entrust('regress_app');
SELECT compat_guard.entrust('regress_rival');
SET ROLE regress_app;
SELECT status FROM compat_guard.register('app', '1', :contract);
SELECT status FROM compat_guard.register('app', '1', :contract);
SELECT status FROM compat_guard.register_queries('app', 'queries', '{SELECT id FROM users}');
SELECT state FROM compat_guard.check('app', '1') WHERE state <> 'met';
SELECT compat_guard.ready('app', '1');
SELECT path, problem FROM compat_guard.validate('{"relation": {}}');
-- the registry itself is out of reach, and so are the DBA's functions
SELECT * FROM compat_guard.version;
INSERT INTO compat_guard.app VALUES (1, 'x', 'x');
UPDATE compat_guard.requirement_state SET state = 'unmet';
SELECT nextval('compat_guard.id_seq');
SELECT * FROM compat_guard.versions;
SELECT compat_guard.set_policy('column-missing', 'ignore');
SELECT compat_guard.entrust('regress_migrator');
SELECT * FROM compat_guard.preview('DROP TABLE users');
RESET ROLE;
SELECT count(*) FROM information_schema.role_table_grants
WHERE table_schema = 'compat_guard' AND grantee IN ('PUBLIC', 'regress_app');
-- entrusted to others by nobody but a DBA
SELECT compat_guard.entrust('regress_nobody');
-- monitoring reads the views, and nothing else
SET ROLE regress_monitor;
SELECT app, version, status FROM compat_guard.versions ORDER BY 2;
SELECT count(*) FROM compat_guard.compatibility;
SELECT count(*) FROM compat_guard.unmet;
SELECT count(*) > 0 FROM compat_guard.rules;
SELECT count(*) > 0 FROM compat_guard.dependencies;
SELECT count(*) FROM compat_guard.version;
RESET ROLE;

--
-- An app belongs to the role that registered it first, and its members.
--
SET ROLE regress_rival;
SELECT status FROM compat_guard.register('app', '1', :contract);
SELECT status FROM compat_guard.register('app', '2', :contract);
SELECT status FROM compat_guard.register('app', '1', '{}', replace => true);
SELECT compat_guard.retire('app', '1');
SELECT compat_guard.forget('app', '1');
RESET ROLE;
SELECT compat_guard.entrust('regress_dba');
SET ROLE regress_dba;
SELECT status FROM compat_guard.register('app', '2', :contract);
SELECT compat_guard.retire('app', '2');
RESET ROLE;
SELECT compat_guard.retire('app', 'queries');	-- a superuser may

--
-- A contract speaks for its own role, or one that the caller is a member of.
--
SET ROLE regress_app;
SELECT status FROM compat_guard.register('app', '3', '{"role": "regress_app_rw"}');
SELECT status FROM compat_guard.register('app', '3', '{"role": "regress_dba"}');
SELECT status FROM compat_guard.register('app', '3', '{"role": "regress_nobody"}');
RESET ROLE;
GRANT regress_app_rw TO regress_app;
SET ROLE regress_app;
SELECT status FROM compat_guard.register('app', '3', '{"role": "regress_app_rw"}');
RESET ROLE;

--
-- The migrator needs no right in the registry to be judged, or told why.
--
SET ROLE regress_migrator;
ALTER TABLE users DROP COLUMN email;
ALTER TABLE users ADD COLUMN phone text;
RESET ROLE;

--
-- What a registered query calls does not run.
--
SET ROLE regress_migrator;
CREATE TABLE private (a int);
RESET ROLE;
CREATE SCHEMA hostile AUTHORIZATION regress_rival;
SET ROLE regress_rival;
CREATE FUNCTION hostile.attempt(what text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	EXECUTE what;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END$$;
CREATE FUNCTION hostile.pounce(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	PERFORM set_config('client_min_messages', 'warning', false);
	RAISE WARNING 'as %', current_user;
	RAISE WARNING 'reads: %', hostile.attempt('SELECT a FROM roles.private');
	RAISE WARNING 'becomes: %', hostile.attempt('SET ROLE regress_migrator');
	RAISE WARNING 'resets: %', hostile.attempt('RESET SESSION AUTHORIZATION');
	RAISE WARNING 'drops: %', hostile.attempt('DROP TABLE roles.users');
	RAISE WARNING 'writes: %', hostile.attempt('CREATE TABLE hostile.trace (a int)');
	RAISE WARNING 'opens: %', hostile.attempt('GRANT SELECT ON roles.private TO PUBLIC');
	RAISE WARNING 'switches off: %', hostile.attempt('SET compat_guard.mode = off');
	PERFORM hostile.attempt('SET statement_timeout = 1234');
	RETURN x;
END$$;
SELECT status FROM compat_guard.register('rival', '1',
	'{"search_path": "roles, hostile", "queries": {"pounce": "SELECT email FROM users WHERE id = pounce(1)"}}');
RESET ROLE;
SET client_min_messages = warning;
SET ROLE regress_migrator;
ALTER TABLE users ADD COLUMN fax text;
SET client_min_messages = error;
ALTER TABLE users DROP COLUMN email;
RESET ROLE;
SHOW statement_timeout;
SHOW compat_guard.mode;
SELECT to_regclass('hostile.trace');
SELECT relname, relacl FROM pg_class WHERE oid = 'roles.private'::regclass;
-- by a query on what it may not read, a role guards nothing
SET ROLE regress_rival;
SELECT status FROM compat_guard.register('rival', '2',
	'{"search_path": "roles", "queries": {"private": "SELECT a FROM private"}, "relations": {"private": {"columns": {"a": {}}}}}');
SET ROLE regress_migrator;
ALTER TABLE private DROP COLUMN a;
DROP TABLE private;
RESET ROLE;

SELECT count(compat_guard.forget(app, version)) FROM compat_guard.versions;
RESET search_path;
DROP SCHEMA roles, hostile CASCADE;
DROP OWNED BY regress_app, regress_app_rw, regress_rival, regress_dba, regress_migrator, regress_monitor;
DROP ROLE regress_app, regress_app_rw, regress_rival, regress_dba, regress_migrator, regress_monitor;
