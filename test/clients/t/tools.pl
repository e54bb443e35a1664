# Migration tools, unchanged. A compatible migration passes, a breaking one is blocked, its
# user sees what doc/tools.md shows, and the tool can go on.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/..";

use PostgreSQL::Test::Utils;
use Shop;
use Test::More;

my $here = "$FindBin::RealBin/..";
my %doc = slurp_file("$here/../../doc/tools.md") =~ /^## (\S+)\n(.*?)(?=^## |\z)/msg;

# For each tool, with NUMBER and PREVIOUS for the numbers of a migration and of the one before it:
#	folder		of its migrations
#	file		name of a migration
#	first		in place of PREVIOUS in the first migration, with what is around it
#	migrate		the command that runs what is new
#	script		the shell command that prints the SQL of a migration, if there is one
#	together	it runs all that is new in one transaction
#	log			query for the migrations that the tool counts as done
#	lock		query for the locks that it keeps in a table, if it does
my %tools = (
	'Alembic' => {
		folder => 'migrations/versions',
		file => 'NUMBER_step.py',
		first => [ '"PREVIOUS"', 'None' ],
		migrate => [qw(alembic upgrade head)],
		script => 'alembic upgrade --sql PREVIOUS:NUMBER',
		log => 'SELECT version_num FROM alembic_version',
	},
	'Django' => {
		folder => 'shop/migrations',
		file => '000NUMBER_step.py',
		first => [ '("shop", "000PREVIOUS_step")', '' ],
		migrate => [qw(python manage.py migrate)],
		script => 'python manage.py sqlmigrate shop 000NUMBER',
		log => 'SELECT count(*) FROM django_migrations',
	},
	'knex' => {
		folder => 'migrations',
		file => 'NUMBER_step.js',
		migrate => [qw(knex migrate:latest)],
		together => 1,
		log => 'SELECT count(*) FROM knex_migrations',
		lock => 'SELECT * FROM knex_migrations_lock WHERE is_locked <> 0',
	},
	'node-pg-migrate' => {
		folder => 'migrations',
		file => 'NUMBER_step.js',
		migrate => [qw(node-pg-migrate up)],
		together => 1,
		script => q(node-pg-migrate up --dry-run | grep -vE '^(dry run$|#|> |Migrations complete)'),
		log => 'SELECT count(*) FROM pgmigrations',
	});

# Returns the texts for migration $number.
sub numbered
{
	my ($number, @texts) = @_;

	return map { s/NUMBER/$number/gr =~ s/PREVIOUS/$number - 1/ger } @texts;
}

# Puts migration $number of a tool, which is $step, in its place. Returns its path.
sub put
{
	my ($tool, $number, $step) = @_;
	my ($source) = glob "$tool->{source}/steps/$step.*";
	my $text = slurp_file($source);
	my ($file) = numbered($number, $tool->{file});
	my $path = "$tool->{dir}/$tool->{folder}/$file";

	$text =~ s/\Q$tool->{first}[0]\E/$tool->{first}[1]/ if $tool->{first} && $number == 1;
	append_to_file($path, numbered($number, $text));
	return $path;
}

# Runs what is new. Returns the exit code, and what the tool printed.
sub migrate
{
	my ($tool) = @_;

	return client($tool->{dir}, @{ $tool->{migrate} });
}

# Tests that $done migrations count as done, and that nothing is left behind that would be in
# the way of others.
sub clean
{
	my ($tool, $done, $when) = @_;

	is(sql($tool->{log}), $done, "$when: the tool's own table");
	is(sql($tool->{lock}), '', "$when: its lock") if $tool->{lock};
	is( sql(q(
			SELECT 'advisory lock' FROM pg_locks WHERE locktype = 'advisory'
			UNION ALL SELECT 'session ' || query FROM pg_stat_activity
			WHERE datname = 'shop' AND backend_type = 'client backend' AND pid <> pg_backend_pid()
			UNION ALL SELECT 'index ' || indexrelid::regclass FROM pg_index WHERE NOT indisvalid)),
		'', "$when: no lock, session or invalid index");
}

# A pattern for the output that a block of the documentation shows. Its lines "..." stand for
# lines left out.
sub shown
{
	my ($block) = @_;

	return join '', map { $_ eq "...\n" ? '(?:.*\n)*?' : quotemeta } $block =~ /^(.*\n)/mg;
}

my $noise = qr/compat_guard|warning|notice|VG\d/i;

# Goes through the migrations of a tool. $section is its section of the documentation.
sub check
{
	my ($tool, $section) = @_;
	my ($blocked) = $section =~ /^```text\n(.*?)^```/ms;
	my ($safe) = $section =~ /^```(?:python|js)\n(.*?)^```/ms;
	my ($code, $output);

	put($tool, 1, 'create');
	is((migrate($tool))[0], 0, 'the first migration');
	sql(q(SELECT compat_guard.register_queries('shop', 'v1', '{"SELECT id, email, fax FROM customers"}')));

	put($tool, 2, 'compatible');
	($code, $output) = migrate($tool);
	is($code, 0, 'a compatible migration passes');
	unlike($output, $noise, 'without noise');
	clean($tool, 2, 'after it');

	my $breaking = put($tool, 3, 'breaking');
	foreach my $attempt ('first', 'second')
	{
		($code, $output) = migrate($tool);
		isnt($code, 0, "a breaking migration, $attempt attempt: fails");
		$output =~ s/\Q$tool->{dir}\E/./g;
		like($output, qr/^@{[ shown($blocked) ]}/m, 'its user sees what is documented');
		clean($tool, 2, 'after it');
	}
	is(sql('SELECT count(fax) FROM customers'), 0, 'the column is there');
	unlink $breaking or die $!;

	put($tool, 3, 'corrected');
	($code, $output) = migrate($tool);
	is($code, 0, 'the corrected migration passes');
	unlike($output, $noise, 'without noise');
	clean($tool, 3, 'after it');

	my $concurrently = slurp_file(put($tool, 4, 'concurrently'));
	like($concurrently, qr/\Q$safe\E/, 'the documented spelling of an index built concurrently');
	is((migrate($tool))[0], 0, 'passes');
	clean($tool, 4, 'after it');
	is(sql(q(SELECT count(*) FROM pg_class WHERE relname = 'customers_phone')), 1, 'the index is there');

	# A good one and a breaking one at once.
	my $kept = $tool->{together} ? 4 : 5;
	put($tool, 5, 'corrected');
	$breaking = put($tool, 6, 'breaking');
	isnt((migrate($tool))[0], 0, 'a good migration and a breaking one fail');
	clean($tool, $kept, 'after it');
	unlink $breaking or die $!;
	is((migrate($tool))[0], 0, 'the good one alone passes');
	clean($tool, 5, 'after it');

	# A warning is seen by the pipeline and in the journal. The tool does not show it.
	sql(q(SELECT compat_guard.set_policy('query-broken', 'warn')));
	put($tool, 6, 'breaking');
	if ($tool->{script})
	{
		my $file = "$tool->{dir}/6.sql";
		my ($script) = numbered(6, $tool->{script});

		like($section, qr/\Q$script\E/, 'the documented command');
		($code, $output) = client($tool->{dir}, 'sh', '-c', $script);
		is($code, 0, 'prints the SQL of a migration');
		append_to_file($file, $output);
		($code, $output) = client($tool->{dir}, "$here/../../doc/examples/preview-migration", $file, 'github');
		is($code, 0, 'its preview');
		like($output, qr/^::warning file=.*title=query-broken::shop v1: query query 1: /m, 'shows the warning');
	}
	($code, $output) = migrate($tool);
	is($code, 0, 'a migration that warns passes');
	unlike($output, $noise, 'and the tool shows nothing of it');
	is(sql(q(SELECT count(*) FROM compat_guard.journal WHERE verdict = 'warned')), 1, 'but the journal does');
	clean($tool, 6, 'after it');
}

start();
is(join(' ', sort keys %doc), join(' ', sort keys %tools), 'each tool has its section in tools.md');
foreach my $name (sort keys %tools)
{
	my $tool = $tools{$name};
	my $dir = "$folder/tools-$name";

	$tool->{dir} = $dir;
	$tool->{source} = "$here/tools/" . lc $name;
	system("rm -rf '$dir' && mkdir -p '$dir/$tool->{folder}' && { [ ! -d '$tool->{source}/project' ] || cp -R '$tool->{source}/project/.' '$dir'; }") == 0
	  or die $dir;
	symlink "$folder/node/node_modules", "$dir/node_modules";
	fresh_database();
	subtest $name => sub { check($tool, $doc{$name}) };
}
done_testing();
