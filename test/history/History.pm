# Real histories: schemas, upgrade scripts and queries of applications that
# this project did not write, read from their Debian packages.
#
# A history (powerdns.pm, kea.pm, roundcube.pm beside this file) says
#
#   app       the name its versions register under
#   packages  what its files are read from
#   versions  the application versions, oldest first
#   base      the schema of the oldest version, as SQL
#   final     the schema as the package installs it today, as SQL
#   queries   what each version sends:
#             [name, first version, last version, SQL, parameter types]
#   relations what each version needs beside its queries, as the contract
#             writes it: [first version, last version, { relations }]
#   captured  queries of the newest version, read from the package's own code
#   probes    what a version really executes, with values, to see it work or
#             fail: [name, first version, last version, SQL]
#   hops      from one version to the next: the package's upgrade scripts,
#             and what is the truth about each
#
# A step of a hop is judged while the hop's old version is live:
#
#   script    its name in the package
#   sql       its text
#   single    true: psql -1, because the script has no transaction of its own
#   why       in words: what the old version would suffer, or why nothing
#   breaks    queries that no longer work as they did:
#             { name => SQLSTATE, 'parameter', 'result', 'grew', or a list }
#   suffers   probes whose outcome changes: { name => SQLSTATE or 'ok' }
#   findings  what the guard must say beside what follows from 'breaks':
#             "action rule requirement"
#   follows   requirements that fall with one of the findings, of which the
#             guard therefore says nothing more
#   by_statement  true: nothing breaks by the end, but something does on the way
#
# "breaks" and "suffers" are checked against a plain database without the
# extension. The verdicts of the guard are then checked against them: they are
# right because the application would really break, not because we say so.

package History;

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use JSON::PP ();

my $here = dirname(abs_path(__FILE__));

# History->load('kea'): the history of that name. Dies with "not to be had" in
# the message if a package cannot be got hold of.
sub load
{
	my ($class, $name) = @_;

	my $definition = do "$here/$name.pm";
	die "$name.pm: " . ($@ || $!) unless ref $definition;

	my $self = bless { %$definition, name => $name, folder => {} }, $class;
	$self->{folder}{$_} = _fetch($_) for @{ $self->{packages} };
	return $self;
}

sub _fetch
{
	my ($package) = @_;

	open(my $pipe, '-|', "$here/package", $package) or die "$here/package: $!";
	my $folder = <$pipe>;
	if (!close($pipe))
	{
		die "package $package is not to be had\n" if $? >> 8 == 3;
		die "$here/package $package failed\n";
	}
	chomp $folder;
	return $folder;
}

# The text of a file of a package.
sub file
{
	my ($self, $package, $path) = @_;

	my $file = "$self->{folder}{$package}$path";
	open(my $fh, '<:raw', $file) or die "$file: $!";
	local $/;
	return scalar <$fh>;
}

# The text of a file beside this module.
sub own_file
{
	my ($self, $path) = @_;

	open(my $fh, '<', "$here/$path") or die "$here/$path: $!";
	local $/;
	return scalar <$fh>;
}

# The strings of a binary that look like SQL.
sub sql_of_binary
{
	my ($self, $package, $path) = @_;

	my $binary = $self->file($package, $path);
	return $binary =~ /\0((?:select|insert into|update|delete from) [\x20-\x7e\t\n]+)(?=\0)/gi;
}

sub versions { my ($self) = @_; return @{ $self->{versions} }; }
sub hops     { my ($self) = @_; return @{ $self->{hops} }; }
sub newest   { my ($self) = @_; return $self->{versions}[-1]; }
sub oldest   { my ($self) = @_; return $self->{versions}[0]; }
sub base     { my ($self) = @_; return $self->{base}->($self); }
sub final    { my ($self) = @_; return $self->{final}->($self); }

sub _position
{
	my ($self, $version) = @_;

	my @versions = $self->versions;
	for my $i (0 .. $#versions)
	{
		return $i if $versions[$i] eq $version;
	}
	die "$self->{name}: no version $version";
}

# Was $version one of those from $first to $last?
sub _within
{
	my ($self, $version, $first, $last) = @_;

	my $at = $self->_position($version);
	return $at >= $self->_position($first) && $at <= $self->_position($last);
}

# What a version sends: a list of { name, sql, params }.
sub queries
{
	my ($self, $version) = @_;

	my @queries;
	for my $query (@{ $self->{queries} })
	{
		my ($name, $first, $last, $sql, $params) = @$query;
		next unless $self->_within($version, $first, $last);
		die "$self->{name} $version: $name twice" if grep { $_->{name} eq $name } @queries;
		$sql =~ s/\s+/ /g;
		$sql =~ s/^ | $//g;
		push @queries, { name => $name, sql => $sql, params => $params };
	}
	if ($version eq $self->newest && $self->{captured})
	{
		my %known = map { $_->{sql} => 1 } @queries;
		my $number = 0;
		for my $sql ($self->{captured}->($self))
		{
			$sql =~ s/\s+/ /g;
			$sql =~ s/^ | $//g;
			next if $known{$sql}++;
			push @queries, { name => sprintf('captured-%02d', ++$number), sql => $sql };
		}
	}
	return @queries;
}

sub probes
{
	my ($self, $version) = @_;

	return
	  map { { name => $_->[0], sql => $_->[3] } }
	  grep { $self->_within($version, $_->[1], $_->[2]) } @{ $self->{probes} || [] };
}

# The contract of a version, as JSON.
sub contract
{
	my ($self, $version) = @_;

	my %contract = (search_path => 'public');
	for my $query ($self->queries($version))
	{
		$contract{queries}{ $query->{name} } =
		  $query->{params}
		  ? { sql => $query->{sql}, params => $query->{params} }
		  : $query->{sql};
	}
	for my $part (@{ $self->{relations} })
	{
		my ($first, $last, $relations) = @$part;
		next unless $self->_within($version, $first, $last);
		$contract{relations}{$_} = $relations->{$_} for keys %$relations;
	}
	return JSON::PP->new->canonical->pretty->encode(\%contract);
}

# What the guard must find in a step: sorted "action rule requirement",
# each once.
sub findings
{
	my ($self, $step) = @_;

	my @findings = @{ $step->{findings} || [] };
	for my $query (keys %{ $step->{breaks} || {} })
	{
		my $how = $step->{breaks}{$query};
		for my $kind (ref $how ? @$how : $how)
		{
			push @findings,
			    $kind eq 'parameter' ? "block query-parameter query $query"
			  : $kind eq 'result'    ? "block query-result query $query"
			  : $kind eq 'grew'      ? "log query-result-grew query $query"
			  :                        "block query-broken query $query";
		}
	}
	my %unique = map { $_ => 1 } @findings;
	return sort keys %unique;
}

sub blocked
{
	my ($self, $step) = @_;

	return scalar grep { /^block / } $self->findings($step);
}

1;
