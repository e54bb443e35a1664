--
-- Properties of a relation that a version writes or reads: constraints,
-- triggers, rules, row security, domains, defaults, views.  Each change is
-- made, looked at and rolled back, or judged where that matters.
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
CREATE TABLE customers (
	id		int PRIMARY KEY,
	name	text NOT NULL,
	mail	email,
	country	text CONSTRAINT customers_country_fkey REFERENCES countries,
	credit	int CONSTRAINT credit_limit CHECK (credit < 1000),
	note	text DEFAULT 'none',
	ref		int
);
CREATE TABLE orders (
	id			int PRIMARY KEY,
	customer	int CONSTRAINT orders_customer_fkey REFERENCES customers ON DELETE CASCADE,
	qty			int
);
CREATE VIEW rich AS SELECT id, name FROM customers WHERE credit > 500;
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER keep AFTER INSERT OR UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION nothing();
INSERT INTO countries VALUES ('at'), ('fr');
INSERT INTO customers (id, name, mail, country, credit) VALUES (1, 'Ann', 'ann', 'at', -5), (2, 'Bob', 'bob@b', 'fr', 10);
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON customers TO regress_clerk;
GRANT SELECT ON rich TO regress_clerk;

-- One version for each way of using the relations.
SELECT status FROM compat_guard.register('shop', 'inserts', '{"role": "regress_clerk", "search_path": "around",
	"relations": {"customers": {"insert": ["id", "name", "mail", "country", "credit"]}}}');
SELECT status FROM compat_guard.register('shop', 'writes', '{"role": "regress_clerk", "search_path": "around",
	"relations": {"customers": {"access": ["insert", "update"]}}}');
SELECT status FROM compat_guard.register('shop', 'deletes', '{"role": "regress_clerk", "search_path": "around",
	"queries": {"delete": "DELETE FROM customers WHERE id = $1"}}');
SELECT status FROM compat_guard.register('shop', 'updates', '{"role": "regress_clerk", "search_path": "around",
	"queries": {"rename": "UPDATE customers SET name = $1 WHERE id = $2"}}');
SELECT status FROM compat_guard.register('shop', 'reads', '{"role": "regress_clerk", "search_path": "around",
	"relations": {"rich": {}, "customers": {"access": ["select"]}}}');

-- What each version has to say, once for all requirements that say the same.
CREATE VIEW compat AS
	SELECT DISTINCT v.version, rule, c.state = 'unmet' AS unmet, c.expected, c.found
	FROM compat_guard.versions AS v, compat_guard.verification(v.app, v.version) AS c
	WHERE rule IS NOT NULL AND rule <> 'routine-body-broken';
\set found 'SELECT * FROM compat ORDER BY rule COLLATE "C", found COLLATE "C", version COLLATE "C";'
:found

--
-- constraint-added
--
BEGIN; ALTER TABLE customers ADD CONSTRAINT sane CHECK (name <> ''); :found ROLLBACK;
BEGIN; ALTER TABLE customers ADD CONSTRAINT sane CHECK (credit <> 7); :found ROLLBACK;
BEGIN; ALTER TABLE customers ADD UNIQUE (mail); :found ROLLBACK;
BEGIN; CREATE UNIQUE INDEX one ON customers (lower(name)) WHERE credit > 0; :found ROLLBACK;
BEGIN; ALTER TABLE customers ADD EXCLUDE USING btree (name WITH =); :found ROLLBACK;
BEGIN; ALTER TABLE customers ADD FOREIGN KEY (mail) REFERENCES countries NOT VALID; :found ROLLBACK;
-- it got stricter
BEGIN; ALTER TABLE customers DROP CONSTRAINT credit_limit, ADD CONSTRAINT credit_limit CHECK (credit < 500); :found ROLLBACK;
-- no finding: another name, or dropped
BEGIN; ALTER TABLE customers RENAME CONSTRAINT credit_limit TO other; :found ROLLBACK;
BEGIN; ALTER TABLE customers DROP CONSTRAINT credit_limit; :found ROLLBACK;
-- no finding: the same again
BEGIN;
ALTER TABLE customers DROP CONSTRAINT credit_limit, ADD CONSTRAINT again CHECK (credit < 1000),
	DROP CONSTRAINT customers_country_fkey, ADD FOREIGN KEY (country) REFERENCES countries (code);
:found
ROLLBACK;
-- no finding: the primary key's columns are the same
BEGIN; ALTER TABLE customers DROP CONSTRAINT customers_pkey CASCADE, ADD UNIQUE (id); SELECT * FROM compat WHERE rule = 'constraint-added'; ROLLBACK;
-- no finding: deferrable is less strict
BEGIN; ALTER TABLE customers ALTER CONSTRAINT customers_country_fkey DEFERRABLE INITIALLY DEFERRED; :found ROLLBACK;
-- no finding: it holds because of what there is
BEGIN;
ALTER TABLE customers ADD UNIQUE (id, name);
CREATE UNIQUE INDEX ON customers (id) WHERE credit > 0;
:found
ROLLBACK;
-- no finding: what the versions leave out is null, or a default that is allowed
BEGIN;
ALTER TABLE customers ADD fax text UNIQUE, ADD stars int DEFAULT 3 CHECK (stars BETWEEN 0 AND 5),
	ADD home text REFERENCES countries, ADD kind text CHECK (kind IN ('a', 'b'));
:found
ROLLBACK;
-- but these are not
BEGIN; TRUNCATE customers CASCADE; ALTER TABLE customers ADD fax text CONSTRAINT fax UNIQUE NULLS NOT DISTINCT; :found ROLLBACK;
BEGIN; TRUNCATE customers CASCADE; ALTER TABLE customers ADD a int, ADD b int, ADD CONSTRAINT one_of CHECK (num_nonnulls(a, b) = 1); :found ROLLBACK;

--
-- The same through a view that takes the table's place, with other names below.
--
BEGIN;
ALTER TABLE customers RENAME TO people;
ALTER TABLE people RENAME credit TO credits;
ALTER TABLE people RENAME country TO nation;
ALTER TABLE countries RENAME TO nations;
CREATE VIEW customers AS SELECT id, name, mail, nation AS country, credits AS credit, note, ref FROM people;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON customers TO regress_clerk;
:found
-- and then it is noticed on the table
ALTER TABLE people ADD CONSTRAINT sane CHECK (credits <> 7);
:found
ROLLBACK;
-- nor does it matter where the table is
BEGIN;
CREATE SCHEMA elsewhere;
ALTER TABLE countries SET SCHEMA elsewhere;
ALTER TABLE orders SET SCHEMA elsewhere;
:found
ROLLBACK;

--
-- NOT VALID: rows are the evidence
--
BEGIN; ALTER TABLE customers ADD CONSTRAINT positive CHECK (credit > 0) NOT VALID; :found ROLLBACK;
BEGIN; ALTER TABLE customers ADD CONSTRAINT positive CHECK (credit > -9) NOT VALID; :found ROLLBACK;
BEGIN; UPDATE customers SET ref = 77 WHERE id = 2; ALTER TABLE customers ADD CONSTRAINT ref_orders FOREIGN KEY (ref) REFERENCES orders NOT VALID; :found ROLLBACK;
-- no finding: validating what was there
BEGIN;
ALTER TABLE customers DROP CONSTRAINT credit_limit, ADD CONSTRAINT credit_limit CHECK (credit < 1000) NOT VALID;
:found
ALTER TABLE customers VALIDATE CONSTRAINT credit_limit;
:found
ROLLBACK;

--
-- foreign-key-action
--
BEGIN; CREATE TABLE invoices (customer int REFERENCES customers); :found ROLLBACK;
BEGIN; CREATE TABLE invoices (customer int REFERENCES customers ON DELETE CASCADE ON UPDATE CASCADE); :found ROLLBACK;
BEGIN;
ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey, ADD CONSTRAINT again FOREIGN KEY (customer) REFERENCES customers;
:found
ROLLBACK;
-- no finding: the same again, under another name, of a renamed table
BEGIN;
ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey, ADD CONSTRAINT again FOREIGN KEY (customer) REFERENCES customers ON DELETE CASCADE;
ALTER TABLE orders RENAME TO purchases;
:found
ROLLBACK;

--
-- domain-tightened
--
BEGIN; ALTER DOMAIN email ADD CONSTRAINT has_at CHECK (VALUE LIKE '%@%') NOT VALID; :found ROLLBACK;
BEGIN; ALTER DOMAIN email ADD CONSTRAINT nonempty CHECK (VALUE <> ''); :found ROLLBACK;

--
-- trigger-added, trigger-disabled
--
BEGIN; CREATE TRIGGER audit BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION nothing(); :found ROLLBACK;
BEGIN; CREATE TRIGGER audit BEFORE UPDATE OF name ON customers FOR EACH ROW EXECUTE FUNCTION nothing(); :found ROLLBACK;
BEGIN; CREATE TRIGGER audit AFTER DELETE ON customers FOR EACH ROW EXECUTE FUNCTION nothing(); :found ROLLBACK;
BEGIN; ALTER TABLE customers DISABLE TRIGGER keep; :found ROLLBACK;
BEGIN; DROP TRIGGER keep ON customers; :found ROLLBACK;
BEGIN; ALTER TABLE customers DISABLE TRIGGER ALL; :found ROLLBACK;
-- no finding
BEGIN; ALTER TABLE customers DISABLE TRIGGER ALL; ALTER TABLE customers ENABLE TRIGGER ALL; :found ROLLBACK;
BEGIN; ALTER TRIGGER keep ON customers RENAME TO kept; :found ROLLBACK;
BEGIN; CREATE TRIGGER audit BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION nothing(); ALTER TABLE customers DISABLE TRIGGER audit; :found ROLLBACK;
BEGIN; CREATE TRIGGER audit BEFORE UPDATE OF ref ON customers FOR EACH ROW EXECUTE FUNCTION nothing(); SELECT * FROM compat WHERE version = 'updates'; ROLLBACK;

--
-- rule-added
--
BEGIN; CREATE RULE quietly AS ON INSERT TO customers DO INSTEAD NOTHING; :found ROLLBACK;
BEGIN; CREATE RULE too AS ON DELETE TO customers DO ALSO DELETE FROM orders WHERE customer = old.id; :found ROLLBACK;

--
-- row-security
--
BEGIN; ALTER TABLE customers ENABLE ROW LEVEL SECURITY; :found ROLLBACK;
BEGIN; ALTER TABLE customers ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON customers FOR SELECT USING (name = current_user); :found ROLLBACK;
-- no finding: not in force, or not for this role
BEGIN; CREATE POLICY own ON customers USING (name = current_user); :found ROLLBACK;
BEGIN; ALTER ROLE regress_clerk BYPASSRLS; ALTER TABLE customers ENABLE ROW LEVEL SECURITY; :found ROLLBACK;
BEGIN; ALTER TABLE customers OWNER TO regress_clerk; ALTER TABLE customers ENABLE ROW LEVEL SECURITY; :found ROLLBACK;
BEGIN; ALTER TABLE customers OWNER TO regress_clerk; ALTER TABLE customers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; SELECT version, rule, found FROM compat ORDER BY 1, 2, 3; ROLLBACK;

--
-- view-changed, default-changed
--
BEGIN; CREATE OR REPLACE VIEW rich AS SELECT id, name FROM customers WHERE credit > 900; :found ROLLBACK;
BEGIN; ALTER TABLE customers ALTER note SET DEFAULT 'nil'; :found ROLLBACK;
-- no finding
BEGIN; CREATE OR REPLACE VIEW rich AS SELECT  id, name FROM customers WHERE credit > 500; :found ROLLBACK;
BEGIN; ALTER TABLE customers RENAME credit TO credits; ALTER TABLE customers RENAME TO people; CREATE VIEW customers AS SELECT id, name, mail, country, credits AS credit, note, ref FROM people; GRANT ALL ON customers TO regress_clerk; :found ROLLBACK;
BEGIN; ALTER TABLE customers ALTER name SET DEFAULT 'nil'; :found ROLLBACK;

-- registered with a deferrable key, which becomes stricter
ALTER TABLE customers ALTER CONSTRAINT customers_country_fkey DEFERRABLE;
SELECT status FROM compat_guard.register('shop', 'deferred', '{"role": "regress_clerk", "search_path": "around",
	"relations": {"customers": {"access": ["insert"]}}}');
BEGIN; ALTER TABLE customers ALTER CONSTRAINT customers_country_fkey NOT DEFERRABLE; :found ROLLBACK;

SET client_min_messages = warning;
SELECT count(*) FROM compat_guard.versions, compat_guard.forget(app, version);
RESET search_path;
DROP SCHEMA around CASCADE;
DROP ROLE regress_clerk;
