#!/bin/sh
# demo/history.sh: an application this project did not write, guarded through
# its own upgrades: PowerDNS 4.0 to 4.7, from Debian's pdns-backend-pgsql.
#
# Connects as psql does (PGHOST, PGPORT, PGUSER: a superuser) and makes the
# database compat_guard_powerdns. test/history/powerdns.pm says where schema,
# scripts and queries come from, and why each verdict is right.
#
# Exit status 1: a verdict is not the one shown here. 3: the package cannot be
# had (no network).

set -eu
exec 2>&1

top=$(cd "$(dirname "$0")/.." && pwd)
db=compat_guard_powerdns
export PGOPTIONS='-c client_min_messages=warning'

"$top/test/history/package" pdns-backend-pgsql >/dev/null || exit 3

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

history() { perl "$top/test/history/show" powerdns "$@"; }
sql() { psql -X -q -v ON_ERROR_STOP=1 -P pager=off -P footer=off -d "$db" "$@"; }
say() { printf '\n== %s\n\n' "$*"; }

# register VERSION: with all that PowerDNS of this version sends
register() {
	history contract "$1" >"$tmp/contract.json"
	sql -v version="$1" -v contract="$(cat "$tmp/contract.json")" <<-'SQL'
		SELECT app, version, status, requirements, unmet
		  FROM compat_guard.register('pdns', :'version', :'contract');
	SQL
}

retire() { sql -c "SELECT compat_guard.retire('pdns', '$1')" >/dev/null; }

# preview SCRIPT: what the guard finds in it, without running it for good
preview() {
	sql -v ddl="$(history script "$1")" <<-'SQL'
		SELECT action, rule, requirement, expected, found
		  FROM compat_guard.preview(:'ddl') ORDER BY rule, requirement;
	SQL
}

# upgrade passes|blocked SCRIPT [psql option ...]: runs it as an administrator would
upgrade() {
	verdict=$1
	history script "$2" >"$tmp/script.sql"
	shift 2
	sed 's/^/    /' "$tmp/script.sql"
	echo
	if sql "$@" -f "$tmp/script.sql"; then
		found=passes
	else
		found=blocked
	fi
	echo "=> $found"
	[ "$found" = "$verdict" ]
}

say 'The schema of PowerDNS 4.0; PowerDNS 4.0 registers what it sends to it.'
psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $db" -c "CREATE DATABASE $db"
history base >"$tmp/base.sql"
sql -c 'CREATE EXTENSION compat_guard' -f "$tmp/base.sql"
register 4.0

say '4.0 to 4.1: an int becomes bigint. A linter objects. No query of 4.0 reads that column, so nothing can break.'
upgrade passes 3.4.0_to_4.1.0_schema.pgsql.sql
retire 4.0
register 4.1

say '4.1 to 4.2, asked before it is run: compat_guard.preview()'
preview 4.1.0_to_4.2.0_schema.pgsql.sql
say 'Run all the same, while 4.1 is live:'
upgrade blocked 4.1.0_to_4.2.0_schema.pgsql.sql -1
say 'Once 4.1 is stopped and retired it passes:'
retire 4.1
upgrade passes 4.1.0_to_4.2.0_schema.pgsql.sql -1
register 4.2

say '4.2 to 4.3: a column is dropped, and another takes its name. At the end of the transaction nothing is missing.'
upgrade passes 4.2.0_to_4.3.0_schema.pgsql.sql
retire 4.2
register 4.6

say '4.6 to 4.7: varchar(6) becomes text; two columns and an index are new. 4.6 does not notice.'
upgrade passes 4.3.0_to_4.7.0_schema.pgsql.sql -1
retire 4.6

say 'PowerDNS 4.7 registers every statement that is in its binary.'
register 4.7
sql -c "SELECT app, version, status FROM compat_guard.versions WHERE app = 'pdns' ORDER BY version"
