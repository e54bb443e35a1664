"""Changes of unrelated tables from several sessions at once, each needed by a version of its own."""

import re
import tempfile

from bench import drop_databases, make_database, make_guarded, ratios, report, rounds, run, spread, sql

ROUNDS = 15
SECONDS = "3"
SESSIONS = 8

TABLES = "; ".join(f"CREATE TABLE w{n} (id bigint PRIMARY KEY, name text)" for n in range(SESSIONS))
REGISTRATIONS = "; ".join(
    f"SELECT compat_guard.register_queries('app {n}', '1', '{{SELECT name FROM w{n}}}')" for n in range(SESSIONS))

# Statements of their own, and migrations of three.
SCRIPTS = {
    "a statement each": "ALTER TABLE w:client_id ALTER COLUMN name SET DEFAULT 'x';\n",
    "transactions of three": "BEGIN;\n" + "ALTER TABLE w:client_id ALTER COLUMN name SET DEFAULT 'x';\n" * 3 + "COMMIT;\n",
}


def measure(database, script):
    """Transactions a second, and how many failed."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        out = run("pgbench", "-n", "-c", str(SESSIONS), "-j", "2", "-T", SECONDS, "--failures-detailed",
                  "-f", file.name, database)
    aborted = len(re.findall(r"^pgbench: error: client", out, re.M))
    return float(re.search(r"^tps = ([\d.]+)", out, re.M).group(1)), aborted


def main():
    make_database("bench_plain")
    sql("bench_plain", TABLES)
    make_guarded("bench_parallel")
    sql("bench_parallel", TABLES + "; " + REGISTRATIONS)
    for name, script in SCRIPTS.items():
        guarded, plain = rounds(ROUNDS, lambda: measure("bench_parallel", script),
                                lambda: measure("bench_plain", script))
        report(f"{SESSIONS} sessions change tables of their own, {name}: throughput",
               spread(ratios([g[0] for g in guarded], [p[0] for p in plain])), ">= 0.9")
        report("  failed", str(sum(g[1] for g in guarded)), "0")
    drop_databases("bench_plain", "bench_parallel")
