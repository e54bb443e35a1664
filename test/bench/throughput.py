"""Work without DDL: pgbench with the guard in its sessions, and without."""

import re

from bench import (PRELOAD, drop_databases, make_database, ratios, report, rounds, run, spread, sql)

# A second would measure the start of the sessions, too.
ROUNDS = 14
SECONDS = "5"


def tps(options, *arguments):
    out = run("pgbench", "-n", "-c", "2", "-T", SECONDS, *arguments, "bench_throughput", options=options)
    return float(re.search(r"^tps = ([\d.]+)", out, re.M).group(1))


def main():
    make_database("bench_throughput")
    run("pgbench", "-i", "-q", "-s", "10", "bench_throughput")
    sql("bench_throughput", "CREATE EXTENSION compat_guard")
    for name, arguments in (("pgbench -S", ["-S"]), ("pgbench, TPC-B-like", [])):
        guarded, plain = rounds(ROUNDS, lambda: tps(PRELOAD, *arguments), lambda: tps("", *arguments))
        report(name + ": throughput", spread(ratios(guarded, plain), "{:.3f}"), ">= 0.99")
    drop_databases("bench_throughput")
