"""Plausible values: few of each type, so that rows, parameters and literals meet."""

import re

VALUES = {
    "integer": ("1", "2", "3"), "bigint": ("1", "2", "3"), "smallint": ("1", "2", "3"),
    "numeric": ("1", "2.5"), "double precision": ("1", "2.5"), "real": ("1", "2.5"),
    "text": ("a", "b"), "character varying": ("a", "b"), "character": ("a", "b"), "citext": ("a", "B"),
    "name": ("a", "b"), "boolean": ("true", "false"), "date": ("2024-01-01", "2025-06-30"),
    "timestamp with time zone": ("2024-01-01 00:00+00",), "timestamp without time zone": ("2024-01-01 00:00",),
    "time without time zone": ("10:00",), "interval": ("1 day",), "uuid": ("00000000-0000-0000-0000-000000000001",),
    "json": ('{"id": 1}',), "jsonb": ('{"id": 1}', "{}"), "bytea": ("\\x01",), "inet": ("10.0.0.1",), "oid": ("1",),
    "tsvector": ("a b",), "tsquery": ("a",), "regclass": ("pg_class",), "regconfig": ("simple",), "hstore": ("a=>1",), "ltree": ("a.b",),
    "xml": ("<a/>",), "point": ("(1,2)",), "int4range": ("[1,2)",),
}
PLAIN = ("integer", "bigint", "text", "character varying(20)", "numeric(10,2)", "boolean", "date", "smallint",
         "timestamp with time zone", "jsonb", "uuid", "integer[]", "text[]", "real", "character(3)", "numeric", "bytea")


def value(type_name, world, rng=None, depth=0):
    """A value as text, or None where there is none to think of."""
    base = re.sub(r"\(.*?\)", "", type_name).strip()
    if base.endswith("[]"):
        inner = value(base[:-2], world, rng, depth + 1)
        return None if inner is None else '{"%s"}' % inner.replace("\\", "\\\\").replace('"', '\\"')
    base = base.rpartition(".")[2] if base.rpartition(".")[2] in VALUES else base
    if base in VALUES:
        choices = VALUES[base]
        return choices[rng.randrange(len(choices))] if rng else choices[0]
    name = base.replace('"', "").rpartition(".")[2]
    for t in world.types:
        if t.name == name and depth < 4:
            if t.kind == "e":
                return (t.labels[rng.randrange(len(t.labels))] if rng else t.labels[0]) if t.labels else None
            if t.kind == "d":
                return value(t.base, world, rng, depth + 1)
            if t.kind == "c":
                parts = [value(a[1], world, rng, depth + 1) for a in t.attrs]
                return "(%s)" % ",".join("" if p is None else '"%s"' % p.replace("\\", "\\\\").replace('"', '""') for p in parts)
    for r in world.relations:
        if r.name == name and r.kind in "rpvm" and depth < 3:
            parts = [value(c.type, world, rng, depth + 1) for c in r.cols]
            return "(%s)" % ",".join("" if p is None else '"%s"' % p.replace("\\", "\\\\").replace('"', '""') for p in parts)
    return None


def quote(text):
    if text is None:
        return "NULL"
    if "\\" in text:
        return "E'%s'" % text.replace("\\", "\\\\").replace("'", "''")
    return "'%s'" % text.replace("'", "''")


def literal(type_name, world, rng=None):
    return quote(value(type_name, world, rng))
