--
-- Whether a requirement is met does not hang on the settings of the session that asks.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE regress_settings;
CREATE SCHEMA settings;
GRANT USAGE ON SCHEMA settings TO regress_settings;
SET search_path = settings;
CREATE TABLE t (a int PRIMARY KEY, b text, at timestamptz, took interval, price money, doc xml, tags text[], log text DEFAULT 'none');
CREATE TABLE u (a int PRIMARY KEY, t_a int);
CREATE VIEW v AS SELECT a, b, at FROM t WHERE at > '2026-01-02 03:04:05+00';
CREATE RULE log AS ON UPDATE TO t DO ALSO INSERT INTO u VALUES (NEW.a + 1000, NEW.a);
ALTER TABLE t ADD CHECK (at > '1999-01-08 04:05:06+00'), ALTER at SET DEFAULT '2026-01-02 03:04:05+00', ALTER took SET DEFAULT '1 day 02:00';
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON t USING (a > 0);
GRANT SELECT, INSERT, UPDATE ON t, u, v TO regress_settings;
RESET search_path;
\set VERBOSITY terse

-- Each is read in another way, or not at all, under one of the settings below.
CREATE TABLE settings.contract AS SELECT $$ {"role": "regress_settings", "search_path": "settings",
	"relations": {"t": {"access": ["select", "insert", "update"], "insert": ["a", "b"], "columns": {"a": "int"}}},
	"queries": {
		"backslash": "SELECT b FROM t WHERE b = 'a\\' OR b = ' OR b = '",
		"escape": "SELECT E'it\\'s', b FROM t",
		"null": "SELECT a FROM t WHERE a = NULL",
		"null element": "SELECT a FROM t WHERE tags = '{NULL}'::text[] OR '{NULL,1}'::int[] = '{1}'",
		"date": "SELECT a FROM t WHERE at > '12/31/2026' AND at < '31-dec-2027'",
		"abbreviation": "SELECT a FROM t WHERE at > '2026-01-01 00:00 EST'",
		"interval": "SELECT a FROM t WHERE took < '1-2 3 -4:05:06'",
		"money": "SELECT a FROM t WHERE price > '$1,234.50'",
		"fragment": "SELECT doc FROM t WHERE doc::text <> '<a/><b/>'::xml::text",
		"row security": "SELECT b FROM t WHERE a = $1",
		"rule": "UPDATE t SET b = $2 WHERE a = $1",
		"view": "SELECT b FROM v WHERE a = $1",
		"search": "SELECT a FROM t WHERE to_tsvector(b) @@ to_tsquery('x')",
		"joins": "SELECT t.a FROM t FULL JOIN u ON u.t_a = t.a, t AS t2 LEFT JOIN u AS u2 USING (a), u AS u3, u AS u4 WHERE u3.a = u4.a"}} $$::jsonb AS doc;
SELECT status, unmet FROM settings.contract, LATERAL compat_guard.register('settings', 'by default', doc);
SELECT object, found FROM compat_guard.check('settings', 'by default') WHERE state <> 'met';
SELECT count(*) AS requirements FROM compat_guard.requirement \gset

CREATE TABLE settings.setting (name text, value text, PRIMARY KEY (name, value));
INSERT INTO settings.setting VALUES
	('standard_conforming_strings', 'off'), ('backslash_quote', 'off'), ('escape_string_warning', 'on'), ('transform_null_equals', 'on'),
	('array_nulls', 'off'), ('DateStyle', 'SQL, DMY'), ('DateStyle', 'German, YMD'), ('IntervalStyle', 'sql_standard'), ('TimeZone', 'Asia/Tokyo'),
	('timezone_abbreviations', 'Australia'), ('xmloption', 'document'), ('xmlbinary', 'hex'), ('default_text_search_config', 'pg_catalog.german'),
	('row_security', 'off'), ('session_replication_role', 'replica'), ('session_replication_role', 'local'), ('quote_all_identifiers', 'on'),
	('extra_float_digits', '-15'), ('bytea_output', 'escape'), ('exit_on_error', 'on'), ('search_path', ''), ('search_path', 'pg_temp, information_schema'),
	('constraint_exclusion', 'on'), ('plan_cache_mode', 'force_custom_plan'), ('join_collapse_limit', '100'), ('geqo_threshold', '2'),
	('enable_nestloop', 'off'), ('enable_hashjoin', 'off'), ('enable_mergejoin', 'off'), ('enable_seqscan', 'off'), ('enable_sort', 'off'),
	('default_transaction_isolation', 'serializable'), ('client_encoding', 'SQL_ASCII'), ('check_function_bodies', 'off'),
	('client_min_messages', 'warning'), ('work_mem', '64');

-- Of each: what does a session find that has it, what does it hold against a change
-- that breaks nothing, and what one that does, and what does it register?
CREATE FUNCTION settings.under(setting text, value text, OUT checked text, OUT harmless text, OUT harmful text, OUT registered text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_catalog.set_config(setting, value, true);
	SELECT string_agg(DISTINCT v.state, ' ') INTO checked FROM compat_guard.verification('settings', 'by default') AS v;
	SELECT string_agg(p.found, '; ') INTO harmless FROM compat_guard.preview('ALTER TABLE settings.t ADD COLUMN more int') AS p WHERE p.version = 'by default';
	SELECT string_agg(p.requirement || ': ' || p.found, '; ' ORDER BY p.requirement COLLATE "C") INTO harmful
	FROM compat_guard.preview('ALTER TABLE settings.t DROP COLUMN took, DROP COLUMN at CASCADE') AS p
	WHERE p.version = 'by default' AND p.action = 'block';
	SELECT r.status INTO registered FROM settings.contract, LATERAL compat_guard.register('settings', setting || ' = ' || value, doc) AS r;
END $$;
CREATE TABLE settings.result (name text, value text, checked text, harmless text, harmful text, registered text);
INSERT INTO settings.result SELECT 'work_mem', '4MB', u.* FROM settings.under('work_mem', '4MB') AS u;
SELECT checked, harmless, harmful, registered FROM settings.result;
SET client_min_messages = error;
DO $$
DECLARE
	s settings.setting;
BEGIN
	FOR s IN SELECT * FROM settings.setting LOOP
		INSERT INTO settings.result SELECT s.*, u.* FROM settings.under(s.name, s.value) AS u;
		COMMIT;		-- takes the setting back
	END LOOP;
END $$;
SET client_min_messages = warning;
SELECT count(*) - (SELECT count(*) + 1 FROM settings.setting) AS missing FROM settings.result;
SELECT r.* FROM settings.result AS r, settings.result AS d
WHERE d.name = 'work_mem' AND d.value = '4MB' AND (r.checked, r.harmless, r.harmful, r.registered) IS DISTINCT FROM (d.checked, d.harmless, d.harmful, d.registered)
ORDER BY 1, 2;
-- Equal requirements, with what was found of them at first, are stored once.
SELECT count(*) - :requirements AS more_requirements FROM compat_guard.requirement;

-- The session has its settings back, whatever came of it.
SELECT count(compat_guard.forget(app, version)) FROM compat_guard.versions WHERE version <> 'by default';
SET DateStyle = 'German, DMY';
SET row_security = off;
SET standard_conforming_strings = off;
SET lc_messages = 'C';
ALTER TABLE settings.t ADD COLUMN another int;
ALTER TABLE settings.t DROP COLUMN b CASCADE;
SELECT path, problem FROM compat_guard.validate($$ {"queries": {"a": "SELECT 'a\\' FROM t", "b": "SELECT 'a\\'b'"}} $$);
SELECT current_setting('DateStyle') AS date, current_setting('row_security') AS rows, current_setting('standard_conforming_strings') AS strings, current_setting('TimeZone') <> 'UTC' AS zone;
RESET DateStyle;
RESET row_security;
RESET standard_conforming_strings;
RESET lc_messages;

SELECT count(compat_guard.forget(app, version)) > 0 AS forgotten FROM compat_guard.versions;
SET client_min_messages = error;
DROP SCHEMA settings CASCADE;
DROP ROLE regress_settings;
