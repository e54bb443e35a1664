--
-- report(), explain_block() and the view metrics: what they say, to whom, and that
-- nobody's names get out of their place.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
\pset format unaligned
\pset footer off
\set VERBOSITY terse
CREATE ROLE regress_report_app;
CREATE ROLE regress_report_ci;
CREATE ROLE regress_report_dba IN ROLE pg_monitor;
CREATE ROLE regress_report_nobody;
SELECT compat_guard.entrust('regress_report_app'), compat_guard.entrust('regress_report_ci', 'pipeline');
CREATE SCHEMA report;
GRANT USAGE ON SCHEMA report TO regress_report_app;
SET search_path = report;
SET application_name = 'regress_report';
CREATE TABLE users (id int, email text, note text);
CREATE TABLE "a<b>&'""c" (id int);
GRANT SELECT ON ALL TABLES IN SCHEMA report TO regress_report_app;

-- Text of others.
SELECT compat_guard.shown_html(E'<a href="x">&\'\n\t\x01\u202e\u00fc\U0001f600');
SELECT compat_guard.shown_html('plain'), compat_guard.shown_html(''), compat_guard.shown_html(NULL) IS NULL AS is_null;
SELECT compat_guard.shown(E'two\nlines'), compat_guard.shown_literal(E'it''s\ntwo lines');
-- Noncharacters are no part of a document.
SELECT compat_guard.shown_html(E'\ufdd0\uffff\U0001fffe');
-- A section that is empty, and one that is cut.
SELECT compat_guard.html_section('some', 'Some', 'About.', '{a,b}', NULL);
SELECT compat_guard.html_section('some', 'Some', 'About.', '{a,b}', '{{1,2},{3,NULL}}', 7);

--
-- The story of a blocked change.
--
-- The number of the change that was blocked last. Its row comes from another process, in
-- a moment.
CREATE FUNCTION blocked(object text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	number bigint;
BEGIN
	FOR i IN 1 .. 1500 LOOP
		SELECT journal_id INTO number FROM compat_guard.journal
		WHERE verdict = 'blocked' AND application_name = 'regress_report' AND statements[1] LIKE '%' || object || '%';
		EXIT WHEN number IS NOT NULL;
		PERFORM pg_sleep(0.02);
	END LOOP;
	RETURN number;
END$$;
CREATE FUNCTION story(number bigint) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT regexp_replace(regexp_replace(line, '\d{4}-\d\d-\d\d \d\d:\d\d', 'TIME', 'g'),
		'process \d+|Change \d+', 'N', 'g')
	FROM compat_guard.explain_block(number) AS line
$$;
SET ROLE regress_report_app;
SELECT status FROM compat_guard.register('regress shop', '1', '{"search_path": "report", "queries": {"by email": "SELECT id FROM users WHERE email = $1"}}');
SELECT status FROM compat_guard.register('regress shop', '2', '{"search_path": "report", "relations": {"users": {"columns": {"email": "text", "note": "text"}}}}', 'one', '1 hour');
SELECT status FROM compat_guard.register('regress shop', '3', '{"search_path": "report", "relations": {"users": {"columns": {"email": "text"}}}}');
SELECT compat_guard.attach('regress shop', '3');
SELECT status FROM compat_guard.register(E'regress <script>\n  It would', E'v "1"  \\', '{"search_path": "report", "relations": {"\"a<b>&''\"\"c\"": {"columns": {"id": {}}}}}');
RESET ROLE;
ALTER TABLE users DROP COLUMN email;
SELECT blocked('email') AS first \gset
\pset tuples_only on
SELECT story(:first);
-- The last one unless a number is given.
SELECT l LIKE 'Change ' || :first || ' was blocked %' FROM compat_guard.explain_block() AS l LIMIT 1;
-- Nobody's name makes a line of its own, and what is to be called is what it says.
DROP TABLE "a<b>&'""c";
SELECT blocked('a<b>') AS second \gset
SELECT story(:second);
-- Not wider than a screen, but for calls with long names.
SELECT max(length(l)) FROM compat_guard.explain_block(:first) AS l;
-- As the versions go, so does what stands in the way.
SELECT compat_guard.retire('regress shop', '1', 'gone'), compat_guard.leave('regress shop', '2', 'one'), compat_guard.detach();
SET compat_guard.lease_grace = 0;
SELECT story(:first);
RESET compat_guard.lease_grace;
SELECT compat_guard.forget('regress shop', '2');
SELECT l FROM story(:first) AS l WHERE l ~ 'not registered';
-- Of nothing there is no story.
SELECT compat_guard.explain_block(-1);
ALTER TABLE users ADD COLUMN more int;
-- Only what was blocked has a number.
SELECT DISTINCT verdict, journal_id IS NOT NULL FROM compat_guard.journal WHERE application_name = 'regress_report' ORDER BY 1;

--
-- The page.
--
SELECT compat_guard.register('regress shop', '4', '{"role": "regress_report_app", "search_path": "report", "relations": {"users": {"columns": {"mail": "text"}}}}') IS NULL;
CREATE TABLE page AS SELECT compat_guard.report() AS html;
-- ASCII; no script, nothing from elsewhere, no name as it was given
SELECT html ~ '^<!DOCTYPE html>' AND html ~ '</html>\n$', html ~ '[^\n -~]', html ~* '<script|<link|<img|https?:| on\w+=', html ~ 'a<b>' FROM page;
SELECT array_agg(m[1]) FROM page, regexp_matches(html, '<section id="(\w+)"', 'g') AS m;
-- what is broken or pending, who needs what, what nobody needs
SELECT m[1] FROM page, regexp_matches(html, '(<tr role="row"><th role="rowheader" scope="row">regress shop 4</th><td role="cell" data-label="state">.*?)<td role="cell" data-label="since">', 'g') AS m;
SELECT m[1] FROM page, regexp_matches(html, '<tr role="row">(<th role="rowheader" scope="row">report[.].*?)</tr>', 'g') AS m;
SELECT m[1] FROM page, regexp_matches(html, '<td role="cell" data-label="schema">report</td>(.*?)</tr>', 'g') AS m;
-- the journal
SELECT m[1] FROM page, regexp_matches(html, '>' || :first || '</td>.*?(<td role="cell" data-label="statements">.*?)</tr>', 'g') AS m;

--
-- Figures.
--
SELECT metric, app, version, label, value FROM compat_guard.metrics
WHERE app LIKE 'regress%' AND metric NOT LIKE '%_seconds' ORDER BY metric, app, version, label;
SELECT metric, value > 0 FROM compat_guard.metrics
WHERE app = 'regress shop' AND version = '4' AND metric LIKE '%_seconds' ORDER BY metric;
SELECT metric, label, value >= 0 AS is_there FROM compat_guard.metrics
WHERE metric LIKE 'journal%' AND label = 'blocked' OR metric = 'journal_missed_total' ORDER BY metric;
-- A version that is live by registration alone, beside a later one.
SELECT compat_guard.register('regress idle', '1', '{}') IS NULL;
SELECT value > 0 FROM compat_guard.metrics WHERE app = 'regress idle' AND metric = 'version_idle_seconds';
SELECT compat_guard.register('regress idle', '2', '{}') IS NULL;
SELECT version, value > 0 FROM compat_guard.metrics WHERE app = 'regress idle' AND metric = 'version_idle_seconds' ORDER BY 1;

--
-- To those who read the views, and to nobody else.
--
SET ROLE regress_report_ci;
SELECT length(compat_guard.report()) > 1000, (SELECT count(*) > 0 FROM compat_guard.metrics), (SELECT count(*) > 5 FROM compat_guard.explain_block(:first));
SET ROLE regress_report_dba;
SELECT length(compat_guard.report()) > 1000, (SELECT count(*) > 0 FROM compat_guard.metrics), (SELECT count(*) > 5 FROM compat_guard.explain_block(:first));
SET ROLE regress_report_app;
SELECT compat_guard.report();
SELECT compat_guard.explain_block();
SELECT * FROM compat_guard.metrics;
RESET ROLE;
-- The rights are those of whoever asks, though the function be granted.
GRANT USAGE ON SCHEMA compat_guard TO regress_report_nobody;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA compat_guard TO regress_report_nobody;
SET ROLE regress_report_nobody;
SELECT compat_guard.report();
SELECT compat_guard.explain_block();
RESET ROLE;

SELECT count(compat_guard.forget(app, version)) FROM compat_guard.versions WHERE app LIKE 'regress%';
RESET search_path;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA compat_guard FROM regress_report_nobody;
REVOKE ALL ON SCHEMA compat_guard FROM regress_report_nobody;
SELECT compat_guard.distrust('regress_report_app'), compat_guard.distrust('regress_report_ci');
DROP SCHEMA report CASCADE;
DROP OWNED BY regress_report_app, regress_report_ci, regress_report_dba, regress_report_nobody;
DROP ROLE regress_report_app, regress_report_ci, regress_report_dba, regress_report_nobody;
