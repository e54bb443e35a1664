# Two-phase commit: a transaction is judged at PREPARE TRANSACTION, and until it
# is committed or rolled back, be it after a crash, no registration or judgement
# that could contradict it gets through.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('two_phase');
$node->init;
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 10');
$node->start;

# All statements in one session; what it printed, errors with their SQLSTATE.
sub run
{
	my ($stdout, $stderr);

	$node->psql('postgres', join("\n", '\set VERBOSITY sqlstate', @_),
		stdout => \$stdout, stderr => \$stderr, on_error_stop => 0);
	$stderr =~ s/^psql:<stdin>:\d+: //mg;
	return join("\n", grep { $_ ne '' } $stdout, $stderr);
}

# What a statement printed that waited, until something was done.
sub run_meanwhile
{
	my ($release, $statement) = @_;
	my $output = '';
	my $session = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $statement ],
		'<', \undef, '>', \$output, '2>&1');

	$node->poll_query_until('postgres',
		q{SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'object' AND objsubid < 0)})
	  or die 'timed out';
	$node->safe_psql('postgres', $release);
	$session->finish;
	chomp $output;
	return $output;
}

my $register = 'SELECT status FROM compat_guard.register_queries';

# Check that the message names the prepared transaction, and not the session that prepared it.
sub is_named
{
	my ($when) = @_;
	my $xid = $node->safe_psql('postgres', 'SELECT transaction FROM pg_prepared_xacts');

	foreach my $statement ('DROP FUNCTION f(bigint)', "$register('shop', 'v2', ARRAY['SELECT g(1)'])")
	{
		my ($stdout, $stderr);

		$node->psql('postgres', "SET compat_guard.ddl_lock_timeout = 100; $statement",
			stdout => \$stdout, stderr => \$stderr);
		like($stderr, qr/Blocked by prepared transaction $xid\./, "$when: it is named");
	}
}

$node->safe_psql('postgres', q{
	CREATE EXTENSION compat_guard;
	CREATE TABLE t (a int, b int);
	CREATE TABLE u (a int);
	CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
	CREATE FUNCTION f(bigint) RETURNS int LANGUAGE sql AS 'SELECT 2';
	CREATE FUNCTION g(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
	SELECT compat_guard.register_queries('shop', 'v1', ARRAY['SELECT a FROM t', 'SELECT f(1)']);
});

# A change that breaks a version is not even prepared.
is( run('BEGIN;', 'ALTER TABLE t DROP COLUMN a;', q{PREPARE TRANSACTION 'p';}),
	'ERROR:  VG001', 'a breaking change is refused at PREPARE TRANSACTION');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_prepared_xacts'),
	'0', 'and leaves nothing prepared');

# What has been judged stays judged: nobody gets in between.
is(run('BEGIN;', 'DROP FUNCTION f(int);', q{PREPARE TRANSACTION 'p';}),
	'', 'a change that breaks nobody is prepared');
is( run('SET compat_guard.ddl_lock_timeout = 100;', 'DROP FUNCTION f(bigint);'),
	'ERROR:  VG003', 'one that it would depend on cannot be judged');
is( run(q{SET lock_timeout = '100ms';}, "$register('shop', 'v2', ARRAY['SELECT g(1)']);"),
	'ERROR:  VG003', 'a version cannot be registered');
is_named('before the crash');
is(run('ALTER TABLE u ADD COLUMN b int;'), '', 'an unrelated change goes through');
is(run("$register('shop', 'v1', ARRAY['SELECT a FROM t', 'SELECT f(1)']);"),
	'ready', 'a version that is registered already does not wait');

# A crash makes no difference.
$node->stop('immediate');
$node->start;
is( run('SET compat_guard.ddl_lock_timeout = 100;', 'DROP FUNCTION f(bigint);'),
	'ERROR:  VG003', 'nor after a crash');
is( run(q{SET lock_timeout = '100ms';}, "$register('shop', 'v2', ARRAY['SELECT g(1)']);"),
	'ERROR:  VG003', 'nor can a version be registered');
is_named('after it');

# Once it has ended, the others see what it did.
is( run_meanwhile(q{COMMIT PREPARED 'p'},
		"$register('shop', 'v2', ARRAY['SELECT g(1)']);"),
	'ready', 'a registration waits for COMMIT PREPARED');
is(run('DROP FUNCTION f(bigint);'), 'ERROR:  VG001', 'and a change is judged against it');

# The same when it is undone, and in the other order.
run('BEGIN;', 'ALTER TABLE t DROP COLUMN b;', q{PREPARE TRANSACTION 'p';});
is( run_meanwhile(q{ROLLBACK PREPARED 'p'},
		"$register('shop', 'v3', ARRAY['SELECT g(2)']);"),
	'ready', 'a registration waits for ROLLBACK PREPARED');

run('BEGIN;', "$register('shop', 'v4', ARRAY['SELECT b FROM t']);", q{PREPARE TRANSACTION 'r';});
is( run('SET compat_guard.ddl_lock_timeout = 100;', 'ALTER TABLE t DROP COLUMN b;'),
	'ERROR:  VG003', 'a change is not judged while a registration is prepared');
$node->safe_psql('postgres', q{COMMIT PREPARED 'r'});
is(run('ALTER TABLE t DROP COLUMN b;'), 'ERROR:  VG001', 'and is judged once it has committed');

# A change of a transaction that is rolled back instead is nobody's.
is( run('BEGIN;', 'SAVEPOINT s;', 'ALTER TABLE t DROP COLUMN b;', 'ROLLBACK TO s;',
		'ALTER TABLE u ADD COLUMN c int;', q{PREPARE TRANSACTION 'p';}, q{COMMIT PREPARED 'p';}),
	'', 'a change undone before PREPARE TRANSACTION is not judged');

# A judgement of many requirements leaves room in the lock table.
$node->safe_psql('postgres', q{
	CREATE TABLE many (a int);
	SELECT compat_guard.register_queries('many', 'v1',
		(SELECT array_agg('SELECT a + ' || n || ' FROM many') FROM generate_series(1, 1000) AS n));
	CREATE TABLE few (a int);
	SELECT max(nextval('compat_guard.id_seq')) FROM generate_series(1, 256);
	SELECT compat_guard.register_queries('few', 'v1', ARRAY['SELECT a FROM few']);
});
run('BEGIN;', 'ALTER TABLE many ADD COLUMN b int;', q{PREPARE TRANSACTION 'many';});
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM pg_locks'),
	'<', 150, 'a thousand requirements need few locks');
is(run('SET compat_guard.ddl_lock_timeout = 100;', 'ALTER TABLE few ADD COLUMN b int;'),
	'', 'and keep nobody from those of others');
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'many'});

$node->stop;
done_testing();
