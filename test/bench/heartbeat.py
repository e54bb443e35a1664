"""Heartbeats: what one takes, and whether the tables stay small."""

import re
import statistics
import tempfile

from bench import (drop_databases, finish, make_guarded, report, rounds, spread, sql, start, timed)

ROUNDS = 9
SECONDS = "60"
INSTANCES = 500
DATABASE = "bench_heartbeat"

BEAT = "SELECT compat_guard.heartbeat('crowd', '1', 'instance ' || {0});\n"

SIZES = """
SELECT concat_ws(' ', pg_relation_size('compat_guard.instance') / 8192,
	pg_indexes_size('compat_guard.instance') / 8192,
	pg_relation_size('compat_guard.version') / 8192)
"""


def one_call():
    nothing = "SELECT now() || 'instance ' || 1;\n"
    wall, cpu = timed(DATABASE, [nothing, BEAT.format(1)] * 20)
    return statistics.median(wall[3::2]), statistics.median(cpu[3::2]) - statistics.median(cpu[2::2])


def many():
    """As many as two clients give in a minute; heartbeats a second."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(f"\\set n random(1, {INSTANCES})\n" + BEAT.format(":n"))
        file.flush()
        out = finish(start("pgbench", "-n", "-c", "2", "-j", "2", "-T", SECONDS, "-f", file.name, DATABASE))
    return float(re.search(r"^tps = ([\d.]+)", out, re.M).group(1))


def hot():
    """The part of the updates that left the indexes alone."""
    return sql(DATABASE, """SELECT pg_sleep(1);
        SELECT round(n_tup_hot_upd::numeric / nullif(n_tup_upd, 0), 4) FROM pg_stat_user_tables
        WHERE relid = 'compat_guard.instance'::regclass""")


def main():
    make_guarded(DATABASE)
    sql(DATABASE, "CREATE TABLE relation (id bigint PRIMARY KEY)")
    sql(DATABASE, "SELECT FROM compat_guard.register_queries('crowd', '1', '{SELECT id FROM relation}')")
    sql(DATABASE, f"""SELECT count(compat_guard.heartbeat('crowd', '1', 'instance ' || n, '1 hour'))
        FROM generate_series(1, {INSTANCES}) AS n""")

    [times] = rounds(ROUNDS, one_call)
    report("heartbeat: ms with the round trip", spread([t[0] for t in times]))
    report("  processor time, ms", spread([t[1] for t in times], "{:.3f}"), "<= 0.3")

    before = sql(DATABASE, SIZES).split()
    per_second = many()
    after = sql(DATABASE, SIZES).split()
    report(f"two clients, {INSTANCES} instances, {SECONDS} s: heartbeats a second", f"{per_second:.0f}")
    report("  updates in place", hot(), ">= 0.99")
    for what, old, new in zip(("instance", "its indexes", "version"), before, after):
        report(f"  pages of {what}, before and after", f"{old}, {new}")
    drop_databases(DATABASE)
