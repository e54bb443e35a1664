"""Expansions: what writing both columns costs, and migrating the rows that are there."""

import glob
import os
import re
import statistics
import tempfile
import time

from bench import (drop_databases, elapsed, finish, make_guarded, ratios, report, rounds, spread, sql, start)

DATABASE = "bench_expand"
ROUNDS = 5
SECONDS = "4"
SMALL = 100000
ROWS = int(os.environ.get("BENCH_EXPAND_ROWS", "5000000"))
RATE = "200"                    # transactions a second, beside the migration

TABLE = """
DROP TABLE IF EXISTS {0};
CREATE TABLE {0} (id integer PRIMARY KEY, note text, status varchar(20) NOT NULL);
INSERT INTO {0} SELECT i, 'note ' || i, (ARRAY['new', 'paid', 'done'])[1 + i % 3] FROM generate_series(1, {1}) AS i;
VACUUM ANALYZE {0};
CHECKPOINT
"""

UP = "CASE status WHEN 'new' THEN 1 WHEN 'paid' THEN 2 WHEN 'done' THEN 3 END"
DOWN = "CASE status_id WHEN 1 THEN 'new' WHEN 2 THEN 'paid' WHEN 3 THEN 'done' END"

SCRIPTS = {
    "UPDATE of the old column": ("UPDATE {0} SET status = (ARRAY['new', 'paid', 'done'])[:r] WHERE id = :id;", "old"),
    "UPDATE of the new column": ("UPDATE {0} SET status_id = :r WHERE id = :id;", "new"),
    "INSERT with the old column": ("INSERT INTO {0} VALUES (DEFAULT, 'note', 'paid');", "old"),
}


def expand(table):
    sql(DATABASE, f"SELECT count(*) FROM compat_guard.expand_column('{table}', 'status', 'status_id', 'integer', "
        f"$${UP}$$, $${DOWN}$$, name => '{table}')")


def script(statement):
    file = tempfile.NamedTemporaryFile("w", suffix=".sql")
    file.write(f"\\set id random(1, {SMALL})\n\\set r random(1, 3)\n" + statement + "\n")
    file.flush()
    return file


def throughput(statement, table):
    with script(statement.format(table)) as file:
        out = finish(start("pgbench", "-n", "-M", "prepared", "-T", SECONDS, "-f", file.name, DATABASE))
    return float(re.search(r"^tps = ([\d.]+)", out, re.M).group(1))


def dual_write():
    """Throughput of one client, against the same table with the same columns and no expansion."""
    for table in ("plain", "expanded"):
        sql(DATABASE, TABLE.format(table, SMALL))
        sql(DATABASE, f"CREATE SEQUENCE IF NOT EXISTS {table}_seq START 10000000; "
            f"ALTER TABLE {table} ALTER COLUMN id SET DEFAULT nextval('{table}_seq')")
    sql(DATABASE, "ALTER TABLE plain ADD COLUMN status_id integer")
    expand("expanded")
    sql(DATABASE, "CALL compat_guard.backfill('expanded', 10000)")
    for what, (statement, _) in SCRIPTS.items():
        without, with_expansion = rounds(ROUNDS, lambda: throughput(statement, "plain"),
                                         lambda: throughput(statement, "expanded"))
        report(f"{what}: throughput with an expansion", spread(ratios(with_expansion, without)), ">= 0.95")


class Clients:
    """Some that read and write single rows all the time; how long each transaction took, in ms."""

    def __init__(self, table):
        self.prefix = os.path.join(tempfile.mkdtemp(), "log")
        self.file = script(f"UPDATE {table} SET note = 'changed' WHERE id = :id;")
        self.process = start("pgbench", "-n", "-M", "prepared", "-c", "4", "-R", RATE, "-T", "3600", "-l",
                             "--log-prefix", self.prefix, "-f", self.file.name, DATABASE)
        time.sleep(3)

    def end(self):
        alive = self.process.poll() is None
        self.process.terminate()
        self.process.wait()
        lines = [line.split() for name in glob.glob(self.prefix + "*") for line in open(name)]
        # Of a transaction that began late: without the lag.
        times = sorted((int(f[2]) - int(f[6])) / 1000 for f in lines if len(f) == 7)
        return times, alive


def beside_clients(table, function):
    clients = Clients(table)
    function()
    times, alive = clients.end()
    return times[-1], times[int(len(times) * 0.99)], alive


def wal_of(function):
    before = sql(DATABASE, "SELECT pg_current_wal_insert_lsn()")
    function()
    return float(sql(DATABASE, f"SELECT pg_current_wal_insert_lsn() - '{before}'"))


def size(table):
    return float(sql(DATABASE, f"SELECT pg_relation_size('{table}')"))


def migrate():
    plain_update = f"UPDATE plain SET status_id = {UP}"
    backfill = "CALL compat_guard.backfill('expanded')"
    sql(DATABASE, "SELECT compat_guard.abandon('expanded')")
    for table in ("plain", "expanded"):
        sql(DATABASE, TABLE.format(table, ROWS))
    sql(DATABASE, "ALTER TABLE plain ADD COLUMN status_id integer")
    expand("expanded")
    results = {}
    for table, statement in (("plain", plain_update), ("expanded", backfill)):
        sql(DATABASE, "CHECKPOINT")
        taken = []
        wal = wal_of(lambda: taken.append(elapsed(sql, DATABASE, statement)))
        results[table] = taken[0], wal, size(table)
    (time_plain, wal_plain, size_plain), (time_backfill, wal_backfill, size_backfill) = results["plain"], results["expanded"]
    report(f"backfill of {ROWS} rows: time of one UPDATE", f"{time_backfill / time_plain:.2f}", "<= 1.5")
    report("  WAL of one UPDATE", f"{wal_backfill / wal_plain:.2f}", "<= 1")
    report("  size of the table after it", f"{size_backfill / size_plain:.2f}", "<= 1")


def beside():
    sql(DATABASE, "SELECT compat_guard.abandon('expanded')")
    sql(DATABASE, TABLE.format("expanded", ROWS // 5))
    quiet = beside_clients("expanded", lambda: time.sleep(10))
    expand("expanded")
    busy = beside_clients("expanded", lambda: sql(DATABASE, "CALL compat_guard.backfill('expanded')"))
    report(f"clients beside a backfill of {ROWS // 5} rows: longest wait, ms", f"{busy[0]:.1f}", "<= 20")
    report("  without it", f"{quiet[0]:.1f}")
    report("  99 in 100, against without it", f"{busy[1] / quiet[1]:.2f}", "<= 1.5")
    report("  client errors", "none" if busy[2] else "some", "none")


def lock_held():
    """Each second somebody reads for a second.  How long does a client wait for contract() at most?"""
    reader = start("psql", "-XqAt", "-d", DATABASE)
    reader.stdin.write("SELECT pg_sleep(1) FROM expanded LIMIT 1;\n" * 3600)
    reader.stdin.flush()
    longest = beside_clients("expanded", lambda: sql(DATABASE, "CALL compat_guard.contract('expanded')"))[0]
    report("clients beside contract(): longest wait, ms", f"{longest:.1f}", "<= 50")
    reader.terminate()
    reader.wait()


def main():
    make_guarded(DATABASE)
    dual_write()
    migrate()
    beside()
    lock_held()
    drop_databases(DATABASE)
