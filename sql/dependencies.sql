-- What a statement refers to without naming it: the guard is asked all the same.
-- Each change of this file that has to be blocked is followed by near misses.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE regress_reader;
CREATE ROLE regress_readers;
CREATE ROLE regress_viewer IN ROLE regress_readers;
CREATE ROLE regress_super SUPERUSER;
CREATE SCHEMA dep;
SET search_path = dep;
GRANT USAGE ON SCHEMA dep TO regress_reader;

-- Row types of tables, and composite types.
CREATE TABLE users (id int, mail text);
CREATE FUNCTION all_users() RETURNS SETOF users LANGUAGE plpgsql STABLE AS 'BEGIN RETURN QUERY SELECT * FROM users; END';
CREATE TYPE addr AS (street text, zip text);
CREATE TABLE people (id int, home addr, homes addr[]);
CREATE FUNCTION home() RETURNS addr LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TYPE unused AS (street text);
SELECT status FROM compat_guard.register('row', '1', '{"queries": {
	"setof": "SELECT mail FROM all_users()",
	"json": "SELECT mail FROM jsonb_populate_record(NULL::users, $1)"}}');
SELECT status FROM compat_guard.register('row', '2', '{"queries": {
	"attribute": "SELECT (home).street FROM people",
	"assignment": "UPDATE people SET home.street = $1",
	"element": "SELECT homes[1].street FROM people",
	"result": "SELECT street FROM home()"}}');
SELECT status FROM compat_guard.register('row', '3', '{"queries": {
	"row": "INSERT INTO people (id, home) VALUES ($1, ROW($2, $3))",
	"literal": "INSERT INTO people (id, home) VALUES (1, ''(x,y)'')"}}');
SELECT status FROM compat_guard.register('row', '4', '{"routines": {"home()": {}}}');
ALTER TABLE users RENAME COLUMN mail TO email;
ALTER TYPE addr RENAME ATTRIBUTE street TO road;
ALTER TYPE addr ADD ATTRIBUTE country text;
ALTER TYPE addr DROP ATTRIBUTE zip;
-- near misses
ALTER TYPE unused RENAME ATTRIBUTE street TO road;
ALTER TABLE users RENAME COLUMN id TO user_id;
SELECT count(compat_guard.retire(app, version)) FROM compat_guard.versions WHERE app = 'row';
ALTER TYPE addr RENAME ATTRIBUTE street TO road;

-- Names in literals.
CREATE TEXT SEARCH CONFIGURATION docs (COPY = simple);
CREATE TEXT SEARCH CONFIGURATION other (COPY = simple);
CREATE TEXT SEARCH DICTIONARY words (TEMPLATE = simple);
CREATE TABLE pages (body text);
CREATE ROLE regress_some;
CREATE SCHEMA dep_named;
CREATE FUNCTION named(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int);
CREATE COLLATION coll FROM "C";
SELECT status FROM compat_guard.register('literal', '1', '{"queries": {
	"config": "SELECT body FROM pages WHERE to_tsvector(''docs'', body) @@ to_tsquery(''docs'', $1)",
	"dictionary": "SELECT ts_lexize(''words'', $1)",
	"role": "SELECT ''regress_some''::regrole",
	"schema": "SELECT ''dep_named''::regnamespace",
	"function": "SELECT ''named(int)''::regprocedure",
	"operator": "SELECT ''===(int,int)''::regoperator",
	"collation": "SELECT ''coll''::regcollation"}}');
ALTER TEXT SEARCH CONFIGURATION docs RENAME TO docs2;
ALTER TEXT SEARCH DICTIONARY words RENAME TO words2;
ALTER ROLE regress_some RENAME TO regress_other;
DROP ROLE regress_some;
ALTER SCHEMA dep_named RENAME TO dep_renamed;
ALTER FUNCTION named(int) RENAME TO renamed;
ALTER OPERATOR === (int, int) SET SCHEMA public;
ALTER COLLATION coll RENAME TO coll2;
-- near misses
ALTER TEXT SEARCH CONFIGURATION other RENAME TO other2;
ALTER TEXT SEARCH CONFIGURATION docs ALTER MAPPING FOR word WITH words;
ALTER ROLE regress_some NOLOGIN;
SELECT compat_guard.retire('literal', '1');
-- and what a literal names may come later
SELECT status, unmet FROM compat_guard.register('literal', '2', '{"queries": {
	"config": "SELECT to_tsvector(''later'', $1)", "role": "SELECT ''regress_later''::regrole", "schema": "SELECT ''dep_later''::regnamespace",
	"class": "SELECT ''dep.later''::regclass", "function": "SELECT ''later(int)''::regprocedure",
	"operator": "SELECT ''====(int,int)''::regoperator"}}');
SET client_min_messages = notice;
CREATE TEXT SEARCH CONFIGURATION later (COPY = simple);
CREATE ROLE regress_later;
CREATE SCHEMA dep_later;
CREATE FUNCTION later(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OPERATOR ==== (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int);
CREATE TABLE later ();
SET client_min_messages = warning;
SELECT compat_guard.retire('literal', '2');
DROP ROLE regress_later;

-- An index that is the index of a constraint.
CREATE TABLE keyed (a int, b int, CONSTRAINT k PRIMARY KEY (a));
CREATE INDEX plain ON keyed (b);
SELECT status FROM compat_guard.register('index', '1', '{"queries": {
	"up": "INSERT INTO keyed VALUES ($1, $2) ON CONFLICT ON CONSTRAINT k DO NOTHING"}}');
ALTER INDEX k RENAME TO keyed_pk;
ALTER INDEX plain RENAME TO plain2;
SELECT compat_guard.retire('index', '1');

-- Rights by way of the owner of a view or of a function.
CREATE TABLE secrets (a int);
GRANT SELECT ON secrets TO regress_readers;
CREATE VIEW by_member AS SELECT a FROM secrets;
ALTER VIEW by_member OWNER TO regress_viewer;
CREATE VIEW by_super AS SELECT a FROM secrets;
ALTER VIEW by_super OWNER TO regress_super;
CREATE VIEW around AS SELECT a FROM by_member;
CREATE FUNCTION definer() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM dep.secrets';
ALTER FUNCTION definer() OWNER TO regress_viewer;
GRANT USAGE ON SCHEMA dep TO regress_viewer;
GRANT SELECT ON by_member, by_super, around TO regress_reader;
SELECT status FROM compat_guard.register('owner', '1', '{"role": "regress_reader",
	"relations": {"around": {"access": ["select"]}},
	"queries": {"member": "SELECT a FROM by_member", "super": "SELECT a FROM by_super"}}');
SELECT status FROM compat_guard.register('owner', '2', '{"role": "regress_reader", "queries": {"definer": "SELECT definer()"}}');
REVOKE regress_readers FROM regress_viewer;
ALTER ROLE regress_super NOSUPERUSER;
-- near misses
GRANT regress_some TO regress_viewer;
REVOKE regress_some FROM regress_viewer;
ALTER ROLE regress_readers NOINHERIT;
SELECT count(compat_guard.retire(app, version)) FROM compat_guard.versions WHERE app = 'owner' AND live;

-- Rights of whoever owns the database.
SELECT current_database() AS db, current_user AS me \gset
CREATE TABLE owned (a int);
GRANT SELECT ON owned TO pg_database_owner;
GRANT USAGE ON SCHEMA dep TO pg_database_owner;
ALTER DATABASE :"db" OWNER TO regress_reader;
SELECT status FROM compat_guard.register('database', '1', '{"role": "regress_reader", "queries": {"owner": "SELECT a FROM owned"}}');
ALTER DATABASE :"db" OWNER TO :"me";
-- near miss
ALTER DATABASE :"db" CONNECTION LIMIT 100;
ALTER DATABASE :"db" CONNECTION LIMIT -1;
SELECT compat_guard.retire('database', '1');
ALTER DATABASE :"db" OWNER TO :"me";

-- Rights on the server's own objects.
SELECT status FROM compat_guard.register('system', '1', '{"role": "regress_reader", "queries": {
	"function": "SELECT lower($1)",
	"operator": "SELECT $1::int + 1",
	"catalog": "SELECT relname FROM pg_class",
	"schema": "SELECT table_name FROM information_schema.tables"}}');
REVOKE EXECUTE ON FUNCTION lower(text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION int4pl(int, int) FROM PUBLIC;
REVOKE SELECT ON pg_class FROM PUBLIC;
REVOKE SELECT ON information_schema.tables FROM PUBLIC;
-- near miss
BEGIN;
REVOKE EXECUTE ON FUNCTION upper(text) FROM PUBLIC;
REVOKE SELECT ON pg_attrdef FROM PUBLIC;
SET CONSTRAINTS ALL IMMEDIATE;
GRANT EXECUTE ON FUNCTION upper(text) TO PUBLIC;
GRANT SELECT ON pg_attrdef TO PUBLIC;
COMMIT;
SELECT compat_guard.retire('system', '1');

-- A version that registers before its migration takes the schema for what it is
-- when that has come, also where the migration does not touch it.
CREATE SCHEMA dep_first;
CREATE TABLE met (id int, n int);
CREATE TABLE lacks (id int);
SELECT status FROM compat_guard.register('early', '1', '{"search_path": "dep_first, dep", "queries": {
	"old": "SELECT id, n FROM met WHERE n = $1", "new": "SELECT c FROM lacks"}}');
SELECT status FROM compat_guard.register('early', '2', '{"search_path": "dep_first, dep", "queries": {
	"older": "SELECT n FROM met", "never": "SELECT d FROM lacks"}}');
ALTER TABLE met ALTER COLUMN id TYPE bigint;	-- pending: nothing is promised yet
SET client_min_messages = notice;
ALTER TABLE lacks ADD COLUMN c int;
SET client_min_messages = warning;
SELECT version, object, state, baseline IS NOT NULL AS compared FROM compat_guard.requirements WHERE app = 'early' ORDER BY 1, 2;
ALTER TABLE met ALTER COLUMN n TYPE text;
CREATE TABLE dep_first.met (id int, n int);
-- near miss
ALTER TABLE met ADD COLUMN more int;
SELECT count(compat_guard.forget(app, version)) FROM compat_guard.versions;

RESET search_path;
DROP SCHEMA dep, dep_named, dep_later, dep_first CASCADE;
DROP OWNED BY regress_reader, regress_readers, regress_viewer, regress_super, regress_some;
DROP ROLE regress_reader, regress_readers, regress_viewer, regress_super, regress_some;
