"""Registering: the first time, unchanged, and many at once."""

import json
import re
import statistics
import tempfile
import time

from bench import (drop_databases, finish, make_guarded, psql, report, rounds, spread, sql, start,
                   timed)

ROUNDS = 9
RELATIONS = 200
QUERIES = 300
CLIENTS = 64
DATABASE = "bench_register"

TABLES = f"""
SELECT format('CREATE TABLE relation_%s (id bigint PRIMARY KEY, parent_id bigint, name text NOT NULL,
	email text NOT NULL UNIQUE, status varchar(20) NOT NULL DEFAULT ''new'', amount numeric(12,2),
	created_at timestamptz NOT NULL DEFAULT now(), changed_at timestamptz, note text, payload jsonb)', n)
FROM generate_series(0, {RELATIONS} - 1) AS n \\gexec
"""

# Who waits for another, and who for somebody that waits himself.
WAITERS = """
WITH waiter AS MATERIALIZED (
	SELECT DISTINCT pid, pg_blocking_pids(pid) AS blockers FROM pg_locks WHERE NOT granted)
SELECT count(*), count(*) FILTER (WHERE blockers && (SELECT array_agg(pid) FROM waiter)),
	(SELECT count(DISTINCT b) FROM waiter, unnest(blockers) AS b)
FROM waiter;
"""


def contract():
    columns = {"id": "bigint", "parent_id": "bigint", "name": {"type": "text", "nullable": False},
               "email": "text", "status": {"type": ["varchar(20)", "text"]}, "amount": "numeric(12,2)",
               "created_at": "timestamptz", "changed_at": "timestamptz", "note": "text", "payload": "jsonb"}
    relations = {f"relation_{n}": {
        "access": ["select", "insert", "update", "delete"], "columns": columns,
        "insert": ["id", "name", "email"], "unique": [["email"]]} for n in range(RELATIONS)}
    forms = ("SELECT id, name, status FROM relation_{0} WHERE email = $1",
             "UPDATE relation_{0} SET status = $2, changed_at = now() WHERE id = $1",
             "SELECT p.name, count(*) FROM relation_{0} AS c JOIN relation_{1} AS p ON p.id = c.parent_id"
             " WHERE c.created_at > $1 GROUP BY p.name ORDER BY 2 DESC LIMIT 10")
    queries = {f"query {n}": forms[n % 3].format(n % RELATIONS, (n + 1) % RELATIONS) for n in range(QUERIES)}
    return json.dumps({"relations": relations, "queries": queries})


def register(app, document):
    return f"SELECT FROM compat_guard.register('{app}', '1', $contract${document}$contract$);\n"


def first_time(document):
    wall, cpu = timed(DATABASE, ["BEGIN;\n", register("new", document), "ROLLBACK;\n"])
    return wall[1], cpu[1]


def no_change(document):
    """The call by the clock, and what it takes the processor beyond reading its argument."""
    read = f"SELECT WHERE $contract${document}$contract$::jsonb IS NULL;\n"
    wall, cpu = timed(DATABASE, [read, register("known", document)] * 20)
    call, text = statistics.median(cpu[3::2]), statistics.median(cpu[2::2])
    return statistics.median(wall[3::2]), call - text, text


def many_at_once(document):
    """CLIENTS sessions register the same; samples of (waiting, behind a waiter, waited for)."""
    samples = []
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(register("crowd", document))
        file.flush()
        clients = start("pgbench", "-n", "-c", str(CLIENTS), "-t", "1", "-f", file.name, DATABASE)
        while clients.poll() is None:
            samples.append([int(n) for n in psql(DATABASE, WAITERS).strip().split("|")])
            time.sleep(0.02)
        out = finish(clients)
    done = re.search(r"transactions actually processed: (\d+)/", out)
    return int(done.group(1)), samples


def main():
    document = contract()
    size = f"{RELATIONS} relations, {QUERIES} queries"
    make_guarded(DATABASE)
    sql(DATABASE, TABLES)

    [times] = rounds(ROUNDS, lambda: first_time(document))
    report(f"register {size}, first time: ms", spread([t[0] for t in times], "{:.0f}"))
    report("  processor time", spread([t[1] for t in times], "{:.0f}"))

    sql(DATABASE, register("known", document))
    [times] = rounds(ROUNDS, lambda: no_change(document))
    report("register again: ms with the round trip", spread([t[0] for t in times]))
    report("  processor time beyond the reading of JSON", spread([t[1] for t in times]), "<= 1")
    report("  as part of the time to read the JSON", spread([t[1] / t[2] for t in times]))

    done, samples = many_at_once(document)
    waiting, behind, waited_for = (max(column) for column in zip(*samples))
    report(f"{CLIENTS} clients register at once: without an error", str(done), f"= {CLIENTS}")
    report(f"  waiting at most, in {len(samples)} samples", str(waiting))
    report("  for so many others", str(waited_for), "<= 1")
    report("  of these behind one that waits itself", str(behind), "= 0")
    drop_databases(DATABASE)
