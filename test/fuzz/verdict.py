"""Compares what the guard did with what the oracle saw.

Classes of failures:
  MISS      what a live version needs is broken, and the guard let it through
  UNASKED   the guard's own check: a requirement changed its state without having been a candidate
  FALSE     the guard blocked, and nothing is broken
  WRONG     the guard blocked for good reason, but names something that is not broken
  PARTIAL   the guard blocked, but does not name a version that is broken, too
  DIVERGE   a statement fails, or fails otherwise, only with the guard
  REGISTER  a contract that is met is not ready
  CHECK     check() says of something that it is unmet, or met, and it is not
  LATER     a fresh session that logs in as the role finds broken what was let through
"""

import re

# Rules that speak of what only a definition makes a breakage (doc/rules.md), and
# what there has to be in the transaction for it.
BY_DEFINITION = {
    "constraint-added": r"NOT VALID|UNIQUE|CHECK",
    "constraint-not-valid-trap": r"NOT VALID",
    "domain-tightened": r"DOMAIN",
    "enum-label-added": r"ADD VALUE",
    "routine-body-broken": r".",
    "name-captured": r"CREATE|RENAME|SET SCHEMA|GRANT|REVOKE|EXTENSION",
    "query-result": r"ATTRIBUTE",
    "routine-result": r"ATTRIBUTE",
    "query-parameter": r"ATTRIBUTE",
    "schema-missing": r"SCHEMA",
    "role-missing": r"ROLE",
}
KINDS = {"privilege": "access"}
WRITES = r"UPDATE|MERGE|DELETE|WITH|INSERT"
# As documented, whatever is done.
DOCUMENTED = ("VG001", "VG003")


class Failure:
    def __init__(self, kind, text, members=()):
        self.kind = kind
        self.text = text
        self.members = list(members)

    def __repr__(self):
        return "%s: %s" % (self.kind, self.text)


def is_of_other_role(said, roles):
    match = re.match(r"expected role (\S+) to be allowed to use .*, found permission denied for ", said)
    return bool(match) and match[1] not in roles


def describe(version, member, answer):
    return "%s, %s%s: %s" % (version.name, member.label(), " [%s]" % member.query if member.query else "", answer.why)


def same_error(a, b):
    if a["C"] == b["C"]:
        return True
    # Whoever holds a lock on what is dropped or altered meets it as one or the other.
    return {a["C"], b["C"]} <= {"55P02", "55006"}


def compare(tx, twin_error, seen, verdict):
    """seen: {member: (version, answer)} of the live versions. Returns failures."""
    if verdict.state == "XX000" and "without being a candidate" in verdict.error["M"]:
        return [Failure("UNASKED", verdict.error["M"] + " " + verdict.error.get("D", ""))]
    if twin_error:
        if verdict.error is None:
            return [Failure("DIVERGE", "fails only without the guard: %s %s" % (twin_error["C"], twin_error["M"]))]
        if same_error(verdict.error, twin_error) or tx.verify == "statement" and verdict.blocked:
            return []
        return [Failure("DIVERGE", "%s %s, and without the guard %s %s" % (
            verdict.state, verdict.error["M"], twin_error["C"], twin_error["M"]))]

    newly = [(m, v, a) for m, (v, a) in seen.items() if a.state == "broken" and m.state == "ok" and not m.undecided]
    if verdict.error is None:
        newly += [(m, v, a) for m, (v, a) in seen.items() if a.rule and m.state == "ok" and not m.undecided and not verdict.warned(v.name, a.rule)]
        return [Failure("MISS", describe(v, m, a), [m]) for m, v, a in newly[:1]]
    if not verdict.blocked:
        return [Failure("DIVERGE", "only with the guard fails: %s %s" % (verdict.state, verdict.error["M"]))]

    # Each statement is judged, whatever is rolled back after it.
    if tx.verify == "statement" and any("ROLLBACK TO" in s for s in tx.statements):
        return []

    doubtful = [m for m, (v, a) in seen.items() if a.state != "ok" or m.undecided]
    text = "; ".join(tx.statements)
    failures = []
    findings = verdict.findings()
    if not findings:
        return [Failure("WRONG", "no finding was understood: %s" % verdict.error.get("D"))]
    for version, what, said, rule in verdict.said():
        if rule in BY_DEFINITION and re.search(BY_DEFINITION[rule], text):
            continue
        # Access is a privilege; a statement that a rule makes nothing of is not asked for it.
        if rule == "privilege-lost" and what.startswith("access ") and "REVOKE" in text:
            continue
        about = [m for m, (v, a) in seen.items() if v.name == version and concerns(m, what)]
        # What the owner of another table lacks is met by the first row that refers to it, or is referred to.
        if rule == "privilege-lost" and is_of_other_role(said, [v.role for m, (v, a) in seen.items() if v.name == version]) and any(m.kind != "query" or re.match(WRITES, m.query) for m in about):
            continue
        # Of a WHERE that no row can satisfy, as IS NULL of a column that is not null, 17 and later do not look
        # at what is beside it, nor ask for the right to it.  It is not null today.
        if rule == "privilege-lost" and any(m.query and re.search("LATERAL .* IS NULL$", m.query) for m in about):
            continue
        # What it sets to a DEFAULT that is not there is a null, whether or not it finds a row.
        if rule == "column-rejects-null" and any(m.query and "= DEFAULT" in m.query for m in about):
            continue
        # A null constant of a domain that has none, and what is published of a table that a
        # foreign key deletes from, are met by the first row.
        if rule == "query-broken" and re.search(r"NULL::|PUBLICATION", text):
            continue
        # The functions of constraints run when a row is written, if the statement finds one.
        if rule == "privilege-lost" and "REVOKE EXECUTE" in text and any(
                m.query and re.match(WRITES, m.query) for m in about):
            continue
        if not any(m in doubtful for m in about):
            failures.append(Failure("WRONG" if newly else "FALSE", "%s, %s (%s), but it works" % (version, what, rule), about))
    named = {version for version, _, _ in findings}
    for m, v, a in newly:
        if tx.verify == "commit" and v.name not in named and "more" not in verdict.error.get("D", "")[-200:]:
            failures.append(Failure("PARTIAL", "not named: " + describe(v, m, a), [m]))
            break
    return failures[:1]


def concerns(member, what):
    """Is a finding about this member, by what the message calls it?"""
    kind, _, name = what.partition(" ")
    if kind == "query":
        return member.kind == "query" and name == '"%s"' % member.name
    if member.kind == "query":
        return False
    kind = KINDS.get(kind, kind)
    # Findings of a declared relation are called by whichever requirement is first.
    relations = ("relation", "access", "column", "insert", "unique", "privilege", "index", "view", "trigger", "foreign")
    if kind in relations or member.kind in relations and kind not in ("routine", "type", "sequence", "extension"):
        return member.kind in relations
    return member.kind == kind
