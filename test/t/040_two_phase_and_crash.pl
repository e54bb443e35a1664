# A change that is prepared has been judged: COMMIT PREPARED asks no more, also
# after a crash. And a crash in the middle of a judged change leaves registry
# and guard as they were.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('crash');
$node->init;
$node->append_conf('postgresql.conf', q{
max_prepared_transactions = 10
restart_after_crash = on
compat_guard.ddl_lock_timeout = 200
});
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION compat_guard;
	CREATE TABLE users (id int PRIMARY KEY, email text, note text);
	CREATE TABLE other (a int);
	INSERT INTO users SELECT i, i::text FROM generate_series(1, 1000) i;
	SELECT compat_guard.register('app', '1', '{"search_path": "public",
		"relations": {"users": {"columns": {"note": {}, "email": {}}}},
		"queries": {"all": "SELECT id, note FROM users"}}');
	SELECT compat_guard.register('app', '2', '{"search_path": "public",
		"relations": {"users": {"columns": {"phone": {}}}}}');
});

sub verdict
{
	my ($sql) = @_;

	my ($status, $stdout, $stderr) = $node->psql('postgres', "\\set VERBOSITY sqlstate\n$sql");
	$stderr =~ s/^psql:<stdin>:\d+: //mg;
	return $stderr;
}

sub value
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

my $registry = q{SELECT app, version, status, requirements, unmet FROM compat_guard.versions ORDER BY 1, 2};
my $states = q{SELECT version, kind, object, state FROM compat_guard.requirements ORDER BY 1, 2, 3};
my $registry_before = value($registry);
my $states_before = value($states);

# ---- two-phase commit ----

is(verdict("BEGIN; ALTER TABLE users DROP COLUMN note; PREPARE TRANSACTION 'bad';"),
	'ERROR:  VG001', 'PREPARE is judged');
is(value('SELECT count(*) FROM pg_prepared_xacts'), 0, 'and nothing prepared');
is(verdict("BEGIN; ALTER TABLE users RENAME note TO x; ALTER TABLE users RENAME x TO note; PREPARE TRANSACTION 'good'; COMMIT PREPARED 'good';"),
	'', 'the net effect counts');
is(verdict("BEGIN; ALTER TABLE users ADD COLUMN phone text; PREPARE TRANSACTION 'phone';"),
	'NOTICE:  00000', 'a harmless change');
is(value($registry), $registry_before, 'is not in force before it is committed');
like(verdict("ALTER TABLE other ADD COLUMN b int;"), qr/^$/, 'and does not stop another');
is(verdict("ROLLBACK PREPARED 'phone';"), '', 'ROLLBACK PREPARED');
is(value($registry), $registry_before, 'nothing remains of it');

is(verdict("BEGIN; ALTER TABLE users ADD COLUMN phone text; PREPARE TRANSACTION 'phone';"),
	'NOTICE:  00000', 'once more');
$node->stop('immediate');
$node->start;
is(value("SELECT gid FROM pg_prepared_xacts"), 'phone', 'it survives a crash');
is(verdict("COMMIT PREPARED 'phone';"), '', 'COMMIT PREPARED');
like(value($registry), qr/^app\|2\|ready/m, 'what it met is remembered');
is(verdict('ALTER TABLE users DROP COLUMN phone;'), 'ERROR:  VG001', 'and protected');

is(verdict("BEGIN; ALTER TABLE other ADD COLUMN c int; PREPARE TRANSACTION 'shared';"), '', 'prepared');
is(verdict("COMMIT PREPARED 'shared'; ALTER TABLE users DROP COLUMN note;"),
	'ERROR:  VG001', 'a session that commits another\'s is guarded');

# A registration in a prepared transaction counts once it is committed; what
# contradicts it meanwhile does not get through.
is(verdict(q{BEGIN; SELECT compat_guard.register('late', '1', '{"search_path": "public",
	"relations": {"other": {"columns": {"a": {}}}}}'); PREPARE TRANSACTION 'registers';}), '', 'a registration is prepared');
is(verdict('ALTER TABLE other DROP COLUMN a;'), 'ERROR:  VG003', 'what it may need is not dropped under it');
is(verdict("COMMIT PREPARED 'registers';"), '', 'committed');
is(verdict('ALTER TABLE other DROP COLUMN a;'), 'ERROR:  VG001', 'it counts');

# ---- crashes ----

$registry_before = value($registry);
$states_before = value($states);

# Kills the backend of a session once it does what $wait asks for.
sub crash_in
{
	my ($name, $sql, $wait) = @_;

	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query('SELECT pg_backend_pid()');
	$session->query_until(qr/running/, "\\echo running\n$sql\n");
	$node->poll_query_until('postgres',
		"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid AND $wait)")
	  or die "timed out waiting in \"$name\"";
	kill 'KILL', $pid;
	eval { $session->quit };

	# The server has to have noticed before it can be back.
	for (1 .. 1800)
	{
		last if $node->psql('postgres', "SELECT pid FROM pg_stat_activity WHERE pid = $pid",
			on_error_die => 0) == 0
		  && slurp_file($node->logfile) =~ /\(PID $pid\) was terminated by signal 9.*database system is ready to accept connections/s;
		usleep(100_000);
	}
	is(value($registry), $registry_before, "$name: the registry is as it was");
	is(value($states), $states_before, "$name: so are the states");
	is(value('SELECT string_agg(state, NULL) FROM compat_guard.compatibility WHERE state <> \'met\''),
		'', "$name: and the schema");
	is(verdict('ALTER TABLE users DROP COLUMN note;'), 'ERROR:  VG001', "$name: the guard works");
	is(verdict('ALTER TABLE users ADD COLUMN passing int; ALTER TABLE users DROP COLUMN passing;'),
		'', "$name: and lets pass");
}

crash_in('in the statement',
	'ALTER TABLE users ADD COLUMN slow int DEFAULT 1, ALTER COLUMN email TYPE text USING email || pg_sleep(10);',
	"wait_event = 'PgSleep'");
crash_in('in the transaction',
	'BEGIN; ALTER TABLE users ADD COLUMN open int; ALTER TABLE users DROP COLUMN note; SELECT pg_sleep(100);',
	"wait_event = 'PgSleep'");

# The judgement waits for another one of the same requirement.
my $blocker = $node->background_psql('postgres', on_error_stop => 0);
is(verdict("BEGIN; ALTER TABLE users ADD COLUMN prepared int; PREPARE TRANSACTION 'holds';"), '', 'prepared');
$blocker->quit;
crash_in_judgement();

sub crash_in_judgement
{
	# users itself is locked by 'holds', so judge by way of the role's rights.
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query('SELECT pg_backend_pid()');
	$session->query("SET compat_guard.ddl_lock_timeout = '100s'");
	$session->query_until(qr/running/,
		"\\echo running\nALTER SCHEMA public RENAME TO public2;\n");
	$node->poll_query_until('postgres',
		"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid AND wait_event_type = 'Extension')")
	  or die 'timed out';
	kill 'KILL', $pid;
	eval { $session->quit };
	for (1 .. 1800)
	{
		last if slurp_file($node->logfile) =~ /\(PID $pid\) was terminated by signal 9.*database system is ready to accept connections/s;
		usleep(100_000);
	}
	is(value("SELECT to_regclass('public.users') IS NOT NULL"), 't', 'in the judgement: undone');
	is(verdict("COMMIT PREPARED 'holds';"), '', 'in the judgement: what it waited for goes on');
	is(verdict('ALTER SCHEMA public RENAME TO public2;'), 'ERROR:  VG001', 'in the judgement: the guard works');
}

$node->stop;
done_testing();
