#!/usr/bin/env python3
"""crowd.py [--seed S] [--n ROUNDS] [--sessions K] [--without FEATURES]

Changes in several sessions at once, on the guarded database alone.  In each round every
session runs a transaction; then the oracle looks.  Whatever the order was: nothing that a
live version needs is broken, and no error but the documented ones and those of the
changes themselves.  What happens is a matter of time, so a seed says little.
"""

import argparse
import collections
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import change  # noqa: F401: declares makers
import create  # noqa: F401
import features
from fuzz import Counts, Episode
from pair import GUARD, NAME, Pair
from transaction import compose
from wire import Lost, Session
from world import load

ROUNDS = 40
# Of the guard and of the server: what may go wrong where others are at work, too.
BUSY = ("VG001", "VG003", "55P03", "40P01", "55006", "XX000 tuple concurrently updated", "XX000 tuple concurrently deleted")
OPTIONS = "-c client_min_messages=error -c lock_timeout=300 -c compat_guard.ddl_lock_timeout=300 -c deadlock_timeout=100"


def allowed(error):
    code = error["C"]
    if code == "XX000":
        return "%s %s" % (code, error["M"]) in BUSY or "cache lookup failed" in error["M"] or "could not open relation" in error["M"] \
            or "could not find tuple" in error["M"]
    return code in BUSY or code[:2] not in ("VG", "XX", "57", "58", "F0")


def send(session, tx):
    """Returns the error, if any; the connection is lost by an exception."""
    block = tx.mode in ("block", "two-phase") or tx.verify == "statement"
    for message in (["BEGIN"] if block else []) + tx.messages() + (["COMMIT"] if block else []):
        outcome = session.run(message)
        if outcome.error:
            session.run("ROLLBACK")
            return outcome.error
        time.sleep(random.random() * 0.003)
    return None


class Crowd(Episode):
    def run(self, rounds, count):
        failures = self.setup()
        if failures:
            return []       # the other fuzzer's business
        preload = " -c session_preload_libraries=compat_guard"
        sessions = [Session(GUARD, NAME, options=OPTIONS + (preload if i else "")) for i in range(count)]
        judge = Session(GUARD, NAME, options=OPTIONS + preload)
        found = []
        with ThreadPoolExecutor(count) as pool:
            for _ in range(rounds):
                self.world = load(judge)
                txs = [tx for tx in (compose(self.generator()) for _ in sessions) if tx]
                for tx in txs:
                    tx.session = "preloaded"
                errors = list(pool.map(send, sessions, txs))
                self.counts["transactions"] += len(txs)
                for tx, error in zip(txs, errors):
                    self.counts["committed" if error is None else error["C"]] += 1
                    if error and not allowed(error):
                        found.append("ERROR: %s %s: %s" % (error["C"], error["M"], tx))
                seen = self.pair.look(self.live(), judge, self.world)
                for m, (v, a) in seen.items():
                    if a.state == "broken" and m.state == "ok" and not m.undecided:
                        found.append("MISS: %s, %s: %s, after\n    %s" % (v.name, m.label(), a.why, "\n    ".join(
                            "%s: %s" % (tx, error and error["C"] or "committed") for tx, error in zip(txs, errors))))
                    m.state = a.state
                    m.undecided = m.undecided or a.state == "undecided"
                if found:
                    break
        for session in sessions + [judge]:
            session.close()
        return found


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--sessions", type=int, default=3)
    parser.add_argument("--without", default="")
    parser.add_argument("--out")
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    on = set(features.FEATURES) | features.SWITCHES
    on -= features.SHORT_WITHOUT if options.short else set()
    # Roles belong to the cluster, and are the one thing that a rollback to the template does not give back.
    on -= set(options.without.split(",")) | {"role", "membership", "verify-statement", "two-phase"}
    counts = Counts()
    bad = collections.Counter()
    pair = Pair()
    pair.find_setting()
    done = episode = 0
    while done < options.n:
        crowd = Crowd(pair, "%d.%d" % (options.seed, episode), on, counts)
        try:
            found = crowd.run(min(ROUNDS, options.n - done), options.sessions)
        except Lost as lost:
            found = ["CRASH: %s" % lost]
            time.sleep(5)
            pair = Pair()
        for text in found:
            bad[text.split(":")[0]] += 1
            print("%s, in episode %s" % (text, crowd.seed))
        done += ROUNDS
        episode += 1
    pair.close()
    for name, count in sorted(counts.items()) + sorted(bad.items()):
        print("%-20s %d" % (name, count))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
