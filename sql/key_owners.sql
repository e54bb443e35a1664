--
-- A foreign key looks at the other table as the owner of that table, by its name.
--
\set VERBOSITY sqlstate
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE SCHEMA keys;
CREATE SCHEMA closed;
SET search_path = keys;
CREATE ROLE regress_key_app;
CREATE ROLE regress_key_owner;
CREATE ROLE regress_key_group;
CREATE ROLE regress_key_outsider;
GRANT USAGE ON SCHEMA keys, closed TO regress_key_app, regress_key_group;
GRANT regress_key_group TO regress_key_owner;
CREATE FUNCTION judged(ddl text) RETURNS TABLE (action text, rule text, requirement text, found text)
LANGUAGE sql AS $$
	SELECT action, rule, coalesce(requirement, message), found
	FROM compat_guard.preview(ddl)
	ORDER BY requirement COLLATE "C", rule COLLATE "C", found COLLATE "C"
$$;

CREATE TABLE closed.users (id int PRIMARY KEY, code int UNIQUE, name text);
CREATE TABLE tags (id int, "user" int REFERENCES closed.users);
CREATE TABLE tasks (id int, "user" int REFERENCES closed.users ON DELETE CASCADE);
CREATE TABLE codes (code int REFERENCES closed.users (code) ON UPDATE SET NULL);
GRANT ALL ON closed.users, tags, tasks, codes TO regress_key_app;
ALTER TABLE closed.users OWNER TO regress_key_owner;
ALTER TABLE tasks OWNER TO regress_key_owner;
SELECT status FROM compat_guard.register('keys', '1', '{"search_path": "keys, closed", "role": "regress_key_app", "queries": {
	"delete": "DELETE FROM users WHERE id = $1",
	"insert": "INSERT INTO tags (id, \"user\") VALUES ($1, $2)",
	"merge": "MERGE INTO tags AS t USING tasks AS s ON t.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.user)",
	"update": "UPDATE tags SET \"user\" = $1",
	"update code": "UPDATE users SET code = $1",
	"other insert": "INSERT INTO tags (id) VALUES ($1)",
	"other null": "INSERT INTO tags (id, \"user\") VALUES ($1, NULL)",
	"other read": "SELECT * FROM tags JOIN users ON users.id = tags.user",
	"other update": "UPDATE tags SET id = $1",
	"other users": "INSERT INTO users (id, name) VALUES ($1, $2)",
	"other name": "UPDATE users SET name = $1"}}');

-- an owner who cannot use the schema
SELECT * FROM judged('ALTER TABLE closed.users OWNER TO regress_key_outsider');
SELECT * FROM judged('REVOKE regress_key_group FROM regress_key_owner');
SELECT * FROM judged('REVOKE USAGE ON SCHEMA closed FROM regress_key_group');
SELECT * FROM judged('ALTER TABLE tasks OWNER TO regress_key_outsider');
-- who has taken a privilege from himself
SELECT * FROM judged('REVOKE UPDATE ON closed.users FROM regress_key_owner');
SELECT * FROM judged('REVOKE SELECT ON closed.users FROM regress_key_owner; GRANT SELECT (code, name) ON closed.users TO regress_key_owner');
SELECT * FROM judged('REVOKE DELETE ON tasks FROM regress_key_owner');
-- no finding
SELECT * FROM judged('ALTER TABLE tags OWNER TO regress_key_owner');
SELECT * FROM judged('REVOKE SELECT ON closed.users FROM regress_key_owner; GRANT SELECT (id, code) ON closed.users TO regress_key_owner');
SELECT * FROM judged('REVOKE INSERT, TRUNCATE ON closed.users, tasks FROM regress_key_owner');
SELECT * FROM judged('GRANT USAGE ON SCHEMA closed, keys TO regress_key_outsider; ALTER TABLE closed.users OWNER TO regress_key_outsider; ALTER TABLE tasks OWNER TO regress_key_outsider');
SELECT * FROM judged('ALTER TABLE tags DISABLE TRIGGER ALL; ALTER TABLE tasks DISABLE TRIGGER ALL; ALTER TABLE codes DISABLE TRIGGER ALL; ALTER TABLE closed.users DISABLE TRIGGER ALL; ALTER TABLE closed.users OWNER TO regress_key_outsider')
WHERE rule = 'privilege-lost';

-- and so it is
SELECT compat_guard.retire('keys', '1');
INSERT INTO closed.users VALUES (1, 1, 'Ann');
ALTER TABLE closed.users OWNER TO regress_key_outsider;
SET ROLE regress_key_app;
INSERT INTO tags (id) VALUES (1);
INSERT INTO tags (id, "user") VALUES (1, 1);
DELETE FROM closed.users;
RESET ROLE;

SELECT compat_guard.forget('keys', '1');
RESET search_path;
DROP SCHEMA keys, closed CASCADE;
DROP ROLE regress_key_app, regress_key_owner, regress_key_group, regress_key_outsider;
