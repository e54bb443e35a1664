--
-- Hazards: what would rewrite, build or scan a large table under a lock is stopped
-- before its cost, whatever versions there are.
--
CREATE SCHEMA hazards;
SET search_path = hazards;
SET compat_guard.large_relation = '64kB';
\set VERBOSITY terse

CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN plain AS integer;
CREATE DOMAIN used AS integer;
CREATE FUNCTION inlined() RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT 1';
CREATE FUNCTION counted() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE TABLE parent (id integer PRIMARY KEY);
INSERT INTO parent SELECT generate_series(1, 100);
CREATE TABLE large (
    id integer NOT NULL, parent integer, name varchar(20), fixed char(10), note text,
    amount numeric(10, 2), at timestamp, address cidr, of_domain used, raw json, filled integer);
INSERT INTO large SELECT i, 1 + i % 100, 'n' || i, 'f', 't' || i, i, '2026-01-01', '10.0.0.0/8', i, '{}', i
    FROM generate_series(1, 3000) i;
ALTER TABLE large ADD CONSTRAINT filled_known CHECK (filled IS NOT NULL AND filled > -1) NOT VALID;
ALTER TABLE large VALIDATE CONSTRAINT filled_known;
CREATE TABLE small (LIKE large);
INSERT INTO small SELECT * FROM large LIMIT 10;
CREATE TABLE empty (LIKE large);
CREATE TEMP TABLE temporary AS SELECT * FROM large;

-- Runs statements, undoes them, and says which rules stopped them at which object.
CREATE FUNCTION tried(ddl text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; relation text; message text;
BEGIN
    EXECUTE ddl;
    RAISE EXCEPTION USING ERRCODE = 'UNDO0';
EXCEPTION
    WHEN SQLSTATE 'VG002' THEN
        GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, relation = TABLE_NAME;
        RETURN relation || ': ' || substring(detail from '\(([a-z-]+)\)\.');
    WHEN SQLSTATE 'UNDO0' THEN
        RETURN 'passes';
END $$;

-- The message.
ALTER TABLE large ALTER id TYPE bigint;
\set VERBOSITY default
ALTER TABLE large ALTER id TYPE bigint;
\set VERBOSITY terse

-- What is a hazard.
SELECT tried(ddl) AS found, ddl FROM (VALUES
    (1, 'ALTER TABLE large ALTER id TYPE bigint'),
    (2, 'ALTER TABLE large ALTER name TYPE varchar(10)'),
    (3, 'ALTER TABLE large ALTER note TYPE varchar(10)'),
    (4, 'ALTER TABLE large ALTER fixed TYPE char(20)'),
    (5, 'ALTER TABLE large ALTER amount TYPE numeric(10, 3)'),
    (6, 'ALTER TABLE large ALTER at TYPE timestamp(0)'),
    (7, 'ALTER TABLE large ALTER raw TYPE jsonb'),
    (8, 'ALTER TABLE large ALTER id TYPE positive'),
    (9, 'SET LOCAL TimeZone = ''Europe/London''; ALTER TABLE large ALTER at TYPE timestamptz'),
    (10, 'ALTER TABLE large ADD at2 timestamptz DEFAULT clock_timestamp()'),
    (11, 'ALTER TABLE large ADD n integer DEFAULT counted()'),
    (12, 'ALTER TABLE large ADD n serial'),
    (13, 'ALTER TABLE large ADD n integer GENERATED ALWAYS AS IDENTITY'),
    (14, 'ALTER TABLE large ADD n integer GENERATED ALWAYS AS (id + 1) STORED'),
    (15, 'ALTER TABLE large ADD n positive'),
    (16, 'ALTER TABLE large ADD n bigserial PRIMARY KEY'),
    (17, 'ALTER TABLE large SET UNLOGGED'),
    (18, 'DO $d$BEGIN ALTER TABLE hazards.large ALTER id TYPE bigint; END$d$'),
    (20, 'CREATE INDEX ON large (name)'),
    (21, 'CREATE UNIQUE INDEX ON large (id)'),
    (22, 'ALTER TABLE large ADD UNIQUE (id)'),
    (23, 'ALTER TABLE large ADD PRIMARY KEY (id)'),
    (24, 'ALTER TABLE large ADD EXCLUDE USING btree (id WITH =)'),
    (25, 'ALTER TABLE large ADD PRIMARY KEY (parent)'),
    (30, 'ALTER TABLE large ALTER parent SET NOT NULL'),
    (31, 'ALTER TABLE large ADD CHECK (true)'),
    (32, 'ALTER TABLE large ADD n integer CHECK (n > 0)'),
    (33, 'ALTER TABLE large ADD FOREIGN KEY (parent) REFERENCES parent'),
    (34, 'ALTER TABLE large ADD n integer DEFAULT NULL REFERENCES parent'),
    (35, 'ALTER DOMAIN used ADD CHECK (VALUE > 0)'),
    (36, 'ALTER DOMAIN used SET NOT NULL'),
    (37, 'ALTER TABLE large ADD CHECK (filled > 0), DROP CONSTRAINT filled_known, ALTER filled SET NOT NULL'),
    (38, 'ALTER TABLE large DROP CONSTRAINT filled_known; ALTER TABLE large ALTER filled SET NOT NULL')
) AS s (n, ddl) ORDER BY n;

-- What is none: it needs no rewrite, build or scan.
SELECT tried(ddl) AS found, ddl FROM (VALUES
    (1, 'ALTER TABLE large ALTER name TYPE varchar(30)'),
    (2, 'ALTER TABLE large ALTER name TYPE text'),
    (3, 'ALTER TABLE large ALTER amount TYPE numeric(12, 2)'),
    (4, 'ALTER TABLE large ALTER amount TYPE numeric'),
    (5, 'ALTER TABLE large ALTER address TYPE inet'),
    (6, 'ALTER TABLE large ALTER note TYPE text COLLATE "C"'),
    (7, 'ALTER TABLE large ALTER id TYPE plain'),
    (8, 'ALTER TABLE large ALTER id TYPE oid'),
    (9, 'SET LOCAL TimeZone = ''UTC''; ALTER TABLE large ALTER at TYPE timestamptz'),
    (10, 'ALTER TABLE large ALTER name TYPE text USING name::text'),
    (11, 'ALTER TABLE large ADD n integer DEFAULT inlined()'),
    (12, 'ALTER TABLE large ADD at2 timestamptz NOT NULL DEFAULT now()'),
    (13, 'ALTER TABLE large ADD tags text[] DEFAULT ''{}'''),
    (14, 'ALTER TABLE large ADD n plain DEFAULT 5'),
    (15, 'ALTER TABLE large ADD n integer REFERENCES parent'),
    (16, 'ALTER TABLE large ADD n integer REFERENCES parent, ADD m integer DEFAULT 3'),
    (17, 'ALTER TABLE large ALTER filled SET NOT NULL'),
    (18, 'ALTER TABLE large ALTER filled SET NOT NULL; ALTER TABLE large DROP CONSTRAINT filled_known'),
    (19, 'ALTER TABLE large ALTER id SET NOT NULL'),
    (20, 'ALTER TABLE large ADD CHECK (id > 0) NOT VALID'),
    (21, 'ALTER TABLE large ADD FOREIGN KEY (parent) REFERENCES parent NOT VALID'),
    (22, 'ALTER TABLE large ALTER id SET DEFAULT 5, ALTER note SET DEFAULT random()::text'),
    (23, 'ALTER TABLE large RENAME CONSTRAINT filled_known TO other'),
    (24, 'ALTER TABLE large RENAME TO other'),
    (25, 'ALTER TABLE large SET LOGGED'),
    (26, 'ALTER TABLE large SET TABLESPACE pg_default'),
    (27, 'ALTER TABLE large SET ACCESS METHOD heap'),
    (28, 'ALTER TABLE large DROP note, ALTER id DROP NOT NULL'),
    (29, 'ALTER DOMAIN used ADD CHECK (VALUE > 0) NOT VALID'),
    (30, 'ALTER DOMAIN plain ADD CHECK (VALUE > 0)'),
    (31, 'TRUNCATE large; ALTER TABLE large ALTER id TYPE bigint; CREATE INDEX ON large (id)')
) AS s (n, ddl) ORDER BY n;

-- Nor is what concerns small, empty, temporary or new tables, or none.
SELECT t AS "table", string_agg(DISTINCT tried(format(ddl, t)), ', ') AS found
    FROM (VALUES ('small'), ('empty'), ('temporary')) AS tables (t),
    (VALUES ('ALTER TABLE %s ALTER id TYPE bigint'), ('ALTER TABLE %s ADD n serial'),
        ('ALTER TABLE %s ADD n serial PRIMARY KEY'), ('CREATE INDEX ON %s (id)'),
        ('ALTER TABLE %s ADD CHECK (id > 0)'), ('ALTER TABLE %s ALTER parent SET NOT NULL'),
        ('ALTER TABLE %s ADD UNIQUE (id)')) AS d (ddl)
    GROUP BY t ORDER BY t;
SELECT tried('CREATE TABLE new AS SELECT * FROM hazards.large; ALTER TABLE new ALTER id TYPE bigint;
    CREATE INDEX ON new (id); ALTER TABLE new ADD CHECK (id > 0), ALTER name SET NOT NULL, ADD UNIQUE (note)');

-- An index that is there, and one that is built again with a column of its table.
CREATE INDEX CONCURRENTLY large_at ON large (at);
CREATE INDEX CONCURRENTLY large_name ON large (name);
SELECT tried(ddl) AS found, ddl FROM (VALUES
    (1, 'CREATE INDEX IF NOT EXISTS large_at ON large (at)'),
    (2, 'SET LOCAL TimeZone = ''UTC''; ALTER TABLE large ALTER at TYPE timestamptz'),
    (3, 'ALTER TABLE large ALTER at TYPE date'),
    (4, 'ALTER TABLE large ALTER name TYPE text'),
    (5, 'ALTER TABLE large ALTER name TYPE varchar(30) COLLATE "C"'),
    (6, 'ALTER TABLE large DROP at'),
    (7, 'ALTER INDEX large_at RENAME TO other')
) AS s (n, ddl) ORDER BY n;
DROP INDEX large_at, large_name;

-- A CHECK is verified again when its column gets another type.
SELECT tried(ddl) AS found, ddl FROM (VALUES
    (1, 'ALTER TABLE large ADD CHECK (name <> '''') NOT VALID; ALTER TABLE large ALTER name TYPE text'),
    (2, 'ALTER TABLE small ADD CHECK (name <> ''''); ALTER TABLE small ALTER name TYPE text'),
    (3, 'ALTER TABLE large ALTER filled TYPE plain')
) AS s (n, ddl) ORDER BY n;

-- Partitions count together.
CREATE TABLE parts (id integer, n integer) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (1500);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (1500) TO (3000);
INSERT INTO parts SELECT i, i FROM generate_series(0, 2999) i;
CREATE TABLE candidate (LIKE parts);
INSERT INTO candidate SELECT i, i FROM generate_series(4000, 7999) i;
CREATE TABLE proven (LIKE parts, CHECK (id IS NOT NULL AND id >= 4000 AND id < 8000));
INSERT INTO proven SELECT * FROM candidate;
CREATE TABLE nullable (LIKE parts, CHECK (id >= 4000 AND id < 8000));
INSERT INTO nullable SELECT * FROM candidate;
SELECT tried(ddl) AS found, ddl FROM (VALUES
    (1, 'CREATE INDEX ON parts (n)'),
    (2, 'CREATE INDEX ON parts_1 (n)'),
    (3, 'CREATE INDEX ON ONLY parts (n)'),
    (4, 'CREATE INDEX ON parts_1 (n); CREATE INDEX ON parts_2 (n)'),
    (5, 'CREATE INDEX ON parts_1 (n); CREATE INDEX ON parts (n)'),
    (6, 'ALTER TABLE parts ALTER n TYPE bigint'),
    (7, 'ALTER TABLE parts ALTER n SET NOT NULL'),
    (8, 'ALTER TABLE parts_1 ALTER n SET NOT NULL'),
    (9, 'ALTER TABLE parts ADD CHECK (n >= 0)'),
    (10, 'ALTER TABLE parts ADD m integer DEFAULT 1'),
    (11, 'ALTER TABLE parts ATTACH PARTITION candidate FOR VALUES FROM (4000) TO (8000)'),
    (12, 'ALTER TABLE parts ATTACH PARTITION proven FOR VALUES FROM (4000) TO (8000)'),
    (13, 'ALTER TABLE parts ATTACH PARTITION nullable FOR VALUES FROM (4000) TO (8000)'),
    (14, 'CREATE TABLE parts_3 PARTITION OF parts FOR VALUES FROM (4000) TO (8000)')
) AS s (n, ddl) ORDER BY n;
ALTER TABLE parts ATTACH PARTITION proven DEFAULT;
ALTER TABLE proven ADD CONSTRAINT low CHECK (id < 7000 OR id IS NULL) NOT VALID;
SELECT tried(ddl) AS found, ddl FROM (VALUES
    (1, 'CREATE TABLE parts_3 PARTITION OF parts FOR VALUES FROM (9000) TO (10000)'),
    (2, 'CREATE TABLE parts_3 PARTITION OF parts FOR VALUES FROM (7500) TO (7600)')
) AS s (n, ddl) ORDER BY n;

-- Commands that are no transactions.
VACUUM FULL large;
VACUUM large;
VACUUM FULL small, empty;
REINDEX TABLE large;
REINDEX TABLE CONCURRENTLY small;
CREATE INDEX CONCURRENTLY large_id ON large (id);
CLUSTER large USING large_id;
REINDEX INDEX large_id;
REINDEX INDEX CONCURRENTLY large_id;
DROP INDEX large_id;

-- What locks a large table for a moment, but waits for all who use it: a warning.
CREATE INDEX CONCURRENTLY large_name ON large (name);
CREATE INDEX small_name ON small (name);
DROP INDEX small_name;
DROP INDEX large_name;
CREATE INDEX CONCURRENTLY large_name ON large (name);
DROP INDEX CONCURRENTLY large_name;
ALTER TABLE parts DETACH PARTITION parts_1;
ALTER TABLE parts ATTACH PARTITION parts_1 FOR VALUES FROM (0) TO (1500);
ALTER TABLE parts DETACH PARTITION proven;
ALTER TABLE parts DETACH PARTITION parts_1;
CREATE MATERIALIZED VIEW shown AS SELECT * FROM large;
\set VERBOSITY sqlstate
REFRESH MATERIALIZED VIEW shown;
\set VERBOSITY terse
REFRESH MATERIALIZED VIEW shown WITH NO DATA;
CREATE MATERIALIZED VIEW few AS SELECT * FROM small;
REFRESH MATERIALIZED VIEW few;

-- VALIDATE under the lock of what the transaction did before.
ALTER TABLE large ADD CONSTRAINT later CHECK (id > 0) NOT VALID;
BEGIN;
ALTER TABLE large ALTER note SET DEFAULT '';
ALTER TABLE large VALIDATE CONSTRAINT later;
ROLLBACK;
ALTER TABLE large ALTER note SET DEFAULT '', VALIDATE CONSTRAINT later;
ALTER TABLE large DROP CONSTRAINT later;
ALTER TABLE large ADD CONSTRAINT later CHECK (id > 0) NOT VALID;
ALTER TABLE large VALIDATE CONSTRAINT later;
BEGIN;
ALTER TABLE small ADD CONSTRAINT later CHECK (id > 0) NOT VALID;
ALTER TABLE small VALIDATE CONSTRAINT later;
COMMIT;

-- A unique index that rows would make fail, and which would be left invalid.
CREATE TABLE twice (id integer PRIMARY KEY, a integer, b text, "the Mail" text);
INSERT INTO twice VALUES (1, 1, 'x', 'm'), (2, 1, 'y', 'm'), (3, 2, 'y', 'n'), (4, 2, 'y', 'n'), (5, NULL, 'z', 'o'),
    (6, NULL, 'z', 'p');
\set VERBOSITY default
CREATE UNIQUE INDEX CONCURRENTLY ON twice (a);
CREATE UNIQUE INDEX CONCURRENTLY ON twice ("the Mail", b);
\set VERBOSITY terse
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS twice_a ON twice (a) INCLUDE (b);
CREATE UNIQUE INDEX CONCURRENTLY ON large (parent);
SELECT count(*) AS "indexes left" FROM pg_index WHERE indrelid = 'twice'::regclass AND NOT indisprimary;
-- none of its rows: other columns, nulls, WHERE, an index that is not unique or is there
CREATE UNIQUE INDEX CONCURRENTLY ON twice (a, id);
CREATE UNIQUE INDEX CONCURRENTLY twice_a ON twice (a) WHERE id > 5;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS twice_a ON twice (a);
CREATE INDEX CONCURRENTLY ON twice (b);
DELETE FROM twice WHERE id IN (1, 3);
CREATE UNIQUE INDEX CONCURRENTLY twice_nulls ON twice (a);
CREATE UNIQUE INDEX CONCURRENTLY ON twice (a) NULLS NOT DISTINCT;
CREATE TABLE twice_child () INHERITS (twice);
INSERT INTO twice_child SELECT * FROM twice;
CREATE UNIQUE INDEX CONCURRENTLY ON twice (id);
-- the server's own error, which comes at once, where nothing is left
INSERT INTO twice VALUES (7, 9, 'x', 'm'), (8, 8, 'x', 'm');
CREATE UNIQUE INDEX ON twice ("the Mail");
-- no value is shown to who may not read them; who is not the owner is told nothing
CREATE ROLE regress_hazards;
GRANT USAGE, CREATE ON SCHEMA hazards TO regress_hazards;
SET ROLE regress_hazards;
CREATE UNIQUE INDEX CONCURRENTLY ON twice (b);
RESET ROLE;
ALTER TABLE twice OWNER TO regress_hazards;
SET ROLE regress_hazards;
CREATE UNIQUE INDEX CONCURRENTLY ON twice (b);
REVOKE SELECT ON twice FROM regress_hazards;
CREATE UNIQUE INDEX CONCURRENTLY ON twice (b);
GRANT SELECT ON twice TO regress_hazards;
ALTER TABLE twice ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
\set VERBOSITY sqlstate
CREATE UNIQUE INDEX CONCURRENTLY twice_hidden ON twice (b);
\set VERBOSITY terse
RESET ROLE;
-- a preview names it once
SELECT rule, action, affected_object FROM compat_guard.preview('CREATE UNIQUE INDEX CONCURRENTLY ON hazards.large (parent)')
    WHERE rule = 'unique-over-duplicates';
DROP TABLE twice CASCADE;
REVOKE ALL ON SCHEMA hazards FROM regress_hazards;
DROP ROLE regress_hazards;

-- An invalid index that would be taken for a valid one.
INSERT INTO small SELECT * FROM small;
SELECT compat_guard.set_policy('unique-over-duplicates', 'warn');
\set VERBOSITY sqlstate
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS small_id ON small (id);
\set VERBOSITY terse
SELECT compat_guard.set_policy('unique-over-duplicates', NULL);
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS small_id ON small (id);
CREATE INDEX IF NOT EXISTS small_id ON small (id);
DROP INDEX small_id;
CREATE INDEX small_id ON small (id);
CREATE INDEX IF NOT EXISTS small_id ON small (id);

-- A lock_timeout would end a command that waits for others, but keeps none waiting.
SET lock_timeout = '5s';
CREATE INDEX CONCURRENTLY small_note ON small (note);
CREATE INDEX small_note2 ON small (note);
REINDEX INDEX CONCURRENTLY small_note;
DROP INDEX CONCURRENTLY small_note;
SET lock_timeout = 0;

-- TRUNCATE CASCADE, if there are rows to lose.
CREATE TABLE child (parent integer REFERENCES parent);
TRUNCATE parent CASCADE;
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (1);
TRUNCATE parent, child CASCADE;
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (1);
TRUNCATE parent CASCADE;

DROP MATERIALIZED VIEW shown, few;

-- A session without the library loads it in the middle of its first DDL.
\c -
SET compat_guard.large_relation = '64kB';
CREATE INDEX loading ON hazards.large (id);
\c -
SET compat_guard.large_relation = '64kB';
ALTER TABLE hazards.large ALTER id TYPE bigint;
SET search_path = hazards;

-- A preview lists them all, and goes on as if the statements had run.
SELECT rule, action, affected_object, expected FROM compat_guard.preview(
    'ALTER TABLE hazards.large ALTER id TYPE bigint; ALTER TABLE hazards.large ADD CHECK (id > 0);
     CREATE INDEX ON hazards.large (id); CREATE INDEX ON hazards.small (id)')
    ORDER BY rule;

-- A dump that is restored meets none.
BEGIN;
SET LOCAL check_function_bodies = off;
SELECT set_config('search_path', '', true);
CREATE INDEX ON hazards.large (id);
ROLLBACK;

-- Policy, allow() and mode are those of all rules; the journal has what was found.
SELECT compat_guard.set_policy('scan-under-lock', 'warn');
ALTER TABLE large ADD CONSTRAINT warned CHECK (id > 0);
SELECT compat_guard.set_policy('scan-under-lock', 'ignore');
ALTER TABLE large ADD CONSTRAINT ignored CHECK (id > 0);
SELECT compat_guard.set_policy('scan-under-lock', NULL);
BEGIN;
SELECT compat_guard.allow('at night', rule => 'index-build-blocks-writes');
CREATE INDEX allowed ON large (id);
COMMIT;
SELECT status FROM compat_guard.register('hazards', '1', '{}');
BEGIN;
SELECT compat_guard.allow('only of one app', app => 'hazards');
CREATE INDEX not_allowed ON large (id);
COMMIT;
SELECT compat_guard.retire('hazards', '1');
SELECT compat_guard.forget('hazards', '1');
BEGIN;
SET LOCAL compat_guard.mode = warn;
ALTER TABLE large ADD CONSTRAINT mode_warn CHECK (id > 0);
COMMIT;
BEGIN;
SET LOCAL compat_guard.mode = off;
ALTER TABLE large ADD CONSTRAINT mode_off CHECK (id > 0);
COMMIT;
SELECT verdict, statements, reason, f ->> 'rule' AS rule, f ->> 'action' AS action, f ->> 'object' AS object
    FROM compat_guard.journal, jsonb_array_elements(findings) AS f
    WHERE statements::text ~ 'warned|allowed|mode_' AND verdict <> 'blocked'
    ORDER BY statements::text COLLATE "C";

-- A setting of zero makes every table large that has rows.
SET compat_guard.large_relation = 0;
SELECT tried('CREATE INDEX ON small (id)'), tried('CREATE INDEX ON empty (id)');
SET compat_guard.large_relation = '64kB';

SET client_min_messages = warning;
DROP SCHEMA hazards CASCADE;
