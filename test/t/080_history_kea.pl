# Kea's own upgrade scripts, judged against the queries of the versions that
# were live when they came. What is expected, and why: test/history/kea.pm.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../history";

use HistoryTest;
use PostgreSQL::Test::Cluster;
use Test::More;

my $history = history_or_skip('kea');
my $node = PostgreSQL::Test::Cluster->new('kea');
$node->init;
$node->start;

walk_plain($history, $node);
walk_guarded($history, $node);

$node->stop;
done_testing();
