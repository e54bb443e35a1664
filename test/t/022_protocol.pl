# Whatever protocol a statement comes in, the answer to it is the verdict; the
# session goes on after it; and the error's fields say what it is about.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('protocol');
$node->init;
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION compat_guard;
	CREATE TABLE users (id int PRIMARY KEY, email text, note text);
	CREATE UNIQUE INDEX users_email_idx ON users (email);
	CREATE TABLE other (a int);
	SELECT compat_guard.register('app', '1', '{"search_path": "public",
		"relations": {"users": {"columns": {"note": {}}, "unique": [["email"]]}}}');
});

sub columns
{
	return $node->safe_psql('postgres', q{
		SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = 'users'::regclass AND attnum > 0 AND NOT attisdropped});
}

# ---- the fields of the error ----

my ($status, $stdout, $stderr) = $node->psql('postgres', q{
\set VERBOSITY verbose
ALTER TABLE users DROP COLUMN note;
}, on_error_stop => 0);
like($stderr, qr/^psql:\S+ ERROR:  VG001: schema change would break/m, 'SQLSTATE');
like($stderr, qr/^DETAIL:  .*ALTER TABLE users DROP COLUMN note.*column-missing/ms, 'statement and rule');
like($stderr, qr/^HINT:  .*retire\('app', '1'\)/ms, 'advice');
like($stderr, qr/^SCHEMA NAME:  public$/m, 'schema');
like($stderr, qr/^TABLE NAME:  users$/m, 'table');
like($stderr, qr/^COLUMN NAME:  note$/m, 'column');

($status, $stdout, $stderr) = $node->psql('postgres', q{
\set VERBOSITY verbose
SET compat_guard.mode = warn;
BEGIN;
ALTER TABLE users DROP COLUMN note;
ROLLBACK;
BEGIN;
ALTER TABLE users DROP COLUMN note;
ALTER TABLE users ADD COLUMN note text;
COMMIT;
DO 'BEGIN ALTER TABLE users RENAME note TO remark; END';
ALTER TABLE users RENAME remark TO note;
}, on_error_stop => 0);
is(() = $stderr =~ /WARNING:  VG001: /g, 1, 'one warning');
like($stderr, qr/^TABLE NAME:  users$/m, 'a warning has the fields, too');

# Of a statement, too, where one relation is meant, and its column.
sub fields
{
	my ($change, @queries) = @_;
	my $contract = join ', ', map { qq("$_": "$queries[$_]") } 0 .. $#queries;

	my (undef, $answer, $message) = $node->psql('postgres', qq{
\\set VERBOSITY verbose
SELECT status FROM compat_guard.register('fields', '1', '{"search_path": "fields, more", "queries": {$contract}}');
$change;
SELECT compat_guard.forget('fields', '1');
}, on_error_stop => 0);
	is($answer =~ /^(\w+)/ ? $1 : '', 'ready', 'registered');
	return join '.', map { $message =~ /^$_ NAME:  (.*)$/m ? $1 : '-' } qw(SCHEMA TABLE COLUMN);
}

$node->safe_psql('postgres', q{
	CREATE SCHEMA fields;
	CREATE SCHEMA more;
	SET search_path = fields;
	CREATE TABLE users (id int PRIMARY KEY, name text, note text, mood int);
	CREATE TABLE more.orders (id int PRIMARY KEY, users int, name text, placed date);
	CREATE TABLE "users.name" (note text, extra text);
	CREATE VIEW named AS SELECT id, name FROM users;
	CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';
});
my $join = 'SELECT u.name, o.placed FROM users AS u JOIN orders AS o ON o.users = u.id';
is(fields('ALTER TABLE fields.users DROP COLUMN note', 'SELECT note FROM users'), 'fields.users.note', 'a column');
is(fields('ALTER TABLE more.orders RENAME placed TO since', $join), 'more.orders.placed', 'one of two relations');
is(fields('ALTER TABLE fields.users DROP COLUMN mood, DROP COLUMN name CASCADE', 'SELECT mood, name FROM users'),
	'fields.users.-', 'two columns of one');
$node->safe_psql('postgres', 'CREATE OR REPLACE VIEW fields.named AS SELECT id, name FROM fields.users');
is(fields('BEGIN; ALTER TABLE more.orders DROP COLUMN placed; ALTER TABLE fields.users RENAME name TO called; COMMIT', $join),
	'-.-.-', 'of two relations: neither');
is(fields('DROP VIEW fields.named', 'SELECT n.id FROM named AS n JOIN users USING (id)'), 'fields.named.-', 'a relation');
$node->safe_psql('postgres', 'DROP VIEW fields.named');
is(fields('ALTER TABLE fields.users ALTER COLUMN id TYPE text', 'SELECT id + 1 AS sum FROM users'), 'fields.users.-',
	'neither is gone, but one was touched');
is(fields('ALTER TABLE fields.users ALTER COLUMN id TYPE bigint', 'SELECT id FROM users'), 'fields.users.id',
	'a result column of the same name');
is(fields('ALTER TABLE fields.users ALTER COLUMN id TYPE bigint', 'SELECT id AS users FROM users'), 'fields.users.-',
	'a result column of another');
is(fields('DROP FUNCTION fields.twice(int)', 'SELECT twice(id) FROM users'), '-.-.-', 'what is no relation');
is(fields('ALTER TABLE fields."users.name" DROP COLUMN note', 'SELECT u.name, x.note FROM users AS u, \"users.name\" AS x'),
	'fields.users.name.-', 'a name with a dot: the column is not certain');
is(fields('ALTER TABLE fields.users DROP CONSTRAINT users_pkey', 'INSERT INTO users (id) VALUES (1) ON CONFLICT (id) DO NOTHING'),
	'fields.users.-', 'an index and its table');
$node->safe_psql('postgres', 'SET client_min_messages = error; DROP SCHEMA fields, more CASCADE');

# ---- the simple protocol ----

($status, $stdout, $stderr) = $node->psql('postgres',
	'INSERT INTO other VALUES (1)\; ALTER TABLE users DROP COLUMN note\; INSERT INTO other VALUES (2)');
like($stderr, qr/would break/, 'several statements in one message');
is($node->safe_psql('postgres', 'SELECT count(*) FROM other'), 0, 'are one transaction');

# ---- the extended protocol ----

# Runs a script with pgbench: every client does it once. Returns its stderr.
sub pgbench
{
	my ($mode, $script) = @_;

	my $file = $node->basedir . '/script.sql';
	open my $fh, '>', $file or die $!;
	print $fh $script;
	close $fh;
	my ($out, $err);
	IPC::Run::run(
		[ 'pgbench', '-n', '-t', '1', '-M', $mode, '-f', $file,
			'-h', $node->host, '-p', $node->port, 'postgres' ],
		'>', \$out, '2>', \$err);
	return $err;
}

foreach my $mode (qw(simple extended prepared))
{
	my $before = columns();

	like(pgbench($mode, "ALTER TABLE users DROP COLUMN note;\n"),
		qr/would break/, "$mode: refused");
	like(pgbench($mode, "BEGIN;\nALTER TABLE users DROP COLUMN note;\nCOMMIT;\n"),
		qr/would break/, "$mode: refused at COMMIT");
	is(columns(), $before, "$mode: nothing has happened");
	unlike(pgbench($mode, "BEGIN;\nALTER TABLE users RENAME note TO x;\nALTER TABLE users RENAME x TO note;\nCOMMIT;\n"),
		qr/would break|ERROR/, "$mode: the net effect counts");
	unlike(pgbench($mode, "ALTER TABLE users ADD COLUMN c_$mode int;\n"),
		qr/would break|ERROR/, "$mode: harmless");
	like(pgbench($mode, "DROP INDEX CONCURRENTLY users_email_idx;\n"),
		qr/would break/, "$mode: CONCURRENTLY refused");
	next if $mode eq 'simple';

	# A pipeline is one transaction up to its Sync.
	like(pgbench($mode, "\\startpipeline\nALTER TABLE users ADD COLUMN p_$mode int;\nALTER TABLE users DROP COLUMN note;\n\\endpipeline\n"),
		qr/would break/, "$mode: refused in a pipeline");
	unlike(columns(), qr/p_$mode/, "$mode: the whole pipeline is");
	unlike(pgbench($mode, "\\startpipeline\nSELECT 1;\nALTER TABLE users RENAME note TO x;\nALTER TABLE users RENAME x TO note;\n\\endpipeline\n"),
		qr/would break|ERROR/, "$mode: the net effect of a pipeline counts");
	unlike(pgbench($mode, "\\startpipeline\nBEGIN;\nALTER TABLE users RENAME note TO x;\nALTER TABLE users RENAME x TO note;\nCOMMIT;\n\\endpipeline\n"),
		qr/would break|ERROR/, "$mode: that of a block in it, too");
	like(pgbench($mode, "\\startpipeline\nSELECT 1;\nALTER TABLE users RENAME note TO x;\nSELECT 2;\n\\endpipeline\n"),
		qr/would break/, "$mode: judged at its end");
}
is($node->safe_psql('postgres', 'SELECT state FROM compat_guard.compatibility'), 'met', 'all is well');

# ---- one session, error after error ----

my $session = $node->background_psql('postgres', on_error_stop => 0);
for my $i (1 .. 20)
{
	$session->query('ALTER TABLE users DROP COLUMN note;');
	$session->query('BEGIN; DROP TABLE users; COMMIT;');
	$session->query('DROP INDEX CONCURRENTLY users_email_idx;');
	$session->query(q{DO $$BEGIN DROP TABLE users CASCADE; END$$;});
	$session->query('BEGIN; SAVEPOINT a; DROP TABLE users; ROLLBACK TO a; COMMIT;');
}
is($session->query('SELECT count(*) FROM users'), 0, 'a session takes any number of verdicts');
is($session->query(q{SELECT count(*) FROM pg_backend_memory_contexts WHERE name LIKE 'compat\_guard%'}),
	0, 'and keeps nothing of them');
is($session->query(q{SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()
	AND locktype = 'object'}), 0, 'no lock either');
$session->quit;

# ---- settings that planners and caches are tested with ----

my $parallel = $node->safe_psql('postgres',
	"SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')");
foreach my $settings (
	"$parallel = regress", "$parallel = on",
	'plan_cache_mode = force_generic_plan',
	'default_transaction_isolation = serializable',
	'default_transaction_isolation = \'repeatable read\'',
	'default_transaction_deferrable = on',
	'lock_timeout = 1000', 'search_path = pg_catalog', 'row_security = off',
	'default_table_access_method = heap', 'standard_conforming_strings = off',
	'quote_all_identifiers = on', 'xmloption = content', 'IntervalStyle = sql_standard',
	'client_encoding = LATIN1', 'statement_timeout = 60000')
{
	my $sql = "SET $settings;\n";

	($status, $stdout, $stderr) = $node->psql('postgres',
		"$sql ALTER TABLE public.users DROP COLUMN note");
	like($stderr, qr/would break.*app 1/, "$settings: refused");
	($status, $stdout, $stderr) = $node->psql('postgres',
		"$sql ALTER TABLE public.users ADD COLUMN passing int; ALTER TABLE public.users DROP COLUMN passing;
		 SELECT state FROM compat_guard.compatibility");
	is("$stdout$stderr", 'met', "$settings: passes");
}

# What cannot write is not asked to.
($status, $stdout, $stderr) = $node->psql('postgres', q{
	SET default_transaction_read_only = on;
	SELECT status FROM compat_guard.register('app', '1', '{"search_path": "public",
		"relations": {"users": {"columns": {"note": {}}, "unique": [["email"]]}}}');
	SELECT state FROM compat_guard.compatibility});
is("$stdout$stderr", "ready\nmet", 'a read-only transaction');

$node->stop;
done_testing();
