# A stream of registrations does not keep changes of schema from being judged, nor
# a stream of changes versions from being registered and retired.  Nor does it get into
# the way of those who only look.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('turns');
$node->init;
$node->append_conf('postgresql.conf', 'session_preload_libraries = compat_guard');
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION compat_guard;
	CREATE TABLE t0 (a int);
	CREATE TABLE t1 (a int);
	CREATE TABLE t2 (a int);
	CREATE TABLE t3 (a int);
	CREATE TABLE needed (a int);
	SELECT compat_guard.register_queries('shop', 'v1', ARRAY['SELECT a FROM needed']);
});

# How many clients of the stream are connected.
my $clients = q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stream'};

# Four clients run the script until the statements have all been tried.
sub among
{
	my ($script, @statements) = @_;
	my $file = $node->basedir . '/script.sql';
	my @failed;

	append_to_file($file, $script);
	my $stream = IPC::Run::start(
		[ 'pgbench', '-n', '-c', '4', '-j', '2', '-T', '600', '-f', $file, $node->connstr('postgres') . ' application_name=stream' ],
		'<', \undef, '>', \my $output, '2>&1');
	$node->poll_query_until('postgres', $clients, '4') or die;
	foreach my $statement (@statements)
	{
		my ($stdout, $stderr);

		push @failed, $stderr
		  if $node->psql('postgres', "SET compat_guard.ddl_lock_timeout = '3s'; $statement",
			stdout => \$stdout, stderr => \$stderr) != 0;
	}
	$stream->pump_nb;
	is($node->safe_psql('postgres', $clients), '4', 'the stream went on');
	$stream->kill_kill;
	$node->poll_query_until('postgres', $clients, '0') or die;
	unlink $file;
	return join("\n", @failed);
}

is( among(
		q{
\set n random(1, 1000000000)
BEGIN;
SELECT compat_guard.register_queries('stream' || :client_id, 'v' || :n,
	(SELECT array_agg('SELECT ' || i || ' FROM needed') FROM generate_series(1, 20) AS i));
COMMIT;
SELECT compat_guard.forget('stream' || :client_id, 'v' || :n);
},
		('ALTER TABLE needed ADD COLUMN b int', 'ALTER TABLE needed DROP COLUMN b') x 10),
	'', 'changes among registrations');

is( among(
		"ALTER TABLE t:client_id ADD COLUMN b int;\nALTER TABLE t:client_id DROP COLUMN b;\n",
		(q{SELECT compat_guard.register_queries('late', 'v1', ARRAY['SELECT 1'])},
			q{SELECT compat_guard.retire('late', 'v1')},
			q{SELECT compat_guard.forget('late', 'v1')}) x 7),
	'', 'registrations among changes');

# check() takes no lock.  It finds a requirement with all that belongs to it, or not at all.
is( among(
		q{
\set n random(1, 1000000000)
SELECT compat_guard.register_queries('gone' || :client_id, 'v1', ARRAY['SELECT a AS x' || :n || ' FROM needed']);
SELECT compat_guard.forget('gone' || :client_id, 'v1');
},
		(q{DO $$
			DECLARE
				until timestamptz := clock_timestamp() + '500 ms';
			BEGIN
				WHILE clock_timestamp() < until LOOP
					FOR i IN 0..3 LOOP
						BEGIN
							PERFORM FROM compat_guard.check('gone' || i, 'v1');
						EXCEPTION WHEN SQLSTATE 'VG010' THEN	-- not registered
						END;
					END LOOP;
				END LOOP;
			END $$}) x 4),
	'', 'checks among versions that come and go');

$node->stop;
done_testing();
