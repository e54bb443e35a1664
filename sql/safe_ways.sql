--
-- The safe way that each hazard's advice gives leads to the schema that was wished for,
-- and is no hazard itself.
--
CREATE SCHEMA large;
CREATE SCHEMA wished;
SET compat_guard.large_relation = '64kB';
\set VERBOSITY terse

SET search_path = large;
CREATE TABLE parent (id integer PRIMARY KEY);
INSERT INTO parent SELECT generate_series(1, 100);
CREATE TABLE users (a integer, "B" integer, c text, parent integer);
INSERT INTO users SELECT i, i, 'c' || i, 1 + i % 100 FROM generate_series(1, 3000) i;
CREATE TABLE parts (id integer, n integer) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (2000);
CREATE TABLE parts_2 PARTITION OF parts DEFAULT;
INSERT INTO parts SELECT i, i FROM generate_series(0, 3999) i;
CREATE TABLE part (LIKE parts);
INSERT INTO part SELECT i, i FROM generate_series(5000, 8999) i;
SET search_path = wished;
CREATE TABLE parent (LIKE large.parent INCLUDING ALL);
CREATE TABLE users (LIKE large.users);
CREATE TABLE parts (id integer, n integer) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (2000);
CREATE TABLE parts_2 PARTITION OF parts DEFAULT;
CREATE TABLE part (LIKE parts);
RESET search_path;

-- Columns, constraints and indexes, without the schema's name, what 18 names itself,
-- and the names of indexes of partitions.
CREATE VIEW public.described AS
    SELECT relnamespace::regnamespace::text AS schema, relname AS relation,
        format('%s %s %s %s', attname, format_type(atttypid, atttypmod), attnotnull,
            pg_get_expr(adbin, attrelid)) AS what
        FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p')
    UNION ALL
    SELECT connamespace::regnamespace::text, relname,
        replace(format('%s %s', conname, pg_get_constraintdef(k.oid)), connamespace::regnamespace::text || '.', '')
        FROM pg_constraint k JOIN pg_class c ON c.oid = conrelid WHERE contype <> 'n'
    UNION ALL
    SELECT c.relnamespace::regnamespace::text, c.relname,
        regexp_replace(replace(pg_get_indexdef(indexrelid), c.relnamespace::regnamespace::text || '.', ''),
            CASE WHEN relispartition THEN 'INDEX \S+' ELSE '' END, '') || indisvalid
        FROM pg_index JOIN pg_class c ON c.oid = indrelid;
CREATE VIEW public.differences AS
    SELECT relation, what FROM described WHERE schema = 'large'
    EXCEPT SELECT relation, what FROM described WHERE schema = 'wished'
    UNION ALL
    (SELECT relation, what || ' (missing)' FROM described WHERE schema = 'wished'
    EXCEPT SELECT relation, what || ' (missing)' FROM described WHERE schema = 'large');

-- The statements of the advice on the only hazard of a script.
CREATE FUNCTION public.steps(ddl text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT step || ';' FROM compat_guard.preview(ddl) AS p,
        regexp_split_to_table(substring(p.advice from ': (.*;)'), '; ?') WITH ORDINALITY AS s (step, n)
        WHERE step <> '' ORDER BY n $$;

SET search_path = large, public;
\set ddl 'CREATE INDEX users_c ON users (c text_pattern_ops) WHERE a > 3'
SELECT steps(:'ddl') \gexec
SET search_path = wished, public;
:ddl;
SELECT * FROM differences;

SET search_path = large, public;
\set ddl 'CREATE UNIQUE INDEX "Users_b" ON users USING btree ("B", lower(c)) INCLUDE (a)'
SELECT steps(:'ddl') \gexec
SET search_path = wished, public;
:ddl;
SELECT * FROM differences;

SET search_path = large, public;
\set ddl 'ALTER TABLE users ADD UNIQUE (a)'
SELECT steps(:'ddl') \gexec
SET search_path = wished, public;
:ddl;
SELECT * FROM differences;

SET search_path = large, public;
\set ddl 'ALTER TABLE users ADD CONSTRAINT named UNIQUE ("B", a) INCLUDE (c) DEFERRABLE INITIALLY DEFERRED'
SELECT steps(:'ddl') \gexec
SET search_path = wished, public;
:ddl;
SELECT * FROM differences;

SET search_path = large, public;
\set ddl 'ALTER TABLE users ADD PRIMARY KEY (a, "B")'
SELECT steps(:'ddl') \gexec
SET search_path = wished, public;
:ddl;
SELECT * FROM differences;

SET search_path = large, public;
\set ddl 'ALTER TABLE users ALTER c SET NOT NULL'
SELECT steps(:'ddl') \gexec
SET search_path = wished, public;
:ddl;
SELECT * FROM differences;

SET search_path = large, public;
\set ddl 'ALTER TABLE users ADD CHECK (a > 0 AND c <> '''')'
SELECT steps(:'ddl') \gexec
SET search_path = wished, public;
:ddl;
SELECT * FROM differences;

SET search_path = large, public;
\set ddl 'ALTER TABLE users ADD d integer CHECK (d > 0)'
SELECT steps(:'ddl') \gexec
SET search_path = wished, public;
:ddl;
SELECT * FROM differences;

SET search_path = large, public;
\set ddl 'ALTER TABLE users ADD e integer DEFAULT 1 REFERENCES parent ON DELETE CASCADE'
SELECT steps(:'ddl') \gexec
SET search_path = wished, public;
:ddl;
SELECT * FROM differences;

SET search_path = large, public;
\set ddl 'ALTER TABLE users ADD FOREIGN KEY (parent) REFERENCES parent ON UPDATE CASCADE ON DELETE SET NULL'
SELECT steps(:'ddl') \gexec
SET search_path = wished, public;
:ddl;
SELECT * FROM differences;

SET search_path = large, public;
\set ddl 'ALTER TABLE users ADD f timestamptz NOT NULL DEFAULT clock_timestamp()'
SELECT steps(:'ddl') \gexec
SET search_path = wished, public;
:ddl;
SELECT * FROM differences;

-- Here the statement comes last, and what proves the bound can go.
SET search_path = large, public;
\set ddl 'ALTER TABLE parts ATTACH PARTITION part FOR VALUES FROM (5000) TO (9000)'
SELECT steps(:'ddl') \gexec
SELECT steps(:'ddl') \gexec
:ddl;
ALTER TABLE part DROP CONSTRAINT part_bound;
ALTER TABLE parts_2 DROP CONSTRAINT parts_2_bound;
SET search_path = wished, public;
:ddl;
SELECT * FROM differences;

SET search_path = large, public;
\set ddl 'CREATE INDEX parts_n ON parts (n)'
SELECT steps(:'ddl') \gexec
SET search_path = wished, public;
:ddl;
SELECT * FROM differences;

SET search_path = large, public;
\set ddl 'ALTER TABLE parts ALTER n SET NOT NULL'
SELECT steps(:'ddl') \gexec
SET search_path = wished, public;
:ddl;
SELECT * FROM differences;

SET search_path = large, public;
\set ddl 'ALTER TABLE parts ADD CONSTRAINT low CHECK (n < 10000)'
SELECT steps(:'ddl') \gexec
SET search_path = wished, public;
:ddl;
SELECT * FROM differences;

RESET search_path;
SET client_min_messages = warning;
DROP VIEW differences, described;
DROP FUNCTION steps(text);
DROP SCHEMA large, wished CASCADE;
