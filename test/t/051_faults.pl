# Faults in the middle of a judgement: killed, cancelled, timed out; nothing is
# half done, and the verdicts after are right.  And sessions of old versions, which
# make a grown result a warning.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('faults');
$node->init;
$node->append_conf('postgresql.conf', q{
restart_after_crash = on
compat_guard.ddl_lock_timeout = 200
});
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION compat_guard;
	CREATE TABLE users (id int, note text);
	CREATE VIEW pace AS SELECT 1::numeric AS n;
	SELECT compat_guard.register('app', '1', '{"search_path": "public", "queries": {
		"a slow one": "SELECT note FROM users, pace WHERE n > 0", "all": "SELECT * FROM users"}}');
});
# What takes minutes to plan: numbers of 130 000 digits.
my $slow = 'CREATE OR REPLACE VIEW pace AS SELECT ' . join(' + ', map { "factorial($_)" } 31900 .. 32000) . ' AS n;';
$node->safe_psql('postgres', "SET compat_guard.verify_timeout = '100ms'; $slow");

sub value
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

sub verdict
{
	my ($sql) = @_;

	my ($status, $stdout, $stderr) = $node->psql('postgres', "\\set VERBOSITY sqlstate\n$sql");
	$stderr =~ s/^psql:<stdin>:\d+: //mg;
	return $stderr;
}

my $registry = q{SELECT string_agg(object || state || changed_at, ' ' ORDER BY object) FROM compat_guard.requirements};
my $columns = q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attnum > 0 AND NOT attisdropped};
my $before = value($registry);

my $judging = q{pg_stat_activity WHERE query LIKE 'ALTER TABLE users ADD COLUMN more%' AND state = 'active' AND clock_timestamp() - query_start > '300ms'};

# Start a change of schema and return the process in the middle of judging it.
sub start_change
{
	my ($session) = @_;

	$session->{run}->query_until(qr/started/, "\\echo started\nALTER TABLE users ADD COLUMN more int;\n");
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM $judging") or die;
	return value("SELECT pid FROM $judging");
}

sub untouched
{
	my ($what) = @_;

	is(value($columns), 2, "$what: no column is added");
	is(value($registry), $before, "$what: the registry is as it was");
}

my $session = { run => $node->background_psql('postgres', on_error_stop => 0) };
value("SELECT pg_cancel_backend(${\ start_change($session)})");
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM $judging") or die;
untouched('cancel');
# The server's statement_timeout does not cover the work at the end of a transaction,
# where a session that has yet to load the library is judged.
is(verdict("LOAD 'compat_guard'; SET statement_timeout = '300ms'; ALTER TABLE users ADD COLUMN more int;"),
	'ERROR:  57014', 'statement_timeout');
untouched('statement_timeout');

my $pid = start_change($session);
my $log = -s $node->logfile;
kill 'KILL', $pid;
# The server has to have noticed before it can be back.
for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
{
	last if slurp_file($node->logfile, $log) =~ /database system is ready to accept connections/;
	usleep(100_000);
}
untouched('kill -9');
eval { $session->{run}->quit };

is(verdict("SET compat_guard.verify_timeout = '300ms'; ALTER TABLE users ADD COLUMN more int;"),
	'', 'compat_guard.verify_timeout');
is(value($columns), 3, 'adds it');
is(value(q{SELECT state FROM compat_guard.requirements WHERE object = 'a slow one'}), 'unknown', 'and knows no more');
value('CREATE OR REPLACE VIEW pace AS SELECT 1::numeric AS n');
is(verdict('ALTER TABLE users ADD COLUMN late int;'), '', 'the next change finds out');
is(value(q{SELECT count(*) FROM compat_guard.requirements WHERE problems @> '[{"rule": "not-verified"}]'}), 0, 'and knows it all again');
is(verdict('ALTER TABLE users DROP COLUMN id;'), 'ERROR:  VG001', 'and the one after it is blocked');

# ---- who is in the way ----

my $registering = $node->background_psql('postgres');
$registering->query(q{BEGIN; SELECT compat_guard.register('app', '2', '{}')});
$pid = $registering->query('SELECT pg_backend_pid()');
my (undef, undef, $stderr) = $node->psql('postgres', 'ALTER TABLE users ADD COLUMN blocked int');
like($stderr, qr/Blocked by process $pid of role /, 'the message names who is in the way');
$registering->query('COMMIT');
$registering->quit;

# ---- sessions of a version ----

sub warned
{
	my ($sql) = @_;

	my (undef, undef, $stderr) = $node->psql('postgres', $sql);
	return $stderr =~ /which affects (\d+) open session/ ? $1 : $stderr =~ /WARNING|ERROR/ ? $stderr : 0;
}

my $n = 0;
sub grow { return warned('ALTER TABLE users ADD COLUMN c' . $n++ . ' int'); }
sub named
{
	my ($name) = @_;
	local $ENV{PGAPPNAME} = $name;
	my $session = $node->background_psql('postgres');
	$session->query("SET application_name = '$name'");
	return $session;
}

is(grow(), 0, 'no session: nothing is said');
my @others = map { named($_) } ('app 11', 'app', 'app 1.5', 'xapp 1', 'app_1', 'apps 1');
is(grow(), 0, 'sessions of others');
my @sessions = map { named($_) } ('app 1', 'app/1', 'app-1', 'app:1[7]', 'app 1 (worker)');
is(grow(), scalar(@sessions), 'sessions of the version');
is(warned(q{SET application_name = 'app 1'; ALTER TABLE users ADD COLUMN own int}), scalar(@sessions), 'our own does not count');
value(q{SELECT compat_guard.set_policy('query-result-grew', 'ignore')});
is(grow(), 0, 'a policy goes before');
value(q{SELECT compat_guard.set_policy('query-result-grew', NULL)});
$_->quit foreach @sessions;
$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name LIKE 'app_1 %' OR application_name IN ('app 1', 'app/1', 'app-1', 'app:1[7]')}) or die;
is(grow(), 0, 'they are gone');
$_->quit foreach @others;

# ---- a restore over a guarded database ----

value('CREATE DATABASE copy');
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '--clean', '--if-exists', '-f', $dump, $node->connstr('postgres') ], 'pg_dump --clean');
$node->safe_psql('copy', q{CREATE EXTENSION compat_guard; CREATE TABLE users (id int, note text);
	SELECT compat_guard.register('app', '1', '{"queries": {"all": "SELECT id FROM users"}}')});
(undef, undef, $stderr) = $node->psql('copy', '', extra_params => [ '-f', $dump, '-1' ], on_error_stop => 1);
like($stderr, qr/would (?:break|remove the guard from) app 1: /,
	'a restore with --clean does not remove what a live version needs');
{
	local $ENV{PGOPTIONS} = '-c compat_guard.mode=off';
	$node->command_ok([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-1', '-f', $dump, $node->connstr('copy') ],
		'but with compat_guard.mode = off');
}
is($node->safe_psql('copy', q{SELECT string_agg(version, ' ' ORDER BY version) FROM compat_guard.versions}),
	'1 2', 'and brings its own registry');

$node->stop;
done_testing();
