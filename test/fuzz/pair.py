"""Two databases in step: one with the guard, one without."""

import os
import re
from concurrent.futures import ThreadPoolExecutor

import oracle
import transaction
from oracle import Looking, choose_values
from wire import Batch, Lost, Session
from world import load

GUARD = os.environ.get("PGHOST", "/tmp")
TWIN = os.environ.get("TWIN", GUARD)
NAME = "fuzz"


class Verdict:
    """What became of a transaction in the guarded database."""

    def __init__(self, error=None, notices=()):
        self.error = error
        self.notices = notices

    @property
    def state(self):
        return self.error["C"] if self.error else None

    @property
    def blocked(self):
        return self.state == "VG001"

    def findings(self):
        """(version, what, rule) of what blocked."""
        return [(version, what, rule) for version, what, _, rule in self.said()]

    def said(self):
        """(version, what, all that is said, rule) of what blocked."""
        return re.findall(r"^- app (\S+), (.*?): (expected .*) \(([a-z-]+)\)\.?$",
                          self.error.get("D", "") if self.error else "", re.M)

    def warned(self, version, rule):
        """Was the version reported by the rule, be it as a block or a warning?"""
        texts = [fields.get("D", "") for fields in self.notices + [self.error or {}]]
        return any(re.search(r"^- app %s, .* \(%s(, warn)?\)\.?$" % (re.escape(version), rule), text, re.M) for text in texts)


class Pair:
    """Made anew for each episode and each replay: schema, roles and all."""

    def __init__(self):
        self.guard_admin = Session(GUARD, "postgres")
        self.twin_admin = Session(TWIN, "postgres") if TWIN != GUARD else self.guard_admin
        self.admins = [self.guard_admin, self.twin_admin]
        self.guards = {}
        self.twin = None
        self.pool = ThreadPoolExecutor(1)
        self.renew()

    def both(self, sql):
        for admin in self.admins:
            admin.start(sql)
        return [admin.finish() for admin in self.admins]

    def renew(self):
        self.close()
        for sql in ("DROP DATABASE IF EXISTS %s WITH (FORCE)" % NAME, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'" % NAME):
            self.both(sql)
        roles = [r[0] for r in self.guard_admin.must("SELECT rolname FROM pg_roles WHERE rolname ~ '^fz_'")]
        roles += [r[0] for r in self.twin_admin.must("SELECT rolname FROM pg_roles WHERE rolname ~ '^fz_'")]
        for role in sorted(set(roles)):
            self.both("DROP ROLE IF EXISTS " + role)
        if not getattr(self, "template", False):
            self.make_template()
        for outcome in self.both("CREATE DATABASE %s TEMPLATE %s_template" % (NAME, NAME)):
            if outcome.error:
                raise RuntimeError(outcome.error["M"])
        self.twin = self.connect_twin()
        self.reader = self.connect_twin()

    def make_template(self):
        for sql in ("DROP DATABASE IF EXISTS %s_template" % NAME, "CREATE DATABASE %s_template TEMPLATE template0" % NAME):
            self.both(sql)
        for host in (GUARD, TWIN):
            session = Session(host, NAME + "_template")
            for statement in transaction.HELPERS:
                session.must(statement)
            if host == GUARD:
                session.must("CREATE EXTENSION compat_guard")
                oracle.of_run.bodies = session.run("CREATE EXTENSION plpgsql_check").error is None
            session.close()
        self.template = True

    def connect_twin(self, user="postgres"):
        session = Session(TWIN, NAME, user, "-c client_min_messages=error")
        session.name = "twin as " + user
        return session

    def guard(self, kind="preloaded"):
        if kind == "fresh":
            self.drop_guard("fresh")
        if kind not in self.guards:
            options = "-c client_min_messages=warning -c compat_guard.max_findings_shown=1000"
            if kind == "preloaded":
                options += " -c session_preload_libraries=compat_guard"
            self.guards[kind] = Session(GUARD, NAME, options=options)
            if kind == "preloaded" and self.checks_candidates:
                self.guards[kind].run("SET compat_guard.check_candidates = on")
        return self.guards[kind]

    checks_candidates = False

    def find_setting(self):
        """Does this build know the developer's check that no requirement was left out?"""
        session = Session(GUARD, NAME, options="-c session_preload_libraries=compat_guard")
        Pair.checks_candidates = session.run("SHOW compat_guard.check_candidates").error is None
        session.close()

    def drop_guard(self, kind):
        if kind in self.guards:
            self.guards.pop(kind).close()

    def close(self):
        for kind in list(self.guards):
            self.drop_guard(kind)
        for session in (self.twin, getattr(self, "reader", None)):
            if session:
                session.close()
        self.twin = None

    # What happens to both.

    def setup(self, sql):
        """A statement of the setup: kept if it works in the twin."""
        if self.twin.run(sql).error:
            return False
        outcome = self.guard().run(sql)
        if outcome.error:
            raise RuntimeError("only with the guard fails: %s: %s" % (sql, outcome.error))
        return True

    def world(self):
        return load(self.reader)

    def look(self, versions, session=None, world=None):
        """{member: answer} by a look at the twin, inside the transaction that is open or one of its own."""
        session = session or self.twin
        own = session is not self.twin or not self.in_transaction
        if own:
            session.must("BEGIN")
        looking = Looking(session, versions, world or self.known)
        seen = {m: (v, answer) for v, m, answer in looking.look()}
        if own:
            session.must("ROLLBACK")
        return seen

    in_transaction = False

    def baseline(self, version, world):
        """Looks at the members of a new version; leaves those that are met, each with its baseline."""
        self.known = world
        for m in version.members:
            m.values = None
            m.baseline = None
        for m, (_, answer) in self.look([version], world=world).items():
            if m.kind == "query" and answer.state == "ok":
                choose_values(m, answer.seen["seen"][0], world)
        seen = self.look([version], world=world)
        unusable = [m.name for m in version.members if m.kind == "relation" and seen[m][1].state != "ok"]
        version.members = [m for m in version.members if seen[m][1].state == "ok" and m.name not in unusable]
        for m in version.members:
            m.baseline = seen[m][1].seen
            m.state = "ok"
            m.undecided = False
        return version

    def register(self, version):
        """Register in the guarded database; returns (status, problems)."""
        session = self.guard()
        document = version.document().replace("'", "''")
        outcome = session.run("SELECT status FROM compat_guard.register('app', '%s', '%s')" % (version.name, document))
        if outcome.error:
            return outcome.error["C"], [outcome.error.get("M", "") + " " + outcome.error.get("D", "")]
        status = outcome.rows[0][0]
        problems = []
        if status != "ready":
            problems = ["%s %s: %s" % (r[1], r[2], r[5]) for r in session.must(
                "SELECT * FROM compat_guard.check('app', '%s')" % version.name) if r[3] != "met"]
        return status, problems

    def retire(self, version):
        self.guard().must("SELECT compat_guard.retire('app', '%s')" % version.name)
        version.live = False

    def try_both(self, tx, versions, world):
        """Run a transaction in both, at the same time; in the twin not to its end."""
        verdict = self.pool.submit(self.guarded, tx)
        error, seen = self.twin_begins(tx, versions, world)
        return error, seen, verdict.result()

    def twin_begins(self, tx, versions, world):
        """Run a transaction in the twin up to its end, and look. Returns (error, {member: (version, answer)})."""
        self.known = world
        self.twin.must("BEGIN")
        self.in_transaction = True
        seen = {}
        for message in tx.messages():
            outcome = self.twin.run(message)
            if outcome.error:
                return outcome.error, {}
            if tx.verify == "statement":
                now = self.look(versions)
                for m, (v, answer) in now.items():
                    if m not in seen or seen[m][1].state == "ok" or answer.state == "broken" and seen[m][1].state != "broken":
                        seen[m] = (v, answer)
        outcome = self.twin.run("SET CONSTRAINTS ALL IMMEDIATE")
        if outcome.error:
            return outcome.error, {}
        return None, seen or self.look(versions)

    def twin_ends(self, how):
        self.in_transaction = False
        return self.twin.run(how)

    def guarded(self, tx):
        session = self.guard(tx.session)
        notices = []
        messages = tx.messages()
        if tx.mode in ("block", "two-phase") or tx.verify == "statement":
            messages = ["BEGIN"] + (["SET LOCAL compat_guard.verify = statement"] if tx.verify == "statement" else []) + messages
            messages += ["PREPARE TRANSACTION 'fuzz'", "COMMIT PREPARED 'fuzz'"] if tx.mode == "two-phase" else ["COMMIT"]
        for message in messages:
            outcome = session.run(message)
            notices += outcome.notices
            if outcome.error:
                session.run("ROLLBACK")
                return Verdict(outcome.error, notices)
        return Verdict(None, notices)

    def fresh_look(self, versions, world):
        """{member: answer}, each version by a new session that logs in as its role."""
        seen = {}
        for v in versions:
            try:
                session = self.connect_twin(v.role)
            except Lost as e:
                continue
            self.known = world
            try:
                seen.update(self.look([v], session, world))
            except RuntimeError:
                pass                    # it may not read the catalogs that the oracle needs
            session.close()
        return seen

    def verification(self, versions):
        """What the guard itself says of the members: {(version, kind and object): [(state, found)]}"""
        said = {}
        for v in versions:
            outcome = self.guard().run("SELECT kind, object, state, found FROM compat_guard.check('app', '%s')" % v.name)
            if outcome.error:
                return outcome.error
            for kind, name, state, found in outcome.rows:
                said.setdefault((v.name, kind, name), []).append((state, found))
        return said
