
# Who is alive, as the server sees it: sessions that are killed, hundreds of them,
# a crash, leases that run out, a restored database and a standby.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep time);

my $sessions = 250;
my $node = PostgreSQL::Test::Cluster->new('live');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', qq{
compat_guard.rollback_versions = 0
max_connections = 300
restart_after_crash = on
max_prepared_transactions = 10
compat_guard.lease_grace = 0
});
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION compat_guard;
	CREATE TABLE users (id int, email text, note text, phone text);
	SELECT compat_guard.register_queries('app', 'v1', '{SELECT email FROM users}');
	SELECT compat_guard.register('app', 'v2', '{"search_path": "public",
		"relations": {"users": {"columns": {"note": {}}}}}', 'one', '1 hour');
});

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

my $drop = 'BEGIN; ALTER TABLE users DROP COLUMN email; ROLLBACK;';
my $judged = 'ALTER TABLE users DROP COLUMN email';
my $sessions_of_v1 = q{SELECT sessions FROM compat_guard.versions WHERE version = 'v1'};
my $live = q{SELECT version, live FROM compat_guard.versions ORDER BY 1};

# ---- a session that disconnects, one that is terminated ----

my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $session->query('SELECT pg_backend_pid()');
$session->query(q{SELECT compat_guard.attach('app', 'v1')});
is(value($sessions_of_v1), 1, 'attached');
is(value("SELECT pid, role, running FROM compat_guard.instances WHERE type = 'session'"),
	"$pid|" . value('SELECT current_user') . '|t', 'and seen');
is(verdict($judged), 'ERROR:  VG001', 'what it needs is protected');
$session->query('SELECT 1 / 0');
$session->query('BEGIN; SELECT 1 / 0; ROLLBACK;');
is(value($sessions_of_v1), 1, 'errors do not detach');
$session->quit;
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid") or die;
is(value($sessions_of_v1), 0, 'disconnected');

$session = $node->background_psql('postgres', on_error_stop => 0);
$pid = $session->query('SELECT pg_backend_pid()');
$session->query(q{SELECT compat_guard.attach('app', 'v1')});
value("SELECT pg_terminate_backend($pid, 60000)");
is(value($sessions_of_v1), 0, 'terminated');
eval { $session->quit };

# ---- kill -9, which takes the server down: sessions end, leases survive ----

$session = $node->background_psql('postgres', on_error_stop => 0);
$pid = $session->query('SELECT pg_backend_pid()');
$session->query(q{SELECT compat_guard.attach('app', 'v1')});
my $other = $node->background_psql('postgres', on_error_stop => 0);
$other->query(q{SELECT compat_guard.attach('app', 'v1')});
is(value($sessions_of_v1), 2, 'two sessions');
kill 'KILL', $pid;
for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
{
	last if slurp_file($node->logfile) =~ /\(PID $pid\) was terminated by signal 9.*database system is ready to accept connections/s;
	usleep(100_000);
}
eval { $session->quit };
eval { $other->quit };
is(value($live), "v1|f\nv2|t", 'after a crash no session is left, and every lease');
is(verdict($judged), '', 'nobody needs it any more');
is(value(q{SELECT status FROM compat_guard.versions WHERE version = 'v1'}), 'skipped', 'the version was skipped');
is(verdict('ALTER TABLE users DROP COLUMN note;'), 'ERROR:  VG001', 'a lease still protects');
is(verdict(q{SELECT compat_guard.attach('app', 'v1');}), '', 'it comes back');
is(value(q{SELECT status, live FROM compat_guard.versions WHERE version = 'v1'}), 'broken|f', 'broken, and gone again');
is(verdict('ALTER TABLE users ADD COLUMN email text'), '', 'the column comes back');

$node->stop('immediate');
$node->start;
is(value($live), "v1|f\nv2|t", 'after another crash');

# ---- a lease that runs out ----

# In one session: the next one may be long in coming.
is(verdict(q{SELECT compat_guard.heartbeat('app', 'v2', 'one', '2 seconds'); ALTER TABLE users DROP COLUMN note;}),
	'ERROR:  VG001', 'a short lease protects');
ok($node->poll_query_until('postgres', q{SELECT NOT live FROM compat_guard.versions WHERE version = 'v2'}),
	'until it has run out');
is(verdict(q{SELECT compat_guard.heartbeat('app', 'v2', 'one'); ALTER TABLE users DROP COLUMN note;}),
	'ERROR:  VG001', 'a heartbeat in time');
ok($node->poll_query_until('postgres', q{SELECT NOT live FROM compat_guard.versions WHERE version = 'v2'}),
	'it runs out again');
is(verdict('ALTER TABLE users DROP COLUMN note;'), '', 'then the column goes');
value(q{SELECT compat_guard.heartbeat('app', 'v2', 'one', '1 hour')});
is(value(q{SELECT status FROM compat_guard.versions WHERE version = 'v2'}), 'broken', 'a heartbeat too late finds it gone');
is(verdict('ALTER TABLE users ADD COLUMN note text'), 'NOTICE:  00000', 'and nothing is blocked by what is broken');
is(value(q{SELECT status FROM compat_guard.versions WHERE version = 'v2'}), 'ready', 'it heals');

# A prepared change keeps those waiting who come back, and no others.
value(q{SELECT compat_guard.attach('app', 'v1')});
is(verdict("BEGIN; ALTER TABLE users DROP COLUMN email; PREPARE TRANSACTION 'drop';"), '', 'prepared while nobody is there');
is(verdict("SET lock_timeout = '100ms'; SELECT compat_guard.attach('app', 'v1');"), 'ERROR:  VG003', 'to attach waits for it');
is(verdict("SET lock_timeout = '100ms'; SELECT compat_guard.heartbeat('app', 'v2', 'one');"), '', 'a heartbeat does not');
is(value($sessions_of_v1), 0, 'nobody is attached by a call that failed');
is(verdict("COMMIT PREPARED 'drop'; SELECT compat_guard.attach('app', 'v1');"), '', 'then it attaches');
is(verdict('ALTER TABLE users ADD COLUMN email text'), '', 'the column comes back');

# ---- hundreds ----

sub ddl_time
{
	my $best;

	for (1 .. 15)
	{
		my $begin = time;

		$session->query('ALTER TABLE users ADD COLUMN x int; ALTER TABLE users DROP COLUMN x;');
		my $elapsed = time - $begin;
		$best = $elapsed if !defined $best || $elapsed < $best;
	}
	return 1000 * $best;
}

$session = $node->background_psql('postgres', on_error_stop => 0);
$session->query(q{SELECT compat_guard.attach('app', 'v1')});
my $before = ddl_time();
my $script = $node->basedir . '/attach.sql';
append_to_file($script, "SELECT compat_guard.attach('app', 'v1');\nSELECT pg_sleep(1000);\n");
my $crowd = IPC::Run::start(['pgbench', '-n', '-c', $sessions, '-t', 1, '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres'],
	'>', \my $crowd_out, '2>', \my $crowd_err);
ok($node->poll_query_until('postgres', "SELECT sessions = $sessions + 1 FROM compat_guard.versions WHERE version = 'v1'"),
	"$sessions sessions attach");
is(value("SELECT count(DISTINCT pid) FROM compat_guard.instances WHERE type = 'session'"), $sessions + 1, 'each is seen');
is(value("SELECT count(*) FROM (SELECT DISTINCT classid, objid, objsubid FROM pg_locks WHERE mode = 'AccessShareLock' AND locktype = 'advisory') AS l"),
	1, 'on one lock');
my $after = ddl_time();
note(sprintf('two changes: %.2f ms with one session attached, %.2f ms with %d', $before, $after, $sessions + 1));
is(verdict($judged), 'ERROR:  VG001', 'they protect what they need');
value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1000)%' AND pid <> pg_backend_pid()");
$crowd->finish;
ok($node->poll_query_until('postgres', "SELECT sessions = 1 FROM compat_guard.versions WHERE version = 'v1'"), 'they go');
$session->quit;

# ---- a standby, and a dump ----

$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$session = $node->background_psql('postgres', on_error_stop => 0);
$session->query(q{SELECT compat_guard.attach('app', 'v1')});
value(q{SELECT compat_guard.register_queries('app', 'v3', '{SELECT phone FROM users}')});
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $live), "v1|t\nv2|t\nv3|t", 'a standby takes a version with sessions for live');
is($standby->safe_psql('postgres', $sessions_of_v1), 0, 'though it does not see them');
is($standby->safe_psql('postgres', 'SELECT version, type, instance, running FROM compat_guard.instances'),
	'v2|lease|one|t', 'but it does see leases');
foreach my $sql (q{attach('app', 'v1')}, q{detach()}, q{heartbeat('app', 'v2', 'one')}, q{leave('app', 'v2', 'one')},
	q{reactivate('app', 'v1')}, q{set_support('app', 'v1', 'infinity')})
{
	my ($status, $stdout, $stderr) = $standby->psql('postgres', "SELECT compat_guard.$sql");
	like($stderr, qr/cannot execute compat_guard.* (during recovery|in a read-only transaction)/, "refused there: $sql");
}
$session->quit;
is(verdict($judged), '', 'the last session has gone');
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $live), "v1|f\nv2|t\nv3|t", 'what was passed over is not live there either');
$standby->stop;

my $dump = $node->basedir . '/dump.sql';
value('CREATE DATABASE restored');
$node->command_ok(['pg_dump', '-f', $dump, $node->connstr('postgres')], 'pg_dump');
$node->command_ok(['psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('restored')], 'restore');
my $state = q{SELECT version, live, live_by, leases FROM compat_guard.versions ORDER BY 1};
is($node->safe_psql('restored', $state), value($state), 'leases are restored, with the length they had');
$node->safe_psql('restored', q{SELECT compat_guard.heartbeat('app', 'v2', 'one')});
my ($status, $stdout, $stderr) = $node->psql('restored', 'ALTER TABLE users DROP COLUMN note');
like($stderr, qr/would break/, 'and protect there');
is($node->safe_psql('restored', $state), value($state), 'one that was passed over stays so');

$node->stop;
done_testing();
