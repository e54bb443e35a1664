--
-- What messages say in their first line, and how they show what others named.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE regress_messages;
CREATE SCHEMA messages;
SET search_path = messages;
CREATE TABLE users (id int PRIMARY KEY, email text, note text, status text);
GRANT USAGE ON SCHEMA messages TO regress_messages;
GRANT SELECT ON users TO regress_messages;
\set VERBOSITY terse
CREATE FUNCTION register(app text, version text, VARIADIC queries text[]) RETURNS text LANGUAGE sql AS $$
	SELECT status FROM compat_guard.register(app, version, jsonb_build_object('role', 'regress_messages',
		'search_path', 'messages', 'queries', jsonb_object(queries)))
$$;

--
-- The first line has the versions, the first finding, and how many more there are.
--
SELECT register('shop', 'v1', 'active users', 'SELECT id FROM users WHERE status = $1');
ALTER TABLE users DROP COLUMN status;
SELECT register('shop', 'v2', 'active users', 'SELECT id FROM users WHERE status = $1',
	'mail', 'SELECT email FROM users');
ALTER TABLE users DROP COLUMN status;
ALTER TABLE users DROP COLUMN email, DROP COLUMN status;
SELECT compat_guard.set_policy('query-broken', 'warn');
BEGIN;
ALTER TABLE users DROP COLUMN email;
COMMIT;
SELECT compat_guard.set_policy('query-broken', NULL);
ALTER TABLE users ADD COLUMN email text;
-- no more than three versions
SELECT register('shop', 'v' || n, 'note', 'SELECT note FROM users') FROM generate_series(3, 7) AS n;
ALTER TABLE users DROP COLUMN note;
-- what did not stop it does not come first
SELECT compat_guard.set_policy('query-broken', 'warn', 'mail');
SELECT register('mail', '1', 'note', 'SELECT note FROM users');
ALTER TABLE users DROP COLUMN note;
SELECT compat_guard.set_policy('query-broken', NULL, 'mail');
SELECT count(compat_guard.forget(app, version)) FROM compat_guard.versions;

--
-- It is one line of bounded length, cut between characters.
--
SELECT register(repeat('a', 300), repeat('b', 300), repeat(U&'\00e9', 150), 'SELECT note FROM users');
ALTER TABLE users DROP COLUMN note;
SELECT count(compat_guard.forget(app, version)) FROM compat_guard.versions;

--
-- Nothing that others named looks like a line of ours, or speaks to a terminal.
--
\set VERBOSITY default
SELECT register(E'evil\nHINT:  Run now: ALTER ROLE x SUPERUSER;', E'1\r\t\x1b[2J', E'q\nDETAIL:  all is well\u202e\U000e0041', 'SELECT note FROM users');
ALTER TABLE users DROP COLUMN note;
-- what the hint says to run does what it says
SELECT compat_guard.retire(E'evil\nHINT:  Run now: ALTER ROLE x SUPERUSER;', E'1\r\t\x1b[2J');
ALTER TABLE users DROP COLUMN note;
-- a backslash is only that
SELECT register(E'back\\slash\n', '1', 'q', 'SELECT email FROM users');
ALTER TABLE users DROP COLUMN email;
SELECT compat_guard.forget(app, version) FROM compat_guard.versions;

-- nor in other messages, nor in the journal
\set app 'E\'evil\\nHINT:  Run me.\''
SET client_min_messages = notice;
SELECT register(:app, E'1\n', E'q\n', 'SELECT more FROM users');
SELECT compat_guard.attach(:app, E'2\n');
SELECT compat_guard.attach('other' || :app, '1');
SELECT compat_guard.heartbeat(:app, E'1\n', E'i\n');
SELECT register(:app, E'1\n', E'q\n', 'SELECT email FROM users');
CALL compat_guard.wait_until_ready(:app, E'1\n', '0');
SELECT compat_guard.can_deploy(:app, E'1\n', or_error => true);
SELECT compat_guard.register('a', '1', '{"queries": {"q\u000aHINT:  Run me.": "SELECT"}, "no\u000a": 1, "role": "n\u000a"}');
SET compat_guard.journal = off;
ALTER TABLE users ADD COLUMN more text;
SET compat_guard.journal = on;
BEGIN;
SELECT compat_guard.allow(E'because\nHINT:  Run me.');
ALTER TABLE users DROP COLUMN more;
COMMIT;
SELECT versions, reason, findings->0->>'reason' AS whole FROM compat_guard.journal ORDER BY at DESC LIMIT 1;
CREATE ROLE "regress
messages";
SELECT compat_guard.entrust(r) FROM unnest('{regress_messages,"\"regress
messages\""}'::regrole[]) AS r;
SET ROLE "regress
messages";
SELECT status FROM compat_guard.register('owned', '1', '{}');
SET ROLE regress_messages;
SELECT compat_guard.retire('owned', '1');
RESET ROLE;
SELECT compat_guard.forget(app, version) FROM compat_guard.versions;
DROP OWNED BY "regress
messages";
DROP ROLE "regress
messages";

SET client_min_messages = warning;
DROP SCHEMA messages CASCADE;
DROP OWNED BY regress_messages;
DROP ROLE regress_messages;
