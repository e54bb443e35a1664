# A server with the database of the shop, and clients that run on it.

package Shop;

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Exporter qw(import);

our @EXPORT = qw($folder start fresh_database sql ddl client copy rolling_deployment);

# Where test/clients/provision put the clients.
our $folder = $ENV{CLIENTS} // BAIL_OUT('run it with test/clients/run');
our $shop = abs_path(dirname(__FILE__)) . '/shop';

my $node;

# Starts a server with an empty database. Clients find it by the environment; not all of
# them can use a Unix socket.
sub start
{
	$node = PostgreSQL::Test::Cluster->new('main');
	$node->init(extra => [ '--encoding=UTF8', '--locale=C', '--username=postgres' ]);
	$node->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'");
	$ENV{PGUSER} = 'postgres';
	$node->start;

	%ENV = (
		%ENV,
		PGHOST => '127.0.0.1',
		PGPORT => $node->port,
		PGDATABASE => 'shop',
		DATABASE_URL => 'postgres://postgres@127.0.0.1:' . $node->port . '/shop?sslmode=disable',
		PYTHONPATH => "$folder/python",
		PYTHONDONTWRITEBYTECODE => 1,
		PATH => "$folder/bin:$folder/python/bin:$folder/venv/bin:$folder/node/node_modules/.bin:$ENV{PATH}");
	fresh_database();
	return $node;
}

# Replaces the database of the shop by one that has the extension alone.
sub fresh_database
{
	$node->safe_psql('postgres', $_) foreach ('DROP DATABASE IF EXISTS shop', 'CREATE DATABASE shop');
	sql('CREATE EXTENSION compat_guard');
	return;
}

sub sql
{
	return $node->safe_psql('shop', $_[0]);
}

# Runs a schema change and returns the errors and warnings.
sub ddl
{
	my ($out, $err);

	$node->psql('shop', "SET client_min_messages = warning; $_[0]", stdout => \$out, stderr => \$err, on_error_stop => 1);
	return $err;
}

# Runs a program in a folder. Returns its exit code, and what it printed on both streams.
sub client
{
	my ($dir, @command) = @_;
	my $output = '';

	IPC::Run::run([ @command ], '<', \'', '>', \$output, '2>&1', init => sub { chdir $dir or die "$dir: $!" });
	note("@command: ", $? >> 8, "\n", $output);
	return ($? >> 8, $output);
}

# Copies files of the shop to a folder; those of version 2 have phone where version 1 has fax.
sub copy
{
	my ($what, $to, $version) = @_;

	system("rm -rf '$to' && mkdir -p '" . dirname($to) . "' && cp -R '$shop/$what' '$to'") == 0 or die "cp $what";
	if ($version eq 'v2')
	{
		system("grep -rl fax '$to' | xargs -r sed -i s/fax/phone/g") == 0 or die "sed $to";
	}
	return;
}

# What every generator has to do. $install->($version) puts a version of the application in
# place and returns the folder to run @command in, which takes the arguments of the generator.
sub rolling_deployment
{
	my ($name, $install, @command) = @_;
	my %dir = map { $_ => $install->($_) } qw(v1 v2);
	my $run = sub {
		my ($version, @args) = @_;
		return client($dir{$version}, (map { $_ eq 'ARGS' ? @args : $_ } @command));
	};
	my @v1 = qw(--app shop --app-version v1);
	my @v2 = qw(--app shop --app-version v2 --replaces v1);
	my ($code, $output);

	sql(slurp_file("$shop/type.sql"));

	# The document.
	($code, $output) = $run->('v1', 'contract');
	is($code, 0, 'contract: exit code');
	my $expected = "$shop/$name.json";
	if ($ENV{UPDATE})
	{
		open my $file, '>', "$ENV{UPDATE}/$name.json" or die $!;
		print $file $output;
	}
	is_deeply(decode_json($output), decode_json(slurp_file($expected)), "contract: is that of $name.json");
	($code, $output) = $run->('v1', 'contract', '--role', 'shop_rw', '--search-path', 'app, public');
	my $contract = decode_json($output);
	is("$contract->{role}; $contract->{search_path}", 'shop_rw; app, public', 'a role and a search path');

	# Misuse.
	($code, $output) = $run->('v1', 'check');
	is($code, 2, 'no version: exit code');
	like($output, qr/check needs --app and --app-version/, 'and the reason');
	($code, $output) = $run->('v1', 'register', @v1, '--role', 'nobody');
	is($code, 2, 'no such role: exit code');
	like($output, qr/contract is not valid: 1 problem.*role "nobody" does not exist/s, 'and the reason');
	unlike($output, qr/Traceback|^\s+at /m, 'without a trace');

	# A new version before and after its migration.
	($code, $output) = $run->('v1', 'check', @v1);
	is($code, 1, 'check before the migration: exit code');
	like($output, qr/\Ashop v1: not ready\n(- .*\n)*- .*customers/, 'and the reasons');
	is(sql('SELECT count(*) FROM compat_guard.versions'), 0, 'nothing is stored');
	($code, $output) = $run->('v1', 'register', @v1);
	is($code, 0, 'register before the migration: exit code');
	like($output, qr/^shop v1: pending, (\d+) requirements, [1-9]\d* unmet$/m, 'and the state');
	is(ddl(slurp_file("$shop/schema.sql")), '', 'the migration passes');
	($code, $output) = $run->('v1', 'check', @v1);
	is("$code $output", "0 shop v1: ready\n", 'check after it');
	($code, $output) = $run->('v1', 'register', @v1);
	like("$code $output", qr/^0 shop v1: ready, \d+ requirements, 0 unmet$/m, 'register after it');
	($code, $output) = $run->('v2', 'register', @v1);
	is($code, 2, 'the same version with other models: exit code');
	like($output, qr/version "v1" of app "shop" is registered with another contract/, 'and the reason');

	# The rolling deployment.
	my $broken = qr/ERROR:  schema change would break shop v1: /;
	like(ddl('ALTER TABLE customers DROP COLUMN fax'), $broken, 'a column that v1 uses cannot be dropped');
	like(ddl('ALTER TABLE customers ALTER COLUMN email TYPE text[] USING ARRAY[email]'), $broken, 'nor change its type');
	like(ddl('ALTER TABLE customers ADD COLUMN region text NOT NULL'), $broken, 'nor one be needed that v1 does not write');
	like(ddl('ALTER TYPE order_state RENAME VALUE \'paid\' TO \'settled\''), $broken, 'nor a label be renamed')
	  if $name ne 'django';
	($code, $output) = $run->('v2', 'check', @v2[0 .. 3]);
	is($code, 1, 'v2 is not ready');
	like($output, qr/phone/, 'and says why');
	is(ddl('ALTER TABLE customers ADD COLUMN phone text'), '', 'a column for v2 passes');
	($code, $output) = $run->('v2', 'check', @v2[0 .. 3]);
	is("$code $output", "0 shop v2: ready\n", 'v2 is ready');
	($code, $output) = $run->('v2', 'register', @v2);
	like("$code $output", qr/^0 shop v2: ready, /m, 'v2 registers');
	is(sql("SELECT replaces FROM compat_guard.versions WHERE version = 'v2'"), 'v1', 'and replaces v1');
	sql(q(SELECT compat_guard.retire('shop', 'v1')));
	is(ddl('ALTER TABLE customers DROP COLUMN fax'), '', 'without v1, its column can be dropped');
	like(ddl('ALTER TABLE customers DROP COLUMN phone'), qr/ERROR:  schema change would break shop v2: /, 'that of v2 cannot');
	return;
}

1;
