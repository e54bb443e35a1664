--
-- A registry that is damaged or of another version: closed in mode enforce, open
-- in the others, and always a way out.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
SET compat_guard.rollback_versions = 0;	-- so that retire() takes away what was found
SELECT setval('compat_guard.id_seq', 1000000);	-- for messages that tell one
CREATE SCHEMA damage;
SET search_path = damage;
CREATE TABLE t (a int, b int);
CREATE TABLE unrelated (a int);
SELECT status FROM compat_guard.register('shop', 'v1', '{"relations": {"t": {"columns": {"a": "integer"}}}}');

-- in full, once
BEGIN;
ALTER TABLE compat_guard.requirement_state RENAME TO gone;
SAVEPOINT s;
ALTER TABLE t ADD COLUMN c int;
ROLLBACK;
\set VERBOSITY terse

-- Damage the registry, and change the schema in each mode.
CREATE FUNCTION pg_temp.attempt(mode text, what text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('compat_guard.mode', mode, true);
	EXECUTE what;
	RAISE EXCEPTION SQLSTATE 'DONE0';	-- and undone
EXCEPTION WHEN SQLSTATE 'DONE0' THEN
	RETURN 'done';
WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SET compat_guard.mode = off;
SET compat_guard.verify = statement;
CREATE PROCEDURE pg_temp.with_damage(VARIADIC damage text[]) LANGUAGE plpgsql AS $$
DECLARE
	d text;
BEGIN
	FOREACH d IN ARRAY damage LOOP
		EXECUTE d;
	END LOOP;
	RAISE WARNING '%', damage[1];
	RAISE WARNING 'register: %', pg_temp.attempt('enforce', $q$SELECT compat_guard.register('shop', 'v2', '{"relations": {"t": {"columns": {"b": "integer"}}}}')$q$);
	RAISE WARNING 'check: %', pg_temp.attempt('enforce', $q$SELECT count(*) FROM compat_guard.check('shop', 'v1')$q$);
	RAISE WARNING 'preview: %', pg_temp.attempt('enforce', $q$SELECT count(*) FROM compat_guard.preview('ALTER TABLE t ADD COLUMN d int')$q$);
	RAISE WARNING 'retire: %', pg_temp.attempt('enforce', $q$SELECT compat_guard.retire('shop', 'v1')$q$);
	RAISE WARNING 'drop: %', pg_temp.attempt('enforce', 'DROP EXTENSION compat_guard');
END $$;

\set t 'SET LOCAL compat_guard.mode = enforce; SAVEPOINT s; ALTER TABLE t ADD COLUMN c int; ROLLBACK TO s; SET LOCAL compat_guard.mode = warn; ALTER TABLE t ADD COLUMN c int; SET LOCAL compat_guard.mode = off; ALTER TABLE t ADD COLUMN d int; ROLLBACK;'

-- the journal's own table: it is written at commit
ALTER TABLE compat_guard.journal_entry RENAME TO gone;
SET compat_guard.mode = enforce;
ALTER TABLE t ADD COLUMN e int;
SET compat_guard.mode = warn;
ALTER TABLE t ADD COLUMN w int;
SET compat_guard.mode = off;
ALTER TABLE t ADD COLUMN o int;
ALTER TABLE compat_guard.gone RENAME TO journal_entry;
SELECT attname FROM pg_attribute WHERE attrelid = 't'::regclass AND attname IN ('e', 'w', 'o') ORDER BY attnum;
BEGIN;
CALL pg_temp.with_damage('DELETE FROM compat_guard.app');
:t
BEGIN;
CALL pg_temp.with_damage('DELETE FROM compat_guard.requirement');
:t
BEGIN;
CALL pg_temp.with_damage('DELETE FROM compat_guard.baseline');
:t
BEGIN;
CALL pg_temp.with_damage('DELETE FROM compat_guard.requirement_state WHERE requirement_id = (SELECT max(requirement_id) FROM compat_guard.requirement_state)');
:t
BEGIN;
CALL pg_temp.with_damage('UPDATE compat_guard.requirement_state SET state = ''nonsense''');
:t
BEGIN;
CALL pg_temp.with_damage('UPDATE compat_guard.requirement SET kind = ''nonsense''');
:t
BEGIN;
CALL pg_temp.with_damage('ALTER TABLE compat_guard.version DROP COLUMN digest CASCADE');
:t
BEGIN;
CALL pg_temp.with_damage('ALTER TABLE compat_guard.requirement_state ALTER COLUMN partitions TYPE text');
:t
BEGIN;
CALL pg_temp.with_damage('ALTER TABLE compat_guard.version ALTER COLUMN name DROP NOT NULL');
:t
BEGIN;
CALL pg_temp.with_damage('DROP INDEX compat_guard.version_skipped_idx');
:t
BEGIN;
CALL pg_temp.with_damage('DROP INDEX compat_guard.version_requirement_idx', 'CREATE INDEX version_requirement_idx ON compat_guard.version_requirement (requirement_id) WHERE false');
:t
BEGIN;
CALL pg_temp.with_damage('CREATE INDEX added ON compat_guard.requirement_state (lower(state))');
:t
BEGIN;
CALL pg_temp.with_damage('DROP INDEX compat_guard.app_name_idx', 'CREATE INDEX app_name_idx ON compat_guard.app USING hash (name)');
:t
BEGIN;
CALL pg_temp.with_damage('UPDATE pg_index SET indisvalid = false WHERE indexrelid = ''compat_guard.requirement_dependency_pkey''::regclass');
:t
BEGIN;
CALL pg_temp.with_damage('ALTER TABLE compat_guard.policy RENAME TO gone', 'CREATE VIEW compat_guard.policy AS SELECT * FROM compat_guard.gone');
:t
BEGIN;
CALL pg_temp.with_damage('INSERT INTO compat_guard.policy VALUES (''guard-removed'', '''', ''nonsense'', '''', now())');
:t

-- another version
BEGIN;
UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'compat_guard';
GRANT USAGE ON SCHEMA compat_guard TO PUBLIC;	-- which tells who has looked
CALL pg_temp.with_damage('SELECT');
:t
BEGIN;
UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'compat_guard';
GRANT USAGE ON SCHEMA compat_guard TO PUBLIC;
SET LOCAL compat_guard.mode = enforce;
SAVEPOINT s;
ALTER EXTENSION compat_guard UPDATE;	-- the guard lets it, but there is no script
ROLLBACK TO s;
DROP EXTENSION compat_guard;
ROLLBACK;
RESET compat_guard.mode;
RESET compat_guard.verify;

-- it was all undone
ALTER TABLE t DROP COLUMN a;
ALTER TABLE t ADD COLUMN c int;
-- what was found is found again, also after what found it was rolled back
TRUNCATE compat_guard.requirement_state, compat_guard.requirement_dependency;
BEGIN\; COMMENT ON TABLE t IS 'one'\; COMMENT ON TABLE t IS 'two'\; ROLLBACK\; ALTER TABLE t DROP COLUMN a;
SELECT count(*) FROM compat_guard.requirement_state;
ALTER TABLE t DROP COLUMN a;
SELECT compat_guard.forget('shop', 'v1');
RESET search_path;
DROP SCHEMA damage CASCADE;
