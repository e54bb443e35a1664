# clients/go, with sqlc and pgx.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/..";

use Shop;
use Test::More;

start();
my $install = sub {
	my $dir = "$folder/sqlc-$_[0]";
	copy('sqlc', $dir, $_[0]);
	copy($_, "$dir/$_", $_[0]) foreach qw(type.sql schema.sql);
	my ($code, $output) = client($dir, qw(sqlc generate));
	is("$code $output", '0 ', "sqlc generates $_[0]");
	return $dir;
};

# Go's flags stand before the file.
rolling_deployment('sqlc', $install, qw(sh -c), 'compat-guard-sqlc "$@" contract.json', 'sh', 'ARGS');
done_testing();
