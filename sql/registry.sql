-- The registry is read in runs of ids, by turns with the versions' links, and
-- with what was looked up for the requirement before.  Whatever the order in
-- which things came and went, what it says is what the verifier says.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE SCHEMA registry;
CREATE SCHEMA registry_a;
CREATE SCHEMA registry_b;
SET search_path = registry;
CREATE TABLE registry_a.users (id bigint PRIMARY KEY, name text, status text);
CREATE TABLE registry_b.users (id bigint PRIMARY KEY, name text, status text);
CREATE TABLE orders (id bigint PRIMARY KEY, note text, total numeric);
-- neighbours in a contract that name the same in different schemas
CREATE FUNCTION contract(n integer) RETURNS jsonb LANGUAGE sql AS $$
SELECT jsonb_build_object('search_path', format('registry_%s, registry', CASE n % 2 WHEN 0 THEN 'a' ELSE 'b' END),
	'relations', jsonb_build_object(
		'users', jsonb_build_object('columns', jsonb_build_object('id', 'bigint', 'name', 'text', 'own ' || n, '{}'::jsonb)),
		'registry_a.users', jsonb_build_object('columns', jsonb_build_object('status', 'text')),
		CASE n % 3 WHEN 0 THEN 'registry_b.users' ELSE 'orders' END, '{"insert": ["id"]}'::jsonb)) $$;
-- how what is stored differs from what is found
CREATE VIEW differences AS
WITH found AS (SELECT DISTINCT requirement_id, kind, object, state FROM compat_guard.verification())
SELECT kind, object, s.state AS stored, found.state AS found
FROM found FULL JOIN compat_guard.requirement_state AS s USING (requirement_id)
WHERE s.state IS DISTINCT FROM found.state;
-- how what register() counts differs from the view
CREATE VIEW miscounts AS
SELECT name, v.unmet AS counted, r.unmet AS told, r.status
FROM (SELECT version AS name, version::integer AS n, unmet FROM compat_guard.versions
	WHERE app = 'app' AND status <> 'retired' AND version::integer < 100) AS v
CROSS JOIN LATERAL compat_guard.register('app', name, contract(n)) AS r
WHERE v.unmet <> r.unmet OR (r.unmet > 0) <> (r.status <> 'ready');

SELECT count(compat_guard.register('app', n::text, contract(n))) FROM generate_series(1, 40) AS n;
SELECT count(compat_guard.forget('app', n::text)) FROM generate_series(2, 40) AS n WHERE n % 7 < 3;
SELECT count(compat_guard.retire('app', n::text)) FROM generate_series(2, 40) AS n WHERE n % 7 = 4;
-- shares what is old, in an order of its own, with what is new
SELECT count(compat_guard.register('app', n::text, contract(n % 40))) FROM generate_series(141, 160) AS n;
SELECT status, count(*), min(unmet), max(unmet) FROM compat_guard.versions GROUP BY status ORDER BY status;
TABLE differences;
TABLE miscounts;
-- what each was waiting for comes, some of it
SELECT format('ALTER TABLE %s.users ADD COLUMN "own %s" text', CASE n % 2 WHEN 0 THEN 'registry_a' ELSE 'registry_b' END, n)
FROM generate_series(1, 40) AS n WHERE n % 5 > 1 \gexec
TABLE differences;
TABLE miscounts;
-- and what all of them have goes
BEGIN;
SET LOCAL compat_guard.mode = off;
ALTER TABLE registry_a.users DROP COLUMN status;
ALTER TABLE registry_b.users ALTER COLUMN id TYPE integer;
ALTER TABLE orders RENAME TO purchases;
COMMIT;
TABLE differences;
TABLE miscounts;
SELECT kind, object, count(*) AS versions FROM compat_guard.requirements
WHERE live AND state = 'unmet' AND ever_met GROUP BY kind, object ORDER BY object, kind;
-- one that has the name too, before the other in the path
CREATE TABLE registry_a.purchases ();
ALTER TABLE purchases RENAME TO orders;
-- what it means to the versions that were ready is another table now
SET compat_guard.mode = 'off';
CREATE TABLE registry_a.orders (id text);
RESET compat_guard.mode;
TABLE differences;
TABLE miscounts;
-- nothing is left behind
SELECT count(compat_guard.forget(app, version)) FROM compat_guard.versions;
SELECT (SELECT count(*) FROM compat_guard.requirement) AS requirements,
	(SELECT count(*) FROM compat_guard.requirement_state) AS states,
	(SELECT count(*) FROM compat_guard.requirement_dependency) AS dependencies;
RESET search_path;
DROP SCHEMA registry, registry_a, registry_b CASCADE;
