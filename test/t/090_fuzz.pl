# A short run of the fuzzer, test/fuzz: the same changes each time, under contracts that
# the guard is known to judge rightly; and contract documents that nobody would write.

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $fuzz = abs_path(dirname(__FILE__) . '/../fuzz');
my $python = $ENV{PYTHON} // 'python3';

my %nodes;
foreach my $name ('guarded', 'twin')
{
	my $node = $nodes{$name} = PostgreSQL::Test::Cluster->new($name);
	$node->init(extra => [ '--encoding=UTF8', '--locale=C', '--username=postgres' ]);
	$node->append_conf('postgresql.conf', join("\n",
			'autovacuum = off', 'log_statement = none', 'jit = off', 'max_prepared_transactions = 10'));
	$node->start;
}

local $ENV{PYTHONDONTWRITEBYTECODE} = 1;
local $ENV{PGUSER} = 'postgres';
local $ENV{PGHOST} = $nodes{guarded}->host;
local $ENV{PGPORT} = $nodes{guarded}->port;
local $ENV{TWIN} = $nodes{twin}->host . ':' . $nodes{twin}->port;

my $output = `'$python' '$fuzz/fuzz.py' --short --seed 1 --n 300 --out '$PostgreSQL::Test::Utils::tmp_check/fuzz' 2>&1`;
is($?, 0, 'random changes') or diag $output;
my ($breaks) = $output =~ /^breaks +(\d+)$/m;
cmp_ok($breaks // 0, '>=', 30, 'many of them break something');

$output = `'$python' '$fuzz/json_fuzz.py' --compare 0 --seed 1 --n 20000 2>&1`;
is($?, 0, 'contract documents') or diag $output;

$_->stop foreach values %nodes;
done_testing();
