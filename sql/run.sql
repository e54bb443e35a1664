--
-- run(): a script is run as psql runs it, and what does not get its locks is tried again.
-- That it waits for a blocker and gives way to it is in test/t/061_run.pl.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
RESET client_min_messages;
CREATE SCHEMA run;
SET search_path = run;
\set VERBOSITY terse
CREATE TABLE t (a int, b int);
-- Statements outside of BEGIN and COMMIT are transactions of their own, and need not run in one.
CALL compat_guard.run('ALTER TABLE t ADD c int; BEGIN; ALTER TABLE t ADD d int; ALTER TABLE t ADD e int; COMMIT;
	CREATE INDEX CONCURRENTLY t_a ON t (a); VACUUM t; REINDEX TABLE CONCURRENTLY t; DROP INDEX CONCURRENTLY t_a;
	CREATE INDEX CONCURRENTLY t_b ON t (b)');
SELECT attname FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0 ORDER BY attnum;
SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid = 't'::regclass;
-- What fails undoes its transaction, and ends the run.
CALL compat_guard.run('ALTER TABLE t ADD f int; BEGIN; ALTER TABLE t ADD g int; ALTER TABLE t ADD a int; COMMIT; ALTER TABLE t ADD h int');
SELECT count(*) FILTER (WHERE attname = 'f') AS f, count(*) FILTER (WHERE attname IN ('g', 'h')) AS others FROM pg_attribute WHERE attrelid = 't'::regclass;
-- What breaks a version is blocked where it commits, and not tried again.
SELECT status FROM compat_guard.register_queries('run', '1', '{SELECT a FROM run.t}');
CALL compat_guard.run('ALTER TABLE t DROP a');
CALL compat_guard.run('BEGIN; ALTER TABLE t DROP a; ALTER TABLE t ADD a int; COMMIT');
SELECT compat_guard.forget('run', '1');
-- Scripts that it does not take, and says so before it has done anything.
\set VERBOSITY default
CALL compat_guard.run('ALTER TABLE t ADD i int;
	/* a comment */ -- and another
	ROLLBACK');
\set VERBOSITY terse
CALL compat_guard.run('ALTER TABLE t ADD i int; SAVEPOINT s');
CALL compat_guard.run('BEGIN ISOLATION LEVEL SERIALIZABLE; COMMIT');
CALL compat_guard.run('BEGIN; COMMIT AND CHAIN');
CALL compat_guard.run('ALTER TABLE t ADD i int; COMMIT');
CALL compat_guard.run(E'ALTER TABLE t ADD i int;\nBEGIN');
CALL compat_guard.run('ALTER TABLE t ADD i int; ALTER TABEL t');
CALL compat_guard.run('COPY t TO STDOUT');
CALL compat_guard.run('');
CALL compat_guard.run(NULL);
CALL compat_guard.run('SELECT 1', 0);
CALL compat_guard.run('SELECT 1', NULL);
CALL compat_guard.run('SELECT 1', 1, '-1 second');
CALL compat_guard.run('SELECT 1', 1, NULL);
-- Where it cannot commit, and where the server cannot.
BEGIN;
CALL compat_guard.run('SELECT 1');
ROLLBACK;
\set VERBOSITY default
\set SHOW_CONTEXT never
CALL compat_guard.run('BEGIN; SELECT 1; CREATE INDEX CONCURRENTLY t_a ON t (a); COMMIT');
DO $$ BEGIN CALL compat_guard.run('CREATE INDEX CONCURRENTLY t_a ON t (a)', 1, '1 second'); END $$;
DO $$ BEGIN CALL compat_guard.run('ALTER TABLE t ADD j int', 1, '1 second'); END $$;
\set SHOW_CONTEXT errors
\set VERBOSITY terse
-- A query that asks for the beginning of a transaction gets none of its own.
CALL compat_guard.run('SELECT set_config(''transaction_isolation'', ''serializable'', false)');
-- It has no more rights than its caller.
CREATE ROLE regress_run;
GRANT USAGE ON SCHEMA run, compat_guard TO regress_run;
SET ROLE regress_run;
CALL compat_guard.run('SELECT 1');
RESET ROLE;
GRANT EXECUTE ON PROCEDURE compat_guard.run(text, integer, interval) TO regress_run;
SET ROLE regress_run;
CALL compat_guard.run('ALTER TABLE run.t ADD k int');
RESET ROLE;
SET client_min_messages = warning;
DROP OWNED BY regress_run;
DROP ROLE regress_run;
DROP SCHEMA run CASCADE;
