--
-- preview(): what the script undoes itself, and what it allows.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE SCHEMA preview;
SET search_path = preview;
CREATE TABLE t (a int, b int, c int, d int);
SELECT status FROM compat_guard.register('preview', '1', '{"search_path": "preview", "queries": {
	"a": "SELECT a FROM t", "b": "SELECT b FROM t", "c": "SELECT c FROM t", "d": "SELECT d FROM t"}}');
\pset format unaligned
\pset footer off
\set preview 'SELECT action, rule, requirement, message FROM compat_guard.preview('
--
-- Savepoints.
--
:preview 'ALTER TABLE t DROP a; SAVEPOINT x; ALTER TABLE t DROP b; ROLLBACK TO x; ALTER TABLE t DROP c; RELEASE x');
-- to the inner of two of one name, then to the other
:preview 'SAVEPOINT x; ALTER TABLE t DROP a; SAVEPOINT x; ALTER TABLE t DROP b; ROLLBACK TO x; ALTER TABLE t DROP c;
	RELEASE x; ALTER TABLE t DROP d');
:preview 'SAVEPOINT x; ALTER TABLE t DROP a; SAVEPOINT x; ALTER TABLE t DROP b; RELEASE x; ROLLBACK TO x; ALTER TABLE t DROP c');
-- again and again to the same; those within it go with it
:preview 'BEGIN; SAVEPOINT x; ALTER TABLE t DROP a; SAVEPOINT y; ALTER TABLE t DROP b; ROLLBACK TO x; ALTER TABLE t DROP c;
	ROLLBACK TO x; ROLLBACK TO y; COMMIT');
-- none is left open
:preview 'SAVEPOINT x; ALTER TABLE t DROP a; SAVEPOINT y; ALTER TABLE t DROP b');
:preview 'BEGIN; SAVEPOINT x; ALTER TABLE t DROP a; COMMIT; ROLLBACK TO x; RELEASE x');
--
-- Transactions.
--
:preview 'BEGIN; ALTER TABLE t DROP a; ROLLBACK; BEGIN; ALTER TABLE t DROP b; COMMIT; ALTER TABLE t DROP c');
:preview 'BEGIN; ALTER TABLE t DROP a; COMMIT AND CHAIN; ALTER TABLE t DROP b; ROLLBACK AND CHAIN; ALTER TABLE t DROP c; ROLLBACK');
-- nobody knows where it began
:preview 'ALTER TABLE t DROP a; ROLLBACK');
-- what is undone because it failed, and what in a block of PL/pgSQL
:preview 'BEGIN; ALTER TABLE t DROP a, DROP nothing; ALTER TABLE t DROP b; COMMIT');
:preview 'SAVEPOINT x; DO ''BEGIN ALTER TABLE t DROP a; RAISE EXCEPTION USING ERRCODE = $x$XX000$x$; EXCEPTION WHEN OTHERS THEN ALTER TABLE t DROP b; END''');
-- the guard's own removal
:preview 'BEGIN; DROP EXTENSION compat_guard; ROLLBACK; ALTER TABLE t DROP a');
:preview 'BEGIN; SAVEPOINT x; DROP EXTENSION compat_guard; RELEASE x; COMMIT');
--
-- allow()
--
:preview 'SELECT compat_guard.allow(''why'', rule => ''query-broken''); ALTER TABLE t DROP a');
:preview 'SELECT compat_guard.allow(''why'', rule => ''column-missing''); ALTER TABLE t DROP a');
:preview 'ALTER TABLE t DROP a; SELECT compat_guard.allow(''why'', ''preview'')');
:preview 'SAVEPOINT x; SELECT compat_guard.allow(''why''); ROLLBACK TO x; ALTER TABLE t DROP a');
-- goes no further than the script; one given before reaches into it, unused
:preview 'ALTER TABLE t DROP a');
BEGIN;
SELECT compat_guard.allow('why');
:preview 'ALTER TABLE t DROP a');
COMMIT;
--
-- Nothing is left of it, whatever happens.
--
SET statement_timeout = '300ms';
:preview 'BEGIN; SAVEPOINT x; ALTER TABLE t DROP a; SAVEPOINT y; SELECT pg_sleep(20)');
RESET statement_timeout;
BEGIN;
SAVEPOINT x;
SELECT count(*) FROM compat_guard.preview('SAVEPOINT x; ALTER TABLE t DROP a');
ROLLBACK TO x;
SELECT count(*) FROM compat_guard.preview('SAVEPOINT x; ALTER TABLE t DROP a; ROLLBACK TO x');
COMMIT;
SELECT * FROM t;
\set VERBOSITY terse
ALTER TABLE t DROP a;
SELECT compat_guard.forget('preview', '1');
DROP SCHEMA preview CASCADE;
