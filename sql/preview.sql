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
CREATE FUNCTION judged(ddl text) RETURNS TABLE (action text, rule text, requirement text, message text) LANGUAGE sql AS
	'SELECT p.action, p.rule, p.requirement, p.message FROM compat_guard.preview(ddl) AS p';
--
-- Savepoints.
--
SELECT * FROM judged('ALTER TABLE t DROP a; SAVEPOINT x; ALTER TABLE t DROP b; ROLLBACK TO x; ALTER TABLE t DROP c; RELEASE x');
-- to the inner of two of one name, then to the other
SELECT * FROM judged('SAVEPOINT x; ALTER TABLE t DROP a; SAVEPOINT x; ALTER TABLE t DROP b; ROLLBACK TO x; ALTER TABLE t DROP c;
	RELEASE x; ALTER TABLE t DROP d');
SELECT * FROM judged('SAVEPOINT x; ALTER TABLE t DROP a; SAVEPOINT x; ALTER TABLE t DROP b; RELEASE x; ROLLBACK TO x; ALTER TABLE t DROP c');
-- again and again to the same; those within it go with it
SELECT * FROM judged('BEGIN; SAVEPOINT x; ALTER TABLE t DROP a; SAVEPOINT y; ALTER TABLE t DROP b; ROLLBACK TO x; ALTER TABLE t DROP c;
	ROLLBACK TO x; ROLLBACK TO y; COMMIT');
-- none is left open
SELECT * FROM judged('SAVEPOINT x; ALTER TABLE t DROP a; SAVEPOINT y; ALTER TABLE t DROP b');
SELECT * FROM judged('BEGIN; SAVEPOINT x; ALTER TABLE t DROP a; COMMIT; ROLLBACK TO x; RELEASE x');
--
-- Transactions.
--
SELECT * FROM judged('BEGIN; ALTER TABLE t DROP a; ROLLBACK; BEGIN; ALTER TABLE t DROP b; COMMIT; ALTER TABLE t DROP c');
SELECT * FROM judged('BEGIN; ALTER TABLE t DROP a; COMMIT AND CHAIN; ALTER TABLE t DROP b; ROLLBACK AND CHAIN; ALTER TABLE t DROP c; ROLLBACK');
-- nobody knows where it began
SELECT * FROM judged('ALTER TABLE t DROP a; ROLLBACK');
-- what is undone because it failed, and what in a block of PL/pgSQL
SELECT * FROM judged('BEGIN; ALTER TABLE t DROP a, DROP nothing; ALTER TABLE t DROP b; COMMIT');
SELECT * FROM judged('SAVEPOINT x; DO ''BEGIN ALTER TABLE t DROP a; RAISE EXCEPTION USING ERRCODE = $x$XX000$x$; EXCEPTION WHEN OTHERS THEN ALTER TABLE t DROP b; END''');
-- the guard's own removal
SELECT * FROM judged('BEGIN; DROP EXTENSION compat_guard; ROLLBACK; ALTER TABLE t DROP a');
SELECT * FROM judged('BEGIN; SAVEPOINT x; DROP EXTENSION compat_guard; RELEASE x; COMMIT');
--
-- allow()
--
SELECT * FROM judged('SELECT compat_guard.allow(''why'', rule => ''query-broken''); ALTER TABLE t DROP a');
SELECT * FROM judged('SELECT compat_guard.allow(''why'', rule => ''column-missing''); ALTER TABLE t DROP a');
SELECT * FROM judged('ALTER TABLE t DROP a; SELECT compat_guard.allow(''why'', ''preview'')');
SELECT * FROM judged('SAVEPOINT x; SELECT compat_guard.allow(''why''); ROLLBACK TO x; ALTER TABLE t DROP a');
-- goes no further than the script; one given before reaches into it, unused
SELECT * FROM judged('ALTER TABLE t DROP a');
BEGIN;
SELECT compat_guard.allow('why');
SELECT * FROM judged('ALTER TABLE t DROP a');
COMMIT;
--
-- Which statement of the script it was: the one after which what is found stays.
--
CREATE FUNCTION located(ddl text) RETURNS TABLE (requirement text, rule text, statement_number int, line int, col int) LANGUAGE sql AS
	'SELECT p.requirement, p.rule, p.statement_number, p.line, p.col FROM compat_guard.preview(ddl) AS p';
SELECT * FROM located(E'ALTER TABLE t ADD e int;\n/* one */ -- two\n\tALTER TABLE t DROP a; ALTER TABLE t ADD f int;\n  ALTER TABLE t DROP b');
SELECT * FROM located('ALTER TABLE t DROP a; ALTER TABLE t ADD a int; ALTER TABLE t DROP a; ALTER TABLE t DROP e');
SELECT * FROM located('BEGIN; ALTER TABLE t DROP a; ROLLBACK; SAVEPOINT x; ALTER TABLE t DROP b; ROLLBACK TO x; ALTER TABLE t DROP b');
SELECT * FROM located(E'DO $$ BEGIN\n ALTER TABLE t DROP a; END $$; DROP EXTENSION compat_guard; VACUUM t');
SELECT * FROM located('SELECT 1; DO $$ BEGIN RAISE NOTICE ''once''; END $$; SELEC');
SET client_min_messages = notice;
SELECT * FROM located('SELECT 1; DO $$ BEGIN RAISE NOTICE ''once''; END $$; ALTER TABLE t DROP a');
SET client_min_messages = warning;
--
-- The report.  test/t/062_report.pl has the formats for machines.
--
SELECT report, blocked FROM compat_guard.preview_report(E'ALTER TABLE t ADD e int;\nALTER TABLE t DROP a; SELECT 1 / 0; VACUUM t');
SELECT report, blocked FROM compat_guard.preview_report(E'SELECT compat_guard.allow(''why''); ALTER TABLE t DROP a', 'github', 'a,b:c%.sql');
SELECT report FROM compat_guard.preview_report(E'ALTER TABLE t DROP a', 'markdown');
SELECT report::jsonb #- '{findings,0,advice}' FROM compat_guard.preview_report(E'ALTER TABLE t DROP a', 'json', 'x.sql');
SELECT f, report, blocked FROM unnest(enum_range(NULL::compat_guard.report_format)) AS f, compat_guard.preview_report('', f) WHERE f NOT IN ('json', 'sarif');
SELECT compat_guard.preview_report('', 'html');
SELECT compat_guard.markdown_code('a'), compat_guard.markdown_code('`a```` ``'), compat_guard.markdown_escape(E'a|b\n @c #1 <d> _e_');
--
-- Nothing is left of it, whatever happens.
--
SET statement_timeout = '300ms';
SELECT count(*) FROM compat_guard.preview('BEGIN; SAVEPOINT x; ALTER TABLE t DROP a; SAVEPOINT y; SELECT pg_sleep(20)');
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
