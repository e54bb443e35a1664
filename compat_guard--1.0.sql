/* compat_guard--1.0.sql */

\echo Use "CREATE EXTENSION compat_guard" to load this file. \quit

-- The schema is made here and not by the control file so that it is a member
-- of the extension: DROP EXTENSION takes it along.
CREATE SCHEMA compat_guard;
COMMENT ON SCHEMA compat_guard IS 'the schema as a checked interface between the versions of an application';

---------------------------------------------------------------------------
-- The registry.  Written by the library alone (src/registry), as the server
-- writes its catalogs: no triggers, foreign keys, partial or expression indexes.
-- Text is compared byte by byte.
---------------------------------------------------------------------------

CREATE SEQUENCE compat_guard.id_seq;
COMMENT ON SEQUENCE compat_guard.id_seq IS 'keys of every registry table';

CREATE TABLE compat_guard.app (
	app_id		bigint PRIMARY KEY,
	name		text COLLATE "C" NOT NULL,
	owner		text COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX app_name_idx ON compat_guard.app (name);
COMMENT ON TABLE compat_guard.app IS 'applications, each with the role that first registered it';

CREATE TABLE compat_guard.version (
	version_id		bigint PRIMARY KEY,
	app_id			bigint NOT NULL,
	name			text COLLATE "C" NOT NULL,
	digest			bytea NOT NULL,
	role			text COLLATE "C" NOT NULL,
	search_path		text NOT NULL,
	requirements	bigint NOT NULL,
	registered_by	text NOT NULL,
	registered_at	timestamptz NOT NULL,
	retired_by		text,
	retired_at		timestamptz,
	retire_reason	text,
	uses_sessions	boolean NOT NULL DEFAULT false,
	uses_leases		boolean NOT NULL DEFAULT false,
	supported_until	timestamptz,
	skipped_at		timestamptz,
	replaces		text COLLATE "C",
	replaced_by		text COLLATE "C"
);
CREATE UNIQUE INDEX version_name_idx ON compat_guard.version (app_id, name);
CREATE INDEX version_skipped_idx ON compat_guard.version (skipped_at);
COMMENT ON TABLE compat_guard.version IS 'registered versions of applications';
COMMENT ON COLUMN compat_guard.version.replaced_by IS 'the version that takes its place: since that was said only its instances make it live';
COMMENT ON COLUMN compat_guard.version.skipped_at IS 'since when judgements skip the version; its requirements are verified anew before it is activated';

-- Heartbeats change columns that no index has, and find room beside the old row.
CREATE TABLE compat_guard.instance (
	instance_id		bigint PRIMARY KEY,
	version_id		bigint NOT NULL,
	name			text COLLATE "C" NOT NULL,
	lease			interval NOT NULL,
	heartbeat_at	timestamptz NOT NULL,
	expires_at		timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX instance_name_idx ON compat_guard.instance (version_id, name);
COMMENT ON TABLE compat_guard.instance IS 'instances of versions that have leases';

CREATE TABLE compat_guard.requirement (
	requirement_id	bigint PRIMARY KEY,
	digest			bytea NOT NULL,
	kind			text COLLATE "C" NOT NULL,
	object			text COLLATE "C" NOT NULL,
	expected		jsonb NOT NULL,
	baseline_id		bigint,
	role			text COLLATE "C" NOT NULL,
	search_path		text NOT NULL
);
CREATE UNIQUE INDEX requirement_digest_idx ON compat_guard.requirement (digest);
CREATE INDEX requirement_role_idx ON compat_guard.requirement (role);
CREATE INDEX requirement_baseline_idx ON compat_guard.requirement (baseline_id);
COMMENT ON TABLE compat_guard.requirement IS 'requirements taken from contracts, stored once and shared by versions';

-- See src/registry/content_store.c.
CREATE TABLE compat_guard.baseline (
	baseline_id		bigint PRIMARY KEY,
	hash			bigint NOT NULL,
	content			jsonb NOT NULL,
	part_ids		bigint[]
);
CREATE INDEX baseline_hash_idx ON compat_guard.baseline (hash);
CREATE INDEX baseline_part_idx ON compat_guard.baseline USING gin (part_ids) WITH (fastupdate = off);
COMMENT ON TABLE compat_guard.baseline IS 'what requirements, and the relations they use, were like when the requirement was first met; stored once and shared by requirements';

CREATE TABLE compat_guard.version_requirement (
	version_id		bigint NOT NULL,
	requirement_id	bigint NOT NULL,
	PRIMARY KEY (version_id, requirement_id)
);
CREATE INDEX version_requirement_idx ON compat_guard.version_requirement (requirement_id, version_id);
COMMENT ON TABLE compat_guard.version_requirement IS 'which version needs what';

CREATE TABLE compat_guard.policy (
	rule		text COLLATE "C" NOT NULL,
	app			text COLLATE "C" NOT NULL DEFAULT '',
	action		text COLLATE "C" NOT NULL,
	set_by		text NOT NULL,
	set_at		timestamptz NOT NULL,
	PRIMARY KEY (rule, app)
);
COMMENT ON TABLE compat_guard.policy IS 'what is done about a rule instead of its default; an empty app means every app';

CREATE TABLE compat_guard.journal_entry (
	journal_id			bigint,
	at					timestamptz NOT NULL,
	verdict				text COLLATE "C" NOT NULL,
	mode				text COLLATE "C" NOT NULL,
	session_role		text,
	role				text,
	application_name	text NOT NULL,
	client_addr			inet,
	pid					integer NOT NULL,
	xid					xid8,
	statements			text[] NOT NULL,
	statement_count		integer NOT NULL,
	versions			text[] NOT NULL,
	findings			jsonb NOT NULL,
	finding_count		integer NOT NULL,
	reason				text,
	reason_by			text,
	now_ready			text[] NOT NULL,
	rollback_floors		jsonb NOT NULL
);
CREATE INDEX journal_entry_at_idx ON compat_guard.journal_entry (at);
CREATE UNIQUE INDEX journal_entry_id_idx ON compat_guard.journal_entry (journal_id);
COMMENT ON TABLE compat_guard.journal_entry IS 'what became of each transaction that changed the schema';
COMMENT ON COLUMN compat_guard.journal_entry.journal_id IS 'the number of a blocked change, for explain_block(); null for others';

CREATE TABLE compat_guard.expansion (
	expansion_id	bigint PRIMARY KEY,
	name			text COLLATE "C" NOT NULL,
	relation		regclass NOT NULL,
	old_column		text COLLATE "C" NOT NULL,
	new_column		text COLLATE "C" NOT NULL,
	up				text NOT NULL,
	down			text NOT NULL,
	on_error		text COLLATE "C" NOT NULL,
	trigger_name	text COLLATE "C" NOT NULL,
	phase			text COLLATE "C" NOT NULL,
	phase_at		timestamptz NOT NULL,
	created_by		text NOT NULL,
	created_at		timestamptz NOT NULL,
	rows_total		bigint NOT NULL,
	rows_done		bigint NOT NULL,
	rows_skipped	bigint NOT NULL,
	rows_failed		bigint NOT NULL,
	backfill_at		timestamptz,
	cursor_part		regclass,
	cursor_block	bigint NOT NULL
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX expansion_name_idx ON compat_guard.expansion (name);
COMMENT ON TABLE compat_guard.expansion IS 'columns that are being replaced by others, or were';

CREATE TABLE compat_guard.learned_statement (
	version_id		bigint NOT NULL,
	fingerprint		bigint NOT NULL,
	requirement_id	bigint NOT NULL,
	first_seen		timestamptz NOT NULL,
	last_seen		timestamptz NOT NULL,
	calls			bigint NOT NULL,
	sessions		bigint NOT NULL,
	PRIMARY KEY (version_id, fingerprint)
) WITH (fillfactor = 70);
COMMENT ON TABLE compat_guard.learned_statement IS 'statements that sessions of versions were seen to send';

CREATE TABLE compat_guard.unlearned (
	version_id		bigint NOT NULL,
	reason			text COLLATE "C" NOT NULL,
	statements		bigint NOT NULL,
	last_at			timestamptz NOT NULL,
	PRIMARY KEY (version_id, reason)
) WITH (fillfactor = 70);
COMMENT ON TABLE compat_guard.unlearned IS 'how many statements of a version were not learned, and why';

CREATE SEQUENCE compat_guard.journal_missed_seq;
COMMENT ON SEQUENCE compat_guard.journal_missed_seq IS 'counts rows of blocked transactions that could not be written; a sequence, for it is not rolled back';

-- The tables below hold what verification found.  They are not dumped: after a
-- restore, requirements are verified anew before the first schema change.

CREATE TABLE compat_guard.requirement_state (
	requirement_id	bigint PRIMARY KEY,
	state			text COLLATE "C" NOT NULL,
	ever_met		boolean NOT NULL,
	problem_id		bigint,
	changed_at		timestamptz NOT NULL,
	partitions		oid[]
) WITH (fillfactor = 70);
CREATE INDEX requirement_state_state_idx ON compat_guard.requirement_state (state, requirement_id);
CREATE INDEX requirement_state_problem_idx ON compat_guard.requirement_state (problem_id);
COMMENT ON TABLE compat_guard.requirement_state IS 'what was last found about each requirement';

CREATE TABLE compat_guard.problem (
	problem_id	bigint PRIMARY KEY,
	hash		bigint NOT NULL,
	content		jsonb NOT NULL,
	part_ids	bigint[]
);
CREATE INDEX problem_hash_idx ON compat_guard.problem (hash);
CREATE INDEX problem_part_idx ON compat_guard.problem USING gin (part_ids) WITH (fastupdate = off);
COMMENT ON TABLE compat_guard.problem IS 'problems of requirements, stored once and shared by those that have the same';

CREATE TABLE compat_guard.requirement_dependency (
	schema			text COLLATE "C" NOT NULL,
	name			text COLLATE "C" NOT NULL,
	class			oid NOT NULL,
	requirement_id	bigint NOT NULL,
	object_exists	boolean NOT NULL,
	PRIMARY KEY (schema, name, class, requirement_id)
);
CREATE INDEX requirement_dependency_requirement_idx ON compat_guard.requirement_dependency (requirement_id);
COMMENT ON TABLE compat_guard.requirement_dependency IS 'names of objects: a change of one of them can change the state of the requirement';

SELECT pg_catalog.pg_extension_config_dump('compat_guard.id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('compat_guard.app', '');
SELECT pg_catalog.pg_extension_config_dump('compat_guard.version', '');
SELECT pg_catalog.pg_extension_config_dump('compat_guard.instance', '');
SELECT pg_catalog.pg_extension_config_dump('compat_guard.requirement', '');
SELECT pg_catalog.pg_extension_config_dump('compat_guard.baseline', '');
SELECT pg_catalog.pg_extension_config_dump('compat_guard.version_requirement', '');
SELECT pg_catalog.pg_extension_config_dump('compat_guard.policy', '');
SELECT pg_catalog.pg_extension_config_dump('compat_guard.journal_entry', '');
SELECT pg_catalog.pg_extension_config_dump('compat_guard.journal_missed_seq', '');
SELECT pg_catalog.pg_extension_config_dump('compat_guard.expansion', '');
SELECT pg_catalog.pg_extension_config_dump('compat_guard.learned_statement', '');
SELECT pg_catalog.pg_extension_config_dump('compat_guard.unlearned', '');

---------------------------------------------------------------------------
-- For applications.
---------------------------------------------------------------------------

CREATE TYPE compat_guard.registration AS (
	app				text,
	version			text,
	status			text,
	digest			bytea,
	requirements	bigint,
	unmet			bigint
);
COMMENT ON TYPE compat_guard.registration IS 'what register() answers; status is ready, pending (something was never met yet) or broken (something was met and no longer is)';

CREATE FUNCTION compat_guard.register(app text, version text, contract jsonb,
									  instance text DEFAULT NULL,
									  lease interval DEFAULT NULL,
									  require_ready boolean DEFAULT false,
									  replace boolean DEFAULT false,
									  replaces text DEFAULT NULL)
RETURNS compat_guard.registration
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_register';
COMMENT ON FUNCTION compat_guard.register(text, text, jsonb, text, interval, boolean, boolean, text)
IS 'register what a version needs from the schema, and maybe that it takes the place of another; idempotent, and cheap if nothing has changed';

CREATE FUNCTION compat_guard.register_queries(app text, version text, queries text[])
RETURNS compat_guard.registration
LANGUAGE SQL VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT compat_guard.register(app, version, pg_catalog.jsonb_build_object('queries',
		coalesce(pg_catalog.jsonb_object_agg('query ' || q.n, q.query), '{}')))
	FROM pg_catalog.unnest(queries) WITH ORDINALITY AS q(query, n);
END;
COMMENT ON FUNCTION compat_guard.register_queries(text, text, text[])
IS 'register a contract that consists of queries alone';

CREATE FUNCTION compat_guard.attach(app text, version text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_attach';
COMMENT ON FUNCTION compat_guard.attach(text, text)
IS 'this session is an instance of the version until it ends';

CREATE FUNCTION compat_guard.detach()
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_detach';
COMMENT ON FUNCTION compat_guard.detach()
IS 'this session is no instance of a version any more';

CREATE FUNCTION compat_guard.heartbeat(app text, version text, instance text,
									   lease interval DEFAULT NULL)
RETURNS timestamptz
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_heartbeat';
COMMENT ON FUNCTION compat_guard.heartbeat(text, text, text, interval)
IS 'the instance runs, and will for as long as its lease, which is the one before unless given; returns when that ends';

CREATE FUNCTION compat_guard.leave(app text, version text, instance text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_leave';
COMMENT ON FUNCTION compat_guard.leave(text, text, text)
IS 'the instance has stopped: its lease ends now';

CREATE FUNCTION compat_guard.retire(app text, version text, reason text DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_retire';
COMMENT ON FUNCTION compat_guard.retire(text, text, text)
IS 'the version runs no more: its requirements protect nothing any longer';

CREATE FUNCTION compat_guard.reactivate(app text, version text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_reactivate';
COMMENT ON FUNCTION compat_guard.reactivate(text, text)
IS 'take retire() back: what the version needs is verified anew';

CREATE FUNCTION compat_guard.set_support(app text, version text, until timestamptz)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_set_support';
COMMENT ON FUNCTION compat_guard.set_support(text, text, timestamptz)
IS 'the version counts until then, whether or not instances of it are seen; null takes the date away';

CREATE FUNCTION compat_guard.forget(app text, version text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_forget';
COMMENT ON FUNCTION compat_guard.forget(text, text)
IS 'remove a version from the registry as if it had never been there';

CREATE FUNCTION compat_guard.validate(contract jsonb)
RETURNS TABLE (path text, problem text)
LANGUAGE C STABLE
AS 'MODULE_PATHNAME', 'contract_validate';
COMMENT ON FUNCTION compat_guard.validate(jsonb)
IS 'what is wrong with a contract document: no rows if it can be registered';
-- Not PARALLEL SAFE, for it uses subtransactions; without a pinned search_path,
-- for the caller's is the contract's default.

CREATE FUNCTION compat_guard.captured_relation(name text)
RETURNS oid
LANGUAGE C STRICT STABLE
AS 'MODULE_PATHNAME', 'contract_captured_relation';
COMMENT ON FUNCTION compat_guard.captured_relation(text)
IS 'the relation compat_guard.capture() was given by name, or an error';

-- The body is bound now, with the search_path of this script, so it needs no
-- pinned one: what it looks up by name at run time is to be found, and types
-- to be written, with the caller's.
CREATE FUNCTION compat_guard.capture(relations text[] DEFAULT NULL)
RETURNS jsonb
LANGUAGE SQL STABLE
BEGIN ATOMIC
	WITH named AS MATERIALIZED (
		SELECT compat_guard.captured_relation(name) AS relid
		FROM unnest(capture.relations) AS name
	), captured AS (
		SELECT c.oid AS relid, c.relkind,
			CASE WHEN pg_table_is_visible(c.oid) THEN quote_ident(c.relname)
				ELSE quote_ident(n.nspname) || '.' || quote_ident(c.relname) END AS name
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE CASE WHEN capture.relations IS NOT NULL
			THEN c.oid IN (SELECT relid FROM named)
			ELSE c.relkind IN ('r', 'p', 'v', 'm', 'f')
				AND NOT c.relispartition
				AND n.nspname = ANY (current_schemas(false))
				AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'compat_guard')
				AND n.oid <> pg_my_temp_schema()
				AND pg_table_is_visible(c.oid)
				AND (has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
					OR has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE'))
				AND NOT EXISTS (
					SELECT FROM pg_depend d
					WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
			END
	)
	SELECT jsonb_build_object(
		'role', current_user,
		'search_path', current_setting('search_path'),
		'relations', coalesce(jsonb_object_agg(r.name, jsonb_strip_nulls(jsonb_build_object(
			'access', a.access,
			'columns', c.columns,
			'insert', i.columns,
			'unique', u.keys))), '{}'))
	FROM captured r
	-- What the caller may do, of what such a relation can do at all.
	CROSS JOIN LATERAL (
		SELECT jsonb_agg(p.name ORDER BY p.place) AS access
		FROM (VALUES
			(1, 'select', 2), (2, 'insert', 8), (3, 'update', 4), (4, 'delete', 16), (5, 'truncate', 0)
		) AS p (place, name, event)
		WHERE CASE WHEN p.name IN ('delete', 'truncate')
				THEN has_table_privilege(r.relid, p.name)
				ELSE has_any_column_privilege(r.relid, p.name) END
			AND CASE r.relkind
				WHEN 'm' THEN p.name = 'select'
				WHEN 'v' THEN p.event & (pg_relation_is_updatable(r.relid, true) | 2) <> 0
				WHEN 'f' THEN p.name <> 'truncate'
				ELSE true END
	) a
	CROSS JOIN LATERAL (
		SELECT jsonb_object_agg(t.attname,
			CASE WHEN NOT t.reads_null
				THEN jsonb_strip_nulls(jsonb_build_object('type', t.type, 'nullable', false))
				ELSE coalesce(to_jsonb(t.type), '{}') END) AS columns
		FROM (
			SELECT at.attname,
				-- A type in a schema that is closed to the caller cannot be named by it.
				CASE WHEN has_schema_privilege(ty.typnamespace, 'USAGE')
					THEN format_type(at.atttypid, at.atttypmod) END AS type,
				-- From 18 on, NOT NULL may be NOT VALID.
				NOT at.attnotnull OR EXISTS (
					SELECT FROM pg_constraint con
					WHERE con.conrelid = at.attrelid AND con.contype = 'n'
						AND con.conkey = ARRAY[at.attnum] AND NOT con.convalidated) AS reads_null
			FROM pg_attribute at JOIN pg_type ty ON ty.oid = at.atttypid
			WHERE at.attrelid = r.relid AND at.attnum > 0 AND NOT at.attisdropped
				AND has_column_privilege(r.relid, at.attnum, 'SELECT, INSERT, UPDATE')
		) t
	) c
	CROSS JOIN LATERAL (
		SELECT CASE WHEN r.relkind IN ('r', 'p', 'f') AND has_table_privilege(r.relid, 'INSERT')
			THEN coalesce(jsonb_agg(at.attname ORDER BY at.attnum), '[]') END AS columns
		FROM pg_attribute at
		WHERE at.attrelid = r.relid AND at.attnum > 0 AND NOT at.attisdropped
			AND at.attgenerated = '' AND at.attidentity <> 'a'
	) i
	CROSS JOIN LATERAL (
		SELECT jsonb_agg(k.columns ORDER BY k.columns) AS keys
		FROM (
			SELECT DISTINCT (
				SELECT jsonb_agg(at.attname ORDER BY at.attname)
				FROM pg_attribute at
				WHERE at.attrelid = x.indrelid
					AND at.attnum = ANY ((x.indkey::int2[])[0:x.indnkeyatts - 1])) AS columns
			FROM pg_index x
			WHERE x.indrelid = r.relid AND x.indisunique AND x.indimmediate
				AND x.indisvalid AND x.indisready AND x.indislive AND NOT x.indisexclusion
				AND x.indpred IS NULL AND x.indexprs IS NULL
		) k
	) u;
END;
COMMENT ON FUNCTION compat_guard.capture(text[])
IS 'today''s schema as a contract of the caller: what it may use of the relations named, or of all in its search_path';

---------------------------------------------------------------------------
-- Questions.
---------------------------------------------------------------------------

CREATE FUNCTION compat_guard.verification(app text DEFAULT NULL, version text DEFAULT NULL)
RETURNS TABLE (version_id bigint, requirement_id bigint, kind text, object text, state text,
			   rule text, expected text, found text, sqlstate text)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_verification';
COMMENT ON FUNCTION compat_guard.verification(text, text)
IS 'verify the requirements of one version, or of every live one, against the schema as it is; one row for each problem, or one without a rule where there is none';

CREATE FUNCTION compat_guard.check(app text, version text)
RETURNS TABLE (requirement_id bigint, kind text, object text, state text, expected text, found text)
LANGUAGE SQL VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT v.requirement_id, v.kind, v.object, v.state, v.expected, v.found
	FROM compat_guard.verification(app, version) AS v
	ORDER BY v.object, v.kind, v.found;
END;
COMMENT ON FUNCTION compat_guard.check(text, text)
IS 'verify each requirement of a version now';

CREATE FUNCTION compat_guard.ready(app text, version text)
RETURNS boolean
LANGUAGE SQL VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT NOT EXISTS (SELECT FROM compat_guard.verification(app, version) AS v WHERE v.state = 'unmet');
END;
COMMENT ON FUNCTION compat_guard.ready(text, text)
IS 'is no requirement of the version unmet?';

CREATE PROCEDURE compat_guard.wait_until_ready(app text, version text, timeout interval,
											   INOUT ready boolean DEFAULT NULL)
LANGUAGE C
AS 'MODULE_PATHNAME', 'compat_guard_wait_until_ready';
COMMENT ON PROCEDURE compat_guard.wait_until_ready(text, text, interval, boolean)
IS 'wait until no requirement of the version is unmet: true, or false when the time is over; holds no snapshot and no lock meanwhile';

CREATE FUNCTION compat_guard.can_deploy(app text, version text, contract jsonb DEFAULT NULL,
										or_error boolean DEFAULT false,
										OUT ready boolean, OUT state text, OUT reasons text[])
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_can_deploy';
COMMENT ON FUNCTION compat_guard.can_deploy(text, text, jsonb, boolean)
IS 'may the version start on the schema as it is, and if not, why; with a contract it need not be registered; nothing is stored';

CREATE FUNCTION compat_guard.require_version(app text, version text)
RETURNS boolean
LANGUAGE C STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_require_version';
COMMENT ON FUNCTION compat_guard.require_version(text, text)
IS 'true, or an error if no such version is registered';

CREATE TYPE compat_guard.finding AS (
	app			text,
	version		text,
	rule		text,
	action		text,
	affected_object text,
	requirement	text,
	expected	text,
	found		text,
	sqlstate	text,
	message		text,
	advice		text,
	statement	text,
	statement_number integer,
	line		integer,
	col			integer
);
COMMENT ON TYPE compat_guard.finding IS 'one requirement of one version that a change would break, or a statement that did not run';

CREATE FUNCTION compat_guard.preview(ddl text)
RETURNS SETOF compat_guard.finding
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_preview';
COMMENT ON FUNCTION compat_guard.preview(text)
IS 'run a migration script, report every finding, and undo everything; what the script itself undoes is left out, and what it allows has the action overridden';

CREATE PROCEDURE compat_guard.run(ddl text, attempts integer DEFAULT 10,
								  backoff interval DEFAULT '1 second')
LANGUAGE C
AS 'MODULE_PATHNAME', 'compat_guard_run';
COMMENT ON PROCEDURE compat_guard.run(text, integer, interval)
IS 'run a migration script with a bounded wait for locks; what does not obtain them in time is rolled back and tried again';

CREATE FUNCTION compat_guard.preview_effects(ddl text)
RETURNS TABLE (statement_number integer, line integer, statement text, relation text, lock text,
			   rewrites boolean, builds text[], scans boolean, bytes bigint)
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_preview_effects';
COMMENT ON FUNCTION compat_guard.preview_effects(text)
IS 'what a migration script does to the tables that are there: locks, rewrites, index builds, scans of large tables, and their size';

---------------------------------------------------------------------------
-- Rules and policy.
---------------------------------------------------------------------------

CREATE FUNCTION compat_guard.rule_table()
RETURNS TABLE ("position" integer, rule text, default_action text, proven_action text,
			   fires_when text, advice text)
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'compat_guard_rule_table';
COMMENT ON FUNCTION compat_guard.rule_table() IS 'every rule the library knows';

CREATE FUNCTION compat_guard.set_policy(rule text, action text, app text DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_set_policy';
COMMENT ON FUNCTION compat_guard.set_policy(text, text, text)
IS 'what to do about a rule, for one app or for all: block, warn, log, ignore; null returns to the default';

---------------------------------------------------------------------------
-- Leave to do what would be blocked, and the journal.
---------------------------------------------------------------------------

CREATE FUNCTION compat_guard.allow(reason text, app text DEFAULT NULL,
								   version text DEFAULT NULL, rule text DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_allow';
COMMENT ON FUNCTION compat_guard.allow(text, text, text, text)
IS 'let this transaction do what would block, of one app, version or rule or of all, and have the journal say why';

CREATE FUNCTION compat_guard.prune(keep interval)
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_prune';
COMMENT ON FUNCTION compat_guard.prune(interval)
IS 'delete what is older from the journal; returns the number of rows';

---------------------------------------------------------------------------
-- Views.
---------------------------------------------------------------------------

CREATE FUNCTION compat_guard.live_versions()
RETURNS SETOF bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_live_versions';
COMMENT ON FUNCTION compat_guard.live_versions() IS 'the version_id of each live version';

CREATE FUNCTION compat_guard.lease_runs(heartbeat_at timestamptz, expires_at timestamptz)
RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_lease_runs';
COMMENT ON FUNCTION compat_guard.lease_runs(timestamptz, timestamptz) IS 'does such a lease still protect';

CREATE FUNCTION compat_guard.claim_key(app text, version text)
RETURNS bigint
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'compat_guard_claim_key';
COMMENT ON FUNCTION compat_guard.claim_key(text, text) IS 'the number in the locks of sessions that say by their settings who they are';

CREATE VIEW compat_guard.instances AS
SELECT a.name AS app, v.name AS version, i.type, i.instance, i.running, i.pid, i.role,
	i.application_name, i.client_addr, i.backend_start, i.heartbeat_at, i.expires_at
FROM (
	-- The locks of attached sessions: src/registry/attachment.c.
	SELECT (l.objsubid - 16384)::bigint * 4294967296 + l.objid::bigint AS version_id,
		'session' AS type, NULL::text AS instance, true AS running,
		l.pid, s.usename::text AS role, s.application_name, s.client_addr,
		s.backend_start, NULL::timestamptz AS heartbeat_at, NULL::timestamptz AS expires_at
	FROM pg_catalog.pg_locks AS l
	LEFT JOIN pg_catalog.pg_stat_activity AS s USING (pid)
	WHERE l.locktype = 'advisory' AND l.mode = 'AccessShareLock' AND l.granted
		AND l.classid = 'compat_guard'::pg_catalog.regnamespace AND l.objsubid >= 16384
		AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d
						  WHERE d.datname = pg_catalog.current_database())
	UNION ALL
	-- Those of sessions that say by their settings who they are.
	SELECT cv.version_id, 'session', NULL, true,
		l.pid, s.usename::text, s.application_name, s.client_addr, s.backend_start, NULL, NULL
	FROM pg_catalog.pg_locks AS l
	JOIN compat_guard.version AS cv
		ON compat_guard.claim_key((SELECT ca.name FROM compat_guard.app AS ca WHERE ca.app_id = cv.app_id), cv.name)
			= (l.objsubid - 8192)::bigint * 4294967296 + l.objid::bigint
	LEFT JOIN pg_catalog.pg_stat_activity AS s USING (pid)
	WHERE l.locktype = 'advisory' AND l.mode = 'RowExclusiveLock' AND l.granted
		AND l.classid = 'compat_guard'::pg_catalog.regnamespace AND l.objsubid BETWEEN 8192 AND 16383
		AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d
						  WHERE d.datname = pg_catalog.current_database())
	UNION ALL
	SELECT n.version_id, 'lease', n.name, compat_guard.lease_runs(n.heartbeat_at, n.expires_at),
		NULL, NULL, NULL, NULL, NULL, n.heartbeat_at, n.expires_at
	FROM compat_guard.instance AS n) AS i
JOIN compat_guard.version AS v USING (version_id)
JOIN compat_guard.app AS a USING (app_id);
COMMENT ON VIEW compat_guard.instances IS 'who runs a version: sessions attached to it, and instances with their leases';

CREATE VIEW compat_guard.versions AS
SELECT a.name AS app, v.name AS version,
	CASE WHEN v.retired_at IS NOT NULL THEN 'retired'
		 WHEN v.skipped_at IS NOT NULL THEN 'skipped'
		 WHEN s.broken > 0 THEN 'broken'
		 WHEN s.unmet > 0 THEN 'pending'
		 WHEN s.unverified THEN 'unverified'
		 ELSE 'ready' END AS status,
	l.version_id IS NOT NULL AS live,
	pg_catalog.concat_ws(', ',
		CASE WHEN NOT (v.uses_sessions OR v.uses_leases OR v.supported_until IS NOT NULL OR v.replaced_by IS NOT NULL)
			THEN 'registered' END,
		CASE WHEN v.uses_sessions THEN 'session' END,
		CASE WHEN v.uses_leases THEN 'lease' END,
		CASE WHEN v.supported_until IS NOT NULL AND v.replaced_by IS NULL THEN 'support' END) AS live_by,
	coalesce(i.sessions, 0) AS sessions, coalesce(i.leases, 0) AS leases, v.supported_until,
	v.replaces, v.replaced_by,
	v.role, v.search_path, v.requirements, s.unmet, a.owner,
	v.registered_by, v.registered_at, v.skipped_at, v.retired_by, v.retired_at, v.retire_reason
FROM compat_guard.version AS v
JOIN compat_guard.app AS a USING (app_id)
LEFT JOIN compat_guard.live_versions() AS l (version_id) USING (version_id)
LEFT JOIN (
	SELECT n.app, n.version, pg_catalog.count(*) FILTER (WHERE n.type = 'session') AS sessions,
		pg_catalog.count(*) FILTER (WHERE n.type = 'lease' AND n.running) AS leases
	FROM compat_guard.instances AS n
	GROUP BY n.app, n.version) AS i ON i.app = a.name AND i.version = v.name
CROSS JOIN LATERAL (
	SELECT pg_catalog.count(*) AS unmet, pg_catalog.count(*) FILTER (WHERE st.ever_met) AS broken,
		-- What was found is not restored, nor replicated with versions that come
		-- later: then the newest of what they need has not been looked at.
		(SELECT NOT EXISTS (SELECT FROM compat_guard.requirement_state AS known
							WHERE known.requirement_id = newest.requirement_id)
		 FROM compat_guard.version_requirement AS newest
		 WHERE newest.version_id = v.version_id
		 ORDER BY newest.requirement_id DESC LIMIT 1) AS unverified
	FROM compat_guard.requirement_state AS st
	JOIN compat_guard.version_requirement AS vr USING (requirement_id)
	WHERE st.state = 'unmet' AND vr.version_id = v.version_id) AS s;
COMMENT ON VIEW compat_guard.versions IS 'registered versions and their status when last judged';

CREATE VIEW compat_guard.requirements AS
SELECT a.name AS app, v.name AS version, l.version_id IS NOT NULL AS live,
	r.requirement_id, r.kind, r.object, r.expected, b.baseline,
	coalesce(s.state, 'unverified') AS state, s.ever_met, s.problems, s.changed_at
FROM compat_guard.version AS v
JOIN compat_guard.app AS a USING (app_id)
JOIN compat_guard.version_requirement AS vr USING (version_id)
JOIN compat_guard.requirement AS r USING (requirement_id)
LEFT JOIN compat_guard.live_versions() AS l (version_id) USING (version_id)
LEFT JOIN LATERAL (
	SELECT st.state, st.ever_met, st.changed_at,
		(SELECT pg_catalog.jsonb_agg(p.content ORDER BY i.place)
		 FROM compat_guard.problem AS first
		 CROSS JOIN pg_catalog.unnest(first.problem_id || first.part_ids) WITH ORDINALITY AS i (id, place)
		 JOIN compat_guard.problem AS p ON p.problem_id = i.id
		 WHERE first.problem_id = st.problem_id) AS problems
	FROM compat_guard.requirement_state AS st
	WHERE st.requirement_id = r.requirement_id) AS s ON true
LEFT JOIN LATERAL (
	SELECT CASE WHEN p.properties IS NULL THEN own.content
				ELSE own.content || pg_catalog.jsonb_build_object('properties', p.properties) END AS baseline
	FROM compat_guard.baseline AS own
	CROSS JOIN LATERAL (
		-- Of all relations together.
		SELECT pg_catalog.jsonb_object_agg(m.key, m.texts) AS properties
		FROM (
			SELECT e.key, pg_catalog.jsonb_agg(DISTINCT t.text COLLATE "C") AS texts
			FROM compat_guard.baseline AS of_relation
			CROSS JOIN pg_catalog.jsonb_each(of_relation.content) AS e
			CROSS JOIN pg_catalog.jsonb_array_elements_text(e.value) AS t (text)
			WHERE of_relation.baseline_id = ANY (own.part_ids)
			GROUP BY e.key) AS m) AS p
	WHERE own.baseline_id = r.baseline_id) AS b ON true;
COMMENT ON VIEW compat_guard.requirements IS 'what each version needs, and its state when last judged';

CREATE VIEW compat_guard.unmet AS
SELECT a.name AS app, v.name AS version, f.kind, f.object, f.state, f.rule, f.expected, f.found, f.sqlstate
FROM compat_guard.verification() AS f
JOIN compat_guard.version AS v USING (version_id)
JOIN compat_guard.app AS a USING (app_id)
WHERE f.state <> 'met';
COMMENT ON VIEW compat_guard.unmet IS 'what live versions need and do not have, or what cannot be decided; verified when asked';

CREATE VIEW compat_guard.compatibility AS
SELECT a.name AS app, v.name AS version,
	CASE WHEN pg_catalog.count(*) FILTER (WHERE f.state = 'unmet') > 0 THEN 'unmet'
		 WHEN pg_catalog.count(*) FILTER (WHERE f.state = 'unknown') > 0 THEN 'unknown'
		 ELSE 'met' END AS state,
	pg_catalog.array_agg(f.rule || ': ' || f.kind || ' ' || f.object || ': expected ' || f.expected || ', found ' || f.found
						 ORDER BY f.object, f.rule) FILTER (WHERE f.state <> 'met') AS reasons
FROM compat_guard.version AS v
JOIN compat_guard.app AS a USING (app_id)
JOIN compat_guard.live_versions() AS l (version_id) USING (version_id)
LEFT JOIN compat_guard.verification() AS f USING (version_id)
GROUP BY a.name, v.name;
COMMENT ON VIEW compat_guard.compatibility IS 'do the live versions run on the schema as it is; verified when asked';

CREATE FUNCTION compat_guard.rollback_versions()
RETURNS TABLE (version_id bigint, app text, version text, live boolean)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_rollback_versions';
COMMENT ON FUNCTION compat_guard.rollback_versions()
IS 'each live version and each rollback target (compat_guard.rollback_versions)';

CREATE VIEW compat_guard.rollback AS
SELECT r.app, r.version, r.live, f.state, f.reasons,
	r.version_id IS NOT DISTINCT FROM
		pg_catalog.min(r.version_id) FILTER (WHERE f.state <> 'unmet') OVER (PARTITION BY r.app) AS is_rollback_floor,
	v.registered_at, v.retired_at
FROM compat_guard.rollback_versions() AS r
JOIN compat_guard.version AS v USING (version_id)
CROSS JOIN LATERAL (
	SELECT CASE WHEN pg_catalog.count(*) FILTER (WHERE f.state = 'unmet') > 0 THEN 'unmet'
				WHEN pg_catalog.count(*) FILTER (WHERE f.state = 'unknown') > 0 THEN 'unknown'
				ELSE 'met' END AS state,
		pg_catalog.array_agg(f.rule || ': ' || f.kind || ' ' || f.object || ': expected ' || f.expected || ', found ' || f.found
							 ORDER BY f.object, f.rule) FILTER (WHERE f.state <> 'met') AS reasons
	FROM compat_guard.verification(r.app, r.version) AS f) AS f;
COMMENT ON VIEW compat_guard.rollback IS 'could the app go back to this version: live versions and rollback targets, on the schema as it is; verified when asked';

CREATE VIEW compat_guard.dependencies AS
SELECT c.relname::text AS class, d.schema, d.name, a.name AS app, v.name AS version,
	r.kind, r.object
FROM compat_guard.requirement_dependency AS d
JOIN pg_catalog.pg_class AS c ON c.oid = d.class
JOIN compat_guard.requirement AS r USING (requirement_id)
JOIN compat_guard.version_requirement AS vr USING (requirement_id)
JOIN compat_guard.version AS v USING (version_id)
JOIN compat_guard.app AS a USING (app_id)
JOIN compat_guard.live_versions() AS l (version_id) USING (version_id)
WHERE d.object_exists;
COMMENT ON VIEW compat_guard.dependencies IS 'which live version needs which object, by the catalog the object is in; columns as table.column';

CREATE VIEW compat_guard.droppable AS
WITH needed AS (
	SELECT DISTINCT d.class, d.schema, d.name FROM compat_guard.dependencies AS d
), relation AS (
	SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind,
		EXISTS (SELECT FROM needed AS d WHERE d.class = 'pg_class' AND d.schema = n.nspname AND d.name = c.relname) AS is_needed
	FROM pg_catalog.pg_class AS c
	JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
	WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'compat_guard')
		AND c.relpersistence <> 't'
		AND NOT c.relispartition
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e
						WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = c.oid AND e.deptype = 'e')
)
SELECT CASE WHEN r.relkind = 'v' THEN 'view' WHEN r.relkind = 'm' THEN 'materialized view' ELSE 'table' END AS type,
	r.schema, r.name
FROM relation AS r
WHERE r.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT r.is_needed AND EXISTS (SELECT FROM needed)
UNION ALL
SELECT 'column', r.schema, r.name || '.' || att.attname
FROM relation AS r
JOIN pg_catalog.pg_attribute AS att ON att.attrelid = r.oid
WHERE r.relkind IN ('r', 'p', 'f') AND r.is_needed AND att.attnum > 0 AND NOT att.attisdropped
	AND NOT EXISTS (SELECT FROM needed AS d WHERE d.class = 'pg_attribute' AND d.schema = r.schema
					AND d.name = r.name || '.' || att.attname)
UNION ALL
SELECT 'index', r.schema, r.name
FROM relation AS r
JOIN pg_catalog.pg_index AS i ON i.indexrelid = r.oid
WHERE r.relkind IN ('i', 'I') AND NOT r.is_needed AND EXISTS (SELECT FROM needed)
	AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS c WHERE c.conindid = r.oid)
UNION ALL
SELECT 'routine', n.nspname, p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')'
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'compat_guard') AND EXISTS (SELECT FROM needed)
	AND n.nspname NOT LIKE 'pg\_temp\_%'
	AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e
					WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = p.oid AND e.deptype = 'e')
	AND NOT EXISTS (SELECT FROM needed AS d WHERE d.class = 'pg_proc' AND d.schema = n.nspname AND d.name = p.proname);
COMMENT ON VIEW compat_guard.droppable IS 'tables, columns, indexes and routines that no live version needs, as far as contracts tell; empty while nobody is registered';

-- What a version is the last to need.  As in droppable, the columns of a table
-- that may go are not listed by themselves.
CREATE FUNCTION compat_guard.droppable_without(app text, version text)
RETURNS TABLE (type text, schema text, name text)
LANGUAGE SQL STABLE PARALLEL UNSAFE
BEGIN ATOMIC
	WITH freed AS (
		SELECT d.class, d.schema, d.name
		FROM compat_guard.dependencies AS d
		WHERE compat_guard.require_version(droppable_without.app, droppable_without.version)
		GROUP BY d.class, d.schema, d.name
		HAVING bool_and(d.app = droppable_without.app AND d.version = droppable_without.version)
	)
	SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
			WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' ELSE 'table' END AS type,
		f.schema, f.name
	FROM freed AS f
	JOIN pg_namespace AS n ON n.nspname = f.schema
	JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = f.name
	WHERE f.class = 'pg_class' AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'i', 'I')
		AND NOT c.relispartition
		AND NOT EXISTS (SELECT FROM pg_constraint AS con WHERE con.conindid = c.oid)
		AND NOT EXISTS (SELECT FROM pg_depend AS e
						WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
	UNION ALL
	SELECT 'column', f.schema, f.name
	FROM freed AS f
	JOIN pg_namespace AS n ON n.nspname = f.schema
	JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'f')
	JOIN pg_attribute AS att ON att.attrelid = c.oid AND att.attnum > 0 AND NOT att.attisdropped
		AND c.relname || '.' || att.attname = f.name
	WHERE f.class = 'pg_attribute'
		AND NOT EXISTS (SELECT FROM freed AS whole
						WHERE whole.class = 'pg_class' AND whole.schema = f.schema AND whole.name = c.relname)
	UNION ALL
	SELECT 'routine', f.schema, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')'
	FROM freed AS f
	JOIN pg_namespace AS n ON n.nspname = f.schema
	JOIN pg_proc AS p ON p.pronamespace = n.oid AND p.proname = f.name
	WHERE f.class = 'pg_proc'
		AND NOT EXISTS (SELECT FROM pg_depend AS e
						WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
	ORDER BY 2, 3, 1;
END;
COMMENT ON FUNCTION compat_guard.droppable_without(text, text)
IS 'what no other live version needs: what becomes droppable when this one is retired';

CREATE VIEW compat_guard.rules AS
SELECT r."position", r.rule, r.default_action, r.proven_action,
	coalesce(p.action, r.default_action) AS action,
	r.fires_when, r.advice,
	(SELECT pg_catalog.jsonb_object_agg(o.app, o.action) FROM compat_guard.policy AS o
	 WHERE o.rule = r.rule AND o.app <> '') AS by_app
FROM compat_guard.rule_table() AS r
LEFT JOIN compat_guard.policy AS p ON p.rule = r.rule AND p.app = '';
COMMENT ON VIEW compat_guard.rules IS 'every rule with its default and its effective action and the safe way';

CREATE VIEW compat_guard.journal AS
SELECT j.journal_id, j.at, j.verdict, j.mode, j.session_role, j.role, j.application_name, j.client_addr, j.pid, j.xid,
	j.statements, j.statement_count, j.versions, j.findings, j.finding_count, j.reason, j.reason_by,
	j.now_ready, j.rollback_floors
FROM compat_guard.journal_entry AS j;
COMMENT ON VIEW compat_guard.journal IS 'what became of each transaction that changed the schema, and why';

CREATE VIEW compat_guard.journal_status AS
SELECT (SELECT pg_catalog.min(j.at) FROM compat_guard.journal_entry AS j) AS oldest,
	(SELECT pg_catalog.max(j.at) FROM compat_guard.journal_entry AS j) AS newest,
	CASE WHEN s.is_called THEN s.last_value ELSE 0 END AS missed
FROM compat_guard.journal_missed_seq AS s;
COMMENT ON VIEW compat_guard.journal_status IS 'how far back the journal goes, and how many entries of blocked changes are in the server log alone';

-- Cheap enough to be read every few seconds: nothing is verified.  Ages and counts that
-- fall when the journal is pruned are gauges; see monitoring/.
CREATE VIEW compat_guard.metrics AS
WITH version AS MATERIALIZED (
	SELECT v.app, v.version, v.status, v.live, v.live_by, v.sessions, v.leases, v.unmet, v.registered_at,
		v.live AND EXISTS (SELECT FROM compat_guard.version AS later
			JOIN compat_guard.app AS a USING (app_id)
			WHERE a.name = v.app AND later.registered_at > v.registered_at AND later.retired_at IS NULL) AS superseded
	FROM compat_guard.versions AS v
)
SELECT 'versions' AS metric, v.app, NULL::text AS version,
	CASE WHEN v.live THEN v.status ELSE 'not live' END AS label, pg_catalog.count(*)::double precision AS value
FROM version AS v
GROUP BY v.app, 4
UNION ALL
SELECT m.metric, v.app, v.version, NULL, m.value
FROM version AS v
CROSS JOIN LATERAL (VALUES
	('version_sessions', v.sessions::double precision),
	('version_leases', v.leases::double precision),
	('version_unmet_requirements', v.unmet::double precision),
	('version_pending_seconds', CASE WHEN v.status = 'pending'
		THEN extract(epoch FROM pg_catalog.clock_timestamp() - v.registered_at)::double precision ELSE 0 END),
	-- How long it has been live by registration alone beside a later version: nobody can
	-- see whether it runs, and it stands in the way of changes.
	('version_idle_seconds', CASE WHEN v.superseded AND v.live_by = 'registered'
		THEN extract(epoch FROM pg_catalog.clock_timestamp() - v.registered_at)::double precision ELSE 0 END)) AS m (metric, value)
WHERE v.live
UNION ALL
SELECT 'journal_entries', NULL, NULL, u.verdict, pg_catalog.count(j.at)
FROM (VALUES ('allowed'), ('warned'), ('overridden'), ('blocked')) AS u (verdict)
LEFT JOIN compat_guard.journal_entry AS j ON j.verdict = u.verdict
GROUP BY u.verdict
UNION ALL
SELECT 'journal_newest_timestamp_seconds', NULL, NULL, j.verdict, extract(epoch FROM pg_catalog.max(j.at))::double precision
FROM compat_guard.journal_entry AS j
GROUP BY j.verdict
UNION ALL
SELECT 'journal_missed_total', NULL, NULL, NULL, s.missed FROM compat_guard.journal_status AS s;
COMMENT ON VIEW compat_guard.metrics IS 'figures for monitoring, of what was found when last judged: one row for each value';

---------------------------------------------------------------------------
-- The report, and the story of one blocked change.  They read views alone, with
-- the rights of whoever asks.
---------------------------------------------------------------------------

CREATE FUNCTION compat_guard.shown(text)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'compat_guard_shown';
COMMENT ON FUNCTION compat_guard.shown(text)
IS 'a text of others on one line, with characters that are not seen escaped';

CREATE FUNCTION compat_guard.shown_literal(text)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'compat_guard_shown_literal';
COMMENT ON FUNCTION compat_guard.shown_literal(text)
IS 'a text of others as a literal on one line';

CREATE FUNCTION compat_guard.shown_html(text)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'compat_guard_shown_html';
COMMENT ON FUNCTION compat_guard.shown_html(text)
IS 'a text of others for HTML, in ASCII, as shown() shows it';

-- A section of the page: a heading, what it is about, and a table.  cells has a row of
-- HTML for each row, and is null if there is none.  On a narrow screen each row becomes
-- a block in which each cell has the name of its column; the roles say that it is still
-- a table.
CREATE FUNCTION compat_guard.html_section(id text, title text, about text, columns text[], cells text[],
										  more bigint DEFAULT 0)
RETURNS text
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT format(E'<section id="%s" aria-labelledby="%1$s-h">\n<h2 id="%1$s-h">%s</h2>\n<p>%s</p>\n', id, title, about)
		|| CASE WHEN cells IS NULL THEN E'<p class="none">None.</p>\n'
			ELSE format(E'<table role="table" aria-labelledby="%s-h">\n<thead role="rowgroup"><tr role="row">', id)
				|| (SELECT string_agg(format('<th role="columnheader" scope="col">%s</th>', c), '' ORDER BY n)
					FROM unnest(columns) WITH ORDINALITY AS u (c, n))
				|| E'</tr></thead>\n<tbody role="rowgroup">\n'
				|| (SELECT string_agg('<tr role="row">' || r.cells || '</tr>', E'\n' ORDER BY r.n)
					FROM (
						SELECT (u.n - 1) / cardinality(columns) AS n,
							string_agg(CASE (u.n - 1) % cardinality(columns)
									WHEN 0 THEN '<th role="rowheader" scope="row">' || u.cell || '</th>'
									ELSE '<td role="cell" data-label="' || columns[1 + (u.n - 1) % cardinality(columns)] || '">'
										|| coalesce(u.cell, '') || '</td>' END,
								'' ORDER BY u.n) AS cells
						FROM unnest(cells) WITH ORDINALITY AS u (cell, n)
						GROUP BY 1) AS r)
				|| E'\n</tbody></table>\n' END
		|| CASE WHEN more > 0 THEN format(E'<p>And %s more.</p>\n', more) ELSE '' END
		|| E'</section>\n';
END;
COMMENT ON FUNCTION compat_guard.html_section(text, text, text, text[], text[], bigint)
IS 'for report(): a section with a table; everything given is HTML';

-- The status of a version or a verdict: a word with a colour, never a colour alone.
CREATE FUNCTION compat_guard.html_status(status text)
RETURNS text
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT format('<span class="s %s">%s</span>',
		CASE WHEN status IN ('ready', 'met', 'allowed') THEN 'good'
			WHEN status IN ('broken', 'unmet', 'blocked') THEN 'bad'
			WHEN status IN ('pending', 'skipped', 'unverified', 'unknown', 'warned', 'overridden') THEN 'middling'
			ELSE 'plain' END,
		compat_guard.shown_html(status));
END;
COMMENT ON FUNCTION compat_guard.html_status(text) IS 'for report(): a status as HTML';

CREATE FUNCTION compat_guard.html_time(t timestamptz)
RETURNS text
LANGUAGE SQL STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT format('<time datetime="%s">%s</time>', to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
		to_char(t, 'YYYY-MM-DD HH24:MI'));
END;
COMMENT ON FUNCTION compat_guard.html_time(timestamptz) IS 'for report(): a time as HTML';

CREATE FUNCTION compat_guard.html_code(t text)
RETURNS text
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT '<code>' || compat_guard.shown_html(regexp_replace(t, '\s+', ' ', 'g')) || '</code>';
END;
COMMENT ON FUNCTION compat_guard.html_code(text) IS 'for report(): a statement as HTML, on one line';

-- To add a section, call html_section() once more in report(), and name it in the
-- navigation.  To compile the many expressions of it takes longer than to run them.
CREATE FUNCTION compat_guard.report()
RETURNS text
LANGUAGE SQL VOLATILE PARALLEL UNSAFE
SET jit = off
BEGIN ATOMIC
	WITH version AS MATERIALIZED (
		SELECT v.*, row_number() OVER (ORDER BY v.app, v.live DESC, v.registered_at DESC, v.version) AS n
		FROM compat_guard.versions AS v
	), instance AS MATERIALIZED (
		SELECT i.app, i.version, max(i.heartbeat_at) AS heartbeat_at
		FROM compat_guard.instances AS i
		GROUP BY i.app, i.version
	), unmet AS MATERIALIZED (
		SELECT r.app, r.version, r.kind, r.object, r.state, r.ever_met, r.changed_at, p.problem,
			row_number() OVER (ORDER BY r.ever_met DESC, r.app, r.version, r.object, p.place) AS n
		FROM compat_guard.requirements AS r
		LEFT JOIN LATERAL jsonb_array_elements(r.problems) WITH ORDINALITY AS p (problem, place) ON true
		WHERE r.live AND r.state IN ('unmet', 'unknown')
	), needed AS MATERIALIZED (
		SELECT d.schema, d.name, d.app, d.version, v.n
		FROM (SELECT DISTINCT d.schema, d.name, d.app, d.version FROM compat_guard.dependencies AS d
			  WHERE d.class = 'pg_class' AND d.schema NOT IN ('pg_catalog', 'information_schema')) AS d
		JOIN version AS v USING (app, version)
	), needed_by AS MATERIALIZED (
		SELECT d.schema, d.name, d.app, count(*) AS versions, (array_agg(d.version ORDER BY d.n))[1:4] AS newest
		FROM needed AS d
		GROUP BY d.schema, d.name, d.app
	), relation AS MATERIALIZED (
		SELECT d.schema, d.name, sum(d.versions) AS versions,
			string_agg(format('%s: %s%s', compat_guard.shown_html(d.app),
				(SELECT string_agg(compat_guard.shown_html(w.version), ', ' ORDER BY w.n)
				 FROM unnest(d.newest) WITH ORDINALITY AS w (version, n)),
				CASE WHEN d.versions > 4 THEN format(' and %s more', d.versions - 4) ELSE '' END),
				'<br/>' ORDER BY d.app) AS needed_by,
			row_number() OVER (ORDER BY d.schema, d.name) AS n
		FROM needed_by AS d
		GROUP BY d.schema, d.name
	), droppable AS MATERIALIZED (
		SELECT d.type, d.schema, count(*) AS objects, array_agg(d.name ORDER BY d.name) AS names
		FROM compat_guard.droppable AS d
		GROUP BY d.type, d.schema
	), journal AS MATERIALIZED (
		SELECT j.*, row_number() OVER (ORDER BY j.at DESC) AS n
		FROM (SELECT * FROM compat_guard.journal AS j ORDER BY j.at DESC LIMIT 101) AS j
	)
	SELECT $$<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="referrer" content="no-referrer"/>
<title>$$ || compat_guard.shown_html(current_database()) || $$: compat_guard</title>
<style>
:root { color-scheme: light dark; --text: #1c2430; --back: #fff; --soft: #55606e; --line: #d5dbe3; --head: #f2f5f8;
  --link: #0b57a4; --good: #14602b; --bad: #a3161d; --middling: #7a4b00; }
@media (prefers-color-scheme: dark) { :root { --text: #e3e8ee; --back: #12171e; --soft: #a5b0bd; --line: #333d49;
  --head: #1b222b; --link: #82b7f2; --good: #7fd393; --bad: #ff9b98; --middling: #f0be68; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 80rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .25rem; }
p { margin: .25rem 0 .75rem; } p, .none { color: var(--soft); }
a { color: var(--link); } a:focus-visible, summary:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin: 1rem 0; }
dl div { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .75rem; background: var(--head); }
dt { color: var(--soft); font-size: .875rem; } dd { margin: 0; font-size: 1.5rem; font-weight: 600; }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
th, td { text-align: left; vertical-align: top; padding: .375rem .75rem .375rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; min-width: 6.5rem; }
thead th { color: var(--soft); font-weight: 600; overflow-wrap: normal; } tbody th { font-weight: 600; }
code { font: .875rem/1.45 ui-monospace, monospace; } bdi, code { unicode-bidi: isolate; }
.s { font-weight: 600; white-space: nowrap; } .s::before { content: "\25CF\00A0"; }
.good { color: var(--good); } .bad { color: var(--bad); } .middling { color: var(--middling); } .plain { color: var(--soft); }
.s.bad::before { content: "\2716\00A0"; } .s.middling::before { content: "\25B2\00A0"; } .s.plain::before { content: "\25CB\00A0"; }
ul.f { margin: .25rem 0; padding-left: 1.1rem; } time { white-space: nowrap; }
@media (max-width: 60rem) {
  table, tbody, tr, th, td { display: block; width: 100%; }
  thead { position: absolute; clip-path: inset(50%); height: 1px; width: 1px; overflow: hidden; white-space: nowrap; }
  tr { border-bottom: 1px solid var(--line); padding: .5rem 0; } th, td { border: 0; padding: .125rem 0; min-width: 0; }
  td:not(:empty)::before { content: attr(data-label) ": "; color: var(--soft); font-size: .875rem; }
  td:empty { display: none; } time { white-space: normal; }
}
@media print { nav { display: none; } tr { break-inside: avoid; } }
</style>
</head>
<body>
<header>
<h1>Database $$ || compat_guard.shown_html(current_database()) || $$</h1>
<p>The schema and the application versions that live on it, as compat_guard saw them at $$
		|| compat_guard.html_time(now()) || $$. Times are in the time zone $$ || compat_guard.shown_html(current_setting('TimeZone')) || $$.</p>
</header>
<nav aria-label="Sections"><ul><li><a href="#unmet">What is broken or pending</a></li><li><a href="#versions">Versions</a></li><li><a href="#schema">Schema</a></li><li><a href="#droppable">Droppable</a></li><li><a href="#journal">Journal</a></li><li><a href="#rules">Rules</a></li></ul></nav>
<main>
<dl>
$$
		|| (SELECT string_agg(format(E'<div><dt>%s</dt><dd%s>%s</dd></div>\n', t.name,
				CASE WHEN t.class <> '' AND t.value > 0 THEN format(' class="%s"', t.class) ELSE '' END, t.value), '' ORDER BY t.n)
			FROM (
				SELECT 1, 'live versions', '', count(*) FROM version AS v WHERE v.live
				UNION ALL SELECT 2, 'ready', 'good', count(*) FROM version AS v WHERE v.live AND v.status = 'ready'
				UNION ALL SELECT 3, 'pending', 'middling', count(*) FROM version AS v WHERE v.live AND v.status = 'pending'
				UNION ALL SELECT 4, 'broken', 'bad', count(*) FROM version AS v WHERE v.live AND v.status = 'broken'
				UNION ALL SELECT 5, 'blocked in 7 days', '', count(*) FROM compat_guard.journal AS j
					WHERE j.verdict = 'blocked' AND j.at > now() - interval '7 days'
				UNION ALL SELECT 6, 'droppable objects', '', coalesce(sum(d.objects), 0) FROM droppable AS d
			) AS t (n, name, class, value))
		|| E'</dl>\n'
		|| compat_guard.html_section('unmet', 'What is broken or pending',
			'What live versions need and the schema does not have, when it was last judged. What is broken was there before. What is pending is still to come.',
			ARRAY['version', 'state', 'needs', 'expected', 'found', 'rule', 'since'],
			(SELECT array_agg(ARRAY[
				compat_guard.shown_html(u.app || ' ' || u.version),
				compat_guard.html_status(CASE WHEN u.state = 'unknown' THEN 'unknown' WHEN u.ever_met THEN 'broken' ELSE 'pending' END),
				compat_guard.shown_html(u.kind || ' ' || u.object),
				compat_guard.shown_html(u.problem->>'expected'), compat_guard.shown_html(u.problem->>'found'),
				compat_guard.shown_html(u.problem->>'rule'), compat_guard.html_time(u.changed_at)] ORDER BY u.n)
			 FROM unmet AS u WHERE u.n <= 300),
			(SELECT count(*) - 300 FROM unmet AS u))
		|| compat_guard.html_section('versions', 'Versions',
			'The live ones first. Live by session, lease or support ends by itself; a version that is live by registration alone protects the schema until it is retired.',
			ARRAY['version', 'status', 'live by', 'instances', 'last heartbeat', 'needs', 'role', 'registered'],
			(SELECT array_agg(ARRAY[
				compat_guard.shown_html(v.app || ' ' || v.version),
				compat_guard.html_status(v.status),
				CASE WHEN v.live THEN compat_guard.shown_html(v.live_by)
					|| CASE WHEN v.replaced_by IS NOT NULL THEN ', replaced by ' || compat_guard.shown_html(v.replaced_by) ELSE '' END
					ELSE 'not live' || coalesce(': ' || compat_guard.shown_html(v.retire_reason), '') END,
				concat_ws(', ', CASE WHEN v.sessions > 0 THEN v.sessions || CASE v.sessions WHEN 1 THEN ' session' ELSE ' sessions' END END,
					CASE WHEN v.leases > 0 THEN v.leases || CASE v.leases WHEN 1 THEN ' lease' ELSE ' leases' END END),
				compat_guard.html_time(i.heartbeat_at),
				v.requirements || CASE WHEN v.unmet > 0 THEN format(', %s unmet', v.unmet) ELSE '' END,
				compat_guard.shown_html(v.role), compat_guard.html_time(v.registered_at)] ORDER BY NOT v.live, v.n)
			 FROM (SELECT v.*, row_number() OVER (ORDER BY NOT v.live, v.n) AS place FROM version AS v) AS v
			 LEFT JOIN instance AS i USING (app, version) WHERE v.place <= 500),
			(SELECT count(*) - 500 FROM version AS v))
		|| compat_guard.html_section('schema', 'Schema',
			'Which live versions need which table or view, the newest of each application first.',
			ARRAY['relation', 'versions', 'needed by'],
			(SELECT array_agg(ARRAY[
				compat_guard.shown_html(format('%I.%I', r.schema, r.name)), r.versions::text, r.needed_by] ORDER BY r.n)
			 FROM relation AS r WHERE r.n <= 2000),
			(SELECT count(*) - 2000 FROM relation AS r))
		|| compat_guard.html_section('droppable', 'Droppable',
			'What no live version needs, as far as contracts tell.',
			ARRAY['type', 'schema', 'number', 'names'],
			(SELECT array_agg(ARRAY[
				d.type, compat_guard.shown_html(d.schema), d.objects::text,
				(SELECT string_agg(compat_guard.shown_html(u.name), ', ' ORDER BY u.n)
				 FROM unnest(d.names[1:300]) WITH ORDINALITY AS u (name, n))
				|| CASE WHEN d.objects > 300 THEN format(' and %s more', d.objects - 300) ELSE '' END]
				ORDER BY d.schema, d.type)
			 FROM droppable AS d WHERE d.objects > 0))
		|| compat_guard.html_section('journal', 'Journal',
			'The last 100 changes of the schema. '
			|| (SELECT CASE WHEN s.missed > 0 THEN format('%s entries are in the server log alone. ', s.missed) ELSE '' END
				FROM compat_guard.journal_status AS s)
			|| 'The function <code>explain_block()</code> tells the whole story of a blocked one.',
			ARRAY['at', 'number', 'verdict', 'by', 'statements', 'findings', 'reason'],
			(SELECT array_agg(ARRAY[
				compat_guard.html_time(j.at), j.journal_id::text, compat_guard.html_status(j.verdict),
				compat_guard.shown_html(j.role)
					|| CASE WHEN j.application_name <> '' THEN ', ' || compat_guard.shown_html(j.application_name) ELSE '' END,
				(SELECT string_agg(compat_guard.html_code(left(s.statement, 200)), '<br/>' ORDER BY s.n)
				 FROM unnest(j.statements[1:5]) WITH ORDINALITY AS s (statement, n))
				|| CASE WHEN j.statement_count > 5 THEN format('<br/>and %s more', j.statement_count - 5) ELSE '' END,
				(SELECT format('<details><summary>%s</summary><ul class="f">%s</ul></details>', j.finding_count,
					string_agg(format('<li>%s</li>', compat_guard.shown_html(concat(
						(f.finding->>'app') || ' ' || (f.finding->>'version') || ', ', f.finding->>'kind', ' ', f.finding->>'object', ': expected ',
						f.finding->>'expected', ', found ', f.finding->>'found', ' (', f.finding->>'rule', ', ', f.finding->>'action', ')'))),
						'' ORDER BY f.n))
				 FROM jsonb_array_elements(j.findings) WITH ORDINALITY AS f (finding, n) WHERE f.n <= 20 HAVING count(*) > 0),
				compat_guard.shown_html(j.reason || ' (' || j.reason_by || ')')] ORDER BY j.n)
			 FROM journal AS j WHERE j.n <= 100))
		|| compat_guard.html_section('rules', 'Rules',
			'Rules whose action is not the default.',
			ARRAY['rule', 'default', 'action', 'for one application'],
			(SELECT array_agg(ARRAY[
				compat_guard.shown_html(r.rule), r.default_action, compat_guard.shown_html(r.action),
				(SELECT string_agg(compat_guard.shown_html(e.key || ': ' || e.value), '<br/>' ORDER BY e.key)
				 FROM jsonb_each_text(r.by_app) AS e)] ORDER BY r."position")
			 FROM compat_guard.rules AS r WHERE r.action <> r.default_action OR r.by_app IS NOT NULL))
		|| E'</main>\n</body>\n</html>\n';
END;
COMMENT ON FUNCTION compat_guard.report()
IS 'one page of HTML: which versions live, what is broken, who needs what, what is droppable, and the journal';

-- Lines of at most 76 characters, for psql on a screen of 80; a longer word stays whole.
CREATE FUNCTION compat_guard.story_lines(indent integer, story text)
RETURNS SETOF text
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT repeat(' ', indent + CASE WHEN u.n > 1 THEN 2 ELSE 0 END) || u.line
	FROM regexp_split_to_table(rtrim(regexp_replace(story, format('(.{1,%s})(?:\s+|$)', 74 - indent), E'\\1\n', 'g'), E'\n'), E'\n')
		WITH ORDINALITY AS u (line, n);
END;
COMMENT ON FUNCTION compat_guard.story_lines(integer, text) IS 'for explain_block(): a paragraph as indented lines';

-- Calls are never broken into lines: white space in a literal is part of a name.
CREATE FUNCTION compat_guard.explain_block(journal_id bigint DEFAULT NULL)
RETURNS SETOF text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	entry compat_guard.journal;
	victim record;
	finding record;
	advice text;
	in_the_way boolean := false;
	harm boolean := false;
	calls text[] := '{}';
BEGIN
	IF explain_block.journal_id IS NULL THEN
		SELECT j.* INTO entry FROM compat_guard.journal AS j WHERE j.verdict = 'blocked'
		ORDER BY j.at DESC, j.journal_id DESC LIMIT 1;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'the journal has no blocked change' USING ERRCODE = 'no_data_found';
		END IF;
	ELSE
		SELECT j.* INTO entry FROM compat_guard.journal AS j WHERE j.journal_id = explain_block.journal_id;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'the journal has no blocked change of number %', explain_block.journal_id
				USING ERRCODE = 'no_data_found',
					HINT = 'SELECT journal_id, at, statements FROM compat_guard.journal WHERE verdict = ''blocked''.';
		END IF;
	END IF;

	RETURN QUERY SELECT compat_guard.story_lines(0, format('Change %s was blocked at %s.', entry.journal_id, to_char(entry.at, 'YYYY-MM-DD HH24:MI')));
	RETURN QUERY SELECT compat_guard.story_lines(0, 'It was made by ' || concat_ws(', ',
		'role ' || coalesce(entry.role, 'unknown'),
		CASE WHEN entry.session_role <> entry.role THEN 'logged in as ' || entry.session_role END,
		CASE WHEN entry.application_name <> '' THEN 'application ' || compat_guard.shown(entry.application_name) END,
		'from ' || host(entry.client_addr),
		'process ' || entry.pid) || ':');
	RETURN QUERY SELECT l.line
		FROM unnest(entry.statements[1:10]) WITH ORDINALITY AS s (statement, n),
			compat_guard.story_lines(2, compat_guard.shown(regexp_replace(s.statement, '\s+', ' ', 'g')) || ';') WITH ORDINALITY AS l (line, m)
		ORDER BY s.n, l.m;
	IF entry.statement_count > 10 THEN
		RETURN NEXT format('  and %s more', entry.statement_count - 10);
	END IF;

	FOR victim IN
		SELECT f.app, f.version, v.status, v.live, v.live_by, v.sessions, v.leases, v.supported_until, v.registered_by, v.registered_at,
			v.retired_by, v.retired_at, v.role, v.owner, v.app IS NOT NULL AS registered, i.heartbeat_at, i.clients,
			row_number() OVER (ORDER BY min(f.n)) AS n
		FROM (SELECT u.f->>'app' AS app, u.f->>'version' AS version, u.n
			  FROM jsonb_array_elements(entry.findings) WITH ORDINALITY AS u (f, n) WHERE u.f->>'action' = 'block') AS f
		LEFT JOIN compat_guard.versions AS v USING (app, version)
		LEFT JOIN LATERAL (
			SELECT max(i.heartbeat_at) AS heartbeat_at,
				string_agg(DISTINCT nullif(concat_ws(' at ', nullif(compat_guard.shown(i.application_name), ''), host(i.client_addr)), ''), ', ') AS clients
			FROM compat_guard.instances AS i WHERE i.app = f.app AND i.version = f.version) AS i ON true
		GROUP BY f.app, f.version, v.status, v.live, v.live_by, v.sessions, v.leases, v.supported_until, v.registered_by, v.registered_at,
			v.retired_by, v.retired_at, v.role, v.owner, v.app, i.heartbeat_at, i.clients
		ORDER BY min(f.n)
	LOOP
		RETURN NEXT '';
		RETURN QUERY SELECT compat_guard.story_lines(0, CASE WHEN victim.app IS NULL THEN 'It would have done harm:'
			ELSE format('It would have broken %s %s:', compat_guard.shown(victim.app), compat_guard.shown(victim.version)) END);
		FOR finding IN
			SELECT f->>'kind' AS kind, f->>'object' AS object, f->>'expected' AS expected, f->>'found' AS found, f->>'rule' AS rule
			FROM jsonb_array_elements(entry.findings) WITH ORDINALITY AS u (f, n)
			WHERE f->>'app' IS NOT DISTINCT FROM victim.app AND f->>'version' IS NOT DISTINCT FROM victim.version AND f->>'action' = 'block'
			ORDER BY n LIMIT 10
		LOOP
			RETURN QUERY SELECT compat_guard.story_lines(2, format('%s: expected %s, found %s (%s).',
				concat_ws(' ', finding.kind, compat_guard.shown(finding.object)),
				compat_guard.shown(finding.expected), compat_guard.shown(finding.found), finding.rule));
		END LOOP;
		IF victim.app IS NULL THEN
			harm := true;
			CONTINUE;
		ELSIF NOT victim.registered THEN
			RETURN NEXT '  It is not registered any more.';
			CONTINUE;
		END IF;
		RETURN QUERY SELECT compat_guard.story_lines(2, format('Registered at %s by %s; now %s.',
			to_char(victim.registered_at, 'YYYY-MM-DD HH24:MI'), compat_guard.shown(victim.registered_by), victim.status));
		IF NOT victim.live THEN
			RETURN QUERY SELECT compat_guard.story_lines(2, CASE WHEN victim.retired_at IS NOT NULL
				THEN format('It was retired at %s by %s.', to_char(victim.retired_at, 'YYYY-MM-DD HH24:MI'), compat_guard.shown(victim.retired_by))
				ELSE 'It is not live any more: no instance of it is seen.' END);
			CONTINUE;
		END IF;
		in_the_way := true;
		RETURN QUERY SELECT compat_guard.story_lines(2, 'Last seen ' || CASE
			WHEN victim.sessions > 0 THEN format('now: %s attached%s.',
				CASE victim.sessions WHEN 1 THEN '1 session is' ELSE victim.sessions || ' sessions are' END,
				coalesce(' (' || victim.clients || ')', ''))
			WHEN victim.heartbeat_at IS NOT NULL THEN format('at %s, the last heartbeat; %s.', to_char(victim.heartbeat_at, 'YYYY-MM-DD HH24:MI'),
				CASE victim.leases WHEN 1 THEN '1 lease runs' ELSE victim.leases || ' leases run' END)
			ELSE 'when it registered: its instances do not report themselves.' END
			|| CASE WHEN victim.supported_until > now() THEN format(' It is supported until %s.', to_char(victim.supported_until, 'YYYY-MM-DD HH24:MI')) ELSE '' END);

		IF victim.sessions + victim.leases > 0 THEN
			calls := calls || 'SELECT * FROM compat_guard.instances'::text;
			calls := calls || format('  WHERE app = %s AND version = %s;',
				compat_guard.shown_literal(victim.app), compat_guard.shown_literal(victim.version));
		END IF;
		calls := calls || format('SELECT compat_guard.retire(%s, %s);', compat_guard.shown_literal(victim.app), compat_guard.shown_literal(victim.version));
	END LOOP;

	RETURN NEXT '';
	IF NOT (in_the_way OR harm) THEN
		RETURN NEXT 'None of these versions is live any more. Make the change again.';
		RETURN;
	END IF;
	RETURN NEXT 'The way out:';
	FOR advice IN
		SELECT r.advice FROM compat_guard.rules AS r
		WHERE r.rule IN (SELECT f->>'rule' FROM jsonb_array_elements(entry.findings) AS f WHERE f->>'action' = 'block')
		ORDER BY r."position"
	LOOP
		RETURN QUERY SELECT compat_guard.story_lines(2, '- ' || upper(left(advice, 1)) || substr(advice, 2) || '.');
	END LOOP;
	IF in_the_way THEN
		RETURN NEXT '  - Retire a version when no instance of it runs any more:';
		RETURN QUERY SELECT '      ' || c FROM unnest(calls) WITH ORDINALITY AS u (c, n) ORDER BY n;
	END IF;
	RETURN NEXT '  - Ask whether another change would pass:';
	RETURN NEXT '      SELECT rule, action, requirement, found';
	RETURN NEXT '      FROM compat_guard.preview(''...'');';
	RETURN NEXT '  - Make it all the same, and have the journal say why:';
	RETURN NEXT '      BEGIN;';
	RETURN QUERY SELECT DISTINCT '      SELECT compat_guard.allow(' || CASE WHEN f->>'app' IS NULL
			THEN format('''why'', rule => %L);', f->>'rule')
			ELSE format('''the reason'', %s, %s);', compat_guard.shown_literal(f->>'app'), compat_guard.shown_literal(f->>'version')) END
		FROM jsonb_array_elements(entry.findings) AS f WHERE f->>'action' = 'block' ORDER BY 1;
	RETURN NEXT '      ...';
	RETURN NEXT '      COMMIT;';
END;
$$;
COMMENT ON FUNCTION compat_guard.explain_block(bigint)
IS 'the story of a blocked change by its number in the journal, or of the last one: who needs what it takes away, since when, last seen when, and the way out';

---------------------------------------------------------------------------
-- Expand, migrate, switch, contract.
---------------------------------------------------------------------------

CREATE FUNCTION compat_guard.dual_write()
RETURNS trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'compat_guard_dual_write';
COMMENT ON FUNCTION compat_guard.dual_write()
IS 'writes both columns of an expansion; its triggers are made by compat_guard.expand_column()';

CREATE FUNCTION compat_guard.expand_column(relation regclass, old_column text, new_column text, type text,
										   up text, down text, name text DEFAULT NULL,
										   on_error text DEFAULT 'reject', dry_run boolean DEFAULT false)
RETURNS TABLE (step integer, phase text, statement text, lock text, note text)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_expand_column';
COMMENT ON FUNCTION compat_guard.expand_column(regclass, text, text, text, text, text, text, text, boolean)
IS 'begin to replace a column: the new one is added, and from now on both are written; returns the plan';

CREATE PROCEDURE compat_guard.backfill(name text, batch integer DEFAULT 1000, pause interval DEFAULT '0',
									   INOUT migrated boolean DEFAULT NULL)
LANGUAGE C
AS 'MODULE_PATHNAME', 'compat_guard_backfill';
COMMENT ON PROCEDURE compat_guard.backfill(text, integer, interval, boolean)
IS 'give the rows that were there before the expansion their value in the new column, and prove that all agree';

CREATE FUNCTION compat_guard.verify_expansion(name text, OUT rows bigint, OUT unmigrated bigint,
											  OUT disagreeing bigint, OUT failing bigint, OUT sample text)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_verify_expansion';
COMMENT ON FUNCTION compat_guard.verify_expansion(text)
IS 'read every row: in how many do the columns of the expansion not agree';

CREATE PROCEDURE compat_guard.contract(name text)
LANGUAGE C
AS 'MODULE_PATHNAME', 'compat_guard_contract';
COMMENT ON PROCEDURE compat_guard.contract(text)
IS 'end an expansion: remove the old column, if no live version needs it and all rows are migrated';

CREATE FUNCTION compat_guard.abandon(name text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_abandon';
COMMENT ON FUNCTION compat_guard.abandon(text)
IS 'take an expansion back: remove the new column';

CREATE FUNCTION compat_guard.expansion_damage(name text)
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_expansion_damage';
COMMENT ON FUNCTION compat_guard.expansion_damage(text)
IS 'what keeps an expansion from writing both columns, or null (compat_guard.expansions)';

CREATE VIEW compat_guard.expansions AS
SELECT e.name, e.relation, e.old_column, e.new_column,
	CASE WHEN e.phase = 'migrated' AND b.blockers IS NULL THEN 'switched' ELSE e.phase END AS phase,
	e.phase_at, e.rows_done, e.rows_total, e.rows_skipped, e.rows_failed,
	CASE WHEN e.phase = 'backfilling'
		THEN pg_catalog.round(e.rows_done / greatest(extract(epoch FROM pg_catalog.clock_timestamp() - e.backfill_at), 0.001), 1)
	END AS rows_per_second,
	CASE WHEN e.phase = 'backfilling' AND e.rows_done > 0 AND e.rows_total > e.rows_done
		THEN pg_catalog.clock_timestamp() + (pg_catalog.clock_timestamp() - e.backfill_at) * ((e.rows_total - e.rows_done)::float8 / e.rows_done)
	END AS estimated_end,
	d.damage, b.blockers,
	CASE WHEN d.damage IS NOT NULL THEN pg_catalog.format('SELECT compat_guard.abandon(%L)', e.name)
		WHEN e.phase IN ('expanded', 'backfilling') THEN pg_catalog.format('CALL compat_guard.backfill(%L)', e.name)
		WHEN e.phase = 'migrated' AND b.blockers IS NULL THEN pg_catalog.format('CALL compat_guard.contract(%L)', e.name)
	END AS next_call,
	e.up, e.down, e.on_error, e.created_by, e.created_at
FROM compat_guard.expansion AS e
CROSS JOIN LATERAL (SELECT compat_guard.expansion_damage(e.name) AS damage) AS d
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = e.relation
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
	SELECT pg_catalog.array_agg(DISTINCT v.app || ' ' || v.version) AS blockers
	FROM compat_guard.dependencies AS v
	WHERE e.phase IN ('expanded', 'backfilling', 'migrated')
		AND v.class = 'pg_attribute' AND v.schema = n.nspname AND v.name = c.relname || '.' || e.old_column) AS b;
COMMENT ON VIEW compat_guard.expansions IS 'columns that are being replaced: how far that is, which versions still need the old one, and what to call next';

---------------------------------------------------------------------------
-- What was learned from traffic.
---------------------------------------------------------------------------

CREATE VIEW compat_guard.learned AS
SELECT a.name AS app, v.name AS version, r.expected ->> 'sql' AS statement,
	coalesce(r.expected -> 'params', '[]') AS params, r.role, r.search_path,
	coalesce(s.state, 'unverified') AS state, l.first_seen, l.last_seen, l.calls, l.sessions,
	r.requirement_id
FROM compat_guard.learned_statement AS l
JOIN compat_guard.version AS v USING (version_id)
JOIN compat_guard.app AS a USING (app_id)
JOIN compat_guard.requirement AS r USING (requirement_id)
LEFT JOIN compat_guard.requirement_state AS s USING (requirement_id);
COMMENT ON VIEW compat_guard.learned IS 'statements that sessions of a version were seen to send, with constants as parameters; counts are told at intervals';

CREATE FUNCTION compat_guard.learning_counts(OUT messages bigint, OUT lost bigint, OUT ignored_sessions bigint,
											 OUT waiting_bytes bigint, OUT worker_pid integer)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_learning_counts';
COMMENT ON FUNCTION compat_guard.learning_counts()
IS 'since the server started, in this database: what sessions told the worker, what was lost, and sessions that are not who they say';

CREATE VIEW compat_guard.learning AS
SELECT a.name AS app, v.name AS version,
	(SELECT pg_catalog.count(*) FROM compat_guard.learned_statement AS l WHERE l.version_id = v.version_id) AS statements,
	coalesce(u.incomplete, false) AS incomplete, u.unlearned
FROM compat_guard.version AS v
JOIN compat_guard.app AS a USING (app_id)
LEFT JOIN (
	SELECT n.version_id, pg_catalog.jsonb_object_agg(n.reason, n.statements) AS unlearned,
		pg_catalog.bool_or(n.reason <> 'temporary') AS incomplete
	FROM compat_guard.unlearned AS n
	GROUP BY n.version_id) AS u USING (version_id)
WHERE u.version_id IS NOT NULL
	OR EXISTS (SELECT FROM compat_guard.learned_statement AS l WHERE l.version_id = v.version_id);
COMMENT ON VIEW compat_guard.learning IS 'how much was learned of each version, and whether statements are missing, and why';

CREATE FUNCTION compat_guard.adopt(app text, version text, role text DEFAULT NULL, search_path text DEFAULT NULL)
RETURNS jsonb
LANGUAGE SQL STABLE PARALLEL UNSAFE
BEGIN ATOMIC
	WITH wanted AS (
		SELECT coalesce(adopt.role, v.role) AS role, coalesce(adopt.search_path, v.search_path) AS search_path
		FROM compat_guard.version AS v JOIN compat_guard.app AS a USING (app_id)
		WHERE a.name = adopt.app AND v.name = adopt.version
	)
	SELECT jsonb_build_object('role', w.role, 'search_path', w.search_path,
		'queries', coalesce((
			SELECT jsonb_object_agg(r.object, (r.expected - 'name') - 'learned')
			FROM compat_guard.requirements AS r
			JOIN compat_guard.requirement AS q USING (requirement_id)
			WHERE r.app = adopt.app AND r.version = adopt.version AND r.kind = 'query'
				AND r.expected @> '{"learned": true}'
				AND q.role = w.role AND q.search_path = w.search_path), '{}'))
	FROM wanted AS w
	WHERE compat_guard.require_version(adopt.app, adopt.version);
END;
COMMENT ON FUNCTION compat_guard.adopt(text, text, text, text)
IS 'the statements that were learned as a contract document, to review and commit; those of one role and search_path, the version''s unless given';

CREATE FUNCTION compat_guard.merge(declared jsonb, learned jsonb)
RETURNS jsonb
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT declared || jsonb_build_object('queries', coalesce(declared -> 'queries', '{}') || coalesce((
		SELECT jsonb_object_agg(l.key, l.value)
		FROM jsonb_each(learned -> 'queries') AS l
		WHERE NOT coalesce(declared -> 'queries', '{}') ? l.key
			AND NOT EXISTS (
				SELECT FROM jsonb_each(declared -> 'queries') AS d
				WHERE regexp_replace(btrim(coalesce(d.value ->> 'sql', d.value #>> '{}'), E' \t\r\n;'), '\s+', ' ', 'g')
					= l.value ->> 'sql')), '{}'));
END;
COMMENT ON FUNCTION compat_guard.merge(jsonb, jsonb)
IS 'a declared contract with the learned queries that it does not have, by name or by text';

CREATE FUNCTION compat_guard.compare(app text, from_version text, to_version text)
RETURNS TABLE (change text, kind text, object text, expected jsonb, role text, search_path text, learned boolean)
LANGUAGE SQL STABLE PARALLEL UNSAFE
BEGIN ATOMIC
	WITH needed AS (
		SELECT v.name AS version, r.kind, r.object, (r.expected - 'name') - 'learned' AS expected,
			r.role, r.search_path, r.expected @> '{"learned": true}' AS learned
		FROM compat_guard.version AS v
		JOIN compat_guard.app AS a USING (app_id)
		JOIN compat_guard.version_requirement AS vr USING (version_id)
		JOIN compat_guard.requirement AS r USING (requirement_id)
		WHERE a.name = compare.app AND v.name IN (compare.from_version, compare.to_version)
			AND compat_guard.require_version(compare.app, compare.from_version)
			AND compat_guard.require_version(compare.app, compare.to_version)
	)
	SELECT CASE WHEN n.version = compare.to_version THEN 'came' ELSE 'went' END,
		n.kind, n.object, n.expected, n.role, n.search_path, n.learned
	FROM needed AS n
	WHERE NOT EXISTS (
		SELECT FROM needed AS o
		WHERE o.version <> n.version AND o.kind = n.kind AND o.expected = n.expected
			AND o.role = n.role AND o.search_path = n.search_path)
	ORDER BY 1, 2, 3;
END;
COMMENT ON FUNCTION compat_guard.compare(text, text, text)
IS 'what the second version needs that the first did not, and the other way round, declared or learned';

---------------------------------------------------------------------------
-- Reports on scripts.
---------------------------------------------------------------------------

CREATE TYPE compat_guard.report_format AS ENUM ('text', 'json', 'sarif', 'github', 'markdown');
COMMENT ON TYPE compat_guard.report_format IS 'how preview_report() writes what preview() finds';

-- Escapes that the formats need.  GitHub reads a workflow command up to the end of the line, and its properties up
-- to a comma or colon.  In Markdown a backslash before any punctuation of ASCII makes it plain; a name after @ is a
-- mention even so, unless something is between.  Code is fenced with more backticks than it has in a row.
CREATE FUNCTION compat_guard.github_escape(value text, property boolean)
RETURNS text
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN property THEN replace(replace(e.escaped, ':', '%3A'), ',', '%2C') ELSE e.escaped END
	FROM (SELECT replace(replace(replace(value, '%', '%25'), E'\r', '%0D'), E'\n', '%0A')) AS e (escaped);
END;
COMMENT ON FUNCTION compat_guard.github_escape(text, boolean) IS 'escape a text for a workflow command of GitHub';

CREATE FUNCTION compat_guard.markdown_escape(value text)
RETURNS text
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT replace(regexp_replace(regexp_replace(value, '\s+', ' ', 'g'), '([!-/:-?[-`{-~])', '\\\1', 'g'), '@', '@<!-- -->');
END;
COMMENT ON FUNCTION compat_guard.markdown_escape(text) IS 'escape a text for one line of Markdown';

CREATE FUNCTION compat_guard.markdown_code(value text)
RETURNS text
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT concat(f.fence, E'sql\n', value, E'\n', f.fence)
	FROM (SELECT repeat('`', 1 + coalesce(max(greatest(2, length(r.run[1]))), 2))
		FROM regexp_matches(value, '`+', 'g') AS r (run)) AS f (fence);
END;
COMMENT ON FUNCTION compat_guard.markdown_code(text) IS 'fence a text as code in Markdown';

CREATE FUNCTION compat_guard.uri_escape(value text)
RETURNS text
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT coalesce(string_agg(CASE WHEN b.byte IN (45, 46, 47, 95, 126) OR b.byte BETWEEN 48 AND 57
			OR b.byte BETWEEN 65 AND 90 OR b.byte BETWEEN 97 AND 122
		THEN chr(b.byte) ELSE '%' || upper(lpad(to_hex(b.byte), 2, '0')) END, '' ORDER BY b.place), '')
	FROM (SELECT get_byte(u.bytes, p.place), p.place
		FROM (SELECT convert_to(value, 'UTF8')) AS u (bytes), generate_series(0, length(u.bytes) - 1) AS p (place)) AS b (byte, place);
END;
COMMENT ON FUNCTION compat_guard.uri_escape(text) IS 'make a path a reference of a URI';

CREATE FUNCTION compat_guard.preview_report(ddl text, format compat_guard.report_format DEFAULT 'text',
											file text DEFAULT 'migration.sql',
											OUT report text, OUT blocked boolean)
LANGUAGE SQL VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	WITH finding AS MATERIALIZED (
		SELECT row_number() OVER () AS place, f.*,
			coalesce(f.line, 1) AS at_line, coalesce(f.col, 1) AS at_col,
			CASE f.action WHEN 'block' THEN 'error' WHEN 'warn' THEN 'warning' ELSE 'note' END AS level,
			concat_ws(': ', nullif(concat_ws(' ', f.app, f.version), ''), f.requirement,
				CASE WHEN f.expected IS NULL THEN f.message
					ELSE concat('expected ', f.expected, ', found ', coalesce(f.found, f.message)) END) AS summary
		FROM compat_guard.preview(ddl) AS f),
	total AS (
		SELECT count(*) AS n, count(*) FILTER (WHERE f.action = 'block') AS blocks,
			concat(count(*), CASE count(*) WHEN 1 THEN ' finding' ELSE ' findings' END,
				CASE WHEN count(*) > 0 THEN ': ' || concat_ws(', ',
					nullif(count(*) FILTER (WHERE f.action = 'block'), 0) || ' block',
					nullif(count(*) FILTER (WHERE f.action = 'warn'), 0) || ' warn',
					nullif(count(*) FILTER (WHERE f.action = 'log'), 0) || ' log',
					nullif(count(*) FILTER (WHERE f.action = 'overridden'), 0) || ' overridden') END) AS line
		FROM finding AS f)
	SELECT CASE preview_report.format
		WHEN 'text' THEN concat((
			SELECT string_agg(concat_ws(E'\n', format('%s:%s:%s: %s: %s (%s)', preview_report.file, f.at_line, f.at_col, f.action, f.summary, f.rule),
				'    ' || replace(f.advice, E'\n', E'\n    ')), E'\n' ORDER BY f.place) || E'\n' FROM finding AS f),
			t.line)
		WHEN 'json' THEN jsonb_pretty(jsonb_build_object('blocked', t.blocks > 0, 'file', preview_report.file, 'findings', (
			SELECT coalesce(jsonb_agg(to_jsonb(f) - '{place,at_line,at_col,level,summary}'::text[] ORDER BY f.place), '[]') FROM finding AS f)))
		WHEN 'sarif' THEN jsonb_pretty(jsonb_build_object(
			'$schema', 'https://json.schemastore.org/sarif-2.1.0.json',
			'version', '2.1.0',
			'runs', jsonb_build_array(jsonb_build_object(
				'columnKind', 'unicodeCodePoints',
				'tool', jsonb_build_object('driver', jsonb_build_object(
					'name', 'compat_guard',
					'version', (SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'compat_guard'),
					'rules', (
						SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', f.rule,
							'shortDescription', CASE WHEN r.rule IS NOT NULL THEN jsonb_build_object('text', r.fires_when) END,
							'help', CASE WHEN r.rule IS NOT NULL THEN jsonb_build_object('text', r.advice) END)) ORDER BY f.rule), '[]')
						FROM (SELECT DISTINCT g.rule FROM finding AS g) AS f LEFT JOIN compat_guard.rule_table() AS r ON r.rule = f.rule))),
				'results', (
					SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
						'ruleId', f.rule,
						'level', f.level,
						'message', jsonb_build_object('text', concat_ws(E'\n', f.summary, f.advice)),
						'locations', jsonb_build_array(jsonb_build_object('physicalLocation', jsonb_build_object(
							'artifactLocation', jsonb_build_object('uri', compat_guard.uri_escape(preview_report.file)),
							'region', jsonb_build_object('startLine', f.at_line, 'startColumn', f.at_col)))),
						'partialFingerprints', jsonb_build_object('finding/v1',
							md5(jsonb_build_array(f.rule, f.app, f.version, f.requirement, f.affected_object, f.found, f.statement)::text)),
						'suppressions', CASE f.action WHEN 'overridden' THEN '[{"kind": "inSource"}]'::jsonb END,
						'properties', to_jsonb(f) - '{place,at_line,at_col,level,summary,rule,advice,line,col}'::text[])) ORDER BY f.place), '[]')
					FROM finding AS f)))))
		WHEN 'github' THEN coalesce((
			SELECT string_agg(format('::%s file=%s,line=%s,col=%s,title=%s::%s',
				CASE f.level WHEN 'note' THEN 'notice' ELSE f.level END, compat_guard.github_escape(preview_report.file, true), f.at_line, f.at_col,
				compat_guard.github_escape(f.rule, true),
				compat_guard.github_escape(concat_ws(E'\n', f.summary, f.advice), false)), E'\n' ORDER BY f.place) FROM finding AS f), '')
		WHEN 'markdown' THEN concat_ws(E'\n\n',
			format('**compat\_guard**: %s in %s', t.line, compat_guard.markdown_escape(preview_report.file)),
			E'| action | rule | line | finding |\n|---|---|---|---|\n' || (
				SELECT string_agg(format('| %s | %s | %s | %s |', f.action, f.rule, f.at_line,
					compat_guard.markdown_escape(f.summary)), E'\n' ORDER BY f.place) FROM finding AS f),
			(SELECT string_agg(concat(compat_guard.markdown_code(a.statement), E'\n\n', compat_guard.markdown_escape(a.advice)), E'\n\n' ORDER BY a.first)
				FROM (SELECT f.statement, f.advice, min(f.place) FROM finding AS f
					WHERE f.advice IS NOT NULL AND f.statement IS NOT NULL GROUP BY f.statement, f.advice) AS a (statement, advice, first)))
		END,
		t.blocks > 0
	FROM total AS t;
END;
COMMENT ON FUNCTION compat_guard.preview_report(text, compat_guard.report_format, text)
IS 'what preview() finds, for people and for CI; blocked: is any of it an error?';

---------------------------------------------------------------------------
-- The way back: is the schema as it was?
---------------------------------------------------------------------------

-- A query that returns each object of the schema, and what the catalogs say of it with names in place of OIDs.  It is
-- made from the catalogs' own description (pg_get_catalog_foreign_keys()), so it has no list of kinds of objects:
--
--	- a column that refers to a catalog is shown as the identity of what it refers to, or as a column's name;
--	- an expression is shown as the server deparses it, for the tree of a node has OIDs;
--	- an ACL is shown with its default and sorted, for that is what a dump compares;
--	- a position, such as attnum, is shown as the rank among what is left;
--	- what is physical, or statistics, is left out.
--
-- Objects of initdb count if they have privileges.
CREATE FUNCTION compat_guard.fingerprint_query()
RETURNS text
LANGUAGE SQL STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH deparsed (catalog, expression) AS (
		VALUES ('pg_attrdef', 'pg_get_expr(r.adbin, r.adrelid)'),
			('pg_class', 'pg_get_expr(r.relpartbound, r.oid)'),
			('pg_constraint', 'pg_get_constraintdef(r.oid)'),
			('pg_index', 'pg_get_indexdef(r.indexrelid)'),
			('pg_partitioned_table', 'pg_get_partkeydef(r.partrelid)'),
			('pg_policy', 'concat_ws('' WITH CHECK '', pg_get_expr(r.polqual, r.polrelid), pg_get_expr(r.polwithcheck, r.polrelid))'),
			('pg_proc', 'CASE WHEN r.prokind <> ''a'' THEN pg_get_functiondef(r.oid) END'),
			('pg_publication_rel', 'pg_get_expr(r.prqual, r.prrelid)'),
			('pg_rewrite', 'pg_get_ruledef(r.oid)'),
			('pg_statistic_ext', 'pg_get_statisticsobjdef(r.oid)'),
			('pg_trigger', 'pg_get_triggerdef(r.oid)'),
			('pg_type', 'coalesce(pg_get_expr(r.typdefaultbin, 0), r.typdefault)')),
	acl_default (catalog, expression) AS (
		VALUES ('pg_class', 'acldefault(CASE r.relkind WHEN ''S'' THEN ''s''::"char" ELSE ''r'' END, r.relowner)'),
			('pg_foreign_data_wrapper', 'acldefault(''F'', r.fdwowner)'),
			('pg_foreign_server', 'acldefault(''S'', r.srvowner)'),
			('pg_language', 'acldefault(''l'', r.lanowner)'),
			('pg_namespace', 'acldefault(''n'', r.nspowner)'),
			('pg_proc', 'acldefault(''f'', r.proowner)'),
			('pg_type', 'acldefault(''T'', r.typowner)')),
	-- Positions; and options that the server keeps for itself, which no dump has.
	shown (catalog, col, expression) AS (
		VALUES ('pg_attribute', 'attoptions', '(SELECT array_agg(o) FROM unnest(r.attoptions) AS o WHERE o !~ ''^pg_'')::text'),
			('pg_attribute', 'attnum', 'rank() OVER (PARTITION BY r.attrelid ORDER BY r.attnum)'),
			('pg_enum', 'enumsortorder', 'rank() OVER (PARTITION BY r.enumtypid ORDER BY r.enumsortorder)')),
	restricted (catalog, condition) AS (
		VALUES ('pg_attribute', 'r.attnum > 0 AND NOT r.attisdropped'),
			('pg_depend', 'r.deptype IN (''e'', ''x'') OR r.deptype IN (''a'', ''i'') AND r.refobjsubid > 0 AND r.classid = ''pg_class''::regclass
				AND EXISTS (SELECT FROM pg_class AS s WHERE s.oid = r.objid AND s.relkind = ''S'')'),
			('pg_namespace', 'r.nspname !~ ''^pg_(toast|temp)'''),
			('pg_trigger', 'NOT r.tgisinternal')),
	-- Columns (class, object, sub-object) that together refer to an object of any catalog.
	anyobject (catalog, class, object, sub) AS (
		VALUES ('pg_depend', 'classid', 'objid', 'objsubid'), ('pg_depend', 'refclassid', 'refobjid', 'refobjsubid'),
			('pg_description', 'classoid', 'objoid', 'objsubid'), ('pg_seclabel', 'classoid', 'objoid', 'objsubid')),
	cat AS (
		SELECT c.oid, c.relname, EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'oid') AS has_oid
		FROM pg_class AS c
		WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' AND NOT c.relisshared AND has_table_privilege(c.oid, 'SELECT')
			AND c.relname NOT IN ('pg_statistic', 'pg_statistic_ext_data', 'pg_largeobject', 'pg_largeobject_metadata', 'pg_init_privs')),
	foreign_key AS (
		SELECT k.fktable, k.pktable, k.is_array, k.fkcols[array_upper(k.fkcols, 1)] AS col,
			CASE WHEN array_length(k.fkcols, 1) > 1 THEN k.fkcols[1] END AS relation
		FROM pg_get_catalog_foreign_keys() AS k),
	col AS (
		SELECT cat.oid, a.attnum, a.attname, k.pktable, k.is_array, k.relation,
			CASE
				WHEN r.expression IS NOT NULL THEN r.expression
				WHEN o.object = a.attname THEN format('(SELECT concat_ws('' '', i.type, i.identity) FROM pg_identify_object(r.%I, r.%I, r.%I) AS i)', o.class, o.object, o.sub)
				WHEN a.atttypid = 'aclitem[]'::regtype THEN format('(SELECT array_agg(concat_ws('' '', x.grantor::regrole, CASE x.grantee WHEN 0 THEN ''PUBLIC'' ELSE x.grantee::regrole::text END, '
					'x.privilege_type, x.is_grantable) ORDER BY x.grantor::regrole::text, x.grantee, x.privilege_type) FROM aclexplode(%s) AS x)::text',
					CASE WHEN d.expression IS NULL THEN format('r.%I', a.attname) ELSE format('coalesce(r.%I, %s)', a.attname, d.expression) END)
				WHEN k.relation IS NOT NULL AND k.is_array THEN format('(SELECT array_agg(coalesce(n.attname, e.num::text::name) ORDER BY e.place) FROM unnest(r.%I::int2[]) WITH ORDINALITY AS e (num, place) '
					'LEFT JOIN pg_attribute AS n ON n.attrelid = r.%I AND n.attnum = e.num)::text', a.attname, k.relation)
				WHEN k.relation IS NOT NULL THEN format('(SELECT n.attname FROM pg_attribute AS n WHERE n.attrelid = r.%I AND n.attnum = r.%I)::text', k.relation, a.attname)
				WHEN k.is_array THEN format('(SELECT array_agg((pg_identify_object(%s, e.obj, 0)).identity ORDER BY e.place) FROM unnest(r.%I::oid[]) WITH ORDINALITY AS e (obj, place))::text', k.pktable::oid, a.attname)
				WHEN k.pktable IS NOT NULL THEN format('CASE WHEN r.%I <> 0 THEN (pg_identify_object(%s, r.%1$I, 0)).identity END', a.attname, k.pktable::oid)
				ELSE format('r.%I::text', a.attname)
			END AS expression
		FROM cat JOIN pg_attribute AS a ON a.attrelid = cat.oid AND a.attnum > 0 AND NOT a.attisdropped
			LEFT JOIN foreign_key AS k ON k.fktable = cat.oid AND k.col = a.attname
			LEFT JOIN shown AS r ON r.catalog = cat.relname AND r.col = a.attname
			LEFT JOIN anyobject AS o ON o.catalog = cat.relname AND a.attname IN (o.class, o.object, o.sub)
			LEFT JOIN acl_default AS d ON d.catalog = cat.relname
		WHERE a.atttypid <> 'pg_node_tree'::regtype
			AND (o.object IS NULL OR a.attname = o.object)
			AND a.attname NOT IN ('oid', 'relfilenode', 'relpages', 'reltuples', 'relallvisible', 'relallfrozen', 'reltoastrelid', 'relhasindex', 'relhasrules',
				'relhastriggers', 'relhassubclass', 'relfrozenxid', 'relminmxid', 'relrewrite', 'relnatts', 'relispopulated', 'attcacheoff', 'atthasmissing',
				'attmissingval', 'attndims', 'indcheckxmin', 'typdefault')),
	-- What tells the rows of a catalog apart, without OIDs and positions.
	key AS (
		SELECT DISTINCT ON (i.indrelid) i.indrelid, (SELECT string_agg(c.expression, ', ' ORDER BY c.attnum) FROM col AS c WHERE c.oid = i.indrelid AND c.attnum = ANY (i.indkey::int2[])) AS expressions
		FROM pg_index AS i JOIN cat ON cat.oid = i.indrelid
		WHERE i.indisunique
		ORDER BY i.indrelid, EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::int2[])
			AND a.attname IN ('oid', 'attnum', 'enumsortorder')), i.indexrelid),
	body AS (
		SELECT cat.relname, format(E'SELECT %L AS catalog, %s AS object, jsonb_strip_nulls(jsonb_build_object(%s)) AS definition FROM pg_catalog.%I AS r WHERE (%s)%s',
			cat.relname,
			CASE WHEN cat.has_oid AND cat.relname <> 'pg_enum' THEN format('(SELECT concat_ws('' '', i.type, i.identity) FROM pg_identify_object(%s, r.oid, 0) AS i)', cat.oid)
				ELSE format('concat_ws('' '', %s)', coalesce(key.expressions, (SELECT string_agg(c.expression, ', ' ORDER BY c.attnum) FROM col AS c WHERE c.oid = cat.oid))) END,
			concat_ws(', ', (SELECT string_agg(format('%L, %s', c.attname, c.expression), ', ' ORDER BY c.attnum) FROM col AS c WHERE c.oid = cat.oid), '''definition'', ' || deparsed.expression),
			cat.relname,
			-- Which rows: those of objects that initdb did not make, or that have privileges.
			concat_ws(' OR ',
				CASE WHEN cat.has_oid THEN 'r.oid >= 16384 OR r.oid = 2200' END,
				(SELECT string_agg(format('r.%I >= 16384 OR r.%1$I = 2200', o.object), ' OR ') FROM anyobject AS o WHERE o.catalog = cat.relname),
				CASE WHEN NOT cat.has_oid THEN (SELECT string_agg(format('r.%I >= 16384', c.attname), ' OR ') FROM col AS c
					WHERE c.oid = cat.oid AND c.pktable IS NOT NULL AND NOT c.is_array AND c.relation IS NULL) END,
				(SELECT string_agg(format('r.%I IS NOT NULL', a.attname), ' OR ') FROM pg_attribute AS a WHERE a.attrelid = cat.oid AND a.atttypid = 'aclitem[]'::regtype)),
			concat(' AND (' || restricted.condition || ')',
				-- Nothing of temporary tables and TOAST.
				(SELECT string_agg(format(' AND NOT EXISTS (SELECT FROM pg_namespace AS h WHERE h.oid = r.%I AND h.nspname ~ ''^pg_(toast|temp)'')', c.attname), '')
					FROM col AS c WHERE c.oid = cat.oid AND c.pktable = 'pg_namespace'::regclass AND NOT c.is_array),
				(SELECT string_agg(format(' AND NOT EXISTS (SELECT FROM pg_class AS h JOIN pg_namespace AS n ON n.oid = h.relnamespace WHERE h.oid = r.%I AND n.nspname ~ ''^pg_(toast|temp)'')', c.attname), '')
					FROM col AS c WHERE c.oid = cat.oid AND c.pktable = 'pg_class'::regclass AND NOT c.is_array AND c.relation IS NULL))) AS query
		FROM cat LEFT JOIN key ON key.indrelid = cat.oid LEFT JOIN deparsed ON deparsed.catalog = cat.relname LEFT JOIN restricted ON restricted.catalog = cat.relname)
	SELECT string_agg(body.query, E'\nUNION ALL\n' ORDER BY body.relname) FROM body;
END;
COMMENT ON FUNCTION compat_guard.fingerprint_query() IS 'a query of all objects of the schema, with names in place of OIDs';

CREATE FUNCTION compat_guard.fingerprint()
RETURNS jsonb
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_fingerprint';
COMMENT ON FUNCTION compat_guard.fingerprint()
IS 'all objects of the schema and what the catalogs say of them: equal exactly if the schema is, as a dump shows it';

CREATE FUNCTION compat_guard.fingerprint_difference(before jsonb, after jsonb)
RETURNS TABLE (object text, property text, was text, "is" text)
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT coalesce(b.key, a.key), p.property, b.value ->> p.property, a.value ->> p.property
	FROM jsonb_each(before) AS b FULL JOIN jsonb_each(after) AS a ON a.key = b.key,
		LATERAL (SELECT k.property FROM (SELECT jsonb_object_keys(b.value) UNION SELECT jsonb_object_keys(a.value)) AS k (property)
			WHERE b.value IS NOT NULL AND a.value IS NOT NULL AND b.value -> k.property IS DISTINCT FROM a.value -> k.property
			UNION ALL SELECT NULL WHERE b.value IS NULL OR a.value IS NULL) AS p
	WHERE b.value IS DISTINCT FROM a.value
	ORDER BY coalesce(b.key, a.key) COLLATE "C", p.property COLLATE "C";
END;
COMMENT ON FUNCTION compat_guard.fingerprint_difference(jsonb, jsonb)
IS 'what differs between two results of fingerprint(): objects of which one has none, with no property, and properties';

-- Objects that one fingerprint has and the other has not, and that hold data: tables, and columns of tables that are in both.
CREATE FUNCTION compat_guard.fingerprint_data_lost(before jsonb, after jsonb)
RETURNS TABLE (relation text, col text)
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH lost AS (SELECT b.key, b.value FROM jsonb_each(before) AS b WHERE NOT after ? b.key),
	relation AS (SELECT l.key, substr(l.key, strpos(l.key, ' ') + 1) AS name FROM lost AS l
		WHERE l.value ->> 'relkind' IN ('r', 'p') AND l.value ->> 'relispartition' = 'false'),
	col AS (SELECT l.value ->> 'attrelid' AS relation, l.value ->> 'attname' AS name FROM lost AS l WHERE l.value ? 'attrelid' AND l.value ? 'attname')
	SELECT substr(r.name, strpos(r.name, 'table ') + 6), NULL FROM relation AS r
	UNION ALL
	SELECT c.relation, c.name FROM col AS c
	WHERE before ? ('pg_class table ' || c.relation) AND after ? ('pg_class table ' || c.relation);
END;
COMMENT ON FUNCTION compat_guard.fingerprint_data_lost(jsonb, jsonb) IS 'tables and columns that hold data and are gone';

CREATE FUNCTION compat_guard.rehearse(up text, down text)
RETURNS TABLE (step text, action text, rule text, object text, message text, statement_number integer, line integer)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_rehearse';
COMMENT ON FUNCTION compat_guard.rehearse(text, text)
IS 'run a migration and the script that takes it back, and undo both: what breaks, what fails, what is not as it was, and what is lost';

CREATE FUNCTION compat_guard.preview_fingerprint(ddl text)
RETURNS jsonb
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'compat_guard_preview_fingerprint';
COMMENT ON FUNCTION compat_guard.preview_fingerprint(text)
IS 'what fingerprint() would return after a migration script, which is undone';

-- The items are true statements.  "no" has a reason that is certain; "unknown" one that is likely, or something that was not looked at.
CREATE FUNCTION compat_guard.checklist(ddl text, down text DEFAULT NULL)
RETURNS TABLE (item text, answer text, reason text)
LANGUAGE SQL VOLATILE PARALLEL UNSAFE
SET jit = off
BEGIN ATOMIC
	WITH finding AS MATERIALIZED (
		SELECT f.*, f.rule IN ('statement-failed', 'not-previewed') AS failed,
			concat_ws(': ', nullif(concat_ws(' ', f.app, f.version), ''), f.requirement,
				CASE WHEN f.expected IS NULL THEN f.message ELSE concat(coalesce(f.found, f.message), ' (', f.rule, ')') END) AS reason,
			-- What a version does with what it needs: by the rule, or by the statement that fails.
			CASE WHEN f.rule IN ('column-narrowed', 'column-rejects-null', 'column-default', 'default-changed', 'insert-needs-column', 'insert-rejected-column',
						'constraint-added', 'constraint-not-valid-trap', 'foreign-key-action', 'domain-tightened', 'trigger-added', 'trigger-disabled', 'rule-added',
						'unique-missing') OR f.requirement LIKE 'insert %' THEN 'write'
				WHEN f.rule IN ('column-reads-null', 'column-collation', 'query-result', 'query-result-grew', 'view-changed', 'index-missing') OR EXISTS (
						SELECT FROM compat_guard.requirements AS r
						WHERE r.app = f.app AND r.version = f.version AND r.kind = 'query' AND concat('query ', r.object) = f.requirement
							AND r.expected ->> 'sql' ~* '^\s*(select|values|table)\M') THEN 'read'
				WHEN f.app IS NOT NULL THEN 'both' END AS harms
		FROM compat_guard.preview(ddl) AS f),
	effect AS MATERIALIZED (SELECT * FROM compat_guard.preview_effects(ddl)),
	object AS MATERIALIZED (
		SELECT a.key, a.value, b.before ? concat('pg_class table ', a.value ->> 'attrelid') AS of_old_table
		FROM (SELECT compat_guard.fingerprint() AS before, compat_guard.preview_fingerprint(ddl) AS after) AS b, jsonb_each(b.after) AS a
		WHERE NOT b.before ? a.key),
	rehearsal AS MATERIALIZED (
		SELECT r.* FROM compat_guard.rehearse(ddl, down) AS r WHERE down IS NOT NULL),
	-- One row for each answer that is not "yes".
	doubt (place, answer, reason) AS (
		SELECT i.place, CASE f.action WHEN 'block' THEN 'no' ELSE 'unknown' END, f.reason
		FROM finding AS f, (VALUES (1, 'read'), (2, 'write')) AS i (place, harm)
		WHERE f.harms IN (i.harm, 'both') AND f.action IN ('block', 'warn')
		UNION ALL
		SELECT i.place, 'unknown', format('statement %s: %s', f.statement_number, f.message)
		FROM finding AS f, generate_series(1, 5) AS i (place)
		WHERE f.failed AND NOT (i.place = 4 AND f.rule = 'statement-failed' AND f.sqlstate ~ '^(23|22001|22003|22P02)')
		UNION ALL
		SELECT 3, 'no', format('%s.%s is not null and has no default', o.value ->> 'attrelid', quote_ident(o.value ->> 'attname'))
		FROM object AS o
		WHERE o.key LIKE 'pg\_attribute %' AND o.of_old_table
			AND o.value ->> 'attnotnull' = 'true' AND o.value ->> 'atthasdef' = 'false' AND o.value ->> 'attidentity' = ''
		UNION ALL
		SELECT 4, 'no', format('statement %s: %s', f.statement_number, f.message)
		FROM finding AS f WHERE f.rule = 'statement-failed' AND f.sqlstate ~ '^(23|22001|22003|22P02)'
		UNION ALL
		SELECT 4, 'no', f.reason
		FROM finding AS f
		WHERE f.action = 'block' AND f.rule IN ('constraint-added', 'constraint-not-valid-trap', 'domain-tightened', 'unique-over-duplicates', 'null-over-not-null',
			'fk-orphans', 'value-too-long')
		UNION ALL
		SELECT 4, 'unknown', format('%s is not validated', o.value ->> 'conname')
		FROM object AS o WHERE o.key LIKE 'pg\_constraint %' AND o.value ->> 'convalidated' = 'false'
		UNION ALL
		SELECT 4, 'unknown', format('%s of %s is checked only when it runs, for the table is large', o.value ->> 'conname', o.value ->> 'conrelid')
		FROM object AS o
		WHERE o.key LIKE 'pg\_constraint %' AND EXISTS (SELECT FROM effect AS e WHERE e.relation = o.value ->> 'conrelid' AND (e.scans OR e.builds <> '{}')
			AND e.bytes > pg_size_bytes(current_setting('compat_guard.large_relation')))
		UNION ALL
		SELECT 5, 'no', format('statement %s %s %s%s', e.statement_number,
			concat_ws(' and ', CASE WHEN e.rewrites THEN 'rewrites' END, CASE WHEN e.builds <> '{}' THEN 'builds indexes of' END,
				CASE WHEN e.scans AND NOT e.rewrites AND e.builds = '{}' THEN 'reads all of' END),
			e.relation, format(' (%s)', pg_size_pretty(e.bytes)))
		FROM effect AS e
		WHERE (e.rewrites OR e.builds <> '{}' OR e.scans) AND e.bytes > pg_size_bytes(current_setting('compat_guard.large_relation'))
		UNION ALL
		SELECT 6, 'no', 'no script that takes it back was given' WHERE down IS NULL
		UNION ALL
		SELECT 6, CASE r.rule WHEN 'not-previewed' THEN 'unknown' ELSE 'no' END, concat_ws(' ', r.step || ':', r.object, r.message) FROM rehearsal AS r WHERE r.action = 'block' AND (r.step IN ('down', 'difference') OR r.step = 'up' AND r.rule IN ('statement-failed', 'not-previewed'))),
	-- What to say of a "yes".
	remark (place, reason) AS (
		SELECT 3, format('%s.%s', o.value ->> 'attrelid', quote_ident(o.value ->> 'attname'))
		FROM object AS o WHERE o.key LIKE 'pg\_attribute %' AND o.of_old_table
		UNION ALL
		-- Since 18 NOT NULL is a constraint, too; that is the point before.
		SELECT 4, o.value ->> 'conname' FROM object AS o WHERE o.key LIKE 'pg\_constraint %' AND o.value ->> 'contype' <> 'n'
		UNION ALL
		SELECT 5, format('%s on %s for a moment', e.lock, e.relation) FROM effect AS e WHERE e.lock IS NOT NULL
		UNION ALL
		SELECT 6, format('%s: %s', r.object, r.message) FROM rehearsal AS r WHERE r.step = 'loss'
		UNION ALL
		SELECT i.place, 'no version is live' FROM (VALUES (1), (2)) AS i (place) WHERE NOT EXISTS (SELECT FROM compat_guard.live_versions()))
	SELECT i.item, coalesce(d.answer, 'yes'), coalesce(d.reasons, m.reasons)
	FROM (VALUES (1, 'old versions can read'), (2, 'old versions can write'), (3, 'new columns are nullable or have a default'),
			(4, 'new constraints hold for the rows'), (5, 'no lock is held for long'), (6, 'there is a way back')) AS i (place, item)
		LEFT JOIN (SELECT x.place, min(x.answer) AS answer, string_agg(DISTINCT x.reason, E'\n' ORDER BY x.reason) AS reasons
			FROM doubt AS x
			WHERE x.answer = 'no' OR NOT EXISTS (SELECT FROM doubt AS y WHERE y.place = x.place AND y.answer = 'no')
			GROUP BY x.place) AS d ON d.place = i.place
		LEFT JOIN (SELECT x.place, string_agg(DISTINCT x.reason, E'\n' ORDER BY x.reason) AS reasons FROM remark AS x GROUP BY x.place) AS m ON m.place = i.place
	ORDER BY i.place;
END;
COMMENT ON FUNCTION compat_guard.checklist(text, text)
IS 'is a migration free of downtime: one row for each point, yes, no or unknown, and why';

---------------------------------------------------------------------------
-- What makes CREATE EXTENSION alone protect every session.
---------------------------------------------------------------------------

-- To run the trigger's function a session loads the library, and with it the
-- hooks, which see the very command that is starting.
CREATE FUNCTION compat_guard.load()
RETURNS event_trigger
LANGUAGE C
AS 'MODULE_PATHNAME', 'compat_guard_load';
COMMENT ON FUNCTION compat_guard.load() IS 'loads the library in sessions that have not preloaded it';

CREATE EVENT TRIGGER compat_guard_start ON ddl_command_start EXECUTE FUNCTION compat_guard.load();
CREATE EVENT TRIGGER compat_guard_end ON ddl_command_end EXECUTE FUNCTION compat_guard.load();
COMMENT ON EVENT TRIGGER compat_guard_start IS 'loads compat_guard in sessions that have not preloaded it';
COMMENT ON EVENT TRIGGER compat_guard_end IS 'ends what compat_guard_start began for commands that commit in their middle';
-- Whatever session_replication_role says.
ALTER EVENT TRIGGER compat_guard_start ENABLE ALWAYS;
ALTER EVENT TRIGGER compat_guard_end ENABLE ALWAYS;

---------------------------------------------------------------------------
-- Rights.  PUBLIC has none.  entrust() gives an application's role, or a
-- pipeline's, what it needs; DBAs grant the rest as they see fit.
---------------------------------------------------------------------------

-- What each level has.  With the views comes EXECUTE on what they call, for
-- functions of a view run with the rights of whoever asks.
CREATE FUNCTION compat_guard.trust_table()
RETURNS TABLE (level text, privilege text)
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	VALUES ('application', 'USAGE ON SCHEMA compat_guard'),
		('application', 'EXECUTE ON FUNCTION
			compat_guard.register(text, text, jsonb, text, interval, boolean, boolean, text),
			compat_guard.register_queries(text, text, text[]),
			compat_guard.attach(text, text),
			compat_guard.detach(),
			compat_guard.heartbeat(text, text, text, interval),
			compat_guard.leave(text, text, text),
			compat_guard.retire(text, text, text),
			compat_guard.reactivate(text, text),
			compat_guard.set_support(text, text, timestamptz),
			compat_guard.forget(text, text),
			compat_guard.verification(text, text),
			compat_guard.check(text, text),
			compat_guard.ready(text, text),
			compat_guard.can_deploy(text, text, jsonb, boolean),
			compat_guard.validate(jsonb),
			compat_guard.capture(text[]),
			compat_guard.captured_relation(text)'),
		('application', 'EXECUTE ON PROCEDURE compat_guard.wait_until_ready(text, text, interval, boolean)'),
		('pipeline', 'USAGE ON SCHEMA compat_guard'),
		('pipeline', 'EXECUTE ON FUNCTION
			compat_guard.preview(text),
			compat_guard.preview_report(text, compat_guard.report_format, text),
			compat_guard.github_escape(text, boolean),
			compat_guard.markdown_escape(text),
			compat_guard.markdown_code(text),
			compat_guard.uri_escape(text),
			compat_guard.preview_effects(text),
			compat_guard.fingerprint(),
			compat_guard.fingerprint_query(),
			compat_guard.fingerprint_difference(jsonb, jsonb),
			compat_guard.fingerprint_data_lost(jsonb, jsonb),
			compat_guard.rehearse(text, text),
			compat_guard.preview_fingerprint(text),
			compat_guard.checklist(text, text),
			compat_guard.can_deploy(text, text, jsonb, boolean),
			compat_guard.check(text, text),
			compat_guard.ready(text, text),
			compat_guard.validate(jsonb),
			compat_guard.droppable_without(text, text),
			compat_guard.require_version(text, text),
			compat_guard.verification(text, text),
			compat_guard.rule_table(),
			compat_guard.live_versions(),
			compat_guard.rollback_versions(),
			compat_guard.lease_runs(timestamptz, timestamptz),
			compat_guard.report(),
			compat_guard.explain_block(bigint),
			compat_guard.shown(text),
			compat_guard.shown_literal(text),
			compat_guard.shown_html(text),
			compat_guard.html_section(text, text, text, text[], text[], bigint),
			compat_guard.html_status(text),
			compat_guard.html_time(timestamptz),
			compat_guard.html_code(text),
			compat_guard.story_lines(integer, text),
			compat_guard.claim_key(text, text),
			compat_guard.learning_counts(),
			compat_guard.adopt(text, text, text, text),
			compat_guard.merge(jsonb, jsonb),
			compat_guard.compare(text, text, text)'),
		('pipeline', 'EXECUTE ON PROCEDURE
			compat_guard.wait_until_ready(text, text, interval, boolean),
			compat_guard.backfill(text, integer, interval, boolean),
			compat_guard.contract(text),
			compat_guard.run(text, integer, interval)'),
		('pipeline', 'EXECUTE ON FUNCTION
			compat_guard.dual_write(),
			compat_guard.expand_column(regclass, text, text, text, text, text, text, text, boolean),
			compat_guard.verify_expansion(text),
			compat_guard.abandon(text),
			compat_guard.expansion_damage(text)'),
		('pipeline', 'SELECT ON compat_guard.versions, compat_guard.instances, compat_guard.requirements,
			compat_guard.unmet, compat_guard.compatibility, compat_guard.rollback, compat_guard.dependencies,
			compat_guard.droppable, compat_guard.rules, compat_guard.journal, compat_guard.journal_status,
			compat_guard.metrics, compat_guard.expansions, compat_guard.learned, compat_guard.learning'),
		('retire', 'USAGE ON SCHEMA compat_guard'),
		('retire', 'EXECUTE ON FUNCTION compat_guard.retire(text, text, text)'),
		-- Nothing can be written to the view: see src/registry/rights.c.
		('retire', 'UPDATE ON compat_guard.versions');
END;
COMMENT ON FUNCTION compat_guard.trust_table() IS 'what entrust() grants at each level';

CREATE FUNCTION compat_guard.entrust(role regrole, level text DEFAULT 'application')
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted text[] := regexp_split_to_array(btrim(level), '\s*,\s*');
	item text;
BEGIN
	IF role IS NULL OR level IS NULL THEN
		RAISE EXCEPTION 'role and level must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	FOR item IN SELECT w FROM unnest(wanted) AS w
		WHERE w NOT IN (SELECT t.level FROM compat_guard.trust_table() AS t)
	LOOP
		RAISE EXCEPTION 'unknown level %', quote_ident(item)
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'The levels are application, pipeline and retire; several are separated by commas.';
	END LOOP;
	FOR item IN SELECT DISTINCT t.privilege FROM compat_guard.trust_table() AS t WHERE t.level = ANY (wanted)
	LOOP
		EXECUTE format('GRANT %s TO %s', item, role);
	END LOOP;
END;
$$;
COMMENT ON FUNCTION compat_guard.entrust(regrole, text)
IS 'let a role register its application''s versions and thereby stop changes that would break them; or at level pipeline read all and preview, or at level retire end versions of every application';

CREATE FUNCTION compat_guard.distrust(role regrole)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item text;
BEGIN
	IF role IS NULL THEN
		RAISE EXCEPTION 'role must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	FOR item IN SELECT DISTINCT t.privilege FROM compat_guard.trust_table() AS t
	LOOP
		EXECUTE format('REVOKE %s FROM %s', item, role);
	END LOOP;
END;
$$;
COMMENT ON FUNCTION compat_guard.distrust(regrole)
IS 'take back what entrust() has granted, at all levels; the role''s apps and versions stay';

REVOKE ALL ON ALL TABLES IN SCHEMA compat_guard FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA compat_guard FROM PUBLIC;
REVOKE ALL ON SCHEMA compat_guard FROM PUBLIC;
GRANT USAGE ON SCHEMA compat_guard TO pg_monitor;
-- Functions of a view run with the rights of whoever asks.
GRANT EXECUTE ON FUNCTION compat_guard.verification(text, text), compat_guard.rule_table(),
	compat_guard.live_versions(), compat_guard.rollback_versions(), compat_guard.lease_runs(timestamptz, timestamptz),
	compat_guard.require_version(text, text), compat_guard.droppable_without(text, text),
	compat_guard.expansion_damage(text), compat_guard.claim_key(text, text),
	compat_guard.learning_counts() TO pg_monitor;
GRANT SELECT ON compat_guard.versions, compat_guard.instances, compat_guard.requirements, compat_guard.unmet,
	compat_guard.compatibility, compat_guard.rollback, compat_guard.dependencies, compat_guard.droppable,
	compat_guard.rules, compat_guard.journal, compat_guard.journal_status, compat_guard.metrics,
	compat_guard.expansions, compat_guard.learned, compat_guard.learning TO pg_monitor;
GRANT EXECUTE ON FUNCTION compat_guard.report(), compat_guard.explain_block(bigint), compat_guard.shown(text),
	compat_guard.shown_literal(text), compat_guard.shown_html(text),
	compat_guard.html_section(text, text, text, text[], text[], bigint), compat_guard.html_status(text),
	compat_guard.html_time(timestamptz), compat_guard.html_code(text), compat_guard.story_lines(integer, text) TO pg_monitor;
