--
-- What runs in the midst of another command: an expression of an index may run
-- anything, while ANALYZE, VACUUM, REINDEX, CLUSTER or CREATE INDEX builds it.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE SCHEMA midst;
SET search_path = midst;
CREATE TABLE t (a int, b text);
CREATE TABLE todo (what text);
-- runs what there is to do, with the schema spelled out: the path is restricted there
CREATE FUNCTION act() RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	what text;
BEGIN
	FOR what IN DELETE FROM midst.todo RETURNING todo.what LOOP
		EXECUTE what;
	END LOOP;
END $$;
CREATE FUNCTION ix(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
	'BEGIN PERFORM midst.act(); RETURN $1; END';
CREATE TABLE trap (a int);
CREATE INDEX trap_ix ON trap (ix(a));
INSERT INTO trap SELECT generate_series(1, 10);
CREATE MATERIALIZED VIEW mv AS SELECT a FROM trap;
CREATE INDEX mv_ix ON mv (ix(a));
SELECT status FROM compat_guard.register('midst', '1', '{"queries": {"q": "SELECT b FROM t"}}');
\set VERBOSITY terse

-- each is judged where it runs
INSERT INTO todo VALUES ('ALTER TABLE midst.t DROP COLUMN b');
ANALYZE trap;
\echo :LAST_ERROR_SQLSTATE
VACUUM (ANALYZE) trap;
VACUUM (FULL) trap;
CLUSTER trap USING trap_ix;
REINDEX INDEX trap_ix;
REINDEX TABLE trap;
REINDEX SCHEMA midst;
CREATE INDEX other_ix ON trap (ix(a));
REFRESH MATERIALIZED VIEW mv;
CREATE INDEX CONCURRENTLY failed_ix ON trap (ix(a));
DROP INDEX failed_ix;
REINDEX INDEX CONCURRENTLY trap_ix;
DROP INDEX trap_ix_ccnew;
DO $$ BEGIN ANALYZE midst.trap; END $$;
-- in a block with its other changes, as the server does it
BEGIN;
ANALYZE trap;
COMMIT;
SELECT count(*) AS still_there FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'b' AND NOT attisdropped;

-- whoever is deeper
DELETE FROM todo;
INSERT INTO todo VALUES ('DO $x$ BEGIN EXECUTE ''ALTER TABLE midst.t DROP COLUMN b''; END $x$');
ANALYZE trap;
DELETE FROM todo;

-- what is harmless passes, and is written down with the statement that did it
INSERT INTO todo VALUES ('ALTER TABLE midst.t ADD COLUMN c int');
ANALYZE trap;
INSERT INTO todo VALUES ('ALTER TABLE midst.t ADD COLUMN d int');
CREATE INDEX CONCURRENTLY passed_ix ON trap (ix(a));
SELECT verdict, statements FROM compat_guard.journal
WHERE statements::text ~ 'ADD COLUMN [cd]' ORDER BY at;
-- nor is what takes nothing away by its net effect, in one statement that runs there
INSERT INTO todo VALUES ('DO $x$ BEGIN ALTER TABLE midst.t RENAME b TO x; ALTER TABLE midst.t RENAME x TO b; END $x$');
VACUUM (ANALYZE) trap;
-- nor what is caught and so undone
INSERT INTO todo VALUES ('DO $x$ BEGIN ALTER TABLE midst.t DROP COLUMN b; RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN NULL; END $x$');
VACUUM (ANALYZE) trap;
SELECT count(*) AS to_do FROM todo;
-- in a block it is the transaction's net effect that counts
BEGIN;
ALTER TABLE t RENAME b TO x;
INSERT INTO todo VALUES ('ALTER TABLE midst.t ADD COLUMN e int');
ANALYZE trap;
ALTER TABLE t RENAME x TO b;
COMMIT;
-- the commands by themselves
VACUUM (FULL, ANALYZE) t, trap;
CLUSTER trap USING trap_ix;
REINDEX TABLE CONCURRENTLY trap;
ALTER TABLE t DROP COLUMN b;

SELECT compat_guard.forget('midst', '1');
RESET search_path;
DROP SCHEMA midst CASCADE;
