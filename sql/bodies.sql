--
-- Bodies: what the routines do that a version calls, and the trigger functions
-- that its writes fire.
--
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE regress_body;
CREATE SCHEMA shop;
GRANT USAGE ON SCHEMA shop TO regress_body;
SET search_path = shop;

CREATE TABLE users (id bigint PRIMARY KEY, name text, email text);
CREATE TABLE prices (item int, price numeric, vat numeric);
CREATE TABLE orders (id bigint, item int, sum numeric);
CREATE TABLE tallies (n int, note text);
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO regress_body;

-- Called by a query, and what that calls.
CREATE FUNCTION vat(int) RETURNS numeric LANGUAGE sql STABLE AS 'SELECT vat FROM prices WHERE item = $1';
CREATE FUNCTION price(what int) RETURNS numeric LANGUAGE sql STABLE AS 'SELECT price + vat(what) FROM prices WHERE item = what';
-- Declared.
CREATE FUNCTION rename_user(bigint, text) RETURNS void LANGUAGE sql AS 'UPDATE users SET name = $2 WHERE id = $1';
CREATE FUNCTION first_mail() RETURNS text LANGUAGE sql SET search_path = shop AS 'SELECT email FROM users LIMIT 1';
-- Bound when it was made: dependencies keep it whole.
CREATE FUNCTION bound() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT id FROM users LIMIT 1; END;
-- It calls itself; it makes what it uses; it is of no certain type.
CREATE FUNCTION again(n int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OR REPLACE FUNCTION again(n int) RETURNS int LANGUAGE sql AS 'SELECT CASE WHEN n > 0 THEN again(n - 1) ELSE (SELECT tallies.n FROM tallies LIMIT 1) END';
SET check_function_bodies = off;
CREATE FUNCTION scratch() RETURNS int LANGUAGE sql AS 'CREATE TEMP TABLE s AS SELECT n FROM tallies; SELECT n FROM s';
-- Broken from the first.
CREATE FUNCTION broken() RETURNS int LANGUAGE sql AS 'SELECT no_such_column FROM tallies';
RESET check_function_bodies;
CREATE FUNCTION same(anyelement) RETURNS anyelement LANGUAGE sql AS 'SELECT $1 FROM tallies';

SELECT status, unmet FROM compat_guard.register('body', '1', '{
	"role": "regress_body",
	"search_path": "shop",
	"queries": {
		"price": "SELECT price(item) FROM orders",
		"same": "SELECT same(1)"
	},
	"routines": {
		"rename_user(bigint, text)": {}, "first_mail()": {}, "bound()": {}, "again(int)": {}, "scratch()": {}, "broken()": {}
	}}');
\set unmet 'SELECT rule, object, state, expected, found FROM compat_guard.verification(''body'', ''1'') WHERE rule IS NOT NULL ORDER BY object COLLATE "C", expected COLLATE "C", found COLLATE "C";'
-- Undecided, or broken before and so no finding.
:unmet

CREATE FUNCTION judged(ddl text) RETURNS TABLE (rule text, action text, requirement text, expected text, found text) LANGUAGE sql AS
	'SELECT p.rule, p.action, p.requirement, p.expected, p.found FROM compat_guard.preview(ddl) AS p';
-- What is called, in the query's own words
SELECT * FROM judged('ALTER TABLE shop.prices RENAME price TO net');
-- two levels down; the query itself is fine
SELECT * FROM judged('ALTER TABLE shop.prices RENAME vat TO tax');
SELECT * FROM judged('ALTER TABLE shop.users DROP name');
SELECT * FROM judged('ALTER TABLE shop.users DROP email');
SELECT * FROM judged('DROP TABLE shop.tallies');
SELECT * FROM judged('DROP FUNCTION shop.vat');
-- the types no longer fit
SELECT * FROM judged('ALTER TABLE shop.tallies ALTER n TYPE text USING NULL');
-- in the same transaction the body is made to fit
SELECT * FROM judged('ALTER TABLE shop.users RENAME name TO full_name;
	CREATE OR REPLACE FUNCTION shop.rename_user(bigint, text) RETURNS void LANGUAGE sql AS ''UPDATE shop.users SET full_name = $2 WHERE id = $1''');
-- none: columns that come, and others that go; a broken body stays broken
SELECT * FROM judged('ALTER TABLE shop.tallies DROP note, ADD more int');
SELECT * FROM judged('ALTER TABLE shop.orders DROP sum');

-- A body that is replaced by a broken one.
SET check_function_bodies = off;
CREATE OR REPLACE FUNCTION vat(int) RETURNS numeric LANGUAGE sql STABLE AS 'SELECT tax FROM prices';
\set VERBOSITY default
ALTER TABLE prices RENAME vat TO tax;
ALTER TABLE prices RENAME price TO net;
\set VERBOSITY terse
RESET check_function_bodies;
SELECT compat_guard.forget('body', '1');

--
-- The functions of triggers, where they are in PL/pgSQL and nobody can look into
-- them: unknown, and nothing else is held up or weakened by it.
--
CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.sum = price(NEW.item); RETURN NEW; END';
CREATE TRIGGER fill BEFORE INSERT OR UPDATE OF item ON orders FOR EACH ROW EXECUTE FUNCTION fill();
SELECT status, unmet FROM compat_guard.register('body', '2', '{
	"role": "regress_body",
	"search_path": "shop",
	"relations": {"orders": {"insert": ["id", "item"]}},
	"queries": {
		"add": "INSERT INTO orders (id, item) VALUES ($1, $2)",
		"item": "UPDATE orders SET item = 1",
		"sum": "UPDATE orders SET sum = 1",
		"drop": "DELETE FROM orders"
	}}');
SELECT status FROM compat_guard.versions;
SELECT compat_guard.ready('body', '2');
SELECT kind, object, state, found FROM compat_guard.check('body', '2') ORDER BY kind COLLATE "C", object COLLATE "C";
-- none
SELECT * FROM judged('CREATE OR REPLACE FUNCTION shop.fill() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN NEW; END''');
SELECT * FROM judged('ALTER TABLE shop.users ADD COLUMN more int');
SELECT * FROM judged('ALTER TABLE shop.orders DISABLE TRIGGER fill');
SELECT * FROM judged('ALTER TABLE shop.orders DISABLE TRIGGER fill; ALTER TABLE shop.orders ENABLE ALWAYS TRIGGER fill');
-- What is proven blocks as ever.
SELECT * FROM judged('ALTER TABLE shop.orders DROP COLUMN item CASCADE');
-- A function in SQL has to resolve, although others could not be looked into.
CREATE FUNCTION tally(int) RETURNS int LANGUAGE sql AS 'SELECT n FROM tallies';
SELECT status FROM compat_guard.register('body', '3', '{
	"search_path": "shop", "queries": {"tally": "INSERT INTO orders (id) VALUES (tally(1))"}}');
SELECT * FROM judged('ALTER TABLE shop.tallies RENAME n TO m');

-- Nothing that a body calls runs for being looked at.
CREATE FUNCTION pounce() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE EXCEPTION ''ran''; END';
CREATE FUNCTION calls() RETURNS int LANGUAGE sql AS 'SELECT pounce() FROM tallies';
SELECT status FROM compat_guard.register('body', '5', '{"search_path": "shop", "routines": {"calls()": {}}}');
SELECT * FROM judged('ALTER TABLE shop.tallies ADD COLUMN later int');

-- What is bound keeps its columns, but not the row type that it returns.
CREATE FUNCTION all_tallies() RETURNS SETOF tallies LANGUAGE sql BEGIN ATOMIC SELECT * FROM tallies; END;
CREATE FUNCTION first_tally() RETURNS TABLE (n int) LANGUAGE sql BEGIN ATOMIC SELECT n FROM tallies; END;
SELECT status FROM compat_guard.register('body', '6', '{"search_path": "shop",
	"queries": {"all": "SELECT n FROM all_tallies()", "first": "SELECT n FROM first_tally()"}}');
SELECT * FROM judged('ALTER TABLE shop.tallies ADD COLUMN later int');
SELECT compat_guard.forget('body', '6');
-- Below a view it is the view's owner who has to be allowed to read.
CREATE ROLE regress_body_group;
CREATE ROLE regress_body_owner IN ROLE regress_body_group;
GRANT SELECT ON tallies TO regress_body_group;
CREATE VIEW tallies_v AS SELECT n FROM tallies;
ALTER VIEW tallies_v OWNER TO regress_body_owner;
GRANT SELECT ON tallies_v TO regress_body;
CREATE FUNCTION bound_below() RETURNS SETOF int LANGUAGE sql BEGIN ATOMIC SELECT n FROM tallies_v; END;
CREATE FUNCTION below() RETURNS SETOF int LANGUAGE sql AS 'SELECT n FROM tallies_v';
SELECT status FROM compat_guard.register('body', '7', '{"search_path": "shop", "role": "regress_body",
	"queries": {"bound": "SELECT * FROM bound_below()", "text": "SELECT * FROM below()"}}');
SELECT * FROM judged('REVOKE regress_body_group FROM regress_body_owner');
SELECT * FROM judged('REVOKE SELECT ON shop.tallies FROM regress_body');
SELECT compat_guard.forget('body', '7');

-- A thousand queries, one function.
SELECT status, requirements FROM compat_guard.register('body', '4', (SELECT jsonb_build_object('search_path', 'shop', 'queries', jsonb_object_agg('q' || n, 'SELECT tally(' || n || ')')) FROM generate_series(1, 1000) AS n));
SELECT count(*) FROM compat_guard.preview('ALTER TABLE shop.tallies RENAME n TO m');

SELECT compat_guard.forget('body', v::text) FROM generate_series(2, 5) AS v;
RESET search_path;
DROP SCHEMA shop CASCADE;
DROP ROLE regress_body_group, regress_body_owner;
DROP ROLE regress_body;
