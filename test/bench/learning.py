"""Learning from traffic: pgbench in sessions that learn, and in sessions that have the
library and do not; and many different statements in one session."""

import os
import re
import time

from bench import (PRELOAD, drop_databases, make_database, psql, ratios, report, rounds, run, spread, sql)

ROUNDS = int(os.environ.get("LEARNING_ROUNDS", "10"))
SECONDS = "3"
LEARNS = PRELOAD + " -c compat_guard.app=bench -c compat_guard.version=1 -c compat_guard.learn=on"

# The memory of a session's own, of all contexts: what remembers statements, and the rest.
MEMORY = "SELECT sum(total_bytes) FROM pg_backend_memory_contexts WHERE name = 'compat_guard statements'"


def tps(options, *arguments):
    out = run("pgbench", "-n", "-c", "2", "-T", SECONDS, *arguments, "bench_learning", options=options)
    return float(re.search(r"^tps = ([\d.]+)", out, re.M).group(1))


def distinct_statements():
    """Statements that differ in more than constants, 10 000 in one session."""
    statements = "".join("SELECT aid%s FROM pgbench_accounts WHERE aid %s 0 LIMIT 0;\n" %
                         (" + aid" * (n % 100), "+ aid" * (n // 100) + " <")
                         for n in range(10000))
    start = time.time()
    out = psql("bench_learning", statements + MEMORY + ";", options=LEARNS.replace("version=1", "version=many"))
    return float(out.strip().rsplit("\n", 1)[-1]), time.time() - start


def main():
    make_database("bench_learning")
    run("pgbench", "-i", "-q", "-s", "5", "bench_learning")
    sql("bench_learning", "CREATE EXTENSION compat_guard")
    for name, arguments in (("pgbench -S, simple", ["-S"]), ("pgbench -S, prepared", ["-S", "-M", "prepared"]),
                            ("TPC-B, simple", []), ("TPC-B, prepared", ["-M", "prepared"])):
        learning, plain = rounds(ROUNDS, lambda: tps(LEARNS, *arguments), lambda: tps(PRELOAD, *arguments))
        report(name + ", learning on against off", spread(ratios(learning, plain), "{:.3f}"), ">= 0.98")
    bytes_taken, seconds = distinct_statements()
    report("10 000 statements in a session: bytes it remembers them in", "%d" % bytes_taken, "<= 1000000")
    report("seconds for all of them", "%.1f" % seconds)
    report("of them learned, and not", sql("bench_learning", """
        SELECT statements || ', ' || coalesce(unlearned::text, '') FROM compat_guard.learning WHERE version = 'many'"""))
    report("messages, lost", sql("bench_learning",
                                 "SELECT messages || ', ' || lost FROM compat_guard.learning_counts()"))
    drop_databases("bench_learning")
