-- Tables of many partitions: judged by what was touched, with the same answer as if all had been looked at.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
SET client_min_messages = notice;
\set VERBOSITY terse

CREATE TABLE part_log (id int NOT NULL, note text, kind text DEFAULT 'k', at timestamptz) PARTITION BY RANGE (id);
CREATE TABLE part_other (id int PRIMARY KEY, name text);
DO $$
BEGIN
	FOR i IN 0..109 LOOP
		EXECUTE format('CREATE TABLE part_log_%s PARTITION OF part_log FOR VALUES FROM (%s) TO (%s)', i, i * 10, i * 10 + 10);
	END LOOP;
END $$;
-- Known before: no finding.
CREATE FUNCTION part_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER was_here AFTER INSERT ON part_log_7 FOR EACH ROW EXECUTE FUNCTION part_trigger();
ALTER TABLE part_log_8 ADD CONSTRAINT was_here CHECK (note <> 'x');
ALTER TABLE part_log_9 ALTER COLUMN kind SET NOT NULL;

CREATE FUNCTION part_rows(int) RETURNS SETOF part_log LANGUAGE sql STABLE
	AS 'SELECT * FROM part_log WHERE id = $1';
CREATE VIEW part_view AS SELECT id, note FROM part_log;

-- A judgement that agrees with check() has stored the same.
CREATE FUNCTION part_disagreements() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT s.state || ', but ' || c.state || ': ' || requirement_id
	FROM compat_guard.check('parts', '1') AS c
	JOIN compat_guard.requirement_state AS s USING (requirement_id)
	WHERE s.state <> c.state
$$;

BEGIN;
SELECT status, requirements FROM compat_guard.register('parts', '1', $$
{"relations": {
	"part_log": {"access": ["select", "insert", "update", "delete"], "insert": ["id", "note"],
		"columns": {"id": {"type": "integer", "nullable": false}, "at": {"nullable": true}}},
	"part_view": {"access": ["select", "insert"], "insert": ["id", "note"]}},
 "queries": {
	"read": "SELECT note FROM part_log WHERE id = $1",
	"function": "SELECT note FROM part_rows($1)",
	"view": "SELECT note FROM part_view WHERE id = $1",
	"write": "INSERT INTO part_log (id, note) VALUES ($1, $2) RETURNING kind",
	"change": "UPDATE part_log SET note = $2 WHERE id = $1 RETURNING part_log",
	"delete": "DELETE FROM part_log USING part_other AS o WHERE o.id = part_log.id",
	"merge": "MERGE INTO part_log AS l USING part_other AS o ON o.id = l.id WHEN MATCHED THEN UPDATE SET note = o.name WHEN NOT MATCHED THEN INSERT (id, note) VALUES (o.id, o.name)",
	"lock": "SELECT tableoid, ctid FROM part_log WHERE id = $1 FOR UPDATE",
	"sample": "SELECT count(*) FROM part_log TABLESAMPLE system (1)",
	"with": "WITH gone AS (DELETE FROM part_log WHERE id = $1 RETURNING *) SELECT count(*) FROM gone FULL JOIN part_log AS l USING (id)"}}
$$);
-- Only what the statements name is locked, and not for long.
SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation::regclass::text LIKE 'part\_log\_%';
COMMIT;
SELECT * FROM part_disagreements();
-- What is stored, by name: for each requirement the same.
SELECT DISTINCT partitions[1]::regclass AS whole,
	(SELECT array_agg(p::regclass ORDER BY p) FROM unnest(partitions) WITH ORDINALITY AS u(p, n) WHERE n % 2 = 0 AND p <> 0) AS own
FROM compat_guard.requirement_state WHERE partitions[1] = 'part_log'::regclass;

-- Partitions come and go, and indexes of theirs.
CREATE TABLE part_log_new PARTITION OF part_log FOR VALUES FROM (5000) TO (5010);
CREATE TABLE part_log_plain (LIKE part_log INCLUDING DEFAULTS);
ALTER TABLE part_log ATTACH PARTITION part_log_plain FOR VALUES FROM (5010) TO (5020);
CREATE INDEX ON part_log_3 (at);
ALTER TABLE part_log DETACH PARTITION part_log_plain;
DROP TABLE part_log_plain, part_log_new;

-- What one of them has of its own.
ALTER TABLE part_log_20 ALTER COLUMN at SET NOT NULL;
ALTER TABLE part_log_20 ADD CONSTRAINT new_here CHECK (note <> 'y');
CREATE UNIQUE INDEX new_index ON part_log_21 (note);
CREATE TRIGGER new_here AFTER UPDATE ON part_log_22 FOR EACH ROW EXECUTE FUNCTION part_trigger();
ALTER TABLE part_log_23 ADD CONSTRAINT new_key FOREIGN KEY (id) REFERENCES part_other;
CREATE TABLE part_refers (id int PRIMARY KEY);
CREATE UNIQUE INDEX part_key ON part_log_24 (id);
ALTER TABLE part_refers ADD FOREIGN KEY (id) REFERENCES part_log_24 (id);
-- Told once.
CREATE INDEX ON part_log_20 (at);
ALTER TABLE part_log ADD COLUMN extra text;
SELECT * FROM part_disagreements();

-- What has gone.
DROP TRIGGER was_here ON part_log_7;
DROP TRIGGER new_here ON part_log_22;
SELECT * FROM part_disagreements();

-- A partition that comes with it, also below one that comes.
CREATE TABLE part_strict (LIKE part_log INCLUDING DEFAULTS);
ALTER TABLE part_strict ALTER COLUMN at SET NOT NULL;
ALTER TABLE part_log ATTACH PARTITION part_strict FOR VALUES FROM (6000) TO (6010);
CREATE TABLE part_tree (LIKE part_log INCLUDING DEFAULTS) PARTITION BY RANGE (id);
ALTER TABLE part_tree ATTACH PARTITION part_strict FOR VALUES FROM (6000) TO (6010);
ALTER TABLE part_log ATTACH PARTITION part_tree FOR VALUES FROM (6000) TO (7000);
ALTER TABLE part_strict ALTER COLUMN at DROP NOT NULL;
ALTER TABLE part_log ATTACH PARTITION part_tree FOR VALUES FROM (6000) TO (7000);
ALTER TABLE part_strict ALTER COLUMN at SET NOT NULL;

-- Partitions go with their table.
SELECT name FROM compat_guard.droppable WHERE name LIKE 'part\_log\_3%';
-- The parent alone changes, and what a partition has begins to matter.
BEGIN;
ALTER TABLE ONLY part_log ALTER COLUMN kind DROP DEFAULT;
COMMIT;
ALTER TABLE part_log_9 ALTER COLUMN kind DROP NOT NULL;
ALTER TABLE ONLY part_log ALTER COLUMN kind DROP DEFAULT;
ALTER TABLE ONLY part_log ALTER COLUMN kind SET DEFAULT 'k';
SELECT * FROM part_disagreements();

-- Another table of many partitions takes its place.
CREATE TABLE part_next (id int NOT NULL, note text, kind text DEFAULT 'k', at timestamptz, extra text) PARTITION BY RANGE (id);
DO $$
BEGIN
	FOR i IN 0..109 LOOP
		EXECUTE format('CREATE TABLE part_next_%s PARTITION OF part_next FOR VALUES FROM (%s) TO (%s)', i, i * 10, i * 10 + 10);
	END LOOP;
END $$;
ALTER TABLE part_next_50 ALTER COLUMN at SET NOT NULL;
BEGIN;
DROP FUNCTION part_rows;
DROP VIEW part_view;
ALTER TABLE part_log RENAME TO part_last;
ALTER TABLE part_next RENAME TO part_log;
CREATE FUNCTION part_rows(int) RETURNS SETOF part_log LANGUAGE sql STABLE
	AS 'SELECT * FROM part_log WHERE id = $1';
CREATE VIEW part_view AS SELECT id, note FROM part_log;
COMMIT;
SELECT * FROM part_disagreements();

-- With mode warn it is remembered, and comes right again.
SET compat_guard.mode = warn;
ALTER TABLE part_log_30 ALTER COLUMN at SET NOT NULL;
RESET compat_guard.mode;
SELECT * FROM part_disagreements();
SELECT DISTINCT object, state FROM compat_guard.check('parts', '1') WHERE state <> 'met' ORDER BY object;
CREATE TABLE part_log_new PARTITION OF part_log FOR VALUES FROM (7000) TO (7010);
SELECT * FROM part_disagreements();
DROP TABLE part_log_30;
SELECT * FROM part_disagreements();
SELECT DISTINCT object, state FROM compat_guard.check('parts', '1') WHERE state <> 'met' ORDER BY object;

-- What the planner says of the parent it still says.
SELECT object, state, found FROM compat_guard.register('plans', '1', $${"queries": {
	"full": "SELECT count(*) FROM part_log AS a FULL JOIN part_log AS b ON a.id < b.id",
	"arbiter": "INSERT INTO part_log (id) VALUES ($1) ON CONFLICT (id) DO NOTHING",
	"only": "SELECT count(*) FROM ONLY part_log"}}$$),
	LATERAL compat_guard.check('plans', '1') ORDER BY object;

SELECT FROM compat_guard.forget('parts', '1');
SELECT FROM compat_guard.forget('plans', '1');
DROP VIEW part_view;
DROP FUNCTION part_disagreements, part_rows;
DROP TABLE part_log, part_next, part_strict, part_refers, part_other;
DROP FUNCTION part_trigger;
