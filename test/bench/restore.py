"""Restoring a schema of 5 000 tables, with the guard in the database and without."""

from bench import (READ_CPU, drop_databases, elapsed, make_database, make_guarded, psql, ratios, report,
                   rounds, run, spread, sql)

ROUNDS = 3
TABLES = 5000

# A key, an index, a sequence and, for most, a foreign key and a comment.
SCHEMA = f"""
SELECT format('CREATE TABLE relation_%s (id bigserial PRIMARY KEY, parent_id bigint, name text NOT NULL,
	email text NOT NULL, status varchar(20) NOT NULL DEFAULT ''new'', created_at timestamptz DEFAULT now())', n),
	format('CREATE INDEX ON relation_%s (email)', n),
	format('COMMENT ON TABLE relation_%s IS ''relation %s''', n, n),
	CASE WHEN n > 0 THEN format('ALTER TABLE relation_%s ADD FOREIGN KEY (parent_id) REFERENCES relation_%s',
		n, n / 2) END
FROM generate_series(0, {TABLES} - 1) AS n \\gexec
"""

VERSION = """
CREATE SCHEMA known;
CREATE TABLE known.users (id bigint, name text);
SELECT compat_guard.register('bench', '1',
	'{"relations": {"known.users": {"columns": {"id": "bigint", "name": "text"}}}}');
"""


def restore(make, template, dump):
    """Seconds, and seconds of the processor."""
    make("bench_restored", template)
    begin = end = None

    def through_psql():
        nonlocal begin, end
        lines = psql("bench_restored", READ_CPU + dump + READ_CPU).splitlines()
        begin, end = (int(line[4:]) / 1e9 for line in lines if line.startswith("cpu"))

    return elapsed(through_psql), end - begin


def main():
    make_database("bench_schema")
    sql("bench_schema", SCHEMA)
    dump = run("pg_dump", "--schema-only", "bench_schema")
    make_guarded("bench_known")
    sql("bench_known", VERSION)
    guarded, plain = rounds(ROUNDS, lambda: restore(make_guarded, "bench_known", dump),
                            lambda: restore(make_database, "template1", dump))
    for i, what in enumerate(("", ", processor time")):
        report(f"restore of {TABLES:,} tables{what}",
               spread(ratios([t[i] for t in guarded], [t[i] for t in plain])), "<= 1.1")
    drop_databases("bench_schema", "bench_known", "bench_restored")
