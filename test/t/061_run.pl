# run() gives up a lock that it does not get in time, holds nothing while it waits for
# the next attempt, and goes through once the blocker is gone.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nlog_min_messages = notice\n");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION compat_guard;
	CREATE TABLE first (a int);
	CREATE TABLE second (a int);
	INSERT INTO second VALUES (1);
});

my %runner;

sub start
{
	my ($sql, $settings) = @_;

	%runner = (stdout => '', stderr => '');
	$runner{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres') . ' application_name=runner',
			'-c', $settings // q{SET compat_guard.ddl_lock_timeout = '50ms'}, '-c', $sql ],
		'>', \$runner{stdout}, '2>', \$runner{stderr},
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
}

sub finish
{
	$runner{run}->finish;
	return $runner{stderr};
}

# Wait for the next attempt that fails.
sub failed_attempt
{
	my ($n) = @_;

	$node->wait_for_log(qr/rolled back, attempt $n of/);
}

sub columns
{
	return $node->safe_psql('postgres', q{
		SELECT string_agg(attrelid::regclass || '.' || attname, ' ' ORDER BY attrelid::regclass::text, attnum)
		FROM pg_attribute WHERE attrelid IN ('first'::regclass, 'second'::regclass) AND attnum > 1 AND NOT attisdropped});
}

my $blocker = $node->background_psql('postgres', on_error_stop => 0);
my $asleep = q{
	SELECT count(*) = 1 FROM pg_stat_activity AS s
	WHERE application_name = 'runner' AND wait_event = 'Extension'
		AND backend_xmin IS NULL AND backend_xid IS NULL
		AND NOT EXISTS (SELECT FROM pg_locks AS l WHERE l.pid = s.pid AND locktype <> 'virtualxid')};

# One transaction of two tables, of which the second is in use.
$blocker->query_safe('BEGIN; SELECT a FROM second;');
start(q{CALL compat_guard.run('CREATE TABLE before (a int);
	BEGIN; ALTER TABLE first ADD b int; ALTER TABLE second ADD b int; COMMIT;
	ALTER TABLE first ADD c int', 1000, '1 s')});
failed_attempt(2);
ok($node->poll_query_until('postgres', $asleep), 'between attempts it holds no lock and no snapshot');
is(columns(), '', 'nothing of the transaction is left');
is($node->safe_psql('postgres', q{SELECT to_regclass('before')}), 'before', 'the one before is committed, and is not tried again');
is($node->safe_psql('postgres', q{INSERT INTO first VALUES (2); SELECT sum(a) FROM second}), 1, 'others read and write meanwhile');
$blocker->query_safe('COMMIT;');
my $stderr = finish();
is($runner{run}->result(0), 0, 'it succeeds when the blocker is gone') or diag $stderr;
is(columns(), 'first.b first.c second.b', 'with all of it');
like($stderr, qr/statements 3 to 4 of 6 rolled back, attempt 1 of 1000: canceling statement due to lock timeout/, 'it says what failed');
like($stderr, qr/next attempt is in 1\.0 seconds.*next attempt is in 2\.0 seconds/s, 'and when it tries again, ever later');
like($stderr, qr/statements 3 to 4 of 6 committed, attempt [2-9]\d* of 1000\nNOTICE:  statement 6 of 6 committed, attempt 1 of 1000\n\z/, 'and what succeeded');

# It gives up after the last attempt.
$blocker->query_safe('BEGIN; SELECT a FROM second;');
start(q{CALL compat_guard.run('ALTER TABLE second ADD c int', 2, '0 s')});
like(finish(), qr/attempt 1 of 2: .*ERROR:  canceling statement due to lock timeout\nCONTEXT:.*attempt 2 of 2/s, 'it gives up in the end');
isnt($runner{run}->result(0), 0, 'with an exit status');

# The session's own lock_timeout counts.
start(q{CALL compat_guard.run('ALTER TABLE second ADD c int', 1)}, q{SET lock_timeout = '10ms'; SET compat_guard.ddl_lock_timeout = '1 day'});
like(finish(), qr/lock timeout/, 'a lock_timeout of the session stays in force');

# It can be cancelled, asleep and not.
start(q{CALL compat_guard.run('ALTER TABLE second ADD c int', 1000, '1 hour')});
ok($node->poll_query_until('postgres', $asleep), 'asleep for an hour');
$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'runner'});
like(finish(), qr/canceling statement due to user request/, 'and cancelled');
$blocker->query_safe('COMMIT;');

# A deadlock is tried again: the blocker wants what the script holds, and its own
# deadlock_timeout is longer.
$blocker->query_safe(q{SET deadlock_timeout = '1 h'; BEGIN; LOCK TABLE second;});
start(q{CALL compat_guard.run('BEGIN; LOCK TABLE first; ALTER TABLE second ADD c int; COMMIT', 1000, '1 s')},
	q{SET compat_guard.ddl_lock_timeout = '1 day'; SET deadlock_timeout = '2 s'});
ok($node->poll_query_until('postgres', q{
	SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'runner' AND wait_event_type = 'Lock'}), 'waiting');
$blocker->query_safe('LOCK TABLE first;');
$blocker->query_safe('COMMIT;');
like(finish(), qr/rolled back, attempt 1 of 1000: deadlock detected.* committed/s, 'a deadlock is tried again');

$blocker->quit;
$node->stop;
done_testing();
