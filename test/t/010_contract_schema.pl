# The published JSON Schema and the parser say the same about a contract: on
# documents written for the purpose, and on thousands made from the good ones
# by spoiling one place.  The validator is a standard one, python3-jsonschema.

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
my $documents = "$root/test/contract";
my $python = $ENV{PYTHON} // 'python3';

plan skip_all => lacking("$python has no jsonschema 4 (Debian: python3-jsonschema)")
  if system("$python -c 'from jsonschema import Draft202012Validator' 2>/dev/null");

# What only a server can know, in documents that the schema accepts.
my $for_the_server = qr/does\ not\ exist
	|\ is\ not\ a\ type\ name
	|syntax\ error
	|\ is\ named\ more\ than\ once/x;

my $node = PostgreSQL::Test::Cluster->new('main');
# UTF8, for the documents have letters beyond ASCII.
$node->init(extra => [ "--encoding=UTF8", "--locale=C" ]);
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION compat_guard;
	CREATE ROLE regress_app;
	CREATE TYPE public.regress_mood AS ENUM ('ok');
));

sub schema
{
	my ($mode, @files) = @_;

	my ($out, $err) = run_command(
		[ $python, "$documents/schema.py", "$root/doc/contract.schema.json", $mode, @files ]);
	is($err, '', "the validator runs: $mode");
	return map { [ split /\t/, $_, 2 ] } split /\n/, $out;
}

# Documents as [document, [[path, problem], ...]], in the order given.
sub validate
{
	my @texts = @_;

	my $file = PostgreSQL::Test::Utils::tempdir() . '/documents';
	append_to_file($file, join("\n", @texts));
	my $out = $node->safe_psql('postgres', qq(
		SELECT d.place, v.path, v.problem, jsonb_path_exists(d.text::jsonb, v.path::jsonpath)
		FROM string_to_table(pg_read_file('$file'), E'\\n') WITH ORDINALITY AS d (text, place),
			LATERAL compat_guard.validate(d.text::jsonb) v
		ORDER BY d.place, v.path));
	unlink $file;

	my @problems = map { [] } @texts;
	my $lost = 0;
	foreach my $line (split /\n/, $out)
	{
		my ($place, $path, $problem, $found) = split /\|/, $line;
		push @{ $problems[ $place - 1 ] }, [ $path, $problem ];
		$lost++ if $found ne 't';
	}
	is($lost, 0, 'each path leads to a place in its document');
	return @problems;
}

# On one line, for the server reads a document a line.
sub document
{
	my $text = slurp_file($_[0]);
	$text =~ s/\s*\n\s*/ /g;
	return $text;
}

#
# The documents in the tree.
#
my %expected;
foreach (split /\n/, slurp_file("$documents/problems.txt"))
{
	next if /^#/;
	my ($file, $path) = split /\t/;
	push @{ $expected{$file} }, $path;
}

my %verdicts = (good => 'accepted', bad => 'refused', 'bad-server' => 'accepted');
foreach my $kind (sort keys %verdicts)
{
	my @files = sort glob "$documents/$kind/*.json";
	my @by_schema = schema('verdict', @files);
	my @by_server = validate(map { document($_) } @files);

	cmp_ok(scalar @files, '>', 0, "there are documents in $kind");
	foreach my $i (0 .. $#files)
	{
		my $name = $files[$i] =~ s/^\Q$documents\E\///r;

		is($by_schema[$i][0], $verdicts{$kind}, "$name by the schema");
		is( join(' ', sort map { $_->[0] } @{ $by_server[$i] }),
			join(' ', sort @{ delete $expected{$name} // [] }),
			"$name by the server");
	}
}
is(join(' ', sort keys %expected), '', 'problems.txt lists no other documents');

#
# The examples in the manual, whose roles and types need not exist here.
#
my @examples = slurp_file("$root/doc/contract.md") =~ /^```json\n(.*?)^```$/msg;
my @files = map { PostgreSQL::Test::Utils::tempdir() . "/example_$_" } 0 .. $#examples;
append_to_file($files[$_], $examples[$_]) foreach 0 .. $#examples;
my @by_schema = schema('verdict', @files);
my @by_server = validate(map { document($_) } @files);

cmp_ok(scalar @examples, '>', 10, 'doc/contract.md has examples');
foreach my $i (0 .. $#examples)
{
	is($by_schema[$i][0], 'accepted', "by the schema: $examples[$i]");
	is( join("\n",
			grep { !/$for_the_server/ } map { "$_->[0]: $_->[1]" } @{ $by_server[$i] }),
		'',
		"by the server: $examples[$i]");
}

#
# Documents nobody thought of.
#
my @mutations = schema('mutate', glob "$documents/good/*.json");
my @problems = validate(map { $_->[1] } @mutations);
my %disputed = (accepted => [], refused => []);

cmp_ok(scalar @mutations, '>', 1000, 'there are mutations');
foreach my $i (0 .. $#mutations)
{
	my ($verdict, $text) = @{ $mutations[$i] };
	my @told = map { "$_->[0]: $_->[1]" } @{ $problems[$i] };

	push @{ $disputed{$verdict} }, "$text: " . join('; ', @told)
	  if $verdict eq 'accepted' ? grep { !/$for_the_server/ } @told : !@told;
}
foreach my $verdict (sort keys %disputed)
{
	is(join("\n", @{ $disputed{$verdict} }),
		'', "the server agrees where the schema says $verdict");
}

$node->stop;
done_testing();
