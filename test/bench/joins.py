"""Statements of a busy table with many joins: judged and registered, against PREPARE and EXPLAIN of the same."""

import json

from bench import drop_databases, make_guarded, psql, ratios, report, rounds, spread, sql, timed

ROUNDS = 9
QUERIES = 61
TABLES = 12
DATABASE = "bench_joins"

TABLE = """
CREATE TABLE joined_{0} (id bigserial PRIMARY KEY, ref1 bigint, ref2 bigint, name text NOT NULL UNIQUE,
	status varchar(20) DEFAULT 'new', created timestamptz DEFAULT now(), n numeric(10,2), payload jsonb);
CREATE INDEX ON joined_{0} (ref1);
CREATE INDEX ON joined_{0} (ref2);
CREATE INDEX ON joined_{0} (status, created);
INSERT INTO joined_{0} (ref1, ref2, name) SELECT n, n, n FROM generate_series(1, 1000) AS n;
"""

QUERY = (
    "SELECT a.id, a.name, b.status, c.n, count(*) FROM joined_0 AS a JOIN joined_{1} AS b ON b.ref1 = a.id"
    " LEFT JOIN joined_{2} AS c ON c.ref2 = b.id JOIN joined_{3} AS d ON d.id = a.ref2"
    " WHERE a.status = $1 AND b.created > $2 AND (c.n IS NULL OR c.n > {0}) AND lower(a.name) LIKE 'x%'"
    " AND EXISTS (SELECT FROM joined_{2} AS x WHERE x.ref1 = a.id)"
    " GROUP BY a.id, a.name, b.status, c.n ORDER BY a.created DESC LIMIT 20")


def queries():
    return [QUERY.format(n, *(1 + (n + step) % (TABLES - 1) for step in (0, 3, 5))) for n in range(QUERIES)]


def once(statements):
    """Milliseconds of all the statements in a session of their own: clock, processor."""
    wall, cpu = timed(DATABASE, statements, options="-c plan_cache_mode=force_generic_plan")
    return sum(wall), sum(cpu)


def planned():
    return once([statement for n, query in enumerate(queries()) for statement in (
        f"PREPARE q{n} (varchar, timestamptz) AS {query};\n", f"EXPLAIN EXECUTE q{n} (NULL, NULL);\n")])


def registered():
    document = json.dumps({"queries": {f"query {n}": query for n, query in enumerate(queries())}})
    result = once([f"SELECT FROM compat_guard.register('new', '1', $contract${document}$contract$);\n"])
    sql(DATABASE, "SELECT compat_guard.forget('new', '1')")
    return result


def judged():
    """Of an ADD COLUMN, of which the statement itself is the least part."""
    result = once(["ALTER TABLE joined_0 ADD COLUMN extra text;\n"])
    sql(DATABASE, "ALTER TABLE joined_0 DROP COLUMN extra")
    return result


def main():
    make_guarded(DATABASE)
    psql(DATABASE, "".join(TABLE.format(n) for n in range(TABLES)) + "ANALYZE;\n")
    document = json.dumps({"queries": {f"query {n}": query for n, query in enumerate(queries())}})
    sql(DATABASE, "SELECT FROM compat_guard.register('bench', '1', :'contract')", contract=document)
    plans, judgements, registrations = rounds(ROUNDS, planned, judged, registered)
    for what, these in (("judged", judgements), ("registered", registrations)):
        for i, by in enumerate(("", ", processor time")):
            report(f"{QUERIES} joins {what} / PREPARE and EXPLAIN{by}",
                   spread(ratios([t[i] for t in these], [t[i] for t in plans])), "<= 1.1")
    drop_databases(DATABASE)
