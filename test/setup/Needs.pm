# What a test needs beside the server, and may not find.

package Needs;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(lacking);

# Returns the reason to skip a test. Dies instead where everything has to be there
# (REQUIRE_ALL, as `make test` sets it), except for modules that no package brings to
# this server (SERVER_LACKS, as test/setup/sandbox sets it).
sub lacking
{
	my ($reason) = @_;

	die "not skipped, for REQUIRE_ALL is set: $reason\n"
	  if $ENV{REQUIRE_ALL} && !grep { $reason =~ /\b\Q$_\E\b/ } split ' ', $ENV{SERVER_LACKS} // '';
	return $reason;
}

1;
