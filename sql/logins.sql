--
-- What the next connection of an application will find: whether its role may
-- connect, and the search_path it begins with.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE SCHEMA logins;
CREATE SCHEMA logins_2;
CREATE ROLE regress_app LOGIN;
CREATE ROLE regress_group;
CREATE ROLE regress_other LOGIN;
SELECT format('ALTER ROLE regress_app IN DATABASE %I SET search_path = logins', current_database()) \gexec
CREATE TABLE logins.t (a int, b text);
GRANT USAGE ON SCHEMA logins, logins_2 TO regress_app;
GRANT SELECT ON logins.t TO regress_app;
SET search_path = logins;
SELECT status FROM compat_guard.register('portal', '1', '{"role": "regress_app", "search_path": "logins", "queries": {"q": "SELECT b FROM t", "r": "SELECT a FROM t"}}');
SELECT status FROM compat_guard.register('own_path', '1', '{"role": "regress_app", "search_path": "logins, public", "queries": {"q": "SELECT b FROM t"}}');
SELECT status FROM compat_guard.register('group', '1', '{"role": "regress_group"}');
RESET search_path;

-- who may connect
ALTER ROLE regress_app NOLOGIN;
ALTER ROLE regress_app LOGIN;
\set VERBOSITY terse
ALTER ROLE regress_app CONNECTION LIMIT 0;
ALTER ROLE regress_app CONNECTION LIMIT 5;
ALTER ROLE regress_app VALID UNTIL '2000-01-01';
ALTER ROLE regress_app VALID UNTIL 'infinity';
DO $$ BEGIN EXECUTE 'ALTER ROLE regress_app NOLOGIN'; END $$;
ALTER ROLE regress_app CONNECTION LIMIT 0;	-- could not before
ALTER ROLE regress_app LOGIN CONNECTION LIMIT -1;
SELECT format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database()) \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO regress_group', current_database()) \gexec
GRANT regress_group TO regress_app;
REVOKE regress_group FROM regress_app;
SELECT format('GRANT CONNECT ON DATABASE %I TO PUBLIC', current_database()) \gexec
SELECT format('ALTER DATABASE %I CONNECTION LIMIT 0', current_database()) \gexec
SELECT format('ALTER DATABASE %I CONNECTION LIMIT -1', current_database()) \gexec

-- near misses
BEGIN;
ALTER ROLE regress_app NOLOGIN;
ALTER ROLE regress_app LOGIN;
COMMIT;
BEGIN;
SAVEPOINT s;
ALTER ROLE regress_app NOLOGIN;
ROLLBACK TO s;
COMMIT;
ALTER ROLE regress_app CONNECTION LIMIT 1 PASSWORD 'x' VALID UNTIL '2099-01-01';
ALTER ROLE regress_other NOLOGIN;
ALTER ROLE regress_group NOLOGIN;

-- with which search_path; the one verifier says what that means
\set VERBOSITY default
SELECT format('ALTER ROLE regress_app IN DATABASE %I SET search_path = logins_2', current_database()) \gexec
SELECT format('ALTER ROLE regress_app IN DATABASE %I SET search_path = logins', current_database()) \gexec
\set VERBOSITY terse
SELECT format('ALTER ROLE regress_app IN DATABASE %I RESET search_path', current_database()) \gexec
SELECT format('ALTER ROLE regress_app IN DATABASE %I SET search_path = logins', current_database()) \gexec
SELECT format('ALTER ROLE regress_app IN DATABASE %I RESET ALL', current_database()) \gexec
SELECT format('ALTER DATABASE %I SET search_path = logins', current_database()) \gexec
SELECT format('ALTER DATABASE %I SET search_path = logins_2', current_database()) \gexec
SELECT format('ALTER DATABASE %I SET search_path = logins', current_database()) \gexec
ALTER ROLE regress_app SET search_path = 'logins_2';
ALTER ROLE regress_app SET search_path = logins;
-- one that leads to the same, or that counts for others
ALTER ROLE regress_app SET search_path = logins_2, logins;
ALTER ROLE regress_app SET search_path = logins;
SELECT format('ALTER DATABASE %I SET search_path = logins_2', current_database()) \gexec
ALTER ROLE regress_other SET search_path = logins_2;
ALTER ROLE regress_app SET work_mem = '4MB';
-- where another of the name stands before it
CREATE TABLE logins_2.t (a int, b text);
GRANT SELECT ON logins_2.t TO regress_app;
ALTER ROLE regress_app SET search_path = logins_2, logins;
ALTER ROLE regress_app SET search_path = logins;

-- policy and preview
SELECT compat_guard.set_policy('login-lost', 'block', 'portal');
ALTER ROLE regress_app NOLOGIN;
SELECT rolcanlogin FROM pg_roles WHERE rolname = 'regress_app';
SELECT app, rule, action, found, statement FROM compat_guard.preview('ALTER ROLE regress_app NOLOGIN') ORDER BY 1;
SELECT compat_guard.set_policy('login-lost', NULL, 'portal');
SELECT count(compat_guard.forget(app, version)) FROM compat_guard.versions WHERE app IN ('portal', 'own_path', 'group');
ALTER ROLE regress_app NOLOGIN;
SELECT format('ALTER DATABASE %I RESET search_path', current_database()) \gexec
DROP SCHEMA logins, logins_2 CASCADE;
DROP OWNED BY regress_app, regress_group, regress_other;
DROP ROLE regress_app, regress_group, regress_other;
