--
-- Bodies in PL/pgSQL, where the database has plpgsql_check to ask.
--
SELECT count(*) = 0 AS not_there FROM pg_available_extensions WHERE name = 'plpgsql_check' \gset
\if :not_there
	\quit
\endif
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE regress_plpgsql;
CREATE SCHEMA shop;
CREATE SCHEMA hidden;
GRANT USAGE ON SCHEMA shop TO regress_plpgsql;
SET search_path = shop;

CREATE TABLE orders (id bigint, item int, sum numeric);
CREATE TABLE prices (item int, price numeric);
CREATE TABLE hidden.log (entry text);
CREATE TABLE tallies (n int);
GRANT SELECT, INSERT, UPDATE ON orders, prices, tallies TO regress_plpgsql;

CREATE FUNCTION price(int) RETURNS numeric LANGUAGE sql STABLE AS 'SELECT price FROM prices WHERE item = $1';
CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.item IS NOT NULL THEN
		NEW.sum = price(NEW.item);
	END IF;
	RETURN NEW;
END $$;
-- With its owner's rights and path: the role could not look there.
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = hidden AS $$
BEGIN
	INSERT INTO log VALUES (NEW.id);
	RETURN NULL;
END $$;
CREATE TRIGGER fill BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION fill();
CREATE TRIGGER note AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note();
-- With a table of its trigger's own.
CREATE FUNCTION sum_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO tallies SELECT count(*) FROM new_orders;
	RETURN NULL;
END $$;
CREATE TRIGGER sum_up AFTER INSERT ON orders REFERENCING NEW TABLE AS new_orders FOR EACH STATEMENT EXECUTE FUNCTION sum_up();
-- Dynamic statements, tables of its own, and a body that never worked.
CREATE FUNCTION dynamic(t text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN EXECUTE format('SELECT count(*) FROM %I', t) INTO n; RETURN n; END $$;
CREATE FUNCTION scratch() RETURNS int LANGUAGE plpgsql AS $$
BEGIN CREATE TEMP TABLE s AS SELECT 1 AS n; RETURN (SELECT n FROM s); END $$;
CREATE FUNCTION broken() RETURNS int LANGUAGE plpgsql AS $$
BEGIN RETURN (SELECT no_such_column FROM tallies); END $$;
CREATE TYPE pair AS (a int, b int);
CREATE FUNCTION pair_up() RETURNS int LANGUAGE plpgsql AS $$
DECLARE p pair; BEGIN p.a = 1; RETURN p.a; END $$;
CREATE FUNCTION again(n int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN IF n > 0 THEN RETURN again(n - 1); END IF; RETURN (SELECT max(tallies.n) FROM tallies); END $$;

SELECT status, unmet FROM compat_guard.register('body', '1', '{
	"role": "regress_plpgsql",
	"search_path": "shop",
	"relations": {"orders": {"access": ["insert"], "insert": ["id", "item"]}},
	"queries": {"add": "INSERT INTO orders (id, item) VALUES ($1, $2)"},
	"routines": {"dynamic(text)": {}, "scratch()": {}, "broken()": {}, "again(int)": {}, "pair_up()": {}}}');
\set check 'SELECT rule, kind, object, state, expected, found FROM compat_guard.verification(''body'', ''1'') WHERE rule IS NOT NULL ORDER BY object COLLATE "C", kind COLLATE "C", expected COLLATE "C";'
CREATE FUNCTION judged(ddl text) RETURNS TABLE (rule text, action text, requirement text, expected text, found text) LANGUAGE sql AS
	'SELECT p.rule, p.action, p.requirement, p.expected, p.found FROM compat_guard.preview(ddl) AS p';
:check
-- Nobody can tell, and nobody is told.
SELECT * FROM judged('ALTER TABLE shop.orders RENAME sum TO total');

-- When the extension comes, what is found now is no change's doing.
CREATE EXTENSION plpgsql_check SCHEMA public;
:check
SELECT status FROM compat_guard.versions;

-- Found: what a body uses, and what that calls; once, whoever fires it.
SELECT * FROM judged('ALTER TABLE shop.orders RENAME sum TO total');
SELECT * FROM judged('ALTER TABLE shop.prices RENAME price TO net');
SELECT * FROM judged('DROP FUNCTION shop.price');
SELECT * FROM judged('ALTER TABLE shop.tallies RENAME n TO m');
SELECT * FROM judged('ALTER TABLE hidden.log RENAME TO journal');
SELECT * FROM judged('CREATE OR REPLACE FUNCTION shop.fill() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN NEW.total = 1; RETURN NEW; END''');
-- a type that it declares a variable of
CREATE TYPE other AS (a int);
SELECT * FROM judged('CREATE OR REPLACE FUNCTION shop.pair_up() RETURNS int LANGUAGE plpgsql AS ''DECLARE p shop.other; BEGIN p.b = 1; RETURN 1; END''');
-- none: the body is made to fit, the trigger fires no longer; a broken body
-- stays broken; what is dynamic is not looked into
SELECT * FROM judged('ALTER TABLE shop.orders RENAME sum TO total;
	CREATE OR REPLACE FUNCTION shop.fill() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN NEW.total = 1; RETURN NEW; END''');
SELECT * FROM judged('ALTER TABLE shop.orders RENAME sum TO total; ALTER TABLE shop.orders DISABLE TRIGGER fill');
SELECT * FROM judged('ALTER TABLE shop.tallies ADD more int');
\set VERBOSITY default
ALTER TABLE orders RENAME sum TO total;
\set VERBOSITY terse
-- A body that comes with the trigger.
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.nothing = 1; RETURN NEW; END';
CREATE TRIGGER late BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION late();
-- Functions of the same names are not called instead.
CREATE FUNCTION public.plpgsql_check_function_tb(regprocedure, regclass) RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''called''; END';
SELECT DISTINCT rule, state, found FROM compat_guard.verification('body', '1') WHERE rule IS NOT NULL;
DROP FUNCTION public.plpgsql_check_function_tb(regprocedure, regclass);

-- Below a view it is the view's owner who has to be allowed to read; what the body names itself, the role, too.
CREATE ROLE regress_plpgsql_owner;
CREATE TABLE counts (n int);
GRANT SELECT ON counts TO regress_plpgsql_owner;
CREATE VIEW counts_v AS SELECT n FROM counts;
ALTER VIEW counts_v OWNER TO regress_plpgsql_owner;
GRANT SELECT ON counts_v TO regress_plpgsql;
CREATE FUNCTION below() RETURNS SETOF int LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT n FROM counts_v; END';
CREATE FUNCTION either() RETURNS SETOF int LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT n FROM counts_v NATURAL JOIN counts; END';
SELECT status FROM compat_guard.register('below', '1', '{"role": "regress_plpgsql", "queries": {"below": "SELECT * FROM below()", "either": "SELECT * FROM either()"}}');
SELECT object, state, found FROM compat_guard.check('below', '1') ORDER BY object;
REVOKE SELECT ON counts FROM regress_plpgsql_owner;
-- near miss
REVOKE SELECT ON counts FROM regress_plpgsql;
SELECT compat_guard.forget('below', '1');

-- Each right that one of its statements or expressions takes, and no other.
CREATE TABLE stock (item int, amount int, hidden int);
GRANT ALL ON stock TO regress_plpgsql;
CREATE FUNCTION half(n int) RETURNS int LANGUAGE sql AS 'SELECT n / 2';
CREATE FUNCTION take(which int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	n int;
BEGIN
	SELECT amount INTO n FROM stock WHERE item = which;
	n := half(n);
	UPDATE stock SET amount = n WHERE item = which;
	RETURN n;
END $$;
SELECT status FROM compat_guard.register('rights', '1', '{"role": "regress_plpgsql", "queries": {"take": "SELECT take($1)"}}');
SELECT * FROM judged('REVOKE SELECT ON stock FROM regress_plpgsql');
SELECT * FROM judged('REVOKE UPDATE ON stock FROM regress_plpgsql');
SELECT * FROM judged('REVOKE ALL ON stock FROM regress_plpgsql; GRANT SELECT (item, amount), UPDATE (amount) ON stock TO regress_plpgsql');
SELECT * FROM judged('REVOKE ALL ON stock FROM regress_plpgsql; GRANT SELECT (item, hidden), UPDATE (amount) ON stock TO regress_plpgsql');
SELECT * FROM judged('REVOKE EXECUTE ON FUNCTION half FROM PUBLIC');
-- near miss
SELECT * FROM judged('REVOKE INSERT, DELETE, TRUNCATE ON stock FROM regress_plpgsql');
-- What the function of a trigger uses, transition tables or not.
CREATE TABLE totals (n int, at date);
GRANT SELECT, UPDATE ON totals TO regress_plpgsql;
CREATE FUNCTION add_up() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE totals SET n = (SELECT sum(amount) FROM changed); RETURN NULL; END';
CREATE TRIGGER add_up AFTER UPDATE ON stock REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION add_up();
SELECT status FROM compat_guard.register('rights', '2', '{"role": "regress_plpgsql", "queries": {"set": "UPDATE stock SET amount = $1"}}');
SELECT * FROM judged('ALTER TABLE totals RENAME n TO total');
SELECT * FROM judged('REVOKE UPDATE ON totals FROM regress_plpgsql');
-- near miss
SELECT * FROM judged('ALTER TABLE totals DROP at');
SELECT compat_guard.forget('rights', '2');
SELECT compat_guard.forget('rights', '1');

-- What it writes has to fit, and what stands behind that runs with it: as of a body in SQL.
CREATE TABLE audit (what text, at int);
CREATE TABLE limits (upper int);
CREATE TABLE bills (id int, note text);
CREATE FUNCTION audited() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO audit (what, at) VALUES (''bill'', 1); RETURN NULL; END';
CREATE TRIGGER audited AFTER DELETE ON bills FOR EACH ROW EXECUTE FUNCTION audited();
CREATE FUNCTION within(amount int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT amount <= max(upper) FROM limits); END';
ALTER TABLE bills ADD CHECK (within(id));
CREATE PROCEDURE bill() LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	FOR r IN SELECT upper FROM limits LOOP
		INSERT INTO bills (id) VALUES (r.upper);
	END LOOP;
	WITH gone AS (DELETE FROM bills RETURNING id) SELECT count(*) AS n INTO r FROM gone;
END $$;
CREATE PROCEDURE void_bill() LANGUAGE plpgsql AS 'BEGIN UPDATE bills SET note = NULL WHERE id = 1; END';
CREATE FUNCTION read_bill() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT note FROM bills WHERE id = 1); END';
SELECT status FROM compat_guard.register('writes', '1', '{"search_path": "shop", "routines": {"bill()": {}, "void_bill()": {}, "read_bill()": {}}}');
SELECT * FROM judged('ALTER TABLE shop.audit DROP at');
SELECT * FROM judged('ALTER TABLE shop.limits RENAME upper TO top');
SELECT * FROM judged('ALTER TABLE shop.bills ADD amount int NOT NULL');
SELECT * FROM judged('ALTER TABLE shop.bills ALTER note SET NOT NULL');
-- near misses
SELECT * FROM judged('DROP TRIGGER audited ON shop.bills; ALTER TABLE shop.audit DROP at');
SELECT * FROM judged('ALTER TABLE shop.bills ADD amount int NOT NULL DEFAULT 0');
SELECT * FROM judged('ALTER TABLE shop.bills ALTER id SET NOT NULL');
SELECT compat_guard.forget('writes', '1');

-- What only declarations refer to: a row, a column's type, a composite type.
CREATE TYPE addr AS (street text, zip text);
CREATE TABLE lines (id int, mail text, note text);
CREATE FUNCTION by_row() RETURNS text LANGUAGE plpgsql AS $$ DECLARE r shop.lines%ROWTYPE; BEGIN r.mail := 'x'; RETURN r.mail; END $$;
CREATE FUNCTION by_type() RETURNS text LANGUAGE plpgsql AS $$ DECLARE v lines.note%TYPE; BEGIN RETURN v; END $$;
CREATE FUNCTION by_composite() RETURNS text LANGUAGE plpgsql AS $$ DECLARE a addr; BEGIN RETURN a.zip; END $$;
SELECT status FROM compat_guard.register('declared', '1', '{"routines": {"by_row()": {}, "by_type()": {}, "by_composite()": {}}}');
ALTER TABLE lines RENAME COLUMN mail TO email;
ALTER TABLE lines RENAME COLUMN note TO remark;
ALTER TYPE addr RENAME ATTRIBUTE zip TO code;
-- near miss
ALTER TABLE lines RENAME COLUMN id TO row_id;
SELECT compat_guard.forget('declared', '1');

-- Values of a domain, which it may refuse
CREATE DOMAIN zip AS text;
CREATE TABLE places (id int, zip zip);
CREATE FUNCTION zip_declared() RETURNS text LANGUAGE plpgsql AS $$ DECLARE z zip; BEGIN z := 'x'; RETURN z; END $$;
CREATE FUNCTION zip_of_row() RETURNS text LANGUAGE plpgsql AS $$ DECLARE r places%ROWTYPE; BEGIN r.zip := 'x'; RETURN r.zip; END $$;
CREATE FUNCTION zip_of_type() RETURNS text LANGUAGE plpgsql AS $$ DECLARE z places.zip%TYPE; BEGIN z := 'x'; RETURN z; END $$;
CREATE FUNCTION zip_returned() RETURNS zip LANGUAGE plpgsql AS $$ BEGIN RETURN 'x'; END $$;

SELECT count(*) FROM unnest('{declared,of_row,of_type,returned}'::text[]) AS f, compat_guard.register_queries('zips', f, ARRAY['SELECT zip_' || f || '()']);
SELECT version, action, rule, found FROM compat_guard.preview('ALTER DOMAIN zip ADD CHECK (VALUE <> '''')');
SELECT count(*) FROM unnest('{declared,of_row,of_type,returned}'::text[]) AS f, compat_guard.forget('zips', f);


-- What it plans for that runs nobody's function either, asks nothing of the session,
-- and leaves no such plan behind.
CREATE SEQUENCE calls;
CREATE FUNCTION count_call() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN nextval(''shop.calls''); END';
CREATE FUNCTION one() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN shop.count_call() * 0 + 1; END';
CREATE FUNCTION mine() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	n int := one();
BEGIN
	IF n = one() THEN
		RETURN (SELECT count(*) FROM tallies WHERE tallies.n = one() OR tallies.n = current_setting('shop.tenant')::int)
			|| current_setting('shop.tenant');
	END IF;
	RETURN (SELECT tallies.n FROM tallies LIMIT current_setting('shop.limit')::int);
END $$;
SELECT status FROM compat_guard.register('body', 'mine', '{"search_path": "shop", "routines": {"mine()": {}}}');
SELECT rule, state, found FROM compat_guard.verification('body', 'mine');
SELECT is_called FROM calls;
SET shop.tenant = '7';
SELECT mine();
SELECT count(*) FROM compat_guard.verification('body', 'mine');
SELECT mine();
SELECT last_value FROM calls;
SELECT * FROM judged('ALTER TABLE shop.tallies RENAME n TO m');
SELECT compat_guard.forget('body', 'mine');
DROP FUNCTION mine, one, count_call;

DROP EXTENSION plpgsql_check;
SELECT status FROM compat_guard.versions;
SELECT compat_guard.forget('body', '1');
RESET search_path;
DROP SCHEMA shop, hidden CASCADE;
DROP ROLE regress_plpgsql, regress_plpgsql_owner;
