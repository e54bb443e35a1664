--
-- A preview costs nothing: statements meet large tables (here: all) without their rows, which are back afterwards.
-- preview_effects() says what they would cost.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE SCHEMA effects;
SET search_path = effects;
CREATE TABLE big (id bigint PRIMARY KEY, ref int, name text, n int, long text);
ALTER TABLE big ALTER long SET STORAGE EXTERNAL;
INSERT INTO big SELECT g, g % 100, repeat('x', 60), g, repeat('y', CASE WHEN g < 10 THEN 5000 ELSE 1 END) FROM generate_series(1, 10000) AS g;
CREATE TABLE small (id int PRIMARY KEY);
INSERT INTO small SELECT generate_series(0, 99);
CREATE INDEX big_n ON big (n);
CREATE INDEX big_gin ON big USING gin (string_to_array(name, ' '));
CREATE INDEX big_hash ON big USING hash (n);
CREATE INDEX big_brin ON big USING brin (n);
CREATE TABLE p (k int, v text) PARTITION BY RANGE (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
CREATE TABLE pd PARTITION OF p DEFAULT;
CREATE TABLE candidate (k int, v text);
INSERT INTO p SELECT g % 20, g FROM generate_series(1, 500) AS g;
INSERT INTO p VALUES (77);
INSERT INTO candidate VALUES (22), (23);
CREATE DOMAIN dom AS int;
CREATE TABLE with_domain (d dom);
INSERT INTO with_domain SELECT generate_series(1, 500);
CREATE MATERIALIZED VIEW m AS SELECT id FROM big;
CREATE TABLE empty (a int);
CREATE TABLE before AS SELECT relname, relfilenode, relpages, reltuples FROM pg_class WHERE relnamespace = 'effects'::regnamespace;
SELECT status FROM compat_guard.register('effects', '1', '{"search_path": "effects", "queries": {"read": "SELECT name FROM big WHERE n = 1",
	"insert": "INSERT INTO big (id, n, name) VALUES ($1, $2, $3)"}}');
\pset format unaligned
\pset footer off
CREATE FUNCTION effects(ddl text) RETURNS TABLE (n int, statement text, relation text, lock text, rewrites boolean, builds text, scans boolean) LANGUAGE sql AS $$
	SELECT e.statement_number, left(e.statement, 45), e.relation, replace(e.lock, 'Lock', ''), e.rewrites,
		(SELECT string_agg(b, ' ' ORDER BY b) FROM unnest(e.builds) AS b), e.scans
	FROM compat_guard.preview_effects(ddl) AS e ORDER BY 1, 3
$$;
CREATE FUNCTION found(ddl text) RETURNS TABLE (n int, rule text, action text, found text) LANGUAGE sql AS
	'SELECT p.statement_number, p.rule, p.action, coalesce(p.found, p.message) FROM compat_guard.preview(ddl) AS p';
SET compat_guard.large_relation = 0;
-- What is rewritten, built and read.  A rewritten table stays without rows, and the statements after it run all the same.
SELECT * FROM effects('ALTER TABLE big ALTER ref TYPE bigint; CREATE INDEX big_name ON big (name); ALTER TABLE big ADD CHECK (ref < 99); CLUSTER big USING big_name;
	ALTER TABLE big DROP name');
SELECT * FROM effects('REINDEX TABLE big; REINDEX INDEX big_n; CLUSTER big USING big_pkey; ALTER TABLE big SET UNLOGGED; REFRESH MATERIALIZED VIEW m; TRUNCATE big');
SELECT * FROM effects('ALTER TABLE big ALTER n SET NOT NULL; ALTER TABLE big ADD c int DEFAULT 1; ALTER TABLE big ADD u uuid DEFAULT gen_random_uuid()');
SELECT * FROM effects('ALTER TABLE big ADD CONSTRAINT c CHECK (n > 0) NOT VALID');
SELECT * FROM effects('COMMENT ON TABLE big IS $$x$$; ALTER TABLE big ALTER n SET STATISTICS 100; CREATE TABLE new AS SELECT 1 AS a; CREATE INDEX ON new (a)');
-- Domains, foreign keys, partitions.
SELECT * FROM effects('ALTER DOMAIN dom ADD CHECK (value > 0); ALTER DOMAIN dom SET NOT NULL; ALTER TABLE with_domain ALTER d TYPE int');
SELECT * FROM effects('ALTER TABLE big ADD FOREIGN KEY (ref) REFERENCES small; ALTER TABLE small ADD big bigint REFERENCES big');
SELECT * FROM effects('ALTER TABLE p ADD CHECK (k >= 0); CREATE INDEX ON p (v); ALTER TABLE p ADD c int DEFAULT random(); CREATE TABLE p3 PARTITION OF p FOR VALUES FROM (50) TO (60)');
SELECT * FROM effects('ALTER TABLE p ATTACH PARTITION candidate FOR VALUES FROM (22) TO (24); ALTER TABLE p DETACH PARTITION p1');
-- Queries that would read them, in whatever they run.
SELECT * FROM effects('UPDATE big SET n = 1; DELETE FROM big; INSERT INTO empty SELECT id FROM big; SELECT count(*) FROM m');
SELECT * FROM effects('COPY big (id) TO PROGRAM ''cat > /dev/null''');
SELECT * FROM effects('DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM big LOOP PERFORM pg_sleep(1); END LOOP; ALTER TABLE big ADD e int; END $$');
SELECT * FROM effects('DO $$ BEGIN ALTER TABLE big ALTER ref TYPE bigint; EXCEPTION WHEN OTHERS THEN DROP TABLE big; END $$');
-- The rows are back for the next statement, which may need them, and for the judgement.
SELECT * FROM found('ALTER TABLE big ADD CHECK (n > 0); INSERT INTO big VALUES (5)');
SET compat_guard.large_relation = '256kB';
SELECT * FROM found('CREATE UNIQUE INDEX ON big (ref); DO $$ BEGIN ASSERT (SELECT count(*) FROM big WHERE id = 5) = 1; END $$');
-- Indexes that were there find their rows after REINDEX, and TOAST its values; one that becomes valid over no rows is not used.
SELECT * FROM found('REINDEX TABLE big; DO $$ BEGIN ASSERT (SELECT length(long || '''') FROM big WHERE id = 5) = 5000; END $$');
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'big_n'::regclass;
SELECT * FROM found('REINDEX INDEX big_n; SET enable_seqscan = off; SET enable_bitmapscan = off; DO $$ BEGIN ASSERT (SELECT id FROM big WHERE n = 5) = 5; END $$');
UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'big_n'::regclass;
SET compat_guard.large_relation = 0;
-- What fails for want of rows is not known to fail.
SELECT * FROM found('INSERT INTO big SELECT max(id) + 1 FROM big; ALTER TABLE big DROP name');
SELECT * FROM found('DO $$ BEGIN IF (SELECT count(*) FROM big) = 0 THEN RAISE EXCEPTION ''no rows''; END IF; END $$');
-- Transactions and savepoints of the script.
SELECT * FROM effects('BEGIN; CREATE INDEX a ON big (ref); SAVEPOINT s; ALTER TABLE big ALTER ref TYPE bigint; ROLLBACK TO s; CREATE INDEX b ON big (ref); COMMIT');
-- The lock_timeout of a script is its own, that of a preview is nobody's, also after another preview.
SELECT * FROM found('SET lock_timeout = ''5s''; CREATE INDEX CONCURRENTLY ON big (ref)');
SELECT * FROM found('SELECT count(*) FROM compat_guard.preview(''SELECT 1''); CREATE INDEX CONCURRENTLY ON big (ref)');
-- Nothing is left of it, and what is there works.
SELECT relname, c.relfilenode = b.relfilenode AS same, c.relpages = b.relpages AS pages FROM before AS b JOIN pg_class AS c USING (relname)
	WHERE c.relnamespace = 'effects'::regnamespace AND (c.relfilenode, c.relpages, c.reltuples) IS DISTINCT FROM (b.relfilenode, b.relpages, b.reltuples);
SELECT count(*), sum(n), sum(length(long)) FROM big;
SET enable_seqscan = off;
SELECT count(*) FROM big WHERE id = 5;
SELECT count(*) FROM big WHERE string_to_array(name, ' ') @> ARRAY[repeat('x', 60)];
RESET enable_seqscan;
INSERT INTO big VALUES (0);
-- A table that the caller itself reads is left as it is.
SELECT id, p.rule, p.message FROM big, compat_guard.preview('ALTER TABLE effects.big ADD x int') AS p WHERE id = 7;
-- Nothing is locked for a role that may not do what the script says.
CREATE ROLE regress_effects;
GRANT USAGE ON SCHEMA effects TO regress_effects;
SELECT compat_guard.entrust('regress_effects', 'pipeline');
SET ROLE regress_effects;
-- Since 17 REINDEX asks for MAINTAIN, and says so in other words.
SELECT p.rule, replace(p.message, 'must be owner of', 'permission denied for') AS message FROM compat_guard.preview('SELECT count(*) FROM effects.big; REINDEX TABLE effects.big; UPDATE effects.big SET n = 1;
	DO $$ BEGIN IF EXISTS (SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND relation = ''effects.big''::regclass) THEN RAISE ''locked''; END IF; END $$') AS p;
RESET ROLE;
DROP OWNED BY regress_effects;
DROP ROLE regress_effects;
-- The evidence of rows is that of the real ones.
SET compat_guard.large_relation = '256kB';
SELECT * FROM found('ALTER TABLE big ADD CHECK (n > 5)');
SELECT * FROM found('CREATE INDEX ON big (n); ALTER TABLE big ADD CHECK (n > 5) NOT VALID; ALTER TABLE big DROP name');
RESET compat_guard.large_relation;
-- Small ones are taken as they are.
SELECT * FROM found('ALTER TABLE big ADD CHECK (n > 5)');
SELECT * FROM effects('ALTER TABLE big ALTER n SET NOT NULL');
SELECT * FROM effects('ALTER TABLE big ALTER ref TYPE bigint');
SELECT compat_guard.forget('effects', '1');
DROP SCHEMA effects CASCADE;
