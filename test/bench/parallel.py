"""Changes of unrelated tables from several sessions at once, each table needed by a version of its own.

Eight sessions are compared with one, too: a change that is judged costs more than one that is
not, but however many there are, none of them may wait for another.  A change that fails ends
the measurement, because then pgbench fails."""

import re
import tempfile

from bench import drop_databases, make_database, make_guarded, ratios, report, rounds, run, spread, sql

ROUNDS = 11
SECONDS = "3"
SESSIONS = 8

TABLES = "; ".join(f"CREATE TABLE {kind}{n} (id bigint PRIMARY KEY, name text)"
                   for kind in ("needed", "free") for n in range(SESSIONS))
REGISTRATIONS = "; ".join(f"SELECT compat_guard.register_queries('app {n}', '1', '{{SELECT name FROM needed{n}}}')"
                          for n in range(SESSIONS))

CHANGE = "ALTER TABLE {}:client_id ALTER COLUMN name SET DEFAULT 'x';\n"
SCRIPTS = {
    "nobody needs": CHANGE.format("free"),
    "needed": CHANGE.format("needed"),
    "needed, three in a transaction": "BEGIN;\n" + CHANGE.format("needed") * 3 + "COMMIT;\n",
}


def per_second(database, script, sessions):
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        out = run("pgbench", "-n", "-c", str(sessions), "-j", "2", "-T", SECONDS, "-f", file.name, database)
    return float(re.search(r"^tps = ([\d.]+)", out, re.M).group(1))


def main():
    make_database("bench_plain")
    sql("bench_plain", TABLES)
    make_guarded("bench_parallel")
    sql("bench_parallel", TABLES + "; " + REGISTRATIONS)
    for name, script in SCRIPTS.items():
        guarded, plain, guarded_one, plain_one = rounds(
            ROUNDS, *(lambda d=d, s=s: per_second(d, script, s)
                      for s in (SESSIONS, 1) for d in ("bench_parallel", "bench_plain")))
        report(f"{SESSIONS} sessions, a table each, {name}: throughput", spread(ratios(guarded, plain)), ">= 0.9")
        report("  against that of one session", spread(ratios(ratios(guarded, guarded_one), ratios(plain, plain_one))),
               ">= 0.9")
    drop_databases("bench_plain", "bench_parallel")
