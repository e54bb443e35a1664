"""A thousand registered queries on the altered table."""

import json

from add_column import alter
from bench import drop_databases, make_guarded, report, rounds, spread, sql, sql_file

ROUNDS = 7
QUERIES = 1000

FORMS = (
    "SELECT id, name FROM needed WHERE status = $1 AND id <> {} ORDER BY created_at LIMIT 10",
    "UPDATE needed SET name = $1, note = 'note {}' WHERE id = $2",
    "INSERT INTO needed (id, name, email) VALUES ($1, $2, 'email {}')"
    " ON CONFLICT (email) DO UPDATE SET name = excluded.name",
    "SELECT a.status, count(*) + {} FROM needed AS a JOIN needed AS b ON b.id = a.id"
    " WHERE a.created_at > $1 GROUP BY a.status")


def query(n):
    return FORMS[n % len(FORMS)].format(n)


def main():
    databases = ("bench_queries_0", "bench_queries")
    for database, count in zip(databases, (0, QUERIES)):
        make_guarded(database)
        sql_file(database, "altered.sql")
        sql(database, "SELECT compat_guard.register('bench', '1', :'contract')",
            contract=json.dumps({"queries": {f"query {n}": query(n) for n in range(count)}}))
    none, all_of_them = rounds(ROUNDS, *(lambda d=d: alter(d, "needed", 4) for d in databases))
    for i, what in enumerate(("", ", processor time")):
        report(f"ADD COLUMN, {QUERIES:,} queries: ms a query{what}",
               spread([(b[i] - a[i]) / QUERIES for a, b in zip(none, all_of_them)], "{:.3f}"), "<= 0.2")
    drop_databases(*databases)
