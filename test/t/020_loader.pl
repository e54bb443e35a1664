# CREATE EXTENSION alone protects every session of its database, also those that
# were open before and have not loaded the library; and nothing else: other
# databases, and this one after DROP EXTENSION, notice nothing.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('loader');
$node->init;
$node->append_conf('postgresql.conf', "client_min_messages = warning\n");
$node->start;
$node->safe_psql('postgres', q{
	CREATE TABLE users (id int PRIMARY KEY, email text, note text);
	CREATE UNIQUE INDEX users_email_idx ON users (email);
	CREATE TABLE other (a int);
	CREATE ROLE app;
	GRANT SELECT, INSERT ON users TO app;
});

# Sessions that exist before the extension does. Each runs one thing as its first
# statement ever. \set VERBOSITY makes the verdict a line of its own.
my %sessions;
my @names = qw(alter do function drop_index_concurrently create_index_concurrently
	  failed_concurrently replica in_block rolled_back schema vacuum refresh late);
foreach my $name (@names)
{
	$sessions{$name} = $node->background_psql('postgres', on_error_stop => 0);
	$sessions{$name}->query('\set VERBOSITY sqlstate');
}

# Runs sql in a session; returns what it wrote to stderr.
sub says
{
	my ($session, $sql) = @_;

	$session->{stderr} = '';
	$session->query($sql);
	my $stderr = $session->{stderr};
	$session->{stderr} = '';
	$stderr =~ s/^psql:<stdin>:\d+: //mg;
	# Newer servers' test modules end what a query says with a line of their own.
	$stderr =~ s/^[^\n]*BackgroundPsql[^\n]*\n|^\\?\w*background_psql[^\n]*\n//mg;
	chomp $stderr;
	return $stderr;
}

sub has_library
{
	my ($session) = @_;
	return $session->query(
		"SELECT count(*) FROM pg_settings WHERE name = 'compat_guard.mode'");
}

is(has_library($sessions{late}), 0, 'no library before the extension');

$node->safe_psql('postgres', q{
	CREATE EXTENSION compat_guard;
	SELECT compat_guard.register('app', '1', '{
		"role": "app", "search_path": "public",
		"relations": {"users": {"columns": {"note": {}}, "unique": [["email"]]}}}');
});

# ---- the first statement of a session that was open before ----

my $s = $sessions{alter};
is(has_library($s), 0, 'still none in an open session');
is(says($s, 'ALTER TABLE users DROP COLUMN note;'), 'ERROR:  VG001', 'first DDL');
is(has_library($s), 1, 'which has loaded the library');
is(says($s, 'ALTER TABLE users DROP COLUMN note;'), 'ERROR:  VG001', 'second DDL');
is(says($s, 'ALTER TABLE users ADD COLUMN alter1 int;'), '', 'harmless DDL');

$s = $sessions{do};
is(says($s, q{DO $$BEGIN ALTER TABLE users ADD COLUMN do1 int; ALTER TABLE users DROP COLUMN note; END$$;}),
	'ERROR:  VG001', 'first DDL inside DO');

$s = $sessions{function};
$node->safe_psql('postgres', q{CREATE PROCEDURE steps() LANGUAGE plpgsql AS
	'BEGIN ALTER TABLE users ADD COLUMN step1 int; COMMIT; ALTER TABLE users DROP COLUMN note; END'});
is(says($s, 'CALL steps();'), 'ERROR:  VG001', 'first DDL inside a procedure that commits');
is($s->query("SELECT count(*) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'step1'"),
	1, 'what it had committed before stays');

$s = $sessions{replica};
is(says($s, 'SET session_replication_role = replica; ALTER TABLE users DROP COLUMN note;'),
	'ERROR:  VG001', 'first DDL with session_replication_role = replica');

$s = $sessions{drop_index_concurrently};
is(says($s, 'DROP INDEX CONCURRENTLY users_email_idx;'),
	'ERROR:  VG001', 'first statement DROP INDEX CONCURRENTLY');
is($s->query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'users_email_idx'::regclass"),
	't', 'the index is as it was');
is(says($s, 'ALTER TABLE users DROP COLUMN note;'), 'ERROR:  VG001', 'and the session is guarded');

$s = $sessions{create_index_concurrently};
is(says($s, 'CREATE UNIQUE INDEX CONCURRENTLY users_email_idx2 ON users (email);'),
	'', 'first statement CREATE INDEX CONCURRENTLY');
is(says($s, 'ALTER TABLE users DROP COLUMN note;'), 'ERROR:  VG001', 'and the session is guarded');
is(says($s, 'DROP INDEX CONCURRENTLY users_email_idx;'), '', 'an index that another replaces may go');
is(says($s, 'DROP INDEX CONCURRENTLY users_email_idx2;'), 'ERROR:  VG001', 'the last one may not');

$s = $sessions{failed_concurrently};
$node->safe_psql('postgres', 'INSERT INTO other VALUES (1), (1)');
is(says($s, 'CREATE UNIQUE INDEX CONCURRENTLY other_idx ON other ((a));'),
	'ERROR:  23505', 'first statement a CREATE INDEX CONCURRENTLY that fails');
is(says($s, 'ALTER TABLE users DROP COLUMN note;'), 'ERROR:  VG001', 'the session is guarded');
is(says($s, 'DROP INDEX other_idx;'), '', 'and usable');
is(says($s, 'CREATE UNIQUE INDEX CONCURRENTLY other_idx ON other ((a));'), 'ERROR:  23505', 'it fails again');
is(says($s, 'DROP INDEX CONCURRENTLY other_idx;'), '', 'the remains go concurrently');
is(says($s, 'ALTER TABLE users DROP COLUMN note;'), 'ERROR:  VG001', 'still guarded');

# The text of the first statement outlives the message it came in; what comes
# after it in the transaction is not taken for it.
$s = $sessions{in_block};
is(says($s, 'BEGIN;'), '', 'begin');
is(says($s, 'ALTER TABLE users DROP COLUMN note;'), '', 'first DDL, in a block');
is(says($s, 'ALTER TABLE other ADD COLUMN block1 int;'), '', 'second DDL');
$node->safe_psql('postgres', 'CREATE TABLE invalidates (a int); DROP TABLE invalidates');
is(says($s, "SELECT repeat('x', 100000) IS NULL, * FROM other LIMIT 0;"), '', 'something else');
is(says($s, '\set VERBOSITY default'), '', '');
like(says($s, 'COMMIT;'), qr/ERROR: .* break.*ALTER TABLE users DROP COLUMN note/s,
	'judged at commit, and the statement is named');

$s = $sessions{rolled_back};
is(says($s, 'BEGIN; SAVEPOINT a; ALTER TABLE users DROP COLUMN note; ROLLBACK TO a; ALTER TABLE users ADD COLUMN rolled1 int; COMMIT;'),
	'', 'first DDL rolled back to a savepoint');
is(says($s, 'ALTER TABLE users DROP COLUMN note;'), 'ERROR:  VG001', 'guarded after it');

$s = $sessions{schema};
is(says($s, 'CREATE SCHEMA app AUTHORIZATION app CREATE TABLE t (a int) CREATE VIEW v AS SELECT * FROM t;'),
	'', 'first DDL CREATE SCHEMA with elements');
is(says($s, 'DROP SCHEMA public CASCADE;'), 'ERROR:  VG001', 'guarded after it');

$s = $sessions{refresh};
$node->safe_psql('postgres', 'CREATE MATERIALIZED VIEW mv AS SELECT * FROM other');
is(says($s, 'REFRESH MATERIALIZED VIEW mv;'), '', 'first statement REFRESH MATERIALIZED VIEW');
is(says($s, 'REINDEX TABLE CONCURRENTLY users;'), '', 'then REINDEX CONCURRENTLY');
is(says($s, 'ALTER TABLE users DROP COLUMN note;'), 'ERROR:  VG001', 'guarded after it');

# A first statement that event triggers do not see.
$s = $sessions{vacuum};
is(says($s, 'VACUUM users;'), '', 'first statement VACUUM');
is(says($s, 'ALTER TABLE users DROP COLUMN note;'), 'ERROR:  VG001', 'guarded after it');

# ---- the extension comes and goes ----

$s = $sessions{alter};
is(says($s, 'DROP EXTENSION compat_guard;'), 'ERROR:  VG001', 'DROP EXTENSION with a live version');
is(says($s, 'SET compat_guard.mode = off; DROP EXTENSION compat_guard; RESET compat_guard.mode;'),
	'', 'DROP EXTENSION all the same');
is($s->query("SELECT count(*) FROM pg_namespace WHERE nspname = 'compat_guard'"), 0,
	'takes its schema along');
is(says($s, 'ALTER TABLE users ADD COLUMN gone int;'), '', 'silent after it, here');
is(says($sessions{do}, 'ALTER TABLE users DROP COLUMN gone;'), '', 'silent after it, elsewhere');
is(says($sessions{late}, 'ALTER TABLE users ADD COLUMN gone int;'), '', 'and where it never was');
is(has_library($sessions{late}), 0, 'nothing loads the library any more');
is(says($s, 'CREATE INDEX CONCURRENTLY gone_idx ON users (gone);'), '', 'CONCURRENTLY');
is(says($s, 'DROP INDEX CONCURRENTLY gone_idx;'), '', 'CONCURRENTLY');
is(says($s, 'BEGIN; CREATE EXTENSION compat_guard; ROLLBACK; ALTER TABLE users DROP COLUMN gone;'),
	'', 'a CREATE EXTENSION that is rolled back');

is(says($s, 'CREATE EXTENSION compat_guard;'), '', 'CREATE EXTENSION again');
$s->query(q{SELECT compat_guard.register('app', '1', '{"role": "app", "search_path": "public",
	"relations": {"users": {"columns": {"note": {}}}}}');});
foreach my $name (qw(alter do late))
{
	is(says($sessions{$name}, 'ALTER TABLE users DROP COLUMN note;'),
		'ERROR:  VG001', "guarded again in session \"$name\"");
}
is(says($s, 'BEGIN; SET LOCAL compat_guard.mode = off; DROP EXTENSION compat_guard; ROLLBACK; ALTER TABLE users DROP COLUMN note;'),
	'ERROR:  VG001', 'a DROP EXTENSION that is rolled back');
is(says($s, 'BEGIN; SET LOCAL compat_guard.mode = off; DROP EXTENSION compat_guard; CREATE EXTENSION compat_guard; COMMIT;'),
	'', 'dropped and created in one transaction');
is($s->query('SELECT count(*) FROM compat_guard.versions'), 0, 'which empties the registry');
is(says($s, 'ALTER TABLE users DROP COLUMN note;'), '', 'and with it the guard');

# The settings a session made before the library came take effect.
$s = $node->background_psql('postgres', on_error_stop => 0);
$s->query('\set VERBOSITY sqlstate');
$node->safe_psql('postgres', q{SELECT compat_guard.register('app', '2', '{"role": "app", "search_path": "public",
	"relations": {"users": {"columns": {"email": {}}}}}')});
is(says($s, "SET compat_guard.mode = 'warn'; ALTER TABLE users RENAME email TO mail;"),
	'WARNING:  VG001', 'a setting made before the library is loaded');

# ---- other databases ----

$node->safe_psql('postgres', 'CREATE DATABASE elsewhere');
is($node->safe_psql('elsewhere', q{
		LOAD 'compat_guard';
		CREATE TABLE users (id int PRIMARY KEY, note text);
		CREATE TEMP TABLE t (a int) ON COMMIT DROP;
		ALTER TABLE users DROP COLUMN note;
		CREATE INDEX CONCURRENTLY i ON users (id);
		DROP INDEX CONCURRENTLY i;
		VACUUM FULL users;
		DROP TABLE users;
		SELECT count(*) FROM pg_class WHERE relname = 'users'}),
	0, 'a database without the extension');

$_->quit foreach values %sessions, $s;
$node->stop;
done_testing();
