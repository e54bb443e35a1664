-- A registry of :requirements requirements, of 20 apps with 10 live versions
-- each.  The versions of an app share all requirements but a few of each one's
-- own.  Written into the tables: register() would have to verify every one.
-- What is required lies in schemas that are not there, which makes no
-- difference to what does not look at it.

CREATE TEMP VIEW needed AS
SELECT n, 1000000 + n AS id, 1 + n % 20 AS app, n / 20 AS number,
	1 + n / 200 AS relation, 1 + n / 20 % 10 AS attribute,
	n / 20 >= :requirements / 20 * 0.9 AS own
FROM generate_series(0, :requirements - 1) AS n;

INSERT INTO compat_guard.app
SELECT n, 'app ' || n, current_user FROM generate_series(1, 20) AS n;

INSERT INTO compat_guard.version
	(version_id, app_id, name, digest, role, search_path, requirements, registered_by, registered_at)
SELECT 100 + n, 1 + n % 20, 'version ' || n / 20, sha256(n::text::bytea), current_user, 'public',
	:requirements / 20, current_user, now()
FROM generate_series(0, 199) AS n;

INSERT INTO compat_guard.baseline (baseline_id, hash, content)
VALUES (999999, 0, '{"type": "integer", "nullable": "true"}');

INSERT INTO compat_guard.requirement (requirement_id, digest, kind, object, expected, baseline_id, role, search_path)
SELECT id, sha256(id::text::bytea), 'column', format('app_%s.relation_%s.column_%s', app, relation, attribute),
	jsonb_build_object('relation', format('app_%s.relation_%s', app, relation),
		'column', 'column_' || attribute, 'type', jsonb_build_array('integer')),
	999999, current_user, 'public'
FROM needed;

INSERT INTO compat_guard.version_requirement
SELECT v.version_id, r.id
FROM needed AS r
JOIN compat_guard.version AS v ON v.app_id = r.app
WHERE NOT r.own OR (v.version_id - 100) / 20 = r.number % 10;

INSERT INTO compat_guard.requirement_state
SELECT id, 'met', true, NULL, now() FROM needed;

INSERT INTO compat_guard.requirement_dependency
SELECT 'app_' || app, 'relation_' || relation, 'pg_class'::regclass, id, true FROM needed
UNION ALL
SELECT 'app_' || app, format('relation_%s.column_%s', relation, attribute), 'pg_attribute'::regclass, id, true
FROM needed;

SELECT setval('compat_guard.id_seq', 10000000);
VACUUM ANALYZE;
