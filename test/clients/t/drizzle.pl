# clients/node, with Drizzle.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/..";

use Shop;
use Test::More;

start();
my $install = sub {
	my $dir = "$folder/node/drizzle-$_[0]";
	copy('schema.ts', "$dir/schema.ts", $_[0]);
	return $dir;
};
rolling_deployment('drizzle', $install, qw(tsx ../node_modules/compat-guard-drizzle/bin.js schema.ts ARGS));
done_testing();
