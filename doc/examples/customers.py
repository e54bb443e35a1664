#!/usr/bin/env python3
"""customers.py VERSION

A service that tells compat_guard what it needs and that it is running.  Connects as the
PG* variables say, serves until SIGTERM, then prints one line of JSON.  Needs psycopg 3
and psycopg_pool.
"""
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import socket
import sys
import threading

import psycopg
import psycopg_pool

APP = "customers"
VERSION = sys.argv[1]
INSTANCE = os.environ.get("INSTANCE", f"{socket.gethostname()}-{os.getpid()}")
CLIENTS = 3

# Take the statements from the contract, so that what is registered is what is sent.
# psycopg writes %s for $1.
CONTRACT = pathlib.Path(__file__).with_name(f"contract-{VERSION}.json").read_text()
QUERIES = {
    name: re.sub(r"\$\d+", "%s", query.replace("%", "%%"))
    for name, query in json.loads(CONTRACT)["queries"].items()
}

stop = threading.Event()


def log(message):
    print(f"{INSTANCE}: {message}", file=sys.stderr, flush=True)


def register():
    with psycopg.connect(autocommit=True) as conn:
        status, unmet = conn.execute(
            "SELECT status, unmet FROM compat_guard.register(%s, %s, %s)",
            (APP, VERSION, CONTRACT),
        ).fetchone()
    log(f"registered, {status}, {unmet} requirements unmet")


def attach(conn):
    """Make each connection of the pool an instance for as long as it is open.

    So the server notices the end of the process, however it ends.  The pool calls this
    for every connection it opens, also after a restart of the server.
    """
    conn.execute("SELECT compat_guard.attach(%s, %s)", (APP, VERSION))


def wait_until_ready(pool):
    """Wait for the migration, a second at a time, to notice SIGTERM."""
    with pool.connection() as conn:
        while not stop.is_set():
            (ready,) = conn.execute(
                "CALL compat_guard.wait_until_ready(%s, %s, '1 second')", (APP, VERSION)
            ).fetchone()
            if ready:
                return True
    return False


def request(pool, number):
    """Do one piece of this service's work."""
    with pool.connection() as conn:
        with conn.transaction():
            (id,) = conn.execute(QUERIES["add"], (INSTANCE, "0")).fetchone()
            conn.execute(QUERIES["change"], (number, id))
        found = conn.execute(QUERIES["find"], (id,)).fetchone()
        if found != (INSTANCE, number):
            raise RuntimeError(f"wrote {number}, read {found}")


def serve(pool):
    served = collections.Counter(requests=0, errors=0)
    while not stop.wait(0.02):
        try:
            request(pool, str(served.total()))
            served["requests"] += 1
        except Exception as error:
            served["errors"] += 1
            log(f"error: {error!r}")
    return served


def main():
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    served = collections.Counter(requests=0, errors=0)
    register()
    # Closing the pool at the end detaches.
    with psycopg_pool.ConnectionPool(
        min_size=CLIENTS, kwargs={"autocommit": True}, configure=attach
    ) as pool:
        if wait_until_ready(pool):
            log("serving")
            with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
                for client in [clients.submit(serve, pool) for _ in range(CLIENTS)]:
                    served.update(client.result())
    print(json.dumps({"version": VERSION, "instance": INSTANCE, **served}))


main()
