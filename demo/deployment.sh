#!/bin/bash
# demo/deployment.sh: a rolling deployment.  v42 of a shop starts before its migration
# and waits; v41 runs until its last session ends.
#
# Connects as psql does (PGHOST, PGPORT, PGUSER: a superuser) and makes the database
# compat_guard_deployment.  Fails if a verdict is not the one shown here.
set -euo pipefail
exec 2>&1

db=compat_guard_deployment
export PGOPTIONS='-c client_min_messages=warning'
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"; kill $(jobs -p) 2>/dev/null || true' EXIT

sql() { psql -X -q -v ON_ERROR_STOP=1 -P pager=off -P footer=off -d $db "$@"; }
say() { printf '\n== %s\n\n' "$*"; }
show() { echo "$1"; sql -c "$1"; }

# until_true CONDITION: waits for it, half a minute at most
until_true() {
	local i

	for i in {1..300}; do
		if [ "$(sql -Atc "SELECT $1")" = t ]; then
			return
		fi
		sleep 0.1
	done
	echo "still not true: $1"
	exit 1
}

# v42_is CONDITION: waits for a condition on the row of v42 in pg_stat_activity
v42_is() {
	until_true "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'v42' AND $1)"
}

# change passes|blocked SQL: runs a migration, and fails if the verdict is another one
change() {
	local found=blocked

	echo "$2"
	if sql -v VERBOSITY=terse <<<"$2"; then
		found=passes
	fi
	echo "=> $found"
	[ $found = "$1" ]
}

versions="SELECT version, status, live, sessions FROM compat_guard.versions ORDER BY version;"

say 'v41 of the shop registers. It keeps two connections, and attaches both.'
psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $db" -c "CREATE DATABASE $db"
sql <<'SQL'
CREATE EXTENSION compat_guard;
CREATE TABLE parcels (id bigint PRIMARY KEY, street text, city text);
INSERT INTO parcels VALUES (1, '10 Downing Street', 'London');
\o /dev/null
SELECT compat_guard.register_queries('shop', 'v41', '{"SELECT id, street, city FROM parcels"}');
SQL
mkfifo "$tmp/v41" "$tmp/v42"
for session in 1 2; do
	sql -o /dev/null -c "SELECT compat_guard.attach('shop', 'v41')" -f "$tmp/v41" &
done
exec 3>"$tmp/v41"
until_true "sessions = 2 FROM compat_guard.versions WHERE version = 'v41'"
show "$versions"

say 'v42 needs the address in one column. It starts before its migration, and waits for it.'
PGAPPNAME=v42 sql -At -c "\\o /dev/null" \
	-c "SELECT compat_guard.register_queries('shop', 'v42', '{\"SELECT id, address FROM parcels\"}')" \
	-c "SELECT compat_guard.attach('shop', 'v42')" -c '\o' \
	-c "CALL compat_guard.wait_until_ready('shop', 'v42', '1 minute')" \
	-c 'SELECT id, address FROM parcels' \
	-f "$tmp/v42" >"$tmp/v42.out" 3>&- &
exec 4<>"$tmp/v42"
v42_is "query LIKE 'CALL compat_guard.wait_until_ready%' AND wait_event = 'Extension'"
show "$versions"
show "SELECT object, found FROM compat_guard.check('shop', 'v42');"

say 'To drop the old columns now is too early, because v41 runs.'
change blocked 'ALTER TABLE parcels DROP COLUMN street, DROP COLUMN city;'

say 'The migration adds the new column beside the old ones. When it commits, v42 starts to work.'
change passes "BEGIN;
ALTER TABLE parcels ADD COLUMN address text;
UPDATE parcels SET address = concat_ws(', ', street, city);
COMMIT;"
v42_is "query LIKE 'SELECT id, address%' AND state = 'idle'"
sed 's/^/v42 got: /' "$tmp/v42.out"
show "$versions"

say 'The sessions of v41 end.'
exec 3>&-
until_true "NOT live FROM compat_guard.versions WHERE version = 'v41'"
show "$versions"

say 'The change that was blocked before passes now. Nobody had to retire v41.'
change passes 'ALTER TABLE parcels DROP COLUMN street, DROP COLUMN city;'

say 'The journal shows all three changes.'
until_true "count(*) = 3 FROM compat_guard.journal"
show "SELECT verdict, statements[1] AS statement, versions FROM compat_guard.journal ORDER BY at;"
