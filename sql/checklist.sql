--
-- The way back of a migration, and the checklist of one without downtime.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE SCHEMA way_back;
SET search_path = way_back;
CREATE ROLE regress_way_back;
CREATE TABLE users (id int PRIMARY KEY, name text DEFAULT 'x', email text);
INSERT INTO users VALUES (1, 'a', 'a@x'), (2, 'b', 'a@x'), (3, NULL, NULL);
SELECT status FROM compat_guard.register('way_back', '1', '{"search_path": "way_back", "queries": {
	"read": "SELECT email FROM users WHERE id = $1", "write": "INSERT INTO users (id, email) VALUES ($1, $2)"}}');
\pset format unaligned
\pset footer off
-- It leads back, whatever comes in between, and a column whose values are lost is named.
SELECT * FROM compat_guard.rehearse('ALTER TABLE users ADD phone text', 'ALTER TABLE users DROP phone');
SELECT * FROM compat_guard.rehearse('ALTER TABLE users ADD phone text DEFAULT 5; CREATE TABLE t (a serial PRIMARY KEY); INSERT INTO t VALUES (1)', 'DROP TABLE t; ALTER TABLE users DROP phone');
SELECT * FROM compat_guard.rehearse('GRANT SELECT ON users TO regress_way_back; COMMENT ON TABLE users IS ''x''; CREATE VIEW v AS SELECT * FROM users',
	'DROP VIEW v; COMMENT ON TABLE users IS NULL; REVOKE SELECT ON users FROM regress_way_back');
SELECT * FROM compat_guard.rehearse('BEGIN; ALTER TABLE users RENAME name TO n; COMMIT', 'ALTER TABLE users RENAME n TO name');
-- It does not.
SELECT * FROM compat_guard.rehearse('ALTER TABLE users ADD phone text, ADD fax text; CREATE INDEX i ON users (phone)', 'ALTER TABLE users DROP phone');
SELECT step, action, object, message FROM compat_guard.rehearse('ALTER TABLE users ALTER name DROP DEFAULT', 'ALTER TABLE users ALTER name SET DEFAULT ''y''');
SELECT * FROM compat_guard.rehearse('DROP VIEW IF EXISTS v; ALTER TABLE users DROP name', E'ALTER TABLE users\n ADD name text DEFAULT ''x''') WHERE object !~ 'pg_attribute';
-- What fails on today's rows, what fails anyway, and what was not tried.
SELECT step, action, rule, message, statement_number, line FROM compat_guard.rehearse('SELECT 1', E'SELECT 1;\nALTER TABLE users ADD UNIQUE (email)') WHERE step <> 'difference';
SELECT * FROM compat_guard.rehearse('ALTER TABLE nowhere ADD a int; CREATE INDEX CONCURRENTLY i ON users (id)', 'DROP INDEX nothing');
-- Live versions are asked after the first script.
SELECT step, action, rule, object, statement_number FROM compat_guard.rehearse('SELECT 1; ALTER TABLE users DROP email', 'SELECT 1') WHERE step = 'contracts';
SELECT compat_guard.rehearse('SELECT 1', NULL);
SELECT compat_guard.rehearse('SELEC', 'SELECT 1');
-- Nothing is left of it.
SELECT count(*) AS columns FROM pg_attribute WHERE attrelid = 'users'::regclass AND attnum > 0;
-- What differs between two schemas.
SELECT * FROM compat_guard.fingerprint_difference(compat_guard.fingerprint(), compat_guard.preview_fingerprint('ALTER TABLE users ALTER name SET DEFAULT ''z''; CREATE SCHEMA new'));
--
-- The checklist.
--
SELECT * FROM compat_guard.checklist('ALTER TABLE users ADD phone text', 'ALTER TABLE users DROP phone');
SELECT * FROM compat_guard.checklist('ALTER TABLE users ADD phone text NOT NULL DEFAULT ''-''; ALTER TABLE users ALTER phone DROP DEFAULT; ALTER TABLE users ADD CONSTRAINT positive CHECK (id > 0)');
SELECT * FROM compat_guard.checklist('ALTER TABLE users RENAME email TO mail', 'ALTER TABLE users RENAME mail TO email');
SELECT * FROM compat_guard.checklist('ALTER TABLE users ADD UNIQUE (email)', 'SELECT 1');
SELECT * FROM compat_guard.checklist('ALTER TABLE users ADD CONSTRAINT positive CHECK (id > 0) NOT VALID; CREATE INDEX CONCURRENTLY i ON users (id)', 'ALTER TABLE users DROP CONSTRAINT positive');
SET compat_guard.large_relation = 0;
SELECT * FROM compat_guard.checklist('CREATE INDEX i ON users (email); ALTER TABLE users ALTER id TYPE bigint', 'DROP INDEX i; ALTER TABLE users ALTER id TYPE int');
SELECT answer, reason FROM compat_guard.checklist('ALTER TABLE users ADD CONSTRAINT positive CHECK (id > 0)') OFFSET 3;
RESET compat_guard.large_relation;
SELECT compat_guard.forget('way_back', '1');
SELECT answer, reason FROM compat_guard.checklist('SELECT 1') LIMIT 2;
DROP SCHEMA way_back CASCADE;
DROP ROLE regress_way_back;
