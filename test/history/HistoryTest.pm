# Walks a history (History.pm) twice: through a plain database, to see what
# really breaks, and through a guarded one, to see whether the guard says so.

package HistoryTest;

use strict;
use warnings;

use Exporter qw(import);
use FindBin;
use JSON::PP ();
use lib "$FindBin::RealBin/../setup";

use Needs;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use History;

our @EXPORT = qw(history_or_skip walk_plain walk_guarded);

# The history of that name. Where its packages cannot be had the whole test is
# skipped.
sub history_or_skip
{
	my ($name) = @_;

	my $history = eval { History->load($name) };
	return $history if $history;
	die $@ if $@ !~ /is not to be had/;
	plan skip_all => lacking($@);
}

# ---------------------------------------------------------------------------
# Running SQL
# ---------------------------------------------------------------------------

sub value
{
	my ($node, $db, $sql) = @_;

	return $node->safe_psql($db, $sql);
}

sub rows_of
{
	my ($node, $db, $sql) = @_;

	my $json = $node->safe_psql($db, "SELECT coalesce(json_agg(r), '[]') FROM ($sql) r");
	return @{ JSON::PP::decode_json($json) };
}

# Runs a script as an upgrade tool would: psql, which stops at the first error.
# Returns the exit status (0, or 3 for an error in the script) and the messages.
sub run_script
{
	my ($node, $db, $step, $sql, %setting) = @_;

	local $ENV{PGOPTIONS} = join ' ', map { "-c $_=$setting{$_}" } sort keys %setting;
	my ($status, $stdout, $stderr) = $node->psql(
		$db, $sql,
		on_error_die => 0,
		extra_params => [
			'--set' => 'VERBOSITY=verbose',
			$step->{single} ? '--single-transaction' : ()
		]);
	return ($status, $stderr);
}

# All columns, constraints and indexes of schema public, as text.
sub schema_of
{
	my ($node, $db) = @_;

	return value(
		$node, $db, q{
		SELECT format('%s.%s %s%s%s', c.relname, a.attname,
				format_type(a.atttypid, a.atttypmod),
				CASE WHEN a.attnotnull THEN ' not null' END,
				' default ' || pg_get_expr(d.adbin, d.adrelid)) AS line
		  FROM pg_attribute a
		  JOIN pg_class c ON c.oid = a.attrelid
		  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
		 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
		   AND a.attnum > 0 AND NOT a.attisdropped
		UNION
		SELECT format('%s: %s', conrelid::regclass, pg_get_constraintdef(oid))
		  FROM pg_constraint
		 WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 AND contype <> 'n'
		UNION
		SELECT regexp_replace(pg_get_indexdef(indexrelid), ' INDEX \S+ ON', ' INDEX ON')
		  FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
		 WHERE relnamespace = 'public'::regnamespace
		ORDER BY 1});
}

# ---------------------------------------------------------------------------
# What is true: a plain database
# ---------------------------------------------------------------------------

# What the server makes of queries: name => { state, params, columns }, where
# state is 'ok' or the SQLSTATE, and columns a list of [name, type].
sub shapes
{
	my ($node, $db, @queries) = @_;

	my $sql = "CREATE TEMP TABLE shape (name text, state text, params text);\n";
	for my $query (@queries)
	{
		my $types = $query->{params} ? '(' . join(', ', @{ $query->{params} }) . ')' : '';
		$sql .= <<"SQL";
DO \$shape\$
BEGIN
	EXECUTE \$query\$PREPARE "$query->{name}" $types AS $query->{sql}\$query\$;
	INSERT INTO shape SELECT name, 'ok', parameter_types FROM pg_prepared_statements WHERE name = '$query->{name}';
EXCEPTION WHEN OTHERS THEN
	INSERT INTO shape VALUES ('$query->{name}', SQLSTATE);
END
\$shape\$;
SQL
	}
	my %shape = map { split(/\|/, $_, 3) > 1 ? _shape($_) : () }
	  split /\n/, value($node, $db, "$sql SELECT * FROM shape");

	# The columns: psql describes a statement without executing it.
	$sql = '';
	for my $query (grep { $shape{ $_->{name} }{state} eq 'ok' } @queries)
	{
		my ($described, $number) = ($query->{sql}, 0);
		for my $type (@{ $query->{params} || [] })
		{
			$number++;
			$described =~ s/\$$number\b/(\$$number)::$type/g;
		}
		$sql .= "\\echo == $query->{name}\n$described \\gdesc\n";
	}
	my $name;
	for my $line (split /\n/, value($node, $db, $sql))
	{
		if ($line =~ /^== (.*)/)
		{
			$name = $1;
		}
		elsif ($line =~ /^(.*)\|(.*)$/)
		{
			push @{ $shape{$name}{columns} }, [ $1, $2 ];
		}
	}
	return %shape;
}

sub _shape
{
	my ($name, $state, $params) = split /\|/, $_[0], 3;
	$params =~ s/^\{|\}$|"//g;
	return ($name => { state => $state, params => [ split /,/, $params ], columns => [] });
}

# Does a value of type $new come over the wire as one of type $old did, and
# does all that fitted the old one fit the new one?
sub widened
{
	my ($old, $new) = @_;

	return 1 if $old eq $new;
	my $text = qr/^(?:text|character varying(?:\((\d+)\))?)$/;
	return 0 unless $old =~ $text;
	my $before = $1;
	return 0 unless $new =~ $text;
	my $after = $1;
	return !defined $after || (defined $before && $before <= $after);
}

# How a query changed: a list as in a step's 'breaks', empty if it did not.
sub differences
{
	my ($before, $after) = @_;

	return () if $before->{state} ne 'ok';
	return $after->{state} if $after->{state} ne 'ok';

	my @differences;
	my ($p, $q) = ($before->{params}, $after->{params});
	push @differences, 'parameter'
	  if @$p != @$q || grep { !widened($p->[$_], $q->[$_]) } 0 .. $#$p;

	my ($c, $d) = ($before->{columns}, $after->{columns});
	push @differences,
	  @$c > @$d
	  || (grep { $c->[$_][0] ne $d->[$_][0] || !widened($c->[$_][1], $d->[$_][1]) } 0 .. $#$c) ? 'result'
	  : @$c < @$d ? 'grew'
	  :             ();
	return @differences;
}

# What becomes of statements that are really executed: name => SQLSTATE or 'ok'.
# They leave nothing behind.
sub outcomes
{
	my ($node, $db, @probes) = @_;

	return () unless @probes;
	my $sql = "CREATE TEMP TABLE outcome (name text, state text);\n";
	for my $probe (@probes)
	{
		$sql .= <<"SQL";
DO \$probe\$
BEGIN
	EXECUTE \$statement\$$probe->{sql}\$statement\$;
	RAISE SQLSTATE 'ZZ000';
EXCEPTION WHEN OTHERS THEN
	INSERT INTO outcome VALUES ('$probe->{name}', CASE SQLSTATE WHEN 'ZZ000' THEN 'ok' ELSE SQLSTATE END);
END
\$probe\$;
SQL
	}
	return map { split /\|/ } split /\n/, value($node, $db, "$sql SELECT * FROM outcome");
}

# Walks the history through a database without the extension, and holds what is
# written down about each step against what happens there.
sub walk_plain
{
	my ($history, $node) = @_;

	my $db = 'plain';
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, $history->base);
	$node->safe_psql($db, $history->{rows}) if $history->{rows};

	for my $hop ($history->hops)
	{
		my @queries = $history->queries($hop->{from});
		my @probes = $history->probes($hop->{from});
		my %shape = shapes($node, $db, @queries);
		my %outcome = outcomes($node, $db, @probes);

		is_deeply([ grep { $shape{$_}{state} ne 'ok' } sort keys %shape ],
			[], "$hop->{from}: all " . @queries . " queries work on the schema of that version");

		for my $step (@{ $hop->{steps} })
		{
			my $title = "plain: $hop->{from} during $step->{script}";
			my ($status, $messages) = run_script($node, $db, $step, $step->{sql}->($history));
			is($status, 0, "$title: the script runs") or diag $messages;

			my %after = shapes($node, $db, @queries);
			my %breaks;
			for my $name (keys %shape)
			{
				my @differences = differences($shape{$name}, $after{$name});
				$breaks{$name} = @differences > 1 ? \@differences : $differences[0] if @differences;
			}
			is_deeply(\%breaks, $step->{breaks} || {}, "$title: the queries that break")
			  or diag explain \%breaks;

			my %now = outcomes($node, $db, @probes);
			my %suffers = map { $_ => $now{$_} } grep { $now{$_} ne $outcome{$_} } keys %now;
			is_deeply(\%suffers, $step->{suffers} || {}, "$title: what executing them shows")
			  or diag explain \%suffers;
			my @said = $history->findings($step);
			ok(@said > 0, "$title: what fails now is not passed in silence")
			  if grep { $_ ne 'ok' } values %suffers;

			%shape = %after;
			%outcome = %now;
		}
	}

	my $newest = $history->newest;
	my %shape = shapes($node, $db, $history->queries($newest));
	is_deeply([ grep { $shape{$_}{state} ne 'ok' } sort keys %shape ],
		[], "$newest: all " . keys(%shape) . " queries, those read from the package among them, work at the end");

	$node->safe_psql('postgres', 'CREATE DATABASE final');
	$node->safe_psql('final', $history->final);
	my %difference;
	$difference{$_}-- for grep { !$history->{differs}{$_} } split /\n/, schema_of($node, $db);
	$difference{$_}++ for grep { !$history->{differs}{$_} } split /\n/, schema_of($node, 'final');
	is_deeply({ map { $_ => $difference{$_} } grep { $difference{$_} } keys %difference },
		{}, "the walk ends at the schema that the package installs");
	return;
}

# ---------------------------------------------------------------------------
# What the guard says
# ---------------------------------------------------------------------------

my $quote = '$history$';

# What preview finds: sorted "action rule requirement", each once.
sub previewed
{
	my ($node, $db, $sql) = @_;

	my %found = map { join(' ', map { $_ // '-' } @$_{qw(action rule requirement)}) => 1 }
	  rows_of($node, $db, "SELECT * FROM compat_guard.preview($quote$sql$quote)");
	return sort keys %found;
}

sub register
{
	my ($history, $node, $db, $version) = @_;

	my $contract = $history->contract($version);
	return $node->psql($db,
		"SELECT * FROM compat_guard.register('$history->{app}', '$version', $quote$contract$quote, require_ready => true)",
		extra_params => [ '--set' => 'VERBOSITY=verbose' ]);
}

# The requirements of a version that are not met: sorted, each once.
sub unmet
{
	my ($history, $node, $db, $version) = @_;

	# Not what is unknown: the bodies of triggers in PL/pgSQL.
	my %unmet = map { ("$_->{kind} $_->{object}" => 1) }
	  rows_of($node, $db, "SELECT * FROM compat_guard.unmet WHERE app = '$history->{app}' AND version = '$version' AND state = 'unmet'");
	return sort keys %unmet;
}

# Walks the history as a rolling deployment would, with the guard watching: the
# old version is live while the scripts run; it is retired, and the new one
# registered, when they are through.
#
# A script that is blocked is shown to pass once the old version is retired.
# It is then forced through in mode warn, so that the next script of the hop is
# still judged against a live version.
sub walk_guarded
{
	my ($history, $node) = @_;

	my $db = 'guarded';
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, 'CREATE EXTENSION compat_guard');
	$node->safe_psql($db, "ALTER DATABASE $db SET compat_guard.max_findings_shown = 100");

	# The histories are about the versions that are live; sql/rollback.sql is not.
	$node->safe_psql($db, "ALTER DATABASE $db SET compat_guard.rollback_versions = 0");
	$node->safe_psql($db, $history->base);
	$node->safe_psql($db, $history->{rows}) if $history->{rows};
	my %known = map { $_->{rule} => 1 } rows_of($node, $db, 'SELECT rule FROM compat_guard.rules');

	my ($status, $messages) = (register($history, $node, $db, $history->oldest))[ 0, 2 ];
	is($status, 0, "guarded: " . $history->oldest . " registers, and is ready") or diag $messages;

	for my $hop ($history->hops)
	{
		guarded_hop($history, $node, $db, $hop, \%known);
	}
	return;
}

sub guarded_hop
{
	my ($history, $node, $db, $hop, $known) = @_;

	my ($old, $new) = ($hop->{from}, $hop->{to});

	# The new version asks whether the schema is ready for it. It is not if one
	# of its queries does not work on it.
	my %shape = shapes($node, $db, $history->queries($new));
	if (grep { $_->{state} ne 'ok' } values %shape)
	{
		my ($status, $stdout, $messages) = register($history, $node, $db, $new);
		isnt($status, 0, "guarded: $new is refused before the schema is ready for it");
		is(value($node, $db, "SELECT count(*) FROM compat_guard.versions WHERE version = '$new'"),
			0, "guarded: nothing of $new is kept");
	}

	my %let_through;
	for my $step (@{ $hop->{steps} })
	{
		guarded_step($history, $node, $db, $old, $step, $known, \%let_through);
	}

	$node->safe_psql($db, "SELECT compat_guard.retire('$history->{app}', '$old')");
	my ($status, $stdout, $messages) = register($history, $node, $db, $new);
	is($status, 0, "guarded: $new registers, and is ready") or diag $messages;
	is_deeply([ unmet($history, $node, $db, $new) ], [], "guarded: all that $new needs is there");
	return;
}

sub guarded_step
{
	my ($history, $node, $db, $old, $step, $known, $let_through) = @_;

	my $title = "guarded: $old during $step->{script}";
	my $sql = $step->{sql}->($history);
	my $before = schema_of($node, $db);

	# Rules that this release does not have yet find nothing.
	my @expected = grep { $known->{ (split / /)[1] } } $history->findings($step);
	my @blocked = map { (split / /, $_, 3)[2] } grep { /^block / } @expected;

	my @found = previewed($node, $db, $sql);
	is_deeply(\@found, \@expected, "$title: the findings") or diag explain \@found;
	ok(schema_of($node, $db) eq $before, "$title: preview changes nothing");

	my ($status, $messages);
	if ($step->{by_statement})
	{
		($status, $messages) = run_script($node, $db, $step, $sql, 'compat_guard.verify' => 'statement');
		isnt($status, 0, "$title: would be blocked if each statement were judged by itself");
		ok(schema_of($node, $db) eq $before, "$title: and leaves nothing then");
	}

	($status, $messages) = run_script($node, $db, $step, $sql);
	if (@blocked)
	{
		isnt($status, 0, "$title: blocked");
		like($messages, qr/ERROR:  VG001: /, "$title: with the SQLSTATE of a blocked change");
		my @silent = grep { my ($kind, $object) = split / /, $_, 2; $messages !~ /\b$kind "?\Q$object\E(?!\w)/ } @blocked;
		is_deeply(\@silent, [], "$title: the message names each requirement") or diag $messages;
		ok(schema_of($node, $db) eq $before, "$title: nothing of the script is left")
		  if $step->{single} || $sql =~ /^\s*(?:BEGIN|START TRANSACTION)/mi;

		my $rows = value($node, $db,
			"BEGIN; SELECT FROM compat_guard.retire('$history->{app}', '$old');"
			  . " SELECT count(*) FROM compat_guard.preview($quote$sql$quote); ROLLBACK");
		is($rows =~ s/\s+//gr, 0, "$title: nothing is found once $old is retired");

		($status, $messages) = run_script($node, $db, $step, $sql, 'compat_guard.mode' => 'warn');
		is($status, 0, "$title: passes in mode warn") or diag $messages;
		like($messages, qr/WARNING:  VG001: /, "$title: with a warning instead");
		$let_through->{$_} = 'block' for @blocked, @{ $step->{follows} || [] };
	}
	else
	{
		is($status, 0, "$title: passes") or diag $messages;
	}
	if (grep { /^warn / } @expected)
	{
		like($messages, qr/WARNING:  VG/, "$title: with a warning");
	}
	elsif (!@blocked)
	{
		unlike($messages, qr/WARNING:  VG/, "$title: without a warning");
	}

	# What was only warned about need not be broken.
	for my $warned (map { (split / /, $_, 3)[2] } grep { /^warn / } @expected)
	{
		$let_through->{$warned} ||= 'warn';
	}
	my @lacking = grep { ($let_through->{$_} // '') ne 'warn' } unmet($history, $node, $db, $old);
	my @broken = sort grep { $let_through->{$_} eq 'block' } keys %$let_through;
	is_deeply(\@lacking, \@broken, "$title: what $old lacks now") or diag explain \@lacking;
	is( value($node, $db, "SELECT status FROM compat_guard.versions WHERE app = '$history->{app}' AND version = '$old'"),
		'broken', "$title: $old is known to be broken")
	  if @broken;
	return;
}

1;
