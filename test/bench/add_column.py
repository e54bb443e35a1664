"""ALTER TABLE ADD COLUMN, guarded against unguarded, as the registry grows."""

import json
import statistics

from bench import (drop_databases, make_database, make_guarded, ratios, report, rounds, set_fsync,
                   spread, sql, sql_file, timed)

SIZES = (0, 1000, 100000, 1000000)
ROUNDS = 11
STATEMENTS = 40

# Twelve requirements, among them two queries.
DOZEN = json.dumps({
    "relations": {"needed": {
        "access": ["select", "insert", "update"],
        "columns": {"id": "bigint", "name": {"type": "text", "nullable": False}, "email": "text",
                    "status": "varchar(20)", "created_at": "timestamptz", "note": "text"},
        "insert": ["id", "name", "email"],
        "unique": [["email"]]}},
    "queries": {"active": "SELECT id, name FROM needed WHERE status = 'active' ORDER BY created_at",
                "rename": "UPDATE needed SET name = $2 WHERE id = $1"}})

# The dozen as if every version had been registered with it; but of one of them
# only the oldest knows.
SHARE = """
INSERT INTO compat_guard.version_requirement
SELECT v.version_id, r.requirement_id
FROM compat_guard.version AS v, compat_guard.requirement AS r
WHERE r.requirement_id > 10000000 AND v.version_id < 10000000
	AND (r.kind <> 'unique' OR v.version_id = 100);
DELETE FROM compat_guard.version_requirement AS vr USING compat_guard.requirement AS r
WHERE vr.requirement_id = r.requirement_id AND vr.version_id > 10000000 AND r.kind = 'unique';
"""


def make_registry(database, size):
    make_guarded(database)
    sql_file(database, "altered.sql")
    if size > 0:
        sql_file(database, "registry.sql", requirements=size)
        sql(database, "SELECT compat_guard.register('dozen', '1', :'contract')", contract=DOZEN)
        sql(database, SHARE)


def alter(database, table, statements=STATEMENTS):
    """Milliseconds of an ADD COLUMN: by the clock, of the processor."""
    sql_file(database, "altered.sql")
    wall, cpu = timed(database, [f"ALTER TABLE {table} ADD COLUMN extra text;\n",
                                 f"ALTER TABLE {table} DROP COLUMN extra;\n"] * statements)
    return statistics.median(wall[0::2]), statistics.median(cpu[0::2])


def compare(what, databases, table):
    times = rounds(ROUNDS, *(lambda d=d: alter(d, table) for d in databases.values()))
    for name, these in zip(list(databases)[1:], times[1:]):
        wall, cpu = (spread(ratios([t[i] for t in these], [t[i] for t in times[0]])) for i in (0, 1))
        report(f"ADD COLUMN, {what}, registry of {name}", wall, "<= 1.3")
        report("  processor time", cpu)


def main():
    databases = {"none": "bench_plain"}
    make_database("bench_plain")
    for size in SIZES:
        databases[f"{size:,}"] = f"bench_registry_{size}"
        make_registry(databases[f"{size:,}"], size)
    dozens = {name: database for name, database in databases.items() if name != "0"}
    for fsync in ("on", "off"):
        set_fsync(fsync)
        compare(f"fsync {fsync}, not needed", databases, "free")
        compare(f"fsync {fsync}, needed by a dozen", dozens, "needed")
    set_fsync("DEFAULT")
    drop_databases(*databases.values())
