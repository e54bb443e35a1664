#!/usr/bin/env python3
"""fuzz.py [--seed S] [--n TRANSACTIONS] [--with FEATURES] [--without FEATURES] [--only FEATURES] [--out DIR] [--short]

Differential fuzzer: random changes of random schemas under random contracts, with the
guard and without it, and an oracle that says of each what it breaks.
README.md, beside this file, explains it.
"""

import argparse
import collections
import os
import re
import random
import sys
import time

import change  # noqa: F401: declares makers
import contract
import create  # noqa: F401
import features
from generator import Generator, roles
from minimise import Case, as_sql, minimise, signature
from pair import Pair
from transaction import compose
from verdict import Failure, compare
from wire import Lost

PER_EPISODE = 150
FULL_LOOK = 25


class Counts(collections.Counter):
    pass


class Episode:
    """One schema and its contracts, and transactions one after the other until one fails."""

    def __init__(self, pair, seed, on, counts):
        self.pair = pair
        self.seed = seed
        self.rng = random.Random(seed)
        self.on = on
        self.counts = counts
        self.events = []
        self.versions = []
        self.number = 0

    def generator(self):
        hot = {h for v in self.live() for m in v.members for h in m.hot}
        return Generator(self.rng, self.world, self.on, hot)

    def live(self):
        return [v for v in self.versions if v.live]

    def setup(self):
        pair = self.pair
        pair.renew()
        for statement in roles():
            pair.setup(statement)
            self.events.append(("sql", statement))
        self.world = pair.world()
        for kind in ("table", "table", "enum", "table", "composite", "sequence", "table") + ("",) * 26:
            made = self.generator().make("create", kind or None)
            for statement in made[2] if made else ():
                if not pair.setup(statement):
                    break
                self.events.append(("sql", statement))
            self.world = pair.world()
        for _ in range(self.rng.randrange(2, 4)):
            failure = self.register()
            if failure:
                return failure
        return None

    def register(self):
        self.number += 1
        version = contract.version(self.generator(), "v%d" % self.number)
        self.pair.baseline(version, self.world)
        if not version.members:
            return None
        self.events.append(("register", version))
        self.counts["members"] += len(version.members)
        status, problems = self.pair.register(version)
        # A right that this plan, or these rows, did not come to ask for.
        if status == "pending" and all(re.search("permission denied for|replica identity|does not allow null|it is not null|is GENERATED ALWAYS AS IDENTITY|plpgsql_check is not installed", p) for p in problems):
            self.counts["strict"] += 1
            self.pair.retire(version)
            self.events.append(("retire", version.name))
            return None
        if status != "ready":
            return [Failure("REGISTER", "%s: %s" % (status, "; ".join(problems)[:300]))]
        self.versions.append(version)
        return None

    def run(self, limit):
        """Returns (failures, the transaction they fell on)."""
        failures = self.setup()
        if failures:
            return failures, None
        for n in range(min(limit, PER_EPISODE)):
            if self.rng.random() < 0.03:
                failures = self.change_versions()
                if failures:
                    return failures, None
            tx = compose(self.generator())
            if tx is None:
                continue
            failures = self.transaction(tx)
            if not failures and (n % FULL_LOOK == FULL_LOOK - 1 or n == min(limit, PER_EPISODE) - 1):
                failures = self.full_look(tx)
            if failures:
                return failures, tx
        return [], None

    def change_versions(self):
        live = self.live()
        if len(live) > 1 and self.rng.random() < 0.5:
            version = self.rng.choice(live)
            self.pair.retire(version)
            self.events.append(("retire", version.name))
            return None
        return self.register()

    def transaction(self, tx):
        counts, pair = self.counts, self.pair
        counts["transactions"] += 1
        error, seen, verdict = pair.try_both(tx, self.live(), self.world)
        failures = compare(tx, error, seen, verdict)
        broken = [m for m, (v, a) in seen.items() if a.state == "broken" and m.state == "ok" and not m.undecided]
        doubts = [m for m, (v, a) in seen.items() if a.state == "undecided" and m.state == "ok"]
        counts["fails in the twin"] += error is not None
        counts["works in the twin"] += error is None
        counts["breaks"] += bool(broken)
        counts["undecided"] += bool(doubts) and not broken
        counts["blocked"] += verdict.blocked
        if error or verdict.error:
            pair.twin_ends("ROLLBACK")
        else:
            end = pair.twin_ends("COMMIT")
            if end.error and not failures:
                failures = [Failure("DIVERGE", "commits only with the guard: %s" % end.error["M"])]
            for m, (v, a) in seen.items():
                m.state = a.state
                m.undecided = m.undecided or a.state == "undecided"
            if not failures:
                self.world = pair.world()
        if not failures:
            self.events.append(("tx", tx))
        return failures

    def full_look(self, tx):
        """From fresh sessions, and by the guard's own words."""
        self.counts["full looks"] += 1
        seen = self.pair.fresh_look(self.live(), self.world)
        for m, (v, a) in seen.items():
            if a.state == "broken" and m.state == "ok" and not m.undecided:
                return [Failure("LATER", "%s, %s: %s" % (v.name, m.label(), a.why), [m])]
        said = self.pair.verification(self.live())
        if not isinstance(said, dict):
            return [Failure("CHECK", "check() fails: %s %s" % (said["C"], said["M"]))]
        for m, (v, a) in seen.items():
            if m.kind != "query" or m.undecided or m.state != "ok":
                continue
            for state, found in said.get((v.name, "query", m.name), said.get((v.name, "query", "query \"%s\"" % m.name), [])):
                if state == "unmet" and a.state == "ok":
                    return [Failure("CHECK", "%s, %s: check() says unmet, %s" % (v.name, m.label(), found), [m])]
        return []


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--with", dest="plus", default="")
    parser.add_argument("--without", default="")
    parser.add_argument("--only", default="")
    parser.add_argument("--out", default="fuzz-out")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--features", action="store_true")
    parser.add_argument("--keep-going", type=int, default=10**9, help="stop after so many different failures")
    parser.add_argument("--episode", type=int, help="this one alone")
    parser.add_argument("--no-minimise", action="store_true")
    options = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)

    on = set(features.FEATURES) | features.SWITCHES
    if options.features:
        print("\n".join(sorted(on)))
        return 0
    if options.short:
        on -= features.SHORT_WITHOUT
    on -= set(filter(None, options.without.split(",")))
    on |= set(filter(None, options.plus.split(",")))

    if not options.no_minimise:
        os.makedirs(options.out, exist_ok=True)
    counts = Counts()
    signatures = collections.Counter()
    pair = Pair()
    pair.find_setting()
    start = time.time()
    episode = options.episode or 0
    while counts["transactions"] < options.n:
        seed = "%d.%d" % (options.seed, episode)
        episode += 1
        e = Episode(pair, seed, on, counts)
        try:
            failures, tx = e.run(options.n - counts["transactions"])
        except Lost as lost:
            print("CRASH in episode %s: %s" % (seed, lost))
            counts["CRASH"] += 1
            time.sleep(5)
            pair = Pair()
            continue
        for failure in failures[:1]:
            counts[failure.kind] += 1
            sign = signature(failure, tx, ()) if tx else "%s | %s" % (failure.kind, failure.text[:150])
            signatures[sign] += 1
            if signatures[sign] > 1:
                continue
            print("%s in episode %s, transaction %d: %s" % (failure.kind, seed, counts["transactions"], failure.text))
            if tx:
                print("    %s" % tx)
            print("    signature: %s" % sign)
            if tx and not options.no_minimise and failure.kind not in ("LATER", "CHECK"):
                small = minimise(pair, Case(e.events, tx), failure.kind)
                name = os.path.join(options.out, "%s-%s.sql" % (failure.kind, seed))
                if small is None:
                    counts["not reproduced"] += 1
                    print("    not reproduced by a replay")
                else:
                    with open(name, "w") as file:
                        file.write(as_sql(small, failure.kind, seed))
                    print("    written: %s" % name)
        if len(signatures) >= options.keep_going or options.episode is not None:
            break
    pair.close()
    seconds = time.time() - start
    print("%.1f transactions/s" % (counts["transactions"] / seconds))
    for name, count in sorted(counts.items()):
        print("%-20s %d" % (name, count))
    for sign, count in signatures.most_common():
        print("%5d  %s" % (count, sign))
    return 1 if any(k.isupper() for k in counts) else 0


if __name__ == "__main__":
    sys.exit(main())
