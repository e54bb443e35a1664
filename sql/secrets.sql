--
-- What is kept of a statement: itself, without the comments before it, and
-- without the secrets in it.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE SCHEMA secrets;
SET search_path = secrets;
CREATE TABLE t (a int, b text);
CREATE TABLE u (a int);
CREATE ROLE regress_secret;
GRANT SELECT ON t TO regress_secret;
SELECT status FROM compat_guard.register('secret', '1', '{"queries": {"q": "SELECT b FROM t"}}');
CREATE FUNCTION kept() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT unnest(statements) FROM compat_guard.journal WHERE at > coalesce(current_setting('secrets.since', true), '-infinity')::timestamptz
	ORDER BY at $$;
SET secrets.since = '-infinity';
SELECT set_config('secrets.since', now()::text, false) IS NULL AS noted;

-- by every way to write a string
ALTER ROLE regress_secret LOGIN PASSWORD 'Geheim''1' VALID UNTIL '2099-01-01';
ALTER ROLE regress_secret ENCRYPTED PASSWORD $x$Geheim2$x$;
ALTER ROLE regress_secret PASSWORD E'Geheim\'3';
ALTER ROLE regress_secret PASSWORD U&'Geheim\0034';
ALTER ROLE regress_secret PASSWORD 'Geh'
	'eim5';
ALTER ROLE regress_secret PASSWORD NULL NOLOGIN;
-- where the same text is read in another way now than when it came
SET escape_string_warning = off;
SET standard_conforming_strings = off;
ALTER ROLE regress_secret PASSWORD 'Geheim\'6';
SET standard_conforming_strings = on\; ALTER ROLE regress_secret PASSWORD 'Geheim\'7';
RESET standard_conforming_strings;
RESET escape_string_warning;
-- what is run by another
DO $$ BEGIN ALTER ROLE regress_secret PASSWORD 'Geheim8'; ALTER TABLE t ADD COLUMN c int; END $$;
CREATE FUNCTION give(word text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('ALTER ROLE regress_secret PASSWORD %L', word); RETURN 1; END $$;
CREATE TABLE given AS SELECT give('Geheim9');
CREATE FUNCTION fixed() RETURNS int LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE regress_secret PASSWORD 'Geheim10'; RETURN 1; END $$;
-- options of foreign servers
CREATE FOREIGN DATA WRAPPER regress_wrapper OPTIONS (a 'Geheim11');
CREATE SERVER s FOREIGN DATA WRAPPER regress_wrapper OPTIONS (host 'h', password 'Geheim12');
CREATE USER MAPPING FOR regress_secret SERVER s OPTIONS (user 'x', password 'Geheim13');
ALTER USER MAPPING FOR regress_secret SERVER s OPTIONS (SET password 'Geheim14', DROP user);
CREATE FOREIGN TABLE ft (a int OPTIONS (c 'Geheim15'), b text DEFAULT 'shown') SERVER s OPTIONS (k 'Geheim16');
ALTER FOREIGN TABLE ft OPTIONS (SET k 'Geheim17'), ALTER a OPTIONS (SET c 'Geheim18'), ADD COLUMN d int OPTIONS (k 'Geheim19');
ALTER SERVER s OPTIONS (SET password 'Geheim20', DROP host);

-- near misses: these are shown
CREATE FUNCTION logins() RETURNS bigint LANGUAGE sql AS
	$$ SELECT count(password) FROM (VALUES ('alter or create')) AS accounts(password) $$;
DO $$ BEGIN ALTER TABLE t ADD COLUMN password text DEFAULT 'shown'; END $$;
COMMENT ON COLUMN t.password IS 'the password of whoever wrote it';

-- the statement alone
/* A licence, as /* files */ have it; ALTER TABLE t DROP COLUMN b; */
-- a remark
	ALTER TABLE u ADD COLUMN b int /* why */ ;
BEGIN\; ALTER TABLE u ADD COLUMN c int\; /* two */ ALTER TABLE u ADD COLUMN d int\; COMMIT;
ALTER TABLE u ADD COLUMN e int\;\; -- three
ALTER TABLE u ADD COLUMN f int;
-- once, though others run within it
CREATE TABLE twice AS SELECT fixed() AS a;
CREATE SCHEMA secrets_2 CREATE TABLE t (a serial PRIMARY KEY) CREATE VIEW v AS SELECT a FROM t;
SELECT * FROM kept() AS statement;
SELECT count(*) AS leaks FROM compat_guard.journal AS j WHERE j::text ~ 'Geheim|eim5';
\set VERBOSITY default
/* A licence */ ALTER TABLE t DROP COLUMN b;
BEGIN;
ALTER ROLE regress_secret PASSWORD 'Geheim21';
ALTER TABLE t OWNER TO regress_secret;
REVOKE ALL ON SCHEMA secrets FROM regress_secret;
ALTER TABLE t DROP COLUMN b;
COMMIT;
SELECT statement FROM compat_guard.preview($$ ALTER ROLE regress_secret PASSWORD 'Geheim22'; /* why */ ALTER TABLE t DROP COLUMN b $$);

SELECT compat_guard.forget('secret', '1');
DROP FOREIGN DATA WRAPPER regress_wrapper CASCADE;
RESET search_path;
DROP SCHEMA secrets, secrets_2 CASCADE;
DROP ROLE regress_secret;
