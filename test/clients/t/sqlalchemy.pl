# clients/python, with SQLAlchemy.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/..";

use Shop;
use Test::More;

my $node = start();
my $install = sub {
	my $dir = "$folder/sqlalchemy-$_[0]";
	copy('models.py', "$dir/shop.py", $_[0]);
	return $dir;
};
rolling_deployment('sqlalchemy', $install,
	qw(compat-guard-sqlalchemy shop:Base ARGS --url), 'postgresql+psycopg://postgres@127.0.0.1:' . $node->port . '/shop');
done_testing();
