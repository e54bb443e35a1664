--
-- register(..., replaces => ...): a version that takes the place of another, which
-- counts no longer once its instances are gone.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS compat_guard;
CREATE ROLE regress_replaces;
CREATE ROLE regress_replaces_rival;
CREATE SCHEMA replaces AUTHORIZATION regress_replaces;
SET search_path = replaces;
SET compat_guard.lease_grace = 0;
\pset format unaligned
\pset footer off
\set VERBOSITY terse
SELECT compat_guard.entrust(r) FROM unnest('{regress_replaces,regress_replaces_rival}'::regrole[]) AS r;
CREATE TABLE t (a int, b int, c int, d int, e int, f int);
GRANT SELECT ON t TO regress_replaces, regress_replaces_rival;
GRANT USAGE ON SCHEMA replaces TO regress_replaces_rival;
CREATE FUNCTION needs(col text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('search_path', 'replaces', 'queries', jsonb_build_object(col, 'SELECT ' || col || ' FROM t'))
$$;
\set versions 'SELECT version, status, live, live_by, replaces, replaced_by FROM compat_guard.versions WHERE app = \'shop\' ORDER BY registered_at, version;'
--
-- Errors.
--
SET ROLE regress_replaces;
SELECT status FROM compat_guard.register('shop', '1', needs('a'), replaces => '0');
SELECT status FROM compat_guard.register('shop', '1', needs('a'), replaces => '1');
SELECT status FROM compat_guard.register('shop', '1', needs('a'), replaces => '');
SELECT count(*) FROM compat_guard.ready('shop', '1');
SET ROLE regress_replaces_rival;
SELECT status FROM compat_guard.register('rival', '1', needs('a'));
SET ROLE regress_replaces;
SELECT status FROM compat_guard.register('shop', '1', needs('a'));
-- of another app, by another role
SELECT status FROM compat_guard.register('rival', '2', needs('b'), replaces => '1');
SET ROLE regress_replaces_rival;
SELECT status FROM compat_guard.register('shop', '2', needs('b'), replaces => '1');
SELECT status FROM compat_guard.register('rival', '2', needs('b'), replaces => '0');
RESET ROLE;
SELECT compat_guard.forget('rival', '1');
:versions
--
-- One whose instances say nothing ends at once.
--
SELECT status FROM compat_guard.register('shop', '2', needs('b'), replaces => '1');
:versions
ALTER TABLE t DROP COLUMN a;
ALTER TABLE t DROP COLUMN b;
:versions
SELECT compat_guard.forget('shop', '1');
-- said again: nothing to do, although what it replaced is forgotten
SELECT xmin AS before FROM compat_guard.version WHERE name = '2' \gset
BEGIN READ ONLY;
SELECT status FROM compat_guard.register('shop', '2', needs('b'), replaces => '1');
COMMIT;
SELECT xmin = :before AS unchanged FROM compat_guard.version WHERE name = '2';
-- but it replaces none that is not there
SELECT status FROM compat_guard.register('shop', '2', needs('b'), replaces => '0');
--
-- By its leases, and no longer, although its support lasts.
--
SELECT status FROM compat_guard.register('shop', '3', needs('c'), instance => 'i1', lease => '1 hour');
SELECT compat_guard.set_support('shop', '3', 'infinity');
SELECT status FROM compat_guard.register('shop', '4', needs('d'), replaces => '3');
:versions
ALTER TABLE t DROP COLUMN c;
-- registers again, as its instances do: no other version counts for that
SELECT status FROM compat_guard.register('shop', '3', needs('c'));
SELECT status FROM compat_guard.register('shop', '3', needs('c'), instance => 'i2', lease => '1 hour');
SELECT compat_guard.leave('shop', '3', 'i1');
ALTER TABLE t DROP COLUMN c;
SELECT compat_guard.leave('shop', '3', 'i2');
:versions
BEGIN;
ALTER TABLE t DROP COLUMN c;
ROLLBACK;
-- a rollback may go to it: what is found about it is kept
SELECT version, live, state FROM compat_guard.rollback WHERE app = 'shop' ORDER BY 1;
SELECT rule, action, version FROM compat_guard.preview('ALTER TABLE replaces.t DROP COLUMN c');
-- it comes back by an instance, for as long as that runs
SELECT compat_guard.heartbeat('shop', '3', 'i3', '1 hour') > now() AS runs;
ALTER TABLE t DROP COLUMN c;
SELECT compat_guard.leave('shop', '3', 'i3');
-- or by what the owner says
SELECT compat_guard.set_support('shop', '3', NULL);
SELECT version, live, replaced_by FROM compat_guard.versions WHERE version = '3';
SELECT compat_guard.set_support('shop', '3', 'infinity');
SELECT version, live, replaced_by FROM compat_guard.versions WHERE version = '3';
ALTER TABLE t DROP COLUMN c;
--
-- By its sessions.
--
SELECT status FROM compat_guard.register('shop', '4', needs('d'), replaces => '3');
SELECT compat_guard.attach('shop', '4');
SELECT status FROM compat_guard.register('shop', '5', needs('e'), replaces => '4');
:versions
ALTER TABLE t DROP COLUMN c;
ALTER TABLE t DROP COLUMN d;
SELECT compat_guard.detach();
ALTER TABLE t DROP COLUMN d;
:versions
--
-- Back: what was replaced replaces what replaced it. One that only registers counts
-- again by that.
--
SELECT status FROM compat_guard.register('shop', '6', needs('f'), replaces => '5');
SELECT version, live, replaces, replaced_by FROM compat_guard.versions WHERE version IN ('5', '6') ORDER BY 1;
SELECT status FROM compat_guard.register('shop', '5', needs('e'), replaces => '6');
SELECT version, live, replaces, replaced_by FROM compat_guard.versions WHERE version IN ('5', '6') ORDER BY 1;
ALTER TABLE t DROP COLUMN e;
ALTER TABLE t DROP COLUMN f;
-- what was lost meanwhile is found
SELECT status FROM compat_guard.register('shop', '6', needs('f'));
SELECT version, status, live, replaces, replaced_by FROM compat_guard.versions WHERE version IN ('5', '6') ORDER BY 1;
-- reactivate() says the same
SELECT status FROM compat_guard.register('shop', '6', needs('f'), replaces => '5');
SELECT compat_guard.reactivate('shop', '5');
SELECT version, live, replaces, replaced_by FROM compat_guard.versions WHERE version IN ('5', '6') ORDER BY 1;
ALTER TABLE t DROP COLUMN e;
-- a retired one is as gone as it gets, and stays unmarked
SELECT compat_guard.retire('shop', '5');
SELECT status FROM compat_guard.register('shop', '7', needs('e'), replaces => '5');
SELECT version, status, live, replaces, replaced_by FROM compat_guard.versions WHERE version IN ('5', '7') ORDER BY 1;
BEGIN READ ONLY;
SELECT status FROM compat_guard.register('shop', '7', needs('e'), replaces => '5');
-- what would have to be written is not
SELECT status FROM compat_guard.register('shop', '7', needs('e'), replaces => '6');
ROLLBACK;
-- undone with the transaction
BEGIN;
SELECT status FROM compat_guard.register('shop', '8', needs('e'), replaces => '7');
ROLLBACK;
SELECT version, live, replaces, replaced_by FROM compat_guard.versions WHERE version = '7' ORDER BY 1;
-- with another contract in development
SELECT status FROM compat_guard.register('shop', '8', needs('e'));
SELECT status FROM compat_guard.register('shop', '8', '{"search_path": "replaces"}', replace => true, replaces => '7');
SELECT version, live, replaces, replaced_by FROM compat_guard.versions WHERE version IN ('7', '8') ORDER BY 1;
SELECT count(compat_guard.forget(app, version)) FROM compat_guard.versions;
SET client_min_messages = warning;
DROP SCHEMA replaces CASCADE;
DROP OWNED BY regress_replaces, regress_replaces_rival;
DROP ROLE regress_replaces, regress_replaces_rival;
