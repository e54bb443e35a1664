--
-- Baselines: what a requirement found when it was first met.  The registry may hold
-- one of a library that wrote less into it, or more, or in another form.
--
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE regress_baselines;
CREATE SCHEMA base;
SET search_path = base;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN code AS text CHECK (VALUE <> '');
CREATE TABLE parents (id int PRIMARY KEY, name text);
CREATE TABLE t (id int PRIMARY KEY, code code, mood mood DEFAULT 'good', note text COLLATE "C" CHECK (note <> 'x'), parent int REFERENCES parents ON DELETE CASCADE, at date DEFAULT now());
CREATE UNIQUE INDEX ON t (code);
CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TABLE log (what text);
CREATE RULE too AS ON INSERT TO t DO ALSO INSERT INTO base.log VALUES ('t');
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON t USING (note = current_user);
CREATE VIEW v AS SELECT id, note FROM t WHERE id > 0;
CREATE SEQUENCE ids;
CREATE FUNCTION f(n int DEFAULT 1, OUT a int, OUT b text) LANGUAGE sql AS 'SELECT n, ''x''';
CREATE FUNCTION g(p pair) RETURNS mood LANGUAGE sql AS 'SELECT ''good''::base.mood';
GRANT USAGE ON SCHEMA base TO regress_baselines;
GRANT ALL ON ALL TABLES IN SCHEMA base TO regress_baselines;
GRANT ALL ON ids TO regress_baselines;
SELECT status FROM compat_guard.register('base', '1', '{"role": "regress_baselines", "search_path": "base",
	"relations": {
		"t": {"access": ["select", "insert", "update", "delete"], "columns": {"id": "integer", "code": {}, "mood": "mood", "note": {"collation": "pg_catalog.\"C\""}},
			"insert": ["id", "code"], "unique": [["code"]], "indexes": [["code"]]},
		"parents": {"access": ["delete"]},
		"v": {"access": ["select", "update"], "columns": {"note": "text"}}},
	"queries": {
		"read": "SELECT id, note, mood FROM t WHERE code = $1 ORDER BY note",
		"write": "UPDATE t SET note = $1, mood = $2 WHERE id = $3 RETURNING *",
		"view": "SELECT * FROM v",
		"call": "SELECT * FROM f(2)"},
	"routines": {"f(int)": {}, "g(pair)": {}},
	"types": {"mood": {"labels": ["good", "bad"]}, "pair": {}, "code": {}},
	"sequences": ["ids"], "extensions": ["plpgsql"]}');
CREATE VIEW kept AS
	SELECT requirement_id, kind, object, baseline FROM compat_guard.requirements WHERE app = 'base' AND baseline IS NOT NULL;
CREATE VIEW members AS
	SELECT kept.*, ARRAY[key] AS path FROM kept, jsonb_object_keys(baseline) AS key
	UNION ALL
	SELECT kept.*, ARRAY[outer_member.key, inner_key]
	FROM kept, jsonb_each(baseline) AS outer_member, jsonb_object_keys(outer_member.value) AS inner_key
	WHERE jsonb_typeof(outer_member.value) = 'object';
-- What is found of a requirement that has the other baseline.
CREATE FUNCTION outcome(which bigint, other jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	INSERT INTO compat_guard.baseline (baseline_id, hash, content, part_ids)
		SELECT -1, 0, CASE WHEN jsonb_typeof(other) = 'object' THEN other - 'properties' ELSE other END,
			CASE WHEN jsonb_typeof(other) = 'object' AND other ? 'properties' THEN ARRAY[-2] END
		UNION ALL SELECT -2, 0, other->'properties', NULL WHERE jsonb_typeof(other) = 'object' AND other ? 'properties';
	UPDATE compat_guard.requirement
		SET baseline_id = -1
	WHERE requirement_id = which;
	SELECT string_agg(DISTINCT concat_ws(' ', v.state, v.rule), ', ' ORDER BY concat_ws(' ', v.state, v.rule)) INTO STRICT result
	FROM compat_guard.verification('base', '1') AS v WHERE requirement_id = which;
	RAISE EXCEPTION SQLSTATE 'DONE0';	-- and undone
EXCEPTION WHEN SQLSTATE 'DONE0' THEN
	RETURN result;
WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
\pset format unaligned
\pset footer off

-- As it is, nothing is found; nor beside what nobody knows yet.
SELECT DISTINCT outcome(requirement_id, baseline), outcome(requirement_id, baseline || '{"later": [1, {"a": null}]}') FROM kept;
-- What a library did not write is what was not there, or is not compared.
SELECT kind, array_to_string(path, '.') AS without, string_agg(DISTINCT outcome, ' | ' ORDER BY outcome) AS found
FROM members, outcome(requirement_id, baseline #- path) WHERE outcome <> 'met'
GROUP BY kind, path ORDER BY kind COLLATE "C", path;
-- In another form it is an answer, too, and never an error.
SELECT DISTINCT regexp_replace(outcome, ' .*', '') AS state
FROM members, unnest(ARRAY['null', '7', '"text"', '[]', '["text"]', '[7, null, {}]', '[["a", "b", "c"], []]', '{"a": ["b"], "": null}']) AS form,
	outcome(requirement_id, jsonb_set(baseline, path, form::jsonb)) ORDER BY 1;
SELECT DISTINCT regexp_replace(outcome, ' .*', '') AS state
FROM kept, unnest(ARRAY['null', '7', '"text"', '[]', '{}', '["text"]', '[["a", 1], {}]']) AS form,
	outcome(requirement_id, form::jsonb) ORDER BY 1;

SELECT compat_guard.forget('base', '1');
RESET search_path;
DROP SCHEMA base CASCADE;
DROP ROLE regress_baselines;
