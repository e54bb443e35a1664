# The guard works wherever the library is loaded from, and whatever other users
# of the same hooks are loaded before or after it; and they work as without it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../setup";

use Needs;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('load_order');
$node->init;
$node->start;

sub available
{
	my ($extension) = @_;
	return $node->safe_psql('postgres',
		"SELECT count(*) FROM pg_available_extensions WHERE name = '$extension'");
}

my @orders = (
	['shared_preload_libraries', 'compat_guard'],
	['session_preload_libraries', 'compat_guard'],
	['local_preload_libraries', '']);
foreach my $other (qw(pg_stat_statements pgaudit))
{
	if (!available($other))
	{
		diag lacking("without $other, which is not installed");
		next;
	}
	push @orders, ['shared_preload_libraries', "compat_guard,$other"],
	  ['shared_preload_libraries', "$other,compat_guard"],
	  ['shared_preload_libraries', $other];
}

foreach my $order (@orders)
{
	my ($setting, $libraries) = @$order;
	my $audits = $libraries =~ /pgaudit/;
	my $counts = $libraries =~ /pg_stat_statements/;
	my $name = $libraries eq '' ? 'loaded by the event trigger alone' : "$setting = $libraries";

	open my $conf, '>', $node->data_dir . '/load_order.conf' or die $!;
	print $conf "$setting = '$libraries'\n";
	print $conf "pgaudit.log = 'ddl'\n" if $audits;
	close $conf;
	$node->append_conf('postgresql.conf', "include_if_exists = 'load_order.conf'\n")
	  if $order == $orders[0];
	$node->restart;

	$node->safe_psql('postgres', 'CREATE DATABASE d');
	$node->safe_psql('d', "CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset()") if $counts;
	$node->safe_psql('d', "CREATE EXTENSION pgaudit") if $audits;
	$node->safe_psql('d', q{
		CREATE EXTENSION compat_guard;
		CREATE TABLE users (id int PRIMARY KEY, note text);
		CREATE TABLE other (id int);
		SELECT compat_guard.register_queries('app', '1', ARRAY[$$SELECT note FROM users WHERE id = 4711$$]);
	});
	my $log_start = -s $node->logfile;

	my ($status, $stdout, $stderr) =
	  $node->psql('d', 'ALTER TABLE users DROP COLUMN note');
	like($stderr, qr/break.*app 1/, "$name: a harmful change is refused");
	($status, $stdout, $stderr) = $node->psql('d',
		q{DO $$BEGIN ALTER TABLE users DROP COLUMN note; EXCEPTION WHEN OTHERS THEN NULL; END$$});
	like($stderr, qr/break.*app 1/, "$name: in DO, too");
	($status, $stdout, $stderr) = $node->psql('d', q{
		ALTER TABLE users ADD COLUMN added int;
		CREATE INDEX CONCURRENTLY added_idx ON users (added);
		DROP INDEX CONCURRENTLY added_idx;
		DROP TABLE other;
		SELECT state FROM compat_guard.compatibility;});
	is("$stdout$stderr", 'met', "$name: a harmless one passes");

	if ($counts)
	{
		is($node->safe_psql('d', q{SELECT count(*) FROM pg_stat_statements
			WHERE query LIKE '%ALTER TABLE users ADD COLUMN added int%' AND query NOT LIKE '%pg_stat_statements%'}),
			1, "$name: statements are counted");
		is($node->safe_psql('d', q{SELECT count(*) FROM pg_stat_statements
			WHERE query LIKE '%SELECT note FROM users%' AND query NOT LIKE '%register%' AND query NOT LIKE '%pg_stat_statements%'}),
			0, "$name: those only verified are not");
	}
	if ($audits)
	{
		my $log = slurp_file($node->logfile, $log_start);
		like($log, qr/AUDIT: .*ALTER TABLE.*ADD COLUMN added/, "$name: statements are audited");
		unlike($log, qr/AUDIT: .*SELECT note FROM users/, "$name: those only verified are not");
	}
	$node->safe_psql('postgres', 'DROP DATABASE d');
}

$node->stop;
done_testing();
