# pg_upgrade takes registry and guard along. As in PostgreSQL's own test, oldinstall
# names the installation to upgrade from: a directory with bin/, another major version
# than the one under test, with this extension installed.

use strict;
use warnings;

use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'oldinstall names no installation to upgrade from' if !$ENV{oldinstall};

my $old = PostgreSQL::Test::Cluster->new('old', install_path => $ENV{oldinstall});
my $new = PostgreSQL::Test::Cluster->new('new');

# From 18 on initdb turns checksums on; both clusters have to agree.
$old->init(extra => ['--locale=C', '--encoding=UTF8', '--data-checksums']);
$new->init(extra => ['--locale=C', '--encoding=UTF8', '--data-checksums'], force_initdb => 1);
$old->start;

# Some builds put an option of their own on every column. If the newer server does
# not know it, no table at all can be upgraded, with or without us.
$old->safe_psql('postgres', 'CREATE TABLE plain (a int)');
my $option = $old->safe_psql('postgres',
	q{SELECT attoptions[1] FROM pg_attribute WHERE attrelid = 'plain'::regclass AND attnum = 1});
if ($option ne '')
{
	$new->start;
	my $refused = $new->psql('postgres', "CREATE TABLE plain (a int); ALTER TABLE plain ALTER a SET ($option); DROP TABLE plain");
	$new->safe_psql('postgres', 'DROP TABLE IF EXISTS plain');
	$new->stop;
	plan skip_all => "the old server gives every column the option $option, which the new one refuses" if $refused;
}

$old->safe_psql('postgres', q{
	CREATE ROLE app;
	CREATE EXTENSION compat_guard;
	CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL, note text);
	CREATE UNIQUE INDEX users_email_idx ON users (email);
	CREATE TABLE dropped (a int);
	GRANT SELECT, INSERT ON users TO app;
	GRANT SELECT ON dropped TO app;
	SELECT compat_guard.register('app', '1', '{"role": "app", "search_path": "public",
		"relations": {"users": {"columns": {"note": {}, "email": {"nullable": false}}, "insert": ["id", "email"], "unique": [["email"]]}},
		"queries": {"grouped": "SELECT email, count(*) FROM users GROUP BY id"}}');
	SELECT compat_guard.register('app', '2', '{"role": "app", "search_path": "public",
		"relations": {"users": {"columns": {"phone": {}}}}}');
	SELECT compat_guard.register('app', 'broken', '{"role": "app", "search_path": "public", "queries": {"q": "SELECT 1 FROM dropped"}}');
	SET compat_guard.mode = off;
	DROP TABLE dropped;
	SELECT compat_guard.set_policy('index-missing', 'block');
});
my @views = (
	'SELECT * FROM compat_guard.versions ORDER BY 1, 2',
	'SELECT * FROM compat_guard.requirements ORDER BY 1, 2, 4',
	'SELECT * FROM compat_guard.dependencies ORDER BY 1, 2, 3, 4, 5, 6, 7',
	'SELECT rule, action FROM compat_guard.rules ORDER BY 1');
my @before = map { $old->safe_psql('postgres', $_) } @views;
$old->stop;

# pg_upgrade writes into the current directory.
chdir $new->basedir or die $!;
command_ok(
	[ 'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir,
		'-b', $old->config_data('--bindir'), '-B', $new->config_data('--bindir'),
		'-s', $new->host, '-p', $old->port, '-P', $new->port ],
	'pg_upgrade');
$new->start;

sub verdict
{
	my ($sql) = @_;

	my ($status, $stdout, $stderr) = $new->psql('postgres', "\\set VERBOSITY sqlstate\n$sql", on_error_stop => 0);
	$stderr =~ s/^psql:<stdin>:\d+: //mg;
	return $stderr;
}

is(verdict('DROP INDEX CONCURRENTLY users_email_idx;'), 'ERROR:  VG001', 'guarded from the first statement on');
foreach my $i (0 .. $#views)
{
	is($new->safe_psql('postgres', $views[$i]), $before[$i], $views[$i]);
}
is($new->safe_psql('postgres', q{SELECT string_agg(version || ' ' || state, ', ' ORDER BY version) FROM compat_guard.compatibility}),
	'1 met, 2 unmet, broken unmet', 'the schema is as it was');
is(verdict('ALTER TABLE users DROP COLUMN note;'), 'ERROR:  VG001', 'a column');
is(verdict('ALTER TABLE users DROP CONSTRAINT users_pkey;'), 'ERROR:  VG001', 'a key');
is(verdict('ALTER TABLE users ALTER email DROP NOT NULL;'), 'ERROR:  VG001', 'a constraint');
is(verdict('ALTER TABLE users ADD COLUMN phone text;'), '', 'a harmless change');
is($new->safe_psql('postgres', q{SELECT string_agg(version || ' ' || status, ', ' ORDER BY version) FROM compat_guard.versions}),
	'1 ready, 2 ready, broken broken', 'what came is seen, what was broken is remembered');
is(verdict(q{SELECT compat_guard.register('app', '3', '{"role": "app"}');}), '', 'a new registration');

$new->stop;
done_testing();
