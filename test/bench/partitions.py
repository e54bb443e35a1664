"""Partitions that come and go, by how many there are beside them."""

import json

from bench import drop_databases, make_database, make_guarded, ratios, report, rounds, spread, sql, timed

ROUNDS = 7
SIZES = (100, 1000, 10000)

# In two levels, since each new partition takes as long as those beside it are many.
TABLE = """
CREATE TABLE log (id int NOT NULL, note text, at timestamptz, PRIMARY KEY (id)) PARTITION BY RANGE (id);
DO $$
BEGIN
	FOR i IN 0..{size} / 100 - 1 LOOP
		EXECUTE format('CREATE TABLE log_%s PARTITION OF log FOR VALUES FROM (%s) TO (%s) PARTITION BY RANGE (id)',
					   i, i * 100, i * 100 + 100);
		FOR j IN 0..99 LOOP
			EXECUTE format('CREATE TABLE log_%s_%s PARTITION OF log_%s FOR VALUES FROM (%s) TO (%s)',
						   i, j, i, i * 100 + j, i * 100 + j + 1);
		END LOOP;
		COMMIT;
	END LOOP;
END $$;
VACUUM ANALYZE;
"""

CONTRACT = {
    "relations": {"log": {"access": ["select", "insert"], "insert": ["id", "note"]}},
    "queries": {"one": "SELECT note FROM log WHERE id = $1", "all": "SELECT count(*) FROM log",
                "change": "UPDATE log SET note = $1 WHERE id = $2"}}

CHANGES = {
    "CREATE TABLE ... PARTITION OF": "CREATE TABLE log_new PARTITION OF log FOR VALUES FROM (-2) TO (-1);\n",
    "DROP TABLE of a partition": "DROP TABLE log_new;\n"}


def measure(database):
    """Milliseconds of each change, in a session that has made one before."""
    changes = list(CHANGES.values())
    return timed(database, changes + changes)[0][len(changes):]


def main():
    for size in SIZES:
        databases = (f"bench_partitions_0_{size}", f"bench_partitions_{size}")
        make_database(databases[0])
        make_guarded(databases[1])
        for database in databases:
            sql(database, TABLE.format(size=size))
        sql(databases[1], "SELECT compat_guard.register('bench', '1', :'contract')", contract=json.dumps(CONTRACT))
        without, guarded = rounds(ROUNDS, *(lambda d=d: measure(d) for d in databases))
        for i, what in enumerate(CHANGES):
            report(f"{what}, {size:,} partitions",
                   spread(ratios([g[i] for g in guarded], [w[i] for w in without])))
            report(f"{what}, {size:,} partitions: ms more",
                   spread([g[i] - w[i] for g, w in zip(guarded, without)]))
        drop_databases(*databases)
