#!/usr/bin/python3
"""What a standard JSON Schema validator says about contract documents.

schema.py SCHEMA verdict FILE...   for each file: "accepted" or "refused", tab, file
schema.py SCHEMA mutate FILE...    the same for documents made from the files by
                                   spoiling one place: verdict, tab, document

In a mutation a document changes in one value, member or element at a time.
Used by test/t/010_contract_schema.pl.
"""

import copy
import json
import sys

import jsonschema

VALUES = [None, True, 0, "", "x", "x y", [], {}, ["x", "x"], [["x"]], {"x": {}}]
KEYS = ["x", "x y", "", "x" * 64, "x()"]


def places(value, path=()):
    """Every place in a document, from the root down."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], path + (key,))
    elif isinstance(value, list):
        for index in range(len(value)):
            yield from places(value[index], path + (index,))


def at(document, path):
    for step in path:
        document = document[step]
    return document


def spoiled(document):
    """Each document that differs from the given one in a single place."""

    def changed(path, change):
        # Keep the document under a key, so that its root can be changed too.
        result = {"root": copy.deepcopy(document)}
        change(at(result, ("root",) + path[:-1]) if path else result,
               path[-1] if path else "root")
        return result["root"]

    for path in places(document):
        value = at(document, path)
        for other in VALUES:
            yield changed(path, lambda where, step: where.__setitem__(step, other))
        if path:
            yield changed(path, lambda where, step: where.__delitem__(step))
        if isinstance(value, dict):
            for key in KEYS:
                for member in ({}, "text"):
                    yield changed(path, lambda where, step:
                                  where[step].__setitem__(key, member))
        elif isinstance(value, list) and value:
            yield changed(path, lambda where, step: where[step].append(where[step][0]))


def main():
    schema_file, mode, *files = sys.argv[1:]
    with open(schema_file, encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    def verdict(document):
        return "accepted" if validator.is_valid(document) else "refused"

    seen = set()
    for name in files:
        with open(name, encoding="utf-8") as file:
            document = json.load(file)
        if mode == "verdict":
            print(verdict(document), name, sep="\t")
            continue
        for other in spoiled(document):
            text = json.dumps(other, ensure_ascii=True)
            if text not in seen:
                seen.add(text)
                print(verdict(other), text, sep="\t")


if __name__ == "__main__":
    main()
