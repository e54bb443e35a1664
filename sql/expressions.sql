--
-- Functions that no statement mentions: those of CHECK constraints, domains,
-- indexes, generated columns, partition keys and aggregates are run for whoever
-- writes, or reads, and with his rights.
--
\set VERBOSITY sqlstate
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE regress_writer;
CREATE ROLE regress_counter;
CREATE SCHEMA expressions;
GRANT USAGE ON SCHEMA expressions TO regress_writer, regress_counter;
SET search_path = expressions;
CREATE FUNCTION judged(ddl text) RETURNS TABLE (action text, rule text, requirement text, found text)
LANGUAGE sql AS $$
	SELECT action, rule, coalesce(requirement, message), found
	FROM compat_guard.preview(ddl)
	ORDER BY requirement COLLATE "C", rule COLLATE "C", found COLLATE "C"
$$;

-- Each has a function of its own, whose body reads one table.
CREATE TABLE codes (code int);
CREATE FUNCTION by_check(int) RETURNS bool LANGUAGE sql AS 'SELECT count(*) >= 0 FROM codes WHERE code = $1';
CREATE FUNCTION by_domain(int) RETURNS bool LANGUAGE sql AS 'SELECT count(*) >= 0 FROM codes WHERE code = $1';
CREATE FUNCTION by_index(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT count(*)::int FROM expressions.codes WHERE code = $1';
CREATE FUNCTION by_predicate(int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT count(*) >= 0 FROM expressions.codes WHERE code = $1';
CREATE FUNCTION by_generated(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT count(*)::int FROM codes WHERE code = $1';
CREATE FUNCTION by_key(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT count(*)::int FROM codes WHERE code = $1';
CREATE FUNCTION by_operator(int, int) RETURNS bool LANGUAGE sql AS 'SELECT count(*) >= 0 FROM codes WHERE code = $1';
CREATE OPERATOR <~> (LEFTARG = int, RIGHTARG = int, FUNCTION = by_operator);
CREATE FUNCTION by_transition(int, int) RETURNS int LANGUAGE sql AS 'SELECT $1 + count(*)::int FROM codes WHERE code = $2';
CREATE FUNCTION by_final(int) RETURNS int LANGUAGE sql AS 'SELECT count(*)::int FROM codes WHERE code = $1';
CREATE AGGREGATE tally(int) (SFUNC = by_transition, STYPE = int, FINALFUNC = by_final, INITCOND = '0');
ALTER AGGREGATE tally(int) OWNER TO regress_counter;

CREATE DOMAIN code AS int CHECK (by_domain(VALUE));
CREATE DOMAIN inner_code AS code;
CREATE TABLE t_check (a int CHECK (by_check(a)), b int);
CREATE TABLE t_operator (a int CHECK (a <~> 1));
CREATE TABLE t_domain (a code);
CREATE TABLE t_domains (a inner_code[]);
CREATE TABLE t_index (a int, b int);
CREATE INDEX ON t_index (by_index(a));
CREATE TABLE t_predicate (a int);
CREATE INDEX ON t_predicate (a) WHERE by_predicate(a);
CREATE TABLE t_generated (a int, b int, c int GENERATED ALWAYS AS (by_generated(a)) STORED);
CREATE TABLE t_key (a int) PARTITION BY RANGE (by_key(a));
CREATE TABLE t_key_1 PARTITION OF t_key FOR VALUES FROM (0) TO (10);
CREATE TABLE t_parts (a int, b int) PARTITION BY LIST (b);
CREATE TABLE t_parts_1 PARTITION OF t_parts (CHECK (by_check(a))) FOR VALUES IN (1);
CREATE VIEW v_check AS SELECT a FROM t_check;
CREATE FUNCTION by_when(int) RETURNS bool LANGUAGE sql AS 'SELECT count(*) >= 0 FROM codes WHERE code = $1';
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TABLE t_when (a int, b int);
CREATE TRIGGER t_when AFTER UPDATE OF a OR DELETE ON t_when FOR EACH ROW WHEN (by_when(OLD.a)) EXECUTE FUNCTION nothing();
CREATE TABLE t_plain (a int);
GRANT ALL ON ALL TABLES IN SCHEMA expressions TO regress_writer;

SELECT status, unmet FROM compat_guard.register('writer', '1', '{"search_path": "expressions", "role": "regress_writer",
	"relations": {"t_check": {"access": ["insert"]}, "t_generated": {"insert": ["a"]}},
	"queries": {
		"check": "INSERT INTO t_check VALUES ($1)",
		"check, update": "UPDATE t_check SET b = 1",
		"check, view": "INSERT INTO v_check VALUES ($1)",
		"check, delete": "DELETE FROM t_check",
		"check, select": "SELECT a FROM t_check",
		"operator": "INSERT INTO t_operator VALUES ($1)",
		"domain": "INSERT INTO t_domain VALUES ($1)",
		"domain, read": "SELECT a FROM t_domain",
		"domains": "UPDATE t_domains SET a = $1::int[]",
		"cast": "SELECT $1::int::code",
		"index": "INSERT INTO t_index VALUES ($1)",
		"index, update": "UPDATE t_index SET b = 1",
		"predicate": "INSERT INTO t_predicate VALUES ($1)",
		"generated": "INSERT INTO t_generated VALUES ($1)",
		"generated, update": "UPDATE t_generated SET a = 1",
		"generated, no update": "UPDATE t_generated SET b = 1",
		"key": "INSERT INTO t_key VALUES ($1)",
		"key, direct": "INSERT INTO t_key_1 VALUES ($1)",
		"parts": "INSERT INTO t_parts VALUES ($1, 1)",
		"aggregate": "SELECT tally(a) FROM t_plain",
		"window": "SELECT tally(a) OVER () FROM t_plain",
		"when": "UPDATE t_when SET a = 1",
		"when, delete": "DELETE FROM t_when",
		"when, other": "UPDATE t_when SET b = 1",
		"when, insert": "INSERT INTO t_when VALUES ($1, 1)",
		"plain": "INSERT INTO t_plain VALUES ($1)"}}');

-- The bodies: all but those that need no function.
SELECT * FROM judged('ALTER TABLE codes RENAME code TO number');
-- The right to execute them, each on its own.
SELECT * FROM judged('REVOKE EXECUTE ON FUNCTION by_check(int) FROM PUBLIC');
SELECT * FROM judged('REVOKE EXECUTE ON FUNCTION by_domain(int) FROM PUBLIC');
SELECT * FROM judged('REVOKE EXECUTE ON FUNCTION by_index(int) FROM PUBLIC');
SELECT * FROM judged('REVOKE EXECUTE ON FUNCTION by_predicate(int) FROM PUBLIC');
SELECT * FROM judged('REVOKE EXECUTE ON FUNCTION by_generated(int) FROM PUBLIC');
SELECT * FROM judged('REVOKE EXECUTE ON FUNCTION by_key(int) FROM PUBLIC');
SELECT * FROM judged('REVOKE EXECUTE ON FUNCTION by_operator(int, int) FROM PUBLIC');
SELECT * FROM judged('REVOKE EXECUTE ON FUNCTION by_when(int) FROM PUBLIC');
SELECT * FROM judged('REVOKE EXECUTE ON FUNCTION nothing() FROM PUBLIC');
SELECT * FROM judged('REVOKE EXECUTE ON FUNCTION by_transition(int, int) FROM PUBLIC');
SELECT * FROM judged('REVOKE EXECUTE ON FUNCTION by_final(int) FROM PUBLIC');
-- new ones count, too
SELECT * FROM judged('CREATE TABLE gone (); CREATE FUNCTION late(int) RETURNS bool LANGUAGE sql AS ''SELECT count(*) >= $1 FROM gone'';
	GRANT SELECT ON gone TO regress_writer; ALTER TABLE t_plain ADD CHECK (late(a)); DROP TABLE gone') WHERE action = 'block';
SELECT * FROM judged('CREATE FUNCTION late(int) RETURNS int LANGUAGE sql IMMUTABLE AS ''SELECT $1'';
	REVOKE EXECUTE ON FUNCTION late(int) FROM PUBLIC; CREATE INDEX ON t_plain (late(a))');
-- met: who may execute them in another way, or is not asked; what is run no more
SELECT * FROM judged('GRANT EXECUTE ON FUNCTION by_check(int) TO regress_writer; REVOKE EXECUTE ON FUNCTION by_check(int) FROM PUBLIC');
SELECT * FROM judged('GRANT EXECUTE ON FUNCTION by_final(int) TO regress_counter; REVOKE EXECUTE ON FUNCTION by_final(int) FROM PUBLIC');
SELECT * FROM judged('DROP INDEX t_index_by_index_idx; REVOKE EXECUTE ON FUNCTION by_index(int) FROM PUBLIC');
SELECT * FROM judged('ALTER TABLE t_check DROP CONSTRAINT t_check_a_check; ALTER TABLE t_parts_1 DROP CONSTRAINT t_parts_1_a_check;
	REVOKE EXECUTE ON FUNCTION by_check(int) FROM PUBLIC');
SELECT * FROM judged('ALTER TABLE codes ADD number int');
-- and not only foreseen
ALTER TABLE codes RENAME code TO number;

-- Domains that cast to one another.
CREATE DOMAIN one AS int;
CREATE DOMAIN two AS int CHECK (VALUE::one IS NOT NULL);
ALTER DOMAIN one ADD CHECK (VALUE = 0 OR (VALUE - 1)::two IS NOT NULL);
CREATE TABLE t_round (a one);
GRANT ALL ON t_round TO regress_writer;
SELECT status, unmet FROM compat_guard.register('writer', '2', '{"search_path": "expressions", "role": "regress_writer",
	"queries": {"round": "INSERT INTO t_round VALUES ($1)"}}');
SELECT compat_guard.forget('writer', '1');
SELECT compat_guard.forget('writer', '2');

--
-- Functions of sequences
--
CREATE SEQUENCE s;
CREATE SEQUENCE "S 2";
CREATE TABLE t_serial (id serial, n int GENERATED BY DEFAULT AS IDENTITY);
GRANT ALL ON SEQUENCE s, "S 2", t_serial_id_seq TO regress_writer;
GRANT ALL ON t_serial TO regress_writer;
SELECT status, unmet FROM compat_guard.register('writer', '3', '{"search_path": "expressions", "role": "regress_writer",
	"sequences": ["s"],
	"queries": {
		"next": "SELECT nextval(''s'')",
		"current": "SELECT currval(''s'')",
		"set": "SELECT setval(''s'', $1)",
		"set, called": "SELECT setval(''s'', $1, false)",
		"last": "SELECT lastval()",
		"text": "SELECT nextval(''s''::text)",
		"quoted": "SELECT nextval(''\"S 2\"''::text::regclass)",
		"serial": "SELECT currval(pg_get_serial_sequence(''t_serial'', ''id''))",
		"identity": "SELECT pg_get_serial_sequence(''t_serial'', ''n'')",
		"parameter": "SELECT nextval($1::regclass)",
		"peek": "SELECT last_value FROM s"}}');
SELECT * FROM judged('REVOKE ALL ON SEQUENCE s FROM regress_writer');
SELECT * FROM judged('REVOKE UPDATE ON SEQUENCE s FROM regress_writer');
SELECT * FROM judged('REVOKE USAGE ON SEQUENCE s FROM regress_writer');
SELECT * FROM judged('REVOKE USAGE, SELECT ON SEQUENCE s FROM regress_writer');
SELECT * FROM judged('REVOKE ALL ON SEQUENCE t_serial_id_seq FROM regress_writer');
SELECT * FROM judged('ALTER SEQUENCE "S 2" RENAME TO s3');
SELECT * FROM judged('ALTER TABLE t_serial RENAME id TO ident');
SELECT * FROM judged('ALTER TABLE t_serial RENAME TO t_other');
-- met
SELECT * FROM judged('ALTER SEQUENCE t_serial_id_seq RENAME TO other_seq');
SELECT * FROM judged('REVOKE ALL ON SEQUENCE "S 2" FROM regress_writer; GRANT USAGE ON SEQUENCE "S 2" TO regress_writer');
SELECT compat_guard.forget('writer', '3');

RESET search_path;
DROP SCHEMA expressions CASCADE;
DROP ROLE regress_writer, regress_counter;
