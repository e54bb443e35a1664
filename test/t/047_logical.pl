# A logical subscriber guards itself, with what it is told: the registry's tables
# that hold what was said can be published, what was found is found anew there.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $publisher = PostgreSQL::Test::Cluster->new('publisher');
$publisher->init(allows_streaming => 'logical');
$publisher->start;
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init(allows_streaming => 'logical');
$subscriber->start;

foreach my $node ($publisher, $subscriber)
{
	$node->safe_psql('postgres', q{
		CREATE EXTENSION compat_guard;
		CREATE ROLE app;
		CREATE TABLE t (a int, b int, c int);
		GRANT SELECT ON t TO app});
}
$publisher->safe_psql('postgres', q{
	SELECT compat_guard.register('app', '1', '{"role": "app", "search_path": "public", "relations": {"t": {"columns": {"a": {}}}}}');
	CREATE PUBLICATION registry FOR TABLE compat_guard.app, compat_guard.version, compat_guard.instance,
		compat_guard.requirement, compat_guard.baseline, compat_guard.version_requirement, compat_guard.policy});
my $connection = $publisher->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION registry CONNECTION '$connection' PUBLICATION registry");
$subscriber->wait_for_subscription_sync($publisher, 'registry');

sub drop_column
{
	my ($column) = @_;
	my ($status, $stdout, $stderr) = $subscriber->psql('postgres', "ALTER TABLE t DROP COLUMN $column");

	return $stderr;
}

is($subscriber->safe_psql('postgres', q{SELECT compat_guard.ready('app', '1')}), 't', 'the subscriber answers');
like(drop_column('a'), qr/would break.*app 1/, 'and guards');

# What comes later is looked at when all is.
$publisher->safe_psql('postgres', q{
	SELECT compat_guard.register('app', '2', '{"role": "app", "search_path": "public", "relations": {"t": {"columns": {"b": {}}}}}',
		instance => 'i', lease => '1 h')});
$publisher->wait_for_catchup('registry');
is($subscriber->safe_psql('postgres', q{SELECT compat_guard.ready('app', '2')}), 't', 'a later version is answered at once');
$subscriber->safe_psql('postgres', 'TRUNCATE compat_guard.requirement_state, compat_guard.requirement_dependency');
like(drop_column('b'), qr/would break.*app 2/, 'and guarded, by its lease, when what was found is found anew');
like(drop_column('a'), qr/would break.*app 1/, 'as are all');
is(drop_column('c'), '', 'what nobody needs may go');

# The subscriber becomes the one that is written to.
$subscriber->safe_psql('postgres', q{
	DROP SUBSCRIPTION registry;
	SELECT setval('compat_guard.id_seq', greatest(
		(SELECT max(app_id) FROM compat_guard.app),
		(SELECT max(version_id) FROM compat_guard.version),
		(SELECT max(instance_id) FROM compat_guard.instance),
		(SELECT max(requirement_id) FROM compat_guard.requirement),
		(SELECT max(baseline_id) FROM compat_guard.baseline)));
	SELECT compat_guard.register('other', '1', '{"role": "app", "search_path": "public", "relations": {"t": {"columns": {"b": {}}}}}')});
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM compat_guard.versions'), 3, 'registers versions of its own');

$subscriber->stop;
$publisher->stop;
done_testing();
