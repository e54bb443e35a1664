# The journal rows of blocked changes: they outlive the transaction that was
# rolled back, whether the library is preloaded or not, and whatever becomes of
# the process that writes them; and the verdict never waits for it.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('journal');
$node->init;
# What is handed over is in files then, to be counted.
$node->append_conf('postgresql.conf', q{
max_prepared_transactions = 10
restart_after_crash = on
dynamic_shared_memory_type = mmap
client_min_messages = warning
});
$node->start;
# The server's own.
my $segments = $node->safe_psql('postgres', q{SELECT count(*) FROM pg_ls_dir('pg_dynshmem')});

sub make_database
{
	my ($name) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, q{
		CREATE EXTENSION compat_guard;
		CREATE TABLE users (id int PRIMARY KEY, email text, note text);
		CREATE TABLE other (a int);
		SELECT compat_guard.register('app', '1', '{"search_path": "public",
			"relations": {"users": {"columns": {"email": {}, "note": {}}}}}')});
}
make_database('guarded');

sub verdict
{
	my ($sql, %options) = @_;

	my ($status, $stdout, $stderr) = $node->psql($options{database} // 'guarded',
		"\\set VERBOSITY sqlstate\n$sql", on_error_stop => 0);
	$stderr =~ s/^psql:<stdin>:\d+: //mg;
	return $stderr;
}

sub value
{
	return $node->safe_psql('guarded', $_[0]);
}

sub journal_reads
{
	my ($expected, $name, $sql, $database) = @_;

	$sql //= q{SELECT string_agg(verdict || ' ' || array_to_string(statements, ';'), ', ' ORDER BY at)
		FROM compat_guard.journal};
	ok($node->poll_query_until($database // 'guarded', $sql, $expected), $name);
}

sub nothing_left
{
	my ($name) = @_;

	my $files = qq{SELECT count(*) <= $segments FROM pg_ls_dir('pg_dynshmem')};
	my $workers = q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'compat_guard journal'};
	ok( $node->poll_query_until('postgres', $workers) && $node->poll_query_until('postgres', $files),
		"nothing left $name");
}

sub missed
{
	return value('SELECT missed FROM compat_guard.journal_status');
}

# Allow the server to write its log.
sub logged
{
	my ($pattern, $offset) = @_;

	for my $try (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return 1 if substr(slurp_file($node->logfile), $offset) =~ $pattern;
		usleep(100_000);
	}
	return 0;
}

my $block = 'ALTER TABLE users DROP COLUMN note;';
my $prune = q{SELECT compat_guard.prune('0')};

# ---- one, from a session that is gone at once ----

is(verdict($block), 'ERROR:  VG001', 'blocked');
journal_reads('blocked ALTER TABLE users DROP COLUMN note', 'its row is there');
is(value(q{SELECT j.mode, session_role = session_user, role = current_user, pid <> pg_backend_pid(), versions,
		findings->0->>'rule', client_addr IS NULL
	FROM compat_guard.journal AS j}),
	'enforce|t|t|t|{"app 1"}|column-missing|t', 'and says who and what');
nothing_left('behind it');
is(missed(), 0, 'none missed');
is(value(q{SELECT count(*) FROM compat_guard.journal WHERE application_name = 'compat_guard journal'}),
	0, 'the worker is not judged');

# ---- two-phase commit ----

value($prune);
is(verdict("BEGIN; ALTER TABLE other ADD COLUMN b int; PREPARE TRANSACTION 'p';"), '', 'prepared');
is(value('SELECT count(*) FROM compat_guard.journal'), 0, 'its row is a part of it');
is(verdict("COMMIT PREPARED 'p';"), '', 'committed');
is(verdict("BEGIN; $block PREPARE TRANSACTION 'p';"), 'ERROR:  VG001', 'one that is blocked');
is(verdict("BEGIN; SELECT compat_guard.allow('two-phase'); $block PREPARE TRANSACTION 'p';"),
	'WARNING:  VG001', 'one that is allowed');
is(verdict("ROLLBACK PREPARED 'p';"), '', 'rolled back');
is(verdict("$block"), 'ERROR:  VG001', 'it was allowed that alone');
journal_reads('allowed ALTER TABLE other ADD COLUMN b int, '
	  . join(', ', ('blocked ALTER TABLE users DROP COLUMN note') x 2), 'the journal says so');

# ---- a storm ----

value($prune);
is(verdict($block x 100), join("\n", ('ERROR:  VG001') x 100), 'a hundred blocked in a row');
journal_reads(100, 'a hundred rows', 'SELECT count(*) FROM compat_guard.journal');

value($prune);
my @sessions = map {
	my $out = '';
	my $in = $block x 5;
	+{ out => \$out, run => IPC::Run::start(
			[ 'psql', '-XAtq', '-v', 'VERBOSITY=sqlstate', '-d', $node->connstr('guarded') ],
			'<', \$in, '>', \$out, '2>&1') }
} 1 .. 20;
my $most = 0;
for my $try (1 .. 20)
{
	my $now = $node->safe_psql('postgres',
		q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'compat_guard journal'});
	$most = $now if $now > $most;
}
$_->{run}->finish foreach @sessions;
is(scalar(grep { ${ $_->{out} } =~ /\A(?:\S*\s*ERROR:  VG001\n){5}\z/ } @sessions), 20,
	'a hundred blocked in twenty sessions');
cmp_ok($most, '<=', 1, 'one worker at a time');
journal_reads('t', 'a hundred rows, written or missed',
	'SELECT count(*) + (SELECT missed FROM compat_guard.journal_status) = 100 FROM compat_guard.journal');
is(missed(), 0, 'all of them written');
nothing_left('after the storm');

# ---- a worker that waits, and is ended ----

value($prune);
my $holder = $node->background_psql('guarded');
$holder->query_safe('BEGIN; LOCK TABLE compat_guard.journal_entry IN SHARE MODE;');
my $log = -s $node->logfile;
is(verdict($block), 'ERROR:  VG001', 'the verdict does not wait for the worker');
is(verdict($block), 'ERROR:  VG001', 'nor when there is one that waits');
ok($node->poll_query_until('postgres',
		q{SELECT count(pg_terminate_backend(pid)) = 1 FROM pg_stat_activity
		WHERE backend_type = 'compat_guard journal' AND wait_event_type = 'Lock'}),
	'the worker is ended');
ok(logged(qr/(?:could not write the journal entry.*?"verdict":"blocked".*?){2}/s, $log), 'the server log has both entries');
nothing_left('of it');

# Without being ended it gives up.
$log = -s $node->logfile;
is(verdict($block), 'ERROR:  VG001', 'blocked again');
ok(logged(qr/lock timeout.*could not write the journal entry.*"verdict":"blocked"/s, $log), 'the worker has given up');
journal_reads(1, 'and counted', 'SELECT missed FROM compat_guard.journal_status');
$holder->query_safe('COMMIT;');
$holder->quit;
is(value('SELECT count(*) FROM compat_guard.journal'), 0, 'they are in the log alone');
is(verdict($block), 'ERROR:  VG001', 'the next');
journal_reads('blocked ALTER TABLE users DROP COLUMN note', 'is written');

# ---- a worker that does not come, and comes late ----

value($prune);
my $session = $node->background_psql('guarded', on_error_stop => 0);
my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
kill 'STOP', $postmaster;
$session->query($block);
# For the second one time is over at once.
$session->query('SET compat_guard.journal_worker_timeout = 0');
$session->query($block);
kill 'CONT', $postmaster;
$session->quit;
journal_reads(2, 'what the one should have written the next one does', 'SELECT count(*) FROM compat_guard.journal');
nothing_left('of either');

# ---- databases that go, or are closed ----

make_database('closed');
$node->safe_psql('postgres', q{ALTER DATABASE closed SET default_transaction_read_only = on});
my $inside = $node->background_psql('closed', on_error_stop => 0);
$inside->query('SET default_transaction_read_only = off');
$node->safe_psql('postgres', 'ALTER DATABASE closed ALLOW_CONNECTIONS false CONNECTION LIMIT 0');
$inside->query($block);
ok($node->poll_query_until('postgres',
		q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'compat_guard journal'}), 'done');
$node->safe_psql('postgres', 'ALTER DATABASE closed ALLOW_CONNECTIONS true CONNECTION LIMIT -1');
journal_reads(1, 'a database that accepts no connections',
	q{SELECT count(*) FROM compat_guard.journal WHERE verdict = 'blocked'}, 'closed');
$inside->quit;
foreach my $round (1 .. 5)
{
	verdict($block, database => 'closed');
	is($node->psql('postgres', 'DROP DATABASE closed'), 0, "DROP DATABASE at once, $round");
	make_database('closed');
}
foreach my $round (1 .. 5)
{
	verdict("$block SET compat_guard.mode = off; DROP EXTENSION compat_guard; CREATE EXTENSION compat_guard;", database => 'closed');
	is($node->safe_psql('closed', 'SELECT count(*) FROM compat_guard.journal'), 0,
		"DROP EXTENSION at once, $round");
	$node->safe_psql('postgres', 'DROP DATABASE closed');
	make_database('closed');
}
nothing_left('of databases and extensions');

# ---- a crash right after, and a stop ----

value($prune);
is(verdict($block), 'ERROR:  VG001', 'blocked');
$node->stop('immediate');
$node->start;
cmp_ok(value('SELECT count(*) FROM compat_guard.journal'), '<=', 1, 'after a crash it is there or not');
is(verdict($block), 'ERROR:  VG001', 'blocked after the crash');
$node->stop('fast');
$node->start;
pass('a fast stop does not wait for it');
nothing_left('of it');
value($prune);
is(verdict($block), 'ERROR:  VG001', 'blocked after the stop');
journal_reads('blocked ALTER TABLE users DROP COLUMN note', 'and written');

# ---- no process to be had ----

my $before = missed();
$node->append_conf('postgresql.conf', 'max_worker_processes = 0');
$node->restart;
value($prune);
$log = -s $node->logfile;
is(verdict("BEGIN; $block COMMIT; $block"), "ERROR:  VG001\nERROR:  VG001", 'blocked without workers');
ok(logged(qr/could not write the journal entry.*?"verdict":"blocked"/s, $log), 'the log has the entry');
is(missed() - $before, 2, 'which is counted, although the transaction was rolled back');
is(verdict("BEGIN; SELECT compat_guard.allow('no workers needed'); $block COMMIT;"),
	'WARNING:  VG001', 'what passes needs none');
is(value('SELECT verdict, reason FROM compat_guard.journal'), 'overridden|no workers needed', 'and is written');
value('ALTER TABLE users ADD COLUMN note text');
value($prune);
$node->append_conf('postgresql.conf', 'max_worker_processes = 8');

# ---- preloaded ----

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'compat_guard'");
$node->restart;
is(verdict($block x 10), join("\n", ('ERROR:  VG001') x 10), 'blocked with the library preloaded');
journal_reads(10, 'written', 'SELECT count(*) FROM compat_guard.journal');
value("ALTER SYSTEM SET compat_guard.journal = off");
value('SELECT pg_reload_conf()');
ok($node->poll_query_until('guarded', 'SHOW compat_guard.journal', 'off'), 'switched off');
is(verdict($block), 'ERROR:  VG001', 'blocked');
is(verdict('ALTER TABLE other ADD COLUMN c int;'), '', 'allowed');
is(value('SELECT count(*) FROM compat_guard.journal'), 10, 'no rows');
nothing_left('in the end');

$node->stop;
done_testing();
