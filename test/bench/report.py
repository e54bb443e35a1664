"""report() and metrics of a large registry: 200 live versions, 1 000 tables of 10 columns."""

from bench import make_guarded, psql, sql, sql_file, timed

DATABASE = "bench_report"
LIMIT_SECONDS = 2
LIMIT_BYTES = 2_000_000
LIMIT_METRICS = 0.5

# The tables that the registry speaks of: all but one column of each are needed.
TABLES = """
SELECT format('CREATE SCHEMA app_%s', a) FROM generate_series(1, 20) AS a
UNION ALL
SELECT format('CREATE TABLE app_%s.relation_%s (%s)', a, r,
    (SELECT string_agg(format('column_%s integer', c), ', ') FROM generate_series(1, 11) AS c))
FROM generate_series(1, 20) AS a, generate_series(1, 50) AS r
"""


def main():
    make_guarded(DATABASE)
    psql(DATABASE, "SET compat_guard.mode = off;\n" + TABLES + "\\gexec\n")
    sql_file(DATABASE, "registry.sql", requirements=10000)
    # A journal as it may be, and some versions that are pending.
    sql(DATABASE, """
        INSERT INTO compat_guard.journal_entry
        SELECT NULL, now() - n * interval '1 hour', 'allowed', 'enforce', 'a', 'a', 'migrate', NULL, 1, NULL,
            ARRAY['ALTER TABLE app_1.relation_1 ADD COLUMN x integer'], 1, '{}', '[]', 0, NULL, NULL, '{}', '[]'
        FROM generate_series(1, 20000) AS n;
        UPDATE compat_guard.requirement_state SET state = 'unmet', ever_met = false
        WHERE requirement_id % 100 = 0;
        VACUUM ANALYZE""")
    wall, _ = timed(DATABASE, ["SELECT length(compat_guard.report()) AS length;\n"] * 5)
    size = int(sql(DATABASE, "SELECT octet_length(compat_guard.report())"))
    seconds = sorted(wall)[2] / 1000
    print(f"report() of 200 versions and 1 000 tables: {seconds:.2f} s (under {LIMIT_SECONDS}), "
          f"{size / 1e6:.2f} MB (under {LIMIT_BYTES / 1e6:.0f})")
    wall, _ = timed(DATABASE, ["SELECT count(*) FROM compat_guard.metrics;\n"] * 5)
    print(f"metrics of it: {sorted(wall)[2] / 1000:.2f} s (under {LIMIT_METRICS})")
    sql("postgres", f"DROP DATABASE {DATABASE}")
