--
-- Routines, sequences, extensions and schemas: what an application calls by
-- name outside of its statements.  First each change is made, looked at and
-- rolled back; at the end some are judged.
--
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE regress_caller;
CREATE SCHEMA shop;
CREATE SCHEMA early;
CREATE SCHEMA tools;
GRANT USAGE ON SCHEMA shop, early, tools TO regress_caller;
SET search_path = shop;

CREATE TABLE users (id bigint PRIMARY KEY, name text);
GRANT SELECT ON users TO regress_caller;
CREATE DOMAIN money_sum AS numeric;
CREATE FUNCTION bill_user(account bigint, amount numeric, note text DEFAULT '') RETURNS uuid
	LANGUAGE sql STABLE AS 'SELECT gen_random_uuid()';
CREATE FUNCTION total(bigint) RETURNS numeric LANGUAGE sql AS 'SELECT 1.0';
CREATE FUNCTION all_users() RETURNS SETOF users LANGUAGE sql AS 'SELECT id, name FROM shop.users';
CREATE FUNCTION report(since date, OUT day date, OUT sum numeric) RETURNS SETOF record
	LANGUAGE sql AS 'SELECT $1, 1.0';
CREATE FUNCTION concat_all(VARIADIC text[]) RETURNS text LANGUAGE sql AS 'SELECT ''''';
CREATE PROCEDURE purge(days int, OUT purged int) LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE biggest(int) (SFUNC = int4larger, STYPE = int);
CREATE FUNCTION tools.slug(title text) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE SEQUENCE invoice_no;
GRANT USAGE ON SEQUENCE invoice_no TO regress_caller;

SELECT status, unmet FROM compat_guard.register('caller', '1', '{
	"role": "regress_caller",
	"search_path": "early, shop",
	"routines": {
		"bill_user(bigint, numeric, text)": {"returns": "uuid"},
		"total(integer)": {"returns": "numeric"},
		"all_users()": {"returns": "SETOF users"},
		"report(date)": {"arguments": []},
		"concat_all(text, text)": {},
		"purge(integer)": {},
		"biggest(integer)": {},
		"tools.slug(text)": {"arguments": ["title"]}
	},
	"sequences": ["invoice_no"],
	"extensions": ["plpgsql"]}');
-- What is not as it was.
\set unmet 'SELECT rule, object, state, expected, found FROM compat_guard.verification(''caller'', ''1'') WHERE rule IS NOT NULL ORDER BY object COLLATE "C", found COLLATE "C";'
:unmet

--
-- routine-missing
--
BEGIN; DROP FUNCTION bill_user; :unmet ROLLBACK;
BEGIN; ALTER FUNCTION total RENAME TO sum_of; :unmet ROLLBACK;
BEGIN; CREATE SCHEMA elsewhere; ALTER FUNCTION total SET SCHEMA elsewhere; :unmet ROLLBACK;
BEGIN; DROP FUNCTION total; CREATE FUNCTION total(text) RETURNS numeric LANGUAGE sql AS 'SELECT 1.0'; :unmet ROLLBACK;
-- met: moved, and found elsewhere along the search path
BEGIN; ALTER FUNCTION total SET SCHEMA early; :unmet ROLLBACK;
-- met: replaced with the same signature, by an owner with other rights
BEGIN;
CREATE OR REPLACE FUNCTION total(bigint) RETURNS numeric LANGUAGE plpgsql SECURITY DEFINER STRICT AS 'BEGIN RETURN 2.0; END';
ALTER FUNCTION total OWNER TO regress_caller;
SELECT rule, object, found FROM compat_guard.verification('caller', '1') WHERE rule <> 'routine-body-broken';
ROLLBACK;
-- met: the call is resolved anew, as the parser does
BEGIN; DROP FUNCTION total; CREATE FUNCTION total(n bigint, digits int DEFAULT 2) RETURNS numeric LANGUAGE sql AS 'SELECT 1.0'; :unmet ROLLBACK;
-- a default that a shorter call relied on
BEGIN; DROP FUNCTION bill_user; CREATE FUNCTION bill_user(account bigint, amount numeric, note text) RETURNS uuid LANGUAGE sql STABLE AS 'SELECT gen_random_uuid()'; :unmet ROLLBACK;
-- an argument's name, which calls may give; the contract may say that they do not, or which ones
BEGIN; DROP FUNCTION bill_user; CREATE FUNCTION bill_user(account bigint, total numeric, note text DEFAULT '') RETURNS uuid LANGUAGE sql STABLE AS 'SELECT gen_random_uuid()'; :unmet ROLLBACK;
BEGIN; DROP FUNCTION tools.slug; CREATE FUNCTION tools.slug(t text) RETURNS text LANGUAGE sql AS 'SELECT $1'; :unmet ROLLBACK;
BEGIN; DROP FUNCTION report; CREATE FUNCTION report(day_before date, OUT day date, OUT sum numeric) RETURNS SETOF record LANGUAGE sql AS 'SELECT $1, 1.0'; :unmet ROLLBACK;

--
-- routine-result
--
BEGIN; DROP FUNCTION total; CREATE FUNCTION total(bigint) RETURNS float8 LANGUAGE sql AS 'SELECT 1.0::float8'; :unmet ROLLBACK;
BEGIN; DROP FUNCTION total; CREATE FUNCTION total(bigint) RETURNS SETOF numeric LANGUAGE sql AS 'SELECT 1.0'; :unmet ROLLBACK;
BEGIN; DROP FUNCTION report; CREATE FUNCTION report(since date, OUT day date, OUT amount numeric) RETURNS SETOF record LANGUAGE sql AS 'SELECT $1, 1.0'; :unmet ROLLBACK;
BEGIN; ALTER TABLE users ALTER name TYPE int USING 0; :unmet ROLLBACK;
BEGIN; ALTER FUNCTION bill_user VOLATILE; :unmet ROLLBACK;
BEGIN; DROP PROCEDURE purge; CREATE FUNCTION purge(days int) RETURNS int LANGUAGE sql AS 'SELECT 1'; :unmet ROLLBACK;
BEGIN; DROP AGGREGATE biggest(int); CREATE FUNCTION biggest(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; :unmet ROLLBACK;
-- met: a domain is sent as its base type; less volatile
BEGIN; DROP FUNCTION total; CREATE FUNCTION total(bigint) RETURNS money_sum LANGUAGE sql AS 'SELECT 1.0::money_sum'; :unmet ROLLBACK;
BEGIN; ALTER FUNCTION bill_user IMMUTABLE; :unmet ROLLBACK;
-- a remark: a row has a column more
BEGIN; DROP FUNCTION report; CREATE FUNCTION report(since date, OUT day date, OUT sum numeric, OUT n int) RETURNS SETOF record LANGUAGE sql AS 'SELECT $1, 1.0, 1'; :unmet ROLLBACK;

--
-- name-captured, query-ambiguous: another routine for the same call
--
BEGIN; CREATE FUNCTION early.total(bigint) RETURNS numeric LANGUAGE sql AS 'SELECT 2.0'; :unmet ROLLBACK;
BEGIN; CREATE FUNCTION total(int) RETURNS numeric LANGUAGE sql AS 'SELECT 2.0'; :unmet ROLLBACK;
BEGIN; DROP FUNCTION total; CREATE FUNCTION total(float8) RETURNS numeric LANGUAGE sql AS 'SELECT 1.0'; CREATE FUNCTION total(numeric) RETURNS numeric LANGUAGE sql AS 'SELECT 1.0'; :unmet ROLLBACK;
BEGIN; DROP FUNCTION total; CREATE FUNCTION total(bigint, int DEFAULT 1) RETURNS numeric LANGUAGE sql AS 'SELECT 1.0'; CREATE FUNCTION total(bigint, text DEFAULT '') RETURNS numeric LANGUAGE sql AS 'SELECT 1.0'; :unmet ROLLBACK;
-- met: an overload that the call does not mean
BEGIN; CREATE FUNCTION total(text) RETURNS numeric LANGUAGE sql AS 'SELECT 2.0'; :unmet ROLLBACK;

--
-- privilege-lost
--
BEGIN; REVOKE EXECUTE ON FUNCTION total FROM PUBLIC; :unmet ROLLBACK;
BEGIN; REVOKE USAGE ON SCHEMA tools FROM regress_caller; :unmet ROLLBACK;
BEGIN; REVOKE ALL ON SEQUENCE invoice_no FROM regress_caller; :unmet ROLLBACK;

--
-- sequence-missing
--
BEGIN; DROP SEQUENCE invoice_no; :unmet ROLLBACK;
BEGIN; ALTER SEQUENCE invoice_no RENAME TO bill_no; :unmet ROLLBACK;
BEGIN; DROP SEQUENCE invoice_no; CREATE TABLE invoice_no (n int); GRANT ALL ON invoice_no TO regress_caller; :unmet ROLLBACK;
-- met: what numbers it gives is not looked at
BEGIN; ALTER SEQUENCE invoice_no RESTART 1000 INCREMENT 10 MAXVALUE 5000 CYCLE; :unmet ROLLBACK;

--
-- extension-missing: plpgsql itself is not to be dropped here
--
SELECT status, unmet FROM compat_guard.register('caller', '2', '{"extensions": ["plpgsql", "no such extension"]}');
SELECT object, state, expected, found FROM compat_guard.check('caller', '2') ORDER BY object COLLATE "C";
SELECT compat_guard.forget('caller', '2');
-- one that a query needs: not there yet, then there, then to stay
SELECT status, unmet FROM compat_guard.register_queries('caller', 'fuzzy', '{"SELECT levenshtein(name, $1) FROM users"}');
CREATE EXTENSION fuzzystrmatch;
SELECT status, unmet FROM compat_guard.versions WHERE version = 'fuzzy';
DROP EXTENSION fuzzystrmatch;
SELECT compat_guard.forget('caller', 'fuzzy');
DROP EXTENSION fuzzystrmatch;

--
-- schema-missing: said of what is named with it, and of what was found in it
--
BEGIN; ALTER SCHEMA tools RENAME TO utils; :unmet ROLLBACK;
BEGIN; ALTER SCHEMA shop RENAME TO store; SELECT DISTINCT rule, expected, found FROM compat_guard.verification('caller', '1') WHERE rule IS NOT NULL; ROLLBACK;
-- met: a schema of the path that had nothing of use
BEGIN; DROP SCHEMA early; :unmet ROLLBACK;

--
-- Judged: a renamed schema is said once, whoever named it.
--
SELECT status, unmet FROM compat_guard.register('caller', '3', '{
	"search_path": "shop",
	"queries": {
		"slug": "SELECT tools.slug(name) FROM users",
		"total": "SELECT total(id) FROM users",
		"bill_user": "SELECT bill_user(amount => 1, account => id) FROM users",
		"lower": "SELECT lower(name) FROM users"
	}}');
\set VERBOSITY default
ALTER SCHEMA tools RENAME TO utils;
\set VERBOSITY terse
SELECT compat_guard.forget('caller', '1');

-- Queries that call routines.
SELECT app, rule, requirement, expected, found FROM compat_guard.preview('DROP FUNCTION shop.total');
SELECT rule, requirement, found FROM compat_guard.preview('DROP FUNCTION shop.total; CREATE FUNCTION shop.total(bigint) RETURNS text LANGUAGE sql AS ''SELECT 1::text''');
SELECT rule, requirement, found FROM compat_guard.preview('CREATE FUNCTION shop.total(bigint, text DEFAULT '''') RETURNS numeric LANGUAGE sql AS ''SELECT 1.0''; DROP FUNCTION shop.total(bigint); CREATE FUNCTION shop.total(bigint, int DEFAULT 1) RETURNS numeric LANGUAGE sql AS ''SELECT 1.0''');
SELECT rule, requirement, found FROM compat_guard.preview('DROP FUNCTION shop.bill_user; CREATE FUNCTION shop.bill_user(account bigint, total numeric, note text DEFAULT '''') RETURNS uuid LANGUAGE sql AS ''SELECT gen_random_uuid()''');
SELECT rule, requirement, found FROM compat_guard.preview('DROP FUNCTION shop.bill_user; CREATE FUNCTION shop.bill_user(account bigint, amount numeric, note text) RETURNS uuid LANGUAGE sql AS ''SELECT gen_random_uuid()''');
SELECT rule, requirement, expected, found FROM compat_guard.preview('CREATE FUNCTION shop.lower(varchar) RETURNS text LANGUAGE sql AS ''SELECT $1''; ALTER TABLE shop.users ALTER name TYPE varchar');
-- none: an overload that no call means; a body replaced
SELECT rule, requirement, found FROM compat_guard.preview('CREATE FUNCTION shop.total(text) RETURNS numeric LANGUAGE sql AS ''SELECT 1.0''; CREATE OR REPLACE FUNCTION shop.total(bigint) RETURNS numeric LANGUAGE sql AS ''SELECT 3.0''');

-- A CALL is no query; a procedure belongs to "routines".
SELECT * FROM compat_guard.validate('{"queries": {"purge": "CALL purge(1, NULL)"}}');

-- Dropped routines, sequences and types are told as needed, or not.
SELECT DISTINCT schema, name COLLATE "C" AS name FROM compat_guard.dependencies WHERE class = 'pg_proc' ORDER BY name;
SELECT type, name FROM compat_guard.droppable WHERE schema IN ('shop', 'tools') AND type <> 'column' ORDER BY type COLLATE "C", name COLLATE "C";

SELECT compat_guard.forget('caller', '3');
RESET search_path;
DROP SCHEMA shop, early, tools CASCADE;
DROP ROLE regress_caller;
