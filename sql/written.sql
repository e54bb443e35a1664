--
-- What a statement writes has to fit the column: nulls, lengths, constants.
--
\set VERBOSITY sqlstate
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE SCHEMA written;
SET search_path = written;
CREATE FUNCTION judged(ddl text) RETURNS TABLE (action text, rule text, requirement text, found text)
LANGUAGE sql AS $$
	SELECT action, rule, coalesce(requirement, message), found
	FROM compat_guard.preview(ddl)
	ORDER BY requirement COLLATE "C", rule COLLATE "C", found COLLATE "C"
$$;

--
-- NOT NULL: always null is blocked, by NOT NULL and by what comes to the same.
--
CREATE TABLE t (id int PRIMARY KEY, a text, b text, n int);
CREATE VIEW v AS SELECT id AS key, a AS text FROM t;
CREATE TABLE other (id int NOT NULL, x text, y text NOT NULL);
SELECT status, unmet FROM compat_guard.register('null', '1', '{"search_path": "written", "queries": {
	"insert": "INSERT INTO t (id, a) VALUES ($1, NULL)",
	"insert rows": "INSERT INTO t (id, a) VALUES ($1, ''x''), ($2, NULL)",
	"insert select": "INSERT INTO t (id, a) SELECT g, NULL FROM generate_series(1, 3) AS g",
	"insert subquery": "INSERT INTO t (id, a) SELECT g, s.a FROM (SELECT NULL::text AS a, 1 AS g) AS s",
	"insert with": "WITH w AS (SELECT NULL::text AS a) INSERT INTO t (id, a) SELECT 1, a FROM w",
	"insert strict": "INSERT INTO t (id, a) VALUES ($1, lower(NULL))",
	"insert view": "INSERT INTO v (key, text) VALUES ($1, NULL)",
	"update": "UPDATE t SET a = NULL WHERE id = $1",
	"update view": "UPDATE v SET text = NULL",
	"update default": "UPDATE t SET a = DEFAULT",
	"upsert": "INSERT INTO t (id, a) VALUES ($1, ''x'') ON CONFLICT (id) DO UPDATE SET a = NULL",
	"within": "WITH u AS (UPDATE t SET a = NULL RETURNING id) SELECT id FROM u",
	"merge": "MERGE INTO t USING other AS o ON t.id = o.id WHEN MATCHED THEN UPDATE SET a = NULL"}}');
SELECT * FROM judged('ALTER TABLE t ALTER a SET NOT NULL');
SELECT * FROM judged('ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID') WHERE requirement = 'query update' AND action = 'block';
SELECT * FROM judged('DROP VIEW v; CREATE DOMAIN filled AS text NOT NULL; ALTER TABLE t ALTER a TYPE filled') WHERE requirement = 'query update';
-- a trigger may fill it, which is for nobody to know
SELECT * FROM judged('CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN NEW.a := 1; RETURN NEW; END'';
	CREATE TRIGGER fill BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fill(); ALTER TABLE t ALTER a SET NOT NULL')
	WHERE rule = 'column-rejects-null' AND requirement IN ('query insert', 'query update');
-- one whose default is none
SELECT * FROM judged('ALTER TABLE t ALTER a SET DEFAULT ''x'', ALTER a SET NOT NULL') WHERE requirement = 'query update default';
-- met: another column
SELECT * FROM judged('ALTER TABLE t ALTER b SET DEFAULT ''x'', ALTER b SET NOT NULL');
SELECT compat_guard.forget('null', '1');

-- What may be null is worth a warning, as it is where a CHECK says so.
SELECT status, unmet FROM compat_guard.register('null', '2', '{"search_path": "written", "relations": {"t": {"insert": ["id", "n"]}},
	"queries": {
	"insert": "INSERT INTO t (id, a) VALUES ($1, $2)",
	"update": "UPDATE t SET b = $1 WHERE id = $2"}}');
SELECT * FROM judged('ALTER TABLE t ALTER a SET NOT NULL');
SELECT * FROM judged('ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL)');
SELECT * FROM judged('ALTER TABLE t ALTER b SET NOT NULL') WHERE rule <> 'insert-needs-column';
SELECT * FROM judged('ALTER TABLE t ALTER n SET NOT NULL') WHERE rule <> 'insert-needs-column';
SELECT compat_guard.forget('null', '2');

-- Which statements: those whose value can be null, as far as can be told.
CREATE FUNCTION perhaps_null(value text) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
	PERFORM compat_guard.register('null', '3', jsonb_build_object('search_path', 'written', 'queries',
		jsonb_build_object('q', format('INSERT INTO t (id, a, b, n) SELECT 1, %s, ''b'', 1 FROM other AS o', value))));
	RETURN EXISTS (SELECT FROM judged('ALTER TABLE t ALTER a SET NOT NULL') AS j WHERE j.rule = 'constraint-added');
END $$;
SELECT value, perhaps_null(value), compat_guard.forget('null', '3')
FROM unnest(ARRAY['$1', 'lower($1)', '$1 || o.y', 'o.x', 'nullif(o.y, $1)', '(SELECT max(y) FROM other)', 'CASE WHEN $1 THEN o.y END',
	'coalesce($1, o.x)',
	'coalesce($1, ''x'')', 'coalesce($1, o.y)', 'o.y', '''x''', 'o.y || ''x''', 'CASE WHEN $1 THEN o.y ELSE ''x'' END',
	'($1 IS NULL)::text', 'current_date::text', 'greatest($1, ''x'')']) AS value;

-- The statements of a body in SQL fail for the same reasons.
CREATE FUNCTION clear() RETURNS void LANGUAGE sql AS 'UPDATE t SET a = NULL';
CREATE FUNCTION add() RETURNS void LANGUAGE sql BEGIN ATOMIC INSERT INTO t (id, a) VALUES (1, 'x'); END;
SELECT status, unmet FROM compat_guard.register('null', '4', '{"search_path": "written",
	"queries": {"clear": "SELECT clear()"}, "routines": {"add()": {}}}');
SELECT * FROM judged('ALTER TABLE t ALTER a SET NOT NULL');
SELECT * FROM judged('ALTER TABLE t ALTER b SET NOT NULL');
SELECT * FROM judged('ALTER TABLE t ADD c int DEFAULT 1 NOT NULL');
SELECT compat_guard.forget('null', '4');

--
-- Narrower types
--
CREATE TABLE w (id int PRIMARY KEY, a varchar(50), free text, d numeric(10,2), big bigint, bits varbit(8), many varchar(50)[], at timestamptz);
CREATE VIEW wv AS SELECT id, a FROM w;
SELECT status, unmet FROM compat_guard.register('narrow', '1', '{"search_path": "written",
	"relations": {"w": {"columns": {"big": "bigint"}, "insert": ["id", "a", "big"]}},
	"queries": {
	"insert": "INSERT INTO w (id, a) VALUES ($1, $2)",
	"text": "UPDATE w SET free = $1",
	"number": "UPDATE w SET d = $1",
	"upper": "UPDATE w SET free = upper($1)",
	"explicit": "UPDATE w SET big = $1::bigint + 1",
	"bits": "UPDATE w SET bits = $1",
	"many": "UPDATE w SET many = $1",
	"at": "UPDATE w SET at = $1",
	"short": "UPDATE w SET a = left($1, 5)::varchar(5)",
	"literal": "INSERT INTO w (id, a, d) VALUES ($1, ''short'', 1)"}}');
SELECT * FROM judged('ALTER TABLE w ALTER free TYPE varchar(100)');
SELECT * FROM judged('ALTER TABLE w ALTER free TYPE varchar(100); ALTER TABLE w ALTER free TYPE text');
SELECT * FROM judged('ALTER TABLE w ALTER d TYPE numeric(9,2)');
SELECT * FROM judged('ALTER TABLE w ALTER d TYPE numeric(10,4)');
SELECT * FROM judged('ALTER TABLE w ALTER bits TYPE varbit(7)');
SELECT * FROM judged('ALTER TABLE w ALTER many TYPE varchar(20)[]');
SELECT * FROM judged('CREATE DOMAIN short AS varchar(20); ALTER TABLE w ALTER free TYPE short') WHERE requirement = 'query upper';
SELECT * FROM judged('DROP VIEW wv; ALTER TABLE w ALTER a TYPE varchar(5)');
-- what was sent may be nothing to another type; a statement's parameter has the other type
SELECT * FROM judged('DROP VIEW wv; ALTER TABLE w ALTER a TYPE text[] USING NULL');
SELECT * FROM judged('DROP VIEW wv; ALTER TABLE w ALTER a TYPE bytea USING NULL') WHERE requirement LIKE 'insert%';
-- a declared type says it already
SELECT * FROM judged('ALTER TABLE w ALTER big TYPE int');
-- met: wider, or only coarser
SELECT * FROM judged('DROP VIEW wv; ALTER TABLE w ALTER a TYPE varchar(80)');
SELECT * FROM judged('DROP VIEW wv; ALTER TABLE w ALTER a TYPE text');
SELECT * FROM judged('ALTER TABLE w ALTER d TYPE numeric(9,1)');
SELECT * FROM judged('ALTER TABLE w ALTER d TYPE numeric');
SELECT * FROM judged('ALTER TABLE w ALTER bits TYPE varbit');
SELECT * FROM judged('ALTER TABLE w ALTER at TYPE timestamptz(0)');
SELECT compat_guard.forget('narrow', '1');

-- A constant that no longer fits is one whatever is sent.
SELECT status, unmet FROM compat_guard.register('narrow', '2', '{"search_path": "written", "queries": {
	"literal": "INSERT INTO w (id, a) VALUES ($1, ''a long literal'')",
	"number": "UPDATE w SET d = 12345.67 WHERE id = $1"}}');
SELECT * FROM judged('DROP VIEW wv; ALTER TABLE w ALTER a TYPE varchar(5)');
SELECT * FROM judged('ALTER TABLE w ALTER d TYPE numeric(4,2)');
SELECT * FROM judged('DROP VIEW wv; ALTER TABLE w ALTER a TYPE varchar(14), ALTER d TYPE numeric(7,2)');
SELECT compat_guard.forget('narrow', '2');

--
-- Constants of domains
--
CREATE DOMAIN colour AS text;
CREATE DOMAIN size AS int;
CREATE FUNCTION large(int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 > 100';
CREATE TABLE c (a colour, s size);
SELECT status, unmet FROM compat_guard.register('constant', '1', '{"search_path": "written", "queries": {
	"insert": "INSERT INTO c (a) VALUES (''red'')",
	"where": "SELECT s FROM c WHERE a = ''red''::colour",
	"perhaps": "SELECT s FROM c WHERE s = CASE WHEN $1 THEN 1::size END",
	"parameter": "INSERT INTO c (a) VALUES ($1)",
	"size": "INSERT INTO c (s) VALUES (7)"}}');
SELECT * FROM judged('ALTER DOMAIN colour ADD CHECK (VALUE <> ''red'')');
SELECT * FROM judged('ALTER DOMAIN size ADD CHECK (VALUE > 9)');
-- undecided: a function of somebody's
SELECT * FROM judged('ALTER DOMAIN size ADD CHECK (large(VALUE))');
SELECT * FROM judged('ALTER DOMAIN size ADD CHECK (VALUE > random())');
-- met
SELECT * FROM judged('ALTER DOMAIN colour ADD CHECK (VALUE <> ''blue'')') WHERE action = 'block';
SELECT compat_guard.forget('constant', '1');

-- What a function of somebody's raises, or hangs on the session, is no proof.
CREATE FUNCTION fussy(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1 / $1; END';
SELECT status, unmet FROM compat_guard.register('constant', '2', '{"search_path": "written", "queries": {
	"user": "SELECT id FROM t WHERE n = fussy(0)",
	"session": "SELECT id FROM t WHERE n = current_setting(''application_name'')::int",
	"never": "SELECT id FROM t WHERE n = 1 / 0"}}');
SELECT DISTINCT object, state = 'unmet' AS unmet FROM compat_guard.check('constant', '2') ORDER BY object;
SELECT compat_guard.forget('constant', '2');

RESET search_path;
DROP SCHEMA written CASCADE;
