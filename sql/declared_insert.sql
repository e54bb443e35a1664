--
-- A declared INSERT is judged as the statement it stands for: the two halves of
-- each answer are the same.
--
\set VERBOSITY sqlstate
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE regress_clerk;
CREATE SCHEMA declared;
GRANT USAGE ON SCHEMA declared TO regress_clerk;
SET search_path = declared;
CREATE FUNCTION judged(ddl text) RETURNS TABLE (action text, rule text, requirement text, found text)
LANGUAGE sql AS $$
	SELECT action, rule, coalesce(requirement, message), found
	FROM compat_guard.preview(ddl)
	ORDER BY requirement COLLATE "C", rule COLLATE "C", found COLLATE "C"
$$;
CREATE TABLE codes (code int);
CREATE FUNCTION next_code() RETURNS int LANGUAGE sql AS 'SELECT max(code) FROM codes';
CREATE TABLE t (id serial, a int, b text, c int DEFAULT next_code());
CREATE TABLE v_data (a int, b int);
CREATE VIEW v AS SELECT a, b, 1 AS one FROM v_data;
CREATE TABLE "Odd Name" ("a b" int, d int DEFAULT 1);
GRANT SELECT ON codes TO regress_clerk;
GRANT INSERT ON t, v, "Odd Name" TO regress_clerk;
GRANT USAGE ON SEQUENCE t_id_seq TO regress_clerk;
SELECT status, unmet FROM compat_guard.register('declared', '1', '{"search_path": "declared", "role": "regress_clerk",
	"relations": {"t": {"insert": ["a", "b"]}, "v": {"insert": ["a", "b"]}, "\"Odd Name\"": {"insert": [[], ["a b"]]}},
	"queries": {"t": "INSERT INTO t (a, b) VALUES ($1, $2)", "v": "INSERT INTO v (a, b) VALUES ($1, $2)"}}');
SELECT kind, object, state, found FROM compat_guard.check('declared', '1') WHERE state <> 'met';

SELECT * FROM judged('REVOKE USAGE ON SEQUENCE t_id_seq FROM regress_clerk');
SELECT * FROM judged('ALTER TABLE t ADD n serial');
SELECT * FROM judged('ALTER TABLE codes RENAME code TO number');
SELECT * FROM judged('REVOKE EXECUTE ON FUNCTION next_code() FROM PUBLIC');
SELECT * FROM judged('ALTER VIEW v ALTER one SET DEFAULT 5');
SELECT * FROM judged('CREATE OR REPLACE VIEW v AS SELECT a, b, 1 AS one FROM v_data GROUP BY a, b');
SELECT * FROM judged('REVOKE INSERT ON t FROM regress_clerk; GRANT INSERT (a) ON t TO regress_clerk');
SELECT * FROM judged('REVOKE INSERT ON v FROM regress_clerk; GRANT INSERT (a) ON v TO regress_clerk');
SELECT * FROM judged('CREATE FUNCTION to_text(int) RETURNS text LANGUAGE sql AS ''SELECT $1::text'';
	REVOKE EXECUTE ON FUNCTION to_text(int) FROM PUBLIC; ALTER TABLE t ADD d text DEFAULT to_text(1)');
-- the declared one says it of each column
SELECT * FROM judged('ALTER TABLE t DROP a, DROP b; ALTER TABLE t ADD a int GENERATED ALWAYS AS (1) STORED,
	ADD b text GENERATED ALWAYS AS (''x'') STORED');
SELECT * FROM judged('ALTER TABLE t DROP a, DROP b');
SELECT * FROM judged('ALTER TABLE t ADD d int NOT NULL');
SELECT * FROM judged('ALTER TABLE "Odd Name" ADD f int NOT NULL');
SELECT * FROM judged('ALTER TABLE "Odd Name" RENAME "a b" TO c');
-- a type that the columns of the contract do not speak of is no matter to it
SELECT * FROM judged('ALTER TABLE t ALTER a TYPE bigint') WHERE requirement LIKE 'insert%';
-- met
SELECT * FROM judged('ALTER TABLE t ADD d serial; GRANT USAGE ON SEQUENCE t_d_seq TO regress_clerk');
SELECT * FROM judged('ALTER VIEW v ALTER b SET DEFAULT 5');
SELECT * FROM judged('ALTER TABLE t ALTER id DROP DEFAULT, ALTER id DROP NOT NULL; REVOKE USAGE ON SEQUENCE t_id_seq FROM regress_clerk');
SELECT * FROM judged('ALTER TABLE t ALTER id DROP DEFAULT; ALTER TABLE t ALTER id ADD GENERATED ALWAYS AS IDENTITY;
	DROP SEQUENCE t_id_seq') WHERE action = 'block';
SELECT * FROM judged('REVOKE INSERT ON t FROM regress_clerk; GRANT INSERT (a, b) ON t TO regress_clerk');
SELECT * FROM judged('CREATE RULE away AS ON INSERT TO v DO INSTEAD NOTHING; ALTER VIEW v ALTER one SET DEFAULT 5') WHERE action = 'block';
-- and not only foreseen
ALTER TABLE t ADD n serial;
SELECT compat_guard.forget('declared', '1');

RESET search_path;
DROP SCHEMA declared CASCADE;
DROP ROLE regress_clerk;
