#!/bin/sh
# demo/history.sh: the upgrades of an application that this project did not write:
# PowerDNS 4.0 to 4.7, from Debian's pdns-backend-pgsql.
#
# Connects as psql does (PGHOST, PGPORT, PGUSER: a superuser) and makes the
# database compat_guard_powerdns. test/history/powerdns.pm says where schema,
# scripts and queries come from, and why each verdict is right.
#
# Exit status 1: a verdict is not the one shown here. 3: the package cannot be
# downloaded (no network).

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

# register VERSION: registers all statements that this version of PowerDNS sends
register() {
	history contract "$1" >"$tmp/contract.json"
	sql -v version="$1" -v contract="$(cat "$tmp/contract.json")" <<-'SQL'
		SELECT app, version, status, requirements, unmet
		  FROM compat_guard.register('pdns', :'version', :'contract');
	SQL
}

retire() { sql -c "SELECT compat_guard.retire('pdns', '$1')" >/dev/null; }

# preview SCRIPT: shows what the guard finds in it, without changing anything
preview() {
	sql -v ddl="$(history script "$1")" <<-'SQL'
		SELECT action, rule, requirement, expected, found
		  FROM compat_guard.preview(:'ddl') ORDER BY rule, requirement;
	SQL
}

# upgrade passes|blocked SCRIPT [psql option ...]: runs it as an administrator would,
# and fails if the verdict is another one
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

say 'The schema of PowerDNS 4.0. PowerDNS 4.0 registers the statements that it sends.'
psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $db" -c "CREATE DATABASE $db"
history base >"$tmp/base.sql"
sql -c 'CREATE EXTENSION compat_guard' -f "$tmp/base.sql"
register 4.0

say '4.0 to 4.1: an int becomes bigint. A linter would object. But no query of 4.0 reads that column, so nothing can break.'
upgrade passes 3.4.0_to_4.1.0_schema.pgsql.sql
retire 4.0
register 4.1

say '4.1 to 4.2: first compat_guard.preview() shows what the script would break.'
preview 4.1.0_to_4.2.0_schema.pgsql.sql
say 'The script is run nevertheless, while 4.1 is live:'
upgrade blocked 4.1.0_to_4.2.0_schema.pgsql.sql -1
say 'After 4.1 was stopped and retired, it passes:'
retire 4.1
upgrade passes 4.1.0_to_4.2.0_schema.pgsql.sql -1
register 4.2

say '4.2 to 4.3: a column is dropped, and another one gets its name. At the end of the transaction nothing is missing.'
upgrade passes 4.2.0_to_4.3.0_schema.pgsql.sql
retire 4.2
register 4.6

say '4.6 to 4.7: varchar(6) becomes text, and two columns and an index are new. That does not break 4.6.'
upgrade passes 4.3.0_to_4.7.0_schema.pgsql.sql -1
retire 4.6

say 'PowerDNS 4.7 registers all statements in its binary.'
register 4.7
sql -c "SELECT app, version, status FROM compat_guard.versions WHERE app = 'pdns' ORDER BY version"
