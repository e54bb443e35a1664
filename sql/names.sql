--
-- Names in contracts: SQL syntax, of which every spelling comes to one name.
--
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE SCHEMA names;
SET search_path = names;
-- What is kept of a contract, or what is wrong with it.
CREATE FUNCTION kept(contract jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	SELECT string_agg(problem, '; ') INTO result FROM compat_guard.validate(contract);
	IF result IS NULL THEN
		PERFORM compat_guard.register('names', '1', contract);
		SELECT coalesce((SELECT string_agg(r.object, '; ' ORDER BY r.object COLLATE "C") FROM compat_guard.requirements AS r WHERE app = 'names'),
				'path: ' || search_path)
		INTO result FROM compat_guard.versions WHERE app = 'names';
		PERFORM compat_guard.forget('names', '1');
	END IF;
	RETURN result;
END $$;
\pset format unaligned
\pset footer off

--
-- Relations: one name or two
--
CREATE TABLE cases (id serial, name text);
INSERT INTO cases (name) VALUES
	('users'), ('USERS'), ('"users"'), (' users '), (E'\tusers'), ('_users1'), ('users$1'), ('"users$1"'),
	('Users'), ('"Users"'), ('"user s"'), ('"user""s"'), ('""""'), ('"a.b"'), ('"1"'), ('select'), ('"select"'),
	('app.users'), ('APP . Users'), ('"app"."users"'), ('"App".users'), ('app."Users"'), ('app."a"".b"'), ('a.b '), ('"."."."'),
	(repeat('a', 63)), ('"' || repeat('a', 63) || '"'), ('"' || repeat('"', 126) || '"'), (repeat('a', 63) || '.' || repeat('b', 63)),
	-- none
	(''), (' '), ('1users'), ('$users'), ('users-2'), ('user s'), ('""'), ('app.""'), ('"users'), ('"users""'), ('users"'), ('"'), ('"users" "2"'),
	('"users"2'), ('2"users"'), ('.'), ('.users'), ('users.'), ('app..users'), ('a.b.c'), ('a.b.'), ('app.users;'), ('users(a)'), ('users--'), ('/**/users'),
	('*'), (E'users\\'), ('U&"users"'), ('''users'''), (repeat('a', 64)), ('"' || repeat('a', 64) || '"'), ('"' || repeat('"', 128) || '"'),
	(repeat('a', 64) || '.b'), ('a.' || repeat('b', 64));
SELECT regexp_replace(name, '(.)\1{20,}', '\1..') AS name,
	regexp_replace(kept(jsonb_build_object('relations', jsonb_build_object(name, '{}'::jsonb))), '(.)\1{20,}', '\1..', 'g') AS kept
FROM cases ORDER BY id;
-- beyond ASCII, it is kept as it is, with quotes
SELECT kept(jsonb_build_object('relations', jsonb_build_object(name, '{}'::jsonb))) = '"' || trim('"' FROM name) || '"' AS kept
FROM (VALUES (chr(252)), ('"' || chr(252) || '"'), ('u' || chr(252))) AS n (name);

--
-- A search path: as SET has it
--
TRUNCATE cases RESTART IDENTITY;
INSERT INTO cases (name) VALUES
	('a'), ('a,b'), (' a , b '), ('A, "B"'), ('"a", a'), ('"a,b", c'), ('"$user", public'), ('$user,public'), ('a-b, 1c'), ('"a""b"'), (''), (' '),
	('""'), ('"", a'), ('a, ""'), ('a.b'), ('a;b'), (repeat('a', 63)),
	-- none
	(','), ('a,'), (',a'), ('a,,b'), ('a b'), ('"a" b'), ('"a'), ('a, "'), ('"a"b'), (repeat('a', 64)), ('b, "' || repeat('a', 64) || '"');
SELECT regexp_replace(name, '(.)\1{20,}', '\1..') AS path, regexp_replace(kept(jsonb_build_object('search_path', name)), '(.)\1{20,}', '\1..') AS kept
FROM cases ORDER BY id;

--
-- Routines: a name, and types as they are written
--
CREATE DOMAIN "my,type" AS int;
CREATE DOMAIN "a(b" AS int;
CREATE DOMAIN "A""B" AS int;
TRUNCATE cases RESTART IDENTITY;
INSERT INTO cases (name) VALUES
	('f()'), ('f( )'), (' F ( ) '), ('"F"()'), ('app.f()'), ('APP."F"()'), ('"f()"()'), ('f(int)'), ('f( int , text )'), ('f(int,text)'), ('f(numeric(10,2), int[])'),
	('f(names."my,type",names."a(b")'), ('f(double precision)'), ('f(INTEGER)'), ('f(names."A""B")'),
	-- none
	(''), ('f'), ('()'), ('f('), ('f(int'), ('f)'), ('f(int))'), ('f(int) x'), ('f(,)'), ('f(int,)'), ('f(,int)'), ('f(int)(text)'), ('f((int)'),
	('f("int)'), ('f(int]'), ('f.g.h()'), ('f g()'), ('.f()'), ('"f()'), ('1f()'), (repeat('f', 64) || '()');
SELECT regexp_replace(name, '(.)\1{20,}', '\1..') AS routine,
	kept(jsonb_build_object('routines', jsonb_build_object(name, '{}'::jsonb))) AS kept
FROM cases ORDER BY id;

--
-- However it is written it is one contract
--
SELECT count(DISTINCT digest) FROM (VALUES
	('1', '{"search_path": "a, b", "relations": {"users": {"columns": {"id": {}}}}, "routines": {"f(int, text)": {}}}'::jsonb),
	('2', '{"search_path": "A,\"b\"", "relations": {"USERS": {"columns": {"id": {}}}}, "routines": {"F( int,text )": {}}}'),
	('3', '{"search_path": " a , b ", "relations": {" \"users\" ": {"columns": {"id": {}}}}, "routines": {" \"f\" (int,  text)": {}}}')
	) AS v (version, contract), compat_guard.register('names', version, contract);
SELECT compat_guard.forget('names', version) FROM compat_guard.versions WHERE app = 'names';
RESET search_path;
DROP SCHEMA names CASCADE;
