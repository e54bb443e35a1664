# The page of report(): its structure, whatever names the registry holds, in databases of
# several encodings.  test/look looks at it in a browser.

use strict;
use warnings FATAL => 'all';
use utf8;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $check = abs_path(dirname(__FILE__) . '/../look/check_page.py');
my $node = PostgreSQL::Test::Cluster->new('report');
$node->init;
$node->start;

sub is_good
{
	my ($database, $what, @texts) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . "/$database.html";

	# As the documentation says.
	run_log([ 'psql', '-XAtq', '-d', $node->connstr($database), '-o', $file, '-c', 'SELECT compat_guard.report()' ])
	  or BAIL_OUT('psql failed');
	utf8::encode($_) foreach @texts;
	my $output = `python3 '$check' '$file' @{[ map { quoted($_) } @texts ]} 2>&1`;
	is($output, "\n", $what);
	return $file;
}

sub quoted
{
	return "'" . ($_[0] =~ s/'/'\\''/gr) . "'";
}

# An empty registry.
$node->safe_psql('postgres', 'CREATE EXTENSION compat_guard');
is_good('postgres', 'a page about nothing');

# Everything that comes from others, as hostile as it can be.
my $evil = q(</td></table><script>alert(1)</script><!--"'&amp;&#60;]]>);
(my $literal = $evil) =~ s/'/''/g;
my $role = '"' . ($evil =~ s/"/""/gr) . '"';
$node->safe_psql('postgres', qq{
	CREATE ROLE $role SUPERUSER;
	SET ROLE $role;
	SET application_name = '$literal';
	CREATE SCHEMA $role;
	CREATE TABLE $role.$role ($role int, other int);
	CREATE TABLE $role."two" (id int);
	CREATE INDEX ON $role.$role (other);
	SELECT compat_guard.register('$literal', '1 $literal', jsonb_build_object('relations',
		jsonb_build_object(quote_ident('$literal') || '.' || quote_ident('$literal'), jsonb_build_object('columns',
			jsonb_build_object('$literal', '{}'::jsonb)))));
	SELECT compat_guard.register('$literal', '2 $literal', jsonb_build_object('queries', jsonb_build_object('$literal',
		'SELECT \$\$$literal\$\$ FROM nowhere')));
	SELECT compat_guard.retire('$literal', '2 $literal', '$literal');
	SELECT compat_guard.reactivate('$literal', '2 $literal');
	SELECT compat_guard.register('other', '$literal', '{}', '$literal', '1 hour');
	SELECT compat_guard.retire('other', '$literal', '$literal');
	BEGIN;
	SELECT compat_guard.allow('$literal');
	ALTER TABLE $role.$role RENAME COLUMN $role TO more;
	COMMIT;
	SELECT compat_guard.set_policy('column-missing', 'warn', '$literal');
});
is_good('postgres', 'a page about hostile names', "$evil 1 $evil", $evil);

# The page says the same whatever the encodings of database and client are.
my $name = "Käse ☂ \x{1F600}";
foreach my $encoding (qw(UTF8 LATIN1 WIN1252 SQL_ASCII EUC_JP))
{
	my $database = lc $encoding;
	my $app = $encoding eq 'LATIN1' || $encoding eq 'WIN1252' ? 'Käse' : $encoding eq 'EUC_JP' ? '日本' : $name;
	my $sent = "SELECT compat_guard.register('$app', '1', '{}')";

	utf8::encode($sent);
	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
	my $set = $encoding eq 'SQL_ASCII' ? '' : "SET client_encoding = 'UTF8';";
	$node->safe_psql($database, "CREATE EXTENSION compat_guard; $set $sent");
	foreach my $client ($encoding, 'SQL_ASCII')
	{
		local $ENV{PGCLIENTENCODING} = $client;
		is_good($database, "in $encoding, for a client in $client", "$app 1");
	}
}
# Bytes that are no text in any encoding.
$node->safe_psql('sql_ascii', q{SELECT compat_guard.register(E'broken \xff\xc3', '1', '{}')});
is_good('sql_ascii', 'bytes that are no character', "broken \x{fffd}\x{fffd} 1");

$node->stop;
done_testing();
