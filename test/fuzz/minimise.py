"""Makes failures small, and writes each as SQL that can be pasted."""

import copy
import os
import re
import time

from transaction import Transaction
from verdict import compare

# Replays, and seconds.
BUDGET = 400
PATIENCE = int(os.environ.get("PATIENCE", "90"))


class Case:
    """All that leads to a failure: events before, and the transaction it falls on."""

    def __init__(self, events, final):
        self.events = events        # ("sql", statement), ("register", version), ("retire", name), ("tx", transaction)
        self.final = final          # a transaction, or a version whose registration fails


def replay(pair, case):
    """Do it all again in new databases; returns failures."""
    pair.renew()
    versions = []
    for kind, what in case.events:
        if kind == "sql":
            pair.setup(what)
        elif kind == "register":
            v = copy.copy(what)
            v.members = [copy.copy(m) for m in what.members]
            pair.baseline(v, pair.world())
            if pair.register(v)[0] == "ready":
                versions.append(v)
        elif kind == "retire":
            for v in versions:
                if v.name == what and v.live:
                    pair.retire(v)
        else:
            error, _, verdict = pair.try_both(what, [], None)
            pair.twin_ends("ROLLBACK" if error or verdict.error else "COMMIT")
    versions = [v for v in versions if v.live]
    pair.known = pair.world()
    for m, (v, answer) in pair.look(versions).items():
        m.state = answer.state
        m.undecided = answer.state == "undecided"
    error, seen, verdict = pair.try_both(case.final, versions, pair.world())
    pair.twin_ends("ROLLBACK")
    case.verdict = verdict
    case.error = error
    return compare(case.final, error, seen, verdict)


def minimise(pair, case, kind):
    """Leave out whatever can be, so long as a failure of this kind remains."""
    tries = [0]
    until = time.time() + PATIENCE
    best = [case]

    def fails(events, final):
        tries[0] += 1
        if tries[0] > BUDGET or time.time() > until:
            return False
        candidate = Case(events, final)
        try:
            failures = replay(pair, candidate)
        except Exception as e:
            if tries[0] == 1:
                print("    replay: %r" % e)
            return False
        if tries[0] == 1 and not any(f.kind == kind for f in failures):
            print("    replay: %s, in the twin %s, in the guarded one %s" % (failures, candidate.__dict__.get("error"), candidate.__dict__.get("verdict") and candidate.verdict.error))
        if any(f.kind == kind for f in failures):
            candidate.failures = failures
            best[0] = candidate
            return True
        return False

    if not fails(case.events, case.final):
        return None
    # One version, one member of it.
    for version in [v for k, v in case.events if k == "register"]:
        for m in version.members:
            if m.label() in {x.label() for f in best[0].failures for x in f.members}:
                one = copy.copy(version)
                one.members = [m]
                if fails([(k, one if v is version else v) for k, v in best[0].events if k != "register" or v is version], best[0].final):
                    break
    # What went before, as far as it matters at all.
    fails([e for e in best[0].events if e[0] != "tx"], best[0].final)
    # Half by half, then one by one.
    size = max(1, len(best[0].events) // 2)
    while size:
        at = len(best[0].events)
        while at > 0:
            at -= size
            events = best[0].events
            fails(events[:max(at, 0)] + events[at + size:], best[0].final)
        size //= 2
    final = best[0].final
    for unit in range(len(final.units) - 1, -1, -1):
        units = best[0].final.units
        if len(units) > 1 and unit < len(units):
            fails(best[0].events, Transaction(units[:unit] + units[unit + 1:], final.mode, final.session, final.verify))
    final = best[0].final
    simple = "auto" if len(final.statements) == 1 else "block"
    for mode, session, verify in ((simple, "preloaded", "commit"), (simple, final.session, final.verify), (final.mode, "preloaded", final.verify)):
        if (mode, session, verify) != (final.mode, final.session, final.verify) and \
                fails(best[0].events, Transaction(final.units, mode, session, verify)):
            break
    for k, version in best[0].events:
        if k == "register" and len(version.members) > 1:
            for m in list(version.members):
                one = copy.copy(version)
                one.members = [x for x in version.members if x is not m]
                if fails([(k, one if v is version else v) for k, v in best[0].events], best[0].final):
                    version = one
    return best[0]


def as_sql(case, kind, seed):
    """The case as a script for an empty database with the extension's library installed."""
    lines = ["-- %s" % f for f in case.failures] + ["-- seed %s" % seed, "CREATE EXTENSION compat_guard;"]
    final = case.final
    if final.mode in ("nested", "caught") or any(k == "tx" and tx.mode in ("nested", "caught") for k, tx in case.events):
        from transaction import HELPERS
        lines += [h + ";" for h in HELPERS]
    for event, what in case.events:
        if event == "sql":
            lines.append(what + ";")
        elif event == "register":
            lines.append("SELECT status FROM compat_guard.register('app', '%s', '%s');" % (what.name, what.document().replace("'", "''")))
        elif event == "retire":
            lines.append("SELECT compat_guard.retire('app', '%s');" % what)
        else:
            lines += sent(what)
    lines += ["", "-- Expected: %s" % {"MISS": "VG001", "UNASKED": "VG001", "FALSE": "no error", "WRONG": "VG001 for another reason",
                                      "PARTIAL": "VG001 that names all versions"}.get(kind, "the same as without the guard"),
              "-- Got: %s" % (case.verdict.error["M"] + " " + case.verdict.error.get("D", "") if case.verdict.error else "no error").replace("\n", "\n--   ")]
    lines += sent(final)
    for f in case.failures:
        for m in f.members:
            if m.query:
                lines.append("-- " + m.query.replace("\n", " ") + ";")
    return "\n".join(lines) + "\n"


def sent(tx):
    lines = [m + ";" for m in tx.messages()]
    if tx.mode in ("block", "two-phase"):
        lines = ["BEGIN;"] + (["SET LOCAL compat_guard.verify = statement;"] if tx.verify != "commit" else []) + lines
        lines += ["PREPARE TRANSACTION 'fuzz';", "COMMIT PREPARED 'fuzz';"] if tx.mode == "two-phase" else ["COMMIT;"]
    elif tx.mode == "multi":
        lines = ["BEGIN; -- sent as one message"] + lines + ["COMMIT;"]
    return lines


def signature(failure, tx, members):
    """What tells one defect from another: class, what was done, to what sort of need, and what the server said."""
    text = re.sub(r'"[^"]*"|\'[^\']*\'|\d+|\[.*\]', "", failure.text)
    text = re.sub(r"v, |\bv\b", "", text)[-90:]
    kinds = sorted({getattr(m, "feature", m.kind) for m in failure.members})
    return "%s | %s | %s | %s" % (failure.kind, "+".join(sorted({f for _, f, _ in tx.units if f != "savepoint"})), ",".join(kinds), re.sub(r"\s+", " ", text))
