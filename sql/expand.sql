-- Expand, migrate, switch, contract: a column is replaced while versions on both sides run.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;

-- What depends on the time of day is left out.
CREATE VIEW pg_temp.state AS
SELECT name, relation, phase, rows_done, rows_total, rows_failed, damage, blockers, next_call FROM compat_guard.expansions;

CREATE TABLE orders (
	id		integer PRIMARY KEY,
	note	text,
	status	varchar(20) NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'paid', 'done'))
);
COMMENT ON COLUMN orders.status IS 'how far it is';
ALTER TABLE orders ALTER COLUMN status SET STATISTICS 321;
CREATE ROLE regress_expand_reader;
CREATE ROLE regress_expand_writer;
GRANT SELECT (status), UPDATE (status) ON orders TO regress_expand_reader;
GRANT SELECT, INSERT, UPDATE ON orders TO regress_expand_writer;
CREATE INDEX orders_status_idx ON orders (status DESC, id) INCLUDE (note) WHERE id > 0;
INSERT INTO orders SELECT i, 'n' || i, (ARRAY['new', 'paid', 'done'])[1 + i % 3] FROM generate_series(1, 3000) AS i;
SELECT status FROM compat_guard.register('shop', 'v1', '{"search_path": "public", "queries": {
	"write": "INSERT INTO orders (id, note, status) VALUES ($1, $2, $3)",
	"read": "SELECT status FROM orders WHERE id = $1"}}');

-- The plan, and nothing is done.
\set up 'CASE status WHEN ''new'' THEN 1 WHEN ''paid'' THEN 2 WHEN ''done'' THEN 3 END'
\set down 'CASE status_id WHEN 1 THEN ''new'' WHEN 2 THEN ''paid'' WHEN 3 THEN ''done'' END'
SELECT * FROM compat_guard.expand_column('orders', 'status', 'status_id', 'integer', :'up', :'down', dry_run => true) \gx
SELECT count(*) FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0;

-- Expanded: no finding for v1, and v2 is ready at once.
SELECT count(*) AS steps FROM compat_guard.expand_column('orders', 'status', 'status_id', 'integer', :'up', :'down');
SELECT status FROM compat_guard.register('shop', 'v2', '{"search_path": "public", "queries": {
	"write": "INSERT INTO orders (id, note, status_id) VALUES ($1, $2, $3)",
	"read": "SELECT status_id FROM orders WHERE id = $1"}}');
SELECT verdict, finding_count FROM compat_guard.journal ORDER BY at DESC LIMIT 1;
SELECT col_description('orders'::regclass, attnum), attstattarget, attacl FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'status_id';
SELECT * FROM pg_temp.state \gx

-- Which side a statement has written.  Writers need no new privilege.
SET ROLE regress_expand_writer;
INSERT INTO orders VALUES (10001, 'old side', 'paid') RETURNING *;
INSERT INTO orders (id, status_id) VALUES (10002, 3) RETURNING *;
INSERT INTO orders (id) VALUES (10003) RETURNING *;
INSERT INTO orders VALUES (10004, 'both, and they agree', 'paid', 2) RETURNING *;
INSERT INTO orders VALUES (10005, 'both: the new one wins', 'paid', 3) RETURNING *;
UPDATE orders SET status = 'done' WHERE id = 10001 RETURNING *;
UPDATE orders SET status_id = 1 WHERE id = 10001 RETURNING *;
UPDATE orders SET status_id = 2, status = 'new' WHERE id = 10001 RETURNING *;
UPDATE orders SET status_id = NULL, status = 'done' WHERE id = 10001 RETURNING *;
UPDATE orders SET note = 'a row that is not migrated' WHERE id = 1 RETURNING *;
INSERT INTO orders VALUES (10001, '', 'new') ON CONFLICT (id) DO UPDATE SET status = EXCLUDED.status RETURNING *;
INSERT INTO orders (id, status_id) VALUES (10001, 3) ON CONFLICT (id) DO UPDATE SET status_id = EXCLUDED.status_id RETURNING *;
MERGE INTO orders USING (VALUES (10001, 'paid')) AS v (id, status) ON orders.id = v.id WHEN MATCHED THEN UPDATE SET status = v.status;
MERGE INTO orders USING (VALUES (10006, 1)) AS v (id, status_id) ON orders.id = v.id WHEN NOT MATCHED THEN INSERT (id, status_id) VALUES (v.id, v.status_id);
COPY orders (id, status) FROM STDIN;
10007	done
\.
SELECT * FROM orders WHERE id IN (10001, 10006, 10007) ORDER BY id;
-- What one side cannot say, the other cannot write.
UPDATE orders SET status_id = 7 WHERE id = 10001;
RESET ROLE;
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE orders SET status = 'new' WHERE id = 10001 RETURNING *;
COMMIT;
SET session_replication_role = replica;
UPDATE orders SET status = 'done' WHERE id = 10001 RETURNING *;
RESET session_replication_role;

-- Another trigger that fires before it, whatever it changes.
CREATE FUNCTION pg_temp.changes() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.status := 'paid'; RETURN NEW; END$$;
SET client_min_messages = error;
CREATE TRIGGER "zzz" BEFORE UPDATE ON orders FOR EACH ROW WHEN (NEW.note = 'changed') EXECUTE FUNCTION pg_temp.changes();
SET client_min_messages = warning;
UPDATE orders SET note = 'changed' WHERE id = 10001 RETURNING *;
DROP TRIGGER "zzz" ON orders;

-- Behind its back.
CREATE FUNCTION pg_temp.blocked(ddl text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT format('%s %s: %s', f.version, f.rule, f.found) FROM compat_guard.preview(ddl) AS f WHERE f.action = 'block' ORDER BY 1;
END$$;
SELECT pg_temp.blocked('ALTER TABLE orders DISABLE TRIGGER USER');
SELECT pg_temp.blocked('ALTER TABLE orders ENABLE TRIGGER "~~~compat_guard_orders_status_id"');
SELECT pg_temp.blocked('DROP TRIGGER "~~~compat_guard_orders_status_id" ON orders');
SELECT pg_temp.blocked('ALTER TRIGGER "~~~compat_guard_orders_status_id" ON orders RENAME TO aaa');
SELECT pg_temp.blocked('CREATE TRIGGER "~~~~" BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()');
SELECT pg_temp.blocked('ALTER TABLE orders DROP COLUMN status_id');
SELECT pg_temp.blocked('ALTER TABLE orders RENAME COLUMN status_id TO state');
SELECT pg_temp.blocked('ALTER TABLE orders ALTER COLUMN status_id TYPE text');
-- These are no damage.
SELECT pg_temp.blocked('ALTER TABLE orders ADD COLUMN more integer; CREATE TRIGGER aaa BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()');
SELECT pg_temp.blocked('SELECT compat_guard.abandon(''orders_status_id'')');

BEGIN;
SELECT compat_guard.forget('shop', 'v2');
SELECT compat_guard.abandon('orders_status_id');
COMMIT;
SELECT count(*) AS steps FROM compat_guard.expand_column('orders', 'status', 'status_id', 'integer', :'up', :'down');
SELECT status FROM compat_guard.register('shop', 'v2', '{"search_path": "public", "queries": {
	"write": "INSERT INTO orders (id, note, status_id) VALUES ($1, $2, $3)",
	"read": "SELECT status_id FROM orders WHERE id = $1"}}');

-- Migration.
CALL compat_guard.contract('orders_status_id');
SELECT * FROM compat_guard.verify_expansion('orders_status_id');
BEGIN;
CALL compat_guard.backfill('orders_status_id');
ROLLBACK;
CALL compat_guard.backfill('orders_status_id', batch => 0);
CALL compat_guard.backfill('orders_status_id', batch => 100);
SELECT * FROM compat_guard.verify_expansion('orders_status_id');
SELECT * FROM pg_temp.state \gx
-- A row that is right is not written again.
SELECT xmin AS before FROM orders WHERE id = 17 \gset
CALL compat_guard.backfill('orders_status_id');
SELECT xmin = :before AS untouched FROM orders WHERE id = 17;

-- Contract: not while v1 is live, and not before the index has a copy.
CALL compat_guard.contract('orders_status_id');
SELECT compat_guard.retire('shop', 'v1');
SELECT phase, next_call FROM pg_temp.state;
CALL compat_guard.contract('orders_status_id');
CREATE INDEX CONCURRENTLY orders_status_idx_new ON public.orders USING btree (status_id DESC, id) INCLUDE (note) WHERE (id > 0);
SET client_min_messages = error;
CALL compat_guard.contract('orders_status_id');
SET client_min_messages = warning;
SELECT attname, attnotnull, pg_get_expr(adbin, adrelid) FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid = 'orders'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum;
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'orders'::regclass ORDER BY 1;
SELECT conname, contype, convalidated FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype <> 'n' ORDER BY 1;
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid = 'orders'::regclass;
INSERT INTO orders (id) VALUES (20000) RETURNING *;
INSERT INTO orders VALUES (20001, '', 9);
SELECT * FROM pg_temp.state \gx
CALL compat_guard.contract('orders_status_id');
CALL compat_guard.backfill('nothing');

-- Partitions with their columns in another order, a key that changes, a unique index.
CREATE TABLE amounts (id integer, k integer, amount text) PARTITION BY RANGE (id);
CREATE TABLE amounts_1 (gone integer, amount text, k integer, id integer);
ALTER TABLE amounts_1 DROP COLUMN gone;
ALTER TABLE amounts ATTACH PARTITION amounts_1 FOR VALUES FROM (0) TO (100);
CREATE TABLE amounts_2 PARTITION OF amounts FOR VALUES FROM (100) TO (200);
INSERT INTO amounts SELECT i, i, i * 1.5 FROM generate_series(0, 199) AS i;
-- Lossy: 1.5 becomes 1.50.  The old value stays as it was.
SET client_min_messages = notice;
SELECT count(*) FROM compat_guard.expand_column('amounts', 'amount', 'value', 'numeric(12,2)', 'amount::numeric', 'value::text', name => 'amounts');
SET client_min_messages = warning;
UPDATE amounts SET id = id + 100 WHERE id = 5 RETURNING *;
UPDATE amounts SET id = id + 100, value = 7 WHERE id = 6 RETURNING *;
INSERT INTO amounts (id, k, value) VALUES (8, 8, 3) RETURNING *;
CREATE TABLE amounts_3 PARTITION OF amounts FOR VALUES FROM (200) TO (300);
INSERT INTO amounts VALUES (250, 0, '1.5') RETURNING *;
CALL compat_guard.backfill('amounts', 10);
SELECT amount, value FROM amounts WHERE id = 1;
CALL compat_guard.contract('amounts');
SELECT attrelid::regclass, attname FROM pg_attribute WHERE attrelid IN ('amounts_1'::regclass, 'amounts_3'::regclass) AND attnum > 0 AND NOT attisdropped ORDER BY 1, attnum;

-- Children, rows that cannot be migrated, a type without equality.
CREATE TABLE parent (id integer PRIMARY KEY, doc text);
CREATE TABLE child (more integer, PRIMARY KEY (id)) INHERITS (parent);
INSERT INTO parent VALUES (1, '{"a":1}');
INSERT INTO child VALUES (2, '{"b": 2}', 0), (3, 'bad', 0);
SELECT compat_guard.expand_column('parent', 'doc', 'body', 'json', 'doc::json', 'body::text');
SELECT count(*) FROM compat_guard.expand_column('parent', 'doc', 'body', 'json', 'doc::json', 'body::text', on_error => 'null');
INSERT INTO child VALUES (4, 'worse') RETURNING *;
UPDATE child SET body = '{"c": 3}' WHERE id = 2 RETURNING *;
CALL compat_guard.backfill('parent_body');
SELECT phase, rows_done, rows_failed FROM pg_temp.state WHERE name = 'parent_body';
UPDATE child SET body = '[3]' WHERE id = 3 RETURNING *;
DELETE FROM child WHERE id = 4;
CALL compat_guard.backfill('parent_body');
CREATE TABLE child_2 () INHERITS (parent);
SELECT damage FROM pg_temp.state WHERE name = 'parent_body';
CALL compat_guard.contract('parent_body');
SELECT compat_guard.abandon('parent_body');
SELECT attrelid::regclass, attname FROM pg_attribute WHERE attrelid IN ('parent'::regclass, 'child'::regclass) AND attnum > 0 AND NOT attisdropped ORDER BY 1, attnum;
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid IN ('parent'::regclass, 'child'::regclass);
SELECT * FROM parent ORDER BY id;

-- Functions that read tables, by the caller's search path; equal is not the same.
CREATE SCHEMA words;
SET search_path = words, public;
CREATE TABLE words.list (id integer, word text);
INSERT INTO words.list VALUES (1, 'one'), (2, 'two');
CREATE FUNCTION words.up(text) RETURNS integer LANGUAGE sql STABLE AS 'SELECT id FROM words.list WHERE word = $1';
CREATE FUNCTION words.down(integer) RETURNS text LANGUAGE sql STABLE AS 'SELECT word FROM words.list WHERE id = $1';
CREATE TABLE words.texts (id integer PRIMARY KEY, word text);
INSERT INTO texts VALUES (1, 'one');
SELECT count(*) FROM compat_guard.expand_column('texts', 'word', 'word_id', 'integer', 'up(word)', 'down(word_id)');
RESET search_path;
SELECT up, down FROM compat_guard.expansions WHERE name = 'texts_word_id';
GRANT USAGE ON SCHEMA words TO regress_expand_writer;
GRANT SELECT, INSERT, UPDATE ON words.texts TO regress_expand_writer;
SET ROLE regress_expand_writer;
UPDATE words.texts SET word = 'two' RETURNING *;
UPDATE words.texts SET word_id = 1 RETURNING *;
RESET ROLE;
DROP FUNCTION words.up(text);
SELECT damage FROM pg_temp.state WHERE name = 'texts_word_id';
DROP TABLE words.texts;
SELECT damage FROM pg_temp.state WHERE name = 'texts_word_id';
SELECT compat_guard.abandon('texts_word_id');

-- What is refused.
CREATE TABLE refused (id integer PRIMARY KEY, a text, g integer GENERATED ALWAYS AS (1) STORED, i integer GENERATED ALWAYS AS IDENTITY);
INSERT INTO refused (id, a) VALUES (1, 'x');
SELECT compat_guard.expand_column('refused', 'a', 'b', 'integer', 'length(a)', 'nope::text');
SELECT compat_guard.expand_column('refused', 'a', 'b', 'integer', 'length(a)) FROM x --', 'b::text');
SELECT compat_guard.expand_column('refused', 'a', 'b', 'integer', 'length(a), 2', 'b::text');
SELECT compat_guard.expand_column('refused', 'a', 'b', 'integer', '1', 'b::text');
SELECT compat_guard.expand_column('refused', 'a', 'b', 'integer', '(SELECT 1)', 'b::text');
SELECT compat_guard.expand_column('refused', 'a', 'b', 'integer', 'length(a) + random()::integer', 'b::text');
SELECT compat_guard.expand_column('refused', 'a', 'b', 'integer', 'length(a) + b', 'b::text');
SELECT compat_guard.expand_column('refused', 'a', 'b', 'integer', 'length(a) + g', 'b::text');
SELECT compat_guard.expand_column('refused', 'a', 'b', 'integer', 'a', 'b::text');
SELECT compat_guard.expand_column('refused', 'a', 'b', 'integer', 'a::integer', 'b::text');
SELECT compat_guard.expand_column('refused', 'a', 'b', 'integer', 'length(a)', '(1 / (b - 1))::text');
SELECT compat_guard.expand_column('refused', 'a', 'id', 'integer', 'length(a)', 'b::text');
SELECT compat_guard.expand_column('refused', 'z', 'b', 'integer', 'length(a)', 'b::text');
SELECT compat_guard.expand_column('refused', 'a', 'b', 'trigger', 'length(a)', 'b::text');
SELECT compat_guard.expand_column('refused', 'id', 'b', 'bigint', 'id', 'b');
SELECT compat_guard.expand_column('refused', 'g', 'b', 'bigint', 'g', 'b');
SELECT compat_guard.expand_column('refused', 'i', 'b', 'bigint', 'i', 'b');
CREATE TABLE numbered (id integer PRIMARY KEY, n serial);
SELECT compat_guard.expand_column('numbered', 'n', 'b', 'bigint', 'n', 'b');
DROP TABLE numbered;
SELECT compat_guard.expand_column('amounts_2', 'k', 'b', 'bigint', 'k', 'b');
SELECT compat_guard.expand_column('amounts', 'id', 'b', 'bigint', 'id', 'b');
SELECT compat_guard.expand_column('compat_guard.app', 'name', 'b', 'text', 'name', 'b');
SELECT compat_guard.expand_column('refused', 'a', 'b', 'integer', 'length(a)', 'b::text', on_error => 'perhaps');
SELECT compat_guard.entrust('regress_expand_writer', 'pipeline');
SET ROLE regress_expand_writer;
SELECT compat_guard.expand_column('refused', 'a', 'b', 'integer', 'length(a)', 'b::text');
RESET ROLE;
SELECT count(*) FROM compat_guard.expand_column('refused', 'a', 'b', 'integer', 'length(a)', 'b::text');
SELECT compat_guard.expand_column('refused', 'a', 'c', 'integer', 'length(a)', 'c::text', name => 'again');
SET ROLE regress_expand_writer;
SELECT compat_guard.abandon('refused_b');
RESET ROLE;
SELECT compat_guard.abandon('refused_b');

-- The owner needs the level pipeline, and up runs with the rights of the owner alone.
CREATE ROLE regress_expand_owner;
GRANT CREATE ON SCHEMA public TO regress_expand_owner;
SELECT compat_guard.entrust('regress_expand_owner', 'pipeline');
SET ROLE regress_expand_owner;
CREATE TABLE owned (id integer, a text);
CREATE FUNCTION whoami(text) RETURNS text LANGUAGE sql STABLE AS 'SELECT current_user || current_setting(''search_path'')';
SELECT count(*) FROM compat_guard.expand_column('owned', 'a', 'b', 'text', 'whoami(a)', 'b');
GRANT INSERT ON owned TO regress_expand_writer;
GRANT SELECT ON owned TO regress_expand_writer;
RESET ROLE;
SET ROLE regress_expand_writer;
INSERT INTO owned VALUES (1, 'x') RETURNING *;
RESET ROLE;
INSERT INTO owned VALUES (1, 'x') RETURNING *;
CREATE TRIGGER forged BEFORE INSERT ON refused FOR EACH ROW EXECUTE FUNCTION compat_guard.dual_write('owned_b', 'a', 'b');
INSERT INTO refused VALUES (7, 'x');

-- A trigger that undoes what is written does not keep backfill() busy forever.
CREATE TABLE undone (id integer, a text);
INSERT INTO undone VALUES (1, '1');
CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.b := OLD.b; RETURN NEW; END';
SELECT count(*) FROM compat_guard.expand_column('undone', 'a', 'b', 'integer', 'a::integer', 'b::text');
CREATE TRIGGER undo BEFORE UPDATE ON undone FOR EACH ROW EXECUTE FUNCTION undo();
ALTER TABLE undone ENABLE ALWAYS TRIGGER undo;
SET statement_timeout = '60s';
CALL compat_guard.backfill('undone_b');
RESET statement_timeout;
DROP TABLE undone;
DROP FUNCTION undo();

-- A constraint that is added to the domain of the new column holds from then on.
CREATE DOMAIN positive AS integer;
CREATE TABLE limited (id integer, a text);
SELECT count(*) FROM compat_guard.expand_column('limited', 'a', 'b', 'positive', 'a::integer', 'b::text');
INSERT INTO limited VALUES (1, '1');
ALTER DOMAIN positive ADD CONSTRAINT positive CHECK (VALUE > 0);
INSERT INTO limited VALUES (2, '-1');
SELECT * FROM limited;

-- The settings of the client by which values are read and printed do not matter.
CREATE TABLE printed (id integer, a float8);
SELECT count(*) FROM compat_guard.expand_column('printed', 'a', 'b', 'text', 'a::text', 'b::float8');
SET extra_float_digits = 0;
INSERT INTO printed VALUES (1, 0.1::float8 + 0.2) RETURNING b;
RESET extra_float_digits;
SELECT disagreeing FROM compat_guard.verify_expansion('printed_b');
CREATE TABLE lists (id integer, a text);
SELECT count(*) FROM compat_guard.expand_column('lists', 'a', 'b', 'text[]', 'a::text[]', 'b::text');
SET array_nulls = off;
INSERT INTO lists VALUES (1, '{NULL}') RETURNING b[1] IS NULL AS is_null;
RESET array_nulls;
DROP TABLE printed, lists;

-- What up calls may write the table in its turn.
CREATE TABLE nested (id integer, a text);
CREATE FUNCTION nest(a text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	IF a = 'outer' THEN
		INSERT INTO public.nested VALUES (1, repeat('inner ', 200));
	END IF;
	RETURN a;
END $$;
CREATE FUNCTION nest_stable(a text) RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN public.nest(a); END';
SELECT count(*) FROM compat_guard.expand_column('nested', 'a', 'b', 'text', 'upper(a) || upper(a) || nest_stable(a)', 'lower(b)');
INSERT INTO nested VALUES (2, 'outer');
SELECT id, left(a, 20) AS a, left(b, 20) AS b FROM nested ORDER BY id;

-- But not while up is prepared: the row that is written would need it.
CREATE TABLE prepared (id integer, a integer);
CREATE FUNCTION one() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION one_immutable(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.one(); END';
SELECT count(*) FROM compat_guard.expand_column('prepared', 'a', 'b', 'integer', 'a + one_immutable(1)', 'b - 1');
CREATE OR REPLACE FUNCTION one() RETURNS integer LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.prepared VALUES (1, 1); RETURN 1; END';
\set VERBOSITY terse
INSERT INTO prepared VALUES (2, 2);
\set VERBOSITY default
CREATE OR REPLACE FUNCTION one() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
INSERT INTO prepared VALUES (2, 2) RETURNING *;
DROP TABLE limited, nested, prepared;
DROP DOMAIN positive;
DROP FUNCTION nest(text), nest_stable(text), one(), one_immutable(integer);

-- Whoever calls contract(): code of the owner runs as the owner.
SET ROLE regress_expand_owner;
CREATE TABLE handed (a text NOT NULL DEFAULT '7' CHECK (a <> '9'));
CREATE FUNCTION up_as(a text) RETURNS integer LANGUAGE plpgsql IMMUTABLE
AS $$ BEGIN ASSERT current_user = 'regress_expand_owner'; RETURN a::integer; END $$;
CREATE FUNCTION down_as(b integer) RETURNS text LANGUAGE plpgsql IMMUTABLE
AS $$ BEGIN ASSERT current_user = 'regress_expand_owner'; RETURN b::text; END $$;
INSERT INTO handed VALUES ('1');
SELECT count(*) FROM compat_guard.expand_column('handed', 'a', 'b', 'integer', 'up_as(a)', 'down_as(b)');
RESET ROLE;
CALL compat_guard.backfill('handed_b');
CALL compat_guard.contract('handed_b');
SELECT attname, attnotnull, pg_get_expr(adbin, adrelid) AS value
FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid = 'handed'::regclass AND attnum > 0 AND NOT attisdropped;
DROP TABLE handed;
DROP FUNCTION up_as(text), down_as(integer);

-- A migrated row fires no trigger or rule of the application, but the server's own; what up writes
-- elsewhere fires all of them.
CREATE TABLE noted (a text);
CREATE TABLE audit (what text);
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.audit VALUES (format('%s of %s', lower(TG_OP), TG_TABLE_NAME));
	RETURN NEW;
END $$;
CREATE TRIGGER audit BEFORE INSERT ON noted FOR EACH ROW EXECUTE FUNCTION audit();
CREATE FUNCTION note(a text) RETURNS text LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.noted VALUES (a); RETURN upper(a); END';
CREATE FUNCTION note_stable(a text) RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN public.note(a); END';
CREATE TABLE silent (id integer, a text);
CREATE TRIGGER audit BEFORE UPDATE ON silent FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TRIGGER audit_after AFTER UPDATE ON silent FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TRIGGER audit_statement AFTER UPDATE ON silent REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION audit();
CREATE TRIGGER audit_always BEFORE UPDATE ON silent FOR EACH ROW EXECUTE FUNCTION audit();
ALTER TABLE silent ENABLE ALWAYS TRIGGER audit_always;
CREATE RULE audit AS ON UPDATE TO silent DO ALSO INSERT INTO audit VALUES ('rule');
INSERT INTO silent VALUES (1, 'x');
SELECT count(*) FROM compat_guard.expand_column('silent', 'a', 'b', 'text', 'note_stable(a)', 'lower(b)');
TRUNCATE audit, noted;
CALL compat_guard.backfill('silent_b');
SELECT * FROM silent;
SELECT what, CASE WHEN what LIKE 'update%' THEN count(*) END AS count FROM audit GROUP BY what ORDER BY what;
SELECT (SELECT count(*) FROM noted) = (SELECT count(*) FROM audit WHERE what = 'insert of noted') AS "each insert is seen";
TRUNCATE audit;
UPDATE silent SET id = 2;
SELECT what, count(*) FROM audit GROUP BY what ORDER BY what;
DROP TABLE silent, noted, audit;
DROP FUNCTION audit(), note(text), note_stable(text);

DROP EXTENSION compat_guard;
SELECT compat_guard.retire('shop', 'v2');
DROP TABLE owned, refused, amounts, parent, orders CASCADE;
DROP FUNCTION whoami(text);
SET client_min_messages = error;
DROP SCHEMA words CASCADE;
DROP EXTENSION compat_guard CASCADE;
CREATE EXTENSION compat_guard;
RESET client_min_messages;
REVOKE CREATE ON SCHEMA public FROM regress_expand_owner;
DROP ROLE regress_expand_reader, regress_expand_writer, regress_expand_owner;
