--
-- Properties of relations: each way to change them is seen by the guard, in whatever
-- statement, and said once.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
RESET client_min_messages;

CREATE ROLE regress_clerk;
CREATE SCHEMA around;
GRANT USAGE ON SCHEMA around TO regress_clerk;
SET search_path = around;

CREATE DOMAIN email AS text;
CREATE TABLE countries (code text PRIMARY KEY);
CREATE TABLE customers (id int PRIMARY KEY, name text, mail email, country text, credit int);
CREATE TABLE events (day date, what text) PARTITION BY RANGE (day);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE old_events (LIKE events);
CREATE TABLE notes (body text);
CREATE TABLE stock_data (item text, qty int);
CREATE VIEW stock AS SELECT item, qty FROM stock_data;
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
INSERT INTO customers VALUES (1, 'Ann', 'ann', 'xx', -5);
GRANT ALL ON customers, events, notes, stock TO regress_clerk;

SELECT status FROM compat_guard.register('shop', '1', '{"role": "regress_clerk", "search_path": "around",
	"relations": {
		"customers": {"access": ["select", "insert", "update"], "insert": ["id", "name", "mail", "country"]},
		"events": {"access": ["insert", "delete"]},
		"notes": {"access": ["update"]},
		"stock": {"access": ["insert"]}
	},
	"queries": {"a": "INSERT INTO customers (id, mail) VALUES ($1, $2)", "b": "UPDATE customers SET name = $1, country = $2"}}');

-- Each change, who felt it and by which rule.
CREATE FUNCTION judged(ddl text) RETURNS TABLE (rule text, action text, requirement text, found text) LANGUAGE sql AS
	'SELECT p.rule, p.action, p.requirement, p.found FROM compat_guard.preview(ddl) AS p
	ORDER BY p.rule COLLATE "C", p.found COLLATE "C"';

SELECT * FROM judged('ALTER TABLE customers ADD CONSTRAINT sane CHECK (name <> country)');
SELECT * FROM judged('ALTER TABLE customers ADD CONSTRAINT pos CHECK (id > 1) NOT VALID');
SELECT * FROM judged('ALTER TABLE customers ADD CONSTRAINT land FOREIGN KEY (country) REFERENCES countries NOT VALID');
SELECT * FROM judged('CREATE UNIQUE INDEX one ON customers (name)');
SELECT * FROM judged('ALTER DOMAIN email ADD CONSTRAINT has_at CHECK (VALUE LIKE ''%@%'') NOT VALID');
SELECT * FROM judged('ALTER DOMAIN email ADD CONSTRAINT full_of CHECK (VALUE <> '''')');
SELECT * FROM judged('CREATE TRIGGER audit BEFORE INSERT OR UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION nothing()');
SELECT * FROM judged('CREATE RULE quietly AS ON INSERT TO customers DO ALSO NOTHING');
SELECT * FROM judged('ALTER TABLE customers ENABLE ROW LEVEL SECURITY');
SELECT * FROM judged('DO $$ BEGIN EXECUTE ''ALTER TABLE customers ENABLE ROW LEVEL SECURITY''; END $$');
SELECT * FROM judged('CREATE OR REPLACE VIEW stock AS SELECT item, qty FROM stock_data WHERE qty > 0');
-- behind a view
SELECT * FROM judged('ALTER TABLE stock_data ADD CONSTRAINT enough CHECK (qty > 0)');
-- of a partitioned table, of one partition
SELECT * FROM judged('ALTER TABLE events ADD CONSTRAINT said CHECK (what <> '''')');
SELECT * FROM judged('ALTER TABLE events_2026 ADD CONSTRAINT said CHECK (what <> '''')');
SELECT * FROM judged('CREATE TRIGGER audit BEFORE INSERT ON events_2026 FOR EACH ROW EXECUTE FUNCTION nothing()');
SELECT * FROM judged('ALTER TABLE old_events ADD CONSTRAINT said CHECK (what <> ''''); ALTER TABLE events ATTACH PARTITION old_events FOR VALUES FROM (''2020-01-01'') TO (''2026-01-01'')');
SELECT * FROM judged('CREATE TABLE more_notes (body text CONSTRAINT full_of CHECK (body <> '''')); ALTER TABLE more_notes INHERIT notes');
-- no finding: a partition's bound, and what is its parent's, is no constraint of its own
SELECT * FROM judged('ALTER TABLE events ATTACH PARTITION old_events FOR VALUES FROM (''2020-01-01'') TO (''2026-01-01'')');
SELECT * FROM judged('ALTER TABLE events ADD UNIQUE (day, what); DROP TABLE events_2026; CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM (''2026-01-01'') TO (''2027-01-01'')');
-- no finding: nobody registered it
SELECT * FROM judged('CREATE TABLE nobodys (x int CHECK (x > 0)); CREATE TRIGGER t BEFORE INSERT ON nobodys FOR EACH ROW EXECUTE FUNCTION nothing()');

-- What was there to be disabled, altered or forced.
CREATE TABLE regions (name text PRIMARY KEY, country text CONSTRAINT home REFERENCES countries ON DELETE RESTRICT);
CREATE TRIGGER keep BEFORE INSERT ON regions FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TABLE secrets (owner text, text text);
ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secrets USING (owner = current_user);
CREATE TABLE hers (what text);
ALTER TABLE hers ENABLE ROW LEVEL SECURITY;
ALTER TABLE hers OWNER TO regress_clerk;
GRANT ALL ON regions, secrets, countries TO regress_clerk;
SELECT status FROM compat_guard.register('shop', '2', '{"role": "regress_clerk", "search_path": "around",
	"relations": {"regions": {"access": ["insert"]}, "secrets": {"access": ["select"]}, "hers": {"access": ["select"]},
		"countries": {"access": ["delete"]}}}');
SELECT * FROM judged('ALTER TABLE regions DISABLE TRIGGER keep');
SELECT * FROM judged('ALTER TABLE regions ENABLE REPLICA TRIGGER keep');
SELECT * FROM judged('DROP TRIGGER keep ON regions');
SELECT * FROM judged('ALTER TABLE regions DISABLE TRIGGER ALL');
SELECT * FROM judged('ALTER TABLE countries DISABLE TRIGGER ALL');
SELECT * FROM judged('ALTER TABLE regions DROP CONSTRAINT home, ADD CONSTRAINT home FOREIGN KEY (country) REFERENCES countries ON DELETE CASCADE');
SELECT * FROM judged('ALTER POLICY own ON secrets USING (owner = session_user)');
SELECT * FROM judged('DROP POLICY own ON secrets');
SELECT * FROM judged('CREATE POLICY more ON secrets AS RESTRICTIVE TO regress_clerk USING (false)');
SELECT * FROM judged('ALTER TABLE hers FORCE ROW LEVEL SECURITY');
-- no finding
SELECT * FROM judged('CREATE ROLE regress_other; CREATE POLICY more ON secrets AS RESTRICTIVE TO regress_other USING (false)');
SELECT * FROM judged('ALTER TABLE secrets DISABLE ROW LEVEL SECURITY');
SELECT * FROM judged('ALTER POLICY own ON secrets RENAME TO mine');
SELECT * FROM judged('ALTER TABLE regions ALTER CONSTRAINT home DEFERRABLE');
SELECT * FROM judged('ALTER TABLE regions DISABLE TRIGGER ALL; ALTER TABLE regions ENABLE TRIGGER ALL');

-- A view on another table, or with another function, and a rule that writes another
-- table, under the same alias.
CREATE TABLE t1 (id int);
CREATE TABLE t2 (id int);
CREATE FUNCTION f1(int) RETURNS int LANGUAGE sql IMMUTABLE RETURN $1;
CREATE FUNCTION f2(int) RETURNS int LANGUAGE sql IMMUTABLE RETURN $1;
CREATE VIEW over AS SELECT x.id FROM t1 AS x;
CREATE VIEW calls AS SELECT f1(x.id) AS id FROM t1 AS x;
CREATE TABLE ruled (a int);
CREATE TABLE l1 (a int);
CREATE TABLE l2 (a int);
CREATE RULE also AS ON INSERT TO ruled DO ALSO INSERT INTO l1 AS l VALUES (new.a);
GRANT ALL ON over, calls, ruled TO regress_clerk;
SELECT status FROM compat_guard.register('alias', '1', '{"role": "regress_clerk", "search_path": "around",
	"relations": {"over": {"access": ["select"]}, "calls": {"access": ["select"]}, "ruled": {"access": ["insert"]}}}');
SELECT * FROM judged('CREATE OR REPLACE VIEW over AS SELECT x.id FROM t2 AS x');
SELECT * FROM judged('CREATE OR REPLACE VIEW calls AS SELECT f2(x.id) AS id FROM t1 AS x');
SELECT * FROM judged('CREATE OR REPLACE RULE also AS ON INSERT TO ruled DO ALSO INSERT INTO l2 AS l VALUES (new.a)');
-- no finding: the same again, and another name of what it is on, or calls, or writes
SELECT * FROM judged('CREATE OR REPLACE VIEW over AS SELECT x.id FROM t1 AS x');
SELECT * FROM judged('CREATE OR REPLACE VIEW calls AS SELECT f1(x.id) AS id FROM t1 AS x');
SELECT * FROM judged('CREATE OR REPLACE RULE also AS ON INSERT TO ruled DO ALSO INSERT INTO l1 AS l VALUES (new.a)');
SELECT * FROM judged('ALTER TABLE t1 RENAME TO t3; ALTER TABLE t3 RENAME id TO no; ALTER FUNCTION f1 RENAME TO f3; ALTER TABLE l1 RENAME TO l3; ALTER TABLE l3 RENAME a TO b');

--
-- What a statement does, in whatever form.
--
CREATE TABLE items (id int PRIMARY KEY, name text, price int, stock int);
CREATE TABLE prices (item int, price int);
CREATE VIEW cheap AS SELECT id, name AS title, price FROM items WHERE price < 10;
CREATE VIEW total AS SELECT sum(stock) AS stock FROM items;
CREATE FUNCTION set_stock() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER by_hand INSTEAD OF UPDATE ON total FOR EACH ROW EXECUTE FUNCTION set_stock();
CREATE RULE to_prices AS ON UPDATE TO prices DO ALSO UPDATE items SET price = new.price WHERE id = new.item;
SELECT status FROM compat_guard.register('queries', '1', '{"search_path": "around", "queries": {
	"1 upsert": "INSERT INTO items (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET stock = 0",
	"2 merge": "MERGE INTO items AS i USING prices AS p ON i.id = p.item WHEN MATCHED THEN UPDATE SET price = p.price WHEN NOT MATCHED THEN INSERT (id) VALUES (p.item)",
	"3 with": "WITH gone AS (DELETE FROM items WHERE stock = 0 RETURNING id) SELECT count(*) FROM gone",
	"4 view": "UPDATE cheap SET title = $1",
	"5 instead": "UPDATE total SET stock = 1",
	"6 rule": "UPDATE prices SET price = 1"
}}');
-- All that say it, and not only the first.
CREATE FUNCTION felt(ddl text) RETURNS TABLE (query text, rule text, found text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE ddl;
	RETURN QUERY SELECT c.object, c.rule, c.found FROM compat_guard.verification('queries', '1') AS c
		WHERE c.rule IS NOT NULL AND c.rule <> 'routine-body-broken' ORDER BY c.object COLLATE "C", c.rule COLLATE "C";
END $$;
BEGIN; SELECT * FROM felt('ALTER TABLE items ADD CONSTRAINT c CHECK (name <> '''')'); ROLLBACK;
BEGIN; SELECT * FROM felt('ALTER TABLE items ADD CONSTRAINT c CHECK (price > 0)'); ROLLBACK;
BEGIN; SELECT * FROM felt('ALTER TABLE items ADD CONSTRAINT c CHECK (stock >= 0)'); ROLLBACK;
BEGIN; SELECT * FROM felt('CREATE TRIGGER t BEFORE DELETE ON items FOR EACH ROW EXECUTE FUNCTION nothing()'); ROLLBACK;
BEGIN; SELECT * FROM felt('CREATE TRIGGER t BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION nothing()'); ROLLBACK;
BEGIN; SELECT * FROM felt('ALTER VIEW cheap SET (check_option = local)'); ROLLBACK;
BEGIN; SELECT * FROM felt('DROP TRIGGER by_hand ON total; CREATE TRIGGER by_hand INSTEAD OF UPDATE ON total FOR EACH ROW EXECUTE FUNCTION nothing()'); ROLLBACK;

-- What a statement sorts and compares by, not what it only shows.
CREATE TABLE words (word text, lemma text, note text);
SELECT status FROM compat_guard.register('queries', '2', '{"search_path": "around", "queries": {
	"sort": "SELECT word, note FROM words ORDER BY word", "compare": "SELECT note FROM words WHERE lemma > $1"}}');
SELECT * FROM judged('ALTER TABLE words ALTER word TYPE text COLLATE "C"');
SELECT * FROM judged('ALTER TABLE words ALTER lemma TYPE text COLLATE "C"');
SELECT * FROM judged('ALTER TABLE words ALTER note TYPE text COLLATE "C"');

-- PostgreSQL 18: NOT NULL that is not validated, and what is not enforced.
DO $$
DECLARE
	rules text;
BEGIN
	IF current_setting('server_version_num')::int < 180000 THEN
		RETURN;
	END IF;
	SELECT string_agg(j.rule || ' ' || j.action || ' ' || j.found, ', ') INTO STRICT rules
		FROM around.judged('INSERT INTO notes VALUES (NULL); ALTER TABLE notes ADD CONSTRAINT n NOT NULL body NOT VALID') AS j;
	ASSERT rules LIKE 'constraint-not-valid-trap block constraint n on around.notes, which 1 row violates%', rules;
	SELECT string_agg(j.rule, ', ') INTO STRICT rules
		FROM around.judged('ALTER TABLE notes ADD CONSTRAINT n NOT NULL body NOT VALID') AS j;
	ASSERT rules IS NULL, rules;
	SELECT string_agg(j.rule, ', ') INTO STRICT rules
		FROM around.judged('ALTER TABLE notes ADD CONSTRAINT n CHECK (body <> '''') NOT ENFORCED') AS j;
	ASSERT rules IS NULL, rules;
	SELECT string_agg(j.rule, ', ') INTO STRICT rules
		FROM around.judged('ALTER TABLE regions ALTER CONSTRAINT home NOT ENFORCED; ALTER TABLE regions ALTER CONSTRAINT home ENFORCED') AS j;
	ASSERT rules IS NULL, rules;
	SELECT string_agg(j.rule, ', ') INTO STRICT rules
		FROM around.judged('ALTER TABLE customers ADD CONSTRAINT land FOREIGN KEY (country) REFERENCES countries NOT ENFORCED') AS j;
	ASSERT rules IS NULL, rules;
END $$;

--
-- Judged: what rows prove blocks, what is only likely warns, and is said once.
--
\set VERBOSITY terse
\set SHOW_CONTEXT never
ALTER TABLE customers ADD CONSTRAINT pos CHECK (id > 1) NOT VALID;
ALTER DOMAIN email ADD CONSTRAINT has_at CHECK (VALUE LIKE '%@%') NOT VALID;
ALTER TABLE customers ADD CONSTRAINT land FOREIGN KEY (country) REFERENCES countries NOT VALID;
SELECT compat_guard.set_policy('constraint-added', 'warn');
ALTER TABLE customers ADD CONSTRAINT land FOREIGN KEY (country) REFERENCES countries NOT VALID;
-- known, also under another name, with more rows, or with none
ALTER TABLE customers RENAME CONSTRAINT land TO country_exists;
ALTER TABLE customers DISABLE TRIGGER ALL;
INSERT INTO customers VALUES (2, 'Bob', NULL, 'yy', 1);
ALTER TABLE customers ENABLE TRIGGER ALL;
UPDATE customers SET country = NULL;
ALTER TABLE customers VALIDATE CONSTRAINT country_exists;
SELECT compat_guard.set_policy('constraint-added', NULL);
-- a unique index built CONCURRENTLY is told when it is there
CREATE UNIQUE INDEX CONCURRENTLY one ON customers (name);
CREATE TRIGGER audit BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION nothing();
COMMENT ON TABLE customers IS 'the trigger is known now';
ALTER TABLE customers ADD plenty int;

-- A version that registers before its migration gets its baseline when it is ready.
SELECT status FROM compat_guard.register('shop', '3', '{"role": "regress_clerk", "search_path": "around",
	"relations": {"countries": {"access": ["update"], "insert": ["code", "name"]}}}');
ALTER TABLE countries ADD CONSTRAINT short CHECK (length(code) = 2);
GRANT UPDATE, INSERT ON countries TO regress_clerk;
ALTER TABLE countries ADD name text CONSTRAINT full_name CHECK (name <> '');
SELECT status FROM compat_guard.versions WHERE version = '3';
ALTER TABLE countries ADD CONSTRAINT other CHECK (name <> code);
SELECT kind, baseline FROM compat_guard.requirements WHERE version = '3' ORDER BY kind;


-- A function that has another schema is the same, until another one takes its name: then
-- the definition is another, and each that appears there is a reason to look again.
CREATE SCHEMA aside;
CREATE FUNCTION is_code(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 <> ''''';
CREATE TABLE codes (code text CHECK (is_code(code)));
SELECT status FROM compat_guard.register('codes', '1', '{"queries": {"add": "INSERT INTO codes VALUES ($1)"}}');
ALTER FUNCTION is_code(text) SET SCHEMA aside;
SELECT * FROM judged('CREATE FUNCTION is_other(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS ''SELECT true''');
SELECT * FROM judged('CREATE FUNCTION is_code(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS ''SELECT true''');

SET client_min_messages = warning;
SELECT count(*) FROM compat_guard.versions, compat_guard.forget(app, version);
RESET search_path;
DROP SCHEMA around, aside CASCADE;
DROP OWNED BY regress_clerk;
DROP ROLE regress_clerk;
