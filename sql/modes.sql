--
-- What is done about a verdict: compat_guard.mode, compat_guard.verify and
-- set_policy.  Whatever is let through is remembered, and is no obstacle to the
-- next migration.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE regress_modes;
CREATE SCHEMA modes;
SET search_path = modes;
CREATE TABLE users (id int, email text NOT NULL, note text);
CREATE TABLE orders (id int, total numeric);
GRANT USAGE ON SCHEMA modes TO regress_modes;
GRANT SELECT, INSERT ON users, orders TO regress_modes;
CREATE FUNCTION contract(relation text, VARIADIC columns text[]) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('role', 'regress_modes', 'search_path', 'modes', 'relations',
		jsonb_build_object(relation, jsonb_build_object('columns', jsonb_object_agg(c, '{}'::jsonb))))
	FROM unnest(columns) AS c
$$;
SELECT status FROM compat_guard.register('shop', '1', contract('users', 'email', 'note'));
SELECT status FROM compat_guard.register('shop', '2', contract('users', 'note'));
SELECT status FROM compat_guard.register('mail', '7', contract('users', 'note'));

--
-- enforce: an error with a class of its own, whose fields name the object.
--
\set VERBOSITY sqlstate
ALTER TABLE users DROP COLUMN email;
\set VERBOSITY default
\echo :LAST_ERROR_SQLSTATE :LAST_ERROR_MESSAGE
ALTER TABLE users DROP COLUMN note;
-- a message has room for so many
SET compat_guard.max_findings_shown = 1;
ALTER TABLE users DROP COLUMN note;
RESET compat_guard.max_findings_shown;
\set VERBOSITY terse

--
-- When: the net effect, or that of each statement.
--
BEGIN;
ALTER TABLE users RENAME note TO remark;
ALTER TABLE users RENAME remark TO note;
COMMIT;
SET compat_guard.verify = statement;
BEGIN;
ALTER TABLE users RENAME note TO remark;
ROLLBACK;
BEGIN;
SAVEPOINT a;
ALTER TABLE users RENAME note TO remark;
ROLLBACK TO a;
ALTER TABLE users ADD COLUMN added int;
COMMIT;
SELECT count(*) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'added';
-- a statement is one, however many there are inside; those cannot catch its verdict
DO $$
BEGIN
	ALTER TABLE modes.users RENAME note TO remark;
EXCEPTION WHEN OTHERS THEN
	RAISE WARNING 'caught';
END$$;
DO 'BEGIN ALTER TABLE modes.users RENAME note TO remark; ALTER TABLE modes.users RENAME remark TO note; END';
RESET compat_guard.verify;

--
-- Policy: per rule and app.
--
SELECT compat_guard.set_policy('column-missing', 'warn', 'mail');
ALTER TABLE users DROP COLUMN note;						-- shop still says no
SELECT compat_guard.set_policy('column-missing', 'warn');
SELECT compat_guard.set_policy('column-missing', 'block', 'mail');
ALTER TABLE users DROP COLUMN email;					-- shop is warned
ALTER TABLE users DROP COLUMN note;						-- mail says no
SELECT rule, default_action, action, by_app FROM compat_guard.rules WHERE rule = 'column-missing';
SELECT app, version, status FROM compat_guard.versions ORDER BY 1, 2;
-- what was let through is remembered, and does not count again
ALTER TABLE users ADD COLUMN other int;
ALTER TABLE users DROP COLUMN other;
SELECT compat_guard.set_policy('column-missing', NULL);
SELECT compat_guard.set_policy('column-missing', NULL, 'mail');
ALTER TABLE users ADD COLUMN other int;
ALTER TABLE users DROP COLUMN other;
-- once mended it is protected again
ALTER TABLE users ADD COLUMN email text;
SELECT app, version, status FROM compat_guard.versions ORDER BY 1, 2;
ALTER TABLE users DROP COLUMN email;
-- log and ignore
SELECT compat_guard.set_policy('column-missing', 'log', 'shop');
ALTER TABLE users DROP COLUMN email;
ALTER TABLE users ADD COLUMN email text;
SELECT compat_guard.set_policy('column-missing', 'ignore', 'shop');
ALTER TABLE users DROP COLUMN email;
SELECT app, version, status FROM compat_guard.versions ORDER BY 1, 2;
ALTER TABLE users ADD COLUMN email text;
SELECT compat_guard.set_policy('column-missing', NULL, 'shop');
-- nonsense
SELECT compat_guard.set_policy('column-mising', 'warn');
SELECT compat_guard.set_policy('column-missing', 'shout');

--
-- warn: everything passes, nothing in silence.
--
SET compat_guard.mode = warn;
\set VERBOSITY default
ALTER TABLE users DROP COLUMN note;
\set VERBOSITY terse
SELECT app, version, status FROM compat_guard.versions ORDER BY 1, 2;
RESET compat_guard.mode;
ALTER TABLE users ADD COLUMN other int;
ALTER TABLE users ADD COLUMN note text;

--
-- off: everything passes, and is remembered all the same.
--
SET compat_guard.mode = off;
ALTER TABLE users DROP COLUMN note;
DROP TABLE orders;
RESET compat_guard.mode;
SELECT app, version, status FROM compat_guard.versions ORDER BY 1, 2;
ALTER TABLE users RENAME other TO another;
BEGIN;
SET LOCAL compat_guard.mode = off;
ALTER TABLE users DROP COLUMN email;
COMMIT;
-- who may
SET ROLE regress_modes;
SET compat_guard.mode = off;
RESET ROLE;

--
-- Never met is not broken: pending versions stop nothing.
--
SELECT status, unmet FROM compat_guard.register('shop', '3', contract('users', 'id', 'to_come'));
ALTER TABLE users ADD COLUMN step1 int;
ALTER TABLE users RENAME id TO user_id;			-- its other column is met
ALTER TABLE users ADD COLUMN to_come int;
SELECT status FROM compat_guard.versions WHERE version = '3';
ALTER TABLE users DROP COLUMN to_come;

SELECT count(compat_guard.forget(app, version)) FROM compat_guard.versions;
RESET search_path;
DROP SCHEMA modes CASCADE;
DROP ROLE regress_modes;
