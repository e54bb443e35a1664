# Two rolling deployments under constant traffic, played with the clients and the
# migrations of doc/examples: version 2 replaces version 1 and a column, version 3
# replaces version 2 and renames one.  No client meets an error, whatever is tried
# too early, and whether an instance ends in good order or is killed.

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use FindBin;
use IPC::Run;
use JSON::PP;
use lib "$FindBin::RealBin/../setup";

use Needs;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = abs_path(dirname(__FILE__) . '/../..');
my $examples = "$root/doc/examples";

# node-pg installs beside Debian's own node alone, so it is unpacked.
my $python = $ENV{PYTHON} // 'python3';
my $node_js = $ENV{NODE} // 'node';
my $lacking = '';
for my $package (qw(node-pg node-split2))
{
	my $folder = `'$root/test/history/package' $package`;
	$lacking = "no package $package" if $? != 0;
	chomp $folder;
	$ENV{NODE_PATH} = join(':', $ENV{NODE_PATH} // (), "$folder/usr/share/nodejs");
}
$lacking ||= "$node_js does not run pg" if system("$node_js -e 'require(\"pg\")' >/dev/null 2>&1");
$lacking ||= "$python has no psycopg_pool (Debian: python3-psycopg-pool)"
  if system("$python -c 'import psycopg_pool' 2>/dev/null");
plan skip_all => lacking($lacking) if $lacking;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "compat_guard.lease_grace = '4s'\ncompat_guard.rollback_versions = 0\nlog_line_prefix = '%m [%p] user=%u '\n");
$node->start;

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

# A migration as a pipeline runs it: what stands on stderr.
sub migrate
{
	my ($migration) = @_;
	my ($out, $err) = run_command([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1',
			'-d', $node->connstr('postgres'), '-f', "$examples/migrations/$migration.sql" ]);

	return $err;
}

# What the journal has to say of it all: verdict, and what was found about which version.
my @journal;

sub passes
{
	my ($migration, @entry) = @_;

	unlike(migrate($migration), qr/ERROR/, "$migration passes");
	push @journal, @entry;
}

sub is_blocked
{
	my ($migration, $version, $when, @more) = @_;

	like(migrate($migration), qr/ERROR:  schema change would break customers $version: /,
		"$migration is blocked $when");
	push @journal, join('; ', "blocked: $version query-broken", @more);
}

#
# The instances.
#
my %instances;
my %command = (py => [ $python, "$examples/customers.py" ], js => [ $node_js, "$examples/customers.js" ]);

sub start
{
	my ($version) = @_;

	foreach my $language (sort keys %command)
	{
		my %instance = (stdout => '', stderr => '');
		local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'postgres',
			PGUSER => 'customers_app', INSTANCE => "$language $version", LEASE_SECONDS => 12);

		$instance{run} = IPC::Run::start([ @{ $command{$language} }, $version ],
			'>', \$instance{stdout}, '2>', \$instance{stderr},
			IPC::Run::timeout(2 * $PostgreSQL::Test::Utils::timeout_default));
		$instances{"$language $version"} = \%instance;
	}
}

# Nobody outlives a test that dies.
END
{
	local $?;
	$_->{run}->kill_kill foreach values %instances;
}

# In good order: it says how it was.
sub terminate
{
	my ($name) = @_;
	my $instance = delete $instances{$name};

	$instance->{run}->signal('TERM');
	$instance->{run}->finish;
	is($instance->{run}->full_result(0), 0, "$name ends");
	my $report = eval { decode_json($instance->{stdout}) } // {};
	is($report->{errors}, 0, "$name: no errors") or diag $instance->{stdout}, $instance->{stderr};
	cmp_ok($report->{requests}, '>', 0, "$name: served");
	note $instance->{stdout};
}

sub kill_9
{
	my ($name) = @_;
	my $instance = delete $instances{$name};

	$instance->{run}->signal('KILL');
	$instance->{run}->finish;
	is($instance->{run}->full_result(0) & 127, 9, "$name is killed");
	unlike($instance->{stderr}, qr/error/, "$name: no errors until then");
}

# Each of them, and nobody else, has its rows: from now on.
sub all_serve
{
	my ($when, @names) = @_;
	my $last = value('SELECT coalesce(max(id), 0) FROM customers');
	my $serving = "SELECT string_agg(DISTINCT name, ', ' ORDER BY name) FROM customers WHERE id > $last";
	my $expected = join ', ', sort @names;

	$node->poll_query_until('postgres', $serving, $expected);
	is(value($serving), $expected, "served $when");
}

my $versions = q{SELECT string_agg(concat_ws(' ', version, status, CASE WHEN live THEN 'live' END), ', ' ORDER BY version)
	FROM compat_guard.versions};
my $running = q{SELECT string_agg(DISTINCT version || ' ' || type || coalesce(' ' || instance, ''), ', '
	ORDER BY version || ' ' || type || coalesce(' ' || instance, '')) FROM compat_guard.instances WHERE running};

sub becomes
{
	my ($query, $expected, $name) = @_;

	ok($node->poll_query_until('postgres', $query, $expected), $name) or diag value($query);
}

# Both instances of a version registered and asleep until the migration.
sub waits
{
	my ($version) = @_;

	becomes(qq{SELECT count(*) FROM pg_stat_activity
		WHERE usename = 'customers_app' AND wait_event = 'Extension'}, 2, "version $version waits");
	is(value("SELECT count(*) FROM customers WHERE name LIKE '% $version'"), 0, 'and does not serve');
}

#
# Version 1.
#
value('CREATE EXTENSION compat_guard');
passes('1');
start(1);
all_serve('by version 1', 'js 1', 'py 1');
is(value($running), '1 lease js 1, 1 session', 'each in its own way');
is_blocked('2-contract', 1, 'while version 1 runs');

#
# Version 2 comes before its migration.
#
start(2);
waits(2);
is(value($versions), '1 ready live, 2 pending live', 'version 2 is pending');
is_blocked('2-contract', 1, 'while version 2 waits');
all_serve('while version 2 waits', 'js 1', 'py 1');

passes('2-expand', 'allowed');
all_serve('by both versions', 'js 1', 'py 1', 'js 2', 'py 2');
is(value($versions), '1 ready live, 2 ready live', 'version 2 is ready');
is_blocked('2-contract', 1, 'while both versions run');

# Version 1 goes.
terminate('py 1');
becomes($running, '1 lease js 1, 2 lease js 2, 2 session', 'its sessions are gone');
is_blocked('2-contract', 1, 'while an instance has its lease');

kill_9('js 1');
cmp_ok(value(q{SELECT count(*) FROM compat_guard.preview('ALTER TABLE customers DROP COLUMN fax') WHERE version = '1'}),
	'>', 0, 'its lease outlives it');
# The rest of it need not be waited for.
value(q{SELECT compat_guard.heartbeat('customers', '1', 'js 1', '1 second')});
becomes($running, '2 lease js 2, 2 session', 'and runs out');
becomes(q{SELECT live FROM compat_guard.versions WHERE version = '1'}, 'f', 'and then its grace');
passes('2-contract', 'allowed');
is(value($versions), '1 skipped, 2 ready live', 'version 1 was skipped');
all_serve('by version 2 alone', 'js 2', 'py 2');

#
# Version 3 calls a column by another name.
#
start(3);
waits(3);
is(value($versions), '1 skipped, 2 ready live, 3 pending live', 'version 3 is pending');
# The trigger was not there when version 2 was written.
passes('3-expand', 'warned: 2 trigger-added');
all_serve('by both versions', 'js 2', 'py 2', 'js 3', 'py 3');
is(value($versions), '1 skipped, 2 ready live, 3 ready live', 'version 3 is ready');
is(value('SELECT count(*) FROM customers WHERE phone IS DISTINCT FROM phone_number'), 0, 'both names have every value');
# Version 3 has not been without the trigger either.
is_blocked('3-contract', 2, 'while version 2 runs', '3 trigger-disabled');

# Version 2 goes.
terminate('js 2');
becomes($running, '2 session, 3 lease js 3, 3 session', 'it has left');
is_blocked('3-contract', 2, 'while an instance has sessions', '3 trigger-disabled');
kill_9('py 2');
becomes($running, '3 lease js 3, 3 session', 'the server sees that it is gone');
passes('3-contract', 'warned: 3 trigger-disabled');
all_serve('by version 3 alone', 'js 3', 'py 3');
is(value($versions), '1 skipped, 2 skipped, 3 ready live', 'version 2 was skipped');

# Nobody is left, and nothing is forgotten.
terminate('py 3');
terminate('js 3');
becomes($running, '', 'nobody is left');
is(value('SELECT count(*) FROM customers WHERE phone_number IS NULL AND name LIKE \'% 3\''), 0, 'nothing was lost');
# The one that was killed is told in vain.
is(join("\n", grep { !/connection to client lost/ } slurp_file($node->logfile) =~ /user=customers_app (?:ERROR|FATAL|PANIC).*/g),
	'', 'no client was sent an error');

becomes('SELECT count(*) FROM compat_guard.journal', scalar @journal, 'each attempt is in the journal');
is( value(q{
		SELECT string_agg(verdict || coalesce(': ' || (
			SELECT string_agg(DISTINCT concat_ws(' ', f->>'version', f->>'rule'), '; ')
			FROM jsonb_array_elements(findings) AS f), ''), E'\n' ORDER BY at)
		FROM compat_guard.journal}),
	join("\n", @journal), 'with its verdict');

$node->stop;
done_testing();
