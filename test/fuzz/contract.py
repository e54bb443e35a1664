"""Contracts: versions of an application, and what they need."""

import json
import re

from features import maker
from values import literal, value
from world import ident


class Member:
    """One need: what stands in the contract, and what the oracle goes by."""

    def __init__(self, kind, name, spec=None, hot=(), query=None):
        self.kind = kind            # relation, access, column, insert, unique, query, routine, type, sequence, extension
        self.name = name            # as in the contract
        self.spec = spec
        self.hot = set(hot)
        self.refs = []              # relations it names, as it names them
        self.query = query          # by which the oracle tries it
        self.values = None          # of the parameters
        self.baseline = None        # what the oracle saw when it was registered
        self.state = None           # ok, broken or undecided, and why: the oracle's last word
        self.why = None
        self.undecided = False      # it ever was

    def label(self):
        if self.kind == "query":
            return 'query "%s"' % self.name
        if self.kind == "column":
            return "column %s.%s" % (self.name, self.spec[0])
        return "%s %s %s" % (self.kind, self.name, "" if self.spec is None else self.spec)


class Version:
    def __init__(self, name, role, path, members):
        self.name = name
        self.role = role
        self.path = path
        self.members = members
        self.live = True

    @property
    def search_path(self):
        return ", ".join(self.path)

    def document(self, members=None):
        doc = {"search_path": self.search_path, "role": self.role}
        for m in self.members if members is None else members:
            if m.kind == "query":
                doc.setdefault("queries", {})[m.name] = m.spec
            elif m.kind in ("routine", "type"):
                doc.setdefault(m.kind + "s", {})[m.name] = m.spec
            elif m.kind in ("sequence", "extension"):
                doc.setdefault(m.kind + "s", []).append(m.name)
            else:
                relation = doc.setdefault("relations", {}).setdefault(m.name, {})
                if m.kind == "access":
                    relation.setdefault("access", []).append(m.spec)
                elif m.kind == "column":
                    relation.setdefault("columns", {})[m.spec[0]] = m.spec[1]
                elif m.kind in ("insert", "unique"):
                    relation.setdefault(m.kind, []).append(m.spec)
        return json.dumps(doc, ensure_ascii=False)


def version(g, name):
    """A new version with some members, not yet looked at by the oracle."""
    role = g.rng.choice(("fz_app", "fz_app", "fz_reader", "fz_owner"))
    path = g.rng.choice((["public"], ["app", "public"], ["public", "app"], ["app", "public", "old"]))
    v = Version(name, role, path, [])
    c = Needs(g, path)
    seen = set()
    for _ in range(g.rng.randrange(6, 14)):
        made = g_make(c, "query") if g.rng.random() < 0.7 else g_make(c, "need")
        for member in made or ():
            if member.kind == "query":
                member.name = "q%d" % (len(v.members) + 1)
            key = (member.kind, member.name, json.dumps(member.spec))
            if member.kind == "column":
                key = (member.kind, member.name, member.spec[0])
            elif member.kind in ("type", "routine"):
                key = (member.kind, member.name)
            if key not in seen:
                seen.add(key)
                v.members.append(member)
    # Whatever is said of a relation, it has to be there and usable.
    for member in list(v.members):
        if member.kind in ("access", "column", "insert", "unique") and ("relation", member.name) not in seen:
            seen.add(("relation", member.name))
            relation = Member("relation", member.name, None, member.hot)
            relation.feature, relation.refs = "declared-relation", list(member.refs)
            v.members.append(relation)
    return v


def g_make(c, kind):
    import features
    makers = features.chosen(kind, c.g.enabled)
    for _ in range(20):
        _, feature, function = c.g.rng.choices(makers, [w for w, _, _ in makers])[0]
        c.refs = []
        made = function(c)
        if not made:
            continue
        if kind == "query":
            sql, hot = made[0], made[1]
            params = made[2] if len(made) > 2 else None
            made = [Member("query", None, sql if params is None else {"sql": sql, "params": params}, hot, sql)]
            # A maker may have named what it then did not choose.
            c.refs = [r for r in c.refs if re.search(r'(?<![\w."])%s(?![\w"])' % re.escape(r), sql)]
        for member in made:
            member.feature = feature
            member.refs = list(c.refs)
        return made
    return None


class Needs:
    """What the makers of contracts draw from: names as the version's search path has them."""

    def __init__(self, g, path):
        self.g = g
        self.rng = g.rng
        self.world = g.world
        self.path = path

    def name(self, thing, things=None):
        name = self.name_(thing, self.world.relations if things is None else things)
        if things is None:
            self.refs.append(name)
        return name

    def name_(self, thing, things):
        if self.world.visible(self.path, thing, things) and self.rng.random() < 0.8:
            return ident(thing.name)
        return thing.full

    def relation(self, kinds="rpvm", where=lambda r: True):
        choices = [r for r in self.world.readable if r.kind in kinds and where(r) and (r.schema in self.path or self.rng.random() < 0.3)]
        return self.rng.choice(choices) if choices else None

    def column(self, r, where=lambda c: True):
        choices = [c for c in r.cols if where(c)]
        return self.rng.choice(choices) if choices else None

    def hot(self, r, *columns):
        return {r.name} | {"%s.%s" % (r.name, c.name) for c in columns}


def comparable(c):
    return c.type not in ("json", "xml", "point")


def writable(c):
    return not c.generated and c.identity != "a"


# Declared needs.

@maker("need", "declared-relation", 1)
def declared_relation(c):
    r = c.relation()
    return r and [Member("relation", c.name(r), None, c.hot(r))]


@maker("need", "declared-access", 3)
def declared_access(c):
    r = c.relation()
    if not r:
        return None
    rights = ["select"] if r.kind in "mv" and c.rng.random() < 0.5 or r.kind == "m" else c.rng.sample(
        ("select", "insert", "update", "delete", "truncate"), 2)
    name = c.name(r)
    return [Member("access", name, a, c.hot(r)) for a in rights]


@maker("need", "declared-column", 4)
def declared_column(c):
    r = c.relation()
    if not r:
        return None
    name = c.name(r)
    made = []
    for col in c.rng.sample(r.cols, min(2, len(r.cols))):
        # A type is written as the server writes it, qualified where it needs to be.
        user = any(t.oid == col.oid for t in c.world.types)
        spec = {} if user or c.rng.random() < 0.4 else {"type": col.type}
        if r.kind in "rp":
            if col.notnull and c.rng.random() < 0.5:
                spec["nullable"] = False
            if not col.notnull and c.rng.random() < 0.2 and col.typtype != "d":
                spec["nullable"] = True
            if (col.default or col.identity) and not col.generated and c.rng.random() < 0.5:
                spec["default"] = True
            if col.identity and c.rng.random() < 0.5:
                spec["identity"] = "always" if col.identity == "a" else "by default"
            if col.generated and c.rng.random() < 0.5:
                spec["generated"] = True
        made.append(Member("column", name, (col.name, spec), c.hot(r, col)))
    return made


@maker("need", "declared-insert", 2)
def declared_insert(c):
    r = c.relation("rpv")
    columns = [x for x in r.cols if writable(x)] if r else []
    if not columns:
        return None
    some = c.rng.sample(columns, c.rng.randrange(1, len(columns) + 1))
    name = c.name(r)
    some.sort(key=lambda x: x.name)
    return [Member("insert", name, [x.name for x in some], c.hot(r, *some), "INSERT INTO %s (%s) VALUES (%s)" % (
        name, ", ".join(x.sql for x in some), ", ".join(literal(x.type, c.world) for x in some)))]


@maker("need", "declared-unique", 1)
def declared_unique(c):
    r = c.relation("rp", lambda r: any(i[1] and i[4] for i in r.idx))
    i = r and c.rng.choice([i for i in r.idx if i[1] and i[4]])
    return i and [Member("unique", c.name(r), sorted(i[3]), c.hot(r))]


@maker("need", "declared-routine", 2)
def declared_routine(c):
    procs = [p for p in c.world.procs if p.kind in "fp" and p.ret != "trigger"]
    p = c.rng.choice(procs) if procs else None
    if not p:
        return None
    name = "%s(%s)" % (p.full if p.schema not in c.path or c.rng.random() < 0.3 else ident(p.name), ", ".join(p.args))
    call = "%s %s(%s)" % ("CALL" if p.kind == "p" else "SELECT", name.partition("(")[0], ", ".join(
        "%s::%s" % (literal(a, c.world), a) for a in p.args))
    return [Member("routine", name, c.rng.choice(({}, {"arguments": []})), {p.name}, call)]


@maker("need", "declared-type", 1.5)
def declared_type(c):
    types = [t for t in c.world.types if t.kind in "edc" and t.schema in c.path]
    t = c.rng.choice(types) if types else None
    if not t:
        return None
    spec = {}
    if t.kind == "e" and t.labels and c.rng.random() < 0.5:
        spec = {"labels": c.rng.sample(t.labels, 1)}
        if c.rng.random() < 0.3:
            spec = {"labels": list(t.labels), "closed": True}
    return [Member("type", c.name(t, c.world.types), spec, {t.name})]


@maker("need", "declared-sequence", 1)
def declared_sequence(c):
    s = c.rng.choice(c.world.sequences) if c.world.sequences else None
    return s and [Member("sequence", c.name(s), None, {s.name})]


@maker("need", "declared-extension", 0.5)
def declared_extension(c):
    e = c.rng.choice(c.world.exts) if c.world.exts else None
    return e and [Member("extension", e[0], None, {e[0]})]


# Statements.

@maker("query", "select", 6)
def select(c):
    r = c.relation()
    if not r:
        return None
    columns = c.rng.sample(r.cols, c.rng.randrange(1, len(r.cols) + 1))
    where = c.column(r, comparable)
    sql = "SELECT %s FROM %s" % (", ".join(x.sql for x in columns), c.name(r))
    if where and c.rng.random() < 0.7:
        sql += " WHERE %s = $1" % where.sql
        columns.append(where)
    if c.rng.random() < 0.3:
        sql += " ORDER BY 1 LIMIT 10" if comparable(columns[0]) else " LIMIT 10"
    return sql, c.hot(r, *columns)


@maker("query", "select-star", 2)
def select_star(c):
    r = c.relation()
    return r and (c.rng.choice(("SELECT * FROM %s", "SELECT x.* FROM %s AS x", "TABLE %s")) % c.name(r), c.hot(r))


@maker("query", "join", 2)
def join(c):
    a, b = c.relation(), c.relation()
    if not (a and b):
        return None
    pairs = [(x, y) for x in a.cols for y in b.cols if x.type == y.type and comparable(x)]
    if not pairs:
        return None
    x, y = c.rng.choice(pairs)
    p, q = c.rng.choice(a.cols), c.rng.choice(b.cols)
    if x.name == y.name and c.rng.random() < 0.4 and p.name not in [k.name for k in b.cols]:
        return "SELECT %s, %s FROM %s AS a JOIN %s AS b USING (%s)" % (p.sql, x.sql, c.name(a), c.name(b), x.sql), c.hot(a, x, p) | c.hot(b, y)
    if p.name not in [k.name for k in b.cols] and c.rng.random() < 0.5:
        return "SELECT %s FROM %s AS a, %s AS b WHERE a.%s = b.%s" % (p.sql, c.name(a), c.name(b), x.sql, y.sql), c.hot(a, x, p) | c.hot(b, y)
    return "SELECT a.%s, b.%s FROM %s AS a LEFT JOIN %s AS b ON a.%s = b.%s" % (
        p.sql, q.sql, c.name(a), c.name(b), x.sql, y.sql), c.hot(a, x, p) | c.hot(b, y, q)


@maker("query", "aggregate", 2)
def aggregate(c):
    r = c.relation()
    x = r and c.column(r, comparable)
    if not x:
        return None
    keys = [k for k in r.cons if k[1] == "p"]
    if keys and r.kind == "r" and c.rng.random() < 0.5:
        return "SELECT * FROM %s GROUP BY %s" % (c.name(r), ", ".join(map(ident, keys[0][2]))), c.hot(r)
    return c.rng.choice(("SELECT {x}, count(*) FROM {r} GROUP BY {x} ORDER BY {x}", "SELECT DISTINCT {x} FROM {r}", "SELECT count({x}) FROM {r}",
                         "SELECT {x}, row_number() OVER (ORDER BY {x}) FROM {r}",
                         "SELECT {x} FROM {r} UNION SELECT {x} FROM {r}", "SELECT count(*) FILTER (WHERE {x} IS NULL) FROM {r}")).format(
        x=x.sql, r=c.name(r)), c.hot(r, x)


@maker("query", "subquery", 1.5)
def subquery(c):
    a, b = c.relation(), c.relation()
    x, y = a and c.column(a), b and c.column(b)
    if not (x and y):
        return None
    return c.rng.choice(("SELECT {x} FROM {a} WHERE EXISTS (SELECT {y} FROM {b} WHERE {y} IS NOT NULL)",
                         "WITH w AS (SELECT {y} AS v FROM {b}) SELECT {x} FROM {a}, w",
                         "SELECT {x}, (SELECT count({y}) FROM {b}) FROM {a}",
                         "SELECT s.v FROM {a} CROSS JOIN LATERAL (SELECT {y} AS v FROM {b} LIMIT 1) AS s WHERE {x} IS NULL")).format(
        x=x.sql, y=y.sql, a=c.name(a), b=c.name(b)), c.hot(a, x) | c.hot(b, y)


@maker("query", "insert", 4)
def insert(c):
    r = c.relation("rpv")
    columns = [x for x in r.cols if writable(x)] if r else []
    if not columns:
        return None
    some = c.rng.sample(columns, c.rng.randrange(1, len(columns) + 1))
    values = ["$%d" % (i + 1) if not c.g.on("literal") or c.rng.random() < 0.8 else literal(x.type, c.world, c.rng) for i, x in enumerate(some)]
    numbers = iter(range(1, 99))
    values = ["$%d" % next(numbers) if v.startswith("$") else v for v in values]
    sql = "INSERT INTO %s (%s) VALUES (%s)" % (c.name(r), ", ".join(x.sql for x in some), ", ".join(values))
    if c.rng.random() < 0.3:
        sql += " RETURNING " + c.rng.choice(r.cols).sql
    return sql, c.hot(r, *some)


@maker("query", "upsert", 2)
def upsert(c):
    r = c.relation("r", lambda r: any(k[1] in "pu" and (not k[3] or c.g.on("deferrable-arbiter")) for k in r.cons))
    if not r:
        return None
    k = c.rng.choice([k for k in r.cons if k[1] in "pu" and (not k[3] or c.g.on("deferrable-arbiter"))])
    columns = [x for x in r.cols if writable(x)]
    if not columns:
        return None
    target = "ON CONSTRAINT %s" % ident(k[0]) if c.rng.random() < 0.3 else "(%s)" % ", ".join(map(ident, k[2]))
    do = "NOTHING" if c.rng.random() < 0.5 else "UPDATE SET {0} = excluded.{0}".format(c.rng.choice(columns).sql)
    return "INSERT INTO %s (%s) VALUES (%s) ON CONFLICT %s DO %s" % (
        c.name(r), ", ".join(x.sql for x in columns), ", ".join("$%d" % (i + 1) for i in range(len(columns))), target, do), c.hot(r, *columns)


@maker("query", "update", 3)
def update(c):
    r = c.relation("rpv")
    x = r and c.column(r, writable)
    w = r and c.column(r, comparable)
    if not (x and w):
        return None
    return c.rng.choice(("UPDATE {r} SET {x} = $1 WHERE {w} = $2", "UPDATE {r} SET {x} = {x}", "UPDATE {r} SET {x} = DEFAULT WHERE {w} = $1",
                         "UPDATE {r} SET {x} = $1 RETURNING {w}")).format(r=c.name(r), x=x.sql, w=w.sql), c.hot(r, x, w)


@maker("query", "delete", 2)
def delete(c):
    r = c.relation("rpv")
    w = r and c.column(r, comparable)
    return w and (c.rng.choice(("DELETE FROM {r} WHERE {w} = $1", "DELETE FROM {r}", "DELETE FROM {r} WHERE {w} IS NULL RETURNING *")).format(
        r=c.name(r), w=w.sql), c.hot(r, w))


@maker("query", "merge", 1)
def merge(c):
    a, b = c.relation("r"), c.relation("rpv")
    pairs = [(x, y) for x in a.cols for y in b.cols if x.type == y.type and comparable(x)] if a and b else []
    if not pairs:
        return None
    x, y = c.rng.choice(pairs)
    s = c.column(a, writable)
    return s and ("MERGE INTO %s AS t USING %s AS s ON t.%s = s.%s WHEN MATCHED THEN %s WHEN NOT MATCHED THEN DO NOTHING" % (
        c.name(a), c.name(b), x.sql, y.sql, c.rng.choice(("DELETE", "UPDATE SET %s = DEFAULT" % s.sql))), c.hot(a, x, s) | c.hot(b, y))


@maker("query", "lock-rows", 0.7)
def lock_rows(c):
    r = c.relation("rp")
    x = r and c.column(r)
    return x and ("SELECT %s FROM %s FOR UPDATE" % (x.sql, c.name(r)), c.hot(r, x))


@maker("query", "call", 2)
def call(c):
    procs = [p for p in c.world.procs if p.kind == "f" and p.ret != "trigger"]
    p = c.rng.choice(procs) if procs else None
    if not p:
        return None
    name = p.full if p.schema not in c.path or c.rng.random() < 0.3 else ident(p.name)
    args = ", ".join("%s::%s" % (literal(a, c.world), a) if c.rng.random() < 0.6 else "$%d::%s" % (i + 1, a) for i, a in enumerate(p.args))
    return ("SELECT * FROM %s(%s)" if p.retset or c.rng.random() < 0.3 else "SELECT %s(%s)") % (name, args), {p.name}


@maker("query", "row-type", 2)
def row_type(c):
    r = c.relation("rpv")
    if not r:
        return None
    x = c.column(r)
    forms = ["SELECT %s FROM jsonb_populate_record(NULL::%s, $1)" % (x.sql, c.name(r)), "SELECT x FROM %s AS x" % c.name(r),
             "SELECT to_jsonb(x) FROM %s AS x" % c.name(r), "SELECT (x).%s FROM %s AS x" % (x.sql, c.name(r))]
    comp = [(y, t) for y in r.cols for t in c.world.composites if y.oid == t.oid and t.attrs]
    hot = c.hot(r, x)
    if comp:
        y, t = c.rng.choice(comp)
        a = c.rng.choice(t.attrs)[0]
        forms += ["SELECT (%s).%s FROM %s" % (y.sql, ident(a), c.name(r))] * 2 + ["UPDATE %s SET %s.%s = $1" % (c.name(r), y.sql, ident(a))] * (r.kind != "v")
        hot |= {t.name}
    return c.rng.choice(forms), hot


@maker("query", "composite-literal", 0.7)
def composite_literal(c):
    t = c.rng.choice(c.world.composites) if c.world.composites else None
    return t and t.attrs and ("SELECT ROW(%s)::%s AS v" % (", ".join(literal(a[1], c.world) for a in t.attrs), c.name(t, c.world.types)), {t.name})


@maker("query", "enum-literal", 1.5)
def enum_literal(c):
    t = c.rng.choice(c.world.enums) if c.world.enums else None
    return t and t.labels and (c.rng.choice(("SELECT '%s'::%s AS v", "SELECT '%s'::%s = ANY ($1) AS v")) % (c.rng.choice(t.labels), c.name(t, c.world.types)), {t.name})


@maker("query", "enum-column", 1.5)
def enum_column(c):
    pairs = [(r, x, t) for r in c.world.readable for x in r.cols for t in c.world.enums if t.oid == x.oid and t.labels]
    if not pairs:
        return None
    r, x, t = c.rng.choice(pairs)
    return "SELECT count(*) FROM %s WHERE %s = '%s'" % (c.name(r), x.sql, c.rng.choice(t.labels)), c.hot(r, x) | {t.name}


@maker("query", "nextval", 1)
def nextval(c):
    s = c.rng.choice(c.world.sequences) if c.world.sequences else None
    return s and ("SELECT nextval('%s')" % c.name(s).replace("'", "''"), {s.name})


@maker("query", "currval", 0.7)
def currval(c):
    s = c.rng.choice(c.world.sequences) if c.world.sequences else None
    return s and ("SELECT setval('%s', $1)" % c.name(s).replace("'", "''"), {s.name})


@maker("query", "regclass", 0.7)
def regclass(c):
    r = c.relation()
    return r and ("SELECT count(*) FROM pg_attribute WHERE attrelid = '%s'::regclass" % c.name(r).replace("'", "''"), c.hot(r))


@maker("query", "regconfig", 1)
def regconfig(c):
    if not c.world.ts:
        return None
    s, n = c.rng.choice(c.world.ts)
    name = n if s in c.path and c.rng.random() < 0.7 else "%s.%s" % (s, n)
    return "SELECT to_tsvector('%s', $1) @@ to_tsquery('%s', 'a') AS hit" % (name, name), {n}


@maker("query", "regnames", 0.4)
def regnames(c):
    return c.rng.choice(("SELECT 'fz_owner'::regrole", "SELECT 'app'::regnamespace")), ()


@maker("query", "system-objects", 0.5)
def system_objects(c):
    return c.rng.choice(("SELECT lower('A')", "SELECT relname FROM pg_class LIMIT 1", "SELECT table_name FROM information_schema.tables LIMIT 1")), ()


@maker("query", "operator", 0.5)
def operator(c):
    return c.world.ops and ("SELECT 1 %s 1 AS same" % ("OPERATOR(public.===)" if "public" not in c.path else "==="), {"same"}) or None


@maker("query", "extension", 0.7)
def extension(c):
    e = dict(map(tuple, c.world.exts))
    for name, sql in (("pg_trgm", "similarity('a', $1)"), ("citext", "citext($1::text)"), ("hstore", "hstore('a', $1)")):
        if name in e and c.rng.random() < 0.6:
            return "SELECT %s.%s AS v" % (e[name], sql), {name}
    return None


@maker("query", "typed-param", 1)
def typed_param(c):
    r = c.relation()
    x = r and c.column(r, lambda x: x.typtype == "b" and comparable(x))
    return x and ("SELECT %s FROM %s WHERE %s = $1" % (x.sql, c.name(r), x.sql), c.hot(r, x), [x.type])


@maker("query", "custom-setting", 0.4)
def custom_setting(c):
    r = c.relation()
    x = r and c.column(r)
    return x and ("SELECT %s FROM %s WHERE %s::text = current_setting('app.tenant')" % (x.sql, c.name(r), x.sql), c.hot(r, x))
