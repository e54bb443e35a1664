-- A registry with something of everything, as monitoring and the page show it.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE look_exporter LOGIN IN ROLE pg_monitor;
CREATE ROLE look_billing;
SELECT compat_guard.entrust('look_billing');
CREATE TABLE customers (id int PRIMARY KEY, name text, email text, note text, phone text);
CREATE TABLE unused (a int, b text);
CREATE TABLE "a<b>ps&" (id int, "a very long name of a column, with 'quotes'" text);
GRANT ALL ON ALL TABLES IN SCHEMA public TO look_billing;
SET ROLE look_billing;
SELECT compat_guard.register('billing', '2026.11', '{"queries": {"by email": "SELECT id, name FROM customers WHERE email = $1"}}');
SELECT compat_guard.register('billing', '2026.12', '{"queries": {"by mail": "SELECT id, name FROM customers WHERE mail = $1"}}');
SELECT compat_guard.register('web', 'v7', '{"relations": {"customers": {"columns": {"phone": "text", "name": "text"}}}}', 'one', '1 hour');
SELECT compat_guard.register('<script>document.title = "stolen"</script>', repeat('averylongversionname', 10),
	'{"queries": {"<img src=x onerror=alert(1)>": "SELECT id FROM \"a<b>ps&\""}}');
SELECT compat_guard.register('web', 'v6', '{}');
SELECT compat_guard.retire('web', 'v6', 'replaced');
RESET ROLE;
SELECT compat_guard.set_policy('query-result-grew', 'log', 'web');
ALTER TABLE customers DROP COLUMN note;
BEGIN;
SELECT compat_guard.allow('nobody calls any more');
ALTER TABLE customers DROP COLUMN phone;
COMMIT;
\set ON_ERROR_STOP off
ALTER TABLE customers RENAME COLUMN email TO mail;
\set ON_ERROR_STOP on
DO $$BEGIN
	FOR i IN 1 .. 500 LOOP
		EXIT WHEN EXISTS (SELECT FROM compat_guard.journal WHERE verdict = 'blocked');
		PERFORM pg_sleep(0.02);
	END LOOP;
END$$;
