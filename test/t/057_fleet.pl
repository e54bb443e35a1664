# Many databases: a migration that is asked for everywhere first (doc/examples/fleet), and
# two databases kept in step by logical replication while their schema changes.

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $fleet = abs_path(dirname(__FILE__) . '/../../doc/examples/fleet');
my $dir = PostgreSQL::Test::Utils::tempdir();
my $node = PostgreSQL::Test::Cluster->new('publisher');
$node->init(allows_streaming => 'logical');
$node->start;
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init(allows_streaming => 'logical');
$subscriber->start;

# Run the script; return its exit code and what it printed.
sub fleet
{
	my ($sql, $databases, @options) = @_;

	open my $file, '>', "$dir/migration.sql" or die;
	print $file "$sql\n";
	close $file;
	open $file, '>', "$dir/databases" or die;
	print $file "# the fleet\n", map { "$_\n" } @$databases;
	close $file;
	my $output = `'$fleet' @options '$dir/migration.sql' '$dir/databases' 2>&1`;
	return ($? >> 8, $output);
}

# Tenants: one registry each.
my @tenants = map { "tenant_$_" } 1 .. 3;
my @strings = map { $node->connstr($_) } @tenants;

sub columns
{
	return join '; ', map { $node->safe_psql($_, q{SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = 'users'::regclass AND attnum > 0 AND NOT attisdropped}) } @tenants;
}
foreach my $tenant (@tenants)
{
	$node->safe_psql('postgres', "CREATE DATABASE $tenant");
	$node->safe_psql($tenant, q{
		CREATE EXTENSION compat_guard;
		CREATE TABLE users (id int, email text);
		SELECT compat_guard.register_queries('app', '2', '{SELECT id FROM users}')});
}
# One is behind: an older version still runs there.
$node->safe_psql('tenant_2', q{SELECT compat_guard.register_queries('app', '1', '{SELECT email FROM users}')});

my ($status, $output) = fleet('ALTER TABLE users DROP COLUMN email;', \@strings);
is($status, 1, 'what one tenant blocks');
like($output, qr/tenant_2'?\n  block: app 1 .*query-broken\)\n.*nothing was changed/s, 'is named');
is(columns(), 'id email; id email; id email', 'and runs nowhere');

($status, $output) = fleet('ALTER TABLE users ADD COLUMN phone text; ALTER TABLE nothing ADD COLUMN a int;', \@strings);
is($status, 1, 'a script that fails');
like($output, qr/block: .*"nothing" does not exist \(statement-failed\)/, 'is told');
is(columns(), 'id email; id email; id email', 'and runs nowhere, either');

($status, $output) = fleet('SELECT 1', [ @strings, 'host=/nonexistent' ]);
is($status, 1, 'a database that does not answer');
like($output, qr/it could not be asked\nnothing was changed/, 'stops it, too');

$node->safe_psql('tenant_2', q{SELECT compat_guard.retire('app', '1')});
($status, $output) = fleet('ALTER TABLE users DROP COLUMN email;', \@strings);
is($status, 0, 'what no tenant blocks') or diag $output;
is(columns(), 'id; id; id', 'runs everywhere');

($status, $output) = fleet('CREATE INDEX CONCURRENTLY users_id ON users (id);', \@strings, '-n');
is($status, 0, 'a statement that no transaction can have') or diag $output;
like($output, qr/not-previewed/, 'is told not to be tried');

# What preview() could not know: it fails in the second database when it is run.
$node->safe_psql('tenant_2', 'INSERT INTO users VALUES (1), (1)');
($status, $output) = fleet('CREATE UNIQUE INDEX CONCURRENTLY users_unique ON users ((id));', \@strings, '-n');
is($status, 2, 'what fails in the second database');
like($output, qr/still to be changed:\n.*tenant_2.*\n.*tenant_3/, 'leaves the others to be done');

# Two databases in step by logical replication, one registry each.
foreach my $each ($node, $subscriber)
{
	$each->safe_psql('postgres', q{
		CREATE EXTENSION compat_guard;
		CREATE TABLE users (id int PRIMARY KEY, email text);
		SELECT compat_guard.register_queries('app', '1', '{SELECT email FROM users}')});
}
$node->safe_psql('postgres', 'CREATE PUBLICATION users FOR TABLE users');
my $connection = $node->connstr('postgres') =~ s/'/''/gr;
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION users CONNECTION '$connection' PUBLICATION users");
$subscriber->wait_for_subscription_sync($node, 'users');
my ($publishing, $subscribing) = map { $_->connstr('postgres') } $node, $subscriber;

($status, $output) = fleet('ALTER TABLE users ADD COLUMN mail text;', [ $subscribing, $publishing ]);
is($status, 0, 'expand: the subscriber first') or diag $output;
$node->safe_psql('postgres', q{INSERT INTO users VALUES (1, 'old', 'new')});
$node->wait_for_catchup('users');
is($subscriber->safe_psql('postgres', 'SELECT * FROM users'), '1|old|new', 'the new column is replicated');

# An instance of the old version is registered with the subscriber alone.
$node->safe_psql('postgres', q{SELECT compat_guard.retire('app', '1')});
($status, $output) = fleet('ALTER TABLE users DROP COLUMN email;', [ $publishing, $subscribing ]);
is($status, 1, 'contract: blocked by who reads from the subscriber');
is($node->safe_psql('postgres', 'SELECT email FROM users'), 'old', 'and not done on the publisher');
$subscriber->safe_psql('postgres', q{SELECT compat_guard.retire('app', '1')});
($status, $output) = fleet('ALTER TABLE users DROP COLUMN email;', [ $publishing, $subscribing ]);
is($status, 0, 'contract: the publisher first') or diag $output;
$node->safe_psql('postgres', q{INSERT INTO users VALUES (2, 'newer')});
$node->wait_for_catchup('users');
is($subscriber->safe_psql('postgres', 'SELECT * FROM users ORDER BY id'), "1|new\n2|newer", 'and replication goes on');

$subscriber->stop;
$node->stop;
done_testing();
