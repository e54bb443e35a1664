--
-- Types and names: what is the same to a client, and what a name in a statement
-- stands for, whatever else is visible.
--
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE SCHEMA early;
CREATE SCHEMA later;
CREATE SCHEMA closed;
CREATE SCHEMA moved;
CREATE ROLE regress_client;
GRANT USAGE ON SCHEMA early, later, moved TO regress_client;
CREATE EXTENSION citext SCHEMA later;

CREATE TYPE later.mood AS ENUM ('sad', 'ok');
CREATE DOMAIN later.email AS text;
CREATE TYPE later.addr AS (street text, zip varchar(10));
CREATE TYPE later.span AS RANGE (subtype = date);

-- Each type in each place: a parameter, a result, a column, an argument and a
-- result of a routine.
CREATE TABLE kinds (kind text PRIMARY KEY, type text, array_of text, drop_it text, move_it text, rename_it text);
INSERT INTO kinds VALUES
	('mood', 'mood', '', 'DROP TYPE later.mood CASCADE', 'ALTER TYPE later.mood SET SCHEMA moved', 'ALTER TYPE later.mood RENAME TO feeling'),
	('email', 'email', '', 'DROP DOMAIN later.email CASCADE', 'ALTER DOMAIN later.email SET SCHEMA moved', 'ALTER DOMAIN later.email RENAME TO mail'),
	('addr', 'addr', '', 'DROP TYPE later.addr CASCADE', 'ALTER TYPE later.addr SET SCHEMA moved', 'ALTER TYPE later.addr RENAME TO address'),
	('span', 'span', '', 'DROP TYPE later.span CASCADE', 'ALTER TYPE later.span SET SCHEMA moved', 'ALTER TYPE later.span RENAME TO period'),
	('citext', 'citext', '', 'DROP EXTENSION citext CASCADE', 'ALTER EXTENSION citext SET SCHEMA moved', 'ALTER TYPE later.citext RENAME TO citext2');
INSERT INTO kinds
	SELECT kind || 's', type, '[]', drop_it, move_it, rename_it FROM kinds;

SELECT format('CREATE TABLE later.%1$s_t (id int, v later.%2$s%3$s);
	GRANT ALL ON later.%1$s_t TO regress_client;
	CREATE FUNCTION later.take_%1$s(a later.%2$s%3$s) RETURNS int LANGUAGE sql STABLE AS ''SELECT 1'';
	CREATE FUNCTION later.give_%1$s() RETURNS later.%2$s%3$s LANGUAGE sql STABLE AS ''SELECT v FROM later.%1$s_t'';',
	kind, type, array_of) FROM kinds
\gexec

CREATE FUNCTION contract_of(kind text, type text, qualified text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT format('{"role": "regress_client", "search_path": "early, moved, later",
		"relations": {"%1$s_t": {"columns": {"v": {"type": "%3$s%2$s"}}}},
		"queries": {"param": "UPDATE %1$s_t SET v = $1", "declared": {"sql": "UPDATE %1$s_t SET v = $1 WHERE id = 1", "params": ["%3$s%2$s"]}, "result": "SELECT v FROM %1$s_t"},
		"routines": {"take_%1$s(%3$s%2$s)": {}, "give_%1$s()": {"returns": "%3$s%2$s"}}}',
		kind, type, qualified)::jsonb
$$;
SELECT kind, status FROM kinds, compat_guard.register(kind, '1', contract_of(kind, type || array_of, '')) ORDER BY kind COLLATE "C";

-- What a change does to the version of each kind, by place and rule.
CREATE TABLE changes (change text, harmless bool, ddl text);
CREATE VIEW verdicts AS
	SELECT change, harmless, kind, count(rule) AS findings,
		string_agg(DISTINCT split_part(requirement, ' ', 1) || ' ' || rule, ', ') AS found
	FROM changes, kinds
		LEFT JOIN LATERAL (SELECT app, rule, requirement FROM compat_guard.preview(
			replace(replace(replace(replace(replace(replace(ddl, '$DROP', drop_it), '$MOVE', move_it),
				'$RENAME', rename_it), '$KIND', kind), '$TYPE', type), '$ARRAY', type || array_of))
			WHERE action <> 'log') AS preview ON preview.app = kind
	GROUP BY change, harmless, kind;

--
-- Harmless: what else is visible, another name or schema, more columns.
--
INSERT INTO changes VALUES
	('a table of the name, earlier', true, 'CREATE TABLE early.$TYPE (x int); ALTER TABLE later.$KIND_t ADD note text'),
	('a domain of the name, earlier', true, 'CREATE DOMAIN early.$TYPE AS int; ALTER TABLE later.$KIND_t ADD note text'),
	('an enum of the name, earlier', true, 'CREATE TYPE early.$TYPE AS ENUM (''sad'', ''ok''); ALTER TABLE later.$KIND_t ADD note text'),
	('a closed schema', true, 'CREATE TYPE closed.$TYPE AS (x int); GRANT USAGE ON SCHEMA closed TO regress_client; ALTER TABLE later.$KIND_t ADD note text'),
	('another schema closed', true, 'REVOKE USAGE ON SCHEMA early FROM regress_client; ALTER TABLE later.$KIND_t ADD note text'),
	('renamed', true, '$RENAME; ALTER TABLE later.$KIND_t ADD note text'),
	('moved', true, '$MOVE; ALTER TABLE later.$KIND_t ADD note text'),
	('a column more', true, 'ALTER TABLE later.$KIND_t ADD note text');
SELECT change, kind, found FROM verdicts WHERE harmless AND findings > 0 ORDER BY change COLLATE "C", kind COLLATE "C";

-- The way round: what hid the type goes.
CREATE TABLE early.mood (x int);
CREATE TABLE early.email (x int);
CREATE TABLE early.addr (x int);
CREATE TABLE early.span (x int);
CREATE TABLE early.citext (x int);
SELECT kind, status FROM kinds, compat_guard.register(kind, '2', contract_of(kind, type || array_of, 'later.')) WHERE array_of = '' ORDER BY kind COLLATE "C";
SELECT compat_guard.forget(kind, '1') FROM kinds WHERE array_of = '';
DELETE FROM changes;
INSERT INTO changes VALUES
	('what was earlier is gone', true, 'DROP TABLE early.$TYPE; ALTER TABLE later.$KIND_t ADD note text'),
	('what was earlier is another', true, 'DROP TABLE early.$TYPE; CREATE TYPE early.$TYPE AS ENUM (''x''); ALTER TABLE later.$KIND_t ADD note text');
SELECT change, kind, found FROM verdicts WHERE findings > 0 ORDER BY change COLLATE "C", kind COLLATE "C";
DROP TABLE early.mood, early.email, early.addr, early.span, early.citext;
SELECT kind, status FROM kinds, compat_guard.register(kind, '1', contract_of(kind, type || array_of, '')) WHERE array_of = '' ORDER BY kind COLLATE "C";
SELECT compat_guard.forget(kind, '2') FROM kinds WHERE array_of = '';

--
-- Harmful: another type of the same name, another type.  Every place feels it.
--
DELETE FROM changes;
INSERT INTO changes VALUES
	('another of the name', false, '$DROP; CREATE DOMAIN later.$TYPE AS int;
		ALTER TABLE later.$KIND_t ADD v later.$ARRAY;
		CREATE FUNCTION later.take_$KIND(a later.$ARRAY) RETURNS int LANGUAGE sql STABLE AS ''SELECT 1'';
		CREATE FUNCTION later.give_$KIND() RETURNS later.$ARRAY LANGUAGE sql STABLE AS ''SELECT v FROM later.$KIND_t'''),
	('another type', false, 'ALTER TABLE later.$KIND_t ALTER v TYPE int USING NULL;
		DROP FUNCTION later.take_$KIND; DROP FUNCTION later.give_$KIND;
		CREATE FUNCTION later.take_$KIND(a int) RETURNS int LANGUAGE sql STABLE AS ''SELECT 1'';
		CREATE FUNCTION later.give_$KIND() RETURNS int LANGUAGE sql STABLE AS ''SELECT 1''');
SELECT change, kind, found FROM verdicts ORDER BY change COLLATE "C", kind COLLATE "C";

SELECT compat_guard.forget(kind, '1') FROM kinds;
DROP SCHEMA early, later, moved, closed CASCADE;
DROP VIEW verdicts;
DROP TABLE kinds, changes;
DROP FUNCTION contract_of;

--
-- What a client is told of a type: the one below domains, text for character
-- varying, the columns of a row.
--
CREATE SCHEMA shop;
SET search_path = shop;
CREATE DOMAIN email AS text;
CREATE DOMAIN short_email AS varchar(10);
CREATE TYPE state AS ENUM ('new', 'paid');
CREATE TYPE addr AS (street text, zip text);
CREATE TYPE spot AS (x int, label text);
CREATE TABLE users (id int, mail text, home addr, state state);
CREATE FUNCTION mail_of(id int) RETURNS text LANGUAGE sql STABLE AS 'SELECT NULL';
CREATE FUNCTION by_mail(mail text) RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';
CREATE FUNCTION all_users() RETURNS SETOF users LANGUAGE sql STABLE AS 'SELECT * FROM shop.users';
CREATE FUNCTION spot_of(int) RETURNS spot LANGUAGE sql STABLE AS 'SELECT 1, NULL';
CREATE FUNCTION spots_of(int) RETURNS spot[] LANGUAGE plpgsql STABLE AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION move_to(spot) RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';
CREATE FUNCTION name_of(users) RETURNS text LANGUAGE sql STABLE AS 'SELECT NULL';
CREATE FUNCTION report() RETURNS TABLE (mail text, n int) LANGUAGE sql STABLE AS 'SELECT NULL, 1';
SELECT status FROM compat_guard.register('client', '1', '{
	"search_path": "shop",
	"relations": {"users": {"columns": {"state": {}, "mail": {"type": "text"}}}},
	"queries": {
		"mail": "SELECT mail FROM users",
		"set mail": "UPDATE users SET mail = $1",
		"home": "SELECT home FROM users",
		"set home": "UPDATE users SET home = $1",
		"row": "SELECT users FROM users",
		"state": "SELECT state FROM users"
	},
	"types": {"spot": {}},
	"routines": {
		"mail_of(int)": {}, "by_mail(text)": {}, "all_users()": {"returns": "SETOF users"}, "spot_of(int)": {}, "spots_of(int)": {}, "move_to(spot)": {}, "name_of(users)": {}, "report()": {}
	}}');
\set unmet 'SELECT rule, object, state, expected, found FROM compat_guard.verification(''client'', ''1'') WHERE rule <> ''routine-body-broken'' ORDER BY object COLLATE "C", rule COLLATE "C";'
:unmet

-- the same: a domain over it, and back
BEGIN; ALTER TABLE users ALTER mail TYPE email; :unmet ALTER TABLE users ALTER mail TYPE varchar; :unmet ROLLBACK;
BEGIN; DROP FUNCTION mail_of; CREATE FUNCTION mail_of(id int) RETURNS varchar(100) LANGUAGE sql STABLE AS 'SELECT NULL'; :unmet ROLLBACK;
BEGIN; DROP FUNCTION mail_of; CREATE FUNCTION mail_of(id int) RETURNS short_email LANGUAGE sql STABLE AS 'SELECT NULL'; :unmet ROLLBACK;
BEGIN; DROP FUNCTION by_mail; CREATE FUNCTION by_mail(mail email) RETURNS int LANGUAGE sql STABLE AS 'SELECT 1'; :unmet ROLLBACK;
BEGIN; DROP FUNCTION report; CREATE FUNCTION name_of(users) RETURNS text LANGUAGE sql STABLE AS 'SELECT NULL';
CREATE FUNCTION report() RETURNS TABLE (mail email, n int) LANGUAGE sql STABLE AS 'SELECT NULL, 1'; :unmet ROLLBACK;
BEGIN; CREATE DOMAIN home AS addr; ALTER TABLE users ALTER home TYPE home; :unmet ROLLBACK;
BEGIN; ALTER TYPE spot ALTER ATTRIBUTE label TYPE varchar; :unmet ROLLBACK;
-- the same: a row of a table is passed with the columns that it has
BEGIN; ALTER TABLE users ADD note text; SELECT rule FROM compat_guard.verification('client', '1') WHERE object = 'name_of(users)' AND rule IS NOT NULL; ROLLBACK;
-- the same: the table has another name, and a view the old one
BEGIN; ALTER TABLE users RENAME TO people; CREATE VIEW users AS SELECT * FROM people; CREATE OR REPLACE FUNCTION all_users() RETURNS SETOF people LANGUAGE sql STABLE AS 'SELECT * FROM shop.people'; SELECT rule FROM compat_guard.verification('client', '1') WHERE object = 'all_users()' AND rule IS NOT NULL; ROLLBACK;
BEGIN; DROP FUNCTION all_users; CREATE TYPE user_row AS (id int, mail text, home addr, state state); CREATE FUNCTION all_users() RETURNS SETOF user_row LANGUAGE sql STABLE AS 'SELECT * FROM shop.users'; :unmet ROLLBACK;
-- the same: the old type made anew, with all its labels
BEGIN;
ALTER TYPE state RENAME TO state_old;
CREATE TYPE state AS ENUM ('new', 'paid', 'void');
:unmet
ALTER TABLE users ALTER state TYPE state USING state::text::state;
DROP TYPE state_old;
SELECT rule, object, state, found FROM compat_guard.verification('client', '1') WHERE rule <> 'routine-body-broken' ORDER BY object COLLATE "C";
ROLLBACK;
-- another: with the same labels, while the old one is there
BEGIN; CREATE TYPE other AS ENUM ('new', 'paid'); ALTER TABLE users ALTER state TYPE other USING state::text::other; SELECT rule, object, expected, found FROM compat_guard.verification('client', '1') WHERE object = 'state'; ROLLBACK;
-- another: the columns of a row
BEGIN; ALTER TYPE addr RENAME ATTRIBUTE zip TO code CASCADE; :unmet ROLLBACK;
BEGIN; ALTER TYPE spot RENAME ATTRIBUTE label TO name; :unmet ROLLBACK;
BEGIN; ALTER TYPE spot ALTER ATTRIBUTE label TYPE int; :unmet ROLLBACK;
-- what is read may grow, what is passed may not
BEGIN; ALTER TYPE addr ADD ATTRIBUTE country text CASCADE; :unmet ROLLBACK;
BEGIN; ALTER TYPE spot ADD ATTRIBUTE y int; :unmet ROLLBACK;
-- another: an array's element is told with its domain
BEGIN; ALTER TABLE users ADD mails text[]; SELECT status FROM compat_guard.register_queries('arrays', '1', '{"SELECT mails FROM shop.users"}'); ALTER TABLE users ALTER mails TYPE email[]; SELECT expected, found FROM compat_guard.verification('arrays', '1') WHERE rule IS NOT NULL; ROLLBACK;
SELECT compat_guard.forget('client', '1');

--
-- What stands around a table is told with types, too.
--
CREATE SCHEMA elsewhere;
CREATE FUNCTION is_good(state) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION is_bad(state) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE TABLE states (id int, state state DEFAULT 'new' CHECK (state <> 'paid'), good state CHECK (is_good(good)));
CREATE TYPE other AS ENUM ('new', 'paid');
SELECT status FROM compat_guard.register_queries('around', '1', '{"INSERT INTO shop.states (id) VALUES ($1)", "UPDATE shop.states SET state = $1, good = $2"}');
\set unmet 'SELECT rule, expected, found FROM compat_guard.verification(''around'', ''1'') WHERE rule IS NOT NULL ORDER BY rule COLLATE "C", found COLLATE "C";'
-- the same: the type or the function moved, the type renamed
BEGIN; ALTER TYPE state RENAME TO order_state; :unmet ROLLBACK;
BEGIN; ALTER TYPE state SET SCHEMA elsewhere; ALTER FUNCTION is_good SET SCHEMA elsewhere; :unmet ROLLBACK;
-- another function
BEGIN; ALTER TABLE states DROP CONSTRAINT states_good_check, ADD CHECK (is_bad(good)); DROP FUNCTION is_good; :unmet ROLLBACK;
-- another label
BEGIN; ALTER TABLE states DROP CONSTRAINT states_state_check, ADD CHECK (state <> 'new'); :unmet ROLLBACK;
SELECT compat_guard.forget('around', '1');
RESET search_path;
DROP SCHEMA shop, elsewhere CASCADE;

--
-- What names stand for: relations, types, operators, routines, collations, and
-- objects in literals.
--
CREATE SCHEMA early;
CREATE SCHEMA later;
SET search_path = later;
CREATE EXTENSION citext SCHEMA later;
CREATE TYPE state AS ENUM ('a', 'b');
CREATE TYPE pair AS (a int, b int);
CREATE COLLATION plain (provider = libc, locale = 'C');
CREATE TABLE t (id int, x varchar(10), y varchar(10), n int, c citext);
CREATE TABLE u (x varchar(10));
CREATE SEQUENCE numbers;
CREATE TEXT SEARCH CONFIGURATION docs (COPY = pg_catalog.simple);
CREATE FUNCTION add_up(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE OPERATOR |+| (FUNCTION = add_up, LEFTARG = int, RIGHTARG = int);
SELECT status FROM compat_guard.register('names', '1', '{"search_path": "early, later, public", "queries": {
	"any": "SELECT id FROM t WHERE x = ANY (ARRAY[y])",
	"between": "SELECT id FROM t WHERE x BETWEEN y AND y",
	"case": "SELECT CASE x WHEN y THEN 1 END AS c FROM t",
	"cast": "SELECT ''a''::state AS s",
	"cast like a call": "SELECT state(''a'') AS s",
	"cast, of a parameter": "SELECT $1::pair IS NULL AS s",
	"citext": "SELECT id FROM t WHERE c = ''x''",
	"collation": "SELECT id FROM t ORDER BY x COLLATE plain",
	"distinct": "SELECT id FROM t WHERE x IS DISTINCT FROM y",
	"join": "SELECT id FROM t JOIN u USING (x)",
	"lower": "SELECT lower(x) AS l FROM t",
	"nextval": "SELECT nextval(''numbers'') AS n",
	"order": "SELECT id FROM t ORDER BY x USING <",
	"own operator": "SELECT n |+| 1 AS n FROM t",
	"qualified": "SELECT ''a''::later.state AS s, 1 AS one FROM later.t WHERE x OPERATOR(pg_catalog.=) y",
	"regclass": "SELECT ''t''::regclass::oid AS t",
	"row": "SELECT id FROM t WHERE (x, y) < (y, x)",
	"sum": "SELECT sum(n) AS s FROM t",
	"text search": "SELECT to_tsvector(''docs'', x) AS v FROM t"
	}}');
\set unmet 'SELECT rule, object, expected, found FROM compat_guard.verification(''names'', ''1'') WHERE rule IS NOT NULL ORDER BY object COLLATE "C", rule COLLATE "C";'
:unmet

CREATE FUNCTION early.yes(varchar, varchar) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
BEGIN; CREATE OPERATOR early.= (FUNCTION = early.yes, LEFTARG = varchar, RIGHTARG = varchar); :unmet ROLLBACK;
BEGIN; CREATE OPERATOR early.< (FUNCTION = early.yes, LEFTARG = varchar, RIGHTARG = varchar); :unmet ROLLBACK;
BEGIN; CREATE OPERATOR early.>= (FUNCTION = early.yes, LEFTARG = varchar, RIGHTARG = varchar); :unmet ROLLBACK;
BEGIN; CREATE OPERATOR early.|+| (FUNCTION = later.add_up, LEFTARG = int, RIGHTARG = int); :unmet ROLLBACK;
BEGIN; CREATE TYPE early.state AS ENUM ('a', 'b'); :unmet ROLLBACK;
BEGIN; CREATE TYPE early.pair AS (a int, b int); :unmet ROLLBACK;
BEGIN; CREATE SEQUENCE early.numbers; :unmet ROLLBACK;
BEGIN; CREATE TABLE early.t (LIKE t); SELECT rule, object, expected, found FROM compat_guard.verification('names', '1') WHERE object = 'regclass'; ROLLBACK;
BEGIN; CREATE COLLATION early.plain (provider = libc, locale = 'C'); SELECT rule, object, expected, found FROM compat_guard.verification('names', '1') WHERE rule = 'name-captured'; ROLLBACK;
BEGIN; CREATE TEXT SEARCH CONFIGURATION early.docs (COPY = pg_catalog.simple); :unmet ROLLBACK;
BEGIN; CREATE FUNCTION early.lower(varchar) RETURNS text LANGUAGE sql AS 'SELECT $1'; :unmet ROLLBACK;
-- no finding: what is found later, or fits no call
BEGIN; CREATE FUNCTION early.no(int, varchar) RETURNS bool LANGUAGE sql AS 'SELECT false'; CREATE OPERATOR early.= (FUNCTION = early.no, LEFTARG = int, RIGHTARG = varchar); CREATE TYPE public.state AS ENUM ('z'); CREATE SEQUENCE public.numbers; CREATE FUNCTION early.lower(int) RETURNS text LANGUAGE sql AS 'SELECT NULL'; :unmet ROLLBACK;
-- no finding: the server's own comes first, if the arguments are the same
BEGIN; CREATE AGGREGATE early.sum(int) (SFUNC = int4pl, STYPE = int, INITCOND = 0); :unmet ROLLBACK;
-- no finding: moved
BEGIN; ALTER SEQUENCE numbers SET SCHEMA early; :unmet ROLLBACK;
BEGIN; ALTER OPERATOR |+| (int, int) SET SCHEMA early; :unmet ROLLBACK;
BEGIN; ALTER FUNCTION add_up RENAME TO add_them; :unmet ROLLBACK;
-- no capture: of another type, a column is compared by other operators
BEGIN; ALTER TABLE t ALTER c TYPE text; :unmet ROLLBACK;
BEGIN; ALTER TABLE t ALTER y TYPE citext; ALTER TABLE t ALTER x TYPE citext; ALTER TABLE u ALTER x TYPE citext; :unmet ROLLBACK;

-- Judged: what leads to the statement, and what does not.
SELECT rule, requirement FROM compat_guard.preview('CREATE OPERATOR early.= (FUNCTION = early.yes, LEFTARG = varchar, RIGHTARG = varchar)');
SELECT rule, requirement FROM compat_guard.preview('CREATE TYPE early.state AS ENUM (''a'', ''z'')');
SELECT rule, requirement FROM compat_guard.preview('CREATE TABLE early.t (LIKE later.t)') WHERE requirement LIKE '%regclass%';
SELECT rule, requirement FROM compat_guard.preview('CREATE COLLATION early.plain (provider = libc, locale = ''C'')');
SELECT rule, requirement FROM compat_guard.preview('CREATE TEXT SEARCH CONFIGURATION early.docs (COPY = pg_catalog.simple)');
SELECT rule, requirement FROM compat_guard.preview('CREATE FUNCTION early.lower(varchar) RETURNS text LANGUAGE sql AS ''SELECT $1''');
SELECT rule, requirement FROM compat_guard.preview('CREATE TABLE early.state_of_things (x int)');
CREATE SEQUENCE early.numbers;
SELECT compat_guard.forget('names', '1');

--
-- A type that has another schema now is known by its labels, until a type that fits
-- takes the old name: each that appears there is a reason to look again.
--
CREATE TYPE phase AS ENUM ('new', 'done');
CREATE TABLE tasks (phase phase);
SELECT status FROM compat_guard.register('moved', '1', '{"search_path": "early, later",
	"relations": {"tasks": {"columns": {"phase": {}}}}, "queries": {"q": "SELECT phase FROM tasks"}}');
ALTER TYPE phase SET SCHEMA early;
SELECT rule, requirement FROM compat_guard.preview('CREATE TYPE later.phase AS ENUM (''other'')');
SELECT rule, requirement, expected, found FROM compat_guard.preview('CREATE TYPE later.phase AS ENUM (''new'', ''done'')');
SELECT compat_guard.forget('moved', '1');
-- Two needs of one relation, whose types are verified again together.
CREATE TABLE jobs (first early.phase, second early.phase);
SELECT status FROM compat_guard.register('twice', '1', '{"search_path": "early, later", "relations": {"jobs": {"columns": {"first": {}, "second": {}}}}}');
ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;
SELECT compat_guard.forget('twice', '1');

--
-- A call of a declared routine is what it is to the parser.
--
CREATE FUNCTION price(item int) RETURNS numeric LANGUAGE sql AS 'SELECT 1.0';
CREATE FUNCTION cost(item int, day int DEFAULT 5) RETURNS numeric LANGUAGE sql AS 'SELECT 2.0';
CREATE FUNCTION total(VARIADIC int[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE pay(amount int, OUT receipt text) LANGUAGE sql AS 'SELECT NULL';
CREATE PROCEDURE send(amount int) LANGUAGE sql AS 'SELECT 1';
SELECT status FROM compat_guard.register('calls', '1', '{"search_path": "early, later", "routines": {
	"price(int)": {}, "cost(int)": {}, "total(int, int)": {}, "total(int[])": {}, "pay(int)": {}, "pay(int, text)": {}, "send(int)": {}}}');
\set unmet 'SELECT rule, object, expected, found FROM compat_guard.verification(''calls'', ''1'') WHERE rule IS NOT NULL ORDER BY object COLLATE "C", rule COLLATE "C";'
:unmet
-- ambiguous, whichever was there first
BEGIN; CREATE FUNCTION price(item int, day int DEFAULT 5) RETURNS numeric LANGUAGE sql AS 'SELECT 2.0'; :unmet ROLLBACK;
BEGIN; CREATE FUNCTION cost(item int) RETURNS numeric LANGUAGE sql AS 'SELECT 2.0'; :unmet ROLLBACK;
BEGIN; CREATE PROCEDURE send(amount int, day int DEFAULT 5) LANGUAGE sql AS 'SELECT 1'; :unmet ROLLBACK;
BEGIN; CREATE PROCEDURE pay(amount int, how text) LANGUAGE sql AS 'SELECT 1'; :unmet ROLLBACK;
-- captured: earlier in the path, what hides the one that was meant
BEGIN; CREATE FUNCTION early.price(item int, day int DEFAULT 5) RETURNS numeric LANGUAGE sql AS 'SELECT 2.0'; :unmet ROLLBACK;
-- no finding: an overload that no call means
BEGIN; CREATE FUNCTION price(item text, day int DEFAULT 5) RETURNS numeric LANGUAGE sql AS 'SELECT 2.0'; CREATE FUNCTION price(int, int) RETURNS numeric LANGUAGE sql AS 'SELECT 2.0'; CREATE PROCEDURE pay(amount int, how text, day date) LANGUAGE sql AS 'SELECT 1'; :unmet ROLLBACK;
SELECT compat_guard.forget('calls', '1');
RESET search_path;
DROP SCHEMA early, later CASCADE;
DROP ROLE regress_client;

-- What stays broken is said in other words when the name of a type is taken: nothing to judge.
CREATE SCHEMA broken_late;
CREATE SCHEMA broken_early;
CREATE TYPE broken_late.mood AS ENUM ('good');
CREATE TABLE broken_late.days (id int, mood broken_late.mood);
SELECT status FROM compat_guard.register('broken', '1', '{"search_path": "broken_early, broken_late", "queries": {"row": "SELECT d FROM days AS d"}}');
BEGIN;
SELECT compat_guard.allow('a test');
ALTER TABLE broken_late.days ALTER id TYPE bigint;
COMMIT;
CREATE TYPE broken_early.mood AS ENUM ('bad');
CREATE TABLE broken_early.other ();
SELECT kind, object, expected FROM compat_guard.check('broken', '1');
SELECT compat_guard.forget('broken', '1');
DROP SCHEMA broken_late, broken_early CASCADE;
