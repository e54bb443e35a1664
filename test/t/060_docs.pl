# What the documentation says is so: its examples print what it shows, and its
# tables name every error, setting, rule, function and view there is.

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Find;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = abs_path(dirname(__FILE__) . '/../..');
my $node = PostgreSQL::Test::Cluster->new('main');

# The superuser that the documentation speaks of, whoever runs this.
local $ENV{PGUSER} = 'postgres';
$node->init(extra => [ '--encoding=UTF8', '--locale=C', '--username=postgres' ]);
$node->append_conf('postgresql.conf', "max_prepared_transactions = 10\nlog_statement = none\ntimezone = 'UTC'\n");
$node->start;

local $ENV{PGHOST} = $node->host;
local $ENV{PGPORT} = $node->port;

foreach my $file (map { s/^\Q$root\E\///r } "$root/README.md", sort glob "$root/doc/*.md")
{
	my $output = `cd '$root' && perl test/docs/examples '$file' 2>&1`;
	is($?, 0, "the examples of $file") or diag $output;
}

#
# Nothing is left out.
#
$node->safe_psql('postgres', 'CREATE EXTENSION compat_guard');
my $readme = slurp_file("$root/README.md");
my $operations = slurp_file("$root/doc/operations.md");
my $rules = slurp_file("$root/doc/rules.md");

sub missing
{
	my ($text, @names) = @_;

	return join ' ', grep { $text !~ /\Q$_\E/ } @names;
}

sub names
{
	return split /\n/, $node->safe_psql('postgres', $_[0]);
}

my @codes = map { s/[^A-Z0-9]//gr }
  slurp_file("$root/src/base/errors.h") =~ /MAKE_SQLSTATE\(([^)]+)\)/g;
cmp_ok(scalar @codes, '>', 5, 'there are errors');
is(missing($operations, map { "`$_`" } @codes), '', 'each SQLSTATE is in operations.md');

is( missing($operations, map { "`$_`" } names(q(
		LOAD 'compat_guard';
		SELECT name FROM pg_settings WHERE name LIKE 'compat\_guard.%'))),
	'', 'each setting is in operations.md');

is(missing($rules, map { "### $_\n" } names('SELECT rule FROM compat_guard.rules')),
	'', 'each rule has its section in rules.md');
is( missing($rules, map { my ($rule, $action) = split /\|/; "| [`$rule`](#$rule) | $action |" } names(q(
		SELECT rule, default_action || CASE WHEN proven_action <> default_action
			THEN '; ' || proven_action || ' if proven' ELSE '' END
		FROM compat_guard.rules))),
	'', 'and its default');
is( join(' ', grep { $node->safe_psql('postgres', "SELECT count(*) FROM compat_guard.rules WHERE rule = '$_'") eq '0' }
		$rules =~ /^### (\S+)$/mg),
	'', 'rules.md has no others');

is( missing($readme, map { "`$_" } names(q(
		SELECT DISTINCT proname FROM pg_proc
		WHERE pronamespace = 'compat_guard'::regnamespace
			AND proname NOT IN ('verification', 'rule_table', 'load', 'captured_relation',
				'shown', 'shown_literal', 'shown_html', 'html_section', 'html_status', 'html_time', 'html_code', 'story_lines',
				'trust_table', 'dual_write', 'expansion_damage', 'live_versions', 'rollback_versions', 'lease_runs', 'require_version',
				'github_escape', 'markdown_escape', 'markdown_code', 'uri_escape', 'fingerprint_query', 'fingerprint_data_lost')))),
	'', 'each function is in the README');
is( missing($readme, map { "`$_`" } names(q(
		SELECT relname FROM pg_class
		WHERE relnamespace = 'compat_guard'::regnamespace AND relkind = 'v'))),
	'', 'each view is in the README');

#
# The files and functions of which it speaks are there.
#
my %source;
find(sub { $source{ $File::Find::name =~ s!^\Q$root\E/src/!!r } = slurp_file($_) if /\.[ch]$/ }, "$root/src");

# `base/guc.c` or `guc.c`; `property_*.c` are some.
sub no_such_files
{
	return join ' ', grep
	{
		my $end = quotemeta($_) =~ s/\\\*/[^\/]*/gr;
		!grep { m!(?:^|/)$end$! } keys %source
	} $_[0] =~ m!`(?:src/)?([a-z\d_/*]+\.[ch])`!g;
}

is(no_such_files(slurp_file("$root/$_")), '', "each file that $_ names is in src/")
  foreach qw(ARCHITECTURE.md CONTRIBUTING.md doc/internals.md);

# `guard/utility.c`: `guard_ProcessUtility()`, `classify()`: in that file.
my $functions = 0;
my @missing;
my $internals = slurp_file("$root/doc/internals.md");
while ($internals =~ m!`([\w/]+\.c)`:((?:,?\s+`\w+\(\)`)+)!g)
{
	my ($file, $list) = ($1, $2);
	my @names = $list =~ /\w+/g;

	$functions += @names;
	push @missing, map { "$file: $_" } grep { ($source{$file} // '') !~ /^$_\(/m } @names;
}
cmp_ok($functions, '>', 100, 'internals.md walks through functions');
is(join(', ', @missing), '', 'each is in the file that is named before it');

$node->stop;
done_testing();
