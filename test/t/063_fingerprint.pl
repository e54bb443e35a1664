# The fingerprint of a schema is equal exactly where a dump of the schema is.  Each step
# below changes the schema; pg_dump is asked after each, and every two states are
# compared.  Steps that come with a way back lead to states that are equal.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "autovacuum = off\nwal_level = logical\n");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION compat_guard;
	CREATE ROLE reader;
	CREATE ROLE owner;
});

# One step a line: SQL.  With " <> " between, a step and its way back.
my @steps = grep { /\S/ && !/^#/ } split /\n/, <<'SQL';
CREATE SCHEMA s
CREATE TABLE s.t (a int, b text DEFAULT 'x', c numeric(10,2), d date, "E f" text[])
CREATE TABLE p (id bigint PRIMARY KEY, parent bigint REFERENCES p)
CREATE TABLE part (k int NOT NULL, v text) PARTITION BY RANGE (k)
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (1) TO (10)
CREATE TABLE parent (x int CHECK (x > 0)); CREATE TABLE child (y int) INHERITS (parent)
CREATE SEQUENCE seq
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); CREATE TYPE pair AS (l int, r int); CREATE TYPE span AS RANGE (subtype = date)
CREATE DOMAIN positive AS int DEFAULT 1 CHECK (VALUE > 0)
CREATE FUNCTION f(a int, b text DEFAULT 'q') RETURNS int LANGUAGE sql AS 'SELECT a'; CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'
CREATE PROCEDURE proc() LANGUAGE sql BEGIN ATOMIC SELECT a FROM s.t; END
CREATE VIEW v AS SELECT a, b FROM s.t WHERE a > 1; CREATE MATERIALIZED VIEW mv AS SELECT a FROM s.t
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER srv FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE ft (a int OPTIONS (o 'x')) SERVER srv
# columns
ALTER TABLE s.t ADD g int <> ALTER TABLE s.t DROP g
ALTER TABLE s.t ADD g int DEFAULT 5 NOT NULL <> ALTER TABLE s.t DROP g
ALTER TABLE s.t ALTER b SET DEFAULT 'y' <> ALTER TABLE s.t ALTER b SET DEFAULT 'x'
ALTER TABLE s.t ALTER b DROP DEFAULT <> ALTER TABLE s.t ALTER b SET DEFAULT 'x'
ALTER TABLE s.t ALTER a SET NOT NULL <> ALTER TABLE s.t ALTER a DROP NOT NULL
ALTER TABLE s.t RENAME b TO b2 <> ALTER TABLE s.t RENAME b2 TO b
ALTER TABLE s.t ALTER c TYPE numeric(12,2) <> ALTER TABLE s.t ALTER c TYPE numeric(10,2)
ALTER TABLE s.t ALTER d TYPE timestamp <> ALTER TABLE s.t ALTER d TYPE date
ALTER TABLE s.t ALTER "E f" TYPE text[][]
ALTER TABLE s.t ALTER b SET STORAGE EXTERNAL <> ALTER TABLE s.t ALTER b SET STORAGE EXTENDED
ALTER TABLE s.t ALTER b SET COMPRESSION pglz <> ALTER TABLE s.t ALTER b SET COMPRESSION DEFAULT
ALTER TABLE s.t ALTER b SET STATISTICS 50 <> ALTER TABLE s.t ALTER b SET STATISTICS -1
ALTER TABLE s.t ALTER b SET (n_distinct = 5) <> ALTER TABLE s.t ALTER b RESET (n_distinct)
ALTER TABLE s.t ALTER a SET NOT NULL; ALTER TABLE s.t ALTER a ADD GENERATED ALWAYS AS IDENTITY <> ALTER TABLE s.t ALTER a DROP IDENTITY; ALTER TABLE s.t ALTER a DROP NOT NULL
ALTER TABLE s.t ADD h int GENERATED ALWAYS AS (a * 2) STORED <> ALTER TABLE s.t DROP h
ALTER TABLE s.t DROP d; ALTER TABLE s.t ADD d date
ALTER TABLE s.t ALTER "E f" TYPE text[] COLLATE "C" <> ALTER TABLE s.t ALTER "E f" TYPE text[]
# constraints and indexes
ALTER TABLE s.t ADD CONSTRAINT c1 CHECK (a > 1) <> ALTER TABLE s.t DROP CONSTRAINT c1
ALTER TABLE s.t ADD CONSTRAINT c1 CHECK (a > 1) NOT VALID <> ALTER TABLE s.t DROP CONSTRAINT c1
ALTER TABLE s.t ADD CONSTRAINT c1 CHECK (a > 1) NOT VALID; ALTER TABLE s.t VALIDATE CONSTRAINT c1 <> ALTER TABLE s.t DROP CONSTRAINT c1
ALTER TABLE s.t ADD CONSTRAINT u UNIQUE (a, b) <> ALTER TABLE s.t DROP CONSTRAINT u
ALTER TABLE s.t ADD CONSTRAINT u UNIQUE (b, a) <> ALTER TABLE s.t DROP CONSTRAINT u
ALTER TABLE s.t ADD CONSTRAINT u UNIQUE (a) DEFERRABLE <> ALTER TABLE s.t DROP CONSTRAINT u
ALTER TABLE s.t ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES p ON DELETE CASCADE <> ALTER TABLE s.t DROP CONSTRAINT fk
ALTER TABLE s.t ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES p <> ALTER TABLE s.t DROP CONSTRAINT fk
CREATE INDEX i ON s.t (a) <> DROP INDEX s.i
CREATE INDEX i ON s.t (a DESC) WHERE b IS NOT NULL <> DROP INDEX s.i
CREATE INDEX i ON s.t (lower(b)) INCLUDE (a) <> DROP INDEX s.i
CREATE INDEX i ON part (v) <> DROP INDEX i
CREATE STATISTICS st ON a, b FROM s.t <> DROP STATISTICS st
CREATE UNIQUE INDEX ri ON part_1 (k); ALTER TABLE part_1 REPLICA IDENTITY USING INDEX ri <> ALTER TABLE part_1 REPLICA IDENTITY DEFAULT; DROP INDEX ri
ALTER TABLE p CLUSTER ON p_pkey <> ALTER TABLE p SET WITHOUT CLUSTER
ALTER INDEX p_pkey RENAME TO p_key <> ALTER INDEX p_key RENAME TO p_pkey
REINDEX TABLE p
# tables
ALTER TABLE s.t SET (fillfactor = 70) <> ALTER TABLE s.t RESET (fillfactor)
ALTER TABLE s.t SET UNLOGGED <> ALTER TABLE s.t SET LOGGED
ALTER TABLE s.t SET SCHEMA public <> ALTER TABLE public.t SET SCHEMA s
ALTER TABLE s.t RENAME TO t2 <> ALTER TABLE s.t2 RENAME TO t
ALTER TABLE part DETACH PARTITION part_1 <> ALTER TABLE part ATTACH PARTITION part_1 FOR VALUES FROM (1) TO (10)
ALTER TABLE part DETACH PARTITION part_1; ALTER TABLE part ATTACH PARTITION part_1 FOR VALUES FROM (1) TO (11) <> ALTER TABLE part DETACH PARTITION part_1; ALTER TABLE part ATTACH PARTITION part_1 FOR VALUES FROM (1) TO (10)
ALTER TABLE s.t ENABLE ROW LEVEL SECURITY <> ALTER TABLE s.t DISABLE ROW LEVEL SECURITY
CREATE POLICY po ON s.t FOR SELECT TO reader USING (a > 1) <> DROP POLICY po ON s.t
CREATE POLICY po ON s.t USING (a > 2) <> DROP POLICY po ON s.t
ALTER TABLE s.t OWNER TO owner <> ALTER TABLE s.t OWNER TO CURRENT_USER
CREATE TRIGGER tr BEFORE INSERT ON s.t FOR EACH ROW WHEN (NEW.a > 1) EXECUTE FUNCTION trg() <> DROP TRIGGER tr ON s.t
CREATE RULE ru AS ON DELETE TO s.t DO INSTEAD NOTHING <> DROP RULE ru ON s.t
VACUUM FULL s.t
INSERT INTO s.t (a) VALUES (3); ANALYZE s.t
# views, functions, types
CREATE OR REPLACE VIEW v AS SELECT a, b FROM s.t WHERE a > 2 <> CREATE OR REPLACE VIEW v AS SELECT a, b FROM s.t WHERE a > 1
ALTER VIEW v SET (security_barrier) <> ALTER VIEW v RESET (security_barrier)
DROP MATERIALIZED VIEW mv <> CREATE MATERIALIZED VIEW mv AS SELECT a FROM s.t
ALTER FUNCTION f STABLE <> ALTER FUNCTION f VOLATILE
ALTER FUNCTION f SET work_mem = '1MB' <> ALTER FUNCTION f RESET ALL
CREATE OR REPLACE FUNCTION f(a int, b text DEFAULT 'r') RETURNS int LANGUAGE sql AS 'SELECT a' <> CREATE OR REPLACE FUNCTION f(a int, b text DEFAULT 'q') RETURNS int LANGUAGE sql AS 'SELECT a'
CREATE FUNCTION f(a text) RETURNS int LANGUAGE sql AS 'SELECT 1' <> DROP FUNCTION f(text)
CREATE AGGREGATE agg (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0') <> DROP AGGREGATE agg (int)
CREATE OPERATOR ===> (FUNCTION = int4pl, LEFTARG = int, RIGHTARG = int) <> DROP OPERATOR ===> (int, int)
CREATE CAST (pair AS text) WITH INOUT <> DROP CAST (pair AS text)
ALTER TYPE pair ADD ATTRIBUTE m int <> ALTER TYPE pair DROP ATTRIBUTE m
ALTER TYPE mood RENAME VALUE 'ok' TO 'fine' <> ALTER TYPE mood RENAME VALUE 'fine' TO 'ok'
CREATE TYPE mood2 AS ENUM ('a', 'b'); ALTER TYPE mood2 ADD VALUE 'c' BEFORE 'b' <> DROP TYPE mood2
CREATE TYPE mood2 AS ENUM ('a', 'c', 'b') <> DROP TYPE mood2
ALTER DOMAIN positive SET NOT NULL <> ALTER DOMAIN positive DROP NOT NULL
ALTER DOMAIN positive SET DEFAULT 2 <> ALTER DOMAIN positive SET DEFAULT 1
ALTER DOMAIN positive ADD CONSTRAINT few CHECK (VALUE < 9) <> ALTER DOMAIN positive DROP CONSTRAINT few
# sequences, servers, publications
ALTER SEQUENCE seq INCREMENT 5 <> ALTER SEQUENCE seq INCREMENT 1
ALTER SEQUENCE seq OWNED BY p.id <> ALTER SEQUENCE seq OWNED BY NONE
SELECT nextval('seq')
ALTER SERVER srv OPTIONS (ADD host 'x') <> ALTER SERVER srv OPTIONS (DROP host)
ALTER FOREIGN TABLE ft ALTER a OPTIONS (SET o 'y') <> ALTER FOREIGN TABLE ft ALTER a OPTIONS (SET o 'x')
CREATE PUBLICATION pub FOR TABLE p WHERE (id > 1) <> DROP PUBLICATION pub
CREATE PUBLICATION pub FOR TABLES IN SCHEMA s <> DROP PUBLICATION pub
CREATE COLLATION coll (provider = libc, locale = 'C') <> DROP COLLATION coll
CREATE TEXT SEARCH CONFIGURATION tsc (COPY = simple) <> DROP TEXT SEARCH CONFIGURATION tsc
CREATE EVENT TRIGGER et ON sql_drop EXECUTE FUNCTION et() <> DROP EVENT TRIGGER et
# privileges and comments
GRANT SELECT ON s.t TO reader <> REVOKE SELECT ON s.t FROM reader
GRANT SELECT ON s.t TO reader WITH GRANT OPTION <> REVOKE ALL ON s.t FROM reader
GRANT SELECT (a) ON s.t TO reader <> REVOKE SELECT (a) ON s.t FROM reader
REVOKE INSERT ON s.t FROM CURRENT_USER <> GRANT INSERT ON s.t TO CURRENT_USER
REVOKE EXECUTE ON FUNCTION f FROM PUBLIC <> GRANT EXECUTE ON FUNCTION f TO PUBLIC
GRANT USAGE ON SCHEMA s TO reader, owner <> REVOKE USAGE ON SCHEMA s FROM owner, reader
GRANT CREATE ON SCHEMA public TO reader <> REVOKE CREATE ON SCHEMA public FROM reader
REVOKE USAGE ON SCHEMA public FROM PUBLIC <> GRANT USAGE ON SCHEMA public TO PUBLIC
GRANT USAGE ON SEQUENCE seq TO reader <> REVOKE USAGE ON SEQUENCE seq FROM reader
REVOKE USAGE ON TYPE mood FROM PUBLIC <> GRANT USAGE ON TYPE mood TO PUBLIC
GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_logdir() TO reader <> REVOKE EXECUTE ON FUNCTION pg_catalog.pg_ls_logdir() FROM reader
ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO reader <> ALTER DEFAULT PRIVILEGES IN SCHEMA s REVOKE SELECT ON TABLES FROM reader
COMMENT ON TABLE s.t IS 'x' <> COMMENT ON TABLE s.t IS NULL
COMMENT ON COLUMN s.t."E f" IS 'x' <> COMMENT ON COLUMN s.t."E f" IS NULL
COMMENT ON CONSTRAINT p_pkey ON p IS 'x' <> COMMENT ON CONSTRAINT p_pkey ON p IS NULL
COMMENT ON SCHEMA public IS 'x' <> COMMENT ON SCHEMA public IS 'standard public schema'
CREATE EXTENSION pgcrypto <> DROP EXTENSION pgcrypto
CREATE TEMP TABLE tmp (a int)
SQL

my @states;

sub dumped
{
	my ($out, $err) = run_command([ 'pg_dump', '--schema-only', '-d', $node->connstr('postgres') ]);

	is($err, '', 'pg_dump has nothing to say') if $err ne '';
	return join "\n", sort grep { /\S/ && !/^--|^\\(un)?restrict / } split /\n/, $out;
}

sub remember
{
	my ($step) = @_;

	my ($fingerprint, $stderr);
	$node->psql('postgres', "$step;\n\\o\nSELECT compat_guard.fingerprint();" =~ s/^/\\o \/dev\/null\n/r,
		stdout => \$fingerprint, stderr => \$stderr);
	is($stderr, '', $step) if $stderr ne '';
	push @states, { step => $step, dump => dumped(), fingerprint => $fingerprint };
}

$node->safe_psql('postgres', q{CREATE FUNCTION et() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'});
remember('');
my $after_way_back = 0;
foreach my $step (@steps)
{
	my ($up, $down) = split / <> /, $step;
	my $before = $#states;

	remember($up);
	next unless defined $down;
	remember($down);
	is($states[-1]{fingerprint} eq $states[$before]{fingerprint}, $states[-1]{dump} eq $states[$before]{dump}, "there and back: $up");
	$after_way_back++ if $states[-1]{fingerprint} eq $states[$before]{fingerprint};
}

my @disagreements;
my ($equal, $different) = (0, 0);
foreach my $i (0 .. $#states)
{
	foreach my $j (0 .. $i - 1)
	{
		my $by_dump = $states[$i]{dump} eq $states[$j]{dump};
		my $by_us = $states[$i]{fingerprint} eq $states[$j]{fingerprint};

		$by_dump ? $equal++ : $different++;
		push @disagreements, "$states[$j]{step} / $states[$i]{step}: a dump says " . ($by_dump ? 'equal' : 'different')
		  if $by_dump != $by_us;
	}
}
is(join("\n", @disagreements), '', 'the fingerprint says what a dump says');
cmp_ok($equal, '>', 100, 'there are equal states');
cmp_ok($different, '>', 1000, 'and different ones');
cmp_ok($after_way_back, '>', 80, 'most ways back lead back');

# Every object has a key of its own, or one could hide the change of another.
is( $node->safe_psql('postgres', q{
		SELECT format('SELECT count(*) - count(DISTINCT (catalog, object)) FROM (%s) AS f', compat_guard.fingerprint_query()) \gexec}),
	0, 'every object has a key of its own');

# Trees of nodes have OIDs; each catalog that has any is deparsed.
is( $node->safe_psql('postgres', q{
		SELECT DISTINCT a.attrelid::regclass FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
		WHERE a.atttypid = 'pg_node_tree'::regtype AND c.relkind = 'r' AND NOT c.relisshared
			AND compat_guard.fingerprint_query() !~ format('''definition'', [^\n]* FROM pg_catalog\.%s AS', c.relname)}),
	'', 'each catalog with expressions is deparsed');

# A role without privileges gets an answer, too.
$node->safe_psql('postgres', q{SELECT compat_guard.entrust('reader', 'pipeline')});
is($node->safe_psql('postgres', q{SET ROLE reader; SELECT compat_guard.fingerprint() ? 'pg_class table s.t'}), 't', 'of what the caller may read');

$node->stop;
done_testing();
