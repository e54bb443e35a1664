#!/usr/bin/env python3
"""json_fuzz.py [--seed S] [--n DOCUMENTS] [--host DIR] [--compare 1-in-K]

Contract documents through compat_guard.validate(), many at a time: made by the JSON
Schema, then spoiled.  Each has to be answered with rows or with none, or be refused by
the server's own JSON parser.  Of some the schema has an opinion, too: what it refuses
may not be accepted.  One line for each document that is answered otherwise.
"""

import argparse
import copy
import json
import os
import random
import re
import sys
import time

from wire import Batch, Lost, Session

HERE = os.path.dirname(os.path.abspath(__file__))
# What is no JSON, or none that the server can hold: the cast to jsonb says so.
NOT_JSON = ("22P02", "22P05", "22021", "54000", "54001", "22003", "54023")
# What only a server knows, of documents the schema accepts: by path or by words.
FOR_THE_SERVER = re.compile(r"^\$\.(queries|routines|role|search_path)|does not exist|is not a type name|syntax error|more than once"
                            r"|bytes|precision|modifier|type|invalid|must be")
BATCH = 200
NAMES = ("users", "app.orders", '"Audit Log"', "größe", "a", "t1", "x" * 63, "select", "ünï", "数据", "\U0001f600", "a\"b", "a'b", "a.b.c", "a b",
         "", " ", "x" * 64, "é" * 40, "$user", "1a", "a-b", '"', '""', '"a', "users ", "\t", "\u0001", "\uffff", "pg_catalog.pg_class")
TYPES = ("integer", "bigint", "varchar(20)", "numeric(10,2)", "text[]", "int4", "nosuch", "", "a b c d", "text[][]", "varchar(-1)", "numeric(9999)", "(", "'",
         "SETOF integer", "int; DROP TABLE x", "public.t", "\"T\"", "%TYPE", "x" * 200)
QUERIES = ("SELECT 1", "SELECT $1", "SELECT * FROM t WHERE a = $1", "INSERT INTO t VALUES ($1)", "SELEC", "", ";", "SELECT 1; SELECT 2", "-- x", "/* x",
           "DELETE FROM t", "UPDATE t SET a = 1", "TABLE t", "VALUES (1)", "CREATE TABLE x ()", "WITH a AS (SELECT 1) SELECT * FROM a", "SELECT '", "SELECT $$",
           "SELECT $2147483648", "SELECT $99999", "COPY t FROM stdin", "BEGIN", "SELECT " + "(" * 300 + "1" + ")" * 300, "SELECT 1" + " + 1" * 500,
           "MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", "EXPLAIN SELECT 1", "SELECT \\u0041", "SELECT U&'\\0041'", "SELECT 'ü'")


class Maker:
    """Documents as the schema describes them."""

    def __init__(self, schema, rng):
        self.schema = schema
        self.rng = rng

    def value(self, node, depth=0):
        rng = self.rng
        if "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            if name in ("identifier", "name"):
                return rng.choice(NAMES[:12] if rng.random() < 0.9 else NAMES)
            if name == "typeName":
                return rng.choice(TYPES[:6] if rng.random() < 0.9 else TYPES)
            if name == "query" and rng.random() < 0.5:
                return rng.choice(QUERIES[:3] if rng.random() < 0.8 else QUERIES)
            return self.value(self.schema["$defs"][name], depth)
        if "enum" in node:
            return rng.choice(node["enum"])
        if "anyOf" in node:
            return self.value(rng.choice(node["anyOf"]), depth)
        kind = node.get("type")
        if kind == "object":
            return self.object(node, depth)
        if kind == "array":
            items = [self.value(node["items"], depth + 1) for _ in range(rng.randrange(node.get("minItems", 0), 4))]
            return items
        if kind == "boolean":
            return rng.random() < 0.5
        return rng.choice(QUERIES[:3] + NAMES[:2] if rng.random() < 0.9 else QUERIES + NAMES)

    def object(self, node, depth):
        rng = self.rng
        made = {}
        for key, inner in node.get("properties", {}).items():
            if key in node.get("required", ()) or rng.random() < 0.35:
                made[key] = self.value(inner, depth + 1)
        more = node.get("additionalProperties")
        if isinstance(more, dict):
            for _ in range(rng.randrange(4)):
                key = rng.choice(NAMES[:12] if rng.random() < 0.9 else NAMES)
                if "routine" in more.get("$ref", ""):
                    key = "f%d(%s)" % (rng.randrange(9), rng.choice(("", "integer", "text, bigint", "nosuch", ",", "(")))
                made[key] = self.value(more, depth + 1)
        return made


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], path + (key,))
    elif isinstance(value, list):
        for i in range(len(value)):
            yield from places(value[i], path + (i,))


def spoil(rng, document):
    """Change one to three places into something else."""
    root = {"root": copy.deepcopy(document)}
    for _ in range(rng.choice((0, 0, 0, 1, 1, 1, 2, 3))):
        path = rng.choice(list(places(root)))
        if not path:
            continue
        at = root
        for step in path[:-1]:
            at = at[step]
        step = path[-1]
        what = rng.randrange(9)
        if what == 0 and path != ("root",) and isinstance(at, dict):
            del at[step]
        elif what == 1 and isinstance(at[step], dict):
            at[step][rng.choice(NAMES)] = rng.choice(({}, "x", None, [], 1))
        elif what == 2 and isinstance(at[step], list):
            at[step] += rng.choice((at[step][:1], [None], [[]], [{}], ["x"] * 300))
        elif what == 3 and isinstance(at[step], str):
            at[step] = rng.choice((at[step] * 2, at[step].upper(), at[step] + " ", at[step][:1], at[step] + "\u00a0", at[step] * 1000))
        elif what == 4:
            at[step] = [at[step]]
        elif what == 5:
            at[step] = {"x": at[step]}
        else:
            at[step] = rng.choice((None, True, 0, -1, 1e300, 1.5, "", "x", [], {}, ["x", "x"], [["x"]], {"x": {}}, rng.choice(NAMES), rng.choice(TYPES),
                                   rng.choice(QUERIES)))
    return root["root"]


def text_of(rng, document):
    """As JSON, sometimes such as nobody would write, sometimes none at all."""
    r = rng.random()
    text = json.dumps(document, ensure_ascii=rng.random() < 0.5)
    if r < 0.93:
        return text, True
    how = rng.randrange(8)
    if how == 0:
        return text.replace('"', '"\\u0000', 1), False
    if how == 1:
        return text.replace('"', '"\\ud800', 1), False
    if how == 2:
        deep = rng.choice((50, 500, 5000))
        return '{"relations": %s%s}' % ("[" * deep, "]" * deep), False
    if how == 3:
        deep = rng.choice((50, 500, 3000))
        return '{"relations": ' + '{"a": ' * deep + "1" + "}" * deep + "}", False
    if how == 4 and text.startswith("{") and len(text) > 2:
        return "{" + text[1:-1] + ", " + text[1:-1] + "}", False
    if how == 5:
        at = rng.randrange(len(text) + 1)
        return text[:at] + rng.choice(("\\", "\\x", '"', "}", "\\u12", ",", "\u0001", "NaN")) + text[at:], False
    if how == 6:
        return '{"queries": {"q": "SELECT %s"}}' % ("1, " * rng.choice((10, 1000, 20000)) + "1"), False
    return text[:rng.randrange(len(text) + 1)], False


class Run:
    def __init__(self, host, seed, every):
        self.host = host
        self.rng = random.Random(seed)
        schema = json.load(open(os.path.join(HERE, "../../doc/contract.schema.json")))
        self.maker = Maker(schema, self.rng)
        self.every = every
        self.validator = None
        if every:
            import jsonschema
            self.validator = jsonschema.Draft202012Validator(schema)
        self.counts = {"documents": 0, "no problem": 0, "problems": 0, "no JSON": 0, "compared": 0, "failures": 0}
        self.connect()

    def connect(self):
        self.session = Session(self.host, "postgres", options="-c client_min_messages=error")
        self.session.run("CREATE EXTENSION IF NOT EXISTS compat_guard")
        self.session.run("CREATE TABLE IF NOT EXISTS t (a int)")

    def fail(self, text, why):
        self.counts["failures"] += 1
        if self.counts["failures"] < 20:
            print("FAILURE: %s\n    %s" % (why, text[:1500]))

    def batch(self):
        texts = [text_of(self.rng, spoil(self.rng, self.maker.value(self.maker.schema))) for _ in range(BATCH)]
        batch = Batch()
        for text, _ in texts:
            batch.prepared("SELECT count(*), string_agg(path || ': ' || problem, E'\\n') FROM compat_guard.validate($1::text::jsonb)", [text.replace("\0", "")])
        try:
            outcomes = self.session.batch(batch)
        except Lost as lost:
            self.fail("one of %d documents" % BATCH, "the server crashed: %s" % lost)
            time.sleep(3)
            return self.connect()
        for (text, proper), outcome in zip(texts, outcomes):
            self.judge(text, proper, outcome)

    def judge(self, text, proper, outcome):
        counts = self.counts
        counts["documents"] += 1
        if outcome.error:
            if outcome.error["C"] in NOT_JSON and "validate" not in outcome.error.get("W", ""):
                counts["no JSON"] += 1
            else:
                self.fail(text, "%s %s" % (outcome.error["C"], outcome.error["M"]))
            return
        problems = int(outcome.rows[0][0])
        counts["problems" if problems else "no problem"] += 1
        if self.validator and proper and counts["documents"] % self.every == 0:
            counts["compared"] += 1
            try:
                accepted = self.validator.is_valid(json.loads(text))
            except RecursionError:
                return
            if not accepted and not problems:
                self.fail(text, "the schema refuses it, validate() does not")
            unexplained = [line for line in outcome.rows[0][1].split("\n") if not FOR_THE_SERVER.search(line)] if problems else []
            if accepted and unexplained:
                self.fail(text, "the schema accepts it, validate() says: %s" % unexplained[0])


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--n", type=int, default=10000)
    parser.add_argument("--compare", type=int, default=20)
    options = parser.parse_args()
    run = Run(os.environ["PGHOST"], options.seed, options.compare)
    start = time.time()
    while run.counts["documents"] < options.n and run.counts["failures"] < 100:
        run.batch()
    for name, count in run.counts.items():
        print("%-12s %d" % (name, count))
    print("%.0f documents/s" % (run.counts["documents"] / (time.time() - start)))
    return 1 if run.counts["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
