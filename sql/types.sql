--
-- Types: those that a contract names, and those that are reached through
-- columns and queries.
--
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE regress_reader;
CREATE SCHEMA shop;
CREATE SCHEMA early;
GRANT USAGE ON SCHEMA shop, early TO regress_reader;
SET search_path = shop;

CREATE TYPE order_state AS ENUM ('new', 'paid', 'void');
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE colour AS ENUM ('red', 'blue');
CREATE TYPE address AS (street text, zip varchar(10));
CREATE DOMAIN email AS text;
CREATE TYPE span AS RANGE (subtype = date);
CREATE TYPE "user" AS (name text);
CREATE TABLE orders (id bigint, state order_state DEFAULT 'new', moods mood[]);
GRANT SELECT ON orders TO regress_reader;

SELECT status, unmet FROM compat_guard.register('reader', '1', '{
	"role": "regress_reader",
	"search_path": "early, shop",
	"types": {
		"order_state": {"labels": ["new", "paid"]},
		"shop.mood": {"labels": ["sad", "ok"], "closed": true},
		"colour": {},
		"address": {},
		"email": {},
		"span": {},
		"user": {}
	}}');
\set unmet 'SELECT rule, object, state, expected, found FROM compat_guard.verification(''reader'', ''1'') WHERE rule IS NOT NULL ORDER BY object COLLATE "C", found COLLATE "C";'
:unmet

--
-- type-missing
--
BEGIN; DROP TYPE colour; :unmet ROLLBACK;
BEGIN; ALTER TYPE colour RENAME TO color; :unmet ROLLBACK;
BEGIN; CREATE SCHEMA elsewhere; ALTER DOMAIN email SET SCHEMA elsewhere; :unmet ROLLBACK;
BEGIN; DROP TYPE colour; CREATE DOMAIN colour AS text; :unmet ROLLBACK;
BEGIN; DROP DOMAIN email; CREATE DOMAIN email AS varchar(100); :unmet ROLLBACK;
BEGIN; DROP TYPE span; CREATE TYPE span AS RANGE (subtype = timestamp); :unmet ROLLBACK;
BEGIN; DROP TYPE colour; CREATE TEMP TABLE colour (x int); :unmet ROLLBACK;
-- met: found elsewhere along the path; constraints are no matter of the type's
BEGIN; ALTER TYPE colour SET SCHEMA early; :unmet ROLLBACK;
BEGIN; ALTER DOMAIN email ADD CHECK (VALUE <> ''); :unmet ROLLBACK;
-- met: it takes no USAGE on a type to read it; it does on its schema
BEGIN; REVOKE USAGE ON TYPE colour FROM PUBLIC; :unmet ROLLBACK;
BEGIN; REVOKE USAGE ON SCHEMA shop FROM regress_reader; SELECT DISTINCT rule, found FROM compat_guard.verification('reader', '1'); ROLLBACK;
-- name-captured
BEGIN; CREATE TYPE early.colour AS ENUM ('red', 'blue'); :unmet ROLLBACK;

--
-- The attributes of a composite type
--
BEGIN; ALTER TYPE address DROP ATTRIBUTE zip; :unmet ROLLBACK;
BEGIN; ALTER TYPE address RENAME ATTRIBUTE zip TO code; :unmet ROLLBACK;
BEGIN; ALTER TYPE address ALTER ATTRIBUTE zip TYPE varchar(5); :unmet ROLLBACK;
-- a remark: one more
BEGIN; ALTER TYPE address ADD ATTRIBUTE country text; :unmet ROLLBACK;

--
-- enum-label-missing
--
BEGIN; ALTER TYPE order_state RENAME VALUE 'new' TO 'fresh'; :unmet ROLLBACK;
BEGIN; ALTER TYPE colour RENAME VALUE 'red' TO 'rouge'; :unmet ROLLBACK;
-- a remark: not one of those the contract lists, so only that there is another
BEGIN; ALTER TYPE order_state RENAME VALUE 'void' TO 'cancelled'; :unmet ROLLBACK;

--
-- enum-label-added: a remark, or not met where the contract says closed
--
BEGIN; ALTER TYPE order_state ADD VALUE 'shipped'; :unmet ROLLBACK;
BEGIN; ALTER TYPE mood ADD VALUE 'happy'; :unmet ROLLBACK;

--
-- Judged.
--
SELECT status, unmet FROM compat_guard.register('reader', '2', '{
	"search_path": "shop",
	"relations": {"orders": {"columns": {"state": {}, "moods": {}}}},
	"queries": {
		"all": "SELECT id, state FROM orders",
		"new": "SELECT id FROM orders WHERE state = ''new''",
		"mine": "SELECT state FROM orders WHERE id = $1"
	}}');
SELECT compat_guard.forget('reader', '1');
-- Readers are told of a new label, each version once; outside a transaction block ...
\set VERBOSITY default
ALTER TYPE order_state ADD VALUE 'shipped';
-- ... and never again.  A renamed label breaks the query that compares with it.
ALTER TYPE order_state RENAME VALUE 'new' TO 'fresh';
\set VERBOSITY terse
ALTER TABLE orders ADD COLUMN note text;
-- none: a version with no interest in the type
ALTER TYPE colour ADD VALUE 'green';

-- A version that waits for a label is ready with it, although nobody may use
-- the label before it is committed.
SELECT status FROM compat_guard.register('reader', '3', '{
	"search_path": "shop",
	"types": {"order_state": {"labels": ["lost"]}},
	"queries": {"lost": "SELECT id FROM orders WHERE state = ''lost''"}}');
ALTER TYPE order_state ADD VALUE 'lost';
SELECT status, unmet FROM compat_guard.versions WHERE version = '3';
BEGIN;
ALTER TYPE order_state ADD VALUE 'found';
ALTER TABLE orders ADD COLUMN found boolean;
SET LOCAL compat_guard.verify = 'statement';
ALTER TABLE orders ADD COLUMN lost boolean;
SELECT 'found'::order_state;
ROLLBACK;
-- A closed list blocks.
SELECT status FROM compat_guard.register('reader', '4', '{
	"search_path": "shop", "types": {"mood": {"labels": ["sad", "ok"], "closed": true}}}');
ALTER TYPE mood ADD VALUE 'happy';
-- The server's own types are types.
SELECT status FROM compat_guard.register('reader', '5', '{"types": {"int4": {}, "pg_catalog.text": {}}}');

SELECT compat_guard.forget('reader', v::text) FROM generate_series(2, 5) AS v;
RESET search_path;
DROP SCHEMA shop, early CASCADE;
DROP ROLE regress_reader;
