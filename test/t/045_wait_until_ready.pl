# While wait_until_ready() waits it holds no snapshot and no lock, and waits for
# none; it answers soon after what it waits for has committed.  (The isolation
# tester knows only sessions that wait for locks.)

use strict;
use warnings;

use FindBin;
use IPC::Run;
use lib "$FindBin::RealBin/../setup";

use Needs;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time sleep);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION compat_guard;
	CREATE TABLE t (a int);
	CREATE TABLE other (a int);
	INSERT INTO t SELECT generate_series(1, 1000);
});

# The shop's v1 needs t.b, which is still to come.
sub register
{
	$node->safe_psql('postgres', q{
		SELECT compat_guard.forget(app, version) FROM compat_guard.versions;
		ALTER TABLE t DROP COLUMN IF EXISTS b;
		SELECT compat_guard.register_queries('shop', 'v1', ARRAY['SELECT a, b FROM t', 'SELECT a FROM other']);
	});
}

# Something in the background: psql that runs what is given, and how it ended.
my $waiters = 0;

sub start
{
	my ($sql) = @_;
	my %waiter = (stdout => '', stderr => '');
	my $script = "$PostgreSQL::Test::Utils::tmp_check/waiter.sql." . ++$waiters;

	append_to_file($script, $sql);
	$waiter{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-f', $script, '-d', $node->connstr('postgres') . ' application_name=waiter' ],
		'>', \$waiter{stdout}, '2>', \$waiter{stderr},
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return \%waiter;
}

sub finish
{
	my ($waiter) = @_;

	$waiter->{run}->finish;
	return $waiter->{stdout} . $waiter->{stderr};
}

my $call = q{CALL compat_guard.wait_until_ready('shop', 'v1', '2 min');};

# Asleep, with nothing in hand.  A look takes a moment, so this may take several.
sub is_idle
{
	my ($name, $n) = @_;

	ok( $node->poll_query_until('postgres', q{
		SELECT count(*) = } . ($n // 1) . q{ FROM pg_stat_activity AS s
		WHERE application_name = 'waiter' AND wait_event = 'Extension'
			AND backend_xmin IS NULL AND backend_xid IS NULL
			AND NOT EXISTS (SELECT FROM pg_locks AS l WHERE l.pid = s.pid AND locktype <> 'virtualxid')}),
		"$name: no snapshot, no lock");
}

#
# The migration commits.
#
register();
my $waiter = start($call);
is_idle('at first');
my $migration = $node->background_psql('postgres', on_error_stop => 0);
$migration->query_safe('SET client_min_messages = warning;');
$migration->query_safe('BEGIN; ALTER TABLE t ADD COLUMN b int;');
is_idle('while the migration has the table locked');
$node->safe_psql('postgres', 'DELETE FROM other');
is($node->safe_psql('postgres', 'VACUUM other; SELECT 1'), 1, 'VACUUM passes');
$migration->query_safe('COMMIT;');
is(finish($waiter), "t\n", 'ready when the migration has committed');

# In a transaction block, which goes on after it.
register();
$waiter = start("BEGIN; SELECT count(*) FROM t; $call SELECT count(b) FROM t; COMMIT;");
ok($node->poll_query_until('postgres', q{
	SELECT backend_xmin IS NULL AND wait_event = 'Extension' FROM pg_stat_activity WHERE application_name = 'waiter'}),
	'in a transaction block: no snapshot');
$node->safe_psql('postgres', q{
	SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'waiter'});
like(finish($waiter), qr/canceling statement due to user request/, 'it is cancelled, with the locks its transaction had before');
$waiter = start("BEGIN; SELECT 1; $call SELECT count(*), count(b) FROM t; COMMIT;");
is_idle('in a transaction block');
$node->safe_psql('postgres', 'ALTER TABLE t ADD COLUMN b int');
is(finish($waiter), "1\nt\n1000|0\n", 'and the block goes on, and sees the column');

# Soon: the best of five, for machines are busy.
my $best;
for (1 .. 5)
{
	register();
	$waiter = start("$call SELECT extract(epoch FROM clock_timestamp());");
	is_idle('once more');
	sleep 0.2;
	my $done = $node->safe_psql('postgres', q{
		ALTER TABLE t ADD COLUMN b int;
		SELECT extract(epoch FROM clock_timestamp())});
	my ($at) = finish($waiter) =~ /^t\n([\d.]+)$/m;
	my $took = $at - $done;
	$best = $took if !defined $best || $took < $best;
}
cmp_ok($best, '<', 0.5, 'it wakes soon after') or diag $best;

#
# It does not commit, or does something else.
#
register();
$waiter = start(q{\set VERBOSITY terse
	CALL compat_guard.wait_until_ready('shop', 'v1', '3 s');});
is_idle('for a while');
$node->safe_psql('postgres', 'BEGIN; ALTER TABLE t ADD COLUMN b int; ROLLBACK; CREATE TABLE noise (a int); DROP TABLE noise');
like(finish($waiter), qr/^f\n.*not ready/, 'nothing has come, and time is over');

# A lock that is held for long makes it wait no longer than it was asked to.
$node->safe_psql('postgres', 'ALTER TABLE t ADD COLUMN b int');
$migration->query_safe('BEGIN; LOCK TABLE other;');
like($node->psql_all(q{CALL compat_guard.wait_until_ready('shop', 'v1', '300 ms')}),
	qr/^f\n.*concurrent transaction holds a lock/s, 'something is locked');
$waiter = start($call);
is_idle('while something is locked');
$migration->query_safe('COMMIT;');
is(finish($waiter), "t\n", 'and then it is not');

#
# The version goes, or asks for less; so may the extension.
#
sub ends_with
{
	my ($sql, $pattern) = @_;

	register();
	my $waiting = start($call);
	is_idle("before $sql");
	$node->safe_psql('postgres', $sql);
	like(finish($waiting), $pattern, $sql);
}

ends_with(q{SELECT compat_guard.retire('shop', 'v1')}, qr/ERROR: +version "v1" of app "shop" is retired/);
ends_with(q{SELECT compat_guard.forget('shop', 'v1')}, qr/ERROR: +app "shop" is not registered/);
ends_with(q{SELECT compat_guard.register('shop', 'v1', '{}', replace => true)}, qr/^t\n$/);
ends_with(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'waiter'},
	qr/terminating connection/);

# DROP EXTENSION has to wait for nobody that waits, nor they for it.
register();
$waiter = start($call);
is_idle('before DROP EXTENSION');
$migration->query_safe('BEGIN; SET LOCAL compat_guard.mode = off; DROP EXTENSION compat_guard;');
like($node->psql_all(q{CALL compat_guard.wait_until_ready('shop', 'v1', '300 ms')}), qr/^f\n/,
	'time is over though the registry is locked');
is_idle('while the extension is being dropped');
$migration->query_safe('ROLLBACK;');
$node->safe_psql('postgres', 'SET compat_guard.mode = off; DROP EXTENSION compat_guard');
like(finish($waiter), qr/ERROR: +extension "compat_guard" is not installed/, 'DROP EXTENSION');
$node->safe_psql('postgres', 'CREATE EXTENSION compat_guard');
$migration->quit;

#
# A pipeline asks, and goes by psql's exit code.
#
sub exit_code
{
	return system_log('psql', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-Xqc',
		q{SELECT compat_guard.can_deploy('shop', 'v1', or_error => true)}) >> 8;
}
register();
isnt(exit_code(), 0, 'a version that may not start');
$node->safe_psql('postgres', 'ALTER TABLE t ADD COLUMN b int');
is(exit_code(), 0, 'a version that may');

#
# A fleet of instances waits for one migration, and does little meanwhile.
#
register();
my @fleet = map { start($call) } 1 .. 20;
is_idle('a fleet', 20);
sub processor_time
{
	my $total = 0;

	foreach my $pid (split /\n/, $node->safe_psql('postgres',
			q{SELECT pid FROM pg_stat_activity WHERE application_name = 'waiter'}))
	{
		my ($ns) = split / /, slurp_file("/proc/$pid/schedstat");
		$total += $ns / 1e9;
	}
	return $total;
}
SKIP:
{
	skip lacking('no /proc/PID/schedstat'), 1 unless -r "/proc/$$/schedstat";
	my $before = processor_time();
	my $start = time;
	sleep 2;
	my $share = (processor_time() - $before) / (time - $start);
	cmp_ok($share, '<', 0.5, 'a fleet takes little of the processor') or diag $share;
	note "20 waiters: $share of a processor";
}
$node->safe_psql('postgres', 'ALTER TABLE t ADD COLUMN b int');
is(join('', map { finish($_) } @fleet), "t\n" x 20, 'and all are told');

$node->stop;
done_testing();

# Output and errors together.
sub PostgreSQL::Test::Cluster::psql_all
{
	my ($self, $sql) = @_;
	my ($status, $stdout, $stderr) = $self->psql('postgres', $sql);

	return "$stdout\n$stderr";
}
