# clients/python, with Django.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/..";

use Shop;
use Test::More;

start();
my $install = sub {
	my $dir = "$folder/django-$_[0]";
	copy('django', $dir, $_[0]);
	return $dir;
};
rolling_deployment('django', $install,
	qw(python -m django compat_guard ARGS --settings settings --pythonpath . --read-only customer_totals));
done_testing();
