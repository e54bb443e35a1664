"""Is what a version needs there?  Answered by trying it, and from the catalogs by SQL of its own.

Nothing of the guard's is asked.  Each statement is parsed, described, planned for any
parameters and run with plausible ones, as the contract's role and by its search
path, and rolled back.  An answer is ok, broken, or undecided where neither is
certain: a value that does not fit may be the value's fault.
"""

import json
import re

from values import quote, value
from wire import Batch
from world import ident

RELATION = """SELECT json_build_object('oid', c.oid::int8, 'schema', nspname, 'name', relname, 'kind', relkind,
'cols', (SELECT json_object_agg(attname, json_build_array(format_type(coalesce(nullif(typbasetype, 0), atttypid),
    CASE WHEN typbasetype <> 0 THEN typtypmod ELSE atttypmod END), attnotnull, atthasdef, attgenerated, attidentity, typtype,
    EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype = 'c' AND attnum = ANY (conkey)),
    EXISTS (WITH RECURSIVE below AS (SELECT inhrelid FROM pg_inherits WHERE inhparent = c.oid UNION
            SELECT i.inhrelid FROM pg_inherits i JOIN below b ON i.inhparent = b.inhrelid)
        SELECT FROM below JOIN pg_attribute own ON own.attrelid = inhrelid AND own.attname = a.attname WHERE NOT own.attnotnull)))
    FROM pg_attribute a JOIN pg_type t ON t.oid = atttypid WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
'uniq', (SELECT json_agg((SELECT json_agg(attname ORDER BY attname COLLATE "C") FROM pg_attribute WHERE attrelid = indrelid AND attnum = ANY (indkey)))
    FROM pg_index WHERE indrelid = c.oid AND indisunique AND indimmediate AND indisvalid AND indpred IS NULL AND indexprs IS NULL),
'any', has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES') OR has_table_privilege(c.oid, 'DELETE, TRUNCATE, TRIGGER'),
'all', json_build_object('truncate', has_table_privilege(c.oid, 'TRUNCATE')),
'set', (SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
        AND has_column_privilege(c.oid, attnum, 'UPDATE') ORDER BY attnum LIMIT 1),
'bare', NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
'does', pg_relation_is_updatable(c.oid, true))
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = to_regclass(%s)"""

ROUTINE = """SELECT json_build_object('schema', nspname, 'kind', prokind, 'set', proretset, 'vol', provolatile, 'names', proargnames, 'defaults', pronargdefaults,
'ret', (SELECT json_build_array(coalesce(nullif(typbasetype, 0), prorettype)::int8, typtype, (SELECT json_agg(json_build_array(attname, atttypid::int8) ORDER BY attnum)
    FROM pg_attribute WHERE attrelid = typrelid AND attnum > 0 AND NOT attisdropped)) FROM pg_type WHERE oid = prorettype),
'out', (SELECT json_agg(x::int8) FROM unnest(proallargtypes) AS x), 'modes', proargmodes::text)
FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE p.oid = to_regprocedure(%s)"""

TYPE = """SELECT json_build_object('schema', nspname, 'kind', typtype, 'base', typbasetype::int8,
'labels', (SELECT json_agg(enumlabel) FROM pg_enum WHERE enumtypid = t.oid),
'attrs', (SELECT json_object_agg(attname, format_type(atttypid, atttypmod)) FROM pg_attribute WHERE attrelid = typrelid AND attnum > 0 AND NOT attisdropped))
FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE t.oid = to_regtype(%s)"""

# A row type with its columns.
NAMES = """SELECT t.oid::int8, format('%s.%s', nspname, typname) || CASE typtype WHEN 'c' THEN (
        SELECT format('(%s)', string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum))
        FROM pg_attribute WHERE attrelid = typrelid AND attnum > 0 AND NOT attisdropped) ELSE '' END
    FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE t.oid >= 16384"""

ACCESS = {"select": "SELECT 1 FROM %s", "insert": "INSERT INTO %s DEFAULT VALUES", "delete": "DELETE FROM %s"}
DOES = {"update": 4, "insert": 8, "delete": 16}
VOLATILITY = "isv"
BREAKS = ("42", "0A", "55", "2F", "38", "39", "3F", "2B", "XX")
DATA = ("23", "40", "44")


class Answer:
    def __init__(self, state, why=None, seen=None, rule=None):
        self.state, self.why, self.seen = state, why, seen
        self.rule = rule        # of which the guard has to warn at least


def ok(seen=None):
    return Answer("ok", None, seen)


def broken(why):
    return Answer("broken", why)


def undecided(why, rule=None):
    return Answer("undecided", why, rule=rule)


def gone(why):
    """A fact was not to be had: perhaps because the catalogs themselves are not to be read any more."""
    return undecided(why) if "for table pg_" in why or "for function" in why else broken(why)


def of_error(outcome):
    return "%s %s" % (outcome.error["C"], outcome.error["M"])


class Looking:
    """One look at all the members of some versions, in one round trip, inside a transaction that is open."""

    def __init__(self, session, versions, world):
        self.session = session
        self.versions = versions
        self.world = world
        self.batch = Batch()
        self.readers = []       # (version, member, function of the outcomes)

    def look(self):
        """Sets state and why of each member; returns those that are broken now and were not."""
        batch = self.batch
        names = batch.query(NAMES)
        starts = {}
        for v in self.versions:
            starts[v.name] = batch.query("SAVEPOINT o; SET LOCAL SESSION AUTHORIZATION %s; SET LOCAL search_path = %s; "
                                         "SET LOCAL plan_cache_mode = force_generic_plan; SAVEPOINT p" % (
                                             v.role, ", ".join(map(ident, v.path))))
            self.facts = {}
            self.ask_names(v)
            for m in v.members:
                getattr(self, "ask_" + m.kind)(v, m)
            batch.query("ROLLBACK TO o; RELEASE o")
        # The names that those of the baseline had: what a name means now may be another.
        olds = sorted({old for v in self.versions for m in v.members if m.baseline for _, old in m.baseline["refs"].values()})
        old = batch.query("SELECT format('%%I.%%I', nspname, relname) AS n FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
                          "WHERE format('%%I.%%I', nspname, relname) = ANY (ARRAY[%s]::text[])" % ", ".join(map(quote, olds)))
        outcomes = self.session.batch(batch)
        if outcomes[names].error or outcomes[old].error:
            raise RuntimeError("oracle: %s" % (outcomes[names].error or outcomes[old].error))
        self.types = {int(row[0]): row[1] for row in outcomes[names].rows}
        self.still = {row[0] for row in outcomes[old].rows}
        for v in self.versions:
            self.refs = self.read_names(v, outcomes)
            start = outcomes[starts[v.name]]
            for version, m, read in self.readers:
                if version is v:
                    yield v, m, (broken("role: " + of_error(start)) if start.error else self.judged(m, read(outcomes)))

    def undo(self):
        self.batch.query("ROLLBACK TO p")

    def ask(self, sql):
        n = self.batch.query(sql)
        self.undo()
        return n

    def fact(self, template, name):
        """Facts about a thing, asked once for a version."""
        key = (template, name)
        if key not in self.facts:
            self.facts[key] = self.ask(template % quote(name))
        n = self.facts[key]

        def read(outcomes):
            outcome = outcomes[n]
            if outcome.error:
                return None, of_error(outcome)
            return (json.loads(outcome.rows[0][0]), None) if outcome.rows else (None, "is not there")
        return read

    def ask_names(self, v):
        refs = sorted({r for m in v.members for r in m.refs})
        self.name_ops = getattr(self, "name_ops", {})
        self.name_ops[v.name] = [(r, self.ask("SELECT c.oid::int8, format('%%I.%%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = "
                                              "relnamespace WHERE c.oid = to_regclass(%s)" % quote(r))) for r in refs]

    def read_names(self, v, outcomes):
        return {r: (int(outcomes[n].rows[0][0]), outcomes[n].rows[0][1]) for r, n in self.name_ops[v.name]
                if not outcomes[n].error and outcomes[n].rows}

    def judged(self, m, answer):
        """Beside what the member itself says: do its names mean what they meant?"""
        if answer.state != "ok":
            return answer
        refs = {r: self.refs[r] for r in m.refs if r in self.refs}
        if m.baseline is None:
            answer.seen = {"refs": refs, "seen": answer.seen}
            return answer
        for r, (oid, name) in m.baseline["refs"].items():
            now = refs.get(r)
            if now and now[0] != oid and now[1] != name:
                if name in self.still:
                    return broken("captured: %s means %s, not %s" % (r, now[1], name))
                return undecided("%s means %s, not %s" % (r, now[1], name))
        return answer

    # Declared needs.

    def ask_relation(self, v, m):
        fact = self.fact(RELATION, m.name)
        tried = self.ask("EXPLAIN SELECT 1 FROM " + m.name)

        def read(outcomes):
            r, why = fact(outcomes)
            if not r:
                return gone(why)
            if not r["any"]:
                return broken("no right on it")
            if outcomes[tried].error:
                return undecided(of_error(outcomes[tried]))
            if r["kind"] not in "rpvmf":
                return broken("is of kind " + r["kind"])
            return ok()
        self.readers.append((v, m, read))

    def ask_access(self, v, m):
        fact = self.fact(RELATION, m.name)
        tried = None
        if m.spec in ACCESS:
            tried = self.ask("EXPLAIN " + ACCESS[m.spec] % m.name)
        elif m.spec == "update" and m.query:
            tried = self.ask("EXPLAIN " + m.query)

        def read(outcomes):
            r, why = fact(outcomes)
            if not r:
                return gone(why)
            if m.spec == "truncate":
                if r["kind"] not in "rpf" or not r["all"]["truncate"]:
                    return broken("cannot be truncated")
                return ok()
            if m.spec in DOES and not r["does"] & DOES[m.spec]:
                return broken("%s is not possible" % m.spec)
            if m.spec == "update":
                if not r["set"]:
                    return undecided("no column to set") if r["bare"] else broken("no right to update")
                # Which column to set is known from the last look.
                query = "UPDATE %s SET %s = DEFAULT" % (m.name, r["set"])
                if query != m.query:
                    m.query = query
                    return ok()
            if tried is not None and outcomes[tried].error:
                error = outcomes[tried].error
                if m.spec in ("insert", "update") and error["C"] in ("0A000", "428C9"):
                    return undecided(of_error(outcomes[tried]))
                return broken(of_error(outcomes[tried]))
            return ok()
        self.readers.append((v, m, read))

    def ask_column(self, v, m):
        fact = self.fact(RELATION, m.name)
        name, spec = m.spec

        def read(outcomes):
            r, why = fact(outcomes)
            if not r:
                return gone(why)
            if not r["any"]:
                return undecided("no right on it")
            c = (r["cols"] or {}).get(name)
            if not c:
                return broken("no column " + name)
            type_now, notnull, default, generated, identity, kind, checked, null_below = c
            if "type" in spec:
                fits = type_fits(spec["type"], type_now, m)
                if fits is not True:
                    return broken("type %s" % type_now) if fits is False else undecided("type %s" % type_now)
            if r["kind"] not in "rpf":
                return ok(c) if not set(spec) - {"type"} else undecided("a view's column")
            if spec.get("nullable") is False and (not notnull or null_below):
                return broken("nullable") if kind != "d" else undecided("domain")
            if spec.get("nullable") is True and notnull:
                return broken("not null")
            if spec.get("nullable") is True and (kind == "d" or checked):
                return undecided("may be checked")
            if spec.get("default") and not (default or identity or generated):
                return broken("no default") if kind != "d" else undecided("domain")
            if spec.get("generated") and not generated:
                return broken("not generated")
            if spec.get("identity") in ("by default", "none") and identity == "a":
                return broken("identity")
            if spec.get("identity") in ("always", "by default") and not (default or identity or generated):
                return broken("no identity")
            return ok(c)
        self.readers.append((v, m, read))

    def ask_insert(self, v, m):
        n = self.batch.prepared(m.query)
        self.undo()
        self.readers.append((v, m, lambda outcomes: of_run(outcomes[n], m.spec)))

    def ask_unique(self, v, m):
        fact = self.fact(RELATION, m.name)

        def read(outcomes):
            r, why = fact(outcomes)
            if not r:
                return gone(why)
            if not r["any"] or r["kind"] == "v":
                return undecided("a view, or no right on it")
            return ok() if m.spec in (r["uniq"] or []) else broken("not unique")
        self.readers.append((v, m, read))

    def ask_routine(self, v, m):
        fact = self.fact(ROUTINE, m.name)
        n = self.batch.prepared(m.query)
        self.undo()

        def read(outcomes):
            r, why = fact(outcomes)
            if not r:
                return gone(why)
            answer = of_run(outcomes[n], None)
            if answer.state != "ok":
                return answer
            if m.baseline:
                was = m.baseline["seen"]
                if r["kind"] != was["kind"] or r["set"] != was["set"]:
                    return broken("kind or set")
                if VOLATILITY.index(r["vol"]) > VOLATILITY.index(was["vol"]):
                    return broken("more volatile")
                if r["schema"] != was["schema"]:
                    return undecided("another schema")
                if r["defaults"] < was["defaults"]:
                    return broken("defaults of arguments")
                if "arguments" not in m.spec and r["names"] != was["names"]:
                    return broken("names of arguments") if r["names"] and was["names"] else undecided("names of arguments")
                same = self.same_type(was["ret"][0], r["ret"][0], was["types"])
                if same is not True:
                    if was["ret"][1] == "c" and r["ret"][1] == "c":
                        return undecided("another row type")
                    return broken("another result") if same is False else undecided("another result")
                old, new = was["ret"][2] or [], r["ret"][2] or []
                for (name, oid), now in zip(old, new + [(None, 0)] * len(old)):
                    if now[0] != name or now[1] != oid and self.same_type(oid, now[1], was["types"]) is False:
                        return broken("result column %s" % name)
                if len(new) > len(old):
                    return ok()
                if (r["out"], r["modes"]) != (was["out"], was["modes"]):
                    return undecided("other OUT arguments")
            r["types"] = dict(self.types) if not m.baseline else None
            return ok(r)
        self.readers.append((v, m, read))

    def ask_type(self, v, m):
        fact = self.fact(TYPE, m.name)

        def read(outcomes):
            t, why = fact(outcomes)
            if not t:
                return gone(why)
            if not m.baseline:
                # A name such as money means the server's type, whatever else is called so.
                return broken("label") if set(m.spec.get("labels", ())) - set(t["labels"] or ()) else ok(t)
            was = m.baseline["seen"]
            if t["kind"] != was["kind"] or t["base"] != was["base"]:
                return broken("kind") if t["kind"] != was["kind"] else undecided("base")
            labels = t["labels"] or []
            for label in m.spec.get("labels", was["labels"] or []):
                if label not in labels:
                    return broken("label %s" % label)
            if m.spec.get("closed") and set(labels) - set(m.spec["labels"]):
                return broken("new label")
            for a, type_name in (was["attrs"] or {}).items():
                if a not in (t["attrs"] or {}):
                    return broken("attribute %s" % a)
                if t["attrs"][a] != type_name:
                    return undecided("attribute %s" % a) if type_fits(type_name, t["attrs"][a], None) is not False else broken("attribute %s" % a)
            if t["schema"] != was["schema"]:
                return undecided("another schema")
            return ok(t)
        self.readers.append((v, m, read))

    def ask_sequence(self, v, m):
        n = self.ask("SELECT nextval(%s)" % quote(m.name))
        self.readers.append((v, m, lambda outcomes: of_run(outcomes[n], None) if outcomes[n].state != "2200H" else ok()))

    def ask_extension(self, v, m):
        n = self.ask("SELECT 1 FROM pg_extension WHERE extname = %s" % quote(m.name))
        self.readers.append((v, m, lambda outcomes: ok() if outcomes[n].rows else broken("is not there")))

    # Statements.

    def ask_query(self, v, m):
        types = ()
        if isinstance(m.spec, dict):
            types = [self.world.builtin[t] for t in m.spec["params"] if t in self.world.builtin]
        n = self.batch.prepared(m.query, m.values, types, run=m.values is not None)
        self.undo()

        def read(outcomes):
            outcome = outcomes[n]
            if outcome.params is None or outcome.error:
                answer = of_run(outcome, None)
                if answer.state != "ok":
                    if answer.state == "broken" and outcome.state == "23502" and m.values and None in m.values:
                        return undecided(answer.why)
                    # A row made of a parameter, in which a domain's value is left out: another row would do.
                    if answer.state == "broken" and outcome.state == "23502" and m.values and "domain" in answer.why:
                        return undecided(answer.why, "domain-tightened")
                    return answer
            if not m.baseline:
                return ok((list(outcome.params), outcome.columns, self.types))
            params, columns, types_then = m.baseline["seen"]
            for i, (then, now) in enumerate(zip(params, outcome.params)):
                same = self.same_type(then, now, types_then)
                if same is not True:
                    return broken("parameter $%d" % (i + 1)) if same is False else undecided("parameter $%d" % (i + 1))
            now_columns = outcome.columns or []
            for i, (name, type_oid, typmod) in enumerate(columns or []):
                if i >= len(now_columns):
                    return broken("result column %d is gone" % (i + 1))
                if now_columns[i][0] != name:
                    return broken("result column %d has another name" % (i + 1))
                same = self.same_type(type_oid, now_columns[i][1], types_then)
                if same is not True:
                    return broken("result column %d has another type" % (i + 1)) if same is False else undecided("result column %d" % (i + 1))
                if now_columns[i][2] != typmod:
                    return undecided("modifier of result column %d" % (i + 1))
            return ok()
        self.readers.append((v, m, read))

    def same_type(self, then, now, names_then):
        """True, False, or None where a client may see no difference."""
        if then == now:
            return True if self.types.get(now) == names_then.get(then) else None
        if {then, now} == {25, 1043}:
            return None
        if then >= 16384 and names_then.get(then) == self.types.get(now):
            return True
        if any(n.endswith(")") for n in (names_then.get(then), self.types.get(now)) if n):
            return None                 # what counts are the columns, which may become wider
        if then >= 16384 or now >= 16384:
            return None if self.world.bases.get(then) == now or self.world.bases.get(now) == then else False
        return False


def of_run(outcome, columns):
    """What it means that a statement failed, or did not."""
    if not outcome.error:
        return ok()
    state, text = outcome.error["C"], of_error(outcome)
    if "row-level security" in text:
        return undecided(text)
    if not of_run.bodies and "PL/pgSQL function" in outcome.error.get("W", ""):
        return undecided(text)          # plpgsql_check is not there to tell the guard
    if state == "55P04":                # new labels, in the transaction that adds them
        return undecided(text)
    if "unrecognized configuration parameter" in text:
        return undecided(text)          # the session's own business, and only if a row comes to it
    # Before anything else is checked; or of a column that is left out, or not.
    if state == "23514":
        return undecided(text)
    if state == "23502":
        column = outcome.error.get("c")
        return undecided(text) if columns is not None and column in columns else broken(text)
    if state[:2] in DATA:
        return ok()
    if columns is not None and state[:2] == "22":   # the values are ours
        return undecided(text)
    if outcome.params is None or state[:2] in BREAKS:
        return broken(text) if state[:2] not in ("57", "53", "54") else undecided(text)
    return undecided(text)


of_run.bodies = False


def type_fits(expected, now, m):
    """True, False, or None where the rules leave it open."""
    if expected == now:
        return True
    pattern = r"(character varying|text|numeric|character|bit varying)(?:\((\d+)(?:,(\d+))?\))?$"
    a, b = re.match(pattern, expected), re.match(pattern, now)
    if a and b:
        if a[1] in ("character varying", "text") and b[1] in ("character varying", "text"):
            if b[2] is None:
                return True
            return a[2] is not None and int(b[2]) >= int(a[2]) if a[2] is not None else False
        if a[1] == b[1] == "numeric" and a[2] and b[2]:
            return int(b[2]) >= int(a[2]) and (a[3] or "0") == (b[3] or "0")
        if a[1] == b[1] == "numeric":
            return None
    if re.match(r"[a-z ]+", now) and "." not in now:
        return False
    return None


def choose_values(member, types, world):
    """The values a statement is tried with, from its first look on."""
    member.values = [value(world.type_names.get(t, "?"), world) for t in types]
