--
-- Contracts: what a document may say, what is told about one that is not
-- valid, which documents are the same, and today's schema as a document.
-- Every sort of defect is in test/contract, together with the JSON Schema.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
RESET client_min_messages;

CREATE ROLE regress_contract;
CREATE SCHEMA contract;
CREATE SCHEMA elsewhere;
SET search_path = contract;

--
-- validate(): no rows if all is well.
--
SELECT * FROM compat_guard.validate('{}');
SELECT * FROM compat_guard.validate('{
	"search_path": "contract, public",
	"role": "regress_contract",
	"relations": {
		"users": {
			"access": ["select", "insert", "update"],
			"columns": {
				"id": "bigint",
				"status": {"type": ["character varying(20)", "text"], "nullable": false}
			},
			"insert": ["name", "email"],
			"unique": [["email"]],
			"indexes": [["created_at"]]
		}
	},
	"queries": {
		"active": "SELECT * FROM users WHERE status = ''active''",
		"by_id": {"sql": "SELECT id, status FROM users WHERE id = $1", "params": ["bigint"]}
	},
	"routines": {"charge(bigint, numeric)": {"returns": "uuid"}},
	"types": {"order_state": {"labels": ["new", "paid"]}},
	"sequences": ["invoice_no"],
	"extensions": ["pg_trgm"]
}');

-- All that is wrong, each with its place, also what only the server can see.
SELECT * FROM compat_guard.validate('{
	"rolle": "regress_contract",
	"role": "regress_nobody",
	"relations": {
		"users": {
			"access": ["select", "drop"],
			"columns": {
				"id": {"type": "bigint", "nullable": "no"},
				"name": "no_such_type",
				"birthday": "dat e"
			},
			"insert": ["name", "email", "name"]
		},
		"Users": {},
		"order items": {}
	},
	"queries": {
		"typo": "SELECT * FORM users",
		"two": "SELECT 1; SELECT 2",
		"none": " ; ",
		"ddl": "DROP TABLE users",
		"into": "SELECT 1 INTO one",
		"missing": "SELECT * FROM no_such_table WHERE no_such_function(no_such_column)"
	},
	"routines": {"charge": {}}
}') ORDER BY path COLLATE "C";

-- Types are looked up with the document's search path, as its role.
CREATE TYPE elsewhere.mood AS ENUM ('ok');
SELECT * FROM compat_guard.validate('{"relations": {"t": {"columns": {"a": "mood"}}}}');
SELECT * FROM compat_guard.validate('{"search_path": "elsewhere", "relations": {"t": {"columns": {"a": "mood"}}}}');
SELECT * FROM compat_guard.validate('{"search_path": "elsewhere", "role": "regress_contract",
	"relations": {"t": {"columns": {"a": "mood", "b": "elsewhere.mood"}}}}');
SELECT current_user = session_user AS same_user, current_setting('search_path');

SELECT * FROM compat_guard.validate(NULL);

--
-- A document that is not valid is not registered.
--
SELECT compat_guard.register('shop', '1', '{"queries": {"q": "SELEC 1"}, "types": {"t": {}}}');
\echo :SQLSTATE
SELECT compat_guard.register('shop', '1', '{"relations": {"users": []}, "query": "SELECT 1"}');
-- Not to fill the terminal, the error tells the first twenty.
SELECT compat_guard.register('shop', '1', jsonb_object_agg('key_' || i, i)) FROM generate_series(10, 41) AS i;

--
-- What the requirements are, and that the same said otherwise is the same.
--
CREATE TEMP TABLE said (how text, document jsonb);
INSERT INTO said VALUES
('short', '{
	"relations": {
		"users": {
			"access": ["update", "select"],
			"columns": {"id": "bigint", "name": {"type": ["varchar", "text"], "nullable": true}},
			"insert": ["name", "email"],
			"unique": [["tenant", "email"]],
			"indexes": [["tenant", "created_at"], ["email"]]
		}
	},
	"queries": {"q": "SELECT 1"},
	"routines": {"charge(bigint,numeric)": {}},
	"sequences": ["b", "a"]
}'),
('long', '{
	"role": "regress_contract",
	"search_path": "Contract , \"public\"",
	"relations": {
		"\"users\"": {
			"access": ["select", "update"],
			"columns": {
				"id": {"type": ["bigint"], "default": false},
				"name": {"type": ["text", "varchar"], "nullable": true}
			},
			"insert": [["email", "name"], ["name", "email"]],
			"unique": [["email", "tenant"]],
			"indexes": [["email"], ["tenant", "created_at"]]
		}
	},
	"queries": {"q": {"sql": "SELECT 1", "params": []}},
	"routines": {"Charge ( bigint, numeric )": {}},
	"sequences": ["a", "\"b\""],
	"types": {}
}'),
('other column order in an index', '{
	"relations": {
		"users": {
			"access": ["update", "select"],
			"columns": {"id": "bigint", "name": {"type": ["varchar", "text"], "nullable": true}},
			"insert": ["name", "email"],
			"unique": [["tenant", "email"]],
			"indexes": [["created_at", "tenant"], ["email"]]
		}
	},
	"queries": {"q": "SELECT 1"},
	"routines": {"charge(bigint,numeric)": {}},
	"sequences": ["b", "a"]
}');
SELECT compat_guard.entrust('regress_contract');
GRANT USAGE ON SCHEMA contract TO regress_contract;
GRANT SELECT ON said TO regress_contract;
SET ROLE regress_contract;
SET search_path = contract, public;

SELECT how, dense_rank() OVER (ORDER BY first) AS digest FROM (
	SELECT how, min(n) OVER (PARTITION BY digest) AS first, n FROM (
		SELECT row_number() OVER () AS n, how, (compat_guard.register('shop', how, document)).digest FROM said
	) registered
) ranked ORDER BY n;

-- Said again: nothing changes.
SELECT DISTINCT requirements FROM said, compat_guard.register('shop', 'short', document)
	WHERE how IN ('short', 'long');

RESET ROLE;
SELECT r.kind, r.object, r.expected, r.role, r.search_path
	FROM compat_guard.requirement r JOIN compat_guard.version_requirement USING (requirement_id)
		JOIN compat_guard.version v USING (version_id)
	WHERE v.name = 'long' ORDER BY r.kind COLLATE "C", r.object COLLATE "C";

-- The defaults are part of it.
SELECT count(DISTINCT r.digest) FROM (VALUES ('contract'), ('elsewhere')) AS v (path),
	set_config('search_path', v.path, true),
	compat_guard.register('paths', v.path, '{}') AS r;

--
-- capture(): what the caller may use of today's schema.
--
SET search_path = contract;
CREATE TABLE users (
	id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	email	varchar(100) NOT NULL UNIQUE,
	"Name"	text,
	mood	elsewhere.mood,
	shout	text GENERATED ALWAYS AS (upper("Name")) STORED,
	tags	text[] NOT NULL DEFAULT '{}',
	UNIQUE ("Name", email),
	UNIQUE (mood) DEFERRABLE
);
CREATE UNIQUE INDEX ON users (lower(email));
CREATE UNIQUE INDEX ON users ("Name") WHERE mood = 'ok';
CREATE VIEW adults AS SELECT id, email FROM users;
CREATE VIEW total AS SELECT count(*) FROM users;
CREATE MATERIALIZED VIEW summary AS SELECT "Name", count(*)::numeric(10,2) AS n FROM users GROUP BY 1;
CREATE TABLE visits (day date NOT NULL, page text) PARTITION BY RANGE (day);
CREATE TABLE visits_2026 PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE "order" ();
CREATE TABLE elsewhere.users (id int);
CREATE SEQUENCE numbers;
CREATE TEMP TABLE scratch (a int);

SELECT jsonb_pretty(compat_guard.capture() - 'role');
SELECT compat_guard.capture() ->> 'role' = current_user AS for_the_caller;

-- It is valid, and this schema meets it.
SELECT * FROM compat_guard.validate(compat_guard.capture());
SELECT status, unmet FROM compat_guard.register('captured', '1', compat_guard.capture());
SELECT kind, object, expected, found FROM compat_guard.check('captured', '1') WHERE state <> 'met';

-- By name, as the application would write it: partitions and hidden ones too.
SELECT key FROM jsonb_object_keys(compat_guard.capture('{USERS, elsewhere.users, visits_2026, "\"order\""}') -> 'relations') AS key
	ORDER BY key COLLATE "C";
SELECT compat_guard.capture('{}') - 'role' AS capture;
\set SHOW_CONTEXT never
SELECT compat_guard.capture('{users, no_such_table}');
SELECT compat_guard.capture('{elsewhere.no_such_table}');
SELECT compat_guard.capture('{numbers}');
SELECT compat_guard.capture('{"order items"}');

-- A role that may do less needs less.  It cannot name the type of users.mood.
GRANT SELECT, DELETE ON users TO regress_contract;
GRANT INSERT (day), UPDATE (page) ON visits TO regress_contract;
SET ROLE regress_contract;
SELECT jsonb_pretty(compat_guard.capture());
SELECT status, unmet FROM compat_guard.register('shop', 'captured', compat_guard.capture());
SELECT kind, object, expected, found FROM compat_guard.check('shop', 'captured') WHERE state <> 'met';
SELECT compat_guard.capture('{total}');
SELECT compat_guard.capture('{elsewhere.users}');
RESET ROLE;

SELECT count(*) FROM compat_guard.versions, compat_guard.forget(app, version);
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA contract, elsewhere CASCADE;
DROP OWNED BY regress_contract;
DROP ROLE regress_contract;
