# preview_report() for CI: SARIF is valid by the published schema, GitHub's annotations
# and Markdown take no harm from hostile names, and the recipe of the manual, which needs
# psql alone, ends with the status that it promises.

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use FindBin;
use lib "$FindBin::RealBin/../setup";

use Needs;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = abs_path(dirname(__FILE__) . '/../..');
my $python = $ENV{PYTHON} // 'python3';

plan skip_all => lacking("$python has no jsonschema (Debian: python3-jsonschema)")
  if system("$python -c 'from jsonschema import Draft4Validator' 2>/dev/null");

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION compat_guard;
	CREATE TABLE t (a int, b int, c int);
	SELECT compat_guard.register('shop', '1', '{"search_path": "public", "queries": {"a": "SELECT a FROM t", "b": "SELECT b FROM t"}}');
	SELECT compat_guard.register_queries(E'::error::@all | `x`\n::error::%0A', '<b>*_1_*</b>', '{SELECT c FROM t}');
});

my $dir = PostgreSQL::Test::Utils::tempdir();

sub migration
{
	my ($name, $text) = @_;

	append_to_file("$dir/$name", $text);
	return "$dir/$name";
}

# Run the recipe of the manual; return its status and its output.
sub preview
{
	my ($file, $format) = @_;

	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	local $ENV{PGDATABASE} = 'postgres';
	my ($stdout, $stderr);
	my $run = IPC::Run::run([ "$root/doc/examples/preview-migration", $file, $format // () ], '>', \$stdout, '2>', \$stderr);
	return ($? >> 8, $stdout, $stderr);
}

my $harmless = migration('harmless.sql', "ALTER TABLE t ADD d int;\n");
my $broken = migration("it's 100% ö, broken.sql", <<'SQL');
-- Ändert die Tabelle.
ALTER TABLE t DROP a;

/* and */ /* so on */  ALTER TABLE t DROP b; ALTER TABLE nowhere ADD x int;
SELECT compat_guard.allow('let it', rule => 'default-changed');
	VACUUM t;
ALTER TABLE t DROP c
SQL
my $allowed = migration('allowed.sql', "SELECT compat_guard.allow('it is time'); ALTER TABLE t DROP a;");
my $wrong = migration('wrong.sql', "ALTER TABLE t ADD d int;\nALTER TABEL t;\n");

# ---- the status ----

my ($status, $stdout, $stderr) = preview($harmless);
is("$status $stdout$stderr", "0 0 findings\n", 'nothing blocks');
($status, $stdout, $stderr) = preview($broken);
is($status, 3, 'something blocks');
like($stderr, qr/the migration would break what runs today/, 'and psql says so');
like($stdout, qr/^\Q$broken\E:2:1: block: shop 1: query a: .* \(query-broken\)$/m, 'with line and column');
like($stdout, qr/^\Q$broken\E:4:24: block: shop 1: query b: .* \(query-broken\)$/m, 'a comment before it does not count');
like($stdout, qr/^\Q$broken\E:4:46: block: relation "nowhere" does not exist \(statement-failed\)$/m, 'and what failed');
like($stdout, qr/^\Q$broken\E:6:2: log: VACUUM .* \(not-previewed\)$/m, 'and what was not previewed');
($status, $stdout, $stderr) = preview($allowed);
is($status, 0, 'what the script allows does not block');
like($stdout, qr/overridden: shop 1/, 'but is shown');
($status, $stdout, $stderr) = preview($wrong);
is($status, 3, 'the script is no SQL');
like($stderr, qr/syntax error at or near "TABEL".*LINE 2: ALTER TABEL t/s, 'and the place is that in the script');
is((preview("$dir/none.sql"))[0], 1, 'there is no such file');
my $superuser = $node->safe_psql('postgres', 'CREATE ROLE stranger LOGIN; SELECT current_user');
{
	local $ENV{PGUSER} = 'stranger';
	is((preview($harmless))[0], 3, 'the role may not preview');
	local $ENV{PGUSER} = $superuser;
	$node->safe_psql('postgres', q{SELECT compat_guard.entrust('stranger', 'pipeline'); GRANT CREATE ON SCHEMA public TO stranger; ALTER TABLE t OWNER TO stranger});
	foreach my $format (qw(text json sarif github markdown))
	{
		local $ENV{PGUSER} = 'stranger';
		is((preview($harmless, $format))[0], 0, "a pipeline may: $format");
	}
	$node->safe_psql('postgres', 'ALTER TABLE t OWNER TO CURRENT_USER');
}

# ---- SARIF ----

my @files;
foreach my $file ($harmless, $broken, $allowed)
{
	($status, $stdout) = preview($file, 'sarif');
	push @files, migration(scalar(@files) . '.sarif', $stdout);
}
is(scalar `$python '$root/test/report/validate.py' @files`, '', 'SARIF is valid');
is(scalar `jq -r '.runs[0].results[].locations[0].physicalLocation | "\\(.region.startLine) \\(.region.startColumn)"' $files[1]`,
	"4 46\n6 2\n7 1\n2 1\n4 24\n", 'with their places');
like(scalar `jq -r '.runs[0].results[0].locations[0].physicalLocation.artifactLocation.uri' $files[1]`,
	qr/it%27s%20100%25%20%C3%B6%2C%20broken\.sql$/, 'the file is a reference of a URI');
is(scalar `jq -c '[.runs[0].results[].suppressions]' $files[2]`, qq{[[{"kind":"inSource"}]]\n}, 'what is allowed is suppressed');
my $spoilt = migration('spoilt.sarif', slurp_file($files[1]) =~ s/"level": "error"/"level": "fatal"/r);
isnt(scalar `$python '$root/test/report/validate.py' $spoilt`, '', 'the validator finds what is wrong');

# ---- GitHub ----

($status, $stdout) = preview($broken, 'github');
my @lines = split /\n/, $stdout;
is(scalar(grep { !/^::(error|notice) file=[^:,]*,line=\d+,col=\d+,title=[a-z-]+::/ } @lines), 0, 'each line is one command')
  or diag $stdout;
is(scalar @lines, 5, 'one for each finding');

# ---- Markdown ----

($status, $stdout) = preview($broken, 'markdown');
unlike($stdout, qr/^::|<b>|@[a-z]/m, 'nothing hostile is left in Markdown');
is(scalar(grep { /^\|/ && (() = /(?<!\\)\|/g) != 5 } split /\n/, $stdout), 0, 'each row of the table has four cells') or diag $stdout;

$node->stop;
done_testing();
