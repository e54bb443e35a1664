--
-- The guard taken apart, while a version is live: its schema, its tables, the
-- function of its event triggers.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE SCHEMA dismantled;
SET search_path = dismantled;
CREATE TABLE t (a int, b text);
SELECT status FROM compat_guard.register('shop', 'v1', '{"queries": {"q": "SELECT b FROM t"}}');
\set VERBOSITY terse

-- the name that applications call it by
ALTER SCHEMA compat_guard RENAME TO other_name;
\echo :LAST_ERROR_SQLSTATE
DO $$ BEGIN EXECUTE 'ALTER SCHEMA compat_guard RENAME TO other_name'; END $$;
-- its tables and indexes, in whatever way
ALTER TABLE compat_guard.journal_entry SET SCHEMA dismantled;
ALTER TABLE compat_guard.policy RENAME TO policies;
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE compat_guard.version RENAME TO versions_2;
ALTER INDEX compat_guard.version_skipped_idx RENAME TO renamed_idx;
DROP INDEX compat_guard.version_skipped_idx;
DROP INDEX compat_guard.journal_entry_at_idx;
ALTER SEQUENCE compat_guard.id_seq RENAME TO ids;
ALTER TABLE compat_guard.instance DROP COLUMN lease;
ALTER TABLE compat_guard.policy ALTER COLUMN set_by DROP NOT NULL;
ALTER VIEW compat_guard.versions RENAME TO renamed;
-- what loads the library
CREATE OR REPLACE FUNCTION compat_guard.load() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';

-- the net effect counts
BEGIN;
ALTER SCHEMA compat_guard RENAME TO other_name;
ALTER SCHEMA other_name RENAME TO compat_guard;
COMMIT;
BEGIN;
SAVEPOINT s;
ALTER SCHEMA compat_guard RENAME TO other_name;
ROLLBACK TO s;
COMMIT;
BEGIN;
ALTER TABLE compat_guard.version RENAME TO versions_2;
ALTER TABLE compat_guard.versions_2 RENAME TO version;
COMMIT;
-- a name of the function takes nothing away, nor does what is added
ALTER FUNCTION compat_guard.load() RENAME TO load_2;
ALTER FUNCTION compat_guard.load_2() RENAME TO load;
CREATE INDEX added_idx ON compat_guard.instance (heartbeat_at);
COMMENT ON SCHEMA compat_guard IS 'commented';
CREATE SCHEMA dismantled_1;
ALTER SCHEMA dismantled_1 RENAME TO dismantled_2;
DROP SCHEMA dismantled_2;
DROP INDEX compat_guard.added_idx;

-- allowed for a transaction, or by the mode; it goes on by any name
BEGIN;
SELECT compat_guard.allow('moves aside', rule => 'guard-removed');
ALTER SCHEMA compat_guard RENAME TO other_name;
COMMIT;
SET search_path = dismantled;
ALTER TABLE t DROP COLUMN b;
SELECT app, version, status FROM other_name.versions;
ALTER SCHEMA other_name RENAME TO compat_guard;
ALTER TABLE t DROP COLUMN b;
BEGIN;
SET LOCAL compat_guard.mode = warn;
ALTER SCHEMA compat_guard RENAME TO other_name;
ROLLBACK;

-- nobody is live
SELECT compat_guard.retire('shop', 'v1');
ALTER SCHEMA compat_guard RENAME TO other_name;
ALTER SCHEMA other_name RENAME TO compat_guard;
SELECT compat_guard.forget('shop', 'v1');
COMMENT ON SCHEMA compat_guard IS 'the schema as a checked interface between the versions of an application';
RESET search_path;
DROP SCHEMA dismantled CASCADE;
