#!/bin/sh
# demo/history.sh: an application this project did not write, guarded through
# eight years of its own upgrades: PowerDNS, from Debian's pdns-backend-pgsql.
#
# Connects as psql does (PGHOST, PGPORT, PGUSER) and makes the database
# compat_guard_powerdns. test/history/powerdns.pm says where schema, scripts and
# queries come from, and why each verdict is right.
#
# Exit status 3: the package cannot be had (no network).

set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
db=compat_guard_powerdns

history() { perl "$top/test/history/show" powerdns "$@"; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '\n\033[1m-- %s\033[0m\n' "$*"; }
sql() { psql -X -q -v ON_ERROR_STOP=1 -d "$db" "$@"; }
show() { sql -P pager=off -P footer=off "$@"; }

# register VERSION
register() {
	history contract "$1" >"$work/contract.json"
	show -v version="$1" -v contract="$(cat "$work/contract.json")" <<-'SQL'
		SELECT app, version, status, requirements, unmet FROM compat_guard.register('pdns', :'version', :'contract');
	SQL
}

# preview SCRIPT: what the guard finds in it
preview() {
	show -v ddl="$(history script "$1")" <<-'SQL'
		SELECT action, rule, requirement, expected, found FROM compat_guard.preview(:'ddl');
	SQL
}

# upgrade SCRIPT [psql option ...]: run it as an administrator would
upgrade() {
	history script "$1" >"$work/script.sql"
	shift
	sed 's/^/    /' "$work/script.sql"
	if sql "$@" -f "$work/script.sql"; then
		echo '=> passed'
	else
		echo '=> blocked'
	fi
}

"$top/test/history/package" pdns-backend-pgsql >/dev/null || exit 3

say 'The schema of PowerDNS 4.0, and what PowerDNS 4.0 sends to it'
psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $db" -c "CREATE DATABASE $db"
history base >"$work/base.sql"
sql -c 'CREATE EXTENSION compat_guard' -f "$work/base.sql"
register 4.0

say '4.0 to 4.1. int becomes bigint: a linter must object. No query of PowerDNS reads the column, so the guard does not.'
upgrade 3.4.0_to_4.1.0_schema.pgsql.sql
register 4.1
show -c "SELECT version, status FROM compat_guard.retire('pdns', '4.0') AS r, compat_guard.versions WHERE app = 'pdns'"

say '4.1 to 4.2, asked first: compat_guard.preview()'
preview 4.1.0_to_4.2.0_schema.pgsql.sql
say 'and tried all the same, while 4.1 is live'
upgrade 4.1.0_to_4.2.0_schema.pgsql.sql -1
say 'Once 4.1 is stopped and retired, the same script passes; 4.2 registers.'
show -c "SELECT FROM compat_guard.retire('pdns', '4.1', 'stopped for the upgrade to 4.2')" >/dev/null
upgrade 4.1.0_to_4.2.0_schema.pgsql.sql -1
register 4.2

say '4.2 to 4.3. The column is dropped, and another takes its name: nothing is missing at the end of the transaction.'
upgrade 4.2.0_to_4.3.0_schema.pgsql.sql
show -c "SELECT FROM compat_guard.retire('pdns', '4.2')" >/dev/null
register 4.6

say '4.6 to 4.7. varchar(6) becomes text, two columns and an index are new: 4.6 does not notice.'
upgrade 4.3.0_to_4.7.0_schema.pgsql.sql -1
show -c "SELECT FROM compat_guard.retire('pdns', '4.6')" >/dev/null

say 'PowerDNS 4.7 registers every statement that is in its binary.'
register 4.7
show -c "SELECT app, version, status FROM compat_guard.versions WHERE app = 'pdns' ORDER BY version"
