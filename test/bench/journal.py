"""What the journal costs a change that passes, and one that is blocked."""

import statistics

from bench import drop_databases, make_guarded, ratios, report, rounds, spread, sql, timed

DATABASE = "bench_journal"
ROUNDS = 11
STATEMENTS = 40
BLOCKED = 200


def setting(journal):
    return f"-c compat_guard.journal={journal}"


def pass_through(journal):
    """Milliseconds of an ADD COLUMN: by the clock, of the processor."""
    wall, cpu = timed(DATABASE, ["ALTER TABLE other ADD COLUMN extra text;\n",
                                 "ALTER TABLE other DROP COLUMN extra;\n"] * STATEMENTS,
                      options=setting(journal))
    return statistics.median(wall[0::2]), statistics.median(cpu[0::2])


def block(journal):
    """Blocked changes a second; milliseconds of the backend's processor time for one."""
    statement = "ALTER TABLE needed DROP COLUMN a;\n"
    wall, cpu = timed(DATABASE, ["\\unset ON_ERROR_STOP\n" + statement] * BLOCKED,
                      options=setting(journal))
    sql(DATABASE, "SELECT pg_sleep(0.1)")
    return 1000 / statistics.median(wall), statistics.median(cpu)


def main():
    make_guarded(DATABASE)
    sql(DATABASE, "CREATE TABLE needed (a int); CREATE TABLE other (a int);"
                  " SELECT compat_guard.register_queries('bench', '1', '{SELECT a FROM needed}')")
    on, off = rounds(ROUNDS, lambda: pass_through("on"), lambda: pass_through("off"))
    report("ADD COLUMN, journal on against off", spread(ratios([t[0] for t in on], [t[0] for t in off])))
    report("  processor time", spread(ratios([t[1] for t in on], [t[1] for t in off])), "<= 1.05")
    on, off = rounds(ROUNDS, lambda: block("on"), lambda: block("off"))
    for name, these in (("on", on), ("off", off)):
        report(f"blocked changes a second, journal {name}", spread([t[0] for t in these], "{:.0f}"))
        report("  processor time of one, ms", spread([t[1] for t in these]))
    written, missed = sql(DATABASE, "SELECT count(*) || ' ' || (SELECT missed FROM compat_guard.journal_status)"
                                    " FROM compat_guard.journal WHERE verdict = 'blocked'").split()
    report("  written to the journal; only to the server log", f"{written}; {missed}",
           f"{ROUNDS * BLOCKED}; 0")
    drop_databases(DATABASE)
