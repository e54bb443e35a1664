--
-- The journal, and compat_guard.allow().
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE regress_journal;
CREATE ROLE regress_journal_monitor IN ROLE pg_monitor;
CREATE SCHEMA journal;
SET search_path = journal;
SET application_name = 'regress_journal';
CREATE TABLE users (id int, email text, note text, phone text);
CREATE TABLE other (a int);
GRANT ALL ON SCHEMA journal TO regress_journal;
GRANT SELECT ON users TO regress_journal;

-- What came since it was asked last. Rows of blocked changes come from another
-- process, in a moment.
CREATE FUNCTION news(blocked int DEFAULT 0)
RETURNS TABLE (verdict text, statements text[], versions text[], rules text, reason text, by text)
LANGUAGE plpgsql SET client_min_messages = error AS $$
BEGIN
	FOR i IN 1 .. 1500 LOOP
		EXIT WHEN blocked = (SELECT count(*) FROM compat_guard.journal j
			WHERE j.verdict = 'blocked' AND j.application_name = 'regress_journal');
		PERFORM pg_sleep(0.02);
	END LOOP;
	RETURN QUERY WITH gone AS (
		DELETE FROM compat_guard.journal_entry j WHERE application_name = 'regress_journal' RETURNING *)
	SELECT j.verdict || CASE WHEN j.mode <> 'enforce' THEN ' in mode ' || j.mode ELSE '' END,
		j.statements, j.versions,
		(SELECT string_agg(f->>'rule' || ' ' || (f->>'action'), ', ') FROM jsonb_array_elements(j.findings) f),
		j.reason, j.reason_by
	FROM gone j ORDER BY j.at;
END$$;
\pset null -
\pset format unaligned
\pset footer off
\set VERBOSITY terse

-- no live version: nothing to tell
ALTER TABLE other ADD COLUMN b int;
SELECT * FROM news();

CREATE FUNCTION contract(VARIADIC columns text[]) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('role', 'regress_journal', 'search_path', 'journal', 'relations',
		jsonb_build_object('users', jsonb_build_object('columns', jsonb_object_agg(c, '{}'::jsonb))))
	FROM unnest(columns) AS c
$$;
SELECT status FROM compat_guard.register('shop', '1', contract('email', 'note', 'phone'));
SELECT status FROM compat_guard.register('shop', '2', contract('note'));
SELECT status FROM compat_guard.register('mail', '7', contract('email'));
SELECT * FROM news();

--
-- One row a transaction.
--
ALTER TABLE other ADD COLUMN c int;
BEGIN;
ALTER TABLE other ADD COLUMN d int;
CREATE TABLE third (a int);
SAVEPOINT a;
DROP TABLE third;
ROLLBACK TO a;
COMMIT;
DO 'BEGIN ALTER TABLE other DROP COLUMN c; ALTER TABLE other DROP COLUMN d; END';
SELECT * FROM news();
-- who, and from where
ALTER TABLE users OWNER TO regress_journal;
SET ROLE regress_journal;
ALTER TABLE users ADD COLUMN fax text;
RESET ROLE;
SELECT session_role = session_user AS session_role, role, pid = pg_backend_pid() AS pid, xid IS NOT NULL AS xid,
	client_addr IS NOT DISTINCT FROM inet_client_addr() AS client_addr, at > now() - interval '1 min' AS at
FROM compat_guard.journal WHERE application_name = 'regress_journal' ORDER BY journal.at DESC LIMIT 1;
SELECT FROM news();
-- judged statement by statement: still one
SET compat_guard.verify = statement;
BEGIN;
ALTER TABLE other ADD COLUMN c int;
SAVEPOINT a;
ALTER TABLE other ADD COLUMN d int;
ROLLBACK TO a;
ALTER TABLE other ADD COLUMN e int;
COMMIT;
BEGIN;
SAVEPOINT a;
ALTER TABLE other ADD COLUMN f int;
ROLLBACK TO a;
COMMIT;
RESET compat_guard.verify;
SELECT * FROM news();

--
-- None for what is not there in the end, or never was.
--
BEGIN;
ALTER TABLE other ADD COLUMN f int;
ROLLBACK;
BEGIN;
SAVEPOINT a;
ALTER TABLE other ADD COLUMN f int;
ROLLBACK TO a;
COMMIT;
CREATE TEMP TABLE brief (a int);
ALTER TABLE brief ADD COLUMN b int;
DROP TABLE brief;
SELECT count(*) FROM compat_guard.preview('ALTER TABLE users DROP COLUMN note');
ALTER TABLE users DROP COLUMN no_such_column;
INSERT INTO other VALUES (1);
-- a restore, unless it breaks something
SELECT current_schema() AS here \gset
SET check_function_bodies = off;
SELECT set_config('search_path', '', false) IS NULL AS cleared;
ALTER TABLE :here.other ADD COLUMN g int;
SET compat_guard.mode = warn;
ALTER TABLE :here.users DROP COLUMN phone;
RESET compat_guard.mode;
RESET check_function_bodies;
SELECT set_config('search_path', :'here', false) IS NULL AS cleared;
SET compat_guard.journal = off;
ALTER TABLE users ADD COLUMN phone text;
ALTER TABLE users DROP COLUMN phone;
RESET compat_guard.journal;
SELECT * FROM news();

--
-- What was let through, by policy or by mode; what passes with findings of less.
--
SET client_min_messages = error;
ALTER TABLE users ADD COLUMN phone text;
SELECT compat_guard.set_policy('column-missing', 'warn', 'shop');
ALTER TABLE users DROP COLUMN phone;
ALTER TABLE users ADD COLUMN phone text;
SELECT compat_guard.set_policy('column-missing', 'log', 'shop');
ALTER TABLE users DROP COLUMN phone;
ALTER TABLE users ADD COLUMN phone text;
SELECT compat_guard.set_policy('column-missing', NULL, 'shop');
SET compat_guard.mode = off;
ALTER TABLE users DROP COLUMN phone;
ALTER TABLE users ADD COLUMN phone text;
RESET compat_guard.mode;
SELECT * FROM news();
-- commands that commit in their middle: once
CREATE UNIQUE INDEX users_email_idx ON users (email);
SELECT status FROM compat_guard.register('uniq', '1', '{"role": "regress_journal", "search_path": "journal",
	"relations": {"users": {"unique": [["email"]]}}}');
CREATE INDEX CONCURRENTLY users_id_idx ON users (id);
REINDEX INDEX users_id_idx;
DROP INDEX CONCURRENTLY users_email_idx;
SET compat_guard.mode = warn;
DROP INDEX CONCURRENTLY users_email_idx;
RESET compat_guard.mode;
SELECT compat_guard.forget('uniq', '1');
SET client_min_messages = warning;
SELECT * FROM news(1);

--
-- What was blocked is told though it was rolled back.
--
BEGIN;
ALTER TABLE other ADD COLUMN h int;
ALTER TABLE users DROP COLUMN email;
COMMIT;
SET compat_guard.verify = statement;
BEGIN;
ALTER TABLE other ADD COLUMN h int;
SAVEPOINT a;
ALTER TABLE users DROP COLUMN note;
ROLLBACK TO a;
COMMIT;
RESET compat_guard.verify;
SELECT * FROM news(2);
SELECT missed FROM compat_guard.journal_status;
-- all that a finding says
SET compat_guard.mode = off;
ALTER TABLE users DROP COLUMN phone;
RESET compat_guard.mode;
SELECT finding_count, jsonb_pretty(findings) FROM compat_guard.journal WHERE application_name = 'regress_journal';
ALTER TABLE users ADD COLUMN phone text;
SELECT FROM news();
-- there are bounds
BEGIN;
DO $$BEGIN FOR n IN 1..150 LOOP EXECUTE format('ALTER TABLE journal.other ADD COLUMN x%s int', n); END LOOP; END$$;
COMMIT;
SELECT statement_count, cardinality(statements), statements[1], statements[100] FROM compat_guard.journal
WHERE application_name = 'regress_journal';
SELECT FROM news();

--
-- allow(): of all
--
BEGIN;
SELECT compat_guard.allow('nobody reads notes any more');
\set VERBOSITY default
ALTER TABLE users DROP COLUMN note;
COMMIT;
\set VERBOSITY terse
SELECT app, version, status FROM compat_guard.versions WHERE live ORDER BY 1, 2;
-- the next transaction has its own verdict, and what is broken is no obstacle
ALTER TABLE users DROP COLUMN email;
ALTER TABLE other ADD COLUMN h2 int;
ALTER TABLE users ADD COLUMN note text;
SELECT * FROM news(1);
-- of one app, version, rule
BEGIN;
SELECT compat_guard.allow('one app', 'shop');
ALTER TABLE users DROP COLUMN email;
COMMIT;
BEGIN;
SELECT compat_guard.allow('one version', 'shop', '2');
ALTER TABLE users DROP COLUMN note;
COMMIT;
BEGIN;
SELECT compat_guard.allow('one rule', rule => 'column-type');
ALTER TABLE users DROP COLUMN note;
COMMIT;
BEGIN;
SELECT compat_guard.allow('one', 'shop', '1', 'column-missing'), compat_guard.allow('another', 'shop', '2', 'column-missing');
ALTER TABLE users DROP COLUMN note;
COMMIT;
ALTER TABLE users ADD COLUMN note text;
SELECT * FROM news(3);
-- until the savepoint it was given after is rolled back
BEGIN;
SAVEPOINT a;
SELECT compat_guard.allow('rolled back');
ROLLBACK TO a;
ALTER TABLE users DROP COLUMN note;
COMMIT;
BEGIN;
SAVEPOINT a;
SELECT compat_guard.allow('released');
RELEASE a;
SAVEPOINT b;
SELECT 1 / 0;
ROLLBACK TO b;
ALTER TABLE users DROP COLUMN note;
COMMIT;
ALTER TABLE users ADD COLUMN note text;
-- in whatever way a transaction is sent
DO $$BEGIN PERFORM compat_guard.allow('in DO'); ALTER TABLE users DROP COLUMN note; END$$;
ALTER TABLE users ADD COLUMN note text;
SELECT compat_guard.allow('in one string')\; ALTER TABLE users DROP COLUMN note;
ALTER TABLE users ADD COLUMN note text;
BEGIN;
ALTER TABLE users DROP COLUMN note;
SELECT compat_guard.allow('afterwards');
COMMIT;
ALTER TABLE users ADD COLUMN note text;
SET compat_guard.verify = statement;
BEGIN;
SELECT compat_guard.allow('by statement');
ALTER TABLE users DROP COLUMN note;
ALTER TABLE users ADD COLUMN note text;
COMMIT;
RESET compat_guard.verify;
SELECT * FROM news(1);
-- of what warns; nothing was in the way; alone
BEGIN;
SELECT compat_guard.set_policy('column-missing', 'warn');
SELECT compat_guard.allow('would only warn');
ALTER TABLE users DROP COLUMN note;
SELECT compat_guard.set_policy('column-missing', NULL);
COMMIT;
BEGIN;
SELECT compat_guard.allow('to be sure');
ALTER TABLE users ADD COLUMN note text;
COMMIT;
SELECT compat_guard.allow('alone');
ALTER TABLE users DROP COLUMN note;
BEGIN;
SELECT compat_guard.allow('for nothing');
ROLLBACK;
SELECT * FROM news(1);
-- not while a query is planned, or an index is built, of somebody else
CREATE FUNCTION sneak(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
	$$BEGIN PERFORM compat_guard.allow('sneaked in'); RETURN 1; END$$;
CREATE INDEX ON other (sneak(a));
-- nonsense
SELECT compat_guard.allow(NULL);
SELECT compat_guard.allow('');
SELECT compat_guard.allow('  ');
SELECT compat_guard.allow('why', 'shoop');
SELECT compat_guard.allow('why', 'shop', '3');
SELECT compat_guard.allow('why', version => '1');
SELECT compat_guard.allow('why', rule => 'column-mising');
-- to whom it is granted
GRANT USAGE ON SCHEMA compat_guard TO regress_journal;
SET ROLE regress_journal;
SELECT compat_guard.allow('why');
SELECT compat_guard.prune('0');
RESET ROLE;
GRANT EXECUTE ON FUNCTION compat_guard.allow(text, text, text, text) TO regress_journal;
SET ROLE regress_journal;
SET compat_guard.journal = off;
BEGIN;
SELECT compat_guard.allow('granted');
ALTER TABLE users DROP COLUMN note;
COMMIT;
ALTER TABLE users ADD COLUMN note text;
SET ROLE regress_journal_monitor;
SELECT verdict, reason, reason_by FROM compat_guard.journal
WHERE application_name = 'regress_journal' ORDER BY at DESC OFFSET 1 LIMIT 1;
SELECT oldest <= newest AS times FROM compat_guard.journal_status;
SELECT count(*) FROM compat_guard.journal_entry;
RESET ROLE;

--
-- prune()
--
UPDATE compat_guard.journal_entry SET at = at - interval '100 days';
ALTER TABLE other ADD COLUMN last int;
SELECT compat_guard.prune('1 year');
SELECT compat_guard.prune('99 days') > 0 AS pruned;
SELECT compat_guard.prune('99 days');
SELECT statements FROM compat_guard.journal WHERE application_name = 'regress_journal';
SELECT compat_guard.prune('-1 second');
SELECT compat_guard.prune(NULL);
BEGIN READ ONLY;
SELECT compat_guard.prune('0');
ROLLBACK;
SELECT compat_guard.prune('0') > 0 AS pruned;
SELECT count(*) FROM compat_guard.journal WHERE application_name = 'regress_journal';

SELECT count(compat_guard.forget(app, version)) FROM compat_guard.versions;
RESET search_path;
DROP SCHEMA journal CASCADE;
DROP OWNED BY regress_journal;
DROP ROLE regress_journal, regress_journal_monitor;
