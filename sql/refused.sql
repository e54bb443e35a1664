--
-- Statements that plan, and that the executor refuses: UPDATE and DELETE of what
-- is published without a replica identity, ON CONFLICT over what is deferrable.
--
\set VERBOSITY sqlstate
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE SCHEMA refused;
SET search_path = refused;
CREATE FUNCTION judged(ddl text) RETURNS TABLE (action text, rule text, requirement text, found text)
LANGUAGE sql AS $$
	SELECT action, rule, coalesce(requirement, message), found
	FROM compat_guard.preview(ddl)
	ORDER BY requirement COLLATE "C", rule COLLATE "C", found COLLATE "C"
$$;

--
-- Publications
--
CREATE TABLE events (id int, n int);
CREATE TABLE jobs (id int PRIMARY KEY, n int);
CREATE TABLE keyed (id int NOT NULL, n int);
CREATE UNIQUE INDEX keyed_id ON keyed (id);
CREATE VIEW shown AS SELECT id, n FROM events;
CREATE TABLE parts (id int, n int) PARTITION BY LIST (n);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2);
CREATE TABLE base (id int, n int);
CREATE TABLE derived () INHERITS (base);
CREATE FUNCTION touch(int) RETURNS void LANGUAGE sql AS 'UPDATE events SET n = 0 WHERE id = $1';
CREATE TABLE untouched (id int);
SELECT status, unmet FROM compat_guard.register('refused', '1', '{"search_path": "refused",
	"relations": {"events": {"access": ["select", "insert", "update", "delete"]},
				  "shown": {"access": ["delete"]}},
	"queries": {
		"update": "UPDATE events SET n = $1 WHERE id = $2",
		"delete": "DELETE FROM jobs WHERE id = $1",
		"upsert": "INSERT INTO jobs VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = $2",
		"merge": "MERGE INTO keyed USING jobs ON keyed.id = jobs.id WHEN MATCHED THEN UPDATE SET n = jobs.n",
		"with": "WITH gone AS (DELETE FROM keyed RETURNING id) SELECT id FROM gone",
		"view": "UPDATE shown SET n = 1",
		"parts": "UPDATE parts SET id = 1",
		"derived": "DELETE FROM base",
		"only": "UPDATE ONLY base SET n = 1",
		"call": "SELECT touch(1)",
		"insert": "INSERT INTO events VALUES ($1, $2)",
		"nothing": "INSERT INTO jobs VALUES ($1, $2) ON CONFLICT DO NOTHING"}}');

SELECT * FROM judged('CREATE PUBLICATION p FOR ALL TABLES');
SELECT * FROM judged('CREATE PUBLICATION p FOR TABLES IN SCHEMA refused WITH (publish = ''delete'')');
SELECT * FROM judged('CREATE PUBLICATION p FOR TABLE events');
SELECT * FROM judged('CREATE PUBLICATION p FOR TABLE parts');
SELECT * FROM judged('CREATE PUBLICATION p FOR TABLE derived');
-- a row filter, and a list of columns, need more than an identity
SELECT * FROM judged('CREATE PUBLICATION p FOR TABLE jobs WHERE (n > 0)');
SELECT * FROM judged('CREATE PUBLICATION p FOR TABLE jobs (n)');
-- met: nothing of the kind is published, there is an identity, or nothing that needs one
SELECT * FROM judged('CREATE PUBLICATION p FOR ALL TABLES WITH (publish = ''insert'')');
SELECT * FROM judged('CREATE PUBLICATION p FOR TABLE untouched, jobs');
SELECT * FROM judged('CREATE PUBLICATION p FOR TABLE jobs WHERE (id > 0)');
SELECT * FROM judged('ALTER TABLE events REPLICA IDENTITY FULL; CREATE PUBLICATION p FOR TABLE events');
SELECT * FROM judged('ALTER TABLE keyed REPLICA IDENTITY USING INDEX keyed_id; CREATE PUBLICATION p FOR TABLE keyed');
SELECT * FROM judged('CREATE PUBLICATION p FOR ALL TABLES; DROP PUBLICATION p');
SELECT * FROM judged('ALTER TABLE parts ADD PRIMARY KEY (id, n); CREATE PUBLICATION p FOR TABLE parts');
SELECT * FROM judged('CREATE PUBLICATION p FOR TABLE ONLY base; ALTER TABLE base REPLICA IDENTITY FULL');

-- by a foreign key: what refers to a row is written with it
CREATE TABLE owners (id int PRIMARY KEY, n int);
CREATE TABLE owned (owner int REFERENCES owners ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE loose (owner int REFERENCES owners ON DELETE SET NULL);
CREATE TABLE bound (owner int REFERENCES owners);
SELECT status, unmet FROM compat_guard.register('refused', '3', '{"search_path": "refused", "queries": {
	"delete": "DELETE FROM owners", "update": "UPDATE owners SET id = $1", "other update": "UPDATE owners SET n = 1"}}');
SELECT * FROM judged('CREATE PUBLICATION p FOR TABLE owned');
SELECT * FROM judged('CREATE PUBLICATION p FOR TABLE loose');
SELECT * FROM judged('CREATE PUBLICATION p FOR TABLE bound');
SELECT * FROM judged('ALTER TABLE owned REPLICA IDENTITY FULL; CREATE PUBLICATION p FOR TABLE owned, owners');
SELECT compat_guard.forget('refused', '3');

-- Published already: what takes the identity away.
CREATE PUBLICATION p FOR TABLE jobs;
SELECT * FROM judged('ALTER TABLE jobs DROP CONSTRAINT jobs_pkey');
SELECT * FROM judged('ALTER TABLE jobs DROP CONSTRAINT jobs_pkey; ALTER TABLE jobs ADD UNIQUE (id)');
SELECT * FROM judged('ALTER TABLE jobs REPLICA IDENTITY NOTHING');
SELECT * FROM judged('ALTER TABLE jobs DROP CONSTRAINT jobs_pkey; ALTER TABLE jobs ADD PRIMARY KEY (id) DEFERRABLE');
SELECT * FROM judged('ALTER PUBLICATION p ADD TABLE keyed');
ALTER PUBLICATION p SET (publish = 'insert');
SELECT * FROM judged('ALTER TABLE jobs REPLICA IDENTITY NOTHING');
SELECT * FROM judged('ALTER TABLE jobs REPLICA IDENTITY NOTHING; ALTER PUBLICATION p SET (publish = ''insert, delete'')');
-- met: another key
SELECT * FROM judged('ALTER TABLE jobs DROP CONSTRAINT jobs_pkey; ALTER TABLE jobs ADD PRIMARY KEY (id)');
-- and not only foreseen
CREATE PUBLICATION all_of_it FOR ALL TABLES;
DROP PUBLICATION p;
SELECT compat_guard.forget('refused', '1');

--
-- ON CONFLICT
--
CREATE TABLE stock (a int CONSTRAINT stock_a UNIQUE, b int, r int4range);
CREATE TABLE parted (a int CONSTRAINT parted_a UNIQUE, b int) PARTITION BY RANGE (a);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
SELECT status, unmet FROM compat_guard.register('refused', '2', '{"search_path": "refused", "queries": {
	"by column": "INSERT INTO stock VALUES ($1, $2) ON CONFLICT (a) DO NOTHING",
	"by name": "INSERT INTO stock VALUES ($1, $2) ON CONFLICT ON CONSTRAINT stock_a DO UPDATE SET b = $2",
	"any": "INSERT INTO stock VALUES ($1, $2) ON CONFLICT DO NOTHING",
	"within": "WITH n AS (INSERT INTO stock VALUES ($1, $2) ON CONFLICT (a) DO NOTHING RETURNING a) SELECT a FROM n",
	"parted": "INSERT INTO parted VALUES ($1, $2) ON CONFLICT (a) DO NOTHING",
	"plain": "INSERT INTO stock VALUES ($1, $2)"}}');
SELECT * FROM judged('ALTER TABLE stock DROP CONSTRAINT stock_a; ALTER TABLE stock ADD CONSTRAINT stock_a UNIQUE (a) DEFERRABLE');
SELECT * FROM judged('ALTER TABLE parted DROP CONSTRAINT parted_a; ALTER TABLE parted ADD UNIQUE (a) DEFERRABLE');
-- without a target every constraint counts
SELECT * FROM judged('ALTER TABLE stock ADD CONSTRAINT apart EXCLUDE USING gist (r WITH &&) DEFERRABLE') WHERE action = 'block';
SELECT * FROM judged('ALTER TABLE stock ADD CONSTRAINT stock_b UNIQUE (b) DEFERRABLE') WHERE action = 'block';
-- met: a constraint that is not, beside another that is
SELECT * FROM judged('ALTER TABLE stock DROP CONSTRAINT stock_a; ALTER TABLE stock ADD CONSTRAINT stock_a UNIQUE (a)');
SELECT * FROM judged('ALTER TABLE stock ADD CONSTRAINT stock_b UNIQUE (b)') WHERE action = 'block';
SELECT * FROM judged('ALTER TABLE stock DROP CONSTRAINT stock_a; ALTER TABLE stock ADD CONSTRAINT stock_a UNIQUE (a) NOT DEFERRABLE');
SELECT compat_guard.forget('refused', '2');

RESET search_path;
DROP SCHEMA refused CASCADE;
