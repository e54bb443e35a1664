"""The contract document, whatever framework the models are from."""

import re


def identifier(name, schema=None):
    """Return a name as SQL spells it, with its schema if it has one."""
    names = [name] if schema is None else [schema, name]
    return ".".join(
        n if re.fullmatch(r"[a-z_][a-z0-9_$]*", n) else '"' + n.replace('"', '""') + '"' for n in names
    )


def column(type, null, writes, **more):
    """Return what a version needs of a column; of one that it only reads, the type.

    Whether a column of a view can be null is not known to the server.
    """
    return {"type": type, "nullable": null, **more} if writes else {"type": type, **more}


def relation(columns, inserts, unique, writes):
    """Return what a version needs of a table: inserts are the lists of columns that its INSERTs name."""
    if not writes:
        return {"access": ["select"], "columns": columns}
    result = {"access": ["select", "insert", "update", "delete"], "columns": columns, "insert": inserts}
    if unique:
        result["unique"] = sorted({tuple(u): list(u) for u in unique}.values())
    return result


def document(relations, types=None, role=None, search_path=None):
    """Return the contract, without what it does not say."""
    members = {"search_path": search_path, "role": role, "relations": relations, "types": types}
    return {key: value for key, value in members.items() if value}
