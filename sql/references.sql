-- What a query hangs on beyond the tables it names, and whose word counts.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE regress_refs;
GRANT regress_refs TO CURRENT_USER;
CREATE SCHEMA shop;
GRANT USAGE ON SCHEMA shop TO regress_refs;
SET search_path = shop;
CREATE TABLE item (id serial PRIMARY KEY, name text);
GRANT SELECT, INSERT ON item TO regress_refs;
GRANT USAGE ON SEQUENCE item_id_seq TO regress_refs;

SELECT status, requirements, unmet FROM compat_guard.register('refs', '1', '{
	"role": "regress_refs", "search_path": "shop",
	"queries": {"add": "INSERT INTO item (name) VALUES ($1)",
				"last": "SELECT currval(''item_id_seq'')"}}');

-- A sequence named in a text constant is one by reference.
ALTER SEQUENCE item_id_seq RENAME TO item_numbers;
BEGIN;
ALTER SEQUENCE item_id_seq RENAME TO item_numbers;
ALTER SEQUENCE item_numbers RENAME TO item_id_seq;
COMMIT;

-- An INSERT that leaves out a serial column draws from its sequence.
REVOKE USAGE ON SEQUENCE item_id_seq FROM regress_refs;

-- Every statement that touched what broke is named.
\set VERBOSITY default
BEGIN;
ALTER TABLE item ADD COLUMN note text;
CREATE TABLE unrelated (id int);
ALTER TABLE item DROP COLUMN name;
COMMIT;
\set VERBOSITY terse

-- A query that is not permitted is not planned: its functions do not run.
CREATE TABLE secret (id int);
CREATE FUNCTION spoil(int) RETURNS int LANGUAGE plpgsql IMMUTABLE
AS $$BEGIN RAISE EXCEPTION USING ERRCODE = '57014', MESSAGE = 'spoilt'; END$$;
SELECT status, unmet FROM compat_guard.register('refs', '2', '{
	"role": "regress_refs", "search_path": "shop",
	"queries": {"spoil": "SELECT id FROM secret WHERE id = spoil(1)"}}');
ALTER TABLE secret ADD COLUMN more text;
SELECT compat_guard.forget('refs', '2');
DROP FUNCTION spoil;

-- A version that registers before its migration is used to nothing yet.
SELECT status, unmet FROM compat_guard.register('refs', '3', '{
	"search_path": "shop",
	"relations": {"item": {"columns": {"name": "integer"}}},
	"queries": {"names": "SELECT name FROM item"}}');
ALTER TABLE item ADD COLUMN color text;
SELECT compat_guard.retire('refs', '1');
ALTER TABLE item ALTER COLUMN name TYPE integer USING 0;
SELECT status, unmet FROM compat_guard.versions WHERE version = '3';
ALTER TABLE item ALTER COLUMN name TYPE text;

SELECT compat_guard.forget('refs', '1'), compat_guard.forget('refs', '3');
SELECT count(*) AS apps FROM compat_guard.app;
RESET search_path;
DROP SCHEMA shop CASCADE;
DROP ROLE regress_refs;
