"""What the measures share: a server to talk to, rounds, ratios.

Times mean little on a machine that does other things, too.  So a figure is a
ratio of two things done in turns, the median over the rounds, with the least
and the greatest beside it.  Where the waiting for disk and processor drowns
what is looked for, the backend's own processor time is taken as well.
"""

import os
import re
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PRELOAD = "-c session_preload_libraries=compat_guard"

# Nanoseconds the backend has run so far, by Linux.
READ_CPU = "SELECT 'cpu ' || split_part(pg_read_file('/proc/self/schedstat'), ' ', 1);\n"


def start(*command, options="", **popen):
    """Start a client program; options are for the server session it opens."""
    env = dict(os.environ, PGOPTIONS="-c client_min_messages=error " + options)
    return subprocess.Popen(command, env=env, text=True, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **popen)


def finish(client, text=None):
    out, err = client.communicate(text)
    if client.returncode != 0:
        sys.exit(f"{client.args[0]} failed:\n{out[-2000:]}{err[-2000:]}")
    return out


def run(*command, options="", text=None):
    return finish(start(*command, options=options), text)


def psql(database, text, *arguments, options=""):
    return run("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", *arguments, "-d", database,
               options=options, text=text)


def sql(database, text, **variables):
    """Run SQL; returns the last line of the output."""
    given = [arg for name, value in variables.items() for arg in ("-v", f"{name}={value}")]
    return psql(database, text, *given).strip().rsplit("\n", 1)[-1]


def sql_file(database, name, **variables):
    with open(os.path.join(HERE, name)) as file:
        return sql(database, file.read(), **variables)


def timed(database, statements, options=""):
    """Run statements in one session; milliseconds of each by the client's clock
    and by the backend's processor time."""
    script = "\\timing on\n" + "".join(
        READ_CPU + READ_CPU + "\\echo statement\n" + statement + READ_CPU for statement in statements)
    lines = psql(database, script, options=options).splitlines()
    wall = [float(lines[n].split()[1]) for n in range(len(lines))
            if lines[n].startswith("Time:") and not lines[n - 1].startswith("cpu")]
    cpu = [int(line[4:]) / 1e6 for line in lines if line.startswith("cpu")]

    # To look at the clock takes time itself: the two readings before tell how much.
    return wall, [(after - middle) - (middle - before)
                  for before, middle, after in zip(cpu[0::3], cpu[1::3], cpu[2::3])]


def make_database(name, template="template1"):
    sql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    sql("postgres", f"CREATE DATABASE {name} TEMPLATE {template}")


def make_guarded(name, template="template1"):
    """A database with the extension, whose sessions have the library from the start."""
    make_database(name, template)
    sql(name, "CREATE EXTENSION IF NOT EXISTS compat_guard")
    sql("postgres", f"ALTER DATABASE {name} SET session_preload_libraries = compat_guard")


def drop_databases(*names):
    for name in names:
        sql("postgres", f"DROP DATABASE {name} WITH (FORCE)")


def set_fsync(value):
    """DEFAULT is what the server's own configuration says."""
    sql("postgres", f"ALTER SYSTEM SET fsync = {value}")
    sql("postgres", "SELECT pg_reload_conf()")
    time.sleep(0.5)


def elapsed(function, *args):
    begin = time.monotonic()
    function(*args)
    return time.monotonic() - begin


def rounds(count, *functions):
    """Call the functions in turns, there and back; returns the results of each."""
    results = [[] for _ in functions]
    for n in range(count):
        for i in sorted(range(len(functions)), reverse=n % 2 == 1):
            results[i].append(functions[i]())
    return results


def spread(values, form="{:.2f}"):
    low, middle, high = (form.format(v) for v in
                         (min(values), statistics.median(values), max(values)))
    return f"{middle} ({low} to {high})"


def ratios(these, those):
    """Round by round: neighbours in time have the same disturbance."""
    return [a / b for a, b in zip(these, those)]


def report(what, figure, bound=""):
    print(f"{what:<62} {figure:<26} {bound}".rstrip(), flush=True)
